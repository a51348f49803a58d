"""Notebooks ask every exercise with a blank, and solutions notebooks solve every one.

The solutions themselves are run by tests/exercises; a notebook that solves them stops at a wrong
one, because ``solve`` asserts that the check says yes.
"""

import ast
import re

import pytest

from dlnotes import course, exercises
from dlnotes.course import notebooks

WITH_EXERCISES = [
    pytest.param(chapter, id=chapter.name)
    for chapter in course.built()
    if chapter.module in exercises.chapters()
]
of_every_chapter = pytest.mark.parametrize("chapter", WITH_EXERCISES)


@pytest.mark.parametrize("module", exercises.chapters())
def test_exercises_belong_to_a_chapter_and_there_are_five(module):
    assert module in {chapter.module for chapter in course.CHAPTERS} | {"start"}
    assert len(exercises.of_chapter(module)) >= 5


def code(path):
    cells = notebooks.read(path).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def called(path, module):
    """Return the names of the exercises whose check a notebook calls."""
    return set(re.findall(rf"\bexercises\.{module}\.(\w+)\.check\(", code(path)))


@of_every_chapter
def test_notebook_asks_every_exercise_and_no_other(chapter):
    assert called(chapter.path, chapter.module) == set(exercises.of_chapter(chapter.module))


@of_every_chapter
def test_each_exercise_has_one_cell_with_its_question_its_skeleton_and_its_check(chapter):
    cells = [
        (tag.removeprefix("exercise:"), cell.source)
        for cell in notebooks.read(chapter.path).cells
        for tag in notebooks.tags(cell)
        if tag.startswith("exercise:")
    ]
    found = exercises.of_chapter(chapter.module)
    assert [name for name, _ in cells] == [f"{chapter.module}.{name}" for name in found]
    for exercise, (_, source) in zip(found.values(), cells, strict=True):
        assert source == exercise.cell(), f"{exercise.name}: empty the cell and run dlnotes format"


@of_every_chapter
def test_notebook_gives_no_answer_away(chapter):
    for name in called(chapter.path, chapter.module):
        for cell in notebooks.read(chapter.path).cells:
            if f".{name}.check(" in cell.source:
                assert "..." in cell.source, f"{name} must be asked with a blank"


@of_every_chapter
def test_solutions_notebook_solves_every_exercise_and_stops_at_a_wrong_answer(chapter):
    source = code(chapter.solutions)
    solved = re.findall(rf"\bsolve\(exercises\.{chapter.module}\.(\w+)\)", source)
    assert solved == list(exercises.of_chapter(chapter.module))
    [solve] = re.findall(r"^def solve\(.*?(?=^\S|\Z)", source, re.MULTILINE | re.DOTALL)
    body = [ast.unparse(line) for line in ast.parse(solve).body[0].body]
    assert "answer = exercise.right_answer()" in body and "assert exercise.check(answer)" in body
