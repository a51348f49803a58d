"""Small cases drawn in cells: spelling, the box of digits, a padded batch, a beam, edits."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlnotes.checks import check_choice, check_positive
from dlnotes.figures.cnn.parts import (
    FAINT,
    INK,
    MARK,
    arrow,
    blank,
    box,
    canvas,
    cell,
    frame,
    readable,
    say,
)
from dlnotes.plotting import BLUE, GREY, ORANGE, PURPLE, SKY, figure, tint

SPELLED = {  # word: its letters in groups, and what each group sounds like
    "knight": (("kn", "N"), ("igh", "AY1"), ("t", "T")),
    "box": (("b", "B"), ("o", "AA1"), ("x", "K S")),
    "tough": (("t", "T"), ("ou", "AH1"), ("gh", "F")),
    "though": (("th", "DH"), ("ough", "OW1")),
    "through": (("th", "TH"), ("r", "R"), ("ough", "UW1")),
}


def spelled_and_spoken() -> Figure:
    """Draw words as groups of letters above the phones that they make."""
    fig, ax = canvas(25.4, 6.4, width=9.4)
    places = {"knight": (0.5, 0.3), "box": (9.5, 0.3), "tough": (0.5, 3.5)}
    places |= {"though": (8.4, 3.5), "through": (16.6, 3.5)}
    for word, (x, y) in places.items():
        for group, sound in SPELLED[word]:
            wide = len(group) * 1.05
            middle = x + wide / 2
            box(ax, middle, y + 0.6, group, wide=wide, high=1.1, colour=tint(SKY), size=19)
            arrow(ax, (middle, y + 1.2), (middle, y + 1.75), colour=FAINT, width=1.6)
            say(ax, middle, y + 2.15, sound, size=15, color=PURPLE, fontweight="bold")
            x += wide + 0.4
    return fig


def digit_box(digits: Sequence[int]) -> Figure:
    """Draw a box of three places that reads digits, and then writes as many.

    Args:
        digits: to be read, each from 0 to 9.
    """
    for digit in digits:
        check_choice(range(10), digit=digit)
    n = len(digits)
    fig, ax = canvas(4.3 * (n + 1) + 2.0, 7.6, width=8.4)
    held = 0
    say(ax, 0.3, 2.4, "read", size=18, color=MARK, ha="left")
    _boxes(ax, held, 0, 1.9)
    for k, digit in enumerate(digits, start=1):
        held = held // 10 + 100 * digit
        x = _boxes(ax, held, k, 1.9)
        say(ax, x + 0.5, 0.4, str(digit), size=21, color=MARK, fontweight="bold")
        arrow(ax, (x + 0.5, 0.85), (x + 0.5, 1.8), colour=MARK, width=2.4)
    say(ax, 0.3, 5.0, "write", size=18, color=PURPLE, ha="left")
    for k in range(n):
        x = _boxes(ax, held, k, 4.5)
        say(ax, x + 0.5, 7.1, str(held // 100), size=21, color=PURPLE, fontweight="bold")
        arrow(ax, (x + 0.5, 5.6), (x + 0.5, 6.6), colour=PURPLE, width=2.4)
        held = held % 100 * 10
    _boxes(ax, held, n, 4.5)
    return fig


def _boxes(ax: Axes, number: int, k: int, y: float) -> float:
    """Draw the k-th state of a box of three places, and return where it begins."""
    x = 2.6 + 4.3 * k
    for place, sign in enumerate(f"{number:03d}"):
        colour = tint(SKY, 0.5 if sign != "0" else 0.08)
        cell(ax, x + place, y, 1.0, colour, line=INK)
        say(ax, x + place + 0.5, y + 0.5, sign, size=20)
    return x


def padded_batch(words: Sequence[str]) -> Figure:
    """Draw words as the rows of a batch, padding in grey, and where both directions begin."""
    longest = max(map(len, words))
    fig, ax = canvas(longest + 4.6, 1.7 * len(words) + 0.9, width=7.6)
    for row, word in enumerate(words):
        y = 0.5 + 1.7 * row
        for k in range(longest):
            colour = tint(SKY) if k < len(word) else tint(GREY, 0.35)
            cell(ax, 2.3 + k, y, 1.0, colour, line=INK)
            say(ax, 2.8 + k, y + 0.5, word[k] if k < len(word) else "0", size=18)
        arrow(ax, (2.3, y + 1.25), (3.6, y + 1.25), colour=MARK, width=2.4)
        end = 2.3 + len(word)
        arrow(ax, (end, y + 1.25), (end - 1.3, y + 1.25), colour=MARK, width=2.4)
        say(ax, 1.1, y + 0.5, str(len(word)), size=16)
    say(ax, 1.1, 0.15, "length", size=13)
    last = 0.5 + 1.7 * (len(words) - 1)
    right = 2.3 + longest
    if len(words[-1]) < longest:
        arrow(ax, (right + 1.6, last + 0.5), (right + 0.1, last + 0.5), colour=ORANGE, width=2.4)
        say(ax, right + 1.0, last - 0.1, "untold", size=13, color=ORANGE)
    return fig


Following = Callable[[tuple[str, ...]], Mapping[str, float]]


def beam_table(following: Following, *, steps: int) -> Figure:
    """Draw what greedy search and a beam of two keep and drop, step by step.

    Args:
        following: beginning -> token -> probability.
        steps: of the search.
    """
    check_positive(steps=steps)
    fig, (upper, lower) = figure(2, 1, width=9.2, height=7.4)
    fig.set_layout_engine("none")
    for ax, B, bottom in ((upper, 1, 0.52), (lower, 2, 0.0)):
        ax.set_position((0, bottom, 1, 0.47))
        blank(ax, 18.4, 7.1)
        _kept(ax, following, B, steps)
    return fig


def _kept(ax: Axes, following: Following, B: int, steps: int) -> None:
    """Draw one search: a column for each step, the kept beginnings first."""
    title = "greedy search" if B == 1 else f"a beam of {B}"
    say(ax, 0.3, 0.6, title, size=16, ha="left", fontweight="bold")
    kept: list[tuple[tuple[str, ...], float]] = [((), 1.0)]
    for t in range(steps):
        grown = [
            ((*start, token), p * q) for start, p in kept for token, q in following(start).items()
        ]
        grown.sort(key=lambda found: -found[1])
        x = 3.2 + 6.0 * t
        say(ax, x, 1.5, f"step {t + 1}", size=13, color="#555555")
        for place, (tokens, p) in enumerate(grown[:5]):
            stays = place < B
            colour, ink = (tint(BLUE, 0.45), INK) if stays else (tint(GREY, 0.15), "#777777")
            y = 2.4 + 0.95 * place
            box(ax, x, y, "", wide=4.6, high=0.8, colour=colour)
            text = f"{' '.join(tokens)}   {p:.3f}".rstrip("0")
            say(ax, x, y, text, size=15, color=ink, fontweight="bold" if stays else "normal")
        if t + 1 < steps:
            arrow(ax, (x + 2.4, 2.4), (x + 3.6, 2.4), colour=INK, width=2)
        kept = grown[:B]


def edit_table(
    first: Sequence[str], second: Sequence[str], table: Sequence[Sequence[int]]
) -> Figure:
    """Draw a table of edit distances with one cheapest way from the upper left to the lower right.

    Args:
        first: tokens of the rows.
        second: tokens of the columns.
        table: distances, one row and one column more than tokens.
    """
    rows, columns = len(first) + 1, len(second) + 1
    if len(table) != rows or any(len(line) != columns for line in table):
        raise ValueError(f"table must have {rows} rows of {columns} numbers")

    way, i, j = {(rows - 1, columns - 1)}, rows - 1, columns - 1
    while (i, j) != (0, 0):
        same = i > 0 and j > 0 and first[i - 1] == second[j - 1]
        options = [(i - 1, j - 1, not same), (i - 1, j, 1), (i, j - 1, 1)]
        i, j = next(
            (a, b) for a, b, cost in options if a >= 0 and b >= 0
            and table[a][b] + cost == table[i][j]
        )  # fmt: skip
        way.add((i, j))
    fig, ax = canvas(1.4 * columns + 3.4, 1.1 * rows + 2.0, width=6.6)
    for i, line in enumerate(table):
        y = 1.5 + 1.1 * i
        say(ax, 1.1, y + 0.55, first[i - 1] if i else "", size=17, fontweight="bold")
        for j, value in enumerate(line):
            x = 2.0 + 1.4 * j
            colour = tint(MARK, 0.4) if (i, j) in way else "white"
            box(ax, x + 0.7, y + 0.55, str(value), wide=1.4, high=1.1, colour=colour, size=18)
    for j, token in enumerate(second):
        say(ax, 2.0 + 1.4 * (j + 1) + 0.7, 0.9, token, size=17, fontweight="bold")
    frame(ax, 2.0 + 1.4 * (columns - 1), 1.5 + 1.1 * (rows - 1), 1.4, 1.1, INK)
    readable(ax)
    return fig
