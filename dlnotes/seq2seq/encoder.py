"""The encoder: read a sequence of tokens, in both directions (Bahdanau, Cho & Bengio 2015)."""

import torch
from torch import Tensor, nn

from dlnotes.checks import check_between, check_choice, check_positive
from dlnotes.gru import GRU
from dlnotes.lstm import LSTM
from dlnotes.recurrent import State
from dlnotes.rnn import RNN
from dlnotes.seq2seq.inputs import check_ids, vocabulary_size
from dlnotes.text import Vocabulary

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class Encoder(nn.Module):
    """Read a sequence of tokens, in both directions.

    Args:
        vocabulary: of the source, or its size.
        hidden_size: H, features of one direction.
        embedding_size: features of a token's vector; None = H.
        cell: "rnn", "lstm" or "gru".
        num_layers: recurrent layers, one above the other.
        bidirectional: False reads forwards only.
        dropout: probability of zeroing a feature of the vectors, and between layers, in training.

    Attributes:
        output_size: M, features of an annotation: H for each direction.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | int,
        *,
        hidden_size: int,
        embedding_size: int | None = None,
        cell: str = "lstm",
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_choice(LAYERS, cell=cell)
        check_positive(hidden_size=hidden_size)
        check_between(0, 1, dropout=dropout)

        D = hidden_size if embedding_size is None else embedding_size
        self.embedding = nn.Embedding(vocabulary_size("vocabulary", vocabulary), D)
        options = dict(num_layers=num_layers, bidirectional=bidirectional, dropout=dropout)
        self.layer = LAYERS[cell](D, hidden_size, **options)
        self.dropout = nn.Dropout(dropout)
        self.output_size = hidden_size * (1 + bidirectional)

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        """Encode a batch.

        Args:
            source: token ids, (N, S).
            lengths: how many of them count, from 1 to S, (N,); None = all.

        Returns:
            Annotations h_j, (N, S, M), zero past the end; and the final state of the last layer: a
            tensor (N, M) for h (and one for c), both directions side by side.
        """
        check_ids("source", source, self.embedding.num_embeddings, "N", "S")
        annotations, state = self.layer(self.dropout(self.embedding(source)), lengths=lengths)
        state = state if isinstance(state, tuple) else (state,)
        directions = 1 + self.layer.bidirectional
        return annotations, tuple(torch.cat([*s[-directions:]], dim=-1) for s in state)
