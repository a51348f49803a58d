"""The machines of chapter 6: five shapes, encoder and decoder, and attention in the plane."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_choice, check_shape
from dlnotes.figures.cnn.parts import readable
from dlnotes.plotting import (
    ATTENTION,
    BLUE,
    DECODER,
    ENCODER,
    GREY,
    INPUT,
    MEMORY,
    NEGATIVE,
    NOTE,
    ORANGE,
    OUTPUT,
    POSITIVE,
    SKY,
    Diagram,
    figure,
    tint,
)
from dlnotes.plotting.diagram import Shape


def attention_in_the_plane(annotations: Tensor, scores: Tensor, direction: Tensor) -> Figure:
    """Draw annotations, their weighted mean c, and how each score moves it.

    Args:
        annotations: h_j, points in the plane, (S, 2).
        scores: e_j, (S,).
        direction: where the loss wants c to go, −∂L/∂c, (2,).
    """
    check_shape("annotations", annotations, "S", 2)
    check_shape("scores", scores, len(annotations))
    check_shape("direction", direction, 2)
    weights = scores.softmax(0)
    context = weights @ annotations
    gain = weights * ((annotations - context) @ direction)  # −∂L/∂e_k
    fig, (left, right) = figure(1, 2, width=9.2, height=4.2, width_ratios=[1.1, 1])
    for j, (point, weight) in enumerate(zip(annotations, weights, strict=True), start=1):
        left.plot(*torch.stack([point, context]).T, color=GREY, linewidth=1, zorder=1)
        left.scatter(*point, s=3200 * weight, color=SKY, edgecolor=BLUE, zorder=2)
        left.annotate(f"$h_{j}$", point.tolist(), ha="center", va="center", fontsize=16, zorder=5)
    left.scatter(*context, s=190, marker="X", color=ORANGE, edgecolor="white", zorder=6)
    left.annotate("c", context.tolist(), xytext=(-24, 2), textcoords="offset points", fontsize=20,
                  color=ORANGE, fontweight="bold")  # fmt: skip
    unit = direction / direction.norm()
    left.annotate(
        "",
        (context + unit).tolist(),
        context.tolist(),
        arrowprops=dict(arrowstyle="-|>", color=ORANGE, linewidth=3, mutation_scale=22),
        zorder=6,
    )
    left.set(xlabel="feature 1", ylabel="feature 2", title="area: weight $\\alpha_j$")
    left.set_aspect("equal", adjustable="datalim")
    left.margins(0.2)
    places = np.arange(len(weights))
    right.bar(places - 0.2, weights, width=0.38, color=tint(GREY, 0.6))
    signs = [POSITIVE if value > 0 else NEGATIVE for value in gain]
    right.bar(places + 0.2, gain, width=0.38, color=signs)
    right.axhline(0, color="black", linewidth=0.8)
    right.set_xticks(places, [f"$h_{j}$" for j in range(1, len(weights) + 1)])
    right.set(
        title="grey: weight $\\alpha_j$, coloured: push",
        ylabel="",
    )
    readable(left, right)
    return fig


# ---- the shapes --------------------------------------------------------------------------------

SHAPES = {  # title: (places of inputs, of states, of outputs, example)
    "one to one": ((0,), (0,), (0,), "no sequence:\na feed-forward net"),
    "one to many": ((0,), (0, 1, 2), (0, 1, 2), "a label →\na name"),
    "many to one": ((0, 1, 2), (0, 1, 2), (2,), "a sentence →\nits era"),
    "many to many,\naligned": ((0, 1, 2), (0, 1, 2), (0, 1, 2), "words →\ntheir marks"),
    "many to many,\nfree": ((0, 1, 2), (0, 1, 2, 3, 4), (3, 4), "letters →\nphones: Seq2Seq"),
}


def shapes() -> Figure:
    """Draw the patterns of inputs, states and outputs that the notes list."""
    rooms = [max(len(states), 2.9) for _, states, _, _ in SHAPES.values()]  # for the words
    drawing = Diagram((-1.8, sum(rooms) + 0.3 * len(rooms)), (-1.6, 4.0), width=10.4, font=13)
    x = 0.0
    for room, (title, (inputs, states, outputs, example)) in zip(
        rooms, SHAPES.items(), strict=True
    ):
        left = x + (room - len(states)) / 2 + 0.5  # of the first state
        free = title.endswith("free")
        colors = [DECODER if free and k > 2 else MEMORY for k in states]
        cells = [_cell(drawing, left + k, 1.2, "", colors[k]) for k in states]
        for before, after in pairwise(cells):
            drawing.arrow(before, after)
        for k in inputs:
            drawing.arrow(_cell(drawing, left + k, 0.0, "", INPUT), cells[k])
        for k in outputs:
            drawing.arrow(cells[k], _cell(drawing, left + k, 2.4, "", OUTPUT))
        middle = left + (len(states) - 1) / 2
        drawing.text(middle, 2.75, title, side="above", fontweight="bold")
        drawing.text(middle, -0.35, example, side="below", color=NOTE)
        x += room + 0.3
    for y, text in ((0, "input"), (1.2, "state"), (2.4, "output")):
        drawing.text(-0.3, y, text, ha="right", color=NOTE)
    return drawing.figure


def encoder_decoder(
    word: str,
    written: list[str],
    *,
    looks_at: int | None = 2,
    weights: Sequence[float] | None = None,
    reads: str = "decoder reads what it has written",
) -> Figure:
    """Draw encoder and decoder for one word and its phones, with attention or without.

    Args:
        word: letters.
        written: phones.
        looks_at: place, from 0, of the letter that the second step looks at most; None draws no
            attention.
        weights: the attention weight of each letter in the second step, written at the lines,
            which are as thick; None writes nothing.
        reads: what stands under the decoder.
    """
    if looks_at is not None:
        check_choice(range(len(word)), looks_at=looks_at)
    if weights is not None and len(weights) != len(word):
        raise ValueError(f"weights must hold {len(word)} numbers, got {len(weights)}")

    S, T = len(word), len(written) + 1
    wide = 1.25  # from one state to the next
    start, chosen = wide * (S + 1), min(2, T) - 1
    end = start + wide * (T - 1)
    top = 3.4 if looks_at is None else 4.7
    drawing = Diagram((-0.6, end + 0.6), (-1.2, top), width=10.4, font=15)
    read = [_cell(drawing, wide * j, 1.2, f"$h_{{{j + 1}}}$", ENCODER) for j in range(S)]
    for state, letter in zip(read, word, strict=True):
        drawing.arrow(_cell(drawing, state.x, 0, letter, INPUT), state)
    for before, after in pairwise(read):  # forwards above, backwards below
        left, right = before.x + 0.39, after.x - 0.39
        drawing.arrow((left, 1.32), (right, 1.32), width=1.2)
        drawing.arrow((right, 1.08), (left, 1.08), width=1.2)
    states = [_cell(drawing, start + wide * t, 1.2, f"$s_{{{t + 1}}}$", DECODER) for t in range(T)]
    fixed = _cell(drawing, wide * S, 1.2, "$f$", MEMORY)
    over = 1.8  # the backward state at the first letter goes over the others
    drawing.arrow(read[-1], fixed)
    drawing.arrow(read[0], (read[0].x, over), (fixed.x, over), fixed, color=NOTE)
    drawing.arrow(fixed, states[0])
    drawing.text(fixed.x, 0.85, "fixed\nvector", side="below", color=NOTE)
    for before, after in pairwise(states):
        drawing.arrow(before, after)
    answers: list[Shape] = []
    for state, given, said in zip(states, ["begin", *written], [*written, "end"], strict=True):
        drawing.arrow(_cell(drawing, state.x, 0, given, OUTPUT, wide=0.95), state)
        answers.append(_cell(drawing, state.x, top - 0.6, said, OUTPUT))
        drawing.arrow(state, answers[-1])
    if looks_at is not None:
        _look_back(drawing, read, states[chosen], answers[chosen], chosen + 1, looks_at, weights)
        note = f"attention: $c_{chosen + 1}=\\sum_j\\alpha_{{{chosen + 1}j}}h_j$"
        drawing.text(wide * (S - 1) / 2 - 0.6, 3.2, note, side="above", color=NOTE)
    drawing.text(wide * (S - 1) / 2, -0.35, "encoder reads", side="below")
    drawing.text((start + end) / 2, -0.35, reads, side="below")
    return drawing.figure


def _look_back(
    drawing: Diagram,
    read: list[Shape],
    asking: Shape,
    answer: Shape,
    step: int,
    looks_at: int,
    weights: Sequence[float] | None,
) -> None:
    context = _cell(drawing, asking.x - 0.6, 2.9, f"$c_{step}$", ATTENTION)
    drawing.arrow(asking, context, color=NOTE)
    drawing.arrow(context, answer)
    for j, state in enumerate(read):
        begin, width = state.top, 3.2 if j == looks_at else 0.8
        if weights is not None:
            begin, width = (state.x, 2.32), 0.6 + 6 * weights[j]
            drawing.text(state.x, 2.1, f"{weights[j]:.2f}", fontsize=14)
        into = (context.x - 0.39, 2.75 + 0.05 * j)
        drawing.ax.plot(*zip(begin, into, strict=True), color=ATTENTION, lw=width, zorder=1)


def _cell(
    drawing: Diagram, x: float, y: float, text: str, color: str, *, wide: float = 0.78
) -> Shape:
    return drawing.box(x, y, text, width=wide, height=0.58, color=tint(color))
