"""A typed word, what the model looks at, and what it weighs.

``pronunciation`` is the widget; ``draw_pronunciation`` and the other functions return the
matplotlib figure alone, which is what the tests look at.
"""

import re

import ipywidgets
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from dlnotes.checks import check_positive, check_shape
from dlnotes.figures import Drawing, explore
from dlnotes.figures.cnn.parts import readable
from dlnotes.plotting import BLUE, SEQUENTIAL, SKY, figure
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
    fig, axes = figure(1, len(examples), width=9.8, height=4.2, width_ratios=widths, squeeze=False)
    for ax, (word, written, weights) in zip(axes[0], examples, strict=True):
        alignment(ax, weights, list(word), written)
        readable(ax)
        ax.set_title(word, fontsize=16)
        ax.tick_params(axis="x", labelsize=15)
        ax.set(xlabel="letter", ylabel="phone" if ax is axes[0][0] else "")
    bar = fig.colorbar(axes[0][-1].images[0], ax=axes[0][-1], ticks=[0, 0.5, 1])
    bar.set_label("attention weight", fontsize=14)
    return fig
