"""The cell, its four steps as the notes write them, and the chain of cells."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlnotes.checks import check_choice, check_positive
from dlnotes.plotting import (
    CANDIDATE,
    FAINT,
    GATE,
    INK,
    INPUT,
    MEMORY,
    NEGATIVE,
    Diagram,
    figure,
    tint,
)
from dlnotes.plotting.diagram import FONT, LINE, Shape

STEPS = {  # step: its title with the formula, drawn above the close-up
    "forget": r"1  $f_t=\sigma(W_f h_{t-1}+U_f x_t+b_f)$",
    "input": r"2  $i_t=\sigma(\ldots),\quad \tilde c_t=\tanh(\ldots)$",
    "update": r"3  $c_t=f_t\odot c_{t-1}+i_t\odot\tilde c_t$",
    "output": r"4  $o_t=\sigma(\ldots),\quad h_t=o_t\odot\tanh c_t$",
}
_H, _C = 0.8, 6.0  # heights of the line of h and of the line of c
_XLIM, _YLIM = (-1.1, 11.0), (-1.3, 7.1)


class _Cell:
    """One LSTM cell; what does not belong to the chosen step is pale."""

    def __init__(
        self, drawing: Diagram, step: str | None, *, symbols: bool = True, back: bool = False
    ):
        self.drawing, self.step, self.with_symbols, self.back = drawing, step, symbols, back

    def draw(self) -> None:
        """Draw boxes and nodes, then what joins them."""
        forget, enter = (self.gate(name, x) for name, x in (("forget", 1.6), ("input", 3.4)))
        candidate = self.box("input", 5.2, 2.3, "tanh", CANDIDATE)
        leave = self.gate("output", 7.2)
        squash = self.box("output", 8.9, 4.6, "tanh", None)
        kept, added = self.node("forget update", 1.6, _C, "×"), self.node("update", 5.2, _C, "+")
        new, out = self.node("input update", 5.2, 4.2, "×"), self.node("output", 8.9, 3.2, "×")

        for stops in (((-0.5, _C), kept), (kept, added), (added, (10.5, _C))):
            self.line("update", *stops, memory=True)
        road = "-|>" if self.back else "-"  # backwards an error leaves for the old output
        self.line("forget input output", (-0.5, _H), (7.2, _H), head=road)
        self.line("forget input output", (0.4, -0.6), (0.4, _H), head="-")
        for step, shape in zip(
            ("forget", "input", "input", "output"), (forget, enter, candidate, leave), strict=True
        ):
            self.line(step, (shape.x, _H), shape)
        self.line("forget update", forget, kept)
        self.line("input update", enter, (3.4, 4.2), new)
        self.line("input update", candidate, new)
        self.line("update", new, added)
        self.line("output", (8.9, _C), squash)
        self.line("output", squash, out)
        self.line("output", leave, (7.2, 3.2), out)
        self.line("output", out, (8.9, _H), (10.5, _H))
        if self.with_symbols:
            self.symbols()

    def symbols(self) -> None:
        """Write what flows along the lines."""
        for steps, x, y, text, side in (
            ("update", -0.3, _C, "$c_{t-1}$", "above"),
            ("update", 10.1, _C, "$c_t$", "above"),
            ("forget input output", -0.3, _H, "$h_{t-1}$", "above"),
            ("forget input output", 0.4, -0.6, "$x_t$", "below"),
            ("output", 10.1, _H, "$h_t$", "above"),
            ("forget update", 1.6, 4.2, "$f_t$", "left"),
            ("input update", 3.4, 3.5, "$i_t$", "left"),
            ("input update", 5.2, 3.3, r"$\tilde c_t$", "right"),
            ("output", 7.2, 3.1, "$o_t$", "left"),
        ):
            self.drawing.text(x, y, text, side=side, color=self.ink(steps))

    def is_lit(self, steps: str) -> bool:
        """Return whether something that belongs to these steps is drawn in full."""
        return self.step is None or self.step in steps.split()

    def ink(self, steps: str) -> str:
        return INK if self.is_lit(steps) else FAINT

    def box(self, steps: str, x: float, y: float, text: str, color: Any) -> Shape:
        face = tint(color, 0.6) if color and self.is_lit(steps) else "white"
        return self.drawing.box(x, y, text, color=face, ink=self.ink(steps))

    def gate(self, step: str, x: float) -> Shape:
        return self.box(step, x, 2.3, "σ", GATE)

    def node(self, steps: str, x: float, y: float, text: str) -> Shape:
        return self.drawing.node(x, y, text, radius=0.36, ink=self.ink(steps))

    def line(self, steps: str, *stops: Any, memory: bool = False, head: str = "-|>") -> None:
        color = MEMORY if memory and self.is_lit(steps) else self.ink(steps)
        if self.back and head == "-|>":
            color, head = NEGATIVE, "<|-"
        self.drawing.arrow(*stops, color=color, width=4 if memory else LINE, head=head)


def _draw_cell(step: str | None, *, ax: Axes | None = None, font: float = FONT) -> Diagram:
    drawing = Diagram(_XLIM, _YLIM, width=9.0, ax=ax, font=font)
    _Cell(drawing, step).draw()
    return drawing


def architecture(step: str | None = None) -> Figure:
    """Draw one LSTM cell.

    Args:
        step: "forget", "input", "update" or "output" draws the rest pale; None nothing.
    """
    if step is not None:
        check_choice(STEPS, step=step)

    drawing = _draw_cell(step)
    for x, text in ((1.6, "forget"), (3.4, "input"), (5.2, "candidate"), (7.2, "output")):
        drawing.text(x, _H - 0.2, text, side="below")
    drawing.text(3.4, _C + 0.1, "cell state", side="above", color=MEMORY)
    return drawing.figure


_PLACES = {  # of a number: where it stands, on which side, and what it is
    "c before": (-0.3, _C, "above", "$c_{t-1}$"),
    "h before": (-0.3, _H, "above", "$h_{t-1}$"),
    "x": (0.4, -0.6, "below", "$x_t$"),
    "f": (1.6, 4.2, "left", "$f_t$"),
    "i": (3.4, 3.5, "left", "$i_t$"),
    "candidate": (5.2, 3.3, "right", r"$\tilde c_t$"),
    "c": (10.1, _C, "above", "$c_t$"),
    "o": (7.7, 3.2, "above", "$o_t$"),
    "tanh of c": (8.9, 3.85, "right", ""),
    "h": (10.1, _H, "above", "$h_t$"),
}

_PLACES_BACK = {  # the same for errors
    "c before": (-0.3, _C, "above", r"$\bar c_{t-1}$"),
    "h before": (-0.5, _H, "above", r"$\bar h_{t-1}$"),
    "f": (1.6, 1.3, "left", r"$\delta_f$"),
    "i": (3.4, 1.3, "left", r"$\delta_i$"),
    "candidate": (5.2, 1.3, "left", r"$\delta_c$"),
    "o": (7.2, 1.3, "left", r"$\delta_o$"),
    "c": (7.0, _C, "above", r"$\bar c_t$"),
    "c after": (10.1, _C, "above", "from $t+1$"),
    "h": (10.1, _H, "above", r"$\bar h_t$"),
}


def step_in_numbers(numbers: Mapping[str, float], *, back: bool = False) -> Figure:
    """Draw one LSTM cell with numbers on its wires.

    Args:
        numbers: name of a wire, one of "c before", "h before", "x", "f", "i", "candidate", "c",
            "o", "tanh of c", "h" -> its number.
        back: whether they are errors that go backwards, which are orange. Those of the gates and
            of the candidate stand below their boxes, after the slope; "c" is the sum left of the
            junction with the output, and "c after" is what the next step sent back.
    """
    places = _PLACES_BACK if back else _PLACES
    for name in numbers:
        check_choice(places, name=name)

    drawing = Diagram((-1.6, 11.6), (-1.9, 7.6), width=9.4, font=13)
    _Cell(drawing, None, symbols=False, back=back).draw()
    for name, (x, y, side, symbol) in places.items():
        words, color = symbol, INK
        if name in numbers:
            number = f"{numbers[name]:.{4 if back and abs(numbers[name]) < 0.1 else 3}f}"
            number = number.rstrip("0").rstrip(".").replace("-", "−")
            words = (
                f"{symbol} = {number}"
                if name in "xo" and not back
                else f"{symbol}\n{number}".strip()
            )
            color = NEGATIVE if back else MEMORY
        drawing.text(x, y, words, side=side, color=color, fontsize=15)
    drawing.node(0.4, _H, "", radius=0.13, color=INK)  # h and x join
    if back:
        drawing.text(0.4, -0.6, "$x_t$", side="below", fontsize=15)
    for x, text in ((1.6, "forget"), (3.4, "input"), (5.2, "candidate"), (7.2, "output")):
        drawing.text(x, _H - 0.2, text, side="below", fontsize=12)
    return drawing.figure


def close_ups() -> Figure:
    """Draw the four steps of a cell, each with its formula, the rest of the cell pale."""
    fig, axes = figure(2, 2, width=9.6, height=7.4)
    for ax, (step, title) in zip(axes.flat, STEPS.items(), strict=True):
        _draw_cell(step, ax=ax, font=12)
        ax.set_title(title, fontsize=FONT)
    return fig


def chain(cells: int = 4) -> Figure:
    """Draw the cell unrolled in time: two states go from step to step.

    Args:
        cells: how many steps.
    """
    check_positive(cells=cells)
    drawing = Diagram((-1.5, 3.0 * cells + 0.3), (-1.5, 3.6), width=8.8)
    for t in range(cells + 1):
        x = 3.0 * t
        for y, letter, color, width in ((1.6, "c", MEMORY, 4.0), (0.4, "h", INK, LINE)):
            label = f"${letter}_{t}$"
            drawing.arrow((x - 1.2, y), (x, y), label=label, color=color, width=width)
        if t == cells:
            break
        drawing.box(x + 0.9, 1.0, "LSTM", width=1.8, height=2.2, color=tint(GATE))
        drawing.arrow((x + 0.9, -0.85), (x + 0.9, -0.1), color=INPUT)
        drawing.text(x + 0.9, -0.85, f"$x_{t + 1}$", side="below")
        drawing.arrow((x + 0.9, 2.1), (x + 0.9, 2.85))
        drawing.text(x + 0.9, 2.85, f"$h_{t + 1}$", side="above")
    return drawing.figure
