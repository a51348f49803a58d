"""What is left of a gradient along the cell state, with sliders."""

import math

import numpy as np
from matplotlib.figure import Figure

from dlnotes.checks import check_between, check_positive
from dlnotes.figures import Drawing, explore
from dlnotes.plotting import COLORS, DASHES, GREY, NOTE, figure


def half_life(forget_bias: float) -> float:
    """Return after how many steps half is left along a cell state whose gate is σ(bias)."""
    return math.log(2) / math.log1p(math.exp(-forget_bias))


class Survival(Drawing):
    """Part of a gradient that is left after k steps back, on a logarithmic axis."""

    def __init__(self):
        self.figure, ax = figure(width=7.8, height=4.0)
        self.ax = ax
        self.lines = [ax.plot([], ls=DASHES[k], color=COLORS[k], label=" ")[0] for k in range(3)]
        (self.half,) = ax.plot([0], [math.log10(0.5)], "o", color=COLORS[0], markersize=8)
        self.at = ax.axvline(0, color=GREY, lw=1.2, ls=":")
        beside = dict(xytext=(4, 0), textcoords="offset points", fontsize=12, color=NOTE)
        self.note = ax.annotate("", (0, 1.1), annotation_clip=False, **beside)
        ax.set(ylim=(-12, 2), xlabel="steps back, k", ylabel="share of the error left")
        ax.set_yticks(range(-12, 3, 2), [f"$10^{{{e}}}$" for e in range(-12, 3, 2)])
        ax.set_title("after", fontsize=13)
        ax.set_xlim(0, 400)
        self.legend = ax.legend(handles=self.lines, loc="lower left", fontsize=12)
        self.freeze()

    def update(self, *, forget_bias: float, steps: int, recurrent_norm: float) -> None:
        """Draw for these values of the sliders; see ``draw_survival``."""
        check_positive(steps=steps)
        check_between(-20, 20, forget_bias=forget_bias)
        check_between(0, 10, recurrent_norm=recurrent_norm)
        gate = 1 / (1 + math.exp(-forget_bias))
        k, half = np.arange(steps + 1), half_life(forget_bias)
        for line, words, (label, exponent) in zip(
            self.lines,
            self.legend.get_texts(),
            (
                (f"LSTM, cell state: σ(b)ᵏ, σ(b) = {gate:.4g}", k * math.log10(gate)),
                (
                    f"plain RNN, at most: {recurrent_norm:g}ᵏ",
                    k * math.log10(max(recurrent_norm, 1e-3)),
                ),
                ("LSTM of 1997, f = 1", 0.0 * k),
            ),
            strict=True,
        ):
            line.set_data(k, exponent)
            words.set_text(label)
        for artist in (self.half, self.at):
            artist.set_xdata([half] * len(artist.get_xdata()))
            artist.set_visible(half <= steps)
        self.note.set_text(f"half after {half:.3g}" if half <= steps else "")
        at_right = half > 0.75 * steps  # where there is no room beyond the line
        self.note.set(ha="right" if at_right else "left", position=(-4 if at_right else 4, 0))
        self.note.xy = (min(half, steps), 1.1)
        left = _power(steps * math.log10(gate))
        self.ax.set_title(f"after {steps} steps {left} is left", fontsize=13)
        self.ax.set_xlim(0, steps)


def draw_survival(*, forget_bias: float, steps: int, recurrent_norm: float) -> Figure:
    """Draw what is left of a gradient after k steps back: LSTM's cell path, plain RNN, 1997.

    Args:
        forget_bias: b; the forget gate is held at σ(b).
        steps: T, how far back the plot goes.
        recurrent_norm: largest singular value of V in the plain RNN; times tanh' ≤ 1 it bounds
            each step's factor.
    """
    return Survival()(forget_bias=forget_bias, steps=steps, recurrent_norm=recurrent_norm)


def _power(exponent: float) -> str:
    """Return 10^exponent for people: 0.38, or 9.5e-07."""
    return f"{10**exponent:.2g}"


def _say_survival(*, forget_bias: float, steps: int, recurrent_norm: float) -> str:
    left = steps * math.log10(1 / (1 + math.exp(-forget_bias)))
    return (
        f"Share of an error left after k steps back, logarithmic, up to {steps} steps: with "
        f"forget bias {forget_bias:g} the LSTM keeps {_power(left)}; a plain RNN with norm "
        f"{recurrent_norm:g}; the LSTM of 1997 keeps everything."
    )


def survival() -> dict:
    """Show the widget: choose forget bias and distance, see what is left of a gradient.

    Returns:
        The controls by name.
    """
    return explore(
        Survival(),
        alt=_say_survival,
        caption="What is left of an error after k steps back, on a logarithmic axis. The steeper "
        "the line, the sooner it is gone. The mark is the half-life of the cell state.",
        forget_bias=(-2.0, 8.0, 0.25, 1.0),
        steps=(10, 400, 10, 100),
        recurrent_norm=(0.5, 1.2, 0.05, 0.9),
    )
