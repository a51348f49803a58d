"""Hierarchical softmax: instead of one choice among V words, some ln V choices between two."""

import heapq
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_positive, check_shape
from dlnotes.seq2seq import check_ids


def huffman_codes(counts: Sequence[int] | Tensor) -> tuple[list[list[int]], list[list[int]]]:
    """Return the way from the root to each word in the tree that makes the mean way shortest.

    Huffman (1952): again and again the two rarest subtrees become one. Ties go to the one that was
    there first, words before subtrees.

    Args:
        counts: how often each of V words occurs; at least two words.

    Returns:
        For each word the nodes it passes, from 0 to V − 2, the root being V − 2; and at each of
        them which way it goes, 0 (left) or 1.

    >>> huffman_codes([6, 2, 1, 1])[1]
    [[1], [0, 0], [0, 1, 0], [0, 1, 1]]
    """
    counts = counts.tolist() if isinstance(counts, Tensor) else list(counts)
    if len(counts) < 2 or min(counts) < 0:
        raise ValueError(f"counts must hold two or more numbers from 0 on, got {counts[:5]}")

    V = len(counts)
    heap = [(count, i) for i, count in enumerate(counts)]  # subtrees get the numbers from V on
    heapq.heapify(heap)
    parent: dict[int, tuple[int, int]] = {}
    for node in range(V - 1):
        children = heapq.heappop(heap), heapq.heappop(heap)
        for way, (_, child) in enumerate(children):
            parent[child] = node, way
        heapq.heappush(heap, (children[0][0] + children[1][0], V + node))
    nodes, ways = [], []
    for word in range(V):
        steps, at = [], word
        while at in parent:
            steps.append(parent[at])
            at = V + parent[at][0]
        nodes.append([node for node, _ in reversed(steps)])
        ways.append([way for _, way in reversed(steps)])
    return nodes, ways


class HierarchicalSoftmax(nn.Module):
    """p(w | v) = Π_n σ(±u_nᵀ v) over the nodes on the way to w (W2V-9; Morin & Bengio 2005).

    + goes right, − left: since σ(x) + σ(−x) = 1 at every node, all words together have
    probability 1, and no sum over the vocabulary is needed.

    Args:
        counts: how often each of V words occurs, for the shortest ways, (V,).
        dim: D.

    Attributes:
        node: u, the vectors of the V − 1 nodes, (V − 1, D).
        nodes: the way to each word, filled up with 0, (V, S).
        signs: +1 right, −1 left, 0 past the end of the way, int64 (V, S).
    """

    def __init__(self, counts: Sequence[int] | Tensor, dim: int) -> None:
        super().__init__()
        check_positive(dim=dim)
        nodes, ways = huffman_codes(counts)

        self.node = nn.Embedding(len(nodes) - 1, dim)
        nn.init.uniform_(self.node.weight, -0.5 / dim, 0.5 / dim)
        longest = max(map(len, nodes))
        filled = [row + [0] * (longest - len(row)) for row in nodes]
        signs = [[2 * w - 1 for w in row] + [0] * (longest - len(row)) for row in ways]
        self.register_buffer("nodes", torch.tensor(filled))
        self.register_buffer("signs", torch.tensor(signs))

    def forward(self, v: Tensor) -> Tensor:
        """Return ln p(w | v) of all words, (N, V), for v (N, D); ``loss`` is what trains."""
        check_shape("v", v, "N", self.node.embedding_dim)

        scores = v @ self.node.weight.T
        return self._log_probability(scores[:, self.nodes], self.signs)

    def loss(self, v: Tensor, words: Tensor) -> Tensor:
        """Return the mean of −ln p(w | v), looking only at the nodes on the way.

        Args:
            v: vectors of the centre words, (N, D).
            words: ids of the words beside them, (N,).
        """
        check_ids("words", words, len(self.nodes), "N")
        check_shape("v", v, len(words), self.node.embedding_dim)

        scores = (self.node(self.nodes[words]) @ v[..., None])[..., 0]
        return -self._log_probability(scores, self.signs[words]).mean()

    @staticmethod
    def _log_probability(scores: Tensor, signs: Tensor) -> Tensor:
        return (F.logsigmoid(scores * signs) * signs.abs()).sum(-1)
