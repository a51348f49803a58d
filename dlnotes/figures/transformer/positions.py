"""Drawings of places: clocks under letters, the code of many places, four words read aloud."""

import math

from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from dlnotes.figures.cnn.parts import INK, MARK, arrow, canvas, cell, readable, say
from dlnotes.plotting import BLUE, DIVERGING, ORANGE, SKY, figure, tint


def clocks(
    word: str,
    frequencies: tuple[float, ...],
    *,
    turn: tuple[int, int] | None = None,
    strides: tuple[int, ...] | None = None,
) -> Figure:
    """Draw a clock under each letter for each frequency; its hand has the angle place · frequency.

    Args:
        word: whose letters stand above.
        frequencies: ω of each row.
        turn: (place, shift), to mark how far the first clock turns on.
        strides: how many places lie between two clocks of a row; None = 1 everywhere. A row with
            another stride is labelled with its places.
    """
    n = len(word)
    strides = strides or (1,) * len(frequencies)
    high = 2.8 if set(strides) == {1} else 3.2
    fig, ax = canvas(2.6 * n + 2.4, high * len(frequencies) + 2.2, width=7.6)
    for i, letter in enumerate(word):
        x = 3.6 + 2.6 * i
        cell(ax, x - 0.6, 0.3, 1.2, tint(SKY, 0.3), line=INK)
        say(ax, x, 0.9, letter, size=19)
        for row, omega in enumerate(frequencies):
            y = 3.3 + high * row
            ax.add_patch(Circle((x, y), 1.0, facecolor="white", edgecolor=INK, lw=1.4))
            angle = i * omega * strides[row]
            tip = (x + 0.85 * math.sin(angle), y - 0.85 * math.cos(angle))
            marked = turn is not None and row == 0 and i in (turn[0], turn[0] + turn[1])
            arrow(ax, (x, y), tip, colour=MARK if marked else INK, width=3)
            text = f"{math.sin(angle):.2f}, {math.cos(angle):.2f}".replace("-", "−")
            say(ax, x, y + 1.3, text, size=13)
            if strides[row] != 1:
                say(ax, x, y - 1.25, f"place {i * strides[row]}", size=13, color=MARK)
    for row, omega in enumerate(frequencies):
        say(ax, 1.2, 3.3 + high * row, f"speed\n{omega:g}", size=15)
    if turn is not None:
        a, b = (3.6 + 2.6 * k for k in (turn[0], turn[0] + turn[1]))
        arrow(ax, (a, 2.25), (b, 2.25), colour=MARK, width=2.4, bend=-0.25)
    return fig


def code_map(code: Tensor) -> Figure:
    """Draw the codes of many places, and the products of each two of them.

    Args:
        code: (places, d).
    """
    fig, axes = figure(1, 2, width=8.8, height=3.7, width_ratios=(1.15, 1))
    products = code @ code.T
    axes[0].imshow(code, cmap=DIVERGING, vmin=-1.3, vmax=1.3, aspect="auto")
    axes[0].set(xlabel="coordinate", ylabel="place", title="one row for each place")
    most = products.max().item()
    axes[1].imshow(products, cmap=DIVERGING, vmin=-most, vmax=most)
    axes[1].set(xlabel="place", ylabel="place", title="products of two codes")
    for ax in axes:
        ax.grid(False)
        readable(ax)
    return fig


def four_words(answers: dict[str, dict[str, float]], truth: dict[str, bool]) -> Figure:
    """Draw what the vowel of each word answers, for several heads.

    Args:
        answers: name of the head -> word -> answer, 0 to 1.
        truth: word -> whether its a is made long by the e.
    """
    fig, axes = figure(1, len(answers), width=8.8, height=3.3, sharey=True, squeeze=False)
    for ax, (name, by_word) in zip(axes[0], answers.items(), strict=True):
        for place, (word, answer) in enumerate(by_word.items()):
            right = (answer > 0.5) == truth[word]
            colour = BLUE if right else ORANGE
            ax.bar(place, max(answer, 0.012), color=colour, width=0.7)
            text = f"{answer:.2f}" + ("" if right else "\nwrong")
            ax.text(place, answer + 0.03, text, ha="center", fontsize=13, color=colour)
        ax.axhline(0.5, color=INK, lw=1, ls=":")
        ax.set(title=name, ylim=(0, 1.25), xticks=range(len(by_word)), xticklabels=list(by_word))
        ax.grid(axis="x", visible=False)
        readable(ax)
    axes[0][0].set_ylabel("answer of the a")
    return fig
