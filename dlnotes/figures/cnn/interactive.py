"""Two figures of chapter 2 to play with: the window and the moving digit (``walks`` has a third).

``convolution`` and ``shift`` show controls; ``draw_convolution`` and ``draw_shift`` return the
matplotlib figure alone. Given the figure of an earlier call they change
it instead of making a new one, which is what makes a slider answer at once.
"""

import torch
import torch.nn.functional as F
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from dlnotes.checks import check_at_least, check_choice, check_positive, check_shape
from dlnotes.cnn import conv_output_size
from dlnotes.figures import explore
from dlnotes.figures.cnn.parts import (
    DULL,
    INK,
    MARK,
    PALE,
    fixed_sheet,
    number,
    shade,
    wipe,
    without_ticks,
)
from dlnotes.plotting import DIVERGING

# ---- the window walks over the padded image ----------------------------------------------------

WINDOW_CAPTION = (
    "The kernel (middle) lies on the green cells of the padded image (left). Multiply each weight "
    "by the pixel under it and add up, and you get the framed number of the output (right). "
    "Blue is positive, orange negative. "
    "The black frame is the image without its padding. With some sizes and strides some pixels "
    "are never read, and these turn dark grey."
)


def toy_image(size: int) -> Tensor:
    """Return a bright vertical bar of ones on zeros, (size, size), float32."""
    check_positive(size=size)
    image = torch.zeros(size, size)
    image[:, size // 3 : 2 * size // 3 + 1] = 1.0
    return image


def edge_kernel(size: int) -> Tensor:
    """Return the kernel that finds vertical edges: right minus left, (size, size), float32."""
    check_positive(size=size)
    row = torch.sign(torch.arange(size) - (size - 1) / 2) if size > 1 else torch.ones(1)
    return row.expand(size, size).clone()


def draw_convolution(
    *,
    size: int,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
    window: int,
    fig: Figure | None = None,
) -> Figure:
    """Draw one step of a convolution: the window on the padded input, and the output so far.

    Args:
        size: I, rows and columns of the image.
        kernel: K, rows and columns of the kernel.
        stride: S, cells from one window to the next.
        padding: P, zeros on each side.
        dilation: d, distance of neighbouring kernel cells.
        window: number of the window, row by row from 0; beyond the last it stays at the last.
        fig: an earlier result, to be changed; None makes a new one.
    """
    check_positive(size=size, kernel=kernel, stride=stride, dilation=dilation)
    check_at_least(0, padding=padding, window=window)
    places = (0.01, 0.08, 0.41, 0.74), (0.6, 0.08, 0.39, 0.74), (0.435, 0.3, 0.15, 0.34)
    fig = fig or fixed_sheet(*places, size=(8.8, 4.7))
    left, right, middle = fig.axes
    wipe(left, right, middle)
    _kernel_cells(middle, edge_kernel(kernel))
    wide, span = size + 2 * padding, dilation * (kernel - 1) + 1
    padded = F.pad(toy_image(size), (padding,) * 4)
    if span > wide:
        _cells(left, padded, padding=padding, unread=set())
        left.set_title(f"padded input, {wide} × {wide}")
        text = f"No window fits:\nthe kernel spans {span} cells,\nthe padded input has {wide}."
        right.text(0.5, 0.5, text, ha="center", va="center", transform=right.transAxes)
        fig.suptitle("O = ⌊(I + 2P − d(K − 1) − 1) / S⌋ + 1", fontsize=13)
        return fig
    output = F.conv2d(
        padded[None, None], edge_kernel(kernel)[None, None], stride=stride, dilation=dilation
    )[0, 0]
    count = conv_output_size(size, kernel, padding=padding, stride=stride, dilation=dilation)
    window = min(window, count * count - 1)
    row, column = divmod(window, count)
    read = {i * stride + u * dilation for i in range(count) for u in range(kernel)}
    unread = set(range(wide)) - read
    _cells(left, padded, padding=padding, unread=unread)
    for u in range(kernel):
        for v in range(kernel):
            corner = (column * stride + v * dilation - 0.5, row * stride + u * dilation - 0.5)
            left.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=MARK, lw=2.4, zorder=4))
    left.set_title(f"padded input: {size} + 2·{padding} = {wide} wide")
    words = f"{len(unread)} columns and rows are".replace("1 columns and rows", "1 column and row")
    left.set_xlabel(f"grey: {words} never read" if unread else "")
    _output_cells(right, output, window)
    right.set_title(f"output: O = {count}")
    right.set_xlabel(f"row {row}, column {column}: sum = {signed(output[row, column].item())}")
    formula = f"⌊({size} + 2·{padding} − {dilation}·({kernel} − 1) − 1) / {stride}⌋ + 1 = {count}"
    fig.suptitle(f"O = ⌊(I + 2P − d(K − 1) − 1) / S⌋ + 1 = {formula}", fontsize=12)
    return fig


def signed(value: float) -> str:
    """Return a number with its sign, and a plain 0."""
    return ("+" if value > 0 else "") + number(value)


def _grid(ax, colours: Tensor) -> None:
    """Show cells of these colours, (n, n, 3), with lines between them."""
    size = len(colours)
    edge = size - 0.5
    ax.imshow(colours, extent=(-0.5, edge, edge, -0.5), zorder=0)
    at = [k - 0.5 for k in range(size + 1)]
    lines = [((a, -0.5), (a, edge)) for a in at] + [((-0.5, a), (edge, a)) for a in at]
    ax.add_collection(LineCollection(lines, colors="white", linewidths=1.0, zorder=1))
    ax.set(xlim=(-0.6, size - 0.4), ylim=(size - 0.4, -0.6), aspect="equal", xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)


def _write(ax, size: int, texts: dict[tuple[int, int], str]) -> None:
    for (i, j), text in texts.items():
        if text and (size <= 9 or text != "0"):  # many zeros say nothing, and cost time
            points = 13 if size <= 9 else 9
            ax.text(j, i, text, ha="center", va="center", color=INK, fontsize=points, zorder=5)


def _cells(ax, padded: Tensor, *, padding: int, unread: set[int]) -> None:
    size, texts = len(padded), {}
    colours = torch.ones(size, size, 3)
    for i, line in enumerate(padded.tolist()):
        for j, value in enumerate(line):
            colour = shade(value, 1.6) if value else to_rgb(PALE)
            colours[i, j] = torch.tensor(to_rgb(DULL) if i in unread or j in unread else colour)
            texts[i, j] = f"{value:g}"
    _grid(ax, colours)
    _write(ax, size, texts)
    if padding:
        side, corner = size - 2 * padding, (padding - 0.5, padding - 0.5)
        ax.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=INK, linewidth=1.6))


def _output_cells(ax, output: Tensor, window: int) -> None:
    size, most = len(output), output.abs().max().item() or 1.0
    colours, texts = torch.ones(size, size, 3), {}
    for place, value in enumerate(output.flatten().tolist()):
        i, j = divmod(place, size)
        visited = place <= window
        colours[i, j] = torch.tensor(shade(value, most) if visited else to_rgb(PALE))
        texts[i, j] = signed(value) if visited else ""
    _grid(ax, colours)
    _write(ax, size, texts)
    i, j = divmod(window, size)
    ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=MARK, lw=3, zorder=4))


def _kernel_cells(ax, kernel: Tensor) -> None:
    """Draw the kernel, with gaps between its weights no matter what the dilation is."""
    size, colours, texts = len(kernel), torch.ones(len(kernel), len(kernel), 3), {}
    for place, value in enumerate(kernel.flatten().tolist()):
        i, j = divmod(place, size)
        colours[i, j] = torch.tensor(shade(value, 1.6))
        texts[i, j] = number(value)
    _grid(ax, colours)
    for (i, j), text in texts.items():
        points = (13, 11, 9)[min(max(size - 3, 0), 2)]
        ax.text(j, i, text, ha="center", va="center", color=INK, fontsize=points, zorder=5)
    edge = (-0.5, -0.5)
    ax.add_patch(Rectangle(edge, size, size, fill=False, edgecolor=MARK, lw=2, zorder=4))
    ax.set_title("kernel")


def _say_convolution(
    *, size: int, kernel: int, stride: int, padding: int, dilation: int, window: int
) -> str:
    if dilation * (kernel - 1) + 1 > size + 2 * padding:
        return "A padded image of a bright bar; the kernel is wider than the image, no window fits."
    count = conv_output_size(size, kernel, padding=padding, stride=stride, dilation=dilation)
    return (
        f"Left, a {size} by {size} image of a bright bar with {padding} zeros on each side and a "
        f"{kernel} by {kernel} window, stride {stride}, dilation {dilation}. In the middle, the "
        f"kernel, −1 on the left and 1 on the right. Right, the output of "
        f"{count} by {count} cells, filled up to cell {min(window, count * count - 1) + 1}."
    )


def convolution() -> dict:
    """Show the figure to play with: choose I, K, S, P, d and walk the window over the image.

    Returns:
        The controls by name.
    """
    sheet = []

    def draw(**values: int) -> Figure:
        sheet[:] = [draw_convolution(**values, fig=sheet[0] if sheet else None)]
        return sheet[0]

    return explore(
        draw,
        alt=_say_convolution,
        caption=WINDOW_CAPTION,
        size=(3, 10, 1, 7),
        kernel=(1, 5, 1, 3),
        stride=(1, 4, 1, 2),
        padding=(0, 2, 1, 1),
        dilation=(1, 3, 1, 1),
        window=(0, 99, 1, 6),
    )


# ---- the digit moves ---------------------------------------------------------------------------

SHIFT_CAPTION = (
    "A digit moved to the right, and its map of left edges. The third picture is this map minus "
    "the moved map of the digit at rest. White means that both agree. In blue places the first "
    "is larger, in orange ones the second. The bars are averages of whole maps, grey before the "
    "move and green after it."
)

FILTERS = {
    "left edges": [[-1.0, 0.0, 1.0]] * 3,
    "top edges": [[-1.0] * 3, [0.0] * 3, [1.0] * 3],
    "blur": [[1 / 3] * 3] * 3,
}


def feature_maps(image: Tensor, *, stride: int, border: str) -> Tensor:
    """Return ReLU of three 3 × 3 filters, (3, H, W), of an image (28, 28) or any other size."""
    check_shape("image", image, "H", "W")
    check_choice(("circular", "zeros"), border=border)
    padded = F.pad(
        image[None, None], (1,) * 4, mode="constant" if border == "zeros" else "circular"
    )
    weight = torch.tensor(list(FILTERS.values()), dtype=image.dtype)[:, None]
    return F.conv2d(padded, weight, stride=stride)[0].relu()


def draw_shift(
    image: Tensor, *, shift: int, stride: int, border: str, fig: Figure | None = None
) -> Figure:
    """Draw what a shift of the image does to a feature map and to its global average.

    Args:
        image: one grey image, (H, W); it is moved to the right and wraps around.
        shift: pixels to move.
        stride: S of the convolution.
        border: "circular" or "zeros", what the convolution sees beyond the border.
        fig: an earlier result, to be changed; None makes a new one.
    """
    before, moved = feature_maps(image, stride=stride, border=border), image.roll(shift, 1)
    after = feature_maps(moved, stride=stride, border=border)
    difference = after[0] - before[0].roll(shift // stride, 1)
    limit = before[0].max().item() or 1.0
    places = [(0.01 + 0.235 * k, 0.14, 0.22, 0.7) for k in range(3)] + [(0.765, 0.2, 0.23, 0.62)]
    fig = fig or fixed_sheet(*places, size=(9.2, 2.9))
    pictures = (
        (moved, f"image, moved by {shift}", "gray_r", 0, 1),
        (after[0], f"feature map, {after.shape[1]} × {after.shape[2]}", "gray_r", 0, limit),
        (difference, "difference of both ways", DIVERGING, -limit, limit),
    )
    for ax, (picture, title, colours, low, high) in zip(fig.axes, pictures, strict=False):
        if ax.images:
            height, width = picture.shape
            ax.images[0].set(data=picture, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
            ax.images[0].set_clim(low, high)
            ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        else:
            ax.imshow(picture, cmap=colours, vmin=low, vmax=high)
            without_ticks(ax)
        ax.set_title(title, fontsize=12.5)
    largest = difference.abs().max().item()
    fig.axes[2].set_xlabel("0 everywhere" if largest < 1e-5 else f"up to {largest:.2f}")
    _averages(fig.axes[3], before.mean((1, 2)), after.mean((1, 2)))
    return fig


def _averages(ax, before: Tensor, after: Tensor) -> None:
    if not ax.patches:
        for k, (values, label) in enumerate(((before, "before"), (after, "moved"))):
            at = torch.arange(3) + 0.38 * (k - 0.5)
            ax.bar(at, values, width=0.36, color=(DULL, MARK)[k], label=label)
        ax.set_xticks(range(3), [name.replace(" ", "\n") for name in FILTERS], fontsize=12.5)
        ax.set_title("global average", fontsize=13)
        ax.legend(fontsize=12.5, loc="upper left", ncols=2, columnspacing=0.6, handlelength=0.8)
        ax.set_yticks([])
        ax.grid(False)
    for patch, height in zip(ax.patches, torch.cat([before, after]).tolist(), strict=True):
        patch.set_height(height)
    ax.set_ylim(0, 1.5 * before.max().item() + 1e-6)


def _say_shift(*, shift: int, stride: int, border: str) -> str:
    return (
        f"A digit moved by {shift} pixels, its feature map at stride {stride}, border {border}; "
        "the map of the moved digit minus the moved map; and three global averages as bars."
    )


def shift(image: Tensor) -> dict:
    """Show the figure to play with: move a digit and watch feature map and global average.

    Args:
        image: one grey image, (H, W), values in [0, 1].

    Returns:
        The controls by name.
    """
    check_shape("image", image, "H", "W")
    sheet = []

    def draw(*, shift: int, stride: int, border: str) -> Figure:
        old = sheet[0] if sheet else None
        sheet[:] = [draw_shift(image, shift=shift, stride=stride, border=border, fig=old)]
        return sheet[0]

    return explore(
        draw,
        alt=_say_shift,
        caption=SHIFT_CAPTION,
        shift=(0, 27, 1, 3),
        stride=[2, 1],
        border=["circular", "zeros"],
    )
