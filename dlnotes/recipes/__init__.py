"""How the shipped weights are made: one ``Recipe`` per model, and one way to ``train`` them all.

A module of this package is named after its chapter and holds ``RECIPE`` and the plain functions
that it consists of, which notebooks use, too. Notebooks read their settings from it:
``RECIPE.settings["standard"].fit``. ``dlnotes train`` runs recipes from the command line.
"""

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from dlnotes import PROFILES, training
from dlnotes.checks import check_choice
from dlnotes.training import History
from dlnotes.training.weights import rounded

# The classifier first, with which generated digits are judged; then those furthest from their goal.
NAMES = ("metrics", "transformer", "seq2seq", "vae", "cnn", "word2vec")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How long, and on what, a recipe trains in one profile.

    Attributes:
        fit: options of ``training.fit``: epochs or steps, batch_size, learning_rate, precision.
        data: options of ``Recipe.data``.
        model: options of ``Recipe.build``, where it is not the shipped model.
        validation: samples that ``Recipe.validate`` looks at after each epoch; 0 = none.
    """

    fit: Mapping[str, Any]
    data: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    validation: int = 0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that it takes to train a model and to measure it.

    Attributes:
        weights: name of the file of weights, for ``training.load_weights``.
        settings: for each of the profiles "smoke", "standard" and "full", which is what is shipped.
        build: ``build(**settings.model)`` returns the untrained model; ``build()`` the shipped one.
        data: ``data(**settings.data)`` returns what is trained on.
        loss: ``loss(model, batch)``, see ``training.fit``.
        fit: instead of a loss, for what takes another loop than ``training.fit``, such as two
            networks against each other: ``fit(model, data, **options)`` with the options of that
            function, ``checkpoint`` and ``max_seconds`` included; returns a ``History``.
        evaluate: ``evaluate(model)`` returns the metrics on the shipped test data.
        evaluate_full: likewise, more of them at "full": what takes minutes, or a download.
        dtype: in which the file stores numbers; None = float32, as they are.
        optimizer: ``optimizer(parameters, learning_rate)``; None = that of ``training.fit``.
        validate: ``validate(model, samples)`` returns the metrics on so many validation samples.
        options: options of ``training.fit`` in every profile: schedule, transform, clip_norm.
        checkpoint_every: steps from one checkpoint to the next, where an epoch takes minutes.
        description: label of the progress bar.
    """

    weights: str
    settings: Mapping[str, Settings]
    build: Callable[..., nn.Module]
    data: Callable[..., Any]
    evaluate: Callable[[Any], dict[str, float]]
    loss: Callable[[Any, Any], Any] | None = None
    fit: Callable[..., History] | None = None
    evaluate_full: Callable[[Any], dict[str, float]] | None = None
    dtype: torch.dtype | None = None
    optimizer: Callable[..., Optimizer] | None = None
    validate: Callable[..., dict[str, float]] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    checkpoint_every: int | None = None
    description: str = ""

    def __post_init__(self) -> None:
        if tuple(self.settings) != PROFILES:
            raise ValueError(f"settings must be for {PROFILES}, got {tuple(self.settings)}")
        if (self.loss is None) == (self.fit is None):
            raise ValueError(f"give either loss or fit, got loss={self.loss} and fit={self.fit}")

    def fit_options(self, profile: str) -> dict[str, Any]:
        """Return the options of ``training.fit`` which say how this recipe learns."""
        check_choice(PROFILES, profile=profile)
        settings = self.settings[profile]
        options = dict(self.options) | dict(settings.fit)
        if self.optimizer is not None:
            rate = options["learning_rate"]
            options["optimizer"] = partial(self.optimizer, learning_rate=rate)
        return options


def find(name: str) -> Recipe:
    """Return the recipe of a module of this package.

    Raises:
        ValueError: there is no such module, or it has no ``RECIPE``.
    """
    module = f"{__name__}.{name}"
    try:
        recipe = getattr(importlib.import_module(module), "RECIPE", None)
    except ModuleNotFoundError as error:
        if error.name != module:  # an import inside the recipe: that is another fault
            raise
        recipe = None
    if recipe is None:
        raise ValueError(f"name must be a module of {__name__} with a RECIPE, got {name!r}")
    return recipe


def train(
    recipe: Recipe,
    profile: str,
    *,
    checkpoint: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    seconds: float | None = None,
    progress: bool = True,
) -> tuple[Any, History]:
    """Train as a recipe says.

    Args:
        recipe: such as ``dlnotes.recipes.vae.RECIPE``.
        profile: "smoke" (seconds), "standard" (minutes on two cores) or "full".
        checkpoint: folder from which a training goes on that was killed or ran out of time.
        seed: of the initial weights, the order of the data and all else that is random.
        device: see ``training.device``.
        seconds: stop so long after this call; the history is then ``interrupted``. None = no limit.
        progress: show a progress bar.

    Returns:
        The model, in evaluation mode, and the history. It is trained in float32 and then rounded,
        once, to the numbers which the file will hold; it goes on computing in float32. So what is
        measured is what is stored.
    """
    begin = time.perf_counter()
    options = recipe.fit_options(profile)
    settings = recipe.settings[profile]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = recipe.build(**settings.model)
    if recipe.validate is not None and settings.validation:
        options["validate"] = partial(recipe.validate, samples=settings.validation)
    if checkpoint is not None:
        options |= {"checkpoint": checkpoint, "checkpoint_every": recipe.checkpoint_every}
    options |= {"seed": seed, "device": device, "progress": progress}
    options["description"] = f"{recipe.description}, {profile}"
    data = recipe.data(**settings.data)
    if seconds is not None:
        options["max_seconds"] = max(0.0, seconds - (time.perf_counter() - begin))
    if recipe.fit is not None:
        history = recipe.fit(model, data, **options)
    else:
        assert recipe.loss is not None  # one of the two there is
        history = training.fit(model, recipe.loss, data, **options)
    _round(model, recipe.dtype)
    return model.eval(), history


@torch.no_grad()
def _round(model: nn.Module, dtype: torch.dtype | None) -> None:
    """Round parameters and buffers to the numbers of another dtype; they keep their own."""
    for name, tensor in model.state_dict().items():
        if dtype is not None:
            tensor.copy_(rounded(name, tensor, dtype))
