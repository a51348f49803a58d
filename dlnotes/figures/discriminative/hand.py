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
        right.text(middle, 1.02, f"stretched × {1 / height:.2f}", ha="center", fontsize=FONT)
        right.text(middle - 0.48, height + 0.01, "before", color=ANSWER, fontsize=FONT - 2)
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
            middle = start + 0.5, bottom + 0.36 * height  # beside the dashed line
            words = f"{rows[row]} {height:.2f}"
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
        top.text(5.2, 0.03 * (prior + 0.5), "ill", color=POSITIVE, fontsize=FONT)
        both = torch.minimum(*joint)
        top.fill_between(x, both, color=GREY, alpha=0.75, linewidth=0)
        share = torch.trapezoid(both, x).item()
        peak = both.max().item()
        look = dict(arrowstyle="-", color=INK, linewidth=1.4)
        place = (4.3, 0.75 * top.get_ylim()[1])
        top.annotate(f"errors that\nnobody avoids\n{share:.1%}", (border, 0.6 * peak), place,
                     fontsize=FONT - 1, ha="left", va="center", arrowprops=look)  # fmt: skip
        top.set_title(f"{prior:.0%} are ill", fontsize=FONT)
        note = f"boundary {border:.2f}"
        bottom.text(border + 0.2, 0.1, note, fontsize=FONT)
        bottom.set_xlabel("blood value x", fontsize=FONT)
    axes[0, 0].set_ylabel("p(x, y)", fontsize=FONT)
    axes[1, 0].set_ylabel("p(ill | x)", fontsize=FONT)
    return fig


def far_value(value: float = 40.0) -> Figure:
    """Draw the posterior of two bumps as far as a value that nobody has, and log p(x) below it.

    The bumps have variance 1 and the means 1 and 3, and the classes are equally frequent.

    Args:
        value: the end of the axis.
    """
    x = torch.linspace(-2, value, 600, dtype=torch.float64)
    means = torch.tensor([1.0, 3.0], dtype=torch.float64)
    logs = torch.distributions.Normal(means, 1.0).log_prob(x[:, None]) + math.log(0.5)
    log_p = logs.logsumexp(1)
    fig, (top, bottom) = figure(2, 1, width=9.4, height=5.2, sharex=True)
    top.plot(x, logs.softmax(1)[:, 1], color=ANSWER, linewidth=2.8)
    top.plot(value, 1, "o", color=ANSWER, markersize=10)
    top.text(value, 0.88, "1 − 10⁻³³", color=ANSWER, fontsize=FONT, ha="right", va="top")
    bottom.plot(x, log_p, color=WORLD, linewidth=2.8)
    bottom.plot(value, log_p[-1], "o", color=WORLD, markersize=10)
    words = f"{log_p[-1]:.0f}".replace("-", "−")
    bottom.text(value - 1, log_p[-1], words, color=WORLD, fontsize=FONT, ha="right", va="center")
    top.set_ylabel("p(ill | x)", fontsize=FONT)
    bottom.set_ylabel("log p(x)", fontsize=FONT)
    bottom.set_xlabel("blood value x", fontsize=FONT)
    for ax in (top, bottom):
        ax.axvspan(-2, 6, color=GREY, alpha=0.2, linewidth=0)
    top.text(6.4, 0.3, "nearly all patients", fontsize=FONT)
    return fig


def covariances(matrices: Sequence[Tensor]) -> Figure:
    """Draw points of a Gaussian for each covariance, with its ellipse and its determinant.

    Args:
        matrices: covariances, (2, 2) each.
    """
    noise = torch.randn(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    angle = torch.linspace(0, 2 * math.pi, 200, dtype=torch.float64)
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    fig, axes = figure(1, len(matrices), width=11, height=4.4, sharey=True)
    for ax, matrix in zip(axes, matrices, strict=True):
        root = torch.linalg.cholesky(matrix.double())
        ax.scatter(*(noise @ root.T).T, s=9, color=GREY, alpha=0.5, linewidths=0)
        ax.plot(*(circle @ root.T).T, color=WORLD, linewidth=3)
        (a, b), (c, d) = matrix.tolist()
        # two lines of equal length, so that the brackets stand above each other
        words = f"Σ = ⎡{a:>4g} {b:>4g} ⎤\n    ⎣{c:>4g} {d:>4g} ⎦"
        ax.set_title(words, fontsize=FONT + 4, family="DejaVu Sans Mono", pad=36)
        note = f"det Σ = {torch.linalg.det(matrix):.3g}"
        ax.text(0.5, 1.05, note, transform=ax.transAxes, fontsize=FONT + 2, ha="center")
        ax.set(aspect="equal", xlim=(-4.6, 4.6), ylim=(-3.4, 3.4))
        ax.set_xlabel("x₁", fontsize=FONT)
    axes[0].set_ylabel("x₂", fontsize=FONT)
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
    for place, word, color in zip((0.12, 0.92), ("well", "ill"), CLASS_COLORS, strict=True):
        look = dict(color=color, fontsize=FONT, ha="center", transform=axes[0].transAxes)
        axes[0].text(place, 0.04, word, **look)
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


def ninth_bells(groups: Sequence[tuple[Tensor, Tensor]]) -> Figure:
    """Draw the bells of shared variance that maximum likelihood gives each group of patients.

    Args:
        groups: values (N,) and labels (N,), 0 or 1, one group for each panel.
    """
    fig, axes = figure(len(groups), 1, width=9.4, height=5.4, sharex=True)
    grid = torch.linspace(-9, 22, 600)
    for ax, (x, y) in zip(axes, groups, strict=True):
        means = torch.stack([x[y == label].mean() for label in (0, 1)])
        variance = ((x - means[y]) ** 2).mean()
        for label, word in enumerate(("well", "ill")):
            mine, color = x[y == label], CLASS_COLORS[label]
            bell = torch.distributions.Normal(means[label], variance.sqrt())
            joint = len(mine) / len(x) * bell.log_prob(grid).exp()
            ax.plot(grid, joint, color=color, linewidth=2.5)
            ax.fill_between(grid, joint, color=color, alpha=0.15, linewidth=0)
            ax.plot(mine, 0 * mine, "o^"[label], color=color, markersize=8, clip_on=False)
            side = ("right", means[label] - 1.1) if label == 0 else ("left", means[label] + 1.1)
            ax.text(side[1], joint.max(), word, color=color, fontsize=FONT, ha=side[0])
        words = f"{len(x)} patients\nvariance {variance:.2f}"
        ax.text(0.98, 0.9, words, transform=ax.transAxes, fontsize=FONT, ha="right", va="top")
        ax.set_ylabel("p(x, y)", fontsize=FONT)
        ax.set_ylim(bottom=0)
    top, strip = axes[0].get_ylim()[1], axes[-1].get_ylim()[1]
    if strip < top:
        axes[0].axhspan(0, strip, color=GREY, alpha=0.2, linewidth=0)
        words = f"The grey strip\nis the panel below,\n{top / strip:.0f} × enlarged."
        axes[0].text(0.015, 0.6, words, transform=axes[0].transAxes, fontsize=FONT, va="center")
    axes[-1].set_xlabel("blood value x", fontsize=FONT)
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
