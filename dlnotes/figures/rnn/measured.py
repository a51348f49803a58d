"""Pictures of chapter 3 of what was computed: states, slopes, gradients, walks on the loss."""

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
    ORANGE,
    PURPLE,
    SEQUENTIAL,
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


def tanh_and_slope(units: Mapping[str, float]) -> Figure:
    """Draw tanh, above, and its slope, below, with units that sit on it.

    Args:
        units: name -> a, where the unit sits.
    """
    fig, (above, below) = figure(2, 1, width=8.4, height=5.0, sharex=True)
    a = torch.linspace(-4, 4, 321)
    above.plot(a, torch.tanh(a), color=MEMORY, lw=2.6)
    below.plot(a, 1 - torch.tanh(a) ** 2, color=MEMORY, lw=2.6)
    for (name, place), color in zip(units.items(), (GREEN, PURPLE, BLACK), strict=True):
        value = torch.tanh(torch.tensor(float(place))).item()
        slope = 1 - value**2
        run = torch.tensor([place - 0.8, place + 0.8])
        above.plot(run, value + slope * (run - place), color=color, lw=2)
        above.plot(place, value, "o", color=color, markersize=10)
        below.plot(place, slope, "o", color=color, markersize=10)
        look = dict(textcoords="offset points", color=color, fontsize=LETTERS)
        above.annotate(name, (place, value), xytext=(10, -20), **look)
        below.annotate(f"{slope:.2f}", (place, slope), xytext=(10, 5), **look)
    above.set(ylabel="tanh(a)", ylim=(-1.25, 1.25))
    below.set(xlabel="a", ylabel="slope", ylim=(0, 1.25), xlim=(-4, 4.4))
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
    fig, axes = figure(1, len(matrices), width=9.2, height=3.2, squeeze=False)
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
        ax.set(title=f"{title}\nlargest singular value {stretch[0]:.3g}", aspect="equal")
        ax.set(xlim=(-3.3, 3.3), ylim=(-1.6, 1.6))
        _readable(ax)
    return fig


def four_matrices(norms: Mapping[str, Sequence[float]]) -> Figure:
    """Draw norms of gradients over the steps back, each line named at its end; 0 ends a line.

    Args:
        norms: name -> norm after 0, 1, 2, … steps.
    """
    fig, ax = figure(width=8.8, height=4.2)
    longest = max(len(values) for values in norms.values()) - 1
    for (name, values), color in zip(norms.items(), (GREEN, BLUE, PURPLE, ORANGE), strict=False):
        there = [value for value in values if value > 0]
        there = [value for value in there if 1e-9 < value < 1e9]
        ax.plot(range(len(there)), there, "-o", color=color, markersize=3, lw=2.2)
        short = len(there) < 3  # too near to the line of 1 for its name
        place = dict(xytext=(40, -24) if short else (9, 0), textcoords="offset points")
        line = dict(arrowstyle="-", color=color) if short else None
        look = dict(va="center", color=color, fontsize=LETTERS, annotation_clip=False)
        ax.annotate(name, (len(there) - 1, there[-1]), arrowprops=line, **place, **look)
    ax.axhline(1, color=INK, lw=0.8)
    ax.set(
        yscale="log",
        ylim=(1e-9, 1e9),
        xlim=(0, 1.5 * longest),
        xlabel="steps back",
        ylabel="norm of the gradient",
    )
    ax.set_xticks(range(0, longest + 1, max(1, longest // 5)))
    ax.minorticks_off()
    _readable(ax)
    return fig


def one_unit_loss(w: Tensor, b: Tensor, *, steps: int = 50, goal: float = 0.7) -> Tensor:
    """Return (h_T − goal)² of hₜ = σ(w hₜ₋₁ + b), h₀ = ½, for many (w, b) at once."""
    h = torch.full_like(w, 0.5)
    for _ in range(steps):
        h = torch.sigmoid(w * h + b)
    return (h - goal) ** 2


def cliff(
    paths: dict[str, Tensor],
    *,
    V: tuple[float, float],
    b: tuple[float, float],
    zoom: tuple[tuple[float, float], tuple[float, float]],
) -> Figure:
    """Draw ``one_unit_loss`` as a landscape, walks over it, and the loss after each step of them.

    Args:
        paths: label -> points (V, b), (K, 2), in the order of the walk.
        V: smallest and largest recurrent weight.
        b: smallest and largest bias.
        zoom: the same limits of the middle panel, where the steps of the first walk are numbered.
    """
    fig, axes = figure(1, 3, width=11.4, height=4.2)
    whole, near, losses = axes
    for ax, limits in ((whole, (V, b)), (near, zoom)):
        picture = _landscape(ax, *limits)
        for number, (label, points) in enumerate(paths.items()):
            check_shape(label, points, "K", 2)
            color, style = ("#FFFFFF", ORANGE)[number % 2], ("-o", "-s")[number % 2]
            ax.plot(*points.T, style, color=color, markersize=3, linewidth=1.3, label=label)
        first = next(iter(paths.values()))
        ax.plot(*first[0], "*", color="black", markersize=15, markeredgecolor="white", zorder=5)
    fig.colorbar(picture, ax=list(axes[:2]), label="loss after 50 steps", location="top", aspect=50)
    _number(near, first)
    for number, (label, points) in enumerate(paths.items()):
        color, style = (BLACK, ORANGE)[number % 2], ("-o", "--s")[number % 2]
        losses.plot(one_unit_loss(*points.T), style, color=color, markersize=3, lw=1.4, label=label)
    losses.set(yscale="log", xlabel="step of the walk", ylabel="loss")
    legend = whole.legend(loc="lower left", frameon=True, facecolor="#777777", fontsize=11)
    for text in legend.get_texts():
        text.set_color("white")
    losses.legend(fontsize=11)
    _readable(*axes)
    return fig


def _landscape(ax: Any, V: tuple[float, float], b: tuple[float, float]) -> Any:
    """Draw the loss of one unit between these limits, and return the coloured picture."""
    across, up = torch.linspace(*V, 241), torch.linspace(*b, 201)
    ups, acrosses = torch.meshgrid(up, across, indexing="ij")
    heights = one_unit_loss(acrosses.double(), ups.double())
    ax.set(xlim=V, ylim=b, xlabel="recurrent weight V", ylabel="bias b")
    ax.grid(False)
    look = dict(cmap=SEQUENTIAL, shading="nearest", vmin=0, vmax=0.49)
    return ax.pcolormesh(across, up, heights, **look)


def _number(ax: Any, points: Tensor) -> None:
    """Write the number of each step beside its point, up to the longest step."""
    far = (points[1:] - points[:-1]).norm(dim=1).argmax().item()
    for step in range(1, far + 2):
        look = dict(textcoords="offset points", color="white", fontsize=LETTERS - 1)
        ax.annotate(f"{step}", points[step].tolist(), xytext=(6, -3), **look)


def gradient_by_step(norms: Mapping[str, Tensor]) -> Figure:
    """Draw how much of a gradient arrives at each step back, on a logarithmic axis.

    Args:
        norms: name -> share of the last step's gradient after 0, 1, … steps back, (runs, T).
    """
    fig, ax = figure(width=8.4, height=3.9)
    for (name, rows), color in zip(norms.items(), (BLACK, GREY, BLUE), strict=False):
        for row in rows:
            ax.plot(row, color=color, lw=1.6)
        place = (rows.shape[1] - 1, rows[:, -1].log().mean().exp().item())
        look = dict(textcoords="offset points", va="center", color=color, fontsize=LETTERS)
        ax.annotate(name, place, xytext=(9, 0), annotation_clip=False, **look)
    longest = rows.shape[1] - 1
    ax.set(yscale="log", xlim=(0, 1.2 * longest), xlabel="steps back", ylabel="share that arrives")
    ax.set_xticks(range(0, longest + 2, max(1, (longest + 1) // 5)))
    ax.minorticks_off()
    _readable(ax)
    return fig
