"""Sequences whose probabilities are known, against which a beam search is checked."""

from collections.abc import Callable

import torch

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
