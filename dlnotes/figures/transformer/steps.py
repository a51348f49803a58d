"""Small drawings of single steps: rows that are picked, a bend, a greedy choice, a cache."""

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_positive, check_shape
from dlnotes.figures.cnn.parts import (
    DULL,
    FAINT,
    INK,
    MARK,
    arrow,
    canvas,
    cell,
    cells,
    end_labels,
    readable,
    say,
)
from dlnotes.plotting import BLUE, ORANGE, SKY, figure, tint


def picked_rows(word: str, letters: str, table: Tensor) -> Figure:
    """Draw a word as rows of a table: one-hot rows times the table.

    Args:
        word: made of ``letters``.
        letters: whose rows are shown.
        table: (letters, d); one digit after the point is shown.
    """
    check_shape("table", table, len(letters), "d")
    n, size, d = len(word), len(letters), table.shape[1]
    high = max(n, size)
    fig, ax = canvas(size + 2 * d + 6.4, high + 2.2, width=7.4)
    one_hot = torch.zeros(n, size)
    for i, letter in enumerate(word):
        one_hot[i, letters.index(letter)] = 1
        say(ax, 0.6, 1.7 + i + (high - n) / 2, letter, size=15)
    table = table.round(decimals=1)
    limit = 1.3 * max(1.0, table.abs().max().item())
    cells(ax, one_hot, 1.1, 1.2 + (high - n) / 2, limit=2, size=14)
    say(ax, 1.1 + size / 2, 0.45, "one-hot rows", size=14, fontweight="bold")
    for j, letter in enumerate(letters):
        say(ax, size + 2.5, 1.7 + j, letter, size=15)
    say(ax, size + 1.7, 1.2 + high / 2, "·", size=22)
    cells(ax, table, size + 2.9, 1.2, limit=limit, size=13)
    say(ax, size + 2.9 + d / 2, 0.45, "table", size=14, fontweight="bold")
    x = size + d + 4.3
    say(ax, x - 0.7, 1.2 + high / 2, "=", size=20)
    cells(ax, one_hot @ table, x, 1.2 + (high - n) / 2, limit=limit, size=13)
    say(ax, x + d / 2, 0.45, "E", size=14, fontweight="bold")
    for i, letter in enumerate(word):
        say(ax, x + d + 0.5, 1.7 + i + (high - n) / 2, letter, size=15)
    return fig


def bent_sum(marks: tuple[float, ...]) -> Figure:
    """Draw two hidden units with ReLU, and their sum, the absolute value.

    Args:
        marks: points of the sum that the text computes.
    """
    x = torch.linspace(-4, 4, 161)
    fig, ax = figure(width=7.0, height=3.2)
    ends = []
    for name, values, colour, width in (
        ("their sum", x.abs(), MARK, 9.0),  # wide and below, so that it hides nothing
        ("max(0, −x)", (-x).relu(), ORANGE, 2.6),
        ("max(0, x)", x.relu(), BLUE, 2.6),
    ):
        ax.plot(x, values, color=colour, lw=width, alpha=0.45 if width > 5 else 1.0)
        ends.append((4.0, values[-1].item(), name, colour))
    for mark in marks:
        ax.plot([mark], [abs(mark)], "o", color=MARK, ms=11, zorder=5)
        text = f"x = {mark:g}, answer {abs(mark):g}".replace("-", "−")
        side = -1 if mark > 0 else 1  # towards the middle, away from the line
        ha = "right" if mark > 0 else "left"
        ax.text(mark + 0.25 * side, abs(mark) + 0.4, text, ha=ha, fontsize=13, color=MARK)
    ax.set(xlabel="x", ylabel="answer", xlim=(-4, 4), ylim=(0, 4.4))
    readable(ax)
    fig.draw_without_rendering()
    end_labels(ax, ends, size=13)
    return fig


def greedy_tree(first: Mapping[str, float], second: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw a tree of two steps; the greedy way is orange, the best one green.

    Args:
        first: token -> probability.
        second: first token -> token -> probability.
    """
    fig, ax = canvas(17.6, 2.0 * sum(map(len, second.values())) + 0.6, width=8.0)
    ways = {(a, b): p * q for a, p in first.items() for b, q in second[a].items()}
    best, start = max(ways, key=ways.get), max(first, key=first.get)
    greedy = start, max(second[start], key=second[start].get)
    y, middles = 1.3, {}
    for (a, b), product in ways.items():
        colour = MARK if (a, b) == best else ORANGE if (a, b) == greedy else FAINT
        middles.setdefault(a, []).append(y)
        name = "  best" if (a, b) == best else "  greedy" if (a, b) == greedy else ""
        text = f"{first[a]:g} · {second[a][b]:g} = {product:.2f}{name}"
        say(ax, 10.9, y, text, size=15, ha="left", color=colour if name else INK)
        y += 2.0
    top = (y - 2.0 + 1.3) / 2
    for a, heights in middles.items():
        middle = sum(heights) / len(heights)
        for b, height in zip(second[a], heights, strict=True):
            colour = MARK if (a, b) == best else ORANGE if (a, b) == greedy else FAINT
            arrow(ax, (5.9, middle), (9.0, height), colour=colour, width=1 + 6 * second[a][b])
            _token(ax, 9.8, height, b)
        colour = ORANGE if a == greedy[0] else MARK if a == best[0] else FAINT
        arrow(ax, (1.6, top), (4.3, middle), colour=colour, width=1 + 6 * first[a])
        _token(ax, 5.1, middle, a)
    _token(ax, 0.9, top, "")
    return fig


def _token(ax, x: float, y: float, text: str) -> None:
    cell(ax, x - 0.65, y - 0.65, 1.3, tint(SKY, 0.4), line=INK)
    say(ax, x, y, text, size=16)


def cache_rows(tokens: int) -> Figure:
    """Draw which keys are computed in each step, without a cache and with one.

    Args:
        tokens: how many steps there are.
    """
    check_positive(tokens=tokens)
    fig, ax = canvas(2 * tokens + 6.0, tokens + 2.7, width=7.6)
    for left, cached in ((2.6, False), (tokens + 5.0, True)):
        count = 0
        for step in range(tokens):
            if not cached:
                say(ax, 2.3, 1.9 + step, f"step {step + 1}", size=14, ha="right")
            for token in range(step + 1):
                new = token == step or not cached
                count += new
                colour = tint(BLUE, 0.7) if new else DULL
                cell(ax, left + token, 1.4 + step, 1.0, colour, line="white")
        title = "with a cache" if cached else "without a cache"
        say(ax, left + tokens / 2, 0.5, title, size=15, fontweight="bold")
        text = f"{count} rows computed"
        say(ax, left + tokens / 2, tokens + 2.1, text, size=15, color=BLUE)
    return fig
