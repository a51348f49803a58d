"""The middle of the ladder of chapter 7: derive, and implement what was derived."""

import math

import torch
from torch import Tensor

from dlnotes.exercises import exercise, expect, expect_close, expect_function
from dlnotes.exercises.cnn.trials import expect_formula, pixels

# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "5. Derive. Divide the scores by any number tau > 0 instead of the root. The answer is then "
    "o = Σ_j a_j v_j with a = softmax(s / tau). Section 6 shows how o changes with one score. How "
    "fast does it change with tau? s and v are tensors (n,), with one score and one value for each "
    "letter.\n"
    "Return ∂o/∂tau, a number.",
    hint=(
        "tau moves all scores at once. Use the chain rule over the n scaled scores s_j / tau.",
        "∂o/∂(s_j / tau) = a_j (v_j − o), and ∂(s_j / tau)/∂tau = −s_j / tau².",
        "Σ_j a_j s_j (v_j − o) is a covariance of scores and values under the weights.",
    ),
    because="∂o/∂tau = −(Σ a s v − Σ a s · Σ a v) / tau². If letters with high scores have high "
    "values, a larger tau lowers the answer, since the weights become more equal. If all scores "
    "are equal, tau does nothing.",
    skeleton="""
        def temperature_slope(s, v, tau):
            # about three lines
            ...
    """,
)
def temperature_slope():
    def temperature_slope(s, v, tau):
        a = (s / tau).softmax(dim=0)
        o = (a * v).sum()
        return -(a * s * (v - o)).sum() / tau**2

    return temperature_slope


@temperature_slope.checked_by
def _(answer):
    slope = expect_function(answer, "s", "v", "tau")

    def covariance(s: Tensor, v: Tensor, tau: float) -> float:
        a = (s / tau).softmax(0)
        return ((a * s * v).sum() - (a * s).sum() * (a * v).sum()).item()

    def raw(s: Tensor, v: Tensor, tau: float) -> float:
        return ((s / tau).softmax(0) * s * v).sum().item()

    mistakes = {
        "sign: s / tau falls when tau grows": lambda s, v, t: covariance(s, v, t) / t**2,
        "inner: the derivative of s / tau is not −s / tau": lambda s, v, t: (
            -covariance(s, v, t) / t
        ),
        "inner: the derivative of s / tau by tau is missing": lambda s, v, t: covariance(s, v, t),
        "inner: only its sign is there": lambda s, v, t: -covariance(s, v, t),
        "mean: the weights add up to 1, so what one gains, others lose": (
            lambda s, v, t: -raw(s, v, t) / t**2
        ),
        "weights: they come from s / tau, and not from s": (
            lambda s, v, t: -covariance(s, v, 1.0) / t**2
        ),
        "values: the scores stand in the derivative, too": (
            lambda s, v, t: -((s / t).softmax(0) * (v - v.mean())).sum().item() / t**2
        ),
    }
    right = temperature_slope.right_answer()
    trials = [(pixels(4, seed=k), pixels(4, seed=9 + k), tau) for k, tau in enumerate((0.5, 2, 3))]
    expect_formula(slope, lambda *a: right(*a).item(), trials, "the slope", mistakes)


@exercise(
    "6. Derive. Instead of adding codes, one can turn the queries and the keys themselves. The "
    "query of place i is turned with the matrix R_i of section 7, and the key of place j with R_j, "
    "with one clock of speed omega. q and k are pairs of numbers. Find the score (R_i q) · (R_j k) "
    "as a formula in which i and j occur only as j − i.\n"
    "Return the score, a number.",
    hint=(
        "A turn keeps lengths and angles. So turn both arrows back by the angle of the query.",
        "The score is q · (R_{j−i} k). Write out the two rows of R_{j−i}.",
        "With the angle δ = (j − i) omega, it is cos δ times one sum of products, plus sin δ times "
        "a difference of products.",
    ),
    because="(R_i q) · (R_j k) = q · (R_{j−i} k), because turning back undoes turning. Written out "
    "it is cos δ (q₀k₀ + q₁k₁) + sin δ (q₀k₁ − q₁k₀). So the score knows how far apart two places "
    "are, and not where they stand. This is the rotary embedding of most large models today (Su et "
    "al. 2021, arXiv:2104.09864).",
    skeleton="""
        def turned_score(q, k, i, j, omega):
            # about three lines
            ...
    """,
)
def turned_score():
    def turned_score(q, k, i, j, omega):
        delta = (j - i) * omega
        along = q[0] * k[0] + q[1] * k[1]
        across = q[0] * k[1] - q[1] * k[0]
        return math.cos(delta) * along + math.sin(delta) * across

    return turned_score


@turned_score.checked_by
def _(answer):
    score = expect_function(answer, "q", "k", "i", "j", "omega")

    def turned(q, k, delta):
        along, across = q[0] * k[0] + q[1] * k[1], q[0] * k[1] - q[1] * k[0]
        return math.cos(delta) * along + math.sin(delta) * across

    mistakes = {
        "direction: the difference is j − i": lambda q, k, i, j, w: turned(q, k, (i - j) * w),
        "sum: turning the query back takes away its angle": (
            lambda q, k, i, j, w: turned(q, k, (i + j) * w)
        ),
        "still: nothing was turned": lambda q, k, i, j, w: turned(q, k, 0),
        "query: only the key was turned": lambda q, k, i, j, w: turned(q, k, j * w),
        "key: only the query was turned": lambda q, k, i, j, w: turned(q, k, -i * w),
        "speed: the angle is places times omega": lambda q, k, i, j, w: turned(q, k, j - i),
        "sine: the part with the sine is missing": (
            lambda q, k, i, j, w: math.cos((j - i) * w) * (q[0] * k[0] + q[1] * k[1])
        ),
    }
    trials = [((0.3, 1.1), (0.7, -0.4), 2, 5, 0.7), ((-1.0, 0.2), (0.5, 0.9), 6, 1, 0.31)]
    trials.append(((0.8, 0.6), (1.2, 0.1), 3, 4, 1.7))
    expect_formula(score, turned_score.right_answer(), trials, "the score", mistakes)


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "7. Derive and implement. A softmax seems to need all scores before the first weight is known. "
    "It does not. q is (size,), and pairs yields (key, value) one after the other, once only, with "
    "keys (size,). Compute the answer of scaled attention in one pass, and keep nothing but a few "
    "numbers and one row. Scores of 2,000 occur, so exp of a score may overflow.\n"
    "Return the answer, of the shape of a value.",
    hint=(
        "Keep the sum of the exponentials, and the sum of exponentials times values.",
        "To be safe, divide both by exp(top), where top is the largest score so far.",
        "If a larger score comes, both old sums have to be multiplied by exp(old top − new top).",
    ),
    because="Numerator and denominator of the softmax are sums, so they can be built up. What is "
    "divided out for safety cancels in the end. Fast attention on graphics processors works like "
    "this, block by block, and never holds the n² scores (Dao et al. 2022, arXiv:2205.14135).",
    skeleton="""
        def one_pass(q, pairs):
            # about nine lines
            ...
    """,
)
def one_pass():
    def one_pass(q, pairs):
        top, total, row = torch.tensor(-torch.inf), 0.0, 0.0
        for key, value in pairs:
            score = q @ key / len(q) ** 0.5
            new = torch.maximum(top, score)
            shrink, weight = (top - new).exp(), (score - new).exp()
            total = shrink * total + weight
            row = shrink * row + weight * value
            top = new
        return row / total

    return one_pass


@one_pass.checked_by
def _(answer):
    stream = expect_function(answer, "q", "pairs")
    for seed, (n, size, scale) in enumerate([(6, 3, 1.0), (1, 4, 1.0), (8, 2, 40.0)]):
        q, K = scale * pixels(size, seed=seed), scale * pixels(n, size, seed=10 + seed)
        V = pixels(n, 3, seed=20 + seed)
        if scale > 1:
            K[n // 2] = q * (2000 * size**0.5 / (q @ q))  # a score of 2,000 in the middle
        scores = K @ q / size**0.5
        right = scores.softmax(0) @ V
        given = stream(q, iter(zip(K, V, strict=True)))
        if isinstance(given, Tensor) and given.isnan().any():
            expect(scale == 1.0, "overflow: exp of a large score is infinity; keep a largest score")
            expect(n > 1, "start: with a single pair yours is nan; what is exp(−inf + inf)?")
        mistakes = wrong_streams(scores, V, q, K)
        expect_close(given, right, "the answer", within=1e-9, wrong=mistakes)


def wrong_streams(scores: Tensor, V: Tensor, q: Tensor, K: Tensor) -> dict[str, Tensor]:
    """Return what the usual mistakes of ``one_pass`` lead to."""
    tops = scores.cummax(0).values
    late = (scores - tops).exp()  # old sums are never rescaled
    return {
        "root: the scores are divided by the root of size": (K @ q).softmax(0) @ V,
        "sum: divide by the sum of the weights in the end": (scores - tops[-1]).exp() @ V,
        "rescale: a larger score changes what the old sums are worth": (late / late.sum()) @ V,
        "largest: all letters count, not only the one with the largest score": V[scores.argmax()],
        "mean: that is the plain mean of the values": V.mean(0),
        "last: that is the last value": V[-1],
    }


# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "8. Derive. An encoder layer has the projections of section 20, the scores and the mixing, and "
    "a feed-forward network whose two matrices are d × d_ff and d_ff × d. Count multiplications of "
    "matrices only. For how many tokens n do the scores and the mixing cost as much as everything "
    "else together? d and d_ff are given.\n"
    "Return n, a number.",
    hint=(
        "Section 20 counts 4nd² for the projections and 2n²d for scores and mixing.",
        "Each token goes through both matrices of the feed-forward network.",
        "2n²d = 4nd² + 2n·d·d_ff. Divide by 2nd.",
    ),
    because="n = 2d + d_ff. With d = 512 and d_ff = 2048 that is 3,072 tokens. Below that most of "
    "the work is not attention at all, so a cheaper attention would save little.",
    skeleton="""
        def crossover(d, d_ff):
            return ...
    """,
)
def crossover():
    def crossover(d, d_ff):
        return 2 * d + d_ff

    return crossover


@crossover.checked_by
def _(answer):
    length = expect_function(answer, "d", "d_ff")
    mistakes = {
        "feed-forward: it costs something, too": lambda d, f: 2 * d,
        "projections: they cost something, too": lambda d, f: f,
        "matrices: the feed-forward network has two of them": lambda d, f: 2 * d + f / 2,
        "mixing: scores and mixing are two products": lambda d, f: 4 * d + 2 * f,
        "projections: there are four of them, with the last one": lambda d, f: 1.5 * d + f,
        "projections: that is only one of them": lambda d, f: d / 2 + f,
        "twice: the feed-forward network was counted twice": lambda d, f: 2 * d + 2 * f,
        "divide: n stands on both sides, once as a square": lambda d, f: 4 * d**2 + 2 * d * f,
    }
    trials = [(512, 2048), (64, 100), (10, 7)]
    expect_formula(length, crossover.right_answer(), trials, "n", mistakes)
