"""The middle of the ladder of chapter 8: a gradient, a score at rest, an analogy."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.exercises import NotYet, as_number, exercise, expect, expect_close, expect_function

# ---- the gradient of CBOW ----------------------------------------------------------------------


@exercise(
    "5. Derive and implement. In CBOW, the mean of the neighbours' vectors guesses the word in the "
    "middle, with the full softmax (W2V-3). neighbors is (r, D), their vectors. U is (V, D), the "
    "vectors of all words that can be guessed, and c the id of the right one. No autograd.\n"
    "Return the gradient of −log p(c | neighbors) with respect to neighbors, (r, D).",
    hint=(
        "First find the gradient with respect to the mean. Section 6 has done that.",
        "Then use the chain rule. By how much does the mean move if one neighbour moves?",
        "The mean moves by 1/r of it. So every neighbour gets the same row.",
    ),
    because="The gradient with respect to the mean is expected minus observed. A neighbour is one "
    "r-th of the mean, so each gets one r-th of it, the same for all. In skip-gram a rare word "
    "gets a whole step of its own. In CBOW it shares the step with its neighbours.",
    skeleton="""
        def cbow_gradient(neighbors, U, c):
            # about three lines
            ...
    """,
)
def cbow_gradient():
    def cbow_gradient(neighbors, U, c):
        p = (U @ neighbors.mean(0)).softmax(0)
        of_mean = p @ U - U[c]  # expected minus observed
        return (of_mean / len(neighbors)).repeat(len(neighbors), 1)

    return cbow_gradient


def softmax_gradient(v: Tensor, U: Tensor, c: int) -> Tensor:
    """Return expected minus observed."""
    return (U @ v).softmax(0) @ U - U[c]


@cbow_gradient.checked_by
def _(answer):
    gradient = expect_function(answer, "neighbors", "U", "c")
    for seed, (r, V, D) in enumerate(((2, 5, 3), (4, 6, 2), (3, 3, 5))):
        generator = torch.Generator().manual_seed(seed)
        neighbors = torch.randn(r, D, generator=generator).double()
        U = torch.randn(V, D, generator=generator).double()
        g, rows = softmax_gradient(neighbors.mean(0), U, 1), torch.ones(r, 1).double()
        right = rows * g / r
        wrong = {
            "mean: one neighbour is only one r-th of the mean": rows * g,
            "rows: give one row for each neighbour": g / r,
            "rows: give one row for each neighbour, and divide by r": g,
            "forward: it is the mean that guesses, not the sum": rows
            * softmax_gradient(neighbors.sum(0), U, 1)
            / r,
            "forward: the neighbours guess together, not one by one": torch.stack(
                [softmax_gradient(v, U, 1) / r for v in neighbors]
            ),
            "expected: only what was seen is here": -rows * U[1] / r,
            "observed: only what was expected is here": rows * (g + U[1]) / r,
            "target: c says which word was in the middle": rows
            * softmax_gradient(neighbors.mean(0), U, 0)
            / r,
        }
        expect_close(gradient(neighbors, U, 1), right, "the gradient", within=1e-9, wrong=wrong)


# ---- the score at rest, with other noise -------------------------------------------------------


@exercise(
    "6. Derive and implement. Section 9 draws noise words as often as they occur. Now draw word o "
    "with a probability proportional to n_o ** power, as in section 10. n_o is the sum of its row. "
    "counts is a symmetric table (V, V) without zeros, float64, and k noise words belong to "
    "each real pair. Every pair has a free score.\n"
    "Return the scores at which the loss is least, (V, V).",
    hint=(
        "How often is the pair (c, o) made up now? Ask for the sum of all probabilities.",
        "c is the centre of n_c pairs, each gets k noise words, and o is drawn with the "
        "probability n_o ** power over the sum of all n ** power.",
        "The score at rest is the logarithm of real over made up, as in section 9.",
    ),
    because="The score is log(C / (k n_c q_o)), with q the noise distribution. Compared to PMI, a "
    "frequent o gets more and a rare one less. That is why counting uses the same power in its "
    "PMI. The constant that comes with it is the same for all pairs.",
    skeleton="""
        def resting_scores(counts, k, power):
            # about three lines
            ...
    """,
)
def resting_scores():
    def resting_scores(counts, k, power):
        n = counts.sum(1)
        drawn = n**power / (n**power).sum()
        return (counts / (k * torch.outer(n, drawn))).log()

    return resting_scores


@resting_scores.checked_by
def _(answer):
    scores = expect_function(answer, "counts", "k", "power")
    for V, k, power in ((4, 5, 0.75), (5, 2, 0.5), (3, 3, 0.0)):
        generator = torch.Generator().manual_seed(V)
        C = torch.randint(1, 30, (V, V), generator=generator).double()
        C = C + C.T
        n, N = C.sum(1), C.sum()
        drawn = n**power / (n**power).sum()
        right = (C / (k * torch.outer(n, drawn))).log()
        flat = (C * N / torch.outer(n, n)).log()
        logk = torch.tensor(float(k)).double().log()
        wrong = {
            "noise: it is not drawn as often as it occurs here": flat - logk,
            "k: it makes a pair k times as often up": right + logk,
            "k: more noise makes the score smaller": right + 2 * logk,
            "sum: probabilities add up to 1": (C / (k * torch.outer(n, n**power))).log(),
            "centre: only noise words are drawn, the centre stays": (
                C / (k * torch.outer(drawn, n))
            ).log(),
            "centre: the power belongs to the noise word alone": (
                C / (k * torch.outer(drawn, drawn) * N)
            ).log(),
            "logarithm: these are the odds, not the score": right.exp(),
            "real: how often was the pair really seen?": -(k * torch.outer(n, drawn)).log(),
            "pairs: c is the centre of n_c pairs, which are not probabilities": (
                C / (k * torch.outer(n / N, drawn))
            ).log(),
        }
        expect_close(scores(C, k, power), right, "the scores", within=1e-9, wrong=wrong)


# ---- analogies ---------------------------------------------------------------------------------


@exercise(
    "7. Implement. a is to b as c is to which word? vectors is (V, D), and a, b, c are ids. Make "
    "all vectors equally long first. The answer is the word with the largest cosine to b − a + c. "
    "With banned=True it may not be a, b or c. With banned=False every word is allowed.\n"
    "Return its id, a whole number.",
    hint=(
        "F.normalize(vectors, dim=1) makes every row as long as 1.",
        "The product of all rows with the goal gives the cosines, but for the goal's own length, "
        "which is the same for all.",
        "cosines[[a, b, c]] = -torch.inf bans three words.",
    ),
    because="Whatever the words are, the goal b − a + c holds c itself. If b and a are alike, as "
    "they usually are, the goal hardly leaves c. Without the ban the nearest word is then c. So "
    "the ban is no detail, it makes most of the answers that one reads about.",
    skeleton="""
        def analogy(vectors, a, b, c, banned):
            # about five lines
            ...
    """,
)
def analogy():
    def analogy(vectors, a, b, c, banned):
        directions = F.normalize(vectors, dim=1)
        goal = directions[b] - directions[a] + directions[c]
        cosines = directions @ goal
        if banned:
            cosines[[a, b, c]] = -torch.inf
        return cosines.argmax().item()

    return analogy


def answers(
    banned: bool,
    *,
    goal=lambda a, b, c: b - a + c,
    ban: str = "abc",
    before: bool = True,
    after: bool = True,
) -> list[int]:
    """Return the answers to the trials, with something else in one of the places."""
    found = []
    for vectors, a, b, c in trials():
        table = F.normalize(vectors, dim=1) if before else vectors
        cosines = (F.normalize(vectors, dim=1) if after else vectors) @ goal(*table[[a, b, c]])
        if banned:
            cosines[[{"a": a, "b": b, "c": c}[name] for name in ban]] = -torch.inf
        found.append(int(cosines.argmax()))
    return found


def trials() -> list[tuple[Tensor, int, int, int]]:
    """Return vectors of different lengths, and three words each."""
    found = []
    for seed in range(25):
        generator = torch.Generator().manual_seed(seed)
        lengths = 3 * torch.rand(12, 1, generator=generator) + 0.2
        found.append((torch.randn(12, 3, generator=generator) * lengths, 1, 4, 7))
    return found


@analogy.checked_by
def _(answer):
    solve = expect_function(answer, "vectors", "a", "b", "c", "banned")
    for banned in (True, False):
        given = []
        for vectors, a, b, c in trials():
            number = as_number(solve(vectors, a, b, c, banned), "the id")
            expect(number == int(number), "type: the id is a whole number")
            given.append(int(number))
        if given == answers(banned):
            continue
        mistakes = {
            "direction: it goes from a to b, so b minus a": dict(goal=lambda a, b, c: a - b + c),
            "start: from c one goes on, so plus c": dict(goal=lambda a, b, c: b - a),
            "roles: a is to b as c is to the answer": dict(goal=lambda a, b, c: c - b + a),
            "order: minus belongs to a": dict(goal=lambda a, b, c: a + b - c),
            "length: make the vectors equally long before you add": dict(before=False),
            "cosine: a long vector has a large product with everything": dict(after=False),
            "length: neither sum nor product is by cosines yet": dict(before=False, after=False),
        }
        for message, change in mistakes.items():
            expect(given != answers(banned, **change), message)
        if banned:
            expect(given != answers(False), "ban: with banned=True the three may not be answers")
            for ban in ("c", "ab", "a", "b", "ac", "bc"):
                expect(given != answers(True, ban=ban), "ban: all three words are banned")
        else:
            free = "ban: with banned=False every word is allowed, also a, b and c"
            expect(given != answers(True), free)
        raise NotYet("not yet: the answers differ; use .hint()")
