"""Run notebooks, show which cell fails, and keep what they measured.

A run is resumable: a notebook in the output folder that was finished with the same code (digest),
profile and seed is not run again. ``store`` writes outputs back into ``notebooks/`` and the
recorded numbers into ``notebooks/results.json``; nothing else writes them.
"""

import importlib.metadata
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from dlnotes import RECORD_MIME_TYPE, __version__
from dlnotes.course import Chapter, find, notebooks, notebooks_folder
from dlnotes.course.digest import digest
from dlnotes.course.notebooks import code_cells
from dlnotes.files import locked

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Run:
    """What became of one notebook."""

    name: str
    status: str  # "ran", "kept" (finished before) or "failed"
    seconds: float = 0.0
    output: Path | None = None
    error: str = ""
    records: dict[str, dict] = field(default_factory=dict)
    notebook: NotebookNode | None = None  # the executed copy; None after a failure


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_many(
    paths: list[Path],
    *,
    profile: str,
    seed: int,
    out: Path,
    jobs: int = 1,
    force: bool = False,
    on_cell: Callable[[Path, int, int], None] | None = None,
    on_done: Callable[[Path, Run], None] | None = None,
) -> list[Run]:
    """Run notebooks, several side by side, and return what became of each, in the given order.

    Args:
        paths: the notebooks; they are left as they are.
        profile: "smoke", "standard" or "full".
        seed: replaces the notebook's own.
        out: folder for the executed copies.
        jobs: how many at a time; the threads of each are set so that they share the cores.
        force: run finished notebooks again.
        on_cell: called as (path, cells done, cells) after each cell.
        on_done: called after each notebook.
    """

    def one(path: Path) -> Run:
        report = partial(on_cell, path) if on_cell else None
        result = run(path, profile=profile, seed=seed, out=out, force=force, on_cell=report)
        if on_done:
            on_done(path, result)
        return result

    with _environment(profile, jobs):
        if jobs == 1:
            return [one(path) for path in paths]
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(one, paths))


@contextmanager
def _environment(profile: str, jobs: int) -> Iterator[None]:
    """Set what the kernels inherit, and restore it."""
    threads = max(1, cores() // jobs)
    if (given := os.environ.get("OMP_NUM_THREADS", "")).isdecimal():
        threads = min(threads, int(given))
    # OpenMP threads of two kernels that spin on the same cores slow small models 5 to 9 times down
    new = {
        "DLNOTES_PROFILE": profile,
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    old = {key: os.environ.get(key) for key in new}
    os.environ.update(new)
    try:
        yield
    finally:
        for key, value in old.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


def run(
    path: Path,
    *,
    profile: str,
    seed: int,
    out: Path,
    force: bool = False,
    on_cell: Callable[[int, int], None] | None = None,
) -> Run:
    """Run one notebook in an empty working folder and return what became of it.

    The executed copy lies in ``out`` under the same file name, also after a failure.
    """
    path, target = Path(path), Path(out).resolve() / Path(path).name
    notebook = notebooks.tidy(notebooks.read(path))
    made_by = {"digest": digest(notebook), "profile": profile, "seed": seed}
    old = None if force else _read(target)
    if old is not None and old.metadata.get("dlnotes") == made_by:
        return Run(path.stem, "kept", _seconds(old), target, "", records(old), old)
    notebook.metadata.pop("dlnotes", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    try:
        notebook = _execute(notebook, target, {"profile": profile, "seed": seed}, on_cell)
        found = records(notebook)
    except Exception as error:  # papermill's, a dead kernel, a record given twice
        seconds = time.perf_counter() - started
        return Run(path.stem, "failed", seconds, target, error=explain(notebook, target, error))
    notebook.metadata["dlnotes"] = made_by
    notebooks.write(target, notebooks.dump(notebook))
    return Run(path.stem, "ran", _seconds(notebook), target, "", found, notebook)


def _read(path: Path) -> NotebookNode | None:
    """Return a notebook, or None if it is missing or, after a killed run, cut short."""
    try:
        return notebooks.read(path)
    except (FileNotFoundError, ValueError):
        return None


def _seconds(executed: NotebookNode) -> float:
    """Return how long papermill was at it, without its own import."""
    return executed.metadata.papermill.duration


def _execute(
    notebook: NotebookNode, target: Path, parameters: dict, on_cell: Callable | None
) -> NotebookNode:
    import papermill  # seconds of import, which only a run needs

    _register_engine()
    with tempfile.TemporaryDirectory(prefix="dlnotes-") as folder:
        return papermill.execute_notebook(
            notebook,
            str(target),
            parameters=parameters if _has_parameters(notebook) else None,
            engine_name="dlnotes",
            kernel_name="python3",
            progress_bar=False,
            # papermill's own cwd= changes the folder of this whole process: wrong with threads
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=ERROR"],
            on_cell=on_cell,
        )


def _has_parameters(notebook: NotebookNode) -> bool:
    return any("parameters" in notebooks.tags(cell) for cell in notebook.cells)


@cache
def _register_engine() -> None:
    """Teach papermill an engine that says how far it is."""
    from papermill.engines import NBClientEngine, papermill_engines

    class Engine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, *args, on_cell=None, **options):
            complete = nb_man.cell_complete

            def cell_complete(cell, cell_index=None, **more):
                complete(cell, cell_index, **more)
                if on_cell:
                    on_cell((cell_index or 0) + 1, len(nb_man.nb.cells))

            # papermill writes the file twice for each cell, which takes a quarter of a minute in a
            # long chapter. Every five seconds is often enough, and it writes once more at the end.
            save = nb_man.save

            def save_now_and_then(**more):
                if (nb_man.now() - nb_man.last_save_time).total_seconds() > 5:
                    save(**more)

            nb_man.cell_complete, nb_man.save = cell_complete, save_now_and_then
            try:
                return super().execute_managed_notebook(nb_man, kernel_name, *args, **options)
            finally:
                nb_man.save = save

    papermill_engines.register("dlnotes", Engine)


# ---- failures ----------------------------------------------------------------------------------


def explain(notebook: NotebookNode, target: Path, error: Exception) -> str:
    """Return where and why a notebook failed: heading, cell, the end of the traceback.

    Args:
        notebook: as it was sent.
        target: the executed copy, as far as it came.
        error: what papermill raised.
    """
    if not hasattr(error, "traceback"):
        return f"{type(error).__name__}: {error}"
    executed = _read(target) or notebook
    broken = {cell.id for cell in executed.cells if _error(cell)}
    place, heading = "somewhere", "the top"
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown":
            found = re.findall(r"(?m)^#{1,6} +(.+)$", cell.source)
            heading = found[-1] if found else heading
        elif cell.id in broken:
            place = f"cell {number} of {len(notebook.cells)}, under {heading!r}"
            break
    lines = _COLOUR.sub("", "\n".join(error.traceback)).splitlines()
    return "\n".join([place, *lines[-15:]])


def _error(cell: NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))


# ---- results -----------------------------------------------------------------------------------


def records(notebook: NotebookNode) -> dict[str, dict]:
    """Return what ``dlnotes.record`` showed, by name, with the seconds of the cell it ran in.

    Raises:
        ValueError: two records have the same name.
    """
    found: dict[str, dict] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if entry := output.get("data", {}).get(RECORD_MIME_TYPE):
                entry = dict(entry)
                name = entry.pop("name")
                if name in found:
                    raise ValueError(f"record {name!r} is given twice: names must be different")
                seconds = cell.metadata.get("papermill", {}).get("duration")
                if seconds is not None:
                    entry["cell_seconds"] = round(seconds, 2)
                found[name] = entry
    return found


def results() -> dict[str, dict]:
    """Return ``notebooks/results.json``: chapter -> what its stored run measured."""
    path = notebooks_folder() / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def store(runs: list[Run]) -> None:
    """Write the outputs of runs at "standard" into the notebooks, their numbers into results.json.

    Raises:
        ValueError: another profile, a failed run, or the notebook has changed since; the runs
            before that one are stored.
    """
    stored = {}
    try:
        for run in runs:
            made_by = _store_outputs(find(run.name), run)
            stored[run.name] = _results_entry(run, made_by)
    finally:
        if stored:
            _add_results(stored)


def _add_results(stored: dict[str, dict]) -> None:
    """Enter results in the file of all chapters, one process after another."""
    path = notebooks_folder() / "results.json"
    busy = f"{path} is being written by another process for a minute: see which, and run it again"
    with locked(path.with_name(f".{path.name}.lock"), busy=busy, wait=60):
        text = json.dumps(results() | stored, indent=1, sort_keys=True, ensure_ascii=False)
        notebooks.write(path, text + "\n")


def _store_outputs(chapter: Chapter, run: Run) -> dict:
    """Write the outputs into the chapter; return digest, profile and seed that made them."""
    if run.notebook is None:
        raise ValueError(f"only a finished run is stored, {chapter.name} failed")
    made_by = dict(run.notebook.metadata.dlnotes)
    if made_by["profile"] != "standard":
        raise ValueError(f"only a run at standard is stored, got {made_by['profile']}")
    notebook = notebooks.tidy(notebooks.read(chapter.path))
    if digest(notebook) != made_by["digest"]:
        raise ValueError(f"{chapter.file} or the package has changed during the run: run it again")
    for cell, ran in zip(code_cells(notebook), code_cells(run.notebook), strict=True):
        cell.outputs = ran.outputs
    notebook.metadata["dlnotes"] = nbformat.from_dict(made_by)
    first = notebook.cells[0]
    first.source = notebooks.with_minutes(first.source, chapter.read_minutes, run.seconds)
    notebooks.write(chapter.path, notebooks.dump(notebooks.tidy(notebook)))
    return made_by


def _results_entry(run: Run, made_by: dict) -> dict:
    found = {name: dict(entry) for name, entry in run.records.items()}
    memory = [entry.pop("peak_memory_mib", 0.0) for entry in found.values()]
    devices = sorted({entry.pop("device", "cpu") for entry in found.values()})
    for entry in found.values():
        entry.pop("profile", None)
    return made_by | {
        "seconds": round(run.seconds, 1),
        "peak_memory_mib": max(memory, default=0.0),
        "device": ", ".join(devices) or "cpu",
        "cpu_count": cores(),
        "versions": {"python": platform.python_version(), "dlnotes": __version__}
        | {name: importlib.metadata.version(name) for name in ("torch", "torchvision")},
        "records": found,
    }
