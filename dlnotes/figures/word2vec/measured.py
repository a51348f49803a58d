"""Drawings of what was measured: who finds the lists, how it grows, which words moved."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import INK, end_labels, readable
from dlnotes.plotting import BLUE, COLORS, GREEN, GREY, ORANGE, figure


def scores(rows: Mapping[str, Sequence[float]], *, ours: Sequence[str]) -> Figure:
    """Draw precision at 5 as one bar for each method, with a dot for each run.

    Args:
        rows: name -> precision of each run, from 0 to 1.
        ours: names of those that guess; their bars are blue, the others grey.
    """
    fig, ax = figure(width=8.4, height=0.9 + 0.5 * len(rows))
    most = max(max(values) for values in rows.values())
    for place, (name, values) in enumerate(rows.items()):
        colour = BLUE if name in ours else GREY
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
    for (name, level), colour in zip(levels.items(), (GREY, ORANGE, GREEN), strict=False):
        ax.plot([0, epochs[-1]], [level, level], color=colour, lw=2, ls="--")
        lines.append((epochs[-1], level, name, colour))
    ax.set(xlabel="epoch", ylabel="P@5, lists for choosing", ylim=(0, None))
    readable(ax)
    fig.draw_without_rendering()
    end_labels(ax, lines, size=13)
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


def moved(columns: Mapping[str, Mapping[str, int]], *, most: int) -> Figure:
    """Draw the nearest words of a word in several texts, and in how many draws each was found.

    Args:
        columns: title -> neighbour -> draws.
        most: how many draws there were.
    """
    fig, axes = figure(1, len(columns), width=9.4, height=3.6, squeeze=False)
    for ax, (title, found), colour in zip(axes[0], columns.items(), (ORANGE, BLUE), strict=False):
        names = list(found)
        ax.barh([-i for i in range(len(names))], list(found.values()), color=colour, alpha=0.65)
        ax.set(yticks=[-i for i in range(len(names))], yticklabels=names, xlim=(0, most))
        ax.set(xlabel=f"draws of {most}", title=title)
        ax.set_xticks(range(0, most + 1, 2))
        ax.grid(axis="y", visible=False)
        readable(ax)
    return fig


def word_map(points: Tensor, names: Sequence[str], lists: Mapping[str, Sequence[str]]) -> Figure:
    """Draw words in the plane, each list in a colour of its own, named where it is densest.

    Args:
        points: (W, 2).
        names: W words.
        lists: title -> its words.
    """
    check_shape("points", points, len(names), 2)
    place = {name: i for i, name in enumerate(names)}
    fig, ax = figure(width=8.6, height=5.4)
    for (title, words), colour in zip(lists.items(), COLORS, strict=False):
        group = points[[place[word] for word in words]]
        ax.plot(*group.T.tolist(), "o", ms=8, color=colour, alpha=0.75)
        x, y = group.median(0).values.tolist()
        behind = dict(facecolor="white", alpha=0.8, edgecolor="none", pad=1)
        style = dict(fontsize=16, fontweight="bold", ha="center", va="center", bbox=behind)
        ax.text(x, y, title, color=colour, **style)
    ax.set(xlabel="first direction", ylabel="second direction")
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
