"""Gated recurrent units (chapter 5): the cell in its published variants, and the layer.

Read from top to bottom: ``GRUCell`` is the notes, one parameter per symbol; ``trace``,
``hold_gate`` and ``jacobian_terms`` look inside it; ``GRU`` is the fast layer, and
``GRUCell.from_layer`` ties the two together.

Two things differ from text to text. *What z means*: in the notes, in Cho et al. (2014, eq. 7) and
in torch it is the share of the old state; in Chung et al. (2014, §3.2) that of the new one. Weights
convert: 1 − σ(a) = σ(−a), so the signs of W_z, U_z and b_z flip (``GRUCell.with_z``). *Where r
acts*: after the product with U, r ⊙ (U h), in the notes, in the first version of Cho et al. and in
torch; before it, U (r ⊙ h), in the published paper (eq. 8). These are different functions as soon
as the resets of two units follow the input in different ways (the chapter proves it for a U without
zeros). They can be converted if U is diagonal, or if the resets are equal or constant.

Differs from the notes: biases, which they leave out; torch has a further one inside the reset.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlnotes.checks import check_between, check_choice, check_positive, check_shape
from dlnotes.recurrent import (
    FastPass,
    RecurrentLayer,
    State,
    cell_state,
    check_kind,
    check_sequences,
    copy_into,
    gru_gradients,
    gru_states,
    layer_weights,
    new_weight,
)

# ---- the cell ----------------------------------------------------------------------------------


class GRUCell(nn.Module):
    """One time step, gate by gate.

    The letters are the notes': ``W_*`` acts on the input, ``U_*`` on the state before. W, U and b
    without index make the candidate; ``b_U``, which only ``reset="after"`` has, stands beside U
    inside the reset, r ⊙ (U h + b_U), as in torch.

    Args:
        input_size: D, features of one input vector.
        hidden_size: H, features of the state.
        reset: "after" the product with U (notes, torch) or "before" it (Cho et al. 2014).
        z: the share that z is: of the "old" state (notes, Cho et al., torch) or of the "new"
            candidate (Chung et al. 2014).
    """

    state_names = "h"

    def __init__(
        self, input_size: int, hidden_size: int, *, reset: str = "after", z: str = "old"
    ) -> None:
        super().__init__()
        check_positive(input_size=input_size, hidden_size=hidden_size)
        check_choice(("after", "before"), reset=reset)
        check_choice(("old", "new"), z=z)

        self.input_size, self.hidden_size = D, H = input_size, hidden_size
        self.reset, self.z = reset, z
        new = partial(new_weight, bound=H**-0.5)  # uniform in ±1/√H, as torch.nn's
        self.W_z, self.U_z, self.b_z = new(H, D), new(H, H), new(H)
        self.W_r, self.U_r, self.b_r = new(H, D), new(H, H), new(H)
        self.W, self.U, self.b = new(H, D), new(H, H), new(H)
        if reset == "after":
            self.b_U = new(H)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """Return the next state, (N, H).

        Args:
            x: input at this step, (N, D).
            state: h of the step before, (N, H); zeros if None.
        """
        (h,) = cell_state(self, x, state)
        z, _, candidate = self.gates(x, h)
        old = z if self.z == "old" else 1 - z
        return old * h + (1 - old) * candidate  # (GRU-4)

    def gates(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return z, r and the candidate h', (N, H) each, for inputs (N, D) and states (N, H)."""
        z = torch.sigmoid(x @ self.W_z.T + h @ self.U_z.T + self.b_z)  # (GRU-1)
        r = torch.sigmoid(x @ self.W_r.T + h @ self.U_r.T + self.b_r)  # (GRU-2)
        if self.reset == "after":
            past = r * (h @ self.U.T + self.b_U)
        else:
            past = (r * h) @ self.U.T
        return z, r, torch.tanh(x @ self.W.T + self.b + past)  # (GRU-3)

    def with_z(self, z: str) -> "GRUCell":
        """Return the same function, as a new cell, in the other convention of z (or in the same).

        Args:
            z: "old" or "new", as in the constructor.
        """
        cell = GRUCell(self.input_size, self.hidden_size, reset=self.reset, z=z).to(self.U)
        values = dict(self.named_parameters())
        if z != self.z:
            values |= {name: -values[name] for name in ("W_z", "U_z", "b_z")}
        copy_into(cell, **values)
        return cell

    @classmethod
    def from_layer(cls, layer: "GRU", *, layer_index: int = 0, reverse: bool = False) -> "GRUCell":
        """Return a cell with copies of a layer's weights; arguments as ``layer_weights``.

        The cell has the layer's conventions, the defaults.
        """
        weight_ih, weight_hh, bias_ih, bias_hh = layer_weights(layer, GRU, layer_index, reverse)
        cell = cls(weight_ih.shape[1], layer.hidden_size).to(weight_hh)
        (r_x, z_x, x), (r_h, z_h, h) = bias_ih.chunk(3), bias_hh.chunk(3)  # torch's order
        copy_into(cell, b_r=r_x + r_h, b_z=z_x + z_h, b=x, b_U=h)
        for letter, weight in (("W", weight_ih), ("U", weight_hh)):
            r, z, candidate = weight.chunk(3)
            copy_into(cell, **{f"{letter}_r": r, f"{letter}_z": z, letter: candidate})
        return cell


# ---- looking inside ----------------------------------------------------------------------------


def trace(cell: GRUCell, x: Tensor, state: Tensor | None = None) -> dict[str, Tensor]:
    """Run a cell over sequences and keep everything it computes.

    Args:
        cell: in any variant; "z" is its z, in its own convention.
        x: inputs, (N, T, D).
        state: h before the first step, (N, H); zeros if None.

    Returns:
        "z", "r", "candidate" and "h", after each step, (N, T, H) each.
    """
    check_kind("cell", cell, GRUCell)
    check_sequences(x, cell.input_size)

    (h,) = cell_state(cell, x[:, 0], state)
    steps = []
    for x_t in x.unbind(1):
        gates = cell.gates(x_t, h)
        h = cell(x_t, h)
        steps.append((*gates, h))
    names = "z", "r", "candidate", "h"
    return {
        name: torch.stack(values, dim=1)
        for name, values in zip(names, zip(*steps, strict=True), strict=True)
    }


def hold_gate(parameters: Mapping[str, Tensor], gate: str, value: float) -> dict[str, Tensor]:
    """Return the parameters with which a gate is the same number whatever happens.

    Its W and U become 0 and its b the logit of the number, which is infinite for 0 and 1: these are
    then exact. No gradient reaches what was replaced. So r held at 1 is a cell without a reset
    gate, z held at 0 one without an update gate, and both make a simple RNN.

    Args:
        parameters: ``dict(module.named_parameters())`` of a ``GRUCell`` or of a ``GRU``, whose
            stacked layers and directions all get the same; stays as it is.
        gate: "z" or "r".
        value: of the gate, from 0 to 1.

    Returns:
        The same names, for ``load_state_dict`` or ``torch.func.functional_call``.
    """
    check_choice(("z", "r"), gate=gate)
    check_between(0, 1, value=value)

    logit = torch.logit(torch.tensor(value, dtype=torch.float64)).item()
    held = dict(parameters)
    for name, p in parameters.items():
        if name.startswith(("weight", "bias")):  # of a layer: blocks r, z, candidate
            blocks = dict(zip("rzn", p.chunk(3), strict=True))
            number = logit if name.startswith("bias_ih") else 0.0
            blocks[gate] = torch.full_like(blocks[gate], number)
            held[name] = torch.cat([*blocks.values()])
        elif name in (f"W_{gate}", f"U_{gate}", f"b_{gate}"):
            held[name] = torch.full_like(p, logit if name.startswith("b") else 0.0)
    return held


@torch.no_grad()
def jacobian_terms(cell: GRUCell, x: Tensor, h: Tensor) -> dict[str, Tensor]:
    """Return ∂hₜ/∂hₜ₋₁ of one step as its four terms, one per way that leads from h to h.

    With z the share of the old state and n the candidate: diag(z), the shortcut, whose factor is a
    gate and no weight; diag((h − n) z (1 − z)) U_z through the update gate; and, each behind
    diag((1 − z)(1 − n²)), the ways through the candidate itself and through the reset gate:
    diag(r) U and diag((U h + b_U) r (1 − r)) U_r if the reset acts after the product, U diag(r)
    and U diag(h r (1 − r)) U_r if before.

    Args:
        cell: in any variant.
        x: one input, (D,).
        h: the state before, (H,).

    Returns:
        "shortcut", "update", "candidate" and "reset", (H, H) each; they add up to the Jacobian.
    """
    check_kind("cell", cell, GRUCell)
    check_shape("x", x, cell.input_size)
    check_shape("h", h, cell.hidden_size)

    cell, diag = cell.with_z("old"), torch.diag
    z, r, n = (value[0] for value in cell.gates(x[None], h[None]))
    into_n = diag((1 - z) * (1 - n**2))
    if cell.reset == "after":
        through_n = diag(r) @ cell.U
        through_r = diag((cell.U @ h + cell.b_U) * r * (1 - r)) @ cell.U_r
    else:
        through_n = cell.U @ diag(r)
        through_r = cell.U @ diag(h * r * (1 - r)) @ cell.U_r
    return {
        "shortcut": diag(z),
        "update": diag((h - n) * z * (1 - z)) @ cell.U_z,
        "candidate": into_n @ through_n,
        "reset": into_n @ through_r,
    }


# ---- the layer ---------------------------------------------------------------------------------


class GRU(RecurrentLayer):
    """Stacked GRU, batch first, reset after the product; compatible with ``torch.nn.GRU``.

    Arguments as ``RecurrentLayer``, and the one below. The other variants exist as ``GRUCell``.

    Args:
        update_bias: bias of all update gates at the start (the sum of torch's two biases), a number
            or one per unit, (H,); None is torch's random start around 0. z is the share of the old
            state, so along the shortcut ∂hₜ/∂hₜ₋₁ = diag(z) and what is stored fades like
            σ(bias) per step, as in an LSTM with that forget bias. Tallec & Ollivier (2018,
            arXiv:1804.11188) draw ln U[1, T − 1] for memories of up to T steps.
    """

    gates, state_names = 3, "h"
    fast_pass = FastPass(gru_states, gru_gradients)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        update_bias: float | Tensor | None = None,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, **options)
        if update_bias is None:
            return
        if isinstance(update_bias, Tensor):
            check_shape("update_bias", update_bias, hidden_size)
        for name, bias in self.named_parameters():
            if name.startswith("bias"):
                block = bias.detach().chunk(3)[1]  # torch's order is r, z, candidate
                block[:] = update_bias if name.startswith("bias_ih") else 0.0

    def split_bias(self, bias_ih: Tensor, bias_hh: Tensor) -> tuple[Tensor, Tensor | None]:
        return bias_ih, bias_hh  # one acts inside the reset: they do not add up

    def step(self, from_x: Tensor, from_h: Tensor, state: State) -> State:
        (h,) = state
        (r_x, z_x, x), (r_h, z_h, u) = from_x.chunk(3, dim=-1), from_h.chunk(3, dim=-1)
        z = torch.sigmoid(z_x + z_h)
        candidate = torch.tanh(x + torch.sigmoid(r_x + r_h) * u)
        return (z * h + (1 - z) * candidate,)  # (GRU-4)
