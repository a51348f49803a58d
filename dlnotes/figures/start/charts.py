"""Curves and bars of the start page."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.figures.start.look import (
    ANIMAL_COLORS,
    ANIMALS,
    FORWARD,
    LOSS,
    LOUD,
    RIGHT,
    SLOPE,
    WRONG,
    signed,
)
from dlnotes.plotting import GREY, figure


def penalties(marked: Sequence[float]) -> Figure:
    """Draw −log p and 1 − p, and mark some probabilities on both."""
    fig, ax = figure(width=8, height=3.9)
    p = torch.linspace(0.006, 1, 400)
    ax.plot(p, -p.log(), color=LOSS, linewidth=3)
    ax.plot(p, 1 - p, color=GREY, linewidth=3)
    for value in marked:
        loss = -torch.tensor(value).log().item()
        ax.plot([value], [loss], "o", color=LOSS, markersize=8)
        ax.plot([value], [1 - value], "o", color=GREY, markersize=8)
        ax.annotate(f"{loss:.2f}", (value + 0.02, loss + 0.1), color=LOSS, fontsize=LOUD)
        below = (value - 0.01, 0.9 - value)
        ax.annotate(f"{1 - value:.3g}", below, color="#666666", fontsize=LOUD, va="top")
    ax.annotate("−log p", (0.09, 2.9), color=LOSS, fontsize=LOUD)
    ax.annotate("1 − p", (0.72, 0.42), color="#666666", fontsize=LOUD)
    ax.set(xlabel="probability p of the right answer", ylabel="how bad", xlim=(-0.02, 1.02))
    ax.set_ylim(-0.6, 5.4)
    ax.set_yticks(range(6))
    return fig


def difference(prediction: Tensor, truth: Tensor) -> Figure:
    """Draw prediction, truth, and prediction minus truth, as bars on one scale."""
    fig, axes = figure(1, 3, width=9.6, height=2.9, sharey=True)
    animals = [RIGHT if right else WRONG for right in truth.tolist()]
    _bars(axes[0], prediction, animals, "prediction", "{:.3f}")
    _bars(axes[1], truth, animals, "truth", "{:.0f}")
    _bars(axes[2], prediction - truth, [SLOPE] * 3, "slope", "{:+.3f}")
    axes[0].set(ylim=(-1.2, 1.3), yticks=[-1, 0, 1])
    for ax, sign in zip(axes[1:], "−=", strict=True):
        ax.annotate(sign, (-0.1, 0.45), xycoords="axes fraction", fontsize=24, ha="center")
    return fig


def _bars(ax: Axes, heights: Tensor, colors: list, title: str, form: str) -> None:
    bars = ax.bar(ANIMALS, heights.tolist(), color=colors)
    words = [signed(form.format(height)) for height in heights.tolist()]
    ax.bar_label(bars, labels=words, padding=2, fontsize=LOUD)
    ax.axhline(0, color=GREY, linewidth=1)
    ax.set_title(title, fontsize=LOUD)
    ax.tick_params(labelsize=LOUD - 1)


def learning(path: Sequence[Tensor], losses: Sequence[float]) -> Figure:
    """Draw the three probabilities at each step, and the loss under them."""
    fig, (above, below) = figure(2, 1, width=8, height=5.2, sharex=True, height_ratios=[2.2, 1])
    probabilities = torch.stack(list(path))
    for k, (name, color) in enumerate(zip(ANIMALS, ANIMAL_COLORS, strict=True)):
        above.plot(probabilities[:, k], "o-", color=color, linewidth=2.5)
        apart = -0.04 if name == "bird" else 0.03  # so that the names do not touch
        last = len(path) - 1 + 0.15, probabilities[-1, k].item() + apart
        above.annotate(name, last, color=color, fontsize=LOUD, va="center")
    before, after = probabilities[:2, 2].tolist()
    look = dict(color="#555555", fontsize=LOUD - 1, ha="center", va="top")
    above.annotate(f"{before:.3f} → {after:.3f}", (0.6, before - 0.025), **look)
    below.plot(losses, "o-", color=LOSS, linewidth=2.5)
    above.set(ylabel="probability", ylim=(-0.08, 1), xlim=(-0.6, len(path) + 0.2))
    below.set(xlabel="step", ylabel="loss", ylim=(0, 1.6), xticks=range(0, len(path), 2))
    return fig


def landscape(scores: Tensor, step_size: float, steps: int) -> Figure:
    """Draw the loss over the scores of cat and dog, and the way down while the bird stays.

    Args:
        scores: of cat, dog and bird, (3,); the dog is right.
        step_size: of each step.
        steps: how many.
    """
    fig, ax = figure(width=7.2, height=4.6)
    cat, dog = torch.linspace(-0.4, 3.4, 120), torch.linspace(-0.2, 3.6, 120)
    grid = torch.stack(torch.meshgrid(cat, dog, indexing="xy"), -1)
    bird = torch.full((*grid.shape[:2], 1), scores[2].item())
    losses = torch.cat([grid, bird], -1).logsumexp(-1) - grid[..., 1]
    levels = torch.tensor([0.2, 0.4, 0.7, 1, 1.5, 2, 2.5])
    lines = ax.contour(cat, dog, losses, levels=levels, colors=GREY)
    at = torch.tensor([1.6] + [2.4] * 6)  # the cat's score at the labels
    heights = torch.logaddexp(at, scores[2]) - levels.expm1().log()
    places = list(zip(at.tolist(), heights.tolist(), strict=True))
    ax.clabel(lines, fontsize=LOUD - 2, fmt="%g", manual=places)
    now, path = scores.clone(), [scores[:2]]
    for _ in range(steps):
        now[:2] -= step_size * (now.softmax(0) - torch.tensor([0, 1, 0]))[:2]
        path.append(now[:2].clone())
    across, up = torch.stack(path).T
    ax.plot(across, up, "o-", color=SLOPE, linewidth=2.5, markersize=8)
    look = dict(color=SLOPE, fontsize=LOUD, ha="right", va="top")
    ax.annotate("start", (across[0] - 0.05, up[0] - 0.08), **look)
    ax.set_xlabel("score of the cat", fontsize=LOUD)
    ax.set_ylabel("score of the dog", fontsize=LOUD)
    ax.set_aspect("equal")
    ax.grid(visible=False)
    return fig


def step_sizes(losses: Mapping[float, Sequence[float]]) -> Figure:
    """Draw the loss at each step for three step sizes, on a logarithmic scale.

    Args:
        losses: step size -> loss before the first step and after each one.
    """
    fig, ax = figure(width=8, height=4)
    for (size, values), color in zip(losses.items(), [GREY, FORWARD, LOSS], strict=True):
        ax.plot(values, color=color, linewidth=3)
        look = {"color": color, "fontsize": LOUD}
        if max(values) > values[0]:  # it jumps, and where it ends is chance
            top = values.index(max(values)) + 4, max(values)
            ax.annotate(f"step size {size:g}: up to {top[1]:.0f}", top, va="center", **look)
        else:
            words = f"step size {size:g}: {values[-1]:.2f}"
            ax.annotate(words, (len(values) + 0.5, values[-1]), va="center", **look)
    ax.set_yscale("log")
    ax.set(yticks=[0.3, 1, 3, 10, 30], yticklabels=["0.3", "1", "3", "10", "30"])
    ax.set(ylim=(0.22, 75), xlim=(-1, 152), xticks=range(0, 101, 20))
    ax.minorticks_off()
    ax.set_xlabel("step", fontsize=LOUD)
    ax.set_ylabel("loss", fontsize=LOUD)
    return fig


def digit(image: Tensor, prediction: Tensor, label: int) -> Figure:
    """Draw a digit, the ten probabilities that a model gives, and the ten slopes of the loss."""
    fig, (left, middle, right) = figure(
        1, 3, width=9.6, height=3.1, width_ratios=[0.75, 1.2, 1.2], sharey=False
    )
    left.imshow(image, cmap="gray_r")
    left.axis("off")
    left.set_title(f"truth {label}", fontsize=LOUD)
    slopes = prediction.clone()
    slopes[label] -= 1
    colors = [RIGHT if k == label else WRONG for k in range(10)]
    _ten(middle, prediction.tolist(), colors, "prediction", "{:.2f}")
    _ten(right, slopes.tolist(), [SLOPE] * 10, "slope of each score", "{:+.2f}")
    return fig


def _ten(ax: Axes, heights: Sequence[float], colors: list, title: str, form: str) -> None:
    bars = ax.bar(range(10), heights, color=colors)
    words = [signed(form.format(height)) if abs(height) > 0.09 else "" for height in heights]
    ax.bar_label(bars, labels=words, padding=2, fontsize=LOUD - 1)
    ax.set(xticks=range(10), ylim=(-1.25, 1.15), yticks=[-1, 0, 1])
    ax.axhline(0, color=GREY, linewidth=1)
    ax.set_title(title, fontsize=LOUD)
    ax.tick_params(labelsize=LOUD - 2)
