"""Drawings of part A: who looks at whom, and in which numbers."""

from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import FAINT, INK, MARK, arrow, canvas, cell, cells, frame, say
from dlnotes.plotting import BLUE, ORANGE, SKY, tint


def relay_and_look(word: str) -> Figure:
    """Draw a word twice: a message passed from letter to letter, and every letter seen at once."""
    n = len(word)
    fig, ax = canvas(4 * n + 1, 5.0, width=8.4)
    for left, title in (
        (0.5, "a relay, one step after the other"),
        (2 * n + 1, "looks, all at once"),
    ):
        say(ax, left + n - 0.3, 0.5, title, size=15, fontweight="bold")
        for i, letter in enumerate(word):
            x = left + 2 * i
            cell(ax, x, 3.0, 1.2, tint(SKY), line=INK)
            say(ax, x + 0.6, 3.6, letter, size=20)
    for i in range(n - 1):
        x = 0.5 + 2 * i
        arrow(ax, (x + 1.2, 3.6), (x + 2, 3.6), colour=MARK, width=2.8)
        say(ax, x + 1.6, 3.05, str(i + 1), size=14, color=MARK)
    for i in range(n):
        for j in range(i + 1, n):
            a, b = (2 * n + 1.6 + 2 * k for k in (i, j))
            strong = (i, j) == (0, n - 1)
            colour, width = (MARK, 2.8) if strong else (FAINT, 1.2)
            arrow(ax, (a, 2.95), (b, 2.95), colour=colour, width=width, bend=-0.45, head="<|-|>")
    say(ax, 3 * n + 0.7, 4.5, "1 step between any two", size=14, color=MARK)
    say(ax, n + 0.2, 4.5, f"{n - 1} steps from {word[0]} to {word[-1]}", size=14, color=MARK)
    return fig


def look(words: dict[str, tuple[int, Tensor, float]]) -> Figure:
    """Draw one letter that looks at the letters of its word, with arrows as thick as the weights.

    Args:
        words: word -> (place of the letter that looks, weights (letters,), its answer).
    """
    widest = max(map(len, words))
    fig, ax = canvas(2 * widest + 4.4, 3.7 * len(words), width=7.6)
    for line, (word, (asker, weights, answer)) in enumerate(words.items()):
        y = 3.7 * line + 2.1
        check_shape(f"weights of {word}", weights, len(word))
        for j, letter in enumerate(word):
            x = 0.6 + 2 * j
            cell(ax, x, y, 1.2, tint(SKY, 0.7 if j == asker else 0.2), line=INK)
            say(ax, x + 0.6, y + 0.6, letter, size=19)
            weight = weights[j].item()
            say(ax, x + 0.6, y - 1.62, f"{weight:.2f}", size=14, color=BLUE)
            start = (0.6 + 2 * asker + 0.6, y)
            arrow(ax, start, (x + 0.6, y - 1.3), colour=BLUE, width=0.8 + 9 * weight, head="-")
        right = 2 * len(word) + 0.4
        arrow(ax, (right, y + 0.6), (right + 0.8, y + 0.6), colour=MARK, width=2.4)
        say(ax, right + 1.0, y + 0.6, f"answer {answer:.2f}", size=15, ha="left", color=MARK)
    return fig


def projections(X: Tensor, matrices: dict[str, Tensor], letters: str) -> Figure:
    """Draw the table of a word times three matrices, in numbers.

    Args:
        X: features of the letters, (n, d).
        matrices: name -> (d, columns).
        letters: of the word.
    """
    check_shape("X", X, len(letters), "d")
    n, d = X.shape
    wide = d + 2.2 + sum(W.shape[1] + 2.2 for W in matrices.values())
    fig, ax = canvas(wide, n + d + 2.7, width=8.6)
    top = d + 1.9  # of X and of the products; the matrices stand above
    cells(ax, X, 1.2, top, limit=3, size=14)
    say(ax, 1.2 + d / 2, top - 0.5, "X", size=16, fontweight="bold")
    x = d + 3.0
    for name, W in matrices.items():
        columns = W.shape[1]
        cells(ax, W, x, 1.0, limit=3, size=14)
        say(ax, x + columns / 2, 0.5, f"$W^{name}$", size=16)
        arrow(ax, (x + columns / 2, d + 1.1), (x + columns / 2, top - 0.1))
        cells(ax, X @ W, x, top, limit=3, size=14)
        text = f"{name} = $XW^{name}$"
        say(ax, x + columns / 2, top + n + 0.45, text, size=14, fontweight="bold")
        for i, letter in enumerate(letters):
            say(ax, x - 0.4, top + i + 0.5, letter, size=15)
        x += columns + 2.2
    for i, letter in enumerate(letters):
        say(ax, 0.8, top + i + 0.5, letter, size=15)
    return fig


def weights_map(weights: Tensor, letters: str, values: Tensor, *, row: int | None = None) -> Figure:
    """Draw a table of attention weights in numbers, the values, and the answers.

    Args:
        weights: (n, n), rows ask.
        letters: of the word.
        values: one number for each letter, (n,).
        row: which asker is framed.
    """
    n = len(letters)
    check_shape("weights", weights, n, n)
    check_shape("values", values, n)
    fig, ax = canvas(1.25 * n + 7.2, 1.25 * n + 2.3, width=7.4)
    side, top = 1.25, 1.6
    cells(ax, weights, 1.2, top, side=side, limit=1, size=16)
    say(ax, 1.2 + side * n / 2, 0.4, "weights A", size=15, fontweight="bold")
    for i, letter in enumerate(letters):
        say(ax, 0.7, top + side * (i + 0.5), letter, size=17)
        say(ax, 1.2 + side * (i + 0.5), top - 0.35, letter, size=17)
    x = 1.2 + side * n
    for start, numbers, name, sign in (
        (x + 1.1, values, "values V", "·"),
        (x + 3.9, weights @ values, "answers", "="),
    ):
        say(ax, start - 0.6, top + side * n / 2, sign, size=22)
        cells(ax, numbers[:, None], start, top, side=side, limit=1, size=16)
        say(ax, start + side / 2, 0.4, name, size=15, fontweight="bold")
    if row is not None:
        frame(ax, 1.2, top + side * row, side * n, side)
        frame(ax, x + 3.9, top + side * row, side, side)
    say(ax, 1.2 + side * n / 2, top + side * n + 0.4, "rows ask, columns answer", size=14)
    return fig


def pushes(word: str, asker: int, weights: Tensor, values: Tensor, wanted: float) -> Figure:
    """Draw the values on a line, their mean, and how the scores should move.

    Args:
        word: whose letters carry the values.
        asker: place of the letter that looks.
        weights: of that letter, (n,).
        values: (n,).
        wanted: +1 if the answer should grow, −1 if it should shrink.
    """
    check_shape("weights", weights, len(word))
    mean = (weights * values).sum()
    change = wanted * weights * (values - mean)
    fig, ax = canvas(2.4 * len(word) + 2.6, 5.6, width=7.4)
    for j, letter in enumerate(word):
        x, move = 1.6 + 2.4 * j, change[j].item()
        cell(ax, x, 3.3, 1.3, tint(SKY, 0.7 if j == asker else 0.2), line=INK)
        say(ax, x + 0.65, 3.95, letter, size=19)
        colour = BLUE if move > 0 else ORANGE
        tip = 2.6 - 6 * move if move > 0 else 2.2 - 6 * move
        start = 2.6 if move > 0 else 1.9
        arrow(ax, (x + 0.65, start), (x + 0.65, min(tip, 3.1)), colour=colour, width=4)
        text = f"{move:+.2f}".replace("-", "−")
        say(ax, x + 0.65, 0.5 if move > 0 else 1.45, text, size=16, color=colour)
        say(ax, x + 0.65, 4.95, f"v = {values[j]:g}", size=14)
    return fig
