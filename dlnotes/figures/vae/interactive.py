"""Pictures of chapter 16 to play with: the bound of the toy model, the plane of digits.

``bound`` and ``plane`` are widgets; ``draw_bound`` and ``draw_plane`` return the matplotlib figure
alone, which is what the tests look at.
"""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.distributions import Normal

from dlnotes.checks import check_between, check_positive
from dlnotes.figures import Drawing, explore
from dlnotes.plotting import (
    APPROXIMATION,
    BLACK,
    BLUE,
    ORANGE,
    POSTERIOR,
    PRIOR,
    figure,
    image_map,
)
from dlnotes.vae import VAE, LinearGaussian

# ---- the bound of a model that is known ----------------------------------------------------------


def toy(a: float = 1.0, s: float = 1.0) -> LinearGaussian:
    """Return the toy model z ~ N(0, 1), x ~ N(az, s²)."""
    return LinearGaussian(torch.tensor([[a]]).double(), torch.zeros(1).double(), s**2)


class Bound(Drawing):
    """q beside the true posterior, and the bound below log p(x), against the mean of q."""

    def __init__(self):
        self.model = toy()
        self.z = torch.linspace(-4, 4, 400).double()
        self.means = torch.linspace(-3, 3, 241).double()[:, None]
        self.figure, (self.left, self.right) = figure(1, 2, width=8.8, height=3.9)
        looks = (
            ("prior p(z)", PRIOR, ":"),
            ("posterior p(z|x)", POSTERIOR, "--"),
            ("q(z|x)", APPROXIMATION, "-"),
        )
        self.densities = [
            self.left.plot(self.z, 0 * self.z, dash, color=color, label=name)[0]
            for name, color, dash in looks
        ]
        self.left.set(xlabel="z", ylabel="density", ylim=(0, 1.2), title="x")
        self.left.legend(fontsize=11, loc="upper left")
        right = self.right
        (self.curve,) = right.plot(self.means[:, 0], 0 * self.means[:, 0], color=BLUE)
        self.level = right.axhline(0, color=BLACK, linewidth=1.4, linestyle="--")
        (self.gap,) = right.plot([0, 0], [0, 0], color=APPROXIMATION, linewidth=3)
        (self.point,) = right.plot([0], [0], "o", color=APPROXIMATION, markersize=8)
        beside = dict(xytext=(0, 3), textcoords="offset points")
        self.name = right.annotate("log p(x)", (2.95, 0), ha="right", va="bottom", **beside)
        right.set(xlabel="μ", ylabel="nats", xlim=(-3, 3), ylim=(-28, -19), title="ELBO")
        self.freeze()

    def update(self, *, mu: float, sigma: float, x: float) -> None:
        """Draw for these values of the sliders; see ``draw_bound``."""
        check_between(1e-6, 1e6, sigma=sigma)
        observed = torch.tensor([[float(x)]]).double()
        with torch.no_grad():
            log_p = self.model.log_prob(observed).item()
            mean, covariance = (part.item() for part in self.model.posterior(observed))
            log_variance = torch.tensor([[2 * np.log(sigma)]])
            at = torch.tensor([[mu]]).double()
            spread = log_variance.expand(len(self.means), 1)
            curve = self.model.exact_elbo(observed, self.means, spread)
            value = self.model.exact_elbo(observed, at, log_variance).item()
        laws = ((0.0, 1.0), (mean, covariance**0.5), (mu, sigma))
        for line, (center, width) in zip(self.densities, laws, strict=True):
            line.set_ydata(Normal(center, width).log_prob(self.z).exp())
        self.left.set_title(f"observed x = {x:g}")
        self.curve.set_ydata(curve)
        self.level.set_ydata([log_p, log_p])
        self.gap.set_data([mu, mu], [value, log_p])
        self.point.set_data([mu], [value])
        self.name.xy = (2.95, log_p)
        self.right.set_ylim(log_p - 6, log_p + 1)
        evidence, gap = round(log_p, 3), round(log_p - value, 3)  # three numbers that add up
        title = f"ELBO {evidence - gap:.3f} = {evidence:.3f} − {gap:.3f}".replace("-", "−")
        self.right.set_title(title)


def draw_bound(*, mu: float, sigma: float, x: float) -> Figure:
    """Draw q(z|x) = N(mu, sigma²) beside the true posterior, and the bound below log p(x).

    Args:
        mu: mean of q.
        sigma: standard deviation of q, positive.
        x: what was observed.
    """
    return Bound()(mu=mu, sigma=sigma, x=x)


def _say_bound(*, mu: float, sigma: float, x: float) -> str:
    return (
        f"Left, prior, true posterior and q of mean {mu:g} and deviation {sigma:g} for x = {x:g}. "
        "Right, the bound against the mean of q: a hill that touches log p(x) only if q is the "
        "posterior; the vertical bar is the gap, the divergence between the two."
    )


def bound() -> dict:
    """Show the widget: choose q and watch the bound approach log p(x).

    Returns:
        The controls by name.
    """
    return explore(
        Bound(),
        alt=_say_bound,
        mu=(-3.0, 3.0, 0.04, -0.6),
        sigma=(0.1, 2.0, 0.01, 0.8),
        x=(-3.0, 3.0, 0.5, 2.0),
    )


# ---- the plane of digits -------------------------------------------------------------------------


@torch.no_grad()
def decode_plane(model: VAE, *, size: int, edge: float) -> tuple[Tensor, Tensor]:
    """Return the decoded plane, (size, size, H, W), and the coordinates of its lines, (size,).

    Args:
        model: with two latents and images of one channel.
        size: rows and columns.
        edge: the plane reaches from −edge to edge on both axes.
    """
    check_positive(size=size)
    if model.latent_dim != 2:
        raise ValueError(f"model must have 2 latents to be a plane, got {model.latent_dim}")
    line = torch.linspace(-edge, edge, size)
    z2, z1 = torch.meshgrid(line, line, indexing="ij")
    codes = torch.stack([z1, z2], -1).to(model.decoder[0].weight)
    return model.decode(codes)[:, :, 0], line


class Plane(Drawing):
    """The latent plane with a mark at a code, and beside it the digit which is there.

    Args:
        model: with two latents and images of one channel.
        tiles: the decoded plane, (size, size, H, W).
        edge: the plane reaches from −edge to edge.
    """

    def __init__(self, model: VAE, tiles: Tensor, edge: float):
        self.model, self.edge, self.size = model, edge, len(tiles)
        self.figure, (left, right) = figure(1, 2, width=8.0, height=4.7, width_ratios=[1.55, 1])
        line = torch.linspace(-edge, edge, self.size)
        image_map(tiles, x=line, y=line, limits=(0, 1), ax=left)
        look = dict(markersize=17, markerfacecolor="none", markeredgecolor=ORANGE, mew=3)
        (self.mark,) = left.plot([0], [0], "o", **look)
        left.set(xlim=(0, self.size), ylim=(0, self.size))
        self.digit = right.imshow(torch.zeros(tiles.shape[2:]), vmin=0, vmax=1)
        right.set(xticks=[], yticks=[], title="decoded", xlabel="prior density")
        right.grid(False)
        right.spines[:].set_visible(True)
        self.right = right
        self.freeze()

    def update(self, *, z1: float, z2: float) -> None:
        """Draw for these values of the sliders; see ``draw_plane``."""
        at = [(z + self.edge) / (2 * self.edge) * (self.size - 1) + 0.5 for z in (z1, z2)]
        self.mark.set_data([at[0]], [at[1]])  # in tiles
        with torch.no_grad():
            code = torch.tensor([[z1, z2]]).to(self.model.decoder[0].weight)
            self.digit.set_data(self.model.decode(code)[0, 0])
        self.right.set_title(f"decoded at ({z1:+.2f}, {z2:+.2f})".replace("-", "−"))
        rare = np.exp(-(z1**2 + z2**2) / 2)
        self.right.set_xlabel(f"prior density:\n{rare:.1%} of that at 0")


def draw_plane(
    model: VAE, *, z1: float, z2: float, edge: float = 3.0, tiles: Tensor | None = None
) -> Figure:
    """Draw the latent plane with a mark at (z1, z2), and beside it the digit which is there.

    Args:
        model: with two latents and images of one channel.
        z1: first number of the code.
        z2: second number of the code.
        edge: the plane reaches from −edge to edge.
        tiles: the decoded plane, if it is known: (size, size, H, W).
    """
    if tiles is None:
        tiles, _ = decode_plane(model, size=11, edge=edge)
    return Plane(model, tiles, edge)(z1=z1, z2=z2)


def plane(model: VAE, *, size: int = 11, edge: float = 3.0) -> dict:
    """Show the figure: move through the latent plane and see the digit.

    Args:
        model: with two latents and images of one channel.
        size: rows and columns of the map.
        edge: the plane reaches from −edge to edge.

    Returns:
        The controls by name.
    """
    tiles, _ = decode_plane(model, size=size, edge=edge)

    def say(*, z1: float, z2: float) -> str:
        return (
            f"Left, {size} by {size} digits decoded over the latent plane, which blend into one "
            f"another; a circle marks ({z1:g}, {z2:g}). Right, the digit decoded there."
        )

    control = (-edge, edge, 0.1, 0.0)
    return explore(Plane(model, tiles, edge), alt=say, z1=control, z2=control)
