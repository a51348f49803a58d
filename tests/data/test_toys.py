"""dlnotes.data.toys: densities that are known, samples that follow them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from dlnotes import data

MIXTURES = {
    "ring": data.eight_gaussians(),
    "wide ring": data.eight_gaussians(modes=3, radius=1.0, std=1.5),
    "grid": data.twenty_five_gaussians(),
    "3-D": data.GaussianMixture(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), 0.7),
}


def theirs(mixture):
    means = mixture.means.double()
    parts = Independent(Normal(means, torch.full_like(means, mixture.std)), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(means)).double()), parts)


@pytest.mark.parametrize("name", MIXTURES)
def test_log_density_of_a_mixture_is_that_of_torch_distributions(name):
    mixture = MIXTURES[name]
    x = 5 * torch.randn(200, mixture.means.shape[1], dtype=torch.float64)
    torch.testing.assert_close(mixture.log_prob(x), theirs(mixture).log_prob(x))
    single = mixture.log_prob(mixture.means)
    assert single.dtype == torch.float32 and single.shape == (len(mixture.means),)


@pytest.mark.parametrize("name", MIXTURES)
def test_samples_of_a_mixture_lie_around_equally_likely_modes(name):
    mixture, n = MIXTURES[name], 40_000
    points, modes = mixture.sample(n, generator=torch.Generator().manual_seed(1))
    assert points.dtype == torch.float32 and modes.dtype == torch.int64
    expected = n / len(mixture.means)
    counts = modes.bincount(minlength=len(mixture.means))
    assert ((counts - expected) ** 2 / expected).sum() < 60  # chi-square, at most 24 degrees
    residuals = (points - mixture.means[modes]) / mixture.std
    assert residuals.mean().abs() < 0.02 and abs(residuals.std() - 1) < 0.02


def test_entropy_of_separate_modes_is_that_of_one_mode_and_of_the_choice():
    mixture = data.eight_gaussians(std=0.05)
    exact = math.log(8) + math.log(2 * math.pi * math.e * 0.05**2)
    estimate, error = mixture.entropy(generator=torch.Generator().manual_seed(2))
    assert abs(estimate - exact) < 4 * error
    assert error == pytest.approx(1 / math.sqrt(100_000), rel=0.05)  # |noise|²/2 has variance 1
    few = mixture.entropy(samples=1_000, generator=torch.Generator().manual_seed(2))[1]
    assert few == pytest.approx(10 * error, rel=0.2)


def test_modes_lie_on_a_ring_and_on_a_grid():
    ring = data.eight_gaussians(radius=3.0).means.double()
    torch.testing.assert_close(ring.norm(dim=1), torch.full((8,), 3.0).double())
    torch.testing.assert_close(ring[0], torch.tensor([3.0, 0.0]).double())
    gaps = (ring - ring.roll(1, dims=0)).norm(dim=1)
    torch.testing.assert_close(gaps, torch.full((8,), 6 * math.sin(math.pi / 8)).double())
    grid = data.twenty_five_gaussians(spacing=1.5).means
    expected = {(x * 1.5, y * 1.5) for x in range(-2, 3) for y in range(-2, 3)}
    assert {tuple(mean) for mean in grid.tolist()} == expected and len(grid) == 25


def test_ring_and_grid_are_samples_of_the_mixtures():
    def seeded():
        return torch.Generator().manual_seed(3)

    options = dict(modes=5, radius=1.5, std=0.3)
    expected = data.eight_gaussians(**options).sample(50, generator=seeded())
    torch.testing.assert_close(data.gaussians_ring(50, **options, generator=seeded()), expected)
    options = dict(side=3, spacing=1.5, std=0.3)
    expected = data.twenty_five_gaussians(**options).sample(50, generator=seeded())
    torch.testing.assert_close(data.gaussians_grid(50, **options, generator=seeded()), expected)


def test_moons_without_noise_are_two_half_circles():
    points, moon = data.two_moons(2_000, noise=0.0, generator=torch.Generator().manual_seed(0))
    centre = torch.tensor([[0.0, 0.0], [1.0, 0.5]])[moon]
    x, y = (points - centre).unbind(dim=1)
    torch.testing.assert_close(x**2 + y**2, torch.ones(2_000))
    assert (y[moon == 0] >= -1e-6).all() and (y[moon == 1] <= 1e-6).all()
    angle = torch.atan2(y.abs(), x)
    assert abs(angle.mean() - math.pi / 2) < 0.08  # uniform on [0, π]: deviation .907/√2000
    assert abs(angle.std() - math.pi / math.sqrt(12)) < 0.05


@pytest.mark.parametrize("arms", [1, 2, 3])
def test_spirals_without_noise_turn_in_proportion_to_the_radius(arms):
    options = dict(turns=1.25, noise=0.0, arms=arms)
    points, arm = data.spirals(2_000, **options, generator=torch.Generator().manual_seed(0))
    radius = points.norm(dim=1)
    assert radius.max() <= 1 + 1e-6 and abs((radius < 0.5).float().mean() - 0.25) < 0.05
    angle = 2 * math.pi * (1.25 * radius + arm / arms)
    expected = radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    torch.testing.assert_close(points, expected, atol=1e-4, rtol=0)
    assert arm.unique().tolist() == list(range(arms))


TOYS = [data.two_moons, data.spirals, data.gaussians_ring, data.gaussians_grid]


@settings(max_examples=30, deadline=None)
@given(toy=st.sampled_from(TOYS), n=st.integers(1, 50), seed=st.integers(0, 2**31))
def test_toy_sets_follow_their_generator_and_nothing_else(toy, n, seed):
    points, labels = toy(n, generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed + 1)
    again = toy(n, generator=torch.Generator().manual_seed(seed))
    assert points.shape == (n, 2) and points.dtype == torch.float32
    assert labels.shape == (n,) and labels.dtype == torch.int64
    assert torch.equal(points, again[0]) and torch.equal(labels, again[1])
    assert points.isfinite().all() and points.abs().max() < 8


@settings(max_examples=20, deadline=None)
@given(toy=st.sampled_from(TOYS[:2]), noise=st.floats(0, 10))
def test_noise_adds_independent_deviations_of_its_size(toy, noise):
    clean, _ = toy(4_000, noise=0.0, generator=torch.Generator().manual_seed(0))
    noisy, _ = toy(4_000, noise=noise, generator=torch.Generator().manual_seed(0))
    difference = noisy - clean
    assert difference.std().item() == pytest.approx(noise, rel=0.03, abs=1e-6)
    assert abs(difference.prod(dim=1).mean().item()) <= 0.06 * noise**2 + 1e-6


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: data.two_moons(0), ValueError, "n must be at least 1, got 0"),
        (lambda: data.spirals(2.5), TypeError, "n must be an integer"),
        (lambda: data.two_moons(5, noise=-0.1), ValueError, "noise must be finite and not neg"),
        (lambda: data.spirals(5, noise=math.inf), ValueError, "noise must be finite"),
        (lambda: data.two_moons(5, noise=math.nan), ValueError, "noise must be finite"),
        (lambda: data.two_moons(5, noise="1"), TypeError, "noise must be a number, got str"),
        (lambda: data.spirals(5, turns=0), ValueError, "turns must be positive, got 0"),
        (lambda: data.spirals(5, arms=0), ValueError, "arms must be at least 1"),
        (lambda: data.gaussians_ring(5, modes=0), ValueError, "modes must be at least 1"),
        (lambda: data.gaussians_ring(5, radius=-1), ValueError, "radius must be finite and not"),
        (lambda: data.gaussians_ring(5, std=0.0), ValueError, "std must be positive"),
        (lambda: data.gaussians_grid(0), ValueError, "n must be at least 1"),
        (lambda: data.gaussians_grid(5, side=-2), ValueError, "side must be at least 1"),
        (lambda: data.gaussians_grid(5, spacing=0), ValueError, "spacing must be positive"),
        (lambda: data.GaussianMixture(torch.zeros(2), 1.0), ValueError, r"means must have shape"),
        (lambda: data.GaussianMixture(torch.zeros(2, 2).long(), 1), TypeError, "means must be fl"),
        (lambda: data.eight_gaussians().log_prob(torch.zeros(3)), ValueError, "x must have shape"),
        (lambda: data.eight_gaussians().entropy(samples=1), ValueError, "samples must be at lea"),
    ],
)
def test_a_wrong_argument_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
