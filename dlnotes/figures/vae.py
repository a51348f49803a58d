"""Pictures of chapter 16 to play with: the bound of a toy model, the plane of digits.

``bound`` and ``plane`` are widgets; ``draw_bound``, ``draw_plane`` and the others return the
matplotlib figure alone, which is what the tests look at.
"""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle
from torch import Tensor
from torch.distributions import Normal

from dlnotes.checks import check_between, check_positive, check_shape
from dlnotes.figures import explore
from dlnotes.plotting import BLACK, BLUE, COLORS, GREEN, GREY, ORANGE, figure, image_map
from dlnotes.vae import VAE, LinearGaussian

INK, PALE = "#222222", "#f2f2f2"


# ---- the bound of a model that is known ----------------------------------------------------------


def toy(a: float = 1.5, s: float = 0.8) -> LinearGaussian:
    """Return the toy model z ~ N(0, 1), x ~ N(az, s²)."""
    return LinearGaussian(torch.tensor([[a]]).double(), torch.zeros(1).double(), s**2)


def draw_bound(*, mu: float, sigma: float, x: float) -> Figure:
    """Draw q(z|x) = N(mu, sigma²) beside the true posterior, and the bound below log p(x).

    Args:
        mu: mean of q.
        sigma: standard deviation of q, positive.
        x: what was observed.
    """
    check_between(1e-6, 1e6, sigma=sigma)
    model, observed = toy(), torch.tensor([[float(x)]]).double()
    with torch.no_grad():
        log_p = model.log_prob(observed).item()
        mean, covariance = (part.item() for part in model.posterior(observed))
        log_variance = torch.tensor([[2 * np.log(sigma)]])
        means = torch.linspace(-3, 3, 241).double()[:, None]
        curve = model.exact_elbo(observed, means, log_variance.expand(241, 1))[:, None]
        value = model.exact_elbo(observed, torch.tensor([[mu]]).double(), log_variance).item()
    fig, (left, right) = figure(1, 2, width=8.4, height=3.6)
    z = torch.linspace(-4, 4, 400).double()
    for center, spread, name, color, dash in (
        (0.0, 1.0, "prior p(z)", GREY, ":"),
        (mean, covariance**0.5, "posterior p(z|x)", GREEN, "--"),
        (mu, sigma, "q(z|x)", ORANGE, "-"),
    ):
        density = Normal(center, spread).log_prob(z).exp()
        left.plot(z, density, dash, color=color, label=name)
    left.set(xlabel="z", ylabel="density", ylim=(0, 1.6), title=f"observed x = {x:g}")
    left.legend(fontsize=10, loc="upper left")
    right.plot(means[:, 0], curve[:, 0], color=BLUE)
    right.axhline(log_p, color=BLACK, linewidth=1.4, linestyle="--")
    right.plot([mu, mu], [value, log_p], color=ORANGE, linewidth=3)
    right.plot([mu], [value], "o", color=ORANGE, markersize=8)
    right.annotate("log p(x)", (2.95, log_p), ha="right", va="bottom")
    right.set(xlabel="μ", ylabel="nats", xlim=(-3, 3), ylim=(log_p - 8, log_p + 1))
    right.set_title(f"ELBO {value:.2f} = {log_p:.2f} − {log_p - value:.2f}".replace("-", "−"))
    return fig


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
        draw_bound,
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
    size = len(tiles)
    fig, (left, right) = figure(1, 2, width=7.6, height=4.4, width_ratios=[1.55, 1])
    line = torch.linspace(-edge, edge, size)
    image_map(tiles, x=line, y=line, limits=(0, 1), ax=left)
    at = [(z + edge) / (2 * edge) * (size - 1) + 0.5 for z in (z1, z2)]  # in tiles
    left.plot(*at, "o", markersize=17, markerfacecolor="none", markeredgecolor=ORANGE, mew=3)
    with torch.no_grad():
        code = torch.tensor([[z1, z2]]).to(model.decoder[0].weight)
        digit = model.decode(code)[0, 0]
    right.imshow(digit, vmin=0, vmax=1)
    right.set(xticks=[], yticks=[])
    right.grid(False)
    right.spines[:].set_visible(True)
    right.set_title(f"decoded at ({z1:+.2f}, {z2:+.2f})".replace("-", "−"))
    rare = np.exp(-(z1**2 + z2**2) / 2)
    right.set_xlabel(f"prior density: {rare:.1%} of that at 0")
    return fig


def plane(model: VAE, *, size: int = 11, edge: float = 3.0) -> dict:
    """Show the widget: move through the latent plane and see the digit.

    Args:
        model: with two latents and images of one channel.
        size: rows and columns of the map.
        edge: the plane reaches from −edge to edge.

    Returns:
        The controls by name.
    """
    tiles, _ = decode_plane(model, size=size, edge=edge)

    def draw(*, z1: float, z2: float) -> Figure:
        return draw_plane(model, z1=z1, z2=z2, edge=edge, tiles=tiles)

    def say(*, z1: float, z2: float) -> str:
        return (
            f"Left, {size} by {size} digits decoded over the latent plane, which blend into one "
            f"another; a circle marks ({z1:g}, {z2:g}). Right, the digit decoded there."
        )

    control = (-edge, edge, 0.1, 0.0)
    return explore(draw, alt=say, z1=control, z2=control)


# ---- the architecture in one picture -------------------------------------------------------------


def architecture() -> Figure:
    """Draw a VAE: encoder, mean and deviation, the draw from outside, decoder."""
    fig, ax = figure(width=9.0, height=2.9)
    ax.set(xlim=(0, 100), ylim=(-17, 17))
    ax.axis("off")
    _funnel(ax, 13, 28, 13, 6, "encoder\n$q_\\phi(z|x)$", COLORS[4])
    _funnel(ax, 72, 87, 6, 13, "decoder\n$p_\\theta(x|z)$", COLORS[5])
    for x, name, below in ((6, "$x$", "data"), (94, "$x$", "sample of\n$p_\\theta(x|z)$")):
        _box(ax, x, 0, 6, 16, name, below)
    _box(ax, 37, 6, 6, 7, r"$\mu$", "")
    _box(ax, 37, -6, 6, 7, r"$\sigma$", "")
    _box(ax, 61, 0, 7, 8, "$z$", "")
    ax.text(49, 0, r"$z=\mu+\sigma\odot\varepsilon$", ha="center", va="center", fontsize=12)
    ax.text(49, -13.5, r"$\varepsilon\sim\mathcal{N}(0,I)$", ha="center", fontsize=12, color=ORANGE)
    arrows = [((9, 0), (13, 0)), ((28, 2), (34, 6)), ((28, -2), (34, -6))]
    arrows += [((64.5, 0), (72, 0)), ((87, 0), (91, 0))]
    for start, end in arrows:
        _arrow(ax, start, end, INK)
    for start, end in (((40, 6), (57.5, 2)), ((40, -6), (57.5, -2))):
        _arrow(ax, start, end, INK)
    _arrow(ax, (54, -12), (60, -4.5), ORANGE)
    ax.text(61, 12.5, "prior $p(z)=\\mathcal{N}(0,I)$", ha="center", fontsize=11, color=GREEN)
    _arrow(ax, (61, 11.5), (61, 4.5), GREEN)
    return fig


def _funnel(ax, left: float, right: float, high: float, low: float, text: str, color) -> None:
    corners = [(left, -high), (right, -low), (right, low), (left, high)]
    ax.add_patch(Polygon(corners, facecolor=color, edgecolor=INK, alpha=0.75))
    ax.text((left + right) / 2, 0, text, ha="center", va="center", fontsize=11)


def _box(ax, x: float, y: float, width: float, height: float, text: str, below: str) -> None:
    corner = (x - width / 2, y - height / 2)
    ax.add_patch(Rectangle(corner, width, height, facecolor=PALE, edgecolor=INK))
    ax.text(x, y, text, ha="center", va="center", fontsize=14)
    ax.text(x, y - height / 2 - 1.2, below, ha="center", va="top", fontsize=10)


def _arrow(ax, start: tuple, end: tuple, color) -> None:
    style = dict(arrowstyle="-|>", mutation_scale=13, color=color, linewidth=1.4)
    ax.add_patch(FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **style))


# ---- other pictures of the chapter ---------------------------------------------------------------


def estimates(values: Mapping[str, Tensor], truth: float, *, xlabel: str) -> Figure:
    """Draw the distribution of several estimators of one number, one above the other.

    Args:
        values: name -> single estimates, (N,).
        truth: the number they estimate.
        xlabel: what the number is.
    """
    for name, x in values.items():
        check_shape(name, x, "N")
    widest = max(x.std().item() for x in values.values())
    edges = np.linspace(truth - 3 * widest, truth + 3 * widest, 121)
    rows = len(values)
    fig, axes = figure(rows, 1, height=0.9 + 1.15 * rows, sharex=True, squeeze=False)
    for number, (ax, (name, x)) in enumerate(zip(axes[:, 0], values.items(), strict=True)):
        ax.hist(x.numpy(), edges, density=True, color=COLORS[number], alpha=0.8)
        ax.axvline(truth, color=BLACK, linewidth=1.4, linestyle="--")
        ax.set(yticks=[])
        ax.grid(False, axis="y")
        words = f"{name}\nstandard deviation {x.std().item():.2g}"
        ax.text(0.99, 0.9, words, transform=ax.transAxes, ha="right", va="top", fontsize=11)
    axes[-1, 0].set_xlabel(xlabel)
    return fig


def gaps(parts: Mapping[str, tuple[float, float, float]]) -> Figure:
    """Draw how far a bound lies below log p(x), split into amortisation and approximation gap.

    Args:
        parts: name -> (ELBO of the encoder, ELBO of the best Gaussian, estimate of log p(x)).
    """
    fig, ax = figure(height=1.3 + 0.7 * len(parts))
    for number, (encoder, best, log_p) in enumerate(parts.values()):
        for left, width, color, word in (
            (0.0, log_p - best, GREY, "Gaussian q"),
            (log_p - best, best - encoder, ORANGE, "one encoder for all"),
        ):
            label = word if number == 0 else None
            ax.barh(number, width, left=left, color=color, height=0.55, label=label)
            middle = left + width / 2
            ax.text(middle, number, f"{width:.1f}", ha="center", va="center", fontsize=11)
    ax.set_yticks(range(len(parts)), list(parts))
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set(xlabel="nats below log p(x)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return fig
