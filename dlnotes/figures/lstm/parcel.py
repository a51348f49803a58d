"""Carry the parcel: what is kept and let in, forwards, and the error on its way back."""

import numpy as np
from matplotlib.figure import Figure

from dlnotes.checks import check_between, check_choice
from dlnotes.figures import Drawing, explore
from dlnotes.figures.lstm.story import readable
from dlnotes.plotting import GREEN, INK, NEGATIVE, POSITIVE, figure

STEPS = 8
PARCEL = 0.6
NOISE = (-0.9, 0.4, 0.7, -0.5, 0.8, -0.3, 0.5)  # of steps 2 to 8
NEVER = "never"


def contents(keep: float, write: float, erase: str) -> tuple[list[float], list[float]]:
    """Return the content after each step, and the error on its way back to each step.

    Args:
        keep: forget gate of all steps after the first.
        write: input gate of all steps after the first.
        erase: the step, "2" to "8", at which the forget gate is 0; or "never".
    """
    check_between(0, 1, keep=keep)
    check_between(0, 1, write=write)
    check_choice((NEVER, *map(str, range(2, STEPS + 1))), erase=erase)

    gates = [0.0 if erase == str(step) else keep for step in range(2, STEPS + 1)]
    c = [PARCEL]
    for f, x in zip(gates, NOISE, strict=True):
        c.append(f * c[-1] + write * x)
    errors = [float(np.prod(gates[step:])) for step in range(STEPS)]
    return c, errors


class Parcel(Drawing):
    """Content of a cell over eight steps, and the error that comes back from the last one."""

    def __init__(self) -> None:
        self.figure, (above, below) = figure(2, 1, width=7.8, height=4.6, sharex=True)
        steps = np.arange(1, STEPS + 1)
        self.bars = above.bar(steps, np.zeros(STEPS), width=0.6)
        above.plot(steps, [PARCEL, *NOISE], "o", color=GREEN, label="input")
        above.axhline(PARCEL, color=INK, lw=1, ls=":")
        above.axhline(0, color=INK, lw=0.8)
        above.set(ylabel="content", ylim=(-1.6, 1.6))
        above.legend(loc="lower left", fontsize=12)
        (self.line,) = below.plot(steps, np.zeros(STEPS), "-o", color=NEGATIVE, lw=2.4)
        below.set(xlabel="step", ylim=(-0.08, 1.12), xticks=steps)
        below.set_ylabel("error from\nstep 8")
        readable(above, below)
        self.title = above.set_title("content", fontsize=14)
        self.freeze()

    def update(self, *, keep: float, write: float, erase: str) -> None:
        """Draw for these settings; see ``contents``."""
        c, errors = contents(keep, write, erase)
        for bar, value in zip(self.bars, c, strict=True):
            bar.set_height(value)
            bar.set_color(POSITIVE if value >= 0 else NEGATIVE)
        self.line.set_ydata(errors)
        self.title.set_text(_words(c, errors))


def _words(c: list[float], errors: list[float]) -> str:
    return f"at step 8 the content is {c[-1]:.3g}, at step 1 the error is {errors[0]:.3g}"


def draw_parcel(*, keep: float, write: float, erase: str) -> Figure:
    """Draw the parcel for these settings; see ``contents``."""
    return Parcel()(keep=keep, write=write, erase=erase)


def _say(*, keep: float, write: float, erase: str) -> str:
    c, errors = contents(keep, write, erase)
    start = f"A parcel of 0.6 is written at step 1, keep {keep:g}, write {write:g}"
    return f"{start}: {_words(c, errors)}."


def parcel() -> dict:
    """Show the widget: keep, write and erase, and see the content and the error that comes back.

    Returns:
        The controls by name.
    """
    return explore(
        Parcel(),
        alt=_say,
        caption="Above, the inputs (green) and the content (bars). The dotted line is the parcel. "
        "Below, how much of the error at step 8 arrives at each step.",
        keep=(0.0, 1.0, 0.05, 0.9),
        write=(0.0, 1.0, 0.05, 0.3),
        erase=[NEVER, *map(str, range(2, STEPS + 1))],
    )
