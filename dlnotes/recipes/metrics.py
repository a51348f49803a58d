"""The classifier whose features measure generated digits: it belongs to no single chapter.

Trained on the 55,000 training digits by ``dlnotes train metrics``; the validation digits say how
well. The test digits, with which generated ones are compared later, are only counted at the end.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from dlnotes import data, metrics, training
from dlnotes.recipes import Recipe, Settings
from dlnotes.recipes.cnn import shift


def build() -> metrics.DigitClassifier:
    """Return the untrained classifier."""
    return metrics.DigitClassifier()


def digits(*, images: int) -> data.Split:
    """Return the first so many of the 55,000 training digits."""
    return data.mnist("train").take(images)


def adamw(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """Return AdamW with more weight decay than it has of itself."""
    return torch.optim.AdamW(parameters, learning_rate, weight_decay=0.05)


def shift_by_one(batch: tuple[Tensor, Tensor], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Move each digit by at most one pixel; labels stay."""
    images, labels = batch
    return shift(images, 1, generator=generator), labels


def validate(model: metrics.DigitClassifier, samples: int) -> dict[str, float]:
    """Return the accuracy on the first so many validation digits."""
    chosen = data.mnist("validation").take(samples)
    return {"validation_accuracy": training.accuracy(model, chosen)}


def evaluate(model: metrics.DigitClassifier) -> dict[str, float]:
    """Return the accuracy on the 10,000 test digits, a number in [0, 1]."""
    return {"test_accuracy": training.accuracy(model, data.mnist("test"))}


RECIPE = Recipe(
    weights=metrics.WEIGHTS,
    dtype=torch.float16,
    description="digits",
    settings={
        "smoke": Settings(
            data=dict(images=2_000),
            fit=dict(epochs=4, batch_size=32, learning_rate=3e-3),
            validation=500,
        ),
        "standard": Settings(
            data=dict(images=55_000),
            fit=dict(epochs=3, batch_size=128, learning_rate=4e-3),
            validation=5_000,
        ),
        "full": Settings(
            data=dict(images=55_000),
            fit=dict(epochs=12, batch_size=128, learning_rate=4e-3),
            validation=5_000,
        ),
    },
    build=build,
    data=digits,
    loss=training.classification_loss,
    optimizer=adamw,
    options=dict(schedule="one_cycle", transform=shift_by_one),
    validate=validate,
    evaluate=evaluate,
)
