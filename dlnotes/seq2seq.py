"""Sequences in, sequences out (chapter 6): four shapes of recurrent models, and attention.

Read from top to bottom: ``Encoder`` reads, ``BahdanauAttention`` looks back, ``Decoder`` writes,
``Seq2Seq`` is the three of them, with greedy and beam search. Then the other shapes of the notes:
``SequenceClassifier`` (many to one), ``SequenceTagger`` (many to many, aligned),
``ConditionalGenerator`` (one to many); and how phones and words are counted as wrong.

Differs from Bahdanau et al. (2015): there the context c_t, found with s_{t-1}, is an input of the
recurrence that makes s_t, so that training, too, must go step by step. Here, as in Luong et al.
(2015, §3.1), the recurrence reads the tokens alone, s_t = f(s_{t-1}, y_{t-1}); c_t is found with
s_t, which has seen y_{t-1} but not y_t, and joins after it. With the target known (teacher forcing)
all steps are then one call of the layer and one of the attention. The score is Bahdanau's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import (
    check_at_least,
    check_between,
    check_choice,
    check_positive,
    check_shape,
)
from dlnotes.gru import GRU
from dlnotes.lstm import LSTM
from dlnotes.rnn import RNN, State, bare
from dlnotes.text import Vocabulary

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


def vocabulary_size(name: str, vocabulary: Vocabulary | int) -> int:
    """Return how many tokens there are; a vocabulary may be given as this number alone."""
    size = len(vocabulary) if isinstance(vocabulary, Vocabulary) else vocabulary
    check_positive(**{name: size})
    return size


def check_ids(name: str, ids: Tensor, size: int, *shape: int | str) -> None:
    """Raise unless ``ids`` are numbers of tokens, integers in [0, size), and of this shape."""
    check_shape(name, ids, *shape)
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise TypeError(f"{name} must be integers, got {ids.dtype}")
    if torch.compiler.is_compiling() or not ids.numel():  # a look at the values splits the graph
        return
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= size:
        wrong = low if low < 0 else high
        raise ValueError(f"{name} must lie in [0, {size - 1}], got {wrong}")


def mask_of_lengths(source: Tensor, lengths: Tensor | None) -> Tensor:
    """Return which tokens of ``source``, (N, S), count: the first ``lengths``; None = all."""
    if lengths is None:
        return torch.ones_like(source, dtype=torch.bool)
    positions = torch.arange(source.shape[1], device=source.device)
    return positions < lengths.to(source.device)[:, None]


# ---- the encoder -------------------------------------------------------------------------------


class Encoder(nn.Module):
    """Read a sequence of tokens, in both directions.

    Args:
        vocabulary: of the source, or its size.
        hidden_size: H, features of one direction.
        embedding_size: features of a token's vector; None = H.
        cell: "rnn", "lstm" or "gru".
        num_layers: levels.
        bidirectional: False reads forwards only.
        dropout: probability of zeroing a feature of the vectors, and between levels, in training.

    Attributes:
        output_size: M, features of an annotation: H for each direction.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | int,
        *,
        hidden_size: int,
        embedding_size: int | None = None,
        cell: str = "lstm",
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_choice(LAYERS, cell=cell)
        check_positive(hidden_size=hidden_size)
        check_between(0, 1, dropout=dropout)
        D = hidden_size if embedding_size is None else embedding_size
        self.embedding = nn.Embedding(vocabulary_size("vocabulary", vocabulary), D)
        options = dict(num_layers=num_layers, bidirectional=bidirectional, dropout=dropout)
        self.layer = LAYERS[cell](D, hidden_size, **options)
        self.dropout = nn.Dropout(dropout)
        self.output_size = hidden_size * (1 + bidirectional)

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        """Encode a batch.

        Args:
            source: numbers of tokens, (N, S).
            lengths: how many of them count, from 1 to S, (N,); None = all.

        Returns:
            Annotations h_j, (N, S, M), zero past the end; and what the last level has in memory
            when it has read all: a tensor (N, M) for h (and one for c), both directions side by
            side.
        """
        check_ids("source", source, self.embedding.num_embeddings, "N", "S")
        annotations, state = self.layer(self.dropout(self.embedding(source)), lengths=lengths)
        state = state if isinstance(state, tuple) else (state,)
        directions = 1 + self.layer.bidirectional
        return annotations, tuple(torch.cat([*s[-directions:]], dim=-1) for s in state)


# ---- attention ---------------------------------------------------------------------------------


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
        check_shape("query", query, "N", "T", self.W.in_features)
        check_shape("keys", keys, len(query), "S", self.U.in_features)
        projected = self.U(keys) if projected is None else projected
        check_shape("projected", projected, *keys.shape[:2], self.W.out_features)
        compared = torch.tanh(self.W(query)[:, :, None] + projected[:, None])  # (N, T, S, A)
        scores = self.v(compared)[..., 0]
        if mask is not None:
            check_shape("mask", mask, *keys.shape[:2])
            if mask.dtype != torch.bool:
                raise TypeError(f"mask must be boolean, got {mask.dtype}")
            scores = scores.masked_fill(~mask[:, None], -torch.inf)
        weights = scores.softmax(dim=-1)
        return weights @ keys, weights


@dataclass(frozen=True)
class Memory:
    """What the decoder may look at: annotations (N, S, M), U h_j (N, S, A), mask (N, S)."""

    annotations: Tensor
    projected: Tensor
    mask: Tensor


# ---- the decoder -------------------------------------------------------------------------------


class Decoder(nn.Module):
    """Write a sequence of tokens: p(y_t | y_<t, x) for each t.

    s_t = f(s_{t-1}, y_{t-1}); with attention c_t from s_t and s̃_t = tanh(W [s_t, c_t]) (Luong et
    al. 2015, eq. 5); logits V s̃_t + b. Without it the state it starts from is all it knows of x.

    Args:
        vocabulary: of the target, or its size V.
        hidden_size: H.
        memory_size: M, features of an annotation; None = no attention.
        attention_size: A, see ``BahdanauAttention``.
        embedding_size: features of a token's vector; None = H.
        cell: "rnn", "lstm" or "gru".
        num_layers: levels.
        dropout: as for ``Encoder``, and of s̃.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | int,
        *,
        hidden_size: int,
        memory_size: int | None = None,
        attention_size: int | None = None,
        embedding_size: int | None = None,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_choice(LAYERS, cell=cell)
        check_positive(hidden_size=hidden_size)
        check_between(0, 1, dropout=dropout)
        size = vocabulary_size("vocabulary", vocabulary)
        D = hidden_size if embedding_size is None else embedding_size
        self.embedding = nn.Embedding(size, D)
        self.layer = LAYERS[cell](D, hidden_size, num_layers=num_layers, dropout=dropout)
        self.attention = self.combine = None
        if memory_size is not None:
            self.attention = BahdanauAttention(hidden_size, memory_size, attention_size)
            self.combine = nn.Linear(hidden_size + memory_size, hidden_size, bias=False)
        self.output = nn.Linear(hidden_size, size)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, target_in: Tensor, state: State, memory: Memory | None = None
    ) -> tuple[Tensor, State, Tensor | None]:
        """Take T steps: all of them in training, one at a time when writing.

        Args:
            target_in: the tokens before, y_0 … y_{T-1} with y_0 = begin, (R, T).
            state: h (and c) to start from, a tuple of (num_layers, R, H).
            memory: of N sources, each read by R / N consecutive rows: 1, or the beam.

        Returns:
            Logits of y_1 … y_T, (R, T, V), the state after the last step, and the weights,
            (N, (R / N) · T, S), None without attention.
        """
        check_ids("target_in", target_in, self.embedding.num_embeddings, "N", "T")
        states, state = self.layer(self.dropout(self.embedding(target_in)), bare(state))
        weights = None
        if self.attention is not None:
            keys = memory.annotations
            query = states.reshape(len(keys), -1, states.shape[-1])  # rows of one source together
            context, weights = self.attention(query, keys, memory.mask, projected=memory.projected)
            context = context.reshape(*states.shape[:2], -1)
            states = torch.tanh(self.combine(torch.cat([states, context], dim=-1)))
        state = state if isinstance(state, tuple) else (state,)
        return self.output(self.dropout(states)), state, weights

    @torch.no_grad()
    def write(
        self,
        choose: Callable[[Tensor], Tensor],
        state: State,
        memory: Memory | None = None,
        *,
        max_length: int,
        padding: int,
        begin: int,
        end: int,
    ) -> Tensor:
        """Write token by token, each of them read again before the next.

        Args:
            choose: from logits (N, V) to tokens (N,).
            state: see ``forward``.
            memory: see ``forward``.
            max_length: stop after so many tokens, ended or not.
            padding: stands after the end.
            begin: is read first.
            end: ends a sequence.

        Returns:
            (N, max_length): the tokens, ``end`` after them, then ``padding``.
        """
        check_positive(max_length=max_length)
        N, device = state[0].shape[1], state[0].device
        ids = torch.full((N, max_length), padding, device=device)
        last = torch.full((N,), begin, device=device)
        running = torch.ones(N, dtype=torch.bool, device=device)
        for t in range(max_length):
            logits, state, _ = self(last[:, None], state, memory)
            last = choose(logits[:, -1])
            ids[running, t] = last[running]
            running = running & (last != end)
            if not running.any():
                break
        return ids


# ---- both together -----------------------------------------------------------------------------


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


# ---- the other shapes --------------------------------------------------------------------------

POOLINGS = ("last", "mean", "max", "sum")


class SequenceClassifier(nn.Module):
    """Many to one: read a sequence, say one thing about it. It needs no decoder.

    Args:
        vocabulary: a ``Vocabulary``, or its size.
        num_classes: C.
        hidden_size: H of each direction.
        pooling: what is kept of the sequence: "last", what each direction remembers at its end;
            "mean" or "max", over the annotations of all positions; or their "sum" divided by √n,
            n the length: unlike a mean it grows with the evidence that a longer sequence holds,
            while sums of independent terms keep their scale.
        keep_vectors: put each token's own vector beside its annotation before pooling (Lai et al.
            2015, eq. 3): what a token says alone need not pass through the recurrence.
        **options: of the ``Encoder``; its dropout also acts on what is kept.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | int,
        num_classes: int,
        *,
        hidden_size: int,
        pooling: str = "last",
        keep_vectors: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        check_choice(POOLINGS[1:] if keep_vectors else POOLINGS, pooling=pooling)
        self.pooling, self.keep_vectors = pooling, keep_vectors
        self.encoder = Encoder(vocabulary, hidden_size=hidden_size, **options)
        self.dropout = nn.Dropout(options.get("dropout", 0.0))
        D = self.encoder.embedding.embedding_dim if keep_vectors else 0
        self.output = nn.Linear(self.encoder.output_size + D, num_classes)

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return logits, (N, C), of sequences (N, S) of the given lengths, (N,); None = S."""
        annotations, (h, *_) = self.encoder(source, lengths)
        inside = mask_of_lengths(source, lengths)[..., None]
        if self.keep_vectors:
            vectors = self.dropout(self.encoder.embedding(source))
            annotations = torch.cat([annotations, vectors * inside], dim=-1)
        if self.pooling in ("mean", "sum"):  # annotations are zero past the end
            count = inside.sum(dim=1).to(annotations.dtype)
            h = annotations.sum(dim=1) / (count if self.pooling == "mean" else count.sqrt())
        elif self.pooling == "max":
            h = annotations.masked_fill(~inside, -torch.inf).amax(dim=1)
        return self.output(self.dropout(h))


class SequenceTagger(nn.Module):
    """Many to many, aligned: one answer for each token. The special case S = 1 is one to one.

    Args:
        vocabulary: a ``Vocabulary``, or its size.
        num_tags: C; or the ``Vocabulary`` of the tags.
        hidden_size: H of each direction.
        **options: of the ``Encoder``; its dropout also acts on the annotations. With
            ``bidirectional=False`` an answer depends only on what was read before it.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | int,
        num_tags: Vocabulary | int,
        *,
        hidden_size: int,
        **options: Any,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(vocabulary, hidden_size=hidden_size, **options)
        self.dropout = nn.Dropout(options.get("dropout", 0.0))
        self.output = nn.Linear(self.encoder.output_size, vocabulary_size("num_tags", num_tags))

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return logits, (N, S, C), of sequences (N, S) of the given lengths, (N,); None = S.

        What stands past the end of a sequence is to be left out of the loss.
        """
        annotations, _ = self.encoder(source, lengths)
        return self.output(self.dropout(annotations))


class ConditionalGenerator(nn.Module):
    """One to many: p(y | condition), a decoder whose first state is the condition's vector.

    Args:
        num_conditions: how many there are to choose from.
        vocabulary: a ``Vocabulary``, whose special tokens are used, or its size V.
        hidden_size: H.
        padding: number of the special token, for a vocabulary that is given as a size.
        begin: likewise.
        end: likewise.
        **options: of the ``Decoder``, without attention: there is nothing to look back at.
    """

    def __init__(
        self,
        num_conditions: int,
        vocabulary: Vocabulary | int,
        *,
        hidden_size: int,
        padding: int = Vocabulary.padding,
        begin: int = Vocabulary.begin,
        end: int = Vocabulary.end,
        **options: Any,
    ) -> None:
        super().__init__()
        check_positive(num_conditions=num_conditions)
        size = vocabulary_size("vocabulary", vocabulary)
        check_choice(range(size), padding=padding, begin=begin, end=end)
        self.padding, self.begin, self.end = padding, begin, end
        self.decoder = Decoder(size, hidden_size=hidden_size, **options)
        layer = self.decoder.layer
        self.states = nn.ModuleList(  # one vector per condition, for h (and for c), all levels
            nn.Embedding(num_conditions, layer.num_layers * hidden_size) for _ in layer.state_names
        )

    def start(self, condition: Tensor) -> State:
        """Return the state to start from for conditions (N,), numbers from 0."""
        check_ids("condition", condition, self.states[0].num_embeddings, "N")
        return tuple(
            torch.tanh(vectors(condition))
            .unflatten(-1, (self.decoder.layer.num_layers, -1))
            .transpose(0, 1)
            .contiguous()
            for vectors in self.states
        )

    def forward(self, condition: Tensor, target_in: Tensor) -> Tensor:
        """Return logits, (N, T, V), for conditions (N,) and the tokens before each, (N, T)."""
        check_shape("target_in", target_in, len(condition), "T")
        return self.decoder(target_in, self.start(condition))[0]

    @torch.no_grad()
    def sample(
        self,
        condition: Tensor,
        *,
        max_length: int,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw one sequence for each condition, token by token.

        Args:
            condition: numbers, (N,).
            max_length: stop after so many tokens, ended or not.
            temperature: the logits are divided by it; below 1 it sharpens, above 1 it flattens.
            generator: source of the random numbers; None is torch's own.

        Returns:
            (N, max_length): the tokens, ``end`` after them, then ``padding``.
        """
        check_between(1e-6, 1e6, temperature=temperature)

        def draw(logits: Tensor) -> Tensor:
            p = (logits / temperature).softmax(dim=-1)
            return torch.multinomial(p, 1, generator=generator)[:, 0]

        special = dict(padding=self.padding, begin=self.begin, end=self.end)
        return self.decoder.write(draw, self.start(condition), max_length=max_length, **special)


# ---- how much of it is wrong -------------------------------------------------------------------


def edit_distance(first: Sequence, second: Sequence) -> int:
    """Return the least number of insertions, deletions and replacements (Levenshtein 1966)."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def error_rates(
    predictions: Sequence[Sequence], references: Sequence[Sequence[Sequence]]
) -> tuple[float, float]:
    """Return the share of wrong phones and of wrong words (PER and WER).

    Args:
        predictions: one sequence for each of N words.
        references: for each word all that are right; the nearest counts.

    Returns:
        Edits divided by phones of the nearest references, both summed over all words, which can
        exceed 1; and the share of words that match no reference.
    """
    if len(predictions) != len(references) or not references:
        given = f"{len(predictions)} and {len(references)}"
        raise ValueError(f"predictions and references must be equally many, and some, got {given}")
    edits = phones = wrong = 0
    for prediction, right in zip(predictions, references, strict=True):
        distance, length = min((edit_distance(prediction, r), len(r)) for r in right)
        edits, phones, wrong = edits + distance, phones + length, wrong + (distance > 0)
    return edits / phones, wrong / len(references)


# ---- what has to be beaten: tables, without a network ------------------------------------------

MOST = 2  # phones that one letter may stand for, as x for K S


class AlignmentTables:
    """Majority alignment: each letter becomes the phones that it mostly stood for.

    The pairs are aligned first, every letter with 0, 1 or 2 phones in order, by repeating "align as
    the counts say, count anew" (Viterbi training). Then, for each letter in its surroundings, the
    most frequent phones are kept; what was never seen is looked up with narrower surroundings.

    Args:
        source: letters (N, S).
        lengths: (N,).
        target: phones with begin and end, (N, T + 1), as for ``teacher_forcing_loss``.
        radius: how many letters to each side are looked at; 0 is the letter alone.
        rounds: of the alignment.
    """

    def __init__(
        self, source: Tensor, lengths: Tensor, target: Tensor, *, radius: int = 0, rounds: int = 4
    ) -> None:
        check_shape("lengths", lengths, len(source))
        check_shape("target", target, len(source), "T")
        check_at_least(0, radius=radius)
        check_positive(rounds=rounds)
        self.letters, self.phones = int(source.max()) + 1, int(target.max()) + 1
        self.radius = radius
        phones = target[:, 1:]  # y_1 … y_T, then end and padding
        written = (phones > Vocabulary.end).sum(dim=1)
        self.counts = self._first_counts(source, lengths, phones, written)
        for _ in range(rounds):
            sizes, possible = self._align(source, lengths, phones, written)
            pieces = self._pieces(sizes, phones)
            inside = mask_of_lengths(source, lengths) & possible[:, None]
            self.counts = torch.zeros_like(self.counts)
            ones = torch.ones(int(inside.sum()))
            where = source[inside], pieces[inside]
            self.counts.index_put_(where, ones, accumulate=True)
        self.sizes, self.possible = sizes, possible
        self.tables = [
            self._table(self._contexts(source, lengths, r)[inside], pieces[inside])
            for r in range(radius + 1)
        ]

    def pronounce(
        self, source: Tensor, lengths: Tensor, *, radius: int | None = None
    ) -> list[list[int]]:
        """Return the numbers of the phones that stand for each word, letters (N, S).

        Args:
            source: letters (N, S).
            lengths: (N,).
            radius: how many letters to each side are looked at; None = as many as were counted.
        """
        radius = self.radius if radius is None else radius
        check_choice(range(self.radius + 1), radius=radius)
        check_shape("lengths", lengths, len(source))
        found = torch.zeros_like(source)
        # wider surroundings overrule narrower ones
        for r, (contexts, pieces) in enumerate(self.tables[: radius + 1]):
            asked = self._contexts(source, lengths, r)
            place = torch.searchsorted(contexts, asked).clamp(max=len(contexts) - 1)
            found = torch.where(contexts[place] == asked, pieces[place], found)
        rows = []
        for pieces, n in zip(found.tolist(), lengths.tolist(), strict=True):
            pairs = [divmod(piece, self.phones) for piece in pieces[:n]]
            rows.append([phone for pair in pairs for phone in pair if phone])
        return rows

    # a piece is one number: 0 for no phone, a for one, a · phones + b for two

    def _pieces(self, sizes: Tensor, phones: Tensor) -> Tensor:
        """Return the piece of each letter, (N, S), from how many phones it has."""
        end = sizes.cumsum(dim=1)
        padded = F.pad(phones, (MOST, 0))  # so that the phone before place j stands at j + 1
        last, before = padded.gather(1, end + 1), padded.gather(1, end)
        return torch.where(
            sizes == 0, 0, torch.where(sizes == 1, last, before * self.phones + last)
        )

    def _first_counts(self, source, lengths, phones, written) -> Tensor:
        """Count each letter with the phone that stands at the same share of its word."""
        places = torch.arange(source.shape[1])
        share = (places * written[:, None] / lengths[:, None]).long()
        share = torch.minimum(share, (written[:, None] - 1).clamp(min=0))
        inside = mask_of_lengths(source, lengths)
        counts = torch.zeros(self.letters, self.phones**2)
        near = phones.gather(1, share)[inside]
        counts.index_put_((source[inside], near), torch.ones(len(near)), accumulate=True)
        counts[:, 0] = 0.2 * counts.sum(dim=1)
        return counts

    def _align(self, source, lengths, phones, written) -> tuple[Tensor, Tensor]:
        """Return how many phones each letter has on the likeliest path, and whether one exists."""
        N, S = source.shape
        log_p = (self.counts + 0.01).log() - (self.counts.sum(dim=1, keepdim=True) + 1).log()
        two = F.pad(phones[:, :-1] * self.phones + phones[:, 1:], (1, 0))
        best = torch.full((N, phones.shape[1] + 1), -torch.inf)
        best[:, 0] = 0  # the empty beginning of the word has written nothing
        choices = []
        for i in range(S):
            letter = source[:, i, None]
            one_more = best[:, :-1] + log_p[letter, phones]
            two_more = best[:, :-2] + log_p[letter, two[:, 1:]]
            options = torch.stack(
                [
                    best + log_p[letter, 0],
                    F.pad(one_more, (1, 0), value=-torch.inf),
                    F.pad(two_more, (2, 0), value=-torch.inf),
                ]
            )
            score, choice = options.max(dim=0)
            running = (i < lengths)[:, None]
            best = torch.where(running, score, best)
            choices.append(torch.where(running, choice, 0))
        end = written.clone()
        possible = best.gather(1, end[:, None])[:, 0].isfinite()
        sizes = []
        for choice in reversed(choices):
            size = choice.gather(1, end[:, None])[:, 0]
            sizes.append(size)
            end = (end - size).clamp(min=0)
        return torch.stack(sizes[::-1], dim=1), possible

    def _contexts(self, source: Tensor, lengths: Tensor, radius: int) -> Tensor:
        """Return one number for each letter with ``radius`` letters on both sides, (N, S)."""
        inside = F.pad(source.where(mask_of_lengths(source, lengths), 0), (radius, radius))
        number = torch.zeros_like(source)
        for shift in range(2 * radius + 1):
            number = number * self.letters + inside[:, shift : shift + source.shape[1]]
        return number

    def _table(self, contexts: Tensor, pieces: Tensor) -> tuple[Tensor, Tensor]:
        """Return each context, sorted, and its most frequent piece."""
        pairs, counts = torch.stack([contexts, pieces], dim=1).unique(dim=0, return_counts=True)
        by_count = counts.argsort(stable=True)
        by_context = by_count[pairs[by_count, 0].argsort(stable=True)]
        pairs = pairs[by_context]
        last = torch.ones(len(pairs), dtype=torch.bool)  # of a context: its largest count
        last[:-1] = pairs[1:, 0] != pairs[:-1, 0]
        return pairs[last, 0].contiguous(), pairs[last, 1].contiguous()
