"""The Transformer: an encoder and a decoder of attention alone (Vaswani et al. 2017)."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlnotes.checks import check_choice, check_shape
from dlnotes.seq2seq import beam_search, check_ids, vocabulary_size, write_tokens
from dlnotes.text import Vocabulary
from dlnotes.transformer.masks import padding_mask
from dlnotes.transformer.stacks import Decoder, Encoder, TokenEmbedding
from dlnotes.transformer.writing import CachedSteps, UncachedSteps


@dataclass(frozen=True)
class Memory:
    """What the decoder may look at: the encoder's output (N, S, dim); which count, (N, 1, S)."""

    states: Tensor
    mask: Tensor | None

    def repeated(self, times: int) -> "Memory":
        """Return each source so many times, one beside the other."""
        mask = None if self.mask is None else self.mask.repeat_interleave(times, dim=0)
        return Memory(self.states.repeat_interleave(times, dim=0), mask)


class Transformer(nn.Module):
    """An encoder reads the source, a decoder writes the target: p(y | x) = Π_t p(y_t | y_<t, x).

    Called, trained and searched as ``seq2seq.Seq2Seq``.

    Args:
        source_vocabulary: a ``Vocabulary``, or its size.
        target_vocabulary: a ``Vocabulary``, whose special tokens are used, or its size V.
        dim: features of a token; even.
        num_heads: heads of each attention.
        num_layers: layers of the encoder, and of the decoder.
        feedforward_dim: hidden units of each feed-forward network.
        dropout: see ``TokenEmbedding`` and ``EncoderLayer``.
        norm_first: see ``EncoderLayer``; the paper has False.
        activation: see ``EncoderLayer``.
        positions: see ``TokenEmbedding``.
        shared: one table of tokens for source and target, which have the same vocabulary then.
        padding, begin, end: ids of the target's special tokens, for a vocabulary that is given as
            a size: 0, 1 and 2, as in ``Vocabulary``.
    """

    def __init__(
        self,
        source_vocabulary: Vocabulary | int,
        target_vocabulary: Vocabulary | int,
        *,
        dim: int,
        num_heads: int,
        num_layers: int,
        feedforward_dim: int,
        dropout: float = 0.0,
        norm_first: bool = False,
        activation: str = "relu",
        positions: bool = True,
        shared: bool = False,
        padding: int = Vocabulary.padding,
        begin: int = Vocabulary.begin,
        end: int = Vocabulary.end,
    ) -> None:
        super().__init__()
        sizes = (
            vocabulary_size("source_vocabulary", source_vocabulary),
            vocabulary_size("target_vocabulary", target_vocabulary),
        )
        check_choice(range(sizes[1]), padding=padding, begin=begin, end=end)
        if shared and sizes[0] != sizes[1]:
            raise ValueError(
                f"shared needs vocabularies of one size, got {sizes[0]} and {sizes[1]}"
            )

        self.padding, self.begin, self.end = padding, begin, end
        embed = partial(TokenEmbedding, dim=dim, dropout=dropout, positions=positions)
        self.source = embed(sizes[0])
        self.target = self.source if shared else embed(sizes[1])
        options = dict(dropout=dropout, norm_first=norm_first, activation=activation)
        self.encoder = Encoder(num_layers, dim, num_heads, feedforward_dim, **options)
        self.decoder = Decoder(num_layers, dim, num_heads, feedforward_dim, **options)
        for weight in (*self.encoder.parameters(), *self.decoder.parameters()):
            if weight.ndim > 1:  # as torch.nn.Transformer
                nn.init.xavier_uniform_(weight)

    def encode(self, source: Tensor, source_lengths: Tensor | None) -> Memory:
        """Read the sources, all their tokens at once."""
        check_ids("source", source, self.source.table.num_embeddings, "N", "S")
        mask = None
        if source_lengths is not None:
            check_lengths("source_lengths", source_lengths, source)
            mask = padding_mask(source_lengths.to(source.device), source.shape[1])
        return Memory(self.encoder(self.source(source), mask), mask)

    def decode(self, target_in: Tensor, memory: Memory) -> Tensor:
        """Return the logits of what follows each target token, (N, T, V)."""
        check_ids("target_in", target_in, self.target.table.num_embeddings, "N", "T")
        x = self.target(target_in)
        x = self.decoder(x, memory.states, None, memory.mask, causal=True)
        return self.target.logits(x)

    def forward(self, source: Tensor, source_lengths: Tensor | None, target_in: Tensor) -> Tensor:
        """Return the logits of all targets, given the true tokens before each (teacher forcing).

        Args:
            source: token ids, (N, S); what stands past the lengths does not matter.
            source_lengths: (N,), from 1 to S; None = S.
            target_in: the target with ``begin`` before it and without its last token, ids (N, T).

        Returns:
            (N, T, V). Step t has read target_in up to t, so padding at the end reaches no logit
            before it.
        """
        check_shape("target_in", target_in, len(source), "T")
        return self.decode(target_in, self.encode(source, source_lengths))

    @torch.no_grad()
    def greedy(
        self,
        source: Tensor,
        source_lengths: Tensor | None,
        *,
        max_length: int,
        cached: bool = True,
    ) -> Tensor:
        """Write the likeliest token, step by step.

        Args:
            source: token ids, (N, S).
            source_lengths: (N,); None = S.
            max_length: stop after so many tokens, ended or not.
            cached: keep keys and values; False computes them anew at each step and gives the same.

        Returns:
            (N, max_length): the token ids, ``end`` after them, then ``padding``.
        """
        steps = self._steps(source, source_lengths, cached)
        special = dict(padding=self.padding, begin=self.begin, end=self.end)
        likeliest = partial(torch.argmax, dim=-1)
        return write_tokens(steps, likeliest, steps.start(), max_length=max_length, **special)

    def beam_search(
        self,
        source: Tensor,
        source_lengths: Tensor | None,
        *,
        max_length: int,
        beam_size: int,
        length_penalty: float = 0.0,
        cached: bool = True,
    ) -> Tensor:
        """Return the best sequence that ``beams`` finds, (N, max_length); arguments as there."""
        options = dict(max_length=max_length, beam_size=beam_size, length_penalty=length_penalty)
        # no prefix gets likelier by growing: once the best has ended, nothing overtakes it
        options |= dict(only_best=length_penalty == 0)
        return self._beams(source, source_lengths, cached, **options)[0][:, 0]

    def beams(
        self,
        source: Tensor,
        source_lengths: Tensor | None,
        *,
        max_length: int,
        beam_size: int,
        length_penalty: float = 0.0,
        cached: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Keep the B best prefixes instead of one, and return the B best sequences.

        Args:
            source: token ids, (N, S).
            source_lengths: (N,); None = S.
            max_length: stop after so many tokens, ended or not.
            beam_size: B.
            length_penalty: a; prefixes are ranked by ln p / lengthᵃ, see ``Seq2Seq.beams``.
            cached: see ``greedy``.

        Returns:
            Sequences (N, B, max_length), best first, written as by ``greedy``, and their ln p,
            (N, B); −inf where there are less than B sequences.
        """
        options = dict(max_length=max_length, beam_size=beam_size, length_penalty=length_penalty)
        return self._beams(source, source_lengths, cached, **options)

    @torch.no_grad()
    def _beams(
        self, source: Tensor, source_lengths: Tensor | None, cached: bool, **options: Any
    ) -> tuple[Tensor, Tensor]:
        steps = self._steps(source, source_lengths, cached)
        special = dict(padding=self.padding, begin=self.begin, end=self.end)
        return beam_search(steps, steps.start(), **options, **special)

    def _steps(
        self, source: Tensor, source_lengths: Tensor | None, cached: bool
    ) -> CachedSteps | UncachedSteps:
        memory = self.encode(source, source_lengths)
        return (CachedSteps if cached else UncachedSteps)(self, memory)


def check_lengths(name: str, lengths: Tensor, ids: Tensor) -> None:
    """Raise unless there is a length from 1 to S for each row of ``ids``, (N, S)."""
    check_shape(name, lengths, len(ids))
    if lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise TypeError(f"{name} must be integers, got {lengths.dtype}")
    if torch.compiler.is_compiling() or not lengths.numel():  # a look splits the graph
        return
    low, high = int(lengths.min()), int(lengths.max())
    if low < 1 or high > ids.shape[1]:
        wrong = low if low < 1 else high
        raise ValueError(f"{name} must lie in [1, {ids.shape[1]}], the size of S, got {wrong}")
