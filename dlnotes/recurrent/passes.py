"""The fast passes through time: all T steps of one layer in one direction, with few operations.

The formulas are those of each layer's readable ``step``; what makes them fast is that they write
into memory that is already there and take several gates together. The gradients are derived by
hand, and all that does not depend on the error is done for all steps at once. ``Recurrence`` calls
both halves.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from dlnotes.recurrent.cells import State


class FastPass(NamedTuple):
    """The two halves of a pass of one layer in one direction.

    ``forward(from_x, weight, bias, state)`` goes through all steps. It returns h of every step,
    (T, N, H), a list of the last states after h, and a list of what ``backward`` wants to see
    again. Its arguments:

        from_x: weights times input, plus bias, (T, N, gates · H); may be overwritten.
        weight: recurrent weights, (gates · H, H).
        bias: to add to weight times h, (gates · H,), or None.
        state: before the first step, (N, H) each.

    ``backward(weight, before, outputs, kept, grad_state, on_the_way)`` goes back. It returns the
    gradients of from_x and of weight times h, (T, N, gates · H), the same tensor if they are
    equal, then those of the state before the first step. Its arguments:

        weight: as above.
        before: h before every step, (T, N, H); other states before the first step, (N, H).
        outputs: h after every step, (T, N, H).
        kept: what ``forward`` kept.
        grad_state: gradients of the last state, (N, H) each.
        on_the_way: what to add to the gradient of h after each step back, (N, H) each, in the
            order of time.
    """

    forward: Callable
    backward: Callable


def backwards(*sequences: Tensor) -> Iterable[tuple[Tensor, ...]]:
    """Go through tensors (T, ...) side by side, from the last step to the first."""
    return zip(*(s.unbind(0)[::-1] for s in sequences), strict=True)


# ---- simple recurrent networks -----------------------------------------------------------------


def rnn_pass(activation: Callable, slope: Callable) -> FastPass:
    """Return the pass of a simple RNN.

    Args:
        activation: ``torch.tanh`` or ``torch.relu``.
        slope: its derivative, as a function of its value.
    """
    return FastPass(partial(rnn_states, activation), partial(rnn_gradients, slope))


def rnn_states(
    activation: Callable, from_x: Tensor, weight: Tensor, bias: None, state: State
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Return hₜ = f(aₜ) of every step, (T, N, H), written over ``from_x``."""
    (h,), transposed = state, weight.T.contiguous()
    activate = {torch.tanh: torch.tanh_, torch.relu: torch.relu_}[activation]
    for a in from_x.unbind(0):
        h = activate(a.addmm_(h, transposed))  # (RNN-1)
    return from_x, [], []


def rnn_gradients(
    slope: Callable,
    weight: Tensor,
    before: State,
    outputs: Tensor,
    kept: list[Tensor],
    grad_state: State,
    on_the_way: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """Return δₜ = f'(aₜ) ⊙ ∂L/∂hₜ of every step, twice, and the gradient of the first state."""
    (grad_h,), delta = grad_state, slope(outputs)
    for d, g in zip(delta.unbind(0)[::-1], on_the_way[::-1], strict=True):
        d.mul_(grad_h)
        grad_h = torch.addmm(g, d, weight)
    return delta, delta, grad_h


# ---- LSTM --------------------------------------------------------------------------------------

# derivatives, written into grad_input: of a sigmoid g · s (1 − s), of a tanh g · (1 − s²)
through_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
through_tanh = torch.ops.aten.tanh_backward.grad_input


def lstm_states(
    from_x: Tensor, weight: Tensor, bias: None, state: State
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Return hₜ of every step, (T, N, H), and the last c; keeps gates, every c and its tanh."""
    (h, c), transposed = state, weight.T.contiguous()
    H = h.shape[1]
    hs, cs, squashed = from_x.new_empty(3, *from_x.shape[:2], H).unbind(0)
    i_f = from_x[..., : 2 * H]  # side by side: one sigmoid for both
    gates = from_x, i_f, *from_x.chunk(4, dim=-1)
    steps = zip(*(s.unbind(0) for s in (*gates, hs, cs, squashed)), strict=True)
    for a, i_f, i, f, candidate, o, next_h, next_c, next_squashed in steps:
        a.addmm_(h, transposed)
        i_f.sigmoid_()  # (LSTM-1), (LSTM-2)
        candidate.tanh_()  # (LSTM-3)
        o.sigmoid_()  # (LSTM-5)
        c = torch.mul(f, c, out=next_c).addcmul_(i, candidate)  # (LSTM-4)
        h = torch.mul(o, torch.tanh(c, out=next_squashed), out=next_h)  # (LSTM-6)
    return hs, [c], [from_x, cs, squashed]


def lstm_gradients(
    weight: Tensor,
    before: State,
    outputs: Tensor,
    kept: list[Tensor],
    grad_state: State,
    on_the_way: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """Return δ of i, f, candidate and o of every step, twice, and the gradients of h and c."""
    (_, c), (grad_h, grad_c), (gates, cs, squashed) = before, grad_state, kept
    i, f, candidate, o = gates.chunk(4, dim=-1)
    # the part of δ that does not depend on the gradients, for all steps at once: a gate's slope
    # times what the gate multiplies
    delta = torch.empty_like(gates)
    d_i, d_f, d_candidate, d_o = delta.chunk(4, dim=-1)
    through_sigmoid(candidate, i, grad_input=d_i)
    through_sigmoid(c, f[0], grad_input=d_f[0])
    through_sigmoid(cs[:-1], f[1:], grad_input=d_f[1:])
    through_tanh(i, candidate, grad_input=d_candidate)
    through_sigmoid(squashed, o, grad_input=d_o)
    h_to_c = through_tanh(o, squashed, grad_input=torch.empty_like(cs))

    d_ifc = delta.unflatten(-1, (4, -1))[:, :, :3]
    grad_c = grad_c.clone()
    for_each_gate = grad_c[:, None]  # sees what is done to grad_c
    steps = backwards(delta, d_ifc, d_o, h_to_c, f)
    for g, (d, d_ifc, d_o, slope, kept_share) in zip(on_the_way[::-1], steps, strict=True):
        grad_c.addcmul_(grad_h, slope)
        d_ifc.mul_(for_each_gate)
        d_o.mul_(grad_h)
        grad_c.mul_(kept_share)  # ∂cₜ/∂cₜ₋₁ = diag(fₜ)
        grad_h = torch.addmm(g, d, weight)
    return delta, delta, grad_h, grad_c


# ---- GRU ---------------------------------------------------------------------------------------


def gru_states(
    from_x: Tensor, weight: Tensor, bias: Tensor, state: State
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Return hₜ of every step, (T, N, H); keeps the gates and weight times h, plus bias."""
    (h,), transposed = state, weight.T.contiguous()
    H = h.shape[1]
    from_h, hs = torch.empty_like(from_x), torch.empty_like(from_x[..., :H])
    r_z, r_z_h = (tensor[..., : 2 * H].unbind(0) for tensor in (from_x, from_h))
    r, z, candidate = (block.unbind(0) for block in from_x.chunk(3, dim=-1))
    u = from_h[..., 2 * H :].unbind(0)
    for t, product in enumerate(from_h.unbind(0)):
        torch.addmm(bias, h, transposed, out=product)
        r_z[t].add_(r_z_h[t]).sigmoid_()  # (GRU-1), (GRU-2)
        candidate[t].addcmul_(r[t], u[t]).tanh_()  # (GRU-3)
        h = torch.lerp(candidate[t], h, z[t], out=hs[t])  # (GRU-4)
    return hs, [], [from_x, from_h]


def gru_gradients(
    weight: Tensor,
    before: State,
    outputs: Tensor,
    kept: list[Tensor],
    grad_state: State,
    on_the_way: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """Return δ of r, z and candidate of every step, δ of r, z and u, and the gradient of h."""
    (before,), (grad_h,), (gates, from_h) = before, grad_state, kept
    r, z, candidate = gates.chunk(3, dim=-1)
    u = from_h.chunk(3, dim=-1)[2]
    # δ per unit of ∂L/∂hₜ, for all steps at once, in the order r, z, u, candidate
    delta = gates.new_empty(*gates.shape[:2], 4 * before.shape[2])
    d_r, d_z, d_u, d_candidate = delta.chunk(4, dim=-1)
    through_tanh(1 - z, candidate, grad_input=d_candidate)
    torch.mul(d_candidate, r, out=d_u)
    through_sigmoid(before - candidate, z, grad_input=d_z)
    through_sigmoid(d_candidate * u, r, grad_input=d_r)

    delta_h, blocks = delta[..., : 3 * before.shape[2]], delta.unflatten(-1, (4, -1))
    steps = backwards(blocks, delta_h, z)
    for g, (d, d_h, kept_share) in zip(on_the_way[::-1], steps, strict=True):
        d.mul_(grad_h[:, None])
        grad_h = torch.addcmul(g, grad_h, kept_share).addmm_(d_h, weight)
    delta_x = torch.cat([d_r, d_z, d_candidate], dim=-1)
    return delta_x, delta_h, grad_h
