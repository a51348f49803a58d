"""Whole tokens and their ids, one to one, and padded batches of them."""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from dlnotes.checks import check_positive
from dlnotes.text.tokens import check_ids, check_tokens


class Vocabulary:
    """Tokens and their ids, one to one.

    The first ids belong to the special tokens: 0 fills up short sequences, 1 begins one, 2 ends
    it, 3 stands for every token that is not in the vocabulary. The others follow as given.

    Args:
        tokens: all different, none of them a special one.
        unknown: False leaves 3 out; then ``encode`` raises for a token it does not know.

    Attributes:
        padding, begin, end: 0, 1 and 2.
        unknown: 3, or None.

    >>> letters = Vocabulary("abc")
    >>> letters.encode("cab", end=True)
    [6, 4, 5, 2]
    >>> letters.decode([6, 4, 5, 2, 0])
    ['c', 'a', 'b']
    """

    specials = ("<pad>", "<bos>", "<eos>", "<unk>")
    padding, begin, end = 0, 1, 2

    def __init__(self, tokens: Iterable[str], *, unknown: bool = True) -> None:
        self.tokens = [*self.specials[: 3 + bool(unknown)], *tokens]
        self.unknown = 3 if unknown else None
        check_tokens("tokens", self.tokens)

        self._ids = {token: i for i, token in enumerate(self.tokens)}

    @classmethod
    def from_sequences(
        cls,
        sequences: Iterable[Iterable[str]],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        unknown: bool = True,
    ) -> "Vocabulary":
        """Collect the tokens of a corpus, the most frequent first; ties in alphabetical order.

        Args:
            sequences: sequences of tokens; a string is a sequence of letters.
            min_count: leave rarer tokens out.
            max_size: keep only so many tokens, special ones not counted; None = all.
            unknown: see ``Vocabulary``.
        """
        check_positive(min_count=min_count)
        if max_size is not None:
            check_positive(max_size=max_size)

        counts = Counter(token for sequence in sequences for token in sequence)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        tokens = [token for token, count in ranked if count >= min_count]
        return cls(tokens[:max_size], unknown=unknown)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __getitem__(self, token: str) -> int:
        """Return the id of a token; that of the unknown for others, or KeyError without one."""
        i = self._ids.get(token, self.unknown)
        if i is None:
            raise KeyError(f"token {token!r} is not in the vocabulary")
        return i

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(tuple(self.tokens))

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"

    def encode(self, tokens: Iterable[str], *, begin: bool = False, end: bool = False) -> list[int]:
        """Return the ids of a sequence of tokens.

        Args:
            tokens: a sequence of tokens; a string is a sequence of letters.
            begin: put ``<bos>`` before it.
            end: put ``<eos>`` after it.

        Raises:
            ValueError: a token is not in a vocabulary that has no ``<unk>``.
        """
        try:
            ids = [self[token] for token in tokens]
        except KeyError as error:
            raise ValueError(f"tokens must be in the vocabulary: {error.args[0]}") from None
        return [self.begin] * begin + ids + [self.end] * end

    def decode(self, ids: Tensor | Iterable[int], *, specials: bool = False) -> list[str]:
        """Return the tokens of a sequence of ids, which undoes ``encode``.

        Args:
            ids: token ids, (T,). What follows the first ``<eos>`` is left out.
            specials: keep ``<pad>``, ``<bos>`` and ``<eos>``, and what follows, too.
        """
        tokens = []
        for i in check_ids(ids, len(self)):
            if i == self.end and not specials:
                break
            if specials or i not in (self.padding, self.begin):
                tokens.append(self.tokens[i])
        return tokens

    def batch(
        self, sequences: Sequence[Iterable[str]], *, begin: bool = False, end: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return sequences as one padded tensor, and how long each of them is.

        Args:
            sequences: N of them.
            begin: see ``encode``.
            end: see ``encode``.

        Returns:
            (N, T) int64, T the longest length, short rows filled up with ``padding``; (N,) int64
            lengths, ``<bos>`` and ``<eos>`` counted.
        """
        return pad([self.encode(s, begin=begin, end=end) for s in sequences], value=self.padding)


def pad(sequences: Sequence[Sequence[int]], *, value: int = 0) -> tuple[Tensor, Tensor]:
    """Return lists of token ids as a tensor (N, T), filled up with ``value``, and lengths (N,)."""
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)
    longest = int(lengths.max()) if len(sequences) else 0
    padded = torch.full((len(sequences), longest), value, dtype=torch.int64)
    # one assignment for all rows, since a loop over 100,000 rows would take seconds
    filled = torch.arange(longest) < lengths[:, None]
    padded[filled] = torch.tensor([i for s in sequences for i in s], dtype=torch.int64)
    return padded, lengths
