"""Word vectors by counting: who stands beside whom, more often than by chance, in few numbers.

The strong baseline of the chapter, and what skip-gram with negative sampling approaches (Levy &
Goldberg 2014). Tables are dense or, for large vocabularies, sparse tensors; what is not stored in a
sparse table was never counted, and its PPMI is 0.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import check_at_least, check_between, check_choice, check_positive, check_shape
from dlnotes.word2vec.corpus import END, Corpus

WEIGHTS = ("equal", "shrinking")


def cooccurrence(
    corpus: Corpus, window: int, *, weights: str = "equal", stream: Tensor | None = None
) -> Tensor:
    """Count how often each word stands within ``window`` words of each other, in a sentence.

    Args:
        corpus: the text.
        window: c, words to each side.
        weights: "equal" counts every pair once; "shrinking" a pair at distance d by (c − d + 1)/c,
            which is how often a window drawn from 1 … c would have seen it.
        stream: count here instead of in ``corpus.stream``, such as in a ``subsample`` of it.

    Returns:
        a sparse tensor (V, V), symmetric; coalesced. ``to_dense()`` shows it.
    """
    if not isinstance(corpus, Corpus):
        raise TypeError(f"corpus must be a Corpus, got {type(corpus).__name__}")
    check_positive(window=window)
    check_choice(WEIGHTS, weights=weights)
    stream = corpus.stream if stream is None else stream
    check_shape("stream", stream, "T")

    V, is_word = len(corpus), stream != END
    words, sentence = stream[is_word], is_word.logical_not().cumsum(0)[is_word]
    keys, values = [], []
    for d in range(1, min(window, len(words) - 1) + 1):
        same = sentence[d:] == sentence[:-d]
        key, count = (words[:-d] * V + words[d:])[same].unique(return_counts=True)
        keys.append(key)
        values.append(count.double() * (1 if weights == "equal" else (window - d + 1) / window))
    key = torch.cat(keys or [words[:0]])
    value = torch.cat(values or [words[:0].double()])
    first, second = key // V, key % V
    places = torch.stack([torch.cat([first, second]), torch.cat([second, first])])
    return _sparse(places, torch.cat([value, value]).float(), V, V)


def pair_counts(counts: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the entries of a sparse table at these rows and columns, (N,); 0 where none is stored.

    Args:
        counts: see ``cooccurrence``.
        first: word ids, (N,).
        second: word ids, (N,).
    """
    _check_table("counts", counts)
    check_shape("first", first, "N")
    check_shape("second", second, len(first))
    if not counts.is_sparse:
        return counts[first, second]

    counts = counts.coalesce()
    row, column = counts.indices()
    keys, asked = row * counts.shape[1] + column, first * counts.shape[1] + second
    if not len(keys):
        return torch.zeros(len(asked), dtype=counts.dtype)
    place = torch.searchsorted(keys, asked).clamp(max=len(keys) - 1)
    return torch.where(keys[place] == asked, counts.values()[place], 0)


def pmi(counts: Tensor, *, power: float = 1.0) -> Tensor:
    """Return ln [p(c, o) / (p(c) p(o))] of a dense table (W2V-8), −inf where a count is 0.

    Args:
        counts: #(c, o), (V, V).
        power: of the second word's frequency, #(o)^power: ¾ makes rare words less conspicuous
            (Levy, Goldberg & Dagan 2015), as in the noise distribution.
    """
    _check_table("counts", counts)
    if counts.is_sparse:
        raise TypeError("counts must be dense, since its PMI is −inf at most places: see ppmi")

    p_c, p_o = _chances(counts, power)
    return _logarithm(counts / counts.sum(), torch.outer(p_c, p_o))


def ppmi(counts: Tensor, *, power: float = 1.0, shift: float = 0.0) -> Tensor:
    """Return max(PMI − shift, 0): what is rarer than by chance counts as nothing.

    Args:
        counts: #(c, o), (V, V), dense or sparse; the result is likewise.
        power: see ``pmi``.
        shift: ln k makes it the table that negative sampling approaches, but for negative values.
    """
    _check_table("counts", counts)
    check_between(-math.inf, math.inf, shift=shift)
    if not counts.is_sparse:
        return (pmi(counts, power=power) - shift).clamp(min=0)

    counts = counts.coalesce()
    c, o = counts.indices()
    p_c, p_o = _chances(counts, power)
    values = _logarithm(counts.values() / counts.values().sum(), p_c[c] * p_o[o])
    values = (values - shift).clamp(min=0)
    stays = values > 0
    return _sparse(counts.indices()[:, stays], values[stays], *counts.shape)


def _sparse(places: Tensor, values: Tensor, V: int, W: int) -> Tensor:
    table = torch.sparse_coo_tensor(places, values, (V, W), check_invariants=False)
    return table.coalesce()


def _chances(counts: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """Return how likely each word is as the first and as the second of a pair."""
    check_between(0, 1, power=power)
    first, second = (counts.sum(axis) for axis in (1, 0))
    if counts.is_sparse:
        first, second = first.to_dense(), second.to_dense()
    second = second**power
    return first / first.sum(), second / second.sum()


def _logarithm(together: Tensor, by_chance: Tensor) -> Tensor:
    """Return the PMI; a word that never occurs, 0/0, stands beside none."""
    return (together / by_chance).nan_to_num(nan=0.0).log()


def shorten(table: Tensor, dim: int, *, exponent: float = 0.5, seed: int = 0) -> Tensor:
    """Return D numbers for each row of a table: U Σ^exponent of its singular value decomposition.

    U Σ Vᵀ with D singular values is the best approximation by products of vectors with D numbers
    (Eckart & Young 1936). Each direction's sign is chosen so that its largest number is positive.

    Args:
        table: (V, W); of a sparse one the decomposition is approximate (Halko et al. 2011).
        dim: D.
        exponent: ½ shares the singular values between rows and columns; 0 leaves them out.
        seed: of the directions tried, for a sparse table.
    """
    check_shape("table", table, "V", "W")
    check_positive(dim=dim)
    check_between(0, 1, exponent=exponent)
    if dim > min(table.shape):
        raise ValueError(f"dim must be at most {min(table.shape)}, got {dim}")

    if table.is_sparse:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            more = min(dim + 20, *table.shape)
            left, values, _ = torch.svd_lowrank(table, q=more, niter=4)
    else:
        left, values, _ = torch.linalg.svd(table, full_matrices=False)
    left, values = left[:, :dim], values[:dim]
    largest = left.gather(0, left.abs().argmax(0, keepdim=True))
    return left * largest.sign() * values**exponent


# ---- the link to negative sampling -------------------------------------------------------------


def table_loss(scores: Tensor, counts: Tensor, negatives: float) -> Tensor:
    """Return the expected negative-sampling loss per true pair, for a free score of each pair.

    −(1/N) Σ_co [#(c, o) ln σ(x_co) + k #(c) #(o)/N · ln σ(−x_co)], noise drawn by frequency.

    Args:
        scores: x_co, such as U Vᵀ, (V, W).
        counts: #(c, o), dense (V, W); N is its sum.
        negatives: k.
    """
    _check_table("counts", counts)
    check_shape("scores", scores, *counts.shape)
    check_at_least(0, negatives=negatives)

    total = counts.sum()
    noise = negatives * torch.outer(counts.sum(1), counts.sum(0)) / total
    return -(counts * F.logsigmoid(scores) + noise * F.logsigmoid(-scores)).sum() / total


def optimal_scores(counts: Tensor, negatives: float) -> Tensor:
    """Return the scores of the least ``table_loss``, PMI − ln k (W2V-10; Levy & Goldberg 2014)."""
    check_positive(negatives=negatives)
    return pmi(counts) - math.log(negatives)


def _check_table(name: str, table: Tensor) -> None:
    check_shape(name, table, "V", "W")
    if not table.is_floating_point():
        raise TypeError(f"{name} must be floating-point numbers, got {table.dtype}")
    values = table.coalesce().values() if table.is_sparse else table
    if values.numel() and not (values.min() >= 0 and values.sum() > 0):
        raise ValueError(f"{name} must be 0 or more and not all 0, got least {values.min():g}")
