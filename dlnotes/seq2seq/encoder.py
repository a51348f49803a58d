"""The encoder: read a sequence of tokens."""

import torch
from torch import Tensor, nn

from dlnotes.checks import (
    check_between,
    check_choice,
    check_positive,
    check_shape,
)
from dlnotes.gru import GRU
from dlnotes.lstm import LSTM
from dlnotes.rnn import RNN, State
from dlnotes.text import Vocabulary

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


def vocabulary_size(name: str, vocabulary: Vocabulary | int) -> int:
    """Return how many tokens there are; a vocabulary may be given as this number alone."""
    size = len(vocabulary) if isinstance(vocabulary, Vocabulary) else vocabulary
    check_positive(**{name: size})
    return size


def check_ids(name: str, ids: Tensor, size: int, *shape: int | str) -> None:
    """Raise unless ``ids`` are numbers of tokens, integers in [0, size), and of this shape."""
    check_shape(name, ids, *shape)
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise TypeError(f"{name} must be integers, got {ids.dtype}")
    if torch.compiler.is_compiling() or not ids.numel():  # a look at the values splits the graph
        return
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= size:
        wrong = low if low < 0 else high
        raise ValueError(f"{name} must lie in [0, {size - 1}], got {wrong}")


def mask_of_lengths(source: Tensor, lengths: Tensor | None) -> Tensor:
    """Return which tokens of ``source``, (N, S), count: the first ``lengths``; None = all."""
    if lengths is None:
        return torch.ones_like(source, dtype=torch.bool)
    positions = torch.arange(source.shape[1], device=source.device)
    return positions < lengths.to(source.device)[:, None]


# ---- the encoder -------------------------------------------------------------------------------


class Encoder(nn.Module):
    """Read a sequence of tokens, in both directions.

    Args:
        vocabulary: of the source, or its size.
        hidden_size: H, features of one direction.
        embedding_size: features of a token's vector; None = H.
        cell: "rnn", "lstm" or "gru".
        num_layers: levels.
        bidirectional: False reads forwards only.
        dropout: probability of zeroing a feature of the vectors, and between levels, in training.

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
            source: numbers of tokens, (N, S).
            lengths: how many of them count, from 1 to S, (N,); None = all.

        Returns:
            Annotations h_j, (N, S, M), zero past the end; and what the last level has in memory
            when it has read all: a tensor (N, M) for h (and one for c), both directions side by
            side.
        """
        check_ids("source", source, self.embedding.num_embeddings, "N", "S")
        annotations, state = self.layer(self.dropout(self.embedding(source)), lengths=lengths)
        state = state if isinstance(state, tuple) else (state,)
        directions = 1 + self.layer.bidirectional
        return annotations, tuple(torch.cat([*s[-directions:]], dim=-1) for s in state)
