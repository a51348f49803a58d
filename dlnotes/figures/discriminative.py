"""Pictures of chapter 1 to play with: two Gaussian classes, their posterior and both boundaries.

``boundary`` is the widget; ``draw_boundary`` returns its figure alone, and ``two_classes`` the
model behind it, which is what the tests look at.
"""

import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from dlnotes.checks import check_between
from dlnotes.discriminative import GaussianDiscriminant, LogisticRegression
from dlnotes.figures import explore
from dlnotes.plotting import BLACK, BLUE, DIVERGING, GREEN, ORANGE, figure

EDGE, STEPS, SAMPLES = 6.0, 121, 300


def two_classes(
    *, distance: float, spread: float, correlation: float, prior: float
) -> GaussianDiscriminant:
    """Return the joint density of two Gaussian classes in the plane.

    Args:
        distance: between the two means, which lie left and right of the origin.
        spread: standard deviation of class 1, in units of class 0's, which is 1.
        correlation: of the two features, the same in both classes.
        prior: p(y = 1).
    """
    check_between(0, 10, distance=distance)
    check_between(0.1, 10, spread=spread)
    check_between(-0.95, 0.95, correlation=correlation)
    check_between(0.01, 0.99, prior=prior)
    model = GaussianDiscriminant(2, 2)
    one = torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)
    model.cholesky = torch.linalg.cholesky(torch.stack([one, spread**2 * one]))
    model.mean = torch.tensor([[-distance / 2, 0.0], [distance / 2, 0.0]], dtype=torch.float64)
    model.log_prior = torch.tensor([1 - prior, prior], dtype=torch.float64).log()
    return model


def draw_boundary(*, distance: float, spread: float, correlation: float, prior: float) -> Figure:
    """Draw two classes, the exact posterior, and a logistic regression fitted to samples.

    Args:
        distance: between the two means.
        spread: standard deviation of class 1, in units of class 0's.
        correlation: of the two features.
        prior: p(y = 1).
    """
    model = two_classes(distance=distance, spread=spread, correlation=correlation, prior=prior)
    x, y = model.sample(SAMPLES, generator=torch.Generator().manual_seed(0))
    line = LogisticRegression(2, 2).fit(x, y)
    side = torch.linspace(-EDGE, EDGE, STEPS, dtype=torch.float64)
    points = torch.cartesian_prod(side, side)  # the first feature is the slow one
    log_joint = model.log_joint(points)
    fig, (left, right) = figure(1, 2, width=8.8, height=4.9, sharey=True)
    for label, color, marker in ((0, BLUE, "o"), (1, ORANGE, "^")):
        _contours(left, side, log_joint[:, label].exp(), color)
        left.scatter(*x[y == label].T, s=9, color=color, marker=marker, alpha=0.6, linewidths=0)
    posterior = log_joint.softmax(1)[:, 1].view(STEPS, STEPS).T
    picture = right.pcolormesh(
        side, side, posterior, cmap=DIVERGING, vmin=0, vmax=1, shading="gouraud", rasterized=True
    )
    fig.colorbar(picture, ax=right, shrink=0.8)
    log_odds = log_joint[:, 1] - log_joint[:, 0]
    fitted = line(points).detach()
    for ax in (left, right):
        _zero(ax, side, log_odds, BLACK, "solid")
        _zero(ax, side, fitted[:, 1] - fitted[:, 0], GREEN, "dashed")
        ax.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), aspect="equal", xlabel="x₁")
        ax.grid(False)
    left.set(ylabel="x₂", title=f"p(x, y): classes and {SAMPLES} samples")
    right.set_title("p(y = 1 | x)")
    errors = _errors(model, line)
    lines = [Line2D([], [], color=BLACK), Line2D([], [], color=GREEN, linestyle="--")]
    names = ["from the densities (Bayes' rule)", "fitted: logistic regression"]
    fig.legend(lines, names, loc="outside lower center", ncols=2)
    kind = "straight" if math.isclose(spread, 1) else "curved"
    fig.suptitle(f"{kind} boundary · error: Bayes {errors[0]:.1%}, regression {errors[1]:.1%}")
    return fig


def _errors(model: GaussianDiscriminant, line: LogisticRegression) -> tuple[float, float]:
    """Return the share of errors of both on the same fresh samples."""
    x, y = model.sample(20_000, generator=torch.Generator().manual_seed(1))
    return tuple((kind.predict(x) != y).double().mean().item() for kind in (model, line))


def _contours(ax: Axes, side: Tensor, density: Tensor, color: str) -> None:
    peak = density.max()
    levels = [float(peak) * math.exp(-0.5 * r**2) for r in (2.5, 1.5, 0.75)]  # ellipses
    grid = density.view(STEPS, STEPS).T
    ax.contour(side, side, grid, levels=levels, colors=color, linewidths=1.3)


def _zero(ax: Axes, side: Tensor, values: Tensor, color: str, style: str) -> None:
    grid = values.view(STEPS, STEPS).T
    if grid.min() < 0 < grid.max():  # otherwise one class wins everywhere: no boundary in sight
        ax.contour(side, side, grid, levels=[0.0], colors=color, linestyles=style, linewidths=2.2)


def boundary() -> dict:
    """Show two Gaussian classes with sliders for distance, spread, correlation and prior."""
    return explore(
        draw_boundary,
        alt=_describe,
        distance=(0.0, 6.0, 0.5, 3.0),
        spread=(0.4, 2.5, 0.1, 1.0),
        correlation=(-0.9, 0.9, 0.1, 0.6),
        prior=(0.05, 0.95, 0.05, 0.5),
    )


def _describe(*, distance: float, spread: float, correlation: float, prior: float) -> str:
    shape = "straight line" if math.isclose(spread, 1) else "curve"
    return (
        f"Two Gaussian classes in the plane at distance {distance:g}, class 1 {spread:g} times as "
        f"wide, correlation {correlation:g}, prior of class 1 {prior:g}. On the left samples and "
        f"ellipses, on the right the posterior as colours; the exact boundary is a {shape}, the "
        "fitted logistic regression a dashed straight line."
    )
