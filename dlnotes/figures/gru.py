"""Pictures of chapter 5: the cell's diagram, a leaky unit to play with, gates over a digit's rows.

``leaky_unit`` is the widget; the functions that start with ``draw`` and ``cell_diagram`` return
the matplotlib figure alone, which is what the tests look at.
"""

import math

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_between, check_choice, check_shape
from dlnotes.figures import Drawing, explore
from dlnotes.gru import GRUCell, hold_gate, trace
from dlnotes.plotting import (
    CANDIDATE,
    GATE,
    GREY,
    INPUT,
    MEMORY,
    NOTE,
    SEQUENTIAL,
    Diagram,
    figure,
    tint,
)

# ---- a unit whose gates are held by hand -------------------------------------------------------


def noisy_square_wave(steps: int = 120, *, half_period: int = 30, noise: float = 0.35) -> Tensor:
    """Return a wave between −1 and 1 with noise, always the same, (steps,), float64."""
    generator = torch.Generator().manual_seed(0)
    level = 1.0 - 2.0 * (torch.arange(steps) // half_period % 2).double()
    return level + noise * torch.randn(steps, generator=generator, dtype=torch.float64)


def held_unit(*, z: float, r: float, weight: float, convention: str) -> GRUCell:
    """Return one GRU unit whose gates are numbers: h' = tanh(x + r · weight · h).

    Args:
        z: value of the update gate, from 0 to 1.
        r: value of the reset gate, from 0 to 1.
        weight: U, with which the candidate sees the past.
        convention: what z is the share of, "old" or "new".
    """
    check_between(0, 1, z=z, r=r)
    cell = GRUCell(1, 1, z=convention).double()
    state = {name: torch.zeros_like(p) for name, p in cell.named_parameters()}
    state["W"] += 1.0
    state["U"] += weight
    cell.load_state_dict(hold_gate(hold_gate(state, "z", z), "r", r))
    return cell


def time_constant(old: float) -> float:
    """Return after how many steps 1/e of a stored value is left, if a share ``old`` is kept."""
    check_between(0, 1, old=old)
    return 0.0 if old == 0 else math.inf if old == 1 else -1.0 / math.log(old)


class LeakyUnit(Drawing):
    """Input, candidate and state of a unit whose gates are held, over time."""

    def __init__(self):
        self.figure, ax = figure(height=4.0)
        self.ax = ax
        (self.x,) = ax.plot(noisy_square_wave(), ".", color=INPUT, markersize=4, label="input x")
        (self.candidate,) = ax.plot([], ":", color=CANDIDATE, linewidth=2, label="candidate h'")
        (self.h,) = ax.plot([], "-", color=MEMORY, linewidth=2.4, label="state h")
        ax.axhspan(-1, 1, color=GREY, alpha=0.1, linewidth=0)
        ax.set(xlabel="time (steps)", ylabel="value", ylim=(-2.1, 2.4), title="h")
        ax.legend(loc="upper center", ncols=3)
        self.freeze()

    def update(self, *, z: float, r: float, weight: float, z_is: str) -> None:
        """Draw for these values of the sliders; see ``draw_leaky_unit``."""
        check_choice(("share of the old", "share of the new"), z_is=z_is)
        cell = held_unit(z=z, r=r, weight=weight, convention=z_is.split()[-1])
        with torch.no_grad():
            seen = trace(cell, noisy_square_wave()[None, :, None])
        for line, name in ((self.candidate, "candidate"), (self.h, "h")):
            values = seen[name][0, :, 0]
            line.set_data(range(len(values)), values)
        old = z if z_is == "share of the old" else 1 - z
        tau = time_constant(old)
        lasting = "for ever" if math.isinf(tau) else f"{tau:.3g} steps"
        title = f"h ← {old:.2g} · h + {1 - old:.2g} · h'      time constant: {lasting}"
        self.ax.set_title(title)


def draw_leaky_unit(*, z: float, r: float, weight: float, z_is: str) -> Figure:
    """Draw input, candidate and state of a held unit over time.

    Args:
        z: value of the update gate.
        r: value of the reset gate.
        weight: U, with which the candidate sees the past.
        z_is: "share of the old" (notes, torch) or "share of the new" (Chung et al.).
    """
    return LeakyUnit()(z=z, r=r, weight=weight, z_is=z_is)


def _say_leaky_unit(*, z: float, r: float, weight: float, z_is: str) -> str:
    old = z if z_is == "share of the old" else 1 - z
    return (
        f"A noisy square wave, the candidate and the state of one unit with z = {z:.2g}, {z_is}, "
        f"r = {r:.2g} and U = {weight:.2g}: each step keeps {old:.0%} of the state."
    )


def leaky_unit() -> dict:
    """Show the widget: hold both gates by hand and watch the state follow a noisy wave.

    Returns:
        The controls by name.
    """
    return explore(
        LeakyUnit(),
        alt=_say_leaky_unit,
        z=(0.0, 1.0, 0.01, 0.9),
        r=(0.0, 1.0, 0.1, 0.0),
        weight=(-2.0, 2.0, 0.25, 1.5),
        z_is=["share of the old", "share of the new"],
    )


# ---- the cell in one picture -------------------------------------------------------------------


def cell_diagram() -> Figure:
    """Draw the cell of the notes: the reset acts after the product with U, z is the old's share."""
    drawing = Diagram((-0.7, 10.9), (-0.6, 5.4), width=9.4)
    state, low = 4.2, 0.6  # heights of the state's line and of the line that both gates read
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
    drawing.arrow((0.8, state), (0.8, low), (7.2, low), tanh)  # what gates and candidate read
    drawing.arrow((1.4, -0.1), (1.4, low), color=INPUT)
    for gate in (reset, update):
        drawing.arrow((gate.x, low), gate)
    drawing.arrow((3.6, state), to_u)
    drawing.arrow(to_u, masked)
    drawing.arrow(reset, (2.2, 2.3), masked)
    drawing.arrow(masked, (5.26, 2.3), head="-")  # passes under the wire of z
    drawing.arrow((5.54, 2.3), tanh)
    drawing.arrow(tanh, (8.9, 2.3), taken)
    drawing.arrow(taken, new)
    drawing.arrow(update, kept)
    drawing.arrow((5.4, 3.3), rest)
    drawing.arrow(rest, taken)
    for x, y, text, side in (
        (0.3, state, "$h_{t-1}$", "above"), (10.0, state, "$h_t$", "above"),
        (1.4, -0.1, "$x_t$", "below"), (2.2, 2.05, "$r_t$", "left"), (5.4, 2.75, "$z_t$", "right"),
        (8.3, 2.3, "$h'_t$", "below"), (7.2, 1.3, "$Wx_t$", "right"),
    ):  # fmt: skip
        drawing.text(x, y, text, side=side)
    for x, y, text in (
        (2.8, 1.4, "2 reset gate"), (4.6, 0.2, "1 update gate"),
        (8.3, 1.0, "3 current memory\n   content"), (6.6, 4.95, "4 final memory"),
    ):  # fmt: skip
        drawing.text(x, y, text, color=NOTE, ha="left")
    return drawing.figure


# ---- looking inside ----------------------------------------------------------------------------


def draw_gates(image: Tensor, seen: dict[str, Tensor], probabilities: Tensor) -> Figure:
    """Draw what a row-by-row reader does, row of the image by row: z, r, and what it would say.

    Args:
        image: the rows it reads, (T, D).
        seen: "z" and "r" of each row, (T, H); the units are drawn in the order of their mean.
        probabilities: of the K classes if it stopped after this row, (T, K).
    """
    check_shape("image", image, "T", "D")
    T = len(image)
    check_shape("probabilities", probabilities, T, "K")
    fig, axes = figure(1, 4, width=9.0, height=3.5, width_ratios=[1, 1.6, 1.6, 0.9], sharey=True)
    axes[0].imshow(image, cmap="gray_r", vmin=0, vmax=1, aspect="auto")
    axes[0].set(title="the image", xlabel="column", ylabel="row = time step")
    names = {"z": "z: share of the old", "r": "r: sight of the past"}
    for ax, (name, title) in zip(axes[1:3], names.items(), strict=True):
        gate = seen[name]
        check_shape(name, gate, T, "H")
        order = gate.mean(0).argsort()
        gates = ax.imshow(gate[:, order], cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
        ax.set(title=title, xlabel="unit, sorted by mean")
    axes[3].imshow(probabilities, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    classes = probabilities.shape[1]
    axes[3].set(title="it would say", xlabel="class", xticks=range(0, classes, 3))
    for ax in axes:
        ax.grid(False)
        ax.title.set_fontsize(11)
    bar = fig.colorbar(gates, ax=axes[3], shrink=0.9)
    bar.set_label("gate or probability")
    return fig
