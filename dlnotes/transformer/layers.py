"""The layers of encoder and decoder: attention moves, the feed-forward network computes.

Both are what BERT, GPT and ViT are made of, too: ``norm_first``, ``activation``,
``layer_norm_eps`` and the three places of dropout are where these differ.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_between, check_choice, check_positive, check_shape
from dlnotes.transformer.attention import MultiHeadAttention
from dlnotes.transformer.cache import KeyValueCache

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,  # x Φ(x), exactly: BERT, ViT
    "gelu_tanh": partial(F.gelu, approximate="tanh"),  # its approximation: GPT-2
}


class _Layer(nn.Module):
    """What both layers share: the feed-forward network, and how a sublayer is added.

    The names of the parts are those of torch's layers, whose weights they take.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        feedforward_dim: int,
        *,
        dropout: float = 0.0,
        norm_first: bool = False,
        activation: str = "relu",
        attention_dropout: float | None = None,
        activation_dropout: float | None = None,
        layer_norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        attention_dropout = dropout if attention_dropout is None else attention_dropout
        activation_dropout = dropout if activation_dropout is None else activation_dropout
        check_positive(feedforward_dim=feedforward_dim)
        check_choice(ACTIVATIONS, activation=activation)
        check_between(0, 1, dropout=dropout, attention_dropout=attention_dropout)
        check_between(0, 1, activation_dropout=activation_dropout, layer_norm_eps=layer_norm_eps)

        self.dim, self.norm_first, self.activation = dim, norm_first, activation
        self.self_attn = MultiHeadAttention(dim, num_heads, dropout=attention_dropout)
        self.linear1 = nn.Linear(dim, feedforward_dim)
        self.linear2 = nn.Linear(feedforward_dim, dim)
        self.norm1 = nn.LayerNorm(dim, layer_norm_eps)
        self.norm2 = nn.LayerNorm(dim, layer_norm_eps)
        self.dropout = nn.Dropout(dropout)
        self.activation_dropout = nn.Dropout(activation_dropout)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Compute on each token alone: max(0, x W_1 + b_1) W_2 + b_2 (TRF-10)."""
        inner = ACTIVATIONS[self.activation](self.linear1(x))
        return self.linear2(self.activation_dropout(inner))

    def add(self, x: Tensor, norm: nn.Module, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """Return LayerNorm(x + Sublayer(x)) (TRF-9), or x + Sublayer(LayerNorm(x))."""
        if self.norm_first:
            return x + self.dropout(sublayer(norm(x)))
        return norm(x + self.dropout(sublayer(x)))


class EncoderLayer(_Layer):
    """Self-attention, then the feed-forward network, each added to its input and normalised.

    Compatible with ``torch.nn.TransformerEncoderLayer``.

    Args:
        dim: features of a token.
        num_heads: heads of the attention.
        feedforward_dim: hidden units of the feed-forward network.
        dropout: probability of zeroing a feature of what a sublayer adds, in training.
        norm_first: normalise the input of a sublayer (GPT-2, ViT) and not the sum (2017, BERT).
        activation: "relu", "gelu", or "gelu_tanh", its approximation.
        attention_dropout: probability of leaving an attention weight out; None = ``dropout``.
        activation_dropout: probability of zeroing a hidden unit; None = ``dropout``, as in torch
            and torchvision; BERT and GPT-2 have 0.
        layer_norm_eps: added to the variance; BERT has 1e-12, ViT 1e-6.
    """

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Return the tokens after the layer, (N, T, dim).

        Args:
            x: tokens, (N, T, dim).
            mask: see ``MultiHeadAttention``.
            causal: each token sees itself and those before it; so are the layers of GPT.
            cache: of the tokens before these; these are added to it.
        """
        check_shape("x", x, "N", "T", self.dim)

        def look(y: Tensor) -> Tensor:
            return self.self_attn(y, y, y, mask, causal=causal, cache=cache)[0]

        x = self.add(x, self.norm1, look)
        return self.add(x, self.norm2, self.feed_forward)


class DecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output, then the feed-forward network.

    Compatible with ``torch.nn.TransformerDecoderLayer``; arguments as for ``EncoderLayer``.
    """

    def __init__(self, dim: int, num_heads: int, feedforward_dim: int, **options: Any) -> None:
        super().__init__(dim, num_heads, feedforward_dim, **options)
        self.multihead_attn = MultiHeadAttention(dim, num_heads, dropout=self.self_attn.dropout)
        self.norm3 = nn.LayerNorm(dim, self.norm1.eps)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | KeyValueCache,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        *,
        causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Return the tokens after the layer, (R, T, dim).

        Args:
            x: tokens of the target, (R, T, dim).
            memory: the encoder's output, (N, S, dim) with N = R; or, to write token by token, its
                keys and values, ``layer.multihead_attn.remember(output)``: then R / N consecutive
                rows read the same source, 1 or a beam.
            mask: which targets see which, see ``MultiHeadAttention``.
            memory_mask: which sources they see, likewise; for padding (N, 1, S).
            causal: each target sees itself and those before it.
            cache: of the targets before these; these are added to it.
        """
        check_shape("x", x, "R", "T", self.dim)
        if isinstance(memory, Tensor):
            check_shape("memory", memory, len(x), "S", self.dim)

        def look(y: Tensor) -> Tensor:
            return self.self_attn(y, y, y, mask, causal=causal, cache=cache)[0]

        def look_back(y: Tensor) -> Tensor:  # the target asks, the source answers (TRF-12)
            if isinstance(memory, Tensor):
                return self.multihead_attn(y, memory, memory, memory_mask)[0]
            asked = y.reshape(memory.rows, -1, self.dim)  # all questions to one source together
            answers, _ = self.multihead_attn(asked, None, None, memory_mask, cache=memory)
            return answers.reshape(y.shape)

        x = self.add(x, self.norm1, look)
        x = self.add(x, self.norm2, look_back)
        return self.add(x, self.norm3, self.feed_forward)
