"""Exercises of chapter 1, in rising difficulty: predict, derive, implement, break, experiment."""

import math

import torch
from torch import Tensor

from dlnotes.discriminative import GaussianDiscriminant, GaussianNaiveBayes, LogisticRegression
from dlnotes.exercises import exercise, expect, expect_close

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "Healthy values are distributed as N(0, 1), those of the ill as N(2, 1); nine of ten people "
    "are healthy. At which value x is the posterior 1/2?",
    hint=(
        "Set the two joint densities equal and take logarithms; what happens to x²?",
        "log 0.9 − x²/2 = log 0.1 − (x − 2)²/2.",
    ),
    because="x² cancels, and 2x − 2 = log 9 is left: the rare class has to bring more evidence.",
)
def threshold():
    return 1 + math.log(9) / 2


@threshold.checked_by
def _(answer):
    answer = float(answer)
    expect(abs(answer - 1) > 1e-3, "prior: 1 is the place where the two densities are equal")
    expect(abs(answer - (1 - math.log(9) / 2)) > 1e-3, "sign: the rare class needs more evidence")
    expect(abs(answer - (1 + math.log(9))) > 1e-3, "scale: divide by the distance of the means")
    expect(abs(answer - (1 + math.log(9) / 2)) < 1e-3, "value: 2x − 2 must be the log prior odds")


@exercise(
    "How many free parameters have, for D features and K classes, naive Bayes with one variance "
    "per feature and class, the discriminant with one shared covariance matrix, and logistic "
    "regression? Write a function of (D, K) that returns the three numbers.",
    hint=(
        "Priors sum to 1; a covariance matrix is symmetric.",
        "In logistic regression the same vector may be added to all K rows without any effect.",
    ),
    because="Logistic regression fits (K − 1)(D + 1) numbers; the generative road to the same "
    "family of posteriors estimates about D²/2 numbers more, because it describes x, too.",
)
def parameters():
    def count(D, K):
        naive_bayes = (K - 1) + K * D + K * D
        shared_covariance = (K - 1) + K * D + D * (D + 1) // 2
        regression = (K - 1) * (D + 1)
        return naive_bayes, shared_covariance, regression

    return count


@parameters.checked_by
def _(answer):
    expect(callable(answer), "type: give a function of (D, K)")
    found, (bayes, shared, regression) = tuple(answer(784, 10)), (15689, 315569, 7065)
    expect(len(found) == 3, "shape: three numbers")
    expect(found[0] != bayes + 1, "priors: K numbers that sum to 1 are K − 1 free ones")
    expect(found[0] == bayes, "naive Bayes: K − 1 priors, K·D means, K·D variances")
    expect(found[1] != shared + 784 * 783 // 2, "symmetry: D(D + 1)/2 entries, not D²")
    expect(found[1] == shared, "shared covariance: K − 1 priors, K·D means, D(D + 1)/2 entries")
    expect(found[2] != regression + 785, "softmax: one of the K rows can be set to zero")
    expect(found[2] == regression, "logistic regression: K − 1 weight vectors and biases")
    expect(tuple(answer(3, 2)) == (13, 13, 4), "formula: right for (784, 10), wrong for (3, 2)")


# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "Naive Bayes for binary pixels with p(xⱼ = 1 | y = k) = q[k, j] is a linear classifier as "
    "well. Write a function of (log_prior (K,), q (K, D)) that returns the weight (K, D) and the "
    "bias (K,) of its softmax.",
    hint=(
        "log p(x | k) = Σⱼ xⱼ log qⱼ + (1 − xⱼ) log(1 − qⱼ). Collect what multiplies xⱼ.",
        "What multiplies xⱼ is log qⱼ − log(1 − qⱼ); what is left belongs to the bias.",
    ),
    because="Every class density of the exponential family with equal dispersion gives a softmax "
    "of a linear function: the Gaussian is one case, the Bernoulli another.",
)
def bernoulli():
    def weights(log_prior, q):
        weight = q.log() - (1 - q).log()
        bias = log_prior + (1 - q).log().sum(dim=-1)
        return weight, bias

    return weights


@bernoulli.checked_by
def _(answer):
    expect(callable(answer), "type: give a function of (log_prior, q)")
    generator = torch.Generator().manual_seed(0)
    q = torch.rand(3, 5, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    log_prior = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64).log()
    weight, bias = answer(log_prior, q)
    expect_close(weight, (q / (1 - q)).log(), "weight")
    right = (1 - q).log().sum(1)
    expect((bias - right).abs().max() > 1e-5, "prior: the bias must contain log p(y)")
    expect_close(bias, right + log_prior, "bias")


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "Write log_joint(x, seen, log_prior, mean, variance) of naive Bayes for images in which every "
    "image has other missing pixels: x (N, D), seen (N, D) bool, log_prior (K,), mean and variance "
    "(K, D); returns (N, K). Where seen is False, x may hold anything, nan included.",
    hint=(
        "Integrating a feature out of a product of one-dimensional densities leaves a factor 1.",
        "A factor 1 is a summand 0: torch.where(seen, log_density, 0). Multiplying by 0 keeps nan.",
    ),
    because="∫ p(xⱼ | y) dxⱼ = 1, so a missing pixel simply drops out of the sum.",
)
def missing_pixels():
    def log_joint(x, seen, log_prior, mean, variance):
        x, seen = x[:, None], seen[:, None]  # (N, 1, D) against (K, D)
        log_density = -0.5 * ((x - mean) ** 2 / variance + (2 * math.pi * variance).log())
        return log_prior + torch.where(seen, log_density, 0.0).sum(dim=-1)

    return log_joint


@missing_pixels.checked_by
def _(answer):
    expect(callable(answer), "type: give a function log_joint(x, seen, log_prior, mean, variance)")
    x, y = _samples(60, 5, 3)
    model = GaussianNaiveBayes(5, 3).fit(x, y)
    arguments = (model.log_prior, model.mean, model.variance)
    everything = torch.ones(60, 5, dtype=torch.bool)
    expect_close(answer(x, everything, *arguments), model.log_joint(x), "with all pixels seen")
    seen = torch.rand(60, 5, generator=torch.Generator().manual_seed(1)) < 0.6
    right = torch.stack([_one(model, row, s) for row, s in zip(x, seen, strict=True)])
    expect_close(answer(x, seen, *arguments), right, "with missing pixels")
    unknown = torch.where(seen, x, torch.nan)
    expect_close(answer(unknown, seen, *arguments), right, "with nan in the missing pixels")


def _one(model: GaussianNaiveBayes, row: Tensor, seen: Tensor) -> Tensor:
    if not seen.any():
        return model.log_prior
    return model.marginal(seen).log_joint(row[seen][None])[0]


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "Break naive Bayes: give inputs x (N, 2) and labels y (N,) of two classes, N at least 200, on "
    "which GaussianNaiveBayes reaches at most 60 % of its own training samples, while "
    "GaussianDiscriminant reaches at least 95 %.",
    hint=(
        "Naive Bayes sees means and variances of single features: make these alike.",
        "What is left to tell the classes apart is the correlation: x₂ ≈ x₁ or x₂ ≈ −x₁.",
    ),
    because="Both classes have the same marginals, so their products are the same, and all the "
    "information sits in the correlation, which naive Bayes assumes to be zero.",
)
def opposite_correlations():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(1000) % 2
    first = torch.randn(1000, generator=generator)
    second = (2 * y - 1) * first + 0.02 * torch.randn(1000, generator=generator)
    return torch.stack([first, second], dim=1), y


@opposite_correlations.checked_by
def _(answer):
    x, y = answer
    shape = isinstance(x, Tensor) and x.ndim == 2 and x.shape[1] == 2 and len(x) >= 200
    expect(shape, "shape: x must be a tensor (N, 2) with N at least 200")
    x = x.double()
    naive = (GaussianNaiveBayes(2, 2).fit(x, y).predict(x) == y).double().mean().item()
    full = (GaussianDiscriminant(2, 2).fit(x, y).predict(x) == y).double().mean().item()
    expect(y.double().mean().sub(0.5).abs() < 0.1, "balance: both classes about equally often")
    expect(full >= 0.95, f"discriminant: only {full:.0%}; the correlations must differ clearly")
    expect(naive <= 0.6, f"naive Bayes: still {naive:.0%}; the marginals must be alike")


# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "Ng and Jordan's claim in its purest form: draw data for which naive Bayes is exactly right "
    "(two classes, D = 30 independent features of variance 1, means 0.25 apart in each). Measure "
    "the test error of naive Bayes (shared=True) and of LogisticRegression (l2=1e-3) at n = 80 and "
    "n = 4,000 training samples, averaged over at least 5 draws. Return the four errors as "
    "{80: (naive_bayes, regression), 4000: (naive_bayes, regression)}.",
    hint=(
        "x = torch.randn(n, 30) + 0.25 * y[:, None]; draw y with torch.randint until both occur.",
        "Use the same 5,000 test samples for both, and one generator for everything.",
    ),
    because="Both end near the Bayes error Φ(−0.25·√30 / 2) ≈ 24.7 %, because the assumption "
    "holds. At n = 80 regression pays most: a line through 30 dimensions can then just separate "
    "any labels, and it fits the noise.",
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
    expect(set(answer) == {80, 4000}, "keys: give errors at 80 and at 4000")
    (bayes_80, regression_80), (bayes_4000, regression_4000) = answer[80], answer[4000]
    every = (bayes_80, regression_80, bayes_4000, regression_4000)
    expect(all(0 <= e <= 0.5 for e in every), "range: errors of a share between 0 and 0.5")
    best = 0.5 * math.erfc(0.25 * math.sqrt(30) / 2 / math.sqrt(2))
    expect(min(every) > best - 0.03, f"Bayes: nobody can be better than {best:.3f} on fresh data")
    expect(abs(bayes_4000 - best) < 0.03, f"naive Bayes at 4,000 must be near {best:.3f}")
    expect(abs(regression_4000 - best) < 0.03, f"regression at 4,000 must be near {best:.3f}")
    expect(0.27 < bayes_80 < 0.36, "naive Bayes at 80: expected about 0.31; average several draws")
    expect(regression_80 > bayes_80 + 0.01, "at 80 samples regression must be behind naive Bayes")


def _samples(n: int, features: int, classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    return torch.randn(n, features, generator=generator).double() + y[:, None], y
