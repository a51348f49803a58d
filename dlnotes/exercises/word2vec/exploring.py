"""The last steps of the ladder of chapter 8: an experiment, and something to break."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes import word2vec
from dlnotes.exercises import exercise, expect, expect_parts, expect_runs

TEXT = ("we drink tea", "we drink coffee", "we read books", "we read papers")
VOCABULARY = ("we", "drink", "read", "tea", "coffee", "books", "papers")


def real_pairs() -> tuple[list[int], list[int]]:
    """Return the ids of the centres and of the neighbours of the 24 pairs of section 2."""
    pairs = [pair for sentence in TEXT for pair in word2vec.pairs(sentence.split(), 2)]
    centers, neighbors = zip(*pairs, strict=True)
    return [VOCABULARY.index(c) for c in centers], [VOCABULARY.index(o) for o in neighbors]


# ---- experiment --------------------------------------------------------------------------------


def loss_after(tables: int, seed: int, *, steps: int = 1000, numbers: int = 4) -> float:
    """Train the seven words of section 6 with the full softmax; return the loss at the end.

    Args:
        tables: 2 gives every word a vector as centre and one as neighbour, 1 the same for both.
        seed: of the vectors at the start.
        steps: of gradient descent, with the learning rate 1.
        numbers: in each vector.
    """
    if tables not in (1, 2):
        raise ValueError(f"tables must be 1 or 2, got {tables!r}")

    generator = torch.Generator().manual_seed(seed)
    start = 0.1 * torch.randn(tables, 7, numbers, generator=generator)
    both = start.requires_grad_()
    centers, neighbors = real_pairs()
    for _ in range(steps + 1):
        scores = both[0] @ both[-1].T
        loss = F.cross_entropy(scores[centers], torch.tensor(neighbors))
        (gradient,) = torch.autograd.grad(loss, both)
        both = (both - gradient).detach().requires_grad_()
    return loss.item()


@exercise(
    "8. Experiment. Skip-gram has two tables. With one for both, u = v, there are half as many "
    "numbers to learn. Does it cost anything? exercises.word2vec.loss_after(tables, seed) trains "
    "the seven words of section 6 with 1 or 2 tables and returns the loss at the end. Take at "
    "least three seeds each. One number of tables is better only if its worst run beats every run "
    "of the other, and otherwise it is unclear. Predict first.\n"
    "Give the list of losses for each, and as better 1, 2 or 'unclear'.",
    hint=(
        "[exercises.word2vec.loss_after(1, seed) for seed in range(3)] is one of the lists.",
        "A low loss is a good one. Compare max(...) of one list with min(...) of the other.",
        "If the runs overlap, three seeds cannot tell.",
    ),
    because="With one table a word has to guess itself, since v · v is never negative. And no word "
    "of our library stands beside itself. So the loss stays far above the floor, also with more "
    "steps and more numbers, as you can try with steps= and numbers=. Where words often do stand "
    "beside themselves, the answer could be another one.",
    skeleton="""
        answer = {1: ..., 2: ..., "better": ...}
    """,
)
def one_table():
    report = {tables: [loss_after(tables, seed) for seed in range(3)] for tables in (1, 2)}
    one, two = report[1], report[2]
    better = 1 if max(one) < min(two) else 2 if max(two) < min(one) else "unclear"
    return {**report, "better": better}


@one_table.checked_by
def _(answer):
    expect(isinstance(answer, dict), "type: a dict is wanted, with three keys")
    expect("better" in answer, "keys: 'better' is not there")
    verdict = answer["better"]
    lists = {key: value for key, value in answer.items() if key != "better"}
    runs = expect_runs(lists, 1, 2, high=3.0, unit="losses, from 0 to 3")
    for tables, values in runs.items():
        floor = f"floor: no guesser gets below the floor of section 6, see {tables}"
        expect(min(values) > 1.155, floor)
        start = f"training: a run with {tables} stands where it began, at log 7; was it trained?"
        expect(max(values) < 1.94, start)
    expect(runs[1] != runs[2], "tables: both lists are the same")
    expect(verdict in (1, 2, "unclear"), f"type: better: 1, 2 or 'unclear', got {verdict!r}")
    if verdict == "unclear":
        apart = max(runs[1]) < min(runs[2]) or max(runs[2]) < min(runs[1])
        expect(not apart, "verdict: every run of one beats all of the other")
        return
    better, worse = runs[verdict], runs[3 - verdict]
    expect(min(better) < max(worse), "verdict: your runs say the opposite; a low loss is good")
    expect(max(better) < min(worse), "verdict: the runs overlap, so they cannot tell")


# ---- break it ----------------------------------------------------------------------------------


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
    centers, neighbors = real_pairs()
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
