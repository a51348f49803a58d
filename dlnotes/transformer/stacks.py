"""Layers one above the other, and the table of tokens below and above them."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from dlnotes.checks import check_between, check_positive
from dlnotes.seq2seq import check_ids, vocabulary_size
from dlnotes.text import Vocabulary
from dlnotes.transformer.cache import KeyValueCache
from dlnotes.transformer.layers import DecoderLayer, EncoderLayer
from dlnotes.transformer.positions import positional_encoding


class TokenEmbedding(nn.Module):
    """One vector for each token, with the code of its position; and back, to logits.

    Way in: √dim · E[id] + PE (TRF-2). The table starts with variance 1 / dim, so that, times √dim,
    a vector is about as long as the code of its position. Way out: h Eᵀ (TRF-13), the same table
    (Vaswani et al. 2017, §3.4), without a bias.

    Args:
        vocabulary: a ``Vocabulary``, or its size V.
        dim: features of a vector; even.
        dropout: probability of zeroing a feature on the way in, in training.
        positions: False leaves PE out, and with it the order of the tokens.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | int,
        dim: int,
        *,
        dropout: float = 0.0,
        positions: bool = True,
    ) -> None:
        super().__init__()
        size = vocabulary_size("vocabulary", vocabulary)
        positional_encoding(1, dim)  # raises for a dim that has none
        check_between(0, 1, dropout=dropout)

        self.positions = positions
        self.table = nn.Embedding(size, dim)
        nn.init.normal_(self.table.weight, std=dim**-0.5)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, *, start: int = 0) -> Tensor:
        """Return the vectors, (N, T, dim), of token ids (N, T) at positions from ``start``."""
        check_ids("ids", ids, self.table.num_embeddings, "N", "T")
        E, length = self.table.weight, ids.shape[1]
        x = math.sqrt(E.shape[1]) * self.table(ids)
        if self.positions:
            options = dict(start=start, dtype=E.dtype, device=E.device)
            x = x + positional_encoding(length, E.shape[1], **options)
        return self.dropout(x)

    def logits(self, states: Tensor) -> Tensor:
        """Return how well each token of the vocabulary fits: (..., V), for states (..., dim)."""
        return states @ self.table.weight.T


class Encoder(nn.Module):
    """Encoder layers one above the other. Compatible with ``torch.nn.TransformerEncoder``.

    With ``norm_first`` the sum that runs through all layers is never normalised, so it is once at
    the end, by ``norm``; else ``norm`` does nothing. With ``causal=True`` it is the body of GPT.

    Args:
        num_layers: how many.
        dim: features of a token.
        num_heads: heads of each attention.
        feedforward_dim: hidden units of each feed-forward network.
        **options: see ``EncoderLayer``.
    """

    layer_type: type[EncoderLayer] | type[DecoderLayer] = EncoderLayer

    def __init__(
        self, num_layers: int, dim: int, num_heads: int, feedforward_dim: int, **options: Any
    ) -> None:
        super().__init__()
        check_positive(num_layers=num_layers)

        sizes = dim, num_heads, feedforward_dim
        self.layers = nn.ModuleList(self.layer_type(*sizes, **options) for _ in range(num_layers))
        self.norm: nn.Module = nn.Identity()
        if options.get("norm_first"):
            self.norm = nn.LayerNorm(dim, self.layers[0].norm1.eps)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        caches: Sequence[KeyValueCache] | None = None,
    ) -> Tensor:
        """Return the tokens, (N, T, dim), after all layers; arguments as for ``EncoderLayer``.

        Args:
            x: tokens, (N, T, dim).
            mask: the same one for each layer.
            causal: likewise.
            caches: one for each layer, see ``new_caches``.
        """
        for layer, cache in zip(self.layers, self._each(caches), strict=True):
            x = layer(x, mask, causal=causal, cache=cache)
        return self.norm(x)

    def new_caches(self) -> list[KeyValueCache]:
        """Return an empty cache for each layer."""
        return [KeyValueCache() for _ in self.layers]

    def _each(self, caches: Sequence[Any] | None, name: str = "caches") -> Sequence[Any]:
        """Return something for each layer, None by default."""
        if caches is None:
            return [None] * len(self.layers)
        if len(caches) != len(self.layers):
            raise ValueError(f"{name} must be {len(self.layers)}, one a layer, got {len(caches)}")
        return caches


class Decoder(Encoder):
    """Decoder layers one above the other. Compatible with ``torch.nn.TransformerDecoder``.

    Arguments as for ``Encoder``.
    """

    layer_type = DecoderLayer

    def forward(
        self,
        x: Tensor,
        memory: Tensor | Sequence[KeyValueCache],
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        *,
        causal: bool = False,
        caches: Sequence[KeyValueCache] | None = None,
    ) -> Tensor:
        """Return the tokens, (R, T, dim), after all layers; arguments as for ``DecoderLayer``.

        Args:
            x: tokens of the target, (R, T, dim).
            memory: the encoder's output, (N, S, dim), or its keys and values for each layer, see
                ``remember``.
            mask: the same one for each layer.
            memory_mask: likewise.
            causal: likewise.
            caches: one for each layer, see ``new_caches``.
        """
        shared = isinstance(memory, Tensor)
        memories = [memory] * len(self.layers) if shared else self._each(memory, "memory")
        triples = zip(self.layers, memories, self._each(caches), strict=True)
        for layer, own, cache in triples:
            x = layer(x, own, mask, memory_mask, causal=causal, cache=cache)
        return self.norm(x)

    def remember(self, memory: Tensor) -> list[KeyValueCache]:
        """Return each layer's keys and values of the encoder's output, (N, S, dim)."""
        return [layer.multihead_attn.remember(memory) for layer in self.layers]
