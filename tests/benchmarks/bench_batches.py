"""Measure ``batches`` against torch's DataLoader and ``fit`` against a bare loop.

Not a test: run ``python tests/benchmarks/bench_batches.py``. Ratios compare times of one run on one
machine; rounds alternate, and the fastest round counts, because other work only ever slows down.
The loops are compared by the processor time they take, which other work on the machine hardly
changes; workers of a DataLoader are other processes, so epochs are compared by the clock.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from dlnotes.cnn import LeNet5
from dlnotes.training import Batch, batches, classification_loss, fit


def fastest(
    rounds: int, clock: Callable[[], float], **functions: Callable[[], object]
) -> dict[str, float]:
    """Return the shortest time of each function, in seconds, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = clock()
            function()
            times[name].append(clock() - start)
    return {name: min(values) for name, values in times.items()}


def consume(source: Callable[[], object]) -> None:
    """Go through one epoch and do nothing with it."""
    for _ in source():
        pass


def bare_loop(data: Batch, steps: int) -> Tensor:
    """Train LeNet with nothing but the six lines; losses are kept, as ``fit`` keeps them."""
    model, losses = LeNet5(), []
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for _, batch in zip(range(steps), batches(data, 128), strict=False):
        optimizer.zero_grad()
        loss = classification_loss(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses)


def main() -> None:
    """Print a table of times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=60_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    n = arguments.samples
    for shape in (1, 28, 28), (2,):
        compare_epochs(n, shape, arguments.rounds)
    compare_loops(n, arguments.steps, arguments.rounds)


def compare_epochs(n: int, shape: tuple[int, ...], rounds: int) -> None:
    """Print how long it takes to go through the data once."""
    data = torch.rand(n, *shape), torch.randint(10, (n,))
    loader = partial(DataLoader, TensorDataset(*data), batch_size=128, shuffle=True)
    epoch = fastest(
        rounds,
        time.perf_counter,
        ours=lambda: consume(lambda: batches(data, 128)),
        loader=lambda: consume(loader),
        workers=lambda: consume(lambda: loader(num_workers=2)),
    )
    print(f"one epoch of {n:,} samples {shape}, batch size 128, {torch.get_num_threads()} threads")
    print(f"  dlnotes.training.batches  {1000 * epoch['ours']:8.1f} ms")
    for name, label in ("loader", "DataLoader"), ("workers", "DataLoader, 2 workers"):
        ratio = epoch[name] / epoch["ours"]
        print(f"  {label:24}  {1000 * epoch[name]:8.1f} ms   {ratio:6.1f} x")


def compare_loops(n: int, steps: int, rounds: int) -> None:
    """Print how long it takes to train LeNet-5 for some steps."""
    data = torch.rand(n, 1, 28, 28), torch.randint(10, (n,))
    options = dict(steps=steps, batch_size=128, device="cpu")
    fit(LeNet5(), classification_loss, data, progress=False, **options)  # imports Fabric
    loop = fastest(
        rounds,
        time.process_time,
        bare=lambda: bare_loop(data, steps),
        fit=lambda: fit(LeNet5(), classification_loss, data, progress=False, **options),
        bar=lambda: fit(LeNet5(), classification_loss, data, progress=True, **options),
    )
    print(f"{steps} steps of LeNet-5, batch size 128")
    print(f"  bare loop                 {1000 * loop['bare']:8.1f} ms")
    for name, label in ("fit", "fit"), ("bar", "fit, progress bar"):
        ratio = loop[name] / loop["bare"]
        print(f"  {label:24}  {1000 * loop[name]:8.1f} ms   {ratio:6.3f} x")


if __name__ == "__main__":
    main()
