"""Long short-term memory (chapter 4): the cell, gate by gate, and the layer to train with.

``LSTMCell`` is the notes, one line per equation, one parameter per symbol; ``trace`` looks into it,
``backpropagation_through_time`` derives its gradients. ``LSTM`` is the fast layer;
``LSTMCell.from_layer`` ties the two together. At the end, how to start the forget gates, and the
task on which all of this was proved in 1997.

Differs from the paper: Hochreiter & Schmidhuber (1997) have no forget gate, which is f = 1, and cut
the gradients through the gates. Like the notes and ``torch.nn.LSTM`` this is the cell of Gers,
Schmidhuber & Cummins (2000), without peepholes, differentiated exactly.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlnotes.checks import check_at_least, check_positive, check_shape
from dlnotes.recurrent import (
    FastPass,
    RecurrentLayer,
    State,
    cell_state,
    check_kind,
    check_sequences,
    copy_into,
    layer_weights,
    lstm_gradients,
    lstm_states,
    new_weight,
)

# ---- the cell ----------------------------------------------------------------------------------


class LSTMCell(nn.Module):
    """One time step, gate by gate.

    The letters are the notes': ``W_*`` acts on the hidden state before, ``U_*`` on the input.

    Args:
        input_size: D, features of one input vector.
        hidden_size: H, features of the hidden state and of the cell state.
        forget_bias: value of ``b_f`` at the start, see ``LSTM``; None leaves it random.
    """

    state_names = "hc"

    def __init__(
        self, input_size: int, hidden_size: int, *, forget_bias: float | None = None
    ) -> None:
        super().__init__()
        check_positive(input_size=input_size, hidden_size=hidden_size)

        self.input_size, self.hidden_size = D, H = input_size, hidden_size
        new = partial(new_weight, bound=H**-0.5)  # uniform in ±1/√H, as torch.nn's
        # forget gate, input gate, candidate, output gate
        self.W_f, self.U_f, self.b_f = new(H, H), new(H, D), new(H)
        self.W_i, self.U_i, self.b_i = new(H, H), new(H, D), new(H)
        self.W_c, self.U_c, self.b_c = new(H, H), new(H, D), new(H)
        self.W_o, self.U_o, self.b_o = new(H, H), new(H, D), new(H)
        if forget_bias is not None:
            nn.init.constant_(self.b_f, forget_bias)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, Tensor]:
        """Return the next hidden state and cell state, (N, H) each.

        Args:
            x: input at this step, (N, D).
            state: h and c of the step before, (N, H) each; zeros if None.
        """
        h, c = cell_state(self, x, state)
        f = torch.sigmoid(h @ self.W_f.T + x @ self.U_f.T + self.b_f)  # (LSTM-1)
        i = torch.sigmoid(h @ self.W_i.T + x @ self.U_i.T + self.b_i)  # (LSTM-2)
        candidate = torch.tanh(h @ self.W_c.T + x @ self.U_c.T + self.b_c)  # (LSTM-3)
        c = f * c + i * candidate  # (LSTM-4)
        o = torch.sigmoid(h @ self.W_o.T + x @ self.U_o.T + self.b_o)  # (LSTM-5)
        return o * torch.tanh(c), c  # (LSTM-6)

    @classmethod
    def from_layer(
        cls, layer: "LSTM", *, layer_index: int = 0, reverse: bool = False
    ) -> "LSTMCell":
        """Return a cell with copies of a layer's weights; arguments as ``layer_weights``."""
        weight_ih, weight_hh, bias_ih, bias_hh = layer_weights(layer, LSTM, layer_index, reverse)
        cell = cls(weight_ih.shape[1], layer.hidden_size).to(weight_hh)
        parts = {"W": weight_hh, "U": weight_ih, "b": bias_ih + bias_hh}  # only their sum acts
        for letter, weight in parts.items():
            blocks = zip("ifco", weight.chunk(4), strict=True)  # torch's order of the gates
            copy_into(cell, **{f"{letter}_{gate}": block for gate, block in blocks})
        return cell


# ---- looking inside, and gradients by hand -----------------------------------------------------


@torch.no_grad()
def trace(cell: LSTMCell, x: Tensor, state: State | None = None) -> dict[str, Tensor]:
    """Return every gate and every state of a cell while it reads sequences.

    Args:
        cell: the cell; for a layer, ``LSTMCell.from_layer(layer)``.
        x: inputs, (N, T, D).
        state: h and c before the first step, (N, H) each; zeros if None.

    Returns:
        "f", "i", "candidate", "c", "o" and "h", in the order in which a step computes them,
        (N, T, H) each.
    """
    check_kind("cell", cell, LSTMCell)
    check_sequences(x, cell.input_size)

    h, c = [[start] for start in cell_state(cell, x[:, 0], state)]
    for x_t in x.unbind(1):
        next_h, next_c = cell(x_t, (h[-1], c[-1]))
        h.append(next_h)
        c.append(next_c)
    before = torch.stack(h[:-1], 1)  # hₜ₋₁: once the states are known, all gates at once

    def affine(gate: str) -> Tensor:
        W, U, b = (getattr(cell, f"{letter}_{gate}") for letter in "WUb")
        return before @ W.T + x @ U.T + b

    return {
        "f": affine("f").sigmoid(),
        "i": affine("i").sigmoid(),
        "candidate": affine("c").tanh(),
        "c": torch.stack(c[1:], 1),
        "o": affine("o").sigmoid(),
        "h": torch.stack(h[1:], 1),
    }


@torch.no_grad()
def backpropagation_through_time(
    cell: LSTMCell, x: Tensor, grad_outputs: Tensor, state: State | None = None
) -> dict[str, Tensor]:
    """Return the gradients of a loss of whole sequences, derived by hand.

    δ of a gate is ∂L/∂a, a what its sigmoid or tanh is applied to. The error comes to h from the
    output and from the next step, to c from h and from the next step; every gate takes its share.

    Args:
        cell: the cell.
        x: inputs, (N, T, D).
        grad_outputs: ∂L/∂hₜ as far as the loss sees hₜ itself, (N, T, H).
        state: h and c before the first step, (N, H) each; zeros if None.

    Returns:
        One gradient for each parameter of the cell, under its name, and those of "x", "h" and "c",
        the last two for the state before the first step.
    """
    values = trace(cell, x, state)  # which also checks them
    check_shape("grad_outputs", grad_outputs, *x.shape[:2], cell.hidden_size)

    first_h, first_c = cell_state(cell, x[:, 0], state)
    before_h = torch.cat([first_h[:, None], values["h"][:, :-1]], 1)
    before_c = torch.cat([first_c[:, None], values["c"][:, :-1]], 1)
    delta = {gate: torch.zeros_like(grad_outputs) for gate in "fico"}
    grad_h, grad_c = torch.zeros_like(first_h), torch.zeros_like(first_c)
    for t in reversed(range(x.shape[1])):
        f, i, candidate, c, o, _ = (value[:, t] for value in values.values())
        grad_h = grad_h + grad_outputs[:, t]
        grad_c = grad_c + grad_h * o * (1 - c.tanh() ** 2)  # (LSTM-6)
        delta["o"][:, t] = grad_h * c.tanh() * o * (1 - o)  # (LSTM-5)
        delta["c"][:, t] = grad_c * i * (1 - candidate**2)  # (LSTM-3)
        delta["i"][:, t] = grad_c * candidate * i * (1 - i)  # (LSTM-2)
        delta["f"][:, t] = grad_c * before_c[:, t] * f * (1 - f)  # (LSTM-1)
        grad_c = grad_c * f  # (LSTM-4): the carousel
        grad_h = sum(delta[gate][:, t] @ getattr(cell, f"W_{gate}") for gate in "fico")
    gradients = {"h": grad_h, "c": grad_c}
    gradients["x"] = sum(delta[gate] @ getattr(cell, f"U_{gate}") for gate in "fico")
    for gate in "fico":  # the same weights at every step: a sum over time
        gradients[f"W_{gate}"] = torch.einsum("nth,ntk->hk", delta[gate], before_h)
        gradients[f"U_{gate}"] = torch.einsum("nth,ntd->hd", delta[gate], x)
        gradients[f"b_{gate}"] = delta[gate].sum((0, 1))
    return gradients


# ---- the layer ---------------------------------------------------------------------------------


class LSTM(RecurrentLayer):
    """Stacked LSTM, batch first; compatible with ``torch.nn.LSTM``.

    Arguments as ``RecurrentLayer``, and:

    Args:
        forget_bias: bias of all forget gates at the start (the sum of torch's two biases); None is
            torch's random start around 0. Along the cell state ∂cₜ/∂cₜ₋₁ = diag(fₜ), so what
            is stored fades like σ(bias) per step: after 20 steps a millionth is left at 0, 38 %
            at 3. Gers et al. (2000) and Jozefowicz et al. (2015, §2.2) recommend 1 or more.
    """

    gates, state_names = 4, "hc"
    fast_pass = FastPass(lstm_states, lstm_gradients)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        forget_bias: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, **options)
        if forget_bias is not None:
            self._set_bias("f", torch.full((hidden_size,), float(forget_bias)))

    def _set_bias(self, gate: str, value: Tensor) -> None:
        """Make a gate's two biases add up to a value, (H,), in every layer and direction."""
        for name, bias in self.named_parameters():
            if name.startswith("bias"):
                block = bias.detach().chunk(4)["ifco".index(gate)]
                block.copy_(value if name.startswith("bias_ih") else torch.zeros_like(value))

    def step(self, from_x: Tensor, from_h: Tensor, state: State) -> State:
        i, f, candidate, o = (from_x + from_h).chunk(4, dim=-1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(candidate)  # (LSTM-4)
        return torch.sigmoid(o) * torch.tanh(c), c  # (LSTM-6)


# ---- how to start the gates, and what to remember ----------------------------------------------


def chrono_initialisation(
    layer: LSTM, longest: int, *, generator: torch.Generator | None = None
) -> None:
    """Set forget and input biases for memories of 1 to ``longest`` steps, in place.

    A forget gate held at σ(b) has the time scale 1 / (1 − σ(b)) = 1 + eᵇ, so b_f = ln u with u
    uniform in [1, longest − 1], and b_i = −b_f (Tallec & Ollivier 2018, arXiv:1804.11188, §2).

    Args:
        layer: the layer; all its stacked layers and directions get the same biases.
        longest: T_max, at least 2: the longest dependency to expect, in steps.
        generator: source of the random numbers.
    """
    check_kind("layer", layer, LSTM)
    check_at_least(2, longest=longest)

    bias = layer.bias_ih_l0.new_empty(layer.hidden_size)
    bias = bias.uniform_(1, longest - 1, generator=generator).log()
    layer._set_bias("f", bias)
    layer._set_bias("i", -bias)


def adding_problem(
    count: int, steps: int, *, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Return sequences of numbers, two of them marked, and the sum of the marked ones.

    The adding problem of Hochreiter & Schmidhuber (1997, experiment 4) in the form of Arjovsky et
    al. (2016, arXiv:1511.06464): numbers uniform in [0, 1], one mark in each half, equal lengths.
    Whoever cannot remember predicts the mean, 1, with the squared error 2/12 = 1/6. In 1997 numbers
    were uniform in [−1, 1], the target 1/2 + (X₁ + X₂) / 4, both marks early, the lengths varied.

    Args:
        count: N, sequences.
        steps: T, at least 2.
        generator: source of the random numbers.

    Returns:
        Inputs (N, T, 2), the number and whether it is marked (0 or 1), and targets (N,).
    """
    check_positive(count=count)
    check_at_least(2, steps=steps)

    numbers = torch.rand(count, steps, generator=generator)
    first = torch.randint(steps // 2, (count, 1), generator=generator)
    second = torch.randint(steps // 2, steps, (count, 1), generator=generator)
    marks = torch.zeros(count, steps).scatter(1, torch.cat([first, second], 1), 1.0)
    return torch.stack([numbers, marks], 2), (numbers * marks).sum(1)
