"""dlnotes.exercises.discriminative: solutions pass, wrong answers are told which property fails."""

import math

import pytest
import torch

from dlnotes.exercises import NotYet, discriminative, of_chapter

NAMES = list(of_chapter("discriminative"))


def test_there_are_six_exercises_in_rising_difficulty():
    assert NAMES == [
        "threshold",
        "parameters",
        "bernoulli",
        "missing_pixels",
        "opposite_correlations",
        "exact_assumption",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_is_right_and_a_blank_is_not(name):
    exercise = getattr(discriminative, name)
    exercise.examine(exercise.right_answer())
    with pytest.raises(NotYet, match="blank"):
        exercise.examine(...)
    assert exercise.question and exercise.because


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
    x = torch.randn(n)
    slope = torch.where(y == 1, second, first)
    return torch.stack([x, slope * x + 0.02 * torch.randn(n)], 1), y


RIGHT = {80: (0.31, 0.37), 4000: (0.249, 0.249)}
WRONG = {
    "threshold": [
        (1.0, "prior"),
        (1 - math.log(9) / 2, "sign"),
        (1 + math.log(9), "scale"),
        (2.0, "value"),
    ],
    "parameters": [
        (15689, "type"),
        (lambda D, K: (1, 2), "shape"),
        (lambda D, K: (K + 2 * K * D, 315569, 7065), "priors"),
        (lambda D, K: (K * D, 315569, 7065), "naive Bayes"),
        (lambda D, K: (15689, K - 1 + K * D + D * D, 7065), "symmetry"),
        (lambda D, K: (15689, 0, 7065), "shared covariance"),
        (lambda D, K: (15689, 315569, K * (D + 1)), "softmax"),
        (lambda D, K: (15689, 315569, 784), "logistic regression"),
        (lambda D, K: (15689, 315569, 7065), "formula"),
    ],
    "bernoulli": [
        (3, "type"),
        (lambda p, q: bernoulli(p, q, weight=-1), "sign: weight"),
        (lambda p, q: bernoulli(p, q, weight=2), "scale: weight"),
        (lambda p, q: (q.log(), p), "values: weight"),
        (lambda p, q: (q.T, p), "shape: weight"),
        (lambda p, q: bernoulli(p, q, prior=0), "prior"),
        (lambda p, q: bernoulli(p, q, rest=-1), "bias"),
    ],
    "missing_pixels": [
        (0, "type"),
        (lambda *a: log_joint(*a, constant=1), "with all pixels seen"),
        (log_joint, "with missing pixels"),
        (lambda *a: log_joint(*a, fill="mean"), "with missing pixels"),
        (lambda *a: log_joint(*a, fill="multiply"), "with nan"),
        (lambda x, *rest: x, "shape"),
    ],
    "opposite_correlations": [
        ((torch.randn(300, 3), torch.arange(300) % 2), "shape"),
        ((torch.randn(100, 2), torch.arange(100) % 2), "shape"),
        ((torch.randn(300, 2), (torch.arange(300) < 9).long()), "balance"),
        ((torch.randn(300, 2), torch.arange(300) % 2), "discriminant"),
    ],
    "exact_assumption": [
        ({40: (0.3, 0.4)}, "keys"),
        (RIGHT | {80: (0.31, 0.7)}, "range"),
        (RIGHT | {4000: (0.249, 0.1)}, "Bayes"),
        (RIGHT | {4000: (0.3, 0.249)}, "naive Bayes at 4,000"),
        (RIGHT | {4000: (0.249, 0.3)}, "regression at 4,000"),
        (RIGHT | {80: (0.45, 0.48)}, "naive Bayes at 80"),
        (RIGHT | {80: (0.31, 0.31)}, "at 80 samples"),
    ],
}
CASES = [(name, *case) for name, cases in WRONG.items() for case in cases]


@pytest.mark.parametrize(("name", "answer", "message"), CASES)
def test_a_wrong_answer_is_told_what_is_wrong(name, answer, message):
    with pytest.raises(NotYet, match=message):
        getattr(discriminative, name).examine(answer)


def test_data_with_different_marginals_do_not_break_naive_bayes():
    x, y = two_classes(torch.tensor(1.0), torch.tensor(5.0))
    with pytest.raises(NotYet, match="naive Bayes: still"):
        discriminative.opposite_correlations.examine((x, y))


def test_two_parameters_of_the_solution_agree_with_a_count_of_the_models_tensors():
    from dlnotes.discriminative import GaussianNaiveBayes, LogisticRegression

    bayes, _, regression = discriminative.parameters.right_answer()(6, 4)
    model = GaussianNaiveBayes(6, 4)
    assert bayes == sum(buffer.numel() for buffer in model.buffers()) - 1  # priors sum to 1
    model = LogisticRegression(6, 4)
    assert regression == sum(p.numel() for p in model.parameters()) - (6 + 1)
