"""Drawings of learning: seven words in the plane while they learn, and the force on a score."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import INK, readable
from dlnotes.figures.word2vec.measured import name_dots
from dlnotes.figures.word2vec.tables import together
from dlnotes.plotting import BLUE, GREEN, GREY, ORANGE, figure


def film(
    tables: Sequence[tuple[Tensor, Tensor]], words: Sequence[str], *, steps: Sequence[int]
) -> Figure:
    """Draw the vectors of words with two numbers each, at some steps of a training.

    Args:
        tables: v and u after each step, (V, 2) both.
        words: V of them.
        steps: which are shown, the first one is 1; four of them.
    """
    for name, table in zip("vu", tables[0], strict=True):
        check_shape(name, table, len(words), 2)
    fig, axes = figure(2, 2, width=9.8, height=8.4)
    named = {}
    for ax, step in zip(axes.flat, steps, strict=True):
        most = max(table.abs().max().item() for table in tables[step - 1])
        dots = []
        for table, colour, mark in zip(tables[step - 1], (BLUE, GREEN), ("o", "s"), strict=True):
            for place in together(table, within=0.06 * most):
                x, y = table[place].mean(0).tolist()
                ax.plot([0, x], [0, y], color=colour, lw=2.2, alpha=0.6, zorder=2)
                ax.plot(x, y, mark, ms=8, color=colour, zorder=3)
                dots.append((x, y, ", ".join(words[i] for i in place), colour))
        ax.set(xlim=(-1.7 * most, 1.7 * most), ylim=(-1.25 * most, 1.25 * most))
        named[ax] = dots
        ax.set_title(f"step {step}", fontsize=15)
        ax.plot(0, 0, "o", ms=6, color=INK, zorder=4)
        readable(ax)
        ax.tick_params(labelsize=11)
    fig.draw_without_rendering()
    for ax, dots in named.items():
        name_dots(ax, dots, size=12)
    return fig


def forces(scores: Sequence[float]) -> Figure:
    """Draw σ, and the losses of a real and of a made-up pair with the slope as a force.

    Args:
        scores: where arrows are drawn; their length is the slope, and they point downhill.
    """
    fig, (left, right) = figure(1, 2, width=9.6, height=3.9, width_ratios=(1, 1.5))
    x = torch.linspace(-4.4, 4.4, 200)
    left.plot(x, x.sigmoid(), color=INK, lw=2.8)
    left.axhline(0.5, color=GREY, lw=1.2, ls=":")
    left.set(xlabel="score x", ylabel="σ(x), says real", ylim=(0, 1.04))
    for sign, colour, name in ((1, BLUE, "real"), (-1, ORANGE, "made up")):
        right.plot(x, -F.logsigmoid(sign * x), color=colour, lw=2.8)
        style = dict(arrowstyle="-|>", lw=3, color=colour, mutation_scale=15, shrinkA=0, shrinkB=0)
        for score in torch.tensor(scores).mul(sign):
            height, force = -F.logsigmoid(sign * score), sign * (1 - (sign * score).sigmoid())
            right.plot(score, height, "o", ms=8, color=colour)
            end = (score + 1.5 * force).item(), height.item()
            right.annotate("", end, (score.item(), height.item()), arrowprops=style)
        right.text(-sign * 3.4, 3.9, name, fontsize=15, color=colour, ha="center")
    right.set(xlabel="score x", ylabel="loss of the pair", ylim=(0, 4.5))
    readable(left, right)
    return fig
