"""Measure what batching buys in ``dlnotes.seq2seq``: all steps at once, all beams at once.

Not a test: run ``python tests/benchmarks/bench_seq2seq.py``. Ratios compare processor times of one
run on one machine; candidates alternate, and the fastest try counts, because other work only ever
slows down.
"""

import argparse
import time
from collections.abc import Callable

import torch
from timing import seconds
from torch import Tensor

from dlnotes.seq2seq import Seq2Seq, negative_log_likelihood


def main() -> None:
    """Print a table of times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    N, options = arguments.batch, dict(hidden_size=arguments.hidden_size, attention_size=64)
    source, lengths = torch.randint(3, 29, (N, 12)), torch.randint(4, 13, (N,))
    target = torch.cat([torch.ones(N, 1).long(), torch.randint(3, 72, (N, 12))], dim=1)
    for attention in (True, False):
        model = Seq2Seq(29, 72, attention=attention, **options)
        compare_training(model, source, lengths, target, arguments.repeats)
    compare_search(Seq2Seq(29, 72, **options), source, lengths, arguments.repeats)


def compare_training(
    model: Seq2Seq, source: Tensor, lengths: Tensor, target: Tensor, repeats: int
) -> None:
    """Compare one call of the decoder for all steps with one for each, backward pass included."""

    def at_once() -> Tensor:
        logits = model(source, lengths, target[:, :-1])
        return negative_log_likelihood(logits, target[:, 1:])

    def step_by_step() -> Tensor:
        memory, state = model.encode(source, lengths)
        logits = []
        for t in range(target.shape[1] - 1):
            step, state, _ = model.decoder(target[:, t : t + 1], state, memory)
            logits.append(step)
        return negative_log_likelihood(torch.cat(logits, 1), target[:, 1:])

    runs = {"at once": at_once, "step by step": step_by_step}
    show("teacher forcing", model, seconds(runs, repeats=repeats, clock=time.process_time))


def compare_search(model: Seq2Seq, source: Tensor, lengths: Tensor, repeats: int) -> None:
    """Compare the beam search of a whole batch with one source after the other."""
    options = dict(max_length=15, beam_size=5)

    def together() -> Tensor:
        return model.beam_search(source, lengths, **options)

    def one_by_one() -> Tensor:
        rows = zip(source, lengths, strict=True)
        return torch.cat([model.beam_search(x[None], n[None], **options) for x, n in rows])

    assert torch.equal(together(), one_by_one())
    times = {name: fastest(run, repeats) for name, run in runs_of(together, one_by_one).items()}
    show("beam search", model, times)


def runs_of(*functions: Callable[[], Tensor]) -> dict[str, Callable[[], Tensor]]:
    """Return functions by their names, written with blanks."""
    return {function.__name__.replace("_", " "): function for function in functions}


def fastest(run: Callable[[], Tensor], repeats: int) -> float:
    """Return the least processor time of several tries, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def show(what: str, model: Seq2Seq, times: dict[str, float]) -> None:
    """Print times, and their ratio to the first."""
    kind = "attention" if model.decoder.attention is not None else "fixed vector"
    print(f"{what}, {kind}")
    first = next(iter(times.values()))
    for name, value in times.items():
        print(f"  {name:<14} {1000 * value:8.1f} ms   {value / first:5.2f} x")


if __name__ == "__main__":
    main()
