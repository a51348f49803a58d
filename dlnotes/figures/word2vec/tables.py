"""Drawings of part A: words as axes, tables of company, short vectors as points."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import (
    FAINT,
    INK,
    MARK,
    arrow,
    blank,
    canvas,
    cells,
    frame,
    readable,
    say,
)
from dlnotes.plotting import BLUE, figure
from dlnotes.word2vec import cosine


def one_hot_axes(words: Sequence[str]) -> Figure:
    """Draw three words as three axes at right angles."""
    if len(words) != 3:
        raise ValueError(f"words must be 3, got {len(words)}")

    fig, ax = canvas(12, 7.4, width=6.2)
    origin, ends = (5.2, 4.9), [(10.2, 4.9), (5.2, 0.9), (2.4, 6.9)]
    for word, end, place in zip(words, ends, [(10.9, 5.5), (5.2, 0.45), (1.5, 6.6)], strict=True):
        arrow(ax, origin, end, colour=BLUE, width=3)
        say(ax, *place, word, size=17)
    for i, j in ((0, 1), (1, 2), (0, 2)):
        (x, y), (a, b) = ends[i], ends[j]
        ax.plot([x, a], [y, b], color=FAINT, lw=1.4, ls="--", zorder=1)
    for place in ((8.7, 2.3), (2.9, 3.1), (7.4, 6.6)):
        say(ax, *place, "1.41", size=15, color=FAINT)
    return fig


def _table(
    ax: Axes,
    values: Tensor,
    words: Sequence[str],
    x: float,
    y: float,
    title: str = "",
    *,
    size: float = 12.5,
) -> None:
    """Draw a square table with the words beside and above it."""
    cells(ax, values, x, y, limit=3, size=size)
    for i, word in enumerate(words):
        say(ax, x - 0.15, y + i + 0.5, word, size=14, ha="right")
        style = dict(rotation=50, rotation_mode="anchor", ha="left", va="bottom")
        say(ax, x + i + 0.4, y - 0.15, word, size=13, **style)
    if title:
        style = dict(size=15, fontweight="bold")
        say(ax, x + len(words) / 2, y + len(words) + 0.5, title, **style)


def count_table(counts: Tensor, words: Sequence[str], *, framed: Sequence[str] = ()) -> Figure:
    """Draw who stands beside whom.

    Args:
        counts: (V, V).
        words: V of them.
        framed: words whose rows are framed.
    """
    check_shape("counts", counts, len(words), len(words))
    V = len(words)
    fig, ax = canvas(V + 3.4, V + 2.4, width=6.2)
    _table(ax, counts, words, 2.0, 2.1)
    for word in framed:
        frame(ax, 2.0, 2.1 + words.index(word), V, 1)
    return fig


def two_tables(
    left: Tensor,
    right: Tensor,
    words: Sequence[str],
    *,
    titles: tuple[str, str],
    framed: Sequence[str] = (),
) -> Figure:
    """Draw two tables of the same words side by side.

    Args:
        left: (V, V).
        right: (V, V).
        words: V of them.
        titles: of the tables.
        framed: words whose rows are framed.
    """
    check_shape("left", left, len(words), len(words))
    check_shape("right", right, len(words), len(words))
    V = len(words)
    fig, ax = canvas(2 * V + 5.8, V + 3.3, width=9.4)
    for x, values, title in ((2.0, left, titles[0]), (V + 4.2, right, titles[1])):
        _table(ax, values, words, x, 2.2, title)
        for word in framed:
            frame(ax, x, 2.2 + words.index(word), V, 1)
    return fig


def table_row(
    tables: Mapping[str, Tensor], words: Sequence[str], *, framed: Sequence[str] = ()
) -> Figure:
    """Draw several tables of the same words, two in each line.

    Args:
        tables: title -> (V, V).
        words: V of them.
        framed: words whose rows are framed.
    """
    V, lines = len(words), -(-len(tables) // 2)
    for title, values in tables.items():
        check_shape(title, values, V, V)
    fig, ax = canvas(2 * V + 5.8, lines * (V + 3.3), width=8.2)
    for place, (title, values) in enumerate(tables.items()):
        x, y = 2.0 + (place % 2) * (V + 2.2), 2.2 + (place // 2) * (V + 3.3)
        _table(ax, values, words, x, y, title, size=11)
        for word in framed:
            frame(ax, x, y + words.index(word), V, 1)
    return fig


def shortened(points: Tensor, longer: Tensor, words: Sequence[str]) -> Figure:
    """Draw words as arrows of a plane, and the cosines of longer vectors beside it.

    Args:
        points: (V, 2).
        longer: (V, D).
        words: V of them.
    """
    check_shape("points", points, len(words), 2)
    check_shape("longer", longer, len(words), "D")
    V = len(words)
    fig, (ax, side) = figure(1, 2, width=9.8, height=4.9, width_ratios=(1, 1.3))
    for place in _together(points):
        x, y = points[place[0]].tolist()
        style = dict(arrowstyle="-|>", lw=3, color=BLUE, mutation_scale=20, shrinkA=0, shrinkB=0)
        ax.annotate("", (x, y), (0, 0), arrowprops=style)
        ax.annotate(_listed([words[i] for i in place]), (x, y), xytext=(9, 0), fontsize=14,
                    textcoords="offset points", va="center", color=INK)  # fmt: skip
    corners = torch.cat([points, torch.zeros(1, 2)])
    low, high = corners.min(0).values, corners.max(0).values
    room = 0.25 * (high - low).max().item()
    ax.plot(0, 0, "o", ms=9, color=INK)
    ax.set(xlim=(low[0] - 0.4 * room, high[0] + 3.2 * room))
    ax.set(ylim=(low[1] - room, high[1] + room))
    ax.set(xlabel="first number", ylabel="second number", title="2 numbers for each word")
    ax.set_aspect("equal")  # angles are seen as they are
    readable(ax)
    blank(side, V + 2.6, V + 3.2)
    directions = longer[:, None], longer[None]
    cosines = cosine(*directions).mul(10).round() / 10
    _table(side, cosines, words, 2.3, 2.1, f"cosines with {longer.shape[1]} numbers")
    return fig


def _listed(words: Sequence[str]) -> str:
    """Return words with commas, in at most two lines."""
    first = -(-len(words) // 2)
    lines = [", ".join(words[:first]), ", ".join(words[first:])]
    return ",\n".join(line for line in lines if line)


def _together(points: Tensor) -> list[list[int]]:
    """Return the places of points that lie on each other, in groups."""
    groups: list[list[int]] = []
    for i, point in enumerate(points):
        home = [group for group in groups if (points[group[0]] - point).norm() < 1e-2]
        home[0].append(i) if home else groups.append([i])
    return groups


def parallelogram(vectors: dict[str, Tensor], names: tuple[str, str, str]) -> Figure:
    """Draw an analogy in the plane: the goal b − a + c, and which word is nearest to it.

    Args:
        vectors: word -> (2,).
        names: a, b, c.
    """
    a, b, c = (vectors[name] for name in names)
    goal = b - a + c
    fig, ax = figure(width=7.6, height=3.4)
    for word, vector in vectors.items():
        ax.annotate("", vector.tolist(), (0, 0), arrowprops=dict(arrowstyle="-|>", lw=2.4,
                    color=BLUE, mutation_scale=16))  # fmt: skip
        x, y = vector.tolist()
        right = dict(ha="left", va="center") if word == names[1] else dict(ha="right", va="bottom")
        style = dict(ha="left", va="top") if word in (names[0], names[2]) else right
        away = {"top": -0.06, "center": 0.0, "bottom": 0.06}[style["va"]]
        ax.text(x + (0.05 if word == names[1] else 0), y + away, word, fontsize=15, color=INK,
                **style)  # fmt: skip
    step = dict(arrowstyle="-|>", lw=2.2, color=MARK, ls="--", mutation_scale=16)
    ax.annotate("", b.tolist(), a.tolist(), arrowprops=step)
    ax.annotate("", goal.tolist(), c.tolist(), arrowprops=step)
    ax.plot(*goal.tolist(), "o", ms=10, color=MARK)
    ax.text(goal[0] + 0.06, goal[1], "goal", fontsize=15, color=MARK, va="center")
    ax.set(xlim=(-0.1, 3.6), ylim=(-0.35, 2.0), xlabel="first number", ylabel="second number")
    readable(ax)
    return fig
