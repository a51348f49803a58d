"""The last steps of the ladder of chapter 8: an experiment, and something to break."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes import word2vec
from dlnotes.exercises import exercise, expect, expect_parts, expect_runs
from dlnotes.recipes import word2vec as recipe
from dlnotes.word2vec import Corpus, SkipGram, WordVectors

# ---- experiment --------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _part() -> Corpus:
    """Return every fourth sentence of the addresses, with the vocabulary of all of them."""
    return Corpus(recipe.sentences()[::4], words=recipe.corpus().words)


def precision_after(tables: int, seed: int) -> float:
    """Train skip-gram on a quarter of the text; return P@5 on the lists for choosing.

    Args:
        tables: 2 gives every word a vector as centre and one as neighbour, 1 the same for both.
        seed: of everything random.
    """
    if tables not in (1, 2):
        raise ValueError(f"tables must be 1 or 2, got {tables!r}")

    corpus = _part()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SkipGram(len(corpus), 64)
        if tables == 1:
            model.context = model.center
        word2vec.train(model, corpus, epochs=8, seed=seed, progress=False, device="cpu")
    return recipe.precision(WordVectors(corpus.words, model.vectors), recipe.halves()[0])


@exercise(
    "8. Experiment. Skip-gram has two tables. With one for both, u = v, there are half as many "
    "numbers to learn. Does it cost anything? exercises.word2vec.precision_after(tables, seed) "
    "trains with 1 or 2 tables on a quarter of the speeches and returns P@5 on the lists for "
    "choosing. Take at least three seeds each. One number of tables is better only if its worst "
    "run beats every run of the other, and otherwise it is unclear. Predict first. (A run takes "
    "some seconds.)\n"
    "Give the list of precisions for each, and as better 1, 2 or 'unclear'.",
    hint=(
        "[exercises.word2vec.precision_after(1, seed) for seed in range(3)] is one of the lists.",
        "Compare min(...) of one list with max(...) of the other, both ways round.",
        "If the runs overlap, three seeds cannot tell.",
    ),
    because="Section 5 argued that with one table a word has to guess itself, since v · v is "
    "never negative. An argument says in which direction something pulls, and not how much it "
    "matters. Only the runs tell, for this text, this length and this judge, and no more.",
    skeleton="""
        answer = {1: ..., 2: ..., "better": ...}
    """,
)
def one_table():
    report = {tables: [precision_after(tables, seed) for seed in range(3)] for tables in (1, 2)}
    one, two = report[1], report[2]
    better = 1 if min(one) > max(two) else 2 if min(two) > max(one) else "unclear"
    return {**report, "better": better}


@one_table.checked_by
def _(answer):
    expect(isinstance(answer, dict), "type: a dict is wanted, with three keys")
    expect("better" in answer, "keys: 'better' is not there")
    verdict = answer["better"]
    runs = expect_runs({key: value for key, value in answer.items() if key != "better"}, 1, 2)
    for tables, values in runs.items():
        chance = f"training: a run with {tables} lies at chance; was it trained?"
        expect(min(values) > 0.02, chance)
    expect(runs[1] != runs[2], "tables: both lists are the same")
    expect(verdict in (1, 2, "unclear"), f"type: better: 1, 2 or 'unclear', got {verdict!r}")
    if verdict == "unclear":
        apart = min(runs[1]) > max(runs[2]) or min(runs[2]) > max(runs[1])
        expect(not apart, "verdict: every run of one beats all of the other")
        return
    better, worse = runs[verdict], runs[3 - verdict]
    expect(max(better) > min(worse), "verdict: your runs say the opposite")
    expect(min(better) > max(worse), "verdict: the runs overlap, so they cannot tell")


# ---- break it ----------------------------------------------------------------------------------

TEXT = ("we drink tea", "we drink coffee", "we read books", "we read papers")
VOCABULARY = ("we", "drink", "read", "tea", "coffee", "books", "papers")


@exercise(
    "9. Break it. Somebody wants to save the noise words and trains with k = 0, on real pairs. "
    "The loss is then the mean of −log σ(u_o · v_c) over the 24 real pairs of section 2. Find "
    "vectors for the seven words with a loss below 0.001, from which nobody can learn anything, "
    "because the cosine of any two of the seven v is above 0.999.\n"
    "Give the pair of tables (v, u), each (7, 2).",
    hint=(
        "Which score makes −log σ small, and does any pair want a low score now?",
        "All scores may be large. What if all words had the same two vectors?",
        "−log σ(x) is about e^(−x) for large x. Which x makes it smaller than 0.001?",
    ),
    because="Without noise nothing pushes. Every real pair wants a high score, and no pair wants a "
    "low one, so all vectors move into one direction and grow. The loss goes to 0 and the vectors "
    "say nothing. What teaches the model is the difference between real and made up.",
)
def no_noise():
    v = torch.tensor([[4.0, 0.0]]).repeat(7, 1)
    return v, v.clone()  # every score is 16


def mean_loss(v: Tensor, u: Tensor) -> float:
    """Return the mean loss of the real pairs, without noise."""
    pairs = [pair for s in TEXT for pair in word2vec.pairs(s.split(), 2)]
    centers, neighbors = (
        [VOCABULARY.index(word) for word in part] for part in zip(*pairs, strict=True)
    )
    return -F.logsigmoid((v[centers] * u[neighbors]).sum(1)).mean().item()


@no_noise.checked_by
def _(answer):
    tables = expect_parts(answer, "v", "u")
    for name, table in zip("vu", tables, strict=True):
        expect(isinstance(table, Tensor), f"type: {name} must be a tensor")
        expect(not table.is_complex(), f"type: {name} must hold real numbers")
        expect(table.shape == (7, 2), f"shape: {name} must be (7, 2), got {tuple(table.shape)}")
        expect(torch.isfinite(table).all(), f"values: {name} holds nan or infinity")
    v, u = (table.double() for table in tables)
    expect(v.norm(dim=1).min() > 0, "zero: a vector of length 0 has no direction")
    directions = F.normalize(v, dim=1)
    loss = mean_loss(v, u)
    opposite = "sign: the scores are negative, so every real pair is called made up"
    expect(loss < 2 or mean_loss(v, -u) > 0.5, opposite)
    expect(loss > 1e-3 or (directions @ directions.T).min() > 0.999,
           "cosine: the loss is low, but two of the v still point apart")  # fmt: skip
    half = "score: at 0 the model says one half, and the loss is log 2"
    expect(abs(loss - 0.6931) > 0.05, half)
    expect(loss < 1e-3 or (directions @ directions.T).min() < 0.999,
           "size: the directions will do, but the scores are not large enough")  # fmt: skip
    expect(loss < 1e-3, "not yet: there are real pairs with a low score; use .hint()")
