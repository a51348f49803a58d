"""How much memory a computation needs at most, as PyTorch itself counts it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.profiler import ProfilerActivity, profile

_STDERR = 2  # the file descriptor, to which the profiler's C++ writes past Python


def peak_memory(function: Callable[..., Any], *arguments: Any) -> float:
    """Return the most that the tensors made by ``function(*arguments)`` take at one time, in MiB.

    What lived before, such as inputs and weights, does not count. Only the CPU's memory is seen.

    Raises:
        TypeError: function cannot be called.
    """
    if not callable(function):
        raise TypeError(f"function must be callable, got {type(function).__name__}")

    with (
        _silent(),
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched,
    ):
        function(*arguments)
    events = watched.profiler.kineto_results.events()  # type: ignore[union-attr]
    changes = [(e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"]
    now = most = 0
    for _, size in sorted(changes):  # taken (positive) and given back (negative), in order
        now += size
        most = max(most, now)
    return most / 2**20


@contextmanager
def _silent() -> Iterator[None]:
    """Send what is written to the error stream below Python nowhere."""
    kept, nowhere = os.dup(_STDERR), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    try:
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)
