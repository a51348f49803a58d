"""From text to pairs: one after the other for reading, and whole blocks of them for speed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import check_at_least, check_choice, check_positive, check_shape
from dlnotes.training import Batch
from dlnotes.word2vec.corpus import END, Corpus, keep_probability, noise_distribution


def pairs(sentence: Sequence[Any], window: int) -> list[tuple[Any, Any]]:
    """Return every word of a sentence with every other within ``window`` words, in order.

    >>> pairs(["we", "drink", "tea"], 1)
    [('we', 'drink'), ('drink', 'we'), ('drink', 'tea'), ('tea', 'drink')]
    """
    check_positive(window=window)

    found = []
    for t, center in enumerate(sentence):
        for j in range(max(t - window, 0), min(t + window + 1, len(sentence))):
            if j != t:
                found.append((center, sentence[j]))
    return found


def subsample(stream: Tensor, keep: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return a stream of ids without the words that chance leaves out (W2V-7).

    Args:
        stream: word ids, ``END`` between sentences, (T,).
        keep: with which probability each word stays, (V,), see ``keep_probability``.
        generator: source of the random numbers; None is torch's own.
    """
    check_shape("stream", stream, "T")
    check_shape("keep", keep, "V")

    chance = torch.rand(stream.shape, generator=generator, device=stream.device)
    stays = chance < keep.to(chance)[stream.clamp(min=0)]
    return stream[stays | (stream == END)]


class Blocks(NamedTuple):
    """B pieces of text, L centre words each, with whatever stands around them.

    Attributes:
        words: ids, (B, w + L + w): the centre words and w words on either side; what lies past an
            end of the text is word 0, which then is near nobody.
        near: whether column m is within the window of centre word l, (B, L, w + L + w).
        noise: K word ids drawn for the whole block, (B, K).
    """

    words: Tensor
    near: Tensor
    noise: Tensor

    def pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return all true pairs one by one: centre (P,), context (P,), and noise words (P, K)."""
        block, row, column = self.near.nonzero(as_tuple=True)
        centers = row + (self.near.shape[2] - self.near.shape[1]) // 2
        return self.words[block, centers], self.words[block, column], self.noise[block]


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Makes ``Blocks`` out of rows of text: the ``transform`` of ``training.fit``.

    Attributes:
        keep: see ``keep_probability``, (V,).
        noise: running sums of ``noise_distribution``, (V,).
        window: c, words to each side.
        shrink: draw each centre's window from 1 … c, so that near words count more, as word2vec.c
            does; False always takes c.
        block: L, centre words per block.
        noise_words: K, drawn for each block and shared by its centre words.
    """

    keep: Tensor
    noise: Tensor
    window: int
    shrink: bool = True
    block: int = 16
    noise_words: int = 16

    def __call__(self, batch: Batch, generator: torch.Generator | None = None) -> Batch:
        """Return the blocks of rows of text, (R, T), ``END`` where a sentence ends."""
        (rows,) = batch
        stream = subsample(F.pad(rows, (0, 1), value=END).flatten(), self.keep, generator)
        return tuple(self.cut(stream, generator))

    def cut(self, stream: Tensor, generator: torch.Generator | None = None) -> Blocks:
        """Return a stream of ids as blocks."""
        device, w, L = stream.device, self.window, self.block
        is_word = stream != END
        words, sentence = stream[is_word], is_word.logical_not().cumsum(0)[is_word]
        B = max(-(-len(words) // L), 1)
        around = (w, B * L - len(words) + w)  # makes every block complete, on both sides
        words = F.pad(words, around).unfold(0, L + 2 * w, L)
        sentence = F.pad(sentence, around, value=END).unfold(0, L + 2 * w, L)

        reach = torch.full((B, L), w, device=device)
        if self.shrink:
            reach = torch.randint(1, w + 1, (B, L), generator=generator, device=device)
        columns, centers = torch.arange(L + 2 * w, device=device), sentence[:, w : w + L, None]
        distance = (columns - columns[w : w + L, None]).abs()
        near = (distance <= reach[..., None]) & (sentence[:, None] == centers) & (centers != END)
        near &= distance != 0  # a word does not stand beside itself
        noise = self.draw((B, self.noise_words), device, generator)
        return Blocks(words, near, noise)

    def draw(
        self, shape: tuple[int, ...], device: torch.device, generator: torch.Generator | None
    ) -> Tensor:
        """Return noise words of this shape."""
        chance = torch.rand(shape, generator=generator, device=device, dtype=self.noise.dtype)
        return torch.searchsorted(self.noise.to(device), chance, right=True)


def sampler(
    corpus: Corpus,
    *,
    window: int = 5,
    shrink: bool = True,
    threshold: float | None = 1e-3,
    power: float = 0.75,
    block: int = 16,
    noise_words: int = 16,
) -> Sampler:
    """Return what makes blocks of a corpus, with its frequent words thinned out.

    Args:
        corpus: whose counts decide.
        window: see ``Sampler``.
        shrink: see ``Sampler``.
        threshold: see ``keep_probability``.
        power: see ``noise_distribution``.
        block: see ``Sampler``.
        noise_words: see ``Sampler``.
    """
    if not isinstance(corpus, Corpus):
        raise TypeError(f"corpus must be a Corpus, got {type(corpus).__name__}")
    check_positive(window=window, block=block)
    check_at_least(0, noise_words=noise_words)
    check_choice((True, False), shrink=shrink)

    noise = noise_distribution(corpus.counts, power).cumsum(0)
    return Sampler(
        keep=keep_probability(corpus.counts, threshold),
        noise=(noise / noise[-1]).float(),  # ends with 1 exactly: no draw lies past it
        window=window,
        shrink=shrink,
        block=block,
        noise_words=noise_words,
    )
