"""The one way in which the exercises of a chapter are tried: right, wrong and missing answers."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import pytest

from dlnotes.exercises import Exercise, NotYet, of_chapter

AT_LEAST = 5  # wrong answers for each exercise
NONSENSE = {
    "number": -17.25,
    "word": "no",
    "object": object(),
    "list": [],
    "function": lambda *_, **__: None,
}


def judged(
    chapter: str,
    wrong: Sequence[tuple[str, Any, str]],
    right: Iterable[tuple[str, Any]] = (),
) -> Callable[..., None]:
    """Return a test of all exercises of a chapter, to be kept as ``test_exercises``.

    Every solution passes; a blank and nonsense do not; wrong answers are told what is wrong; other
    right answers pass.

    Args:
        chapter: the module of ``dlnotes.exercises``.
        wrong: plausible mistakes, in the order of the exercises: name, answer, and a regular
            expression for what the message must hold.
        right: answers that differ from the solution: name, answer.
    """
    exercises = of_chapter(chapter)
    cases = [pytest.param(partial(in_order, list(exercises), wrong), id="order")]
    for name, exercise in exercises.items():
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


def in_order(names: list[str], wrong: Sequence[tuple[str, Any, str]], _: Any) -> None:
    tried = [name for name, _, _ in wrong]
    assert list(dict.fromkeys(tried)) == names
    assert {name: tried.count(name) for name in names if tried.count(name) < AT_LEAST} == {}


def passes(exercise: Exercise, answer: Callable[[], Any], capsys: pytest.CaptureFixture) -> None:
    exercise.examine(answer())  # raises NotYet if it does not
    assert exercise.question.strip() == exercise.question != "" and exercise.because
    exercise.hint()
    assert len(capsys.readouterr().out) > 20
    exercise.solution()
    assert len(capsys.readouterr().out) > 5


def fails(exercise: Exercise, answer: Any, words: str, _: Any) -> None:
    with pytest.raises(NotYet, match=words):
        exercise.examine(answer)


def is_told(exercise: Exercise, answer: Any, capsys: pytest.CaptureFixture) -> None:
    assert not exercise.check(answer)
    message = capsys.readouterr().out
    assert message.startswith(f"✗ {exercise.name}: ")
    assert len(message) > len(exercise.name) + 10
