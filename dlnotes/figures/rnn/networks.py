"""Drawings of chapter 3: the network, its arrows forward and back, what goes in and comes out."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from dlnotes.checks import check_between, check_positive
from dlnotes.plotting import (
    FAINT,
    INK,
    INPUT,
    MEMORY,
    NEGATIVE,
    OUTPUT,
    Diagram,
    tint,
)
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
    drawing.text(-0.75, 1.35, "should\ncome out", color=OUTPUT, side="left")
    before = None
    for step, (below, above) in enumerate(zip(given, wanted, strict=True)):
        state = _column(drawing, 1.5 * step, below, f"$h_{step + 1}$", above)
        if before is not None:
            drawing.arrow(before, state, color=MEMORY)
        before = state
    return drawing.figure


def uses() -> Figure:
    """Draw a reader (many to one), a writer in training, and one that reads its own letters."""
    drawing = Diagram((-0.9, 14.6), (-2.1, 2.6), width=10.6, font=13)
    panels = (
        ("many to one", "ann", ["", "", "female"]),
        ("many to many, in training", ".an", ["a", "n", "n"]),
        ("writing on its own", ".al", ["a", "l", "i"]),
    )
    for number, (title, given, said) in enumerate(panels):
        start = 5.2 * number
        drawing.text(start + 1.6, 2.15, title, side="above", fontsize=14)
        before = None
        for step, (below, above) in enumerate(zip(given, said, strict=True)):
            x = start + 1.6 * step
            state = drawing.node(x, 0.0, f"$h_{step + 1}$", radius=0.38, color=tint(MEMORY))
            entry = drawing.node(x, -1.5, below, radius=0.34, color=tint(INPUT))
            drawing.arrow(entry, state, color=INPUT)
            if above:
                radius = 0.34 if len(above) == 1 else 0.62
                out = drawing.node(x, 1.45, above, radius=radius, color=tint(OUTPUT))
                drawing.arrow(state, out, color=OUTPUT)
            if before is not None:
                drawing.arrow(before, state, color=MEMORY)
            if number == 2 and step < 2:  # its own letter goes in next
                stops = (x + 0.34, 1.45), (x + 0.8, 1.45), (x + 0.8, -1.5), (x + 1.26, -1.5)
                drawing.arrow(*stops, color=OUTPUT)
            before = state
    return drawing.figure


# ---- the way back ------------------------------------------------------------------------------


def blame_back(
    states: Sequence[float],
    blames: Sequence[float],
    shares: Sequence[float],
    *,
    inputs: Sequence[float] = (),
    goal: float | None = None,
) -> Figure:
    """Draw states in a row, blame that goes back, and the share of each copy of the weight.

    Args:
        states: h₀, h₁, …, h_T.
        blames: δ₁, …, δ_T.
        shares: of each step's weight, from step 1 on.
        inputs: x₁, …, x_T, drawn above the states.
        goal: what the last state should be; None: it is not drawn.
    """
    steps = len(states) - 1
    for name, values in {"blames": blames, "shares": shares, "inputs": inputs or shares}.items():
        if len(values) != steps:
            raise ValueError(f"{name} must have {steps} numbers, got {len(values)}")

    wide = 2.5
    right = wide * steps + (2.75 if goal is not None else 1.25)
    drawing = Diagram((-1.75, right), (-2.3, 2.2 if inputs else 1.2), width=9.2, font=13)
    nodes = []
    for t, value in enumerate(states):
        words = f"$h_{t}$\n{_short(value)}"
        nodes.append(drawing.node(wide * t, 0.3, words, radius=0.56, color=tint(MEMORY)))
    for t, x in enumerate(inputs, start=1):
        drawing.arrow((wide * t, 1.75), nodes[t], color=INPUT)
        drawing.text(wide * t, 1.72, f"$x_{t}$ = {_short(x)}", side="above", color=INPUT)
    for t in range(1, steps + 1):
        _there_and_back(drawing, wide * (t - 1), wide * t, back=t > 1)
        blame, before = _short(blames[t - 1]), _short(states[t - 1])
        drawing.text(wide * t, -0.32, f"$\\delta_{t}$ = {blame}", side="below", color=NEGATIVE)
        words = f"{blame} · {before}\n= {_short(shares[t - 1])}"
        drawing.box(wide * t, -1.6, words, width=2.2, height=0.95)
    drawing.text(-1.65, -1.6, "$\\delta_t\\cdot h_{t-1}$", side="right")
    if goal is not None:
        end = drawing.box(right - 0.75, 0.3, f"goal\n{_short(goal)}", width=1.2, color=tint(OUTPUT))
        for height, color in ((0.48, MEMORY), (0.12, NEGATIVE)):
            ends = (wide * steps + 0.54, height), (end.left[0], height)
            drawing.arrow(*(ends if color == MEMORY else ends[::-1]), color=color)
    return drawing.figure


def _there_and_back(drawing: Diagram, a: float, b: float, *, back: bool) -> None:
    """Draw the way of a state from a to b, times V, and that of its blame."""
    left, right = a + 0.54, b - 0.54
    drawing.arrow((left, 0.48), (right, 0.48), label="$\\cdot V$", color=MEMORY)
    if back:
        ends = (right, 0.12), (left, 0.12)
        drawing.arrow(*ends, label="$\\cdot V$", side="below", color=NEGATIVE)


def _short(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".").replace("-", "−") or "0"


def two_ways() -> Figure:
    """Draw one step, the two ways of its state forward, and the error that comes back on both."""
    drawing = Diagram((-5.0, 5.4), (-2.0, 2.5), width=9.2)
    before = drawing.node(-4.2, 0.0, "$h_{t-1}$", radius=0.52, color=tint(MEMORY))
    here = drawing.node(-1.3, 0.0, "$a_t$", radius=0.44, color="white")
    state = drawing.node(1.3, 0.0, "$h_t$", radius=0.44, color=tint(MEMORY))
    after = drawing.node(4.5, 0.0, "$a_{t+1}$", radius=0.52, color="white")
    drawing.node(1.3, 2.05, "$o_t$", radius=0.38, color=tint(OUTPUT))
    given = drawing.node(-1.3, -1.6, "$x_t$", radius=0.36, color=tint(INPUT))
    drawing.arrow(given, here, label="U", side="right", color=INPUT)
    drawing.arrow((1.16, 0.42), (1.16, 1.68), label="W", side="left", color=OUTPUT)
    drawing.arrow(
        (1.44, 1.68), (1.44, 0.42), label="$W^{\\top}\\epsilon_t$", side="right", color=NEGATIVE
    )
    for a, b, onward, back in (
        (before, here, "V", "$V^{\\top}\\delta_t$"),
        (here, state, "f", "$\\odot\\,f\\,'(a_t)$"),
        (state, after, "V", "$V^{\\top}\\delta_{t+1}$"),
    ):
        left, right = a.right[0] - 0.03, b.left[0] + 0.03
        drawing.arrow((left, 0.13), (right, 0.13), label=onward, side="above", color=MEMORY)
        drawing.arrow((right, -0.13), (left, -0.13), label=back, side="below", color=NEGATIVE)
    drawing.text(-1.45, 0.42, "$\\delta_t$ lives here", side="above", color=NEGATIVE)
    return drawing.figure


def scissors(steps: int, k: int) -> Figure:
    """Draw truncation: states are handed on, blame is cut after every k steps."""
    check_positive(steps=steps, k=k)
    check_between(1, steps, k=k)

    wide = 1.9
    drawing = Diagram((-0.6, wide * (steps - 1) + 0.6), (-1.2, 1.75), width=9.2)
    for t in range(steps):
        state = drawing.node(wide * t, 0.0, f"$h_{t + 1}$", radius=0.42, color=tint(MEMORY))
        loss = drawing.node(wide * t, 1.3, f"$L_{t + 1}$", radius=0.36, color=tint(OUTPUT))
        drawing.arrow(state, loss, color=OUTPUT)
        if t == 0:
            continue
        left, right = wide * (t - 1) + 0.4, wide * t - 0.4
        drawing.arrow((left, 0.16), (right, 0.16), color=MEMORY)
        if t % k:
            drawing.arrow((right, -0.16), (left, -0.16), color=NEGATIVE)
        else:
            middle = (left + right) / 2
            drawing.arrow((right, -0.16), (middle + 0.22, -0.16), color=NEGATIVE, head="-")
            drawing.text(middle, -0.3, "✂", rotation=90, fontsize=24, color=INK)
            drawing.text(middle, -0.5, "gradient cut", side="below", color=NEGATIVE)
            drawing.text(middle, 0.3, "state\ngoes on", side="above", color=MEMORY)
    return drawing.figure


def echo_chunks(chunks: Sequence[int], *, distance: int, steps: int) -> Figure:
    """Draw which echoes of a bit lie in the chunk of the bit, one strip for each size of chunk.

    Args:
        chunks: sizes k; the gradient is cut after every k steps.
        distance: the bit of step t is asked for at step t + distance.
        steps: how many are drawn.
    """
    check_positive(distance=distance, steps=steps)
    high = 2.6
    drawing = Diagram((-2.4, steps + 0.4), (-high * len(chunks) + 0.9, 1.75), width=9.2, font=12)
    for row, k in enumerate(chunks):
        y = -high * row
        drawing.text(-2.3, y, f"k = {k}", side="right", fontsize=14)
        for t in range(1, steps + 1):
            bit = drawing.box(t - 0.5, y, f"{t}", width=0.78, height=0.6, color=tint(INPUT))
            if t % k == 0 and t < steps:
                drawing.arrow((t, y - 0.6), (t, y + 0.6), color=INK, head="-", width=3)
            asked = t + distance
            if asked <= steps:
                inside = (t - 1) // k == (asked - 1) // k
                color = NEGATIVE if inside else FAINT
                up = y + 0.3 + (1.0 if inside else 0.4 + 0.15 * (t % 3))
                ends = (asked - 0.5, bit.top[1]), (asked - 0.5, up), (t - 0.5, up), bit.top
                drawing.arrow(*ends, color=color, width=2.4 if inside else 1.2)
    return drawing.figure


def wiring(V: Sequence[Sequence[float]], U: Sequence[float] = ()) -> Figure:
    """Draw two units as a graph, the wires of V between them, and beside it V as a table.

    Args:
        V: (2, 2), row i and column j leads from unit j to unit i.
        U: (2,), from the input to each unit; nothing: no input is drawn.
    """
    drawing = Diagram((-2.6, 8.2), (-1.9 if U else -1.3, 1.6), width=8.8)
    units = [
        drawing.node(x, 0.0, f"{n}", radius=0.46, color=tint(MEMORY)) for n, x in ((1, 0), (2, 3))
    ]
    for unit, own in zip(units, (V[0][0], V[1][1]), strict=True):
        if own:
            drawing.loop(unit, label=_short(own), color=MEMORY if own > 0 else NEGATIVE)
    for (a, b), number, height, side in (
        (units, V[1][0], 0.62, "above"),
        (units[::-1], V[0][1], -0.62, "below"),
    ):
        if number:
            ends = (a.x, height), (b.x, height)
            color = MEMORY if number > 0 else NEGATIVE
            turn = 0.46 if height > 0 else -0.46
            drawing.arrow(
                (a.x, turn), *ends, (b.x, turn), label=_short(number), side=side, color=color
            )
    for unit, number in zip(units, U, strict=False):
        drawing.arrow((unit.x, -1.3), unit, label=_short(number), side="left", color=INPUT)
        drawing.text(unit.x, -1.25, "x", side="below", color=INPUT)
    for row in (0, 1):
        drawing.text(4.9, 0.45 - 0.9 * row, f"to {row + 1}", side="right")
        drawing.text(
            6.35 + row, 1.0, f"from {row + 1}" if row else "from 1", side="above", fontsize=11
        )
        for column in (0, 1):
            number = V[row][column]
            color = tint(MEMORY if number > 0 else NEGATIVE) if number else "white"
            place = 6.35 + column, 0.45 - 0.9 * row
            drawing.box(*place, _short(number), width=0.98, height=0.88, color=color)
    return drawing.figure


# ---- what a state is good for, and more than one of it -------------------------------------------


def cups(moves: Sequence[Sequence[int]], names: Sequence[str], ball: int = 0) -> Figure:
    """Draw cups that change places, as lines that cross, and the one with the ball in colour.

    Args:
        moves: for each step, where the cup at each place goes, places counted from 0 at the top.
        names: of the steps.
        ball: its place at the beginning.
    """
    places = len(moves[0]) if moves else 0
    for move in moves:
        if sorted(move) != list(range(places)):
            raise ValueError(f"moves must be permutations of {places} places, got {list(move)}")

    wide = 2.0
    right = wide * len(moves) + 0.6
    drawing = Diagram((-2.1, right), (-1.1 * places + 0.1, 0.55), width=8.8, font=13)
    words = ("left", "middle", "right") if places == 3 else [f"{p + 1}" for p in range(places)]
    for place, word in enumerate(words):
        drawing.text(-0.5, -1.1 * place, word, side="left")
    for step in range(len(moves) + 1):
        for place in range(places):
            color = tint(MEMORY) if place == ball else "white"
            mark = "●" if place == ball else ""
            drawing.node(wide * step, -1.1 * place, mark, radius=0.3, color=color)
        if step == len(moves):
            break
        middle = wide * (step + 0.5)
        drawing.text(middle, -1.1 * places + 0.45, names[step], side="below", color=INPUT)
        for place, goal in enumerate(moves[step]):
            ends = (wide * step + 0.32, -1.1 * place), (wide * (step + 1) - 0.32, -1.1 * goal)
            held = place == ball
            drawing.arrow(*ends, color=MEMORY if held else FAINT, width=2.8 if held else 1.6)
        ball = moves[step][ball]
    return drawing.figure


def deep_and_both_ways(word: str = "ann") -> Figure:
    """Draw two layers of states, and beside them one layer that reads from both ends."""
    step, second = 2.0, 2.0 * len(word) + 1.6
    right = second + step * (len(word) - 1)
    drawing = Diagram((-0.9, right + 1.0), (-2.1, 3.4), width=10.2, font=13)
    for start, title, shift in ((0.0, "deep", 0.0), (second, "both ways", 0.45)):
        middle = start + step * (len(word) - 1) / 2
        drawing.text(middle, 2.95, title, side="above", fontsize=15)
        before = None
        for t, letter in enumerate(word, start=1):
            x = start + step * (t - 1)
            given = drawing.node(x, -1.6, letter, radius=0.34, color=tint(INPUT))
            low = drawing.node(x - shift, -0.2, f"$h_{t}$", radius=0.4, color=tint(MEMORY))
            high = drawing.node(x + shift, 1.1, f"$h'_{t}$", radius=0.4, color=tint(MEMORY))
            out = drawing.node(x, 2.45, f"$o_{t}$", radius=0.36, color=tint(OUTPUT))
            drawing.arrow(given, low, color=INPUT)
            drawing.arrow(given if shift else low, high, color=INPUT)
            drawing.arrow(high, out, color=OUTPUT)
            if shift:
                drawing.arrow(low, out, color=OUTPUT)
            if before:
                drawing.arrow(before[0], low, color=MEMORY)
                drawing.arrow(*((high, before[1]) if shift else (before[1], high)), color=MEMORY)
            before = low, high
    return drawing.figure
