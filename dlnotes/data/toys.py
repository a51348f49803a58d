"""Toy densities in the plane behind ``dlnotes.data``, which is where they are used from."""

import math
import numbers
from dataclasses import dataclass

import torch
from torch import Tensor

from dlnotes.checks import check_at_least, check_positive, check_shape


@dataclass(frozen=True)
class GaussianMixture:
    """Equally likely Gaussians with one standard deviation: a density that is known exactly.

    Args:
        means: (K, D), one row per mode.
        std: the standard deviation of every mode in every direction, positive.
    """

    means: Tensor
    std: float

    def __post_init__(self) -> None:
        check_shape("means", self.means, "K", "D")
        if not self.means.is_floating_point():
            raise TypeError(f"means must be floating-point numbers, got {self.means.dtype}")
        _check_positive_number(std=self.std)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return ``n`` points, (n, D), and the mode that each belongs to, (n,) int64."""
        check_positive(n=n)
        modes = torch.randint(len(self.means), (n,), generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator, dtype=self.means.dtype)
        return self.means[modes] + self.std * noise, modes

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the exact log density in nats of points (N, D), as (N,) in the dtype of ``x``."""
        check_shape("x", x, "N", self.means.shape[1])
        modes, dimensions = self.means.shape
        distances = (x[:, None] - self.means.to(x)).square().sum(dim=2)  # (N, K), squared
        normalizer = dimensions / 2 * math.log(2 * math.pi * self.std**2) + math.log(modes)
        return torch.logsumexp(-distances / (2 * self.std**2), dim=1) - normalizer

    def entropy(
        self, *, samples: int = 100_000, generator: torch.Generator | None = None
    ) -> tuple[float, float]:
        """Return a Monte-Carlo estimate of the entropy in nats, and its standard error."""
        check_at_least(2, samples=samples)
        surprise = -self.log_prob(self.sample(samples, generator=generator)[0].double())
        return surprise.mean().item(), surprise.std().item() / math.sqrt(samples)


def eight_gaussians(*, modes: int = 8, radius: float = 2.0, std: float = 0.1) -> GaussianMixture:
    """Return the mixture of Gaussians on a ring, the first at angle 0."""
    check_positive(modes=modes)
    _check_positive_number(radius=radius)
    angles = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    means = radius * torch.stack([angles.cos(), angles.sin()], dim=1)
    return GaussianMixture(means.float(), std)


def twenty_five_gaussians(
    *, side: int = 5, spacing: float = 2.0, std: float = 0.1
) -> GaussianMixture:
    """Return the mixture of Gaussians on a square grid of side × side modes around 0."""
    check_positive(side=side)
    _check_positive_number(spacing=spacing)
    ticks = (torch.arange(side) - (side - 1) / 2) * spacing
    return GaussianMixture(torch.cartesian_prod(ticks, ticks), std)


def gaussians_ring(
    n: int,
    *,
    modes: int = 8,
    radius: float = 2.0,
    std: float = 0.1,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return ``n`` points (n, 2) of ``eight_gaussians`` and their modes (n,)."""
    return eight_gaussians(modes=modes, radius=radius, std=std).sample(n, generator=generator)


def gaussians_grid(
    n: int,
    *,
    side: int = 5,
    spacing: float = 2.0,
    std: float = 0.1,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return ``n`` points (n, 2) of ``twenty_five_gaussians`` and their modes (n,)."""
    mixture = twenty_five_gaussians(side=side, spacing=spacing, std=std)
    return mixture.sample(n, generator=generator)


def two_moons(
    n: int, *, noise: float = 0.1, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Return ``n`` points (n, 2) on two interleaved half circles of radius 1, and which one (n,).

    Half circle 0 is the upper half of the circle around (0, 0), half circle 1 the lower half of
    that around (1, 1/2), as in scikit-learn. Angles are uniform.

    Args:
        n: number of points.
        noise: standard deviation of the Gaussian noise in both directions, 0 or more.
        generator: source of the random numbers.
    """
    check_positive(n=n)
    _check_noise(noise=noise)
    moon = torch.randint(2, (n,), generator=generator)
    angle = math.pi * torch.rand(n, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    points = torch.where(moon[:, None] == 0, upper, lower)
    return points + noise * torch.randn(n, 2, generator=generator), moon


def spirals(
    n: int,
    *,
    turns: float = 1.5,
    noise: float = 0.02,
    arms: int = 2,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return ``n`` points (n, 2) on spiral arms within radius 1, and the arm of each (n,).

    On an arm the radius grows from 0 to 1 in proportion to the angle, and the points are about
    equally dense along the way. Arm k is arm 0 turned by k/arms of a full turn.

    Args:
        n: number of points.
        turns: full turns of an arm, positive.
        noise: standard deviation of the Gaussian noise in both directions, 0 or more.
        arms: number of arms.
        generator: source of the random numbers.
    """
    check_positive(n=n, arms=arms)
    _check_positive_number(turns=turns)
    _check_noise(noise=noise)
    arm = torch.randint(arms, (n,), generator=generator)
    radius = torch.rand(n, generator=generator).sqrt()  # the length of an arm grows like radius²
    angle = 2 * math.pi * (turns * radius + arm / arms)
    points = radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    return points + noise * torch.randn(n, 2, generator=generator), arm


def _check_positive_number(**values: float) -> None:
    """Raise unless every value is a finite number above 0."""
    for name, value in values.items():
        _check_noise(**{name: value})
        if value == 0:
            raise ValueError(f"{name} must be positive, got {value}")


def _check_noise(**values: float) -> None:
    """Raise unless every value is a finite number of at least 0."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{name} must be a number, got {type(value).__name__}")
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and not negative, got {value}")
