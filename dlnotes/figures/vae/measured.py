"""Drawings of what trained models show: codes, estimates, nats, gaps, samples."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse
from matplotlib.patheffects import withStroke
from torch import Tensor, nn

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import readable, without_ticks
from dlnotes.plotting import (
    BLACK,
    BLUE,
    COLORS,
    DIVERGING,
    GREY,
    ORANGE,
    figure,
    image_map,
    image_rows,
    tint,
)
from dlnotes.training import History

DIGITS = [str(digit) for digit in range(10)]

# ---- codes in the plane --------------------------------------------------------------------------


def pictures(rows: Mapping[str, Tensor]) -> Figure:
    """Draw rows of small images between white, 0, and black, 1, with large names.

    Args:
        rows: name -> images, (N, H, W) or (N, 1, H, W), or (N, 784) for 28 × 28 pixels.
    """
    square = {n: x.reshape(-1, 28, 28) if x.ndim == 2 else x for n, x in rows.items()}
    fig = image_rows(square, limits=(0, 1))
    for ax in fig.axes:
        ax.yaxis.label.set_size(13)
    return fig


def _apart(places: Tensor, distance: float) -> Tensor:
    """Push points away from each other until none are closer than the distance."""
    places = places.clone()
    for _ in range(200):
        between = places[:, None] - places[None]
        far = between.norm(dim=2).clamp_min(1e-6)
        push = (distance - far).clamp_min(0).fill_diagonal_(0) / far
        places += 0.25 * (push[..., None] * between).sum(1)
    return places


def _codes(ax: Axes, codes: Tensor, labels: Tensor, low: Tensor, high: Tensor) -> None:
    """Draw codes as dots, one colour for each digit, whose numeral stands in their middle."""
    kinds = labels.unique()
    middles = torch.stack([codes[labels == kind].median(0).values for kind in kinds])
    shown = _apart((middles - low) / (high - low), 0.115)
    for kind, place in zip(kinds.tolist(), shown.tolist(), strict=True):
        color = [*COLORS, "#6F4E9C", "#A63D40"][kind]
        ax.plot(*codes[labels == kind].T, "o", color=color, markersize=3, alpha=0.55, mew=0)
        numeral = ax.text(*place, DIGITS[kind], color=color, fontsize=19, fontweight="bold",
            ha="center", va="center", zorder=5, transform=ax.transAxes)  # fmt: skip
        numeral.set_path_effects([withStroke(linewidth=4, foreground="white")])
    ax.add_patch(Circle((0, 0), math.sqrt(-2 * math.log(0.05)), fill=False, lw=1.8, zorder=4))
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="z₁", ylabel="z₂")


@torch.no_grad()
def code_space(codes: Tensor, labels: Tensor, *, decode: Callable[[Tensor], Tensor]) -> Figure:
    """Draw where codes of two numbers lie, and what a decoder makes of the plane around them.

    Args:
        codes: (N, 2).
        labels: (N,), digits.
        decode: codes (n, 2) to logits of 28 × 28 pixels, (n, 784).
    """
    check_shape("codes", codes, "N", 2)
    fig, axes = figure(1, 2, width=9.8, height=4.7)
    low, high = codes.quantile(0.005, 0), codes.quantile(0.995, 0)
    _codes(axes[0], codes, labels, low, high)
    lines = [torch.linspace(float(low[k]), float(high[k]), 12) for k in (0, 1)]
    grid = torch.stack(torch.meshgrid(*lines, indexing="xy"), -1)
    tiles = decode(grid.flatten(0, 1)).sigmoid().view(12, 12, 28, 28)
    image_map(tiles, x=lines[0], y=lines[1], limits=(0, 1), ax=axes[1])
    readable(*axes)
    return fig


def plane_of_digits(codes: Tensor, labels: Tensor, tiles: Tensor, line: Tensor) -> Figure:
    """Draw codes with the circle of the prior, and the plane decoded.

    Args:
        codes: (N, 2).
        labels: (N,), digits.
        tiles: decoded images, (size, size, H, W).
        line: coordinates of the tiles on both axes, (size,).
    """
    fig, axes = figure(1, 2, width=9.8, height=4.7)
    edge = torch.tensor([3.4, 3.4])
    _codes(axes[0], codes, labels, -edge, edge)
    image_map(tiles, x=line, y=line, limits=(0, 1), ax=axes[1])
    readable(*axes)
    return fig


def proposals(means: Tensor, deviations: Tensor, labels: Tensor) -> Figure:
    """Draw proposals over two numbers as ellipses of two deviations, with the circle of the prior.

    Args:
        means: (N, 2).
        deviations: (N, 2).
        labels: (N,), digits.
    """
    check_shape("means", means, "N", 2)
    check_shape("deviations", deviations, len(means), 2)
    fig, ax = figure(width=6.0, height=5.5)
    for mean, deviation, label in zip(means, deviations, labels.tolist(), strict=True):
        color = [*COLORS, "#6F4E9C", "#A63D40"][label]
        width, height = (4 * deviation).tolist()
        look = dict(facecolor=tint(color, 0.35), edgecolor=color, linewidth=1.6, alpha=0.8)
        ax.add_patch(Ellipse(mean.tolist(), width, height, **look))
        corner = (mean + 0.75 * deviation + 0.03).tolist()  # upper right of the ellipse
        numeral = ax.text(*corner, DIGITS[label], color=color, fontsize=14,
            fontweight="bold", zorder=5)  # fmt: skip
        numeral.set_path_effects([withStroke(linewidth=3, foreground="white")])
    ax.add_patch(Circle((0, 0), math.sqrt(-2 * math.log(0.05)), fill=False, lw=1.8, zorder=4))
    ax.set(xlim=(-3.6, 3.6), ylim=(-3.6, 3.6), xlabel="z₁", ylabel="z₂", aspect="equal")
    readable(ax)
    return fig


@torch.no_grad()
def likelihood_map(x: Tensor, model: nn.Module) -> Figure:
    """Draw an image, a decoder's probabilities for it, and what each pixel adds.

    Args:
        x: zeros and ones, (28, 28).
        model: with an ``encoder`` to codes and a ``decoder`` to logits, both of 784 pixels.
    """
    logits = model.decoder(model.encoder(x.flatten()[None])).view(28, 28)
    adds = x * logits - nn.functional.softplus(logits)
    fig, axes = figure(1, 3, width=9.4, height=3.3)
    axes[0].imshow(x, vmin=0, vmax=1)
    axes[1].imshow(logits.sigmoid(), vmin=0, vmax=1)
    picture = axes[2].imshow(adds, cmap=DIVERGING, vmin=-3, vmax=3)
    bar = fig.colorbar(picture, ax=axes[2], shrink=0.85, boundaries=np.linspace(-3, 0, 61))
    bar.set_ticks([-3, -2, -1, 0])
    total = f"log-likelihood −{abs(adds.sum()):.0f}"
    for ax, title in zip(axes, ("pixels", "probabilities", total), strict=True):
        ax.set_title(title)
        without_ticks(ax)
    readable(*axes)
    return fig


# ---- estimates and nats --------------------------------------------------------------------------


def estimates(values: Mapping[str, Tensor], truth: float, *, xlabel: str) -> Figure:
    """Draw every single estimate of one number as a dot, one row for each way to estimate it.

    Args:
        values: name -> single estimates, (N,).
        truth: the number they estimate.
        xlabel: what the number is.
    """
    for name, x in values.items():
        check_shape(name, x, "N")
    fig, ax = figure(width=8.4, height=1.0 + 0.85 * len(values))
    spread = np.random.default_rng(0)
    for row, (name, x) in enumerate(values.items()):
        heights = row + spread.uniform(-0.28, 0.28, len(x))
        color = BLUE if name.startswith("way 2") else ORANGE
        ax.plot(x, heights, ".", color=color, alpha=0.5, markersize=6)
        ax.plot([x.mean().item()], [row], "D", color=BLACK, markersize=8)
    ax.axvline(truth, color=BLACK, linestyle="--", linewidth=1.4)
    ax.set_xscale("symlog", linthresh=10)
    ticks = [-300, -100, -30, -10, -5, 0, 5, 10, 30, 100, 300]
    ax.set_xticks(ticks, [f"{tick}".replace("-", "−") for tick in ticks])
    ax.set_yticks(range(len(values)), list(values))
    ax.set(xlabel=xlabel, ylim=(len(values) - 0.5, -0.5))
    ax.grid(False, axis="y")
    readable(ax)
    return fig


def learning(history: History) -> Figure:
    """Draw the loss of a VAE on training and held-out digits, and the price that is part of it.

    Args:
        history: of ``training.fit``, with ``leaves`` and ``held-out loss``.
    """
    fig, ax = figure(width=8.4, height=3.9)
    training, held_out = ("training", "train_loss", BLUE), ("held-out", "held-out loss", BLACK)
    for name, column, color in (training, held_out, ("leaves the prior", "train_leaves", ORANGE)):
        x, y = history.column(column, against="epoch")
        dash = "--" if color == BLACK else "-"
        ax.plot(x, y, "o" + dash, color=color, markersize=5, label=name)
        start, move = (len(x) // 3, (0, 10)) if color == ORANGE else (0, (10, 2))
        move = (-4, -40) if color == BLACK else move
        look = dict(textcoords="offset points", color=color, fontsize=15)
        ax.annotate(name, (x[start], y[start]), move, **look)
        if color != BLACK:
            ax.annotate(f"{y[-1]:.0f}", (x[-1], y[-1]), (0, 8), ha="center", **look)
    ax.set(xlabel="epoch", ylabel="nats for a digit", ylim=(0, None), xlim=(0.8, None))
    readable(ax)
    return fig


def ladder(values: Mapping[str, float], *, published: Mapping[str, float]) -> Figure:
    """Draw what a digit costs under several models, as bars, and published results dotted.

    Args:
        values: name -> nats; the bars of names with "VAE" are blue.
        published: name -> nats.
    """
    rows = values | published
    fig, ax = figure(width=8.6, height=1.0 + 0.46 * len(rows))
    for row, (name, nats) in enumerate(rows.items()):
        outside = name in published
        color = "white" if outside else tint(BLUE, 0.75) if "VAE" in name else tint(GREY, 0.7)
        look = dict(edgecolor=BLACK, linestyle=":") if outside else {}
        ax.barh(row, nats, color=color, height=0.66, **look)
        ax.text(nats + 2, row, f"{nats:.1f}", va="center", fontsize=13)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set(xlabel="nats for a test digit", xlim=(0, 1.12 * max(rows.values())))
    readable(ax)
    return fig


def prices(values: Tensor, silent: float = 0.05) -> Figure:
    """Draw what each number of a code pays as a bar, and count those that pay next to nothing.

    Args:
        values: nats, the largest first, (D,).
        silent: bars below this many nats are grey.
    """
    check_shape("values", values, "D")
    fig, ax = figure(width=8.4, height=3.6)
    quiet = values < silent
    colors = [GREY if small else ORANGE for small in quiet.tolist()]
    ax.bar(range(1, len(values) + 1), values, color=colors, width=0.8)
    words = f"{len(values) - int(quiet.sum())} numbers pay {values[~quiet].sum():.1f} nats"
    ax.text(0.97, 0.85, words, color=ORANGE, fontsize=15, ha="right", transform=ax.transAxes)
    words = f"{int(quiet.sum())} numbers pay {values[quiet].sum():.2f} nats"
    ax.text(0.97, 0.68, words, color="#666666", fontsize=15, ha="right", transform=ax.transAxes)
    ax.set(xlabel="numbers of the code, sorted", ylabel="nats", xlim=(0.2, len(values) + 0.8))
    ax.grid(False, axis="x")
    readable(ax)
    return fig


def gaps(parts: Mapping[str, tuple[float, float, float]]) -> Figure:
    """Draw how far a bound lies below log p(x), split into amortisation and approximation gap.

    Args:
        parts: name -> (ELBO of the encoder, ELBO of the best Gaussian, estimate of log p(x)).
    """
    fig, ax = figure(width=8.0, height=1.5 + 0.7 * len(parts))
    for number, (encoder, best, log_p) in enumerate(parts.values()):
        for left, width, color, word in (
            (0.0, log_p - best, GREY, "shape of q"),
            (log_p - best, best - encoder, ORANGE, "one encoder for all"),
        ):
            label = word if number == 0 else None
            ax.barh(number, width, left=left, color=tint(color, 0.7), height=0.55, label=label)
            middle = left + width / 2
            ax.text(middle, number, f"{width:.2f}", ha="center", va="center", fontsize=15)
    ax.set_yticks(range(len(parts)), list(parts))
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set(xlabel="nats below log p(x)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=13)
    readable(ax)
    return fig


def by_beta(found: Mapping[float, Sequence[tuple[float, float]]]) -> Figure:
    """Draw what explaining costs and what leaving the prior costs, against β.

    Args:
        found: β -> (explains, leaves) of each run, in nats; the first is negative.
    """
    fig, ax = figure(width=8.4, height=4.0)
    betas = list(found)
    runs = np.array([[(-run[0], run[1]) for run in found[beta]] for beta in betas])
    means = runs.mean(1)
    for column, color, name in ((0, BLUE, "to explain"), (1, ORANGE, "to leave")):
        ax.plot(betas, means[:, column], "-", color=color, label=name)
        ax.text(betas[-1] * 1.3, means[-1, column], name, color=color, va="center", fontsize=15)
        for beta, values in zip(betas, runs[..., column], strict=True):
            ax.plot([beta] * len(values), values, "o", color=color, markersize=6, alpha=0.7)
        for beta, pair in zip(betas, means, strict=True):
            above = pair[column] == pair.max()
            at = dict(xytext=(0, 8 if above else -8), va="bottom" if above else "top")
            at |= dict(textcoords="offset points", ha="center", color=color, fontsize=14)
            ax.annotate(f"{pair[column]:.1f}", (beta, pair[column]), **at)
    ax.set_xscale("log")
    ax.set_xticks([], minor=True)
    ax.set_xticks(betas, [f"{beta:g}" for beta in betas])
    top = 1.18 * means.max()
    ax.set(xlabel="β in training", ylabel="nats for a 14 × 14 digit", ylim=(-0.16 * top, top))
    ax.set_xlim(betas[0] / 1.4, betas[-1] * 5)
    readable(ax)
    return fig


def code_price(runs: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Draw what codes pay over the steps of training, the mean of several runs.

    Args:
        runs: name -> for each run the nats at each step; two names, all runs equally long.
    """
    fig, ax = figure(width=8.4, height=4.0)
    for (name, values), color in zip(runs.items(), (BLUE, ORANGE), strict=True):
        mean = np.array(values).mean(0)
        near = max(1, len(mean) // 40)  # a mean over a fortieth of the training
        smooth = np.convolve(mean, np.ones(near) / near, mode="valid")
        x = np.arange(len(smooth)) + near
        ax.plot(x, smooth, color=color, linewidth=2.8)
        words = f"{name} {smooth[-1]:.1f}"
        ax.annotate(words, (x[-1], smooth[-1]), (8, 0), textcoords="offset points", color=color,
            fontsize=15, va="center")  # fmt: skip
    ax.axvline(len(mean) / 2, color=BLACK, linestyle=":", linewidth=1.6)
    ax.text(len(mean) / 2, 0.97, " β = 1 from here on", fontsize=14, va="top",
        transform=ax.get_xaxis_transform())  # fmt: skip
    ax.set(xlabel="step", ylabel="nats paid for the code", ylim=(0, None))
    ax.set(xlim=(0, 1.27 * len(mean)), xticks=[round(len(mean) * k / 4) for k in range(5)])
    readable(ax)
    return fig


def scale(known: Mapping[str, float]) -> Figure:
    """Draw Fréchet distances of known images, on a logarithmic scale.

    Args:
        known: name -> distance to real digits, positive.
    """
    fig, ax = figure(width=8.2, height=1.0 + 0.45 * len(known))
    for row, distance in enumerate(known.values()):
        ax.plot([1, distance], [row, row], color=tint(BLUE, 0.5), linewidth=4)
        ax.plot([distance], [row], "o", color=BLUE, markersize=9)
        ax.text(distance * 1.18, row, f"{distance:.1f}", va="center", fontsize=13)
    ax.set_xscale("log")
    ax.set_xticks([], minor=True)
    ax.set_xticks([1, 3, 10, 30, 100, 300, 1000], ["1", "3", "10", "30", "100", "300", "1000"])
    ax.set_yticks(range(len(known)), list(known))
    ax.set(xlabel="Fréchet distance from real digits", xlim=(1, 2600))
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    readable(ax)
    return fig


def with_nats(images: Any, nats: Sequence[float]) -> Figure:
    """Draw images in a row, each with its nats above.

    Args:
        images: (N, H, W) or (N, 1, H, W).
        nats: one number for each.
    """
    images = images.reshape(-1, *images.shape[-2:])
    fig, axes = figure(1, len(images), width=9.6, height=9.6 / len(images) + 0.45)
    for ax, image, cost in zip(axes, images, nats, strict=True):
        ax.imshow(image, vmin=0, vmax=1)
        ax.set_title(f"{cost:.0f}")
        without_ticks(ax)
    readable(*axes)
    return fig
