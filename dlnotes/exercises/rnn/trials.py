"""What answers of chapter 3 are tried on, and what the usual mistakes would give."""

from collections.abc import Callable

import torch
from torch import Tensor


def numbers(*shapes: tuple[int, ...]) -> list[Tensor]:
    """Return the same random tensors for everybody, float64."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


def run(
    x: Tensor,
    U: Tensor,
    V: Tensor,
    b: Tensor,
    h: Tensor,
    *,
    carry: bool = True,
    squash: Callable[[Tensor], Tensor] = torch.tanh,
) -> Tensor:
    """Return the states (T, H) of a network; without ``carry`` each step begins at ``h``."""
    found, start = [], h
    for x_t in x:
        h = squash(U @ x_t + V @ (h if carry else start) + b)
        found.append(h)
    return torch.stack(found)


def wrong_states(x: Tensor, U: Tensor, V: Tensor, b: Tensor, h: Tensor) -> dict[str, Tensor]:
    """Return what mistakes give, by what there is to say about them; U and V are square."""
    right = run(x, U, V, b, h)
    linear = run(x, U, V, b, h, squash=lambda a: a)
    return {
        "tanh: without a non-linearity the network is a linear filter": linear,
        "bias: b is missing": run(x, U, V, 0 * b, h),
        "start: begin with the h that is given, not with zeros": run(x, U, V, b, 0 * h),
        "recurrence: each step needs the state of the one before": run(x, U, V, b, h, carry=False),
        "transposed: V acts on h from the left": run(x, U, V.T, b, h),
        "transposed: U acts on x from the left": run(x, U.T, V, b, h),
        "shape: h₀ is no state of the sequence, return h₁ to h_T": torch.cat([h[None], right]),
        "shape: only the last state; all of them are asked for": right[-1],
        "axis: time is the first axis, (T, H)": right.T,
    }


def a_trained_sequence() -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, dict[str, Tensor]]:
    """Return (V, states, errors), ∂L/∂V by autograd, and what mistakes give."""
    a, V, h0, errors = numbers((5, 4), (4, 4), (4,), (5, 4))
    V, start, b = V / 2, torch.tanh(h0), torch.zeros_like(h0)
    leaf = V.clone().requires_grad_()
    (errors * run(a, torch.eye(4).double(), leaf, b, start)).sum().backward()
    states = torch.cat([start[None], run(a, torch.eye(4).double(), V, b, start)])

    def variant(
        *,
        carry: bool = True,
        slope: bool = True,
        before: bool = True,
        turn: bool = True,
        last=False,
    ) -> Tensor:
        total, from_next = torch.zeros_like(V), torch.zeros_like(h0)
        for t in range(5, 0, -1):
            delta = (1 - states[t] ** 2 if slope else 1) * (errors[t - 1] + from_next)
            outer = torch.outer(delta, states[t - 1 if before else t])
            total = outer if last else total + outer
            from_next = ((V.T if turn else V) @ delta) * carry
        return total

    mistakes = {
        "time: δₜ₊₁ does not arrive at δₜ; carry Vᵀ δ back": variant(carry=False),
        "slope: the factor 1 − hₜ² is missing": variant(slope=False),
        "state: V acted on hₜ₋₁, the state before": variant(before=False),
        "transposed: the error goes back through Vᵀ, not V": variant(turn=False),
        "transposed: row i of ∂L/∂V belongs to δ, column j to h": leaf.grad.T,
        "sum: that is the share of the first step only, add all": variant(last=True),
    }
    return (V, states, errors), leaf.grad, mistakes


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
