"""Pictures of chapter 6 to play with: a typed word, what the model looks at, and what it weighs.

``pronunciation`` is the widget; ``draw_pronunciation`` and the other functions return the
matplotlib figure alone, which is what the tests look at.
"""

import re
from itertools import pairwise

import ipywidgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from dlnotes.checks import check_choice, check_positive, check_shape
from dlnotes.figures import Drawing, explore
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
    SEQUENTIAL,
    SKY,
    Diagram,
    figure,
    tint,
)
from dlnotes.plotting.diagram import Shape
from dlnotes.seq2seq import Seq2Seq
from dlnotes.text import Vocabulary

LONGEST = 20  # letters that fit into the picture
WIDEST = 490.0  # letters of a pronunciation, times their size in points, that fit into its panel

# ---- a word, its pronunciations, and where the model looked ------------------------------------


class Pronunciation(Drawing):
    """The weights α of the best pronunciation of a word, and the probabilities of the best few.

    Args:
        model: with attention; in evaluation mode.
        letters: its source vocabulary.
        phones: its target vocabulary.
    """

    def __init__(self, model: Seq2Seq, letters: Vocabulary, phones: Vocabulary):
        self.model, self.letters, self.phones = model, letters, phones
        self.found: tuple = (None, None)  # (word, beam) and what was found for them
        self.figure = Figure(figsize=(9.2, 4.2))  # placed by hand: a layout engine takes long
        self.left = self.figure.add_axes((0.085, 0.13, 0.365, 0.78))
        self.right = self.figure.add_axes((0.49, 0.13, 0.49, 0.78))
        self.picture = heat_map(self.left, torch.zeros(1, 1))
        self.right.set(xlim=(0, 1), yticks=[], xlabel="probability p(y | x)")
        self.right.set_title("what it weighs")
        self.right.grid(False, axis="y")

    def search(self, word: str, beam: int) -> tuple[Tensor, Tensor]:
        """Return the best ids, (beam, T), and their log-probabilities; the last ones are kept."""
        if self.found[0] != (word, beam):
            source, lengths = self.letters.batch([word])
            options = dict(max_length=len(word) + 8, beam_size=beam)
            ids, log_p = self.model.beams(source, lengths, **options)
            self.found = (word, beam), (ids[0], log_p[0])
        return self.found[1]

    def update(self, *, word: str, beam: int) -> None:
        """Draw for this word and this beam; see ``draw_pronunciation``."""
        check_positive(beam=beam)
        word = checked_word(word)
        ids, log_p = self.search(word, beam)
        best = self.phones.decode(ids[0])
        target = torch.tensor([self.phones.encode(best, begin=True)])
        weights = self.model.alignment(*self.letters.batch([word]), target)[0]
        show_weights(self.picture, weights, list(word), [*best, "end"])
        self.left.set_title(f"where it looks: α, beam {beam}")
        for artist in (*self.right.patches, *self.right.texts):
            artist.remove()
        shown = [(row, p.exp().item()) for row, p in zip(ids[:8], log_p[:8], strict=True)
                 if p.isfinite()]  # fmt: skip
        for place, (row, p) in enumerate(shown):
            text = f"{' '.join(self.phones.decode(row)) or '(nothing)'}   {100 * p:.1f} %"
            self.right.barh(place, p, color=BLUE if place == 0 else SKY, height=0.34)
            size = min(11.0, WIDEST / len(text))
            self.right.text(0.012, place - 0.24, text, fontsize=size, va="bottom")
        self.right.set(xlim=(0, 1), ylim=(max(len(shown), 4) - 0.5, -0.8))


def checked_word(word: str) -> str:
    """Return a word without spaces around it and in small letters, or raise if it has others."""
    word = word.strip().lower()
    if not re.fullmatch(f"[a-z]{{1,{LONGEST}}}", word):
        raise ValueError(f"word must be 1 to {LONGEST} letters from a to z, got {word!r}")
    return word


def draw_pronunciation(
    model: Seq2Seq, letters: Vocabulary, phones: Vocabulary, *, word: str, beam: int
) -> Figure:
    """Draw the weights α of the best pronunciation, and the probabilities of the best few.

    Args:
        model: with attention; in evaluation mode.
        letters: its source vocabulary.
        phones: its target vocabulary.
        word: letters a to z, at most ``LONGEST``.
        beam: width of the search, and how many pronunciations are shown (at most 8).

    Raises:
        ValueError: the word is empty, too long, or has other letters.
    """
    return Pronunciation(model, letters, phones)(word=word, beam=beam)


def alignment(ax: Axes, weights: Tensor, columns: list[str], rows: list[str]) -> None:
    """Draw weights α_tj, (T, S), as a heat map from 0 to 1: rows are written, columns are read."""
    show_weights(heat_map(ax, weights), weights, columns, rows)


def heat_map(ax: Axes, weights: Tensor) -> AxesImage:
    """Return the picture of weights from 0 to 1, its axes named."""
    ax.set(xlabel="letter read (j)", ylabel="phone written (t)")
    ax.grid(False)
    return ax.imshow(weights, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")


def show_weights(picture: AxesImage, weights: Tensor, columns: list[str], rows: list[str]) -> None:
    """Put other weights, (T, S), and their names into a picture."""
    check_shape("weights", weights, len(rows), len(columns))
    right, low = len(columns) - 0.5, len(rows) - 0.5
    picture.set(data=weights, extent=(-0.5, right, low, -0.5))
    picture.axes.set(xlim=(-0.5, right), ylim=(low, -0.5))
    picture.axes.set_xticks(range(len(columns)), columns)
    picture.axes.set_yticks(range(len(rows)), rows)


def pronunciation(
    model: Seq2Seq, letters: Vocabulary, phones: Vocabulary, *, word: str = "through"
) -> dict:
    """Show the widget: type a word, choose the width of the beam.

    Args:
        model: with attention; in evaluation mode.
        letters: its source vocabulary.
        phones: its target vocabulary.
        word: to begin with.

    Returns:
        The controls by name.
    """
    drawing = Pronunciation(model, letters, phones)

    def say(*, word: str, beam: int) -> str:
        ids, _ = drawing.search(checked_word(word), beam)
        return (
            f"The word {word!r} is pronounced {' '.join(phones.decode(ids[0]))} with a beam of "
            f"{beam}. Left, a heat map of the attention: each phone looks at its letters, mostly "
            f"from left to right. Right, bars of the probabilities of the best pronunciations."
        )

    look = dict(style={"description_width": "9em"}, layout=ipywidgets.Layout(width="32em"))
    box = ipywidgets.Text(value=word, description="word", continuous_update=False, **look)
    return explore(drawing, alt=say, word=box, beam=(1, 8, 1, 4))


def alignments(examples: list[tuple[str, list[str], Tensor]]) -> Figure:
    """Draw several alignments side by side, as Bahdanau et al. (2015), Fig. 3.

    Args:
        examples: a word, its phones and "end", and the weights (phones, letters), of each.
    """
    widths = [len(word) + 3 for word, _, _ in examples]
    fig, axes = figure(1, len(examples), width=9.6, height=3.9, width_ratios=widths, squeeze=False)
    for ax, (word, written, weights) in zip(axes[0], examples, strict=True):
        alignment(ax, weights, list(word), written)
        ax.set_title(word)
        ax.tick_params(axis="y", labelsize=9.5)
        if ax is not axes[0][0]:
            ax.set_ylabel("")
    return fig


# ---- the toy: attention in the plane -----------------------------------------------------------


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
    fig, (left, right) = figure(1, 2, width=9.2, height=3.9, width_ratios=[1.2, 1])
    for j, (point, weight) in enumerate(zip(annotations, weights, strict=True), start=1):
        left.plot(*torch.stack([point, context]).T, color=GREY, linewidth=1, zorder=1)
        left.scatter(*point, s=260 + 900 * weight, color=SKY, edgecolor=BLUE, zorder=2)
        left.annotate(f"$h_{j}$", point.tolist(), ha="center", va="center", zorder=3)
    left.scatter(*context, s=90, marker="X", color=ORANGE, zorder=4)
    left.annotate("c", context.tolist(), xytext=(-17, -4), textcoords="offset points", fontsize=13)
    unit = direction / direction.norm()
    left.annotate(
        "",
        (context + unit).tolist(),
        context.tolist(),
        arrowprops=dict(arrowstyle="-|>", color=ORANGE, linewidth=2),
    )
    left.set(xlabel="feature 1", ylabel="feature 2", title="size of a disc: weight $\\alpha_j$")
    left.set_aspect("equal", adjustable="datalim")
    left.margins(0.2)
    places = np.arange(len(weights))
    right.bar(places - 0.2, weights, width=0.38, color=SKY, label="weight $\\alpha_j$")
    label = "wanted change of $e_j$"
    signs = [POSITIVE if value > 0 else NEGATIVE for value in gain]
    right.bar(places + 0.2, gain, width=0.38, color=signs, hatch="//", label=label)
    right.axhline(0, color="black", linewidth=0.8)
    right.set_xticks(places, [f"$h_{j}$" for j in range(1, len(weights) + 1)])
    right.set(
        title="$-\\partial L/\\partial e_j=\\alpha_j\\,(h_j-c)\\cdot$ arrow",
        ylabel="weight, and change",
    )
    right.legend(fontsize=10)
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


def encoder_decoder(word: str, written: list[str], *, looks_at: int = 2) -> Figure:
    """Draw encoder, attention and decoder for one word and its phones.

    Args:
        word: letters.
        written: phones.
        looks_at: place, from 0, of the letter that the second step looks at most.
    """
    check_choice(range(len(word)), looks_at=looks_at)
    S, T = len(word), len(written) + 1
    start, chosen = S + 1.2, min(2, T) - 1
    end = start + 1.2 * (T - 1)
    drawing = Diagram((-0.6, end + 0.6), (-1.2, 4.2), width=10.0, font=13)
    read = [_cell(drawing, j, 1.2, f"$h_{{{j + 1}}}$", ENCODER) for j in range(S)]
    for j, letter in enumerate(word):
        drawing.arrow(_cell(drawing, j, 0, letter, INPUT), read[j])
    for before, after in pairwise(read):
        drawing.arrow(before, after, head="<|-|>")
    states = [_cell(drawing, start + 1.2 * t, 1.2, f"$s_{{{t + 1}}}$", DECODER) for t in range(T)]
    drawing.arrow(read[-1], states[0])
    drawing.text(S + 0.1, 1.2, "fixed\nvector", side="below", color=NOTE)
    for before, after in pairwise(states):
        drawing.arrow(before, after)
    for state, given, said in zip(states, ["begin", *written], [*written, "end"], strict=True):
        drawing.arrow(_cell(drawing, state.x, 0, given, OUTPUT), state)
        drawing.arrow(state, _cell(drawing, state.x, 3.6, said, OUTPUT))
    look = (states[chosen].x, 2.4)
    for j, state in enumerate(read):
        width = 3.2 if j == looks_at else 0.8
        drawing.ax.plot(*zip(state.top, look, strict=True), color=ATTENTION, lw=width, zorder=1)
    note = f"attention: $c_{chosen + 1}=\\sum_j\\alpha_{{{chosen + 1}j}}h_j$"
    drawing.text((S - 1) / 2, 2.7, note, side="above", color=NOTE)
    drawing.text((S - 1) / 2, -0.35, "encoder reads", side="below")
    reads = "decoder reads what it has written"
    drawing.text((start + end) / 2, -0.35, reads, side="below")
    return drawing.figure


def _cell(drawing: Diagram, x: float, y: float, text: str, color: str) -> Shape:
    return drawing.box(x, y, text, width=0.78, height=0.58, color=tint(color))
