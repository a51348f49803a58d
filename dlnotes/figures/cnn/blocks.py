"""Drawings of part C: small kernels stacked, a 1 × 1 kernel, a chain of residual blocks."""

from itertools import combinations
from math import comb

import matplotlib
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from dlnotes.checks import check_between
from dlnotes.figures.cnn.networks import CONVOLVED
from dlnotes.figures.cnn.parts import (
    DULL,
    FAINT,
    INK,
    MARK,
    arrow,
    box,
    canvas,
    cell,
    frame,
    say,
    shade,
)
from dlnotes.plotting import BLUE, PURPLE

# ---- two small kernels -------------------------------------------------------------------------


def two_small_kernels(size: int = 3) -> Figure:
    """Draw from above what one unit sees through two small kernels, and through one large one.

    The number in a pixel counts the windows that hold it.

    Args:
        size: of a small kernel, in pixels.
    """
    check_between(2, 4, size=size)
    seen = 2 * size - 1
    windows = torch.ones(1, 1, size, size)
    counts = torch.nn.functional.conv_transpose2d(windows, windows)[0, 0]
    fig, ax = canvas(2 * seen + size + 13.0, seen + 3.6, width=9.4)
    y, middle = 1.6, 1.6 + seen / 2
    map_x = 0.5 + seen + 2.0
    unit_x = map_x + size + 2.0
    _counted(ax, 0.5, y, counts)
    frame(ax, 0.5, y, seen, seen, INK)
    frame(ax, 0.5, y, size, size)
    top = middle - size / 2
    for place in range(size**2):
        i, j = divmod(place, size)
        cell(ax, map_x + j, top + i, 1, CONVOLVED, line=INK)
    frame(ax, map_x, top, 1, 1)
    cell(ax, unit_x, middle - 0.5, 1, CONVOLVED, line=INK)
    right = unit_x + 1 + 2.6
    _counted(ax, right, y, torch.ones(seen, seen))
    frame(ax, right, y, seen, seen, INK)
    cell(ax, right + seen + 2.0, middle - 0.5, 1, CONVOLVED, line=INK)
    for x in (map_x, unit_x, right + seen + 2.0):
        arrow(ax, (x - 1.7, middle), (x - 0.3, middle), colour=INK, width=2)
    small, large = 2 * size**2, seen**2
    words = f"two kernels of {size} × {size}", f"one kernel of {seen} × {seen}"
    weights = f"{size**2} + {size**2} = {small} weights", f"{large} weights"
    for x, text, below in zip(
        ((unit_x + 1) / 2, right + (seen + 3) / 2), words, weights, strict=True
    ):
        say(ax, x, 0.7, text, size=16, fontweight="bold")
        say(ax, x, y + seen + 1.0, below, size=16)
    return fig


def _counted(ax, x: float, y: float, counts: torch.Tensor) -> None:
    most = 1.4 * max(counts.max().item(), 9)
    for i, line in enumerate(counts.tolist()):
        for j, count in enumerate(line):
            cell(ax, x + j, y + i, 1, shade(count, most), line="white")
            say(ax, x + j + 0.5, y + i + 0.5, f"{count:.0f}", size=15)


# ---- a kernel of 1 × 1 -------------------------------------------------------------------------

SIDE, OFFSET = 4.4, 0.42  # of a sheet of pixels, and from one sheet to the next


def one_by_one(inputs: int = 4, outputs: int = 2) -> Figure:
    """Draw a 1 × 1 convolution: at every pixel the same little dense layer across the channels.

    Args:
        inputs: maps that come in, at most 6.
        outputs: maps that go out, at most ``inputs``.
    """
    check_between(2, 6, inputs=inputs)
    check_between(1, inputs, outputs=outputs)
    deep = OFFSET * (inputs - 1)
    tall = 2 * inputs + 2.2
    middle = 1.0 + tall / 2
    fig, ax = canvas(30.0, tall + 1.2, width=9.4)
    left, right = 0.8, 29.2 - SIDE - OFFSET * (outputs - 1)
    low = middle + SIDE / 2
    pixels = ((0, 1, MARK), (2, 2, PURPLE))  # row, column, colour
    _sheets(ax, left, low + deep / 2, inputs, pixels)
    _sheets(ax, right, low + OFFSET * (outputs - 1) / 2, outputs, pixels)
    for place, (_, _, colour) in enumerate(pixels):
        y = 1.0 + tall * (0.25 + 0.5 * place)
        edge = left + SIDE + deep
        arrow(ax, (edge + 0.5, middle + 0.5 * (2 * place - 1)), (11.0, y), colour=colour, width=2.6)
        _little_dense(ax, (11.6, 17.4), y, inputs, outputs, colour)
        end = right - 0.4, middle + 0.5 * (2 * place - 1)
        arrow(ax, (18.9, y), end, colour=colour, width=2.6)
    say(ax, left + (SIDE + deep) / 2, 0.7, f"{inputs} channels", size=16)
    say(ax, 15.0, 0.7, f"{inputs} · {outputs} weights, the same twice", size=16)
    say(ax, right + SIDE / 2, 0.7, f"{outputs} channel{'s' * (outputs > 1)}", size=16)
    return fig


def _sheets(ax, x: float, low: float, count: int, pixels) -> None:
    """Draw maps of 4 × 4 pixels one behind the other, some of their pixels coloured in all."""
    side = SIDE / 4
    for sheet in reversed(range(count)):
        left, top = x + OFFSET * sheet, low - SIDE - OFFSET * sheet
        for i in range(4):
            for j in range(4):
                cell(ax, left + j * side, top + i * side, side, "white", line=DULL)
        for i, j, colour in pixels:
            cell(ax, left + j * side, top + i * side, side, colour, line=INK)
        ax.add_patch(Rectangle((left, top), SIDE, SIDE, fill=False, edgecolor=INK, lw=1.4))


def _little_dense(ax, xs, y: float, inputs: int, outputs: int, colour) -> None:
    """Draw a column of channels, a wire per weight in its colour, and a column of fewer."""
    low = [y + 0.95 * (k - (inputs - 1) / 2) for k in range(inputs)]
    high = [y + 0.95 * (k - (outputs - 1) / 2) for k in range(outputs)]
    for i, start in enumerate(low):
        for o, end in enumerate(high):
            share = (i * outputs + o) / max(inputs * outputs - 1, 1)
            wire = matplotlib.colormaps["turbo"](0.05 + 0.9 * share)
            ax.plot([xs[0] + 0.9, xs[1]], [start, end], color=wire, lw=2.4, zorder=1)
    for x, places in ((xs[0], low), (xs[1], high)):
        for place in places:
            cell(ax, x, place - 0.45, 0.9, colour, line="white")


# ---- a chain of residual blocks ----------------------------------------------------------------


def residual_chain(blocks: int = 3) -> Figure:
    """Draw a chain of residual blocks with its direct road back, and all its paths by length.

    Args:
        blocks: in the chain, at most 4.
    """
    check_between(1, 4, blocks=blocks)
    most = max(comb(blocks, length) for length in range(blocks + 1))
    fig, ax = canvas(20, 7.5 + 0.8 * most, width=9.2)
    ends, road = (1.6, 18.4), 4.2
    pitch = (ends[1] - ends[0] - 1.6) / blocks
    say(ax, ends[0] - 0.3, road, "start", size=16)
    say(ax, ends[1] + 0.4, road, "end", size=16)
    arrow(ax, (ends[1] - 0.3, road), (ends[0] + 0.6, road), colour=BLUE, width=4.5)
    for k in range(blocks):
        fork, plus = ends[0] + 1.0 + k * pitch + 0.35, ends[0] + 1.0 + (k + 1) * pitch - 0.35
        high = road - 2.1
        ax.plot([plus, plus, fork + pitch / 2], [road, high, high], color=FAINT, lw=2.4, zorder=1)
        ax.plot([fork + pitch / 2, fork], [high, high], color=FAINT, lw=2.4, zorder=1)
        arrow(ax, (fork, high), (fork, road - 0.1), width=2.4)
        ax.add_patch(Circle((plus, road), 0.36, facecolor="white", edgecolor=INK, lw=1.4, zorder=5))
        say(ax, plus, road, "+", size=17)
        text = "f" + "₁₂₃₄"[k]
        box(ax, (fork + plus) / 2, high, text, wide=min(2.2, 0.55 * pitch), high=1.1, size=17,
            colour=CONVOLVED)  # fmt: skip
    say(ax, 10, 0.55, "∂L/∂x comes back on every road", size=16)
    say(
        ax,
        10,
        5.4,
        f"2{'¹²³⁴'[blocks - 1]} = {2**blocks} paths, by how many branches they take",
        size=16,
    )
    _paths(ax, blocks, 6.3)
    return fig


def _paths(ax, blocks: int, y: float) -> None:
    """Draw every path as a row of steps: a blue line past a branch, a box through it."""
    wide = 20 / (blocks + 1)
    step = min(1.2, 0.8 * wide / blocks)
    for length in range(blocks + 1):
        x = wide * (length + 0.5)
        paths = list(combinations(range(blocks), length))
        say(ax, x, y, f"{length} branch{'es' * (length != 1)}: {len(paths)}×", size=15)
        for row, through in enumerate(paths):
            place, left = y + 1.1 + 0.8 * row, x - blocks * step / 2
            for k in range(blocks):
                start = left + k * step
                ax.plot([start, start + step], [place] * 2, color=BLUE if k not in through else
                        FAINT, lw=3.2, solid_capstyle="butt")  # fmt: skip
                if k in through:
                    corner = (start + 0.2 * step, place - 0.27)
                    ax.add_patch(Rectangle(corner, 0.6 * step, 0.54, facecolor=CONVOLVED,
                                 edgecolor=INK, lw=1.1, zorder=3))  # fmt: skip
