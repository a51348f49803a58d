"""Train the weights that are shipped with a chapter, and keep how they were made."""

import importlib
import platform
from dataclasses import dataclass
from pathlib import Path

from dlnotes import __version__
from dlnotes.course import Chapter, root
from dlnotes.course.digest import module_digest


@dataclass
class Trained:
    """What a training left behind; ``path`` is None if it was interrupted and can be resumed."""

    path: Path | None
    seconds: float
    metrics: dict[str, float]


def train(
    chapter: Chapter, *, profile: str, seed: int, checkpoint: Path, out: Path | None = None
) -> Trained:
    """Train with the chapter's recipe, measure, and save the weights with their metadata.

    Args:
        chapter: one that has a module in ``dlnotes.recipes``.
        profile: "full" makes what is shipped; the others try the recipe.
        seed: of everything random.
        checkpoint: folder from which an interrupted training goes on.
        out: folder for the weights; None: ``data/weights`` for "full", else ``runs/weights``.

    Raises:
        ValueError: the chapter ships no weights.
    """
    import torch

    from dlnotes import training

    name = f"dlnotes.recipes.{chapter.module}"
    try:
        recipe = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # an import inside the recipe: that is another fault
            raise
        raise ValueError(f"chapter {chapter.name} ships no weights: there is no {name}") from None
    model, history = recipe.train(profile, checkpoint=checkpoint, seed=seed)
    if history.interrupted:
        return Trained(None, history.seconds, {})
    metrics = recipe.evaluate(model)
    if profile == "full" and hasattr(recipe, "evaluate_full"):
        metrics |= recipe.evaluate_full(model)
    folder = out or root() / ("data/weights" if profile == "full" else "runs/weights")
    path = Path(folder) / f"{recipe.WEIGHTS}.safetensors"
    training.save_weights(
        path,
        model,
        command=f"dlnotes train {chapter.module} --profile {profile} --seed {seed}",
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
