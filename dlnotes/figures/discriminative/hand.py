"""The cases of part A that are worked by hand: a table, bumps, boundaries, a valley."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from dlnotes.figures.discriminative.schemes import ANSWER, WORLD
from dlnotes.plotting import BLACK, GREY, INK, NEGATIVE, POSITIVE, figure, tint

CLASS_COLORS = (NEGATIVE, POSITIVE)  # of class 0 and of class 1
FONT = 14


def areas(table: Tensor, rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Draw a table of counts as areas: all of it, and each column stretched to 1.

    Args:
        table: counts, (2, 2); the second row is drawn at the bottom.
        rows: a word for each row.
        columns: a word for each column.
    """
    joint = table.double() / table.sum()
    given = joint / joint.sum(0)
    fig, (left, right) = figure(1, 2, width=10, height=4.6)
    _tiles(left, joint, rows, columns)
    _tiles(right, given, rows, columns)
    for column, height in enumerate(joint.sum(0).tolist()):
        middle = column * 1.15 + 0.5
        left.text(middle, height + 0.02, f"p(x) = {height:.1f}", ha="center", fontsize=FONT)
        word = f"sum 1.0, stretched × {1 / height:g}"
        right.text(middle, 1.02, word, ha="center", fontsize=FONT - 1)
        look = dict(arrowstyle="->", color=ANSWER, lw=2.5)
        ends = dict(xy=(middle + 0.42, 1), xytext=(middle + 0.42, height))
        right.annotate("", arrowprops=look, **ends)
        right.plot([middle - 0.5, middle + 0.5], [height, height], "--", color=ANSWER, lw=2)
    left.set_title("joint p(x, y): all four add up to 1", fontsize=FONT)
    right.set_title("p(y | x): each column adds up to 1", fontsize=FONT)
    return fig


def _tiles(ax: Axes, shares: Tensor, rows: Sequence, columns: Sequence) -> None:
    """Draw each column as a stack of width 1, each part as high as its share."""
    for column, word in enumerate(columns):
        start, bottom = column * 1.15, 0.0
        for row in (1, 0):
            height = shares[row, column].item()
            look = dict(facecolor=tint(CLASS_COLORS[row], 0.3), edgecolor=INK, lw=1.4)
            ax.add_patch(Rectangle((start, bottom), 1, height, **look))
            middle = start + 0.5, bottom + height / 2
            words = f"{rows[row]} {height:.1f}"
            ax.text(*middle, words, ha="center", va="center", fontsize=FONT)
            bottom += height
        ax.text(start + 0.5, -0.03, word, ha="center", va="top", fontsize=FONT)
    ax.set(xlim=(-0.04, 2.2), ylim=(-0.14, 1.1))
    ax.axis("off")


def bumps(priors: Sequence[float], means: tuple[float, float] = (1.0, 3.0)) -> Figure:
    """Draw two bumps of variance 1 and the posterior below them, a column for each prior.

    Args:
        priors: p(y = 1), one for each column.
        means: of class 0 and of class 1.
    """
    x = torch.linspace(-2, 7, 400, dtype=torch.float64)
    fig, axes = figure(2, len(priors), width=10, height=5.2, sharex=True, sharey="row")
    for (top, bottom), prior in zip(axes.T, priors, strict=True):
        joint = [
            share * torch.distributions.Normal(mean, 1.0).log_prob(x).exp()
            for share, mean in zip((1 - prior, prior), means, strict=True)
        ]
        border = sum(means) / 2 - math.log(prior / (1 - prior)) / (means[1] - means[0])
        for curve, color in zip(joint, CLASS_COLORS, strict=True):
            top.plot(x, curve, color=color, linewidth=2.5)
            top.fill_between(x, curve, color=color, alpha=0.15, linewidth=0)
        bottom.plot(x, joint[1] / sum(joint), color=POSITIVE, linewidth=2.5)
        for ax in (top, bottom):
            ax.axvline(border, color=BLACK, linewidth=1.4, linestyle="--")
        top.text(-1.9, 0.9 * top.get_ylim()[1], "well", color=NEGATIVE, fontsize=FONT)
        top.text(6.9, 0.9 * top.get_ylim()[1], "ill", color=POSITIVE, fontsize=FONT, ha="right")
        top.set_title(f"{prior:.0%} are ill", fontsize=FONT)
        note = f"boundary {border:.2f}"
        bottom.text(border + 0.2, 0.1, note, fontsize=FONT)
        bottom.set_xlabel("blood value x", fontsize=FONT)
    axes[0, 0].set_ylabel("p(x, y)", fontsize=FONT)
    axes[1, 0].set_ylabel("p(ill | x)", fontsize=FONT)
    return fig


def boundaries(cases: Mapping[str, tuple[Tensor, Tensor]], means: Tensor) -> Figure:
    """Draw ellipses of two classes and the boundary between them, a panel for each case.

    Args:
        cases: name -> covariance of class 0 and of class 1, (2, 2) each.
        means: of both classes, (2, 2).
    """
    side = torch.linspace(-3, 3, 201, dtype=torch.float64)
    across = side + means[:, 0].mean()
    points = torch.cartesian_prod(across, side)
    fig, axes = figure(1, len(cases), width=11, height=4.1, sharey=True)
    for ax, (name, covariances) in zip(axes, cases.items(), strict=True):
        logs = []
        for mean, covariance, color in zip(means, covariances, CLASS_COLORS, strict=True):
            logs.append(torch.distributions.MultivariateNormal(mean, covariance).log_prob(points))
            peak = logs[-1].max().item()
            levels = [peak - 0.5 * r**2 for r in (2, 1)]
            look = dict(levels=levels, colors=color, linewidths=2, linestyles="solid")
            ax.contour(across, side, logs[-1].view(201, 201).T, **look)
            ax.plot(*mean.tolist(), "o", color=color, markersize=7)
        gap = (logs[1] - logs[0]).view(201, 201).T
        ax.contour(across, side, gap, levels=[0], colors=BLACK, linewidths=2.5)
        ax.set_title(name, fontsize=FONT)
        ax.set(aspect="equal", xlabel="x₁")
    axes[0].set_ylabel("x₂")
    return fig


def valley(loss: Callable[[float], float], path: Sequence[float], *, marks: Mapping) -> Figure:
    """Draw the loss over one weight, and the steps downhill as dots.

    Args:
        loss: of a weight.
        path: the weights that were visited.
        marks: word -> weight that is marked by a vertical line.
    """
    fig, ax = figure(width=8.6, height=4.2)
    ws = torch.linspace(-0.15, 3.1, 200).tolist()
    ax.plot(ws, [loss(w) for w in ws], color=GREY, linewidth=2.5)
    ax.plot(path, [loss(w) for w in path], "o", color=ANSWER, markersize=9)
    for first, second in pairwise(path[:4]):
        ends = dict(xy=(second, loss(second)), xytext=(first, loss(first)))
        arrow = dict(arrowstyle="->", color=ANSWER, lw=1.6, connectionstyle="arc3,rad=-0.25")
        ax.annotate("", arrowprops=arrow, **ends)
    for number, w in enumerate(path[:3]):
        ax.annotate(f"step {number}" if number else "start", (w, loss(w)), xytext=(12, 6),
                    textcoords="offset points", fontsize=FONT, color=ANSWER)  # fmt: skip
    colors = (ANSWER, WORLD)
    for number, ((word, w), color) in enumerate(zip(marks.items(), colors, strict=True)):
        ax.axvline(w, color=color, linestyle="--", linewidth=1.8)
        place, align = (w - 0.04, "right") if number == 0 else (w + 0.04, "left")
        ax.text(place, 5.3, word, color=color, fontsize=FONT, ha=align, va="top")
    ax.set(xlabel="weight w", ylabel="loss L", ylim=(3.0, 5.8))
    return fig


def ninth_patient(
    lines: Mapping[str, tuple[tuple[float, float], tuple[float, float]]], x: Tensor, y: Tensor
) -> Figure:
    """Draw each road's S-curve before and after one more patient, who is the last one given.

    Args:
        lines: road -> (w, b) before, (w, b) after.
        x: values of all patients, (N,).
        y: 0 or 1, (N,).
    """
    fig, axes = figure(1, 2, width=10.4, height=4.0, sharey=True)
    grid = torch.linspace(-1, float(x.max()) + 1, 400)
    for ax, (name, pair), color in zip(axes, lines.items(), (WORLD, ANSWER), strict=True):
        for (w, b), dash, word in zip(pair, ("--", "-"), ("before", "after"), strict=True):
            ax.plot(grid, torch.sigmoid(w * grid + b), dash, color=color, lw=2.5, label=word)
        for label in (0, 1):
            mine = x[y == label]
            look = dict(markersize=9, linestyle="", color=CLASS_COLORS[label])
            ax.plot(mine, torch.full_like(mine, float(label)), marker="o^"[label], **look)
        ax.axhline(0.5, color=GREY, linewidth=1.2, linestyle=":")
        ax.set_title(name, fontsize=FONT, color=color)
        ax.set_xlabel("blood value x", fontsize=FONT)
        ax.legend(fontsize=FONT - 1, loc="center right")
    axes[0].set_ylabel("p(ill | x)", fontsize=FONT)
    return fig
