"""What a chapter's model has to beat: tables, without a network."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import (
    check_at_least,
    check_choice,
    check_positive,
    check_shape,
)
from dlnotes.seq2seq import mask_of_lengths
from dlnotes.text import Vocabulary

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
