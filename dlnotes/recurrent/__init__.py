"""The engine of the recurrent layers: fast passes through time, with their gradients by hand.

What the RNN, LSTM and GRU of chapters 3 to 5 have in common, so that each chapter holds its own
formulas and nothing else:

    cells   new weights, states, and the weights of a layer for a cell
    layer   ``RecurrentLayer``: layers, directions, lengths, states
    passes  all steps of one layer at once, forward and backward
"""

from dlnotes.recurrent.cells import (
    State,
    bare,
    cell_state,
    check_kind,
    check_sequences,
    copy_into,
    initial_state,
    layer_weights,
    new_weight,
)
from dlnotes.recurrent.layer import Recurrence, RecurrentLayer
from dlnotes.recurrent.passes import (
    FastPass,
    gru_gradients,
    gru_states,
    lstm_gradients,
    lstm_states,
    rnn_gradients,
    rnn_pass,
    rnn_states,
)

__all__ = [
    "FastPass",
    "Recurrence",
    "RecurrentLayer",
    "State",
    "bare",
    "cell_state",
    "check_kind",
    "check_sequences",
    "copy_into",
    "gru_gradients",
    "gru_states",
    "initial_state",
    "layer_weights",
    "lstm_gradients",
    "lstm_states",
    "new_weight",
    "rnn_gradients",
    "rnn_pass",
    "rnn_states",
]
