"""The way from a photograph to the loss, and back, with the numbers of the page."""

from itertools import pairwise

from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.figures.start.look import FORWARD, RIGHT, SLOPE, signed
from dlnotes.plotting import GREY, Diagram, tint


def column(numbers: Tensor, form: str) -> str:
    """Return numbers one below the other."""
    return signed("\n".join(format(number, form) for number in numbers.tolist()))


def rows(table: Tensor, form: str) -> str:
    """Return the rows of a table one below the other."""
    lines = ("  ".join(format(number, form) for number in row) for row in table.tolist())
    return signed("\n".join(lines))


def whole(pixels: Tensor, weights: Tensor, scores: Tensor, p: Tensor, truth: Tensor) -> Figure:
    """Draw photograph, weights, scores, softmax and loss in a row, and how the slopes come back.

    Args:
        pixels: of the photograph, (2,).
        weights: (3, 2), one row for each answer.
        scores: weights times pixels, (3,).
        p: their softmax, (3,).
        truth: 1 for the right answer, (3,).
    """
    drawing = Diagram((-0.9, 10.5), (-3.45, 2.95), width=10.4, font=14)
    loss = -(p * truth).sum().log().item()
    size = dict(height=1.2)
    blue, grey = tint(FORWARD, 0.2), tint(GREY, 0.2)
    photo = drawing.box(0, 0, column(pixels, ".1f"), width=1.1, color=blue, **size)
    matrix = drawing.box(2.3, 0, rows(weights, "+.1f"), width=1.8, color=blue, **size)
    answer = drawing.box(5.1, 0, column(scores, ".0f"), width=1.1, color=blue, **size)
    shares = drawing.box(7.3, 0, column(p, ".3f"), width=1.4, color=grey, **size)
    end = drawing.box(9.6, 0, f"{loss:.2f}", width=1.2, color="white", **size)
    known = drawing.box(9.6, 1.95, column(truth, ".0f"), width=1.2, color=tint(RIGHT, 0.3), **size)
    parts = photo, matrix, answer, shares, end
    names = "photograph", "weights", "scores", "probabilities"
    for part, name in zip(parts, names, strict=False):
        drawing.text(part.x, part.top[1], name, side="above", fontweight="bold")
    drawing.text(end.x + 0.17, end.top[1], "loss", side="above", fontweight="bold", ha="left")
    drawing.text(known.x - 0.6, known.y, "truth", side="left", fontweight="bold")
    for first, second in pairwise(parts):
        drawing.arrow(first, second)
    drawing.arrow(known, end)

    white = dict(ink=SLOPE, color="white", height=1.2)
    back = drawing.box(5.1, -2.2, column(p - truth, "+.3f"), width=1.5, **white)
    by_weight = (p - truth).outer(pixels)
    steps = drawing.box(2.3, -2.2, rows(by_weight, "+.3f"), width=2.2, **white)
    drawing.arrow(end, (end.x, back.y), back, color=SLOPE, label="p − truth")
    drawing.arrow(back, steps, color=SLOPE, label="× pixel")
    drawing.arrow(steps, matrix, color=SLOPE, label="− step size ×", side="left")
    for box, name in ((back, "slopes of the scores"), (steps, "slopes of the weights")):
        drawing.text(box.x, box.bottom[1], name, color=SLOPE, side="below", fontweight="bold")
    return drawing.figure
