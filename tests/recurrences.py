"""What the tests of rnn and recurrent share: the layers, random inputs, gradients."""

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st

from dlnotes import rnn
from dlnotes.gru import GRU, GRUCell
from dlnotes.lstm import LSTM, LSTMCell
from dlnotes.rnn import RNN, RNNCell

LAYERS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}
CELLS = {"RNN": RNNCell, "LSTM": LSTMCell, "GRU": GRUCell}
every_layer = pytest.mark.parametrize("name", LAYERS)
exact = dict(rtol=0, atol=1e-10)
few = settings(max_examples=20, deadline=None)
sizes = st.integers(1, 4)


def random(*shape):
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def some_state(layer, n):
    """Return a random initial state, as the layer takes it."""
    shape = layer.num_layers * (1 + layer.bidirectional), n, layer.hidden_size
    return rnn.bare(tuple(random(*shape) for _ in layer.state_names))


def flat(result):
    outputs, state = result
    return outputs, *(state if isinstance(state, tuple) else (state,))


def gradients(results, wanted):
    """Return the gradients of an arbitrary function of all results."""
    value = sum((torch.cos(7 * r.detach()) * r).sum() for r in results)
    return torch.autograd.grad(value, wanted)
