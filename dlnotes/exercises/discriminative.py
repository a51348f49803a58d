"""Exercises of chapter 1, in rising difficulty: predict, derive, implement, break, experiment."""

import math

import torch
from torch import Tensor

from dlnotes.discriminative import GaussianDiscriminant, GaussianNaiveBayes, LogisticRegression
from dlnotes.exercises import (
    as_number,
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    kind,
)

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "1. Predict. A test gives one number x. Among healthy people x is distributed as N(0, 1), a "
    "normal distribution with mean 0 and variance 1; among the ill as N(2, 1). Nine of ten people "
    "are healthy. At which x is the posterior, the probability of being ill given x, exactly "
    "1/2? Give a number, to four digits.",
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
    odds = math.log(9)
    mistakes = {
        "prior: this is the place where the two densities are equal, nine of ten forgotten": 1.0,
        "sign: the rare class needs more evidence, not less": 1 - odds / 2,
        "scale: divide the log odds by the distance of the means": 1 + odds,
        "odds: 0.9 against 0.1 are odds of nine to one": 1 + math.log(10) / 2,
        "logarithm: the natural one, since the densities hold e": 1 + math.log10(9) / 2,
        "logarithm: the natural one, not that to the base 2": 1 + math.log2(9) / 2,
        "middle: count from the place where the two densities are equal": odds / 2,
    }
    expect_number(answer, 1 + odds / 2, "x", wrong=mistakes)


@exercise(
    "2. Complete the code. How many free parameters have three classifiers for D features and K "
    "classes? Naive Bayes has a prior for each class, and a mean and a variance for each class "
    "and feature. The Gaussian discriminant has priors, means, and one covariance matrix (D, D) "
    "that all classes share. Logistic regression is a softmax of one linear map. What follows "
    "from the other parameters, or can be fixed without any effect, is not free. Fill the blanks "
    "of count, which returns the three whole numbers.",
    hint=(
        "Priors sum to 1; a covariance matrix is symmetric.",
        "In logistic regression the same vector may be added to all K rows without any effect.",
    ),
    because="Logistic regression fits (K − 1)(D + 1) numbers; the generative road to the same "
    "family of posteriors estimates about D²/2 numbers more, because it describes x, too.",
    skeleton="""
        def count(D, K):
            naive_bayes = (K - 1) + ...
            shared_covariance = (K - 1) + ...
            regression = ...
            return naive_bayes, shared_covariance, regression
    """,
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
    count = expect_function(answer, "D", "K")
    names = "naive Bayes", "shared covariance", "logistic regression"
    found = expect_parts(count(784, 10), *names)
    rights = _counts(784, 10)
    for name, number, right in zip(names, found, rights, strict=True):
        expect_number(number, right, name, wrong=_miscounts(784, 10)[name])
    for D, K in ((3, 2), (6, 4)):
        same = [as_number(n) for n in expect_parts(count(D, K), *names)] == [*_counts(D, K)]
        expect(same, f"formula: right for D = 784 and K = 10, wrong for D = {D} and K = {K}")


def _counts(D: int, K: int) -> tuple[int, int, int]:
    means = (K - 1) + K * D
    return means + K * D, means + D * (D + 1) // 2, (K - 1) * (D + 1)


def _miscounts(D: int, K: int) -> dict[str, dict[str, int]]:
    """Return for each model what the usual mistakes lead to."""
    bayes, shared, regression = _counts(D, K)
    every, priors = D * (D + 1) // 2, "priors: K numbers that sum to 1 are K − 1 free ones"
    return {
        "naive Bayes": {
            priors: bayes + 1,
            "variances: naive Bayes has one for each class and feature, too": bayes - K * D,
            "variances: they differ from class to class": bayes - K * D + D,
            "priors: those of the classes are learned, too": 2 * K * D,
            "naive: no covariances, each feature is on its own": K - 1 + K * D + K * every,
        },
        "shared covariance": {
            priors: shared + 1,
            "symmetry: the entries above the diagonal equal those below": shared - every + D * D,
            "shared: one covariance matrix serves all classes": shared + (K - 1) * every,
            "diagonal: the matrix has one, too": shared - D,
            "covariance: this counts its diagonal only": K - 1 + K * D + D,
            "means: each class has its own": shared - (K - 1) * D,
        },
        "logistic regression": {
            "softmax: one of the K rows can be set to zero": K * (D + 1),
            "bias: each row of the linear map has one": regression - (K - 1),
            "bias: one for each row, not one for all": regression - (K - 2),
            "softmax: one of the K rows can be set to zero; and biases are missing": K * D,
            "classes: this is the number for two of them": D + 1,
        },
    }


# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "3. Derive. Pixels are 0 or 1, and naive Bayes says that p(xⱼ = 1 | class k) = q[k, j], one "
    "pixel independent of the other, with 0 < q < 1. This, too, is a linear classifier: log "
    "p(class k) + log p(x | class k) = weight[k] · x + bias[k]. Write weights(log_prior, q), "
    "which returns (weight, bias). log_prior, the logarithm of the prior of each class, is a "
    "tensor (K,), q is (K, D), weight must be (K, D) and bias (K,), for K classes and D pixels.",
    hint=(
        "log p(x | k) = Σⱼ xⱼ log qⱼ + (1 − xⱼ) log(1 − qⱼ). Collect what multiplies xⱼ.",
        "What multiplies xⱼ is log qⱼ − log(1 − qⱼ); what is left belongs to the bias.",
    ),
    because="Every class density of the exponential family with equal dispersion gives a softmax "
    "of a linear function: the Gaussian is one case, the Bernoulli another.",
    skeleton="""
        def weights(log_prior, q):
            weight = ...
            bias = ...
            return weight, bias
    """,
)
def bernoulli():
    def weights(log_prior, q):
        weight = q.log() - (1 - q).log()
        bias = log_prior + (1 - q).log().sum(dim=-1)
        return weight, bias

    return weights


@bernoulli.checked_by
def _(answer):
    weights = expect_function(answer, "log_prior", "q")
    generator = torch.Generator().manual_seed(0)
    q = torch.rand(3, 5, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    log_prior = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64).log()
    weight, bias = expect_parts(weights(log_prior, q), "weight", "bias")
    mistakes = {
        "black pixels: xⱼ = 0 is evidence, too; log(1 − qⱼ) also depends on xⱼ": q.log(),
        "logarithm: these are the odds, not their logarithm": q / (1 - q),
        "axes: weight must be (K, D), one row for each class": (q.log() - (1 - q).log()).T,
    }
    expect_close(weight, (q / (1 - q)).log(), "weight", wrong=mistakes)
    rest = (1 - q).log().sum(1)
    mistakes = {
        "prior: the bias must contain log p(class)": rest,
        "rest: an image without white pixels has a likelihood, too": log_prior,
        "sign: log(1 − qⱼ) is added": log_prior - rest,
        "sign: the prior is added": rest - log_prior,
        "prior: it comes as its logarithm already": log_prior.exp() + rest,
        "axis: one number for each class, the sum over its own pixels": log_prior + rest.sum(),
        "sum: a product over pixels is a sum of logarithms, not their mean": log_prior + rest / 5,
    }
    expect_close(bias, rest + log_prior, "bias", wrong=mistakes)


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "4. Complete the code. In each image other pixels are missing. Naive Bayes can still classify "
    "it: fill the blanks of log_joint, which returns log p(class k) + log p(the seen pixels of "
    "image n | class k) as a tensor (N, K). x (N, D) holds the images, and anything, nan "
    "included, where a pixel is missing; seen (N, D) is True where a pixel was seen; log_prior is "
    "(K,); mean and variance (K, D) belong to the normal density of each class and pixel.",
    hint=(
        "Integrating a feature out of a product of one-dimensional densities leaves a factor 1.",
        "A factor 1 is a summand 0: torch.where(seen, log_density, 0). Multiplying by 0 keeps nan.",
    ),
    because="∫ p(xⱼ | y) dxⱼ = 1, so a missing pixel simply drops out of the sum.",
    skeleton="""
        def log_joint(x, seen, log_prior, mean, variance):
            x, seen = x[:, None], seen[:, None]  # (N, 1, D) against (K, D)
            log_density = -0.5 * ...
            return log_prior + torch.where(..., log_density, ...).sum(...)
    """,
)
def missing_pixels():
    def log_joint(x, seen, log_prior, mean, variance):
        x, seen = x[:, None], seen[:, None]  # (N, 1, D) against (K, D)
        log_density = -0.5 * ((x - mean) ** 2 / variance + (2 * math.pi * variance).log())
        return log_prior + torch.where(seen, log_density, 0.0).sum(dim=-1)

    return log_joint


@missing_pixels.checked_by
def _(answer):
    log_joint = expect_function(answer, "x", "seen", "log_prior", "mean", "variance")
    x, y = _samples(60, 5, 3)
    model = GaussianNaiveBayes(5, 3).fit(x, y)
    arguments = (model.log_prior, model.mean, model.variance)
    everything = torch.ones(60, 5, dtype=torch.bool)
    mistakes = _wrong_densities(x, *arguments)
    given = log_joint(x, everything, *arguments)
    expect_close(given, model.log_joint(x), "with all pixels seen", wrong=mistakes)
    seen = torch.rand(60, 5, generator=torch.Generator().manual_seed(1)) < 0.6
    right = torch.stack([_one(model, row, s) for row, s in zip(x, seen, strict=True)])
    log_variance = (2 * math.pi * model.variance).log()
    at_mean = torch.where(seen[:, None], 0.0, -0.5 * log_variance).sum(-1)
    mistakes = {
        "seen: with missing pixels the sum runs over those that were seen": model.log_joint(x),
        "mean: a missing pixel is not one that lies at the mean; its factor is 1": right + at_mean,
        "inverted: seen is True where a pixel counts": model.log_joint(x) - right + model.log_prior,
    }
    expect_close(log_joint(x, seen, *arguments), right, "with missing pixels", wrong=mistakes)
    unknown = torch.where(seen, x, torch.nan)
    given = log_joint(unknown, seen, *arguments)
    some = isinstance(given, Tensor) and given.isnan().any()
    expect(not some, "with nan: 0 times nan is nan; choose with torch.where, do not multiply")
    expect_close(given, right, "with nan in the missing pixels")


def _wrong_densities(x: Tensor, log_prior: Tensor, mean: Tensor, variance: Tensor) -> dict:
    """Return what is wrong with all pixels seen, and the joint density to which that leads."""
    squares, logs = (x[:, None] - mean) ** 2, (2 * math.pi * variance).log().expand(len(x), -1, -1)
    right = -0.5 * (squares / variance + logs).sum(-1)
    return {
        "prior: log p(class) is missing": right,
        "constant: 2π σ² stands in the logarithm": -0.5
        * (squares / variance + variance.log()).sum(-1)
        + log_prior,
        "constant: the normal density is also divided by √(2π σ²)": -0.5
        * (squares / variance).sum(-1)
        + log_prior,
        "variance: it is σ² already": log_prior
        - 0.5 * (squares / variance**2 + 2 * variance.log() + math.log(2 * math.pi)).sum(-1),
        "sum: add the pixels, do not average them": log_prior + right / x.shape[1],
        "axis: sum over the pixels, the last axis": (right + log_prior).T,
    }


def _one(model: GaussianNaiveBayes, row: Tensor, seen: Tensor) -> Tensor:
    if not seen.any():
        return model.log_prior
    return model.marginal(seen).log_joint(row[seen][None])[0]


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "5. Break it. Give points in the plane on which naive Bayes guesses: a tensor x (N, 2) and "
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


# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "6. Experiment. Ng and Jordan's claim in its purest form: data for which naive Bayes is "
    "exactly right. Draw two classes, equally often, of D = 30 independent features with variance "
    "1, the means of the classes 0.25 apart in each feature. Train GaussianNaiveBayes(30, 2, "
    "shared=True) and LogisticRegression(30, 2), the latter with .fit(x, y, l2=1e-3), on n = 80 "
    "and on n = 4000 samples. Measure the test error, a share of 1, on 5,000 new samples, and "
    "average it over at least 5 draws of the training samples. Give {80: (naive_bayes, "
    "regression), 4000: (naive_bayes, regression)}.",
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


def _samples(n: int, features: int, classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    return torch.randn(n, features, generator=generator).double() + y[:, None], y
