"""dlnotes.course.anatomy: a good chapter keeps every rule, and each rule finds its fault."""

import json

import pytest
from course_notebooks import (
    broken_rules,
    checkout,
    code,
    good_chapter,
    markdown,
    parsed,
    picture,
    record,
    save,
    stream,
)

from dlnotes import course
from dlnotes.course import anatomy, notebooks
from dlnotes.course.page import inventory


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path))
    return course.find("cnn").path


def find(notebook, beginning):
    return next(cell for cell in notebook.cells if cell.source.startswith(beginning))


def cell(raw):
    """Return one parsed cell, on a skipped slide."""
    raw["metadata"].setdefault("slideshow", {"slide_type": "skip"})
    return parsed(raw).cells[0]


def add(raw, place=-1):
    return lambda notebook: notebook.cells.insert(place % (len(notebook.cells) + 1), cell(raw))


def edit(beginning, old, new):
    def change(notebook):
        found = find(notebook, beginning)
        assert old in found.source
        found.source = found.source.replace(old, new)

    return change


def drop(beginning):
    return lambda notebook: notebook.cells.remove(find(notebook, beginning))


def set_metadata(beginning, **metadata):
    return lambda notebook: find(notebook, beginning).metadata.update(metadata)


def without_output(notebook):
    find(notebook, "check").outputs = []


LONG = "\n".join(f"x{i} = {i}" for i in range(26))
ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
FAULTS = [
    ("title", edit("# 02", "# 02", "Chapter\n# 02")),
    ("title", add(markdown("# Another title"))),
    ("title", edit("# 02", "colab.research.google.com/github/dlnotes", "colab.com/github/x")),
    ("title", edit("# 02", "02_cnn.ipynb", "03_rnn.ipynb")),
    ("title", edit("# 02", "45 min", "a while")),
    ("heading_order", add(markdown("#### Too deep"))),
    ("opening", edit("profile", "seed = 0", "seed = 1")),
    ("opening", edit("profile", "seed = 0", "seed = 0\nlearning_rate = 1")),
    ("opening", edit("dlnotes.begin", "dlnotes.begin(profile, seed)", "x = 1")),
    ("opening", set_metadata("profile", tags=[])),
    ("opening", add(code("first = 1"), 2)),
    ("code_length", add(code(LONG))),
    ("links", add(markdown("[x](figures/missing.png)"))),
    ("absolute_paths", add(code("x", stream("saved to " + "/home" + "/me/x.png\n")))),
    ("absolute_paths", add(code('open("/tmp' + '/x")'))),
    ("absolute_paths", add(markdown(r"see C:\Users\me"))),
    ("outputs", add(code("x", ERROR))),
    ("outputs", add(code("x", stream("UserWarning: x\n", "stderr")))),
    ("outputs", add(code("x", stream("line\n" * 61)))),
    ("alt_text", add(code("x", picture("19 characters long!")))),
    ("alt_text", add(code("x", picture("an image that is too large", "A" * 400_004)))),
    ("alt_text", add(markdown("![](https://e.org/x.png)"))),
    ("alt_text", add(markdown('<img src="x.png">'))),
    ("slides", set_metadata("## Summary", slideshow={})),
    ("slides", set_metadata("## Summary", slideshow={"slide_type": "Slide"})),
    ("slides", set_metadata("# 02", slideshow={"slide_type": "skip"})),
    ("lecture", lambda notebook: [drop(f"{i}: 9 min")(notebook) for i in range(2)]),
    ("lecture", add(markdown("11 min", slideshow={"slide_type": "notes"}))),
    ("length", lambda notebook: [add(markdown(f"p{i}"))(notebook) for i in range(30)]),
    ("length", add(markdown("word " * 2800))),
    ("goals", drop("You will")),
    ("settings", edit("dlnotes.begin", '"full"', '"large"')),
    ("settings", edit("dlnotes.begin", "settings", "options")),
    ("settings", add(code("settings = {1: 2}"))),
    ("first_idea", add(code("\n".join(f"x{i} = 1" for i in range(18))), 5)),
    ("checks", edit("check(", 'check("one is one", 1, 1)', 'check("a", 1, 1)\nprint(1)')),
    ("checks", add(code('check("a", 1, 1)'))),
    ("checks", add(code('dlnotes.check("a", 1, 1)'))),
    ("checks", without_output),
    ("checks", drop("check(")),
    ("recorded", drop("measure()")),
    ("exercises", drop("answer")),
    ("exercises", edit("answer", "number_0", "number_1")),
    ("exercises", edit("answer", "exercises.cnn", "exercises.rnn")),
    ("sections", drop("## Differs")),
    ("sections", edit("## Summary", "## Summary", "Summary")),
    ("notes_items", set_metadata("## The idea", notes=[])),
    ("notes_items", set_metadata("## References", notes=["CNN-999"])),
    ("notes_items", edit("$$x", r"\tag", "")),
]


def test_a_good_chapter_keeps_every_rule(path):
    assert anatomy.faults(save(good_chapter(), path)) == []


@pytest.mark.parametrize(
    ("rule", "change"), FAULTS, ids=[f"{n}-{f[0]}" for n, f in enumerate(FAULTS)]
)
def test_each_fault_is_found_by_its_rule(path, rule, change):
    notebook = good_chapter()
    change(notebook)
    assert broken_rules(save(notebook, path)) == {rule}


def test_every_rule_has_a_fault_that_it_finds():
    rules = {rule.__name__ for rule in anatomy.EVERYWHERE + anatomy.CHAPTERS_ONLY}
    assert rules - {name for name, _ in FAULTS} == {"canonical_form", "size", "stored"}


@pytest.mark.parametrize(
    "change",
    [
        edit("$$x", r"\tag{", "("),  # (CNN-1) in words marks a formula, too
        add(code("# source\n" + LONG, tags=["source:dlnotes.checks.check_shape"])),
        add(markdown("![a rising line](https://example.org/x.png) [x](../data/README.md#part)")),
        add(markdown("```\n# no heading\n```")),
        add(code('x = "not/home/me", "https://example.org/home/me"')),
        add(code("loss.check(1)")),
        add(code("x", stream("line\n" * 60))),
    ],
)
def test_what_is_allowed_is_no_fault(path, change):
    (path.parents[1] / "data").mkdir()
    (path.parents[1] / "data" / "README.md").write_text("")
    notebook = good_chapter()
    change(notebook)
    found = find(notebook, "$$x").source
    find(notebook, "$$x").source = found.replace("(CNN-1}", "(CNN-1)")
    assert anatomy.faults(save(notebook, path)) == []


def test_stale_outputs_are_a_fault(path):
    save(good_chapter(), path)
    text = path.read_text()
    path.write_text(text.replace("measure()", "measure(1)"))
    assert broken_rules(path) == {"stored"}
    path.write_text(text.replace("You will be able", "Soon you will be able"))
    assert broken_rules(path) == set()
    path.write_text(text.replace('"profile": "standard"', '"profile": "smoke"'))
    assert broken_rules(path) == {"stored"}
    notebook = notebooks.read(path)
    notebook.metadata.pop("dlnotes")
    notebooks.write(path, notebooks.dump(notebook))
    assert broken_rules(path) == {"stored"}


def test_another_form_is_a_fault(path):
    save(good_chapter(), path)
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert broken_rules(path) == {"canonical_form"}


def test_a_large_file_is_a_fault(path):
    notebook = good_chapter()
    for name in "abcd":
        large = cell(code(name, picture("a picture of medium size", "A" * 300_000)))
        notebook.cells.append(large)
    assert broken_rules(save(notebook, path)) == {"size"}


def test_a_record_without_a_baseline_is_a_fault(path):
    notebook = good_chapter()
    find(notebook, "measure()").outputs = cell(code("x", record("accuracy", 0.9))).outputs
    assert broken_rules(save(notebook, path)) == {"recorded"}


def test_the_start_page_and_solutions_keep_the_rules_of_form_only(path):
    notebook = good_chapter()
    notebook.cells = notebook.cells[:5]
    start = path.with_name("00_start_here.ipynb")
    notebook.cells[0].source = notebook.cells[0].source.replace("02_cnn", "00_start_here")
    assert broken_rules(save(notebook, start)) == set()
    assert "length" in broken_rules(save(notebook, path))
    solutions = path.parent / "solutions" / path.name
    assert broken_rules(save(parsed(markdown("# S"), code("x")), solutions)) == set()
    assert broken_rules(save(parsed(markdown("# S"), code("x", ERROR)), solutions)) == {"outputs"}


def test_what_the_tags_mean_may_stand_on_the_start_page(path):
    notebook = good_chapter()
    missing = "notes_items: no cell covers PRE-c1"
    first = path.with_name("01_discriminative_and_generative.ipynb")
    items = [item for item in inventory()["01_discriminative_and_generative"] if item != "PRE-c1"]
    find(notebook, "## The idea").metadata["notes"] = items
    save(notebook, first)
    assert missing in anatomy.faults(first)
    start = parsed(markdown("# Start", notes=["PRE-c1"]))
    save(start, path.with_name("00_start_here.ipynb"))
    assert missing not in anatomy.faults(first)


def test_inventory_has_every_item_of_the_notes_once():
    items = [item for chapter in inventory().values() for item in chapter]
    assert len(items) == len(set(items)) == 458
    for chapter in course.CHAPTERS[1:]:
        found = inventory()[chapter.name]
        assert found and all(item.startswith(f"{chapter.prefix}-") for item in found)
