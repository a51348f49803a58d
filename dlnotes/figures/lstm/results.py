"""What the chapter measured: gradients, accuracies, errors against length."""

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.plotting import COLORS, DASHES, GREY, NOTE, bars, figure


def panels(
    panels: dict[str, dict], *, xlabel: str, ylabel: str, ylim: tuple[float, float]
) -> Figure:
    """Draw sets of curves side by side on one logarithmic axis, with one legend.

    Args:
        panels: title -> label -> (x, y), at most eight lines each.
        xlabel: of every panel.
        ylabel: of the first one.
        ylim: of all.
    """
    fig, axes = figure(1, len(panels), width=9.4, height=4.0, sharey=True, squeeze=False)
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for number, (label, (x, y)) in enumerate(lines.items()):
            ax.plot(x, y, ls=DASHES[number], color=COLORS[number], label=label)
        ax.set(title=title, xlabel=xlabel, yscale="log", ylim=ylim)
    axes[0, 0].set_ylabel(ylabel)
    axes[0, 0].legend(fontsize=10, loc="lower left")
    return fig


def scores_and_errors(
    scores: dict[str, list[float]], errors: dict[str, Tensor], *, every: int, chance: float
) -> Figure:
    """Draw accuracies as bars and, beside them, how an error grew during training.

    Args:
        scores: name -> accuracy in per cent of each run.
        errors: name -> (runs, times), positive; the mean of their logarithms is drawn.
        every: steps of training from one time to the next.
        chance: accuracy of guessing.
    """
    fig, axes = figure(1, 2, width=10.8, height=4.0)
    bars(scores, xlabel="accuracy (%)", format="{:.0f}", levels={"chance": chance}, ax=axes[0])
    axes[0].set_xlim(0, 125)
    axes[0].set_xticks(range(0, 101, 25))
    for number, (name, values) in enumerate(errors.items()):
        steps = every * np.arange(values.shape[1])
        line = values.double().log().mean(0).exp()
        axes[1].plot(steps, line, ls=DASHES[number], color=COLORS[number], label=name)
    axes[1].set(yscale="log", xlabel="step of training")
    axes[1].set_ylabel("part of the error that\nreaches the first step")
    axes[1].legend(fontsize=9.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def errors_over_length(
    results: dict[str, dict[int, list[tuple[float, int]]]], *, mean_predictor: float
) -> Figure:
    """Draw error and batches against the length of the sequences, a dot per run.

    Args:
        results: name -> length -> (error, batches) of each run; lines join the medians.
        mean_predictor: error of predicting the mean.
    """
    fig, axes = figure(1, 2, width=10.8, height=4.0)
    lengths = sorted({length for runs in results.values() for length in runs})
    for number, (name, runs) in enumerate(results.items()):
        color, shift = COLORS[number], 1.03 ** (number - (len(results) - 1) / 2)
        for which, ax in enumerate(axes):
            values = {length: [run[which] for run in found] for length, found in runs.items()}
            medians = [np.median(found) for found in values.values()]
            places = [length * shift for length in values]
            ax.plot(places, medians, ls=DASHES[number], color=color, label=name)
            for place, found in zip(places, values.values(), strict=True):
                ax.plot([place] * len(found), found, "o", color=color, markersize=4, alpha=0.8)
    for ax in axes:
        ax.set(xscale="log", xlabel="length T (steps)")
        ax.set_xticks(lengths, lengths)
        ax.minorticks_off()
    axes[0].set(yscale="log", ylabel="mean squared error")
    for height, label in ((mean_predictor, "predict the mean"), (0.01, "solved")):
        axes[0].axhline(height, color=GREY, ls=":", lw=1.2)
        place = (0.01, height * 1.04)
        transform = axes[0].get_yaxis_transform()
        axes[0].text(*place, label, transform=transform, fontsize=10, color=NOTE)
    axes[1].set(ylabel="batches used", ylim=(0, None))
    axes[1].legend(fontsize=9.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig
