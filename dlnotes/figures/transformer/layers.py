"""Drawings of part B: heads side by side, the layer, and what a residual connection saves."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from dlnotes.figures.cnn.parts import MARK, readable
from dlnotes.plotting import (
    AMBER,
    ATTENTION,
    BLUE,
    FEATURES,
    GREY,
    INPUT,
    MEMORY,
    OUTPUT,
    PURPLE,
    Diagram,
    figure,
    tint,
)


def lanes(*, heads: int = 2, dim: int = 4) -> Figure:
    """Draw how a token's features go through several heads and come together again."""
    size = dim // heads
    high = 1.5 * heads
    drawing = Diagram((-0.4, 13.6), (0, high + 0.9), width=8.8, font=15)
    middle = high / 2 + 0.2
    x = drawing.box(0.8, middle, f"X\n{dim} features", width=2.2, height=1.1, color=tint(INPUT))
    join = drawing.box(
        9.6,
        middle,
        f"side\nby side\n{dim}",
        width=1.5,
        height=min(high, 2.2),
        color=tint(GREY, 0.3),
    )
    out = drawing.box(
        12.3, middle, f"$W^O$\n{dim} × {dim}", width=1.8, height=1.1, color=tint(OUTPUT)
    )
    for head in range(heads):
        y = high - 1.5 * head - 0.55
        project = drawing.box(
            4.0,
            y,
            f"$W_{head + 1}^Q, W_{head + 1}^K, W_{head + 1}^V$\n{dim} × {size} each",
            width=3.0,
            height=1.1,
            color=tint(MEMORY),
        )
        look = drawing.box(
            7.2,
            y,
            f"head {head + 1}\n{size} features",
            width=2.0,
            height=1.1,
            color=tint(ATTENTION),
        )
        drawing.arrow(x, project)
        drawing.arrow(project, look)
        drawing.arrow(look, join)
    drawing.arrow(join, out)
    return drawing.figure


def encoder_layer(*, tokens: int = 4, dim: int = 4, hidden: int = 8) -> Figure:
    """Draw an encoder layer from left to right, with the shapes between its parts."""
    drawing = Diagram((0, 16.2), (-0.1, 4.1), width=9.2, font=15)
    y = 1.5
    look = drawing.box(
        3.3, y, "attention\nletters mix", width=2.5, height=1.3, color=tint(ATTENTION)
    )
    plus = drawing.node(5.6, y, "+")
    norm = drawing.box(7.0, y, "layer\nnorm", width=1.3, height=1.3, color=tint(FEATURES))
    think = drawing.box(
        10.3, y, "feed-forward\neach letter alone", width=3.7, height=1.3, color=tint(AMBER)
    )
    plus2 = drawing.node(13.0, y, "+")
    norm2 = drawing.box(14.4, y, "layer\nnorm", width=1.3, height=1.3, color=tint(FEATURES))
    drawing.arrow((0.4, y), look)
    for a, b in ((look, plus), (plus, norm), (norm, think), (think, plus2), (plus2, norm2)):
        drawing.arrow(a, b)
    drawing.arrow(norm2, (15.9, y))
    for start, end in ((1.3, plus), (8.2, plus2)):
        drawing.arrow((start, y), (start, 3.1), (end.x, 3.1), end, color=MARK)
    drawing.text(3.5, 3.1, "the input goes around", color=MARK, side="above")
    drawing.text(10.6, 3.1, "and again", color=MARK, side="above")
    drawing.text(0.9, 0.4, f"{tokens} × {dim}")
    drawing.text(10.3, 0.4, f"{dim} → {hidden} → {dim}")
    drawing.text(15.4, 0.4, f"{tokens} × {dim}")
    return drawing.figure


def collapse(layers: Sequence[int], runs: dict[str, Sequence[Sequence[float]]]) -> Figure:
    """Draw the numbers of four letters over the layers, one panel for each kind of layer.

    Args:
        layers: how many have been passed.
        runs: title -> for each letter its number after these.
    """
    fig, axes = figure(1, len(runs), width=8.8, height=3.3, squeeze=False)
    colours = (PURPLE, GREY, MARK, BLUE)
    for ax, (title, letters) in zip(axes[0], runs.items(), strict=True):
        for numbers, colour in zip(letters, colours, strict=False):
            ax.plot(layers, numbers, color=colour, lw=2.6, marker="o", ms=5)
        ax.set(title=title, xlabel="layers passed")
        readable(ax)
    axes[0][0].set_ylabel("number of the letter")
    return fig
