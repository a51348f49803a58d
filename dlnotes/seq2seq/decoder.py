"""The decoder: write a sequence of tokens, with attention or without.

Differs from Bahdanau et al. (2015): there the context c_t, found with s_{t-1}, is an input of the
recurrence that makes s_t, so that training, too, must go step by step. Here, as in Luong et al.
(2015, §3.1), the recurrence reads the tokens alone, s_t = f(s_{t-1}, y_{t-1}); c_t is found with
s_t, which has seen y_{t-1} but not y_t, and joins after it. With the target known (teacher forcing)
all steps are then one call of the layer and one of the attention. The score is Bahdanau's.
"""

import torch
from torch import Tensor, nn

from dlnotes.checks import check_between, check_choice, check_positive
from dlnotes.recurrent import State, bare
from dlnotes.seq2seq.attention import BahdanauAttention, Memory
from dlnotes.seq2seq.encoder import LAYERS
from dlnotes.seq2seq.inputs import check_ids, vocabulary_size
from dlnotes.text import Vocabulary


class Decoder(nn.Module):
    """Write a sequence of tokens: p(y_t | y_<t, x) for each t.

    s_t = f(s_{t-1}, y_{t-1}); with attention c_t from s_t and s̃_t = tanh(W [s_t, c_t]) (Luong et
    al. 2015, eq. 5); logits V s̃_t + b. Without it the state it starts from is all it knows of x.

    Args:
        vocabulary: of the target, or its size V.
        hidden_size: H.
        memory_size: M, features of an annotation; None = no attention.
        attention_size: A, see ``BahdanauAttention``.
        embedding_size: features of a token's vector; None = H.
        cell: "rnn", "lstm" or "gru".
        num_layers: recurrent layers, one above the other.
        dropout: as for ``Encoder``, and of s̃.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | int,
        *,
        hidden_size: int,
        memory_size: int | None = None,
        attention_size: int | None = None,
        embedding_size: int | None = None,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_choice(LAYERS, cell=cell)
        check_positive(hidden_size=hidden_size)
        check_between(0, 1, dropout=dropout)

        size = vocabulary_size("vocabulary", vocabulary)
        D = hidden_size if embedding_size is None else embedding_size
        self.embedding = nn.Embedding(size, D)
        self.layer = LAYERS[cell](D, hidden_size, num_layers=num_layers, dropout=dropout)
        self.attention = self.combine = None
        if memory_size is not None:
            self.attention = BahdanauAttention(hidden_size, memory_size, attention_size)
            self.combine = nn.Linear(hidden_size + memory_size, hidden_size, bias=False)
        self.output = nn.Linear(hidden_size, size)
        self.dropout = nn.Dropout(dropout)

    def first_state(self, *vectors: Tensor) -> State:
        """Return tanh of vectors (R, num_layers · H), for h (and for c), as a state to start from.

        Returns:
            A tuple of (num_layers, R, H).
        """
        shape = self.layer.num_layers, self.layer.hidden_size
        states = (torch.tanh(v).unflatten(-1, shape) for v in vectors)
        return tuple(s.transpose(0, 1).contiguous() for s in states)

    def forward(
        self, target_in: Tensor, state: State, memory: Memory | None = None
    ) -> tuple[Tensor, State, Tensor | None]:
        """Take T steps: all of them in training, one at a time when writing.

        Args:
            target_in: ids of the tokens before, y_0 … y_{T-1} with y_0 = begin, (R, T).
            state: h (and c) to start from, a tuple of (num_layers, R, H).
            memory: of N sources, each read by R / N consecutive rows: 1, or the beam.

        Returns:
            Logits of y_1 … y_T, (R, T, V), the state after the last step, and the weights,
            (N, (R / N) · T, S), None without attention.
        """
        check_ids("target_in", target_in, self.embedding.num_embeddings, "N", "T")
        if self.attention is not None and memory is None:
            raise ValueError("memory must be given to a decoder with attention, got None")

        states, state = self.layer(self.dropout(self.embedding(target_in)), bare(state))
        weights = None
        if self.attention is not None:
            keys = memory.annotations
            query = states.reshape(len(keys), -1, states.shape[-1])  # rows of one source together
            context, weights = self.attention(query, keys, memory.mask, projected=memory.projected)
            context = context.reshape(*states.shape[:2], -1)
            states = torch.tanh(self.combine(torch.cat([states, context], dim=-1)))
        state = state if isinstance(state, tuple) else (state,)
        return self.output(self.dropout(states)), state, weights

    def step(
        self, last: Tensor, state: State, *, memory: Memory | None = None
    ) -> tuple[Tensor, State]:
        """Take one step from the last tokens, ids (R,); return logits (R, V) and the state."""
        logits, state, _ = self(last[:, None], state, memory)
        return logits[:, 0], state
