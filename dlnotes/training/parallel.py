"""Several independent trainings at a time, each on one core."""

import tempfile
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import torch
from joblib import Parallel, delayed

from dlnotes.checks import check_at_least, check_positive
from dlnotes.training.progress import counted, reporting

# joblib 1.3 has only the order of the runs, in which the bar waits for the first one
_OLD = tuple(map(int, joblib.__version__.split(".")[:2])) < (1, 4)
_ANY_ORDER = "generator" if _OLD else "generator_unordered"


def side_by_side(
    function: Callable[..., Any],
    runs: Iterable[tuple],
    *,
    workers: int | None = None,
    progress: bool = True,
    description: str = "",
) -> list[Any]:
    """Return ``[function(*run) for run in runs]``, several at a time, each on one core.

    Small networks cannot keep two cores busy; two of them can. Meant for independent trainings: the
    same network with several seeds, or several networks under one budget.

    Args:
        function: may be defined in a notebook; what it returns, and what it uses, is copied between
            processes, where it may change its own arguments. Torch's random state stays as it is.
        runs: the arguments of each call.
        workers: how many at a time; None is one for each of torch's threads, but only one on a GPU,
            which the runs would have to share. One works in this process, on the arguments
            themselves.
        progress: show how many are done, how long it takes, and at which step those are that call
            ``fit`` with ``progress=False``.
        description: label of the progress bar.

    Raises:
        ValueError: workers is not positive.
        Exception: what one of the calls raised; the others are given up.
    """
    runs = list(runs)
    if workers is None:
        workers = 1 if torch.cuda.is_available() else torch.get_num_threads()
    check_positive(workers=workers)
    workers = max(1, min(workers, len(runs)))
    with tempfile.TemporaryDirectory() as name:
        reports = Path(name)
        jobs = (
            delayed(_alone)(function, run, workers > 1, reports / str(number), number)
            for number, run in enumerate(runs)
        )
        # no memory shared: a function that changes its arguments would fail, or crash
        done = Parallel(n_jobs=workers, max_nbytes=None, return_as=_ANY_ORDER)(jobs)
        with warnings.catch_warnings():
            # joblib replaces a process whose memory grew; nothing is lost, nobody need know
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
            results = dict(counted(done, len(runs), description, show=progress, reports=reports))
    return [results[number] for number in range(len(runs))]


def over_seeds(
    function: Callable[..., Any],
    settings: Iterable[Hashable],
    *,
    seeds: int,
    workers: int | None = None,
    progress: bool = True,
    description: str = "",
) -> dict[Hashable, list[Any]]:
    """Run an experiment at each setting with the seeds 0, 1, …, several runs at a time.

    The result has, for each setting, the list of ``function(setting, seed)``, one for each seed. A
    setting that is a tuple is given as several arguments: ``function(*setting, seed)``.

    Args:
        function: one run of the experiment, as in :func:`side_by_side`.
        settings: what is varied; each once.
        seeds: how many runs each setting gets.
        workers: as in :func:`side_by_side`.
        progress: as in :func:`side_by_side`.
        description: label of the progress bar.

    Raises:
        ValueError: seeds or workers is not positive, or a setting occurs twice.
        Exception: what one of the runs raised.
    """
    settings = list(settings)
    check_positive(seeds=seeds)
    if len(set(settings)) < len(settings):
        raise ValueError(f"settings must be different from each other, got {settings}")

    arguments = [setting if isinstance(setting, tuple) else (setting,) for setting in settings]
    runs = [(*some, seed) for some in arguments for seed in range(seeds)]
    options = {"workers": workers, "progress": progress, "description": description}
    found = side_by_side(function, runs, **options)  # type: ignore[arg-type]
    return {
        setting: found[number * seeds : (number + 1) * seeds]
        for number, setting in enumerate(settings)
    }


def report(found: Mapping[Hashable, Sequence[float]], *, digits: int = 1) -> None:
    """Print a line for each setting of :func:`over_seeds`, with the mean and the runs behind it.

    Args:
        found: setting -> one number for each seed.
        digits: how many stand behind the point.

    Raises:
        ValueError: digits is negative, or a setting has no run.
    """
    check_at_least(0, digits=digits)
    if empty := [setting for setting, runs in found.items() if not runs]:
        raise ValueError(f"found must hold at least one run for each setting, {empty} have none")

    names = [_written(setting) for setting in found]
    width = max(map(len, names), default=0)
    for name, runs in zip(names, found.values(), strict=True):
        shown = "  ".join(f"{run:.{digits}f}" for run in runs)
        print(f"{name:<{width}}   mean {sum(runs) / len(runs):.{digits}f}   runs {shown}")


def _written(setting: Hashable) -> str:
    parts = setting if isinstance(setting, tuple) else (setting,)
    return ", ".join(getattr(part, "__name__", str(part)) for part in parts)


def _alone(
    function: Callable[..., Any], run: tuple, one_thread: bool, report: Path, number: int
) -> tuple[int, Any]:
    """Return the run's number with its result, because they come in any order."""
    if one_thread:
        torch.set_num_threads(1)
    with torch.random.fork_rng(), reporting(report):
        return number, function(*run)
