"""Drawings of what was measured: who finds the lists, how it grows, which words moved."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import INK, end_labels, readable
from dlnotes.plotting import BLUE, GREEN, GREY, ORANGE, figure, tint


def scores(
    rows: Mapping[str, Sequence[float]], *, guess: Sequence[str], count: Sequence[str] = ()
) -> Figure:
    """Draw precision at 5 as one bar for each method, with a dot for each run.

    Args:
        rows: name -> precision of each run, from 0 to 1.
        guess: names of those that guess, in blue.
        count: names of those that count, in orange; the others are grey.
    """
    fig, ax = figure(width=8.4, height=0.9 + 0.5 * len(rows))
    most = max(max(values) for values in rows.values())
    for place, (name, values) in enumerate(rows.items()):
        colour = BLUE if name in guess else ORANGE if name in count else GREY
        mean = sum(values) / len(values)
        ax.barh(-place, mean, color=colour, alpha=0.6, height=0.62)
        if len(values) > 1:
            ax.plot(values, [-place] * len(values), "o", color=INK, ms=5)
        ax.text(max(values) + 0.015 * most, -place, f"{mean:.2f}", va="center", fontsize=14)
    ax.set(yticks=[-k for k in range(len(rows))], yticklabels=list(rows))
    ax.set(xlabel="P@5 on the lists that are reported", xlim=(0, 1.12 * most))
    ax.grid(axis="y", visible=False)
    readable(ax)
    return fig


def learning(
    epochs: Sequence[float], runs: Sequence[Sequence[float]], levels: Mapping[str, float]
) -> Figure:
    """Draw how precision grows in training, with the level of each method that does not train.

    Args:
        epochs: of the points.
        runs: precision after each epoch, a list for each seed.
        levels: name -> precision.
    """
    fig, ax = figure(width=8.0, height=3.7)
    for run in runs:
        ax.plot(epochs, run, color=BLUE, lw=2.2, marker="o", ms=4)
    lines = [(epochs[-1], runs[0][-1], "skip-gram", BLUE)]
    for (name, level), colour in zip(levels.items(), (ORANGE, tint(ORANGE, 0.6)), strict=False):
        ax.plot([0, epochs[-1]], [level, level], color=colour, lw=2.4, ls="--")
        lines.append((epochs[-1], level, name, colour))
    ax.set(xlabel="epoch", ylabel="P@5, lists for choosing", ylim=(0, None))
    readable(ax)
    fig.draw_without_rendering()
    end_labels(ax, lines, size=14)
    return fig


def by_list(rows: Mapping[str, tuple[Sequence[float], float]]) -> Figure:
    """Draw the precision list by list, of guessing and of counting.

    Args:
        rows: list -> (precision of skip-gram in each run, precision of counting).
    """
    fig, ax = figure(width=8.0, height=1.0 + 0.36 * len(rows))
    ordered = sorted(rows.items(), key=lambda item: -item[1][1])
    for place, (_, (guessed, counted)) in enumerate(ordered):
        mean = sum(guessed) / len(guessed)
        ax.plot([mean, counted], [-place, -place], color="#CFCFCF", lw=4, zorder=1)
        ax.plot(mean, -place, "o", ms=11, color=BLUE, label="skip-gram" if not place else None)
        ax.plot(counted, -place, "s", ms=10, color=ORANGE, label=None if place else "counting")
    ax.set(yticks=[-k for k in range(len(ordered))], yticklabels=[name for name, _ in ordered])
    ax.set(xlabel="P@5", xlim=(-0.02, 1.02))
    ax.legend(loc="lower right", fontsize=14)
    readable(ax)
    return fig


def by_size(words: Sequence[float], lines: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Draw the precision over the size of the text.

    Args:
        words: running words of each text.
        lines: name -> for each text, the precision of each run.
    """
    fig, ax = figure(width=7.8, height=3.6)
    ends = []
    for (name, points), colour in zip(lines.items(), (BLUE, ORANGE, GREEN), strict=False):
        means = [sum(runs) / len(runs) for runs in points]
        ax.plot(words, means, color=colour, lw=2.8)
        for x, runs in zip(words, points, strict=True):
            ax.plot([x] * len(runs), runs, "o", ms=7, color=colour)
        ends.append((words[-1], means[-1], name, colour))
    ax.set(xscale="log", xlabel="running words of the text", ylabel="P@5", ylim=(0, None))
    ax.set_xticks(list(words), [f"{n / 1e6:.2f} M" for n in words])
    ax.minorticks_off()
    readable(ax)
    fig.draw_without_rendering()
    end_labels(ax, ends, size=13)
    return fig


def moved(words: Mapping[str, Mapping[str, Mapping[str, int]]], *, most: int, line: int) -> Figure:
    """Draw the nearest words of words in several texts, and in how many draws each was found.

    Args:
        words: word -> text -> neighbour -> draws; every word in the same texts.
        most: how many draws there were.
        line: draws from which on a neighbour is stable; its bar is dark.
    """
    texts = len(next(iter(words.values())))
    fig, axes = figure(len(words), texts, width=9.6, height=3.3 * len(words), squeeze=False)
    panels = [(word, *item) for word, columns in words.items() for item in columns.items()]
    for ax, (word, title, found) in zip(axes.flat, panels, strict=True):
        names, draws = list(found), list(found.values())
        places = [-i for i in range(len(names))]
        colours = [BLUE if n >= line else tint(GREY, 0.5) for n in draws]
        ax.barh(places, draws, color=colours)
        ax.axvline(line, color=INK, lw=2, ls="--")
        ax.set(yticks=places, yticklabels=names, xlim=(0, most + 0.15))
        ax.set(xlabel=f"draws of {most}", title=f"{word}, {title}")
        ax.set_xticks(range(most + 1))
        ax.grid(axis="y", visible=False)
        readable(ax)
        ax.tick_params(labelsize=15)
    return fig


def word_map(points: Tensor, names: Sequence[str], lists: Mapping[str, Sequence[str]]) -> Figure:
    """Draw words in the plane, each beside its dot, each list in a colour of its own.

    Args:
        points: (W, 2).
        names: W words.
        lists: title -> its words.
    """
    check_shape("points", points, len(names), 2)
    place = {name: i for i, name in enumerate(names)}
    fig, ax = figure(width=9.4, height=7.6)
    dots = []
    for (title, words), colour in zip(lists.items(), (BLUE, ORANGE, GREEN), strict=False):
        group = points[[place[word] for word in words]]
        ax.plot(*group.T.tolist(), "o", ms=8, color=colour, label=title)
        dots += [(*point, word, colour) for word, point in zip(words, group.tolist(), strict=True)]
    low, high = points.min(0).values, points.max(0).values
    room = 0.12 * (high - low)
    ax.set(xlim=(low[0] - 1.5 * room[0], high[0] + 2 * room[0]))
    ax.set(ylim=(low[1] - room[1], high[1] + room[1]))
    ax.set(xlabel="first direction", ylabel="second direction")
    ax.legend(fontsize=15)
    readable(ax)
    fig.draw_without_rendering()
    _name(ax, dots, size=14)
    return fig


def _name(ax: Axes, dots: Sequence[tuple[float, float, str, str]], *, size: float) -> None:
    """Write each word beside its dot, where it covers the least of the dots and words so far."""
    pixel = ax.figure.dpi / 72
    places = ax.transData.transform([dot[:2] for dot in dots])
    taken = [(x - 5 * pixel, y - 5 * pixel, x + 5 * pixel, y + 5 * pixel) for x, y in places]
    for (x, y), (across, up, word, colour) in zip(places, dots, strict=True):
        wide, high = 0.62 * size * len(word) * pixel, 1.15 * size * pixel
        spots = []
        for dx, dy in ((8, 0), (-8, 0), (0, 13), (0, -13), (8, 13), (8, -13), (-8, 13), (-8, -13)):
            left = x + dx * pixel - (wide if dx < 0 else wide / 2 if not dx else 0)
            low = y + dy * pixel - high / 2
            box = (left, low, left + wide, low + high)
            spots.append((sum(_common(box, other) for other in taken), dx, dy, box))
        _, dx, dy, box = min(spots, key=lambda spot: spot[0])
        taken.append(box)
        side = "left" if dx > 0 else "right" if dx < 0 else "center"
        ax.annotate(word, (across, up), xytext=(dx, dy), textcoords="offset points", ha=side,
                    va="center", fontsize=size, color=colour)  # fmt: skip


def _common(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the area that two boxes (left, low, right, high) share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(high, 0)


def score_cloud(goal: Tensor, learned: Tensor, times: Tensor) -> Figure:
    """Draw learned scores over the scores of least loss, frequent pairs dark.

    Args:
        goal: PMI − log k of each pair, (N,).
        learned: its score, (N,).
        times: how often it was seen, (N,).
    """
    check_shape("learned", learned, len(goal))
    check_shape("times", times, len(goal))
    fig, ax = figure(width=7.6, height=5.6)
    for low, high, share in ((0, 3, 0.25), (3, 30, 0.6), (30, math.inf, 1.0)):
        some = (times > low) & (times <= high)
        name = f"met more than {low} times" if high == math.inf else f"met {low} to {high} times"
        ax.plot(goal[some], learned[some], "o", ms=4 + 3 * share, color=tint(BLUE, share),
                label=name, zorder=2 + share)  # fmt: skip
    ends = [goal.min().item(), goal.max().item()]
    ax.plot(ends, ends, color=INK, lw=2, ls="--", zorder=4)
    ax.set(xlabel="PMI − log k, from the counts", ylabel="learned score, u · v")
    ax.legend(fontsize=14, loc="upper left", markerscale=1.6)
    readable(ax)
    return fig


def by_window(
    windows: Sequence[int], lines: Mapping[str, Sequence[float]], *, ylabel: str
) -> Figure:
    """Draw shares over the window.

    Args:
        windows: words to each side.
        lines: name -> a share for each window.
        ylabel: of the shares.
    """
    fig, ax = figure(width=7.8, height=3.5)
    ends = []
    for (name, shares), colour in zip(lines.items(), (BLUE, ORANGE, GREEN), strict=False):
        ax.plot(windows, shares, color=colour, lw=2.8, marker="o", ms=8)
        ends.append((windows[-1], shares[-1], name, colour))
    ax.set(xscale="log", xlabel="window, words to each side", ylabel=ylabel, ylim=(0, 1))
    ax.set_xticks(list(windows), [str(window) for window in windows])
    ax.minorticks_off()
    readable(ax)
    fig.draw_without_rendering()
    end_labels(ax, ends, size=13)
    return fig
