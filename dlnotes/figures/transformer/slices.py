"""Drawings of tables that are cut: columns for heads, slices of the norms, masks, and paths."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from dlnotes.checks import check_between, check_positive, check_shape
from dlnotes.figures.cnn.parts import DULL, FAINT, INK, MARK, arrow, canvas, cell, cells, frame, say
from dlnotes.plotting import AMBER, BLUE, ORANGE, PURPLE, SKY, tint

HEADS = (BLUE, ORANGE, MARK, PURPLE)


def cut_heads(X: Tensor, WQ: Tensor, letters: str, *, heads: int = 2) -> Figure:
    """Draw X times W^Q in numbers, and how the columns of the product are dealt out to the heads.

    Args:
        X: features of the letters, (n, d).
        WQ: (d, d).
        letters: of the word.
        heads: how many; they divide d.
    """
    check_shape("X", X, len(letters), "d")
    n, d = X.shape
    check_shape("WQ", WQ, d, d)
    size, high = d // heads, max(n, d)
    fig, ax = canvas(3 * d + 6.2, high + 2.7, width=8.6)
    for x, table, name in ((1.2, X, "X"), (d + 2.7, WQ, "$W^Q$"), (2 * d + 4.4, X @ WQ, "$XW^Q$")):
        top = 1.3 + (high - len(table)) / 2
        cells(ax, table, x, top, limit=2 * table.abs().max().item(), size=14)
        say(ax, x + d / 2, 0.6, name, size=16, fontweight="bold")
    for x, sign in ((d + 1.9, "·"), (2 * d + 3.5, "=")):
        say(ax, x, 1.3 + high / 2, sign, size=22)
    top = 1.3 + (high - n) / 2
    for i, letter in enumerate(letters):
        say(ax, 0.7, top + i + 0.5, letter, size=16)
        say(ax, 3 * d + 4.8, top + i + 0.5, letter, size=16)
    for head in range(heads):
        colour = HEADS[head % len(HEADS)]
        frame(ax, d + 2.7 + head * size, 1.3 + (high - d) / 2, size, d, colour)
        left = 2 * d + 4.4 + head * size
        frame(ax, left, top, size, n, colour)
        text = f"head {head + 1}"
        say(ax, left + size / 2, 1.3 + high + 0.6, text, size=14, color=colour)
    return fig


def norm_slices(*, words: int = 3, features: int = 4) -> Figure:
    """Draw which numbers share a mean and a deviation: batch norm beside layer norm.

    Args:
        words: rows of the table, one for each image or letter of the batch.
        features: columns.
    """
    check_positive(words=words, features=features)
    fig, ax = canvas(2 * features + 8.6, words + 3.9, width=8.2)
    for left, name, columns in (
        (2.8, "batch norm", True),
        (features + 6.8, "layer norm", False),
    ):
        say(ax, left + features / 2, 0.5, name, size=17, fontweight="bold")
        say(ax, left + features / 2, 1.2, "features", size=14)
        for row in range(words):
            say(ax, left - 0.2, 2.1 + row, f"row {row + 1}", size=14, ha="right")
            for column in range(features):
                colour = HEADS[(column if columns else row) % len(HEADS)]
                cell(ax, left + column, 1.6 + row, 1.0, tint(colour, 0.35), line="white")
        first = (1, words) if columns else (features, 1)
        frame(ax, left, 1.6, *first, INK)
        text = (
            "one mean for each feature,\nover the batch"
            if columns
            else ("one mean for each row,\nover its features")
        )
        say(ax, left + features / 2, words + 2.75, text, size=14)
    return fig


def both_masks(places: int, length: int) -> Figure:
    """Draw the causal mask, the padding mask, and what both together leave.

    Args:
        places: rows and columns.
        length: how many are not padding.
    """
    check_positive(places=places)
    check_between(1, places, length=length)
    n = places
    causal = torch.ones(n, n).tril() > 0
    real = (torch.arange(n) < length).expand(n, n)
    fig, ax = canvas(3 * n + 6.4, n + 3.4, width=8.8)
    for k, (name, seen) in enumerate(
        (("causal", causal), ("padding", real), ("both", causal & real))
    ):
        left = 1.2 + k * (n + 2.2)
        say(ax, left + n / 2, 0.5, name, size=17, fontweight="bold")
        for i in range(n):
            for j in range(n):
                colour = tint(BLUE, 0.6) if seen[i, j] else DULL
                cell(ax, left + j, 1.2 + i, 1.0, colour, line="white")
        count = int(seen.sum())
        say(ax, left + n / 2, n + 1.9, f"{count} of {n * n} may be seen", size=14, color=BLUE)
        if k < 2:
            say(ax, left + n + 1.1, 1.2 + n / 2, "and" if k == 0 else "=", size=17)
    say(ax, 0.6, 1.2 + n / 2, "asks", size=14, rotation=90)
    return fig


def path_lengths(word: Sequence[str]) -> Figure:
    """Draw the way from the first to the last token through three kinds of layers.

    A convolution of width 3 reaches one token further in each layer, a recurrent network passes on
    a state from token to token, and attention reaches all tokens in one layer.
    """
    n = len(word)
    check_between(3, 7, tokens=n)
    fig, ax = canvas(3 * n + 8.2, n + 3.6, width=9.0)
    for k, (name, text) in enumerate((
        ("convolution", f"{n - 1} layers"), ("recurrent network", f"{n - 1} steps"),
        ("attention", "1 layer"),
    )):  # fmt: skip
        left, bottom = 1.2 + k * (n + 2.6), n + 1.2
        say(ax, left + n / 2, 0.5, name, size=15, fontweight="bold")
        say(ax, left + n / 2, n + 2.9, text, size=15, color=MARK)
        layers = (n, 2, 2)[k]
        for layer in range(layers):
            for j in range(n):
                colour = tint(SKY if layer == 0 else AMBER, 0.35)
                ax.add_patch(
                    Rectangle((left + j + 0.15, bottom - layer), 0.7, 0.6, fc=colour, ec=FAINT)
                )
                if layer == 0:
                    say(ax, left + j + 0.5, bottom + 0.3, word[j], size=14)
        for start, end in _way(n, k):
            a, b = (
                (left + j + 0.5, bottom - layer + (0.3 if k == 1 and layer == 1 else edge))
                for (j, layer), edge in ((start, 0.0), (end, 0.6))
            )
            arrow(ax, a, b, colour=MARK, width=2.6)
    return fig


def _way(n: int, kind: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the steps from the first token to the last, each from (token, layer) to the next."""
    if kind == 0:
        return [((j, j), (j + 1, j + 1)) for j in range(n - 1)]
    if kind == 1:
        return [((0, 0), (0, 1)), *(((j, 1), (j + 1, 1)) for j in range(n - 1))]
    return [((0, 0), (n - 1, 1))]
