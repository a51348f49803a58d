"""What the experiments of chapter 1 found."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.figures.discriminative.hand import FONT
from dlnotes.figures.discriminative.schemes import ANSWER, WORLD
from dlnotes.plotting import BLACK, GREY, INK, PURPLE, figure

Line = tuple[str, str]  # colour and dash


def _labelled(
    ax: Axes, lines: Mapping[str, tuple[Sequence, Tensor]], looks: Mapping[str, Line]
) -> None:
    """Draw means with bands of one standard deviation, each named at its right end."""
    ends = []
    for name, (x, runs) in lines.items():
        color, dash = looks[name]
        runs = torch.as_tensor(runs, dtype=torch.float64).view(-1, len(x))
        mean, spread = runs.mean(0), runs.std(0, correction=0)
        ax.plot(x, mean, color=color, linestyle=dash, linewidth=2.5, marker="o", markersize=4)
        ax.fill_between(x, mean - spread, mean + spread, color=color, alpha=0.15, linewidth=0)
        ends.append([mean[-1].item(), name, x[-1], color])
    low, high = ax.get_ylim()
    least, before = (high - low) * 0.075, -1e9
    for end, name, x, color in sorted(ends):
        before = max(end, before + least)
        ax.annotate(name, (x, before), xytext=(9, 0), textcoords="offset points", color=color,
                    fontsize=FONT, va="center", annotation_clip=False)  # fmt: skip


def race(sizes: Sequence[int], pairs: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """Draw the errors of naive Bayes and of regression, and below them their difference.

    Args:
        sizes: numbers of samples.
        pairs: two names -> errors of naive Bayes and of regression on the same samples, in per
            cent, (runs, sizes) each. The first name is dashed.
    """
    fig, (top, ax) = figure(2, 1, width=9.6, height=7.0, sharex=True)
    for (kind, errors), dash in zip(pairs.items(), ("--", "-"), strict=True):
        roads = zip(("naive Bayes", "regression"), errors, (WORLD, ANSWER), strict=True)
        for name, runs, color in roads:
            look = dict(linestyle=dash, color=color, linewidth=2.5, marker="o", markersize=4)
            top.plot(sizes, runs.mean(0), label=f"{name}, {kind}", **look)
    top.legend(fontsize=FONT)
    top.set_ylabel("test error (%)", fontsize=FONT)
    ax.set_xscale("log")
    gaps = {kind: errors[0] - errors[1] for kind, errors in pairs.items()}
    looks = dict(zip(gaps, ((GREY, "--"), (INK, "-")), strict=True))
    _labelled(ax, {name: (sizes, runs) for name, runs in gaps.items()}, looks)
    ax.axhline(0, color=BLACK, linewidth=2)
    low, high = ax.get_ylim()
    ax.text(sizes[0], 0.93 * high, "regression ahead", color=ANSWER, fontsize=FONT, va="top")
    ax.text(sizes[0], 0.93 * low, "naive Bayes ahead", color=WORLD, fontsize=FONT)
    ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
    ax.minorticks_off()
    ax.set_xlabel("training images n", fontsize=FONT)
    ax.set_ylabel("naive − regression (points)", fontsize=FONT)
    return fig


def families(sizes: Sequence[int], panels: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """Draw test errors over the number of samples, a panel for each family of boundaries.

    Args:
        sizes: numbers of samples.
        panels: family -> name -> errors in per cent, (runs, sizes); of each family the last one is
            the answer's, the others are the world's, the first of them naive.
    """
    fig, axes = figure(1, 2, width=11.4, height=4.6, sharey=True)
    for ax, (family, curves) in zip(axes, panels.items(), strict=True):
        ax.set_xscale("log")
        styles = [(WORLD, "--"), (WORLD, "-"), (ANSWER, "-")]
        looks = dict(zip(curves, styles, strict=True))
        _labelled(ax, {name: (sizes, runs) for name, runs in curves.items()}, looks)
        ax.set_title(family, fontsize=FONT)
        ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
        ax.minorticks_off()
        ax.set_xlabel("training images n", fontsize=FONT)
    axes[0].set_ylabel("test error (%)", fontsize=FONT)
    return fig


def missing(shares: Sequence[float], curves: Mapping[str, Tensor]) -> Figure:
    """Draw accuracies over the share of seen pixels, (masks, shares) in per cent for each name.

    Args:
        shares: of missing pixels.
        curves: name -> accuracies; the full covariance and naive Bayes are the world's.
    """
    fig, ax = figure(width=10, height=4.8)
    dashes = {True: iter(("-", "--")), False: iter(("-", "--", ":", "-."))}
    looks = {}
    for name in curves:
        world = "covariance" in name or "naive" in name
        looks[name] = (WORLD if world else ANSWER, next(dashes[world]))
    percent = [100 * (1 - share) for share in shares]
    ax.set_xscale("log")
    _labelled(ax, {name: (percent, runs) for name, runs in curves.items()}, looks)
    ax.invert_xaxis()
    ax.set_xticks(percent, [f"{value:.0f}" for value in percent])
    ax.minorticks_off()
    ax.set_xlabel("pixels that are seen (%)", fontsize=FONT)
    ax.set_ylabel("test accuracy (%)", fontsize=FONT)
    return fig


def surprise(panels: Mapping[str, tuple[Tensor, Tensor]], names: Sequence[str]) -> Figure:
    """Draw histograms of scores of two kinds of images, a panel for each score.

    Args:
        panels: name of a score -> scores of the first and of the second kind.
        names: of the two kinds.
    """
    fig, axes = figure(1, len(panels), width=10.6, height=3.9)
    for ax, (score, kinds) in zip(axes, panels.items(), strict=True):
        low = min(float(kind.min()) for kind in kinds)
        high = max(float(kind.quantile(0.99)) for kind in kinds)
        for kind, name, color in zip(kinds, names, (INK, PURPLE), strict=True):
            look = dict(bins=40, range=(low, high), color=color, alpha=0.6, label=name)
            ax.hist(kind.clamp(max=high), **look)
        ax.set_xlabel(score, fontsize=FONT)
    axes[0].set_ylabel("images", fontsize=FONT)
    axes[-1].legend(fontsize=FONT)
    return fig


def reliability(panels: Mapping[str, Mapping[str, tuple[Tensor, Tensor]]]) -> Figure:
    """Draw how often a classifier is right over how sure it is, a panel for each treatment.

    Args:
        panels: treatment -> name -> (how sure, how often right), in shares of 1.
    """
    fig, axes = figure(1, len(panels), width=10.4, height=4.8, sharey=True)
    looks = (WORLD, "^--"), (WORLD, "s-"), (ANSWER, "o-")
    for ax, (title, models) in zip(axes, panels.items(), strict=True):
        ax.plot([0, 100], [0, 100], color=GREY, linewidth=1.2)
        for (name, (sure, right)), (color, dash) in zip(models.items(), looks, strict=True):
            ax.plot(100 * sure, 100 * right, dash, color=color, markersize=8, label=name)
        ax.set_title(title, fontsize=FONT)
        ax.set(aspect="equal", xlim=(0, 102), ylim=(0, 102))
        ax.set_xlabel("how sure (%)", fontsize=FONT)
    axes[0].set_ylabel("how often right (%)", fontsize=FONT)
    for ax in axes:
        ax.legend(fontsize=FONT - 2, loc="lower right")
    return fig


def calibration(penalties: Sequence[float], errors: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the calibration error and the test error of regression over its penalty.

    Args:
        penalties: λ, increasing.
        errors: name -> per cent, one for each penalty.
    """
    fig, ax = figure(width=8.6, height=4.0)
    ax.set_xscale("log")
    looks = dict(zip(errors, ((ANSWER, "-"), (GREY, "--")), strict=True))
    _labelled(ax, {name: (penalties, torch.tensor([e])) for name, e in errors.items()}, looks)
    ax.set_xlabel("penalty λ", fontsize=FONT)
    ax.set_ylabel("%", fontsize=FONT)
    ax.set_ylim(bottom=0)
    first = next(iter(errors.values()))  # the calibration error
    look = dict(color=ANSWER, fontsize=FONT, fontweight="bold")
    look |= dict(textcoords="offset points", annotation_clip=False)
    ax.annotate("too sure", (penalties[0], first[0]), xytext=(10, 4), **look)
    ax.annotate("too modest", (penalties[-1], first[-1]), xytext=(-12, 4), ha="right", **look)
    return fig
