"""Drawings of the whole machine, and of the learning rate that it is trained with."""

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from dlnotes.figures.cnn.parts import MARK, readable
from dlnotes.plotting import (
    AMBER,
    ATTENTION,
    DECODER,
    DENSE,
    ENCODER,
    FEATURES,
    GREY,
    INPUT,
    OUTPUT,
    Diagram,
    figure,
    tint,
)
from dlnotes.plotting.diagram import Shape


def architecture(*, layers: int = 3) -> Figure:
    """Draw encoder and decoder, part by part, from the bottom to the top."""
    drawing = Diagram((0, 13.4), (-0.4, 12.3), width=8.0, font=14)
    _frame(drawing, 2.9, 5.05, 5.3, 4.0, ENCODER)
    _frame(drawing, 9.6, 5.9, 5.3, 6.2, DECODER)
    wide, high = 4.15, 0.75

    def tower(x, parts):
        shapes = [
            drawing.box(x, y, text, width=wide, height=high, color=tint(colour, 0.4))
            for y, text, colour in parts
        ]
        for below, above in pairwise(shapes):
            drawing.arrow(below, above)
        return shapes

    norm = FEATURES
    left = tower(2.9, [
        (0.3, "letters", GREY), (1.7, "table · √d + places", INPUT),
        (3.7, "self-attention", ATTENTION), (4.6, "add, layer norm", norm),
        (5.5, "feed-forward", AMBER), (6.4, "add, layer norm", norm),
    ])  # fmt: skip
    right = tower(9.6, [
        (0.3, "phones so far", GREY), (1.7, "table · √d + places", INPUT),
        (3.6, "masked self-attention", ATTENTION), (4.5, "add, layer norm", norm),
        (5.5, "attention to letters", MARK), (6.4, "add, layer norm", norm),
        (7.3, "feed-forward", AMBER), (8.2, "add, layer norm", norm),
        (9.8, "table, transposed", DENSE), (10.9, "softmax", OUTPUT),
    ])  # fmt: skip
    for tower_, sublayers in ((left, (2, 4)), (right, (2, 4, 6))):
        for place in sublayers:
            _around(drawing, tower_[place], tower_[place + 1])
    drawing.arrow(right[-1], (9.6, 12.0))
    drawing.text(9.75, 11.75, "next phone", side="right")
    memory = left[-1]
    drawing.arrow(memory, (2.9, 8.0), (6.35, 8.0), (6.35, 5.5), right[4], color=MARK, width=2.6)
    drawing.text(4.6, 8.1, "keys, values", color=MARK, side="above")
    drawing.text(0.05, 7.5, f"{layers} ×", side="right")
    drawing.text(12.0, 9.35, f"{layers} ×", side="right")
    return drawing.figure


def _around(drawing: Diagram, sublayer: Shape, add: Shape) -> None:
    """Draw how the input of a sublayer goes around it, to be added."""
    x, below, side = sublayer.x, sublayer.y - 0.46, sublayer.x - 2.38
    drawing.arrow((x, below), (side, below), (side, add.y), add, color=GREY, width=1.8)


def _frame(drawing: Diagram, x: float, y: float, width: float, height: float, colour) -> None:
    corner = (x - width / 2, y - height / 2)
    look = dict(boxstyle="round,pad=0,rounding_size=0.3", facecolor=tint(colour, 0.18), lw=0)
    drawing.ax.add_patch(FancyBboxPatch(corner, width, height, zorder=0, **look))


def rates(steps: Sequence[int], values: Sequence[float], peak: int) -> Figure:
    """Draw the paper's learning rate over the steps, its peak marked.

    Args:
        steps: where it is drawn.
        values: the rate there.
        peak: the step of the largest one.
    """
    fig, ax = figure(width=7.4, height=3.0)
    ax.plot(steps, values, color=MARK, lw=3)
    ax.axvline(peak, color=GREY, ls=":", lw=1.4)
    ax.text(peak, max(values) * 0.08, f"  step {peak:,}", fontsize=13)
    ax.set(xlabel="step", ylabel="learning rate", ylim=(0, None), xlim=(0, max(steps)))
    readable(ax)
    return fig
