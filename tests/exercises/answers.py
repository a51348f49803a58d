"""The one way in which the exercises of a chapter are tried: right, wrong and missing answers."""

import ast
import itertools
import linecache
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache, partial
from numbers import Real
from typing import Any

import numpy as np
import pytest
import torch

from dlnotes.exercises import Exercise, NotYet, of_chapter
from dlnotes.exercises.expectations import BLANK
from dlnotes.exercises.skeletons import answer_name, solution_code

AT_LEAST = 5  # wrong answers for each exercise whose message names the mistake
GENERAL = ("values: ", "sizes: ", "not yet: ", "error: ", "still blank")  # names none
NONSENSE = {
    "number": -17.25,
    "nan": float("nan"),
    "word": "no",
    "object": object(),
    "list": [],
    "array": np.full((2, 3), -17.25),
    "complex": torch.full((2, 3), 1j),
    "function": lambda *_, **__: None,
    "function of none": lambda: None,
    "function that raises": lambda *_, **__: 1 / 0,
    "function to a word": lambda *_, **__: "no",
    "function to a blank": lambda *_, **__: ...,
    "function to an array": lambda *_, **__: np.full((2, 3), -17.25),
    "function to a list": lambda *_, **__: [-17.25],
}
SLOW: set[Exercise] = set()  # what is not to be solved here
files = itertools.count()


def judged(
    chapter: str,
    wrong: Sequence[tuple[str, Any, str]],
    right: Iterable[tuple[str, Any]] = (),
    *,
    slow: Collection[str] = (),
) -> Callable[..., None]:
    """Return a test of all exercises of a chapter, to be kept as ``test_exercises``.

    Every solution passes, and is the skeleton with its blanks filled; a blank and nonsense do not
    pass; wrong answers are told what is wrong, five of each exercise by the name of the mistake;
    no message holds the right number, and a right number is never wrong for being rounded; other
    right answers pass.

    Args:
        chapter: the module of ``dlnotes.exercises``.
        wrong: plausible mistakes, in the order of the exercises: name, answer, and a regular
            expression for what the message must hold.
        right: answers that differ from the solution: name, answer.
        slow: exercises whose solution takes too long here; the solutions notebook runs it.
    """
    exercises = of_chapter(chapter)
    SLOW.update(exercises[name] for name in slow)
    cases = [pytest.param(partial(in_order, exercises, wrong), id="order")]
    cases.append(pytest.param(partial(are_numbered, exercises), id="numbers"))
    for name, exercise in exercises.items():
        cases.append(pytest.param(partial(explains, exercise), id=f"{name}-explains"))
        cases.append(pytest.param(partial(leaves_blanks, exercise), id=f"{name}-skeleton"))
        cases.append(pytest.param(partial(forgives_rounding, exercise), id=f"{name}-rounded"))
        if name not in slow:
            cases.append(pytest.param(partial(passes, exercise, exercise.right_answer), id=name))
        cases.append(
            pytest.param(partial(fails, exercise, ..., "^still blank"), id=f"{name}-blank")
        )
        for kind, answer in NONSENSE.items():
            cases.append(pytest.param(partial(is_told, exercise, answer), id=f"{name}-{kind}"))
    for name, answer, words in wrong:
        case = partial(fails, exercises[name], answer, words)
        cases.append(pytest.param(case, id=f"{name}-wrong-{words}"))
    for name, answer in right:
        case = partial(passes, exercises[name], lambda answer=answer: answer)
        cases.append(pytest.param(case, id=f"{name}-right"))

    @pytest.mark.parametrize("case", cases)
    def test(case: Callable[..., None], capsys: pytest.CaptureFixture) -> None:
        case(capsys)

    return test


def in_order(exercises: dict[str, Exercise], wrong: Sequence[tuple[str, Any, str]], _: Any) -> None:
    tried = [name for name, _, _ in wrong]
    assert list(dict.fromkeys(tried)) == list(exercises)
    named = {name: set() for name in exercises}
    for name, answer, _ in wrong:
        message = message_to(exercises[name], answer)
        if not message.startswith(GENERAL):
            named[name].add(str(answer) if isinstance(answer, Real) else id(answer))
    few = {name: len(answers) for name, answers in named.items() if len(answers) < AT_LEAST}
    assert few == {}, "wrong answers whose mistake the message names"


def are_numbered(exercises: dict[str, Exercise], _: Any) -> None:
    """Questions begin with their numbers, "1. Predict. ", or none of them does."""
    numbers = [re.match(r"(\d+)\. [A-Z][a-z ]+\. ", e.question) for e in exercises.values()]
    if any(numbers):
        assert [int(n[1]) for n in numbers if n] == [*range(1, len(exercises) + 1)]


def message_to(exercise: Exercise, answer: Any) -> str:
    with pytest.raises(NotYet) as caught:
        exercise.examine(answer)
    return str(caught.value)


def explains(exercise: Exercise, capsys: pytest.CaptureFixture) -> None:
    assert exercise.question.strip() == exercise.question != "" and exercise.because
    exercise.hint()
    assert len(capsys.readouterr().out) > 20
    exercise.solution()
    assert len(capsys.readouterr().out) > 5


def passes(exercise: Exercise, answer: Callable[[], Any], _: Any) -> None:
    exercise.examine(answer())  # raises NotYet if it does not


def fails(exercise: Exercise, answer: Any, words: str, _: Any) -> None:
    message = message_to(exercise, answer)
    assert re.search(words, message), message
    assert not numbers_given_away(exercise, answer, message)


def forgives_rounding(exercise: Exercise, _: Any) -> None:
    """A right number with three digits or fewer is never called wrong."""
    numbers = right_numbers(exercise)
    for place, number in enumerate(numbers):
        for digits in (3, 2, 1):
            rounded = float(f"{number:.{digits}g}")
            if isinstance(number, float) and rounded != float(f"{number:.4g}"):
                answer = [*numbers[:place], rounded, *numbers[place + 1 :]]
                message = message_to(exercise, answer if len(answer) > 1 else rounded)
                assert message.startswith("rounded: ") and "right so far" in message, message


def is_told(exercise: Exercise, answer: Any, capsys: pytest.CaptureFixture) -> None:
    assert not exercise.check(answer)
    message = capsys.readouterr().out
    assert message.startswith(f"✗ {exercise.name}: ")
    assert len(message) > len(exercise.name) + 10
    assert "your answer raised" not in message  # the check has looked at the type first
    assert not numbers_given_away(exercise, answer, message)


def numbers_given_away(exercise: Exercise, answer: Any, message: str) -> list[str]:
    """Return the right numbers that stand in a message, unless the learner gave them."""
    found = []
    for number in right_numbers(exercise):
        spelled = {str(number), f"{number:,}", f"{number:.4g}", f"{number:.3f}"}
        spelled |= {text.replace(",", " ") for text in spelled}
        for text in spelled:
            if len(text.strip("0.-")) > 1 and text not in repr(answer):
                found += re.findall(rf"(?<![\d.]){re.escape(text)}(?!\d)", message)
    return found


@cache
def right_numbers(exercise: Exercise) -> list[float]:
    """Return the numbers of a right answer that is a number or a tuple of such; else none."""
    if exercise in SLOW or "xperiment" in exercise.question:
        return []  # it takes long, and what comes out is no secret

    def flat(value: Any) -> list[float]:
        if isinstance(value, tuple):
            return [number for part in value for number in flat(part)]
        return [value] if isinstance(value, Real) else []

    return flat(exercise.right_answer())


# ---- skeletons ---------------------------------------------------------------------------------


def leaves_blanks(exercise: Exercise, _: Any) -> None:
    """The skeleton is answered with "still blank", and the solution is the skeleton, filled."""
    skeleton = exercise.skeleton
    name = answer_name(skeleton)
    assert message_to(exercise, as_in_a_notebook(skeleton)[name]) == BLANK
    if name == "answer":
        return
    solution = ast.unparse(ast.parse(solution_code(exercise._solve)))
    wanted = re.escape(ast.unparse(ast.parse(skeleton))).replace(re.escape("..."), ".+")
    assert re.fullmatch(wanted, solution, re.DOTALL), f"{skeleton}\n\n{solution}"


def as_in_a_notebook(source: str) -> dict[str, Any]:
    """Run code whose functions know their source, as in a notebook, and return what it defines."""
    file = f"<exercise {next(files)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space: dict[str, Any] = {"torch": torch, "nn": torch.nn}
    exec(compile(source, file, "exec"), space)
    return space
