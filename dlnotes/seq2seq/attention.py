"""Attention: look back at every annotation (Bahdanau, Cho & Bengio 2015)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dlnotes.checks import check_positive, check_shape


class BahdanauAttention(nn.Module):
    """Additive attention (Bahdanau, Cho, Bengio 2015, eq. 5, 6 and appendix A.1.2).

    e_tj = vᵀ tanh(W s_t + U h_j), α_t = softmax(e_t), c_t = Σ_j α_tj h_j. Has no biases, as there.

    Args:
        query_size: features of the decoder's state s.
        key_size: M, features of an annotation h_j.
        attention_size: A, features compared; None = query_size.
    """

    def __init__(self, query_size: int, key_size: int, attention_size: int | None = None) -> None:
        super().__init__()
        A = query_size if attention_size is None else attention_size
        check_positive(query_size=query_size, key_size=key_size, attention_size=A)

        self.W = nn.Linear(query_size, A, bias=False)
        self.U = nn.Linear(key_size, A, bias=False)
        self.v = nn.Linear(A, 1, bias=False)

    def forward(
        self,
        query: Tensor,
        keys: Tensor,
        mask: Tensor | None = None,
        *,
        projected: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Look at all annotations from T states at once.

        Args:
            query: states s_t, (N, T, query_size).
            keys: annotations h_j, (N, S, M).
            mask: (N, S), True where there is something to look at; None = everywhere.
            projected: U h_j, (N, S, A), if it is already known.

        Returns:
            Contexts c_t, (N, T, M), and weights α_tj, (N, T, S), exactly 0 where the mask is False.
        """
        self._check(query, keys, mask, projected)

        projected = self.U(keys) if projected is None else projected
        compared = torch.tanh(self.W(query)[:, :, None] + projected[:, None])  # (N, T, S, A)
        scores = self.v(compared)[..., 0]
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -torch.inf)
        weights = scores.softmax(dim=-1)
        return weights @ keys, weights

    def _check(
        self, query: Tensor, keys: Tensor, mask: Tensor | None, projected: Tensor | None
    ) -> None:
        check_shape("query", query, "N", "T", self.W.in_features)
        check_shape("keys", keys, len(query), "S", self.U.in_features)
        if mask is not None:
            check_shape("mask", mask, *keys.shape[:2])
            if mask.dtype != torch.bool:
                raise TypeError(f"mask must be boolean, got {mask.dtype}")
        if projected is not None:
            check_shape("projected", projected, *keys.shape[:2], self.W.out_features)


@dataclass(frozen=True)
class Memory:
    """What the decoder may look at: annotations (N, S, M), U h_j (N, S, A), mask (N, S)."""

    annotations: Tensor
    projected: Tensor
    mask: Tensor
