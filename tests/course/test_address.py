"""dlnotes.course: the repository's address and ref have one home, and a fork moves in at once."""

import re

import pytest
from course_notebooks import as_json, checkout, code, copy_of_this_checkout, markdown
from typer.testing import CliRunner

from dlnotes import course
from dlnotes.course import cli, notebooks, readme, sources

PLACE = sources.address().removeprefix("https://github.com/")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path))
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)), env={"COLUMNS": "120"})


# ---- a small checkout --------------------------------------------------------------------------

LINKS = """\
[a](https://github.com/dlnotes/dlnotes) [b](https://github.com/pytorch/pytorch/blob/main/setup.py)
https://colab.research.google.com/github/dlnotes/dlnotes/blob/main/notebooks/02_cnn.ipynb
https://kaggle.com/kernels/welcome?src=https://github.com/dlnotes/dlnotes/blob/main/a.ipynb
https://mybinder.org/v2/gh/dlnotes/dlnotes/main, git+https://github.com/dlnotes/dlnotes.git
[b](https://mybinder.org/v2/gh/dlnotes/dlnotes/main?labpath=a.ipynb)
pip install git+https://github.com/dlnotes/dlnotes@main. See https://github.com/dlnotes/dlnotes.
https://github.com/dlnotes/dlnotes-data

git clone https://github.com/dlnotes/dlnotes && cd dlnotes
git clone https://github.com/dlnotes/dlnotes
cd dlnotes
"""


def moved(text, place, ref):
    """What a move must make of LINKS, in another way: all but the links that are not ours."""
    text = text.replace("dlnotes/dlnotes-data", "X").replace("pytorch/pytorch/blob/main", "Y")
    text = text.replace("dlnotes/dlnotes", place).replace("cd dlnotes", f"cd {place.split('/')[1]}")
    text = re.sub(r"\bmain\b", ref, text)
    return text.replace("X", "dlnotes/dlnotes-data").replace("Y", "pytorch/pytorch/blob/main")


@pytest.mark.parametrize(
    ("given", "place", "ref"),
    [
        ("me/my.course", "me/my.course", "main"),
        ("me/my.course@v0.2.1", "me/my.course", "v0.2.1"),
        ("https://github.com/me/my.course/", "me/my.course", "main"),
        ("https://github.com/me/my.course.git@next", "me/my.course", "next"),
        ("dlnotes/dlnotes@next", "dlnotes/dlnotes", "next"),
    ],
)
def test_a_fork_has_its_own_address_everywhere(repository, given, place, ref):
    (repository / "README.md").write_text(LINKS)
    (repository / "CITATION.cff").write_text("repository-code: https://github.com/dlnotes/dlnotes")
    setup = code("", tags=["setup"]) | {"source": "import torch"}
    chapter = course.find("cnn").path
    chapter.write_text(notebooks.canonical(as_json(markdown(LINKS), setup)))
    assert readme.foreign_addresses() == []
    before = {path: path.read_text() for path in readme.addressed_files()}

    done = invoke("address", given)
    assert done.exit_code == 0 and done.output.endswith(f"https://github.com/{place}@{ref}\n")
    changed = [path for path, text in before.items() if text != path.read_text()]
    assert done.output.count("written") == len(changed) == (4 if place != "dlnotes/dlnotes" else 3)
    assert (sources.address(), sources.ref()) == (f"https://github.com/{place}", ref)
    assert readme.foreign_addresses() == []
    assert (repository / "README.md").read_text() == moved(LINKS, place, ref)
    assert not notebooks.format_file(chapter, check=True)  # its set-up cell moved, too
    assert f"git+https://github.com/{place}@{ref}" in notebooks.read(chapter).cells[1].source

    assert invoke("address", given).output.count("written") == 0
    assert invoke("address", "dlnotes/dlnotes@main").exit_code == 0
    assert {path: path.read_text() for path in before} == before


@pytest.mark.parametrize(
    "link",
    [
        "github.com/other/dlnotes",
        "colab.research.google.com/github/other/x",
        "mybinder.org/v2/gh/other/dlnotes/main",
        "colab.research.google.com/github/dlnotes/dlnotes/blob/v1",
        "mybinder.org/v2/gh/dlnotes/dlnotes/v1",
        "github.com/dlnotes/dlnotes@v1",
    ],
)
def test_a_forgotten_address_or_ref_is_found(repository, link):
    (repository / "README.md").write_text(f"see [x](https://{link}), and [y](https://e.org).")
    assert readme.foreign_addresses() == [f"README.md: {link}"]
    done = invoke("address")
    assert done.exit_code == 1
    assert f"not https://github.com/dlnotes/dlnotes@main: README.md: {link}" in done.output


@pytest.mark.parametrize(
    "wrong",
    [
        *("github.com/a/b", "https://github.com/a", "https://example.org/a/b", "a/b/c", "a", ""),
        *("a/b@", "a/b@x y", "a/b@feature/x", "git@github.com:a/b", "a b/c", "-a/b", "a/.."),
    ],
)
def test_an_address_that_is_none_is_refused(repository, wrong):
    before = (repository / "pyproject.toml").read_text()
    with pytest.raises(ValueError, match=rf"must look like OWNER/.*got {re.escape(repr(wrong))}"):
        readme.rewrite_address(wrong)
    assert (repository / "pyproject.toml").read_text() == before


@pytest.mark.parametrize("key", ["Repository", "ref", "version"])
def test_what_pyproject_lacks_is_named(repository, key):
    path = repository / "pyproject.toml"
    path.write_text(path.read_text().replace(key, "other"))
    with pytest.raises(ValueError, match=f"must hold a line {key} ="):
        sources.bootstrap()


# ---- the whole checkout ------------------------------------------------------------------------


def texts(folder):
    """The text files of a checkout by name, but for tests, which have small checkouts of theirs."""
    binary = {".xz", ".png", ".safetensors"}
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in binary]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path.read_text("utf-8") for name, path in names.items() if name[:6] != "tests/"}


def test_after_a_move_no_file_names_the_old_place(tmp_path, monkeypatch):
    monkeypatch.chdir(copy_of_this_checkout(tmp_path))
    assert course.root() == tmp_path

    before = texts(tmp_path)
    readme.rewrite_address("another-owner/copy@v2")
    after = texts(tmp_path)
    assert {name for name, text in after.items() if PLACE in text} == set()
    assert readme.foreign_addresses() == []
    for name in before:
        assert after[name].count("another-owner/copy") == before[name].count(PLACE), name
    assert "\ngit clone https://github.com/another-owner/copy && cd copy\n" in after["README.md"]
    assert 'Repository = "https://github.com/another-owner/copy"\n' in after["pyproject.toml"]
    assert '\nref = "v2"' in after["pyproject.toml"]
    assert "repository-code: https://github.com/another-owner/copy\n" in after["CITATION.cff"]
    pages = [name for name in after if name.startswith("notebooks/") and name[-6:] == ".ipynb"]
    assert len(pages) >= 15
    for name in pages:
        assert "git+https://github.com/another-owner/copy@v2" in after[name], name
        assert not notebooks.format_file(tmp_path / name, check=True), name
    chapters = [name for name in pages if "solutions" not in name]
    colab, binder = (
        "colab.research.google.com/github/another-owner/copy/blob/v2/",
        "/copy/v2?labpath=",
    )
    assert all(colab in after[name] for name in chapters)
    assert after["README.md"].count(colab) == after["README.md"].count(binder) == len(chapters)
