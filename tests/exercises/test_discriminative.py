"""dlnotes.exercises.discriminative: solutions pass, wrong answers are told which property fails."""

import math

import torch

from dlnotes.exercises import discriminative
from exercises.answers import judged


def bernoulli(log_prior, q, *, weight=1.0, prior=1.0, rest=1.0):
    return weight * (q / (1 - q)).log(), prior * log_prior + rest * (1 - q).log().sum(1)


def log_joint(x, seen, log_prior, mean, variance, *, fill=None, constant=2 * math.pi):
    x, seen = x[:, None], seen[:, None]
    log_density = -0.5 * ((x - mean) ** 2 / variance + (constant * variance).log())
    if fill == "multiply":
        return log_prior + (log_density * seen).sum(-1)
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


GOOD = {80: (0.31, 0.37), 4000: (0.249, 0.249)}
WRONG = [
    ("threshold", 1.0, "prior"),
    ("threshold", 1 - math.log(9) / 2, "sign"),
    ("threshold", 1 + math.log(9), "scale"),
    ("threshold", 1 + math.log(10) / 2, "value"),
    ("threshold", 2.0, "value"),
    ("parameters", 15689, "type"),
    ("parameters", lambda D, K: (1, 2), "shape"),
    ("parameters", lambda D, K: (K + 2 * K * D, 315569, 7065), "priors"),
    ("parameters", lambda D, K: (K * D, 315569, 7065), "naive Bayes"),
    ("parameters", lambda D, K: (15689, K - 1 + K * D + D * D, 7065), "symmetry"),
    ("parameters", lambda D, K: (15689, 0, 7065), "shared covariance"),
    ("parameters", lambda D, K: (15689, 315569, K * (D + 1)), "softmax"),
    ("parameters", lambda D, K: (15689, 315569, 784), "logistic regression"),
    ("parameters", lambda D, K: (15689, 315569, 7065), "formula"),
    ("bernoulli", 3, "type"),
    ("bernoulli", lambda p, q: bernoulli(p, q, weight=-1), "sign: weight"),
    ("bernoulli", lambda p, q: bernoulli(p, q, weight=2), "scale: weight"),
    ("bernoulli", lambda p, q: (q.log(), p), "values: weight"),
    ("bernoulli", lambda p, q: (q.T, p), "shape: weight"),
    ("bernoulli", lambda p, q: bernoulli(p, q, prior=0), "prior"),
    ("bernoulli", lambda p, q: bernoulli(p, q, rest=-1), "bias"),
    ("missing_pixels", 0, "type"),
    ("missing_pixels", lambda *a: log_joint(*a, constant=1), "with all pixels seen"),
    ("missing_pixels", log_joint, "with missing pixels"),
    ("missing_pixels", lambda *a: log_joint(*a, fill="mean"), "with missing pixels"),
    ("missing_pixels", lambda *a: log_joint(*a, fill="multiply"), "with nan"),
    ("missing_pixels", lambda x, *rest: x, "shape"),
    ("opposite_correlations", (torch.randn(300, 3), torch.arange(300) % 2), "shape"),
    ("opposite_correlations", (torch.randn(100, 2), torch.arange(100) % 2), "shape"),
    ("opposite_correlations", (torch.randn(300, 2), (torch.arange(300) < 9).long()), "balance"),
    ("opposite_correlations", (torch.randn(300, 2), torch.arange(300) % 2), "discriminant"),
    ("opposite_correlations", two_classes(1.0, 5.0), "naive Bayes: still"),
    ("exact_assumption", {40: (0.3, 0.4)}, "keys"),
    ("exact_assumption", GOOD | {80: (0.31, 0.7)}, "range"),
    ("exact_assumption", GOOD | {4000: (0.249, 0.1)}, "Bayes"),
    ("exact_assumption", GOOD | {4000: (0.3, 0.249)}, "naive Bayes at 4,000"),
    ("exact_assumption", GOOD | {4000: (0.249, 0.3)}, "regression at 4,000"),
    ("exact_assumption", GOOD | {80: (0.45, 0.48)}, "naive Bayes at 80"),
    ("exact_assumption", GOOD | {80: (0.31, 0.31)}, "at 80 samples"),
]

test_exercises = judged("discriminative", WRONG)


def test_two_parameters_of_the_solution_agree_with_a_count_of_the_models_tensors():
    from dlnotes.discriminative import GaussianNaiveBayes, LogisticRegression

    bayes, _, regression = discriminative.parameters.right_answer()(6, 4)
    model = GaussianNaiveBayes(6, 4)
    assert bayes == sum(buffer.numel() for buffer in model.buffers()) - 1  # priors sum to 1
    model = LogisticRegression(6, 4)
    assert regression == sum(p.numel() for p in model.parameters()) - (6 + 1)
