"""Train the weights that are shipped with a chapter, and keep how they were made."""

import importlib
import platform
from dataclasses import dataclass
from pathlib import Path

from dlnotes import __version__
from dlnotes.course import find, root
from dlnotes.course.digest import module_digest

SHARED = ("metrics",)  # modules that ship weights but are no chapter


@dataclass
class Trained:
    """What a training left behind; ``path`` is None if it was interrupted and can be resumed."""

    path: Path | None
    seconds: float
    metrics: dict[str, float]


def names(chapter: str) -> tuple[str, str]:
    """Return the full name and the module of a chapter, or of a shared module that ships weights.

    "vae" is ("16_vae", "vae"), "metrics" is ("metrics", "metrics").
    """
    if chapter in SHARED:
        return chapter, chapter
    found = find(chapter)
    return found.name, found.module


def train(
    chapter: str, *, profile: str, seed: int, checkpoint: Path, out: Path | None = None
) -> Trained:
    """Train with the chapter's recipe, measure, and save the weights with their metadata.

    What is measured is what is stored: a recipe's ``DTYPE``, such as ``torch.float16``, rounds the
    weights before.

    Args:
        chapter: one that has a module in ``dlnotes.recipes``, or "metrics".
        profile: "full" makes what is shipped; the others try the recipe.
        seed: of everything random.
        checkpoint: folder from which an interrupted training goes on.
        out: folder for the weights; None: ``data/weights`` for "full", else ``runs/weights``.

    Raises:
        ValueError: the chapter ships no weights.
    """
    import torch

    from dlnotes import training

    chapter, module = names(chapter)
    name = f"dlnotes.recipes.{module}"
    try:
        recipe = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # an import inside the recipe: that is another fault
            raise
        raise ValueError(f"chapter {chapter} ships no weights: there is no {name}") from None
    model, history = recipe.train(profile, checkpoint=checkpoint, seed=seed)
    if history.interrupted:
        return Trained(None, history.seconds, {})
    if (dtype := getattr(recipe, "DTYPE", None)) is not None:
        model.to(dtype).to(torch.float32)
    metrics = recipe.evaluate(model)
    if profile == "full" and hasattr(recipe, "evaluate_full"):
        metrics |= recipe.evaluate_full(model)
    folder = out or root() / ("data/weights" if profile == "full" else "runs/weights")
    path = Path(folder) / f"{recipe.WEIGHTS}.safetensors"
    training.save_weights(
        path,
        model,
        dtype=dtype,
        command=f"dlnotes train {module} --profile {profile} --seed {seed}",
        profile=profile,
        seed=seed,
        seconds=round(history.seconds, 1),
        metrics=metrics,
        digest=module_digest(name),
        device=str(next(model.parameters()).device),
        versions={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "dlnotes": __version__,
        },
    )
    return Trained(path, history.seconds, metrics)
