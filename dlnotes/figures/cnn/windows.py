"""Drawings of part A: a photograph and its channels, windows as a matrix, combs, shared weights."""

from collections.abc import Sequence

import matplotlib
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes import cnn
from dlnotes.checks import check_positive, check_shape
from dlnotes.figures.cnn.parts import (
    DULL,
    INK,
    MARK,
    PALE,
    arrow,
    canvas,
    cell,
    cells,
    frame,
    number,
    say,
    shade,
    without_ticks,
)
from dlnotes.plotting import BLACK, DIVERGING, GREEN, PURPLE, tint

FRAMES = (GREEN, PURPLE, BLACK)


# ---- a photograph ------------------------------------------------------------------------------


def photograph(image: Tensor, kernel: Tensor) -> Figure:
    """Draw a colour photograph, its three channels, and what one filter says about them.

    Args:
        image: red, green and blue, (3, H, W), values in [0, 1].
        kernel: the same one for every channel, (K, K); the three answers are added.
    """
    check_shape("image", image, 3, "H", "W")
    check_shape("kernel", kernel, "K", "K")
    answers = F.conv2d(image[None], kernel.to(image)[None, None].expand(1, 3, -1, -1))[0, 0]
    high, wide = image.shape[1:]
    side, part = 3.25, 1.49  # inches: widths of the photograph and of the small pictures
    tall, low = side * high / wide, part * high / wide
    fig = Figure(figsize=(6.8, tall + 0.4))
    _picture(fig, (0.05, 0.05, side, tall), image.movedim(0, 2), f"photograph, 3 × {high} × {wide}")
    columns, rows = (3.55, 5.26), (tall + 0.05 - low, 0.05)
    for k, name in enumerate(("red", "green", "blue")):
        place = (columns[k % 2], rows[k // 2], part, low)
        _picture(fig, place, image[k], f"{name} channel", cmap="gray", vmin=0, vmax=1)
    most = 0.35 * answers.abs().max().item() or 1.0
    look = dict(cmap=DIVERGING, vmin=-most, vmax=most)
    _picture(fig, (columns[1], rows[1], part, low), answers, "edge map", **look)
    return fig


def _picture(fig: Figure, place: Sequence[float], pixels: Tensor, title: str, **look) -> None:
    """Show pixels at a place in inches: left, bottom, width, height."""
    wide, high = fig.get_size_inches()
    ax = fig.add_axes((place[0] / wide, place[1] / high, place[2] / wide, place[3] / high))
    ax.imshow(pixels, aspect="auto", interpolation="antialiased", **look)
    ax.set_title(title, fontsize=12, pad=4)
    without_ticks(ax)
    ax.spines[:].set_color(DULL)


# ---- windows as a matrix -----------------------------------------------------------------------


def windows_matrix(image: Tensor, kernel: Tensor) -> Figure:
    """Draw a convolution as one product: every window a row, the kernel a column.

    Args:
        image: (H, W), a few pixels.
        kernel: (K, K).
    """
    check_shape("image", image, "H", "W")
    check_shape("kernel", kernel, "K", "K")
    size = len(kernel)
    rows = image.unfold(0, size, 1).unfold(1, size, 1)  # (H', W', K, K)
    maps = rows.shape[:2]
    matrix, column = rows.reshape(-1, size**2), kernel.reshape(-1, 1)
    answers = matrix @ column
    count, taps = matrix.shape
    wide, tall = image.shape[1], max(count, taps, len(image))
    starts = [0.4]
    for width in (wide + 1.5, taps + 1.1, 1 + 1.1, 1 + 1.5):
        starts.append(starts[-1] + width)
    fig, ax = canvas(starts[-1] + maps[1] + 0.4, tall + 1.6, width=9.6)
    parts = (image, matrix, column, answers, answers.view(maps))
    titles = ("image", "one window per row", "kernel", "sums", "map")
    tops = []
    for x, values, title in zip(starts, parts, titles, strict=True):
        tops.append(1.3 + (tall - len(values)) / 2)
        cells(ax, values, x, tops[-1], limit=3, size=14)
        say(ax, x + values.shape[1] / 2, tops[-1] - 0.55, title, size=15)
    middle = 1.3 + tall / 2
    say(ax, starts[2] - 0.55, middle, "×", size=20)
    say(ax, starts[3] - 0.55, middle, "=", size=20)
    for x in (starts[1], starts[4]):
        arrow(ax, (x - 1.25, middle), (x - 0.25, middle), colour=INK, width=2.0)
    for k, place in enumerate(sorted({0, maps[1] - 1, count - 1})):
        i, j = divmod(place, maps[1])
        colour, inset = FRAMES[k], 0.07 * (k - 1)  # so that frames do not cover each other
        frame(ax, starts[0] + j + inset, tops[0] + i + inset, size, size, colour)
        frame(ax, starts[1], tops[1] + place, taps, 1, colour)
        frame(ax, starts[3], tops[3] + place, 1, 1, colour)
        frame(ax, starts[4] + j, tops[4] + i, 1, 1, colour)
    return fig


# ---- stride and dilation as combs --------------------------------------------------------------


def combs(
    size: int = 9,
    kernel: int = 3,
    settings: Sequence[tuple[int, int]] = ((1, 1), (2, 1), (1, 2), (2, 2)),
) -> Figure:
    """Draw the windows on a strip as combs: each tooth is a pixel that the window reads.

    Args:
        size: pixels of the strip.
        kernel: teeth of a comb.
        settings: (stride, dilation), one panel each, two in a row.
    """
    check_positive(size=size, kernel=kernel)
    counts = [cnn.conv_output_size(size, kernel, stride=S, dilation=d) for S, d in settings]
    pairs = range(0, len(settings), 2)
    heights = [2.4 + 0.62 * max(counts[k : k + 2]) for k in pairs]
    fig, ax = canvas(2 * size + 3.0, sum(heights) + 0.2, width=8.4)
    for k, ((stride, dilation), count) in enumerate(zip(settings, counts, strict=True)):
        x, y = 0.7 + (k % 2) * (size + 1.6), sum(heights[: k // 2]) + 1.2
        starts = [stride * window for window in range(count)]
        read = [start + dilation * u for start in starts for u in range(kernel)]
        say(ax, x + size / 2, y - 0.65, f"stride {stride}, dilation {dilation}", size=16)
        for pixel in range(size):
            times = read.count(pixel)
            colour = shade(times, 1.6 * kernel) if times else DULL
            cell(ax, x + pixel, y, 1, colour, line="white")
            say(ax, x + pixel + 0.5, y + 0.5, str(times), size=15)
        for window, start in enumerate(starts):
            _comb(ax, x + start + 0.5, y + 1.6 + 0.62 * window, kernel, dilation)
    return fig


def _comb(ax, x: float, y: float, teeth: int, apart: int) -> None:
    places = [x + apart * u for u in range(teeth)]
    ax.plot([places[0], places[-1]], [y, y], color=MARK, lw=3.5, solid_capstyle="round")
    for place in places:
        ax.plot([place, place], [y, y - 0.36], color=MARK, lw=5, solid_capstyle="butt")


# ---- shared weights as diagonals ---------------------------------------------------------------


def circulant(matrix: Tensor) -> Figure:
    """Draw a convolution on a ring as a matrix, beside a dense and a local one of the same size.

    Entries of one colour are one weight; empty ones are 0.

    Args:
        matrix: of the convolution, (N, N), every row the row above, rolled by one.
    """
    check_shape("matrix", matrix, "N", "N")
    n, used = len(matrix), matrix != 0
    diagonal = (torch.arange(n) - torch.arange(n)[:, None]) % n
    _, taps = torch.unique(diagonal[used], return_inverse=True)
    panels = {
        "dense": (torch.ones_like(used), torch.arange(n * n)),
        "local": (used, torch.arange(int(used.sum()))),
        "local and shared": (used, taps),
    }
    fig, ax = canvas(3 * n + 3.4, n + 2.1, width=8.4)
    for k, (title, (where, weight)) in enumerate(panels.items()):
        x, count = 0.5 + k * (n + 1.2), int(weight.max()) + 1
        say(ax, x + n / 2, 0.55, title, size=16, fontweight="bold")
        say(ax, x + n / 2, n + 1.6, f"{count} weights", size=16)
        colours = iter(weight.tolist())
        for i, j in ((i, j) for i in range(n) for j in range(n)):
            colour = _weight_colour(next(colours), count) if where[i, j] else PALE
            cell(ax, x + j, 1.1 + i, 1, colour, line="white")
            if title.endswith("shared"):
                say(ax, x + j + 0.5, 1.6 + i, number(matrix[i, j].item()), size=16)
    return fig


def _weight_colour(weight: int, count: int):
    if count <= len(FRAMES):
        return tint(FRAMES[weight], 0.6)
    return tint(matplotlib.colormaps["turbo"](0.05 + 0.9 * weight / (count - 1)), 0.75)
