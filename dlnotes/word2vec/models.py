"""Skip-gram and continuous bag of words (Mikolov et al. 2013a): two tables, and a dot product."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_at_least, check_positive, check_shape
from dlnotes.seq2seq import check_ids
from dlnotes.word2vec.losses import ScoreTable, negative_loss
from dlnotes.word2vec.windows import Blocks


class SkipGram(nn.Module):
    """A word guesses each of its neighbours: p(o | c) = softmax(u_oᵀ v_c) (W2V-1).

    Args:
        vocabulary_size: V.
        dim: D, numbers per word.

    Attributes:
        center: v, the vectors of words that guess, which are kept, (V, D).
        context: u, the vectors of words that are guessed, (V, D).
    """

    def __init__(self, vocabulary_size: int, dim: int) -> None:
        super().__init__()
        check_positive(vocabulary_size=vocabulary_size, dim=dim)
        self.center, self.context = _table(vocabulary_size, dim), _table(vocabulary_size, dim)

    @property
    def vectors(self) -> Tensor:
        """The word vectors, (V, D)."""
        return self.center.weight.detach()

    def forward(self, center: Tensor) -> Tensor:
        """Return the scores of all words beside each centre word, logits (N, V) for ids (N,)."""
        check_ids("center", center, self.center.num_embeddings, "N")

        return self.center(center) @ self.context.weight.T

    def softmax_loss(self, center: Tensor, context: Tensor) -> Tensor:
        """Return the mean of −ln p(o | c) over pairs of ids, (N,) each: for small vocabularies."""
        check_ids("context", context, self.context.num_embeddings, "N")
        check_shape("center", center, len(context))

        return F.cross_entropy(self(center), context)

    def negative_sampling_loss(
        self, center: Tensor, context: Tensor, noise: Tensor, *, negatives: float | None = None
    ) -> Tensor:
        """Return the mean of ``negative_loss`` over pairs (W2V-4).

        Args:
            center: ids, (N,).
            context: ids of words that stand beside them, (N,).
            noise: ids of words drawn from the noise distribution, (N, K).
            negatives: k, as how many noise words these K count; None = K.
        """
        check_ids("center", center, self.center.num_embeddings, "N")
        check_ids("context", context, self.context.num_embeddings, len(center))
        check_ids("noise", noise, self.context.num_embeddings, len(center), "K")

        v, u, n = self.center(center), self.context(context), self.context(noise)
        return negative_loss(v, u, n, negatives=negatives).mean()

    def block_loss(self, blocks: Blocks, *, negatives: int = 5) -> Tensor:
        """Return the same mean for all pairs of ``blocks``: fast, for training.

        All words of a block are scored against each other and against the block's K noise words in
        one product, and what is no pair gets weight 0. Every vector is fetched once, not once for
        each of its pairs. A noise word counts for a centre as often as that has neighbours.
        """
        words, near, noise = _checked(blocks, negatives)
        L, M, K = near.shape[1], near.shape[2], noise.shape[1]
        w = (M - L) // 2

        v = _rows(self.center, words[:, w : w + L])
        u = _rows(self.context, torch.cat([words, noise], dim=1))
        near = near.to(v.dtype)
        neighbours = near.sum(2, keepdim=True)
        weight = torch.cat([near, (neighbours * (negatives / max(K, 1))).expand(-1, -1, K)], dim=2)
        return ScoreTable.apply(v, u, weight, M) / neighbours.sum().clamp(min=1)


class CBOW(nn.Module):
    """The mean of a word's neighbours guesses the word: softmax(u_oᵀ mean(v_c)) (W2V-3).

    Args:
        vocabulary_size: V.
        dim: D, numbers per word.

    Attributes:
        context: v, the vectors of the words that guess, which are kept, (V, D).
        center: u, the vectors of the words that are guessed, (V, D).
    """

    def __init__(self, vocabulary_size: int, dim: int) -> None:
        super().__init__()
        check_positive(vocabulary_size=vocabulary_size, dim=dim)
        self.context, self.center = _table(vocabulary_size, dim), _table(vocabulary_size, dim)

    @property
    def vectors(self) -> Tensor:
        """The word vectors, (V, D)."""
        return self.context.weight.detach()

    def mean(self, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the mean vector of each row of neighbours, (N, D); arguments as ``forward``."""
        check_ids("context", context, self.context.num_embeddings, "N", "C")
        if mask is None:
            mask = torch.ones_like(context, dtype=torch.bool)
        check_shape("mask", mask, *context.shape)
        if mask.dtype != torch.bool:
            raise TypeError(f"mask must be a tensor of bool, got {mask.dtype}")
        if not torch.compiler.is_compiling() and not mask.any(1).all():
            row = int(mask.any(1).logical_not().nonzero()[0])
            raise ValueError(f"mask must be True somewhere in each row, got row {row} without")

        share = mask.to(self.context.weight.dtype)
        share = share / share.sum(1, keepdim=True)
        return (share[:, None] @ self.context(context))[:, 0]

    def forward(self, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the scores of all words amid these neighbours, logits (N, V).

        Args:
            context: ids of the neighbours, (N, C); their order does not matter.
            mask: which of them count, bool (N, C); None = all.
        """
        return self.mean(context, mask) @ self.center.weight.T

    def softmax_loss(self, context: Tensor, center: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the mean of −ln p(centre | neighbours): for small vocabularies."""
        check_ids("center", center, self.center.num_embeddings, "N")
        check_shape("context", context, len(center), "C")

        return F.cross_entropy(self(context, mask), center)

    def negative_sampling_loss(
        self,
        context: Tensor,
        center: Tensor,
        noise: Tensor,
        mask: Tensor | None = None,
        *,
        negatives: float | None = None,
    ) -> Tensor:
        """Return the mean of ``negative_loss``, the neighbours' mean in place of v (W2V-4).

        Args:
            context: ids of the neighbours, (N, C).
            center: ids of the words amid them, (N,).
            noise: ids of words drawn from the noise distribution, (N, K).
            mask: see ``forward``.
            negatives: k, as how many noise words these K count; None = K.
        """
        check_ids("center", center, self.center.num_embeddings, "N")
        check_ids("noise", noise, self.center.num_embeddings, len(center), "K")
        check_shape("context", context, len(center), "C")

        v, u, n = self.mean(context, mask), self.center(center), self.center(noise)
        return negative_loss(v, u, n, negatives=negatives).mean()

    def block_loss(self, blocks: Blocks, *, negatives: int = 5) -> Tensor:
        """Return the same mean for all centre words of ``blocks`` that have a neighbour: fast."""
        words, near, noise = _checked(blocks, negatives)
        L, M, K = near.shape[1], near.shape[2], noise.shape[1]
        w = (M - L) // 2

        v = _rows(self.context, words)
        u = _rows(self.center, torch.cat([words[:, w : w + L], noise], dim=1))
        near = near.to(v.dtype)
        neighbours = near.sum(2, keepdim=True)
        v = (near / neighbours.clamp(min=1)) @ v
        counts = neighbours.clamp(max=1)  # 0 without a neighbour, else 1
        true = counts * torch.eye(L, dtype=v.dtype, device=v.device)
        weight = torch.cat([true, (counts * (negatives / max(K, 1))).expand(-1, -1, K)], dim=2)
        return ScoreTable.apply(v, u, weight, L) / counts.sum().clamp(min=1)


def _table(vocabulary_size: int, dim: int) -> nn.Embedding:
    """Return a table of small random vectors; word2vec.c starts those that are guessed at 0."""
    table = nn.Embedding(vocabulary_size, dim)
    nn.init.uniform_(table.weight, -0.5 / dim, 0.5 / dim)
    return table


def _rows(table: nn.Embedding, ids: Tensor) -> Tensor:
    """Return the vectors of ids; ``index_select`` goes back three times as fast as indexing."""
    return table.weight.index_select(0, ids.flatten()).view(*ids.shape, -1)


def _checked(blocks: Blocks, negatives: int) -> Blocks:
    words, near, noise = blocks
    check_shape("near", near, "B", "L", "M")
    check_shape("words", words, near.shape[0], near.shape[2])
    check_shape("noise", noise, near.shape[0], "K")
    check_at_least(0, negatives=negatives)
    return Blocks(words, near, noise)
