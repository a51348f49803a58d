"""One unit of chapter 5 whose gates are numbers: a wave under it, and the interactive figure.

``leaky_unit`` is the interactive figure; ``draw_leaky_unit`` returns its matplotlib figure alone,
which is what the tests look at.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_between, check_choice
from dlnotes.figures import Drawing, explore
from dlnotes.plotting import CANDIDATE, GREY, INPUT, MEMORY, NOTE, figure

HALF_PERIOD = 30  # steps between the jumps of the wave

# ---- a unit whose gates are held by hand -------------------------------------------------------


def noisy_square_wave(
    steps: int = 120, *, half_period: int = HALF_PERIOD, height: float = 1.0, noise: float = 0.35
) -> Tensor:
    """Return a wave between −height and height with noise, always the same, (steps,), float64."""
    generator = torch.Generator().manual_seed(0)
    level = height * (1.0 - 2.0 * (torch.arange(steps) // half_period % 2).double())
    return level + noise * torch.randn(steps, generator=generator, dtype=torch.float64)


def held_unit(
    inputs: Sequence[float], *, old: float, r: float, weight: float, marker: bool
) -> tuple[list[float], list[float]]:
    """Return states and candidates of a unit with fixed gates: h' = tanh(x + r · weight · h).

    Args:
        inputs: one for each step.
        old: share of the old state that is kept, from 0 to 1.
        r: value of the reset gate, from 0 to 1.
        weight: U, with which the candidate sees the past.
        marker: keep nothing of the old state at the steps at which the wave jumps.
    """
    check_between(0, 1, old=old, r=r)
    h, states, candidates = 0.0, [], []
    for step, x in enumerate(inputs):
        candidate = math.tanh(x + r * weight * h)
        share = 0.0 if marker and step % HALF_PERIOD == 0 else old
        h = share * h + (1 - share) * candidate
        states.append(h)
        candidates.append(candidate)
    return states, candidates


def time_constant(old: float) -> float:
    """Return after how many steps 1/e of a stored value is left, if a share ``old`` is kept."""
    check_between(0, 1, old=old)
    return 0.0 if old == 0 else math.inf if old == 1 else -1.0 / math.log(old)


def under_a_wave(
    wave: Tensor, states: Mapping[str, Sequence[float]], *, truth: Tensor | None = None
) -> Figure:
    """Draw a wave as dots and the states of units that read it, a panel for each.

    Args:
        wave: the inputs, (steps,).
        states: name of a panel -> the state after each step.
        truth: the wave without noise, (steps,). It is drawn as a line, with a band of ±0.1 that
            begins at the fifth value after each of its jumps.
    """
    fig, axes = figure(1, len(states), width=10.2, height=3.2, sharey=True, squeeze=False)
    for ax, (name, held) in zip(axes[0], states.items(), strict=True):
        if truth is not None:
            _target(ax, truth)
        ax.plot(wave, ".", color=INPUT, markersize=4, alpha=0.45)
        ax.plot(held, color=MEMORY, linewidth=2.6)
        ax.set_title(name, fontsize=14)
        ax.set_xlabel("step")
    axes[0, 0].set_ylabel("input, state")
    return fig


def _target(ax: Axes, truth: Tensor) -> None:
    """Draw a wave without noise, and where a quick and calm state should be."""
    levels = truth.tolist()
    jumps = [0] + [t for t in range(1, len(levels)) if levels[t] != levels[t - 1]]
    for start, end in zip(jumps, [*jumps[1:], len(levels)], strict=True):
        ax.plot([start, end - 1], [levels[start]] * 2, color=NOTE, linewidth=1.2)
        band = levels[start] - 0.1, levels[start] + 0.1
        ax.fill_between([start + 4, end - 1], *band, color=GREY, alpha=0.35, linewidth=0)
        if start:
            ax.axvline(start + 4, color=NOTE, linewidth=1, linestyle=":")


# ---- the interactive figure --------------------------------------------------------------------


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

    def update(self, *, z: float, r: float, weight: float, z_is: str, marker: bool) -> None:
        """Draw for these values of the controls; see ``draw_leaky_unit``."""
        check_choice(("share of the old", "share of the new"), z_is=z_is)
        check_between(0, 1, z=z, r=r)
        old = z if z_is == "share of the old" else 1 - z
        unit = dict(old=old, r=r, weight=weight, marker=marker)
        states, candidates = held_unit(noisy_square_wave().tolist(), **unit)
        for line, values in ((self.candidate, candidates), (self.h, states)):
            line.set_data(range(len(values)), values)
        tau = time_constant(old)
        lasting = "for ever" if math.isinf(tau) else f"{tau:.3g} steps"
        title = f"h ← {old:.2g} · h + {1 - old:.2g} · h'      time constant: {lasting}"
        self.ax.set_title(title)


def draw_leaky_unit(*, z: float, r: float, weight: float, z_is: str, marker: bool) -> Figure:
    """Draw input, candidate and state of a held unit over time.

    Args:
        z: value of the update gate.
        r: value of the reset gate.
        weight: U, with which the candidate sees the past.
        z_is: "share of the old" (notes, torch) or "share of the new" (Chung et al.).
        marker: keep nothing of the old state where the wave jumps.
    """
    return LeakyUnit()(z=z, r=r, weight=weight, z_is=z_is, marker=marker)


def _say_leaky_unit(*, z: float, r: float, weight: float, z_is: str, marker: bool) -> str:
    old = z if z_is == "share of the old" else 1 - z
    jumps = ", and nothing of it at a jump" if marker else ""
    return (
        f"A noisy square wave, the candidate and the state of one unit with z = {z:.2g}, {z_is}, "
        f"r = {r:.2g} and U = {weight:.2g}: each step keeps {old:.0%} of the state{jumps}."
    )


def leaky_unit() -> dict:
    """Show the widget: hold both gates by hand and watch the state follow a noisy wave.

    Returns:
        The controls by name.
    """
    return explore(
        LeakyUnit(),
        alt=_say_leaky_unit,
        caption="Input (green dots), candidate (amber) and state (blue) of one unit whose gates "
        "you set by hand. Look at how fast the blue line follows a jump, and how calm it is then.",
        z=(0.0, 1.0, 0.01, 0.9),
        r=(0.0, 1.0, 0.1, 0.0),
        weight=(-2.0, 2.0, 0.25, 1.5),
        z_is=["share of the old", "share of the new"],
        marker=False,
    )
