"""A drawing of part A: filters as stacks of kernels, one for each channel."""

import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from dlnotes.checks import check_between, check_positive, check_shape
from dlnotes.figures.cnn.parts import INK, TINTS, arrow, blank, canvas, cell, cells, say
from dlnotes.plotting import DIVERGING, tint

LEFT, WIDE, TALL = 2.75, 5.9, 2.8  # where the first kernel begins, a column, a row
KERNEL, MAP = 2.2, 1.7  # sides
SKY = "#CFE6F5"


def filter_stack(
    *,
    channels: int = 3,
    filters: int = 2,
    image: Tensor | None = None,
    weight: Tensor | None = None,
) -> Figure:
    """Draw how filters are made of kernels: one per channel, whose maps are added, and one bias.

    Args:
        channels: maps that come in, one column each.
        filters: maps that go out, one row each.
        image: what comes in, (channels, H, W), and is shown; None leaves the squares empty.
        weight: with an image, the kernels that make the maps, (filters, channels, K, K); small
            whole numbers are written into their cells.
    """
    check_between(1, 4, channels=channels)
    check_positive(filters=filters)
    if image is not None or weight is not None:
        _check_pictures(channels, filters, image, weight)

    end, high = LEFT - 0.65 + WIDE * channels, 3.5 + TALL * filters
    fig, ax = canvas(end + 4.65, high, width=9.8)
    _channels(ax, channels, filters)
    say(ax, end + 3.6, 3.2, "output", size=15)
    for f in range(filters):
        y = _row(f)
        say(ax, 0.1, y, f"filter {f + 1}", size=15, ha="left", fontweight="bold")
        for c in range(channels):
            x = LEFT + WIDE * c
            arrow(ax, (x - 0.45, y), (x - 0.1, y), colour=INK, width=1.6)
            _kernel(ax, x, y - KERNEL / 2, TINTS[c], None if weight is None else weight[f, c])
            arrow(ax, (x + KERNEL + 0.1, y), (x + KERNEL + 0.55, y), colour=INK, width=1.6)
            cell(ax, x + 2.8, y - MAP / 2, MAP, tint(TINTS[c], 0.55), line=INK)
            if image is None:
                say(ax, x + 2.8 + MAP / 2, y, "map", size=14)
            if c + 1 < channels:
                say(ax, x + 4.95, y, "+", size=20)
        say(ax, end - 0.5, y, "+ bias", size=15, ha="left", fontweight="bold")
        say(ax, end + 2.15, y, "=", size=20)
        cell(ax, end + 2.75, y - MAP / 2, MAP, SKY, line=INK)
        if image is None:
            say(ax, end + 2.75 + MAP / 2, y, f"map {f + 1}", size=13.5, fontweight="bold")
    if image is not None:
        _real_maps(ax, image, weight)
        blank(ax, end + 4.65, high)  # imshow moved the limits
    return fig


def _check_pictures(channels: int, filters: int, image: Tensor | None, weight: Tensor | None):
    """Check that both are there and fit each other."""
    if image is None or weight is None:
        raise ValueError("image and weight must be given together, got one of them")
    check_shape("image", image, channels, "H", "W")
    check_shape("weight", weight, filters, channels, "K", "K")


def _row(f: int) -> float:
    return 3.4 + TALL * (f + 0.5)


def _channels(ax, channels: int, filters: int) -> None:
    """Draw what comes in, and its ways to all filters."""
    for c in range(channels):
        x = LEFT + WIDE * c
        say(ax, x + 1.7, 0.5, f"channel {c + 1}", size=15)
        cell(ax, x + 0.6, 0.95, 2.2, TINTS[c], line=INK)
        rail = x - 0.45  # down which the channel goes to every filter
        ax.plot([x + 0.6, rail, rail], [2.05, 2.05, _row(filters - 1)], color=INK, lw=1.6, zorder=1)


def _real_maps(ax, image: Tensor, weight: Tensor) -> None:
    """Put channels, their maps and the sums of these into the squares of ``filter_stack``."""
    inside, gap = MAP - 0.1, 0.05
    for c, channel in enumerate(image):
        _picture(ax, channel, LEFT + WIDE * c + 0.65, 1.0, 2.1, "gray", (0, 1))
    for f, kernels in enumerate(weight):
        y = _row(f) - MAP / 2 + gap
        answers = F.conv2d(image[None], kernels[:, None], groups=len(image))[0]
        most = answers.abs().max().item() or 1.0
        for c, answer in enumerate(answers):
            x = LEFT + WIDE * c + 2.8 + gap
            _picture(ax, answer, x, y, inside, DIVERGING, (-most, most))
        x, most = LEFT - 0.65 + WIDE * len(image) + 2.75 + gap, len(answers) * most
        _picture(ax, answers.sum(0), x, y, inside, DIVERGING, (-most, most))


def _picture(ax, values: Tensor, x: float, y: float, side: float, colours, limits) -> None:
    place, (low, high) = (x, x + side, y + side, y), limits
    ax.imshow(values, cmap=colours, vmin=low, vmax=high, extent=place, zorder=6)


def _kernel(ax, x: float, y: float, colour, values: Tensor | None) -> None:
    """Draw a kernel, tinted as its channel, or with its numbers and the tint around it."""
    if values is None:
        for u in range(3):
            for v in range(3):
                cell(ax, x + KERNEL / 3 * v, y + KERNEL / 3 * u, KERNEL / 3, colour, line=INK)
        return
    brim = Rectangle((x - 0.1, y - 0.1), KERNEL + 0.2, KERNEL + 0.2, facecolor=colour, lw=0)
    ax.add_patch(brim)
    limit = 1.6 * values.abs().max().item()  # pale enough for the numbers
    small = len(values) <= 3 and values.abs().max() < 10 and bool((values == values.round()).all())
    cells(ax, values, x, y, side=KERNEL / len(values), limit=limit, size=13.3, write=small)
