"""dlnotes.course.publish: decks with described pictures, the site's sources, fetched packages."""

import html
import json
import re
import runpy
import shutil
import subprocess
import types
from pathlib import Path

import pytest
from course_notebooks import PNG, as_json, checkout, code, display, markdown, picture, record

from dlnotes import course
from dlnotes.course import cli, notebooks, publish


def slide(kind):
    return {"slideshow": {"slide_type": kind}}


CELLS = [
    markdown("# Title", **slide("slide")),
    markdown("say this, 3 min", **slide("notes")),
    code("draw()", picture('a "line" that rises & falls'), **slide("subslide"), tags=["draw"]),
    code("long_code()", **slide("skip")),
    code("measure()", record("accuracy", 0.5), **slide("fragment")),
    markdown("## Two", **slide("slide")),
    markdown("more", **slide("-")),
]


DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path))
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    path = course.find("cnn").path
    path.write_text(notebooks.canonical(as_json(*CELLS)))
    return path


@pytest.fixture(autouse=True)
def fetched(monkeypatch):
    """What would have been fetched: (package, folder)."""
    calls = []
    monkeypatch.setattr(publish, "fetch", lambda *arguments: calls.append(arguments))
    return calls


def deck_of(path, folder):
    """Return the text of a notebook's only deck."""
    [deck] = publish.slides_of(path, folder)
    return deck.read_text()


def test_a_slide_is_wide_enough_for_a_line_of_code_and_scrolls_what_is_too_high(path, tmp_path):
    text = deck_of(path, tmp_path)
    assert re.search(r"width: 1280,\s*height: 720,", text)
    assert text.count("overflow-y: auto; }") == 1
    assert text.index("overflow-y") < text.index("</head>")


def test_deck_has_the_slides_that_the_metadata_names(path, tmp_path):
    before = path.read_text()
    [deck] = publish.slides(course.find("cnn"), tmp_path / "out")
    assert deck == tmp_path / "out" / "02_cnn.slides.html"
    text = deck.read_text()
    assert len(re.findall(r"<section", text)) == 2 + 3  # two columns, of two slides and of one
    assert len(re.findall(r'<aside class="notes">', text)) == 1
    assert "long_code" not in text
    assert len(re.findall(r'class="fragment"', text)) == 1
    assert path.read_text() == before


PARTS = [
    markdown(
        "# 2 · Nets\n\n[![Colab](https://e.org/badge.svg)](https://e.org/run)", **slide("slide")
    ),
    code("imports()", **slide("skip"), tags=["setup"]),
    markdown("After this chapter you can", **slide("slide")),
    markdown("## Part A · Sums\n\n*How to add.*", part="A", **slide("slide")),
    markdown("### 1 · One", speaker_notes="Say **this** for $x$, 3 min", **slide("slide")),
    code("play()", display({"text/plain": "Run this cell to get the controls: x."})),
    markdown("## Part B · Products", part="B", speaker_notes="Begin", **slide("slide")),
    markdown("### 2 · Two", **slide("slide")),
]


@pytest.fixture
def decks(path, tmp_path):
    """The texts of the decks of a chapter in parts."""
    path.write_text(notebooks.canonical(as_json(*PARTS)))
    files = publish.slides_of(path, tmp_path / "out")
    assert [file.name for file in files] == ["02_cnn_a.slides.html", "02_cnn_b.slides.html"]
    return [file.read_text() for file in files]


def sections(deck):
    """Return the words of each slide, and those of the speaker notes."""
    body = deck[deck.index('<div class="slides">') : deck.index("</main>")]
    notes = re.findall(r'(?s)<aside class="notes">(.*?)</aside>', body)
    body = re.sub(r'(?s)<aside class="notes">.*?</aside>', "", body)
    slides = re.split(r"<section[^>]*>\s*(?:<section[^>]*>)?", body)[1:]
    return [[words(text) for text in texts] for texts in (slides, notes)]


def words(text):
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).replace("¶", " ").split())


def test_each_part_is_a_deck_that_opens_with_its_title(decks):
    first, second = (sections(deck)[0] for deck in decks)
    assert first[0] == "2 · Nets Part A · Sums How to add."
    assert first[1:3] == ["After this chapter you can", "1 · One play ()"]
    assert second == ["2 · Nets Part B · Products", "2 · Two"]


def test_speaker_notes_are_in_the_aside_and_not_on_the_slide(decks):
    assert [sections(deck)[1] for deck in decks] == [["Say this for $x$, 3 min"], ["Begin"]]
    assert "<strong>this</strong>" in decks[0]
    assert all("Say" not in slide for slide in sections(decks[0])[0])


def test_a_deck_has_no_badge_and_asks_nobody_to_run_a_cell(decks):
    for deck in decks:
        assert "badge" not in deck and "e.org" not in deck and "Run this cell" not in deck


def test_a_widget_keeps_its_stored_picture(path, tmp_path):
    shown = picture("a line")
    shown["data"]["text/plain"] = "Run this cell for the controls"
    path.write_text(notebooks.canonical(as_json(code("play()", shown))))
    assert "a line" in deck_of(path, tmp_path)


def test_canonical_form_keeps_part_and_speaker_notes():
    text = notebooks.canonical(as_json(markdown("a", part="A", speaker_notes=" b\n", other="c")))
    assert dict(notebooks.parse(text).cells[0].metadata) == {"part": "A", "speaker_notes": "b"}
    empty = notebooks.canonical(as_json(markdown("a", part=" ", speaker_notes=3)))
    assert dict(notebooks.parse(empty).cells[0].metadata) == {}


def test_every_picture_of_a_deck_says_what_it_shows(path, tmp_path):
    text = deck_of(path, tmp_path)
    [image] = re.findall(r"<img[^>]*>", text)
    [(_, alt)] = re.findall(r"""alt=(["'])(.*?)\1""", image)
    assert html.unescape(alt) == 'a "line" that rises & falls'
    assert f'src="data:image/png;base64,{PNG}"' in image
    assert "<figcaption>Look at the *line*.</figcaption>" in text
    assert "No description" not in text


def test_records_are_shown_as_text(path, tmp_path):
    text = deck_of(path, tmp_path)
    assert "<pre>accuracy</pre>" in text and "vnd.dlnotes" not in text


def test_code_that_only_draws_is_hidden_on_slides_and_folded_on_the_site(path, tmp_path):
    text = deck_of(path, tmp_path)
    assert "measure()" in html.unescape(re.sub(r"<[^>]*>", "", text))
    assert "draw()" not in html.unescape(re.sub(r"<[^>]*>", "", text))
    [cell] = [cell for cell in notebooks.read(path).cells if "draw()" in cell.source]
    assert "hide-input" in cell.metadata["tags"]


def test_the_slides_hide_what_the_other_front_ends_fold():
    conf = json.loads((DOCS / "slides" / "conf.json").read_text())
    [hidden] = [p for p in conf["preprocessors"].values() if "TagRemove" in p["type"]]
    assert hidden["enabled"] and hidden["remove_input_tags"] == list(notebooks.FOLDED)


def loaded(deck):
    """Return what a browser loads with a deck, but for what is linked in its cells."""
    text = deck.read_text()
    return re.findall(r"""<(?:script|link)[^>]* (?:src|href)=["']([^"']+)["']""", text)


def test_a_deck_loads_reveal_and_mathjax_and_nothing_else(path, tmp_path):
    [deck] = publish.slides_of(path, tmp_path, online=True)
    addresses = loaded(deck)
    packages = [re.match(rf"{publish.NETWORK}/([^/]+)/", address)[1] for address in addresses]
    assert set(packages) == set(publish.NEEDED)
    for address, package in zip(addresses, packages, strict=True):
        assert address.split(f"/{package}/")[1] in publish.NEEDED[package]
    assert not re.search(r"jquery|require\(|mermaid|MathJax\.Hub", deck.read_text())
    assert "import(" not in deck.read_text() and "@import" not in deck.read_text()


def test_a_deck_loads_the_same_from_the_folder_beside_it(path, tmp_path, fetched):
    online = loaded(*publish.slides_of(path, tmp_path / "on", online=True))
    assert fetched == []
    offline = loaded(*publish.slides_of(path, tmp_path / "off"))
    assert fetched == [(package, tmp_path / "off" / "vendor") for package in publish.NEEDED]
    assert offline == [address.replace(publish.NETWORK, "vendor") for address in online]


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Stand in for npm: installs what is needed and one file more, and keeps its commands."""
    calls = []

    def run(command, *, cwd, **_):
        calls.append(command)
        package = command[-1]
        if package.startswith("missing"):
            return subprocess.CompletedProcess(command, 1, "", "404 Not Found")
        prefix = Path(command[command.index("--prefix") + 1])
        for name in (*publish.NEEDED[package], "unneeded.js", "dist/unneeded.css"):
            file = prefix / "node_modules" / package.split("@")[0] / name.replace("*", "name")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"code of {name}")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(publish.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(publish.subprocess, "run", run)
    return calls


REALLY_FETCH = publish.fetch


@pytest.mark.parametrize("package", publish.NEEDED)
def test_what_is_needed_of_a_package_is_fetched_once(npm, tmp_path, package):
    for _ in range(2):
        REALLY_FETCH(package, tmp_path / "vendor")
    assert len(npm) == 1
    assert npm[0][1] == "install" and npm[0][-1] == package and "--ignore-scripts" in npm[0]
    folder = tmp_path / "vendor" / package
    files = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.*")}
    files |= {"LICENSE": (folder / "LICENSE").read_text()}
    needed = publish.NEEDED[package]
    assert files == {name.replace("*", "name"): f"code of {name}" for name in needed}


def test_a_package_that_cannot_be_had_is_named(npm, tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match=r"missing@1: 404 Not Found"):
        REALLY_FETCH("missing@1", tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()
    monkeypatch.setattr(publish.shutil, "which", lambda _: None)
    with pytest.raises(RuntimeError, match=r"npm is needed to fetch mathjax@1"):
        REALLY_FETCH("mathjax@1", tmp_path)


@pytest.mark.parametrize("arguments", [("slides", "cnn"), ("site",)])
def test_without_mathjax_the_command_says_so_unless_asked_for(path, monkeypatch, capfd, arguments):
    monkeypatch.setattr(publish, "fetch", REALLY_FETCH)
    monkeypatch.setattr(publish.shutil, "which", lambda _: None)
    monkeypatch.setattr("sys.argv", ["dlnotes", *arguments, "--out", "built"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    pages = {"slides": "the slides of 02_cnn.ipynb", "site": "the site"}[arguments[0]]
    said = " ".join(capfd.readouterr().err.split())
    assert stopped.value.code == 2 and not Path("built").exists()
    assert "install Node.js" in said and "--online" in said
    assert f"{pages} would show formulas as raw LaTeX" in said


def test_online_slides_need_no_npm(path, monkeypatch):
    monkeypatch.setattr(publish, "fetch", REALLY_FETCH)
    monkeypatch.setattr(publish.shutil, "which", lambda _: None)
    monkeypatch.setattr("sys.argv", ["dlnotes", "slides", "cnn", "--online", "--out", "built"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert not stopped.value.code and Path("built/02_cnn.slides.html").is_file()


# ---- website -----------------------------------------------------------------------------------

INDEX = """\
# T
[a](notebooks/02_cnn.ipynb) [b](LICENSE) [c](#part) [d](https://e.org/x)
![e](.github/e.png)

<!-- chapters -->
"""


@pytest.fixture
def site(path, tmp_path, monkeypatch):
    """A checkout whose site is made without Sphinx; ``site(**options)`` returns its command."""
    (tmp_path / "docs" / "index.md").write_text(INDEX)
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "e.png").write_text("picture")
    (tmp_path / "notebooks" / "results.json").write_text("{}")
    course.find("cnn").solutions.write_text(as_json(markdown("# S")))
    ran = []

    def sphinx(command, **_):
        source = Path(command[-2])
        ran.append((command, {p.relative_to(source).as_posix() for p in source.rglob("*.*")}))
        shutil.copytree(source, tmp_path / "laid-out", dirs_exist_ok=True)
        for name in ("index.html", ".doctrees/a.txt", "../jupyter_execute/a.ipynb"):
            file = Path(command[-1]) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("made")

    monkeypatch.setattr(publish.subprocess, "run", sphinx)

    def make(out=None, **options):
        out = out or tmp_path / "build" / "site"
        assert publish.site(out, **options) == out.resolve() / "index.html"
        return ran[-1]

    return make


def test_site_is_made_from_its_first_page_chapters_and_solutions(site, tmp_path):
    command, files = site(online=True)
    assert {p.name for p in (tmp_path / "build").iterdir()} == {"site"}
    assert {p.name for p in (tmp_path / "build" / "site").iterdir()} == {
        "index.html", publish.MARK,
    }  # fmt: skip
    assert command[command.index("-c") + 1] == str(tmp_path / "docs")
    pages = {"notebooks/02_cnn.ipynb", "notebooks/solutions/02_cnn.ipynb"}
    assert files - {".github"} == {"index.md", ".github/e.png"} | pages
    assert not any(part.startswith("mathjax") for part in command)
    assert not Path(command[-2]).exists() and not Path(command[-1]).exists()


def kept(folder):
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.*")}


def test_a_site_leaves_alone_what_lies_beside_it(site, tmp_path):
    for name in ("thesis-source/thesis.tex", "thesis-source/index.md", "thesis.tex"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text("my only copy")
    before = kept(tmp_path / "mine")
    site(tmp_path / "mine" / "thesis", online=True)
    assert before.items() <= kept(tmp_path / "mine").items()
    assert {p.name for p in (tmp_path / "mine").iterdir()} == {
        "thesis", "thesis-source", "thesis.tex",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["index.html", "a.txt", "_static/mine.css", "notebooks/a.html"])
def test_a_folder_with_something_else_is_refused_as_it_is(site, tmp_path, fetched, name):
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("my only copy")
    with pytest.raises(ValueError, match=r"out must be an empty folder .*, which holds .*: name"):
        site(tmp_path / "out")
    assert kept(tmp_path / "out") == {name: "my only copy"} and fetched == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match=r"out must be a folder, got .*file, which is a file"):
        site(tmp_path / "file")


def test_a_site_is_built_again_where_one_was_built_or_begun(site, tmp_path):
    out = tmp_path / "out"
    (out / "_static" / "vendor" / "mathjax").mkdir(parents=True)  # a first build was stopped
    site(out)
    (out / "mine.txt").write_text("my only copy")
    site(out)
    assert (out / "mine.txt").read_text() == "my only copy"
    (out / publish.MARK).unlink()
    (out / "_static" / "site.css").write_text("")  # built before folders were marked
    site(out)
    (tmp_path / "empty").mkdir()
    site(tmp_path / "empty", online=True)


def test_a_site_has_mathjax_beside_its_pages(site, tmp_path, fetched):
    command, _ = site()
    [(package, folder)] = fetched
    assert folder == tmp_path / "build" / "site" / "_static" / "vendor"
    option = command[command.index("-D") + 1]
    assert option == f"mathjax_path=vendor/{publish.MATHJAX}"
    assert publish.MATHJAX == f"{package}/{publish.NEEDED[package][-1]}"


@pytest.fixture
def conf(site, tmp_path):
    site()
    return runpy.run_path(str(tmp_path / "docs" / "conf.py"))


def app_of(folder):
    """Return what Sphinx hands to its events, as far as it is needed."""
    return types.SimpleNamespace(srcdir=str(folder / "laid-out"))


def test_pages_are_shown_without_speaker_notes_and_with_words_for_pictures(conf, path, tmp_path):
    source = [path.read_text()]
    conf["change"](app_of(tmp_path), "notebooks/02_cnn", source)
    page = notebooks.parse(source[0])
    assert "say this" not in "".join(cell.source for cell in page.cells)
    assert len(page.cells) == len(CELLS) - 1
    assert 'alt="a &quot;line&quot;' in page.cells[1].outputs[0].data["text/html"]


def test_the_first_page_links_to_pages_and_else_to_the_repository(conf, tmp_path):
    source = [INDEX]
    conf["change"](app_of(tmp_path), "index", source)
    assert "| [02 Convolutional networks](notebooks/02_cnn.ipynb) |" in source[0]
    assert "| 07 Transformers (to come) |" in source[0]
    outside = "https://github.com/dlnotes/dlnotes/blob/main/LICENSE"
    assert f"[b]({outside}) [c](#part) [d](https://e.org/x)" in source[0]
    assert "[a](notebooks/02_cnn.ipynb)" in source[0] and "![e](.github/e.png)" in source[0]
    assert re.findall(r"\n(notebooks/.*)\n", source[0]) == ["notebooks/*", "notebooks/solutions/*"]


def test_links_of_chapters_lead_to_pages_or_the_repository_or_are_text(conf, tmp_path):
    text = "[a](02_cnn.ipynb#x) [b](07_transformer.ipynb) [c](../data/README.md#y) `d` [e](#f)"
    text += "[![Open](https://e.org/badge.svg)](https://e.org/run)"
    source = [as_json(markdown(text))]
    conf["change"](app_of(tmp_path), "notebooks/02_cnn", source)
    outside = "https://github.com/dlnotes/dlnotes/blob/main/data/README.md#y"
    [cell] = notebooks.parse(source[0]).cells
    assert (
        cell.source
        == f"[a](02_cnn.ipynb#x) b (planned) [c]({outside}) `d` [e](#f)[Open](https://e.org/run)"
    )


def test_the_configuration_runs_nothing_and_listens(conf):
    assert conf["nb_execution_mode"] == "off"
    assert conf["mathjax_path"] == f"{publish.NETWORK}/{publish.MATHJAX}"
    calls = []
    conf["setup"](types.SimpleNamespace(connect=lambda *arguments: calls.append(arguments)))
    assert calls == [("source-read", conf["change"])]
