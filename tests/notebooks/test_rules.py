"""Every notebook keeps the rules of the course, and a notebook that breaks one is caught."""

from functools import cache

import pytest
from course_notebooks import checkout, code, markdown, parsed

import notebooks.rules  # noqa: F401  knows all of RULES
from dlnotes import course
from notebooks.changes import add, edit, good_chapter, save, set_metadata
from notebooks.page import Page, inventory
from notebooks.rule import CHAPTERS, EVERYWHERE, RULES, faults, rule, rules_of
from notebooks.rules.code import LONG
from notebooks.rules.outputs import ERROR

open_page = cache(Page.open)
PAGES = [
    open_page(path)
    for chapter in course.built()
    for path in (chapter.path, chapter.solutions)
    if path.is_file()
]


def cases(*, of_outputs):
    """Return a test case for each page and rule; rules of stored outputs are tried elsewhere."""
    return [
        pytest.param(page, known, id=f"{page.path.parent.name}/{page.path.stem}-{known.name}")
        for page in PAGES
        for known in rules_of(page)
        if (known.file == "outputs") == of_outputs
    ]


@pytest.mark.parametrize(("page", "known"), cases(of_outputs=False))
def test_notebook_keeps_the_rule(page, known):
    assert not list(known(page))


def test_every_notebook_belongs_to_a_chapter():
    files = {path.name for path in course.notebooks_folder().rglob("*.ipynb")}
    files = {name for name in files if "checkpoint" not in name}
    assert files <= {chapter.file for chapter in course.CHAPTERS}


# ---- the rules themselves ----------------------------------------------------------------------


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A good chapter in a checkout of its own."""
    monkeypatch.chdir(checkout(tmp_path))
    return save(good_chapter(), course.find("cnn").path)


def broken_rules(path):
    """Return the names of the rules that a notebook breaks."""
    return {fault.split(":")[0] for fault in faults(path)}


def changes(kind):
    """Return a test case for each change that breaks or keeps a rule."""
    return [
        pytest.param(known.name, change, id=f"{known.name}-{number}")
        for known in RULES
        for number, change in enumerate(getattr(known, kind))
    ]


def test_a_good_chapter_keeps_every_rule(path):
    assert faults(path) == []


@pytest.mark.parametrize(("name", "change"), changes("broken_by"))
def test_a_notebook_that_breaks_the_rule_is_caught(path, name, change):
    change(path)
    assert broken_rules(path) == {name}


def test_a_fault_names_its_rule_and_its_cell(path):
    cells = len(Page.open(path).notebook.cells)
    add(code(LONG), markdown("![](x.svg) #### x"))(path)
    assert faults(path) == [
        f"code_length: cell {cells + 1}: 26 lines of code, at most 25",
        f"alt_text: cell {cells + 2}: image without alt text",
        f"links: cell {cells + 2}: x.svg does not exist",
    ]


@pytest.mark.parametrize(("name", "change"), changes("kept_by"))
def test_what_is_allowed_is_no_fault(path, name, change):
    before = path.read_text(encoding="utf-8")
    change(path)
    assert path.read_text(encoding="utf-8") != before
    assert faults(path) == []


def test_the_start_page_and_solutions_keep_the_rules_of_form_only(path):
    notebook = good_chapter()
    notebook.cells = notebook.cells[:5]
    start = path.with_name("00_start_here.ipynb")
    notebook.cells[0].source = notebook.cells[0].source.replace("02_cnn", "00_start_here")
    assert broken_rules(save(notebook, start)) == set()
    edit("profile", "seed = 0", "seed = 1")(start)
    assert broken_rules(start) == {"opening"}
    assert "length" in broken_rules(save(notebook, path))
    solutions = path.parent / "solutions" / path.name
    assert broken_rules(save(parsed(markdown("# S"), code("x")), solutions)) == set()
    assert broken_rules(save(parsed(markdown("# S"), code("x", ERROR)), solutions)) == {"outputs"}


def test_what_the_tags_mean_may_stand_on_the_start_page(path):
    missing = "notes_items: no cell covers PRE-c1"
    items = [item for item in inventory()["01_discriminative_and_generative"] if item != "PRE-c1"]
    first = path.rename(path.with_name("01_discriminative_and_generative.ipynb"))
    set_metadata("## The idea", notes=items)(first)
    assert missing in faults(first)
    start = parsed(markdown("# Start", notes=["PRE-c1"]))
    save(start, path.with_name("00_start_here.ipynb"))
    assert missing not in faults(first)


def test_inventory_has_every_item_of_the_notes_once():
    items = [item for chapter in inventory().values() for item in chapter]
    assert len(items) == len(set(items)) == 458
    for chapter in course.CHAPTERS[1:]:
        found = inventory()[chapter.name]
        assert found and all(item.startswith(f"{chapter.prefix}-") for item in found)


def test_a_rule_needs_a_name_of_its_own_and_something_that_breaks_it():
    before = list(RULES)
    with pytest.raises(ValueError, match="rule nothing must have a change that breaks it"):

        @rule(EVERYWHERE, broken_by=[])
        def nothing(page):
            yield from ()

    with pytest.raises(ValueError, match="rule title stands there twice"):

        @rule(CHAPTERS, broken_by=[edit("# 02", "02", "2")])
        def title(page):
            yield "fault"

    assert before == RULES


def test_a_change_of_what_is_not_there_fails(path):
    with pytest.raises(AssertionError):
        edit("# 02", "words that are not there", "")(path)
    with pytest.raises(StopIteration):
        set_metadata("no cell begins so")(path)
