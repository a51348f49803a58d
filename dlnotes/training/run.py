"""The state of a training run, and how it is kept; ``dlnotes.training`` holds the loop."""

import inspect
import itertools
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from dlnotes.files import DataError
from dlnotes.training import checkpoints, fingerprints
from dlnotes.training.batching import Batch, batches, mode
from dlnotes.training.history import History, schedule_factor

# After how many steps the losses are looked at: on an accelerator each look waits for it.
_LOOK_EVERY = {"cpu": 1, "cuda": 50, "mps": 50}

OF_A_STEP = ("step", "epoch", "learning_rate")


def _same(**options: Any) -> Any:
    """A field of ``Job`` in which a resumed run must agree with the one before."""
    return field(metadata={"on_resume": "same"}, **options)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What ``fit`` was asked to do, after all checks."""

    model: nn.Module
    loss: Callable[[nn.Module, Batch], Any]
    data: Batch
    total: int
    per_epoch: int
    batch_size: int = _same()
    optimizer: Callable[..., Optimizer] | None
    learning_rate: float
    schedule: str | None = _same()
    warmup: float = _same()
    validate: Callable[[nn.Module], dict[str, float]] | None
    monitor: str | None = _same()
    transform: Callable[[Batch, torch.Generator], Batch] | None
    device: torch.device
    precision: str = _same()
    processes: int = _same()
    accumulate: int = _same()
    clip_norm: float | None = _same()
    checkpoint: Path | None
    checkpoint_every: int | None
    resume: bool
    stop: "Stop"
    seed: int = _same()
    progress: bool
    description: str


class Stop:
    """True once the loop must end: after Ctrl-C, or when its time is up.

    The clock starts when the loop first asks, so that at least one step is taken.

    Args:
        max_seconds: the time there is; None is no limit.
    """

    def __init__(self, max_seconds: float | None = None) -> None:
        self.max_seconds, self.asked = max_seconds, False
        self._start: float | None = None

    def __bool__(self) -> bool:
        if self.asked or self.max_seconds is None:
            return self.asked
        now = time.perf_counter()
        if self._start is None:
            self._start = now
            return False
        return now - self._start >= self.max_seconds


class Run:
    """The state of a run: all that a checkpoint holds."""

    def __init__(
        self, fabric: Any, job: Job, objective: nn.Module, folder: checkpoints.Folder | None
    ) -> None:
        self.fabric, self.job, self.folder = fabric, job, folder
        job.model.to(fabric.device)
        self.data = tuple(x.to(fabric.device) for x in job.data)
        self.plain_optimizer = optimizer = _optimizer(job)
        self.scheduler = LambdaLR(
            optimizer,
            lambda step: schedule_factor(step, job.total, schedule=job.schedule, warmup=job.warmup),
        )
        self.parameters = [p for p in objective.parameters() if p.requires_grad]
        self.objective, self.optimizer = fabric.setup(objective, optimizer)
        seed = int(job.seed)  # torch takes none of NumPy's
        self.shuffling = torch.Generator().manual_seed(seed)
        self.augmentation = torch.Generator(fabric.device).manual_seed(seed + 1_000_000_007)
        torch.manual_seed(seed + 2_000_000_011 + fabric.global_rank)
        self.step = self.done = 0  # steps in the run, and in this epoch
        self.epoch_start = self.shuffling.get_state()
        self.history = History()
        self.best_file: str | None = None
        self.pending: list[tuple[float, dict[str, Tensor], Tensor]] = []
        if folder is not None:
            self.settings = fingerprints.settings(job, optimizer)
            self.resume(folder)
        if folder is not None and not self.finished() and not os.access(folder.path, os.W_OK):
            raise DataError(
                f"checkpoint {folder.path} cannot be written: allow it, or use another folder"
            )
        self.clock = time.perf_counter() - self.history.seconds

    def finished(self) -> bool:
        return self.step == self.job.total and self.closed()

    def closed(self) -> bool:
        """Tell whether the steps so far have their row in ``history.epochs``."""
        return bool(self.history.epochs) and self.history.epochs[-1]["step"] == self.step

    def at_end_of_epoch(self) -> bool:
        return self.done == self.job.per_epoch or self.step == self.job.total

    def batches_left(self) -> Iterator[Batch]:
        """Draw the order of the epoch, or draw it again, and leave out the batches already done."""
        if self.done == 0:
            self.epoch_start = self.shuffling.get_state()
        else:
            self.shuffling.set_state(self.epoch_start)
        order = batches(self.data, self.job.batch_size, generator=self.shuffling)
        end = self.done + self.job.total - self.step
        for batch in itertools.islice(order, self.done, end):
            transform = self.job.transform
            yield batch if transform is None else transform(batch, self.augmentation)

    def note(self, values: dict[str, Tensor]) -> None:
        """Keep the losses of a step and the norm of its gradient; look at them before the step.

        On an accelerator, where each look waits for it, that is only now and then, but always
        before a checkpoint is written.
        """
        self.norm = self.gradient_norm()
        self.pending.append((self.plain_optimizer.param_groups[0]["lr"], values, self.norm))
        if len(self.pending) >= _LOOK_EVERY.get(self.fabric.device.type, 50):
            self.look()

    def gradient_norm(self) -> Tensor:
        """Return the norm of the gradient of all parameters together."""
        grads = [p.grad for p in self.parameters if p.grad is not None]
        if self.job.optimizer is None and any(grad.is_sparse for grad in grads):
            raise ValueError(
                "optimizer must be one for sparse gradients, such as torch.optim.SparseAdam, when "
                "the model has them, got None, which is AdamW"
            )
        return nn.utils.get_total_norm([g.coalesce().values() if g.is_sparse else g for g in grads])

    def clip(self) -> None:
        assert self.job.clip_norm is not None
        nn.utils.clip_grads_with_norm_(self.parameters, self.job.clip_norm, self.norm)

    def look(self) -> None:
        """Enter the pending losses into the history; raise if one is not finite."""
        pending, self.pending = self.pending, []
        for rate, values, norm in pending:
            step = len(self.history.steps) + 1
            *numbers, size = torch.stack([*values.values(), norm]).tolist()
            means = dict(zip(values, numbers, strict=True))
            if not math.isfinite(means["loss"]):
                raise FloatingPointError(
                    f"the loss is {means['loss']} at step {step}, with learning rate {rate:g}: "
                    f"lower the learning rate, or clip the gradients (clip_norm=1.0)"
                )
            if not math.isfinite(size):
                self.check_gradient(step, means["loss"], size)
            row = {"step": step, "epoch": step / self.job.per_epoch, "learning_rate": rate}
            row |= means
            if self.history.steps and row.keys() != self.history.steps[-1].keys():
                before = ", ".join(name for name in self.history.steps[-1] if name not in OF_A_STEP)
                raise ValueError(
                    f"loss must return the same names at every step, got {', '.join(means)} at "
                    f"step {step} and {before} before"
                )
            self.history.steps.append(row)

    def check_gradient(self, step: int, loss: float, norm: float) -> None:
        """Raise where a number is not finite; a norm alone may only have grown too large."""
        found = "gradient holds nan" if math.isnan(norm) else None
        for name, parameter in reversed([*self.job.model.named_parameters()]):
            for what, x in (("value", parameter.detach()), ("gradient", parameter.grad)):
                x = x.coalesce().values() if x is not None and x.is_sparse else x
                if x is not None and not x.isfinite().all():
                    found = f"{what} of {name} holds {x[~x.isfinite()][0].item()}"
        if found:
            raise FloatingPointError(
                f"the {found} at step {step}, where the loss is still finite ({loss:.4g}): look "
                f"for a root, a logarithm or a quotient at 0, or lower the learning rate"
            )

    def count_step(self) -> None:
        self.step += 1
        self.done += 1

    def is_due(self) -> bool:
        """Tell whether to save here, within an epoch."""
        every = self.job.checkpoint_every
        return every is not None and self.step % every == 0 and not self.at_end_of_epoch()

    def close_epoch(self) -> None:
        """Validate, and add the epoch's row to the history."""
        self.look()
        rows = self.history.steps[-self.done :]
        names = [name for name in rows[-1] if name not in OF_A_STEP]
        row = {"step": self.step, "epoch": self.step / self.job.per_epoch}
        row["seconds"] = self.seconds()
        row |= {f"train_{name}": math.fsum(r[name] for r in rows) / len(rows) for name in names}
        zero = self.fabric.is_global_zero
        row |= self.fabric.broadcast(self.validated(tuple(row)) if zero else None)
        self.history.epochs.append(row)
        if self.job.monitor and self.is_best(row, self.job.monitor):
            self.history.best, self.best_file = row, "new"
        if self.done == self.job.per_epoch:
            self.done = 0

    def validated(self, taken: tuple[str, ...]) -> dict[str, float]:
        if self.job.validate is None:
            return {}
        devices = [self.fabric.device] if self.fabric.device.type == "cuda" else []
        model = self.job.model
        with torch.random.fork_rng(devices=devices), mode(model, training=False), torch.no_grad():
            values = self.job.validate(model)
        if not isinstance(values, dict):
            raise TypeError(f"validate must return a dict of numbers, got {type(values).__name__}")
        check_names("validate", values, taken)
        return {name: float(value) for name, value in values.items()}

    def is_best(self, row: dict[str, float], monitor: str) -> bool:
        name, sign = monitor.removeprefix("-"), -1 if monitor[0] == "-" else 1
        if name not in row:
            raise ValueError(f"monitor must be one of {', '.join(row)}, got {name!r}")
        best = self.history.best
        return not math.isnan(row[name]) and (best is None or sign * row[name] > sign * best[name])

    def seconds(self) -> float:
        return time.perf_counter() - self.clock

    def save(self) -> None:
        """Write a checkpoint, if there is a folder for it."""
        self.look()
        self.history.seconds = self.seconds()
        if self.folder is None:
            return
        state: dict[str, Any] = {
            "settings": self.settings,
            "device": self.fabric.device.type,
            "total": self.job.total,
            "step": self.step,
            "done": self.done,
            "epoch_start": self.epoch_start,
            "shuffling": self.shuffling.get_state(),
            "augmentation": self.augmentation.get_state(),
            "random": checkpoints.random_state(self.fabric),
            "optimizer": self.plain_optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "history": self.history.to_dict(),
            "best": self.best_file,
        }
        if self.fabric.is_global_zero:
            self.folder.save(self.job.model, state, is_best=self.best_file == "new")
            self.best_file = state["best"]

    def resume(self, folder: checkpoints.Folder) -> None:
        """Take over the state of a checkpoint, if there is one, made with the same settings."""
        if not self.job.resume:
            if self.fabric.is_global_zero:  # nothing may name files that will be overwritten
                folder.give_up()
            return
        state = folder.read()
        if state is None:
            return
        fingerprints.check(folder.path, state, self.settings, self.job)
        checkpoints.load(folder.path, state, self.job.model)
        self.step, self.done, self.best_file = state["step"], state["done"], state["best"]
        self.epoch_start = state["epoch_start"]
        self.shuffling.set_state(state["shuffling"])
        if state.get("device", self.fabric.device.type) == self.fabric.device.type:
            self.augmentation.set_state(state["augmentation"])  # each kind has a state of its own
        self.plain_optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.history = History.from_dict(state["history"])
        checkpoints.set_random_state(self.fabric, state["random"])


def check_names(function: str, names: Iterable[str], taken: Iterable[str]) -> None:
    """Raise if a function of the user calls something as we do."""
    clash = sorted(set(names) & set(taken))
    if clash:
        raise ValueError(f"{function} must not use the names {', '.join(taken)}, got {clash[0]!r}")


def _optimizer(job: Job) -> Optimizer:
    parameters = [p for p in job.model.parameters() if p.requires_grad]
    if job.optimizer is not None:
        optimizer = job.optimizer(parameters)
        if not isinstance(optimizer, Optimizer):
            given = type(optimizer).__name__
            raise TypeError(f"optimizer must return a torch.optim.Optimizer, got {given}")
        closure = inspect.signature(optimizer.step).parameters.get("closure")
        if closure is not None and closure.default is closure.empty:
            kind = type(optimizer).__name__
            raise TypeError(f"optimizer must step without a closure, got {kind}, which needs one")
        return optimizer
    kinds = {p.device.type for p in parameters}
    plain = all(p.is_floating_point() for p in parameters) and kinds <= {"cpu", "cuda"}
    return torch.optim.AdamW(parameters, lr=job.learning_rate, fused=plain)
