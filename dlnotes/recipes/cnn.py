"""The residual network that chapter 02 ships, and the augmentation it is trained with.

Trained on all 60,000 images of Fashion-MNIST (``profile="full"``) by ``dlnotes train cnn``. The
notebook loads these weights beside the networks that it trains live.
"""

from collections import OrderedDict
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlnotes import cnn, data, training
from dlnotes.checks import check_at_least, check_shape
from dlnotes.recipes import Recipe, Settings


def build() -> nn.Module:
    """Return the untrained network: a ResNet of three stages of one block each, for 28 × 28 pixels.

    Images (N, 1, 28, 28) in [0, 1] to logits (N, 10); 308,074 parameters, channels last in memory,
    which is a third faster on CPUs.
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
    return nn.Sequential(OrderedDict(layers)).to(memory_format=torch.channels_last)


def clothes(*, images: int, full: bool = False) -> data.Split:
    """Return the first so many training images; ``full`` takes them from the complete set.

    With all 60,000 of that the validation images are among them.
    """
    split = data.fashion_mnist("train+validation" if full else "train", full=full)
    return split.take(images)


def sgd(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """Return stochastic gradient descent with Nesterov's momentum and weight decay."""
    return torch.optim.SGD(
        parameters, learning_rate, momentum=0.9, weight_decay=5e-4, nesterov=True
    )


def validate(model: nn.Module, samples: int) -> dict[str, float]:
    """Return the accuracy on the first so many shipped validation images."""
    images = data.fashion_mnist("validation").take(samples)
    return {"validation_accuracy": training.accuracy(model, images)}


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
    device = images.device
    drawn_on = device if generator is None else generator.device
    start = torch.randint(0, 2 * most + 1, (2, n, 1), generator=generator, device=drawn_on)
    down, right = start.to(device)
    rows = down + torch.arange(height, device=device)
    columns = right + torch.arange(width, device=device)
    padded = F.pad(images, (most,) * 4)
    which = torch.arange(n, device=device)[:, None, None]
    moved = padded[which, :, rows[:, :, None], columns[:, None, :]]  # (N, H, W, C)
    return moved.permute(0, 3, 1, 2).contiguous()


def mirror(images: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """Flip each image, (N, C, H, W), left to right with probability 1/2."""
    check_shape("images", images, "N", "C", "H", "W")
    device = images.device if generator is None else generator.device
    flipped = torch.rand(len(images), 1, 1, 1, generator=generator, device=device) < 0.5
    return torch.where(flipped.to(images.device), images.flip(3), images)


def shift_and_mirror(
    batch: tuple[Tensor, Tensor], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Augment a batch of clothes: the ``transform`` of ``training.fit``. Labels stay."""
    images, labels = batch
    return mirror(shift(images, 2, generator=generator), generator=generator), labels


RECIPE = Recipe(
    weights="cnn_fashion",
    description="Fashion-MNIST",
    settings={
        "smoke": Settings(
            data=dict(images=400),
            fit=dict(epochs=2, batch_size=16, learning_rate=0.03),
            validation=100,
        ),
        "standard": Settings(
            data=dict(images=10_000),
            fit=dict(epochs=5, batch_size=64, learning_rate=0.1),
            validation=2_000,
        ),
        "full": Settings(
            data=dict(images=60_000, full=True),
            fit=dict(epochs=24, batch_size=128, learning_rate=0.2, precision="bf16-mixed"),
        ),
    },
    build=build,
    data=clothes,
    loss=smoothed_loss,
    optimizer=sgd,
    options=dict(schedule="one_cycle", transform=shift_and_mirror),
    validate=validate,
    checkpoint_every=200,
    evaluate=evaluate,
    evaluate_full=evaluate_full,
)
