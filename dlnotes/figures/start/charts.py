"""Curves and bars of the start page."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.plotting import BLUE, GREY, ORANGE, figure

ANIMALS = "cat", "dog", "bird"
LOUD = 15  # points: words that are read at a third of the size


def penalties(marked: Sequence[float]) -> Figure:
    """Draw −log p and 1 − p, and mark some probabilities on both."""
    fig, ax = figure(width=8, height=3.6)
    p = torch.linspace(0.006, 1, 400)
    ax.plot(p, -p.log(), color=ORANGE, linewidth=3)
    ax.plot(p, 1 - p, color=GREY, linewidth=3)
    for value in marked:
        loss = -torch.tensor(value).log().item()
        ax.plot([value, value], [1 - value, loss], "o", color=ORANGE, markersize=8)
        ax.plot(value, 1 - value, "o", color=GREY, markersize=8)
        ax.annotate(f"{loss:.2f}", (value + 0.02, loss + 0.1), color=ORANGE, fontsize=LOUD)
    ax.annotate("−log p", (0.09, 2.9), color=ORANGE, fontsize=LOUD)
    ax.annotate("1 − p", (0.3, 0.2), color="#555555", fontsize=LOUD)
    ax.set(xlabel="probability p of the right answer", ylabel="how bad", xlim=(-0.02, 1.02))
    ax.set_ylim(-0.15, 5.4)
    return fig


def difference(prediction: Tensor, truth: Tensor) -> Figure:
    """Draw prediction, truth, and prediction minus truth, as bars on one scale."""
    fig, axes = figure(1, 3, width=9.6, height=2.7, sharey=True)
    slopes = prediction - truth
    _bars(axes[0], prediction, [GREY] * 3, "prediction", "%.2f")
    _bars(axes[1], truth, [GREY] * 3, "truth", "%.0f")
    _bars(axes[2], slopes, [ORANGE if s < 0 else BLUE for s in slopes], "slope", "%+.2f")
    axes[0].set(ylim=(-1.2, 1.3), yticks=[-1, 0, 1])
    for ax, sign in zip(axes[1:], "−=", strict=True):
        ax.annotate(sign, (-0.1, 0.45), xycoords="axes fraction", fontsize=24, ha="center")
    return fig


def _bars(ax: Axes, heights: Tensor, colors: list, title: str, form: str) -> None:
    bars = ax.bar(ANIMALS, heights.tolist(), color=colors)
    ax.bar_label(bars, fmt=form, padding=2, fontsize=LOUD)
    ax.axhline(0, color=GREY, linewidth=1)
    ax.set_title(title, fontsize=LOUD)
    ax.tick_params(labelsize=LOUD - 1)


def learning(path: Sequence[Tensor], losses: Sequence[float]) -> Figure:
    """Draw the three probabilities at each step, and the loss under them."""
    fig, (above, below) = figure(2, 1, width=8, height=5, sharex=True, height_ratios=[2.2, 1])
    probabilities = torch.stack(list(path))
    for k, (name, color) in enumerate(zip(ANIMALS, [BLUE, ORANGE, GREY], strict=True)):
        above.plot(probabilities[:, k], "o-", color=color, linewidth=2.5)
        apart = -0.03 if name == "bird" else 0.02  # so that the names do not touch
        last = len(path) - 1 + 0.15, probabilities[-1, k].item() + apart
        above.annotate(name, last, color=color, fontsize=LOUD, va="center")
    below.plot(losses, "o-", color="black", linewidth=2.5)
    above.set(ylabel="probability", ylim=(-0.04, 1), xlim=(-0.3, len(path) + 0.2))
    below.set(xlabel="step", ylabel="loss", ylim=(0, 1.6), xticks=range(0, len(path), 2))
    return fig


def digit(image: Tensor, prediction: Tensor, label: int) -> Figure:
    """Draw a digit, the ten probabilities that a model gives, and the ten slopes of the loss."""
    fig, (left, middle, right) = figure(
        1, 3, width=9.6, height=2.9, width_ratios=[0.75, 1.2, 1.2], sharey=False
    )
    left.imshow(image, cmap="gray_r")
    left.axis("off")
    left.set_title(f"truth {label}", fontsize=LOUD)
    slopes = prediction.clone()
    slopes[label] -= 1
    middle.bar(range(10), prediction.tolist(), color=GREY)
    right.bar(range(10), slopes.tolist(), color=[ORANGE if s < 0 else BLUE for s in slopes])
    middle.set_title("prediction", fontsize=LOUD)
    right.set_title("slope of each score", fontsize=LOUD)
    for ax, low in ((middle, 0), (right, -1)):
        ax.set(xticks=range(10), ylim=(low, 1), yticks=range(low, 2))
        ax.axhline(0, color=GREY, linewidth=1)
        ax.tick_params(labelsize=LOUD - 2)
    return fig
