"""Encoder and decoder together (Sutskever et al. 2014; with attention Bahdanau et al. 2015)."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlnotes.checks import check_choice, check_positive, check_shape
from dlnotes.recurrent import State
from dlnotes.seq2seq.attention import Memory
from dlnotes.seq2seq.decoder import Decoder
from dlnotes.seq2seq.encoder import Encoder
from dlnotes.seq2seq.inputs import mask_of_lengths, vocabulary_size
from dlnotes.seq2seq.search import beam_search, write_tokens
from dlnotes.text import Vocabulary


class Seq2Seq(nn.Module):
    """An encoder and a decoder: p(y | x) = Π_t p(y_t | y_<t, x).

    The decoder starts from tanh(W v), v the encoder's final state. Without attention this fixed
    vector is all that it gets (Sutskever et al. 2014); with attention it can look back.

    Args:
        source_vocabulary: a ``Vocabulary``, or its size.
        target_vocabulary: a ``Vocabulary``, whose special tokens are used, or its size V.
        hidden_size: H, of each direction of the encoder, and of the decoder.
        cell: "rnn", "lstm" or "gru".
        attention: False joins them by the fixed vector alone.
        embedding_size: features of a token's vector; None = H.
        attention_size: A, see ``BahdanauAttention``; None = H.
        encoder_layers: recurrent layers of the encoder.
        decoder_layers: recurrent layers of the decoder.
        bidirectional: whether the encoder reads in both directions.
        dropout: see ``Encoder`` and ``Decoder``.
        padding, begin, end: ids of the target's special tokens, for a vocabulary that is given as
            a size: 0, 1 and 2, as in ``Vocabulary``.
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
        annotations, final = self.encoder(source, source_lengths)
        pairs = zip(self.bridge, final, strict=True)
        state = self.decoder.first_state(*(bridge(v) for bridge, v in pairs))
        if self.decoder.attention is None:
            return None, state
        mask = mask_of_lengths(source, source_lengths)
        return Memory(annotations, self.decoder.attention.U(annotations), mask), state

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
            source: token ids, (N, S).
            source_lengths: (N,); None = S.
            max_length: stop after so many tokens, ended or not.

        Returns:
            (N, max_length): the token ids, ``end`` after them, then ``padding``.
        """
        memory, state = self.encode(source, source_lengths)
        step, likeliest = partial(self.decoder.step, memory=memory), partial(torch.argmax, dim=-1)
        special = dict(padding=self.padding, begin=self.begin, end=self.end)
        return write_tokens(step, likeliest, state, max_length=max_length, **special)

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
        options |= dict(only_best=length_penalty == 0)
        return self._beams(source, source_lengths, max_length=max_length, **options)[0][:, 0]

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
            source: token ids, (N, S).
            source_lengths: (N,); None = S.
            max_length: stop after so many tokens, ended or not.
            beam_size: B.
            length_penalty: a; prefixes are ranked by ln p / lengthᵃ (Wu et al. 2016, eq. 14, in
                its simplest form). 0 looks for the likeliest sequence; it prefers short ones.

        Returns:
            Sequences (N, B, max_length), best first, written as by ``greedy``, and their ln p,
            (N, B); −inf where there are less than B sequences.
        """
        options = dict(beam_size=beam_size, length_penalty=length_penalty)
        return self._beams(source, source_lengths, max_length=max_length, **options)

    @torch.no_grad()
    def _beams(
        self, source: Tensor, source_lengths: Tensor | None, **options: Any
    ) -> tuple[Tensor, Tensor]:
        memory, state = self.encode(source, source_lengths)
        special = dict(padding=self.padding, begin=self.begin, end=self.end)
        return beam_search(partial(self.decoder.step, memory=memory), state, **options, **special)
