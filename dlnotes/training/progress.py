"""What a run shows of itself, and how Ctrl-C ends it; used by ``dlnotes.training``."""

import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from dlnotes.training.history import History
from dlnotes.training.run import Job, Run, Stop

REFRESH = 1.0  # seconds
_report: Path | None = None  # where a run in this process leaves how far it is


@contextmanager
def progress_bar(fabric: Any, job: Job, run: Run) -> Iterator[Callable[[], None]]:
    """Yield a function that brings the progress bar up to date, at most twice a second."""
    if not job.progress or not fabric.is_global_zero or run.finished():
        yield _reporter(job, run)
        return
    options = {"total": job.total, "initial": run.step, "desc": job.description or None}
    bar, finish = _new_bar(options | {"unit": "step"}, in_widgets=job.processes == 1)
    shown = time.perf_counter() - 1

    def show() -> None:
        nonlocal shown
        now = time.perf_counter()
        if now - shown < 0.5 and run.step < job.total:
            return
        shown = now
        bar.set_postfix_str(_status(run.history), refresh=False)
        bar.update(run.step - bar.n)

    try:
        with bar:
            yield show
    finally:
        finish()


def _reporter(job: Job, run: Run) -> Callable[[], None]:
    """Return a function that leaves, twice a second, how far a run is, if anybody reads it."""
    path, shown = _report, 0.0

    def show() -> None:
        nonlocal shown
        if path is not None and time.perf_counter() - shown > REFRESH:
            shown = time.perf_counter()
            with suppress(OSError):
                path.write_text(f"{run.step} of {job.total}", encoding="utf-8")

    return show


def counted(
    items: Iterable[Any], total: int, description: str, *, show: bool, reports: Path | None = None
) -> Iterator[Any]:
    """Yield the items under a progress bar that counts them and shows how long they take.

    The bar is there at once, and goes on while the first item is still being made.

    Args:
        items: are made one by one.
        total: how many there are.
        description: label of the bar.
        show: False shows none.
        reports: folder in which each item leaves its own progress, see ``reporting``.
    """
    if not show:
        yield from items
        return
    bar, finish = _new_bar({"total": total, "desc": description or None, "unit": "run"})
    over = threading.Event()

    def refresh() -> None:
        while not over.wait(REFRESH):
            with suppress(Exception):  # a bar that cannot be drawn must not end a training
                bar.set_postfix_str(_reported(reports), refresh=True)

    thread = threading.Thread(target=refresh, daemon=True)
    try:
        with bar:
            thread.start()
            try:
                for item in items:
                    bar.update()
                    yield item
            finally:
                over.set()
                thread.join()
                bar.set_postfix_str("")
    finally:
        finish()


@contextmanager
def reporting(path: Path | None) -> Iterator[None]:
    """Let what is trained in this process leave how far it is in a file."""
    global _report
    before, _report = _report, path
    try:
        yield
    finally:
        _report = before
        if path is not None:
            path.unlink(missing_ok=True)


def _reported(folder: Path | None) -> str:
    """Return how far the runs are that are going on: "step 40 of 100, 15 of 100"."""
    texts = []
    for path in sorted(folder.iterdir() if folder is not None else ()):
        with suppress(OSError):  # it is over
            texts.append(path.read_text(encoding="utf-8"))
    return f"step {', '.join(filter(None, texts))}" if any(texts) else ""


def _new_bar(options: dict[str, Any], *, in_widgets: bool = True) -> tuple[Any, Callable]:
    """Return a bar of tqdm, and what to do when it is closed.

    Without ``in_widgets`` it is made of text: a process of its own has no way to a notebook.
    """
    options |= {"miniters": 1, "mininterval": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about ipywidgets, where they are missing
        tqdm = import_module("tqdm.auto" if in_widgets else "tqdm").tqdm
    notebook = sys.modules.get("tqdm.notebook")
    if notebook is None or not issubclass(tqdm, notebook.tqdm):
        return tqdm(**options), lambda: None
    from IPython.display import display

    bar = tqdm(**options, display=False)
    handle = display(bar.container, display_id=True)
    # the notebook stores the text of the bar as displayed: without this, that of its beginning
    return bar, lambda: handle.update(bar.container)


def _status(history: History) -> str:
    """Return the newest loss and the newest values of ``validate``."""
    parts = [f"loss {history.steps[-1]['loss']:.4g}"] if history.steps else []
    for name, value in (history.epochs[-1] if history.epochs else {}).items():
        if name not in ("step", "epoch", "seconds") and not name.startswith("train_"):
            parts.append(f"{name} {value:.4g}")
    return ", ".join(parts)


@contextmanager
def interrupts(job: Job) -> Iterator[Stop]:
    """Yield what is true after Ctrl-C, too, so that the loop ends after a whole step.

    A second Ctrl-C raises at once. With several processes Ctrl-C ends them all, unsaved: they could
    not agree on a step to stop at.
    """
    stop = job.stop
    main = threading.current_thread() is threading.main_thread()
    if not main or job.processes > 1 or not callable(signal.getsignal(signal.SIGINT)):
        yield stop
        return

    def handle(*_: Any) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)


def report_interrupt(job: Job, run: Run) -> None:
    """Say where an interrupted run was kept; outside of a notebook, raise as Ctrl-C does."""
    where = f"saved in {job.checkpoint}" if job.checkpoint is not None else "not saved"
    message = f"stopped after step {run.step} of {job.total}, {where}"
    if job.checkpoint is not None:
        message += "; the same call goes on from there"
    print(message)
    if not in_notebook():
        raise KeyboardInterrupt(message)


def in_notebook() -> bool:
    """Return whether this process runs cells."""
    return "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None
