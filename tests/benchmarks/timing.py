"""How the benchmarks take their ratios: candidates in turns, the least of several tries."""

import time
from collections.abc import Callable

from torch import Tensor


def seconds(
    runs: dict[str, Callable[[], Tensor]],
    *,
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Return the least time of a forward and backward pass, the candidates taking turns."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            start = clock()
            run().sum().backward()
            best[name] = min(best[name], clock() - start)
    return best
