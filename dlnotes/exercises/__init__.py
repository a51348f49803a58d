"""Exercises that check themselves: a hint, a check that names what is wrong, a solution.

One module per chapter: ``exercises.cnn.output_size.check(112)``. A solution is a function that
returns the right answer, so the tests run it, and ``solution()`` shows its source: what is shown
is what was tested.

An exercise is written as its solution, then its check::

    @exercise("How large is the output?", hint="Count the windows.")
    def output_size():
        return (224 + 2 * 3 - 7) // 2 + 1  # windows start at 0, 2, 4, ...

    @output_size.checked_by
    def _(answer):
        expect(answer == 112, "size: floor((I + 2P - K) / S) + 1")
"""

import inspect
import textwrap
from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import torch
from torch import Tensor


class NotYet(AssertionError):
    """The answer is not right; the message says which property fails."""


def expect(condition: Any, message: str) -> None:
    """Raise ``NotYet(message)`` unless the condition holds."""
    if not bool(condition):
        raise NotYet(message)


def expect_close(answer: Any, right: Tensor, what: str, *, within: float = 1e-5) -> None:
    """Raise ``NotYet`` that names the property in which ``answer`` differs from ``right``.

    Looked at in this order: type, shape, nan, sign, scale, values.

    Args:
        answer: the learner's tensor.
        right: the tensor it should equal.
        what: how the message calls it.
        within: largest absolute difference allowed.
    """
    expect(
        isinstance(answer, Tensor), f"type: {what} must be a tensor, got {type(answer).__name__}"
    )
    shapes = f"expected {tuple(right.shape)}, got {tuple(answer.shape)}"
    expect(answer.shape == right.shape, f"shape: {what}: {shapes}")
    answer, right = answer.detach().double(), right.detach().double()
    expect(torch.isfinite(answer).all(), f"values: {what} holds nan or infinity")
    if (answer - right).abs().max() <= within:
        return
    expect((answer + right).abs().max() > within, f"sign: {what} has the opposite sign")
    scale = (answer * right).sum() / (right * right).sum().clamp_min(1e-300)
    same_direction = (answer - scale * right).abs().max() <= within * max(1, abs(scale))
    expect(not same_direction, f"scale: {what} is {scale:.4g} times what it should be")
    difference = (answer - right).abs().max()
    raise NotYet(
        f"values: {what} differs by up to {difference:.2g} (shape and scale are plausible)"
    )


class Exercise:
    """One exercise; made by the decorator ``exercise``.

    Args:
        question: the task, one or two sentences.
        hints: shown one by one.
        solve: returns a right answer; its source is the solution that is shown.
        because: why the solution is right, for those who have seen it.
    """

    def __init__(self, question: str, hints: Sequence[str], solve: Callable, because: str) -> None:
        self.name = solve.__name__
        self.question, self.because = question, because
        self._hints, self._shown = tuple(hints), 0
        self._solve = solve
        self._examine: Callable[[Any], None] | None = None
        self.__doc__ = question

    def __repr__(self) -> str:
        return f"Exercise {self.name}: {self.question}"

    def checked_by(self, examine: Callable[[Any], None]) -> Callable[[Any], None]:
        """Decorate the function that raises ``NotYet`` for a wrong answer."""
        self._examine = examine
        return examine

    def hint(self) -> None:
        """Print the next hint; after the last one, start again."""
        number = self._shown % len(self._hints)
        self._shown += 1
        print(f"Hint {number + 1} of {len(self._hints)}: {self._hints[number]}")

    def examine(self, answer: Any) -> None:
        """Raise ``NotYet`` if the answer is wrong."""
        if self._examine is None:
            raise TypeError(f"exercise {self.name} has no check")
        if answer is ... or answer is None:
            raise NotYet("still blank: put your answer in place of the dots")
        try:
            self._examine(answer)
        except NotYet:
            raise
        except Exception as error:
            message = f"your answer raised {type(error).__name__}: {error}"
            raise NotYet(message) from error

    def check(self, answer: Any) -> "Verdict":
        """Say whether the answer is right and, if not, which property fails.

        It prints and returns a truth value instead of raising, so a notebook with open exercises
        still runs from top to bottom.
        """
        try:
            self.examine(answer)
        except NotYet as reason:
            print(f"✗ {self.name}: {reason}")
            return Verdict(False)
        print(f"✓ {self.name}: right.")
        return Verdict(True)

    def right_answer(self) -> Any:
        """Return what the solution returns."""
        return self._solve()

    def solution(self) -> None:
        """Show the solution's code and why it is right."""
        lines = inspect.getsource(self._solve).splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith("def "))
        body = textwrap.dedent("\n".join(lines[first + 1 :])).strip()
        print(body)
        if self.because:
            print("\n" + textwrap.fill(self.because, 96))


class Verdict:
    """True or false; as the last value of a cell it prints nothing more."""

    def __init__(self, right: bool) -> None:
        self.right = right

    def __bool__(self) -> bool:
        return self.right

    def _ipython_display_(self) -> None:
        pass


def exercise(
    question: str, *, hint: str | Sequence[str], because: str = ""
) -> Callable[[Callable], Exercise]:
    """Turn a function that returns the right answer into an ``Exercise``.

    Args:
        question: the task.
        hint: one hint, or several from vague to plain.
        because: why the solution is right.
    """
    hints = (hint,) if isinstance(hint, str) else tuple(hint)
    if not question or not all(hints) or not hints:
        raise ValueError("question and hint must not be empty")

    def make(solve: Callable) -> Exercise:
        return Exercise(question, hints, solve, because)

    return make


def of_chapter(module: str) -> dict[str, Exercise]:
    """Return a chapter's exercises by name, in the order of their definition."""
    found = vars(import_module(f"dlnotes.exercises.{module}")).items()
    return {name: item for name, item in found if isinstance(item, Exercise)}


def chapters() -> list[str]:
    """Return the modules that hold exercises."""
    return sorted(module.name for module in iter_modules(__path__))


def __getattr__(name: str):
    """Load a chapter's exercises on first use: ``exercises.cnn``."""
    if not name.startswith("_") and name in chapters():
        return import_module(f"dlnotes.exercises.{name}")
    raise AttributeError(f"module 'dlnotes.exercises' has no attribute {name!r}")
