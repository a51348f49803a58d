"""Drawings of part B: backpropagation through a whole network, gates, pooling, the ravine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.learning import WALKS, contours, losses, star
from dlnotes.figures.cnn.parts import (
    DULL,
    FAINT,
    INK,
    MARK,
    PALE,
    TINTS,
    arrow,
    blank,
    box,
    canvas,
    cell,
    frame,
    number,
    readable,
    say,
    shade,
)
from dlnotes.plotting import BLUE, ORANGE

# ---- backpropagation ---------------------------------------------------------------------------

NODE = 1.7  # width of a node; its number stands above its gradient
PITCH = 2.1  # from one node of a layer to the next
STEPS = ("convolution", "ReLU", "max pooling", "dense", "softmax")
LEFT, APART = 0.3, 3.65
P, T = LEFT + 5 * APART, LEFT + 5 * APART + 2.35  # left edges of probabilities and target
LOSS = T + 3.1


@dataclass(frozen=True)
class Wire:
    """A wire from node ``low`` of a layer to node ``high`` of the next, and what it carries back.

    Without ``passes`` it ends at a shut gate.
    """

    low: int
    high: int
    carried: Tensor
    passes: bool = True
    weight: Tensor | None = None


def backprop(
    values: Mapping[str, Tensor], gradients: Sequence[Tensor], kernel: Tensor, dense: Tensor
) -> Figure:
    """Draw a whole little network with its numbers, and the gradient under each of them.

    A wire is coloured where it carries a gradient back, and grey where none passes. Between the
    logits and the loss stand the probabilities p = softmax(logits) and the target t; what goes back
    from there is p − t.

    Args:
        values: name -> numbers, for strip, map, ReLU, pooling, logits and loss in this order:
            (N,), (N − 1,), the same, (2,), (2,), and a single number.
        gradients: of the loss, for all of them but the loss; that of the logits is p − t, from
            which the target is read.
        kernel: weights of the convolution, (2,).
        dense: weights of the dense layer, (2, 2).
    """
    names, numbers = list(values), [x.detach().flatten() for x in values.values()]
    if len(numbers) != 6 or len(gradients) != 5:
        raise ValueError(
            f"values and gradients must be 6 and 5, got {len(numbers)} and {len(gradients)}"
        )
    deltas = [torch.as_tensor(gradient).detach() for gradient in gradients]
    for name, value, delta in zip(names, numbers, deltas, strict=False):
        check_shape(f"gradient of {name}", delta, len(value))
    check_shape("kernel", kernel, 2)
    check_shape("dense", dense, 2, 2)
    target = _target(numbers[4], deltas[4])

    tall = PITCH * len(numbers[0]) + 2.6
    fig, ax = canvas(LOSS + NODE + 1.0, tall, width=9.6)
    places = [_column(x, numbers[0]) for x in numbers]
    for step, wires in enumerate(_all_wires(numbers, deltas, kernel, dense)):
        for wire in wires:
            high = places[step + 1][wire.high] if step < 4 else places[4][wire.low]  # each p − t
            _draw(ax, wire, step, places[step][wire.low], high)
        say(ax, LEFT + NODE + APART * step + (APART - NODE) / 2, 0.45, STEPS[step], size=13)
    for layer, name in enumerate(names):
        delta = deltas[layer] if layer < 5 else [None]
        x = LEFT + APART * layer if layer < 5 else LOSS
        for place, a, d in zip(places[layer], numbers[layer], delta, strict=True):
            _twofold(ax, x, place, a, d)
        say(ax, x + NODE / 2, places[layer][0] - 1.1, name, size=14, fontweight="bold")
    _head(ax, numbers[4].softmax(0), target, places)
    _key(ax, LEFT + 2.4 * APART, tall - 1.0, kernel_gradient(numbers[0], deltas[1]))
    return fig


def _target(logits: Tensor, delta: Tensor) -> Tensor:
    """Return the one-hot t for which ``delta`` is p − t."""
    rest = logits.softmax(0) - delta
    target = F.one_hot(rest.argmax(), len(logits)).to(rest)
    if not torch.allclose(rest, target, atol=1e-3):
        raise ValueError(
            "gradient of logits must be softmax(logits) minus a one-hot target, got "
            f"{delta.tolist()} for the logits {logits.tolist()}"
        )
    return target


def _head(ax, p: Tensor, target: Tensor, places: list[list[float]]) -> None:
    """Draw probabilities minus target, and how the loss reads them."""
    middle = places[5][0]
    for x, values, name in ((P, p, "p"), (T, target, "target t")):
        for y, value in zip(places[4], values.tolist(), strict=True):
            text = f"{value:.3f}" if name == "p" else number(value)
            box(ax, x + NODE / 2, y, text, wide=NODE, high=0.9, colour="white", size=14)
        say(ax, x + NODE / 2, places[4][0] - 1.1, name, size=14, fontweight="bold")
    for y in places[4]:
        say(ax, (P + NODE + T) / 2, y, "−", size=17)
        ax.plot([T + NODE, LOSS], [y, middle], color=DULL, lw=1.6, zorder=1)
    say(ax, (P + T + NODE) / 2, middle, "p − t goes back", size=14)
    true = (p * target).sum().item()
    say(ax, LOSS + 1.1, middle + 1.2, f"−log {true:.3f}", size=13)


def kernel_gradient(strip: Tensor, delta: Tensor) -> Tensor:
    """Return ∂L/∂w, (2,): each weight adds up what comes back where it was used."""
    return strip.unfold(0, len(delta), 1) @ delta


def _key(ax, x: float, y: float, at_kernel: Tensor) -> None:
    for k, (text, colour) in enumerate((("number", "white"), ("its gradient", PALE))):
        style = dict(facecolor=colour, edgecolor=INK, lw=1.2)
        ax.add_patch(Rectangle((x, y - 0.75 + 0.75 * k), 3.6, 0.75, **style))
        say(ax, x + 1.8, y - 0.375 + 0.75 * k, text, size=14)
    both = ", ".join(number(value) for value in at_kernel.tolist())
    say(ax, x + 4.1, y, f"kernel ∂L/∂w = ({both})", size=14, ha="left")


def _column(values: Tensor, lowest: Tensor) -> list[float]:
    """Return the heights of a layer's nodes, centred beside the strip."""
    middle = 2.35 + PITCH * (len(lowest) - 1) / 2
    pitch = 2 * PITCH if len(values) == 2 else PITCH  # beside the middle of each pooling window
    return [middle + pitch * (k - (len(values) - 1) / 2) for k in range(len(values))]


def _all_wires(
    numbers: list[Tensor], deltas: list[Tensor], kernel: Tensor, dense: Tensor
) -> list[list[Wire]]:
    """Return the wires of each step, with what they carry back."""
    _, before, after, pooled, logits, _ = numbers
    _, at_map, at_relu, at_pooled, at_logits = deltas
    convolution = [
        Wire(i + u, i, at_map[i] * kernel[u], weight=kernel[u])
        for i in range(len(before))
        for u in range(2)
    ]
    relu = [Wire(i, i, at_relu[i], passes=bool(before[i] > 0)) for i in range(len(before))]
    pooling = []
    for k in range(len(pooled)):
        winner = 2 * k + after[2 * k : 2 * k + 2].argmax().item()  # of equals, the first
        pooling += [Wire(i, k, at_pooled[k], passes=i == winner) for i in (2 * k, 2 * k + 1)]
    layer = [
        Wire(j, k, at_logits[k] * dense[k, j], weight=dense[k, j])
        for k in range(len(logits))
        for j in range(len(pooled))
    ]
    loss = [Wire(k, 0, at_logits[k]) for k in range(len(logits))]
    return [convolution, relu, pooling, layer, loss]


def _draw(ax, wire: Wire, step: int, low: float, high: float) -> None:
    left, right = LEFT + APART * step + NODE, LEFT + APART * (step + 1)
    if wire.passes and wire.carried:
        colour = BLUE if wire.carried > 0 else ORANGE
        arrow(ax, (right - 0.08, high), (left + 0.08, low), colour=colour, width=2.6)
        if wire.weight is not None:
            share = 0.45 if step == 0 else 0.27  # beside the crossing of the dense layer's wires
            place = right + share * (left - right), high + share * (low - high)
            paper = dict(boxstyle="round,pad=0.12", facecolor="white", edgecolor="none")
            text = f"{number(wire.weight.item())}"
            say(ax, *place, text, size=14, color=colour, bbox=paper)
        return
    share = 1.0 if wire.passes else 0.45  # where the way on is shut
    end = (right + share * (left - right), high + share * (low - high))
    ax.plot([right, end[0]], [high, end[1]], color=DULL, lw=1.6, zorder=1)
    if not wire.passes:
        ax.plot([end[0]] * 2, [end[1] - 0.32, end[1] + 0.32], color=FAINT, lw=4, zorder=2)


def _twofold(ax, x: float, y: float, value: Tensor, delta: Tensor | None) -> None:
    """Draw a number and, below it, its gradient."""
    half = 0.75
    ax.add_patch(Rectangle((x, y - half), NODE, half, facecolor="white", edgecolor=INK, lw=1.2))
    say(ax, x + NODE / 2, y - half / 2, number(value.item()), size=14)
    if delta is None:
        return
    colour = shade(delta.item(), 3.0)
    ax.add_patch(Rectangle((x, y), NODE, half, facecolor=colour, edgecolor=INK, lw=1.2))
    say(ax, x + NODE / 2, y + half / 2, number(delta.item()), size=14)


# ---- ReLU and pooling --------------------------------------------------------------------------


def relu_gate(*, backwards: bool = False) -> Figure:
    """Draw ReLU with its two slopes, and beside it the gate which it is.

    Args:
        backwards: whether a gradient δ goes through the gate, from the right, or a number a,
            from the left.
    """
    fig = Figure(figsize=(8.4, 3.3))
    graph = fig.add_axes((0.05, 0.2, 0.36, 0.69))
    a = torch.linspace(-2.2, 2.2, 89)
    graph.plot(a.tolist(), a.relu().tolist(), color=INK, lw=3.2)
    graph.text(-1.2, 0.18, "slope 0", ha="center", fontsize=15, color="#666666")
    graph.text(0.75, 1.45, "slope 1", ha="right", fontsize=15, color=MARK)
    graph.set(xlim=(-2.2, 2.2), ylim=(-0.25, 2.3), xticks=[-2, 0, 2], yticks=[0, 2])
    graph.tick_params(labelsize=13)
    graph.set_xlabel("a", fontsize=15, labelpad=0)
    graph.set_title("ReLU(a)", fontsize=15)
    gates = fig.add_axes((0.46, 0.02, 0.53, 0.96))
    blank(gates, 10.0, 7.0)
    _gate(gates, 2.1, 1.0, backwards)
    _gate(gates, 5.8, -1.0, backwards)
    return fig


def _gate(ax, y: float, a: float, backwards: bool) -> None:
    """Draw a wire with a gate in it, open where ReLU has slope 1."""
    number_ = torch.tensor(a, requires_grad=True)
    number_.relu().backward()
    slope = int(number_.grad)
    text = "a > 0, slope 1, open" if slope else "a ≤ 0, slope 0, shut"
    say(ax, 5.0, y - 1.45, text, size=15)
    name, start, end = ("δ", 9.3, 0.7) if backwards else ("a", 0.7, 9.3)
    toward = 1 if end > start else -1
    say(ax, start, y, name, size=18)
    say(ax, end, y, name if slope else "0", size=18)
    if slope:
        arrow(ax, (start + 0.6 * toward, y), (end - 0.6 * toward, y), colour=MARK, width=3.5)
    else:
        ax.plot([start + 0.6 * toward, 5.0], [y, y], color=FAINT, lw=3.5, zorder=1)
    for far in (-0.85, 0.85):  # two posts, with a gap between them where the gate is open
        ax.plot([5.0, 5.0], [y + far, y + 0.45 * slope * far], color=INK, lw=7, zorder=4)


def pooling(values: Tensor) -> Figure:
    """Draw max and average pooling of a map, each 2 × 2 window with its two results in one tint.

    Args:
        values: numbers of the map, (H, W), H and W even.
    """
    check_shape("values", values, "H", "W")
    if values.shape[0] % 2 or values.shape[1] % 2:
        raise ValueError(f"values must have even H and W, got {tuple(values.shape)}")

    high, wide = values.shape
    pooled = [pool(values[None, None], 2)[0, 0] for pool in (F.max_pool2d, F.avg_pool2d)]
    large = 1.4  # side of a result's cell
    fig, ax = canvas((1 + large) * wide + 5.2, high + 1.6, width=8.4)
    _tinted(ax, 0.5, 1.2, values, every=2)
    say(ax, 0.5 + wide / 2, 0.6, f"map, {high} × {wide}", size=16)
    x, top = 0.5 + wide + 2.2, 1.2 + high / 2 * (1 - large / 2)
    for k, (name, result) in enumerate(
        zip(("max pooling", "average pooling"), pooled, strict=True)
    ):
        left = x + k * (large * wide / 2 + 2.0)
        _tinted(ax, left, top, result, every=1, side=large)
        say(ax, left + large * wide / 4, 0.6, name, size=16)
    for i in range(high // 2):
        for j in range(wide // 2):
            window = values[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            u, v = divmod(window.argmax().item(), 2)
            frame(ax, 0.5 + 2 * j + v, 1.2 + 2 * i + u, 1, 1, INK)
    arrow(ax, (0.5 + wide + 0.4, 1.2 + high / 2), (x - 0.4, 1.2 + high / 2), colour=INK, width=2.2)
    return fig


def _tinted(ax, x: float, y: float, values: Tensor, *, every: int, side: float = 1.0) -> None:
    for i, line in enumerate(values.tolist()):
        for j, value in enumerate(line):
            colour = TINTS[(2 * (i // every) + j // every) % 4]
            cell(ax, x + j * side, y + i * side, side, colour, line="white")
            say(ax, x + (j + 0.5) * side, y + (i + 0.5) * side, number(value), size=17)


# ---- walkers in a ravine -----------------------------------------------------------------------

WIDTHS = (4.2, 2.2, 1.6)  # of the walks, the lowest first


def ravine(panels: Mapping[str, tuple[Tensor, Mapping[str, Tensor]]]) -> Figure:
    """Draw walks through ravines from above, and the loss at which each of them ends.

    Args:
        panels: title -> (hessian H of L = ½ wᵀ H w, (2, 2), and walker -> points (steps + 1, 2));
            the same walkers in each, four at most.
    """
    for title, (hessian, _) in panels.items():
        check_shape(f"hessian of {title}", hessian, 2, 2)

    fig = Figure(figsize=(8.8, 5.3))
    wide = 0.9 / len(panels)
    for k, (title, (hessian, walks)) in enumerate(panels.items()):
        ax = fig.add_axes((0.07 + k * (wide + 0.05), 0.24, wide - 0.03, 0.68))
        lowest = torch.zeros(2).to(hessian)
        contours(ax, hessian, lowest)
        star(ax, lowest)
        for place, ((name, points), colour) in enumerate(zip(walks.items(), WALKS, strict=False)):
            path = points.detach().double()
            width = WIDTHS[min(place, len(WIDTHS) - 1)]  # those below stay visible
            style = dict(lw=width, ms=2.2 * width, mew=0, zorder=4 + 0.1 * place)
            ax.plot(*path.T.tolist(), "o-", color=colour, **style)
            ax.plot(*path[0].tolist(), "s", ms=13, mfc="none", mec=INK, mew=1.8, zorder=6)
            text = f"{name}\n{losses(path[-1:], hessian, lowest).item():.2g}"
            ax.text(
                (place + 0.5) / len(walks), -0.19, text, transform=ax.transAxes, ha="center",
                va="top", fontsize=15, color=colour, fontweight="bold",
            )  # fmt: skip
        ax.set_title(title)
        ax.set(xlim=(-2.4, 0.9), ylim=(-1.65, 1.65), xticks=[-2, -1, 0], yticks=[-1, 0, 1])
        ax.set_ylabel("w₁" if k == 0 else "")
        readable(ax)
    return fig
