"""dlnotes.course: the table of chapters, the one form of a notebook, one home for each fact."""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from course_notebooks import (
    PNG,
    as_json,
    checkout,
    code,
    display,
    markdown,
    picture,
    stream,
)

import dlnotes
from dlnotes import checks, course, exercises, notebook
from dlnotes.course import notebooks, sources

PACKAGE = Path(dlnotes.__file__).parent


def canonical(*cells, **metadata):
    return nbformat.reads(notebooks.canonical(as_json(*cells, **metadata)), as_version=4)


def outputs_of(*outputs):
    return canonical(code("x", *outputs)).cells[0].outputs


# ---- the table ---------------------------------------------------------------------------------


def test_chapters_are_numbered_in_reading_order():
    assert [chapter.number for chapter in course.CHAPTERS] == list(range(21))
    for chapter in course.CHAPTERS:
        assert chapter.name.startswith(f"{chapter.number:02}_")


@pytest.mark.parametrize("field", ["name", "module", "title", "prefix", "promise"])
def test_chapters_are_told_apart_by(field):
    values = [value for chapter in course.CHAPTERS if (value := getattr(chapter, field))]
    assert len(values) == len(set(values)) >= 20


def test_tags_follow_the_objective_where_the_notes_are_wrong():
    generative = {c.prefix for c in course.CHAPTERS if c.tags == (course.GENERATIVE,)}
    assert {"ELM", "GPT", "GAN", "WGN", "VAE", "NF", "NIC", "RNV", "DIF"} == generative
    both = {c.prefix for c in course.CHAPTERS if len(c.tags) == 2}
    assert both == {"PRE", "RNN", "LSTM", "GRU", "S2S", "TRF"}
    assert {"BRT", "AE", "CNN"} <= {
        c.prefix for c in course.CHAPTERS if c.tags == (course.DISCRIMINATIVE,)
    }


def test_the_objective_is_one_kind_or_both():
    kinds = {chapter.tags: chapter.objective for chapter in course.CHAPTERS if chapter.tags}
    assert kinds == {
        (course.DISCRIMINATIVE,): "discriminative",
        (course.GENERATIVE,): "generative",
        (course.DISCRIMINATIVE, course.GENERATIVE): "both",
    }


@pytest.mark.parametrize("name", ["17", "flows", "normalizing_flows", "17_normalizing_flows"])
def test_a_chapter_is_found_by_any_of_its_names(name):
    assert course.find(name).module == "flows"
    assert course.find(f"notebooks/{course.find(name).file}").number == 17


def test_leading_zeros_and_capitals_do_not_matter():
    assert course.find("02") is course.find("2") is course.find("CNN") is course.CHAPTERS[2]


def test_an_unknown_chapter_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"got 'trasformer': did you mean 07_transformer\?"):
        course.find("trasformer")
    with pytest.raises(ValueError, match="got '21': `dlnotes list`"):
        course.find("21")


def test_the_course_is_the_checkout_one_works_in(tmp_path, monkeypatch):
    checkout(tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")
    assert course.root() == tmp_path
    assert course.built() == []
    course.CHAPTERS[3].path.write_text("")
    assert course.built() == [course.CHAPTERS[3]]
    (tmp_path / "pyproject.toml").write_text('name = "other"')
    assert course.root() != tmp_path


def test_table_costs_no_import_of_torch_or_papermill():
    script = "import sys, dlnotes.course, dlnotes.course.cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"torch", "matplotlib", "papermill", "nbformat"} & set(done.stdout.split())


# ---- canonical form ----------------------------------------------------------------------------

MESSY = [
    markdown("# Title  \n\n", editable=True, slideshow={"slide_type": "slide", "x": 1}),
    markdown("  \n"),
    code("import dlnotes", stream("a\n"), stream("b\n"), tags=["setup"], scrolled=True),
    code("1\n", notes=["CNN-1"], papermill={"duration": 1}, jupyter={"outputs_hidden": True}),
    code("2", picture("a line that rises", PNG + "\n"), stream("50%|#####     | 1/2", "stderr")),
    code("x", tags=["source:dlnotes.checks.check_positive"]),
    markdown("end"),
]


def test_canonical_form_is_a_fixed_point_and_valid():
    once = notebooks.canonical(as_json(*MESSY, papermill={}, widgets={"state": {}}, kernelspec={}))
    assert notebooks.canonical(once) == once
    nbformat.validate(nbformat.reads(once, as_version=4))
    assert once.endswith("}\n") and not once.endswith("\n\n")
    raw = json.loads(once)
    assert list(raw) == sorted(raw)
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    assert raw["metadata"] == {"kernelspec": notebooks.KERNEL, "language_info": {"name": "python"}}


# beside the interpreter first: an environment need not be on the PATH
RUFF = shutil.which("ruff", path=os.path.dirname(sys.executable)) or shutil.which("ruff")


@pytest.mark.skipif(RUFF is None, reason="needs ruff")
def test_ruff_leaves_a_canonical_notebook_as_it_is(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(notebooks.canonical(as_json(*MESSY)))
    subprocess.run([RUFF, "format", "-q", "--isolated", "--line-length=100", path], check=True)
    assert not notebooks.format_file(path, check=True)


def test_only_the_metadata_we_use_is_kept():
    metadata = [dict(cell.metadata) for cell in canonical(*MESSY).cells]
    assert metadata[0] == {"slideshow": {"slide_type": "slide"}}
    assert metadata[1]["tags"][0] == "setup" and "scrolled" not in metadata[1]
    assert metadata[2] == {"notes": ["CNN-1"]}
    assert metadata[-1] == {}


def test_what_the_runner_wrote_is_kept():
    made_by = {"seed": 0, "digest": "ab", "profile": "standard"}
    assert canonical(code("1"), dlnotes=made_by).metadata["dlnotes"] == made_by


def test_ids_are_kept_once_set_and_made_from_the_content_where_not():
    cells = [markdown("a") | {"id": "first"}, markdown("b"), markdown("b"), markdown("c")]
    cells += [markdown("d") | {"id": "first"}, markdown("e") | {"id": "not valid!"}]
    ids = [cell.id for cell in canonical(*cells, minor=5).cells]
    assert ids[0] == "first"
    assert len(set(ids)) == 6
    assert ids == [cell.id for cell in canonical(*cells).cells]
    alone = canonical(markdown("b"), minor=4).cells[0].id
    assert alone == ids[1]
    assert all(re.fullmatch(r"[\w-]{1,64}", name) for name in ids)


def test_empty_cells_and_trailing_space_go_but_line_breaks_stay():
    cells = canonical(markdown("\n"), code(" "), code("") | {"source": "    one  \ntwo \n\n"}).cells
    assert [cell.source for cell in cells] == ["    one  \ntwo"]


def test_execution_counts_stand_where_there_are_outputs():
    result = {
        "output_type": "execute_result",
        "data": {"text/plain": "1"},
        "metadata": {},
        "execution_count": 77,
    }
    cells = canonical(code("a"), markdown("b"), code("c", stream("c")), code("d", result)).cells
    assert [cell.get("execution_count") for cell in cells] == [None, None, 2, 3]
    assert cells[3].outputs[0].execution_count == 3


def test_neighbouring_streams_of_one_name_are_merged():
    outputs = outputs_of(
        stream("a"), stream("b"), stream("w", "stderr"), stream("c"), display({"text/plain": "d"})
    )
    assert [output.get("text") for output in outputs] == ["ab", "w", "c", None]


def test_progress_bars_go_and_warnings_stay():
    bars = (
        "\rtrain:  50%|#####     | 1/2 [00:01<00:01]\rtrain: 100%|##########| 2/2 [00:02<00:00]\n"
    )
    assert outputs_of(stream(bars, "stderr")) == []
    [kept] = outputs_of(stream(bars + "UserWarning: 5 % is little\n", "stderr"))
    assert kept.text == "UserWarning: 5 % is little\n"
    [kept] = outputs_of(stream("half\rdone\nloss 100%\n"))
    assert kept.text == "done\nloss 100%\n"
    assert (
        outputs_of(display({notebooks.WIDGET: {}, "text/plain": "  0%|    | 0/9 [00:00<?]"})) == []
    )


def test_widget_views_leave_their_text():
    [output] = outputs_of(display({notebooks.WIDGET: {"model_id": "1"}, "text/plain": "controls"}))
    assert dict(output.data) == {"text/plain": "controls"}
    assert outputs_of(display({notebooks.WIDGET: {"model_id": "1"}})) == []


def test_pictures_keep_what_is_shown_and_lose_their_metadata():
    output = picture("a line that rises")
    output["metadata"] = {"image/png": {"width": 3}, "needs_background": "light"}
    output["transient"] = {"display_id": "7"}
    raw = json.loads(notebooks.canonical(as_json(code("x", output))))["cells"][0]["outputs"][0]
    assert raw["metadata"] == {} and "transient" not in raw
    assert {kind: "".join(text) for kind, text in raw["data"].items()} == output["data"]


def test_pictures_are_found_with_their_words_and_their_size():
    [shown] = outputs_of(picture('"a" < b & c', "A" * 400))
    assert notebooks.pictures(shown) == [('"a" < b & c', 300)]
    [bare] = outputs_of(
        display({"image/png": "A" * 40}, **{"image/png": {"alt": "nobody reads it"}})
    )
    assert notebooks.pictures(bare) == [("", 30)]
    two = '<img src="data:image/png;base64,AAAA"><p>b</p><img src="x.png" alt="b">'
    assert notebooks.pictures({"data": {"text/html": two}}) == [("", 3), ("b", 0)]
    for nothing in (
        stream("text"),
        display({"text/plain": "a"}),
        display({"text/html": "<b>images</b>"}),
    ):
        assert notebooks.pictures(nothing) == []


@pytest.mark.parametrize("tag", ["draw", "setup"])
def test_one_tag_folds_the_code_everywhere_and_goes_with_its_marks(tag):
    cell = code("x", tags=[tag, "widget"], jupyter={"source_hidden": False}, cellView="code")
    once = notebooks.canonical(as_json(cell))
    [folded] = json.loads(once)["cells"]
    assert folded["metadata"] == {
        "tags": [tag, "widget", "hide-input"],
        "jupyter": {"source_hidden": True},
        "cellView": "form",
    }
    assert notebooks.canonical(once) == once
    folded["metadata"]["tags"].remove(tag)
    [plain] = json.loads(notebooks.canonical(as_json(folded)))["cells"]
    assert plain["metadata"] == {"tags": ["widget"]}


def test_memory_addresses_go():
    [first, second] = outputs_of(
        stream("<A at 0x7f3a00>\n"), display({"text/plain": "<B at 0xabcdef>"})
    )
    assert (first.text, second.data["text/plain"]) == ("<A>\n", "<B>")


def test_records_and_errors_are_kept_whole():
    entry = {"name": "a", "value": 0.1}
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["at 0x7f3a0000"]}
    kept = outputs_of(display({"application/vnd.dlnotes.record+json": entry}), error)
    assert kept[0].data["application/vnd.dlnotes.record+json"] == entry
    assert kept[1] == error


def test_format_only_looks_when_told_so(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(as_json(*MESSY))
    before = path.read_text()
    assert notebooks.format_file(path, check=True)
    assert path.read_text() == before
    assert notebooks.format_file(path)
    assert path.read_text() == notebooks.canonical(before)
    assert not notebooks.format_file(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "x.txt"
    notebooks.write(path, "old")
    assert path.stat().st_mode & 0o777 == 0o644

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        notebooks.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="nbformat must be 4, got 3"):
        notebooks.parse('{"nbformat": 3, "cells": []}')


# ---- mirrored sources --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [n for n, f in vars(checks).items() if getattr(f, "__module__", "") == checks.__name__]
)
def test_mirrored_source_is_what_inspect_says(name):
    source = sources.package_source(f"dlnotes.checks.{name}")
    assert source == inspect.getsource(getattr(checks, name)).rstrip()
    [cell] = canonical(code("old", tags=[f"source:dlnotes.checks.{name}"])).cells
    assert cell.source == source


def test_mirrored_source_has_decorators_methods_and_constants():
    found = sources.package_source("dlnotes.course.Chapter")
    assert found == inspect.getsource(course.Chapter).rstrip()
    assert found.startswith("@dataclass(frozen=True)\nclass Chapter:")
    method = sources.package_source("dlnotes.course.Chapter.file")
    assert method.startswith("@property\ndef file(self)") and method.endswith(
        'f"{self.name}.ipynb"'
    )
    assert sources.package_source("dlnotes.cnn.Pair").startswith("Pair = ")


@pytest.mark.parametrize("name", ["dlnotes.checks.nothing", "dlnotes.nothing.x", "dlnotes.checks"])
def test_a_source_that_does_not_exist_is_named(name):
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        sources.package_source(name)


def test_a_cell_of_an_exercise_is_written_from_it_until_somebody_begins():
    text = exercises.rnn.parameters.cell()
    [cell] = canonical(code("", tags=["exercise:rnn.parameters"])).cells
    assert cell.source == text and cell.metadata.tags == ["exercise:rnn.parameters"]
    for source, kept in ((text.replace("# ", "# Old: ", 1), text), ("answer = 1", "answer = 1")):
        [cell] = canonical(code(source, tags=["exercise:rnn.parameters"])).cells
        assert cell.source == kept
    for name in ("rnn.nothing", "astrology.x", "expectations.expect", "rnn"):
        with pytest.raises(ValueError, match=f"must name an exercise, got '{name}'"):
            canonical(code("x", tags=[f"exercise:{name}"]))


# ---- one home for each fact --------------------------------------------------------------------

SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
    for path in PACKAGE.rglob("*.py")
}


@pytest.mark.parametrize(
    ("fact", "home"),
    [
        ("application/vnd.dlnotes.record", "__init__.py"),
        ('"smoke", "standard", "full"', "__init__.py"),
        ('02_cnn",', "course/__init__.py"),
        ("cdn.jsdelivr.net", "course/publish.py"),
    ],
)
def test_a_fact_stands_in_one_file(fact, home):
    assert [name for name, text in SOURCES.items() if fact in text] == [home]
    assert SOURCES[home].count(fact) == 1


def test_what_notebooks_begin_with_is_reached_in_one_way():
    for name in ("begin", "check", "choose", "profile", "record", "show"):
        assert getattr(dlnotes, name) is getattr(notebook, name)
    files = {name for name, text in SOURCES.items() if "dlnotes.notebook" in text}
    assert files == {"__init__.py", "checks.py"}
    with pytest.warns(DeprecationWarning, match=r"is now dlnotes\.notebook\.record"):
        checks.record  # noqa: B018  where it stood once
