"""Drawings of the small cases that the chapter works by hand."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, Rectangle
from torch.distributions import Normal

from dlnotes.figures.cnn.parts import arrow, box, canvas, readable, say
from dlnotes.plotting import (
    APPROXIMATION,
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INK,
    NEGATIVE,
    ORANGE,
    POSITIVE,
    POSTERIOR,
    PRIOR,
    figure,
    tint,
)

# ---- the two drawers -----------------------------------------------------------------------------


def drawers() -> Figure:
    """Draw the game as a tree: coin, drawers, strips, and the evidence of each strip."""
    fig, ax = canvas(16, 9.2, width=8.6)
    box(ax, 1.2, 4.9, "coin", wide=1.7, high=1.0)
    places = {"dark": (5.2, 2.7, 0.1, 0.25), "bright": (5.2, 7.1, 0.9, 0.25)}
    for name, (x, y, chance, share) in places.items():
        colour = tint(GREY, 0.55) if name == "dark" else tint(BLUE, share)
        box(ax, x, y, f"{name} drawer", wide=3.0, high=1.0, colour=colour)
        arrow(ax, (2.05, 4.9), (x - 1.5, y), colour=INK)
        say(ax, 2.7, 3.2 if name == "dark" else 6.6, "½", size=15)
        for row, strip in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            height = (1.2 if name == "dark" else 5.6) + row
            value = math.prod(chance if pixel else 1 - chance for pixel in strip)
            arrow(ax, (6.7, y), (8.6, height), colour=GREY, width=1.2)
            _strip(ax, 8.7, height - 0.35, strip)
            say(ax, 10.9, height, f"{value:.2f}", size=14)
    say(ax, 9.4, 0.35, "strip", size=13)
    say(ax, 11.1, 0.35, "likelihood", size=13)
    say(ax, 14.3, 0.35, "evidence", size=13)
    for row, strip in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        parts = [math.prod(c if pixel else 1 - c for pixel in strip) for c in (0.1, 0.9)]
        _strip(ax, 12.6, 2.95 + row, strip)
        say(ax, 15.0, 3.3 + row, f"{sum(parts) / 2:.2f}", size=15, fontweight="bold")
    say(ax, 14.3, 7.7, "½ × the sum of\nboth likelihoods", size=13)
    return fig


def _strip(ax, x: float, y: float, pixels: Sequence[int]) -> None:
    """Draw two pixels, bright ones white and dark ones grey."""
    for place, pixel in enumerate(pixels):
        look = dict(facecolor="white" if pixel else "#666666", edgecolor=INK, lw=1.1, zorder=4)
        ax.add_patch(Rectangle((x + 0.7 * place, y), 0.7, 0.7, **look))


# ---- Jensen and the bound ------------------------------------------------------------------------


def jensen(low: float = 1.0, high: float = 9.0) -> Figure:
    """Draw the logarithm, its chord between two numbers and its tangent at their mean."""
    fig, ax = figure(width=7.6, height=4.2)
    middle = (low + high) / 2
    w = torch.linspace(0.45, 10.8, 400)
    ax.plot(w, w.log(), color=BLUE, linewidth=2.6)
    ax.plot(w, math.log(middle) + (w - middle) / middle, color=GREY, linewidth=1.8)
    ends = torch.tensor([low, high])
    ax.plot(ends, ends.log(), "o-", color=ORANGE, linewidth=2.2, markersize=8)
    mean, top = ends.log().mean().item(), math.log(middle)
    look = dict(arrowstyle="<->", color=BLACK, lw=2.0, shrinkA=0, shrinkB=0)
    ax.annotate("", (middle, mean), (middle, top), arrowprops=look)
    ax.plot([middle], [top], "o", color=BLUE, markersize=8)
    ax.plot([middle], [mean], "o", color=ORANGE, markersize=8)
    ax.text(middle - 0.15, top + 0.16, f"log of the mean {top:.2f}", ha="right", fontsize=13)
    words = f"mean of the logs {mean:.2f}"
    ax.text(middle + 0.25, mean - 0.3, words, color=ORANGE, fontsize=13)
    ax.text(10.2, math.log(10.8) - 0.36, "log w", color=BLUE, fontsize=14, ha="center")
    ax.text(9.4, 2.62, "tangent", color="#666666", fontsize=13, ha="right")
    ax.set(xlabel="w", ylabel="log w", ylim=(-0.7, 2.9), xlim=(0.2, 10.9))
    readable(ax)
    return fig


def hill(elbo: Callable[[float], float], best: float, level: float) -> Figure:
    """Draw the ELBO against the proposed probability of the bright drawer, and its top enlarged.

    Args:
        elbo: from a proposal between 0 and 1 to nats.
        best: the proposal that is the posterior.
        level: the log evidence.
    """
    fig, (left, right) = figure(1, 2, width=9.6, height=4.0, width_ratios=[1.25, 1])
    whole, top = torch.linspace(0, 1, 201).tolist(), torch.linspace(0.94, 1, 121).tolist()
    for ax, q in ((left, whole), (right, top)):
        ax.plot(q, [elbo(value) for value in q], color=BLUE, linewidth=2.8)
        ax.axhline(level, color=BLACK, linestyle="--", linewidth=1.5)
        ax.plot([best], [level], "o", color=GREEN, markersize=10)
        ax.set(xlabel="proposed probability q")
    first, last = elbo(0.0), elbo(1.0)
    left.plot([0], [first], "o", color=BLUE, markersize=7)
    left.text(0.05, first - 0.05, f"−{abs(first):.2f}", color=BLUE, fontsize=14, va="center")
    left.text(0.02, level + 0.12, f"log p(x) = −{abs(level):.3f}", fontsize=14)
    left.text(0.42, elbo(0.5) - 0.75, "ELBO", color=BLUE, fontsize=15)
    left.set(title="all proposals", ylabel="nats", ylim=(min(first, level) - 0.5, level + 0.7))
    right.plot([1], [last], "o", color=BLUE, markersize=7)
    right.text(
        0.9985, last - 0.004, f"−{abs(last):.3f}", color=BLUE, fontsize=14, ha="right", va="top"
    )
    right.text(best, level + 0.004, f"posterior {best:.3f}", color=GREEN, fontsize=14, ha="center")
    right.set(title="the top, enlarged", ylim=(level - 0.055, level + 0.016))
    right.set_xticks([0.94, 0.96, 0.98, 1.0])
    readable(left, right)
    return fig


def thermometer(parts: Mapping[str, tuple[float, float]], level: float) -> Figure:
    """Draw log p(x) and the divergence of several proposals as two pieces of one bar, from 0.

    Args:
        parts: name -> (ELBO, divergence to the posterior).
        level: the log evidence, where the first piece of every bar ends.
    """
    fig, ax = figure(width=8.4, height=1.5 + 0.8 * len(parts))
    lowest = min(elbo for elbo, _ in parts.values())
    for row, (elbo, gap) in enumerate(parts.values()):
        ax.barh(row, level, color=tint(POSITIVE, 0.7), height=0.6)
        ax.barh(row, -gap, left=level, color=tint(NEGATIVE, 0.8), height=0.6)
        words = f"ELBO −{abs(elbo):.3f}"
        ax.text(elbo - 0.05, row, words, va="center", ha="right", fontsize=15)
        words, look = f"gap {gap:.3f}", dict(ha="right", va="bottom", fontsize=15)
        ax.text(level - 0.03, row - 0.33, words, color=NEGATIVE, **look)
    ax.axvline(level, color=BLACK, linestyle="--", linewidth=1.6)
    words = f"log p(x) = −{abs(level):.3f}"
    ax.text(level + 0.04, -0.33, words, ha="left", va="bottom", fontsize=15)
    ax.set_yticks(range(len(parts)), list(parts))
    ax.set(xlabel="nats", xlim=(1.35 * lowest, 0), ylim=(len(parts) - 0.5, -0.9))
    ax.grid(False, axis="y")
    readable(ax)
    return fig


def three_proposals(
    proposals: Mapping[str, Normal], wishes: Mapping[str, tuple[float, float]]
) -> Figure:
    """Draw proposals beside prior and posterior, and below what each pays.

    Args:
        proposals: name -> q.
        wishes: name -> (mean of log p(x|z), divergence to the prior).
    """
    count = len(proposals)
    fig, axes = figure(2, count, width=9.6, height=5.0, height_ratios=[1.5, 1])
    z = torch.linspace(-3, 4, 500)
    for column, (name, q) in enumerate(proposals.items()):
        top, low = axes[0, column], axes[1, column]
        top.plot(z, Normal(0.0, 1.0).log_prob(z).exp(), ":", color=PRIOR, linewidth=2.4)
        top.plot(z, Normal(1.0, 0.5**0.5).log_prob(z).exp(), "--", color=POSTERIOR, linewidth=2.2)
        top.plot(z, q.log_prob(z).exp(), color=APPROXIMATION, linewidth=2.6)
        top.set(title=name, xlabel="z", ylim=(0, 1.0), yticks=[])
        explains, leaves = wishes[name]
        low.barh(0, -explains, color=tint(POSITIVE, 0.6), height=0.55)
        low.barh(0, leaves, left=-explains, color=tint(NEGATIVE, 0.7), height=0.55)
        edge, under = -explains, dict(va="top", fontsize=16)  # blue ends where orange begins
        low.text(edge - 0.08, -0.3, f"{edge:.2f}", ha="right", **under)
        if leaves > 0:
            low.text(edge + 0.08, -0.3, f"{leaves:.2f}", ha="left", **under)
        total = leaves - explains
        low.text(
            max(total, 2.27) + 0.12,
            0,
            f"= {total:.2f}",
            va="center",
            fontsize=17,
            fontweight="bold",
        )
        low.plot([2.2655, 2.2655], [-0.275, 0.45], color=BLACK, linestyle="--", linewidth=1.4)
        low.set(xlim=(0, 7.6), yticks=[], xlabel="nats paid", ylim=(-0.75, 0.45))
        low.grid(False)
    axes[0, 1].text(2.3, 0.8, "q", color=APPROXIMATION, fontsize=20, fontweight="bold")
    axes[0, 1].text(0.75, 0.6, "posterior", color=POSTERIOR, fontsize=17, ha="right")
    axes[0, 1].text(-0.9, 0.4, "prior", color="#666666", fontsize=17, ha="right")
    readable(*axes.flat)
    return fig


# ---- the price of a proposal ---------------------------------------------------------------------


def price() -> Figure:
    """Draw the divergence of N(μ, σ²) from N(0, 1) against the mean, and against the deviation."""
    fig, (left, right) = figure(1, 2, width=8.8, height=3.5, sharey=True)
    mu, sigma = torch.linspace(-2.5, 2.5, 300), torch.linspace(0.03, 2.5, 400)
    left.plot(mu, mu**2 / 2, color=ORANGE)
    left.plot([1], [0.5], "o", color=BLACK, markersize=8)
    left.annotate("0.5", (1, 0.5), (8, -4), textcoords="offset points", fontsize=14)
    left.set(xlabel="mean μ, with σ = 1", ylabel="nats", ylim=(-0.1, 3.2))
    right.plot(sigma, (sigma**2 - 1 - 2 * sigma.log()) / 2, color=ORANGE)
    cost = (0.25 - 1 + math.log(4)) / 2
    right.plot([0.5], [cost], "o", color=BLACK, markersize=8)
    right.annotate(f"{cost:.3f}", (0.5, cost), (10, 6), textcoords="offset points", fontsize=14)
    right.set(xlabel="deviation σ, with μ = 0")
    readable(left, right)
    return fig


def bumps(centers: Sequence[float], sigma: float) -> Figure:
    """Draw several proposals, their mixture, and the prior.

    Args:
        centers: means of the proposals.
        sigma: the deviation of each.
    """
    fig, ax = figure(width=7.8, height=3.7)
    z = torch.linspace(-3.4, 4.2, 600)
    each = [Normal(center, sigma).log_prob(z).exp() / len(centers) for center in centers]
    for line in each:
        ax.fill_between(z, line, color=tint(ORANGE, 0.25), linewidth=0)
        ax.plot(z, line, color=ORANGE, linewidth=1.2)
    ax.plot(z, sum(each), color=BLUE, linewidth=2.8)
    ax.plot(z, Normal(0.0, 1.0).log_prob(z).exp(), ":", color=BLACK, linewidth=2.4)
    ax.text(-0.95, 0.345, "mixture q(z)", color=BLUE, fontsize=14, ha="right")
    ax.text(2.05, 0.285, "one image's q(z|x)", color=ORANGE, fontsize=13, ha="left")
    ax.annotate("prior p(z)", (0.35, 0.375), (1.0, 0.41), fontsize=14, va="center",
                arrowprops=dict(arrowstyle="-", color=BLACK, lw=1.0))  # fmt: skip
    ax.set(xlabel="z", ylabel="density", ylim=(0, 0.45), xlim=(-3.4, 4.2))
    readable(ax)
    return fig


def tilt() -> Figure:
    """Draw the posterior of x = Wz + noise and the best untilted proposal, as it is and turned.

    W has 2 and ½ on its diagonal, the noise has deviation 1, and the codes are turned by 45°.
    """
    fig, axes = figure(1, 2, width=8.6, height=4.8)
    straight = torch.diag(torch.tensor([5.0, 1.25]))  # the precision I + WᵀW
    c = math.sqrt(0.5)
    turn = torch.tensor([[c, -c], [c, c]])
    cases = (("as it is", straight), ("turned by 45°", turn.T @ straight @ turn))
    for ax, (name, precision) in zip(axes, cases, strict=True):
        values, vectors = torch.linalg.eigh(precision)
        angle = math.degrees(math.atan2(vectors[1, 0], vectors[0, 0]))
        look = dict(angle=angle, facecolor=tint(POSTERIOR, 0.25), edgecolor=POSTERIOR, lw=3)
        wide, narrow = (4 / values.sqrt()).tolist()  # two deviations to either side
        ax.add_patch(Ellipse((0, 0), wide, narrow, **look))
        width, height = (4 / precision.diagonal().sqrt()).tolist()
        look = dict(fill=False, edgecolor=APPROXIMATION, lw=3, linestyle="--")
        ax.add_patch(Ellipse((0, 0), width, height, **look))
        gap = 0.5 * (precision.diagonal().log().sum() - precision.logdet()).item()
        ax.set(title=f"{name}, gap {abs(gap):.3f}", aspect="equal", xlabel="z₁", ylabel="z₂")
        ax.set(xlim=(-2.3, 2.3), ylim=(-2.3, 2.3), xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    axes[0].text(1.05, 1.1, "posterior", color=POSTERIOR, fontsize=15)
    axes[0].text(1.05, -1.3, "proposal", color=APPROXIMATION, fontsize=15)
    readable(*axes)
    return fig


# ---- what judges measure -------------------------------------------------------------------------


def frechet() -> Figure:
    """Draw two normal densities, and the two parts of their Fréchet distance."""
    fig, ax = figure(width=7.8, height=3.5)
    x = torch.linspace(-3.2, 9.2, 600)
    for center, spread, color in ((0.0, 1.0, BLUE), (3.0, 2.0, ORANGE)):
        y = Normal(center, spread).log_prob(x).exp()
        ax.plot(x, y, color=color, linewidth=2.6)
        ax.plot([center, center], [0, 0.43], ":", color=color)
    look = dict(arrowstyle="<->", color=BLACK, lw=1.8, shrinkA=0, shrinkB=0)
    ax.annotate("", (0, 0.43), (3, 0.43), arrowprops=look)
    ax.text(3.2, 0.43, "means 3 apart, 3² = 9", va="center", fontsize=13)
    ax.text(3.2, 0.31, "deviations 1 and 2, (1 − 2)² = 1", va="center", fontsize=13)
    ax.text(-0.9, 0.36, "real", color=BLUE, ha="right", fontsize=14)
    ax.text(5.6, 0.12, "generated", color=ORANGE, fontsize=14)
    ax.set(xlabel="a feature", yticks=[], ylim=(0, 0.47))
    readable(ax)
    return fig


def precision_recall() -> Figure:
    """Draw precision and recall on ten points, with a ball up to the nearest neighbour."""
    real = [(0.7, 0.9), (1.2, 0.4), (1.5, 1.3), (2.2, 0.8), (4.6, 2.3)]
    made = [(0.9, 0.7), (1.3, 0.8), (1.1, 1.0), (3.4, 3.6), (3.6, 3.8)]
    fig, axes = figure(1, 2, width=9.4, height=4.0)
    cases = (("precision", real, made, BLUE), ("recall", made, real, ORANGE))
    for ax, (name, owners, guests, color) in zip(axes, cases, strict=True):
        radii = [sorted(math.dist(owner, other) for other in owners)[1] for owner in owners]
        for owner, radius in zip(owners, radii, strict=True):
            ax.add_patch(Circle(owner, radius, facecolor=tint(color, 0.16), edgecolor=color))
        balls = list(zip(owners, radii, strict=True))
        ax.plot(*zip(*real, strict=True), "o", color=BLUE, markersize=9)
        ax.plot(*zip(*made, strict=True), "^", color=ORANGE, markersize=9)
        found = [g for g in guests if any(math.dist(g, o) <= r for o, r in balls)]
        inside, look = (
            len(found),
            dict(markersize=17, markerfacecolor="none", markeredgecolor=BLACK, mew=2),
        )
        ax.plot(*zip(*found, strict=True), "o", **look)
        title = f"{name} {inside} of {len(guests)}"
        ax.set(title=title, aspect="equal", xlim=(-0.4, 7.7), ylim=(-0.7, 5.3))
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        readable(ax)
    return fig
