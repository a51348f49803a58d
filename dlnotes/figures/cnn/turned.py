"""A drawing of part B: the kernel that slides backwards is the same one, turned."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_between
from dlnotes.figures.cnn.parts import (
    DULL,
    FAINT,
    INK,
    arrow,
    canvas,
    cell,
    cells,
    frame,
    number,
    say,
    shade,
)

PITCH = 1.35  # from one place of the kernel to the next


def turned_kernel(
    x: Sequence[float], w: Sequence[float], delta: Sequence[float], *, pixel: int = 2
) -> Figure:
    """Draw a kernel at all its places, forwards over the pixels and backwards over the gradient.

    Forwards, a row for each output; backwards, a row for each pixel. One pixel is framed, in both.
    The weights that it met, from above to below, are its row on the right side.

    Args:
        x: pixels, (N,).
        w: weights, (K,).
        delta: gradient of the loss at the outputs, (N − K + 1,).
        pixel: number of the framed one, from 0.
    """
    x, w, delta = (torch.tensor(values).double() for values in (x, w, delta))
    size, count = len(w), len(x) - len(w) + 1
    if len(delta) != count:
        raise ValueError(f"delta must have {count} numbers, got {len(delta)}")
    check_between(0, len(x) - 1, pixel=pixel)

    padded = F.pad(delta, (size - 1, size - 1))
    answers, back = x.unfold(0, size, 1) @ w, padded.unfold(0, size, 1) @ w.flip(0)
    right = len(x) + 4.4
    fig, ax = canvas(right + len(padded) + 2.9, 2.9 + PITCH * len(x), width=9.8)
    _places(ax, 0.4, x, w, answers, ("forwards", "pixels x", "y"))
    zeros = range(size - 1), range(len(padded) - size + 1, len(padded))
    _places(ax, right, padded, w.flip(0), back, ("backwards", "δ between zeros", "∂L/∂x"))
    for k in (*zeros[0], *zeros[1]):
        cell(ax, right + k, 1.7, 1, DULL, line=INK)
    frame(ax, 0.4 + pixel, 1.7, 1, 2.3 + PITCH * (count - 1))
    frame(ax, right + pixel, 3.0 + PITCH * pixel, size, 1)
    frame(ax, right + len(padded) + 1.35, 3.0 + PITCH * pixel, 1, 1)
    return fig


def _places(ax, left: float, strip: Tensor, kernel: Tensor, answers: Tensor, names) -> None:
    """Draw a strip, below it the kernel at each place, and beside that each answer."""
    title, under, answer = names
    size, wide = len(kernel), len(strip)
    say(ax, left + wide / 2, 0.5, title, size=16, fontweight="bold")
    say(ax, left + wide / 2, 1.3, under, size=15)
    cells(ax, strip, left, 1.7, limit=4, size=15)
    x = left + wide + 1.35
    say(ax, x + 0.5, 2.4, answer, size=15)
    for place, value in enumerate(answers.tolist()):
        y = 3.0 + PITCH * place
        cells(ax, kernel, left + place, y, limit=4, size=15)
        arrow(ax, (left + place + size + 0.15, y + 0.5), (x - 0.15, y + 0.5), colour=FAINT)
        cell(ax, x, y, 1, shade(value, 8), line=INK)
        say(ax, x + 0.5, y + 0.5, number(value), size=15)
