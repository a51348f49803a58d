"""Sequences whose probabilities are known, against which a beam search is checked."""

import itertools
import math
from collections.abc import Callable, Iterator

import torch

from dlnotes.exercises import as_number, expect, expect_parts, kind

Step = Callable[[tuple[int, ...]], list[float]]  # from a prefix to ln p of each next token


def random_tree(seed: int, V: int, steps: int) -> Step:
    """Return random conditional probabilities of V tokens for so many steps."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(V,) * (t + 1) for t in range(steps)]
    tables = [(2 * torch.randn(s, generator=generator)).log_softmax(-1) for s in shapes]
    return lambda prefix: tables[len(prefix)][tuple(prefix)].tolist()


def log_probability(step: Step, tokens: tuple[int, ...]) -> float:
    """Return ln p of a sequence."""
    return sum(step(tokens[:t])[token] for t, token in enumerate(tokens))


def beam_by_dicts(step: Step, size: int, steps: int) -> tuple[int, ...]:
    """Return the best sequence that a beam search of this size finds."""
    prefixes = {(): 0.0}
    for _ in range(steps):
        grown = {(*p, k): q + x for p, q in prefixes.items() for k, x in enumerate(step(p))}
        prefixes = dict(sorted(grown.items(), key=lambda item: item[1])[-size:])
    return max(prefixes, key=prefixes.get)


def known_trees() -> Iterator[tuple[Step, dict[tuple[int, ...], float]]]:
    """Yield 12 trees of 3 tokens and 4 steps, with ln p of each of their sequences."""
    for seed in range(12):
        step = random_tree(seed, 3, 4)
        yield step, {t: log_probability(step, t) for t in itertools.product(range(3), repeat=4)}


def judge_beam(beam: Callable) -> None:
    """Raise ``NotYet`` unless a beam search finds what it must, in trees that are known."""
    for step, every in known_trees():
        best, worst = max(every, key=every.get), min(every, key=every.get)
        found = {}
        for size in (27, 1, 2):
            tokens, log_p = expect_parts(beam(step, size, 4), "tokens", "log_p")
            expect(
                isinstance(tokens, tuple | list), f"type: tokens must be a tuple, {kind(tokens)}"
            )
            expect(len(tokens) == 4, f"length: {len(tokens)} tokens, 4 were asked for")
            expect(tuple(tokens) in every, "tokens: they must be token ids, in their order")
            found[size], total = tuple(tokens), every[tuple(tokens)]
            log_p, last = as_number(log_p, "log_p"), step(found[size][:3])[found[size][3]]
            expect(abs(log_p - math.exp(total)) > 1e-5, "score: the logarithm of the probability")
            expect(abs(log_p - last) > 1e-5, "score: that is the last step's only; add up all")
            expect(abs(log_p + total) > 1e-5, "score: a log-probability is negative")
            expect(abs(log_p - total) < 1e-5, "score: this is not the sequence's log-probability")
        greedy: tuple = ()
        for _ in range(4):
            row = step(greedy)
            greedy = (*greedy, row.index(max(row)))
        expect(found[27] != worst, "order: yours is the least likely sequence of all")
        expect(found[27] == best, "exact: with size V^(steps − 1) the best sequence must be found")
        expect(found[1] == greedy, "greedy: with size 1 the likeliest token is taken at every step")
        expect(
            found[2] == beam_by_dicts(step, 2, 4), "beam: prefixes are dropped too early or late"
        )
