"""The state of a training run, and how it is kept; ``dlnotes.training`` holds the loop."""

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from dlnotes.checks import check_choice
from dlnotes.training import checkpoints
from dlnotes.training import weights as weight_files
from dlnotes.training.batching import Batch, batches, mode

# After how many steps the losses are looked at: on an accelerator each look waits for it.
_LOOK_EVERY = {"cpu": 1, "cuda": 50, "mps": 50}

SCHEDULES = (None, "cosine", "one_cycle")
_OF_A_STEP = ("step", "epoch", "learning_rate")
_OF_AN_EPOCH = ("step", "epoch", "seconds")


@dataclass
class History:
    """What happened in a training run.

    Attributes:
        steps: one row per optimizer step: "step", "epoch" (a fraction), "loss" before the step,
            "learning_rate", and what else the loss returned.
        epochs: one row per epoch: "step", "epoch", "seconds" so far, "train_loss" (mean over the
            epoch's steps) and other means of that kind, and what ``validate`` returned.
        seconds: time the training took, all sessions together.
        best: the row of ``epochs`` with the best monitored value; None without ``monitor``.
        interrupted: the run was stopped, by Ctrl-C or ``max_seconds``, and can be resumed.
    """

    steps: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    best: dict[str, float] | None = None
    interrupted: bool = False

    def column(self, name: str, *, against: str = "step") -> tuple[list[float], list[float]]:
        """Return one quantity as (x, y), ready to plot.

        Args:
            name: a key of the rows of ``steps`` or ``epochs``.
            against: "step" or "epoch", what x counts.
        """
        check_choice(("step", "epoch"), against=against)
        for rows in (self.steps, self.epochs):
            found = [row for row in rows if name in row]
            if found:
                return [row[against] for row in found], [row[name] for row in found]
        names = sorted({key for row in (*self.steps[:1], *self.epochs) for key in row})
        raise ValueError(f"name must be one of {', '.join(names)}, got {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts and numbers."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "History":
        """Undo ``to_dict``."""
        return cls(**values)


def load_checkpoint(folder: str | Path, model: nn.Module, *, best: bool = False) -> History:
    """Load the last or the best weights of a checkpoint into a model; return the history.

    Args:
        folder: what ``fit`` was given as ``checkpoint``.
        model: of the same architecture, changed in place.
        best: take the weights of the best epoch; the run must have had a ``monitor``.
    """
    folder = Path(folder)
    state = checkpoints.read(folder)
    if state is None:
        raise FileNotFoundError(f"folder {folder} holds no checkpoint")
    if best and state["best"] is None:
        raise ValueError(f"best must be False, got True: the run in {folder} monitored nothing")
    weight_files.load(folder / state["best" if best else "last"], model)
    return History.from_dict(state["history"])


def schedule_factor(
    step: int, total: int, *, schedule: str | None = None, warmup: float = 0.0
) -> float:
    """Return the learning rate of a step as a multiple of its largest value.

    Args:
        step: number of the step, from 0.
        total: steps of the whole run.
        schedule: None = constant; "cosine" falls to 0 along half a cosine; "one_cycle" rises along
            a cosine from 1/25 during the first 30 % and falls to 1/250,000 (Smith & Topin 2018,
            with the numbers of ``torch.optim.lr_scheduler.OneCycleLR``).
        warmup: share of the steps in which the rate of None or "cosine" rises linearly from 0.
    """
    check_choice(SCHEDULES, schedule=schedule)

    def cosine(start: float, end: float, share: float) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    if schedule == "one_cycle":
        peak = max(0.3 * total - 1, 1e-9)
        if step <= peak:
            return cosine(1 / 25, 1.0, step / peak)
        return cosine(1.0, 1 / 250_000, (step - peak) / max(total - 1 - peak, 1e-9))
    rising = warmup * total
    if step < rising:
        return (step + 1) / (rising + 1)
    if schedule is None:
        return 1.0
    return cosine(1.0, 0.0, (step - rising) / max(total - rising, 1e-9))


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

    def __init__(self, fabric: Any, job: Job, objective: nn.Module) -> None:
        self.fabric, self.job = fabric, job
        job.model.to(fabric.device)
        self.data = tuple(x.to(fabric.device) for x in job.data)
        self.plain_optimizer = optimizer = _optimizer(job)
        self.scheduler = LambdaLR(
            optimizer,
            lambda step: schedule_factor(step, job.total, schedule=job.schedule, warmup=job.warmup),
        )
        self.objective, self.optimizer = fabric.setup(objective, optimizer)
        self.shuffling = torch.Generator().manual_seed(job.seed)
        self.augmentation = torch.Generator(fabric.device).manual_seed(job.seed + 1_000_000_007)
        torch.manual_seed(job.seed + 2_000_000_011 + fabric.global_rank)
        self.step = self.done = 0  # steps in the run, and in this epoch
        self.epoch_start = self.shuffling.get_state()
        self.history = History()
        self.best_file: str | None = None
        self.pending: list[tuple[float, dict[str, Tensor]]] = []
        self.settings = checkpoints.settings(job, optimizer)
        if job.checkpoint is not None:
            self.resume(job.checkpoint)
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
        """Keep the losses of a step; on an accelerator look at them only now and then."""
        self.pending.append((self.plain_optimizer.param_groups[0]["lr"], values))
        if len(self.pending) >= _LOOK_EVERY.get(self.fabric.device.type, 50):
            self.look()

    def look(self) -> None:
        """Enter the pending losses into the history; raise if one is not finite."""
        pending, self.pending = self.pending, []
        for rate, values in pending:
            step = len(self.history.steps) + 1
            numbers = dict(zip(values, torch.stack([*values.values()]).tolist(), strict=True))
            if not math.isfinite(numbers["loss"]):
                raise FloatingPointError(
                    f"the loss is {numbers['loss']} at step {step}, with learning rate {rate:g}: "
                    f"lower the learning rate, or clip the gradients (clip_norm=1.0)"
                )
            row = {"step": step, "epoch": step / self.job.per_epoch, "learning_rate": rate}
            if step == 1:
                _check_names("loss", [name for name in numbers if name != "loss"], (*row, "loss"))
            self.history.steps.append(row | numbers)

    def clip(self) -> None:
        self.fabric.clip_gradients(
            self.objective, self.optimizer, max_norm=self.job.clip_norm, error_if_nonfinite=False
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
        names = [name for name in rows[-1] if name not in _OF_A_STEP]
        row = {"step": self.step, "epoch": self.step / self.job.per_epoch}
        row["seconds"] = self.seconds()
        row |= {f"train_{name}": math.fsum(r[name] for r in rows) / len(rows) for name in names}
        row |= self.fabric.broadcast(self.validated() if self.fabric.is_global_zero else None)
        self.history.epochs.append(row)
        if self.job.monitor and self.is_best(row, self.job.monitor):
            self.history.best, self.best_file = row, "new"
        if self.done == self.job.per_epoch:
            self.done = 0

    def validated(self) -> dict[str, float]:
        if self.job.validate is None:
            return {}
        devices = [self.fabric.device] if self.fabric.device.type == "cuda" else []
        model = self.job.model
        with torch.random.fork_rng(devices=devices), mode(model, training=False), torch.no_grad():
            values = self.job.validate(model)
        if not isinstance(values, dict):
            raise TypeError(f"validate must return a dict of numbers, got {type(values).__name__}")
        _check_names("validate", values, (*_OF_AN_EPOCH, "train_loss"))
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
        if self.job.checkpoint is None:
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
            checkpoints.save(
                self.job.checkpoint, self.job.model, state, is_best=self.best_file == "new"
            )
            self.best_file = state["best"]

    def resume(self, folder: Path) -> None:
        """Take over the state of a checkpoint, if there is one, made with the same settings."""
        if not self.job.resume:
            if self.fabric.is_global_zero:  # nothing may name files that will be overwritten
                (folder / checkpoints.STATE).unlink(missing_ok=True)
            return
        state = checkpoints.read(folder)
        if state is None:
            return
        checkpoints.check_settings(folder, state, self.settings, self.job)
        weight_files.load(folder / state["last"], self.job.model)
        self.step, self.done, self.best_file = state["step"], state["done"], state["best"]
        self.epoch_start = state["epoch_start"]
        self.shuffling.set_state(state["shuffling"])
        if state.get("device", self.fabric.device.type) == self.fabric.device.type:
            self.augmentation.set_state(state["augmentation"])  # each kind has a state of its own
        self.plain_optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.history = History.from_dict(state["history"])
        checkpoints.set_random_state(self.fabric, state["random"])


def _check_names(function: str, names: Iterable[str], taken: Iterable[str]) -> None:
    clash = sorted(set(names) & set(taken))
    if clash:
        raise ValueError(f"{function} must not use the names {', '.join(taken)}, got {clash[0]!r}")


def _optimizer(job: Job) -> Optimizer:
    parameters = [p for p in job.model.parameters() if p.requires_grad]
    if job.optimizer is not None:
        return job.optimizer(parameters)
    kinds = {p.device.type for p in parameters}
    plain = all(p.is_floating_point() for p in parameters) and kinds <= {"cpu", "cuda"}
    return torch.optim.AdamW(parameters, lr=job.learning_rate, fused=plain)
