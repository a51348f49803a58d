"""Exercises that check themselves: question, skeleton, hints, a check that names what is wrong.

One module per chapter: ``exercises.cnn.output_size.check(112)``. A solution is a function that
returns the right answer, so the tests run it, and ``solution()`` shows its source: what is shown
is what was tested.

An exercise is written as its solution, then its check::

    @exercise("How large is the output?", hint="Count the windows.")
    def output_size():
        return (224 + 2 * 3 - 7) // 2 + 1  # windows start at 0, 2, 4, ...

    @output_size.checked_by
    def _(answer):
        mistakes = {"padding: both sides are padded": 110}
        expect_number(answer, 112, "the size", wrong=mistakes)

With ``skeleton=`` the learner is given code with ``...`` at the blanks, and the check takes the
function that it defines. In the notebook a cell tagged ``exercise:cnn.output_size`` holds what
``cell()`` returns; ``dlnotes format`` writes it.
"""

import copy
import textwrap
from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import torch
from torch import Tensor

from dlnotes.exercises.expectations import (
    BLANK,
    NotYet,
    as_number,
    copy_of,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    expect_runs,
    holds_blank,
    kind,
    told,
)
from dlnotes.exercises.skeletons import (
    DEFAULT,
    blank_in_code,
    blank_line_in_code,
    cell_text,
    check_skeleton,
    solution_code,
)

__all__ = [
    "Exercise",
    "NotYet",
    "as_number",
    "chapters",
    "exercise",
    "expect",
    "expect_close",
    "expect_function",
    "expect_number",
    "expect_parts",
    "expect_runs",
    "kind",
    "of_chapter",
]
_TOOLS = {"expectations", "skeletons"}  # modules that belong to no chapter


class Exercise:
    """One exercise; made by the decorator ``exercise``.

    Args:
        question: the task in full, with what shapes and symbols mean.
        hints: shown one by one.
        solve: returns a right answer; its source is the solution that is shown.
        because: why the solution is right, for those who have seen it.
        skeleton: the code that the learner is given, with ``...`` at the blanks.
    """

    def __init__(
        self, question: str, hints: Sequence[str], solve: Callable, because: str, skeleton: str
    ) -> None:
        self.name = solve.__name__
        self.chapter = solve.__module__.removeprefix(f"{__name__}.").split(".")[0]
        self.question, self.because, self.skeleton = question, because, skeleton
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

    def cell(self) -> str:
        """Return the source of the notebook's cell: question, skeleton, check."""
        return cell_text(
            self.question, self.skeleton, f"exercises.{self.chapter}.{self.name}.check"
        )

    def examine(self, answer: Any) -> None:
        """Raise ``NotYet`` if the answer is wrong. It is copied, so nothing happens to it."""
        if self._examine is None:
            raise TypeError(f"exercise {self.name} has no check")
        if answer is None or holds_blank(answer) or blank_in_code(answer):
            raise NotYet(BLANK)
        try:
            with torch.random.fork_rng(devices=[]):
                self._examine(_own_copy(answer))
        except NotYet:
            if blank_line_in_code(answer):
                raise NotYet(BLANK) from None
            raise
        except Exception as error:
            raise NotYet(told(error, "your answer")) from error

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
        print(solution_code(self._solve))
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


def _own_copy(answer: Any) -> Any:
    """Return a copy of an answer, which a check may change; itself if there can be none."""
    if isinstance(answer, Tensor | list | tuple | dict):
        answer = copy_of(answer)
    try:
        return copy.deepcopy(answer)
    except Exception:  # a generator, a module that holds the result of a computation
        return answer


def exercise(
    question: str, *, hint: str | Sequence[str], because: str = "", skeleton: str = ""
) -> Callable[[Callable], Exercise]:
    """Turn a function that returns the right answer into an ``Exercise``.

    Args:
        question: the task.
        hint: one hint, or several from vague to plain.
        because: why the solution is right.
        skeleton: code with ``...`` at the blanks; ``answer = ...`` by default. What is checked is
            ``answer``, or the function that the skeleton defines.

    Raises:
        ValueError: a text is empty, or the skeleton is no code with a blank.
    """
    hints = (hint,) if isinstance(hint, str) else tuple(hint)
    if not question or not all(hints) or not hints:
        raise ValueError("question and hint must not be empty")
    skeleton = textwrap.dedent(skeleton).strip() or DEFAULT
    check_skeleton(skeleton)

    def make(solve: Callable) -> Exercise:
        return Exercise(question, hints, solve, because, skeleton)

    return make


def of_chapter(module: str) -> dict[str, Exercise]:
    """Return a chapter's exercises by name, in the order of their definition."""
    found = vars(import_module(f"dlnotes.exercises.{module}")).items()
    return {name: item for name, item in found if isinstance(item, Exercise)}


def chapters() -> list[str]:
    """Return the modules that hold exercises."""
    return sorted({module.name for module in iter_modules(__path__)} - _TOOLS)


def __getattr__(name: str):
    """Load a chapter's exercises on first use: ``exercises.cnn``."""
    if not name.startswith("_") and name in chapters():
        return import_module(f"dlnotes.exercises.{name}")
    raise AttributeError(f"module 'dlnotes.exercises' has no attribute {name!r}")
