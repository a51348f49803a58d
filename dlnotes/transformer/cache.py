"""Keys and values of tokens that have been read, kept while a sequence is written."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlnotes.checks import check_shape


@dataclass
class KeyValueCache:
    """What one attention layer remembers: keys and values of every token so far.

    A token's key and value depend on nothing after it (the mask is causal), so they never change
    and need not be computed again. Queries are not kept: each asks once.

    Args:
        keys: (N, heads, S, d_k); None = nothing yet.
        values: likewise.
    """

    keys: Tensor | None = None
    values: Tensor | None = None

    @property
    def length(self) -> int:
        """How many tokens it holds, S."""
        return 0 if self.keys is None else self.keys.shape[2]

    @property
    def rows(self) -> int:
        """How many sequences it belongs to, N."""
        return 0 if self.keys is None else len(self.keys)

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add keys and values of T more tokens, (N, heads, T, d_k); return all of them."""
        check_shape("values", values, *keys.shape)
        if self.keys is not None and self.values is not None:
            N, heads, _, size = self.keys.shape
            check_shape("keys", keys, N, heads, "T", size)
            keys = torch.cat([self.keys, keys], dim=2)
            values = torch.cat([self.values, values], dim=2)
        self.keys, self.values = keys, values
        return keys, values
