"""A layer of recurrent units: stacked, in one or two directions, over sequences of any lengths.

``Recurrence`` runs one layer in one direction, with its gradients by hand; ``RecurrentLayer`` is
what RNN, LSTM and GRU have in common. A subclass supplies the formulas of a step and a fast pass.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_between, check_positive, check_shape
from dlnotes.recurrent.cells import (
    State,
    bare,
    check_sequences,
    initial_state,
    new_weight,
    weight_names,
)
from dlnotes.recurrent.passes import FastPass


class Recurrence(torch.autograd.Function):
    """One layer in one direction, over all T steps, with its gradients by hand.

    Autograd would record every operation of every step; here the weights meet the inputs in one
    product before the loop, and their gradients come from one product after it. What happens in
    between is the layer's ``fast_pass``. ``RecurrentLayer.unrolled`` is the same function in
    readable form, and takes over when the gradient is itself to be differentiated.
    """

    @staticmethod
    def forward(ctx: Any, layer: "RecurrentLayer", x: Tensor, *weights_and_state: Tensor):
        weight_ih, weight_hh, bias_ih, bias_hh, *state = weights_and_state
        outer, inner = layer.split_bias(bias_ih, bias_hh)
        from_x = F.linear(x, weight_ih, outer)
        outputs, final, kept = layer.fast_pass.forward(from_x, weight_hh, inner, state)
        ctx.layer = layer
        ctx.save_for_backward(x, *weights_and_state, outputs, *kept)
        return outputs, outputs[-1].clone(), *final

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor, *grad_state: Tensor):
        saved, count = ctx.saved_tensors, 5 + len(ctx.layer.state_names)
        inputs, outputs, kept = saved[:count], saved[count], saved[count + 1 :]
        if torch.is_grad_enabled():  # create_graph=True
            return None, *_differentiably(ctx.layer, inputs, (grad_outputs, *grad_state))
        x, weight_ih, weight_hh, _, _, *state = inputs
        before = torch.cat([state[0][None], outputs[:-1]])
        # what reaches h from the outputs: that of the last step at once, the others on the way
        grad_h = grad_state[0] + grad_outputs[-1]
        on_the_way = (torch.zeros_like(grad_h), *grad_outputs[:-1].unbind(0))
        delta_x, delta_h, *grad_state = ctx.layer.fast_pass.backward(
            weight_hh, (before, *state[1:]), outputs, kept, (grad_h, *grad_state[1:]), on_the_way
        )
        grad_x = delta_x @ weight_ih if ctx.needs_input_grad[1] else None
        grad_bias = delta_x.sum((0, 1))
        return (
            None,
            grad_x,
            _weight_gradient(delta_x, x),
            _weight_gradient(delta_h, before),
            grad_bias,
            grad_bias.clone() if delta_h is delta_x else delta_h.sum((0, 1)),
            *grad_state,
        )


def _weight_gradient(delta: Tensor, inputs: Tensor) -> Tensor:
    """Return Σₜ δₜ inputsₜᵀ, (rows, D), of tensors (T, N, rows) and (T, N, D)."""
    # found transposed: with few inputs the matrix product is up to ten times faster that way
    return (inputs.flatten(0, 1).T @ delta.flatten(0, 1)).T


def _differentiably(layer: "RecurrentLayer", inputs: State, grads: State) -> list[Tensor | None]:
    """Return the gradients of ``Recurrence`` as differentiable functions of inputs and grads."""
    with torch.enable_grad():
        # views, because an input may depend on another: only the direct way is to be counted
        inputs = [v.view_as(v) if v.requires_grad else v for v in inputs]
        results = layer.unrolled(*inputs)
        wanted = [v for v in inputs if v.requires_grad]
        found = iter(torch.autograd.grad(results, wanted, grads, create_graph=True))
    return [next(found) if v.requires_grad else None for v in inputs]


class RecurrentLayer(nn.Module):
    """A stack of recurrent layers, one or two directions; a subclass supplies one time step.

    Parameter names, layout and initial values are those of ``torch.nn``'s layers, so state dicts
    load both ways, and the same seed gives the same weights.

    Args:
        input_size: D, features of one input vector.
        hidden_size: H, features of one state.
        num_layers: how many are stacked; each reads the outputs of the one below.
        bidirectional: whether each layer also reads the sequence from its end.
        dropout: probability of zeroing an output between two layers, in training.

    Attributes:
        fused: True uses the gradients by hand (``Recurrence``); False lets autograd follow the
            steps one by one, for ``torch.func`` and forward-mode derivatives. Same result.
    """

    gates: int  # blocks of H rows in a weight matrix
    state_names: str  # "h" or "hc"
    fast_pass: FastPass  # the same steps as ``step``, all at once

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_positive(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_between(0, 1, dropout=dropout)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bidirectional, self.dropout, self.fused = bidirectional, dropout, True
        rows = self.gates * hidden_size
        for layer_index in range(num_layers):
            columns = hidden_size * len(self.directions) if layer_index else input_size
            shapes = (rows, columns), (rows, hidden_size), (rows,), (rows,)
            for reverse in self.directions:
                for name, shape in zip(weight_names(layer_index, reverse), shapes, strict=True):
                    self.register_parameter(name, new_weight(*shape, bound=hidden_size**-0.5))

    @property
    def directions(self) -> tuple[bool, ...]:
        """Whether to read from the end, for each direction."""
        return (False, True) if self.bidirectional else (False,)

    def extra_repr(self) -> str:
        return (
            f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, "
            f"bidirectional={self.bidirectional}, dropout={self.dropout}"
        )

    # -- what a subclass supplies

    def step(self, from_x: Tensor, from_h: Tensor, state: State) -> State:
        """Return the next state, in a form that autograd can follow.

        Args:
            from_x: weights times input, plus bias, (N, gates · H).
            from_h: recurrent weights times h, (N, gates · H).
            state: tensors (N, H), h first.
        """
        raise NotImplementedError

    def split_bias(self, bias_ih: Tensor, bias_hh: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the bias to add to U x for all steps at once, and the one to add to V h."""
        return bias_ih + bias_hh, None

    # -- what it gets

    def weights(self, layer_index: int, reverse: bool = False) -> list[Tensor]:
        """Return weight_ih, weight_hh, bias_ih and bias_hh of one layer in one direction."""
        return [getattr(self, name) for name in weight_names(layer_index, reverse)]

    def unrolled(self, x: Tensor, *weights_and_state: Tensor) -> tuple[Tensor, ...]:
        """Return what ``Recurrence`` returns, step by step: outputs (T, N, H) and last states."""
        states = self.every_state(x, *weights_and_state)
        return torch.stack([state[0] for state in states]), *states[-1]

    def every_state(self, x: Tensor, *weights_and_state: Tensor) -> list[State]:
        """Return the states after each step of one layer; ``x`` is (T, N, D)."""
        weight_ih, weight_hh, bias_ih, bias_hh, *state = weights_and_state
        outer, inner = self.split_bias(bias_ih, bias_hh)
        states = []
        for from_x in F.linear(x, weight_ih, outer).unbind(0):
            state = self.step(from_x, F.linear(state[0], weight_hh, inner), tuple(state))
            states.append(state)
        return states

    def forward(self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None):
        """Run over a batch of sequences.

        Args:
            x: inputs, (N, T, D).
            state: initial state as in ``torch.nn``: h, or (h, c), each
                (num_layers · directions, N, H); zeros if None.
            lengths: how many steps of each sequence count, from 1 to T, (N,) integers; None means
                all. The result is that of running each sequence alone: outputs are zero past its
                end, its last state is that at its end, and the reverse direction starts there.
                What x holds past the end does not matter.

        Returns:
            Outputs of the last layer, (N, T, directions · H), both directions side by side, and
            the last state, of the form of ``state``.
        """
        check_sequences(x, self.input_size)
        depth = self.num_layers * len(self.directions)
        state = initial_state(self.state_names, state, x, depth, len(x), self.hidden_size)
        if lengths is None:
            outputs, state = self._stacked(x.transpose(0, 1), state, self._direction)
        else:
            outputs, state = self._by_length(x, state, lengths)
        return outputs.transpose(0, 1), bare(state)

    @torch.compiler.disable  # which rows are still running depends on the data
    def _by_length(self, x: Tensor, state: State, lengths: Tensor) -> tuple[Tensor, State]:
        """Sort by length, longest first, so that at any time the first n rows are running."""
        check_shape("lengths", lengths, len(x))
        if lengths.is_floating_point() or lengths.dtype == torch.bool:
            raise TypeError(f"lengths must be integers, got {lengths.dtype}")
        by_length, order = lengths.sort(descending=True, stable=True)
        by_length, order = by_length.tolist(), order.to(x.device)
        if by_length and not 1 <= by_length[-1] <= by_length[0] <= x.shape[1]:
            wrong = by_length[-1] if by_length[-1] < 1 else by_length[0]
            raise ValueError(f"lengths must lie in [1, {x.shape[1]}], the size of T, got {wrong}")
        state = tuple(s.index_select(1, order) for s in state)
        run = partial(self._ragged, by_length)
        outputs, state = self._stacked(x[order].transpose(0, 1), state, run)
        back = order.argsort()
        return outputs[:, back], tuple(s.index_select(1, back) for s in state)

    def _stacked(self, x: Tensor, state: State, run: Callable) -> tuple[Tensor, State]:
        """Run all layers over x, (T, N, D); ``run`` is ``_direction`` or ``_ragged``."""
        finals: list[State] = []
        for layer_index in range(self.num_layers):
            outputs = []
            for reverse in self.directions:
                start = tuple(s[len(finals)] for s in state)
                y, final = run(x, self.weights(layer_index, reverse), reverse, start)
                outputs.append(y)
                finals.append(final)
            x = torch.cat(outputs, dim=-1) if self.bidirectional else y
            if layer_index < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        return x, tuple(torch.stack(s) for s in zip(*finals, strict=True))

    def _direction(
        self, x: Tensor, weights: list[Tensor], reverse: bool, state: State
    ) -> tuple[Tensor, State]:
        """Run one layer in one direction over x, (T, N, D), all rows for all steps."""
        arguments = x.flip(0) if reverse else x, *weights, *state
        plain = not self.fused or torch.compiler.is_compiling()  # a compiler fuses by itself
        run = self.unrolled if plain else partial(Recurrence.apply, self)
        device = x.device.type
        autocast = device != "meta" and torch.is_autocast_enabled(device)
        if autocast:  # once for all steps, not operation by operation
            dtype = torch.get_autocast_dtype(device)
            with torch.autocast(device, enabled=False):
                outputs, *state = run(*(a.to(dtype) for a in arguments))
        else:
            outputs, *state = run(*arguments)
        return outputs.flip(0) if reverse else outputs, tuple(state)

    def _ragged(
        self, lengths: list[int], x: Tensor, weights: list[Tensor], reverse: bool, state: State
    ) -> tuple[Tensor, State]:
        """As ``_direction``, but row i is over after ``lengths[i]`` steps, the longest first.

        Between two ends nobody drops out: each such stretch is run with the rows it has.
        """
        N, ends = len(lengths), sorted({0, *lengths, len(x)})
        stretches = x.split([b - a for a, b in itertools.pairwise(ends)])
        rows = [sum(length > start for length in lengths) for start in ends[:-1]]
        direction = -1 if reverse else 1
        outputs = []
        for stretch, n in list(zip(stretches, rows, strict=True))[::direction]:
            if n == 0:
                outputs.append(state[0].new_zeros(len(stretch), N, self.hidden_size))
                continue
            running, waiting = zip(*(s.split([n, N - n]) for s in state), strict=True)
            y, running = self._direction(stretch[:, :n], weights, reverse, running)
            outputs.append(F.pad(y, (0, 0, 0, N - n)))
            state = tuple(map(torch.cat, zip(running, waiting, strict=True)))
        return torch.cat(outputs[::direction]), state
