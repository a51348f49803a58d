"""Drawings of the root: where scores land, and where the softmax can still learn."""

import torch
from matplotlib.figure import Figure

from dlnotes.figures.cnn.parts import MARK, readable
from dlnotes.plotting import BLUE, GREY, ORANGE, figure


def softmax_points(scores: dict[str, float]) -> Figure:
    """Draw the weight of the first of two keys over the difference of the scores, and points on it.

    Args:
        scores: name -> difference of the two scores.
    """
    fig, ax = figure(width=7.6, height=3.6)
    x = torch.linspace(-1.5, 9.5, 200)
    ax.plot(x, x.sigmoid(), color=GREY, lw=3)
    for (name, score), colour in zip(scores.items(), (ORANGE, MARK, BLUE), strict=False):
        a = torch.tensor(score).sigmoid().item()
        slope = a * (1 - a)
        ax.plot([score - 0.7, score + 0.7], [a - 0.7 * slope, a + 0.7 * slope], color=colour, lw=4)
        ax.plot([score], [a], "o", color=colour, ms=12)
        left = score > 5
        text = f"{name}\nweight {a:.4f}, slope {slope:.4f}"
        place = dict(xytext=(-8 if left else 14, -34 if left else -22), va="center")
        place |= dict(textcoords="offset points", ha="right" if left else "left")
        ax.annotate(text, (score, a), color=colour, fontsize=13, **place)
    ax.set(xlabel="difference of the two scores", ylabel="weight of the first key", ylim=(0, 1.08))
    readable(ax)
    return fig


def score_spread(sizes: tuple[int, ...], draws: int, seed: int) -> Figure:
    """Draw how scores of random queries and keys are spread, with and without the root.

    Args:
        sizes: values of d_k.
        draws: pairs for each.
        seed: of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    fig, axes = figure(1, 2, width=8.4, height=3.3, sharey=True)
    for size, colour in zip(sizes, (BLUE, MARK, ORANGE), strict=False):
        q, k = torch.randn(2, draws, size, generator=generator)
        scores = (q * k).sum(1)
        for ax, values in zip(axes, (scores, scores / size**0.5), strict=True):
            heights, edges = torch.histogram(
                values.clamp(-29.9, 29.9), 60, range=(-30, 30), density=True
            )
            ax.plot((edges[1:] + edges[:-1]) / 2, heights, color=colour, lw=2.6, label=f"{size}")
    for ax, title in zip(axes, ("scores q · k", "divided by the root"), strict=True):
        ax.set(title=title, xlabel="score", xlim=(-30, 30), ylim=(0, 0.45))
        readable(ax)
    axes[0].set_ylabel("density")
    axes[0].legend(title="$d_k$", fontsize=13, title_fontsize=13)
    return fig
