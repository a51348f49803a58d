"""What answers of chapter 3 are tried on, and what the usual mistakes would give."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor


def numbers(*shapes: tuple[int, ...]) -> list[Tensor]:
    """Return the same random tensors for everybody, float64."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


def run(x: Tensor, U: Tensor, V: Tensor, b: Tensor) -> Tensor:
    """Return the states (T, H) of a tanh network that begins with zeros."""
    found, h = [], torch.zeros_like(b)
    for x_t in x:
        h = torch.tanh(U @ x_t + V @ h + b)
        found.append(h)
    return torch.stack(found)


Reader = Callable[[Tensor], Tensor]


def two_readers() -> tuple[Reader, Reader]:
    """Return two networks with different weights, functions from (T, 3) to (T, 4)."""
    *one, U, V, b = numbers((4, 3), (4, 4), (4,), (4, 3), (4, 4), (4,))
    return lambda x: run(x, *one), lambda x: run(x, U, V, b)


def wrong_both_ways(x: Tensor, left: Reader, right: Reader) -> dict[str, Tensor]:
    """Return what mistakes give, by what there is to say about them."""
    onward, turned = left(x), right(x.flip(0))
    return {
        "direction: right reads from the end": torch.cat([onward, right(x)], 1),
        "place: the states of right stand in reverse order": torch.cat([onward, turned], 1),
        "direction: only the states are turned, right must get the turned inputs": torch.cat(
            [onward, right(x).flip(0)], 1
        ),
        "order: left stands first, right beside it": torch.cat([turned.flip(0), onward], 1),
        "weights: right is a network of its own": torch.cat([onward, left(x.flip(0)).flip(0)], 1),
        "axis: side by side, (T, 2H), not one below the other": torch.cat([onward, turned.flip(0)]),
        "sum: both are wanted beside each other, not added": onward + turned.flip(0),
    }


def a_leaky_sequence(alpha: float) -> tuple[tuple, Tensor, dict[str, Tensor]]:
    """Return what the function is called with, ∂L/∂V by autograd, and what mistakes give."""
    x, V, h, errors = numbers((5, 4), (4, 4), (4,), (5, 4))
    leaf = V.clone().requires_grad_()
    states, squashed = [h], []
    for x_t in x:
        squashed.append(torch.tanh(x_t + leaf @ states[-1]))
        states.append((1 - alpha) * states[-1] + alpha * squashed[-1])
    hs, s = torch.stack(states), torch.stack(squashed)
    (right,) = torch.autograd.grad((errors * hs[1:]).sum(), leaf)
    given = V, hs.detach(), s.detach(), errors, alpha
    wrong = partial(_leaky_gradient, *given)
    zero, ones = torch.zeros_like(V), torch.ones_like(s.detach())
    mistakes = {
        "straight: hₜ₋₁ also acts on hₜ directly, with 1 − alpha": wrong(straight=0.0),
        "straight: on the direct way the factor is 1 − alpha, not 1": wrong(straight=1.0),
        "straight: on the direct way the factor is 1 − alpha, not alpha": wrong(straight=alpha),
        "share: the way through tanh has the factor alpha": wrong(share=1.0),
        "slope: the factor 1 − sₜ² is missing": wrong(slope=ones),
        "slope: tanh gave sₜ, so its slope is 1 − sₜ², not 1 − hₜ²": wrong(
            slope=1 - hs.detach()[1:] ** 2
        ),
        "state: V acted on hₜ₋₁, the state before": wrong(before=False),
        "transposed: the error goes back through Vᵀ, not V": wrong(matrix=V),
        "time: the way through V carries error back, too": wrong(matrix=zero),
        "transposed: row i of ∂L/∂V belongs to δ, column j to h": right.T,
        "sum: that is the share of the first step only, add all": wrong(last=True),
    }
    return given, right, mistakes


def _leaky_gradient(
    V: Tensor,
    hs: Tensor,
    s: Tensor,
    errors: Tensor,
    alpha: float,
    *,
    straight: float | None = None,
    share: float | None = None,
    slope: Tensor | None = None,
    before: bool = True,
    matrix: Tensor | None = None,
    last: bool = False,
) -> Tensor:
    """Return ∂L/∂V of a leaky network, with what an option puts in place of the right thing."""
    straight = 1 - alpha if straight is None else straight
    share = alpha if share is None else share
    slope = 1 - s**2 if slope is None else slope
    matrix = V.T if matrix is None else matrix
    total, from_next = torch.zeros_like(V), torch.zeros_like(hs[0])
    for t in range(len(errors), 0, -1):
        blame = errors[t - 1] + from_next
        delta = share * slope[t - 1] * blame
        outer = torch.outer(delta, hs[t - 1 if before else t])
        total = outer if last else total + outer
        from_next = straight * blame + matrix @ delta
    return total


def wrong_clips() -> dict[str, Tensor]:
    """Return what mistakes give for (30, 40) and (0, 120) with the limit 13."""
    mistakes = {
        "joint: one norm for all tensors, not one for each": [7.8, 10.4, 0.0, 13.0],
        "direction: scale, do not cut off single numbers": [13.0, 13.0, 0.0, 13.0],
        "square: the norm is the root of the sum of squares": [0.0231, 0.0308, 0.0, 0.0923],
        "sum: squares are added, not sizes": [2.0526, 2.7368, 0.0, 8.2105],
        "unit: divided by the norm, but not multiplied by the limit": [0.2308, 0.3077, 0, 0.9231],
        "norm: the length of the vector, not its largest number": [3.25, 13 / 3, 0.0, 13.0],
        "limit: that is beyond it; the list stays as it was": [30.0, 40.0, 0.0, 120.0],
    }
    return {message: torch.tensor(value) for message, value in mistakes.items()}
