"""Two other shapes of chapter 06, each beside good counting: the era of a sentence, and its marks.

Both read the yearly addresses of the presidents. The era is many to one: naive Bayes on words and
pairs of words against a recurrent classifier. The marks are many to many, aligned: naive Bayes with
four clues and counted pairs against a recurrent tagger. Whole addresses are held out.
"""

import re
from bisect import bisect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes import data, seq2seq, training
from dlnotes.checks import check_choice, check_positive
from dlnotes.text import Vocabulary

BORDERS = (1850, 1900, 1945, 1980)  # years in which an era begins
MARKS = {"": 0, ",": 1}  # nothing, a comma; all others end something, 2
HIDDEN = 3  # the unknown word of a vocabulary
PIECE = 32  # words that are read together when marks are set
Answer = Callable[[Tensor], Tensor]  # ids (N, PIECE) -> probabilities (N · PIECE, 3)


def words_of(sentence: str) -> list[str]:
    """Return the first 40 words, numbers and signs of a sentence, in small letters."""
    return re.findall(r"[a-z]+|\d+|[^\sa-z\d]", sentence.lower())[:40]


@lru_cache(maxsize=4)
def eras(split: str, *, every: int = 1) -> tuple[list[str], Tensor]:
    """Return the sentences of every n-th address, and the number of the era of each."""
    rows = []
    for address in data.state_of_the_union(split)[::every]:
        era = bisect(BORDERS, address.year)
        rows += [(sentence, era) for sentence in data.sentences(address.text)]
    return [sentence for sentence, _ in rows], torch.tensor([era for _, era in rows])


@lru_cache(maxsize=2)
def vocabulary(*, every: int = 1) -> Vocabulary:
    """Return the words that occur twice in the training sentences."""
    sentences, _ = eras("train", every=every)
    return Vocabulary.from_sequences(map(words_of, sentences), min_count=2)


@lru_cache(maxsize=4)
def marks(split: str, *, every: int = 1) -> tuple[Tensor, Tensor]:
    """Return words in pieces of 32, and the mark after each word: ids and marks, (N, 32)."""
    known = vocabulary(every=every)
    found: list[tuple[str, str]] = []
    for address in data.state_of_the_union(split)[::every]:
        found += re.findall(r"([A-Za-z]+|\d+)[^\w.,;:?!]*([.,;:?!]?)", address.text)
    found = found[: len(found) // PIECE * PIECE]
    ids = torch.tensor([known[word.lower()] for word, _ in found])
    after = torch.tensor([MARKS.get(mark, 2) for _, mark in found])
    return ids.view(-1, PIECE), after.view(-1, PIECE)


# ---- counting ----------------------------------------------------------------------------------


def counted_era(*, every: int = 1) -> tuple[float, float]:
    """Return the accuracies of naive Bayes, and of naming the commonest era of the training."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB

    (sentences, era), (others, right) = eras("train", every=every), eras("test", every=every)
    counter = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    bayes = MultinomialNB(alpha=0.1).fit(counter.fit_transform(sentences), era)
    always = (right == era.mode().values).double().mean().item()
    return float(bayes.score(counter.transform(others), right)), always


def moved(ids: Tensor, k: int) -> Tensor:
    """Return for each word the one k places further on, from -2 to 2; padding at the ends."""
    return F.pad(ids, (2, 2))[:, 2 + k : 2 + k + ids.shape[1]].flatten()


def counted_marks(ids: Tensor, mark: Tensor, size: int) -> Answer:
    """Return naive Bayes with four clues, into which the shares of pairs of words are mixed.

    Args:
        ids: training words, (N, 32).
        mark: after each word, (N, 32).
        size: of the vocabulary.
    """
    check_positive(size=size)
    after = F.one_hot(mark.flatten(), 3).double()
    usual = after.mean(dim=0)
    clues = {}  # how much likelier than usual each mark is, near each word
    for k in (-1, 0, 1, 2):
        counts = torch.zeros(size, 3).double().index_add_(0, moved(ids, k), after)
        clues[k] = (counts + 5 * usual) / (counts.sum(dim=1, keepdim=True) + 5) / usual
    pairs, place = (moved(ids, 0) * size + moved(ids, 1)).unique(return_inverse=True)
    pair_counts = torch.zeros(len(pairs), 3).double().index_add_(0, place, after)

    def answer(ids: Tensor) -> Tensor:
        p = usual
        for k, clue in clues.items():
            p = p * clue[moved(ids, k)]
        p = p / p.sum(dim=1, keepdim=True)
        asked = moved(ids, 0) * size + moved(ids, 1)
        place = torch.searchsorted(pairs, asked).clamp(max=len(pairs) - 1)
        counts = pair_counts[place] * (pairs[place] == asked)[:, None]  # 0 if never seen
        return (counts + 3 * p) / (counts.sum(dim=1, keepdim=True) + 3)  # 3: on validation

    return answer


def f1(p: Tensor, mark: Tensor, threshold: float) -> float:
    """Return the F1 of marks that are set where any mark has more than this probability.

    Args:
        p: of nothing, comma, full stop, (words, 3).
        mark: the true ones, (words,).
        threshold: from 0 to 1.
    """
    guess = torch.where(p[:, 0] < 1 - threshold, p[:, 1:].argmax(dim=1) + 1, 0)
    hits = ((guess == mark) & (mark > 0)).sum().item()
    return 2 * hits / max(1, int((guess > 0).sum()) + int((mark > 0).sum()))


def tuned_f1(answer: Answer, *, every: int = 1) -> tuple[float, float]:
    """Return F1 on test addresses, and its threshold, chosen on validation addresses."""
    (ids, mark), (test_ids, test_mark) = (marks(s, every=every) for s in ("validation", "test"))
    p, options = answer(ids), [k / 20 for k in range(1, 19)]
    best = max(options, key=lambda threshold: f1(p, mark.flatten(), threshold))
    return f1(answer(test_ids), test_mark.flatten(), best), best


# ---- networks ----------------------------------------------------------------------------------


def era_loss(net: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return the cross-entropy; one word in seven is hidden, so that none decides alone."""
    x, lengths, era = batch
    total = torch.zeros(())
    for rows in lengths.argsort().tensor_split(4):  # like lengths together, less padding
        short = x[rows, : int(lengths[rows].max())]
        short = short.masked_fill(torch.rand(short.shape) < 0.15, HIDDEN)
        logits = net(short, lengths[rows])
        total = total + F.cross_entropy(logits, era[rows], reduction="sum")
    return total / len(era)


def mark_loss(net: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Return the mean cross-entropy of the mark after each word."""
    return F.cross_entropy(net(batch[0]).flatten(0, 1), batch[1].flatten())


def trained(shape: str, *, every: int = 1, seed: int = 0, **how: int) -> nn.Module:
    """Return the network for a shape, "era" or "marks", trained for so many epochs or steps."""
    check_choice(("era", "marks"), shape=shape)
    known = vocabulary(every=every)
    torch.manual_seed(seed)
    options: dict[str, Any] = dict(schedule="one_cycle", seed=seed, progress=False, **how)
    net: nn.Module
    if shape == "era":
        sentences, era = eras("train", every=every)
        sizes: dict[str, Any] = dict(hidden_size=32, embedding_size=64, cell="gru", dropout=0.5)
        net = seq2seq.SequenceClassifier(len(known), 5, pooling="sum", keep_vectors=True, **sizes)
        rows: tuple[Tensor, ...] = (*known.batch(list(map(words_of, sentences))), era)
        options |= dict(batch_size=256, learning_rate=0.005)
    else:
        net = seq2seq.SequenceTagger(
            len(known), 3, hidden_size=48, embedding_size=64, cell="gru"
        )  # fmt: skip
        rows = marks("train", every=every)
        options |= dict(batch_size=64, learning_rate=0.008)
    nn.init.normal_(net.encoder.embedding.weight, std=0.1)  # rare words shall not shout
    training.fit(net, era_loss if shape == "era" else mark_loss, rows, **options)
    return net.eval()


@torch.no_grad()
def era_accuracy(net: nn.Module, *, every: int = 1) -> float:
    """Return the share of test sentences whose era the network names."""
    sentences, era = eras("test", every=every)
    x, lengths = vocabulary(every=every).batch(list(map(words_of, sentences)))
    return (net(x, lengths).argmax(dim=1) == era).double().mean().item()


def answer_of(net: nn.Module) -> Answer:
    """Return the probabilities that a network gives, in the form that ``tuned_f1`` wants."""

    @torch.no_grad()
    def answer(ids: Tensor) -> Tensor:
        return net(ids).softmax(dim=2).flatten(0, 1)

    return answer
