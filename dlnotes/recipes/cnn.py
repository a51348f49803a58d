"""The residual network that chapter 02 ships, and the augmentation it is trained with.

Trained on all 60,000 images of Fashion-MNIST (``profile="full"``) by ``dlnotes train cnn``; the
notebook trains the same network on the shipped 10,000 images for about a minute
(``"standard"``) and loads these weights beside it.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlnotes import PROFILES, cnn, data, training
from dlnotes.checks import check_at_least, check_choice, check_shape

WEIGHTS = "cnn_fashion"

SETTINGS = {
    "smoke": dict(images=400, epochs=2, batch_size=16, learning_rate=0.03),
    "standard": dict(images=10_000, epochs=5, batch_size=64, learning_rate=0.1),
    "full": dict(images=60_000, epochs=24, batch_size=128, learning_rate=0.2),
}


def build() -> nn.Module:
    """Return the untrained network: a ResNet of three stages of one block each, for 28 × 28 pixels.

    Images (N, 1, 28, 28) in [0, 1] to logits (N, 10); 308,074 parameters.
    """
    stages = ((32, 32, 1), (32, 64, 2), (64, 128, 2))  # 28 × 28, 14 × 14, 7 × 7 pixels
    layers = {
        "conv1": nn.Conv2d(1, 32, 3, padding=1, bias=False),
        "bn1": nn.BatchNorm2d(32),
        "relu": nn.ReLU(),
    }
    for number, (before, after, stride) in enumerate(stages, start=1):
        layers[f"layer{number}"] = cnn.residual_stage(
            cnn.BasicBlock, before, after, blocks=1, stride=stride
        )
    layers |= {
        "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(128, 10),
    }
    return nn.Sequential(OrderedDict(layers))


def train(
    profile: str, *, checkpoint: str | Path | None = None, seed: int = 0
) -> tuple[nn.Module, training.History]:
    """Train the network.

    Args:
        profile: "smoke" (400 images, seconds), "standard" (10,000 images, about a minute on two
            cores) or "full" (all 60,000, which are downloaded if they are not there; about an hour
            on one core).
        checkpoint: folder from which a killed run goes on.
        seed: of the initial weights, the order of the images and the augmentation.

    Returns:
        The network, in evaluation mode, and the history; validation accuracy per epoch, except at
        "full", where the validation images are trained on, too.
    """
    check_choice(PROFILES, profile=profile)
    settings = SETTINGS[profile]
    if profile == "full":
        images, validation = data.fashion_mnist("train+validation", full=True), None
    else:
        images = data.fashion_mnist("train").take(settings["images"])
        validation = data.fashion_mnist("validation").take(100 if profile == "smoke" else 2_000)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build().to(memory_format=torch.channels_last)  # a third faster on CPUs

    def validate(model: nn.Module) -> dict[str, float]:
        return {"validation_accuracy": training.accuracy(model, validation)}

    history = training.fit(
        model,
        smoothed_loss,
        images,
        epochs=settings["epochs"],
        batch_size=settings["batch_size"],
        optimizer=lambda parameters: torch.optim.SGD(
            parameters, settings["learning_rate"], momentum=0.9, weight_decay=5e-4, nesterov=True
        ),
        schedule="one_cycle",
        validate=validate if validation is not None else None,
        transform=shift_and_mirror,
        precision="bf16-mixed" if profile == "full" else "32-true",
        checkpoint=checkpoint,
        seed=seed,
        description=f"Fashion-MNIST, {profile}",
    )
    return model.eval(), history


def evaluate(model: nn.Module) -> dict[str, float]:
    """Return the accuracy on the 2,000 test images that are shipped, a number in [0, 1]."""
    return {"test_accuracy_2000": training.accuracy(model, data.fashion_mnist("test"))}


def evaluate_full(model: nn.Module) -> dict[str, float]:
    """Return the accuracy on all 10,000 test images, which are downloaded if they are not there."""
    return {"test_accuracy_10000": training.accuracy(model, data.fashion_mnist("test", full=True))}


def smoothed_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Return cross-entropy, a tenth of each label spread evenly (Szegedy et al. 2016, §7)."""
    images, labels = batch
    return F.cross_entropy(model(images).float(), labels, label_smoothing=0.1)


# ---- augmentation ------------------------------------------------------------------------------


def shift(images: Tensor, most: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Move each image by its own random number of pixels, zeros coming in at the border.

    Args:
        images: (N, C, H, W).
        most: largest shift, up, down, left or right.
        generator: source of the random numbers; None is torch's own.

    Returns:
        (N, C, H, W), contiguous.
    """
    check_shape("images", images, "N", "C", "H", "W")
    check_at_least(0, most=most)
    n, _, height, width = images.shape
    start = torch.randint(0, 2 * most + 1, (2, n, 1), generator=generator)
    rows, columns = start[0] + torch.arange(height), start[1] + torch.arange(width)
    padded = F.pad(images, (most,) * 4)
    which = torch.arange(n)[:, None, None]
    moved = padded[which, :, rows[:, :, None], columns[:, None, :]]  # (N, H, W, C)
    return moved.permute(0, 3, 1, 2).contiguous()


def mirror(images: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """Flip each image, (N, C, H, W), left to right with probability 1/2."""
    check_shape("images", images, "N", "C", "H", "W")
    flipped = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return torch.where(flipped, images.flip(3), images)


def shift_and_mirror(
    batch: tuple[Tensor, Tensor], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Augment a batch of clothes: the ``transform`` of ``training.fit``. Labels stay."""
    images, labels = batch
    return mirror(shift(images, 2, generator=generator), generator=generator), labels
