"""What answers of chapter 2 are tried on, and formulas compared with right and wrong ones."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlnotes.exercises import NotYet, as_number, expect

Formula = Callable[..., float]


def pixels(*shape: int, seed: int = 0) -> Tensor:
    """Return the same random numbers for everybody, float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def whole_number(value: Any, name: str) -> int:
    """Return an int; raise ``NotYet`` that names the value if it is none."""
    number = as_number(value, name)
    expect(number == int(number), f"type: {name} is a whole number, got {number:g}")
    return int(number)


def expect_formula(
    answer: Formula,
    right: Formula,
    trials: Sequence[tuple],
    what: str,
    wrong: Mapping[str, Formula],
) -> None:
    """Raise ``NotYet`` unless a function of numbers agrees with a formula in all trials.

    Args:
        answer: the learner's function.
        right: the formula.
        trials: arguments, one tuple for each trial.
        what: how messages call the result.
        wrong: message -> the formula of whoever makes this mistake.
    """
    given = [as_number(answer(*arguments), what) for arguments in trials]
    expected = [right(*arguments) for arguments in trials]
    if _agree(given, expected, 1e-6):
        return
    for message, formula in wrong.items():
        values = [formula(*arguments) for arguments in trials]
        expect(not _agree(given, values, 1e-6), message)
    expect(not _agree(given, expected, 0.02), f"rounded: {what} is right so far; do not round")
    factors = [a / b for a, b in zip(given, expected, strict=True)]
    if _agree(factors, factors[:1] * len(factors), 1e-6):
        raise NotYet(f"scale: {what} is {factors[0]:.4g} times what it should be, always")
    raise NotYet(f"not yet: {what} is another number; use .hint()")


def _agree(given: Sequence[float], expected: Sequence[float], within: float) -> bool:
    pairs = zip(given, expected, strict=True)
    return all(math.isclose(a, b, rel_tol=within, abs_tol=1e-12) for a, b in pairs)
