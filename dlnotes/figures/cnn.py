"""Pictures of chapter 2 to play with: the walking window, the moving digit, the architecture.

``convolution`` and ``shift`` are widgets; ``draw_convolution``, ``draw_shift`` and ``architecture``
return the matplotlib figure alone, which is what the tests look at.
"""

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from torch import Tensor

from dlnotes.checks import check_at_least, check_choice, check_positive, check_shape
from dlnotes.cnn import conv_output_size
from dlnotes.figures import explore
from dlnotes.plotting import COLORS, DIVERGING, bars, figure

GREY, PALE, INK = "#bdbdbd", "#f2f2f2", "#222222"


# ---- the window walks over the padded image ----------------------------------------------------


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
    *, size: int, kernel: int, stride: int, padding: int, dilation: int, window: int
) -> Figure:
    """Draw one step of a convolution: the window on the padded input, and the output so far.

    Args:
        size: I, rows and columns of the image.
        kernel: K, rows and columns of the kernel.
        stride: S, cells from one window to the next.
        padding: P, zeros on each side.
        dilation: D, distance of neighbouring kernel cells.
        window: number of the window, row by row from 0; beyond the last it stays at the last.
    """
    check_positive(size=size, kernel=kernel, stride=stride, dilation=dilation)
    check_at_least(0, padding=padding, window=window)
    wide, span = size + 2 * padding, dilation * (kernel - 1) + 1
    fig, (left, right) = figure(1, 2, width=7.6, height=4.7)
    padded = F.pad(toy_image(size), (padding,) * 4)
    if span > wide:
        _cells(left, padded, padding=padding, unread=set())
        left.set_title(f"padded input, {wide} × {wide}")
        right.axis("off")
        text = f"No window fits:\nthe kernel spans {span} cells,\nthe padded input has {wide}."
        right.text(0.5, 0.5, text, ha="center", va="center", transform=right.transAxes)
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
            tap = Rectangle(corner, 1, 1, fill=False, edgecolor=COLORS[1], linewidth=2.4, zorder=4)
            left.add_patch(tap)
    left.set_title(f"padded input: {size} + 2·{padding} = {wide} wide")
    lost = f"grey: {len(unread)} columns and {len(unread)} rows are never read"
    left.set_xlabel(
        lost.replace("1 columns and 1 rows are", "1 column and 1 row are") * bool(unread)
    )
    _output_cells(right, output, window)
    right.set_title(f"output: O = {count}")
    right.set_xlabel(f"row {row}, column {column}: sum = {_signed(output[row, column].item())}")
    formula = f"⌊({size} + 2·{padding} − {dilation}·({kernel} − 1) − 1) / {stride}⌋ + 1 = {count}"
    fig.suptitle(f"O = ⌊(I + 2P − D(K − 1) − 1) / S⌋ + 1 = {formula}", fontsize=11)
    return fig


def _grid(axes, size: int) -> None:
    axes.set(xlim=(-0.6, size - 0.4), ylim=(size - 0.4, -0.6), aspect="equal", xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _signed(value: float) -> str:
    return f"{value:+g}".replace("-", "−") if value else "0"


def _cell(axes, i: int, j: int, colour, text: str, *, size: int, hatch: str = "") -> None:
    box = Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=colour, edgecolor="white", hatch=hatch)
    axes.add_patch(box)
    axes.text(j, i, text, ha="center", va="center", color=INK, fontsize=11 if size <= 9 else 8)


def _cells(axes, padded: Tensor, *, padding: int, unread: set[int]) -> None:
    size = len(padded)
    _grid(axes, size)
    for i in range(size):
        for j in range(size):
            inside = padding <= i < size - padding and padding <= j < size - padding
            value = padded[i, j].item()
            colour = COLORS[4] if value else PALE
            if i in unread or j in unread:
                colour = GREY
            _cell(axes, i, j, colour, f"{value:g}", size=size, hatch="" if inside else "////")
    if padding:
        side = size - 2 * padding
        corner = (padding - 0.5, padding - 0.5)
        axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=INK, linewidth=1.2))


def _output_cells(axes, output: Tensor, window: int) -> None:
    size = len(output)
    _grid(axes, size)
    for number, value in enumerate(output.flatten().tolist()):
        i, j = divmod(number, size)
        colour = PALE if not value else COLORS[4] if value > 0 else COLORS[5]
        text = _signed(value)
        if number > window:  # the window has not been there yet
            colour, text = "white", ""
        _cell(axes, i, j, colour, text, size=size)
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=GREY))
    i, j = divmod(window, size)
    lit = Rectangle(
        (j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=COLORS[1], linewidth=3, zorder=4
    )
    axes.add_patch(lit)


def _say_convolution(
    *, size: int, kernel: int, stride: int, padding: int, dilation: int, window: int
) -> str:
    if dilation * (kernel - 1) + 1 > size + 2 * padding:
        return "A padded image of a bright bar; the kernel is wider than the image, no window fits."
    count = conv_output_size(size, kernel, padding=padding, stride=stride, dilation=dilation)
    return (
        f"Left, a {size} by {size} image of a bright bar with {padding} zeros on each side and a "
        f"{kernel} by {kernel} window, stride {stride}, dilation {dilation}. Right, the output of "
        f"{count} by {count} cells, filled up to cell {min(window, count * count - 1) + 1}."
    )


def convolution() -> dict:
    """Show the widget: choose I, K, S, P, D and walk the window over the image.

    Returns:
        The controls by name.
    """
    return explore(
        draw_convolution,
        alt=_say_convolution,
        size=(3, 10, 1, 7),
        kernel=(1, 5, 1, 3),
        stride=(1, 4, 1, 2),
        padding=(0, 2, 1, 1),
        dilation=(1, 3, 1, 1),
        window=(0, 99, 1, 6),
    )


# ---- the digit moves ---------------------------------------------------------------------------

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


def draw_shift(image: Tensor, *, shift: int, stride: int, border: str) -> Figure:
    """Draw what a shift of the image does to a feature map and to its global average.

    Args:
        image: one grey image, (H, W); it is moved to the right and wraps around.
        shift: pixels to move.
        stride: S of the convolution.
        border: "circular" or "zeros", what the convolution sees beyond the border.
    """
    before = feature_maps(image, stride=stride, border=border)
    after = feature_maps(image.roll(shift, 1), stride=stride, border=border)
    difference = after[0] - before[0].roll(shift // stride, 1)
    fig, axes = figure(1, 4, width=8.8, height=2.9)
    limit = before[0].max().item() or 1.0
    for ax, picture, title in (
        (axes[0], image.roll(shift, 1), f"image, moved by {shift}"),
        (axes[1], after[0], f"feature map, {after.shape[1]} × {after.shape[2]}"),
    ):
        ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1 if ax is axes[0] else limit)
        ax.set_title(title, fontsize=10.5)
    axes[2].imshow(difference, cmap=DIVERGING, vmin=-limit, vmax=limit)
    axes[2].set_title("map(moved) − moved(map)", fontsize=10.5)
    largest = difference.abs().max().item()
    axes[2].set_xlabel("0 everywhere" if largest < 1e-5 else f"up to {largest:.2f}")
    for ax in axes[:3]:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(True)
    for k, (maps, label) in enumerate(((before, "before"), (after, "moved"))):
        at = torch.arange(3) + 0.38 * (k - 0.5)
        axes[3].bar(at, maps.mean((1, 2)), width=0.36, color=COLORS[k], label=label)
    axes[3].set_xticks(range(3), [name.replace(" ", "\n") for name in FILTERS], fontsize=9)
    axes[3].set_title("global average", fontsize=11)
    axes[3].set_ylim(0, 1.5 * before.mean((1, 2)).max().item() + 1e-6)
    axes[3].legend(fontsize=9, loc="upper left", ncols=2, columnspacing=0.8, handlelength=1)
    return fig


def _say_shift(*, shift: int, stride: int, border: str) -> str:
    return (
        f"A digit moved by {shift} pixels, its feature map at stride {stride}, border {border}; "
        "the map of the moved digit minus the moved map; and three global averages as bars."
    )


def shift(image: Tensor) -> dict:
    """Show the widget: move a digit and watch feature map and global average.

    Args:
        image: one grey image, (H, W), values in [0, 1].

    Returns:
        The controls by name.
    """
    check_shape("image", image, "H", "W")

    def draw(*, shift: int, stride: int, border: str) -> Figure:
        return draw_shift(image, shift=shift, stride=stride, border=border)

    return explore(
        draw,
        alt=_say_shift,
        shift=(0, 27, 1, 3),
        stride=[2, 1],
        border=["circular", "zeros"],
    )


# ---- the architecture in one picture -----------------------------------------------------------


def architecture() -> Figure:
    """Draw LeNet-5 for a 28 × 28 image: every stack of feature maps with its size."""
    c1 = conv_output_size(28, 5, padding=2)
    s2 = conv_output_size(c1, 2, stride=2)
    c3 = conv_output_size(s2, 5)
    s4 = conv_output_size(c3, 2, stride=2)
    stacks = [
        ("image", 1, 28, ""),
        ("C1", 6, c1, "convolution 5×5\n+ activation"),
        ("S2", 6, s2, "pooling 2×2"),
        ("C3", 16, c3, "convolution 5×5\n+ activation"),
        ("S4", 16, s4, "pooling 2×2"),
    ]
    fig, ax = figure(width=9.2, height=2.9)
    x = 0.0
    for number, (name, channels, size, operation) in enumerate(stacks):
        depth = min(channels, 8) - 1
        for sheet in range(depth, -1, -1):
            corner = (x + 1.6 * sheet, -size / 2 + 1.1 * sheet)
            face = COLORS[4] if name.startswith("C") else PALE
            ax.add_patch(Rectangle(corner, size, size, facecolor=face, edgecolor=INK, lw=0.8))
        _label(ax, x + size / 2 + 0.8 * depth, name, f"{channels} @ {size}×{size}", operation)
        x += size + 1.6 * depth + (15 if number < len(stacks) - 1 else 13)
    for name, units, operation in (
        ("C5", 120, "linear\n+ activ."),
        ("F6", 84, "linear\n+ activ."),
        ("output", 10, "linear\n+ softmax"),
    ):
        height = 8 + 24 * units / 120
        outline = [(x, -height / 2), (x + 3, -height / 2), (x + 3, height / 2), (x, height / 2)]
        ax.add_patch(Polygon(outline, facecolor=COLORS[1], edgecolor=INK, lw=0.8))
        _label(ax, x + 1.5, name, f"{units}", operation)
        x += 27
    ax.set(xlim=(-8, x - 13), ylim=(-34, 28), aspect="equal")
    ax.axis("off")
    return fig


def _label(ax, x: float, name: str, size: str, operation: str) -> None:
    ax.text(x, 27, name, ha="center", va="top", fontsize=12, fontweight="bold", color=INK)
    ax.text(x, -17, size, ha="center", va="top", fontsize=11, color=INK)
    ax.text(x, -22.5, operation, ha="center", va="top", fontsize=10, color="#444444")


# ---- other pictures of the chapter -------------------------------------------------------------


def row(pictures: dict[str, Tensor], *, limit: float | None = None) -> Figure:
    """Draw matrices side by side, negative numbers blue, positive ones orange.

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
        ax.set_title(title, fontsize=11)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(True)
    return fig


def filters(kernels: Tensor, *maps: Tensor) -> Figure:
    """Draw learned kernels, and below them feature maps, layer by layer.

    Args:
        kernels: of the first layer, (O, K, K); negative blue, positive orange.
        maps: feature maps of one layer each, (O, H, W), at least 0; the first eight are drawn.
    """
    check_shape("kernels", kernels, "O", "K", "K")
    columns = 8
    fig, axes = figure(1 + len(maps), columns, width=8.4, height=1.15 * (1 + len(maps)))
    names = ["kernels", *(f"layer {number}" for number in range(1, len(maps) + 1))]
    for line, name, pictures in zip(axes, names, (kernels, *maps), strict=True):
        most = pictures[:columns].abs().max().item() or 1.0
        for number, ax in enumerate(line):
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set_visible(number < len(pictures))
            if number >= len(pictures):
                continue
            signed = pictures is kernels
            cmap, least = (DIVERGING, -most) if signed else ("gray_r", 0)
            ax.imshow(pictures[number], cmap=cmap, vmin=least, vmax=most)
        line[0].set_ylabel(name, fontsize=12)
    return fig


def side_by_side(columns: dict[str, dict], *, cut: float) -> Figure:
    """Draw several quantities of the same competitors, one panel of bars each.

    Args:
        columns: title -> {competitor: value, or list of values over seeds}.
        cut: where the axis of the first panel starts.
    """
    ratios = [1.6] + [1.0] * (len(columns) - 1)
    fig, axes = figure(1, len(columns), width=8.8, height=3.3, width_ratios=ratios)
    for number, (ax, (title, values)) in enumerate(zip(axes, columns.items(), strict=True)):
        bars(values, xlabel="", ax=ax, format="{:.3g}" if number else "{:.1f}")
        ax.set_title(title, fontsize=11)
        numbers = [x for v in values.values() for x in (v if isinstance(v, list) else [v])]
        low = 0 if number or min(numbers) < cut else cut
        ax.set_xlim(low, low + 1.5 * (max(numbers) - low))  # room for the numbers beside the bars
        if number:
            ax.set_yticklabels([])
    return fig
