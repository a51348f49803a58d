"""Four exercises of chapter 16 that ask for a derivation."""

import math

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from dlnotes.exercises import (
    exercise,
    expect,
    expect_function,
    expect_number,
    expect_parts,
    kind,
)


@exercise(
    "5. Derive. A toy model of two numbers, z ~ N(0, 1), and x given z ~ N(2z, 1), mean and "
    "variance. One observes x = 2. Give (log p(x), mean, variance), the logarithm of the density "
    "of x, and mean and variance of the posterior p(z | x), to four digits.",
    hint=(
        "x is 2z plus noise, a sum of independent normal numbers. Which variance has it?",
        "log p(x) = log N(2; 0, 5). Complete the square in −½ z² − ½ (2 − 2z)².",
    ),
    because="z² + (x − 2z)² = 5 (z − 2x/5)² + x²/5. So the posterior has mean 2x/5 and variance "
    "1/5. A decoder with a larger slope makes the posterior sharper.",
    skeleton="""
        log_p = ...
        mean = ...
        variance = ...
        answer = log_p, mean, variance
    """,
)
def evidence():
    a, s, x = 2.0, 1.0, 2.0
    total = a**2 + s**2
    log_p = -0.5 * math.log(2 * math.pi * total) - x**2 / (2 * total)
    return log_p, a * x / total, s**2 / total


@evidence.checked_by
def _(answer):
    log_p, mean, variance = expect_parts(answer, "log p(x)", "mean", "variance")
    alone = -0.5 * math.log(2 * math.pi)
    right = alone - 0.5 * math.log(5) - 0.4
    mistakes = {
        "variance: x carries the variance of 2z and its own": alone - 2,
        "variance: that of 2z is 4, not 2": alone - 0.5 * math.log(3) - 2 / 3,
        "density: give its logarithm": math.exp(right),
        "joint: p(x) is the integral over z, not p(x, z) at the best z": 2 * alone - 0.4,
        "standard deviation: the variance of x is 5, not its square": alone - math.log(5) - 0.08,
        "exponent: the square of x is divided by twice the variance": right - 0.4,
        "constant: log √(2π v) belongs to the density": -0.4,
        "constant: the variance stands under the root, too": alone - 0.4,
        "sign: densities below 1 have a negative logarithm": -right,
    }
    expect_number(log_p, right, "log p(x)", wrong=mistakes)
    mistakes = {
        "mean: the prior pulls z towards 0": 1.0,
        "mean: x says something about z": 0.0,
        "mean: the factor 2 of the decoder is missing": 0.4,
        "mean: 2x / 5, not 2x / √5": 4 / math.sqrt(5),
        "mean: that is 2z for the best z": 1.6,
        "mean: that is x": 2.0,
    }
    expect_number(mean, 0.8, "the mean", wrong=mistakes)
    mistakes = {
        "variance: that is the standard deviation": math.sqrt(0.2),
        "variance: that of the prior, which x has narrowed": 1.0,
        "variance: that is the precision, its inverse": 5.0,
        "variance: the prior counts, too": 0.25,
        "variance: the slope 2 enters squared": 1 / 3,
        "variance: that is its square": 0.04,
    }
    expect_number(variance, 0.2, "the variance", wrong=mistakes)


@exercise(
    "6. Derive. In the same toy model, z ~ N(0, 1), x given z ~ N(2z, 1), x = 2, somebody takes "
    "the prior for q(z | x), N(0, 1). By how many nats does the ELBO of this q lie below log "
    "p(x)? Give a number, to four digits.",
    hint=(
        "The gap has a name, and you know the posterior from the last exercise.",
        "From N(m, s²) to N(a, v) the divergence is ½ (s²/v + (m − a)²/v − 1 − log(s²/v)).",
    ),
    because="The gap is D_KL(q ‖ p(z|x)) = ½ (5 + 3.2 − 1 − log 5) ≈ 2.795.",
)
def gap():
    q, posterior = Normal(0.0, 1.0), Normal(0.8, math.sqrt(0.2))
    return kl_divergence(q, posterior).item()


@gap.checked_by
def _(answer):
    q, posterior = Normal(0.0, 1.0), Normal(0.8, math.sqrt(0.2))
    right, back = kl_divergence(q, posterior).item(), kl_divergence(posterior, q).item()
    alone = -0.5 * math.log(2 * math.pi)
    mistakes = {
        "direction: from q to the posterior, not back": back,
        "variance: 0.2 is the posterior's variance, not its σ": kl_divergence(
            q, Normal(0.8, 0.2)
        ).item(),
        "mean: the posterior's mean is not 0": kl_divergence(q, Normal(0.0, 0.2**0.5)).item(),
        "gap: q is the prior here, but the gap is to the posterior": 0.0,
        "bits: give nats, with the natural logarithm": right / math.log(2),
        "factor: the ½ in front is missing": 2 * right,
        "gap: this is the ELBO itself": alone - 4,
        "gap: this is log p(x)": alone - 0.5 * math.log(5) - 0.4,
        "sign: the logarithm of the variances is subtracted": right + math.log(5),
    }
    expect_number(answer, right, "the gap", wrong=mistakes)


@exercise(
    "7. Derive. A β-VAE maximises E log p(x | z) − β D_KL(q(z | x) ‖ p(z)) for each image. A "
    "colleague trains on colour images of 32 × 32 pixels with codes of 16 numbers. His loss has "
    "two terms. The first is F.binary_cross_entropy(decoded, x), which by default is the mean over "
    "all values of all images. The second is the price ½ (μ² + σ² − 1 − log σ²), averaged over "
    "all images and over all numbers of the codes. Which β has he silently chosen? Give a number.",
    hint=(
        "Multiply his loss by a number that makes its first term the negative log-likelihood.",
        "A colour image has three values for each pixel. The divergence is a sum over 16 numbers.",
    ),
    because="3,072 times his loss is −E log p(x|z) + 3072/16 · D_KL, so β is 192.",
)
def silent_beta():
    values, numbers = 3 * 32 * 32, 16
    return values // numbers  # values * (sum / values + KL / numbers) = sum + values / numbers * KL


@silent_beta.checked_by
def _(answer):
    mistakes = {
        "inverse: his divergence weighs more, not less": 1 / 192,
        "numbers: the divergence is averaged, too, over the 16 numbers": 3072.0,
        "colours: there are three values for each pixel": 64.0,
        "sum: both terms are means, over different counts": 1.0,
        "values: the first term is a mean over 3,072 values": 1 / 16,
        "direction: averaging over the numbers makes the divergence smaller": 3072.0 * 16,
        "rows: the image has 32 rows of 32": 6.0,
        "zero: the divergence is still in his loss": 0.0,
    }
    expect_number(answer, 192, "β", wrong=mistakes)


@exercise(
    "8. Derive and implement. Section 8 moved the mean. Now move the deviation. z = mu + sigma · "
    "noise, where noise (n,) holds n independent draws from N(0, 1), and mu and sigma > 0 are "
    "numbers. f takes a tensor (n,) and returns the values (n,). Write score_gradient(f, mu, "
    "sigma, noise), which returns n estimates, (n,), of the derivative of E[f(z)] with respect to "
    "sigma, from values of f alone. Their mean must be right for an f with jumps, too.",
    hint=(
        "Way 1 of section 8 needs d log q(z) / d sigma, with z held still.",
        "log q(z) = −(z − mu)² / (2 sigma²) − log sigma + constant.",
    ),
    because="d log q / dσ = (z − μ)²/σ³ − 1/σ = (ε² − 1)/σ. Draws far out vote for a larger σ, "
    "draws near the middle for a smaller one, each with the weight f(z).",
    skeleton="""
        def score_gradient(f, mu, sigma, noise):
            return ...
    """,
)
def score_gradient():
    def score_gradient(f, mu, sigma, noise):
        return f(mu + sigma * noise) * (noise**2 - 1) / sigma

    return score_gradient


@score_gradient.checked_by
def _(answer):
    estimates = expect_function(answer, "f", "mu", "sigma", "noise")
    noise = torch.randn(400_000, generator=torch.Generator().manual_seed(0)).double()
    mu, sigma = torch.tensor([0.7, 0.8]).double()

    def square(z):
        if z.requires_grad:
            raise RuntimeError("no derivative of f here")
        return z**2

    given = estimates(square, mu, sigma, noise)
    expect(isinstance(given, Tensor), f"type: a tensor (n,) is wanted, got {kind(given)}")
    expect(given.shape == noise.shape, f"shape: one estimate a draw, (n,), got {kind(given)}")
    expect(torch.isfinite(given).all(), "finite: the estimates hold nan or infinity")
    mean = given.detach().double().mean().item()
    mistakes = {  # for f = z², mu = 0.7 and sigma = 0.8
        "score: E f(z) is not its derivative, multiply by the score": 1.13,
        "sign: the score is (ε² − 1)/σ": -1.6,
        "mean: that is the derivative with respect to mu": 1.4,
        "score: the −log σ of the density has a derivative, too": 3.0125,
        "score: one σ too few in the denominator": 1.28,
        "draw: f is to be taken at mu + sigma · noise": 2.5,
        "variance: that is the derivative with respect to σ²": 1.0,
    }
    for message, value in mistakes.items():
        expect(abs(mean - value) > 0.04, message)
    message = "bias: for f = z² the mean of the estimates is far from the derivative of E[z²]"
    expect(abs(mean - 1.6) < 0.05, message)
    jump = estimates(lambda z: (z > 0).double(), mu, sigma, noise).double().mean().item()
    right = -(Normal(0.0, 1.0).log_prob(mu / sigma).exp() * mu / sigma**2).item()
    message = "jump: for f = 1 where z > 0, else 0, the mean of the estimates is wrong"
    expect(abs(jump - right) < 0.02, message)
