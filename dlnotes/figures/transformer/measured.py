"""Drawings of what was measured: attention of one letter, cut edges, maps of heads, cost."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import readable
from dlnotes.plotting import BLUE, GREY, ORANGE, figure


def accuracies(
    rows: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    marked: str = "",
    most: float = 100.0,
    digits: int = 0,
) -> Figure:
    """Draw one bar for each name, with a dot for each run.

    Args:
        rows: name -> values in percent, one for each seed.
        xlabel: with unit.
        marked: part of the names whose bar is orange, since something was taken away.
        most: where the axis ends, unless a value is larger.
        digits: of the means, after the point.
    """
    fig, ax = figure(width=7.6, height=0.9 + 0.55 * len(rows))
    most = max(most, *(max(values) for values in rows.values()))
    for place, (name, values) in enumerate(rows.items()):
        colour = ORANGE if marked and marked in name else BLUE
        mean = sum(values) / len(values)
        ax.barh(-place, mean, color=colour, alpha=0.6, height=0.6)
        if len(values) > 1:
            ax.plot(values, [-place] * len(values), "o", color=colour, ms=7)
        text = f"{mean:.{digits}f}" if len(values) == 1 else f"mean {mean:.{digits}f}"
        ax.text(1.04 * most, -place, text, va="center", fontsize=14)  # away from the dots
    ax.set(yticks=[-k for k in range(len(rows))], yticklabels=list(rows))
    ax.set(xlabel=xlabel, xlim=(0, 1.3 * most))
    ax.grid(axis="y", visible=False)
    readable(ax)
    return fig


def maps(pictures: Mapping[str, Tensor], rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Draw attention weights of several heads, what is written downwards, what is read across.

    Args:
        pictures: title -> weights (T, S).
        rows: tokens that ask.
        columns: tokens that answer.
    """
    fig, axes = figure(1, len(pictures), width=9.0, height=3.2, squeeze=False, sharey=True)
    for ax, (title, weights) in zip(axes[0], pictures.items(), strict=True):
        check_shape(title, weights, len(rows), len(columns))
        ax.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        ax.set(xticks=range(len(columns)), xticklabels=list(columns))
        ax.set(yticks=range(len(rows)), yticklabels=list(rows))
        ax.grid(False)
        readable(ax)
        ax.set_title(title, fontsize=14)
    return fig


def cost(lengths: Sequence[int], times: Mapping[str, Sequence[float]]) -> Figure:
    """Draw time over length, both axes logarithmic.

    Args:
        lengths: tokens.
        times: name -> milliseconds for each.
    """
    fig, ax = figure(width=7.6, height=3.6)
    colours = (BLUE, ORANGE, GREY)
    for (name, values), colour in zip(times.items(), colours, strict=False):
        ax.plot(lengths, values, color=colour, lw=2.8, marker="o", ms=7)
        ax.text(lengths[-1] * 1.08, values[-1], name, color=colour, fontsize=14, va="center")
    ax.set(xscale="log", yscale="log", xlabel="letters n", ylabel="time (ms)")
    ax.set_xticks(lengths, [f"{n:,}" for n in lengths], minor=False)
    ax.minorticks_off()
    ax.set_xlim(lengths[0] * 0.9, lengths[-1] * 2.6)
    readable(ax)
    return fig
