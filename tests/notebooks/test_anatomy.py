"""Every notebook has the anatomy of the course: one test per notebook and rule."""

import pytest

from dlnotes import course
from dlnotes.course import anatomy
from dlnotes.course.page import Page

OF_OUTPUTS = {"stored", "outputs", "alt_text", "recorded"}  # see test_outputs.py
CASES = [
    pytest.param(path, rule, id=f"{path.parent.name}/{path.stem}-{rule.__name__}")
    for chapter in course.built()
    for path in (chapter.path, chapter.solutions)
    if path.is_file()
    for rule in anatomy.rules_of(path)
    if rule.__name__ not in OF_OUTPUTS
]


@pytest.mark.parametrize(("path", "rule"), CASES)
def test_notebook_keeps_the_rule(path, rule):
    assert not list(rule(Page.open(path)))


def test_every_notebook_belongs_to_a_chapter():
    files = {path.name for path in course.notebooks_folder().rglob("*.ipynb")}
    files = {name for name in files if "checkpoint" not in name}
    assert files <= {chapter.file for chapter in course.CHAPTERS}
