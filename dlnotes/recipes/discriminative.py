"""How chapter 1 compares its two roads: learning curves over random subsets, and where they cross.

Nothing is shipped: both models are fitted in seconds, many times, on few samples.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from dlnotes.checks import check_positive, check_shape
from dlnotes.training import side_by_side


def draw_subset(y: Tensor, n: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Return the indices of n random samples in which every class occurs at least once, (n,).

    Args:
        y: labels of all samples, (N,) int64.
        n: how many, from the number of classes up to N.
        generator: source of the random numbers.
    """
    check_shape("y", y, "N")
    classes = y.unique()
    check_positive(n=n)
    if not len(classes) <= n <= len(y):
        raise ValueError(f"n must lie in [{len(classes)}, {len(y)}], got {n}")

    order = torch.randperm(len(y), generator=generator, device=y.device)
    first = torch.stack([(y[order] == k).nonzero()[0, 0] for k in classes])  # one of each class
    keep = torch.ones_like(y, dtype=torch.bool)
    keep[first] = False
    return torch.cat([order[first], order[keep][: n - len(classes)]])


def learning_curves(
    fits: Mapping[str, Callable],
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    *,
    sizes: Sequence[int],
    runs: int,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Tensor]:
    """Return the share of test errors of each fit, name -> (runs, sizes).

    In one run, all fits get the same samples. When n is all there is, every run would be the
    same, and only the first is computed.

    Args:
        fits: name -> function of (x, y) that returns a model with ``predict``.
        train: inputs (N, D) and labels (N,) to draw from.
        test: inputs and labels to measure on.
        sizes: how many training samples.
        runs: how often n samples are drawn.
        seed: run r draws with 1000 · seed + r.
        workers: how many are fitted at a time, see ``training.side_by_side``.
        progress: show how many are done.
    """
    check_positive(runs=runs)

    (x, y), (x_test, y_test) = train, test
    drawn = {}
    for run in range(runs):
        generator = torch.Generator().manual_seed(1000 * seed + run)
        for n in sizes:
            chosen = draw_subset(y, n, generator=generator)
            if n < len(y) or run == 0:
                drawn[run, n] = x[chosen], y[chosen]

    def errors(x: Tensor, y: Tensor) -> list[float]:
        wrong = (fit(x, y).predict(x_test) != y_test for fit in fits.values())
        return [share.float().mean().item() for share in wrong]

    options = dict(workers=workers, progress=progress, description="learning curves")
    found = dict(zip(drawn, side_by_side(errors, drawn.values(), **options), strict=True))
    rows = [[found[run if n < len(y) else 0, n] for n in sizes] for run in range(runs)]
    return dict(zip(fits, torch.tensor(rows).unbind(-1), strict=True))


def crossing(sizes: Sequence[int], early: Tensor, late: Tensor) -> float:
    """Return the size from which ``late`` stays below ``early``, interpolated on a log axis.

    Args:
        sizes: how many samples, increasing, (S,).
        early: error of the one that is ahead first, (S,).
        late: error of the one that is ahead in the end, (S,).

    Returns:
        The first of ``sizes`` if ``late`` is below everywhere; infinity if not even at the end.
    """
    check_shape("early", early, len(sizes))
    check_shape("late", late, len(sizes))

    lead = (late - early).tolist()  # above 0 while early is ahead
    behind = [index for index, value in enumerate(lead) if value >= 0]
    if not behind:
        return float(sizes[0])
    last = behind[-1]
    if last == len(sizes) - 1:
        return math.inf
    step = lead[last] / (lead[last] - lead[last + 1])
    return sizes[last] * (sizes[last + 1] / sizes[last]) ** step
