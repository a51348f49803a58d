"""Drawings of part C to scale: networks, sizes over depth, what batch normalisation shares."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path
from torch import nn

from dlnotes import cnn
from dlnotes.checks import check_between, check_positive
from dlnotes.figures.cnn.networks import CONVOLVED, FLAT
from dlnotes.figures.cnn.parts import DULL, INK, MARK, arrow, canvas, end_labels, readable, say
from dlnotes.plotting import BLACK, BLUE, GREEN, GREY, figure, tint

ROW = 34.0  # height of a network's row, where the figure is 100 wide

# ---- networks to scale -------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """Neighbouring layers whose maps have one size: the last number of maps, and all parameters."""

    maps: int
    size: int
    parameters: int
    is_dense: bool


def stages(net: nn.Module, shape: Sequence[int]) -> list[Stage]:
    """Return the stages of a network, by sending one image through a copy on device "meta".

    Args:
        net: its innermost layers are called in order.
        shape: of one image, (C, H, W); the image itself is the first stage.
    """
    net, found = copy.deepcopy(net).to("meta").eval(), [Stage(shape[0], shape[1], 0, False)]

    def note(layer: nn.Module, _, output: torch.Tensor) -> None:
        size = output.shape[-1] if output.ndim == 4 else 1
        count, dense = sum(p.numel() for p in layer.parameters()), isinstance(layer, nn.Linear)
        last = found[-1]
        if not dense and (size == last.size or output.ndim < 4) and len(found) > 1:
            maps = last.maps if output.ndim < 4 else output.shape[1]
            found[-1] = Stage(maps, last.size, last.parameters + count, last.is_dense)
        else:
            found.append(Stage(output.shape[1], size, count, dense))

    innermost = [layer for layer in net.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(note) for layer in innermost]
    with torch.no_grad():
        net(torch.zeros(1, *shape, device="meta"))
    for hook in hooks:
        hook.remove()
    return found


def networks_to_scale(networks: Mapping[str, tuple[nn.Module, Sequence[int]]]) -> Figure:
    """Draw networks as rows of boxes, and below each where its parameters sit.

    Both sides of a box are logarithmic. One step more in height is a map twice as high, one step
    more in width is twice as many maps. The bars have one scale, the longest one fills the row.
    Shortcuts of residual blocks are blue arcs.

    Args:
        networks: name -> (network, shape of one image (C, H, W)).
    """
    rows = {name: stages(net, shape) for name, (net, shape) in networks.items()}
    fig, ax = canvas(100, ROW * len(rows), width=9.6)
    most = max(sum(stage.parameters for stage in found) for found in rows.values())
    for k, (name, found) in enumerate(rows.items()):
        total = sum(stage.parameters for stage in found)
        dense = sum(stage.parameters for stage in found if stage.is_dense) / total
        text = f"{total:,} parameters, {_percent(dense)} in dense layers"
        say(ax, 1, ROW * k + 3, name, size=17, ha="left", fontweight="bold")
        say(ax, 99, ROW * k + 3, text, size=15, ha="right")
        tops = _boxes(ax, found, ROW * k + 14.4)
        net, shape = networks[name]
        _arcs(ax, tops, shortcuts(net, shape))
        _shares(ax, found, total, ROW * k + 28, longest=98 * total / most)
    return fig


def shortcuts(net: nn.Module, shape: Sequence[int]) -> list[tuple[int, int]]:
    """Return the map sizes, in pixels, from which and to which each residual block leads."""
    net, found = copy.deepcopy(net).to("meta").eval(), []

    def note(_layer, inputs, output) -> None:
        found.append((inputs[0].shape[-1], output.shape[-1]))

    for layer in net.modules():
        if isinstance(layer, cnn.Bottleneck) or _has_shortcut(layer):
            layer.register_forward_hook(note)
    with torch.no_grad():
        net(torch.zeros(1, *shape, device="meta"))
    return found


def _has_shortcut(layer: nn.Module) -> bool:
    """Tell whether a block adds its input to a branch, as those of package and chapter do."""
    return getattr(layer, "residual", hasattr(layer, "branch"))


def _arcs(ax, tops: dict[int, tuple[float, float, float]], pairs: list[tuple[int, int]]) -> None:
    """Draw each shortcut from the top of a box to the next one's, or as a loop on its own box."""
    loops = {size: pairs.count((size, size)) for size in tops}
    drawn = dict.fromkeys(tops, 0)
    for start, end in pairs:
        (x, y, wide), (to, height, _) = tops[start], tops[end]
        high = min(y, height) - 4.4
        if start == end:
            slot = 0.9 * wide / loops[start]  # side by side
            x += slot * (drawn[start] - loops[start] / 2) + 0.05 * wide
            to, high = x + 0.8 * slot, y - 2.6
            drawn[start] += 1
        path = Path([(x, y), (x, high), (to, high), (to, height)], [1, 4, 4, 4])
        ax.add_patch(PathPatch(path, fill=False, edgecolor=BLUE, lw=2.2, zorder=4))


def _boxes(ax, found: list[Stage], middle: float) -> dict[int, tuple[float, float, float]]:
    """Draw a box per stage; return, by size of the maps, the top of its last box and its width."""
    tops = {}
    sizes = [f"{stage.size}×{stage.size}" if stage.size > 1 else "" for stage in found]
    wide = [1.0 + 0.62 * math.log2(stage.maps) for stage in found]
    room = [max(box, 1.32 * len(size)) for box, size in zip(wide, sizes, strict=True)]
    gap = (98 - sum(room)) / (len(found) - 1)
    left = 1.0
    for stage, size, box, space in zip(found, sizes, wide, room, strict=True):
        x, height = left + space / 2, 0.8 + 1.75 * math.log2(stage.size)
        colour = FLAT if stage.is_dense else CONVOLVED if stage.parameters else "white"
        corner = (x - box / 2, middle - height / 2)
        ax.add_patch(Rectangle(corner, box, height, facecolor=colour, edgecolor=INK, lw=1.2))
        say(ax, x, middle + 8.8, str(stage.maps), size=14)
        say(ax, x, middle + 11.5, size, size=13, color="#555555")
        if not stage.is_dense:
            tops[stage.size] = (x, middle - height / 2, box)
        left += space + gap
    return tops


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _shares(ax, found: list[Stage], total: int, y: float, *, longest: float) -> None:
    """Draw one bar of all parameters, cut where one stage ends and the next begins."""
    x, high = 1.0, 4.2
    for stage in found:
        width = longest * stage.parameters / total
        colour = FLAT if stage.is_dense else CONVOLVED
        ax.add_patch(Rectangle((x, y), width, high, facecolor=colour, edgecolor=INK, lw=1.0))
        if width > 6:
            say(ax, x + width / 2, y + high / 2, _percent(stage.parameters / total), size=14)
        x += width


# ---- sizes over depth --------------------------------------------------------------------------


def activation_sizes(sizes: Mapping[str, Sequence[float]], factors: Mapping[str, float]) -> Figure:
    """Draw mean squares layer by layer on a logarithmic axis, with what the derivation predicts.

    Args:
        sizes: name -> mean square of the input, and after layer 1, 2, ...
        factors: the same names -> by what one layer multiplies it, in theory (dotted).
    """
    fig, ax = figure(width=7.8, height=3.6)
    ends = []
    for (name, values), colour in zip(sizes.items(), (GREY, GREEN, BLACK), strict=False):
        layers = range(len(values))
        ax.plot(layers, values, "o-", color=colour, lw=2.6, ms=7)
        theory = [values[0] * factors[name] ** k for k in layers]
        ax.plot(layers, theory, ":", color=colour, lw=2.2)
        ends.append((len(values) - 1, values[-1], name, colour))
    ax.set_yscale("log")
    ax.set_xlim(-0.2, ends[0][0] + 0.2)
    ax.set(xlabel="layer", ylabel="mean square")
    ax.set_xticks(range(0, ends[0][0] + 1, 2))
    readable(ax)
    fig.draw_without_rendering()
    end_labels(ax, ends, size=15)
    return fig


# ---- what batch normalisation shares -----------------------------------------------------------

RIGHT, BACK = (1.0, 0.0), (0.42, -0.34)  # on paper: one channel further, one image further


def norm_cube(*, images: int = 5, places: int = 6, channels: int = 7, channel: int = 3) -> Figure:
    """Draw a batch as a cube of images × places × channels, one channel's slab drawn out of it.

    Args:
        images: of the batch, from front to back.
        places: of a map, from top to bottom.
        channels: from left to right.
        channel: number of the slab, from 0.
    """
    check_positive(images=images, places=places, channels=channels)
    check_between(0, channels - 1, channel=channel)
    depth = (images * BACK[0], -images * BACK[1])
    top = depth[1] + 1.3
    start = channels + depth[0] + 4.0
    fig, ax = canvas(start + depth[0] + 7.2, top + places + 1.4, width=9.2)
    _faces(ax, 1.6, top, (images, places, channels), channel)
    _faces(ax, start, top, (images, places, 1), 0)
    say(ax, 1.6 + channels / 2, top + places + 0.6, "channels", size=16)
    say(ax, 0.9, top + places / 2, "places", size=16, rotation=90)
    say(ax, 1.3 + depth[0] / 2, top - depth[1] / 2 - 0.55, "images", size=16, rotation=39)
    middle = top + places / 2
    arrow(ax, (start - 2.1, middle), (start - 0.4, middle), colour=MARK, width=2.6)
    text = f"{images} × {places} numbers\nshare one mean\nand one variance"
    say(ax, start + 1.4 + depth[0], middle - depth[1] / 2, text, size=15, ha="left")
    return fig


def _faces(ax, x: float, y: float, counts: tuple[int, int, int], slab: int) -> None:
    """Draw the front, the top and the right side of a block of cells, one slab coloured."""
    images, places, channels = counts

    def corner(c: float, p: float, n: float) -> tuple[float, float]:
        return x + c * RIGHT[0] + n * BACK[0], y + p + n * BACK[1]

    def tile(points, c: int, shadow: float) -> None:
        colour = tint(MARK, 0.75 - shadow) if c == slab else tint(DULL, 0.55 - shadow)
        ax.add_patch(Polygon(points, facecolor=colour, edgecolor="white", lw=1.0))

    for c in range(channels):
        for p in range(places):
            tile([corner(c + a, p + b, 0) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))], c, 0.0)
        for n in range(images):
            tile([corner(c + a, 0, n + b) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))], c, 0.2)
    for p in range(places):
        for n in range(images):
            sides = ((0, 0), (0, 1), (1, 1), (1, 0))
            tile([corner(channels, p + a, n + b) for a, b in sides], channels - 1, 0.1)
