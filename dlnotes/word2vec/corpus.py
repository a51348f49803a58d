"""A text as word ids: which words there are, how often, and two tricks that rest on how often."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import check_between, check_positive, check_shape
from dlnotes.text.tokens import check_tokens

END = -1  # stands in a stream of word ids where a sentence ends


class Corpus:
    """The words of a text, the most frequent first, and the text as a stream of their ids.

    Args:
        sentences: each a list of words; pairs of neighbours never cross its end.
        min_count: words that occur less often are left out, as if they did not stand there.
        max_size: keep only so many words; None = all.
        words: use these words, in this order, instead of those found; min_count and max_size do not
            count then.

    Attributes:
        words: V of them; a word's place is its id.
        counts: how often each occurs, (V,) int64.
        stream: the text as ids, with ``END`` = −1 after each sentence, (T,) int64.

    >>> corpus = Corpus([["we", "drink", "tea"], ["we", "read"]], min_count=1)
    >>> corpus.words, corpus.stream.tolist()
    (['we', 'drink', 'read', 'tea'], [0, 1, 3, -1, 0, 2, -1])
    """

    def __init__(
        self,
        sentences: Iterable[Sequence[str]],
        *,
        min_count: int = 5,
        max_size: int | None = None,
        words: Sequence[str] | None = None,
    ) -> None:
        check_positive(min_count=min_count)
        if max_size is not None:
            check_positive(max_size=max_size)
        sentences = list(sentences)
        for sentence in sentences:
            if isinstance(sentence, str):
                raise TypeError(f"sentences must be lists of words, got the string {sentence!r}")

        if words is None:
            found = Counter(word for sentence in sentences for word in sentence)
            ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
            words = [word for word, count in ranked if count >= min_count][:max_size]
        check_tokens("words", words)
        if not words:
            raise ValueError(f"sentences must hold a word {min_count} times, got none that does")
        self.words = list(words)
        self._ids = {word: i for i, word in enumerate(self.words)}
        stream = [i for sentence in sentences for i in (*self._known(sentence), END)]
        self.stream = torch.tensor(stream, dtype=torch.int64)
        self.counts = torch.bincount(self.stream[self.stream != END], minlength=len(self.words))

    def __len__(self) -> int:
        """Return the size V of the vocabulary."""
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __repr__(self) -> str:
        return f"Corpus({int(self.counts.sum()):,} running words, {len(self):,} different)"

    def _known(self, sentence: Sequence[str]) -> Iterator[int]:
        return (self._ids[word] for word in sentence if word in self._ids)

    def id(self, word: str) -> int:
        """Return the id of a word; ValueError if it is not in the vocabulary."""
        if word not in self._ids:
            raise ValueError(f"word must be one of the {len(self):,} of the corpus, got {word!r}")
        return self._ids[word]

    def encode(self, sentence: Sequence[str]) -> Tensor:
        """Return the ids of the words of a sentence; those it does not know are left out."""
        return torch.tensor(list(self._known(sentence)), dtype=torch.int64)

    def rows(self, length: int = 256) -> Tensor:
        """Return the stream cut into rows of equal length, (R, length), the last filled with END.

        Rows are what ``train`` shuffles. A cut within a sentence separates the words left and right
        of it; with rows of 256 that is about 1 % of all pairs.
        """
        check_positive(length=length)
        missing = -len(self.stream) % length
        return F.pad(self.stream, (0, missing), value=END).view(-1, length)


def keep_probability(counts: Tensor, threshold: float | None) -> Tensor:
    """Return with which probability each word is kept, min(1, √(t / f)) (W2V-7), (V,).

    Args:
        counts: how often each word occurs, (V,); f is its share of all words.
        threshold: t. Words rarer than that are always kept; None keeps all.

    >>> keep_probability(torch.tensor([99, 1]), 0.01).tolist()  # f = 0.99 and 0.01
    [0.10050378152592121, 1.0]
    """
    check_shape("counts", counts, "V")
    if threshold is None:
        return torch.ones(len(counts), dtype=torch.float64, device=counts.device)
    check_between(0, 1, threshold=threshold)

    frequencies = counts.double() / counts.sum()
    return (threshold / frequencies).sqrt().clamp(max=1)  # a word that never occurs: inf, then 1


def noise_distribution(counts: Tensor, power: float = 0.75) -> Tensor:
    """Return how likely each word is to be drawn as noise, P_n(w) ∝ #(w)^¾ (W2V-6), (V,).

    Args:
        counts: how often each word occurs, (V,).
        power: 1 draws words as often as they occur, 0 all alike.
    """
    check_shape("counts", counts, "V")
    check_between(0, 1, power=power)

    weights = counts.double() ** power * (counts > 0)  # 0⁰ would be 1
    return weights / weights.sum()
