"""The first four exercises of chapter 16: predict, compute by hand, complete."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    kind,
)

# ---- predict, and compute by hand --------------------------------------------------------------


@exercise(
    "1. Predict. For one image an encoder returns a normal distribution of two independent "
    "numbers, with the means μ = (−2, 0) and the standard deviations σ = (1, 2). How many nats is "
    "its divergence from the prior, D_KL(q ‖ N(0, I))? Give a number, to four digits.",
    hint=(
        "It is a sum over the two numbers. What does each of them pay?",
        "Each pays ½ (μ² + σ² − 1 − log σ²), with σ² = 4 in the second one.",
    ),
    because="The shifted mean pays ½ · 4 = 2, the wide one ½ (4 − 1 − log 4) ≈ 0.807. So it costs "
    "nats to know less than the prior, too.",
)
def gaussian_kl():
    mu, sigma = (-2.0, 0.0), (1.0, 2.0)
    pairs = zip(mu, sigma, strict=True)
    return sum(0.5 * (m**2 + s**2 - 1 - math.log(s**2)) for m, s in pairs)


@gaussian_kl.checked_by
def _(answer):
    wide = 0.5 * (4 - 1 - math.log(4))
    right = 2 + wide
    mistakes = {
        "variance: 2 is the standard deviation, so σ² = 4": 2 + 0.5 * (2 - 1 - math.log(2)),
        "factor: the ½ in front is missing": 2 * right,
        "bits: give nats, with the natural logarithm": right / math.log(2),
        "numbers: the shifted mean costs, too": wide,
        "direction: that is the divergence of the prior from q": 2 + 0.5 * (0.25 - 1 + math.log(4)),
        "mean: add over the numbers, do not average": right / 2,
        "sign: log σ² is subtracted": 2 + 0.5 * (4 - 1 + math.log(4)),
        "square: the mean enters as μ² / 2": right + 2,
    }
    expect_number(answer, right, "the divergence", wrong=mistakes)


@exercise(
    "2. By hand. In the game of section 2 the coin opens the dark or the bright drawer. This time "
    "three pixels are drawn, each bright with probability 0.1 from the dark drawer and 0.9 from "
    "the bright one. You see bright, bright, dark. Give (its probability, the probability that it "
    "was the bright drawer).",
    hint=(
        "A dark pixel has the probability 1 − 0.9 in the bright drawer. Multiply the three.",
        "The evidence is half of 0.9 · 0.9 · 0.1 plus half of 0.1 · 0.1 · 0.9. Then use Bayes.",
    ),
    because="0.0405 + 0.0045 = 0.045, and 0.0405 / 0.045 = 0.9. One dark pixel takes back what one "
    "bright pixel has told.",
    skeleton="""
        probability = ...
        bright_drawer = ...
        answer = probability, bright_drawer
    """,
)
def drawers():
    bright, dark = 0.9 * 0.9 * 0.1, 0.1 * 0.1 * 0.9
    probability = 0.5 * bright + 0.5 * dark
    return probability, 0.5 * bright / probability


@drawers.checked_by
def _(answer):
    probability, bright = expect_parts(answer, "the probability", "the bright drawer")
    mistakes = {
        "coin: each drawer is opened only half of the time": 0.09,
        "third pixel: it is dark, so its chance is 1 − 0.9 in the bright drawer": 0.365,
        "third pixel: you see three pixels, not two": 0.41,
        "average: average the two products, not the two chances": 0.125,
        "dark drawer: it can draw this, too, if seldom": 0.0405,
        "bright drawer: it can draw this, too": 0.0045,
    }
    expect_number(probability, 0.045, "the probability", wrong=mistakes)
    mistakes = {
        "evidence: divide by the probability of what was seen": 0.0405,
        "evidence: that is the likelihood alone": 0.081,
        "third pixel: that is what two bright pixels tell": 0.81 / 0.82,
        "drawer: that is the dark one": 0.1,
        "prior: the pixels have told something": 0.5,
        "third pixel: three bright ones would tell this": 0.729 / 0.73,
    }
    expect_number(bright, 0.9, "the bright drawer", wrong=mistakes)


# ---- complete ----------------------------------------------------------------------------------


@exercise(
    "3. Complete a draw of many codes. An encoder gives mu and log_variance, each (images, "
    "numbers). Return so many codes for each image, (draws, images, numbers), as z = μ + σ ⊙ ε "
    "with new noise for every single number. Gradients must reach mu and log_variance. Fill in "
    "the three blanks.",
    hint=(
        "σ is the exponential of half of the log variance.",
        "torch.randn(draws, *mu.shape) has one number of noise for each number of each code.",
    ),
    because="The noise is drawn outside, so the code is an ordinary function of mu and sigma.",
    skeleton="""
        def several_codes(mu, log_variance, draws):
            sigma = ...
            epsilon = ...
            return ...
    """,
)
def several_codes():
    def several_codes(mu, log_variance, draws):
        sigma = (0.5 * log_variance).exp()
        epsilon = torch.randn(draws, *mu.shape)
        return mu + sigma * epsilon

    return several_codes


@several_codes.checked_by
def _(answer):
    expect_function(answer, "mu", "log_variance", "draws")
    given = []

    def keep(mu, log_variance, draws):  # what the answer was given, for the gradients
        given.extend((mu, log_variance))
        return answer(mu, log_variance, draws)

    codes_of = expect_function(keep, "mu", "log_variance", "draws")
    torch.manual_seed(0)
    mu = torch.tensor([[1.0, -2.0, 0.0], [3.0, 0.5, -1.0]]).requires_grad_()
    variances = torch.tensor([[4.0, 0.25, 1.0], [9.0, 4.0, 0.04]])
    log_variance = variances.log().requires_grad_()
    z = codes_of(mu, log_variance, 20_000)
    expect(isinstance(z, Tensor), f"type: a tensor is wanted, got {kind(z)}")
    expect(z.shape == (20_000, 2, 3), f"shape: (draws, images, numbers) is wanted, got {kind(z)}")
    expect(torch.isfinite(z).all(), "finite: the codes hold nan or infinity")
    expect(z.requires_grad, "gradient: none reaches mu and log_variance, something is detached")
    found = z.detach()
    spread = found.var(0)
    expect(spread.max() > 1e-6, "noise: all draws are equal, draw it for each code anew")
    expect(not _near(spread, variances**2), "sigma: that is the variance in the place of σ")
    expect(not _near(spread, variances.log() ** 2), "sigma: the log variance is not yet σ")
    expect(not _near(spread, torch.ones(2, 3)), "sigma: the noise is not multiplied by it")
    expect(not _near(spread, variances.sqrt()), "sigma: its square must be the variance")
    expect(_near(spread, variances), "sigma: the codes do not have the variances that were given")
    message = "mean: the codes do not have the means mu"
    expect((found.mean(0) - mu.detach()).abs().max() < 0.15, message)
    noise = ((found - mu.detach()) / variances.sqrt()).flatten(1)
    together = torch.corrcoef(noise.T) - torch.eye(6)
    expect(
        together.abs().max() < 0.1, "noise: each number needs noise of its own, not a shared one"
    )
    slopes = torch.autograd.grad(z.sum(), given, allow_unused=True)
    expect(slopes[0] is not None, "gradient: none reaches mu")
    expect(slopes[1] is not None, "gradient: none reaches log_variance")


def _near(spread: Tensor, wanted: Tensor) -> bool:
    return bool(((spread - wanted).abs() < 0.1 * wanted + 0.002).all())


@exercise(
    "4. Complete the loss. x (images, pixels) holds zeros and ones, logits (images, "
    "pixels) the decoder's answers for one draw of z, and mu and log_variance (images, numbers) "
    "the encoder's. Return the mean of −ELBO over the images, in nats, a tensor without "
    "dimensions. Fill in the three blanks.",
    hint=(
        "The log-likelihood of an image is a sum over its pixels, x · a − log(1 + e^a).",
        "The loss is what it costs to leave the prior minus what is explained.",
    ),
    because="Both terms are sums for each image, and only images are averaged.",
    skeleton="""
        def negative_elbo(x, logits, mu, log_variance):
            explains = ...
            leaves = ...
            return ...
    """,
)
def negative_elbo():
    def negative_elbo(x, logits, mu, log_variance):
        explains = (x * logits - F.softplus(logits)).sum(1)
        leaves = 0.5 * (mu**2 + log_variance.exp() - 1 - log_variance).sum(1)
        return (leaves - explains).mean()

    return negative_elbo


@negative_elbo.checked_by
def _(answer):
    loss = expect_function(answer, "x", "logits", "mu", "log_variance")
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 7, generator=generator).round().double()
    logits = torch.randn(3, 7, generator=generator).double()
    mu, log_variance = torch.randn(2, 3, 2, generator=generator).double()
    pixels = x * logits - F.softplus(logits)
    prices = 0.5 * (mu**2 + log_variance.exp() - 1 - log_variance)
    explains, leaves = pixels.sum(1), prices.sum(1)
    mistakes = {
        "sign: that is the ELBO, the loss is its negative": (explains - leaves).mean(),
        "sign: leaving the prior costs, so it is added to the loss": (-explains - leaves).mean(),
        "sum: the log-likelihood is a sum over the pixels, not their mean": (
            leaves - pixels.mean(1)
        ).mean(),
        "sum: the divergence is a sum over the numbers of the code": (
            prices.mean(1) - explains
        ).mean(),
        "mean: average over the images": (leaves - explains).sum(),
        "images: one loss for all of them, their mean": leaves - explains,
        "divergence: it is missing": -explains.mean(),
        "explanation: it is missing": leaves.mean(),
        "half: the ½ of the divergence is missing, or it stands there twice": (
            2 * leaves - explains
        ).mean(),
    }
    right = (leaves - explains).mean()
    expect_close(loss(x, logits, mu, log_variance), right, "the loss", within=1e-9, wrong=mistakes)
