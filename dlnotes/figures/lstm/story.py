"""Drawings of parts A and B: whispers, switches, the roads of the error, half-lives."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dlnotes.plotting import (
    BLACK,
    BLUE,
    CANDIDATE,
    COLORS,
    DASHES,
    DIVERGING,
    FAINT,
    GATE,
    GREY,
    INK,
    MEMORY,
    NEGATIVE,
    SKY,
    Diagram,
    figure,
    tint,
)

LETTERS = 13  # points, in all axes


def readable(*axes: Any) -> None:
    """Give ticks, labels and titles the size that can be read from the tenth row."""
    for ax in axes:
        ax.tick_params(labelsize=LETTERS)
        for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
            text.set_size(LETTERS + 1)


def short(value: float, digits: int = 3) -> str:
    """Return a number for people: 0.6, −0.9, 0."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text.replace("-", "−")


# ---- part A ------------------------------------------------------------------------------------


def whispers(paths: Mapping[float, Sequence[Sequence[float]]]) -> Figure:
    """Draw what becomes of numbers that one unit repeats to itself, a panel for each V.

    Args:
        paths: V -> for each start, what was heard after 0, 1, 2, … steps; at most two starts.
    """
    fig, axes = figure(1, len(paths), width=9.6, height=3.2, sharey=True, squeeze=False)
    for ax, (V, lines) in zip(axes[0], paths.items(), strict=True):
        for heard, color in zip(lines, (SKY, BLUE), strict=False):
            ax.plot(range(len(heard)), heard, "-o", color=color, markersize=4, lw=2.2)
            place = dict(xytext=(-5, 0), textcoords="offset points", ha="right", va="center")
            ax.annotate(short(heard[0]), (0, heard[0]), size=13, **place)
        ax.set(title=f"V = {V:g}", xlabel="step", ylim=(-0.03, 1.08), xlim=(-5, len(heard) + 0.5))
        readable(ax)
    axes[0, 0].set_ylabel("h", fontsize=LETTERS + 1)
    return fig


def switchboard(
    commands: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[float]]
) -> Figure:
    """Draw a memory at work as a table of numbers, a column for each command.

    Args:
        commands: above the columns.
        names: of the lines: the number, three switches, content, output.
        rows: for each command one number for each name.
    """
    values = np.array(rows, dtype=float).T
    if values.shape != (len(names), len(commands)):
        raise ValueError(f"rows must be {len(commands)} of {len(names)} numbers each")

    fig, ax = figure(width=8.8, height=0.55 * len(names) + 0.9)
    # a gap after the number and after the switches
    heights = [line + 0.25 * (line > 0) + 0.25 * (line > 3) for line in range(len(names))]
    for line, (y, name) in enumerate(zip(heights, names, strict=True)):
        is_switch = 0 < line < 4
        for column, value in enumerate(values[line]):
            color = tint(GATE, 0.75 * value) if is_switch else DIVERGING(0.5 + 0.45 * value)
            ax.add_patch(_cell(column, y, color))
            ax.text(column, y, short(value), ha="center", va="center", fontsize=15)
        ax.text(-0.65, y, name, ha="right", va="center", fontsize=14)
    for column, command in enumerate(commands):
        ax.text(column, -0.62, command, ha="center", va="bottom", fontsize=14, style="italic")
    ax.set(xlim=(-2.2, len(commands) - 0.4), ylim=(heights[-1] + 0.5, -1.1))
    ax.axis("off")
    return fig


def _cell(x: float, y: float, color: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.48, y - 0.44), 0.96, 0.88, facecolor=color, edgecolor=FAINT, lw=0.8)


def soft_switch(places: Sequence[float]) -> Figure:
    """Draw the logistic function with points at some places, their heights, and its slope."""
    fig, ax = figure(width=7.2, height=3.2)
    a = np.linspace(-6.5, 6.5, 200)
    curve = 1 / (1 + np.exp(-a))
    ax.plot(a, curve, color=BLUE, lw=2.6)
    for place in places:
        height = 1 / (1 + math.exp(-place))
        ax.plot(place, height, "o", color=INK, markersize=7)
        side = dict(ha="right", xytext=(-8, 4)) if place > 0 else dict(ha="left", xytext=(8, -4))
        side["va"] = "bottom" if place > 0 else "top"
        if height > 0.9 or height < 0.1:
            side |= dict(ha="center", xytext=(0, -9 if place > 0 else 9))
            side["va"] = "top" if place > 0 else "bottom"
        label = f"{height:.3f}".rstrip("0")
        ax.annotate(label, (place, height), textcoords="offset points", size=13, **side)
    ax.set(xlabel="a", ylabel="σ(a)", yticks=[0, 0.5, 1], ylim=(-0.06, 1.1))
    ax.text(-6.4, 0.5, "shut", fontsize=14, color=GREY)
    ax.text(6.4, 0.5, "open", fontsize=14, color=GREY, ha="right")
    ax.plot(a, curve * (1 - curve), color=GREY, lw=2, ls="--", zorder=1)
    ax.text(1.9, 0.15, "slope", fontsize=14, color=GREY)
    readable(ax)
    return fig


# ---- part B ------------------------------------------------------------------------------------


def straight_road(gates: Sequence[float], *, start: float, added: Sequence[float]) -> Figure:
    """Draw contents from step to step, and the error that goes back through the same gates.

    Args:
        gates: f of each step.
        start: c₀.
        added: what each step adds to the content.
    """
    if len(added) != len(gates):
        raise ValueError(f"added must have {len(gates)} numbers, got {len(added)}")

    wide = 2.7
    drawing = Diagram((-0.9, wide * len(gates) + 0.9), (-1.75, 1.7), width=9.2)
    contents = [start]
    for f, more in zip(gates, added, strict=True):
        contents.append(f * contents[-1] + more)
    errors = [math.prod(gates[t:]) for t in range(len(contents))]
    for t, (content, error) in enumerate(zip(contents, errors, strict=True)):
        words = f"$c_{t}$\n{short(content)}"
        drawing.node(wide * t, 0.2, words, radius=0.58, color=tint(MEMORY))
        drawing.text(wide * t, -0.75, f"error {short(error)}", side="below", color=NEGATIVE)
    for t, (f, more) in enumerate(zip(gates, added, strict=True)):
        left, right = wide * t + 0.58, wide * (t + 1) - 0.58
        forward = dict(label=f"· {short(f)}", color=MEMORY, width=3.5)
        drawing.arrow((left, 0.42), (right, 0.42), **forward)
        drawing.arrow(
            (right, 0.0), (left, 0.0), label=f"· {short(f)}", side="below", color=NEGATIVE
        )
        place = wide * (t + 1)
        drawing.arrow((place, 1.45), (place, 0.8), color=CANDIDATE)
        drawing.text(
            place - 0.12, 1.3, f"{more:+g}".replace("-", "−"), side="left", color=CANDIDATE
        )
    return drawing.figure


def half_lives(biases: Sequence[float], *, steps: int) -> Figure:
    """Draw σ(b) to the power of k for some biases b, with a dot at each half-life."""
    fig, ax = figure(width=7.8, height=3.8)
    k = np.arange(steps + 1)
    for bias, color, dash in zip(biases, (BLACK, COLORS[2], BLUE, COLORS[3]), DASHES, strict=False):
        log_f = -math.log1p(math.exp(-bias))
        ax.plot(k, np.exp(k * log_f), color=color, ls=dash, lw=2.4)
        half = math.log(2) / -log_f
        if half <= steps:
            ax.plot(half, 0.5, "o", color=color, markersize=8)
        end = k[np.exp(k * log_f) > 3e-13][-1]
        place = (end, math.exp(end * log_f))
        at_right = end == steps
        look = dict(xytext=(6, 0) if at_right else (8, 6), va="center" if at_right else "bottom")
        ax.annotate(
            f"b = {bias:g}, half after {half:.3g}",
            place,
            textcoords="offset points",
            size=14,
            color=color,
            **look,
        )
    ax.set(yscale="log", ylim=(1e-13, 4), xlim=(0, 1.4 * steps), xlabel="steps")
    ax.set_ylabel("share that is left")
    readable(ax)
    return fig


def ways_back(straight: float, roads: Mapping[str, float]) -> Figure:
    """Draw the roads of the error from the new content to the old one.

    Args:
        straight: the factor of the road through the forget gate alone.
        roads: through what -> the factor of that road, which then goes through h.
    """
    drawing = Diagram((-1.2, 11.2), (-4.6, 1.6), width=9.4)
    old = drawing.node(0.2, 0.6, "$c_{t-1}$", radius=0.62, color=tint(MEMORY))
    new = drawing.node(9.8, 0.6, "$c_t$", radius=0.62, color=tint(MEMORY))
    output = drawing.node(1.6, -2.4, "$h_{t-1}$", radius=0.62)
    label = f"straight, · {short(straight)}"
    drawing.arrow(new, old, label=label, color=NEGATIVE, width=5)
    drawing.arrow(output, old, color=NEGATIVE)
    heights = np.linspace(-1.0, -3.7, len(roads))
    for y, (name, factor) in zip(heights, roads.items(), strict=True):
        color = NEGATIVE if factor else GREY  # what goes backwards is orange
        face = tint(CANDIDATE if name == "candidate" else GATE, 0.4)
        sign = f"{factor:+.3f}".replace("-", "−") if factor else "0"
        words = f"{name}   {sign}"
        box = drawing.box(5.6, y, words, width=3.9, height=0.95, color=face)
        drawing.arrow(new, box.right, color=color)
        drawing.arrow(box.left, output, color=color)
    total = straight + sum(roads.values())
    drawing.text(-0.4, -4.2, f"all roads: {short(total)}", side="right")
    return drawing.figure
