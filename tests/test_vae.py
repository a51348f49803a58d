"""dlnotes.vae: every bound against a model whose evidence is known, and against torch's own."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from torch import nn
from torch.distributions import Bernoulli, Independent, MultivariateNormal, Normal, kl_divergence

from dlnotes import vae
from dlnotes.vae import (
    VAE,
    LinearGaussian,
    binarize,
    elbo,
    importance_weighted_bound,
    kl_to_standard_normal,
)

sizes = st.integers(1, 5)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def small(likelihood="bernoulli", shape=(1, 4, 3)):
    torch.manual_seed(0)
    return VAE(shape, 2, hidden_dim=8, likelihood=likelihood).double()


def pixels(n=6, shape=(1, 4, 3)):
    return (torch.rand(n, *shape, generator=seeded(1)) < 0.4).double()


# ---- the pieces --------------------------------------------------------------------------------


@given(sizes, sizes)
@settings(deadline=None)
def test_kl_is_that_of_torch(n, dim):
    mu, log_variance = torch.randn(2, n, dim, dtype=torch.float64)
    q = Independent(Normal(mu, (0.5 * log_variance).exp()), 1)
    p = Independent(Normal(torch.zeros_like(mu), 1.0), 1)
    torch.testing.assert_close(kl_to_standard_normal(mu, log_variance), kl_divergence(q, p))


def test_kl_is_zero_at_the_prior_and_grows_away_from_it():
    zero = torch.zeros(3, 2)
    assert torch.equal(kl_to_standard_normal(zero, zero), torch.zeros(3))
    assert (kl_to_standard_normal(zero + 0.1, zero) > 0).all()
    assert (kl_to_standard_normal(zero, zero - 0.1) > 0).all()


def test_binarized_pixels_have_the_grey_value_as_mean():
    grey = torch.linspace(0, 1, 5).expand(20_000, 5)
    drawn = binarize(grey, seeded())
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(drawn.mean(0), grey[0], atol=0.015, rtol=0)
    assert drawn[:, 0].max() == 0 and drawn[:, 4].min() == 1
    assert torch.equal(drawn, binarize(grey, seeded()))


@pytest.mark.parametrize("wrong", [torch.tensor([1.1]), torch.tensor([-0.1, 0.5])])
def test_values_outside_the_unit_interval_are_named(wrong):
    with pytest.raises(ValueError, match=r"images must lie in \[0, 1\], got values from"):
        binarize(wrong)
    with pytest.raises(ValueError, match=r"x must lie in \[0, 1\], got values from nan"):
        small().log_likelihood(pixels() * math.nan, torch.zeros(6, 2).double())
    assert small("gaussian").log_likelihood(pixels() * 3, torch.zeros(6, 2).double()).shape == (6,)


# ---- the model ---------------------------------------------------------------------------------


@given(n=sizes, latent=sizes, shape=st.lists(sizes, min_size=1, max_size=3))
@settings(deadline=None, max_examples=25)
def test_shapes(n, latent, shape):
    for likelihood in vae.LIKELIHOODS:
        model = VAE(shape, latent, hidden_dim=4, likelihood=likelihood)
        x = torch.rand(n, *shape)
        reconstruction, mu, log_variance = model(x)
        assert mu.shape == log_variance.shape == (n, latent)
        assert reconstruction.shape == x.shape == model.sample(n).shape
        assert model.decode(torch.zeros(3, n, latent)).shape == (3, *x.shape)
        assert model.log_likelihood(x, torch.zeros(3, n, latent)).shape == (3, n)
        assert elbo(model, x).shape == importance_weighted_bound(model, x, 3).shape == (n,)


def test_defaults_are_made_for_digits():
    model = VAE()
    x = model.sample(3)
    assert x.shape == (3, 1, 28, 28) and 0 <= x.min() and x.max() <= 1


def test_encoder_and_decoder_have_two_hidden_layers():
    model = VAE((1, 4, 3), 2, hidden_dim=8)
    for network, widths in ((model.encoder, (12, 8, 8, 4)), (model.decoder, (2, 8, 8, 12))):
        linear = [layer for layer in network if isinstance(layer, nn.Linear)]
        assert tuple(layer.in_features for layer in linear) == widths[:-1]
        assert tuple(layer.out_features for layer in linear) == widths[1:]
        hidden = [nn.Linear, nn.LayerNorm, nn.SiLU]
        assert [type(layer) for layer in network] == [*hidden, *hidden, nn.Linear]


def test_reparameterized_draws_have_mean_mu_and_standard_deviation_sigma():
    mu, log_variance = torch.tensor([[0.3, -1.0]]), torch.tensor([[1.2, -2.0]])
    draws = small().reparameterize(mu.expand(200_000, 2), log_variance.expand(200_000, 2), seeded())
    torch.testing.assert_close(draws.mean(0), mu[0], atol=0.02, rtol=0)
    torch.testing.assert_close(draws.var(0), log_variance[0].exp(), atol=0.03, rtol=0)


def test_the_gradient_goes_through_the_draw():
    mu = torch.tensor([[0.5]], requires_grad=True)
    log_variance = torch.tensor([[-0.6]], requires_grad=True)
    z = VAE.reparameterize(None, mu.expand(400_000, 1), log_variance.expand(400_000, 1), seeded())
    found = torch.autograd.grad((z**2).mean(), (mu, log_variance))  # E z² = mu² + σ²
    assert found[0].item() == pytest.approx(1.0, abs=0.01)
    assert found[1].item() == pytest.approx(math.exp(-0.6), abs=0.01)


def test_draws_are_as_fine_as_their_mean():
    zero = torch.zeros(5, 2).double()
    draws = VAE.reparameterize(None, zero, zero, seeded())
    assert (draws != draws.float()).all()  # not float32 made longer


def test_the_same_generator_gives_the_same_draws():
    model, x = small(), pixels()
    for function in (
        lambda s: model(x, seeded(s))[0],
        lambda s: model.sample(5, generator=seeded(s)),
        lambda s: model.sample(5, noise=True, generator=seeded(s)),
        lambda s: elbo(model, x, generator=seeded(s)),
        lambda s: importance_weighted_bound(model, x, 4, generator=seeded(s)),
    ):
        assert torch.equal(function(1), function(1))
        assert not torch.equal(function(1), function(2))


def test_bernoulli_likelihood_is_the_sum_over_pixels():
    model, x, z = small(), pixels(), torch.randn(6, 2).double()
    expected = Bernoulli(model.decode(z)).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(model.log_likelihood(x, z), expected)
    mean = -F.binary_cross_entropy(model.decode(z), x)  # over pixels and samples
    torch.testing.assert_close(model.log_likelihood(x, z).mean() / 12, mean)


def test_gaussian_likelihood_has_one_learned_variance():
    model, x, z = small("gaussian"), torch.randn(6, 1, 4, 3).double(), torch.randn(6, 2).double()
    with torch.no_grad():
        model.log_noise_variance.fill_(math.log(0.49))
    expected = Normal(model.decode(z), 0.7).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(model.log_likelihood(x, z), expected)
    assert torch.autograd.grad(expected.sum() * 0 + model.log_likelihood(x, z).sum(),
                               model.log_noise_variance)[0] != 0  # fmt: skip


def test_samples_are_decoded_draws_of_the_prior():
    model = small()
    z = torch.randn(7, 2, generator=seeded(), dtype=torch.float64)
    assert torch.equal(model.sample(7, generator=seeded()), model.decode(z).detach())
    noisy = model.sample(500, noise=True, generator=seeded())
    assert set(noisy.unique().tolist()) == {0.0, 1.0}
    assert noisy.mean().item() == pytest.approx(model.sample(500).mean().item(), abs=0.03)
    gaussian = small("gaussian")
    with torch.no_grad():
        gaussian.log_noise_variance.fill_(math.log(25.0))
    spread = gaussian.sample(4000, noise=True).var() - gaussian.sample(4000).var()
    assert spread.item() == pytest.approx(25.0, rel=0.05)
    assert not gaussian.sample(2, noise=True).requires_grad


def test_encode_and_decode_are_what_the_bound_uses():
    model, x = small(), pixels()
    mu, log_variance = model.encode(x)
    z = model.reparameterize(mu, log_variance, seeded())
    q, p = Normal(mu, (0.5 * log_variance).exp()), Normal(0.0, 1.0)
    expected = Bernoulli(model.decode(z)).log_prob(x).flatten(1).sum(1)
    expected = expected - kl_divergence(q, p).sum(1)
    torch.testing.assert_close(elbo(model, x, generator=seeded()), expected)
    half = elbo(model, x, beta=0.5, generator=seeded()) - expected
    torch.testing.assert_close(half, 0.5 * kl_divergence(q, p).sum(1))


@pytest.mark.parametrize("likelihood", vae.LIKELIHOODS)
def test_training_raises_the_bound_and_reaches_every_parameter(likelihood):
    model, x = small(likelihood), pixels()
    before = elbo(model, x, generator=seeded()).mean()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(50):
        optimizer.zero_grad()
        (-elbo(model, x).mean()).backward()
        assert all(p.grad is not None for p in model.parameters())  # φ and θ (E-VAE-6)
        optimizer.step()
    assert elbo(model, x, generator=seeded()).mean() > before + 1


def test_the_model_works_on_another_device_and_in_float64():
    model = VAE((3,), 2, hidden_dim=4).to(torch.float64)
    assert model.sample(2).dtype == torch.float64
    with torch.device("meta"):
        abstract = VAE((3,), 2, hidden_dim=4)
    x = torch.zeros(5, 3, device="meta")
    assert abstract(x)[0].device.type == "meta" and abstract.sample(2).shape == (2, 3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: VAE((28, 0), 2), ValueError, r"shape\[1\] must be at least 1, got 0"),
        (lambda: VAE(28, 2), TypeError, "shape must be a sequence"),
        (lambda: VAE((), 2), TypeError, "shape must be a sequence"),
        (lambda: VAE((4,), 0), ValueError, "latent_dim must be at least 1"),
        (lambda: VAE((4,), 2, hidden_dim=0), ValueError, "hidden_dim must be at least 1"),
        (lambda: VAE((4,), 2, likelihood="poisson"), ValueError, "likelihood must be one of"),
        (lambda: small().encode(torch.zeros(2, 4, 3)), ValueError, r"x must have shape \(N, 1, 4"),
        (lambda: small().decode(torch.zeros(2, 3)), ValueError, r"z must have shape \(..., 2\)"),
        (lambda: small().sample(0), ValueError, "n must be at least 1"),
        (lambda: small().log_likelihood(pixels(), torch.zeros(5, 2).double()), ValueError,
         r"z must have shape \(..., 6, 2\)"),
        (lambda: kl_to_standard_normal(torch.zeros(2, 3), torch.zeros(2, 1)), ValueError,
         r"log_variance must have shape \(2, 3\), got \(2, 1\)"),
        (lambda: kl_to_standard_normal(torch.zeros(3), torch.zeros(3)), ValueError, "mu must have"),
        (lambda: elbo(small(), pixels(), beta=-1), ValueError, "beta must lie in"),
        (lambda: importance_weighted_bound(small(), pixels(), 0), ValueError, "samples must be"),
        (lambda: importance_weighted_bound(small(), pixels(), 2, chunk=0), ValueError, "chunk"),
        (lambda: LinearGaussian(torch.zeros(3, 2), torch.zeros(2), 1.0), ValueError, "mean must"),
        (lambda: LinearGaussian(torch.zeros(3, 2), torch.zeros(3), 0.0), ValueError, "noise_var"),
        (lambda: LinearGaussian.fit(torch.zeros(9, 3), 3), ValueError, "latent_dim must be below"),
        (lambda: vae.impute(small(), pixels(), pixels()), TypeError, "observed must be a boolean"),
        (lambda: vae.impute(small(), pixels(), pixels()[:2] > 0), ValueError, "observed must have"),
        (lambda: vae.impute(small(), pixels(), pixels() > 0, steps=1), ValueError, "steps must"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---- bounds on a model whose evidence is known ---------------------------------------------------


def linear(orthogonal=True, dim=5, latent=2):
    torch.manual_seed(4)
    weight = torch.randn(dim, latent).double()
    if orthogonal:
        weight = torch.linalg.qr(weight)[0] * torch.linspace(2.0, 0.7, latent).double()
    return LinearGaussian(weight, torch.randn(dim).double(), 0.3)


def around(model, x):
    """A q which is near the posterior, but not it."""
    mean, log_variance = (part.detach() for part in model.encode(x))
    return mean + 0.2, log_variance + 0.5


def true_posterior(model, x):
    """Bayes' rule on the joint Gaussian of (z, x): Bishop (2006), equations 2.81 and 2.82."""
    W, K = model.weight, model.weight.shape[1]
    covariance = W @ W.T + model.noise_variance * torch.eye(len(W)).double()
    gain = W.T @ covariance.inverse()
    return (x - model.mean) @ gain.T, torch.eye(K).double() - gain @ W


def test_posterior_is_that_of_the_joint_gaussian():
    model, x = linear(orthogonal=False), torch.randn(7, 5).double()
    for ours, theirs in zip(model.posterior(x), true_posterior(model, x), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("orthogonal", [True, False])
def test_evidence_is_bound_plus_divergence_to_the_posterior(orthogonal):
    model, x = linear(orthogonal), torch.randn(7, 5).double()
    mu, log_variance = around(model, x)
    mean, covariance = true_posterior(model, x)
    q = MultivariateNormal(mu, torch.diag_embed(log_variance.exp()))
    gap = kl_divergence(q, MultivariateNormal(mean, covariance.expand(7, 2, 2)))
    torch.testing.assert_close(model.exact_elbo(x, mu, log_variance) + gap, model.log_prob(x))


def test_bound_is_tight_for_orthogonal_columns_and_best_otherwise():
    x = torch.randn(7, 5).double()
    model = linear()
    torch.testing.assert_close(model.exact_elbo(x, *model.encode(x)), model.log_prob(x))
    model = linear(orthogonal=False)
    leaves = [part.detach().requires_grad_() for part in model.encode(x)]
    value = model.exact_elbo(x, *leaves)
    assert (value < model.log_prob(x) - 1e-3).all()
    for gradient in torch.autograd.grad(value.sum(), leaves):  # no diagonal q is better
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-10, rtol=0)


def test_one_draw_of_the_elbo_is_unbiased():
    model, x = linear(), torch.randn(1, 5).double()
    mu, log_variance = around(model, x)
    many = [t.expand(100_000, -1) for t in (x, mu, log_variance)]
    drawn = elbo(model, many[0], posterior=(many[1], many[2]), generator=seeded())
    exact = model.exact_elbo(x, mu, log_variance).item()
    assert drawn.mean().item() == pytest.approx(exact, abs=5 * drawn.std().item() / 316)
    once = importance_weighted_bound(
        model, many[0], 1, posterior=(many[1], many[2]), generator=seeded(5)
    )
    assert once.mean().item() == pytest.approx(exact, abs=5 * once.std().item() / 316)


def test_importance_weighting_tightens_the_bound_up_to_the_evidence():
    model, x = linear(), torch.randn(1, 5).double()
    posterior = tuple(part.expand(4000, -1) for part in around(model, x))
    values = [
        importance_weighted_bound(
            model, x.expand(4000, -1), k, posterior=posterior, generator=seeded()
        ).mean()
        for k in (1, 4, 16, 200)
    ]
    assert values[0] < values[1] < values[2] < values[3] < model.log_prob(x) + 0.01
    assert values[3] > model.log_prob(x) - 0.02


def test_at_the_true_posterior_every_weight_is_the_evidence():
    model, x = linear(), torch.randn(7, 5).double()
    for samples, chunk in ((1, 50), (3, 50), (3, 2), (4, 1)):
        bound = importance_weighted_bound(model, x, samples, chunk=chunk)
        torch.testing.assert_close(bound, model.log_prob(x))


def test_the_weighted_bound_is_its_definition():
    model, x = small(), pixels()
    mu, log_variance = model.encode(x)
    z = model.reparameterize(mu.expand(5, 6, 2), log_variance.expand(5, 6, 2), seeded())
    log_w = Bernoulli(model.decode(z)).log_prob(x).flatten(2).sum(2)
    log_w = log_w + Normal(0.0, 1.0).log_prob(z).sum(2)
    log_w = log_w - Normal(mu, (0.5 * log_variance).exp()).log_prob(z).sum(2)
    expected = log_w.exp().mean(0).log()
    found = importance_weighted_bound(model, x, 5, generator=seeded())
    torch.testing.assert_close(found, expected)


def test_chunks_change_nothing_but_the_draws():
    model, x = linear(dim=6, latent=4), torch.randn(4, 6).double()
    options = dict(posterior=around(model, x))
    whole = importance_weighted_bound(model, x, 6, generator=seeded(), **options)
    parts = importance_weighted_bound(model, x, 6, generator=seeded(), chunk=2, **options)
    torch.testing.assert_close(whole, parts)  # 16 numbers at a time come in the same order
    ragged = importance_weighted_bound(model, x, 4000, generator=seeded(), chunk=700, **options)
    again = importance_weighted_bound(model, x, 4000, generator=seeded(1), chunk=4000, **options)
    torch.testing.assert_close(ragged, again, atol=0.2, rtol=0)


# ---- probabilistic PCA -------------------------------------------------------------------------


def test_fit_is_scikit_learns_probabilistic_pca():
    torch.manual_seed(2)
    x = torch.randn(300, 6).double() @ torch.randn(6, 6).double()
    model, theirs = LinearGaussian.fit(x, 2), PCA(2).fit(x)
    n = len(x)  # scikit-learn divides by n - 1
    covariance = torch.tensor(theirs.get_covariance()) * (n - 1) / n
    ours = model.weight @ model.weight.T + model.noise_variance * torch.eye(6).double()
    torch.testing.assert_close(ours.detach(), covariance)
    gram = model.weight.T @ model.weight
    torch.testing.assert_close(gram, torch.diag(gram.diagonal()), atol=1e-9, rtol=0)


def test_fit_is_a_maximum_of_the_likelihood_and_of_the_bound():
    torch.manual_seed(2)
    x = torch.randn(300, 6).double() @ torch.randn(6, 6).double()
    model = LinearGaussian.fit(x, 2)
    q = [part.detach() for part in model.encode(x)]
    for value in (model.log_prob(x), model.exact_elbo(x, *q)):
        for gradient in torch.autograd.grad(value.mean(), list(model.parameters())):
            torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-9, rtol=0)
    best = model.log_prob(x).mean()
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.mul_(1.05)
            assert model.log_prob(x).mean() < best
            parameter.div_(1.05)


# ---- what is missing, filled in ----------------------------------------------------------------


def test_imputation_keeps_what_is_known_and_never_looks_at_the_rest():
    model, x = small(), pixels()
    observed = torch.rand(x.shape, generator=seeded(2)) < 0.5
    filled = vae.impute(model, x, observed, generator=seeded(3))
    assert torch.equal(filled[observed], x[observed])
    missing = filled[~observed]
    assert ((missing > 0) & (missing < 1)).all()
    hidden = torch.where(observed, x, 1 - x)
    assert torch.equal(vae.impute(model, hidden, observed, generator=seeded(3)), filled)


def test_imputation_starts_from_grey_and_averages_the_second_half():
    class Constant(VAE):
        def forward(self, x, generator=None):
            given.append(x)
            return torch.full_like(x, 0.1 * len(given)), None, None

    given, model, x = [], Constant((4,), 2, hidden_dim=4), torch.ones(2000, 4)
    observed = torch.tensor([True, True, False, False]).expand(2000, 4)
    filled = vae.impute(model, x, observed, steps=5, generator=seeded())
    assert given[0].tolist() == [[1, 1, 0.5, 0.5]] * 2000 and len(given) == 5
    for step, seen in enumerate(given[1:], 1):  # drawn, not rounded
        assert seen[:, :2].min() == 1 and set(seen[:, 2:].unique().tolist()) == {0.0, 1.0}
        assert seen[:, 2:].mean().item() == pytest.approx(0.1 * step, abs=0.04)
    expected = torch.tensor([1, 1, 0.4, 0.4]).expand(2000, 4)  # the mean of 0.3, 0.4 and 0.5
    torch.testing.assert_close(filled, expected)
    given, model = [], Constant((4,), 2, hidden_dim=4, likelihood="gaussian")
    vae.impute(model, 7 * x[:3], observed[:3], steps=3)  # any real number, and the mean itself
    torch.testing.assert_close(given[2], torch.tensor([[7, 7, 0.2, 0.2]] * 3))


def test_imputation_finds_pixels_that_follow_from_the_others():
    torch.manual_seed(0)
    cause = torch.randint(2, (600, 1)).float().expand(-1, 8)
    x = (cause - (torch.rand(600, 8) < 0.1).float()).abs()  # eight noisy copies of one coin
    model = VAE((8,), 2, hidden_dim=16)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(300):
        optimizer.zero_grad()
        (-elbo(model, x).mean()).backward()
        optimizer.step()
    observed = torch.tensor([True] * 5 + [False] * 3).expand(600, 8)
    filled = vae.impute(model, x, observed, steps=20, generator=seeded())
    wrong = (filled.round() - cause).abs()[~observed].mean()
    assert wrong < 0.1  # a majority of five with 10 % noise errs in 1 %, tossing a coin in 50 %
    shorter = vae.impute(model, x, observed, steps=3, generator=seeded())
    assert 0 <= shorter.min() and shorter.max() <= 1
