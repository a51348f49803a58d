"""Drawings of chapter 3: the network, its arrows forward and back, what goes in and comes out."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_between, check_positive, check_shape
from dlnotes.plotting import GREY, INPUT, MEMORY, NEGATIVE, OUTPUT, Diagram, figure, tint
from dlnotes.plotting.diagram import Shape

# ---- the network -------------------------------------------------------------------------------


def architecture(steps: int = 4) -> Figure:
    """Draw the recurrent network folded, and unrolled over so many steps."""
    check_positive(steps=steps)
    first = 2.75
    drawing = Diagram((-0.5, first + 1.5 * steps + 0.5), (-1.75, 1.75), width=8.8)
    folded = _column(drawing, 0.0, "$x$", "$h$", "$o$", labels="UW")
    drawing.loop(folded, label="V", color=MEMORY)
    drawing.text(1.9, 0.0, "=", fontsize=24)
    before = drawing.node(first, 0.0, "$h_0$", radius=0.34, color=tint(MEMORY))
    for t in range(1, steps + 1):
        words = f"$x_{t}$", f"$h_{t}$", f"$o_{t}$"
        state = _column(drawing, first + 1.5 * t, *words, labels="UW")
        drawing.arrow(before, state, label="V", color=MEMORY)
        before = state
    return drawing.figure


def _column(
    drawing: Diagram, x: float, below: str, inside: str, above: str, *, labels: str = "  "
) -> Shape:
    """Draw what happens at one step, from the input at the bottom to the output at the top."""
    state = drawing.node(x, 0.0, inside, radius=0.34, color=tint(MEMORY))
    given = drawing.node(x, -1.35, below, radius=0.3, color=tint(INPUT))
    said = drawing.node(x, 1.35, above, radius=0.3, color=tint(OUTPUT))
    drawing.arrow(given, state, label=labels[0].strip(), side="left", color=INPUT)
    drawing.arrow(state, said, label=labels[1].strip(), side="left", color=OUTPUT)
    return state


def letters_in_and_out(name: str) -> Figure:
    """Draw a writer of names in training: the letters that go in, and the next ones above them."""
    given, wanted = "." + name, name + "."
    drawing = Diagram((-2.3, 1.5 * len(given) - 0.9), (-1.75, 1.75), width=8.4)
    drawing.text(-0.75, -1.35, "goes in", color=INPUT, side="left")
    drawing.text(-0.75, 1.35, "shall\ncome out", color=OUTPUT, side="left")
    before = None
    for step, (below, above) in enumerate(zip(given, wanted, strict=True)):
        state = _column(drawing, 1.5 * step, below, f"$h_{step + 1}$", above)
        if before is not None:
            drawing.arrow(before, state, color=MEMORY)
        before = state
    return drawing.figure


# ---- the way back ------------------------------------------------------------------------------


def blame_back(states: Sequence[float], blames: Sequence[float], shares: Sequence[float]) -> Figure:
    """Draw states in a row, blame that goes back, and the share of each copy of the weight.

    Args:
        states: h₀, h₁, …, h_T.
        blames: δ₁, …, δ_T.
        shares: of each step's weight, from step 1 on.
    """
    steps = len(states) - 1
    for name, values in {"blames": blames, "shares": shares}.items():
        if len(values) != steps:
            raise ValueError(f"{name} must have {steps} numbers, got {len(values)}")

    wide = 2.4
    drawing = Diagram((-0.7, wide * steps + 1.25), (-2.15, 1.1), width=8.8)
    nodes = []
    for t, value in enumerate(states):
        nodes.append(drawing.node(wide * t, 0.3, _short(value), radius=0.5, color=tint(MEMORY)))
        drawing.text(wide * t, 0.82, f"$h_{t}$", side="above", color=MEMORY)
    for t in range(1, steps + 1):
        right, left = wide * t - 0.48, wide * (t - 1) + 0.48
        drawing.arrow((left, 0.5), (right, 0.5), label="$\\cdot v$", color=MEMORY)
        if t > 1:
            drawing.arrow((right, 0.1), (left, 0.1), color=NEGATIVE)
        here = wide * t
        drawing.text(
            here, -0.22, f"$\\delta_{t}$ = {_short(blames[t - 1])}", side="below", color=NEGATIVE
        )
        words = f"{_short(blames[t - 1])} · {_short(states[t - 1])}\n= {_short(shares[t - 1])}"
        drawing.box(here, -1.5, words, width=2.1, height=0.95)
    drawing.text(-0.6, -1.5, "shares", side="right")
    return drawing.figure


def _short(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".").replace("-", "−") or "0"


def two_ways() -> Figure:
    """Draw one state, its two ways forward, and the error that comes back on both."""
    drawing = Diagram((-3.6, 6.0), (-1.7, 2.4), width=8.4)
    drawing.node(0.0, 0.0, "$h_t$", radius=0.45, color=tint(MEMORY))
    drawing.node(0.0, 2.0, "$o_t$", radius=0.36, color=tint(OUTPUT))
    after = drawing.node(3.6, 0.0, "$h_{t+1}$", radius=0.5, color=tint(MEMORY))
    drawing.node(-2.9, 0.0, "$h_{t-1}$", radius=0.5, color=tint(MEMORY))
    drawing.arrow((-0.14, 0.43), (-0.14, 1.66), label="W", side="left", color=MEMORY)
    drawing.arrow(
        (0.14, 1.66), (0.14, 0.43), label="$W^{\\top}\\epsilon_t$", side="right", color=NEGATIVE
    )
    drawing.arrow((0.44, 0.12), (3.12, 0.12), label="V", side="above", color=MEMORY)
    drawing.arrow(
        (3.12, -0.14), (0.44, -0.14), label="$V^{\\top}\\delta_{t+1}$", side="below", color=NEGATIVE
    )
    drawing.arrow((-2.41, 0.12), (-0.44, 0.12), label="V", side="above", color=MEMORY)
    drawing.arrow(
        (-0.44, -0.14), (-2.41, -0.14), label="$V^{\\top}\\delta_t$", side="below", color=NEGATIVE
    )
    drawing.arrow(after, (5.4, 0.0), color=MEMORY)
    drawing.text(
        0.0, -0.62, "both added, times $f\\,'(a_t)$:  $\\delta_t$", side="below", color=NEGATIVE
    )
    return drawing.figure


def scissors(steps: int, k: int) -> Figure:
    """Draw truncation: states are handed on, blame is cut after every k steps."""
    check_positive(steps=steps, k=k)
    check_between(1, steps, k=k)

    wide = 1.9
    drawing = Diagram((-0.6, wide * (steps - 1) + 0.6), (-1.7, 1.3), width=9.2)
    for t in range(steps):
        drawing.node(wide * t, 0.0, f"$h_{t + 1}$", radius=0.42, color=tint(MEMORY))
        if t == 0:
            continue
        left, right = wide * (t - 1) + 0.4, wide * t - 0.4
        drawing.arrow((left, 0.16), (right, 0.16), color=MEMORY)
        if t % k:
            drawing.arrow((right, -0.16), (left, -0.16), color=NEGATIVE)
        else:
            middle = (left + right) / 2
            drawing.arrow((middle, -0.95), (middle, 0.95), color=GREY, head="-")
            drawing.text(middle, -0.95, "gradient cut", side="below", color=NEGATIVE)
            drawing.text(middle, 0.95, "state goes on", side="above", color=MEMORY)
    return drawing.figure


# ---- an image as a sequence --------------------------------------------------------------------


def row_by_row(image: Tensor, shown: Sequence[int] = (7, 12, 17, 22)) -> Figure:
    """Draw an image, and some of its rows as the inputs of a network.

    Args:
        image: (H, W), 1 is ink.
        shown: rows that are drawn, counted from 0.
    """
    check_shape("image", image, "H", "W")
    fig, (left, right) = figure(1, 2, width=9.0, height=3.6, width_ratios=[1, 2.1])
    left.imshow(image, cmap="gray_r")
    for row in shown:
        left.axhspan(row - 0.5, row + 0.5, facecolor="none", edgecolor=INPUT, lw=2.2)
    left.set(xticks=[], yticks=[])
    left.grid(False)
    drawing = Diagram((-0.6, 2.3 * len(shown) - 0.9), (-1.9, 1.0), ax=right, font=13)
    before = None
    for place, row in enumerate(shown):
        state = drawing.node(2.3 * place, 0.2, f"$h_{{{row + 1}}}$", radius=0.5, color=tint(MEMORY))
        drawing.arrow((2.3 * place, -1.2), state, color=INPUT)
        drawing.text(2.3 * place, -1.2, f"row {row + 1}", side="below", color=INPUT)
        if before is not None:
            drawing.arrow(before, state, label="…", color=MEMORY)
        before = state
    return fig
