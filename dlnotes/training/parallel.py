"""Several independent trainings at a time, each on one core."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from joblib import Parallel, delayed

from dlnotes.checks import check_positive
from dlnotes.training.progress import counted


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
            processes. It cannot change anything here, torch's random state included.
        runs: the arguments of each call.
        workers: how many at a time; None is one for each of torch's threads, but only one on a GPU,
            which the runs would have to share. One works in this process.
        progress: show how many are done.
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
    jobs = (delayed(_alone)(function, run, workers > 1) for run in runs)
    results = Parallel(n_jobs=workers, return_as="generator")(jobs)
    return list(counted(results, len(runs), description, show=progress))


def _alone(function: Callable[..., Any], run: tuple, one_thread: bool) -> Any:
    if one_thread:
        torch.set_num_threads(1)
    with torch.random.fork_rng():
        return function(*run)
