"""Pictures of chapter 1 to play with: two Gaussian classes and both boundaries; a ninth patient.

``boundary`` and ``ninth`` are the widgets; ``draw_boundary`` and ``draw_ninth`` return the figures
alone, and ``two_classes`` the model behind the first, which is what the tests look at.
"""

import math
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from dlnotes.checks import check_between
from dlnotes.discriminative import GaussianDiscriminant, LogisticRegression
from dlnotes.figures import Drawing, explore
from dlnotes.figures.discriminative.hand import CLASS_COLORS, FONT
from dlnotes.figures.discriminative.schemes import ANSWER, WORLD
from dlnotes.plotting import BLACK, DIVERGING, GREY, figure

EDGE, STEPS, SAMPLES = 6.0, 121, 300
EIGHT = torch.tensor([0.0, 1, 2, 3, 2, 3, 4, 5], dtype=torch.float64)  # values of eight patients
ILL = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])


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


class Boundary(Drawing):
    """Two classes, the exact posterior, and a logistic regression fitted to samples."""

    def __init__(self):
        self.side = torch.linspace(-EDGE, EDGE, STEPS, dtype=torch.float64)
        # the first feature is the slow one
        self.points = torch.cartesian_prod(self.side, self.side)
        self.figure, (self.left, self.right) = figure(1, 2, width=9.2, height=5.6, sharey=True)
        self.samples = [
            self.left.scatter([], [], s=9, color=color, marker=marker, alpha=0.6, linewidths=0)
            for color, marker in zip(CLASS_COLORS, "o^", strict=True)
        ]
        half = EDGE / (STEPS - 1)  # each pixel is centred on its point
        self.posterior = self.right.imshow(
            torch.zeros(STEPS, STEPS), cmap=DIVERGING, vmin=0, vmax=1, origin="lower",
            extent=(-EDGE - half, EDGE + half) * 2, interpolation="bilinear",
        )  # fmt: skip
        self.figure.colorbar(self.posterior, ax=self.right, shrink=0.8)
        for ax in (self.left, self.right):
            ax.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), aspect="equal", xlabel="x₁")
            ax.grid(False)
        self.left.set(ylabel="x₂", title=f"p(x, y): classes and {SAMPLES} samples")
        self.right.set_title("p(y = 1 | x)")
        lines = [Line2D([], [], color=BLACK), Line2D([], [], color=ANSWER, linestyle="--")]
        lines += [
            Line2D([], [], color=color, marker=marker, linestyle="")
            for color, marker in zip(CLASS_COLORS, "o^", strict=True)
        ]
        names = ["from the densities (Bayes' rule)", "fitted: logistic regression"]
        names += ["class 0", "class 1"]
        self.figure.legend(lines, names, loc="outside lower center", ncols=2)
        self.title = self.figure.suptitle("boundary\n")  # room for the titles of the panels
        self.curves: list[ContourSet] = []
        self.freeze()

    def update(self, *, distance: float, spread: float, correlation: float, prior: float) -> None:
        """Draw for these values of the sliders; see ``draw_boundary``."""
        model = two_classes(distance=distance, spread=spread, correlation=correlation, prior=prior)
        x, y = model.sample(SAMPLES, generator=torch.Generator().manual_seed(0))
        line = LogisticRegression(2, 2).fit(x, y)
        log_joint = model.log_joint(self.points)
        while self.curves:
            self.curves.pop().remove()
        for label, samples in enumerate(self.samples):
            samples.set_offsets(x[y == label])
            self._ellipses(log_joint[:, label].exp(), CLASS_COLORS[label])
        self.posterior.set_data(log_joint.softmax(1)[:, 1].view(STEPS, STEPS).T)
        fitted = line(self.points).detach()
        for ax in (self.left, self.right):
            self._zero(ax, log_joint[:, 1] - log_joint[:, 0], BLACK, "solid")
            self._zero(ax, fitted[:, 1] - fitted[:, 0], ANSWER, "dashed")
        bayes, regression = _errors(model, line)
        kind = "straight" if math.isclose(spread, 1) else "curved"
        words = f"{kind} boundary · error: Bayes {bayes:.1%}, regression {regression:.1%}"
        self.title.set_text(words)

    def _ellipses(self, density: Tensor, color: str) -> None:
        peak = float(density.max())
        levels = [peak * math.exp(-0.5 * r**2) for r in (2.5, 1.5, 0.75)]
        self._contour(self.left, density, levels=levels, colors=color, linewidths=1.3)

    def _zero(self, ax: Axes, values: Tensor, color: str, style: str) -> None:
        if values.min() < 0 < values.max():  # otherwise one class wins everywhere: no boundary
            look = dict(colors=color, linestyles=style, linewidths=2.2)
            self._contour(ax, values, levels=[0.0], **look)

    def _contour(self, ax: Axes, values: Tensor, **look: Any) -> None:
        grid = values.view(STEPS, STEPS).T
        self.curves.append(ax.contour(self.side, self.side, grid, **look))


def draw_boundary(*, distance: float, spread: float, correlation: float, prior: float) -> Figure:
    """Draw two classes, the exact posterior, and a logistic regression fitted to samples.

    Args:
        distance: between the two means.
        spread: standard deviation of class 1, in units of class 0's.
        correlation: of the two features.
        prior: p(y = 1).
    """
    return Boundary()(distance=distance, spread=spread, correlation=correlation, prior=prior)


def _errors(model: GaussianDiscriminant, line: LogisticRegression) -> tuple[float, float]:
    """Return the share of errors of both on the same fresh samples."""
    x, y = model.sample(20_000, generator=torch.Generator().manual_seed(1))
    return tuple((kind.predict(x) != y).double().mean().item() for kind in (model, line))


def boundary() -> dict:
    """Show two Gaussian classes with sliders for distance, spread, correlation and prior."""
    return explore(
        Boundary(),
        alt=_describe,
        caption="Left, two classes of patients with two values each. Right, p(y = 1 | x), blue "
        "where class 1 is likely. Black is the boundary of Bayes' rule, dashed that of a logistic "
        "regression fitted to the points.",
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


# ---- one more patient --------------------------------------------------------------------------


class Ninth(Drawing):
    """Eight patients and a ninth, who is ill; the S-curves that both roads make of them."""

    def __init__(self):
        self.grid = torch.linspace(-1, 42, 600, dtype=torch.float64)
        self.figure, self.ax = figure(width=9.2, height=4.2)
        for label in (0, 1):
            mine = EIGHT[ILL == label]
            look = dict(linestyle="", markersize=9, color=CLASS_COLORS[label])
            self.ax.plot(mine, torch.full_like(mine, float(label)), marker="o^"[label], **look)
        (self.patient,) = self.ax.plot([], [], "^", markersize=15, color=CLASS_COLORS[1])
        (self.world,) = self.ax.plot([], [], color=WORLD, linewidth=2.8, label="learn the world")
        (self.answer,) = self.ax.plot(
            [], [], "--", color=ANSWER, linewidth=2.8, label="learn the answer"
        )
        self.ax.axhline(0.5, color=GREY, linewidth=1.2, linestyle=":")
        self.ax.set(xlim=(-1, 42), ylim=(-0.06, 1.08))
        self.ax.set_xlabel("blood value x", fontsize=FONT)
        self.ax.set_ylabel("p(ill | x)", fontsize=FONT)
        self.ax.legend(fontsize=FONT - 1, loc="center right")
        self.title = self.ax.set_title("two boundaries", fontsize=FONT)
        self.freeze()

    def update(self, *, value: float) -> None:
        """Draw for this value of the ninth patient; see ``draw_ninth``."""
        check_between(0, 40, value=value)
        x = torch.cat([EIGHT, EIGHT.new_tensor([value])])[:, None]
        y = torch.cat([ILL, ILL.new_tensor([1])])
        world = GaussianDiscriminant(1, 2, shared=True).fit(x, y)
        answer = LogisticRegression(1, 2).fit(x, y, l2=1e-6, tolerance=1e-8)
        self.patient.set_data([value], [1.0])
        borders = []
        for model, line in ((world, self.world), (answer, self.answer)):
            p = model.predict_proba(self.grid[:, None]).detach()[:, 1]
            line.set_data(self.grid, p)
            borders.append(self.grid[(p - 0.5).abs().argmin()].item())
        self.title.set_text(
            f"boundary of the world {borders[0]:.1f}, of the answer {borders[1]:.1f}"
        )


def draw_ninth(*, value: float) -> Figure:
    """Draw the S-curves of both roads for eight patients and a ninth, who is ill.

    Args:
        value: of the ninth patient.
    """
    return Ninth()(value=value)


def ninth() -> dict:
    """Show both roads' S-curves with a slider for the value of the ninth patient."""
    return explore(
        Ninth(),
        alt=lambda value: (
            f"Eight patients and a ninth with value {value:g}, who is ill, with the S-curves that "
            "the two roads learn from them."
        ),
        caption="Eight patients and a ninth (large), who is ill. Move the ninth, and see which of "
        "the two curves follows.",
        value=(3.0, 40.0, 0.5, 30.0),
    )
