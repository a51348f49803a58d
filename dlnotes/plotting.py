"""Figures of the course: one style, colour-blind-safe, each with a description in words.

Every function takes numbers and returns a ``matplotlib.figure.Figure``; ``show(fig, alt=...)``
puts it into the notebook with its alternative text. Figures are made without pyplot, so nothing is
shown twice and nothing stays open. Importing this module sets matplotlib's defaults to the style
of the course.
"""

import base64
import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

# Okabe & Ito's palette: distinguishable under the common forms of colour blindness.
# Yellow is left out because it vanishes on white.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, AMBER, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "#8A8A8A"
COLORS = [BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, BLACK, GREY]
DASHES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), "-", "--"]
DIVERGING = LinearSegmentedColormap.from_list("blue_white_orange", [BLUE, "white", ORANGE])
SEQUENTIAL = "cividis"

DPI = 110
WIDTH = 7.2  # inches: fills a JupyterLab column and a slide

matplotlib.rcParams.update(
    {
        "font.size": 12,
        "axes.titlesize": 13,
        "axes.labelsize": 12,
        "axes.prop_cycle": cycler(color=COLORS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E3E3E3",
        "grid.linewidth": 0.8,
        "lines.linewidth": 2.0,
        "legend.frameon": False,
        "legend.fontsize": 11,
        "image.cmap": "gray_r",
        "image.interpolation": "nearest",
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "xtick.labelsize": 11,
        "ytick.labelsize": 11,
    }
)


# ---- making and showing ------------------------------------------------------------------------


def figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = WIDTH,
    height: float | None = None,
    **subplots: Any,
) -> tuple[Figure, Any]:
    """Return a figure and its axes: one ``Axes``, or an array of them as ``plt.subplots`` gives.

    Args:
        rows: rows of axes.
        columns: columns of axes.
        width: in inches.
        height: in inches; None = 3.4 per row.
        **subplots: passed on to ``Figure.subplots`` (``sharex``, ``width_ratios``, ...).
    """
    fig = Figure(figsize=(width, 3.4 * rows if height is None else height), layout="constrained")
    return fig, fig.subplots(rows, columns, **subplots)


def show(fig: Figure, alt: str) -> None:
    """Display a figure as one PNG with its alternative text.

    Args:
        fig: the figure.
        alt: what there is to see, for readers who cannot see it; at least one sentence.

    Raises:
        ValueError: the text is shorter than 20 characters.
    """
    bundle, metadata = image_bundle(fig, alt)
    if "IPython" in sys.modules:
        from IPython.display import display

        display(bundle, metadata=metadata, raw=True)


def image_bundle(fig: Figure, alt: str) -> tuple[dict[str, str], dict[str, dict]]:
    """Return a figure as a Jupyter MIME bundle and its metadata, which carry ``alt``."""
    if len(alt.strip()) < 20:
        raise ValueError(f"alt must describe the figure in at least 20 characters, got {alt!r}")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI)
    png = base64.b64encode(buffer.getvalue()).decode()
    return {"image/png": png, "text/plain": f"Figure: {alt}"}, {"image/png": {"alt": alt}}


# ---- images ------------------------------------------------------------------------------------


def image_grid(
    images: Any,
    *,
    columns: int = 10,
    titles: Sequence[str] | None = None,
    row_labels: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    cmap: Any = "gray_r",
    title: str | None = None,
    cell: float | None = None,
) -> Figure:
    """Return a grid of small images.

    Args:
        images: (N, H, W), (N, 1, H, W) or (N, 3, H, W); tensor or array.
        columns: images per row.
        titles: one short text above each image.
        row_labels: one text to the left of each row.
        limits: values that are shown as the two ends of the colour map; None = smallest and
            largest value of all images, so that images of one grid can be compared.
        cmap: colour map of one-channel images.
        title: above the whole grid.
        cell: edge of one image in inches; None fills the width.
    """
    images = _array(images)
    if images.ndim == 4:
        images = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
    if images.ndim not in (3, 4) or len(images) == 0:
        raise ValueError(f"images must have shape (N, H, W) or (N, C, H, W), got {images.shape}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell = min(WIDTH / columns, 1.4) if cell is None else cell
    height = rows * (cell + (0.28 if titles else 0.06)) + (0.4 if title else 0)
    fig, axes = figure(rows, columns, width=columns * cell, height=height, squeeze=False)
    low, high = limits if limits else (images.min(), images.max())
    for number, ax in enumerate(axes.flat):
        ax.set_axis_off()
        if number >= len(images):
            continue
        ax.imshow(images[number], cmap=cmap, vmin=low, vmax=high)
        if titles is not None:
            ax.set_title(titles[number], fontsize=11, pad=3)
    for label, ax in zip(row_labels or (), axes[:, 0], strict=False):
        ax.text(-0.15, 0.5, label, transform=ax.transAxes, ha="right", va="center")
    if title:
        fig.suptitle(title)
    return fig


def image_rows(
    rows: Mapping[str, Any],
    *,
    limits: tuple[float, float] | None = None,
    cmap: Any = "gray_r",
    title: str | None = None,
    cell: float = 0.6,
) -> Figure:
    """Return rows of small images of one channel, each row with its name: what becomes of what.

    Args:
        rows: name -> images, (N, H, W) or (N, 1, H, W); N may differ, H and W may not.
        limits: values at the two ends of the colour map; None = smallest and largest of all.
        cmap: colour map.
        title: above the whole.
        cell: edge of one image in inches, made smaller where a row would be too wide.
    """
    stacks = {name: _array(images) for name, images in rows.items()}
    stacks = {n: x[:, 0] if x.ndim == 4 and x.shape[1] == 1 else x for n, x in stacks.items()}
    shapes = {x.shape[1:] for x in stacks.values()}
    if len(shapes) != 1 or any(x.ndim != 3 or len(x) == 0 for x in stacks.values()):
        given = {name: x.shape for name, x in stacks.items()}
        raise ValueError(f"rows must hold images (N, H, W) of one size, got {given}")
    most, ((height, width),) = max(map(len, stacks.values())), shapes
    gap = max(1, round(0.07 * width))
    low = min(x.min() for x in stacks.values()) if limits is None else limits[0]
    high = max(x.max() for x in stacks.values()) if limits is None else limits[1]
    margin = 0.3 + 0.1 * max(map(len, stacks))  # inches, for the longest name
    cell = min(cell, (WIDTH + 1.3 - margin) / most)
    wide, tall = margin + most * cell, len(stacks) * (cell * height / width + 0.06)
    top = 0.4 if title else 0.05
    fig, axes = figure(len(stacks), 1, width=wide + 0.1, height=tall + top + 0.05, squeeze=False)
    fig.set_layout_engine(None)  # the names stand in a margin of known width
    place = dict(left=margin / (wide + 0.1), right=wide / (wide + 0.1), hspace=0.1)
    bottom = 0.05 / (tall + top + 0.05)
    fig.subplots_adjust(bottom=bottom, top=(tall + 0.05) / (tall + top + 0.05), **place)
    for ax, (name, images) in zip(axes[:, 0], stacks.items(), strict=True):
        strip = np.full((height, most * (width + gap) - gap), np.nan)  # nan: left white
        for number, image in enumerate(images):
            strip[:, number * (width + gap) : number * (width + gap) + width] = image
        ax.imshow(_shades(strip, low, high), cmap=cmap, vmin=low, vmax=high)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
        ax.set_ylabel(name, rotation=0, ha="right", va="center", labelpad=8)
    if title:
        fig.suptitle(title)
    return fig


def image_map(
    images: Any,
    *,
    x: Any,
    y: Any,
    xlabel: str = "z₁",
    ylabel: str = "z₂",
    title: str | None = None,
    limits: tuple[float, float] | None = None,
    cmap: Any = "gray_r",
    ax: Axes | None = None,
) -> Figure:
    """Return small images laid side by side over a plane, such as what a decoder makes of it.

    Args:
        images: (rows, columns, H, W); the first row is drawn at the bottom.
        x: what each column stands for, (columns,); at most five are written.
        y: what each row stands for, (rows,).
        xlabel: of the columns.
        ylabel: of the rows.
        title: above the axes.
        limits: values at the two ends of the colour map; None = smallest and largest.
        cmap: colour map.
        ax: draw here instead of in a new figure.
    """
    images, x, y = _array(images), _array(x), _array(y)
    if images.ndim != 4 or images.shape[:2] != (len(y), len(x)):
        wanted = f"({len(y)}, {len(x)}, H, W)"
        raise ValueError(f"images must have shape {wanted}, as y and x say, got {images.shape}")
    rows, columns, height, width = images.shape
    fig, ax = (ax.figure, ax) if ax is not None else figure(width=6.2, height=6.2)
    picture = images[::-1].transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    low, high = limits if limits else (images.min(), images.max())
    picture = _shades(picture, low, high)
    ax.imshow(picture, cmap=cmap, vmin=low, vmax=high, extent=(0, columns, 0, rows), aspect="auto")
    for count, numbers, set_ticks in ((columns, x, ax.set_xticks), (rows, y, ax.set_yticks)):
        shown = np.unique(np.linspace(0, count - 1, min(count, 5)).round().astype(int))
        written = [f"{numbers[number].round(6) + 0.0:.2g}" for number in shown]  # no −0, no 3e−08
        set_ticks(shown + 0.5, [text.replace("-", "−") for text in written])
    ax.grid(False)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title or "")
    ax.set_aspect(height / width)
    return fig


# ---- numbers -----------------------------------------------------------------------------------


def curves(
    lines: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    log: str = "",
    ylim: tuple[float | None, float | None] | None = None,
    levels: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Return curves, each with its own colour and dash; several runs become mean and band.

    Args:
        lines: label -> y, or label -> (x, y). ``y`` is (length,), or (runs, length): then the mean
            is drawn, with a band of one standard deviation over the runs.
        xlabel: with unit.
        ylabel: with unit.
        title: above the axes.
        log: "x", "y" or "xy" for logarithmic axes.
        ylim: limits of the y axis.
        levels: label -> height of a thin horizontal line, such as a baseline.
        ax: draw here instead of in a new figure.
    """
    fig, ax = (ax.figure, ax) if ax is not None else figure()
    for number, (label, line) in enumerate(lines.items()):
        x, y = line if isinstance(line, tuple) else (None, line)
        y = np.atleast_2d(_array(y)).astype(float)
        x = np.arange(y.shape[1]) if x is None else _array(x)
        color, dash = COLORS[number % len(COLORS)], DASHES[number % len(DASHES)]
        ax.plot(x, y.mean(0), color=color, linestyle=dash, label=label)
        if len(y) > 1:
            low, high = y.mean(0) - y.std(0), y.mean(0) + y.std(0)
            ax.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
    for label, level in (levels or {}).items():
        ax.axhline(level, color=GREY, linewidth=1.2, linestyle=":")
        ax.annotate(
            label,
            (0.99, level),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            color="#555555",
            fontsize=11,
        )
    for axis in log:
        getattr(ax, f"set_{axis}scale")("log")
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title or "")
    if ylim is not None:
        ax.set_ylim(*ylim)
    if len(lines) > 1:
        ax.legend()
    return fig


def bars(
    values: Mapping[str, Any],
    *,
    xlabel: str,
    title: str | None = None,
    format: str = "{:.3g}",
    xlim: tuple[float | None, float | None] | None = None,
    levels: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Return horizontal bars; a list of values becomes mean, spread and one dot per value.

    Args:
        values: label -> number, or list of numbers (say, one per seed).
        xlabel: with unit.
        title: above the axes.
        format: how the mean is written beside its bar.
        xlim: limits of the x axis; bars that do not start at 0 mislead, so say why if it is cut.
        levels: label -> position of a thin vertical line, such as a baseline.
        ax: draw here instead of in a new figure.
    """
    fig, ax = (ax.figure, ax) if ax is not None else figure(height=0.8 + 0.5 * len(values))
    rows = [np.atleast_1d(_array(value)).astype(float) for value in values.values()]
    for number, row in enumerate(rows):
        ax.barh(number, row.mean(), color=COLORS[0], alpha=0.75, height=0.6)
        edge = row.mean()
        if len(row) > 1:
            ax.errorbar(row.mean(), number, xerr=row.std(), color=BLACK, capsize=4, linewidth=1.5)
            ax.plot(row, np.full(len(row), number), "o", color=ORANGE, markersize=5)
            edge = max(row.max(), row.mean() + row.std())
        ax.annotate(
            format.format(row.mean()),
            (edge, number),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    for label, level in (levels or {}).items():
        ax.axvline(level, color=GREY, linewidth=1.2, linestyle=":")
        ax.annotate(
            label,
            (level, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -2),
            textcoords="offset points",
            va="bottom",
            fontsize=11,
            color="#555555",
        )
    ax.set_yticks(range(len(values)), list(values))
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.margins(x=0.14)
    ax.set(xlabel=xlabel, title=title or "")
    if xlim is not None:
        ax.set_xlim(*xlim)
    return fig


def matrix(
    values: Any,
    *,
    xlabel: str = "",
    ylabel: str = "",
    xticks: Sequence[Any] | None = None,
    yticks: Sequence[Any] | None = None,
    title: str | None = None,
    cmap: Any = SEQUENTIAL,
    limits: tuple[float, float] | None = None,
    format: str | None = "{:.2g}",
    ax: Axes | None = None,
) -> Figure:
    """Return a heat map of a matrix, the numbers written in if there are at most 200.

    Args:
        values: (rows, columns).
        xlabel: what the columns are.
        ylabel: what the rows are.
        xticks: one text per column.
        yticks: one text per row.
        title: above the axes.
        cmap: colour map.
        limits: values at the two ends of the colour map.
        format: how a number is written; None writes none.
        ax: draw here instead of in a new figure.
    """
    values = _array(values).astype(float)
    if values.ndim != 2:
        raise ValueError(f"values must have shape (rows, columns), got {values.shape}")
    fig, ax = (ax.figure, ax) if ax is not None else figure(height=5.2, width=6.2)
    low, high = limits if limits else (np.nanmin(values), np.nanmax(values))
    picture = ax.imshow(values, cmap=cmap, vmin=low, vmax=high)
    ax.grid(False)
    if format is not None and values.size <= 200:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                red, green, blue, _ = picture.cmap(picture.norm(value))
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
                text = format.format(value)
                color = "white" if dark else "black"
                ax.text(column, row, text, ha="center", va="center", color=color, fontsize=10)
    else:
        fig.colorbar(picture, ax=ax, shrink=0.85)
    if xticks is not None:
        ax.set_xticks(range(len(xticks)), [str(tick) for tick in xticks])
    if yticks is not None:
        ax.set_yticks(range(len(yticks)), [str(tick) for tick in yticks])
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title or "")
    return fig


def confusion(counts: Any, names: Sequence[Any], *, title: str | None = None) -> Figure:
    """Return a confusion matrix: rows are true classes, columns predictions, errors coloured.

    Args:
        counts: (K, K) numbers of samples.
        names: one per class.
        title: above the axes.
    """
    counts = _array(counts).astype(float)
    off = counts.copy()
    np.fill_diagonal(off, 0)
    errors = LinearSegmentedColormap.from_list("errors", ["white", ORANGE])
    fig, ax = figure(height=5.6, width=6.4)
    ax.imshow(off, cmap=errors, vmin=0, vmax=max(off.max(), 1))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            weight = "bold" if row == column else "normal"
            ax.text(
                column, row, f"{count:.0f}", ha="center", va="center", fontsize=10, weight=weight
            )
    labels = [str(name) for name in names]
    turn = dict(rotation=45, ha="right") if max(map(len, labels)) > 3 else {}
    ax.set_xticks(range(len(labels)), labels, **turn)
    ax.set_yticks(range(len(labels)), labels)
    ax.grid(False)
    ax.set(xlabel="predicted class", ylabel="true class", title=title or "")
    return fig


def scatter(
    points: Any,
    labels: Any = None,
    *,
    names: Sequence[str] | None = None,
    xlabel: str = "x₁",
    ylabel: str = "x₂",
    title: str | None = None,
    size: float = 10,
    ax: Axes | None = None,
) -> Figure:
    """Return points in the plane, coloured by class; each class has its own marker, too.

    Args:
        points: (N, 2).
        labels: (N,) class numbers from 0; None = one class.
        names: one per class, for the legend.
        xlabel: with unit, if there is one.
        ylabel: with unit, if there is one.
        title: above the axes.
        size: of a marker.
        ax: draw here instead of in a new figure.
    """
    points = _array(points)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points must have shape (N, 2), got {points.shape}")
    labels = np.zeros(len(points), int) if labels is None else _array(labels).astype(int)
    fig, ax = (ax.figure, ax) if ax is not None else figure(width=5.4, height=4.8)
    for number, kind in enumerate(np.unique(labels)):
        ax.scatter(
            *points[labels == kind].T,
            s=size,
            color=[*COLORS, "#6F4E9C", "#A63D40"][number % 10],
            marker="o^sDvP*X<>"[number % 10],
            alpha=0.7,
            linewidths=0,
            label=names[kind] if names is not None else str(kind),
        )
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title or "", aspect="equal")
    if names is not None:
        ax.legend(markerscale=2, loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def latent_scatter(
    codes: Any,
    labels: Any = None,
    *,
    names: Sequence[str] | None = None,
    shares: Sequence[float] = (0.5, 0.95),
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Return codes in the plane, by class, with circles that hold given shares of N(0, I).

    Args:
        codes: (N, 2).
        labels: (N,) class numbers from 0; None = one class.
        names: one per class, for the legend.
        shares: of the standard normal distribution inside each circle, each in (0, 1).
        title: above the axes.
        ax: draw here instead of in a new figure.
    """
    if any(not 0 < share < 1 for share in shares):
        raise ValueError(f"shares must lie between 0 and 1, got {tuple(shares)}")
    options = dict(xlabel="z₁", ylabel="z₂", size=7, title=title, ax=ax)
    fig = scatter(codes, labels, names=names, **options)
    ax = fig.axes[0] if ax is None else ax
    angle = np.linspace(0, 2 * np.pi, 200)
    for share in shares:
        radius = np.sqrt(-2 * np.log(1 - share))  # P(|z| < r) = 1 - exp(-r²/2) in two dimensions
        ax.plot(radius * np.cos(angle), radius * np.sin(angle), color=BLACK, linewidth=1.4)
        style = dict(ha="center", va="bottom", fontsize=10)
        style["bbox"] = dict(facecolor="white", edgecolor="none", alpha=0.8, pad=1)
        ax.annotate(f"{share:.0%} of the prior", (0, radius), **style)
    return fig


def _shades(picture: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the picture in twenty shades: a third of the bytes, and nobody sees it."""
    step = (high - low) / 20 or 1.0
    return low + np.round((picture - low) / step) * step


def _array(x: Any) -> np.ndarray:
    """Numbers as an array, wherever they live."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = x.float() if x.is_floating_point() else x
    return np.asarray(x)
