"""The checkpoint of a training run: what is in it, what must fit, and how it is written.

A process can be killed at any moment, so new weights get new names, and the checkpoint consists in
the one file that names them, which is replaced in one go.
"""

import hashlib
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dlnotes.files import DataError, write_atomically
from dlnotes.training import weights as weight_files

if TYPE_CHECKING:
    from dlnotes.training.run import Job

STATE = "last.pt"


def save(folder: Path, model: nn.Module, state: dict[str, Any], *, is_best: bool) -> None:
    """Write a checkpoint: weights under new names first, then, at once, the state that names them.

    Args:
        folder: made where it is missing.
        model: its weights become the last ones.
        state: tensors, numbers, strings, lists and dicts; gets the entries "last" and "best", the
            names of the files of weights.
        is_best: the weights are also the best so far.
    """
    folder.mkdir(parents=True, exist_ok=True)
    step = state["step"]
    state["last"] = f"last-{step:08d}.safetensors"
    weight_files.save(folder / state["last"], model)
    if is_best:
        state["best"] = f"best-{step:08d}.safetensors"
        weight_files.save(folder / state["best"], model)
    write_atomically(folder / STATE, lambda temporary: torch.save(state, temporary))
    for path in folder.iterdir():  # what older checkpoints and killed processes left
        ours = re.fullmatch(r"(last|best)-\d+\.safetensors|\..*\.part", path.name)
        if ours and path.name not in (state["last"], state["best"]):
            path.unlink(missing_ok=True)


def read(folder: Path) -> dict[str, Any] | None:
    """Return the state of the last checkpoint; None where there is none."""
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged zip file or pickle makes torch raise
        raise DataError(
            f"checkpoint {path} is damaged: {error}. Delete {folder} and train from the start."
        ) from error


def settings(job: "Job", optimizer: Optimizer) -> dict[str, Any]:
    """Return what a resumed run must share with the one that wrote the checkpoint."""
    skip = {"fused", "foreach", "capturable", "differentiable"}  # how to compute, not what
    options = {key: value for key, value in optimizer.defaults.items() if key not in skip}
    settings: dict[str, Any]
    settings = {f"model.{name}": tuple(p.shape) for name, p in job.model.named_parameters()}
    settings |= {f"train[{i}]": (*x.shape, x.dtype, _digest(x)) for i, x in enumerate(job.data)}
    settings["optimizer"] = f"{type(optimizer).__name__} {options}"
    settings |= {
        item.name: getattr(job, item.name)
        for item in fields(job)
        if item.metadata.get("on_resume") == "same"
    }
    return {name: str(value) for name, value in settings.items()}


def check_settings(
    folder: Path, state: dict[str, Any], settings: dict[str, str], job: "Job"
) -> None:
    """Raise unless a checkpoint can be continued with these settings."""
    remedy = "use another folder, or resume=False to overwrite it"
    old = state["settings"]
    for name in [*settings, *old]:
        if old.get(name) != settings.get(name):
            raise ValueError(
                f"checkpoint {folder} comes from other settings: {name} was "
                f"{old.get(name, 'missing')}, is {settings.get(name, 'missing')}; {remedy}"
            )
    if state["step"] > job.total:
        raise ValueError(
            f"checkpoint {folder} is at step {state['step']}, beyond the {job.total} asked for; "
            f"{remedy}"
        )
    if state["total"] != job.total and (job.schedule or job.warmup):
        raise ValueError(
            f"checkpoint {folder} has a schedule for {state['total']} steps, which cannot become "
            f"{job.total}; {remedy}"
        )


def random_state(fabric: Any) -> dict[str, Tensor]:
    """Return the state of torch's own generators, one row per process."""
    states = {"cpu": torch.get_rng_state()}
    if fabric.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(fabric.device)
    if fabric.world_size == 1:
        return {name: state[None] for name, state in states.items()}
    return {name: fabric.all_gather(state).cpu() for name, state in states.items()}


def set_random_state(fabric: Any, states: dict[str, Tensor]) -> None:
    """Give torch's own generators back the state that ``random_state`` returned."""
    # a clone: torch reads the state from the start of the storage, whatever the row
    own = {name: state[fabric.global_rank].clone() for name, state in states.items()}
    torch.set_rng_state(own["cpu"])
    if fabric.device.type == "cuda" and "cuda" in own:
        torch.cuda.set_rng_state(own["cuda"], fabric.device)


def _digest(x: Tensor) -> str:
    """Return a digest of some 64 samples spread over the data: enough to tell data sets apart."""
    some = x[:: max(1, len(x) // 64)].detach().cpu().contiguous()
    raw = some.view(-1).view(torch.uint8).numpy().tobytes()
    return hashlib.sha256(raw).hexdigest()[:12]
