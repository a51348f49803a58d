"""The two roads as boxes and arrows, and what one patient tells one weight."""

import math
from itertools import pairwise

from matplotlib.figure import Figure

from dlnotes.plotting import GREEN, NOTE, ORANGE, tint
from dlnotes.plotting.diagram import Diagram

WORLD, ANSWER = GREEN, "#6F4E9C"  # the colours of the two roads, all through the chapter


def two_roads() -> Figure:
    """Draw the way from the data to p(y | x), once over the densities and once directly."""
    drawing = Diagram((0, 12.4), (0, 4.4), width=10.4)
    data = drawing.box(1.15, 2.2, "patients\n(x, y)", width=1.9, height=1.2)
    upper, lower = tint(WORLD, 0.3), tint(ANSWER, 0.3)
    learn = drawing.box(4.3, 3.5, "count, average", width=2.5, height=0.9, color=upper)
    joint = drawing.box(7.6, 3.5, "p(y) and p(x | y)", width=2.6, height=0.9, color=upper)
    search = drawing.box(4.3, 0.9, "go downhill", width=2.5, height=0.9, color=lower)
    weights = drawing.box(7.6, 0.9, "w and b", width=2.6, height=0.9, color=lower)
    answer = drawing.box(11.1, 2.2, "p(y | x)", width=2.0, height=1.2, color=tint(ORANGE, 0.12))
    drawing.arrow(data, learn, color=WORLD)
    drawing.arrow(learn, joint, color=WORLD)
    drawing.arrow(joint, answer, color=WORLD)
    drawing.text(10.3, 3.2, "Bayes' rule", color=WORLD, side="right")
    drawing.arrow(data, search, color=ANSWER)
    drawing.arrow(search, weights, color=ANSWER)
    drawing.arrow(weights, answer, color=ANSWER)
    drawing.text(10.3, 1.2, "σ(wx + b)", color=ANSWER, side="right")
    drawing.text(5.95, 4.0, "generative: learn the world", color=WORLD, side="above")
    drawing.text(5.95, 0.4, "discriminative: learn the answer", color=ANSWER, side="below")
    return drawing.figure


def one_gradient(*, x: float, y: int, w: float) -> Figure:
    """Draw how one patient's numbers run forward to the loss, and how the slope comes back.

    Args:
        x: the centred value.
        y: 1 for ill, 0 for well.
        w: the weight; the bias is 0.
    """
    a = w * x
    p = 1 / (1 + math.exp(-a))
    loss = -math.log(p if y else 1 - p)
    drawing = Diagram((0, 12.6), (0.0, 4.0), width=10.4)
    names = (f"w = {w:g}\nx = {x:g}", f"a = wx\n{a:.2f}", f"p = σ(a)\n{p:.4f}")
    boxes = [
        drawing.box(1.2 + 3.3 * k, 2.1, name, width=1.9, height=1.25)
        for k, name in enumerate(names)
    ]
    last = f"−log {'p' if y else '(1 − p)'}\n{loss:.3f}"
    boxes.append(drawing.box(11.2, 2.1, last, width=2.2, height=1.25, color=tint(ORANGE)))
    for first, second in pairwise(boxes):
        drawing.arrow((first.right[0], 2.4), (second.left[0], 2.4), color=NOTE)
    along = (-1 / p if y else 1 / (1 - p), p * (1 - p), x)
    words = ("slope of the loss", "σ′ = p (1 − p)", "slope of wx")
    for place, (slope, word) in enumerate(zip(along, words, strict=True)):
        right, left = boxes[3 - place], boxes[2 - place]
        drawing.arrow((right.left[0], 1.8), (left.right[0], 1.8), color=ANSWER)
        middle = (right.left[0] + left.right[0]) / 2
        drawing.text(middle, 1.35, f"× {slope:.3f}".replace("-", "−"), color=ANSWER, side="below")
        drawing.text(middle, 0.8, word, color=NOTE, side="below")
    product = (p - y) * x
    drawing.text(1.2, 3.0, f"∂L/∂w = {product:.3f}".replace("-", "−"), color=ANSWER, side="above")
    left, right = boxes[1].right[0], boxes[3].left[0]  # one bracket over the last two arrows
    bracket = [left, left, right, right], [2.85, 3.0, 3.0, 2.85]
    drawing.ax.plot(*bracket, color=ANSWER, linewidth=1.8)
    together = f"together p − y = {p - y:.4f}".replace("-", "−")
    drawing.text((left + right) / 2, 3.1, together, color=ANSWER, side="above")
    return drawing.figure
