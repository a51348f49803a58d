"""Pictures side by side, in rows and on a map."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlnotes.plotting.style import FAINT, WIDTH, _array, figure


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
    title_size: float = 11,
    frames: bool = False,
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
        title_size: of the texts above the images, in points.
        frames: draw a thin frame around each image.
    """
    images = _array(images)
    if images.ndim == 4:
        images = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
    if images.ndim not in (3, 4) or len(images) == 0:
        raise ValueError(f"images must have shape (N, H, W) or (N, C, H, W), got {images.shape}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell = min(WIDTH / columns, 1.4) if cell is None else cell
    height = rows * (cell + (title_size / 11 * 0.28 if titles else 0.06))
    height += 0.4 if title else 0
    fig, axes = figure(rows, columns, width=columns * cell, height=height, squeeze=False)
    low, high = limits if limits else (images.min(), images.max())
    for number, ax in enumerate(axes.flat):
        ax.set_axis_off()
        if number >= len(images):
            continue
        ax.imshow(images[number], cmap=cmap, vmin=low, vmax=high)
        if titles is not None:
            ax.set_title(titles[number], fontsize=title_size, pad=3)
        if frames:
            ax.set_axis_on()
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set(visible=True, color=FAINT)
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


def _shades(picture: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the picture in twenty shades: a third of the bytes, and nobody sees it."""
    step = (high - low) / 20 or 1.0
    return low + np.round((picture - low) / step) * step
