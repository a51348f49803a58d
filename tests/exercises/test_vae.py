"""dlnotes.exercises.vae: solutions pass, and a wrong answer is told which property fails."""

import copy
import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from dlnotes.exercises import vae
from dlnotes.vae import VAE, LinearGaussian
from exercises.answers import judged


def rotate(model, matrix, *, anew=True):
    turned = copy.deepcopy(model) if anew else model
    with torch.no_grad():
        turned.decoder[0].weight.copy_(turned.decoder[0].weight @ matrix)
    return turned


def right(log_weights):
    return log_weights.logsumexp(0) - math.log(len(log_weights))


GOOD = {1: [-30.0, -30.5, -31.0], 4: [-25.0, -25.5, -25.2], 16: [-24.0, -24.5, -25.0]}
WRONG = [
    ("gaussian_kl", "0.8", "type"),
    ("gaussian_kl", True, "type"),
    ("gaussian_kl", -0.8181, "sign"),
    ("gaussian_kl", 0.5966, "variance"),
    ("gaussian_kl", 1.6363, "factor"),
    ("gaussian_kl", 1.1803, "bits"),
    ("gaussian_kl", 0.5, "coordinates"),
    ("gaussian_kl", 1.3069, "direction"),
    ("gaussian_kl", 0.7, "value"),
    ("evidence", (-2.2655, 1.0, "½"), "type"),
    ("evidence", (-2.9189, 1.0, 0.5), "variance: x"),
    ("evidence", (2.2655, 1.0, 0.5), "logarithm"),
    ("evidence", (math.exp(-2.2655), 1.0, 0.5), "density: give"),
    ("evidence", (-2.0, 1.0, 0.5), "evidence"),
    ("evidence", (-2.2655, 2.0, 0.5), "mean: the prior"),
    ("evidence", (-2.2655, 1.5, 0.5), "mean: a x"),
    ("evidence", (-2.2655, 1.0, math.sqrt(0.5)), "standard deviation"),
    ("evidence", (-2.2655, 1.0, 1.0), "variance: s²"),
    ("gap", -1.1534, "sign"),
    ("gap", [1.0], "type"),
    ("gap", 0.5 * (0.5 + 1 - 1 + math.log(2)), "direction"),
    ("gap", 0.5 * (4 + 4 - 1 - math.log(4)), "variance"),
    ("gap", 1.0, "value"),
    ("silent_beta", 1 / 784, "inverse"),
    ("silent_beta", 1, "sum: a log-likelihood"),
    ("silent_beta", 28, "pixels"),
    ("silent_beta", 500.0, "value"),
    ("silent_beta", "784", "type"),
    ("importance_bound", lambda w: w.mean(0), "order"),
    ("importance_bound", lambda w: w.logsumexp(0), "mean"),
    ("importance_bound", lambda w: w.exp().mean(0), "logarithm"),
    ("importance_bound", lambda w: w.exp().mean(0).log(), "tiny weights"),
    ("importance_bound", lambda w: w.logsumexp(1) - math.log(5), "shape"),
    ("importance_bound", lambda w: math.log(5) - w.logsumexp(0), "sign"),
    ("importance_bound", lambda w: right(w) + 0.1 * (w.max() > -500), "bound(?! of tiny)"),
    ("importance_bound", 3, "type"),
    ("score_gradient", lambda f, mu, e: f(mu + e), "score: E f"),
    ("score_gradient", lambda f, mu, e: -f(mu + e) * e, "sign"),
    ("score_gradient", lambda f, mu, e: f(mu + e) * (mu + e), "score: z − mu"),
    ("score_gradient", lambda f, mu, e: 2 * f(mu + e) * e, "bias"),
    ("score_gradient", lambda f, mu, e: (f(mu + e) * e).mean(), "shape"),
    ("score_gradient", lambda f, mu, e: 2 * (mu + e), "jump"),
    ("score_gradient", lambda f, mu, e: 1.0, "type"),
    ("score_gradient", 1.0, "type"),
    ("rotated", lambda m, r: rotate(m, r, anew=False), "original"),
    ("rotated", lambda m, r: copy.deepcopy(m), "change"),
    ("rotated", lambda m, r: rotate(m, r.T), "direction"),
    ("rotated", lambda m, r: rotate(m, 2 * r), "values"),
    ("rotated", lambda m, r: m.decoder, "type"),
    ("rotated", 3, "type"),
    ("latent_sizes", [1.0], "type"),
    ("latent_sizes", {1: GOOD[1], 4: GOOD[4]}, "keys"),
    ("latent_sizes", GOOD | {4: GOOD[4][:2]}, "seeds"),
    ("latent_sizes", GOOD | {4: [-25.0] * 3}, "seeds"),
    ("latent_sizes", GOOD | {16: [24.0, 25.0, 26.0]}, "sign"),
    ("latent_sizes", GOOD | {16: [-0.4, -0.5, -0.6]}, "unit"),
    ("latent_sizes", GOOD | {16: [-24.0, -25.0, -60.0]}, "training"),
    ("latent_sizes", GOOD | {4: GOOD[1], 1: GOOD[4]}, "finding"),
]

RIGHT = [
    ("gaussian_kl", torch.tensor(0.8181)),
    ("evidence", [torch.tensor(-2.2655), 1, 0.5]),
    ("importance_bound", lambda w: (w - w.max(0)[0]).exp().mean(0).log() + w.max(0)[0]),
    ("latent_sizes", GOOD),
    ("latent_sizes", GOOD | {16: [-26.0, -26.5, -25.8]}),  # more latents may also do worse
]

test_exercises = judged("vae", WRONG, RIGHT)


def test_the_numbers_are_those_of_the_models():
    mu, sigma = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.5])
    q, p = (Independent(Normal(*pair), 1) for pair in ((mu, sigma), (0 * mu, 1 + 0 * mu)))
    assert vae.gaussian_kl.right_answer() == pytest.approx(kl_divergence(q, p).item())
    model = LinearGaussian(torch.ones(1, 1).double(), torch.zeros(1).double(), 1.0)
    x = torch.full((1, 1), 2.0).double()
    mean, covariance = model.posterior(x)
    log_p = model.log_prob(x).item()
    assert vae.evidence.right_answer() == pytest.approx((log_p, mean.item(), covariance.item()))
    zero = torch.zeros(1, 1).double()
    assert vae.gap.right_answer() == pytest.approx(log_p - model.exact_elbo(x, zero, zero).item())


def test_the_silent_beta_is_the_one_that_gives_the_same_gradient():
    torch.manual_seed(0)
    model = VAE((1, 28, 28), 2, hidden_dim=4).double()
    x = torch.rand(3, 1, 28, 28).round().double()
    mu, log_variance = model.encode(x)
    z = model.reparameterize(mu, log_variance, torch.Generator().manual_seed(1))
    kl = -0.5 * (1 + log_variance - mu**2 - log_variance.exp()).sum(1).mean()
    his = torch.nn.functional.binary_cross_entropy(model.decode(z), x) + kl
    beta = vae.silent_beta.right_answer()
    ours = -model.log_likelihood(x, z).mean() + beta * kl
    torch.testing.assert_close(784 * his, ours)
