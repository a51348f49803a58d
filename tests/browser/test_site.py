"""The website as it is built: no raw formula, no dead link, and no page that scrolls sideways."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dlnotes import course
from dlnotes.course import publish

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
HIDDEN = {"script", "style", "title", "pre", "code", "svg"}


class Page(HTMLParser):
    """What a reader sees of a page: its words outside code and formulas, links, and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.ids, self._words, self._open = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag not in VOID:
            formula = "math" in (attributes.get("class") or "").split()
            self._open.append((tag, formula or tag in HIDDEN))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(hidden for _, hidden in self._open):
            self._words.append(data)

    @property
    def words(self) -> str:
        return " ".join(self._words)


def strays(words: str) -> list[str]:
    """Return what looks like Markdown or LaTeX that was not understood."""
    return re.findall(r".{0,30}(?:\$|\\[a-zA-Z]{2,}|\| ?-{3}|\]\().{0,30}", words)


def dead_links(folder: Path, pages: dict[str, Page]) -> list[str]:
    """Return the links inside the site that lead nowhere."""
    dead = []
    for name, page in pages.items():
        for link in page.links:
            if re.match(r"\w+:", link):
                continue
            path, _, part = link.partition("#")
            target = (folder / name).parent / path if path else folder / name
            if not target.is_file():
                dead.append(f"{name}: {link}")
                continue
            there = pages.get(target.resolve().relative_to(folder.resolve()).as_posix())
            if part and there is not None and part not in there.ids:
                dead.append(f"{name}: {link}")
    return dead


def test_what_is_stray_or_dead_is_found(tmp_path):
    page = Page(
        "<p>costs $5 <code>$x</code> \\frac <span class='math'>\\(x\\)</span><img> | --- |</p>"
        "<a href='b.html'>b</a><a href='#c'>c</a><a href='#d' id='d'>d</a><a href='http://e'>e</a>"
    )
    assert len(strays("$")) == len(strays("a \\alpha b")) == len(strays("[x](y)")) == 1
    assert strays(page.words) and "\\(" not in page.words and "$x" not in page.words
    (tmp_path / "a.html").touch()
    assert dead_links(tmp_path, {"a.html": page}) == ["a.html: b.html", "a.html: #c"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The site, with MathJax if that can be had."""
    missing = pytest.fail if os.environ.get("CI") else pytest.skip
    try:
        import myst_nb  # noqa: F401
        import sphinx_copybutton  # noqa: F401
    except ModuleNotFoundError as error:
        missing(f'{error.name} is missing: pip install -e ".[site]"')
    out = tmp_path_factory.mktemp("site") / "site"
    try:
        publish.site(out)
    except RuntimeError as error:
        missing(str(error))
    return out


@pytest.fixture(scope="module")
def pages(folder):
    files = [path for path in folder.rglob("*.html") if "_static" not in path.parts]
    return {p.relative_to(folder).as_posix(): Page(p.read_text("utf-8")) for p in files}


def test_every_chapter_is_a_page(pages):
    wanted = {f"notebooks/{chapter.name}.html" for chapter in course.built()} | {"index.html"}
    assert wanted <= set(pages)


def test_no_page_shows_raw_latex_or_markdown(pages):
    assert {name: found for name, page in pages.items() if (found := strays(page.words))} == {}


def test_no_link_inside_the_site_is_dead(folder, pages):
    assert dead_links(folder, pages) == []


def test_buttons_lead_to_the_branch_that_exists(pages):
    links = {link for page in pages.values() for link in page.links}
    run = [link for link in links if "colab.research" in link or "/blob/" in link]
    assert run and all("/blob/main/notebooks/" in link or "/blob/main/" in link for link in run)
    assert not any("/master/" in link or "/./" in link for link in links)


def test_figures_and_set_up_are_folded_and_code_can_be_copied(folder):
    text = (folder / "notebooks" / "00_start_here.html").read_text("utf-8")
    assert text.count("tag_hide-input") >= 2 and "Show code cell source" in text
    assert "copybutton" in text


@pytest.fixture
def show(browser, folder):
    """``show(name, width) -> page``: a page of the site without a network."""
    context = browser.new_context(offline=True)
    page = context.new_page()

    def load(name, width):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto((folder / name).as_uri())
        page.wait_for_function("window.MathJax === undefined || MathJax.startup?.promise")
        page.evaluate("window.MathJax?.startup?.promise")
        return page

    yield load
    context.close()


NAMES = ["index", *(f"notebooks/{chapter.name}" for chapter in course.built())]


@pytest.mark.parametrize("name", NAMES)
def test_wide_code_and_tables_scroll_and_the_page_does_not(show, name):
    page = show(f"{name}.html", 390)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".bd-article img[src^=http]").count() == 0
    assert page.evaluate("document.querySelector('.bd-main').scrollWidth <= innerWidth")
    assert page.locator("mjx-merror").count() == 0
