"""What the chapter measured: learning curves, errors against length, bits, units that count."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.lstm.story import readable
from dlnotes.plotting import (
    BLUE,
    COLORS,
    DASHES,
    GREY,
    INK,
    NEGATIVE,
    NOTE,
    POSITIVE,
    figure,
)


def learned(runs: Mapping[str, Sequence[Tensor]], *, smooth: int, guessing: float) -> Figure:
    """Draw learning curves, a panel for each network, a line for each seed.

    Args:
        runs: name -> for each seed, what was right at each update, in per cent.
        smooth: how many updates are averaged.
        guessing: what guessing reaches, in per cent.
    """
    fig, axes = figure(
        1, len(runs), width=10.6, height=2.9, sharex=True, sharey=True, squeeze=False
    )
    for ax, (name, curves) in zip(axes[0], runs.items(), strict=True):
        for curve in curves:
            span = min(smooth, len(curve))
            mean = torch.as_tensor(curve).double().unfold(0, span, 1).mean(1)
            x = np.arange(span, span + len(mean))
            ax.plot(x, mean, color=BLUE, lw=1.8, alpha=0.8)
            ax.plot(x[-1], mean[-1], "o", color=BLUE, markersize=4)
        ax.axhline(guessing, color=GREY, lw=1.2, ls=":")
        ax.set(title=name, ylim=(0, 106), yticks=[0, 25, 50, 75, 100])
        readable(ax)
        ax.locator_params(axis="x", nbins=3)
    axes[0, 0].set_ylabel("right (%)")
    fig.supxlabel("updates", fontsize=14)
    return fig


def marked_numbers(numbers: Tensor, marks: Tensor) -> Figure:
    """Draw a row of numbers as bars, those that are marked in another colour.

    Args:
        numbers: (T,).
        marks: 0 or 1, (T,).
    """
    check_shape("marks", marks, len(numbers))
    fig, ax = figure(width=8.8, height=2.5)
    colors = [BLUE if mark else "#C9C9C9" for mark in marks.tolist()]
    places = np.arange(1, len(numbers) + 1)
    ax.bar(places, numbers.tolist(), color=colors)
    for place, number, mark in zip(places, numbers.tolist(), marks.tolist(), strict=True):
        if mark:
            ax.text(place, number + 0.03, f"{number:.2f}", ha="center", fontsize=14, color=BLUE)
    ax.set(xlabel="step", ylabel="number", ylim=(0, 1.18), yticks=[0, 0.5, 1])
    readable(ax)
    return fig


def door(numbers: Tensor, marks: Tensor, gates: Mapping[str, Tensor], content: Tensor) -> Figure:
    """Draw one unit while it reads a row of numbers: the row, its gates, and what it holds.

    Args:
        numbers: (T,).
        marks: 0 or 1, (T,); a grey band goes through all panels where it is 1.
        gates: name -> (T,), at most two.
        content: (T,).
    """
    check_shape("content", content, len(numbers))
    fig, axes = figure(3, width=8.8, height=5.4, sharex=True, height_ratios=(2, 3, 3))
    places = np.arange(1, len(numbers) + 1)
    colors = [BLUE if mark else "#C9C9C9" for mark in marks.tolist()]
    axes[0].bar(places, numbers.tolist(), color=colors)
    for (name, values), color in zip(gates.items(), (BLUE, "#8A8A8A"), strict=False):
        axes[1].plot(places, values, "-o", color=color, lw=2.2, markersize=4)
        end = dict(xytext=(8, 0), textcoords="offset points", va="center")
        axes[1].annotate(name, (places[-1], values[-1]), color=color, size=14, **end)
    axes[2].plot(places, content, "-o", color=BLUE, lw=2.2, markersize=4)
    axes[2].axhline(0, color=INK, lw=0.8)
    for ax in axes:
        for place in places[np.asarray(marks) > 0]:
            ax.axvspan(place - 0.5, place + 0.5, color="#E6E6E6", lw=0, zorder=0)
    axes[0].set(ylabel="number", ylim=(0, 1.1), yticks=[0, 1])
    axes[1].set(ylabel="gate", ylim=(-0.06, 1.1), yticks=[0, 0.5, 1])
    axes[2].set(ylabel="content c", xlabel="step", xlim=(0.3, 1.25 * len(numbers)))
    readable(*axes)
    return fig


def bits_by_letters(
    letters: Sequence[float], curves: Mapping[str, Sequence[float]], levels: Mapping[str, float]
) -> Figure:
    """Draw bits per letter against how many letters were read, beside tables that count.

    Args:
        letters: how many millions were read at each point.
        curves: name -> bits at each point.
        levels: name of a table -> its bits.
    """
    fig, ax = figure(width=8.4, height=4.0)
    for (name, values), color, dash in zip(
        curves.items(), (BLUE, COLORS[3], COLORS[2]), DASHES, strict=False
    ):
        ax.plot(letters, values, "o", ls=dash, color=color, lw=2.4, markersize=5)
        middle, place = len(values) // 2, dict(xytext=(4, 8), textcoords="offset points")
        ax.annotate(name, (letters[middle], values[middle]), color=color, size=14, **place)
    right = max(letters)
    for name, level in levels.items():
        ax.plot((0, 1.01 * right), (level, level), color=GREY, lw=1.4, ls="--")
        ax.text(1.03 * right, level, name, va="center", fontsize=13, color=NOTE)
    ax.set(xlabel="letters read (millions)", ylabel="bits per letter", xlim=(0, 1.16 * right))
    readable(ax)
    return fig


def counting(
    text: str, contents: Mapping[str, Tensor], *, thick: Sequence[int] | None = None
) -> Figure:
    """Draw the contents of some cells over a text, letter by letter.

    Args:
        text: at most 60 letters.
        contents: title -> (letters, units), a panel for each.
        thick: the units that are drawn thick, the others are grey; None colours all.
    """
    fig, axes = figure(1, len(contents), width=9.8, height=3.2, squeeze=False)
    steps = np.arange(len(text))
    for ax, (title, values) in zip(axes[0], contents.items(), strict=True):
        check_shape(title, values, len(text), "H")
        most = values.abs().max().item()
        for number, unit in enumerate(values.T):
            color, width = POSITIVE if unit[len(text) // 2] >= 0 else NEGATIVE, 2.0
            if thick is not None:
                color, width = (color, 3.5) if number in thick else ("#B0B0B0", 1.2)
            ax.plot(steps, unit, "-o", markersize=3, color=color, lw=width, zorder=1 + width)
        ax.axhline(0, color=INK, lw=0.8)
        ax.set(title=title, ylim=(-1.1 * most, 1.1 * most), xlabel="read so far")
        ax.set_xticks(steps, list(text), fontsize=10, family="monospace")
        readable(ax)
        ax.tick_params(axis="x", labelsize=10)
    axes[0, 0].set_ylabel("content c")
    return fig


def content_below_feature(
    inside: Sequence[float], content: Sequence[float], text: str, *, name: str, most: int = 8
) -> Figure:
    """Draw a feature that is on or off, and below it a content with the letters where it jumps.

    Args:
        inside: 0 or 1 for each letter.
        content: of one unit after each letter.
        text: the letters.
        name: of the feature.
        most: so many of the largest jumps get their letter.
    """
    if not len(inside) == len(content) == len(text):
        raise ValueError(
            "inside, content and text must be equally long, "
            f"got {len(inside)}, {len(content)}, {len(text)}"
        )
    fig, (above, below) = figure(2, width=9.6, height=4.2, sharex=True, height_ratios=(1, 6))
    steps = np.arange(len(text))
    above.fill_between(steps, np.asarray(inside, dtype=float), color=INK, step="mid", lw=0)
    above.set(ylim=(0, 1), yticks=[])
    above.set_ylabel(name, rotation=0, ha="right", va="center")
    below.plot(steps, content, color=BLUE, lw=2)
    jumps = np.abs(np.diff(np.asarray(content, dtype=float)))
    for place in 1 + np.argsort(jumps)[::-1][:most]:
        below.plot(place, content[place], "o", color=NEGATIVE, markersize=7)
        below.annotate(
            text[place].replace(" ", "␣").replace("\n", "¶"),
            (place, content[place]),
            (0, -8),
            textcoords="offset points",
            ha="center",
            va="top",
            size=14,
        )
    low, high = min(content), max(content)
    below.set(xlabel="letters read", ylabel="content c", xlim=(0, len(text) - 1))
    below.set_ylim(low - 0.2 * (high - low) - 0.01, high + 0.1 * (high - low) + 0.01)
    readable(above, below)
    return fig


def errors_over_length(
    results: dict[str, dict[int, list[tuple[float, int]]]], *, mean_predictor: float
) -> Figure:
    """Draw error and batches against the length of the sequences, a dot per run.

    Args:
        results: name -> length -> (error, batches) of each run; lines join the medians.
        mean_predictor: error of predicting the mean.
    """
    fig, axes = figure(2, len(results), width=10.8, height=5.0, sharex=True, sharey="row")
    axes = np.reshape(axes, (2, len(results)))
    lengths = sorted({length for runs in results.values() for length in runs})
    for number, (name, runs) in enumerate(results.items()):
        for which, ax in enumerate(axes[:, number]):
            values = {length: [run[which] for run in found] for length, found in runs.items()}
            medians = [np.median(found) for found in values.values()]
            ax.plot(list(values), medians, color=BLUE, lw=2)
            for length, found in values.items():
                ax.plot([length] * len(found), found, "o", color=BLUE, markersize=6, alpha=0.7)
            ax.set(xscale="log", xlim=(0.8 * lengths[0], 1.25 * lengths[-1]))
            ax.set_xticks(lengths, lengths)
            ax.minorticks_off()
        axes[0, number].set(title=name, yscale="log")
        axes[0, number].axhline(mean_predictor, color=GREY, ls=":", lw=1.5)
        axes[0, number].axhline(0.01, color=GREY, ls="--", lw=1.5)
        axes[1, number].set(ylim=(0, None))
        readable(*axes[:, number])
    below = dict(transform=axes[0, 0].get_yaxis_transform(), va="top", fontsize=12, color=NOTE)
    axes[0, 0].text(0.06, 0.0088, "solved", clip_on=True, **below)
    axes[0, 0].set_ylabel("squared error")
    axes[1, 0].set_ylabel("batches used")
    fig.supxlabel("length T (steps)", fontsize=14)
    return fig


def grouped(names: Sequence[str], values: Mapping[str, Sequence[float]], *, xlabel: str) -> Figure:
    """Draw a group of bars for each name, a colour for each kind.

    Args:
        names: of the groups.
        values: kind -> a number from 0 to 1 for each name; at most four kinds.
        xlabel: below the axis.
    """
    fig, ax = figure(width=9.0, height=1.2 + 0.36 * len(names) * len(values))
    height = 0.8 / len(values)
    for number, ((kind, row), color) in enumerate(
        zip(values.items(), (BLUE, "#B0B0B0", "#F0B27A", COLORS[1]), strict=False)
    ):
        places = np.arange(len(names)) + (number - (len(values) - 1) / 2) * height
        ax.barh(places, row, height=0.9 * height, color=color, label=kind)
        for place, value in zip(places, row, strict=True):
            ax.text(value + 0.01, place, f"{value:.2f}", va="center", fontsize=13)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=xlabel, xlim=(0, 1))
    ax.invert_yaxis()
    readable(ax)
    ax.legend(fontsize=13, loc="lower right")
    return fig
