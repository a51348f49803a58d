"""The chapter at a glance, as a strip that stands at the head of each part."""

import math

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dlnotes.checks import check_choice
from dlnotes.figures.cnn.parts import FAINT, INK, MARK, PALE, arrow, box, canvas, cell, say
from dlnotes.plotting import BLUE, tint

PARTS = {"A": "operation", "B": "training", "C": "networks", "D": "limits"}
WIDE, GAP = 5.6, 0.9  # of a part, and from one part to the next


def chapter_strip(part: str) -> Figure:
    """Draw the four parts of the chapter in a row, the present one lit.

    Args:
        part: "A", "B", "C" or "D".
    """
    check_choice(PARTS, part=part)
    fig, ax = canvas(4 * WIDE + 3 * GAP + 0.8, 3.9, width=9.2)
    for k, (letter, name) in enumerate(PARTS.items()):
        x, is_lit = 0.4 + k * (WIDE + GAP), letter == part
        style = dict(wide=WIDE, high=3.4, colour=tint(MARK, 0.22) if is_lit else PALE)
        box(ax, x + WIDE / 2, 1.95, "", **style)
        weight, colour = ("bold", INK) if is_lit else ("normal", "#666666")
        words = f"{letter} · {name}"
        say(ax, x + WIDE / 2, 0.95, words, size=17, color=colour, fontweight=weight)
        _SIGNS[letter](ax, x + WIDE / 2, 2.5, MARK if is_lit else FAINT)
        if k:
            arrow(ax, (x - GAP + 0.1, 1.95), (x - 0.1, 1.95), colour=INK, width=2.2)
    return fig


def _sliding(ax, x: float, y: float, colour) -> None:
    """A kernel on a strip of pixels."""
    for k, bright in enumerate((0, 0, 1, 1, 0)):
        shown = tint(BLUE, 0.45) if bright else "white"
        cell(ax, x - 1.75 + 0.7 * k, y - 0.35, 0.7, shown).set_zorder(5)
    corner = (x - 1.05, y - 0.45)
    ax.add_patch(Rectangle(corner, 1.4, 0.9, fill=False, edgecolor=colour, lw=3, zorder=6))


def _falling(ax, x: float, y: float, colour) -> None:
    """A learning curve."""
    shares = [k / 40 for k in range(41)]
    curve = [y + 0.6 - 1.2 * math.exp(-4 * share) for share in shares]
    ax.plot([x - 1.9 + 3.8 * share for share in shares], curve, color=colour, lw=3.5, zorder=5)
    ax.plot([x - 1.9, x - 1.9, x + 1.9], [y - 0.75, y + 0.8, y + 0.8], color=INK, lw=1.4, zorder=5)


def _narrowing(ax, x: float, y: float, colour) -> None:
    """A network whose maps become smaller and more."""
    for left, wide, high in ((-1.9, 0.3, 1.6), (-1.2, 0.5, 1.2), (-0.3, 0.8, 0.8), (0.9, 1.0, 0.4)):
        corner = (x + left, y - high / 2)
        style = dict(facecolor=tint(colour, 0.6), edgecolor=INK, lw=1.2, zorder=5)
        ax.add_patch(Rectangle(corner, wide, high, **style))


def _strangers(ax, x: float, y: float, colour) -> None:
    """Pixels in order, and the same pixels shuffled."""
    bright = {(0, 1), (1, 1), (2, 1), (2, 0)}, {(0, 2), (1, 0), (2, 1), (0, 0)}
    for left, places in zip((-1.9, 0.4), bright, strict=True):
        for i in range(3):
            for j in range(3):
                shown = tint(colour, 0.75) if (i, j) in places else "white"
                side = 0.5
                cell(ax, x + left + side * j, y - 0.75 + side * i, side, shown).set_zorder(5)
    say(ax, x, y, "→", size=16, color=INK)


_SIGNS = {"A": _sliding, "B": _falling, "C": _narrowing, "D": _strangers}
