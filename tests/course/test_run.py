"""dlnotes.course: running, storing, the tables that come from it, and the command line."""

import json
import os
import re
import subprocess
import sys

import nbformat
import pytest
from course_notebooks import as_json, checkout, code, markdown, parsed, record, stream
from typer.testing import CliRunner

from dlnotes import course
from dlnotes.course import check as checks
from dlnotes.course import cli, notebooks, readme, runner
from dlnotes.course import digest as digests
from dlnotes.course.digest import digest

PARAMETERS = code('profile = "standard"\nseed = 0', tags=["parameters"])
DISPLAY = """\
from IPython.display import display

data = {"application/vnd.dlnotes.record+json": {"name": "accuracy", "value": seed + 0.5,
    "unit": "%", "baseline": 0.1, "at_least": 0.2, "peak_memory_mib": 7.5, "device": "cpu",
    "profile": profile}, "text/plain": "accuracy"}
display(data, raw=True)"""
PRINT = """\
import os

print(profile, seed, os.environ["DLNOTES_PROFILE"], os.environ["OMP_NUM_THREADS"])
print(os.listdir())"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path))
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)), env={"COLUMNS": "120"})


def put(chapter, *cells):
    chapter.path.write_text(notebooks.canonical(as_json(*cells)))
    return chapter


# ---- run and store -----------------------------------------------------------------------------


def test_a_notebook_is_run_with_profile_and_seed_kept_and_stored(repository):
    chapter = put(
        course.find("cnn"), markdown("# T\n\n1 min to run"), PARAMETERS, code(PRINT), code(DISPLAY)
    )
    before = chapter.path.read_text()
    options = {"profile": "standard", "seed": 3, "out": repository / "runs"}
    seen = []
    [first] = runner.run_many([chapter.path], **options, on_cell=lambda *x: seen.append(x))
    assert (first.status, first.error) == ("ran", "")
    assert chapter.path.read_text() == before
    assert seen[-1] == (chapter.path, 5, 5)  # the injected cell counts
    assert first.records["accuracy"]["value"] == 3.5
    executed = notebooks.read(first.output)
    [printed] = [c for c in executed.cells if c.source == PRINT]
    words, folder = printed.outputs[0].text.splitlines()
    assert words == f"standard 3 standard {os.environ.get('OMP_NUM_THREADS', runner.cores())}"
    assert folder == "[]"  # an empty working folder

    [again] = runner.run_many([chapter.path], **options)
    assert again.status == "kept"
    assert again.records == first.records
    for change in ({"seed": 4}, {"profile": "smoke"}):
        made_by = {"digest": digest(chapter.path), "profile": "standard", "seed": 3} | change
        assert executed.metadata["dlnotes"] != made_by

    runner.store([again])
    stored = notebooks.read(chapter.path)
    assert chapter.path.read_text() == notebooks.canonical(chapter.path.read_text())
    assert [cell.source for cell in stored.cells][1:] == [PARAMETERS["source"], PRINT, DISPLAY]
    assert stored.metadata["dlnotes"] == {
        "digest": digest(chapter.path),
        "profile": "standard",
        "seed": 3,
    }
    assert "data" in stored.cells[-1].outputs[0]
    result = json.loads((repository / "notebooks" / "results.json").read_text())["02_cnn"]
    assert result["digest"] == digest(chapter.path)
    assert (result["seed"], result["profile"]) == (3, "standard")
    assert (result["peak_memory_mib"], result["device"]) == (7.5, "cpu")
    assert result["cpu_count"] == runner.cores()
    assert set(result["versions"]) == {"python", "torch", "torchvision", "dlnotes"}
    entry = result["records"]["accuracy"]
    assert 0 <= entry.pop("cell_seconds") <= result["seconds"]
    assert entry == {"value": 3.5, "unit": "%", "baseline": 0.1, "at_least": 0.2}
    assert "injected" not in chapter.path.read_text()


def test_a_failing_cell_is_shown_with_its_place_and_the_run_fails(repository):
    cells = (markdown("## Where it is"), code("1"), code("def f():\n    return 1 / 0\n\nf()"))
    put(course.find("cnn"), markdown("# Title"), PARAMETERS, *cells)
    done = invoke("run", "cnn", "--profile", "smoke", "--store")
    assert done.exit_code != 0
    done = invoke("run", "cnn", "--profile", "smoke")
    assert done.exit_code == 1
    assert "cell 5 of 5, under 'Where it is'" in done.output
    assert "return 1 / 0" in done.output
    assert "ZeroDivisionError: division by zero" in done.output
    assert not (repository / "notebooks" / "results.json").exists()


def executed(repository, chapter, profile="standard", **changes):
    """Return a finished run of a chapter without running it."""
    notebook = notebooks.read(chapter.path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.from_dict(stream("out\n"))]
    made_by = {"digest": digest(notebook), "profile": profile, "seed": 0} | changes
    notebook.metadata["dlnotes"] = made_by
    notebook.metadata["papermill"] = {"duration": 61.0}
    path = repository / "runs" / profile / chapter.file
    notebooks.write(path, notebooks.dump(notebook))
    found = runner.records(notebook)
    return runner.Run(chapter.name, "ran", 61.0, path, records=found, notebook=notebook)


def instantly(notebook, *_):
    notebook.metadata["papermill"] = nbformat.from_dict({"duration": 61.0})
    return notebook


def test_a_finished_notebook_is_run_again_only_if_something_changed(repository, monkeypatch):
    chapter = put(course.find("cnn"), PARAMETERS)
    executed(repository, chapter)
    out = repository / "runs" / "standard"
    ran = []

    def execute(notebook, *_):
        ran.append(1)
        return instantly(notebook)

    monkeypatch.setattr(runner, "_execute", execute)

    def status(**changes):
        options = {"profile": "standard", "seed": 0, "out": out} | changes
        return runner.run(chapter.path, **options).status

    assert status() == "kept"
    assert status(force=True) == "ran"
    executed(repository, chapter)
    assert status(seed=1) == "ran"
    executed(repository, chapter)
    assert status(profile="smoke") == "ran"
    executed(repository, chapter)
    put(chapter, PARAMETERS, code("new"))
    assert status() == "ran"
    assert len(ran) == 4


def test_an_unfinished_notebook_is_run_again(repository, monkeypatch):
    chapter = put(course.find("cnn"), PARAMETERS)
    result = executed(repository, chapter)
    unfinished = notebooks.read(result.output)
    del unfinished.metadata["dlnotes"]  # as papermill leaves it after a failure
    notebooks.write(result.output, notebooks.dump(unfinished))
    monkeypatch.setattr(runner, "_execute", instantly)
    options = {"profile": "standard", "seed": 0, "out": result.output.parent}
    assert runner.run(chapter.path, **options).status == "ran"
    assert runner.run(chapter.path, **options).status == "kept"
    result.output.write_text('{"cells": [')  # killed while writing
    assert runner.run(chapter.path, **options).status == "ran"


def test_a_failed_run_is_not_taken_for_the_stored_one(repository, monkeypatch):
    chapter = put(course.find("cnn"), PARAMETERS)
    notebook = notebooks.read(chapter.path)
    made_by = {"digest": digest(notebook), "profile": "standard", "seed": 0}
    notebook.metadata["dlnotes"] = made_by
    notebooks.write(chapter.path, notebooks.dump(notebook))

    def fail(notebook, target, *_):
        notebooks.write(target, notebooks.dump(notebook))
        raise RuntimeError("the kernel died")

    monkeypatch.setattr(runner, "_execute", fail)
    for _ in range(2):
        done = runner.run(chapter.path, profile="standard", seed=0, out=repository / "runs")
        assert (done.status, done.error) == ("failed", "RuntimeError: the kernel died")


def test_several_notebooks_share_the_cores(monkeypatch, repository):
    monkeypatch.setattr(runner, "cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    seen = []

    def run(path, **_):
        keys = ("DLNOTES_PROFILE", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")
        seen.append([os.environ[key] for key in keys])
        return runner.Run(path, "ran")

    monkeypatch.setattr(runner, "run", run)
    found = runner.run_many(["a", "b", "c"], profile="smoke", seed=0, out=repository, jobs=3)
    assert [run.name for run in found] == ["a", "b", "c"]
    assert seen == [["smoke", "2", "PASSIVE"]] * 3
    assert "OMP_NUM_THREADS" not in os.environ
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    runner.run_many(["a"], profile="full", seed=0, out=repository)
    assert seen[-1] == ["full", "1", "PASSIVE"]


def test_only_a_finished_run_of_this_code_at_standard_is_stored(repository):
    chapter = put(course.find("cnn"), PARAMETERS)
    with pytest.raises(ValueError, match="at standard is stored, got smoke"):
        runner.store([executed(repository, chapter, profile="smoke")])
    with pytest.raises(ValueError, match="failed"):
        runner.store([runner.Run(chapter.name, "failed")])
    result = executed(repository, chapter)
    put(chapter, PARAMETERS, code("changed = True"))
    with pytest.raises(ValueError, match="has changed during the run"):
        runner.store([result])
    assert not notebooks.read(chapter.path).cells[0].outputs


def test_storing_keeps_prose_written_meanwhile_and_other_chapters_results(repository):
    path = repository / "notebooks" / "results.json"
    path.write_text('{"13_gan": {"seconds": 1}}')
    chapter = put(course.find("cnn"), markdown("old") | {"id": "m"}, PARAMETERS | {"id": "p"})
    result = executed(repository, chapter)
    title = markdown("# T\n\n1 min to read, 9 minutes to run") | {"id": "m"}
    put(chapter, title, PARAMETERS | {"id": "p"})
    runner.store([result])
    stored = notebooks.read(chapter.path)
    assert stored.cells[0].source == "# T\n\n250 min to read, 2 minutes to run"
    assert stored.cells[1].outputs[0].text == "out\n"
    assert list(json.loads(path.read_text())) == ["02_cnn", "13_gan"]


def test_each_notebook_is_digested_once_and_the_results_are_written_once(repository, monkeypatch):
    chapters = [put(course.find(name), PARAMETERS, code(name)) for name in ("cnn", "rnn")]
    monkeypatch.setattr(runner, "_execute", instantly)
    read, closures, written = [], [], []
    spies = (
        (notebooks, "read", read),
        (digests, "_closure", closures),
        (notebooks, "write", written),
    )
    for module, name, calls in spies:
        function = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *a, f=function, calls=calls: calls.append(a[0]) or f(*a)
        )
    done = invoke("run", "cnn", "rnn", "--store", "--out", repository / "runs")
    assert done.exit_code == 0, done.output
    copies = [repository / "runs" / "standard" / chapter.file for chapter in chapters]
    sources = [chapter.path for chapter in chapters]
    # before the run, and before its outputs go in: the prose may have changed meanwhile
    assert [path for path in read if path in sources] == sources * 2
    assert [path for path in read if path in copies] == copies  # is there a finished one?
    assert len(closures) == 2
    results = repository / "notebooks" / "results.json"
    assert sorted(written) == sorted([*copies, *sources, results])


STORE = """
import sys
from dlnotes.course import runner
for number in range(20):
    runner._add_results({f"{sys.argv[1]}_{number}": {"seconds": number}})
"""


def test_two_stores_at_a_time_lose_no_results(repository):
    commands = [[sys.executable, "-c", STORE, name] for name in "ab"]
    for process in [subprocess.Popen(command, cwd=repository) for command in commands]:
        assert process.wait() == 0
    found = runner.results()
    assert set(found) == {f"{name}_{number}" for name in "ab" for number in range(20)}
    assert not list((repository / "notebooks").glob(".*"))


def test_what_stands_before_a_refused_run_is_stored(repository):
    cnn, rnn, lstm = (put(course.find(name), PARAMETERS) for name in ("cnn", "rnn", "lstm"))
    runs = [executed(repository, chapter) for chapter in (cnn, rnn, lstm)]
    put(rnn, PARAMETERS, code("changed = True"))
    with pytest.raises(ValueError, match=r"03_rnn\.ipynb or the package has changed"):
        runner.store(runs)
    assert set(runner.results()) == {"02_cnn"}
    assert [bool(notebooks.read(c.path).cells[0].outputs) for c in (cnn, lstm)] == [True, False]


def test_two_records_of_one_name_are_refused():
    twice = parsed(code("1", record("a", 1.0)), code("2", record("a", 2.0)))
    with pytest.raises(ValueError, match="record 'a' is given twice"):
        runner.records(twice)
    assert list(runner.records(parsed(code("1", record("a", 1.0), record("b", 2.0))))) == ["a", "b"]


# ---- README and address ------------------------------------------------------------------------

README = (
    "# T\n<!-- chapters:begin -->\nold\n<!-- chapters:end -->\nbetween\n"
    "<!-- results:begin --><!-- results:end -->\nend\n"
)
RESULT = {
    "seconds": 61,
    "records": {
        "test_accuracy": {"value": 0.992, "unit": "%", "baseline": 0.1135, "at_least": 0.985},
        "loss": {"value": 0.03124, "unit": "nats", "at_most": 0.05},
    },
}


def test_readme_shows_what_was_measured_and_what_is_built(repository):
    (repository / "notebooks" / "results.json").write_text(json.dumps({"02_cnn": RESULT}))
    put(course.find("cnn"), PARAMETERS)
    text = readme.updated_readme(README)
    assert readme.updated_readme(text) == text
    assert "old" not in text and "\nbetween\n" in text and text.endswith("\nend\n")
    row = "| [02 Convolutional networks](notebooks/02_cnn.ipynb) | "
    [line] = [line for line in text.splitlines() if line.startswith(row)]
    assert line.endswith("| discriminative | 250 min | 2 min |")
    assert "| 03 Recurrent networks (to come) |" in text
    link = "| [02](notebooks/02_cnn.ipynb) |"
    assert f"{link} test accuracy | **99.20 %** | 11.35 % | ≥ 98.50 % |" in text
    assert f"{link} loss | **0.03124 nats** | – | ≤ 0.05 nats |" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {6}


@pytest.mark.parametrize("marker", ["chapters:begin", "chapters:end", "results:end"])
def test_a_missing_or_doubled_marker_is_named(repository, marker):
    with pytest.raises(ValueError, match=marker):
        readme.updated_readme(README.replace(marker, "x"))
    with pytest.raises(ValueError, match=marker):
        readme.updated_readme(README + f"<!-- {marker} -->")


def test_readme_command_checks_and_writes(repository):
    (repository / "README.md").write_text(README)
    assert invoke("readme", "--check").exit_code == 1
    assert (repository / "README.md").read_text() == README
    assert invoke("readme").exit_code == 0
    assert invoke("readme", "--check").exit_code == 0


# ---- the command line --------------------------------------------------------------------------


def test_the_module_is_the_command():
    command = [sys.executable, "-m", "dlnotes.course.cli", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout and "readme" in done.stdout


def test_list_says_what_is_built_stored_and_stale(repository):
    assert invoke("list").output.count("to come") == 21
    cells = [code("1", stream("1"))]
    chapter = put(course.find("cnn"), *cells)
    assert re.search(r"02_cnn .*D .*CNN .*250 min .*– .*none", invoke("list").output)
    chapter.path.write_text(as_json(*cells, dlnotes={"digest": digest(parsed(*cells))}))
    (repository / "notebooks" / "results.json").write_text(json.dumps({"02_cnn": RESULT}))
    assert re.search(r"02_cnn .*2 min .*stored", invoke("list").output)
    chapter.path.write_text(as_json(*cells, code("2"), dlnotes={"digest": "0" * 16}))
    assert re.search(r"02_cnn .*stale", invoke("list").output)


def test_format_command_checks_and_writes(repository):
    chapter = put(course.find("cnn"), PARAMETERS)
    assert invoke("format", "--check").exit_code == 0
    for path in (chapter.path, chapter.solutions):
        path.write_text(as_json(PARAMETERS))
    done = invoke("format", "--check")
    assert done.exit_code == 1
    assert done.output.count("would change") == 2
    assert invoke("format", "cnn").exit_code == 0
    assert invoke("format", "--check").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nothing"), "got 'nothing'"),
        (("run", "gan"), "13_gan has no notebook yet"),
        (("run", "--profile", "fast"), "profile must be one of smoke, standard, full, got 'fast'"),
        (("run", "--profile", "smoke", "--store"), "--store"),
        (("train", "gru"), "05_gru ships no weights"),
    ],
)
def test_a_wrong_argument_is_one_line(repository, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["dlnotes", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_check_finds_a_damaged_data_file_and_a_wrong_version(monkeypatch, tmp_path):
    rows = {name: good for name, _, good in checks.data_files()}
    assert len(rows) > 15 and all(rows.values())
    name = next(name for name in rows if name.endswith(".csv"))
    (tmp_path / name).write_text("damaged")
    monkeypatch.setenv("DLNOTES_DATA", str(tmp_path))
    assert [n for n, _, good in checks.data_files() if not good] == [name]
    found = {name: good for name, _, good in checks.environment()}
    assert found["torch"] and found["python"] and found["papermill"]
    assert "sphinx" not in found
    wrong = ["torch>=99", "no-such-package>=1", 'x; extra == "site"']
    monkeypatch.setattr(checks.metadata, "requires", lambda _: wrong)
    assert [good for *_, good in checks.environment()] == [True, False, False]


def test_check_compares_each_device_with_the_cpu(monkeypatch):
    [(name, _, good), *_] = checks.devices()
    assert (name, good) == ("cpu", True)
    right = checks._small_network

    def wrong(device, dtype):
        results = right(device, dtype)
        if str(dtype) == "torch.float32":
            results[2] = results[2] * 1.01  # one gradient, one per cent
        return results

    monkeypatch.setattr(checks, "_small_network", wrong)
    assert not next(iter(checks.devices()))[2]


def test_check_command_fails_if_anything_does(monkeypatch, repository):
    monkeypatch.setattr(checks, "environment", lambda: [("python", "3", True)])
    monkeypatch.setattr(checks, "data_files", lambda: [("file", "fine", True)])
    monkeypatch.setattr(checks, "devices", lambda: [("cpu", "fine", True)])
    assert invoke("check").exit_code == 0
    rows = [("first", "damaged", False), ("second", "fine", True)]
    monkeypatch.setattr(checks, "data_files", lambda: rows)
    assert invoke("check").exit_code == 1
