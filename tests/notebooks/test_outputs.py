"""Stored outputs are those of the code as it is, and every copy of a number equals its source."""

import re

import pytest

from dlnotes import course
from dlnotes.course import notebooks, readme, runner
from dlnotes.course.digest import digest
from notebooks.test_rules import cases

BUILT = [pytest.param(chapter, id=chapter.name) for chapter in course.built()]
of_every_chapter = pytest.mark.parametrize("chapter", BUILT)


@pytest.mark.parametrize(("page", "known"), cases(of_outputs=True))
def test_notebook_keeps_the_rule(page, known):
    assert not list(known(page))


@of_every_chapter
def test_checked_cells_say_that_the_claim_holds(chapter):
    for cell in notebooks.read(chapter.path).cells:
        if "nbval-check-output" in notebooks.tags(cell):
            # no figure above the claim: nbval would compare its bytes
            assert [output.output_type for output in cell.outputs] == ["stream"], cell.source
            assert cell.outputs[0].text.splitlines()[-1].startswith("✓ "), cell.source


@of_every_chapter
def test_results_are_those_of_the_stored_outputs(chapter):
    entry = runner.results()[chapter.name]
    notebook = notebooks.read(chapter.path)
    made_by = dict(notebook.metadata.dlnotes)
    assert {key: entry[key] for key in made_by} == made_by
    assert entry["digest"] == digest(notebook)
    shown = runner.records(notebook)
    assert set(entry["records"]) == set(shown)
    for name, record in shown.items():
        kept = entry["records"][name]
        assert all(kept[key] == record[key] for key in kept if key in record), name
        assert kept["value"] == record["value"]


@of_every_chapter
def test_every_recorded_number_is_within_its_bounds(chapter):
    for name, record in runner.results()[chapter.name]["records"].items():
        assert record.get("at_least", -1e300) <= record["value"], name
        assert record["value"] <= record.get("at_most", 1e300), name


@of_every_chapter
def test_minutes_in_the_title_are_those_that_were_measured(chapter):
    source = notebooks.read(chapter.path).cells[0].source
    seconds = runner.results()[chapter.name]["seconds"]
    assert source == notebooks.with_minutes(source, chapter.read_minutes, seconds)


def test_results_are_of_built_chapters_only():
    assert set(runner.results()) <= {chapter.name for chapter in course.built()}


def test_readme_shows_the_results_as_they_are():
    text = (course.root() / "README.md").read_text(encoding="utf-8")
    assert text == readme.updated_readme(text), "run `dlnotes readme`"


def test_every_link_names_this_repository():
    assert readme.foreign_addresses() == []


def test_readme_names_every_result_to_the_shown_digit():
    text = (course.root() / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| \*\*(.+?)\*\* \|", text)
    shown = [
        readme.shown(record)
        for _, result in sorted(runner.results().items())
        for record in result["records"].values()
    ]
    assert rows[-len(shown) or len(rows) :] == shown
