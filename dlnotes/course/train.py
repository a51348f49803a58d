"""Train the weights that are shipped with the chapters, and keep how they were made.

``train`` makes those of one recipe. ``train_all`` makes several within a time limit, one after the
other or side by side; the same call goes on where the last one ended, however that ended.
"""

import hashlib
import math
import multiprocessing
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from rich.table import Table

from dlnotes import __version__
from dlnotes.course import find, root
from dlnotes.course.digest import module_digest
from dlnotes.files import SUMS, DataError, read_sums

# torch is imported where it is needed: the command line must not wait for it

SHARED = ("metrics",)  # modules that ship weights but are no chapter


@dataclass
class Trained:
    """What a training left behind.

    Attributes:
        path: of the weights; None if the training did not come to its end, and can go on.
        seconds: of training, all sessions together.
        metrics: what was measured.
        share: how much of the training is done, from 0 to 1.
        error: the fault that ended it; "" if there was none.
    """

    path: Path | None
    seconds: float
    metrics: dict[str, float] = field(default_factory=dict)
    share: float = 0.0
    error: str = ""


def names(chapter: str) -> tuple[str, str]:
    """Return the full name and the module of a chapter, or of a shared module that ships weights.

    "vae" is ("16_vae", "vae"), "metrics" is ("metrics", "metrics").
    """
    if chapter in SHARED:
        return chapter, chapter
    found = find(chapter)
    return found.name, found.module or found.name


def train(
    chapter: str,
    *,
    profile: str,
    seed: int,
    checkpoint: Path | None,
    out: Path | None = None,
    device: str = "auto",
    seconds: float | None = None,
    progress: bool = True,
    listed: bool = True,
) -> Trained:
    """Train with the chapter's recipe, measure, and save the weights with their metadata.

    Args:
        chapter: one that has a recipe in ``dlnotes.recipes``, or "metrics".
        profile: "full" makes what is shipped; the others try the recipe.
        seed: of everything random.
        checkpoint: folder from which an interrupted training goes on.
        out: folder for the weights; None: ``data/weights`` for "full", else ``runs/weights``.
        device: see ``training.device``.
        seconds: train no longer than that; None = until it is done. Measuring comes on top.
        progress: show a progress bar.
        listed: see ``training.save_weights``.

    Raises:
        ValueError: the chapter ships no weights.
    """
    import torch

    from dlnotes import recipes, training

    module = _module(chapter)
    recipe = recipes.find(module)
    options: dict[str, Any] = {"checkpoint": checkpoint, "seed": seed, "device": device}
    model, history = recipes.train(recipe, profile, seconds=seconds, progress=progress, **options)
    state = _state(checkpoint)
    if history.interrupted:
        return Trained(None, history.seconds, share=_share(state))
    metrics = recipe.evaluate(model)
    if profile == "full" and recipe.evaluate_full is not None:
        metrics |= recipe.evaluate_full(model)
    folder = out or root() / ("data/weights" if profile == "full" else "runs/weights")
    path = Path(folder) / f"{recipe.weights}.safetensors"
    training.save_weights(
        path,
        model,
        dtype=recipe.dtype,
        listed=listed,
        command=_command(module, profile, seed),
        profile=profile,
        seed=seed,
        seconds=round(history.seconds, 1),
        metrics=metrics,
        digest=module_digest(f"{recipes.__name__}.{module}"),
        device=state.get("device") or training.device(device).type,  # where it was trained
        versions={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "dlnotes": __version__,
        },
    )
    return Trained(path, history.seconds, metrics, 1.0)


def _module(chapter: str) -> str:
    """Return the module of a chapter, if it has a recipe."""
    from dlnotes import recipes

    name, module = names(chapter)
    try:
        recipes.find(module)
    except ValueError as error:
        raise ValueError(f"{name} ships no weights: {error}") from None
    return module


def _command(module: str, profile: str, seed: int) -> str:
    return f"dlnotes train {module} --profile {profile} --seed {seed}"


def _state(checkpoint: Path | None) -> dict[str, Any]:
    """Return what a checkpoint of ``training.fit`` holds; nothing where there is none."""
    from dlnotes.training import checkpoints

    return (checkpoints.read(checkpoint) if checkpoint is not None else None) or {}


def _share(state: dict[str, Any]) -> float:
    return state["step"] / state["total"] if state else 0.0


# ---- several recipes ---------------------------------------------------------------------------


def train_all(
    chapters: Iterable[str] | None = None,
    *,
    profile: str,
    seed: int,
    out: Path,
    device: str = "auto",
    minutes: float | None = None,
    jobs: int = 1,
    report: Callable[[str], Any] = print,
) -> dict[str, Trained]:
    """Train several recipes within a time limit; the same call goes on where this one ended.

    The time is shared between those that are not finished; what one leaves over, the next ones
    get. A fault of one does not stop the others. What is finished is measured and written to
    ``out`` with its metadata, beside ``checkpoints/`` and the ``logs/`` of several processes.

    Args:
        chapters: which, in order of need; None = all of ``dlnotes.recipes.NAMES``.
        profile: see ``train``.
        seed: see ``train``.
        out: folder for all that is written.
        device: see ``training.device``.
        minutes: for training and measuring; only a measurement that has begun is brought to its
            end after that. None = until all are finished.
        jobs: how many side by side, each in a process of its own, on the one device.
        report: is told, in a line, what happens.

    Returns:
        What became of each, by the name of its module. After Ctrl-C, too.
    """
    from dlnotes import recipes

    modules = list(dict.fromkeys(_module(chapter) for chapter in chapters or recipes.NAMES))
    plan = Plan(profile, seed, Path(out), device)
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    found = {module: plan.stored(module) for module in modules}
    workers = _Processes(plan, jobs) if jobs > 1 else _ThisProcess(plan)
    try:
        while left := [m for m in modules if not (found[m].path or found[m].error)]:
            if time.monotonic() >= deadline:
                break
            for module, trained in _round(left, workers, jobs, deadline):
                found[module] = trained
                report(f"{module}: {describe(trained)}")
    except KeyboardInterrupt:
        report("interrupted; all are saved before this ends")
        workers.finish()
        found |= {m: plan.stored(m) for m in modules if not found[m].error}
    return found


def describe(trained: Trained) -> str:
    """Return in a few words how far a training came."""
    if trained.error:
        return f"failed: {trained.error}"
    if trained.path is not None:
        return "finished"
    return f"{trained.share:.0%} done" if trained.share else "not begun"


def table(found: dict[str, Trained]) -> Table:
    """Return, for the terminal, what is finished and what is not."""
    rows = Table("recipe", "", "seconds", "measured")
    for module, trained in found.items():
        measured = ", ".join(f"{name} {value:.4f}" for name, value in trained.metrics.items())
        rows.add_row(module, describe(trained), f"{trained.seconds:.0f}", measured)
    return rows


@dataclass(frozen=True)
class Plan:
    """How ``train_all`` is to train each of its recipes."""

    profile: str
    seed: int
    out: Path
    device: str

    def checkpoint(self, module: str) -> Path:
        return self.out / "checkpoints" / f"{module}-{self.profile}-{self.seed}"

    def log(self, module: str) -> Path:
        path = self.out / "logs" / f"{module}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def stored(self, module: str) -> Trained:
        """Return how far earlier calls came."""
        from dlnotes import recipes
        from dlnotes.training import weights

        path = self.out / f"{recipes.find(module).weights}.safetensors"
        try:
            listed = read_sums(self.out / SUMS).get(path.name)
            if path.is_file() and listed == hashlib.sha256(path.read_bytes()).hexdigest():
                about = weights.read_metadata(path)
                made = {"command": _command(module, self.profile, self.seed)}
                made["digest"] = module_digest(f"{recipes.__name__}.{module}")
                if made.items() <= about.items():
                    return Trained(path, about["seconds"], about["metrics"], 1.0)
            state = _state(self.checkpoint(module))
            seconds = state["history"]["seconds"] if state else 0.0
            return Trained(None, seconds, share=_share(state))
        except DataError as error:
            return Trained(None, 0.0, error=str(error))

    def attempt(self, module: str, seconds: float, **options: Any) -> Trained:
        """Train one recipe for so long; a fault goes into its log and into what is returned."""
        if seconds <= 0:
            return self.stored(module)
        try:
            return train(
                module,
                profile=self.profile,
                seed=self.seed,
                checkpoint=self.checkpoint(module),
                out=self.out,
                device=self.device,
                seconds=seconds,
                **options,
            )
        except Exception as error:
            with open(self.log(module), "a", encoding="utf-8") as log:
                traceback.print_exc(file=log)
            return Trained(None, 0.0, error=f"{type(error).__name__}: {error}")


def _round(
    modules: list[str], workers: "_ThisProcess | _Processes", jobs: int, deadline: float
) -> Iterator[tuple[str, Trained]]:
    """Give each module its share of the time that is left; yield how each ended."""
    waiting = list(modules)
    while True:
        left, free = deadline - time.monotonic(), jobs - len(workers.running)
        if left > 0:
            share = left * min(1.0, jobs / max(len(waiting), 1))
            for module in waiting[:free]:
                workers.start(module, share)
            waiting = waiting[free:]
        if not workers.running:
            return
        yield from workers.ended()


class _ThisProcess:
    """Trains one recipe after the other, here, with a progress bar."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.running: list[tuple[str, float]] = []

    def start(self, module: str, seconds: float) -> None:
        self.running.append((module, seconds))

    def ended(self) -> Iterator[tuple[str, Trained]]:
        module, seconds = self.running.pop()
        yield module, self.plan.attempt(module, seconds)

    def finish(self) -> None:
        """Nothing goes on that would have to be waited for."""


class _Processes:
    """Trains several recipes side by side, each in a process of its own."""

    def __init__(self, plan: Plan, jobs: int) -> None:
        import torch

        self.plan, self.threads = plan, max(1, torch.get_num_threads() // jobs)
        self.context = multiprocessing.get_context("spawn")  # a fork could not use the GPU
        self.running: dict[Any, tuple[str, Any]] = {}  # by their pipes
        # else the threads of one wait for each other by spinning, on the cores of the others
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    def start(self, module: str, seconds: float) -> None:
        here, there = self.context.Pipe(duplex=False)
        arguments = self.plan, module, time.time() + seconds, self.threads, there
        process = self.context.Process(target=_in_child, args=arguments, daemon=True)
        process.start()
        there.close()
        self.running[here] = module, process

    def ended(self) -> Iterator[tuple[str, Trained]]:
        """Wait for one or more, and enter their weights in the table."""
        from dlnotes.training.weights import list_weights

        pipes: list[Any] = wait(list(self.running))
        for pipe in pipes:
            module, process = self.running.pop(pipe)
            try:
                trained = pipe.recv()
            except EOFError:  # it was killed
                process.join()
                trained = Trained(None, 0.0, error=f"its process ended with {process.exitcode}")
            if trained.path is not None:
                list_weights(trained.path)
            yield module, trained

    def finish(self) -> None:
        """Wait for all; Ctrl-C has reached them, too."""
        while self.running:
            for _ in self.ended():
                pass


def _in_child(plan: Plan, module: str, until: float, threads: int, pipe: Connection) -> None:
    """Train in a process of its own, up to a time of day, and send how it ended."""
    import torch

    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    with open(plan.log(module), "ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    try:
        trained = plan.attempt(module, until - time.time(), progress=False, listed=False)
    except KeyboardInterrupt:
        trained = plan.stored(module)
    pipe.send(trained)


def _end_with_parent() -> None:
    """End at once when the parent has been killed: a next call may need the same checkpoint."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
