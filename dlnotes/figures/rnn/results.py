"""Pictures of chapter 3 of results: forecasts, learning curves, what was right."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.plotting import (
    BLACK,
    BLUE,
    COLORS,
    GREEN,
    GREY,
    INK,
    NEGATIVE,
    ORANGE,
    POSITIVE,
    PURPLE,
    bars,
    curves,
    figure,
)

LETTERS = 13  # points, in all axes


def _readable(*axes: Any) -> None:
    for ax in axes:
        ax.tick_params(labelsize=LETTERS)
        for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
            text.set_size(LETTERS + 1)


# ---- results -----------------------------------------------------------------------------------


def right_against(
    x: Sequence[int], runs: Mapping[str, Tensor], *, xlabel: str, guessing: float
) -> Figure:
    """Draw how often several runs were right, against what made the task harder.

    Args:
        x: at least two numbers, the axis is logarithmic.
        runs: label -> right answers in per cent, (runs, len(x)): a line for the mean, and dots.
        xlabel: what x is, with unit.
        guessing: what guessing reaches, in per cent.
    """
    for rows in runs.values():
        check_shape("runs", torch.as_tensor(rows), "N", len(x))
    lines = {label: (list(x), rows) for label, rows in runs.items()}
    levels, ylim = {"guessing": guessing}, (guessing - 12, 104)
    fig = curves(lines, xlabel=xlabel, ylabel="right (%)", ylim=ylim, levels=levels, log="x")
    (ax,) = fig.axes
    ax.texts[0].set(va="top", y=guessing - 2)  # under its line, where no runs are
    for rows, color in zip(runs.values(), COLORS, strict=False):
        for row in rows:
            ax.plot(x, row, "o", color=color, markersize=4, alpha=0.7)
    ax.set_xticks(x, [str(number) for number in x])
    ax.minorticks_off()
    return fig


def letter_by_letter(words: Sequence[str], probabilities: Sequence[Tensor]) -> Figure:
    """Draw a probability that is revised with every letter, one panel per word.

    Args:
        words: at most eight.
        probabilities: for each word, after each of its letters, (letters,), in [0, 1].
    """
    columns = min(4, len(words))
    rows = -(-len(words) // columns)
    fig, axes = figure(rows, columns, width=9.8, height=2.3 * rows, sharey=True, squeeze=False)
    for ax in axes.flat[len(words) :]:
        ax.axis("off")
    for ax, word, p in zip(axes.flat, words, probabilities, strict=False):
        check_shape(word, p, len(word))
        colors = [POSITIVE if value >= 0.5 else NEGATIVE for value in p]
        ax.bar(range(len(word)), p - 0.5, bottom=0.5, color=colors, width=0.75)
        ax.axhline(0.5, color=INK, linewidth=0.8)
        ax.set_xticks(range(len(word)), list(word))
        ax.set(ylim=(0, 1), yticks=[0, 0.5, 1])
        _readable(ax)
    for line in axes:
        line[0].set_ylabel("P(female)", fontsize=LETTERS)
    return fig


def splits(
    years: Any, values: Tensor, parts: Mapping[str, tuple[int, int]], *, ylabel: str
) -> Figure:
    """Draw a series, the parts of which have names.

    Args:
        years: (N,).
        values: (N,).
        parts: name -> first and last year.
        ylabel: of the series.
    """
    check_shape("values", values, len(years))
    fig, ax = figure(width=9.2, height=3.4)
    ax.plot(years, values, color=BLACK, lw=1.4)
    top = 1.25 * values.max().item()
    for (name, (first, last)), color in zip(parts.items(), (BLUE, GREEN, ORANGE), strict=False):
        ax.axvspan(first, last + 1, color=color, alpha=0.13, lw=0)
        ax.text(
            (first + last) / 2, 0.98 * top, name, ha="center", va="top", color=color, fontsize=15
        )
    ax.set(xlabel="year", ylabel=ylabel, ylim=(0, top), xlim=(years[0], years[-1] + 1))
    _readable(ax)
    return fig


def forecasts(
    years: Any, lines: Mapping[str, Tensor], errors: Mapping[str, Any], *, xlabel: str
) -> Figure:
    """Draw a series with forecasts, and beside it how large their errors are.

    Args:
        years: (N,).
        lines: name -> (N,), the first one is the truth.
        errors: name -> error, or one for each seed.
        xlabel: of the errors.
    """
    fig, (left, right) = figure(1, 2, width=10.6, height=4.2, width_ratios=[1.5, 1])
    looks = ((GREY, "-", 5.0), (BLUE, "-", 1.8), (BLACK, "--", 1.6))
    for (name, values), (color, dash, wide) in zip(lines.items(), looks, strict=False):
        check_shape(name, values, len(years))
        left.plot(
            years, values, color=color, lw=wide, ls=dash, alpha=0.6 if wide > 2 else 1, label=name
        )
    left.set(xlabel="year", ylim=(0, 265))
    left.legend(loc="upper right", ncols=3, fontsize=11, columnspacing=1.0, handlelength=1.4)
    bars(dict(errors), xlabel=xlabel, format="{:.1f}", ax=right)
    right.margins(x=0.25)
    _readable(left, right)
    return fig


def several_ahead(
    years: Any, lines: Mapping[str, Tensor], errors: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw forecasts that go on from their own output, and their error for each step ahead.

    Args:
        years: (N,).
        lines: name -> (N,), the first one is the truth.
        errors: name -> error for 1, 2, … steps ahead.
    """
    fig, (left, right) = figure(1, 2, width=10.6, height=4.0, width_ratios=[1.15, 1])
    looks = ((GREY, "-", 5.0), (BLUE, "-", 2.2), (BLACK, "--", 2.0))
    for (name, values), (color, dash, wide) in zip(lines.items(), looks, strict=False):
        check_shape(name, values, len(years))
        share = 0.6 if wide > 2.5 else 1
        left.plot(years, values, color=color, lw=wide, ls=dash, alpha=share, label=name)
    looks = ((BLUE, "-o"), (BLACK, "--s"), (PURPLE, ":^"), (GREY, "-."))
    for (name, values), (color, style) in zip(errors.items(), looks, strict=False):
        right.plot(range(1, len(values) + 1), values, style, color=color, markersize=5, label=name)
    left.set(xlabel="year", ylabel="sunspots", ylim=(0, 240))
    right.set_xticks(range(1, len(values) + 1, 2))
    right.set(xlabel="years ahead", ylabel="RMSE (spots)", ylim=(0, None))
    for ax in (left, right):
        ax.legend(fontsize=11)
        _readable(ax)
    return fig


def bits_by_epoch(
    learned: Sequence[Tensor], held_out: Sequence[Tensor], levels: Mapping[str, float]
) -> Figure:
    """Draw the bits of training and of validation over the epochs, several runs each.

    Args:
        learned: for each run, (epochs,).
        held_out: for each run, (epochs,).
        levels: name -> height of a dashed line.
    """
    fig, ax = figure(width=7.8, height=3.8)
    for name, runs, color in (("training", learned, GREY), ("validation", held_out, BLUE)):
        rows = torch.stack([torch.as_tensor(run).double() for run in runs])
        epochs = range(1, rows.shape[1] + 1)
        ax.plot(epochs, rows.mean(0), "-o", color=color, lw=2.4, markersize=5, label=name)
        ax.fill_between(
            epochs, rows.min(0).values, rows.max(0).values, color=color, alpha=0.2, lw=0
        )
    for name, level in levels.items():
        ax.axhline(level, color=BLACK, lw=1.6, ls="--", label=name)
    ax.set(xlabel="epoch", ylabel="bits per letter")
    ax.legend(fontsize=LETTERS)
    _readable(ax)
    return fig


def learned_within(
    runs: Mapping[tuple[int, str], Sequence[Tensor]], *, smooth: int, guessing: float
) -> Figure:
    """Draw learning curves, a panel for each distance, a colour for each start.

    Args:
        runs: (distance, start) -> for each seed, what was right at each update, in per cent.
        smooth: how many updates are averaged.
        guessing: what guessing reaches, in per cent.
    """
    distances = list(dict.fromkeys(distance for distance, _ in runs))
    starts = list(dict.fromkeys(start for _, start in runs))
    fig, axes = figure(1, len(distances), width=10.2, height=3.9, sharey=True, squeeze=False)
    for ax, distance in zip(axes[0], distances, strict=True):
        for start, color, dash in zip(starts, (BLACK, GREY, BLUE), ("-", "--", "-"), strict=False):
            for number, right in enumerate(runs[distance, start]):
                span = min(smooth, len(right))
                mean = torch.as_tensor(right).double().unfold(0, span, 1).mean(1)
                x = range(span, span + len(mean))
                label = start if number == 0 else None
                ax.plot(x, mean, color=color, lw=1.6, ls=dash, alpha=0.85, label=label)
        ax.axhline(guessing, color=INK, lw=0.8)
        ax.set(xlabel="updates", title=f"T = {distance}", ylim=(0, 104))
        _readable(ax)
    axes[0, 0].set_ylabel("right (%)")
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=14
    )
    return fig
