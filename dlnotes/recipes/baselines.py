"""What a chapter's model has to beat: tables, without a network."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import check_at_least, check_between, check_choice, check_positive, check_shape
from dlnotes.seq2seq import mask_of_lengths
from dlnotes.text import Vocabulary

MOST = 2  # phones that one letter may stand for, as x for K S
CHOICES = 14  # what a letter may stand for, the commonest first, when pairs are searched
Pair = tuple[str, tuple[str, ...]]  # a letter and its phones
BEGIN, END = ("^", ()), ("$", ())


class AlignmentTables:
    """Majority alignment: each letter becomes the phones that it mostly stood for.

    The pairs are aligned first, every letter with 0, 1 or 2 phones in order, by repeating "align as
    the counts say, count anew" (Viterbi training). Then, for each letter in its context, the most
    frequent phones are kept; a context that was never seen is looked up in a narrower one.

    Args:
        source: ids of letters, (N, S).
        lengths: how many of them count, (N,).
        target: ids of phones with begin and end, (N, T + 1), as for ``teacher_forcing_loss``.
        radius: how many letters to each side are looked at; 0 is the letter alone.
        rounds: of the alignment.

    Attributes:
        sizes: how many phones each letter of the training words has, (N, S).
        possible: which words can be aligned at all, (N,); the others are left out.
        tables: for each radius the contexts, sorted, and the piece that each stands for.
    """

    # a piece, what a letter stands for, is one integer: 0 for no phone, a for one, a · num_phones
    # + b for two; a context likewise: its letters' ids are the digits of an integer

    def __init__(
        self, source: Tensor, lengths: Tensor, target: Tensor, *, radius: int = 0, rounds: int = 4
    ) -> None:
        _check_words(source, lengths, target)
        check_at_least(0, radius=radius)
        check_positive(rounds=rounds)

        self.num_letters, self.num_phones = int(source.max()) + 1, int(target.max()) + 1
        self.radius = radius
        phones = target[:, 1:]  # y_1 … y_T, then end and padding
        written = (phones > Vocabulary.end).sum(dim=1)
        self.counts = self._first_counts(source, lengths, phones, written)
        for _ in range(rounds):
            self.sizes, self.possible = self._align(source, lengths, phones, written)
            pieces = self._pieces(self.sizes, phones)
            inside = mask_of_lengths(source, lengths) & self.possible[:, None]
            self.counts = self._count(source[inside], pieces[inside])
        contexts = (self._contexts(source, lengths, r) for r in range(radius + 1))
        self.tables = [self._table(c[inside], pieces[inside]) for c in contexts]

    def pronounce(
        self, source: Tensor, lengths: Tensor, *, radius: int | None = None
    ) -> list[list[int]]:
        """Return the ids of the phones that stand for each word.

        Args:
            source: ids of letters, (N, S).
            lengths: how many of them count, (N,).
            radius: how many letters to each side are looked at; None = as many as were counted.
        """
        radius = self.radius if radius is None else radius
        check_choice(range(self.radius + 1), radius=radius)
        _check_words(source, lengths)

        found = torch.zeros_like(source)
        for r, (contexts, pieces) in enumerate(self.tables[: radius + 1]):  # wider ones overrule
            asked = self._contexts(source, lengths, r)
            index = torch.searchsorted(contexts, asked).clamp(max=len(contexts) - 1)
            found = torch.where(contexts[index] == asked, pieces[index], found)
        rows = []
        for pieces, n in zip(found.tolist(), lengths.tolist(), strict=True):
            pairs = [divmod(piece, self.num_phones) for piece in pieces[:n]]
            rows.append([phone for pair in pairs for phone in pair if phone])
        return rows

    def _pieces(self, sizes: Tensor, phones: Tensor) -> Tensor:
        """Return the piece of each letter, (N, S), from how many phones it has."""
        end = sizes.cumsum(dim=1)
        padded = F.pad(phones, (MOST, 0))  # so that the phone with index j − 1 stands at j + 1
        last, before = padded.gather(1, end + 1), padded.gather(1, end)
        two = before * self.num_phones + last
        return torch.where(sizes == 0, 0, torch.where(sizes == 1, last, two))

    def _count(self, letters: Tensor, pieces: Tensor) -> Tensor:
        """Return how often each letter stands for each piece, (num_letters, num_phones²)."""
        counts = torch.zeros(self.num_letters, self.num_phones**2)
        return counts.index_put_((letters, pieces), torch.ones(len(letters)), accumulate=True)

    def _first_counts(
        self, source: Tensor, lengths: Tensor, phones: Tensor, written: Tensor
    ) -> Tensor:
        """Count each letter with the phone that stands at the same share of its word."""
        positions = torch.arange(source.shape[1])
        share = (positions * written[:, None] / lengths[:, None]).long()
        share = torch.minimum(share, (written[:, None] - 1).clamp(min=0))
        inside = mask_of_lengths(source, lengths)
        counts = self._count(source[inside], phones.gather(1, share)[inside])
        counts[:, 0] = 0.2 * counts.sum(dim=1)
        return counts

    def _align(
        self, source: Tensor, lengths: Tensor, phones: Tensor, written: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return how many phones each letter has on the likeliest path, and whether one exists."""
        log_p = (self.counts + 0.01).log() - (self.counts.sum(dim=1, keepdim=True) + 1).log()
        two = phones[:, :-1] * self.num_phones + phones[:, 1:]
        best = torch.full((len(source), phones.shape[1] + 1), -torch.inf)
        best[:, 0] = 0  # the empty beginning of the word has written nothing
        choices = []
        for i, letter in enumerate(source.unbind(dim=1)):
            letter = letter[:, None]
            none = best + log_p[letter, 0]
            one_more = best[:, :-1] + log_p[letter, phones]
            two_more = best[:, :-2] + log_p[letter, two]
            grown = [F.pad(x, (n, 0), value=-torch.inf) for n, x in ((1, one_more), (2, two_more))]
            score, choice = torch.stack([none, *grown]).max(dim=0)
            running = (i < lengths)[:, None]
            best = torch.where(running, score, best)
            choices.append(torch.where(running, choice, 0))
        possible = best.gather(1, written[:, None])[:, 0].isfinite()
        return self._way_back(choices, written), possible

    def _way_back(self, choices: list[Tensor], written: Tensor) -> Tensor:
        """Return the sizes, (N, S), that the choices for each letter, (N, T + 1), lead to."""
        end, sizes = written, []
        for choice in reversed(choices):
            size = choice.gather(1, end[:, None])[:, 0]
            sizes.append(size)
            end = (end - size).clamp(min=0)
        return torch.stack(sizes[::-1], dim=1)

    def _contexts(self, source: Tensor, lengths: Tensor, radius: int) -> Tensor:
        """Return each letter with ``radius`` letters on both sides as one integer, (N, S)."""
        inside = F.pad(source.where(mask_of_lengths(source, lengths), 0), (radius, radius))
        context = torch.zeros_like(source)
        for shift in range(2 * radius + 1):
            context = context * self.num_letters + inside[:, shift : shift + source.shape[1]]
        return context

    def _table(self, contexts: Tensor, pieces: Tensor) -> tuple[Tensor, Tensor]:
        """Return each context, sorted, and its most frequent piece."""
        pairs, counts = torch.stack([contexts, pieces], dim=1).unique(dim=0, return_counts=True)
        by_count = counts.argsort(stable=True)
        by_context = by_count[pairs[by_count, 0].argsort(stable=True)]
        pairs = pairs[by_context]
        last = torch.ones(len(pairs), dtype=torch.bool)  # of a context: its largest count
        last[:-1] = pairs[1:, 0] != pairs[:-1, 0]
        return pairs[last, 0].contiguous(), pairs[last, 1].contiguous()


class JointCounts:
    """Count pairs, a letter with its phones, given the pairs before (Bisani and Ney 2008).

    An n-gram model of pairs with absolute discounting. The counts of a shorter context, which it
    falls back on, are of the kinds of pairs that were seen there, as Kneser and Ney have it.

    Args:
        words: each word cut into pairs.
        n: length of the n-grams; the context is n − 1 pairs.
        discount: taken off each count.
    """

    def __init__(self, words: Sequence[Sequence[Pair]], n: int, *, discount: float = 0.75) -> None:
        check_positive(n=n)
        check_between(0, 1, discount=discount)
        self.n, self.discount = n, discount
        self.counts: list[dict] = [defaultdict(Counter) for _ in range(n)]  # for each context
        for word in words:
            row = [BEGIN] * (n - 1) + [*word, END]
            for i in range(n - 1, len(row)):
                self.counts[-1][tuple(row[i - n + 1 : i])][row[i]] += 1
        for k in range(n - 1, 0, -1):
            for context, following in self.counts[k].items():
                self.counts[k - 1][context[1:]].update(following.keys())
        self.totals = [{c: sum(f.values()) for c, f in counts.items()} for counts in self.counts]
        seen = Counter(pair for word in words for pair in word)
        self.kinds = len(seen) + 1
        self.choices: dict[str, list[Pair]] = defaultdict(list)
        for pair, _ in seen.most_common():
            self.choices[pair[0]] = [*self.choices[pair[0]], pair][:CHOICES]

    def probabilities(self, context: tuple[Pair, ...], pairs: Sequence[Pair]) -> list[float]:
        """Return the probability of each of some pairs after a context of n − 1 pairs."""
        p = [1 / self.kinds] * len(pairs)
        for k, (counts, totals) in enumerate(zip(self.counts, self.totals, strict=True)):
            following = counts.get(context[len(context) - k :])
            if following is None:
                break
            total = totals[context[len(context) - k :]]
            rest = self.discount * len(following) / total
            p = [
                max(following.get(pair, 0) - self.discount, 0) / total + rest * q
                for pair, q in zip(pairs, p, strict=True)
            ]
        return p

    def pronounce(self, word: str, *, beam: int = 10) -> list[str]:
        """Return the phones of the likeliest pairs that spell a word, found by a beam."""
        check_positive(beam=beam)
        kept = [(0.0, (BEGIN,) * (self.n - 1), ())]
        for letter in [*word, None]:
            pairs = [END] if letter is None else self.choices[letter]
            grown: dict = {}
            for log_p, context, said in kept:
                for pair, p in zip(pairs, self.probabilities(context, pairs), strict=True):
                    key = ((*context, pair)[1:], (*said, *pair[1]))
                    grown[key] = max(grown.get(key, -math.inf), log_p + math.log(p))
            best = sorted(grown.items(), key=lambda item: -item[1])[:beam]
            kept = [(log_p, context, said) for (context, said), log_p in best]
        return list(kept[0][2]) if kept else []


def _check_words(source: Tensor, lengths: Tensor, target: Tensor | None = None) -> None:
    check_shape("source", source, "N", "S")
    check_shape("lengths", lengths, len(source))
    if target is not None:
        check_shape("target", target, len(source), "T")
