"""What cells and layers share: new weights, states before the first step, weights to copy."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dlnotes.checks import check_choice, check_shape

if TYPE_CHECKING:
    from dlnotes.recurrent.layer import RecurrentLayer

State = tuple[Tensor, ...]  # (h,) or (h, c), each (N, H)

# ---- weights -----------------------------------------------------------------------------------

WEIGHTS = "weight_ih", "weight_hh", "bias_ih", "bias_hh"


def new_weight(*shape: int, bound: float) -> nn.Parameter:
    """Return a new parameter of this shape, uniform in [−bound, bound]."""
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def weight_names(layer_index: int, reverse: bool = False) -> list[str]:
    """Return what ``torch.nn`` calls the four weights of one layer in one direction."""
    suffix = f"_l{layer_index}" + ("_reverse" if reverse else "")
    return [name + suffix for name in WEIGHTS]


def layer_weights(
    layer: "RecurrentLayer", kind: type, layer_index: int = 0, reverse: bool = False
) -> list[Tensor]:
    """Return weight_ih, weight_hh, bias_ih and bias_hh of one layer in one direction.

    Args:
        layer: a layer of the course or the layer of ``torch.nn`` that has its name.
        kind: the course's class that the layer must be.
        layer_index: which of the stacked layers, from 0.
        reverse: True for the direction that reads from the end.
    """
    check_kind("layer", layer, kind, getattr(nn, kind.__name__))
    check_choice(range(layer.num_layers), layer_index=layer_index)
    check_choice((False, True) if layer.bidirectional else (False,), reverse=reverse)

    return [getattr(layer, name) for name in weight_names(layer_index, reverse)]


@torch.no_grad()
def copy_into(module: nn.Module, **values: Tensor) -> None:
    """Copy values into the parameters of these names."""
    for name, value in values.items():
        getattr(module, name).copy_(value)


# ---- states ------------------------------------------------------------------------------------


def cell_state(cell: nn.Module, x: Tensor, state: Any) -> State:
    """Return the state before a step of a cell as a tuple, checked; zeros for None."""
    check_shape("x", x, "N", cell.input_size)
    return initial_state(cell.state_names, state, x, len(x), cell.hidden_size)


def initial_state(names: str, state: Any, x: Tensor, *shape: int) -> State:
    """Return a state as a tuple of tensors of this shape, checked; zeros like ``x`` for None.

    Args:
        names: one letter for each tensor: "h", which comes bare, or "hc", which comes as a tuple.
        state: what the caller was given.
        x: input, whose dtype and device zeros have.
        shape: of each tensor.
    """
    if state is None:
        return tuple(x.new_zeros(shape) for _ in names)
    if len(names) == 1:
        state = (state,)
    elif not isinstance(state, (tuple, list)) or len(state) != len(names):
        given = (
            f"{len(state)} of them" if isinstance(state, (tuple, list)) else type(state).__name__
        )
        raise TypeError(f"state must be a tuple ({', '.join(names)}), got {given}")
    for name, s in zip(names, state, strict=True):
        check_shape(name, s, *shape)
    return tuple(state)


def bare(state: State) -> Tensor | State:
    """Return h for (h,), as ``torch.nn`` has it, and (h, c) as it is."""
    return state if len(state) > 1 else state[0]


# ---- what an argument must be ------------------------------------------------------------------


def check_kind(name: str, module: Any, kind: type, *others: type) -> None:
    """Raise unless a module is of this class: ``check_kind("cell", cell, LSTMCell)``."""
    if not isinstance(module, (kind, *others)):
        article = "a" if kind.__name__.startswith("G") else "an"  # an RNN, an LSTM, a GRU
        raise TypeError(f"{name} must be {article} {kind.__name__}, got {type(module).__name__}")


def check_sequences(x: Tensor, input_size: int) -> None:
    """Raise unless ``x`` is a batch of sequences, (N, T, input_size), of at least one step."""
    check_shape("x", x, "N", "T", input_size)
    if x.shape[1] < 1:
        raise ValueError(f"x must have at least one step, got {tuple(x.shape)}")
