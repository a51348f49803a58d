"""Training on a corpus: ``training.fit`` with the blocks of ``windows`` and their loss."""

from typing import Any

from torch import Tensor

from dlnotes.checks import check_at_least, check_positive
from dlnotes.training import Batch, History, fit
from dlnotes.word2vec.corpus import Corpus
from dlnotes.word2vec.models import CBOW, SkipGram
from dlnotes.word2vec.windows import Blocks, sampler

ROW = 256  # words of text that are shuffled together


def train(
    model: SkipGram | CBOW,
    corpus: Corpus,
    *,
    window: int = 5,
    negatives: int = 5,
    threshold: float | None = 1e-3,
    power: float = 0.75,
    shrink: bool = True,
    epochs: int = 20,
    batch_words: int = 8_192,
    learning_rate: float = 3e-2,
    schedule: str | None = "one_cycle",
    **options: Any,
) -> History:
    """Train word vectors in place, by negative sampling.

    Args:
        model: a ``SkipGram`` or ``CBOW`` of the vocabulary of ``corpus``.
        corpus: the text.
        window: c, words to each side.
        negatives: k, noise words for each true pair.
        threshold: t of sub-sampling, see ``keep_probability``; None keeps every word.
        power: of the noise distribution.
        shrink: draw each window from 1 … c.
        epochs: how often to go through the text.
        batch_words: running words per step, before sub-sampling; a multiple of 256;
            of a shorter text, all at once.
        learning_rate: the largest of the schedule, for AdamW.
        schedule: see ``training.fit``.
        **options: others of ``training.fit``: validate, seed, device, checkpoint, progress …

    Returns:
        the ``History``; the loss is in nats per pair (skip-gram) or per word (CBOW).
    """
    if not isinstance(model, SkipGram | CBOW):
        raise TypeError(f"model must be a SkipGram or CBOW, got {type(model).__name__}")
    check_at_least(0, negatives=negatives)
    check_positive(batch_words=batch_words)
    if batch_words % ROW:
        raise ValueError(f"batch_words must be a multiple of {ROW}, got {batch_words}")
    transform = sampler(corpus, window=window, threshold=threshold, power=power, shrink=shrink)
    if len(corpus) != len(model.vectors):
        raise ValueError(
            f"model must have the {len(corpus)} words of the corpus, got {len(model.vectors)}"
        )

    def loss(model: SkipGram | CBOW, batch: Batch) -> Tensor:
        return model.block_loss(Blocks(*batch), negatives=negatives)

    rows = corpus.rows(ROW)
    batch_size = min(batch_words // ROW, len(rows))
    options |= dict(batch_size=batch_size, learning_rate=learning_rate, schedule=schedule)
    return fit(model, loss, rows, epochs=epochs, transform=transform, **options)
