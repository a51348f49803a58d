"""Exercises of chapter 16: predict, derive, implement, break it, experiment."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from dlnotes import data
from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    expect_runs,
    kind,
)
from dlnotes.training import fit
from dlnotes.vae import VAE, binarize, elbo

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "1. Predict. For one image an encoder returns q = N(μ, σ²), a normal distribution of two "
    "independent numbers, with the means μ = (1, 0) and the standard deviations σ = (1, ½). How "
    "many nats is its divergence from the prior, D_KL(q ‖ N(0, I))? Give a number, to four "
    "digits.",
    hint=(
        "It is a sum over the two coordinates; what is it where μ = 0 and σ = 1?",
        "Per coordinate ½ (μ² + σ² − 1 − log σ²), with σ² = ¼ in the second one.",
    ),
    because="½ · 1 from the shifted mean, ½ (¼ − 1 + log 4) ≈ 0.318 from the narrowed one.",
)
def gaussian_kl():
    mu, sigma = (1.0, 0.0), (1.0, 0.5)
    pairs = zip(mu, sigma, strict=True)
    return sum(0.5 * (m**2 + s**2 - 1 - math.log(s**2)) for m, s in pairs)


@gaussian_kl.checked_by
def _(answer):
    ln2, right = math.log(2), 0.5 + 0.5 * (0.25 - 1 + math.log(4))
    mistakes = {
        "variance: ½ is the standard deviation, so σ² = ¼": 0.5 + 0.5 * (0.5 - 1 + ln2),
        "factor: the ½ in front is missing": 2 * right,
        "bits: give nats, with the natural logarithm": right / ln2,
        "coordinates: there are two of them": 0.5,
        "coordinates: the shifted mean costs, too": right - 0.5,
        "direction: that is the divergence of the prior from q": 0.5 + 0.5 * (4 - 1 - math.log(4)),
        "mean: add over the coordinates, do not average": right / 2,
        "sign: of log σ², a narrow q costs more": 0.5 + 0.5 * (0.25 - 1 - math.log(4)),
        "square: the mean enters as μ² / 2": right + 0.5,
    }
    expect_number(answer, right, "the divergence", wrong=mistakes)


@exercise(
    "2. Derive. A toy model of two numbers: z ~ N(0, 1), and x given z ~ N(z, 1), mean and "
    "variance. One observes x = 2. Give (log p(x), mean, variance): the logarithm of the density "
    "of x, and mean and variance of the posterior p(z | x), to four digits.",
    hint=(
        "x is the sum of two independent unit Gaussians: which law has it?",
        "log p(x) = log N(2; 0, 2); the posterior's precision is 1 + 1.",
    ),
    because="x ~ N(0, 2), so log p = −½ log 4π − 1; precisions add, and x is believed by half.",
    skeleton="""
        log_p = ...
        mean = ...
        variance = ...
        answer = log_p, mean, variance
    """,
)
def evidence():
    a, s, x = 1.0, 1.0, 2.0
    total = a**2 + s**2
    log_p = -0.5 * math.log(2 * math.pi * total) - x**2 / (2 * total)
    return log_p, a * x / total, s**2 / total


@evidence.checked_by
def _(answer):
    log_p, mean, variance = expect_parts(answer, "log p(x)", "mean", "variance")
    right = -0.5 * math.log(4 * math.pi) - 1
    alone = -0.5 * math.log(2 * math.pi)
    mistakes = {
        "variance: x carries the variance of z and its own": alone - 2,
        "density: give its logarithm": math.exp(right),
        "joint: p(x) is the integral over z, not p(x, z) at the best z": 2 * alone - 1,
        "standard deviation: the variance of x is 2, not its square": alone - math.log(2) - 0.5,
        "exponent: the square of x is divided by twice the variance": right - 1,
        "constant: log √(2π v) belongs to the density": -1.0,
        "constant: the variance stands under the root, too": alone - 1,
        "sign: densities below 1 have a negative logarithm": -right,
    }
    expect_number(log_p, right, "log p(x)", wrong=mistakes)
    mistakes = {
        "mean: the prior pulls z towards 0": 2.0,
        "mean: x says something about z": 0.0,
        "mean: x is believed by its share of the precision, a half of it": 0.5,
        "mean: x / (a² + s²), not x / √(a² + s²)": math.sqrt(2),
        "mean: precisions add, they are 1 and 1": 2 / 3,
    }
    expect_number(mean, 1.0, "the mean", wrong=mistakes)
    mistakes = {
        "variance: that is the standard deviation": math.sqrt(0.5),
        "variance: that of the prior; x has narrowed it": 1.0,
        "variance: that is the precision, its inverse": 2.0,
        "variance: two precisions of 1 add up": 1 / 3,
        "variance: that is its square": 0.25,
    }
    expect_number(variance, 0.5, "the variance", wrong=mistakes)


@exercise(
    "3. Derive. In the same toy model, z ~ N(0, 1), x given z ~ N(z, 1), x = 2, somebody takes "
    "the prior for q(z | x), N(0, 1). By how many nats does the ELBO of this q lie below log "
    "p(x)? Give a number, to four digits.",
    hint=(
        "The gap has a name; the bound need not be computed.",
        "D_KL(N(0, 1) ‖ N(1, ½)) = ½ (σ²/v + m²/v − 1 − log(σ²/v)) with m = 1, v = ½.",
    ),
    because="The gap is D_KL(q ‖ p(z|x)) = ½ (2 + 2 − 1 − log 2) ≈ 1.153.",
)
def gap():
    q, posterior = Normal(0.0, 1.0), Normal(1.0, math.sqrt(0.5))
    return kl_divergence(q, posterior).item()


@gap.checked_by
def _(answer):
    q, posterior = Normal(0.0, 1.0), Normal(1.0, math.sqrt(0.5))
    right, back = kl_divergence(q, posterior).item(), kl_divergence(posterior, q).item()
    mistakes = {
        "direction: from q to the posterior, not back": back,
        "variance: ½ is the posterior's variance, not its σ": kl_divergence(
            q, Normal(1.0, 0.5)
        ).item(),
        "mean: the posterior's mean is not 0": kl_divergence(q, Normal(0.0, 0.5**0.5)).item(),
        "gap: q is the prior here, but the gap is to the posterior": 0.0,
        "bits: give nats, with the natural logarithm": right / math.log(2),
        "factor: the ½ in front is missing": 2 * right,
        "gap: this is the ELBO itself": -0.5 * math.log(2 * math.pi) - 2.5,
        "gap: this is log p(x)": -0.5 * math.log(4 * math.pi) - 1,
        "sign: the logarithm of the variances is subtracted": right + math.log(2),
    }
    expect_number(answer, right, "the gap", wrong=mistakes)


@exercise(
    "4. Predict. A β-VAE maximises E log p(x | z) − β D_KL(q(z | x) ‖ p(z)) for each image, β = 1 "
    "is the VAE. A colleague trains on digits of 28 × 28 pixels. His loss is "
    "F.binary_cross_entropy(decoded, x), which by default is the mean over all pixels of all "
    "images, plus the mean over the images of the divergence. Which β has he silently chosen? "
    "Give a number.",
    hint=(
        "Multiply his loss by a number that makes its first term the negative log-likelihood.",
        "The likelihood is a sum over 784 pixels. A loss may be scaled as a whole, not in parts.",
    ),
    because="784 · loss = −E log p(x|z) + 784 · KL: nearly everything collapses to the prior.",
)
def silent_beta():
    pixels = 28 * 28
    return pixels  # pixels * (mean over pixels + KL) = sum over pixels + pixels * KL


@silent_beta.checked_by
def _(answer):
    mistakes = {
        "inverse: his divergence weighs more, not less": 1 / 784,
        "sum: a log-likelihood is the sum over the pixels, not their mean": 1.0,
        "pixels: the image has 28 rows of 28": 28.0,
        "pixels: 28 of them are only one row, and β gets larger": 1 / 28,
        "colours: the digits are grey": 3 * 784.0,
        "factor: both terms are nats, there is no ½": 392.0,
        "zero: the divergence is still in his loss": 0.0,
    }
    expect_number(answer, 784, "β", wrong=mistakes)


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "5. Implement. For each of N images S codes z are drawn from q(z | x), and log_weights (S, N) "
    "holds log p(x, z) − log q(z | x) of each. Write importance_bound(log_weights), which "
    "returns for each image the logarithm of the mean weight over its draws, (N,). Weights as "
    "small as e^−1000 must not become 0.",
    hint=(
        "The bound is the logarithm of the mean of the weights, not the mean of the logarithms.",
        "torch.logsumexp over the draws; then divide the sum by S, which in logarithms is ...",
    ),
    because="log (1/S) Σ exp(ℓ) = logsumexp(ℓ) − log S; the largest ℓ is taken out before exp.",
    skeleton="""
        def importance_bound(log_weights):
            return ...
    """,
)
def importance_bound():
    def importance_bound(log_weights):
        return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))

    return importance_bound


@importance_bound.checked_by
def _(answer):
    bound = expect_function(answer, "log_weights")
    log_weights = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).double()
    right = log_weights.logsumexp(0) - math.log(5)
    mistakes = {
        "order: the mean of the logarithms is the ELBO": log_weights.mean(0),
        "mean: the sum over the draws must be divided by their number": right + math.log(5),
        "mean: in logarithms a division by S is a subtraction of log S": log_weights.logsumexp(0)
        / 5,
        "logarithm: give the logarithm of the mean weight": right.exp(),
        "axis: the draws are the first axis": log_weights.logsumexp(1) - math.log(3),
        "axis: the draws are the first axis, and there are 5 of them": log_weights.logsumexp(1)
        - math.log(5),
        "axis: one bound for each image, not one for all": log_weights.logsumexp((0, 1))
        - math.log(15),
        "largest: that is one draw, the mean needs all of them": log_weights.max(0)[0],
        "number: divide by the 5 draws, not by the 3 images": right + math.log(5 / 3),
    }
    expect_close(bound(log_weights), right, "the bound", within=1e-9, wrong=mistakes)
    tiny = bound(log_weights - 1000)
    lost = isinstance(tiny, Tensor) and not torch.isfinite(tiny).all()
    expect(not lost, "underflow: the bound of tiny weights is infinite; exp(−1000) is 0")
    expect_close(tiny, right - 1000, "the bound of tiny weights", within=1e-9)


@exercise(
    "6. Derive and implement. z = mu + noise, where noise (n,) holds n independent draws from "
    "N(0, 1) and mu is a number. f takes a tensor (n,) and returns the values (n,). Write "
    "score_gradient(f, mu, noise), which returns n estimates, (n,), of the derivative of E[f(z)] "
    "with respect to mu, from values of f alone, without its derivative. Their mean must be right "
    "for an f with jumps, too.",
    hint=(
        "d/dmu ∫ N(z; mu, 1) f(z) dz: the derivative falls on the density.",
        "∇p = p ∇log p, and ∇ log N(z; mu, 1) = z − mu.",
    ),
    because="The score-function estimator f(z)(z − mu) is unbiased for every f, but its variance "
    "grows with the size of f itself, not with its slope.",
    skeleton="""
        def score_gradient(f, mu, noise):
            return ...
    """,
)
def score_gradient():
    def score_gradient(f, mu, noise):
        return f(mu + noise) * noise  # z − mu = noise

    return score_gradient


@score_gradient.checked_by
def _(answer):
    estimates = expect_function(answer, "f", "mu", "noise")
    noise = torch.randn(400_000, generator=torch.Generator().manual_seed(0)).double()
    mu = torch.tensor(0.5).double()

    def square(z):
        if z.requires_grad:
            raise RuntimeError("no derivative of f here")
        return z**2

    given = estimates(square, mu, noise)
    expect(isinstance(given, Tensor), f"type: a tensor (n,) is wanted, got {kind(given)}")
    expect(given.shape == noise.shape, f"shape: one estimate a draw, (n,), got {kind(given)}")
    expect(torch.isfinite(given).all(), "finite: the estimates hold nan or infinity")
    mean = given.detach().double().mean().item()
    mistakes = {  # for f = z² and mu = ½
        "score: E f(z) is not its derivative; multiply by the score": 1.25,
        "sign: the score is z − mu, not mu − z": -1.0,
        "score: z − mu, not z": 1.625,
        "score: z − mu, and f is not its own derivative; f(noise) is not f(z)": 0.0,
        "baseline: subtract a constant from f if you like, not from the score": 0.375,
    }
    for message, value in mistakes.items():
        expect(abs(mean - value) > 0.05, message)
    message = "bias: for f = z² the mean of the estimates is far from the derivative of E[z²]"
    expect(abs(mean - 1) < 0.05, message)
    jump = estimates(lambda z: (z > 0).double(), mu, noise).double().mean().item()
    density = Normal(0.0, 1.0).log_prob(-mu).exp().item()
    message = "jump: for f = 1 where z > 0, else 0, the mean of the estimates is wrong"
    expect(abs(jump - density) < 0.02, message)


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "7. Break it. What an axis of the code means is not in the likelihood. model is a VAE of D "
    "latents, whose decoder, model.decoder, is a nn.Sequential that begins with a nn.Linear; "
    "rotation (D, D) is an orthogonal matrix. Write rotated(model, rotation), which returns a VAE "
    "that decodes z as the given one decodes rotation @ z: p(x) is exactly the same, and no axis "
    "means what it did. The model that is given must stay as it is.",
    hint=(
        "Only the first linear layer of the decoder reads z.",
        "W (R z) = (W R) z; copy.deepcopy before you change anything.",
    ),
    because="N(0, I) looks the same from every side, so p(x) cannot tell one set of axes from "
    "another: what an axis means is not in the likelihood (Locatello et al. 2019).",
    skeleton="""
        def rotated(model, rotation):
            turned = ...
            with torch.no_grad():
                ...
            return turned
    """,
)
def rotated():
    def rotated(model, rotation):
        turned = copy.deepcopy(model)
        with torch.no_grad():
            first = turned.decoder[0]
            first.weight.copy_(first.weight @ rotation)
        return turned

    return rotated


@rotated.checked_by
def _(answer):
    rotate = expect_function(answer, "model", "rotation")
    torch.manual_seed(0)
    model = VAE((5,), 3, hidden_dim=8).double()
    rotation, z = torch.linalg.qr(torch.randn(3, 3).double())[0], torch.randn(6, 3).double()
    before = model.decode(z)
    turned = rotate(model, rotation)
    expect(isinstance(turned, VAE), f"type: return a VAE, got {kind(turned)}")
    expect(torch.equal(model.decode(z), before), "original: the given model has changed; copy it")
    unbiased = copy.deepcopy(model)
    nn.init.zeros_(unbiased.decoder[0].bias)
    mistakes = {
        "change: the copy decodes as the original does": before,
        "direction: z is to be read as R z, not as Rᵀ z": model.decode(z @ rotation),
        "sign: z is to be read as R z, not as −R z": model.decode(-z @ rotation.T),
        "bias: it belongs to the hidden units, not to z": unbiased.decode(z @ rotation.T),
    }
    given, right = turned.decode(z), model.decode(z @ rotation.T)
    expect_close(given, right, "what the copy decodes", within=1e-9, wrong=mistakes)


# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "8. Experiment. How many latents do small digits need? Train VAE((1, 8, 8), D, hidden_dim=64) "
    "on data.digits(), made black and white by binarize, with D = 1, 4 and 16 latents, at least "
    "three seeds each and always the same number of steps. Give {1: [ELBOs], 4: [ELBOs], 16: "
    "[ELBOs]}, each the mean ELBO, in nats per digit, of the validation digits, "
    "data.digits('validation').",
    hint=(
        "fit(model, loss, (digits,), steps=400, batch_size=64, learning_rate=5e-3, seed=seed) "
        "with loss = lambda model, batch: -elbo(model, binarize(batch[0])).mean()",
        "Set torch.manual_seed(seed) before building the model. Binarise the validation digits "
        "once, with a generator of its own, so that all runs are measured on the same pixels.",
    ),
    because="One number cannot carry a digit; beyond some size more latents stay unused, because "
    "each used one costs nats: the bound decides by itself how many are worth their price.",
)
def latent_sizes():
    train, validation = data.digits().inputs, data.digits("validation").inputs
    fixed = binarize(validation, torch.Generator().manual_seed(0))
    results = {}
    for latent_dim in (1, 4, 16):
        results[latent_dim] = []
        for seed in range(3):
            torch.manual_seed(seed)
            model = VAE((1, 8, 8), latent_dim, hidden_dim=64)
            fit(
                model,
                lambda model, batch: -elbo(model, binarize(batch[0])).mean(),
                (train,),
                steps=400,
                batch_size=64,
                learning_rate=5e-3,
                seed=seed,
                progress=False,
            )
            with torch.no_grad():
                draws = [elbo(model, fixed, generator=torch.Generator().manual_seed(1))]
            results[latent_dim].append(torch.cat(draws).mean().item())
    return results


@latent_sizes.checked_by
def _(answer):
    answer = expect_runs(answer, 1, 4, 16, low=-math.inf, high=math.inf)
    for size, values in answer.items():
        expect(max(values) < 0, "sign: the ELBO of a binary image is negative")
        expect(min(values) > -64 * math.log(2), f"training: D = {size} is worse than coin tosses")
        expect(max(values) < -5, "unit: give nats per digit, not per pixel")
    mean = {size: sum(values) / len(values) for size, values in answer.items()}
    expect(mean[4] > mean[1], "finding: four latents should beat one; was each trained anew?")
