"""Encoder and decoder together, greedy and beam search, and the loss."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import (
    check_between,
    check_choice,
    check_positive,
    check_shape,
)
from dlnotes.rnn import State
from dlnotes.seq2seq.attention import Memory
from dlnotes.seq2seq.decoder import Decoder
from dlnotes.seq2seq.encoder import Encoder, check_ids, mask_of_lengths, vocabulary_size
from dlnotes.text import Vocabulary


class Seq2Seq(nn.Module):
    """An encoder and a decoder: p(y | x) = Π_t p(y_t | y_<t, x).

    The decoder starts from tanh(W v), v the encoder's last memory. Without attention this fixed
    vector is all that it gets (Sutskever et al. 2014); with attention it can look back.

    Args:
        source_vocabulary: a ``Vocabulary``, or its size.
        target_vocabulary: a ``Vocabulary``, whose special tokens are used, or its size V.
        hidden_size: H, of each direction of the encoder, and of the decoder.
        cell: "rnn", "lstm" or "gru".
        attention: False joins them by the fixed vector alone.
        embedding_size: features of a token's vector; None = H.
        attention_size: A, see ``BahdanauAttention``; None = H.
        encoder_layers: levels of the encoder.
        decoder_layers: levels of the decoder.
        bidirectional: whether the encoder reads in both directions.
        dropout: see ``Encoder`` and ``Decoder``.
        padding, begin, end: numbers of the target's special tokens, for a vocabulary that is given
            as a size: 0, 1 and 2, as in ``Vocabulary``.
    """

    def __init__(
        self,
        source_vocabulary: Vocabulary | int,
        target_vocabulary: Vocabulary | int,
        *,
        hidden_size: int,
        cell: str = "lstm",
        attention: bool = True,
        embedding_size: int | None = None,
        attention_size: int | None = None,
        encoder_layers: int = 1,
        decoder_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        padding: int = Vocabulary.padding,
        begin: int = Vocabulary.begin,
        end: int = Vocabulary.end,
    ) -> None:
        super().__init__()
        check_positive(encoder_layers=encoder_layers, decoder_layers=decoder_layers)
        sizes = (
            vocabulary_size("source_vocabulary", source_vocabulary),
            vocabulary_size("target_vocabulary", target_vocabulary),
        )
        check_choice(range(sizes[1]), padding=padding, begin=begin, end=end)
        self.padding, self.begin, self.end = padding, begin, end
        options = dict(
            hidden_size=hidden_size, embedding_size=embedding_size, cell=cell, dropout=dropout
        )
        self.encoder = Encoder(
            sizes[0], num_layers=encoder_layers, bidirectional=bidirectional, **options
        )
        M = self.encoder.output_size
        self.decoder = Decoder(
            sizes[1],
            num_layers=decoder_layers,
            memory_size=M if attention else None,
            attention_size=attention_size,
            **options,
        )
        names = self.encoder.layer.state_names  # "h", or "hc"
        self.bridge = nn.ModuleList(nn.Linear(M, decoder_layers * hidden_size) for _ in names)

    def encode(self, source: Tensor, source_lengths: Tensor | None) -> tuple[Memory | None, State]:
        """Read the sources; return what the decoder may look at, and the state it starts from."""
        annotations, last = self.encoder(source, source_lengths)
        levels = self.decoder.layer.num_layers
        state = tuple(
            torch.tanh(bridge(v)).unflatten(-1, (levels, -1)).transpose(0, 1).contiguous()
            for bridge, v in zip(self.bridge, last, strict=True)
        )
        if self.decoder.attention is None:
            return None, state
        mask = mask_of_lengths(source, source_lengths)
        return Memory(annotations, self.decoder.attention.U(annotations), mask), state

    def forward(self, source: Tensor, source_lengths: Tensor | None, target_in: Tensor) -> Tensor:
        """Return the logits of all targets, given the true tokens before each (teacher forcing).

        Args:
            source: numbers of tokens, (N, S); what stands past the lengths does not matter.
            source_lengths: (N,), from 1 to S; None = S.
            target_in: the target with ``begin`` before it and without its last token, (N, T).

        Returns:
            (N, T, V). Step t has read target_in up to t, so padding at the end reaches no logit
            before it.
        """
        check_shape("target_in", target_in, len(source), "T")
        memory, state = self.encode(source, source_lengths)
        return self.decoder(target_in, state, memory)[0]

    @torch.no_grad()
    def alignment(self, source: Tensor, source_lengths: Tensor | None, target_in: Tensor) -> Tensor:
        """Return the weights α_tj, (N, T, S), of the same pass as ``forward``."""
        if self.decoder.attention is None:
            raise ValueError("attention must be True for an alignment, got a model without")
        check_shape("target_in", target_in, len(source), "T")
        memory, state = self.encode(source, source_lengths)
        return self.decoder(target_in, state, memory)[2]

    @torch.no_grad()
    def greedy(self, source: Tensor, source_lengths: Tensor | None, *, max_length: int) -> Tensor:
        """Write the likeliest token, step by step.

        Args:
            source: numbers of tokens, (N, S).
            source_lengths: (N,); None = S.
            max_length: stop after so many tokens, ended or not.

        Returns:
            (N, max_length): the tokens, ``end`` after them, then ``padding``.
        """
        memory, state = self.encode(source, source_lengths)
        special = dict(padding=self.padding, begin=self.begin, end=self.end)
        likeliest = partial(torch.argmax, dim=-1)
        return self.decoder.write(likeliest, state, memory, max_length=max_length, **special)

    @torch.no_grad()
    def beam_search(
        self,
        source: Tensor,
        source_lengths: Tensor | None,
        *,
        max_length: int,
        beam_size: int,
        length_penalty: float = 0.0,
    ) -> Tensor:
        """Return the best sequence that ``beams`` finds, (N, max_length); arguments as there."""
        options = dict(beam_size=beam_size, length_penalty=length_penalty)
        # no prefix gets likelier by growing: once the best has ended, nothing overtakes it
        ids, _ = self._beams(
            source, source_lengths, max_length, **options, only_best=length_penalty == 0
        )
        return ids[:, 0]

    def beams(
        self,
        source: Tensor,
        source_lengths: Tensor | None,
        *,
        max_length: int,
        beam_size: int,
        length_penalty: float = 0.0,
    ) -> tuple[Tensor, Tensor]:
        """Keep the B best prefixes instead of one, and return the B best sequences.

        With B ≥ V^(max_length − 1) no prefix is ever dropped and the search is exact.

        Args:
            source: numbers of tokens, (N, S).
            source_lengths: (N,); None = S.
            max_length: stop after so many tokens, ended or not.
            beam_size: B.
            length_penalty: a; prefixes are ranked by ln p / lengthᵃ (Wu et al. 2016, eq. 14, in
                its simplest form). 0 looks for the likeliest sequence; it prefers short ones.

        Returns:
            Sequences (N, B, max_length), best first, written as by ``greedy``, and their ln p,
            (N, B); −inf where there are less than B sequences.
        """
        return self._beams(source, source_lengths, max_length, beam_size, length_penalty)

    @torch.no_grad()
    def _beams(
        self,
        source: Tensor,
        source_lengths: Tensor | None,
        max_length: int,
        beam_size: int,
        length_penalty: float,
        only_best: bool = False,
    ) -> tuple[Tensor, Tensor]:
        check_positive(max_length=max_length, beam_size=beam_size)
        check_between(0, 10, length_penalty=length_penalty)
        N, B, V = len(source), beam_size, self.decoder.output.out_features
        memory, state = self.encode(source, source_lengths)
        state = tuple(s.repeat_interleave(B, dim=1) for s in state)  # rows n B … n B + B − 1
        ids = source.new_full((N, B, max_length), self.padding)
        last = source.new_full((N, B), self.begin)
        log_p = state[0].new_full((N, B), -torch.inf)
        log_p[:, 0] = 0  # one prefix, the empty one
        ended = torch.zeros_like(last, dtype=torch.bool)
        lengths = torch.zeros_like(last)
        free = log_p.new_full((V,), -torch.inf)
        free[self.padding] = 0  # what has ended goes on with padding, at no cost
        first_row = B * torch.arange(N, device=source.device)[:, None]
        for t in range(max_length):
            logits, state, _ = self.decoder(last.view(N * B, 1), state, memory)
            step = logits[:, -1].log_softmax(dim=-1).view(N, B, V)
            total = log_p[..., None] + torch.where(ended[..., None], free, step)
            lengths = lengths + ~ended
            score = total / lengths[..., None] ** length_penalty
            best = score.flatten(1).topk(B).indices  # (N, B)
            parent, last = best // V, best % V
            log_p = total.flatten(1).gather(1, best)
            ids = ids.gather(1, parent[..., None].expand_as(ids))
            ids[..., t] = last
            lengths, ended = lengths.gather(1, parent), ended.gather(1, parent)
            ended = ended | (last == self.end)
            if ended.all() or (only_best and ended[:, 0].all()):
                break
            rows = (first_row + parent).flatten()
            state = tuple(s.index_select(1, rows) for s in state)
        return ids, log_p


def negative_log_likelihood(logits: Tensor, targets: Tensor, *, padding: int = 0) -> Tensor:
    """Return −ln p(y | x) = −Σ_t ln p(y_t | y_<t, x) of each sequence, (N,), in nats.

    Args:
        logits: (N, T, V).
        targets: y_1 … y_T, ``end`` included, (N, T); steps with ``padding`` do not count.
        padding: number of the token that fills up.
    """
    check_shape("logits", logits, "N", "T", "V")
    check_ids("targets", targets, logits.shape[2], *logits.shape[:2])
    losses = F.cross_entropy(
        logits.transpose(1, 2), targets, ignore_index=padding, reduction="none"
    )
    return losses.sum(dim=1)


def teacher_forcing_loss(
    model: Seq2Seq, batch: tuple[Tensor, Tensor, Tensor], *, groups: int = 1
) -> Tensor:
    """Return the mean of −ln p(y | x) over a batch, in nats per sequence: the loss for ``fit``.

    Args:
        model: the model.
        batch: source (N, S), lengths (N,), and the target with ``begin`` and ``end``, (N, T + 1).
        groups: sort by length and compute in so many groups, each cut to its longest sequence. The
            loss is the same; less time goes into padding.
    """
    check_positive(groups=groups)
    source, lengths, target = batch
    written = (target != model.padding).sum(dim=1)
    total = torch.zeros((), dtype=model.decoder.output.weight.dtype, device=source.device)
    for rows in (lengths + written).argsort().tensor_split(min(groups, len(source))):
        x, n = source[rows, : int(lengths[rows].max())], lengths[rows]
        y = target[rows, : int(written[rows].max())]
        logits = model(x, n, y[:, :-1])
        total = total + negative_log_likelihood(logits, y[:, 1:], padding=model.padding).sum()
    return total / len(source)
