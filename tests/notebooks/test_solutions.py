"""Every exercise can be solved as its solution says, and no blank passes."""

import re

import pytest

from dlnotes import course, exercises
from dlnotes.course import notebooks, runner

EXERCISES = [
    pytest.param(module, name, exercise, id=f"{module}.{name}")
    for module in exercises.chapters()
    for name, exercise in exercises.of_chapter(module).items()
]
of_every_exercise = pytest.mark.parametrize(("module", "name", "exercise"), EXERCISES)
WITH_EXERCISES = [
    pytest.param(chapter, id=chapter.name)
    for chapter in course.built()
    if chapter.module in exercises.chapters()
]
of_every_chapter = pytest.mark.parametrize("chapter", WITH_EXERCISES)


@of_every_exercise
def test_the_solution_passes(module, name, exercise, monkeypatch):
    monkeypatch.setenv("DLNOTES_PROFILE", "smoke")
    exercise.examine(exercise.right_answer())  # raises NotYet if it does not


@of_every_exercise
def test_a_blank_fails_with_a_useful_message(module, name, exercise, capsys):
    assert not exercise.check(...)
    assert re.search(r"✗ \w+: still blank", capsys.readouterr().out)


@of_every_exercise
@pytest.mark.parametrize(
    "answer",
    [-17.25, "no", object(), [], lambda *_, **__: None],
    ids=["number", "word", "object", "list", "function"],
)
def test_a_wrong_answer_is_told_what_is_wrong(module, name, exercise, answer, capsys):
    assert not exercise.check(answer)
    message = capsys.readouterr().out
    assert message.startswith(f"✗ {name}: ")
    assert len(message) > len(name) + 10


@of_every_exercise
def test_hint_and_solution_are_shown(module, name, exercise, capsys):
    exercise.hint()
    assert len(capsys.readouterr().out) > 20
    exercise.solution()
    assert len(capsys.readouterr().out) > 5
    assert exercise.question.strip() == exercise.question != ""


@pytest.mark.parametrize("module", exercises.chapters())
def test_exercises_belong_to_a_chapter_and_there_are_five(module):
    assert module in {chapter.module for chapter in course.CHAPTERS}
    assert len(exercises.of_chapter(module)) >= 5


def called(path, module, method="check"):
    """Return the names of the exercises whose method a notebook calls."""
    code = "\n".join(c.source for c in notebooks.read(path).cells if c.cell_type == "code")
    return set(re.findall(rf"\bexercises\.{module}\.(\w+)\.{method}\(", code))


@of_every_chapter
def test_notebook_asks_every_exercise_and_no_other(chapter):
    assert called(chapter.path, chapter.module) == set(exercises.of_chapter(chapter.module))


@of_every_chapter
def test_notebook_gives_no_answer_away(chapter):
    for name in called(chapter.path, chapter.module):
        for cell in notebooks.read(chapter.path).cells:
            if f".{name}.check(" in cell.source:
                assert "..." in cell.source, f"{name} must be asked with a blank"


@of_every_chapter
def test_solutions_notebook_solves_every_exercise(chapter, tmp_path):
    result = runner.run(chapter.solutions, profile="smoke", seed=0, out=tmp_path)
    assert result.status == "ran", result.error
    text = "".join(
        output.get("text", "")
        for cell in notebooks.read(result.output).cells
        for output in cell.get("outputs", [])
    )
    assert "✗" not in text
    solved = set(re.findall(r"✓ (\w+): right", text))
    assert solved == set(exercises.of_chapter(chapter.module))
