"""dlnotes.exercises.discriminative: solutions pass, wrong answers are told which property fails."""

import math

import torch

from dlnotes.exercises import discriminative
from exercises.answers import judged


def bernoulli(log_prior, q, *, weight=1.0, prior=1.0, rest=1.0):
    return weight * (q / (1 - q)).log(), prior * log_prior + rest * (1 - q).log().sum(1)


def log_joint(x, seen, log_prior, mean, variance, *, fill=None, constant=2 * math.pi):
    x, seen = x[:, None], seen[:, None]
    logs = 0 if constant is None else (constant * variance).log()
    log_density = -0.5 * ((x - mean) ** 2 / variance + logs)
    if fill == "multiply":
        return log_prior + (log_density * seen).sum(-1)
    if fill == "where" or (fill == "inverted" and seen.all()):
        return log_prior + torch.where(seen, log_density, 0).sum(-1)
    if fill == "inverted":
        return log_prior + torch.where(seen, 0, log_density).sum(-1)
    if fill == "mean":
        return log_prior - 0.5 * (
            (torch.where(seen, x - mean, 0) ** 2) / variance + (constant * variance).log()
        ).sum(-1)
    return log_prior + log_density.sum(-1)


def two_classes(first, second, n=1000):
    """Points with x₂ = slope · x₁ + noise, one slope per class."""
    y = torch.arange(n) % 2
    x, noise = torch.randn(2, n, generator=torch.Generator().manual_seed(0))
    slope = torch.where(y == 1, second, first)
    return torch.stack([x, slope * x + 0.02 * noise], 1), y


def bell(z):
    return (-0.5 * z**2).exp() / math.sqrt(2 * math.pi)


def rows_first(counts):
    shares = counts / counts.sum(1, keepdim=True)
    return shares / shares.sum(0)


GOOD = {80: (0.31, 0.37), 4000: (0.249, 0.249)}
WRONG = [
    ("threshold", 1.0, "prior"),
    ("threshold", 1 - math.log(9) / 2, "sign"),
    ("threshold", 1 + math.log(9), "scale"),
    ("threshold", 1 + math.log(10) / 2, "odds"),
    ("threshold", 2.15, "odds"),
    ("threshold", 1 + math.log10(9) / 2, "logarithm: the natural one, since"),
    ("threshold", 1 + math.log2(9) / 2, "base 2"),
    ("threshold", math.log(9) / 2, "middle"),
    ("threshold", 2.0, "rounded"),
    ("threshold", 2.10, "rounded"),
    ("threshold", -2.0986, "sign: x has"),
    ("threshold", 1.7, "not yet"),
    ("threshold", (2.0986,), "type: x: a number is wanted, got a tuple"),
    ("first_step", 0.2, "type: 2 values"),
    ("first_step", (-0.2, -0.05), "direction"),
    ("first_step", (2.0, 0.5), "step: multiply the slope"),
    ("first_step", (-2.0, -0.5), "uphill"),
    ("first_step", (0.5, 0.2), "start"),
    ("first_step", (0.05, 0.05), "input"),
    ("first_step", (0.2 / 3, 0.05 / 3), "sum"),
    ("first_step", (0.2, 0.0), "bias: it has a slope"),
    ("first_step", (0.2, -0.05), "direction"),
    ("first_step", (0.2, 0.2), "no factor x"),
    ("first_step", (0.2, 0.5), "step"),
    ("first_step", (0.7, 0.05), "not yet"),
    ("fever_table", 1, "type"),
    ("fever_table", lambda counts: counts / counts.sum(1, keepdim=True), "rows"),
    ("fever_table", lambda counts: counts / counts.sum(), "joint"),
    ("fever_table", lambda counts: counts / len(counts), "classes"),
    ("fever_table", lambda counts: (counts / counts.sum(0)).T, "axes"),
    ("fever_table", lambda counts: counts / counts.amax(0), "largest"),
    ("fever_table", lambda counts: counts.softmax(0), "softmax"),
    ("fever_table", lambda counts: rows_first(counts), "shares of the rows"),
    ("parameters", 15689, "type"),
    ("parameters", lambda D: (1, 2, 3), "arguments"),
    ("parameters", lambda D, K: (1, 2), "length: 3 values"),
    ("parameters", lambda D, K: (K + 2 * K * D, 315569, 7065), "priors: K numbers"),
    ("parameters", lambda D, K: (2 * K * D, 315569, 7065), "priors: those"),
    ("parameters", lambda D, K: (K - 1 + K * D, 315569, 7065), "variances: naive"),
    ("parameters", lambda D, K: (K - 1 + K * D + D, 315569, 7065), "variances: they"),
    ("parameters", lambda D, K: (K - 1 + K * D + K * D * (D + 1) // 2, 1, 1), "naive: no"),
    ("parameters", lambda D, K: (K * D, 315569, 7065), "not yet: naive Bayes"),
    ("parameters", lambda D, K: (15689, K - 1 + K * D + D * D, 7065), "symmetry"),
    ("parameters", lambda D, K: (15689, K + K * D + D * (D + 1) // 2, 7065), "priors"),
    ("parameters", lambda D, K: (15689, K - 1 + K * D + K * D * (D + 1) // 2, 1), "shared: one"),
    ("parameters", lambda D, K: (15689, K - 1 + K * D + D * (D - 1) // 2, 7065), "diagonal"),
    ("parameters", lambda D, K: (15689, K - 1 + K * D + D, 7065), "covariance: this"),
    ("parameters", lambda D, K: (15689, K - 1 + D + D * (D + 1) // 2, 7065), "means"),
    ("parameters", lambda D, K: (15689, 0, 7065), "not yet: shared covariance"),
    ("parameters", lambda D, K: (15689, 315569, K * (D + 1)), "softmax"),
    ("parameters", lambda D, K: (15689, 315569, K * D), "biases are missing"),
    ("parameters", lambda D, K: (15689, 315569, (K - 1) * D), "bias: each row"),
    ("parameters", lambda D, K: (15689, 315569, (K - 1) * D + 1), "not one for all"),
    ("parameters", lambda D, K: (15689, 315569, D + 1), "two of them"),
    ("parameters", lambda D, K: (15689, 315569, 784), "not yet: logistic regression"),
    ("parameters", lambda D, K: (15689, 315569, 7065), "formula"),
    ("bernoulli", 3, "type"),
    ("bernoulli", lambda p, q: bernoulli(p, q, weight=-1), "sign: weight"),
    ("bernoulli", lambda p, q: bernoulli(p, q, weight=2), "scale: weight"),
    ("bernoulli", lambda p, q: (q.log(), p), "black pixels"),
    ("bernoulli", lambda p, q: (q / (1 - q), p), "these are the odds"),
    ("bernoulli", lambda p, q: (bernoulli(p, q)[0].T, p), "axes: weight"),
    ("bernoulli", lambda p, q: (q.T, p), "shape: weight"),
    ("bernoulli", lambda p, q: (bernoulli(p, q)[0].tolist(), p), "type: weight .* got list"),
    ("bernoulli", lambda p, q: bernoulli(p, q)[0], "length: 2 values"),
    ("bernoulli", lambda p, q: bernoulli(p, q, prior=0), "prior: the bias"),
    ("bernoulli", lambda p, q: bernoulli(p, q, prior=-1), "sign: the prior"),
    ("bernoulli", lambda p, q: bernoulli(p, q, rest=-1), "sign: log"),
    ("bernoulli", lambda p, q: bernoulli(p, q, rest=0), "rest"),
    ("bernoulli", lambda p, q: bernoulli(p, q, rest=1 / 5), "not their mean"),
    ("bernoulli", lambda p, q: bernoulli(p.exp(), q), "its logarithm already"),
    ("bernoulli", lambda p, q: (bernoulli(p, q)[0], p + (1 - q).log().sum()), "axis"),
    ("bernoulli", lambda p, q: bernoulli(p.exp(), q, prior=0.5, rest=0.9), "values: bias"),
    ("squeezed", 0.4, "type"),
    ("squeezed", lambda x: bell(x.log()), "slope: the strip"),
    ("squeezed", lambda x: bell(x.log()) * x, "direction"),
    ("squeezed", bell, "inverse: which z"),
    ("squeezed", lambda x: bell(x) / x, "inverse: insert"),
    ("squeezed", lambda x: bell(x.log()) / x.exp(), "slope: it is that"),
    ("squeezed", lambda x: bell(x.log()) / x * math.sqrt(2 * math.pi), "constant"),
    ("missing_pixels", 0, "type"),
    ("missing_pixels", lambda x, seen: x, "arguments"),
    ("missing_pixels", lambda *a: log_joint(*a, constant=1), "constant: 2π"),
    ("missing_pixels", lambda *a: log_joint(*a, constant=None), "constant: the normal"),
    ("missing_pixels", lambda *a: log_joint(*a) - a[2], "prior"),
    ("missing_pixels", lambda *a: (log_joint(*a) - a[2]) / 5 + a[2], "do not average"),
    ("missing_pixels", lambda *a: log_joint(*a).T, "axis"),
    ("missing_pixels", log_joint, "seen: with missing pixels"),
    ("missing_pixels", lambda *a: log_joint(*a, fill="mean"), "mean"),
    ("missing_pixels", lambda x, seen, *a: log_joint(x, ~seen, *a, fill="where"), "with all"),
    ("missing_pixels", lambda *a: log_joint(*a, fill="inverted"), "inverted"),
    ("missing_pixels", lambda *a: log_joint(*a, fill="multiply"), "with nan"),
    ("missing_pixels", lambda x, *rest: x, "shape"),
    ("missing_pixels", lambda *a: log_joint(*a).float() + 1, "sizes|values"),
    ("exact_assumption", {40: (0.3, 0.4)}, "keys"),
    ("exact_assumption", [0.31, 0.37], "type: a dict"),
    ("exact_assumption", {80: 0.31, 4000: 0.249}, "type: 2 values"),
    ("exact_assumption", GOOD | {80: (0.31, "0.37")}, "type: regression"),
    ("exact_assumption", GOOD | {80: (31.0, 37.0)}, "unit"),
    ("exact_assumption", GOOD | {80: (0.31, 0.7)}, "range"),
    ("exact_assumption", GOOD | {4000: (0.249, 0.1)}, "Bayes"),
    ("exact_assumption", GOOD | {4000: (0.3, 0.249)}, "naive Bayes at 4,000"),
    ("exact_assumption", GOOD | {4000: (0.249, 0.3)}, "regression at 4,000"),
    ("exact_assumption", GOOD | {80: (0.45, 0.48)}, "naive Bayes at 80"),
    ("exact_assumption", GOOD | {80: (0.31, 0.31)}, "at 80 samples"),
    ("opposite_correlations", (torch.randn(300, 3), torch.arange(300) % 2), "shape"),
    ("opposite_correlations", (torch.randn(2, 300), torch.arange(300) % 2), "points as rows"),
    ("opposite_correlations", torch.randn(300, 2), "length: 2 values"),
    ("opposite_correlations", ([[1, 2]], torch.arange(300) % 2), "type: x"),
    ("opposite_correlations", (torch.randn(100, 2), torch.arange(100) % 2), "at least 200"),
    ("opposite_correlations", (torch.randn(300, 2), torch.arange(200) % 2), "shape: y"),
    ("opposite_correlations", (torch.full((300, 2), math.nan), torch.arange(300) % 2), "values"),
    ("opposite_correlations", (torch.randn(300, 2), torch.arange(300) % 3), "labels"),
    ("opposite_correlations", (torch.randn(300, 2), (torch.arange(300) < 9).long()), "balance"),
    ("opposite_correlations", (torch.randn(300, 2), torch.arange(300) % 2), "discriminant"),
    ("opposite_correlations", two_classes(1.0, 5.0), "naive Bayes: still"),
]

RIGHT = [
    ("threshold", torch.tensor(2.099)),
    (
        "parameters",
        lambda D, K: [discriminative.parameters.right_answer()(D, K)[i] for i in range(3)],
    ),
    ("first_step", torch.tensor([0.2, 0.05])),
    ("fever_table", lambda counts: (counts.T / counts.sum(0)[:, None]).T),
    ("bernoulli", bernoulli),
    ("squeezed", lambda x: torch.distributions.LogNormal(0.0, 1.0).log_prob(x).exp()),
    ("missing_pixels", lambda *a: log_joint(*a, fill="where")),
    ("opposite_correlations", two_classes(-1.0, 1.0)),
    ("exact_assumption", GOOD),
]

test_exercises = judged("discriminative", WRONG, RIGHT)


def test_two_parameters_of_the_solution_agree_with_a_count_of_the_models_tensors():
    from dlnotes.discriminative import GaussianNaiveBayes, LogisticRegression

    bayes, _, regression = discriminative.parameters.right_answer()(6, 4)
    model = GaussianNaiveBayes(6, 4)
    assert bayes == sum(buffer.numel() for buffer in model.buffers()) - 1  # priors sum to 1
    model = LogisticRegression(6, 4)
    assert regression == sum(p.numel() for p in model.parameters()) - (6 + 1)
