"""Drawings of chapter 5: what is left of the LSTM, one step in numbers, the cell, the ways back."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlnotes.checks import check_between
from dlnotes.plotting import (
    CANDIDATE,
    DIVERGING,
    FAINT,
    GATE,
    GREY,
    INK,
    INPUT,
    MEMORY,
    NEGATIVE,
    NOTE,
    OUTPUT,
    POSITIVE,
    Diagram,
    figure,
    tint,
)
from dlnotes.plotting.diagram import Shape

# ---- what is left of the LSTM ------------------------------------------------------------------


def what_goes() -> Figure:
    """Draw the memory of an LSTM with what a GRU gives up crossed out, and what is left."""
    drawing = Diagram((-0.3, 13.7), (-2.5, 3.3), width=10.4)
    drawing.text(1.4, 2.6, "LSTM")
    kept, taken, _ = _memory(drawing, 0.0, "c", r"\tilde c_t")
    drawing.arrow(_gate(drawing, 1.7, -0.7, "f"), kept)
    write = _gate(drawing, 2.45, -1.9, "i")
    drawing.arrow(write, (2.45, -0.7), taken)
    squash = drawing.box(4.7, 1.75, "tanh", width=1.0, height=0.6)
    shown, show = drawing.node(6.1, 1.75, "×"), _gate(drawing, 6.1, 2.85, "o")
    drawing.arrow((4.7, 0.6), squash)
    drawing.arrow(squash, shown)
    drawing.arrow(show, shown)
    drawing.arrow(shown, (7.0, 1.75), color=OUTPUT)
    drawing.text(6.9, 1.75, "$h_t$", side="above")
    for shape in (write, squash, show):
        _cross(drawing, shape)
    drawing.arrow((7.2, 0.0), (8.1, 0.0), width=2.4, color=GREY)
    drawing.text(10.9, 2.6, "what is left")
    kept, taken, _ = _memory(drawing, 8.5, "h", "h'_t")
    share = _gate(drawing, 10.2, -0.7, "z")
    drawing.arrow(share, kept)
    drawing.arrow(share, taken, label="1 − z", side="below")
    return drawing.figure


def _memory(drawing: Diagram, left: float, name: str, candidate: str) -> tuple[Shape, Shape, Shape]:
    """Draw the line of a memory from left on, with its candidate; return its ×, × and +."""
    kept, new = drawing.node(left + 1.7, 0.6, "×"), drawing.node(left + 3.4, 0.6, "+")
    for stops in (((left, 0.6), kept), (kept, new), (new, (left + 5.1, 0.6))):
        drawing.arrow(*stops, width=3.4, color=MEMORY)
    drawing.text(left + 0.5, 0.6, f"${name}_{{t-1}}$", side="above")
    drawing.text(left + 4.9, 0.6, f"${name}_t$", side="below")
    taken = drawing.node(left + 3.4, -0.7, "×")
    color = tint(CANDIDATE, 0.6)
    offer = drawing.box(left + 3.4, -1.9, f"${candidate}$", width=0.8, height=0.7, color=color)
    drawing.arrow(offer, taken)
    drawing.arrow(taken, new)
    return kept, taken, new


def _gate(drawing: Diagram, x: float, y: float, name: str) -> Shape:
    """Draw a small box for a gate."""
    return drawing.box(x, y, f"${name}$", width=0.62, height=0.62, color=tint(GATE, 0.6))


def _cross(drawing: Diagram, shape: Shape) -> None:
    """Cross a shape out, so that its name can still be read."""
    w, h = 0.6 * shape.width, 0.6 * shape.height
    for sign in (1, -1):
        ends = [shape.x - w, shape.x + w], [shape.y - sign * h, shape.y + sign * h]
        drawing.ax.plot(*ends, color=NEGATIVE, lw=2.4, alpha=0.8, zorder=6)


# ---- one unit over a few steps -----------------------------------------------------------------


def toy(
    values: Sequence[float], markers: Sequence[int], states: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw what one unit holds: values as dots, markers as columns, its state as bars.

    Args:
        values: that come in, one for each step.
        markers: 0 or 1 for each step.
        states: name of a panel -> the state after each step.
    """
    for name, held in {"markers": markers, **states}.items():
        if len(held) != len(values):
            raise ValueError(f"{name} must have {len(values)} numbers, got {len(held)}")

    panels = len(states)
    fig, axes = figure(
        1, panels, width=4.8 * panels if panels > 1 else 6.4, height=3.1, sharey=True
    )
    for ax, (name, held) in zip(np.atleast_1d(axes), states.items(), strict=True):
        _toy_panel(ax, values, markers, held)
        ax.set_title(name if panels > 1 else "")
    every = [0.0, *values, *(value for held in states.values() for value in held)]
    room = 0.2 * (max(every) - min(every))
    axes_of = np.atleast_1d(axes)
    axes_of[0].set_ylim(min(every) - (room if min(every) < 0 else 0), max(every) + room)
    axes_of[0].set_ylabel("value, state")
    return fig


def _toy_panel(
    ax: Axes, values: Sequence[float], markers: Sequence[int], held: Sequence[float]
) -> None:
    steps = range(1, len(values) + 1)
    for step, marker in zip(steps, markers, strict=True):
        if marker:
            ax.axvspan(step - 0.45, step + 0.45, color=FAINT, alpha=0.7, linewidth=0)
    colors = [POSITIVE if value >= 0 else NEGATIVE for value in held]
    ax.bar(steps, held, width=0.5, color=colors, alpha=0.85)
    ax.plot(steps, values, "o", color=INPUT, markersize=10, markeredgecolor="white")
    for step, value in zip(steps, held, strict=True):
        place = dict(xytext=(3, 0), textcoords="offset points", ha="left", va="center")
        words = f"{value:.2f}".replace("-", "−")
        ax.annotate(words, (step + 0.25, value), fontsize=12, **place)
    ax.axhline(0, color=INK, linewidth=1)
    ax.set(xlabel="step", xticks=list(steps), xlim=(0.4, len(values) + 1.0))
    ax.grid(False, axis="x")


# ---- one step ----------------------------------------------------------------------------------


def step_in_numbers() -> Figure:
    """Draw the step that chapter 5 computes by hand, with its number on each wire."""
    drawing = Diagram((-1.2, 11.6), (-1.1, 4.7), width=9.8, font=14)
    gate, amber = tint(GATE, 0.6), tint(CANDIDATE, 0.6)
    kept, new = drawing.node(4.7, 3.6, "×"), drawing.node(8.6, 3.6, "+")
    for stops in (((-0.4, 3.6), kept), (kept, new), (new, (11.2, 3.6))):
        drawing.arrow(*stops, width=3.4, color=MEMORY)
    drawing.text(0.5, 3.6, "old state 0.500", side="above", color=MEMORY)
    drawing.text(6.65, 3.6, "0.366", side="above", color=MEMORY)
    drawing.text(10.3, 3.6, "new 0.595", side="above", color=MEMORY)
    update = drawing.box(4.7, 2.1, "z = 0.731", width=1.8, height=0.7, color=gate)
    drawing.arrow(update, kept)
    rest = drawing.box(6.9, 2.1, "1 − z = 0.269", width=2.1, height=0.7, color=gate)
    drawing.arrow(update, rest)
    taken = drawing.node(8.6, 2.1, "×")
    drawing.arrow(rest, taken)
    drawing.arrow(taken, new)
    drawing.text(8.6, 2.9, "0.230", side="right")
    reset = drawing.box(2.2, 1.6, "r = 0.269", width=1.8, height=0.7, color=gate)
    masked = drawing.node(2.2, 0.3, "×")
    drawing.arrow((0.3, 3.6), (0.3, 0.3), masked, color=MEMORY)
    drawing.text(1.05, 0.3, "U h = 1", side="below")
    drawing.arrow(reset, masked)
    candidate = drawing.box(
        6.6, 0.3, "h' = tanh 1.269 = 0.854", width=3.6, height=0.75, color=amber
    )
    plus = drawing.node(3.9, 0.3, "+")
    drawing.arrow(masked, plus)
    drawing.text(3.05, 0.3, "0.269", side="below")
    drawing.arrow((3.9, -0.75), plus, color=INPUT)
    drawing.text(3.9, -0.6, "input x = 1", side="right", color=INPUT)
    drawing.arrow(plus, candidate)
    drawing.arrow(candidate, (9.5, 0.3), (9.5, 2.1), taken)
    return drawing.figure


# ---- the cell in one picture -------------------------------------------------------------------


def cell_diagram() -> Figure:
    """Draw the cell of the notes: the reset acts after the product with U, z is the old's share."""
    drawing = Diagram((-0.7, 10.9), (-0.6, 5.4), width=9.4)
    state, reads_h, reads_x = 4.2, 0.8, 0.2  # heights of the lines of the state and the input
    box = dict(width=0.95, height=0.66)
    to_u = drawing.box(3.6, 3.3, "U", **box)
    reset = drawing.box(2.2, 1.5, "σ", color=tint(GATE, 0.6), **box)
    update = drawing.box(5.4, 1.5, "σ", color=tint(GATE, 0.6), **box)
    tanh = drawing.box(7.2, 2.3, "tanh", color=tint(CANDIDATE, 0.6), **box)
    rest = drawing.box(7.2, 3.3, "1 −", **box)
    masked = drawing.node(3.6, 2.3, "×")
    kept, taken = drawing.node(5.4, state, "×"), drawing.node(8.9, 3.3, "×")
    new = drawing.node(8.9, state, "+")
    for stops in (((-0.1, state), kept), (kept, new), (new, (10.3, state))):
        drawing.arrow(*stops, width=3.4, color=MEMORY)
    drawing.arrow((0.8, state), (0.8, 1.5), reset, color=MEMORY)  # the gates read the state
    drawing.arrow((0.8, 1.5), (0.8, reads_h), (2.06, reads_h), head="-", color=MEMORY)
    drawing.arrow((2.34, reads_h), (4.6, reads_h), (4.6, 1.5), update, color=MEMORY)
    drawing.arrow((0.0, reads_x), (7.2, reads_x), tanh, color=INPUT)  # gates and tanh read x
    for gate in (reset, update):
        drawing.arrow((gate.x, reads_x), gate, color=INPUT)
    drawing.arrow((3.6, state), to_u, color=MEMORY)
    drawing.arrow(masked, (5.26, 2.3), head="-")  # passes under the wire of z
    for wire in (
        (to_u, masked), (reset, (2.2, 2.3), masked), ((5.54, 2.3), tanh), (taken, new),
        (tanh, (8.9, 2.3), taken), (update, kept), ((5.4, 3.3), rest), (rest, taken),
    ):  # fmt: skip
        drawing.arrow(*wire)
    for x, y, text, side in (
        (0.3, state, "$h_{t-1}$", "above"), (10.0, state, "$h_t$", "below"),
        (0.0, reads_x, "$x_t$", "left"), (2.2, 2.05, "$r_t$", "left"),
        (5.4, 2.75, "$z_t$", "right"), (8.3, 2.3, "$h'_t$", "below"), (7.2, 1.0, "$Wx_t$", "right"),
    ):  # fmt: skip
        drawing.text(x, y, text, side=side)
    for x, y, text in (
        (2.8, 1.4, "2 reset gate"), (5.95, 1.4, "1 update\n   gate"),
        (8.3, 1.45, "3 current memory\n   content"), (8.3, 4.85, "4 final memory"),
    ):  # fmt: skip
        drawing.text(x, y, text, color=NOTE, ha="left")
    return drawing.figure


# ---- where r stands, and the way back ----------------------------------------------------------


def rows_and_columns(U: Sequence[Sequence[float]], resets: Sequence[float]) -> Figure:
    """Draw a matrix, and what resets after and before the product leave of it.

    Args:
        U: the matrix, as rows.
        resets: one for each unit.
    """
    matrix, r = np.array(U, dtype=float), np.array(resets, dtype=float)
    if matrix.shape != (len(r), len(r)):
        raise ValueError(f"U must have shape {(len(r), len(r))}, got {matrix.shape}")

    panels = {
        "U": matrix,
        "after: rows times r": r[:, None] * matrix,
        "before: columns times r": matrix * r,
    }
    fig, axes = figure(1, 3, width=8.8, height=3.5)
    most = np.abs(matrix).max()
    for number, (ax, (title, values)) in enumerate(zip(axes, panels.items(), strict=True)):
        ax.imshow(values, cmap=DIVERGING, vmin=-1.6 * most, vmax=1.6 * most)
        for (i, j), value in np.ndenumerate(values):
            ax.text(j, i, f"{value:g}", ha="center", va="center", fontsize=17)
        words = [f"{value:g}" for value in r]
        ax.set_xticks(range(len(r)), words if number == 2 else [])
        ax.set_yticks(range(len(r)), words if number == 1 else [])
        ax.tick_params(length=0, labelsize=14, labelcolor=MEMORY)
        ax.set_title(title, fontsize=13, pad=8)
        ax.grid(False)
    return fig


def four_ways(slopes: Sequence[float]) -> Figure:
    """Draw the four ways from the old state to the new one, each with its slope.

    Args:
        slopes: straight, through z, through the candidate, through r.
    """
    if len(slopes) != 4:
        raise ValueError(f"slopes must have 4 numbers, got {len(slopes)}")
    check_between(-2, 2, **{f"slope_{n}": slope for n, slope in enumerate(slopes)})

    drawing = Diagram((-0.8, 12.0), (-3.3, 1.5), width=9.4, font=14)
    start = drawing.node(0.0, 0.5, "$h_{t-1}$", radius=0.55, color=tint(MEMORY))
    end = drawing.node(10.6, 0.5, "$h_t$", radius=0.55, color=tint(MEMORY))
    gate, amber = tint(GATE, 0.6), tint(CANDIDATE, 0.6)
    update = drawing.box(4.3, -0.75, "$z$", width=0.8, height=0.65, color=gate)
    drawing.box(3.1, -2.75, "$r$", width=0.8, height=0.65, color=gate)
    candidate = drawing.box(7.6, -1.9, "$h'$", width=0.9, height=0.65, color=amber)
    ways = (
        ((start, end), "straight", 5.3, 0.62),
        (((0.5, 0.2), (1.6, -0.75), update, (9.2, -0.75), (10.2, 0.1)), "through z", 6.6, -0.72),
        (((0.3, 0.0), (1.2, -1.9), (7.15, -1.9)), "through the candidate", 4.3, -1.85),
        (((0.1, -0.1), (0.6, -2.75), (7.6, -2.75), candidate.bottom), "through r", 5.6, -2.7),
    )
    for (stops, name, x, y), slope in zip(ways, slopes, strict=True):
        points = [(stop.x, stop.y) if isinstance(stop, Shape) else stop for stop in stops]
        points[0] = start.edge(points[1]) if stops[0] is start else points[0]
        points[-1] = end.edge(points[-2]) if stops[-1] is end else points[-1]
        color = POSITIVE if slope >= 0 else NEGATIVE
        drawing.arrow(*points, color=color, width=1.5 + 8 * abs(slope))
        words = f"{name}  {slope:.3f}".replace("-", "−")
        drawing.text(x, y, words, color=color, side="above")
    drawing.arrow(candidate, (9.4, -1.9), (10.5, -0.06), color=NOTE)
    drawing.text(10.05, -1.6, "both with\n1 − z", color=NOTE, side="right", fontsize=13)
    return drawing.figure
