"""What the drawings of chapter 2 are made of: cells with numbers, arrows, stacks of maps, boxes.

Everything is drawn in cells as units, rows downwards, as an image is indexed. One sign has one
colour in all drawings: blue is positive, orange negative, and the deeper the larger.
"""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path

from dlnotes.plotting import BLUE, ORANGE, figure

INK, FAINT, PALE, DULL = "#222222", "#8A8A8A", "#F4F4F4", "#BDBDBD"
MARK = "#009E73"  # what the text speaks of just now
TINTS = ("#F3C9C0", "#CBE8D6", "#C9DDF2", "#E8E0F0")  # of windows and channels, without a sign


def canvas(columns: float, rows: float, *, width: float = 7.2, top: float = 0.0) -> tuple:
    """Return a figure and axes of so many cells, x to the right and y downwards, without frame."""
    height = width * (rows + top) / columns
    fig, ax = figure(width=width, height=height)
    fig.set_layout_engine("none")
    ax.set_position((0, 0, 1, 1))
    blank(ax, columns, rows, top)
    return fig, ax


def blank(ax: Axes, columns: float, rows: float, top: float = 0.0) -> None:
    """Make axes a sheet of so many cells."""
    ax.set(xlim=(0, columns), ylim=(rows, -top), aspect="equal")
    ax.axis("off")


def fixed_sheet(*places: tuple[float, float, float, float], size: tuple[float, float]) -> Figure:
    """Return a figure with axes at fixed places: nothing is laid out anew when it changes."""
    fig = Figure(figsize=size)
    for place in places:
        fig.add_axes(place)
    return fig


def wipe(*axes: Axes) -> None:
    """Take everything drawn and written off axes, and leave their places."""
    for ax in axes:
        for artist in (*ax.images, *ax.patches, *ax.texts, *ax.lines, *ax.collections):
            artist.remove()
        ax.set(title="", xlabel="")


def shade(value: float, limit: float) -> tuple[float, float, float]:
    """Return the colour of a number: white at 0, blue above, orange below, full at ``limit``."""
    strength = 0.75 * min(abs(value) / limit, 1.0) if limit else 0.0
    full = to_rgb(BLUE if value > 0 else ORANGE)
    return tuple(1 - strength * (1 - part) for part in full)


def number(value: float) -> str:
    """Return a number as it is written in a cell: a real minus sign, no trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 100 else f"{value:.0f}"
    return "0" if text in ("-0", "0") else text.replace("-", "−")


def cells(
    ax: Axes,
    values: Any,
    x: float,
    y: float,
    *,
    side: float = 1.0,
    limit: float | None = None,
    size: float = 13,
    write: bool = True,
    title: str = "",
) -> None:
    """Draw a strip or a matrix of numbers, its upper left corner at (x, y).

    Args:
        ax: where.
        values: (columns,) or (rows, columns).
        x: of the corner.
        y: of the corner, downwards.
        side: of a cell.
        limit: the number of full colour; None is the largest one here.
        size: of the letters, in points.
        write: also write the numbers.
        title: above the cells.
    """
    values = torch.as_tensor(values, dtype=torch.float64)
    values = values[None] if values.ndim == 1 else values
    limit = limit or values.abs().max().item()
    for i, line in enumerate(values.tolist()):
        for j, value in enumerate(line):
            cell(ax, x + j * side, y + i * side, side, shade(value, limit))
            if write:
                say(ax, x + (j + 0.5) * side, y + (i + 0.5) * side, number(value), size=size)
    if title:
        say(ax, x + values.shape[1] * side / 2, y - 0.35 * side, title, size=size)


def cell(ax: Axes, x: float, y: float, side: float, colour: Any, *, line: Any = DULL) -> Rectangle:
    """Draw one cell and return it."""
    return ax.add_patch(Rectangle((x, y), side, side, facecolor=colour, edgecolor=line, lw=0.9))


def frame(ax: Axes, x: float, y: float, columns: float, rows: float, colour: Any = MARK) -> None:
    """Draw a heavy frame around cells."""
    ax.add_patch(Rectangle((x, y), columns, rows, fill=False, edgecolor=colour, lw=3, zorder=4))


def say(ax: Axes, x: float, y: float, text: str, *, size: float = 13, **options: Any) -> Any:
    """Write, centred unless asked otherwise."""
    style = dict(ha="center", va="center", color=INK, fontsize=size, zorder=6) | options
    return ax.text(x, y, text, **style)


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    colour: Any = FAINT,
    width: float = 1.6,
    bend: float = 0.0,
    head: str = "-|>",
) -> None:
    """Draw an arrow that ends exactly where it should."""
    style = dict(arrowstyle=head, mutation_scale=14, shrinkA=0, shrinkB=0, color=colour, lw=width)
    bow = f"arc3,rad={bend}"
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=bow, zorder=3, **style))


def box(ax: Axes, x: float, y: float, text: str, *, wide: float, high: float = 1.0,
        colour: Any = PALE, size: float = 13) -> None:  # fmt: skip
    """Draw a box with its middle at (x, y), and what stands in it."""
    corner, style = (x - wide / 2, y - high / 2), "round,pad=0,rounding_size=0.15"
    ax.add_patch(
        FancyBboxPatch(
            corner, wide, high, boxstyle=style, facecolor=colour, edgecolor=INK, lw=1.2, zorder=4
        )
    )
    say(ax, x, y, text, size=size)


def stack(
    ax: Axes, x: float, y: float, side: float, count: int, *, colour: Any, step: float
) -> float:
    """Draw ``count`` maps one behind the other, the front one at (x, y); return the right edge."""
    for sheet in range(count - 1, -1, -1):
        corner = (x + step * sheet, y - step * sheet)
        ax.add_patch(Rectangle(corner, side, side, facecolor=colour, edgecolor=INK, lw=0.7))
    return x + side + step * (count - 1)


def end_labels(
    ax: Axes, lines: Sequence[tuple[float, float, str, Any]], *, size: float = 12
) -> None:
    """Write names at the ends of lines, moved apart, as little as needed, so that none is covered.

    Where a name had to leave its line, thin strokes lead from the lines to all the names.

    Args:
        ax: where, its limits already set.
        lines: (x, y, name, colour) of each line's last point.
        size: of the letters.
    """
    scale = ax.transData.transform
    low, high = sorted(scale([(0, limit) for limit in ax.get_ylim()])[:, 1])
    inverse = ax.transData.inverted().transform
    need = 1.25 * size * ax.figure.dpi / 72
    places = sorted((scale((x, y))[1], x, name, colour) for x, y, name, colour in lines)
    heights = spread([place[0] for place in places], need, low, high)
    led = any(abs(h - place[0]) > 0.6 * need for h, place in zip(heights, places, strict=True))
    for height, (end, x, name, colour) in zip(heights, places, strict=True):
        y, gap = inverse((0, height))[1], 28 if led else 8
        ax.annotate(name, (x, y), xytext=(gap, 0), textcoords="offset points", va="center",
                    color=colour, fontsize=size, annotation_clip=False)  # fmt: skip
        if led:
            right = scale((x, 0))[0]
            points = [(right + k, h) for k, h in ((3, end), (6, end), (30, height), (34, height))]
            path = Path([inverse(point) for point in points])
            ax.add_patch(PathPatch(path, fill=False, edgecolor=colour, lw=1.4, clip_on=False))


def spread(heights: Sequence[float], need: float, low: float, high: float) -> list[float]:
    """Return rising heights, moved to a distance of at least ``need`` with the least squares.

    Neighbours that are too near make a group around their mean; groups stay between ``low`` and
    ``high`` as far as there is room.
    """
    groups: list[list[float]] = []  # each holds what its members would give to the first one
    for place, height in enumerate(heights):
        groups.append([min(max(height, low), high) - place * need])
        while len(groups) > 1 and _mean(groups[-2]) >= _mean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    moved = [_mean(group) for group in groups for _ in group]
    top = high - (len(moved) - 1) * need  # the last name must stay below the upper edge
    return [max(min(first, top), low) + place * need for place, first in enumerate(moved)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def readable(*axes: Axes) -> None:
    """Give an axis letters as large as those of the drawings."""
    for ax in axes:
        ax.tick_params(labelsize=13)
        for text in (ax.xaxis.label, ax.yaxis.label):
            text.set_size(14)
        ax.title.set_size(14)


def without_ticks(ax: Axes) -> None:
    """Leave an image its frame only."""
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(True)
