"""The other shapes: many to one, many to many aligned, one to many."""

from typing import Any

import torch
from torch import Tensor, nn

from dlnotes.checks import check_between, check_choice, check_positive, check_shape
from dlnotes.recurrent import State
from dlnotes.seq2seq.decoder import Decoder
from dlnotes.seq2seq.encoder import Encoder
from dlnotes.seq2seq.inputs import check_ids, mask_of_lengths, vocabulary_size
from dlnotes.seq2seq.search import write_tokens
from dlnotes.text import Vocabulary

POOLINGS = ("last", "mean", "max", "sum")


class SequenceClassifier(nn.Module):
    """Many to one: read a sequence, say one thing about it. It needs no decoder.

    Args:
        vocabulary: a ``Vocabulary``, or its size.
        num_classes: C.
        hidden_size: H of each direction.
        pooling: what is kept of the sequence: "last", the final hidden state of each direction;
            "mean" or "max", over all annotations; or their "sum" divided by √n, n the length:
            unlike a mean it grows with the evidence that a longer sequence holds, while sums of
            independent terms keep their scale.
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
        padding, begin, end: ids of the special tokens, for a vocabulary that is given as a size.
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
        self.states = nn.ModuleList(  # one vector per condition, for h (and for c), all layers
            nn.Embedding(num_conditions, layer.num_layers * hidden_size) for _ in layer.state_names
        )

    def start(self, condition: Tensor) -> State:
        """Return the state to start from for conditions (N,), integers from 0."""
        check_ids("condition", condition, self.states[0].num_embeddings, "N")
        return self.decoder.first_state(*(vectors(condition) for vectors in self.states))

    def forward(self, condition: Tensor, target_in: Tensor) -> Tensor:
        """Return logits, (N, T, V), for conditions (N,) and the tokens before each, ids (N, T)."""
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
            condition: integers from 0, (N,).
            max_length: stop after so many tokens, ended or not.
            temperature: the logits are divided by it; below 1 it sharpens, above 1 it flattens.
            generator: source of the random numbers; None is torch's own.

        Returns:
            (N, max_length): the token ids, ``end`` after them, then ``padding``.
        """
        check_between(1e-6, 1e6, temperature=temperature)

        def draw(logits: Tensor) -> Tensor:
            p = (logits / temperature).softmax(dim=-1)
            return torch.multinomial(p, 1, generator=generator)[:, 0]

        special = dict(padding=self.padding, begin=self.begin, end=self.end)
        state = self.start(condition)
        return write_tokens(self.decoder.step, draw, state, max_length=max_length, **special)
