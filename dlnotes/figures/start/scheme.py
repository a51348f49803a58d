"""The way from a photograph to the loss, and back, with the numbers of the page."""

from itertools import pairwise

from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.plotting import BLUE, GREY, INPUT, ORANGE, OUTPUT, Diagram, tint


def column(numbers: Tensor, form: str) -> str:
    """Return numbers one below the other."""
    return "\n".join(format(number, form) for number in numbers.tolist()).replace("-", "−")


def whole(pixels: Tensor, weights: Tensor, scores: Tensor, p: Tensor, truth: Tensor) -> Figure:
    """Draw photograph, weights, scores, softmax and loss in a row, and how the slopes come back.

    Args:
        pixels: of the photograph, (2,).
        weights: (3, 2), one row for each answer.
        scores: weights times pixels, (3,).
        p: their softmax, (3,).
        truth: 1 for the right answer, (3,).
    """
    drawing = Diagram((-0.95, 9.75), (-2.15, 1.55), width=10.2, font=14)
    rows = "\n".join("  ".join(f"{w:+.1f}" for w in row) for row in weights.tolist())
    rows = rows.replace("-", "−")
    loss = -(p * truth).sum().log().item()
    size = dict(height=1.3)
    photo = drawing.box(0, 0, column(pixels, ".1f"), width=1.2, color=tint(INPUT, 0.3), **size)
    matrix = drawing.box(2.1, 0, rows, width=1.7, color=tint(BLUE, 0.25), **size)
    answer = drawing.box(4.3, 0, column(scores, ".0f"), width=1.2, color=tint(GREY, 0.25), **size)
    shares = drawing.box(6.5, 0, column(p, ".3f"), width=1.4, color=tint(OUTPUT, 0.3), **size)
    end = drawing.box(8.8, 0, f"{loss:.2f}", width=1.2, color=tint(ORANGE, 0.25), **size)
    parts = photo, matrix, answer, shares, end
    names = "photograph", "weights", "scores", "probabilities", "loss"
    for part, name in zip(parts, names, strict=True):
        drawing.text(part.x, part.top[1] + 0.05, name, side="above", fontweight="bold")
    for first, second in pairwise(parts):
        drawing.arrow(first, second)
    slopes = column(p - truth, "+.3f")
    back = drawing.box(4.3, -1.45, slopes, width=1.4, ink=ORANGE, color="white", **size)
    drawing.arrow(end, (end.x, back.y), back, color=ORANGE, label="p − truth", side="below")
    drawing.arrow(back, (matrix.x, back.y), matrix, color=ORANGE, label="× pixel", side="below")
    return drawing.figure
