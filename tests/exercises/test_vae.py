"""dlnotes.exercises.vae: solutions pass, and a wrong answer is told which property fails."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Independent, Normal, kl_divergence

from dlnotes.exercises import vae
from dlnotes.vae import VAE, LinearGaussian
from exercises.answers import judged


def rotate(model, matrix, *, anew=True):
    turned = copy.deepcopy(model) if anew else model
    with torch.no_grad():
        turned.decoder[0].weight.copy_(turned.decoder[0].weight @ matrix)
    return turned


def no_bias(model):
    with torch.no_grad():
        model.decoder[0].bias.zero_()
    return model


GOOD = {1: [-30.0, -30.5, -31.0], 4: [-25.0, -25.5, -25.2], 16: [-24.0, -24.5, -25.0]}


def codes(sigma=lambda v: (0.5 * v).exp(), noise=None):
    def several(mu, log_variance, draws):
        epsilon = torch.randn(draws, *mu.shape) if noise is None else noise(mu, draws)
        return mu + sigma(log_variance) * epsilon

    return several


def loss(explain=1.0, leave=1.0, *, pixels="sum", numbers="sum", images="mean"):
    def negative_elbo(x, logits, mu, log_variance):
        each = getattr(x * logits - F.softplus(logits), pixels)(1)
        price = getattr(0.5 * (mu**2 + log_variance.exp() - 1 - log_variance), numbers)(1)
        total = leave * price - explain * each
        return getattr(total, images)() if images else total

    return negative_elbo


WRONG = [
    ("gaussian_kl", "2.8", "type"),
    ("gaussian_kl", True, "type"),
    ("gaussian_kl", -2.8069, "sign: the divergence has"),
    ("gaussian_kl", 2.81, "rounded"),
    ("gaussian_kl", 2.1534, "variance"),
    ("gaussian_kl", 5.6137, "factor"),
    ("gaussian_kl", 4.0495, "bits"),
    ("gaussian_kl", 2.0, "rounded"),
    ("gaussian_kl", 0.8069, "the shifted"),
    ("gaussian_kl", 2.3181, "direction"),
    ("gaussian_kl", 1.4034, "do not average"),
    ("gaussian_kl", 4.1931, "sign: log"),
    ("gaussian_kl", 4.8069, "square"),
    ("gaussian_kl", 7.7, "not yet"),
    ("drawers", 0.045, "type: 2 values"),
    ("drawers", (0.045,), "length"),
    ("drawers", (0.09, 0.9), "coin"),
    ("drawers", (0.365, 0.9), "third pixel: it is dark"),
    ("drawers", (0.41, 0.9), "third pixel: you see three"),
    ("drawers", (0.125, 0.9), "average"),
    ("drawers", (0.0405, 0.9), "dark drawer"),
    ("drawers", (0.0045, 0.9), "bright drawer"),
    ("drawers", (0.045, 0.0405), "evidence: divide"),
    ("drawers", (0.045, 0.081), "evidence: that is the likelihood"),
    ("drawers", (0.045, 0.9878), "two bright pixels"),
    ("drawers", (0.045, 0.1), "drawer: that is the dark"),
    ("drawers", (0.045, 0.5), "prior"),
    ("drawers", (0.045, 0.9986), "three bright ones"),
    ("several_codes", codes(lambda v: v.exp()), "variance in the place"),
    ("several_codes", codes(lambda v: v), "the log variance is not yet"),
    ("several_codes", codes(lambda v: torch.ones_like(v)), "not multiplied"),
    ("several_codes", codes(lambda v: (0.25 * v).exp()), "its square must be"),
    ("several_codes", codes(lambda v: 2 * (0.5 * v).exp()), "the variances that were given"),
    (
        "several_codes",
        codes(noise=lambda mu, k: torch.randn(*mu.shape).expand(k, -1, -1)),
        "all draws are equal",
    ),
    (
        "several_codes",
        codes(noise=lambda mu, k: torch.randn(k, *mu.shape[:1], 1)),
        "noise of its own",
    ),
    ("several_codes", lambda m, v, k: codes()(m, v, k).detach(), "something is detached"),
    ("several_codes", lambda m, v, k: codes()(m, v.detach(), k), "none reaches log_variance"),
    ("several_codes", lambda m, v, k: codes()(m.detach(), v, k), "none reaches mu"),
    ("several_codes", lambda m, v, k: codes()(2 * m, v, k), "mean"),
    ("several_codes", lambda m, v, k: codes()(m, v, k)[0], "shape"),
    ("several_codes", lambda m, v, k: codes()(m, v, k) / 0, "finite"),
    ("several_codes", lambda m, v: m, "arguments"),
    ("several_codes", 3.0, "type"),
    ("negative_elbo", loss(-1, -1), "sign: that is the ELBO"),
    ("negative_elbo", loss(1, -1), "sign: leaving"),
    ("negative_elbo", loss(pixels="mean"), "sum: the log-likelihood"),
    ("negative_elbo", loss(numbers="mean"), "sum: the divergence"),
    ("negative_elbo", loss(images="sum"), "mean: average"),
    ("negative_elbo", loss(images=""), "images: one loss"),
    ("negative_elbo", loss(1, 2), "half"),
    ("negative_elbo", loss(1, 0), "divergence: it is missing"),
    ("negative_elbo", loss(0, 1), "explanation"),
    ("negative_elbo", lambda x, a, m: x, "arguments"),
    ("negative_elbo", 3.0, "type"),
    ("evidence", (-2.1237, 0.8, "⅕"), "type: the variance: a number is wanted, got a string"),
    ("evidence", -2.1237, "type: 3 values"),
    ("evidence", (-2.1237, 0.8), "length: 3 values .* got 2"),
    ("evidence", (-2.9189, 0.8, 0.2), "variance: x"),
    ("evidence", (-2.1349, 0.8, 0.2), "variance: that of 2z"),
    ("evidence", (2.1237, 0.8, 0.2), "sign: densities"),
    ("evidence", (math.exp(-2.1237), 0.8, 0.2), "density: give"),
    ("evidence", (-2.2379, 0.8, 0.2), "joint"),
    ("evidence", (-2.6084, 0.8, 0.2), "standard deviation"),
    ("evidence", (-2.5237, 0.8, 0.2), "exponent"),
    ("evidence", (-0.4, 0.8, 0.2), "constant: log"),
    ("evidence", (-1.3189, 0.8, 0.2), "constant: the variance"),
    ("evidence", (-2.12, 0.8, 0.2), "rounded: log"),
    ("evidence", (-2.7, 0.8, 0.2), "not yet: log"),
    ("evidence", (-2.1237, 1.0, 0.2), "mean: the prior"),
    ("evidence", (-2.1237, 0, 0.2), "mean: x says"),
    ("evidence", (-2.1237, 0.4, 0.2), "factor 2"),
    ("evidence", (-2.1237, 1.7889, 0.2), "mean: 2x / 5"),
    ("evidence", (-2.1237, 1.6, 0.2), "that is 2z"),
    ("evidence", (-2.1237, 2.0, 0.2), "that is x"),
    ("evidence", (-2.1237, 1.5, 0.2), "not yet: the mean"),
    ("evidence", (-2.1237, 0.8, math.sqrt(0.2)), "standard deviation"),
    ("evidence", (-2.1237, 0.8, 1.0), "variance: that of the prior"),
    ("evidence", (-2.1237, 0.8, 5.0), "variance: that is the precision"),
    ("evidence", (-2.1237, 0.8, 0.25), "the prior counts"),
    ("evidence", (-2.1237, 0.8, 0.3333), "enters squared"),
    ("evidence", (-2.1237, 0.8, 0.04), "variance: that is its square"),
    ("evidence", (-2.1237, 0.8, 0.7), "not yet: the variance"),
    ("gap", -2.7953, "sign: the gap"),
    ("gap", [1.0], "type: the gap: a number is wanted, got a list"),
    ("gap", 0.7247, "direction"),
    ("gap", 0.5 * (25 + 16 - 1 - math.log(25)), "variance"),
    ("gap", 1.1953, "mean"),
    ("gap", 0.0, "q is the prior here"),
    ("gap", 4.0327, "bits"),
    ("gap", 5.5906, "factor"),
    ("gap", -4.9189, "this is the ELBO"),
    ("gap", -2.1237, "this is log p"),
    ("gap", 4.4047, "sign: the logarithm"),
    ("gap", 2.8, "rounded"),
    ("gap", 1.4, "not yet"),
    ("silent_beta", 1 / 192, "inverse"),
    ("silent_beta", 3072, "numbers: the divergence"),
    ("silent_beta", 64, "colours"),
    ("silent_beta", 1, "sum: both"),
    ("silent_beta", 1 / 16, "values: the first"),
    ("silent_beta", 49152, "direction"),
    ("silent_beta", 6, "rows"),
    ("silent_beta", 0, "zero"),
    ("silent_beta", 500.0, "not yet"),
    ("silent_beta", "192", "type"),
    ("score_gradient", lambda f, m, s, e: f(m + s * e), "score: E f"),
    ("score_gradient", lambda f, m, s, e: -f(m + s * e) * (e**2 - 1) / s, "sign"),
    ("score_gradient", lambda f, m, s, e: f(m + s * e) * e / s, "mean"),
    ("score_gradient", lambda f, m, s, e: f(m + s * e) * e**2 / s, "has a derivative, too"),
    ("score_gradient", lambda f, m, s, e: f(m + s * e) * (e**2 - 1), "one σ too few"),
    ("score_gradient", lambda f, m, s, e: f(e) * (e**2 - 1) / s, "draw: f is"),
    ("score_gradient", lambda f, m, s, e: f(m + s * e) * (e**2 - 1) / (2 * s**2), "variance"),
    ("score_gradient", lambda f, m, s, e: 2 * f(m + s * e) * (e**2 - 1) / s, "bias"),
    ("score_gradient", lambda f, m, s, e: (f(m + s * e) * (e**2 - 1) / s).mean(), "shape"),
    ("score_gradient", lambda f, m, s, e: 2 * (m + s * e) * e, "jump"),
    ("score_gradient", lambda f, m, s, e: f(m + s * e) / 0, "finite"),
    (
        "score_gradient",
        lambda f, m, s, e: f((m + s * e).requires_grad_()),
        "error: .* no derivative",
    ),
    ("score_gradient", lambda f, m, e: f(m), "arguments"),
    ("score_gradient", lambda f, m, s, e: 1.0, "type: a tensor"),
    ("score_gradient", 1.0, "type"),
    ("latent_sizes", [1.0], "type"),
    ("latent_sizes", {1: GOOD[1], 4: GOOD[4]}, "keys"),
    ("latent_sizes", GOOD | {4: GOOD[4][:2]}, "seeds"),
    ("latent_sizes", GOOD | {4: [-25.0] * 3}, "seeds"),
    ("latent_sizes", GOOD | {16: [24.0, 25.0, 26.0]}, "sign"),
    ("latent_sizes", GOOD | {16: [-0.4, -0.5, -0.6]}, "unit"),
    ("latent_sizes", GOOD | {16: [-24.0, -25.0, -60.0]}, "training"),
    ("latent_sizes", GOOD | {4: GOOD[1], 1: GOOD[4]}, "finding"),
    ("rotated", lambda m, r: rotate(m, r, anew=False), "original"),
    ("rotated", lambda m, r: copy.deepcopy(m), "change"),
    ("rotated", lambda m, r: rotate(m, r.T), "direction"),
    ("rotated", lambda m, r: rotate(m, -r), "sign"),
    ("rotated", lambda m, r: no_bias(rotate(m, r)), "bias"),
    ("rotated", lambda m: m, "arguments"),
    ("rotated", lambda m, r: rotate(m, 2 * r), "values|sizes"),
    ("rotated", lambda m, r: m.decoder, "type"),
    ("rotated", 3, "type"),
]

RIGHT = [
    ("gaussian_kl", torch.tensor(2.8069)),
    ("drawers", [0.045, torch.tensor(0.9)]),
    ("several_codes", lambda m, v, k: m + v.exp().sqrt() * torch.randn(k, *m.shape)),
    (
        "negative_elbo",
        lambda x, a, m, v: (
            (
                F.binary_cross_entropy_with_logits(a, x, reduction="sum")
                - 0.5 * (1 + v - m**2 - v.exp()).sum()
            )
            / len(x)
        ),
    ),
    ("evidence", [torch.tensor(-2.1237), 0.8, 0.2]),
    ("silent_beta", 192),
    ("score_gradient", lambda f, m, s, e: (f(m + s * e) - 1) * (e**2 - 1) / s),
    ("latent_sizes", GOOD),
    ("latent_sizes", GOOD | {16: [-26.0, -26.5, -25.8]}),  # more latents may also do worse
]


test_exercises = judged("vae", WRONG, RIGHT)


def test_the_numbers_are_those_of_the_models():
    mu, sigma = torch.tensor([-2.0, 0.0]), torch.tensor([1.0, 2.0])
    q, p = (Independent(Normal(*pair), 1) for pair in ((mu, sigma), (0 * mu, 1 + 0 * mu)))
    assert vae.gaussian_kl.right_answer() == pytest.approx(kl_divergence(q, p).item())
    model = LinearGaussian(torch.full((1, 1), 2.0).double(), torch.zeros(1).double(), 1.0)
    x = torch.full((1, 1), 2.0).double()
    mean, covariance = model.posterior(x)
    log_p = model.log_prob(x).item()
    assert vae.evidence.right_answer() == pytest.approx((log_p, mean.item(), covariance.item()))
    zero = torch.zeros(1, 1).double()
    assert vae.gap.right_answer() == pytest.approx(log_p - model.exact_elbo(x, zero, zero).item())


def test_the_silent_beta_is_the_one_that_gives_the_same_gradient():
    torch.manual_seed(0)
    model = VAE((3, 32, 32), 16, hidden_dim=4).double()
    x = torch.rand(3, 3, 32, 32).round().double()
    mu, log_variance = model.encode(x)
    z = model.reparameterize(mu, log_variance, torch.Generator().manual_seed(1))
    price = 0.5 * (mu**2 + log_variance.exp() - 1 - log_variance)
    his = F.binary_cross_entropy(model.decode(z), x) + price.mean()
    beta = vae.silent_beta.right_answer()
    ours = -model.log_likelihood(x, z).mean() + beta * price.sum(1).mean()
    torch.testing.assert_close(3072 * his, ours)
