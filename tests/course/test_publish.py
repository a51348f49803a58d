"""dlnotes.course.publish: decks with described pictures, the site's sources, fetched packages."""

import html
import io
import re
import subprocess
import tarfile

import pytest
from course_notebooks import PNG, as_json, checkout, code, markdown, parsed, picture, record

from dlnotes import course
from dlnotes.course import notebooks, publish


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


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path))
    path = course.find("cnn").path
    path.write_text(notebooks.canonical(as_json(*CELLS)))
    return path


def test_a_slide_is_wide_enough_for_a_line_of_code_and_scrolls_what_is_too_high(path, tmp_path):
    text = publish.slides_of(path, tmp_path).read_text()
    assert re.search(r"width: *1280", text) and re.search(r"height: *720", text)
    assert text.count("overflow-y: auto; }") == 1 and text.index("overflow-y") < text.index(
        "</head>"
    )
    assert "automatic: false" in text and "automatic: true" not in text


def test_deck_has_the_slides_that_the_metadata_names(path, tmp_path):
    before = path.read_text()
    deck = publish.slides(course.find("cnn"), tmp_path / "out")
    assert deck == tmp_path / "out" / "02_cnn.slides.html"
    text = deck.read_text()
    assert len(re.findall(r"<section", text)) == 2 + 3  # two columns, of two slides and of one
    assert len(re.findall(r'<aside class="notes">', text)) == 1
    assert "long_code" not in text
    assert len(re.findall(r'class="fragment"', text)) == 1
    assert path.read_text() == before


def test_every_picture_of_a_deck_says_what_it_shows(path, tmp_path):
    text = publish.slides_of(path, tmp_path).read_text()
    [image] = re.findall(r"<img[^>]*>", text)
    [(_, alt)] = re.findall(r"""alt=(["'])(.*?)\1""", image)
    assert html.unescape(alt) == 'a "line" that rises & falls'
    assert f'src="data:image/png;base64,{PNG}"' in image
    assert "<figcaption>Look at the *line*.</figcaption>" in text
    assert "No description" not in text


def test_code_that_only_draws_is_hidden_on_slides_and_folded_on_the_site(path, tmp_path):
    text = publish.slides_of(path, tmp_path).read_text()
    assert "measure()" in html.unescape(re.sub(r"<[^>]*>", "", text))
    assert "draw()" not in html.unescape(re.sub(r"<[^>]*>", "", text))
    [cell] = [cell for cell in notebooks.read(path).cells if "draw()" in cell.source]
    assert "hide-input" in cell.metadata["tags"]


def test_a_presentable_notebook_is_a_copy_without_records():
    notebook = parsed(*CELLS)
    shown = publish.presentable(notebook)
    kinds = [list(o.data) for c in shown.cells if c.cell_type == "code" for o in c.outputs]
    assert kinds == [["text/html", "text/plain"], ["text/plain"]]
    assert publish.RECORD in notebook.cells[4].outputs[0].data


def test_an_offline_deck_loads_nothing_from_elsewhere(path, tmp_path, monkeypatch):
    def fetch(name, version, folder):
        return folder / f"{name}-{version}"

    monkeypatch.setattr(publish, "fetch", fetch)
    text = publish.slides_of(path, tmp_path, offline=True).read_text()
    loaded = re.findall(r"""(?:src=|href=|from |^ *)["']([^"'\s]+)["']""", text, re.MULTILINE)
    local = [name for name in loaded if name.startswith("vendor/")]
    assert {name.split("/")[1] for name in local} == {
        f"{name}-{version}" for name, version in publish.SLIDES_PACKAGES.items()
    }
    assert not [name for name in loaded if re.match("https?:", name)]


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Stand in for npm: packs one file, and counts how often it is asked."""
    calls = []

    def run(command, *, cwd, **_):
        calls.append(command)
        name = command[2].replace("@", "-")
        if name.startswith("missing"):
            return subprocess.CompletedProcess(command, 1, "", "404 Not Found")
        with tarfile.open(f"{cwd}/{name}.tgz", "w:gz") as archive:
            info = tarfile.TarInfo("package/require.js")
            info.size = 4
            archive.addfile(info, io.BytesIO(b"code"))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(publish.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(publish.subprocess, "run", run)
    return calls


def test_a_package_is_fetched_once(npm, tmp_path):
    folder = publish.fetch("requirejs", "2.3.7", tmp_path / "vendor")
    assert folder == tmp_path / "vendor" / "requirejs-2.3.7"
    assert (folder / "require.js").read_text() == "code"
    assert publish.fetch("requirejs", "2.3.7", tmp_path / "vendor") == folder
    assert len(npm) == 1
    assert npm[0][1:3] == ["pack", "requirejs@2.3.7"]


def test_a_package_that_cannot_be_had_is_named(npm, tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match=r"missing@1: 404 Not Found"):
        publish.fetch("missing", "1", tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()
    monkeypatch.setattr(publish.shutil, "which", lambda _: None)
    with pytest.raises(RuntimeError, match="npm is needed to fetch jquery"):
        publish.fetch("jquery", "1", tmp_path)


def test_site_is_made_from_readme_chapters_and_solutions(path, tmp_path, monkeypatch):
    readme = "# T\n[a](notebooks/02_cnn.ipynb) [b](LICENSE) [c](#part) [d](https://e.org/x)\n![e](docs/e.png)\n"
    (tmp_path / "README.md").write_text(readme)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "e.png").write_text("picture")
    course.find("cnn").solutions.write_text(as_json(markdown("# S")))
    ran = []
    monkeypatch.setattr(publish.subprocess, "run", lambda command, **_: ran.append(command))
    index = publish.site(tmp_path / "build" / "site")
    assert index == tmp_path / "build" / "site" / "index.html"
    source = tmp_path / "build" / "site-source"
    assert ran[0][-2:] == [str(source), str(index.parent)]
    text = (source / "index.md").read_text()
    outside = "https://github.com/dlnotes/dlnotes/blob/main/LICENSE"
    assert f"[b]({outside}) [c](#part) [d](https://e.org/x)" in text
    assert "[a](notebooks/02_cnn.ipynb)" in text and "![e](docs/e.png)" in text
    assert (source / "docs" / "e.png").read_text() == "picture"
    assert "\nnotebooks/02_cnn\n" in text and "\nnotebooks/solutions/02_cnn\n" in text
    page = notebooks.read(source / "notebooks" / "02_cnn.ipynb")
    assert "say this" not in "".join(cell.source for cell in page.cells)
    assert 'alt="a &quot;line&quot;' in page.cells[1].outputs[0].data["text/html"]
    compile((source / "conf.py").read_text(), "conf.py", "exec")
    assert 'nb_execution_mode = "off"' in (source / "conf.py").read_text()
