"""Pictures of chapter 5: the cell's diagram, a leaky unit to play with, gates over a digit's rows.

``leaky_unit`` is the widget; the functions that start with ``draw`` and ``cell_diagram`` return
the matplotlib figure alone, which is what the tests look at.
"""

import math
from itertools import pairwise

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from torch import Tensor

from dlnotes.checks import check_between, check_choice, check_shape
from dlnotes.figures import explore
from dlnotes.gru import GRUCell, hold_gate, trace
from dlnotes.plotting import AMBER, BLACK, BLUE, GREEN, GREY, ORANGE, SKY, figure

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


def draw_leaky_unit(*, z: float, r: float, weight: float, z_is: str) -> Figure:
    """Draw input, candidate and state of a held unit over time.

    Args:
        z: value of the update gate.
        r: value of the reset gate.
        weight: U, with which the candidate sees the past.
        z_is: "share of the old" (notes, torch) or "share of the new" (Chung et al.).
    """
    check_choice(("share of the old", "share of the new"), z_is=z_is)
    cell = held_unit(z=z, r=r, weight=weight, convention=z_is.split()[-1])
    x = noisy_square_wave()
    with torch.no_grad():
        seen = {name: value[0, :, 0] for name, value in trace(cell, x[None, :, None]).items()}
    old = z if z_is == "share of the old" else 1 - z
    fig, ax = figure(height=3.9)
    ax.plot(x, ".", color=GREY, markersize=4, label="input x")
    ax.plot(seen["candidate"], ":", color=ORANGE, linewidth=1.5, label="candidate h'")
    ax.plot(seen["h"], "-", color=BLUE, linewidth=2.4, label="state h")
    ax.axhspan(-1, 1, color=GREY, alpha=0.1, linewidth=0)
    tau = time_constant(old)
    lasting = "for ever" if math.isinf(tau) else f"{tau:.3g} steps"
    ax.set_title(f"h ← {old:.2g} · h + {1 - old:.2g} · h'      time constant: {lasting}")
    ax.set(xlabel="time (steps)", ylabel="value", ylim=(-2.1, 2.4))
    ax.legend(loc="upper center", ncols=3)
    return fig


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
        draw_leaky_unit,
        alt=_say_leaky_unit,
        z=(0.0, 1.0, 0.01, 0.9),
        r=(0.0, 1.0, 0.1, 0.0),
        weight=(-2.0, 2.0, 0.25, 1.5),
        z_is=["share of the old", "share of the new"],
    )


# ---- the cell in one picture -------------------------------------------------------------------


def cell_diagram() -> Figure:
    """Draw the cell of the notes: the reset acts after the product with U, z is the old's share."""
    fig, ax = figure(width=8.4, height=4.5)
    ax.set(xlim=(-0.5, 9.6), ylim=(-0.35, 5.0), aspect="equal")
    ax.axis("off")
    for points, arrow in _WIRES:
        for number, (start, end) in enumerate(pairwise(points), start=2):
            style = "-|>" if arrow and number == len(points) else "-"
            line = dict(arrowstyle=style, color=BLACK, lw=1.6, shrinkA=0, shrinkB=0)
            ax.annotate("", end, start, arrowprops=line, zorder=2)
    for x, y, text, colour in _BOXES:
        shape = dict(boxstyle="round,pad=0.02,rounding_size=0.08", facecolor=colour)
        ax.add_patch(FancyBboxPatch((x - 0.4, y - 0.28), 0.8, 0.56, ec=BLACK, zorder=3, **shape))
        ax.text(x, y, text, ha="center", va="center", fontsize=13, zorder=4)
    for x, y, text in _NODES:
        ax.add_patch(Circle((x, y), 0.24, facecolor="white", edgecolor=BLACK, lw=1.4, zorder=3))
        ax.text(x, y, text, ha="center", va="center", fontsize=14, zorder=4)
    for x, y, text, side in _SYMBOLS:
        ax.text(x, y, text, ha=side, va="center", fontsize=13)
    for x, y, text, colour in _NAMES:
        ax.text(x, y, text, ha="left", va="center", fontsize=11, color=colour)
    return fig


_H, _LOW = 4.0, 0.7  # heights of the state's line and of the line that both gates read
_WIRES = (  # corners of each line, and whether it ends in an arrow
    # the state's line: only the shares of z act on it
    (((0.0, _H), (4.76, _H)), True),
    (((5.24, _H), (7.56, _H)), True),
    (((8.04, _H), (9.0, _H)), True),
    # what both gates and the candidate read
    (((0.8, _H), (0.8, _LOW), (6.4, _LOW)), False),
    (((1.5, -0.1), (1.5, _LOW)), False),
    (((2.2, _LOW), (2.2, 1.22)), True),
    (((5.0, _LOW), (5.0, 1.22)), True),
    (((6.4, _LOW), (6.4, 2.02)), True),
    # reset: U h, then times r
    (((3.4, _H), (3.4, 3.48)), True),
    (((3.4, 2.92), (3.4, 2.54)), True),
    (((2.2, 1.78), (2.2, 2.3), (3.16, 2.3)), True),
    # candidate; its wire passes under that of z
    (((3.64, 2.3), (4.86, 2.3)), False),
    (((5.14, 2.3), (6.0, 2.3)), True),
    (((6.8, 2.3), (7.8, 2.3), (7.8, 2.86)), True),
    (((7.8, 3.34), (7.8, 3.76)), True),
    # update: z to the old, 1 − z to the new
    (((5.0, 1.78), (5.0, 3.76)), True),
    (((5.0, 3.1), (6.0, 3.1)), True),
    (((6.8, 3.1), (7.56, 3.1)), True),
)
_BOXES = (
    (3.4, 3.2, "U", "#F2F2F2"),
    (2.2, 1.5, "σ", SKY),
    (6.4, 2.3, "tanh", AMBER),
    (5.0, 1.5, "σ", SKY),
    (6.4, 3.1, "1 −", "#F2F2F2"),
)
_NODES = ((5.0, _H, "×"), (7.8, _H, "+"), (3.4, 2.3, "×"), (7.8, 3.1, "×"))
_SYMBOLS = (
    (-0.05, _H + 0.3, "$h_{t-1}$", "center"),
    (9.1, _H + 0.3, "$h_t$", "center"),
    (1.5, -0.28, "$x_t$", "center"),
    (2.0, 2.05, "$r_t$", "right"),
    (4.82, 2.75, "$z_t$", "right"),
    (7.25, 2.05, "$h'_t$", "center"),
    (6.55, 1.4, "$Wx_t$", "left"),
)
_NAMES = (
    (2.75, 1.5, "2  reset gate", BLUE),
    (4.2, 0.38, "1  update gate", BLUE),
    (7.15, 1.6, "3  current memory\n    content", ORANGE),
    (7.0, 4.55, "4  final memory", GREEN),
)


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
        gates = ax.imshow(gate[:, order], cmap="cividis", vmin=0, vmax=1, aspect="auto")
        ax.set(title=title, xlabel="unit, sorted by mean")
    axes[3].imshow(probabilities, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    classes = probabilities.shape[1]
    axes[3].set(title="it would say", xlabel="class", xticks=range(0, classes, 3))
    for ax in axes:
        ax.grid(False)
        ax.title.set_fontsize(11)
    bar = fig.colorbar(gates, ax=axes[3], shrink=0.9)
    bar.set_label("gate or probability")
    return fig
