"""Drawings of the whole: what happens to a word in skip-gram, and the two ways to word vectors."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import MARK, arrow, box, canvas, cell, cells, frame, say
from dlnotes.plotting import BLUE, GREY, ORANGE, SKY, tint


def network(
    v: Tensor, U: Tensor, p: Tensor, words: Sequence[str], *, name: str, others: Sequence[str]
) -> Figure:
    """Draw skip-gram from a word to its guesses, in numbers.

    Args:
        v: the centre vector, (2,).
        U: neighbour vectors, (W, 2).
        p: probability of each, (W,).
        words: their names.
        name: of the centre word.
        others: words whose centre vectors are shown empty, above it.
    """
    check_shape("v", v, 2)
    check_shape("U", U, len(words), 2)
    check_shape("p", p, len(words))
    fig, ax = canvas(26.5, 7.6, width=9.8)
    for i, word in enumerate([*others, name]):
        say(ax, 2.3, 2.3 + i, word, size=15, ha="right")
        for j in range(2):
            cell(ax, 2.6 + j, 1.8 + i, 1.0, "white")
    row = 1.8 + len(others)
    cells(ax, v, 2.6, row, limit=3, size=14)
    frame(ax, 2.6, row, 2, 1)
    arrow(ax, (4.9, row + 0.5), (7.7, row + 0.5), colour=MARK, width=2.4)
    cells(ax, v, 8.0, row, limit=3, size=14)
    y = row + 0.5 - len(words) / 2
    for i, word in enumerate(words):
        arrow(ax, (10.2, row + 0.5), (13.6, y + i + 0.5), colour=GREY, width=1.8)
        say(ax, 15.1, y + i + 0.5, word, size=15, ha="right")
        ax.barh(y + i + 0.5, 4 * p[i].item(), left=21.0, height=0.7, color=BLUE, alpha=0.7)
        say(ax, 21.2 + 4 * p[i].item(), y + i + 0.5, f"{p[i]:.2f}", size=14, ha="left")
    cells(ax, U, 15.4, y, limit=3, size=14)
    cells(ax, (U @ v)[:, None], 18.9, y, limit=3, size=14)
    titles = {3.6: "table of v", 9.0: f"v of {name}", 16.1: "table of u", 19.4: "score"}
    for x, title in (titles | {23.0: "probability"}).items():
        say(ax, x, 0.7, title, size=14, fontweight="bold")
    return fig


def two_ways() -> Figure:
    """Draw how counting and guessing come from a text to word vectors."""
    fig, ax = canvas(26, 9.2, width=9.8)
    box(ax, 2.4, 4.6, "text", wide=3.4, high=1.5, colour=tint(GREY, 0.25), size=16)
    ways = {
        2.0: ("counting", ORANGE, ["counts of\nall pairs", "PPMI", "singular\nvalues"]),
        7.2: ("guessing", BLUE, ["pair after\npair", "real or\nmade up?", "gradient\nsteps"]),
    }
    for y, (title, colour, steps) in ways.items():
        say(ax, 2.4, y, title, size=16, fontweight="bold", color=colour)
        arrow(ax, (4.1, 4.6), (6.1, y), colour=colour, width=2.4)
        for i, step in enumerate(steps):
            x = 8.0 + 5.2 * i
            box(ax, x, y, step, wide=3.8, high=1.9, colour=tint(colour, 0.2), size=14)
            end = (x + 3.3, y) if i < 2 else (21.7, 4.6 + (0.6 if y > 4.6 else -0.6))
            arrow(ax, (x + 1.9, y), end, colour=colour, width=2.4)
    box(ax, 23.6, 4.6, "word\nvectors", wide=3.8, high=2.2, colour=tint(SKY, 0.5), size=16)
    say(ax, 13.2, 4.6, "both aim at PMI, for pairs that were seen", size=15, color=MARK)
    arrow(ax, (13.2, 4.2), (13.2, 3.05), colour=MARK, width=2.0)
    arrow(ax, (13.2, 5.0), (13.2, 6.15), colour=MARK, width=2.0)
    return fig
