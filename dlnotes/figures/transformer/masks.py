"""Drawings of part C: the staircase, and who asks whom between decoder and encoder."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import DULL, INK, MARK, arrow, canvas, cell, say, shade
from dlnotes.plotting import AMBER, SKY, tint


def staircase(weights: Tensor, read: Sequence[str], write: Sequence[str]) -> Figure:
    """Draw causal weights: what each step reads, may see, and writes.

    Args:
        weights: (n, n), 0 where nothing may be seen.
        read: token of each step.
        write: what it should write.
    """
    n = len(read)
    check_shape("weights", weights, n, n)
    fig, ax = canvas(1.5 * n + 6.6, 1.3 * n + 1.8, width=7.6)
    for i in range(n):
        y = 1.3 * i + 1.4
        say(ax, 2.1, y + 0.65, read[i], size=16, ha="right")
        say(ax, 2.5 + 1.5 * i + 0.75, 1.0, read[i], size=15)
        for j in range(n):
            x, seen = 2.5 + 1.5 * j, j <= i
            value = weights[i, j].item()
            _tile(ax, x, y, shade(value, 1.2) if seen else DULL)
            say(
                ax,
                x + 0.75,
                y + 0.65,
                f"{value:.2f}" if seen else "hidden",
                size=15 if seen else 13,
            )
        x = 2.7 + 1.5 * n
        arrow(ax, (x, y + 0.65), (x + 0.8, y + 0.65), colour=MARK, width=2.4)
        say(ax, x + 1.0, y + 0.65, write[i], size=16, ha="left", color=MARK)
    say(ax, 2.5 + 0.75 * n, 0.35, "may look at", size=15, fontweight="bold")
    say(ax, 3.2 + 1.5 * n, 0.75, "writes", size=15, fontweight="bold", ha="left", color=MARK)
    return fig


def _tile(ax, x: float, y: float, colour) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((x, y), 1.5, 1.3, facecolor=colour, edgecolor="white", lw=1.5))


def crossing(weights: Tensor, asking: Sequence[str], answering: Sequence[str]) -> Figure:
    """Draw how the steps of a decoder look at the letters of the encoder.

    Args:
        weights: (T, S).
        asking: what each step of the decoder writes.
        answering: letters.
    """
    check_shape("weights", weights, len(asking), len(answering))
    wide = 2.4 * max(len(asking), len(answering))
    fig, ax = canvas(wide + 4.4, 6.0, width=7.6)
    places = {}
    for y, tokens, colour, name in (
        (0.6, answering, SKY, "encoder\nkeys, values"),
        (4.2, asking, AMBER, "decoder\nqueries"),
    ):
        start = 3.8 + (wide - 2.4 * len(tokens)) / 2
        say(ax, 1.7, y + 0.6, name, size=15)
        for k, token in enumerate(tokens):
            x = start + 2.4 * k
            cell(ax, x, y, 1.3, tint(colour, 0.4), line=INK)
            say(ax, x + 0.65, y + 0.65, token, size=16)
            places[y, k] = x + 0.65
    for t in range(len(asking)):
        for s in range(len(answering)):
            weight = weights[t, s].item()
            ends = (places[4.2, t], 4.2), (places[0.6, s], 1.9)
            arrow(ax, *ends, colour=MARK, width=0.6 + 8 * weight, head="-")
    return fig
