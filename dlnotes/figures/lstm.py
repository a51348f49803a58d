"""Pictures of chapter 4: the cell and its four steps, the chain, gates over time, what survives.

``survival`` and ``reading`` are widgets; ``draw_survival`` and ``draw_gates`` return the figure
alone, which is what the tests look at, as do ``chain``, ``architecture`` and ``close_ups``.
"""

import math
from collections.abc import Sequence

import ipywidgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from torch import Tensor

from dlnotes.checks import check_between, check_choice, check_positive, check_shape
from dlnotes.figures import explore
from dlnotes.lstm import LSTMCell, trace
from dlnotes.plotting import (
    BLUE,
    COLORS,
    DASHES,
    DIVERGING,
    GREEN,
    GREY,
    ORANGE,
    SEQUENTIAL,
    SKY,
    bars,
    figure,
)

INK, PALE = "#222222", "#D4D4D4"

# ---- the cell, its steps, the chain ------------------------------------------------------------

STEPS = {  # step: its title with the formula, drawn above the close-up
    "forget": r"1  $f_t=\sigma(W_f h_{t-1}+U_f x_t+b_f)$",
    "input": r"2  $i_t=\sigma(\ldots),\quad \tilde c_t=\tanh(\ldots)$",
    "update": r"3  $c_t=f_t\odot c_{t-1}+i_t\odot\tilde c_t$",
    "output": r"4  $o_t=\sigma(\ldots),\quad h_t=o_t\odot\tanh c_t$",
}
_BUS, _GATES, _PRODUCT, _TOP = 0.8, 2.3, 4.2, 6.0  # heights of h, of the gates, of i ⊙ c̃, of c
# What is drawn: the steps it belongs to, a kind, and where. Lines are lists of corners.
_LINES = [
    ("forget input output", [(-0.3, _BUS), (7.2, _BUS)]),
    ("forget input output", [(0.4, -0.6), (0.4, _BUS)]),
    ("forget", [(1.6, _BUS), (1.6, _GATES - 0.45)]),
    ("input", [(3.4, _BUS), (3.4, _GATES - 0.45)]),
    ("input", [(5.2, _BUS), (5.2, _GATES - 0.45)]),
    ("output", [(7.2, _BUS), (7.2, _GATES - 0.45)]),
    ("forget update", [(1.6, _GATES + 0.45), (1.6, _TOP - 0.35)]),
    ("input update", [(3.4, _GATES + 0.45), (3.4, _PRODUCT), (4.85, _PRODUCT)]),
    ("input update", [(5.2, _GATES + 0.45), (5.2, _PRODUCT - 0.35)]),
    ("update", [(5.2, _PRODUCT + 0.35), (5.2, _TOP - 0.35)]),
    ("update", [(-0.3, _TOP), (1.25, _TOP)]),
    ("update", [(1.95, _TOP), (4.85, _TOP)]),
    ("update", [(5.55, _TOP), (10.3, _TOP)]),
    ("output", [(8.9, _TOP), (8.9, 5.15)]),
    ("output", [(8.9, 4.25), (8.9, 3.55)]),
    ("output", [(7.2, _GATES + 0.45), (7.2, 3.2), (8.55, 3.2)]),
    ("output", [(8.9, 2.85), (8.9, _BUS), (10.3, _BUS)]),
]
_BOXES = [  # learned layers, and one tanh without weights
    ("forget", 1.6, _GATES, "σ", ORANGE),
    ("input", 3.4, _GATES, "σ", GREEN),
    ("input", 5.2, _GATES, "tanh", GREEN),
    ("output", 7.2, _GATES, "σ", BLUE),
    ("output", 8.9, 4.7, "tanh", "white"),
]
_DOTS = [
    ("forget update", 1.6, _TOP, "×"),
    ("update", 5.2, _TOP, "+"),
    ("input update", 5.2, _PRODUCT, "×"),
    ("output", 8.9, 3.2, "×"),
]
_TEXTS = [
    ("update", -0.35, _TOP + 0.38, "$c_{t-1}$"),
    ("update", 10.2, _TOP + 0.38, "$c_t$"),
    ("forget input output", -0.35, _BUS + 0.4, "$h_{t-1}$"),
    ("forget input output", 0.4, -0.95, "$x_t$"),
    ("output", 10.2, _BUS + 0.4, "$h_t$"),
    ("forget update", 1.18, 3.5, "$f_t$"),
    ("input update", 3.0, 3.5, "$i_t$"),
    ("input update", 5.6, 3.3, r"$\tilde c_t$"),
    ("output", 6.8, 3.2, "$o_t$"),
]


def _draw_cell(ax: Axes, step: str | None, *, fontsize: float) -> None:
    """Draw the cell; what does not belong to the step is pale."""

    def lit(steps: str) -> bool:
        return step is None or step in steps.split()

    for steps, corners in _LINES:
        carousel = corners[0][1] == corners[-1][1] == _TOP
        color = INK if lit(steps) else PALE
        x, y = zip(*corners, strict=True)
        ax.plot(x, y, color=color, lw=4 if carousel else 1.6, solid_capstyle="butt", zorder=1)
        if abs(x[-1] - x[-2]) + abs(y[-1] - y[-2]) > 0.4 and (x[-1], y[-1]) != (7.2, _BUS):
            if (x[-1], y[-1]) == (0.4, _BUS):
                continue  # x joins h
            size = dict(arrowstyle="-|>", color=color, lw=1.6, mutation_scale=fontsize)
            start = (0.6 * x[-1] + 0.4 * x[-2], 0.6 * y[-1] + 0.4 * y[-2])
            ax.annotate("", (x[-1], y[-1]), start, arrowprops=size | dict(shrinkA=0, shrinkB=0))
    for steps, x, y, text, face in _BOXES:
        on = lit(steps)
        box = FancyBboxPatch(
            (x - 0.6, y - 0.4), 1.2, 0.8, boxstyle="round,pad=0.05", zorder=3, lw=1.4,
            facecolor=face if on else "#F4F4F4", edgecolor=INK if on else PALE,
        )  # fmt: skip
        ax.add_patch(box)
        ink = ("white" if face != "white" else INK) if on else PALE
        ax.text(x, y, text, ha="center", va="center", color=ink, fontsize=fontsize, zorder=4)
    for steps, x, y, text in _DOTS:
        color = INK if lit(steps) else PALE
        ax.add_patch(Circle((x, y), 0.35, facecolor="white", edgecolor=color, lw=1.6, zorder=3))
        style = dict(ha="center", va="center", fontsize=fontsize + 2, zorder=4)
        ax.text(x, y - 0.03, text, color=color, **style)
    for steps, x, y, text in _TEXTS:
        color = INK if lit(steps) else PALE
        ax.text(x, y, text, ha="center", va="center", color=color, fontsize=fontsize + 1)
    ax.set(xlim=(-0.9, 10.8), ylim=(-1.3, 6.9), aspect="equal")
    ax.axis("off")


def architecture(step: str | None = None) -> Figure:
    """Draw one LSTM cell.

    Args:
        step: "forget", "input", "update" or "output" draws the rest pale; None nothing.
    """
    if step is not None:
        check_choice(STEPS, step=step)
    fig, ax = figure(width=7.6, height=5.0)
    _draw_cell(ax, step, fontsize=14)
    for x, text, color in (
        (1.6, "forget gate", ORANGE),
        (3.4, "input gate", GREEN),
        (5.2, "candidate", GREEN),
        (7.2, "output gate", BLUE),
    ):
        ax.text(x, -0.15, text, ha="center", fontsize=12, color=color)
    ax.text(3.4, _TOP + 0.55, "cell state", ha="center", fontsize=12, color=INK)
    return fig


def close_ups() -> Figure:
    """Draw the four steps of a cell, each with its formula, the rest of the cell pale."""
    fig, axes = figure(2, 2, width=9.0, height=6.9)
    for ax, (step, title) in zip(axes.flat, STEPS.items(), strict=True):
        _draw_cell(ax, step, fontsize=10.5)
        ax.set_title(title, fontsize=14)
    return fig


def chain(cells: int = 4) -> Figure:
    """Draw the cell unrolled in time: two states go from step to step.

    Args:
        cells: how many steps.
    """
    check_positive(cells=cells)
    fig, ax = figure(width=8.6, height=2.6)
    for t in range(cells):
        x = 3.0 * t
        box = FancyBboxPatch(
            (x, 0), 1.8, 2.0, boxstyle="round,pad=0.05", facecolor=SKY, edgecolor=INK, alpha=0.5
        )
        ax.add_patch(box)
        ax.text(x + 0.9, 1.0, "LSTM", ha="center", va="center", fontsize=13, color=INK)
        ax.text(x + 0.9, -1.25, f"$x_{t + 1}$", ha="center", fontsize=14)
        ax.text(x + 0.9, 2.85, f"$h_{t + 1}$", ha="center", fontsize=14)
        arrow = dict(arrowstyle="-|>", color=INK, shrinkA=0, shrinkB=0)
        ax.annotate("", (x + 0.9, -0.05), (x + 0.9, -0.8), arrowprops=arrow)
        ax.annotate("", (x + 0.9, 2.75), (x + 0.9, 2.05), arrowprops=arrow)
        for y, letter, width in ((1.6, "c", 4.0), (0.4, "h", 1.6)):
            line = arrow | dict(lw=width, mutation_scale=16)
            ax.annotate("", (x - 0.05, y), (x - 1.15, y), arrowprops=line)
            ax.text(x - 0.65, y + 0.2, f"${letter}_{t}$", ha="center", fontsize=14)
    for y, width in ((1.6, 4.0), (0.4, 1.6)):
        line = dict(arrowstyle="-|>", color=INK, lw=width, mutation_scale=16, shrinkA=0, shrinkB=0)
        ax.annotate("", (3.0 * cells - 0.05, y), (3.0 * cells - 1.15, y), arrowprops=line)
    ax.set(xlim=(-1.4, 3.0 * cells + 0.2), ylim=(-1.5, 3.4), aspect="equal")
    ax.axis("off")
    return fig


# ---- gates over time ---------------------------------------------------------------------------

GATES = {"f": "forget", "i": "input", "o": "output"}
STATES = {"candidate": "candidate", "c": "cell state", "h": "output h"}


def draw_gates(
    values: dict[str, Tensor],
    symbols: Sequence[str],
    *,
    unit: int = 0,
    title: str | None = None,
) -> Figure:
    """Draw gates and states of one unit as a heat map over a sequence.

    Args:
        values: what ``lstm.trace`` returns, each (1, T, H) or (T, H).
        symbols: T texts, written below the steps.
        unit: number of the unit, from 0.
        title: above the figure.
    """
    rows = {}
    for name in (*GATES, *STATES):
        value = values[name]
        value = value[0] if value.ndim == 3 else value
        check_shape(name, value, len(symbols), "H")
        check_choice(range(value.shape[1]), unit=unit)
        rows[name] = value[:, unit].detach().cpu().double().numpy()
    fig = Figure(figsize=(9.4, 3.5))  # placed by hand: a layout engine takes half of a redraw
    margins = dict(left=0.105, right=1.02, bottom=0.19, top=0.9 if title else 0.98, hspace=0.12)
    axes = fig.subplots(2, 1, gridspec_kw=margins)
    most = max(1.0, np.abs(rows["c"]).max())
    kinds = (
        (axes[0], GATES, SEQUENTIAL, 0, 1, "0 closed,\n1 open"),
        (axes[1], STATES, DIVERGING, -most, most, "value\n"),
    )
    for ax, names, cmap, low, high, label in kinds:
        picture = np.stack([rows[name] for name in names])
        shown = ax.imshow(picture, cmap=cmap, vmin=low, vmax=high, aspect="auto")
        ax.set_yticks(range(3), list(names.values()))
        ax.set_xticks([])
        ax.grid(False)
        ax.tick_params(length=0)
        bar = fig.colorbar(shown, ax=ax, pad=0.01, aspect=8)
        bar.set_label(label, fontsize=10)
        bar.set_ticks([low, (low + high) / 2, high])
        for y in (0.5, 1.5):
            ax.axhline(y, color="white", lw=2)
    size = 11 if len(symbols) <= 60 else 8
    axes[1].set_xticks(range(len(symbols)), symbols, fontsize=size, family="monospace")
    axes[1].set_xlabel("read so far →")
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


def one_hot(text: str, alphabet: str) -> Tensor:
    """Return a text as inputs of a character model, (1, T, D), D characters in the alphabet."""
    unknown = sorted(set(text) - set(alphabet))
    if not text or unknown:
        what = f"{unknown[0]!r}" if unknown else "nothing"
        raise ValueError(f"text must consist of characters of the alphabet, got {what}")
    ids = torch.tensor([alphabet.index(character) for character in text])
    return torch.nn.functional.one_hot(ids, len(alphabet)).float()[None]


def reading(cell: LSTMCell, alphabet: str, *, text: str, unit: int) -> dict:
    """Show the widget: type a text and see how a unit of a trained cell reads it.

    Args:
        cell: reads one-hot characters.
        alphabet: its characters, in the order of the inputs.
        text: at the start.
        unit: at the start.

    Returns:
        The controls by name.
    """
    check_shape("cell.U_f", cell.U_f, cell.hidden_size, len(alphabet))

    def draw(*, text: str, unit: int) -> Figure:
        text = text[:90]
        return draw_gates(trace(cell, one_hot(text, alphabet)), visible(text), unit=unit)

    def say(*, text: str, unit: int) -> str:
        return f"Gates and states of unit {unit} as heat maps over the text “{text[:90]}”."

    box = ipywidgets.Text(
        value=text,
        description="text",
        style={"description_width": "9em"},
        layout=ipywidgets.Layout(width="48em"),
    )
    return explore(draw, alt=say, text=box, unit=(0, cell.hidden_size - 1, 1, unit))


def visible(text: str) -> list[str]:
    """Return the characters of a text, one by one, with a mark for each space."""
    return list(text.replace(" ", "␣").replace("\n", "¶"))


# ---- what survives -----------------------------------------------------------------------------


def half_life(forget_bias: float) -> float:
    """Return after how many steps half is left along a cell state whose gate is σ(bias)."""
    return math.log(2) / math.log1p(math.exp(-forget_bias))


def draw_survival(*, forget_bias: float, steps: int, recurrent_norm: float) -> Figure:
    """Draw what is left of a gradient after k steps back: LSTM's cell path, plain RNN, 1997.

    Args:
        forget_bias: b; the forget gate is held at σ(b).
        steps: T, how far back the plot goes.
        recurrent_norm: largest singular value of V in the plain RNN; times tanh' ≤ 1 it bounds
            each step's factor.
    """
    check_positive(steps=steps)
    check_between(-20, 20, forget_bias=forget_bias)
    check_between(0, 10, recurrent_norm=recurrent_norm)
    gate = 1 / (1 + math.exp(-forget_bias))
    k = np.arange(steps + 1)
    lines = {
        f"LSTM, cell state: σ(b)ᵏ, σ(b) = {gate:.4g}": k * math.log10(gate),
        f"plain RNN, at most: {recurrent_norm:g}ᵏ": k * math.log10(max(recurrent_norm, 1e-3)),
        "LSTM of 1997, f = 1": 0.0 * k,
    }
    fig = Figure(figsize=(7.8, 3.9))
    margins = dict(left=0.115, right=0.98, bottom=0.15, top=0.9)
    ax = fig.subplots(gridspec_kw=margins)
    for number, (label, exponent) in enumerate(lines.items()):
        ax.plot(k, exponent, ls=DASHES[number], color=COLORS[number], label=label)
    half = half_life(forget_bias)
    if half <= steps:
        ax.plot([half], [math.log10(0.5)], "o", color=COLORS[0], markersize=8)
        ax.axvline(half, color=GREY, lw=1.2, ls=":")
        ax.annotate(f"half after {half:.3g}", (half, 1.1), xytext=(4, 0), fontsize=11,
                    textcoords="offset points", color="#555555")  # fmt: skip
    left = steps * math.log10(gate)
    ax.set_title(f"after {steps} steps {_power(left)} is left", fontsize=12)
    ax.set(ylim=(-12, 2), xlim=(0, steps), xlabel="steps back, k", ylabel="part of the gradient")
    ax.set_yticks(range(-12, 3, 2), [f"$10^{{{e}}}$" for e in range(-12, 3, 2)])
    ax.legend(loc="lower left", fontsize=10)
    return fig


def _power(exponent: float) -> str:
    """Return 10^exponent for people: 0.38, or 9.5e-07."""
    return f"{10**exponent:.2g}"


def _say_survival(*, forget_bias: float, steps: int, recurrent_norm: float) -> str:
    left = steps * math.log10(1 / (1 + math.exp(-forget_bias)))
    return (
        f"Part of a gradient left after k steps back, logarithmic, up to {steps} steps: with "
        f"forget bias {forget_bias:g} the LSTM keeps {_power(left)}; a plain RNN with norm "
        f"{recurrent_norm:g}; the LSTM of 1997 keeps everything."
    )


def survival() -> dict:
    """Show the widget: choose forget bias and distance, see what is left of a gradient.

    Returns:
        The controls by name.
    """
    return explore(
        draw_survival,
        alt=_say_survival,
        forget_bias=(-2.0, 8.0, 0.25, 1.0),
        steps=(10, 400, 10, 100),
        recurrent_norm=(0.5, 1.2, 0.05, 0.9),
    )


# ---- results of the chapter --------------------------------------------------------------------


def panels(
    panels: dict[str, dict], *, xlabel: str, ylabel: str, ylim: tuple[float, float]
) -> Figure:
    """Draw sets of curves side by side on one logarithmic axis, with one legend.

    Args:
        panels: title -> label -> (x, y), at most eight lines each.
        xlabel: of every panel.
        ylabel: of the first one.
        ylim: of all.
    """
    fig, axes = figure(1, len(panels), width=9.4, height=4.0, sharey=True, squeeze=False)
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for number, (label, (x, y)) in enumerate(lines.items()):
            ax.plot(x, y, ls=DASHES[number], color=COLORS[number], label=label)
        ax.set(title=title, xlabel=xlabel, yscale="log", ylim=ylim)
    axes[0, 0].set_ylabel(ylabel)
    axes[0, 0].legend(fontsize=10, loc="lower left")
    return fig


def scores_and_errors(
    scores: dict[str, list[float]], errors: dict[str, Tensor], *, every: int, chance: float
) -> Figure:
    """Draw accuracies as bars and, beside them, how an error grew during training.

    Args:
        scores: name -> accuracy in per cent of each run.
        errors: name -> (runs, times), positive; the mean of their logarithms is drawn.
        every: steps of training from one time to the next.
        chance: accuracy of guessing.
    """
    fig, axes = figure(1, 2, width=10.8, height=4.0)
    bars(scores, xlabel="accuracy (%)", format="{:.0f}", levels={"chance": chance}, ax=axes[0])
    axes[0].set_xlim(0, 125)
    axes[0].set_xticks(range(0, 101, 25))
    for number, (name, values) in enumerate(errors.items()):
        steps = every * np.arange(values.shape[1])
        line = values.double().log().mean(0).exp()
        axes[1].plot(steps, line, ls=DASHES[number], color=COLORS[number], label=name)
    axes[1].set(yscale="log", xlabel="step of training")
    axes[1].set_ylabel("part of the error that\nreaches the first step")
    axes[1].legend(fontsize=9.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def errors_over_length(
    results: dict[str, dict[int, list[tuple[float, int]]]], *, mean_predictor: float
) -> Figure:
    """Draw error and batches against the length of the sequences, a dot per run.

    Args:
        results: name -> length -> (error, batches) of each run; lines join the medians.
        mean_predictor: error of predicting the mean.
    """
    fig, axes = figure(1, 2, width=10.8, height=4.0)
    lengths = sorted({length for runs in results.values() for length in runs})
    for number, (name, runs) in enumerate(results.items()):
        color, shift = COLORS[number], 1.03 ** (number - (len(results) - 1) / 2)
        for which, ax in enumerate(axes):
            values = {length: [run[which] for run in found] for length, found in runs.items()}
            medians = [np.median(found) for found in values.values()]
            places = [length * shift for length in values]
            ax.plot(places, medians, ls=DASHES[number], color=color, label=name)
            for place, found in zip(places, values.values(), strict=True):
                ax.plot([place] * len(found), found, "o", color=color, markersize=4, alpha=0.8)
    for ax in axes:
        ax.set(xscale="log", xlabel="length T (steps)")
        ax.set_xticks(lengths, lengths)
        ax.minorticks_off()
    axes[0].set(yscale="log", ylabel="mean squared error")
    for height, label in ((mean_predictor, "predict the mean"), (0.01, "solved")):
        axes[0].axhline(height, color=GREY, ls=":", lw=1.2)
        place = (0.01, height * 1.04)
        transform = axes[0].get_yaxis_transform()
        axes[0].text(*place, label, transform=transform, fontsize=10, color="#555555")
    axes[1].set(ylabel="batches used", ylim=(0, None))
    axes[1].legend(fontsize=9.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig
