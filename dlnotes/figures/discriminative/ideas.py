"""Pictures of single ideas in parts B and C: copies, a sheet, a stretch, what sums to one."""

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from dlnotes.figures.discriminative.hand import FONT
from dlnotes.figures.discriminative.schemes import ANSWER, WORLD
from dlnotes.plotting import BLACK, FAINT, GREEN, GREY, INK, figure, tint


def witnesses(posteriors: Sequence[float], truth: float) -> Figure:
    """Draw what naive Bayes believes after 0, 1, 2, … readings of one and the same thermometer.

    Args:
        posteriors: p(ill), for each number of readings from 0.
        truth: p(ill | fever), however often it is read.
    """
    fig, ax = figure(width=8.0, height=3.8)
    places = range(len(posteriors))
    ax.bar(places, posteriors, color=tint(WORLD, 0.5), edgecolor=INK, width=0.6)
    for place, p in zip(places, posteriors, strict=True):
        ax.text(place, p + 0.02, f"{p:.2f}", ha="center", fontsize=FONT)
    ax.plot([0.5, len(posteriors) - 0.5], [truth, truth], color=BLACK, linestyle="--", linewidth=2)
    ax.text(len(posteriors) - 0.48, truth, "truth", fontsize=FONT, va="center")
    ax.set(ylim=(0, 1.08), xlim=(-0.5, len(posteriors) + 0.1), xticks=[*places])
    ax.set_xlabel("how often the same thermometer is read", fontsize=FONT)
    ax.set_ylabel("p(ill)", fontsize=FONT)
    ax.grid(False, axis="x")
    return fig


def two_pixels(points: Tensor) -> Figure:
    """Draw two features of one class with the ellipse of its covariance and the naive one.

    Args:
        points: (N, 2).
    """
    mean, covariance = points.mean(0), torch.cov(points.T, correction=0)
    angle = torch.linspace(0, 2 * math.pi, 200, dtype=points.dtype)
    circle = 2 * torch.stack([angle.cos(), angle.sin()])
    fig, ax = figure(width=8.6, height=4.9)
    ax.scatter(*points.T, s=12, color=GREY, alpha=0.5, linewidths=0)
    for name, spread, color, dash in (
        ("full covariance", covariance, WORLD, "-"),
        ("naive Bayes", covariance.diag().diag(), WORLD, "--"),
    ):
        ring = mean[:, None] + torch.linalg.cholesky(spread) @ circle
        ax.plot(*ring, dash, color=color, linewidth=3, label=name)
    ax.set(xlabel="one pixel", ylabel="its neighbour", aspect="equal")
    ax.legend(fontsize=FONT, loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def symptoms(
    cases: Sequence[str], truth: Tensor, models: Mapping[str, Tensor], patients: Sequence[int]
) -> Figure:
    """Draw p(ill) for each combination of symptoms: the patients, and what two models say.

    Args:
        cases: a word for each combination.
        truth: share of the ill among the patients, (C,).
        models: the world's and the answer's name -> p(ill), (C,).
        patients: how many there are, (C,); the squares' areas are in proportion to it.
    """
    fig, ax = figure(width=9.4, height=4.6)
    ax.axhline(0.5, color=BLACK, linewidth=1.2, linestyle="--")
    look = dict(fontsize=FONT - 1, ha="right", va="bottom")
    ax.text(len(cases) - 0.42, 0.41, "below the dashed line the model says “well”", **look)
    places = torch.arange(len(cases))
    sizes = [45 * int(n) for n in patients]
    ax.scatter(places - 0.2, truth, s=sizes, marker="s", color=GREY, label="share of the ill")
    looks = zip(models.items(), ("^", "o"), (WORLD, ANSWER), (0.05, 0.25), strict=True)
    for (name, p), marker, color, shift in looks:
        ax.plot(places + shift, p, marker, color=color, markersize=10, label=name)
    named = [f"{case}\n{n:g} patients" for case, n in zip(cases, patients, strict=True)]
    ax.set(xticks=places, xticklabels=named, xlim=(-0.5, len(cases) - 0.4), ylim=(0.4, 0.85))
    ax.tick_params(labelsize=FONT - 1)
    ax.set_ylabel("p(ill)", fontsize=FONT)
    ax.legend(fontsize=FONT - 1, loc="center left", bbox_to_anchor=(1, 0.5))
    ax.grid(False, axis="x")
    return fig


def stretch(strips: int = 10) -> Figure:
    """Draw how x = z² stretches equal strips of z, and the density that comes out."""
    z = torch.linspace(0, 1, strips + 1)
    fig, (left, right) = figure(1, 2, width=10.4, height=4.2, width_ratios=(1.25, 1))
    for number, (a, b) in enumerate(zip(z[:-1].tolist(), z[1:].tolist(), strict=True)):
        shade = tint(GREY, 0.65 if number % 2 else 0.25)
        for low, (first, second) in ((1.0, (a, b)), (0.0, (a * a, b * b))):
            box = Rectangle((first, low), second - first, 0.18, facecolor=shade, edgecolor=INK)
            left.add_patch(box)
        left.plot([b, b * b], [1.0, 0.18], color=FAINT, linewidth=1.4, zorder=0)
    left.text(-0.03, 1.09, "z", fontsize=FONT, ha="right", va="center")
    left.text(-0.03, 0.09, "x = z²", fontsize=FONT, ha="right", va="center")
    left.set(xlim=(-0.2, 1.03), ylim=(-0.1, 1.28))
    left.axis("off")
    x = torch.linspace(0.01, 1, 300)
    right.plot(x, 0.5 / x.sqrt(), color=INK, linewidth=2.5)
    for place in (0.25, 0.04):
        height = 0.5 / math.sqrt(place)
        right.plot(place, height, "o", color=WORLD, markersize=9)
        right.annotate(f"p({place:g}) = {height:g}", (place, height), xytext=(10, 4),
                       textcoords="offset points", fontsize=FONT)  # fmt: skip
    right.axhline(1, color=GREY, linestyle=":", linewidth=1.2)
    right.set_xlabel("x", fontsize=FONT)
    right.set_ylabel("density p(x)", fontsize=FONT)
    return fig


def sheet(parts: Sequence[int], shares: Sequence[float]) -> Figure:
    """Draw the curve (z, z²) and the cells of finer and finer grids that it hits.

    Args:
        parts: cells along each side, one for each panel.
        shares: of the cells that are hit.
    """
    z = torch.linspace(0, 1, 4000, dtype=torch.float64)[:-1]
    fig, axes = figure(1, len(parts), width=10.4, height=3.9)
    for ax, cells, share in zip(axes, parts, shares, strict=True):
        hit = torch.zeros(cells, cells)
        hit[(z * z * cells).long(), (z * cells).long()] = 1
        ax.pcolormesh(hit, cmap="Greys", vmax=2, edgecolors="#DDDDDD", linewidth=0.3)
        ax.plot(cells * z, cells * z * z, color=BLACK, linewidth=1.8)
        ax.set(aspect="equal", xticks=[], yticks=[])
        ax.set_title(f"{cells} × {cells}: {share:.1%} hit", fontsize=FONT)
    return fig


def two_sums(scores: Tensor, words: Sequence[str], labels: Sequence[str]) -> Figure:
    """Draw one table of scores, normalised over the labels and over the words.

    Args:
        scores: (words, labels).
        words: what the rows stand for.
        labels: what the columns stand for.
    """
    fig, axes = figure(1, 3, width=10.6, height=4.3)
    tables = scores, scores.softmax(1), scores.softmax(0)
    titles = "one table of scores", "softmax over tags", "softmax over words"
    for number, (ax, table, title) in enumerate(zip(axes, tables, titles, strict=True)):
        for (row, column), value in ((place, table[place]) for place in _places(table)):
            color = tint(GREY, 0.6 * float(value)) if number else "white"
            ax.add_patch(Rectangle((column, row), 1, 1, facecolor=color, edgecolor=INK))
            text = f"{value:.2f}".replace("-", "−")
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=FONT)
        rows, columns = table.shape
        frame = {1: ((0, 1), columns, 1, ANSWER), 2: ((0, 0), 1, rows, GREEN)}.get(number)
        if frame:
            corner, wide, high, color = frame
            ax.add_patch(Rectangle(corner, wide, high, fill=False, edgecolor=color, lw=4, zorder=5))
            end = (columns + 0.12, 1.5) if number == 1 else (0.5, rows + 0.5)
            align = "left" if number == 1 else "center"
            ax.text(*end, "sum = 1", color=color, fontsize=FONT, ha=align, va="center")
        ax.set(xlim=(-0.05, columns + 0.05), ylim=(rows + 0.05, -0.05), aspect="equal")
        ax.set_xticks([k + 0.5 for k in range(columns)], labels, fontsize=FONT)
        ax.set_yticks([k + 0.5 for k in range(rows)], words, fontsize=FONT)
        ax.tick_params(length=0, top=False)
        ax.spines[:].set_visible(False)
        ax.grid(False)
        ax.set_title(title, fontsize=FONT)
    return fig


def _places(table: Tensor) -> list[tuple[int, int]]:
    return [(row, column) for row in range(table.shape[0]) for column in range(table.shape[1])]
