"""dlnotes.recipes.vae: what one encoder for all samples costs."""

import copy

import pytest
import torch
from torch import nn

from dlnotes.recipes.vae import optimize_posterior
from dlnotes.vae import VAE, LinearGaussian


def test_a_posterior_optimized_for_each_sample_reaches_the_true_one():
    torch.manual_seed(4)
    weight = torch.linalg.qr(torch.randn(5, 2).double())[0] * torch.tensor([2.0, 0.7]).double()
    model, x = LinearGaussian(weight, torch.randn(5).double(), 0.3), torch.randn(4, 5).double()

    class Poor(nn.Module):  # the same model with a useless encoder
        reparameterize, log_likelihood = model.reparameterize, model.log_likelihood

        def encode(self, x):
            return torch.zeros(len(x), 2).double(), torch.zeros(len(x), 2).double()

    before = copy.deepcopy(model.state_dict())
    generator = torch.Generator().manual_seed(0)
    mu, log_variance = optimize_posterior(
        Poor(), x, steps=400, learning_rate=0.1, draws=64, generator=generator
    )
    exact = model.encode(x)
    torch.testing.assert_close(mu, exact[0], atol=0.03, rtol=0)
    torch.testing.assert_close(log_variance, exact[1], atol=0.1, rtol=0)
    assert not mu.requires_grad
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_it_starts_where_the_encoder_ends():
    torch.manual_seed(0)
    model, x = VAE((4,), 2, hidden_dim=4), torch.rand(3, 4)
    found = optimize_posterior(model, x, steps=1, learning_rate=1e-9)
    torch.testing.assert_close(found, model.encode(x))


@pytest.mark.parametrize("name", ["steps", "draws"])
def test_impossible_options_are_named(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        optimize_posterior(VAE((4,), 2, hidden_dim=4), torch.rand(3, 4), **{name: 0})
