"""Exercises of chapter 16: predict, derive, implement, break it, experiment."""

import copy
import math
from numbers import Real

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from dlnotes import data
from dlnotes.exercises import exercise, expect, expect_close
from dlnotes.training import fit
from dlnotes.vae import VAE, binarize, elbo


def _is_number(x) -> bool:
    number = isinstance(x, Real) and not isinstance(x, bool)
    return number or (isinstance(x, Tensor) and x.ndim == 0)


# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "An encoder returns the mean (1, 0) and the standard deviations (1, ½). How many nats is its "
    "divergence from N(0, I)?",
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
    expect(_is_number(answer), "type: give a number")
    expect(answer > 0, "sign: a divergence is never negative")
    wrong = {
        "variance: ½ is the standard deviation, so σ² = ¼": 0.5 + 0.5 * (0.5 - 1 + math.log(2)),
        "factor: the ½ in front is missing": 1 + (0.25 - 1 + math.log(4)),
        "bits: give nats, with the natural logarithm": 0.8181 / math.log(2),
        "coordinates: there are two of them": 0.5,
        "direction: that is the divergence of the prior from q": 0.5 + 0.5 * (4 - 1 - math.log(4)),
    }
    for message, value in wrong.items():
        expect(abs(answer - value) > 2e-3, message)
    expect(abs(answer - 0.8181) < 1e-3, "value: Σ ½ (μ² + σ² − 1 − log σ²)")


@exercise(
    "The toy model with a = s = 1: z ~ N(0, 1), x given z ~ N(z, 1). One observes x = 2. Give "
    "(log p(x), mean, variance), the last two of the posterior p(z|x).",
    hint=(
        "x is the sum of two independent unit Gaussians: which law has it?",
        "log p(x) = log N(2; 0, 2); the posterior's precision is 1 + 1.",
    ),
    because="x ~ N(0, 2), so log p = −½ log 4π − 1; precisions add, and x is believed by half.",
)
def evidence():
    a, s, x = 1.0, 1.0, 2.0
    total = a**2 + s**2
    log_p = -0.5 * math.log(2 * math.pi * total) - x**2 / (2 * total)
    return log_p, a * x / total, s**2 / total


@evidence.checked_by
def _(answer):
    log_p, mean, variance = answer
    expect(all(map(_is_number, (log_p, mean, variance))), "type: give three numbers")
    log_p, mean, variance = float(log_p), float(mean), float(variance)
    alone = Normal(0.0, 1.0).log_prob(torch.tensor(2.0)).item()
    expect(abs(log_p - alone) > 1e-3, "variance: x carries the variance of z and its own")
    expect(abs(log_p - math.exp(-2.2655)) > 1e-3, "density: give its logarithm, log p(x)")
    expect(log_p < 0, "logarithm: the density is below 1, so its logarithm is negative")
    expect(abs(log_p + 2.2655) < 1e-3, "evidence: log N(2; 0, a² + s²)")
    expect(abs(mean - 2) > 1e-3, "mean: the prior pulls z towards 0")
    expect(abs(mean - 1) < 1e-3, "mean: a x / (a² + s²)")
    expect(abs(variance - math.sqrt(0.5)) > 1e-3, "variance: that is the standard deviation")
    expect(abs(variance - 0.5) < 1e-3, "variance: s² / (a² + s²)")


@exercise(
    "In the same toy model (a = s = 1, x = 2) someone takes q = N(0, 1), the prior. By how many "
    "nats does the ELBO miss log p(x)?",
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
    expect(_is_number(answer), "type: give a number")
    q, posterior = Normal(0.0, 1.0), Normal(1.0, math.sqrt(0.5))
    right, other = kl_divergence(q, posterior).item(), kl_divergence(posterior, q).item()
    expect(answer > 0, "sign: the bound lies below, give by how much")
    expect(abs(answer - other) > 1e-3, "direction: from q to the posterior, not back")
    variance = kl_divergence(q, Normal(1.0, 0.5)).item()
    expect(abs(answer - variance) > 1e-3, "variance: ½ is the posterior's variance, not its σ")
    expect(abs(answer - right) < 1e-3, "value: D_KL(q ‖ p(z|x)), with p(z|x) = N(1, ½)")


@exercise(
    "A colleague's loss for 28 × 28 digits is F.binary_cross_entropy(decoded, x) (its default is "
    "the mean over all pixels) plus the mean over the batch of the divergence. Which β has he "
    "silently chosen?",
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
    expect(_is_number(answer), "type: give a number")
    expect(abs(answer - 1 / 784) > 1e-9, "inverse: his divergence weighs more, not less")
    expect(answer != 1, "sum: a log-likelihood is the sum over the pixels, not their mean")
    expect(answer != 28, "pixels: the image has 28 · 28 of them")
    expect(abs(answer - 784) < 1e-6, "value: what must the mean be multiplied by to be the sum?")


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "Write importance_bound(log_weights): from log p(x, z) − log q(z|x) for S draws and N samples, "
    "(S, N), the importance-weighted bound of each sample, (N,). Weights of e^−1000 must not "
    "become 0.",
    hint=(
        "The bound is the logarithm of the mean of the weights, not the mean of the logarithms.",
        "torch.logsumexp over the draws; then divide the sum by S, which in logarithms is ...",
    ),
    because="log (1/S) Σ exp(ℓ) = logsumexp(ℓ) − log S; the largest ℓ is taken out before exp.",
)
def importance_bound():
    def bound(log_weights):
        return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))

    return bound


@importance_bound.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    log_weights = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).double()
    given = answer(log_weights)
    right = log_weights.logsumexp(0) - math.log(5)
    if isinstance(given, Tensor) and given.shape == right.shape:
        wrong = {
            "order: the mean of the logarithms is the ELBO": log_weights.mean(0),
            "mean: the sum over the draws must be divided by their number": right + math.log(5),
            "logarithm: give the logarithm of the mean weight": right.exp(),
        }
        for message, value in wrong.items():
            expect((given - value).abs().max() > 1e-9, message)
    expect_close(given, right, "the bound", within=1e-9)
    expect_close(answer(log_weights - 1000), right - 1000, "the bound of tiny weights", within=1e-9)


@exercise(
    "Write score_gradient(f, mu, noise): for z = mu + noise with noise ~ N(0, 1), (n,), return n "
    "estimates of d/dmu E[f(z)] which use values of f only, no derivative. Their mean must be "
    "right for an f with jumps, too.",
    hint=(
        "d/dmu ∫ N(z; mu, 1) f(z) dz: the derivative falls on the density.",
        "∇p = p ∇log p, and ∇ log N(z; mu, 1) = z − mu.",
    ),
    because="The score-function estimator f(z)(z − mu) is unbiased for every f, but its variance "
    "grows with the size of f itself, not with its slope.",
)
def score_gradient():
    def estimates(f, mu, noise):
        return f(mu + noise) * noise  # z − mu = noise

    return estimates


@score_gradient.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    noise = torch.randn(400_000, generator=torch.Generator().manual_seed(0)).double()
    mu = torch.tensor(0.5).double()

    def square(z):
        if z.requires_grad:
            raise RuntimeError("no derivative of f here")
        return z**2

    given = answer(square, mu, noise)
    expect(isinstance(given, Tensor), "type: return a tensor")
    expect(given.shape == noise.shape, "shape: one estimate for each draw, (n,)")
    mean = given.detach().double().mean().item()
    expect(abs(mean - 1.25) > 0.05, "score: E f(z) is not its derivative; multiply by the score")
    expect(abs(mean + 1) > 0.05, "sign: the score is z − mu, not mu − z")
    expect(abs(mean - 1.625) > 0.05, "score: z − mu, not z")
    expect(abs(mean - 1) < 0.05, f"bias: for f = z² and mu = ½ the mean must be 1, got {mean:.3f}")
    jump = answer(lambda z: (z > 0).double(), mu, noise).double().mean().item()
    density = Normal(0.0, 1.0).log_prob(-mu).exp().item()
    message = f"jump: for f = 1 where z > 0 it must be {density:.3f}, got {jump:.3f}"
    expect(abs(jump - density) < 0.02, message)


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "Break interpretability. Write rotated(model, rotation): a copy of a VAE whose code z means "
    "what rotation @ z means to the original, (D, D) orthogonal, so that p(x) is exactly the same "
    "and no axis means what it did. The original must stay as it is.",
    hint=(
        "Only the first linear layer of the decoder reads z.",
        "W (R z) = (W R) z; copy.deepcopy before you change anything.",
    ),
    because="N(0, I) looks the same from every side, so p(x) cannot tell one set of axes from "
    "another: what an axis means is not in the likelihood (Locatello et al. 2019).",
)
def rotated():
    def rotate(model, rotation):
        turned = copy.deepcopy(model)
        with torch.no_grad():
            first = turned.decoder[0]
            first.weight.copy_(first.weight @ rotation)
        return turned

    return rotate


@rotated.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = VAE((5,), 3, hidden_dim=8).double()
        rotation = torch.linalg.qr(torch.randn(3, 3).double())[0]
        z = torch.randn(6, 3).double()
    before = model.decode(z)
    turned = answer(model, rotation)
    expect(isinstance(turned, VAE), "type: return a VAE")
    expect(torch.equal(model.decode(z), before), "original: the given model has changed; copy it")
    given = turned.decode(z)
    expect((given - before).abs().max() > 1e-6, "change: the copy decodes as the original does")
    back = model.decode(z @ rotation)
    expect((given - back).abs().max() > 1e-9, "direction: z is to be read as R z, not as Rᵀ z")
    expect_close(given, model.decode(z @ rotation.T), "what the copy decodes", within=1e-9)


# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "How many latents do small digits need? Train VAE((1, 8, 8), D, hidden_dim=64) on "
    "data.digits() with D = 1, 4 and 16, at least three seeds each and the same number of steps; "
    "give {1: [ELBOs], 4: [...], 16: [...]}, nats per digit on the validation split.",
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
    expect(isinstance(answer, dict), "type: give a dict")
    expect(set(answer) == {1, 4, 16}, "keys: 1, 4 and 16 latents are asked for")
    for size, values in answer.items():
        expect(len(values) >= 3, f"seeds: D = {size} has {len(values)} runs, at least 3 are needed")
        expect(all(value < 0 for value in values), "sign: the ELBO of a binary image is negative")
        expect(min(values) > -64 * math.log(2), f"training: D = {size} is worse than coin tosses")
        expect(max(values) < -5, "unit: give nats per digit, not per pixel")
        expect(len(set(values)) > 1, f"seeds: all runs of D = {size} are equal; seed each anew")
    mean = {size: sum(values) / len(values) for size, values in answer.items()}
    expect(mean[4] > mean[1], "finding: four latents should beat one; was each trained anew?")
