"""``fit``, one visible loop on Lightning Fabric, and what several processes need around it."""

import logging
import math
import multiprocessing
import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dlnotes.checks import check_at_least, check_between, check_choice, check_positive
from dlnotes.files import BusyError, DataError
from dlnotes.training import checkpoints
from dlnotes.training import weights as weight_files
from dlnotes.training.batching import (
    Batch,
    as_tensors,
    device,
    mode,
)
from dlnotes.training.history import SCHEDULES, History
from dlnotes.training.progress import (
    in_notebook,
    interrupts,
    progress_bar,
    report_interrupt,
)
from dlnotes.training.run import OF_A_STEP, Job, Run, Stop, check_names

PRECISIONS = ("32-true", "bf16-mixed")
for _name in ("distributed", "rank_zero"):  # here, so that new processes, too, are silent
    logging.getLogger(f"lightning_fabric.utilities.{_name}").setLevel(logging.ERROR)
_find_device = device  # where an argument is called ``device``, too


def fit(
    model: nn.Module,
    loss: Callable[[nn.Module, Batch], Any],
    train: Any,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int = 128,
    optimizer: Callable[..., Optimizer] | None = None,
    learning_rate: float = 1e-3,
    schedule: str | None = None,
    warmup: float = 0.0,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    monitor: str | None = None,
    transform: Callable[[Batch, torch.Generator], Batch] | None = None,
    device: str = "auto",
    precision: str = "32-true",
    processes: int = 1,
    accumulate: int = 1,
    clip_norm: float | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume: bool = True,
    max_seconds: float | None = None,
    seed: int = 0,
    progress: bool = True,
    description: str = "",
) -> History:
    """Train a model in place; it returns to its device and mode afterwards.

    Args:
        model: any module.
        loss: ``loss(model, batch)`` returns the mean loss of a batch, or that and a dict of other
            means to be recorded. ``batch`` is a tuple of tensors.
        train: a ``Split`` (not a test set), a tuple of equally long tensors, or one tensor.
        epochs: how often to go through the data; either this or ``steps``.
        steps: how many optimizer steps to take.
        batch_size: samples per optimizer step; the last batch of an epoch may be smaller.
        optimizer: ``optimizer(parameters)``, with a learning rate of its own; None = AdamW.
        learning_rate: of the default optimizer.
        schedule: None, "cosine" or "one_cycle", see ``schedule_factor``.
        warmup: share of the steps in which the learning rate rises linearly.
        validate: ``validate(model)`` returns a dict of numbers after each epoch; it is called in
            eval mode, without gradients, and may draw random numbers without changing the run.
        monitor: name of the number whose best epoch is kept; ``"-name"`` if smaller is better.
        transform: ``transform(batch, generator)`` returns an augmented batch.
        device: see ``device``.
        precision: "32-true" computes in the model's own dtype, "bf16-mixed" in bfloat16 where that
            is safe.
        processes: each takes its share of every batch and the gradients are averaged, so that the
            result is that of one process. Batch normalisation sees its share only, and dropout
            draws other masks. On Linux's CPU each is a fork with one thread; elsewhere a new
            interpreter, for which loss, validate and transform must be importable.
        accumulate: split each batch (or share) into so many parts, one after the other, and add
            up their gradients: the same step with less memory.
        clip_norm: largest norm of the gradient of all parameters together.
        checkpoint: folder for the last and the best state, for one run at a time; what else lies
            there stays as it is. None keeps nothing.
        checkpoint_every: save also after so many steps, not only after each epoch.
        resume: go on where the checkpoint in the folder ended. On one device of one machine the
            result is, bit for bit, that of a run which never stopped. A finished run only loads
            its weights. False starts anew and overwrites.
        max_seconds: stop, as after Ctrl-C, at the first whole step after so much time in the loop.
            The same call goes on from the checkpoint. Only in one process.
        seed: 0 or larger.
        progress: show a progress bar.
        description: its label.

    Returns:
        the ``History``. After Ctrl-C, and one more step, a checkpoint is saved (if there is a
        folder); in a notebook the history so far is returned with ``interrupted=True``, as it is
        everywhere after ``max_seconds``.

    Raises:
        ValueError: an argument is out of range, or the checkpoint comes from other data, another
            model, loss or transform, or other settings; only ``epochs`` or ``steps`` may have
            grown, and these only without a schedule.
        FloatingPointError: the loss or a gradient is not finite. The checkpoint before stays.
        DataError: the checkpoint is damaged, or cannot be read or written.
        BusyError: another run uses the folder.
        KeyboardInterrupt: Ctrl-C outside of a notebook, or twice.
    """
    data = as_tensors(train, train=True, name="train")
    check_positive(batch_size=batch_size, processes=processes, accumulate=accumulate)
    if batch_size > len(data[0]):
        raise ValueError(f"batch_size must be at most the {len(data[0])} samples, got {batch_size}")
    per_epoch = math.ceil(len(data[0]) / batch_size)
    steps = _total_steps(epochs, steps, per_epoch)
    job = Job(
        model=model,
        loss=loss,
        data=data,
        total=steps,
        per_epoch=per_epoch,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        schedule=schedule,
        warmup=warmup,
        validate=validate,
        monitor=monitor,
        transform=transform,
        device=_find_device(device),
        precision=precision,
        processes=processes,
        accumulate=accumulate,
        clip_norm=clip_norm,
        checkpoint=_folder(checkpoint),
        checkpoint_every=checkpoint_every,
        resume=resume,
        stop=Stop(max_seconds),
        seed=seed,
        progress=progress,
        description=description,
    )
    _check(job)
    return _run(_fabric(job, fork=False), job) if processes == 1 else _launch(job)


def _folder(checkpoint: str | Path | None) -> Path | None:
    """Return the folder of the checkpoint; the current one has a name, too, which is "."."""
    if isinstance(checkpoint, str) and not checkpoint.strip():
        raise ValueError(f"checkpoint must be the name of a folder, or None, got {checkpoint!r}")
    if checkpoint is not None and not isinstance(checkpoint, str | os.PathLike):
        raise TypeError(f"checkpoint must be a path, or None, got {type(checkpoint).__name__}")
    return None if checkpoint is None else Path(checkpoint)


def _total_steps(epochs: int | None, steps: int | None, per_epoch: int) -> int:
    """Return how many steps were asked for, in whichever way."""
    if epochs is not None and steps is None:
        check_positive(epochs=epochs)
        return epochs * per_epoch
    if steps is not None and epochs is None:
        check_positive(steps=steps)
        return steps
    raise ValueError(f"give either epochs or steps, got epochs={epochs} and steps={steps}")


def _check(job: Job) -> None:
    """Raise unless every argument has an allowed value."""
    if not isinstance(job.model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(job.model).__name__}")
    if not any(p.requires_grad for p in job.model.parameters()):
        raise ValueError("model must have parameters that require a gradient, got none")
    if isinstance(job.optimizer, Optimizer) or not callable(job.optimizer or len):
        raise TypeError(
            f"optimizer must be a function, such as lambda parameters: torch.optim.SGD(parameters, "
            f"lr=0.1), got {type(job.optimizer).__name__}"
        )
    check_choice(SCHEDULES, schedule=job.schedule)
    check_choice(PRECISIONS, precision=job.precision)
    check_between(0, 1, warmup=job.warmup)
    check_between(0, math.inf, learning_rate=job.learning_rate)
    check_at_least(0, seed=job.seed)
    if job.warmup and job.schedule == "one_cycle":
        raise ValueError(f"warmup must be 0 with schedule 'one_cycle', got {job.warmup}")
    if job.clip_norm is not None:
        check_between(0, math.inf, clip_norm=job.clip_norm)
    if job.stop.max_seconds is not None:
        check_between(0, math.inf, max_seconds=job.stop.max_seconds)
        if job.processes > 1:  # they could not agree on a step to stop at
            given = job.stop.max_seconds
            raise ValueError(
                f"max_seconds must be None with {job.processes} processes, got {given}"
            )
    if job.device.type != "cpu":
        most = torch.cuda.device_count() if job.device.type == "cuda" else 1
        check_between(1, most, processes=job.processes)
    if job.checkpoint_every is not None:
        check_positive(checkpoint_every=job.checkpoint_every)
        if job.checkpoint is None:
            raise ValueError("checkpoint must be a folder when checkpoint_every is given, got None")
    if job.monitor and job.validate is None and not job.monitor.lstrip("-").startswith("train_"):
        raise ValueError(f"validate must be given when monitor is {job.monitor!r}, got None")


def _run(fabric: Any, job: Job) -> History:
    """Train in this process, then put the model back where and how it was."""
    model = job.model
    before = next(model.parameters()).device
    devices = [fabric.device] if fabric.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), mode(model, training=True):
            with checkpoints.opened(job.checkpoint, writes=fabric.is_global_zero) as folder:
                run = Run(fabric, job, _Objective(model, job.loss), folder)
                _loop(fabric, job, run)
    finally:
        model.zero_grad(set_to_none=True)
        model.to(before)
    if run.history.interrupted and job.stop.asked:
        report_interrupt(job, run)
    return run.history


def _loop(fabric: Any, job: Job, run: Run) -> None:
    """Train: the loop that all of this is about."""
    with progress_bar(fabric, job, run) as show, interrupts(job) as stop:
        while not (run.finished() or stop):
            for batch in run.batches_left():
                run.optimizer.zero_grad()
                values = _gradients(fabric, run.objective, batch, job.accumulate)
                run.note(values)
                if job.clip_norm is not None:
                    run.clip()
                run.optimizer.step()
                run.scheduler.step()
                run.count_step()
                show()
                if stop:
                    break
                if run.is_due():
                    run.save()
            if run.at_end_of_epoch():
                run.close_epoch()
                show()
            run.save()
        run.history.interrupted = not run.finished()


def _gradients(
    fabric: Any, objective: "_Objective", batch: Batch, accumulate: int
) -> dict[str, Tensor]:
    """Add this process's part of the gradient of a batch's mean loss; return the batch's means.

    The batch is cut into processes x accumulate pieces. A piece counts by its size, so that unequal
    pieces, too, give the gradient of the mean over the whole batch.
    """
    processes, rank = fabric.world_size, fabric.global_rank
    cuts = [x.tensor_split(processes * accumulate) for x in batch]
    pieces = list(zip(*cuts, strict=True))[rank * accumulate : (rank + 1) * accumulate]
    pieces = [piece for piece in pieces if len(piece[0])]
    weights = [len(piece[0]) / len(batch[0]) for piece in pieces]
    if not pieces:  # fewer samples than processes: take part in the exchange, but count nothing
        pieces, weights = [tuple(x[:1] for x in batch)], [0.0]
    totals: dict[str, Tensor] = {}
    for number, (piece, weight) in enumerate(zip(pieces, weights, strict=True), start=1):
        more = processes > 1 and number < len(pieces)
        with fabric.no_backward_sync(objective, enabled=more):
            loss, values = objective(lambda piece=piece: piece)
            fabric.backward(loss * (weight * processes))  # the exchange takes the mean
        for name, value in {"loss": loss, **values}.items():
            part = torch.as_tensor(value, device=loss.device).detach() * weight
            totals[name] = totals[name] + part if name in totals else part
    if processes > 1:
        _check_all_used(objective.model)
        sums = fabric.all_reduce(torch.stack([*totals.values()]), reduce_op="sum")
        totals = dict(zip(totals, sums, strict=True))
    return totals


def _check_all_used(model: nn.Module) -> None:
    """Raise if a parameter got no gradient: the exchange between processes waits for each one."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and parameter.grad is None:
            raise ValueError(
                f"processes must be 1 for a model whose loss does not use all parameters, such as "
                f"{name}; or freeze that with requires_grad_(False)"
            )


class _Objective(nn.Module):
    """A model and its loss as one module, so that whatever the loss calls is under Fabric's eyes.

    The batch comes as a function that returns it: Fabric would round tensors to the precision of
    the model's inputs, targets included.
    """

    def __init__(self, model: nn.Module, loss: Callable[[nn.Module, Batch], Any]) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Callable[[], Batch]) -> tuple[Tensor, dict[str, Any]]:
        result = self.loss(self.model, batch())
        loss, values = result if isinstance(result, tuple) else (result, {})
        if not isinstance(loss, Tensor) or loss.ndim:
            given = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise ValueError(f"loss must return a tensor of shape (), got {given}")
        check_names("loss", values, (*OF_A_STEP, "loss"))
        return loss, values


def _fabric(job: Job, *, fork: bool) -> Any:
    """Return Lightning Fabric, without its chatter."""
    from lightning_fabric import Fabric  # here, not above: it takes a second to import
    from lightning_fabric.strategies import DDPStrategy

    options: dict[str, Any] = {"accelerator": job.device.type, "precision": job.precision}
    options["devices"] = [job.device.index or 0] if job.device.type == "cuda" else 1
    if job.processes > 1:
        options["strategy"] = DDPStrategy(start_method="fork" if fork else "spawn")
        options["devices"] = job.processes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Fabric(**options)


def _launch(job: Job) -> History:
    """Train in several processes; their first one leaves weights and history in a folder.

    A fork starts at once and may use functions defined in a script or notebook, but it cannot use a
    GPU that its parent has touched; elsewhere, a new interpreter imports what it needs.
    """
    fork = sys.platform == "linux" and (job.device.type == "cpu" or in_notebook())
    others, environment = set(multiprocessing.active_children()), dict(os.environ)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            _fabric(job, fork=fork).launch(_run_in_process, job, folder, fork)
        except BaseException as error:
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            for path in sorted(folder.glob("error-*")):
                raise pickle.loads(path.read_bytes()) from error
            raise
        finally:
            for key in set(os.environ) - set(environment):  # MASTER_PORT and its like
                del os.environ[key]
        weight_files.load(folder / "weights.safetensors", job.model)
        weight_files.set_unsaved_buffers(job.model, torch.load(folder / "buffers.pt"))
        return History.from_dict(torch.load(folder / "history.pt", weights_only=True))


def _run_in_process(fabric: Any, job: Job, folder: Path, fork: bool) -> None:
    if fork:  # of a process that may have computed with several threads: more than one would hang
        torch.set_num_threads(1)
    try:
        history = _run(fabric, job)
    except (ValueError, TypeError, FloatingPointError, DataError, BusyError) as error:
        (folder / f"error-{fabric.global_rank}").write_bytes(pickle.dumps(error))
        raise
    if fabric.is_global_zero:
        weight_files.save(folder / "weights.safetensors", job.model)
        torch.save(weight_files.unsaved_buffers(job.model), folder / "buffers.pt")
        torch.save(history.to_dict(), folder / "history.pt")
