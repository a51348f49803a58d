"""Drawings of what a shift does: at borders and strides, to a digit, and to its readings."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import (
    DULL,
    FAINT,
    INK,
    MARK,
    arrow,
    blank,
    canvas,
    cell,
    cells,
    frame,
    number,
    readable,
    say,
    without_ticks,
)
from dlnotes.plotting import GREEN, figure

# ---- what breaks equivariance ------------------------------------------------------------------


def padding_breaks(kernel: Sequence[float] = (-1, 1), *, seen: int = 4) -> Figure:
    """Draw a bright wall under a camera that moves by one pixel, and what padding makes of it.

    Args:
        kernel: two weights; the strip is padded with one zero on the left.
        seen: pixels of the camera.
    """
    if len(kernel) != 2:
        raise ValueError(f"kernel must have 2 weights, got {len(kernel)}")

    wall, w = torch.ones(seen + 3), torch.tensor(kernel, dtype=torch.float32)
    strip_x = 0.5 + len(wall) + 2.0
    map_x = strip_x + 1 + seen + 3.4
    fig, ax = canvas(map_x + seen + 0.5, 6.0, width=9.2)
    titles = ("a wall and the camera", "seen, padded with 0", "map")
    middles = (0.5 + len(wall) / 2, strip_x + (seen + 1) / 2, map_x + seen / 2)
    for x, title in zip(middles, titles, strict=True):
        say(ax, x, 0.6, title, size=15)
    for step in range(2):
        y, first = 1.5 + 2.8 * step, 1 + step
        strip = torch.cat([torch.zeros(1), wall[first : first + seen]])
        answers = strip.unfold(0, 2, 1) @ w
        cells(ax, wall, 0.5, y, limit=1.4, size=15)
        frame(ax, 0.5 + first, y - 0.15, seen, 1.3, INK)
        cells(ax, strip, strip_x, y, limit=1.4, size=15)
        cell(ax, strip_x, y, 1, DULL, line=INK)
        cells(ax, answers, map_x, y, limit=1.4, size=15)
        arrow(ax, (strip_x - 1.6, y + 0.5), (strip_x - 0.3, y + 0.5), colour=INK, width=2)
        start = strip_x + 1 + seen + 0.3
        arrow(ax, (start, y + 0.5), (map_x - 0.3, y + 0.5), colour=MARK, width=2.4)
        text = f"[{number(w[0].item())}, {number(w[1].item())}]"
        say(ax, (start + map_x - 0.3) / 2, y - 0.05, text, size=15, color=MARK)
        frame(ax, map_x, y, 1, 1)
    say(ax, 0.5 + len(wall) / 2, 3.4, "the camera moves by 1", size=15, color="#555555")
    say(ax, (map_x + seen + strip_x) / 2, 3.4, "nothing changes", size=15, color="#555555")
    return fig


def stride_breaks(
    stripes: Sequence[float] = (0, 1, 0, 1, 1, 1, 0, 1), *, stride: int = 2
) -> Figure:
    """Draw stripes, moved by 0, 1, 2 on a ring, and the pixels that a stride reads of them.

    Args:
        stripes: pixels.
        stride: from one pixel that is read to the next.
    """
    strip = torch.tensor(stripes, dtype=torch.float32)
    count = len(strip[::stride])
    strip_x = 4.2
    read_x = strip_x + len(strip) + 3.2
    fig, ax = canvas(read_x + count + 0.5, 6.2, width=9.0)
    say(ax, strip_x + len(strip) / 2, 0.6, "stripes, every second pixel is read" if stride == 2
        else f"stripes, one pixel in {stride} is read", size=15)  # fmt: skip
    say(ax, read_x + count / 2, 0.6, "what is read", size=15)
    for shift in range(3):
        y, moved = 1.3 + 1.65 * shift, strip.roll(shift)
        say(ax, 0.3, y + 0.5, f"moved by {shift}", size=15, ha="left")
        for pixel, value in enumerate(moved.tolist()):
            is_read = pixel % stride == 0
            cells(ax, [value], strip_x + pixel, y, limit=1.4, size=15)
            if is_read:
                frame(ax, strip_x + pixel + 0.06, y + 0.06, 0.88, 0.88)
        arrow(ax, (read_x - 2.6, y + 0.5), (read_x - 0.4, y + 0.5), colour=MARK, width=2.4)
        cells(ax, moved[::stride], read_x, y, limit=1.4, size=15)
    return fig


# ---- moved digits ------------------------------------------------------------------------------


def moved_copies(images: Mapping[str, Tensor]) -> Figure:
    """Draw a digit and its moved copies, with the outline of the first one on all of them.

    Args:
        images: title -> pixels, (H, W), all of one size; the first one is the digit itself.
    """
    first = next(iter(images.values()))
    for title, image in images.items():
        check_shape(title, image, *first.shape)

    wide = min(8.6, 2.3 * len(images))
    fig, axes = figure(1, len(images), width=wide, height=wide / len(images) + 0.4, squeeze=False)
    most = max(image.max().item() for image in images.values()) or 1.0
    for ax, (title, image) in zip(axes[0], images.items(), strict=True):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1.3 * most)
        if image is not first:
            ax.contour(first, levels=[0.5 * most], colors=GREEN, linewidths=2)
        ax.set_title(title)
        readable(ax)
        without_ticks(ax)
        ax.spines[:].set_color(FAINT)
    return fig


def best_patches(patches: Mapping[str, Tensor]) -> Figure:
    """Draw, one row per map, the patches which excite it most, the best one first.

    Args:
        patches: name of the map -> patches, (N, H, W), the same N for all.
    """
    count = len(next(iter(patches.values())))
    for name, stack in patches.items():
        check_shape(name, stack, count, "H", "W")

    side = 7.4 / count
    tall = (side + 0.08) * len(patches)
    fig, axes = figure(len(patches), count, width=8.8, height=tall, squeeze=False)
    most = max(stack.max().item() for stack in patches.values()) or 1.0
    for line, (name, stack) in zip(axes, patches.items(), strict=True):
        for ax, image in zip(line, stack, strict=True):
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=most)
            without_ticks(ax)
            ax.spines[:].set_color(DULL)
        line[0].set_ylabel(name, fontsize=15, rotation=0, ha="right", va="center", labelpad=8)
    return fig


def readings(
    images: Tensor, answers: Mapping[str, Sequence[tuple[int, float]]], label: int
) -> Figure:
    """Draw a digit on its way, and below each place what each network reads there, and how surely.

    Answers that are wrong stand in grey cells with a frame.

    Args:
        images: the digit, moved by 0, 1, 2, ... pixels, (N, H, W).
        answers: name of the network -> (class, confidence from 0 to 1) for each image.
        label: the right class.
    """
    check_shape("images", images, "N", "H", "W")
    count, rows = len(images), len(answers)
    if any(len(row) != count for row in answers.values()):
        found = {name: len(row) for name, row in answers.items()}
        raise ValueError(f"answers must hold {count} readings for each network, got {found}")

    left, wide, tall = 4.6, 2.3, 2.0  # of the names; of a cell
    fig, ax = canvas(left + count * wide + 0.2, 0.9 + wide + 0.3 + rows * tall, width=9.4)
    say(ax, 0.2, 0.45, "moved by", size=14, ha="left")
    for k, image in enumerate(images):
        x = left + k * wide
        say(ax, x + wide / 2, 0.45, str(k), size=15)
        place = (x + 0.05, x + wide - 0.05, 0.9 + wide - 0.1, 0.9)
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=place, zorder=2)
        frame(ax, x + 0.05, 0.9, wide - 0.1, wide - 0.1, DULL)
    for r, (name, row) in enumerate(answers.items()):
        y = 0.9 + wide + 0.3 + r * tall
        say(ax, 0.2, y + tall / 2, name, size=15, ha="left")
        for k, (answer, confidence) in enumerate(row):
            _reading(ax, left + k * wide, y, (wide, tall), answer, confidence, answer == label)
    blank(ax, left + count * wide + 0.2, 0.9 + wide + 0.3 + rows * tall)  # imshow moved the limits
    return fig


def _reading(ax, x: float, y: float, size, answer: int, confidence: float, is_right: bool) -> None:
    wide, tall = size[0] - 0.1, size[1] - 0.1
    style = dict(facecolor="white" if is_right else DULL, edgecolor=FAINT, lw=0.9)
    ax.add_patch(Rectangle((x + 0.05, y), wide, tall, **style))
    if not is_right:
        frame(ax, x + 0.05, y, wide, tall, INK)
    say(ax, x + 0.05 + wide / 2, y + 0.65, str(answer), size=18, fontweight="bold")
    say(ax, x + 0.05 + wide / 2, y + 1.4, f"{100 * confidence:.0f} %", size=13)
