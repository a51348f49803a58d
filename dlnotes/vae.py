"""Variational autoencoders (chapter 16): a bound on the evidence, and a network that maximises it.

Read from top to bottom: the Kullback-Leibler term in closed form; the model, with its encoder
q(z|x), its decoder p(x|z) and the draw between them; the evidence lower bound (ELBO) and the
tighter importance-weighted bound; probabilistic PCA, the linear model in which every one of these
quantities is known exactly; at the end how a trained model fills in what is missing.

Everything is in nats per sample: sums over latents and pixels, never means. Encoder parameters are
φ, decoder parameters θ, as in Kingma & Welling (2014).

Differs from the paper:
    the decoder's likelihood is Bernoulli, or Gaussian with one learned variance for all pixels
    where the paper has one per pixel; two hidden layers with layer normalisation and SiLU instead
    of one with tanh; AdamW instead of AdaGrad; pixels are binarised anew whenever they are seen.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import (
    check_at_least,
    check_between,
    check_choice,
    check_positive,
    check_shape,
    check_unit_interval,
)

LIKELIHOODS = ("bernoulli", "gaussian")


# ---- the pieces --------------------------------------------------------------------------------


def kl_to_standard_normal(mu: Tensor, log_variance: Tensor) -> Tensor:
    """Return D_KL(N(mu, diag σ²) ‖ N(0, I)), (N,), in nats: Kingma & Welling (2014), appendix B.

    Args:
        mu: means, (N, D).
        log_variance: log σ², of the same shape.
    """
    check_shape("mu", mu, "N", "D")
    check_shape("log_variance", log_variance, *mu.shape)

    return -0.5 * (1 + log_variance - mu**2 - log_variance.exp()).sum(1)


def binarize(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw each pixel as 1 with the probability that its grey value is, else 0.

    Salakhutdinov & Murray (2008) read MNIST so. Done anew for every batch it also augments the
    data; done once it fixes a test set.

    Args:
        images: any shape, values in [0, 1].
        generator: source of the random numbers; None is torch's own.

    Returns:
        Zeros and ones, of the images' shape and dtype.
    """
    check_unit_interval("images", images)

    return torch.bernoulli(images, generator=generator)


def mlp(*widths: int) -> nn.Sequential:
    """Return linear layers of these widths, with layer normalisation and SiLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.LayerNorm(after), nn.SiLU()]
    return nn.Sequential(*layers[:-2])


def check_sample_shape(shape: Sequence[int]) -> None:
    """Raise unless this is the shape of a sample: a sequence of sizes, none below 1."""
    if not isinstance(shape, Sequence) or not shape:
        raise TypeError(f"shape must be a sequence such as (1, 28, 28), got {shape!r}")
    check_positive(**{f"shape[{axis}]": size for axis, size in enumerate(shape)})


# ---- the model ---------------------------------------------------------------------------------


class VAE(nn.Module):
    """A variational autoencoder: z ~ N(0, I), x ~ p_θ(x|z), and q_φ(z|x) to infer z from x.

    Args:
        shape: of one sample x, such as (1, 28, 28) or (5,).
        latent_dim: dimensions of one code z.
        hidden_dim: units of each of the two hidden layers, in encoder and decoder.
        likelihood: "bernoulli" for x in [0, 1] (a density only for zeros and ones) or "gaussian",
            whose variance, one for all of x, is learned.
    """

    def __init__(
        self,
        shape: Sequence[int] = (1, 28, 28),
        latent_dim: int = 32,
        *,
        hidden_dim: int = 384,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        check_positive(latent_dim=latent_dim, hidden_dim=hidden_dim)
        check_choice(LIKELIHOODS, likelihood=likelihood)
        check_sample_shape(shape)

        self.shape, self.latent_dim, self.likelihood = tuple(shape), latent_dim, likelihood
        size = math.prod(self.shape)
        self.encoder = mlp(size, hidden_dim, hidden_dim, 2 * latent_dim)
        self.decoder = mlp(latent_dim, hidden_dim, hidden_dim, size)
        if likelihood == "gaussian":
            self.log_noise_variance = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        """Return (reconstruction, mu, log_variance) of x, (N, *shape)."""
        mu, log_variance = self.encode(x)
        z = self.reparameterize(mu, log_variance, generator)
        return self.decode(z), mu, log_variance

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z|x) = N(mu, diag σ²), each (N, latent_dim)."""
        check_shape("x", x, "N", *self.shape)
        mu, log_variance = self.encoder(x.flatten(1)).chunk(2, dim=1)
        return mu, log_variance

    def reparameterize(
        self, mu: Tensor, log_variance: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw z = mu + σ ⊙ ε, ε ~ N(0, I), so that gradients reach mu and σ (VAE-7)."""
        noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
        return mu + (0.5 * log_variance).exp() * noise

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean of p(x|z), (..., *shape), for codes (..., latent_dim)."""
        output = self.decoder_output(z)
        return output.sigmoid() if self.likelihood == "bernoulli" else output

    def decoder_output(self, z: Tensor) -> Tensor:
        """Return the logits of a Bernoulli, the mean of a Gaussian, (..., *shape)."""
        check_shape("z", z, "...", self.latent_dim)
        return self.decoder(z).unflatten(-1, self.shape)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Return log p(x|z), (..., N): the sum over all pixels of x, (N, *shape).

        Args:
            x: samples; for a Bernoulli in [0, 1].
            z: one code per sample, (N, latent_dim), or several, (S, N, latent_dim).
        """
        check_shape("x", x, "N", *self.shape)
        check_shape("z", z, "...", len(x), self.latent_dim)
        output = self.decoder_output(z)
        if self.likelihood == "bernoulli":
            check_unit_interval("x", x)
            log_p = x * output - F.softplus(output)  # x log p + (1 - x) log(1 - p), p = sigmoid
        else:
            variance = self.log_noise_variance.exp()
            log_p = -0.5 * ((x - output) ** 2 / variance + (2 * math.pi * variance).log())
        return log_p.flatten(-len(self.shape)).sum(-1)

    @torch.no_grad()
    def sample(
        self, n: int, *, noise: bool = False, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return n new samples, (n, *shape): z from the prior (VAE-1), then x given z (VAE-2).

        Args:
            n: how many.
            noise: draw x from p(x|z); False returns its mean, as the pictures in papers do.
            generator: source of the random numbers; None is torch's own.
        """
        check_positive(n=n)

        first = self.decoder[0].weight
        options = dict(generator=generator, dtype=first.dtype, device=first.device)
        x = self.decode(torch.randn(n, self.latent_dim, **options))
        if not noise:
            return x
        if self.likelihood == "bernoulli":
            return torch.bernoulli(x, generator=generator)
        return x + (0.5 * self.log_noise_variance).exp() * torch.randn(x.shape, **options)


# ---- bounds ------------------------------------------------------------------------------------


def elbo(
    model: nn.Module,
    x: Tensor,
    *,
    posterior: tuple[Tensor, Tensor] | None = None,
    beta: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return one draw of the evidence lower bound of each sample, (N,), in nats (VAE-5).

    E_q log p(x|z) − β D_KL(q(z|x) ‖ p(z)): the expectation by one draw of z, the divergence in
    closed form. It is to be *maximised*; the loss is its negative mean.

    Args:
        model: a ``VAE``, or anything with its ``encode``, ``reparameterize``, ``log_likelihood``.
        x: samples, (N, ...).
        posterior: (mu, log_variance) of q(z|x), each (N, D); None asks the model's encoder.
        beta: weight of the divergence; only 1 gives a bound on log p(x) for every q.
        generator: source of the random numbers; None is torch's own.
    """
    check_between(0, math.inf, beta=beta)

    mu, log_variance = model.encode(x) if posterior is None else posterior
    z = model.reparameterize(mu, log_variance, generator)
    return model.log_likelihood(x, z) - beta * kl_to_standard_normal(mu, log_variance)


def importance_weighted_bound(
    model: nn.Module,
    x: Tensor,
    samples: int,
    *,
    posterior: tuple[Tensor, Tensor] | None = None,
    generator: torch.Generator | None = None,
    chunk: int = 50,
) -> Tensor:
    """Return log of the mean of ``samples`` weights p(x, z) / q(z|x), (N,), in nats.

    Burda, Grosse & Salakhutdinov (2016), equation 8: a lower bound on log p(x) in expectation,
    which rises to it with the number of draws. With one draw it is the ELBO, all Monte Carlo.

    Args:
        model: as for ``elbo``.
        x: samples, (N, ...).
        samples: draws of z for each x.
        posterior: (mu, log_variance) of q(z|x); None asks the model's encoder.
        generator: source of the random numbers; None is torch's own.
        chunk: draws held in memory at once; the result does not depend on it, but for rounding.
    """
    check_positive(samples=samples, chunk=chunk)

    mu, log_variance = model.encode(x) if posterior is None else posterior
    total = torch.full_like(mu[:, 0], -math.inf)  # log of the sum of the weights so far
    for start in range(0, samples, chunk):
        shape = (min(chunk, samples - start), *mu.shape)
        z = model.reparameterize(mu.expand(shape), log_variance.expand(shape), generator)
        log_prior = log_normal(z, torch.zeros_like(mu), torch.zeros_like(mu))
        log_q = log_normal(z, mu, log_variance)
        log_weights = model.log_likelihood(x, z) + log_prior - log_q
        total = torch.logaddexp(total, log_weights.logsumexp(0))
    return total - math.log(samples)


def log_normal(z: Tensor, mu: Tensor, log_variance: Tensor) -> Tensor:
    """Return log N(z; mu, diag σ²), summed over the last dimension: (..., N)."""
    squares = (z - mu) ** 2 * (-log_variance).exp()
    return -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(-1)


# ---- the linear model, in which all is known ---------------------------------------------------


class LinearGaussian(nn.Module):
    """Probabilistic PCA: z ~ N(0, I), x ~ N(Wz + m, s²I); Tipping & Bishop (1999).

    Its evidence and its posterior are known, so every claim about bounds can be tried on it. It
    has the methods of a ``VAE`` that ``elbo`` and ``importance_weighted_bound`` call.

    Args:
        weight: W, (D, K).
        mean: m, (D,).
        noise_variance: s², positive.
    """

    def __init__(self, weight: Tensor, mean: Tensor, noise_variance: float) -> None:
        super().__init__()
        check_shape("weight", weight, "D", "K")
        check_shape("mean", mean, len(weight))
        if not noise_variance > 0:
            raise ValueError(f"noise_variance must be positive, got {noise_variance}")

        self.weight, self.mean = nn.Parameter(weight.clone()), nn.Parameter(mean.clone())
        self.noise_variance = nn.Parameter(weight.new_tensor(float(noise_variance)))

    @classmethod
    def fit(cls, x: Tensor, latent_dim: int) -> "LinearGaussian":
        """Return the model of maximum likelihood for x, (N, D): their equations 7 and 8."""
        check_shape("x", x, "N", "D")
        check_positive(latent_dim=latent_dim)
        if latent_dim >= x.shape[1]:
            raise ValueError(f"latent_dim must be below D = {x.shape[1]}, got {latent_dim}")

        values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))  # ascending
        noise = values[:-latent_dim].mean()  # the average variance that is left out
        kept, axes = values[-latent_dim:].flip(0), vectors[:, -latent_dim:].flip(1)
        return cls(axes * (kept - noise).clamp_min(0).sqrt(), x.mean(0), noise.item())

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the evidence log p(x) = log N(x; m, WWᵀ + s²I), (N,)."""
        noise = self.noise_variance * torch.eye(len(self.mean)).to(self.mean)
        covariance = self.weight @ self.weight.T + noise
        return torch.distributions.MultivariateNormal(self.mean, covariance).log_prob(x)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean (N, K) and covariance (K, K) of p(z|x): N(M⁻¹Wᵀ(x − m), s²M⁻¹)."""
        check_shape("x", x, "N", len(self.mean))
        M = self.weight.T @ self.weight  # M of the paper, but for the noise
        M = M + self.noise_variance * torch.eye(len(M)).to(M)
        mean = torch.linalg.solve(M, self.weight.T @ (x - self.mean).T).T
        return mean, self.noise_variance * torch.linalg.inv(M)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the best diagonal q(z|x): the mean, and minus the log of the precisions' diagonal.

        It is the posterior itself if the columns of W are orthogonal, as those of ``fit`` are.
        """
        mean, covariance = self.posterior(x)
        precision = torch.linalg.inv(covariance).diagonal()
        return mean, -precision.log().expand(mean.shape)

    reparameterize = VAE.reparameterize

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Return log p(x|z), (..., N)."""
        mean = z @ self.weight.T + self.mean
        return log_normal(x, mean, self.noise_variance.log().expand(mean.shape))

    def exact_elbo(self, x: Tensor, mu: Tensor, log_variance: Tensor) -> Tensor:
        """Return the ELBO for q = N(mu, diag σ²) without drawing anything, (N,)."""
        spread = (self.weight**2).sum(0) @ log_variance.exp().T / self.noise_variance
        return self.log_likelihood(x, mu) - 0.5 * spread - kl_to_standard_normal(mu, log_variance)


# ---- what is missing, filled in ----------------------------------------------------------------


@torch.no_grad()
def impute(
    model: VAE,
    x: Tensor,
    observed: Tensor,
    *,
    steps: int = 20,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Fill in what is missing: the mean of p(x|z) there, the given x elsewhere, (N, *shape).

    Encode and decode in turn, keeping what was observed: the Markov chain of Rezende, Mohamed &
    Wierstra (2014), appendix F. The means of the second half of the chain are averaged.

    Args:
        model: trained on complete samples.
        x: samples, (N, *shape); what is not observed is not looked at.
        observed: True where x is known, of x's shape.
        steps: length of the chain.
        generator: source of the random numbers; None is torch's own.
    """
    check_shape("x", x, "N", *model.shape)
    _check_mask("observed", observed, *x.shape)
    check_at_least(2, steps=steps)

    filled, total = torch.where(observed, x, 0.5), torch.zeros_like(x)
    for step in range(steps):
        mean = model(filled, generator)[0]
        guess = mean
        if model.likelihood == "bernoulli":  # the encoder knows zeros and ones
            guess = torch.bernoulli(mean, generator=generator)
        filled = torch.where(observed, x, guess)
        if step >= steps // 2:
            total += mean
    return torch.where(observed, x, total / (steps - steps // 2))


def _check_mask(name: str, mask: Tensor, *shape: int) -> None:
    """Raise unless this is a boolean tensor of this shape."""
    check_shape(name, mask, *shape)
    if mask.dtype != torch.bool:
        raise TypeError(f"{name} must be a boolean mask, got {mask.dtype}")
