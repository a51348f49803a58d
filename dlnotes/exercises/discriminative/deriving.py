"""Exercises of chapter 1, second half: derive, implement."""

import math

import torch
from torch import Tensor

from dlnotes.discriminative import GaussianNaiveBayes
from dlnotes.exercises import exercise, expect, expect_close, expect_function, expect_parts

# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "5. Derive. Pixels are 0 or 1, and naive Bayes says that p(xⱼ = 1 | class k) = q[k, j], one "
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


@exercise(
    "6. Derive. z has the standard normal density, N(z; 0, 1), and x = eᶻ. Write density(x), which "
    "returns the density of x at each entry of a tensor of positive numbers.",
    hint=(
        "A strip of width dz becomes a strip of width eᶻ dz, and holds the same probability.",
        "Which z leads to this x? Insert it, and divide by the width of the strip.",
    ),
    because="z = log x, and a strip is stretched by eᶻ = x, so the density is divided by x. It is "
    "the log-normal density.",
    skeleton="""
        def density(x):
            z = ...
            return (-0.5 * z**2).exp() / math.sqrt(2 * math.pi) * ...
    """,
)
def squeezed():
    def density(x):
        z = x.log()
        return (-0.5 * z**2).exp() / math.sqrt(2 * math.pi) * (1 / x)

    return density


@squeezed.checked_by
def _(answer):
    density = expect_function(answer, "x")
    x = torch.tensor([0.2, 0.5, 1.0, 2.0, 5.0], dtype=torch.float64)
    bell = torch.distributions.Normal(0.0, 1.0).log_prob(x.log()).exp()
    at_x = torch.distributions.Normal(0.0, 1.0).log_prob(x).exp()
    mistakes = {
        "slope: the strip became wider or narrower, so its density changed": bell,
        "direction: a strip that is stretched is thinner, so divide": bell * x,
        "inverse: which z leads to this x? Not x itself": at_x,
        "inverse: insert z = log x in the bell, too": at_x / x,
        "slope: it is that of eᶻ, at z; this is that of eˣ": bell / x.exp(),
        "constant: the normal density is also divided by √(2π)": bell / x * math.sqrt(2 * math.pi),
    }
    expect_close(density(x), bell / x, "the density", wrong=mistakes)


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "7. Implement. In each image other pixels are missing. Naive Bayes can still classify "
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


def _samples(n: int, features: int, classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    return torch.randn(n, features, generator=generator).double() + y[:, None], y
