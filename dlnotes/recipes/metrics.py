"""The classifier whose features measure generated digits: it belongs to no single chapter.

Trained on the 55,000 training digits by ``dlnotes train metrics``; the validation digits say how
well. The test digits, with which generated ones are compared later, are only counted at the end.
"""

from pathlib import Path

import torch
from torch import Tensor

from dlnotes import PROFILES, data, metrics, training
from dlnotes.checks import check_choice
from dlnotes.recipes.cnn import shift

WEIGHTS = metrics.WEIGHTS
DTYPE = torch.float16  # of the numbers in the file

SETTINGS = {
    "smoke": dict(images=2_000, epochs=4, batch_size=32, learning_rate=3e-3),
    "standard": dict(images=55_000, epochs=3, batch_size=128, learning_rate=4e-3),
    "full": dict(images=55_000, epochs=12, batch_size=128, learning_rate=4e-3),
}


def build() -> metrics.DigitClassifier:
    """Return the untrained classifier."""
    return metrics.DigitClassifier()


def train(
    profile: str, *, checkpoint: str | Path | None = None, seed: int = 0
) -> tuple[metrics.DigitClassifier, training.History]:
    """Train the classifier; return it, in evaluation mode, and the history.

    Args:
        profile: "smoke" (2,000 digits, seconds), "standard" or "full" (all, minutes).
        checkpoint: folder from which a killed run goes on.
        seed: of the initial weights, the order of the digits and their shifts.
    """
    check_choice(PROFILES, profile=profile)
    settings = dict(SETTINGS[profile])
    digits = data.mnist("train").take(settings.pop("images"))
    validation = data.mnist("validation").take(500 if profile == "smoke" else 5_000)
    rate = settings.pop("learning_rate")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build()
    history = training.fit(
        model,
        training.classification_loss,
        digits,
        optimizer=lambda parameters: torch.optim.AdamW(parameters, rate, weight_decay=0.05),
        schedule="one_cycle",
        validate=lambda model: {"validation_accuracy": training.accuracy(model, validation)},
        transform=shift_by_one,
        checkpoint=checkpoint,
        seed=seed,
        description=f"digits, {profile}",
        **settings,
    )
    return model.eval(), history


def evaluate(model: metrics.DigitClassifier) -> dict[str, float]:
    """Return the accuracy on the 10,000 test digits, a number in [0, 1]."""
    return {"test_accuracy": training.accuracy(model, data.mnist("test"))}


def shift_by_one(batch: tuple[Tensor, Tensor], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Move each digit by at most one pixel; labels stay."""
    images, labels = batch
    return shift(images, 1, generator=generator), labels
