"""Attention: a soft dictionary, and several of them side by side (Vaswani et al. 2017, §3.2)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_between, check_positive, check_shape
from dlnotes.transformer.cache import KeyValueCache
from dlnotes.transformer.masks import causal_mask, check_mask


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Let each query ask all keys, and mix the values by the answers, softmax(Q Kᵀ / √d_k) V.

    The formula as it stands (TRF-7), with the weights; without them torch's fused function, which
    ``MultiHeadAttention`` uses, gives the same output and never holds T · S numbers at once.

    Args:
        query: Q, (..., T, d_k).
        key: K, (..., S, d_k), with the same leading sizes.
        value: V, (..., S, d_v).
        mask: (T, S), or as many axes as the scores (..., T, S); True where attention is allowed,
            None = everywhere. All sizes but the last may be 1.
        dropout: probability of leaving a weight out; the weights returned are those before it.

    Returns:
        Output, (..., T, d_v), and weights, (..., T, S), exactly 0 where the mask is False. They
        sum to 1, but to 0 for a query that may look nowhere, whose output is 0 then.
    """
    check_shape("key", key, "...", "S", "d_k")
    *leading, S, d_k = key.shape
    check_shape("query", query, *leading, "T", d_k)
    check_shape("value", value, *leading, S, "d_v")

    scores = query @ key.transpose(-2, -1) / math.sqrt(d_k)
    if mask is not None:
        check_mask(mask, tuple(scores.shape[-2:]), tuple(scores.shape))
        scores = scores.masked_fill(~mask, -torch.inf)
    weights = scores.softmax(dim=-1)
    if mask is not None:  # softmax gives nan for a query that may look nowhere
        weights = weights.masked_fill(~mask, 0.0)
    return F.dropout(weights, dropout) @ value, weights


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each with projections of its own (TRF-3, TRF-8).

    head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V), then one linear map of all heads together, W^O.
    The W_i^Q of all heads are the rows of one matrix; ``in_proj_weight`` holds W^Q, W^K and W^V one
    below the other. Compatible with ``torch.nn.MultiheadAttention``.

    Args:
        dim: features of a token, in and out.
        num_heads: each has d_k = dim / num_heads features.
        dropout: probability of leaving a weight out, in training.
        bias: whether the four linear maps have one.
    """

    def __init__(
        self, dim: int, num_heads: int, *, dropout: float = 0.0, bias: bool = True
    ) -> None:
        super().__init__()
        check_positive(dim=dim, num_heads=num_heads)
        check_between(0, 1, dropout=dropout)
        if dim % num_heads:
            raise ValueError(f"num_heads must divide dim = {dim}, got {num_heads}")

        self.dim, self.num_heads, self.dropout = dim, num_heads, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim)) if bias else None
        self.out_proj = nn.Linear(dim, dim, bias=bias)
        nn.init.xavier_uniform_(self.in_proj_weight)  # as torch's layer
        if bias:
            nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor | None,
        value: Tensor | None,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        cache: KeyValueCache | None = None,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Let T tokens look at S tokens.

        Args:
            query: who asks, (N, T, dim).
            key: who answers, (N, S, dim); the same tensor as ``query`` in self-attention. None,
                and ``value``, too: nobody but those whom the cache holds.
            value: what is handed over, (N, S, dim).
            mask: True where attention is allowed: (T, S), (N, T, S), or (N, heads, T, S). All sizes
                but the last may be 1, so a padding mask is (N, 1, S). S counts the cache, too.
            causal: hide what stands after each query, besides what the mask hides; queries and new
                keys are then the same tokens. Faster than a mask, and takes no memory.
            cache: keys and values of tokens before these; those of ``key`` are added to it.
            need_weights: return the weights; without them torch's fused function is used.

        Returns:
            Output, (N, T, dim), and the weights of each head before dropout, (N, heads, T, S), or
            None.
        """
        self._check(query, key, value, causal, cache)

        q, k, v = self._project(query, key, value)
        if k is None:
            k, v = cache.keys, cache.values
        elif cache is not None:
            k, v = cache.append(k, v)
        mask, causal = self._whole_mask(q, k, mask, causal, need_weights)
        dropout = self.dropout if self.training else 0.0
        if need_weights:
            heads, weights = scaled_dot_product_attention(q, k, v, mask, dropout=dropout)
        else:
            weights = None
            heads = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=causal
            )
        return self.out_proj(heads.transpose(1, 2).flatten(2)), weights

    def remember(self, memory: Tensor) -> KeyValueCache:
        """Return keys and values of tokens (N, S, dim) for queries that come one after another."""
        check_shape("memory", memory, "N", "S", self.dim)
        weight, bias = self._rows(self.dim, 3 * self.dim)
        k, v = self._heads(F.linear(memory, weight, bias), 2)
        return KeyValueCache(k, v)

    def _project(
        self, query: Tensor, key: Tensor | None, value: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return Q, K, V by heads, each (N, heads, tokens, d_k), by as few products as possible."""
        D = self.dim
        if query is key and key is value:
            return self._heads(F.linear(query, self.in_proj_weight, self.in_proj_bias), 3)
        (q,) = self._heads(F.linear(query, *self._rows(0, D)), 1)
        if key is None:
            return q, None, None
        if key is value:
            return q, *self._heads(F.linear(key, *self._rows(D, 3 * D)), 2)
        (k,) = self._heads(F.linear(key, *self._rows(D, 2 * D)), 1)
        (v,) = self._heads(F.linear(value, *self._rows(2 * D, 3 * D)), 1)
        return q, k, v

    def _rows(self, start: int, end: int) -> tuple[Tensor, Tensor | None]:
        """Return rows of the input projection, and of its bias."""
        bias = self.in_proj_bias
        return self.in_proj_weight[start:end], None if bias is None else bias[start:end]

    def _heads(self, projected: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Split (N, T, parts · dim) into parts, and each by heads: (N, heads, T, d_k)."""
        sizes = parts, self.num_heads, self.dim // self.num_heads
        return projected.unflatten(-1, sizes).permute(2, 0, 3, 1, 4).unbind(0)

    def _whole_mask(
        self, q: Tensor, k: Tensor, mask: Tensor | None, causal: bool, plain: bool
    ) -> tuple[Tensor | None, bool]:
        """Return the mask with four axes, and whether torch's own causal one is to be used."""
        (N, heads, T, _), S = q.shape, k.shape[2]
        if mask is not None:
            check_mask(mask, (T, S), (N, T, S), (N, heads, T, S))
            mask = mask[:, None] if mask.ndim == 3 else mask
        if not causal or T == 1:  # a single query is the last token: nothing comes after it
            return mask, False
        if mask is None and T == S and not plain:  # torch's aligns the first query and first key
            return None, True
        hidden = causal_mask(T, past=S - T, device=q.device)
        return hidden if mask is None else mask & hidden, False

    def _check(
        self,
        query: Tensor,
        key: Tensor | None,
        value: Tensor | None,
        causal: bool,
        cache: KeyValueCache | None,
    ) -> None:
        check_shape("query", query, "N", "T", self.dim)
        if key is None or value is None:
            if key is not None or value is not None:
                raise ValueError("key and value must both be given or both None, got one of them")
            if cache is None or not cache.length:
                raise ValueError(f"cache must hold tokens where key is None, got {cache}")
        else:
            check_shape("key", key, len(query), "S", self.dim)
            check_shape("value", value, *key.shape[:2], self.dim)
        if causal and (key is None or key.shape[1] != query.shape[1]):
            raise ValueError(
                "causal needs queries and keys of the same tokens, got "
                f"{query.shape[1]} queries and {0 if key is None else key.shape[1]} keys"
            )
        if cache is not None and cache.length and len(cache.keys) != len(query):
            raise ValueError(f"cache must be of {len(query)} rows, got {len(cache.keys)}")
