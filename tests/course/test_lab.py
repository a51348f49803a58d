"""dlnotes lab: the reader's own copies follow the course, and nothing of his is ever lost."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from course_notebooks import as_json, checkout, code, markdown, picture, record, stream
from typer.testing import CliRunner

import dlnotes
from dlnotes import course
from dlnotes.course import cli, lab, notebooks

ROOT = Path(__file__).parents[2]
SEEN = [
    markdown("# Title\n\ntwo lines"),
    code("x = 1\nx", stream("1\n"), picture("a line"), record("accuracy", 1.0)),
]


def version(number, *cells):
    return notebooks.canonical(as_json(*SEEN, code(f"version = {number}"), *cells))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path))
    for name in ("00_start_here", "02_cnn", "solutions/02_cnn"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(version(1))
    return tmp_path


@pytest.fixture
def ours(repository):
    return repository / "notebooks" / "02_cnn.ipynb"


@pytest.fixture
def mine(repository):
    return repository / "runs" / "lab" / "02_cnn.ipynb"


def start(**options):
    """Start once more; return what the reader is told, and the notebooks he has, by name."""
    told = []
    folder = lab.refresh(report=told.append, **options)
    files = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.ipynb")}
    return told, files


def changed_by_reader(text, source="mine"):
    raw = json.loads(text)
    raw["cells"][-1]["source"] = source
    return json.dumps(raw)


def as_saved_by_a_front_end(text):
    """The same cells in another form: as JupyterLab saves what was only looked at."""
    raw = json.loads(text)
    raw["metadata"] |= {"widgets": {}, "language_info": {"version": "3.12"}}
    raw["nbformat_minor"] = 4
    for cell in raw["cells"]:
        cell["metadata"] |= {"trusted": True, "editable": True}
        cell["source"] = "".join(cell["source"])
        cell["id"] = "another"
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = "".join(output["text"])
            for kind, data in output.get("data", {}).items():
                if isinstance(data, dict):
                    assert data["value"] == 1.0
                    data["value"] = 1  # as JavaScript writes it
                else:
                    output["data"][kind] = "".join(data).splitlines(keepends=True)
        if "outputs" in cell:
            cell["execution_count"] = 7
    return json.dumps(raw)


# ---- starts ------------------------------------------------------------------------------------


def test_the_first_start_copies_every_notebook_and_leaves_the_course_alone(repository):
    before = {p: p.read_bytes() for p in (repository / "notebooks").rglob("*") if p.is_file()}
    hidden = repository / "notebooks" / ".ipynb_checkpoints" / "02_cnn-checkpoint.ipynb"
    hidden.parent.mkdir()
    hidden.write_text(version(0))
    told, files = start()
    assert told == []
    assert files == {
        name: version(1)
        for name in ("00_start_here.ipynb", "02_cnn.ipynb", "solutions/02_cnn.ipynb")
    }
    assert {p: p.read_bytes() for p in before} == before


def test_what_the_reader_changed_stays_at_the_second_start(mine):
    start()
    text = changed_by_reader(mine.read_text())
    mine.write_text(text)
    for options in ({}, {"update": True}, {}):
        told, files = start(**options)
        assert told == [] and len(files) == 3
        assert files["02_cnn.ipynb"] == text


def test_what_only_the_course_changed_is_brought_up_to_date(repository, ours, mine):
    start()
    ours.write_text(version(2))
    (repository / "notebooks" / "03_rnn.ipynb").write_text(version(3))
    told, files = start()
    assert told == [] and len(files) == 4
    assert files["02_cnn.ipynb"] == version(2) and files["03_rnn.ipynb"] == version(3)
    assert files["solutions/02_cnn.ipynb"] == version(1)


def test_a_look_is_no_change(ours, mine):
    start()
    mine.write_text(as_saved_by_a_front_end(mine.read_text()))
    looked = mine.read_text()
    assert start()[1]["02_cnn.ipynb"] == looked
    ours.write_text(version(2))
    told, files = start()
    assert told == [] and len(files) == 3
    assert files["02_cnn.ipynb"] == version(2)


def test_where_both_changed_the_new_one_lies_beside_once_for_each_version(ours, mine):
    start()
    text = changed_by_reader(mine.read_text())
    mine.write_text(text)
    ours.write_text(version(2))
    note = "02_cnn.ipynb is yours and stays; the course's newest is 02_cnn.new.ipynb, beside it"
    for number in (2, 2, 3):
        ours.write_text(version(number))
        told, files = start()
        assert told == [note] and len(files) == 4
        assert files["02_cnn.ipynb"] == text and files["02_cnn.new.ipynb"] == version(number)
    (mine.parent / "02_cnn.new.ipynb").unlink()  # seen, and not wanted
    told, files = start()
    assert told == [] and len(files) == 3
    ours.write_text(version(4))
    told, files = start()
    assert told == [note] and files["02_cnn.new.ipynb"] == version(4)


def test_update_takes_the_new_one_and_keeps_the_readers(ours, mine):
    start()
    for number, kept in ((2, "02_cnn.mine.ipynb"), (3, "02_cnn.mine-2.ipynb")):
        text = changed_by_reader(mine.read_text(), f"mine {number}")
        mine.write_text(text)
        ours.write_text(version(number))
        assert len(start()[0]) == 1
        told, files = start(update=True)
        assert told == [f"02_cnn.ipynb is the course's newest now; yours is {kept}, beside it"]
        assert files["02_cnn.ipynb"] == version(number) and files[kept] == text
        assert "02_cnn.new.ipynb" not in files
        assert start() == ([], files)
    assert "mine 2" in files["02_cnn.mine.ipynb"]


def test_the_reader_may_work_in_the_new_one_or_take_its_place(ours, mine):
    start()
    text = changed_by_reader(mine.read_text())
    mine.write_text(text)
    ours.write_text(version(2))
    start()
    new = mine.with_name("02_cnn.new.ipynb")
    worked = changed_by_reader(new.read_text(), "in the new one")
    new.write_text(worked)
    ours.write_text(version(3))
    files = start()[1]
    assert files["02_cnn.ipynb"] == text and files["02_cnn.new.ipynb"] == version(3)
    assert files["02_cnn.new-2.ipynb"] == worked
    new.replace(mine)
    told, files = start()
    assert told == [] and files["02_cnn.ipynb"] == version(3) and "02_cnn.new.ipynb" not in files
    ours.write_text(version(4))
    told, files = start()
    assert told == [] and files["02_cnn.ipynb"] == version(4)
    assert files["02_cnn.new-2.ipynb"] == worked


def test_the_new_one_may_take_the_place_just_before_a_newer_one_comes(ours, mine):
    start()
    mine.write_text(changed_by_reader(mine.read_text()))
    ours.write_text(version(2))
    start()
    mine.with_name("02_cnn.new.ipynb").replace(mine)
    ours.write_text(version(3))
    told, files = start()
    assert told == [] and len(files) == 3 and files["02_cnn.ipynb"] == version(3)


def test_a_deleted_copy_comes_back_fresh(ours, mine):
    start()
    mine.write_text(changed_by_reader(mine.read_text()))
    mine.unlink()
    assert start()[1]["02_cnn.ipynb"] == version(1)


@pytest.mark.parametrize("damage", ["{", "[]", None])
def test_without_the_list_of_what_was_given_nothing_is_lost(ours, mine, damage):
    start()
    text = changed_by_reader(mine.read_text())
    mine.write_text(text)
    table = mine.with_name(lab.GIVEN)
    table.write_text(damage) if damage else table.unlink()
    told, files = start()
    assert len(told) == 1 and files["02_cnn.ipynb"] == text
    assert files["02_cnn.new.ipynb"] == version(1) and len(files) == 4


def test_a_new_one_of_the_readers_own_making_stays(ours, mine):
    start()
    own = mine.with_name("02_cnn.new.ipynb")
    own.write_text(version("own"))
    assert start()[1]["02_cnn.new.ipynb"] == version("own")
    mine.write_text(changed_by_reader(mine.read_text()))
    ours.write_text(version(2))
    files = start()[1]
    assert files["02_cnn.new.ipynb"] == version(2)
    assert files["02_cnn.new-2.ipynb"] == version("own")


# ---- what counts as a change -------------------------------------------------------------------


def edit(change):
    raw = json.loads(version(1))
    change(raw["cells"])
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells[1].update(source="x = 2"),
        lambda cells: cells[1].update(cell_type="raw"),
        lambda cells: cells[1]["outputs"].pop(),
        lambda cells: cells[1]["outputs"][0].update(text="2\n"),
        lambda cells: cells[1]["outputs"][2]["data"].popitem(),
        lambda cells: cells[1].update(metadata={"tags": ["mine"]}),
        lambda cells: cells[0].update(attachments={"a.png": {"image/png": "AA=="}}),
        lambda cells: cells.pop(),
        lambda cells: cells.reverse(),
        lambda cells: cells.append(cells[0]),
    ],
)
def test_every_change_of_content_counts(change):
    assert lab.digest(edit(change)) != lab.digest(version(1).encode())


def test_the_form_does_not_count():
    saved = as_saved_by_a_front_end(version(1))
    assert lab.digest(saved.encode()) == lab.digest(version(1).encode())
    empty = edit(lambda cells: cells[1].update(source="", outputs=[]))
    assert lab.digest(empty) == lab.digest(
        edit(lambda cells: cells[1].update(source=[], outputs=[]))
    )


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"cells": [1]}', '{"cells": [{}]}', "\xff"]
)
def test_what_is_no_notebook_counts_to_the_byte(text):
    content = text.encode("latin-1")
    assert lab.digest(content) == lab.digest(content) != lab.digest(content + b" ")


# ---- the commands ------------------------------------------------------------------------------


def test_the_command_opens_the_copy(repository, ours, mine, monkeypatch):
    calls = []
    monkeypatch.setattr(cli.subprocess, "call", lambda command: calls.append(command) or 3)
    done = CliRunner().invoke(cli.app, ["lab"])
    page = repository / "runs" / "lab" / "00_start_here.ipynb"
    assert done.exit_code == 3 and calls == [[sys.executable, "-m", "jupyter", "lab", str(page)]]
    assert page.is_file()

    mine.write_text(changed_by_reader(mine.read_text()))
    ours.write_text(version(2))
    wide = {"COLUMNS": "200"}
    done = CliRunner().invoke(cli.app, ["lab", "--no-open"], env=wide)
    assert done.exit_code == 0 and len(calls) == 1
    assert "the course's newest is 02_cnn.new.ipynb" in done.output
    assert f"your copies are in {os.path.join('runs', 'lab')}" in done.output
    done = CliRunner().invoke(cli.app, ["lab", "--update", "--no-open"], env=wide)
    assert "yours is 02_cnn.mine.ipynb" in done.output and mine.read_text() == version(2)


def test_course_and_data_are_found_from_a_copy(mine):
    start()
    script = "from dlnotes import course, data; print(course.root(), len(data.sunspots()))"
    environment = os.environ | {"PYTHONPATH": str(Path(dlnotes.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=mine.parent, env=environment, capture_output=True
    )
    assert done.stdout.decode().split()[0] == str(mine.parents[2]), done.stderr.decode()
    assert course.root() == mine.parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_lab_opens_copies_and_make_clean_leaves_them(repository):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^lab: .*\n\t\$\(RUN\)dlnotes lab\n(?!\t)", makefile, re.M)
    start()
    for name in ("runs/smoke/02_cnn.ipynb", "runs/.hidden", "build/site/index.html"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("made")
    shutil.copy(ROOT / "Makefile", repository)
    for _ in range(2):
        subprocess.run(["make", "-s", "clean"], cwd=repository, check=True)
        assert not (repository / "build").exists()
        assert [path.name for path in (repository / "runs").iterdir()] == ["lab"]
        assert len(list((repository / "runs" / "lab").rglob("*.ipynb"))) == 3
    shutil.rmtree(repository / "runs")
    subprocess.run(["make", "-s", "clean"], cwd=repository, check=True)
