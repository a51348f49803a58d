"""Pictures of chapter 3 of what was computed or measured: states, gradients, walks, results."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_positive, check_shape
from dlnotes.plotting import (
    BLACK,
    BLUE,
    COLORS,
    GREEN,
    GREY,
    INK,
    INPUT,
    MEMORY,
    NEGATIVE,
    ORANGE,
    POSITIVE,
    PURPLE,
    SEQUENTIAL,
    bars,
    curves,
    figure,
)

LETTERS = 13  # points, in all axes


def _readable(*axes: Any) -> None:
    for ax in axes:
        ax.tick_params(labelsize=LETTERS)
        for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
            text.set_size(LETTERS + 1)


# ---- what a state holds ------------------------------------------------------------------------


def carried(inputs: Sequence[Sequence[float]], states: Sequence[Sequence[float]]) -> Figure:
    """Draw short sequences, above, and what one unit carries along, below.

    Args:
        inputs: one short list for each panel.
        states: for each of them the state after each step.
    """
    fig, axes = figure(2, len(inputs), width=8.8, height=4.2, sharey="row", height_ratios=[1, 1.8])
    for (above, below), xs, hs in zip(axes.T, inputs, states, strict=True):
        steps = range(1, len(xs) + 1)
        above.plot(steps, xs, "o", color=INPUT, markersize=11)
        above.set(ylim=(-0.4, 1.5), yticks=[0, 1], xticks=[], title=", ".join(f"{x:g}" for x in xs))
        below.bar(steps, hs, color=MEMORY, width=0.6)
        for step, h in zip(steps, hs, strict=True):
            below.text(step, h + 0.04, f"{h:g}", ha="center", fontsize=LETTERS)
        below.set(ylim=(0, 1.5), xticks=list(steps), xlabel="step", yticks=[0, 1])
        below.grid(False)
        _readable(above, below)
    axes[0, 0].set_ylabel("input")
    axes[1, 0].set_ylabel("state")
    return fig


def latch(inputs: Tensor, states: dict[str, Tensor]) -> Figure:
    """Draw what goes into one-unit networks and what they hold on to.

    Args:
        inputs: (T,), the same for all.
        states: label -> states after each step, (T,).
    """
    check_shape("inputs", inputs, "T")
    fig, (above, below) = figure(2, 1, width=8.4, height=4.6, sharex=True, height_ratios=[1, 2.2])
    above.stem(range(1, len(inputs) + 1), inputs, linefmt=INK, markerfmt="o", basefmt=" ")
    above.set(ylabel="input x", ylim=(-1.25 * inputs.abs().max(), 1.25 * inputs.abs().max()))
    for number, (label, h) in enumerate(states.items()):
        check_shape(label, h, len(inputs))
        style, color = ("-", "--", "-.")[number % 3], COLORS[number]
        below.plot(range(1, len(h) + 1), h, style, color=color, lw=2.2, label=label)
        place = dict(xytext=(8, 0), textcoords="offset points", va="center")
        look = dict(color=color, fontsize=LETTERS, annotation_clip=False)
        below.annotate(label, (len(h), h[-1].item()), **place, **look)
    below.axhline(0, color=INK, linewidth=0.8)
    below.set(xlabel="step t", ylabel="state h", ylim=(-1.12, 1.12), xlim=(0, len(inputs) + 0.5))
    _readable(above, below)
    return fig


def stairs(weights: Sequence[float], *, start: float, steps: int = 12) -> Figure:
    """Draw the next state tanh(V h) over the present one, with the stairs from a start.

    Args:
        weights: V of each panel.
        start: the first state.
        steps: how many stairs.
    """
    check_positive(steps=steps)
    fig, axes = figure(1, len(weights), width=8.8, height=4.2, sharey=True, squeeze=False)
    line = torch.linspace(-1.1, 1.1, 200)
    for ax, V in zip(axes[0], weights, strict=True):
        ax.plot(line, line, color=GREY, lw=1.5)
        ax.plot(line, torch.tanh(V * line), color=MEMORY, lw=2.6)
        h, points = torch.tensor(start), [(start, 0.0)]
        for _ in range(steps):
            new = torch.tanh(V * h)
            points += [(h.item(), new.item()), (new.item(), new.item())]
            h = new
        ax.plot(*zip(*points, strict=True), color=GREEN, lw=1.8)
        ax.plot(start, 0.0, "o", color=GREEN, markersize=8)
        ax.plot(h, h, "o", color=BLACK, markersize=9, zorder=5)
        words = f"rests at {h.item():.4f}" if h > 0.01 else "rests at 0"
        ax.text(0.96, 0.06, words, transform=ax.transAxes, ha="right", fontsize=LETTERS + 1)
        ax.set(xlabel="state h", title=f"V = {V:g}", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
        _readable(ax)
    axes[0, 0].set_ylabel("next state tanh(Vh)")
    return fig


# ---- what a matrix does ------------------------------------------------------------------------


def ellipse(matrices: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Draw the unit circle and what matrices make of it, with the longest half axis.

    Args:
        matrices: title -> (2, 2).
    """
    fig, axes = figure(1, len(matrices), width=8.8, height=3.9, squeeze=False)
    angle = torch.linspace(0, 2 * torch.pi, 200)
    circle = torch.stack([angle.cos(), angle.sin()])
    for ax, (title, rows) in zip(axes[0], matrices.items(), strict=True):
        A = torch.tensor(rows)
        check_shape(title, A, 2, 2)
        left, stretch, _ = torch.linalg.svd(A)
        tip = left[:, 0] * stretch[0] * (1 if left[0, 0] > 0 else -1)
        ax.plot(*circle, color=GREY, lw=2)
        ax.plot(*(A @ circle), color=MEMORY, lw=2.6)
        look = dict(arrowstyle="-|>", color=BLACK, lw=2, mutation_scale=18)
        ax.annotate("", tip.tolist(), (0, 0), arrowprops=look | dict(shrinkA=0, shrinkB=0))
        ax.set(title=f"{title}, largest singular value {stretch[0]:.3g}", aspect="equal")
        ax.set(xlim=(-3.3, 3.3), ylim=(-1.7, 1.7))
        _readable(ax)
    return fig


def four_matrices(norms: Mapping[str, Sequence[float]]) -> Figure:
    """Draw norms of gradients over the steps back, each line named at its end; 0 ends a line.

    Args:
        norms: name -> norm after 0, 1, 2, … steps.
    """
    fig, ax = figure(width=8.4, height=4.2)
    for (name, values), color in zip(norms.items(), (GREEN, BLUE, PURPLE, ORANGE), strict=False):
        there = [value for value in values if value > 0]
        there = [value for value in there if 1e-9 < value < 1e9]
        ax.plot(range(len(there)), there, "-o", color=color, markersize=4, lw=2.2)
        short = len(there) < 3  # too near to the line of 1 for its name
        place = dict(xytext=(40, -24) if short else (9, 0), textcoords="offset points")
        line = dict(arrowstyle="-", color=color) if short else None
        look = dict(va="center", color=color, fontsize=LETTERS, annotation_clip=False)
        ax.annotate(name, (len(there) - 1, there[-1]), arrowprops=line, **place, **look)
    ax.axhline(1, color=INK, lw=0.8)
    ax.set(
        yscale="log",
        ylim=(1e-9, 1e9),
        xlim=(0, 62),
        xlabel="steps back",
        ylabel="norm of the gradient",
    )
    ax.set_xticks([0, 10, 20, 30, 40])
    ax.minorticks_off()
    _readable(ax)
    return fig


def one_unit_loss(w: Tensor, b: Tensor, *, steps: int = 50, goal: float = 0.7) -> Tensor:
    """Return (h_T − goal)² of hₜ = σ(w hₜ₋₁ + b), h₀ = ½, for many (w, b) at once."""
    h = torch.full_like(w, 0.5)
    for _ in range(steps):
        h = torch.sigmoid(w * h + b)
    return (h - goal) ** 2


def cliff(paths: dict[str, Tensor], *, w: tuple[float, float], b: tuple[float, float]) -> Figure:
    """Draw ``one_unit_loss`` as a landscape, and walks over it.

    Args:
        paths: label -> points (w, b), (K, 2), in the order of the walk.
        w: smallest and largest recurrent weight.
        b: smallest and largest bias.
    """
    across, up = torch.linspace(*w, 241), torch.linspace(*b, 201)
    ups, acrosses = torch.meshgrid(up, across, indexing="ij")
    heights = one_unit_loss(acrosses.double(), ups.double())
    fig, ax = figure(width=7.6, height=4.6)
    picture = ax.pcolormesh(across, up, heights, cmap=SEQUENTIAL, shading="nearest")
    fig.colorbar(picture, ax=ax, label="loss after 50 steps")
    for number, (label, points) in enumerate(paths.items()):
        check_shape(label, points, "K", 2)
        color, style = ("#FFFFFF", ORANGE)[number % 2], ("-o", "-s")[number % 2]
        ax.plot(*points.T, style, color=color, markersize=4, linewidth=1.5, label=label)
    first = next(iter(paths.values()))[0]
    ax.plot(*first, "*", color="black", markersize=15, markeredgecolor="white", zorder=5)
    ax.set(xlim=w, ylim=b, xlabel="recurrent weight w", ylabel="bias b")
    ax.grid(False)
    legend = ax.legend(loc="lower left", frameon=True, facecolor="#777777", fontsize=10)
    for text in legend.get_texts():
        text.set_color("white")
    return fig


# ---- results -----------------------------------------------------------------------------------


def right_against(
    x: Sequence[int], runs: Mapping[str, Tensor], *, xlabel: str, guessing: float
) -> Figure:
    """Draw how often several runs were right, against what made the task harder.

    Args:
        x: at least two numbers, the axis is logarithmic.
        runs: label -> right answers in per cent, (runs, len(x)): a line for the mean, and dots.
        xlabel: what x is, with unit.
        guessing: what guessing reaches, in per cent.
    """
    for rows in runs.values():
        check_shape("runs", torch.as_tensor(rows), "N", len(x))
    lines = {label: (list(x), rows) for label, rows in runs.items()}
    levels, ylim = {"guessing": guessing}, (guessing - 12, 104)
    fig = curves(lines, xlabel=xlabel, ylabel="right (%)", ylim=ylim, levels=levels, log="x")
    (ax,) = fig.axes
    ax.texts[0].set(va="top", y=guessing - 2)  # under its line, where no runs are
    for rows, color in zip(runs.values(), COLORS, strict=False):
        for row in rows:
            ax.plot(x, row, "o", color=color, markersize=4, alpha=0.7)
    ax.set_xticks(x, [str(number) for number in x])
    ax.minorticks_off()
    return fig


def letter_by_letter(words: Sequence[str], probabilities: Sequence[Tensor]) -> Figure:
    """Draw a probability that is revised with every letter, one panel per word.

    Args:
        words: at most eight.
        probabilities: for each word, after each of its letters, (letters,), in [0, 1].
    """
    columns = min(4, len(words))
    rows = -(-len(words) // columns)
    fig, axes = figure(rows, columns, width=9.8, height=2.3 * rows, sharey=True, squeeze=False)
    for ax in axes.flat[len(words) :]:
        ax.axis("off")
    for ax, word, p in zip(axes.flat, words, probabilities, strict=False):
        check_shape(word, p, len(word))
        colors = [POSITIVE if value >= 0.5 else NEGATIVE for value in p]
        ax.bar(range(len(word)), p - 0.5, bottom=0.5, color=colors, width=0.75)
        ax.axhline(0.5, color=INK, linewidth=0.8)
        ax.set_xticks(range(len(word)), list(word))
        ax.set(ylim=(0, 1), yticks=[0, 0.5, 1])
        _readable(ax)
    for line in axes:
        line[0].set_ylabel("P(female)", fontsize=LETTERS)
    return fig


def splits(
    years: Any, values: Tensor, parts: Mapping[str, tuple[int, int]], *, ylabel: str
) -> Figure:
    """Draw a series, the parts of which have names.

    Args:
        years: (N,).
        values: (N,).
        parts: name -> first and last year.
        ylabel: of the series.
    """
    check_shape("values", values, len(years))
    fig, ax = figure(width=9.2, height=3.4)
    ax.plot(years, values, color=BLACK, lw=1.4)
    top = 1.25 * values.max().item()
    for (name, (first, last)), color in zip(parts.items(), (BLUE, GREEN, ORANGE), strict=False):
        ax.axvspan(first, last + 1, color=color, alpha=0.13, lw=0)
        ax.text(
            (first + last) / 2, 0.98 * top, name, ha="center", va="top", color=color, fontsize=15
        )
    ax.set(xlabel="year", ylabel=ylabel, ylim=(0, top), xlim=(years[0], years[-1] + 1))
    _readable(ax)
    return fig


def forecasts(
    years: Any, lines: Mapping[str, Tensor], errors: Mapping[str, Any], *, xlabel: str
) -> Figure:
    """Draw a series with forecasts, and beside it how large their errors are.

    Args:
        years: (N,).
        lines: name -> (N,), the first one is the truth.
        errors: name -> error, or one for each seed.
        xlabel: of the errors.
    """
    fig, (left, right) = figure(1, 2, width=9.8, height=3.9, width_ratios=[1.35, 1])
    for (name, values), color in zip(lines.items(), (BLACK, BLUE, ORANGE), strict=False):
        check_shape(name, values, len(years))
        left.plot(
            years, values, color=color, lw=2.2, ls="-" if color != ORANGE else "--", label=name
        )
    left.set(xlabel="year", ylim=(0, 265))
    left.legend(loc="upper right", ncols=3, fontsize=11, columnspacing=1.0, handlelength=1.4)
    bars(dict(errors), xlabel=xlabel, format="{:.1f}", ax=right)
    _readable(left, right)
    return fig


def bits_by_epoch(
    learned: Sequence[Tensor], held_out: Sequence[Tensor], levels: Mapping[str, float]
) -> Figure:
    """Draw the bits of training and of validation over the epochs, several runs each.

    Args:
        learned: for each run, (epochs,).
        held_out: for each run, (epochs,).
        levels: name -> height of a dashed line.
    """
    fig, ax = figure(width=7.8, height=3.8)
    for name, runs, color in (("training", learned, GREY), ("validation", held_out, BLUE)):
        rows = torch.stack([torch.as_tensor(run).double() for run in runs])
        epochs = range(1, rows.shape[1] + 1)
        ax.plot(epochs, rows.mean(0), "-o", color=color, lw=2.4, markersize=5, label=name)
        ax.fill_between(
            epochs, rows.min(0).values, rows.max(0).values, color=color, alpha=0.2, lw=0
        )
    for name, level in levels.items():
        ax.axhline(level, color=BLACK, lw=1.6, ls="--", label=name)
    ax.set(xlabel="epoch", ylabel="bits per letter")
    ax.legend(fontsize=LETTERS)
    _readable(ax)
    return fig


def learned_within(
    runs: Mapping[tuple[int, str], Sequence[Tensor]], *, smooth: int, guessing: float
) -> Figure:
    """Draw learning curves, a panel for each distance, a colour for each start.

    Args:
        runs: (distance, start) -> for each seed, what was right at each update, in per cent.
        smooth: how many updates are averaged.
        guessing: what guessing reaches, in per cent.
    """
    distances = list(dict.fromkeys(distance for distance, _ in runs))
    starts = list(dict.fromkeys(start for _, start in runs))
    fig, axes = figure(1, len(distances), width=10.2, height=3.9, sharey=True, squeeze=False)
    for ax, distance in zip(axes[0], distances, strict=True):
        for start, color, dash in zip(starts, (ORANGE, GREY, BLUE), ("-", "--", "-"), strict=False):
            for number, right in enumerate(runs[distance, start]):
                span = min(smooth, len(right))
                mean = torch.as_tensor(right).double().unfold(0, span, 1).mean(1)
                x = range(span, span + len(mean))
                label = start if number == 0 else None
                ax.plot(x, mean, color=color, lw=1.6, ls=dash, alpha=0.85, label=label)
        ax.axhline(guessing, color=INK, lw=0.8)
        ax.set(xlabel="updates", title=f"T = {distance}", ylim=(0, 104))
        _readable(ax)
    axes[0, 0].set_ylabel("right (%)")
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=14
    )
    return fig
