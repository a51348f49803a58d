"""Exercises of chapter 1, the end of the ladder: experiment, and break it."""

import math

import torch
from torch import Tensor

from dlnotes.discriminative import GaussianDiscriminant, GaussianNaiveBayes, LogisticRegression
from dlnotes.exercises import as_number, exercise, expect, expect_parts, kind

# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "8. Experiment. Ng and Jordan's claim in its purest form: data for which naive Bayes is "
    "exactly right. Draw two classes, equally often, of D = 30 independent features with variance "
    "1, the means of the classes 0.25 apart in each feature. Train GaussianNaiveBayes(30, 2, "
    "shared=True) and LogisticRegression(30, 2), the latter untuned and almost without a penalty, "
    "with .fit(x, y, l2=1e-3), on n = 80 and on n = 4000 samples. Measure the test error, a share "
    "of 1, on 5,000 new samples, and average it over at least 5 draws of the training samples. "
    "Give {80: (naive_bayes, regression), 4000: (naive_bayes, regression)}.",
    hint=(
        "x = torch.randn(n, 30) + 0.25 * y[:, None]; draw y with torch.randint until both occur.",
        "Use the same 5,000 test samples for both, and one generator for everything.",
    ),
    because="Both end near the Bayes error Φ(−0.25·√30 / 2) ≈ 24.7 %, because the assumption "
    "holds. At n = 80 regression pays most: a line through 30 dimensions can then just separate "
    "any labels, and it fits the noise. "
    "Its penalty was not tuned. With l2=100 it makes 31 % errors at n = 80, as few as naive Bayes.",
)
def exact_assumption():
    generator = torch.Generator().manual_seed(0)

    def draw(n):
        y = torch.randperm(n, generator=generator) % 2
        x = torch.randn(n, 30, generator=generator, dtype=torch.float64) + 0.25 * y[:, None]
        return x, y

    x_test, y_test = draw(5000)
    errors = {}
    for n in (80, 4000):
        runs = []
        for _ in range(10):
            x, y = draw(n)
            bayes = GaussianNaiveBayes(30, 2, shared=True).fit(x, y)
            regression = LogisticRegression(30, 2).fit(x, y, l2=1e-3)
            wrong = [(model.predict(x_test) != y_test) for model in (bayes, regression)]
            runs.append([w.double().mean().item() for w in wrong])
        errors[n] = tuple(torch.tensor(runs).mean(0).tolist())
    return errors


@exact_assumption.checked_by
def _(answer):
    expect(isinstance(answer, dict), f"type: a dict is wanted, got {kind(answer)}")
    expect(set(answer) == {80, 4000}, "keys: give errors at 80 and at 4000")
    names = "naive_bayes", "regression"
    (bayes_80, regression_80), (bayes_4000, regression_4000) = (
        [as_number(e, name) for e, name in zip(expect_parts(answer[n], *names), names, strict=True)]
        for n in (80, 4000)
    )
    every = (bayes_80, regression_80, bayes_4000, regression_4000)
    expect(max(every) <= 1, "unit: errors are shares of 1, not per cent")
    expect(max(every) <= 0.5, "range: more than half wrong is worse than guessing; errors, please")
    best = 0.5 * math.erfc(0.25 * math.sqrt(30) / 2 / math.sqrt(2))
    limit = "the Bayes error Φ(−0.25·√30 / 2)"
    expect(min(every) > best - 0.03, f"Bayes: on fresh data nobody can be better than {limit}")
    expect(abs(bayes_4000 - best) < 0.03, f"naive Bayes at 4,000 must be near {limit}")
    expect(abs(regression_4000 - best) < 0.03, f"regression at 4,000 must be near {limit}")
    message = "naive Bayes at 80: as an average of several draws this is hardly possible"
    expect(0.27 < bayes_80 < 0.36, message)
    expect(regression_80 > bayes_80 + 0.01, "at 80 samples regression must be behind naive Bayes")


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "9. Break it. Give points in the plane on which naive Bayes guesses: a tensor x (N, 2) and "
    "labels y (N,), each 0 or 1 and both about equally often, N at least 200. GaussianNaiveBayes, "
    "trained on them, must name the class of at most 60 % of these very points, while "
    "GaussianDiscriminant, whose classes have a covariance matrix each, names at least 95 %.",
    hint=(
        "Naive Bayes sees means and variances of single features: make these alike.",
        "What is left to tell the classes apart is the correlation: x₂ ≈ x₁ or x₂ ≈ −x₁.",
    ),
    because="Both classes have the same marginals, so their products are the same, and all the "
    "information sits in the correlation, which naive Bayes assumes to be zero.",
    skeleton="""
        x = ...
        y = ...
        answer = x, y
    """,
)
def opposite_correlations():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(1000) % 2
    first = torch.randn(1000, generator=generator)
    second = (2 * y - 1) * first + 0.02 * torch.randn(1000, generator=generator)
    return torch.stack([first, second], dim=1), y


@opposite_correlations.checked_by
def _(answer):
    x, y = expect_parts(answer, "x", "y")
    for name, value in (("x", x), ("y", y)):
        expect(isinstance(value, Tensor), f"type: {name} must be a tensor, got {kind(value)}")
    size = f"got {tuple(x.shape)}"
    expect(x.ndim == 2 and x.shape[1] == 2, f"shape: x must be (N, 2), points as rows, {size}")
    expect(len(x) >= 200, f"shape: at least 200 points are asked for, {size}")
    expect(y.shape == x.shape[:1], f"shape: y must be (N,), one label a point, {tuple(y.shape)}")
    expect(torch.isfinite(x).all(), "values: x must be finite")
    expect(((y == 0) | (y == 1)).all(), "labels: y must hold 0 and 1 and nothing else")
    x, y = x.double(), y.long()
    expect(y.double().mean().sub(0.5).abs() < 0.1, "balance: both classes about equally often")
    naive = (GaussianNaiveBayes(2, 2).fit(x, y).predict(x) == y).double().mean().item()
    full = (GaussianDiscriminant(2, 2).fit(x, y).predict(x) == y).double().mean().item()
    expect(full >= 0.95, f"discriminant: only {full:.0%}; the correlations must differ clearly")
    expect(naive <= 0.6, f"naive Bayes: still {naive:.0%}; the marginals must be alike")
