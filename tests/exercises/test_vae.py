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


def no_bias(model):
    with torch.no_grad():
        model.decoder[0].bias.zero_()
    return model


def right(log_weights):
    return log_weights.logsumexp(0) - math.log(len(log_weights))


GOOD = {1: [-30.0, -30.5, -31.0], 4: [-25.0, -25.5, -25.2], 16: [-24.0, -24.5, -25.0]}
WRONG = [
    ("gaussian_kl", "0.8", "type"),
    ("gaussian_kl", True, "type"),
    ("gaussian_kl", -0.8181, "sign: the divergence has"),
    ("gaussian_kl", (0.5, 0.3181), "type: the divergence: a number is wanted, got a tuple"),
    ("gaussian_kl", 0.82, "rounded"),
    ("gaussian_kl", 0.8, "rounded"),
    ("gaussian_kl", 0.3181, "coordinates: the shifted"),
    ("gaussian_kl", 0.4091, "do not average"),
    ("gaussian_kl", -0.568, "sign: of log"),
    ("gaussian_kl", 1.318, "square"),
    ("gaussian_kl", 0.5966, "variance"),
    ("gaussian_kl", 1.6363, "factor"),
    ("gaussian_kl", 1.1803, "bits"),
    ("gaussian_kl", 0.5, "coordinates"),
    ("gaussian_kl", 1.3069, "direction"),
    ("gaussian_kl", 0.7, "not yet"),
    ("evidence", (-2.2655, 1.0, "½"), "type: the variance: a number is wanted, got a string"),
    ("evidence", -2.2655, "type: 3 values"),
    ("evidence", (-2.2655, 1.0), "length: 3 values .* got 2"),
    ("evidence", (-2.9189, 1.0, 0.5), "variance: x"),
    ("evidence", (2.2655, 1.0, 0.5), "sign: densities"),
    ("evidence", (math.exp(-2.2655), 1.0, 0.5), "density: give"),
    ("evidence", (-2.8379, 1.0, 0.5), "joint"),
    ("evidence", (-2.1121, 1.0, 0.5), "standard deviation"),
    ("evidence", (-3.2655, 1.0, 0.5), "exponent"),
    ("evidence", (-1.0, 1.0, 0.5), "constant: log"),
    ("evidence", (-1.9189, 1.0, 0.5), "constant: the variance"),
    ("evidence", (-2.27, 1.0, 0.5), "rounded: log"),
    ("evidence", (-2.5, 1.0, 0.5), "not yet: log"),
    ("evidence", (-2.2655, 2.0, 0.5), "mean: the prior"),
    ("evidence", (-2.2655, 0, 0.5), "mean: x says"),
    ("evidence", (-2.2655, 0.5, 0.5), "mean: x is believed"),
    ("evidence", (-2.2655, 1.414, 0.5), "mean: x / "),
    ("evidence", (-2.2655, 0.6667, 0.5), "mean: precisions"),
    ("evidence", (-2.2655, 1.5, 0.5), "not yet: the mean"),
    ("evidence", (-2.2655, 1.0, math.sqrt(0.5)), "standard deviation"),
    ("evidence", (-2.2655, 1.0, 1.0), "variance: that of the prior"),
    ("evidence", (-2.2655, 1.0, 2.0), "variance: that is the precision"),
    ("evidence", (-2.2655, 1.0, 0.3333), "variance: two precisions"),
    ("evidence", (-2.2655, 1.0, 0.25), "variance: that is its square"),
    ("evidence", (-2.2655, 1.0, 0.7), "not yet: the variance"),
    ("gap", -1.1534, "sign: the gap"),
    ("gap", [1.0], "type: the gap: a number is wanted, got a list"),
    ("gap", 0.5 * (0.5 + 1 - 1 + math.log(2)), "direction"),
    ("gap", 0.5 * (4 + 4 - 1 - math.log(4)), "variance"),
    ("gap", 0.1534, "mean"),
    ("gap", 0.0, "q is the prior here"),
    ("gap", 1.664, "bits"),
    ("gap", 2.3069, "factor"),
    ("gap", -3.4189, "this is the ELBO"),
    ("gap", -2.2655, "this is log p"),
    ("gap", 1.8466, "sign: the logarithm"),
    ("gap", 1.15, "rounded"),
    ("gap", 1.0, "rounded"),
    ("gap", 1.4, "not yet"),
    ("silent_beta", 1 / 784, "inverse"),
    ("silent_beta", 1, "sum: a log-likelihood"),
    ("silent_beta", 28, "the image has 28"),
    ("silent_beta", 1 / 28, "only one row"),
    ("silent_beta", 392, "factor"),
    ("silent_beta", 2352, "colours"),
    ("silent_beta", 0, "zero"),
    ("silent_beta", 500.0, "not yet"),
    ("silent_beta", "784", "type"),
    ("importance_bound", lambda w: w.mean(0), "order"),
    ("importance_bound", lambda w: w.logsumexp(0), "mean"),
    ("importance_bound", lambda w: w.exp().mean(0), "logarithm"),
    ("importance_bound", lambda w: w.exp().mean(0).log(), "underflow: .* tiny weights"),
    ("importance_bound", lambda w: w.logsumexp(1) - math.log(3), "axis: the draws"),
    ("importance_bound", lambda w: w.logsumexp(1) - math.log(5), "there are 5"),
    ("importance_bound", lambda w: w.logsumexp((0, 1)) - math.log(15), "axis: one bound"),
    ("importance_bound", lambda w: w.logsumexp(0) / 5, "a subtraction"),
    ("importance_bound", lambda w: w.logsumexp(0) - math.log(3), "not by the 3"),
    ("importance_bound", lambda w: w.max(0)[0], "largest"),
    ("importance_bound", lambda w: right(w)[:2], "shape"),
    ("importance_bound", lambda w, q: right(w), "arguments"),
    ("importance_bound", lambda w: right(w).numpy(), "type: .* ndarray"),
    ("importance_bound", lambda w: math.log(5) - w.logsumexp(0), "sign"),
    ("importance_bound", lambda w: right(w) + 0.1 * (w.max() > -500), "bound(?! of tiny)"),
    ("importance_bound", 3, "type"),
    ("score_gradient", lambda f, mu, e: f(mu + e), "score: E f"),
    ("score_gradient", lambda f, mu, e: -f(mu + e) * e, "sign"),
    ("score_gradient", lambda f, mu, e: f(mu + e) * (mu + e), "score: z − mu"),
    ("score_gradient", lambda f, mu, e: 2 * f(mu + e) * e, "bias"),
    ("score_gradient", lambda f, mu, e: (f(mu + e) * e).mean(), "shape"),
    ("score_gradient", lambda f, mu, e: 2 * (mu + e), "jump"),
    ("score_gradient", lambda f, mu, e: f(e) * e, "is not f"),
    ("score_gradient", lambda f, mu, e: f(mu + e) * e / 0, "finite"),
    ("score_gradient", lambda f, mu, e: f((mu + e).requires_grad_()), "error: .* no derivative"),
    ("score_gradient", lambda f, mu: f(mu), "arguments"),
    ("score_gradient", lambda f, mu, e: 1.0, "type: a tensor"),
    ("score_gradient", 1.0, "type"),
    ("rotated", lambda m, r: rotate(m, r, anew=False), "original"),
    ("rotated", lambda m, r: copy.deepcopy(m), "change"),
    ("rotated", lambda m, r: rotate(m, r.T), "direction"),
    ("rotated", lambda m, r: rotate(m, -r), "sign"),
    ("rotated", lambda m, r: no_bias(rotate(m, r)), "bias"),
    ("rotated", lambda m: m, "arguments"),
    ("rotated", lambda m, r: rotate(m, 2 * r), "values|sizes"),
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
