"""Numbers as curves, bars, matrices and points."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from dlnotes.plotting.style import BLACK, COLORS, DASHES, GREY, ORANGE, SEQUENTIAL, _array, figure


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
                column, row, f"{count:.0f}", ha="center", va="center", fontsize=12, weight=weight
            )
    labels = [str(name) for name in names]
    turn = dict(rotation=45, ha="right") if max(map(len, labels)) > 3 else {}
    ax.set_xticks(range(len(labels)), labels, fontsize=13, **turn)
    ax.set_yticks(range(len(labels)), labels, fontsize=13)
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
