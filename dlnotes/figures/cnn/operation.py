"""Drawings of part A: what a convolution is, and what it does to sizes and shifts."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes import cnn
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
    say,
    shade,
    without_ticks,
)
from dlnotes.plotting import AMBER, BLUE, DIVERGING, PURPLE, figure

SKY = "#CFE6F5"
SHARED = (BLUE, AMBER, PURPLE)


def wirings() -> Figure:
    """Draw five pixels and three outputs, wired densely, locally, and locally with shared weights.

    Wires of one colour have the same weight.
    """
    fig, axes = figure(1, 3, width=8.4, height=3.2)
    pairs = [(i, j) for j in range(3) for i in range(5)]
    local = [(i, j) for i, j in pairs if 0 <= i - j < 3]
    panels = {
        "dense": (pairs, {pair: number for number, pair in enumerate(pairs)}),
        "local": (local, {pair: number for number, pair in enumerate(local)}),
        "local and shared": (local, {(i, j): i - j for i, j in local}),
    }
    for ax, (name, (wires, weight)) in zip(axes, panels.items(), strict=True):
        blank(ax, 6.4, 5.8)
        count = len(set(weight.values()))
        for i, j in wires:
            colour = _wire_colour(weight[i, j], count)
            ax.plot([0.7 + 1.25 * i, 1.95 + 1.25 * j], [4.3, 1.5], color=colour, lw=2.4, zorder=1)
        for i in range(5):
            cell(ax, 0.3 + 1.25 * i, 4.1, 0.8, "white", line=INK)
        for j in range(3):
            cell(ax, 1.55 + 1.25 * j, 0.9, 0.8, SKY, line=INK)
        say(ax, 3.2, 0.35, name, size=15, fontweight="bold")
        say(ax, 3.2, 5.45, f"{len(wires)} wires, {count} weights", size=14)
    return fig


def _wire_colour(weight: int, count: int):
    if count == 3:
        return SHARED[weight]
    import matplotlib

    return matplotlib.colormaps["turbo"](0.05 + 0.9 * weight / (count - 1))


def window(image: Tensor, kernel: Tensor, row: int, column: int) -> Figure:
    """Draw one step of a convolution in numbers: the patch, its products, the answer.

    Args:
        image: (H, W), a few pixels.
        kernel: (K, K).
        row: of the patch's upper left pixel.
        column: of the same.
    """
    check_shape("image", image, "H", "W")
    check_shape("kernel", kernel, "K", "K")
    size, output = len(kernel), cnn.conv2d(image[None, None], kernel[None, None])[0, 0]
    patch = image[row : row + size, column : column + size]
    high, wide = image.shape
    start = wide + 1.2
    ends = start + 3 * size + 4.0 + output.shape[1]
    fig, ax = canvas(ends + 0.4, high + 1.8, width=9.2)
    cells(ax, image, 0.4, 1.2, limit=3, title="image")
    frame(ax, 0.4 + column, 1.2 + row, size, size)
    middle = 1.2 + (high - size) / 2
    for x, values, name in (
        (start, patch, "patch"),
        (start + size + 0.8, kernel, "kernel"),
        (start + 2 * size + 1.6, patch * kernel, "products"),
    ):
        cells(ax, values, x, middle, limit=3, title=name)
    for x, sign in ((start + size + 0.4, "⊙"), (start + 2 * size + 1.2, "=")):
        say(ax, x, middle + size / 2, sign, size=18)
    frame(ax, start, middle, size, size)
    x = start + 3 * size + 3.8
    y = 1.2 + (high - output.shape[0]) / 2
    arrow(ax, (start + 3 * size + 1.8, middle + size / 2), (x - 0.2, middle + size / 2))
    say(ax, start + 3 * size + 2.7, middle + size / 2 - 0.5, "add up", size=13)
    cells(ax, output, x, y, limit=3, title="map")
    frame(ax, x + column, y + row, 1, 1)
    say(
        ax,
        x + output.shape[1] / 2,
        y + output.shape[0] + 0.5,
        f"sum {number(output[row, column])}",
        size=14,
    )
    return fig


def use_counts(*, size: int = 6, kernel: int = 3) -> Figure:
    """Draw in how many windows each pixel lies, for padding 0, 1 and K − 1, and for stride 2.

    Args:
        size: rows and columns of the image; the last panel has one more, or fewer, to be even.
        kernel: rows and columns of the kernel.
    """
    even = size + size % 2
    panels = {
        "no padding": (size, dict(stride=1, padding=0)),
        "padding 1": (size, dict(stride=1, padding=1)),
        f"padding {kernel - 1}": (size, dict(stride=1, padding=kernel - 1)),
        "stride 2": (even, dict(stride=2, padding=0)),
    }
    fig, axes = figure(1, 4, width=9.2, height=2.7)
    for ax, (name, (side, options)) in zip(axes, panels.items(), strict=True):
        x = torch.zeros(1, 1, side, side, requires_grad=True)
        F.conv2d(x, torch.ones(1, 1, kernel, kernel), **options).sum().backward()
        used = x.grad[0, 0]
        blank(ax, side, side + 0.9, 0.0)
        for i in range(side):
            for j in range(side):
                count = used[i, j].item()
                colour = shade(count, 1.2 * kernel**2) if count else DULL
                cell(ax, j, i + 0.9, 1, colour, line="white")
                say(ax, j + 0.5, i + 1.4, number(count), size=14)
        say(ax, side / 2, 0.4, name, size=14)
    return fig


def square(strip: Sequence[float], kernel: Sequence[float]) -> Figure:
    """Draw two ways around a square on a ring: convolve then shift, shift then convolve.

    Args:
        strip: pixels, bent to a ring.
        kernel: weights.
    """
    x, w = torch.tensor(strip).double(), torch.tensor(kernel).double()
    y, moved = _on_ring(x, w), x.roll(1)
    n = len(x)
    fig, ax = canvas(2 * n + 7.0, 6.9, width=8.4)
    right = n + 6.0
    cells(ax, x, 0.5, 1.0, limit=1.4, title="strip x", size=14)
    cells(ax, y, right, 1.0, limit=1.4, title="map y", size=14)
    cells(ax, moved, 0.5, 5.0, limit=1.4, size=14)
    cells(ax, _on_ring(moved, w), right, 5.0, limit=1.4, size=14)
    say(ax, 0.5 + n / 2, 6.45, "strip, moved by 1", size=14)
    say(ax, right + n / 2, 6.45, "the same map either way", size=14)
    for level in (1.5, 5.5):
        arrow(ax, (n + 1.0, level), (right - 0.4, level), colour=MARK, width=2.4)
        say(ax, (n + 0.6 + right) / 2, level - 0.45, "convolve", size=14, color=MARK)
    for place in (0.5 + n / 2, right + n / 2):
        arrow(ax, (place, 2.2), (place, 4.7), colour=INK, width=2.4)
        say(ax, place + 0.25, 3.4, "move by 1", size=14, ha="left")
    return fig


def _on_ring(x: Tensor, w: Tensor) -> Tensor:
    return sum(w[u] * x.roll(-u) for u in range(len(w)))


# ---- images ------------------------------------------------------------------------------------


def row(pictures: dict[str, Tensor], *, limit: float | None = None) -> Figure:
    """Draw matrices side by side, positive numbers blue, negative ones orange.

    Args:
        pictures: title -> numbers, (H, W).
        limit: the value of full colour; None scales every picture for itself.
    """
    for title, picture in pictures.items():
        check_shape(title, picture, "H", "W")
    ratios = [min(max(p.shape[1] / p.shape[0], 1.0), 2.2) for p in pictures.values()]
    fig, axes = figure(1, len(ratios), width=8.4, height=2.6, width_ratios=ratios, squeeze=False)
    for ax, (title, picture) in zip(axes[0], pictures.items(), strict=True):
        most = limit or picture.abs().max().item() or 1.0
        ax.imshow(picture, cmap=DIVERGING, vmin=-most, vmax=most)
        ax.set_title(title, fontsize=13)
        without_ticks(ax)
    return fig


def pipeline(digit: Tensor, kernels: dict[str, Tensor]) -> Figure:
    """Draw a digit's way through two filters, ReLU and max pooling, with the sizes.

    Args:
        digit: (28, 28).
        kernels: name -> kernel, (3, 3), one row of maps for each.
    """
    check_shape("digit", digit, "H", "W")
    fig, axes = figure(len(kernels), 4, width=8.4, height=2.05 * len(kernels) + 0.4)
    for line, (name, kernel) in zip(axes, kernels.items(), strict=True):
        y = F.conv2d(digit[None, None], kernel[None, None], padding=1)
        active = y.relu()
        stages = {
            "image": digit,
            "map": y[0, 0],
            "ReLU": active[0, 0],
            "max pooling": F.max_pool2d(active, 2)[0, 0],
        }
        for ax, (title, picture) in zip(line, stages.items(), strict=True):
            ax.imshow(picture, cmap=DIVERGING, vmin=-3, vmax=3)
            ax.set_title(f"{title}\n{picture.shape[0]} × {picture.shape[1]}", fontsize=13)
            without_ticks(ax)
        line[0].set_ylabel(name, fontsize=13)
    for line in axes[1:]:
        for ax in line:
            ax.set_title("")
    return fig


def samples(digits: Tensor, clothes: Tensor, names: Sequence[str]) -> Figure:
    """Draw ten images of each of the two data sets, with their labels.

    Args:
        digits: ten images, the digits 0 to 9 in order, (10, 28, 28).
        clothes: ten images, (10, 28, 28).
        names: of the clothes.
    """
    fig, axes = figure(2, 10, width=9.2, height=2.6)
    for number_, (images, labels) in enumerate(((digits, range(10)), (clothes, names))):
        for ax, image, label in zip(axes[number_], images, labels, strict=True):
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            without_ticks(ax)
            ax.spines[:].set_color(DULL)
            ax.set_xlabel(str(label).replace("/top", "").replace("ankle ", ""), fontsize=12.5)
    return fig


def shuffled(digits: Tensor, order: Tensor) -> Figure:
    """Draw digits above the same digits with their pixels in another order.

    Args:
        digits: (N, 28, 28).
        order: a permutation of the 784 pixels.
    """
    check_shape("digits", digits, "N", "H", "W")
    fig, axes = figure(2, len(digits), width=8.4, height=3.0)
    other = digits.flatten(1)[:, order].view_as(digits)
    for line, images, name in zip(axes, (digits, other), ("in order", "shuffled"), strict=True):
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            without_ticks(ax)
            ax.spines[:].set_color(DULL)
        line[0].set_ylabel(name, fontsize=13)
    return fig


def pyramid(layers: Sequence[tuple[int, int]], names: Sequence[str]) -> Figure:
    """Draw what one unit at the top sees, layer by layer down to the pixels.

    Args:
        layers: (kernel, stride), from the pixels up.
        names: of the layers.
    """
    seen, steps = [1], 1
    for kernel, stride in reversed(layers):  # from the top down: units needed in the layer below
        seen.append((seen[-1] - 1) * stride + kernel)
    jumps = [1]
    for _, stride in layers:
        jumps.append(jumps[-1] * stride)
    pixels, levels = seen[-1], len(layers)
    fig, ax = canvas(pixels + 5.4, 2.0 * levels + 2.0, width=8.4)
    places = []
    for depth, count in enumerate(reversed(seen)):  # 0 = pixels
        steps = jumps[depth]
        y = 2.0 * (levels - depth) + 0.8
        start = pixels / 2 - (count - 1) * steps / 2
        centres = [start + k * steps for k in range(count)]
        places.append((y, centres))
        for x in centres:
            cell(ax, x - 0.42, y - 0.42, 0.84, SKY if depth else "white", line=INK)
        label = names[depth - 1] if depth else "pixels"
        word = "unit" if count == 1 else "units"
        text = f"{label}: {count} {word if depth else ''}".strip()
        say(ax, pixels + 0.4, y, text, size=13, ha="left")
    for (kernel, stride), (low, below), (high, above) in zip(
        layers, places, places[1:], strict=False
    ):
        for k, x in enumerate(above):
            for u in range(kernel):
                ends = [x, below[k * stride + u]], [high + 0.42, low - 0.42]
                ax.plot(*ends, color=FAINT, lw=1.2, zorder=1)
    return fig
