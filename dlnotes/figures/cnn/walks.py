"""A figure of chapter 2 to play with: the walk downhill.

``descent`` shows controls; ``draw_descent`` returns the matplotlib figure alone, and changes the
figure of an earlier call instead of making a new one.
"""

import math

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_at_least, check_between, check_choice, check_positive
from dlnotes.figures import explore
from dlnotes.figures.cnn.learning import contours, losses
from dlnotes.figures.cnn.parts import INK, fixed_sheet, readable, wipe
from dlnotes.plotting import COLORS

CAPTION = (
    "Left, the loss over the two weights, as a valley seen from above. Each dot is one step, and "
    "the star is the goal. Right, the loss after each step, on a logarithmic axis. Where this "
    "line is straight, every step takes away the same share of the loss."
)

LOWEST = torch.tensor([-1.0, 1.0])  # the kernel that finds the edges of section 8's strip


def walk(start: tuple[float, float], *, rate: float, steps: int, curvature: float) -> Tensor:
    """Return the points of gradient descent in the valley, (steps + 1, 2), float64.

    Args:
        start: first point.
        rate: learning rate.
        steps: how many.
        curvature: along the steep direction (1, 1); along the flat one, (1, −1), it is 1.
    """
    check_positive(curvature=curvature)
    check_at_least(0, steps=steps)
    check_between(0, math.inf, rate=rate)
    hessian, lowest = valley_hessian(curvature), LOWEST.double()
    points = [torch.tensor(start).double()]
    for _ in range(steps):
        points.append(points[-1] - rate * hessian @ (points[-1] - lowest))
    return torch.stack(points)


def valley_hessian(curvature: float) -> Tensor:
    """Return H with the given curvature along (1, 1) and curvature 1 along (1, −1), (2, 2)."""
    both, one = (curvature + 1) / 2, (curvature - 1) / 2
    return torch.tensor([[both, one], [one, both]]).double()


def draw_descent(
    *, start: str, rate: float, steps: int, curvature: int, fig: Figure | None = None
) -> Figure:
    """Draw a walk in the valley from above, and beside it the loss step by step.

    Args:
        start: "(1, 1)", "(0, 0)" or "(0, 2)".
        rate: learning rate.
        steps: how many.
        curvature: along the steep direction.
        fig: an earlier result, to be changed; None makes a new one.
    """
    check_choice(STARTS, start=start)
    points = walk(STARTS[start], rate=rate, steps=steps, curvature=curvature)
    loss = losses(points, valley_hessian(curvature), LOWEST)
    fig = fig or fixed_sheet((0.08, 0.14, 0.4, 0.74), (0.6, 0.14, 0.37, 0.74), size=(8.4, 4.2))
    left, right = fig.axes
    wipe(left, right)
    readable(left, right)
    contours(left, valley_hessian(curvature), LOWEST)
    left.plot(*LOWEST.tolist(), "*", color=INK, ms=13, zorder=5)
    left.plot(*points.T.tolist(), "o-", color=COLORS[2], lw=2, ms=5)
    left.set_title(f"rate {rate:g}, from {start}", fontsize=13)
    right.plot(loss.clamp(1e-6, 1e6).tolist(), "o-", color=COLORS[2], ms=5)
    right.set(xlabel="step", yscale="log", ylim=(1e-6, 1e3), xlim=(0, max(steps, 1)))
    right.set_title(f"loss after {steps} steps: {loss[-1].item():.3g}", fontsize=13)
    return fig


STARTS = {"(1, 1)": (1.0, 1.0), "(0, 0)": (0.0, 0.0), "(0, 2)": (0.0, 2.0)}


def _say_descent(*, start: str, rate: float, steps: int, curvature: int) -> str:
    loss = losses(walk(STARTS[start], rate=rate, steps=steps, curvature=curvature),
                  valley_hessian(curvature), LOWEST)  # fmt: skip
    return (
        f"A walk of {steps} steps from {start} with rate {rate:g} in a valley of curvatures 1 and "
        f"{curvature}, seen from above; the loss goes from {loss[0]:.3g} to {loss[-1]:.3g}."
    )


def descent() -> dict:
    """Show the figure to play with: walk downhill with a start, a rate and a number of steps.

    Returns:
        The controls by name.
    """
    sheet = []

    def draw(**values) -> Figure:
        sheet[:] = [draw_descent(**values, fig=sheet[0] if sheet else None)]
        return sheet[0]

    return explore(
        draw,
        alt=_say_descent,
        caption=CAPTION,
        start=list(STARTS),
        rate=(0.05, 1.5, 0.05, 0.3),
        steps=(0, 30, 1, 8),
        curvature=(1, 25, 1, 3),
    )
