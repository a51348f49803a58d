"""Recurrent networks (chapter 3): one cell, its gradients by hand, and the layer to train with.

Read from top to bottom: ``RNNCell`` is the notes, one parameter per symbol; backpropagation through
time derives its gradients; the Jacobians of the steps say why they vanish or explode, and clipping
what can be done. Then ``RNN``, the layer; what it has in common with LSTM and GRU (stacking,
directions, lengths, a fast pass through time) is ``dlnotes.recurrent``. At the end, how far back a
layer's gradients reach.

Differs from the notes and from Elman (1990): the cell has a bias b, and c at the output; without
them nothing but h = 0 could be at rest when the input is zero. The layer keeps torch's two biases,
of which only the sum acts.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_choice, check_positive, check_shape
from dlnotes.recurrent import (
    FastPass,
    RecurrentLayer,
    State,
    bare,
    cell_state,
    check_kind,
    check_sequences,
    copy_into,
    layer_weights,
    new_weight,
    rnn_pass,
)

# ---- the cell ----------------------------------------------------------------------------------

ACTIVATIONS = {  # name: f and its derivative, as a function of the value h = f(a)
    "tanh": (torch.tanh, lambda h: 1 - h**2),
    "relu": (torch.relu, lambda h: (h > 0).to(h)),
    "sigmoid": (torch.sigmoid, lambda h: h * (1 - h)),
    "identity": (lambda a: a, torch.ones_like),
}


class RNNCell(nn.Module):
    """One time step of a simple recurrent network (Elman 1990).

    The letters are the notes': U acts on the input, V on the state before, W makes the output.

    Args:
        input_size: D, features of one input vector.
        hidden_size: H, features of the state.
        output_size: K, features of one output; None leaves W and c out, the output is the state.
        nonlinearity: f, one of ``ACTIVATIONS``.
    """

    state_names = "h"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        nonlinearity: str = "tanh",
    ) -> None:
        super().__init__()
        check_positive(input_size=input_size, hidden_size=hidden_size)
        check_choice(ACTIVATIONS, nonlinearity=nonlinearity)
        if output_size is not None:
            check_positive(output_size=output_size)

        self.input_size, self.hidden_size, self.output_size = input_size, hidden_size, output_size
        self.nonlinearity = nonlinearity
        D, H, K = input_size, hidden_size, output_size
        new = partial(new_weight, bound=H**-0.5)  # uniform in ±1/√H, as torch.nn's
        self.U, self.V, self.b = new(H, D), new(H, H), new(H)
        if K is not None:
            self.W, self.c = new(K, H), new(K)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """Return the next state, (N, H).

        Args:
            x: input at this step, (N, D).
            state: h of the step before, (N, H); zeros if None.
        """
        (h,) = cell_state(self, x, state)
        f, _ = ACTIVATIONS[self.nonlinearity]
        return f(x @ self.U.T + h @ self.V.T + self.b)  # (RNN-1)

    def output(self, h: Tensor) -> Tensor:
        """Return W h + c, (..., K), for states (..., H); the g of (RNN-2) belongs to the loss.

        A cross-entropy takes logits, so g is its softmax; for a squared error g is the identity.
        """
        check_shape("h", h, "...", self.hidden_size)
        return h if self.output_size is None else h @ self.W.T + self.c  # (RNN-2)

    @classmethod
    def from_layer(cls, layer: "RNN", *, layer_index: int = 0, reverse: bool = False) -> "RNNCell":
        """Return a cell with copies of a layer's weights; arguments as ``layer_weights``."""
        weight_ih, weight_hh, bias_ih, bias_hh = layer_weights(layer, RNN, layer_index, reverse)
        size = weight_ih.shape[1], layer.hidden_size
        cell = cls(*size, nonlinearity=layer.nonlinearity).to(weight_hh)
        copy_into(cell, U=weight_ih, V=weight_hh, b=bias_ih + bias_hh)
        return cell


# ---- gradients by hand -------------------------------------------------------------------------

Loss = str | Callable[[Tensor, Tensor], Tensor]


def sequence_loss(outputs: Tensor, targets: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
    """Return L = Σₜ Lₜ, averaged over the batch, and its gradient with respect to the outputs.

    Args:
        outputs: o before g, (N, T, K).
        targets: (N, T, K) for "squared", class indices (N, T) for "cross_entropy".
        loss: "squared", Lₜ = ½ ‖oₜ − yₜ‖²; "cross_entropy", Lₜ = −ln softmax(oₜ)[yₜ] in nats; or a
            function of outputs and targets, which autograd differentiates (only as far as o).
    """
    N, T, K = outputs.shape
    if callable(loss):
        with torch.enable_grad():
            leaf = outputs.detach().requires_grad_()
            value = loss(leaf, targets)
        return value.detach(), torch.autograd.grad(value, leaf)[0]
    check_choice(("squared", "cross_entropy"), loss=loss)
    if loss == "squared":
        check_shape("targets", targets, N, T, K)
        error = outputs - targets
        return 0.5 * (error**2).sum() / N, error / N  # (RNN-3)
    check_shape("targets", targets, N, T)
    if targets.is_floating_point():
        raise TypeError(f"targets must be class indices for cross_entropy, got {targets.dtype}")
    if not ((targets >= 0) & (targets < K)).all():
        given = f"{targets.min().item()} to {targets.max().item()}"
        raise ValueError(f"targets must lie in [0, {K - 1}], got {given}")
    log_p = outputs.log_softmax(-1)
    one_hot = F.one_hot(targets.long(), K).to(log_p)
    return -(one_hot * log_p).sum() / N, (log_p.exp() - one_hot) / N  # (RNN-3)


@torch.no_grad()
def backpropagation_through_time(
    cell: RNNCell,
    x: Tensor,
    targets: Tensor,
    loss: Loss = "squared",
    *,
    state: Tensor | None = None,
    truncate: int | None = None,
) -> dict[str, Tensor]:
    """Return the gradients of the loss of whole sequences, derived by hand (Werbos 1990).

    With aₜ what f is applied to, δₜ = ∂L/∂aₜ = f'(aₜ) ⊙ (Wᵀ ∂L/∂oₜ + Vᵀ δₜ₊₁): the error arrives
    through the output and through the next step. Every step uses the same weights, so their
    gradients are sums over time, Σₜ δₜ hₜ₋₁ᵀ for V.

    Args:
        cell: the cell; without W the outputs are the states.
        x: inputs, (N, T, D).
        targets: see ``sequence_loss``.
        loss: "squared", "cross_entropy", or a function; see ``sequence_loss``.
        state: h before the first step, (N, H); zeros if None.
        truncate: k cuts the error's way back after every k steps (truncated backpropagation:
            chunks of k steps, the state handed on as a constant); None goes all the way.

    Returns:
        One gradient for each parameter of the cell, under its name, and those of "x" and "state".
    """
    check_kind("cell", cell, RNNCell)
    check_sequences(x, cell.input_size)
    if truncate is not None:
        check_positive(truncate=truncate)

    h, slope = [*cell_state(cell, x[:, 0], state)], ACTIVATIONS[cell.nonlinearity][1]
    for t in range(x.shape[1]):
        h.append(cell(x[:, t], h[-1]))
    before, after = torch.stack(h[:-1], 1), torch.stack(h[1:], 1)  # (N, T, H)
    _, grad_o = sequence_loss(cell.output(after), targets, loss)  # ∂L/∂oₜ, (N, T, K)

    delta, from_next = torch.zeros_like(after), torch.zeros_like(h[0])
    for t in reversed(range(x.shape[1])):
        if truncate is not None and (t + 1) % truncate == 0:
            from_next = torch.zeros_like(from_next)
        from_output = grad_o[:, t] @ cell.W if cell.output_size is not None else grad_o[:, t]
        delta[:, t] = slope(after[:, t]) * (from_output + from_next)
        from_next = delta[:, t] @ cell.V
    gradients = {
        "U": torch.einsum("nth,ntd->hd", delta, x),
        "V": torch.einsum("nth,ntk->hk", delta, before),
        "b": delta.sum((0, 1)),
        "x": delta @ cell.U,
        "state": from_next,
    }
    if cell.output_size is not None:
        gradients |= {"W": torch.einsum("ntk,nth->kh", grad_o, after), "c": grad_o.sum((0, 1))}
    return gradients


def step_jacobians(cell: nn.Module, x: Tensor, state: Any = None) -> Tensor:
    """Return ∂hₜ/∂hₜ₋₁ for every step of one sequence; their product is ∂h_T/∂h₀.

    For an ``RNNCell`` it is diag(f'(aₜ)) V, whose norm is at most γ σₘₐₓ(V), γ the steepest slope
    of f (Pascanu et al. 2013, §2.1). Computed by autograd, so it holds for any cell.

    Args:
        cell: RNN, LSTM or GRU cell.
        x: one sequence, (T, D).
        state: before the first step, as the cell takes it for a batch of one; zeros if None.

    Returns:
        (T, H, H), row i and column j for ∂hₜ[i]/∂hₜ₋₁[j]; for an LSTM the state is h and c, one
        after the other, and the result (T, 2H, 2H).
    """
    check_shape("x", x, "T", cell.input_size)
    parts = len(cell.state_names)

    def step(x_t: Tensor, flat: Tensor) -> Tensor:
        after = cell(x_t, bare(flat.chunk(parts, dim=1)))
        return torch.cat(after, dim=1) if parts > 1 else after

    flat = torch.cat(cell_state(cell, x[:1], state), dim=1).detach()
    jacobians = []
    for x_t in x.detach().split(1):
        jacobian = torch.autograd.functional.jacobian(partial(step, x_t), flat)
        jacobians.append(jacobian[0, :, 0])
        flat = step(x_t, flat).detach()
    return torch.stack(jacobians)


@torch.no_grad()
def clip_gradient_norm(parameters: Iterable[Tensor], limit: float) -> float:
    """Scale all gradients to a joint norm of at most ``limit``: g ← g · min(1, limit / ‖g‖).

    The direction stays (Pascanu et al. 2013, Algorithm 1); torch has it as ``clip_grad_norm_``.

    Returns:
        The norm before.

    Raises:
        ValueError: the limit is not positive, or a gradient is infinite or not a number.
    """
    if not limit > 0:
        raise ValueError(f"limit must be positive, got {limit}")
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = sum(g.double().square().sum().item() for g in gradients) ** 0.5
    if not norm < float("inf"):
        raise ValueError(f"parameters must have finite gradients, got a norm of {norm}")
    for g in gradients:
        g.mul_(min(1.0, limit / norm) if norm else 1.0)
    return norm


# ---- the layer ---------------------------------------------------------------------------------


class RNN(RecurrentLayer):
    """Stacked simple recurrent network, batch first; compatible with ``torch.nn.RNN``.

    Arguments as ``RecurrentLayer``, and:

    Args:
        nonlinearity: "tanh" or "relu".
    """

    gates, state_names = 1, "h"

    def __init__(
        self, input_size: int, hidden_size: int, *, nonlinearity: str = "tanh", **options: Any
    ) -> None:
        check_choice(("tanh", "relu"), nonlinearity=nonlinearity)
        super().__init__(input_size, hidden_size, **options)
        self.nonlinearity = nonlinearity

    def step(self, from_x: Tensor, from_h: Tensor, state: State) -> State:
        f, _ = ACTIVATIONS[self.nonlinearity]
        return (f(from_x + from_h),)  # (RNN-1)

    @property
    def fast_pass(self) -> FastPass:
        """All steps at once, and their gradients by hand."""
        return rnn_pass(*ACTIVATIONS[self.nonlinearity])


# ---- looking at gradients ----------------------------------------------------------------------


def gradient_norms(
    layer: RecurrentLayer,
    x: Tensor,
    *,
    loss: Callable[[Tensor], Tensor] | None = None,
    of: str = "h",
) -> Tensor:
    """Return how much a loss at the last step feels the state at each step: ‖∂L_T/∂hₜ‖.

    Args:
        layer: RNN, LSTM or GRU, one direction; of several stacked ones the last is looked at.
        x: inputs, (N, T, D).
        loss: function of the last output, (N, H), that returns a scalar; None is its sum.
        of: "h", or "c" for the cell state of an LSTM.

    Returns:
        (T,), the norm over batch and features of the gradient at each step.
    """
    _check_one_direction(layer, x, of)

    with torch.enable_grad():
        x, last = x.detach().transpose(0, 1), layer.num_layers - 1
        # a start that wants a gradient makes every state depend on it, whatever is frozen
        start = x.new_zeros(len(x[0]), layer.hidden_size).requires_grad_()
        state = [start] * len(layer.state_names)
        for layer_index in range(last):
            x, *_ = layer.unrolled(x, *layer.weights(layer_index), *state)
        states = layer.every_state(x, *layer.weights(last), *state)
        value = states[-1][0].sum() if loss is None else loss(states[-1][0])
        wanted = [state[layer.state_names.index(of)] for state in states]
        gradients = torch.autograd.grad(value, wanted)
    return torch.stack([g.norm() for g in gradients])


def _check_one_direction(layer: RecurrentLayer, x: Tensor, of: str) -> None:
    """Raise unless a layer reads in one direction, has the state ``of`` and can read x."""
    if not isinstance(layer, RecurrentLayer):
        raise TypeError(f"layer must be an RNN, LSTM or GRU, got {type(layer).__name__}")
    check_choice((False,), **{"layer.bidirectional": layer.bidirectional})
    check_choice(layer.state_names, of=of)
    check_sequences(x, layer.input_size)
