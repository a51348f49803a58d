"""Drawings of part B: windows, the pull of a pair, the two models, noise words, the tree."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import (
    INK,
    MARK,
    arrow,
    box,
    canvas,
    end_labels,
    readable,
    say,
)
from dlnotes.plotting import BLUE, GREEN, GREY, ORANGE, SKY, figure, tint


def sliding(sentence: Sequence[str], *, centers: Sequence[int], window: int) -> Figure:
    """Draw a window at several places of a sentence, with an arrow for each pair.

    Args:
        sentence: its words.
        centers: places of the centre words, a line for each.
        window: words to each side.
    """
    wide = 2.5
    fig, ax = canvas(wide * len(sentence) + 0.4, 3.1 * len(centers), width=9.4)
    for line, center in enumerate(centers):
        y = 3.1 * line + 2.2
        for i, word in enumerate(sentence):
            x = 0.2 + wide * (i + 0.5)
            near = 0 < abs(i - center) <= window
            colour = tint(SKY, 0.75) if i == center else tint(SKY, 0.25) if near else "white"
            box(ax, x, y, word, wide=wide - 0.3, high=1.1, colour=colour, size=14)
            if near:
                start = (0.2 + wide * (center + 0.5), y - 0.6)
                bend = -0.45 if i > center else 0.45
                arrow(ax, start, (x, y - 0.62), colour=BLUE, width=2.2, bend=bend)
    return fig


def pull(
    v: Tensor,
    gradient: Tensor,
    U: Tensor,
    words: Sequence[str],
    p: Tensor,
    *,
    seen: int,
    name: str,
) -> Figure:
    """Draw a step of skip-gram in the plane: what was expected, what was seen, where v goes.

    Args:
        v: the centre vector, (2,).
        gradient: expected minus observed, (2,).
        U: neighbour vectors, (W, 2).
        words: their names.
        p: their probabilities, (W,).
        seen: which of them was seen.
        name: of the centre word.
    """
    check_shape("U", U, len(words), 2)
    fig, ax = figure(width=7.8, height=4.2)
    for word, u, share in zip(words, U.tolist(), p.tolist(), strict=True):
        ax.plot(*u, "o", ms=8 + 22 * share, color=GREY, alpha=0.55)
        ax.annotate(f"{word}  {share:.2f}", u, xytext=(16, 10), textcoords="offset points",
                    fontsize=15, color=INK)  # fmt: skip
    expected = U[seen] + gradient
    ax.plot(*expected.tolist(), "D", ms=11, color=ORANGE)
    ax.annotate("expected", expected.tolist(), xytext=(-4, 12), textcoords="offset points",
                fontsize=15, color=ORANGE, ha="right")  # fmt: skip
    new = v - gradient
    style = dict(arrowstyle="-|>", lw=3, mutation_scale=20, shrinkA=0, shrinkB=0)
    ax.annotate("", U[seen].tolist(), expected.tolist(), arrowprops=style | {"color": ORANGE})
    ax.annotate("", new.tolist(), v.tolist(), arrowprops=style | {"color": GREEN})
    ax.plot(*v.tolist(), "o", ms=10, color=GREEN)
    ax.annotate(name, v.tolist(), xytext=(-6, -20), textcoords="offset points", fontsize=15,
                color=GREEN, ha="right")  # fmt: skip
    ax.set(xlim=(-0.35, 2.9), ylim=(-0.6, 2.5), xlabel="first number", ylabel="second number")
    readable(ax)
    return fig


def toy_curves(
    losses: Sequence[float], floor: float, cosines: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw how seven words learn: the loss with its floor, and cosines of pairs of words.

    Args:
        losses: one for each step.
        floor: the least loss that the counts allow.
        cosines: name -> one for each step.
    """
    fig, (left, right) = figure(1, 2, width=9.4, height=3.5)
    steps = range(1, len(losses) + 1)
    left.plot(steps, losses, color=BLUE, lw=2.8)
    left.axhline(floor, color=GREY, lw=2, ls="--")
    left.text(1.2, floor + 0.02, f"floor {floor:.2f}", fontsize=14, color=GREY, va="bottom")
    left.set(xscale="log", xlabel="step", ylabel="loss", ylim=(floor - 0.1, max(losses) + 0.1))
    lines = []
    for (name, values), colour in zip(cosines.items(), (BLUE, ORANGE), strict=False):
        right.plot(steps, values, color=colour, lw=2.8)
        lines.append((len(losses), values[-1], name, colour))
    lowest = min(min(values) for values in cosines.values())
    right.axhline(0, color=GREY, lw=1)
    right.set(xscale="log", xlabel="step", ylabel="cosine", ylim=(min(lowest, 0) - 0.1, 1.1))
    readable(left, right)
    fig.draw_without_rendering()
    end_labels(right, lines, size=13)
    return fig


def two_models(sentence: Sequence[str]) -> Figure:
    """Draw CBOW and skip-gram on three words, the middle one in the middle."""
    before, middle, after = sentence
    fig, ax = canvas(24, 8.6, width=9.4)
    say(ax, 5.8, 0.7, "CBOW", size=16, fontweight="bold")
    say(ax, 18.2, 0.7, "skip-gram", size=16, fontweight="bold")
    for y, word in ((2.8, before), (6.8, after)):
        box(ax, 2.2, y, word, wide=3.2, high=1.3, colour=tint(SKY, 0.4), size=15)
        arrow(ax, (3.8, y), (5.0, 4.8 + 0.4 * (1 if y > 4 else -1)), colour=BLUE, width=2.4)
        box(ax, 21.4, y, word, wide=3.2, high=1.3, colour="white", size=15)
        arrow(ax, (16.9, 4.8), (19.8, y), colour=BLUE, width=2.4)
    box(ax, 6.1, 4.8, "mean", wide=2.2, high=1.2, colour=tint(GREY, 0.3), size=15)
    arrow(ax, (7.2, 4.8), (8.6, 4.8), colour=BLUE, width=2.4)
    box(ax, 10.2, 4.8, middle, wide=3.2, high=1.3, colour="white", size=15)
    box(ax, 15.3, 4.8, middle, wide=3.2, high=1.3, colour=tint(SKY, 0.75), size=15)
    say(ax, 5.8, 8.2, "1 guess for this gap", size=15)
    say(ax, 18.2, 8.2, "2 guesses for this centre", size=15)
    return fig


def six_of_many(center: str, seen: str, *, noise: Sequence[str]) -> Figure:
    """Draw a centre among very many words, of which a pair touches only a few.

    Args:
        center: word in the middle.
        seen: word that was seen beside it, which is pulled.
        noise: words that were drawn, which are pushed.
    """
    fig, ax = canvas(24, 9.4, width=9.4)
    generator = torch.Generator().manual_seed(4)
    dots = torch.rand(900, 2, generator=generator) * torch.tensor([24.0, 9.4])
    away = (dots - torch.tensor([12.0, 4.7])).norm(dim=1) > 1.7
    ax.plot(*dots[away].T.tolist(), "o", ms=3.4, color="#CFCFCF", zorder=1)
    box(ax, 12, 4.7, center, wide=2.6, high=1.4, colour=tint(SKY, 0.75), size=17)
    box(ax, 20.2, 3.4, seen, wide=3.4, high=1.3, colour=tint(BLUE, 0.3), size=16)
    arrow(ax, (18.4, 3.7), (16.4, 4.0), colour=BLUE, width=3.6)  # the two come nearer
    arrow(ax, (13.5, 4.45), (15.5, 4.15), colour=BLUE, width=3.6)
    say(ax, 16.0, 3.0, "pull", size=16, color=BLUE)
    for i, word in enumerate(noise):
        angle = math.pi * (0.36 + 1.22 * i / max(len(noise) - 1, 1))
        across, down = math.cos(angle), math.sin(angle)
        x, y = 12 + 6.0 * across, 4.7 + 2.6 * down
        box(ax, x, y, word, wide=3.4, high=1.2, colour=tint(ORANGE, 0.25), size=15)
        start = (x + 1.75 * across, y + 0.65 * down)  # behind the word, away from the centre
        arrow(ax, start, (start[0] + 1.7 * across, start[1] + 1.15 * down), colour=ORANGE, width=3)
    say(ax, 12, 6.3, "push", size=16, color=ORANGE)
    return fig


def pair_losses(a: float, noise: Mapping[int, float]) -> Figure:
    """Draw the loss of one pair over its score.

    Args:
        a: how often the pair is real.
        noise: k -> how often it is made up.
    """
    fig, ax = figure(width=7.8, height=3.8)
    x = torch.linspace(-3.2, 3.6, 200)
    for (k, b), colour in zip(noise.items(), (BLUE, GREEN, ORANGE), strict=False):
        logsigmoid = torch.nn.functional.logsigmoid
        loss = -a * logsigmoid(x) - b * logsigmoid(-x)
        best = math.log(a / b)
        lowest = a * math.log1p(math.exp(-best)) + b * math.log1p(math.exp(best))
        ax.plot(x, loss, color=colour, lw=2.8)
        ax.plot(best, lowest, "o", ms=11, color=colour)
        ax.plot([best, best], [0, lowest], color=colour, lw=1.4, ls=":")
        side = dict(ha="right") if best < 0 else dict(ha="left")
        text = f" {best:.2f} ".replace("-", "−")
        ax.text(best, 0.12, text, fontsize=14, color=colour, va="bottom", **side)
        ax.text(3.7, loss[-1], f"k = {k}", fontsize=15, color=colour, va="center")
    ax.set(xlabel="score x of the pair", ylabel="its part of the loss", xlim=(-3.3, 4.6))
    ax.set_ylim(bottom=0)
    readable(ax)
    return fig


def tricks(
    frequency: Tensor,
    keep: Tensor,
    noise: Tensor,
    inside: Tensor,
    *,
    marked: Mapping[str, int] = MappingProxyType({}),
) -> Figure:
    """Draw the three tricks: what is kept, what is drawn as noise, what is inside the window.

    Args:
        frequency: share of each word, (V,).
        keep: probability to be kept, (V,).
        noise: probability to be drawn, (V,).
        inside: share of windows that reach each distance from 1 on, (m,).
        marked: word -> its id, for words that are shown on the curves.
    """
    check_shape("keep", keep, len(frequency))
    check_shape("noise", noise, len(frequency))
    fig, axes = figure(1, 3, width=10.6, height=4.2)
    axes[0].plot(frequency, keep, color=BLUE, lw=3)
    axes[0].set(xscale="log", xlabel="share of the word", ylabel="kept", title="sub-sampling")
    axes[0].set_ylim(0, 1.08)
    axes[1].plot(frequency, frequency, color=GREY, lw=2, ls="--")
    axes[1].plot(frequency, noise, color=BLUE, lw=3)
    axes[1].set(xscale="log", yscale="log", xlabel="share of the word", ylabel="drawn as noise")
    axes[1].set_title("the power ¾")
    for ax in axes[:2]:  # room for names on the left
        ax.set_xlim(left=frequency.min().item() / 8)
    for word, i in marked.items():
        for ax, heights, up in ((axes[0], keep, -6), (axes[1], noise, 2)):
            place = frequency[i].item(), heights[i].item()
            ax.plot(*place, "o", ms=10, color=ORANGE)
            ax.annotate(word, place, xytext=(-9, up), textcoords="offset points", fontsize=16,
                        color=INK, ha="right", va="top" if up < 0 else "bottom")  # fmt: skip
    distance = range(1, len(inside) + 1)
    axes[2].bar(distance, inside, color=BLUE, alpha=0.7, width=0.7)
    axes[2].set(xlabel="distance", ylabel="inside the window", title="shrinking window")
    axes[2].set_xticks(list(distance))
    readable(*axes)
    for ax in axes:
        ax.tick_params(labelsize=15)
        for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
            text.set_size(17)
    return fig


def tree(shares: tuple[float, float, float], words: Sequence[str]) -> Figure:
    """Draw a tree of four words.

    Args:
        shares: how much goes left at the root, at the left fork, at the right fork.
        words: at the leaves.
    """
    root, left, right = shares
    fig, ax = canvas(16, 8.4, width=7.4)
    places = {"root": (8, 1.0), "left": (4, 3.6), "right": (12, 3.6)}
    leaves = [root * left, root * (1 - left), (1 - root) * right, (1 - root) * (1 - right)]
    lines = [("root", places["left"], root), ("root", places["right"], 1 - root)]
    for i, (word, leaf) in enumerate(zip(words, leaves, strict=True)):
        end = (2 + 4 * i, 6.4)
        share = (left, 1 - left, right, 1 - right)[i]
        lines.append(("left" if i < 2 else "right", end, share))
        box(ax, end[0], end[1] + 0.5, word, wide=2.9, high=1.1, colour=tint(SKY, 0.4), size=15)
        say(ax, end[0], end[1] + 1.6, f"{leaf:.2f}", size=15, color=MARK)
    for start, (x, y), share in lines:
        a, b = places[start]
        ax.plot([a, x], [b, y], color=INK, lw=1 + 5 * share, zorder=1)
        side = -1 if x < a else 1
        say(ax, (a + x) / 2 + 0.75 * side, (b + y) / 2 - 0.15, f"{share:.2g}", size=15, color=BLUE)
    for x, y in places.values():
        ax.plot(x, y, "o", ms=14, color=tint(GREY, 0.6), markeredgecolor=INK, zorder=3)
    return fig
