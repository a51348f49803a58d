"""The variational autoencoder that chapter 16 ships.

Trained on all 60,000 digits, binarised anew in every epoch (``profile="full"``), by
``dlnotes train vae``. The notebook trains the same model live, as "standard" says, and loads these
weights beside it.
"""

import torch
from torch import Tensor, nn

from dlnotes import data
from dlnotes.checks import check_positive
from dlnotes.recipes import Recipe, Settings
from dlnotes.vae import VAE, binarize, elbo, importance_weighted_bound

IMPORTANCE_SAMPLES = 500


def build() -> VAE:
    """Return the untrained model: 40 latents, two hidden layers of 384 on either side."""
    return VAE((1, 28, 28), 40, hidden_dim=384)


def digits(split: str = "train", *, images: int) -> Tensor:
    """Return the first so many digits of a split, grey, (N, 1, 28, 28)."""
    return data.mnist(split).take(images).inputs


def negative_elbo(model: nn.Module, batch: tuple[Tensor]) -> Tensor:
    """Return the mean of −ELBO over a batch (x,), in nats: the loss."""
    return -elbo(model, batch[0]).mean()


def binarize_batch(batch: tuple[Tensor], generator: torch.Generator) -> tuple[Tensor]:
    """Return the batch (x,) with pixels drawn anew: the ``transform`` of ``training.fit``."""
    return (binarize(batch[0], generator),)


def binarized(split: str) -> data.Split:
    """Return MNIST with each pixel drawn once, always in the same way: fixed data to measure on."""
    generator = torch.Generator().manual_seed(2008)  # the year of Salakhutdinov & Murray's data
    return data.mnist(split).map(lambda images: binarize(images, generator))


@torch.no_grad()
def bounds(model: nn.Module, x: Tensor, *, weighted: int, seed: int = 0) -> dict[str, float]:
    """Return the mean "elbo" of all x and the mean "iwae_500" of the first ``weighted``, in nats.

    Args:
        model: a ``VAE`` or anything like it.
        x: samples, (N, ...).
        weighted: how many samples get the importance-weighted bound, which costs 500 draws each.
        seed: of the draws; four for each x in the ELBO.
    """
    generator = torch.Generator().manual_seed(seed)
    simple = [elbo(model, part, generator=generator) for _ in range(4) for part in x.split(1000)]
    tight = [
        importance_weighted_bound(model, part, IMPORTANCE_SAMPLES, generator=generator, chunk=25)
        for part in x[:weighted].split(100)
    ]
    found = {"elbo": simple, f"iwae_{IMPORTANCE_SAMPLES}": tight}
    return {name: torch.cat(values).double().mean().item() for name, values in found.items()}


def evaluate(model: nn.Module) -> dict[str, float]:
    """Return the bounds on the binarised test digits: "elbo" of all, "iwae_500" of the first 1,000.

    In nats per digit; some 20 seconds on one core.
    """
    found = bounds(model, binarized("test").inputs, weighted=1_000)
    return {"test_elbo": found["elbo"], "test_iwae_500_of_1000": found["iwae_500"]}


def evaluate_full(model: nn.Module) -> dict[str, float]:
    """Return the importance-weighted bound of all 10,000 test digits; minutes."""
    found = bounds(model, binarized("test").inputs, weighted=10_000)
    return {"test_iwae_500_of_10000": found["iwae_500"]}


# ---- what one encoder for all costs ------------------------------------------------------------


def optimize_posterior(
    model: nn.Module,
    x: Tensor,
    *,
    steps: int = 200,
    learning_rate: float = 0.02,
    draws: int = 4,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return (mu, log_variance) of the best Gaussian q for each x alone, from the encoder's on.

    What the ELBO gains by it is the amortisation gap: the price of one encoder for all x
    (Cremer, Li & Duvenaud 2018). The model is not changed.

    Args:
        model: as for ``elbo``.
        x: samples, (N, ...).
        steps: of Adam, its rate falling linearly to 0.
        learning_rate: of the first step.
        draws: of z per step and sample.
        generator: source of the random numbers; None is torch's own.
    """
    check_positive(steps=steps, draws=draws)

    with torch.no_grad():
        start = model.encode(x)
    mu, log_variance = (part.clone().requires_grad_() for part in start)
    optimizer = torch.optim.Adam([mu, log_variance], learning_rate)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
        posterior = [part.expand(draws, *part.shape).flatten(0, 1) for part in (mu, log_variance)]
        repeated = x.expand(draws, *x.shape).flatten(0, 1)
        loss = -elbo(model, repeated, posterior=tuple(posterior), generator=generator).sum() / draws
        mu.grad, log_variance.grad = torch.autograd.grad(loss, (mu, log_variance))
        optimizer.step()
    return mu.detach(), log_variance.detach()


RECIPE = Recipe(
    weights="vae_digits",
    dtype=torch.float16,
    description="VAE",
    settings={
        "smoke": Settings(
            data=dict(images=1_000),
            fit=dict(epochs=4, batch_size=50, learning_rate=2e-3),
        ),
        "standard": Settings(
            data=dict(images=55_000),
            fit=dict(epochs=11, batch_size=128, learning_rate=5e-3),
        ),
        "full": Settings(  # validation digits included
            data=dict(split="train+validation", images=60_000),
            fit=dict(epochs=200, batch_size=256, learning_rate=3e-3),
        ),
    },
    build=build,
    data=digits,
    loss=negative_elbo,
    options=dict(schedule="one_cycle", transform=binarize_batch),
    evaluate=evaluate,
    evaluate_full=evaluate_full,
)
