"""Decks as a room sees them, at 1280 x 720: nothing cut, nothing too small, nothing fetched.

Chapters in parts are measured slide by slide; the others are still to be rewritten.
"""

import os

import nbformat
import pytest
from course_notebooks import as_json, code, markdown, picture, stream

from dlnotes import course, plotting
from dlnotes.course import notebooks, publish

WIDTH, HEIGHT = 1280, 720
MOST_LINES = 15
SMALLEST_TEXT = 24

# The faults of the slide that is shown. Lengths are those on the screen.
MEASURE = """([width, height, lines, smallest]) => {
  const slide = Reveal.getCurrentSlide(), scale = Reveal.getScale(), faults = [];
  const shown = element => element.checkVisibility() && !element.closest('aside.notes');
  const all = selector => [...slide.querySelectorAll(selector)].filter(shown);
  const frame = slide.getBoundingClientRect();
  const name = element => (element.textContent.trim() || element.alt || element.tagName)
    .replace(/\\s+/g, ' ').slice(0, 30);
  const box = element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return element.matches('img, svg') ? element.getBoundingClientRect()
      : range.getBoundingClientRect();
  };
  const parts = all('img, svg, p, li, h1, h2, h3, h4, td, th, pre, figcaption');
  const floor = Math.min(frame.top + height, innerHeight) + 1;
  const low = parts.filter(part => box(part).bottom > floor);
  if (low.length) {
    const end = Math.max(...low.map(part => box(part).bottom)) - frame.top - height;
    faults.push(`${Math.round(end)} px below the edge: ${name(low[0])}`);
  }
  const wide = parts.filter(part => box(part).right > Math.min(frame.right, width) + 1);
  if (wide.length) {
    const end = Math.max(...wide.map(part => box(part).right)) - frame.right;
    faults.push(`${Math.round(end)} px right of the edge: ${name(wide[0])}`);
  }
  for (const image of all('img')) {
    const r = image.getBoundingClientRect();
    const seen = Math.max(0, Math.min(r.right, width) - Math.max(r.left, 0))
      * Math.max(0, Math.min(r.bottom, height) - Math.max(r.top, 0));
    if (seen < 0.95 * r.width * r.height || r.width * r.height < 100)
      faults.push(`picture visible to ${Math.round(100 * seen / (r.width * r.height || 1))} %`);
  }
  for (const block of all('.jp-InputArea pre, .jp-RenderedMarkdown pre')) {
    const count = block.textContent.trimEnd().split('\\n').length;
    if (count > lines) faults.push(`${count} lines of code: ${name(block)}`);
  }
  for (const element of all('.jp-RenderedHTMLCommon *')) {
    if (element.closest('pre, mjx-container, svg')) continue;
    const text = [...element.childNodes].filter(node => node.nodeType === 3)
      .map(node => node.textContent.trim()).join('');
    const size = parseFloat(getComputedStyle(element).fontSize) * scale;
    if (text && size < smallest - 0.01) faults.push(`text of ${size} px: ${name(element)}`);
  }
  return faults.map(fault => `slide ${Reveal.getSlidePastCount() + 1} `
    + `(${(slide.textContent.trim().replace(/\\s+/g, ' ')).slice(0, 40)}): ${fault}`);
}"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A folder for decks, with the files that browsers need."""
    folder = tmp_path_factory.mktemp("slides")
    try:
        for package in publish.NEEDED:
            publish.fetch(package, folder / publish.VENDOR)
    except RuntimeError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    return folder


@pytest.fixture
def show(browser):
    """``show(deck) -> page``: the deck in a window of its size, without a network."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, offline=True)
    page = context.new_page()
    page.requested = []
    page.on("request", lambda request: page.requested.append(request.url))

    def load(deck):
        page.goto(deck.as_uri())
        page.wait_for_function("window.MathJax?.startup?.promise && Reveal.isReady()")
        page.evaluate("MathJax.startup.promise")
        return page

    yield load
    context.close()


def faults(page):
    """Return the faults of every slide of the deck that is open."""
    found = []
    for place in page.evaluate("Reveal.getSlides().map(slide => Reveal.getIndices(slide))"):
        page.evaluate("({h, v}) => Reveal.slide(h, v)", place)
        found += page.evaluate(MEASURE, [WIDTH, HEIGHT, MOST_LINES, SMALLEST_TEXT])
    return found


def in_parts():
    """Return the chapters that are written in parts."""
    return [c for c in course.built() if "" not in publish.parts(notebooks.read(c.path))]


@pytest.mark.parametrize("chapter", in_parts(), ids=lambda chapter: chapter.name)
def test_nothing_on_the_slides_of_a_chapter_is_cut_or_small(chapter, out, show):
    found = []
    for deck in publish.slides(chapter, out):
        page = show(deck)
        found += [f"{deck.name}, {fault}" for fault in faults(page)]
        assert all(url.startswith(("file:", "data:")) for url in page.requested)
        page.requested.clear()
    assert not found, "\n" + "\n".join(found)


# ---- the measurement itself --------------------------------------------------------------------


def slide(kind="slide"):
    return {"slideshow": {"slide_type": kind}}


def drawn(alt, width=8, height=6):
    fig = plotting.curves({"y": [1, 3]}, xlabel="x", ylabel="y")
    fig.set_size_inches(width, height)
    data = plotting.image_bundle(fig, alt, "Look at the line.")
    return nbformat.v4.new_output("display_data", data)


@pytest.fixture
def deck_of(out, tmp_path):
    """``deck_of(*cells) -> deck`` after a title slide."""

    def make(*cells):
        path = tmp_path / "deck.ipynb"
        title = markdown("# Title\n\n*What it is about*", **slide())
        path.write_text(notebooks.canonical(as_json(title, *cells)), encoding="utf-8")
        [deck] = publish.slides_of(path, out)
        return deck

    return make


LINE = "x = " + "1 + " * 23 + "1"
GOOD = [
    markdown(
        "## Text\n\n" + "Ten short words stand here and say nothing new now. " * 15, **slide()
    ),
    markdown(
        "A formula with `code` $x^2$\n\n$$\\int_0^1 f(x)\\,dx$$\n\n|a|b|\n|-|-|\n|1|2|", **slide()
    ),
    code("\n".join([LINE[:88]] * MOST_LINES), stream("1 2 3\n" * 7), **slide()),
    code("draw()", drawn("A line that rises from one to three."), tags=["draw"], **slide()),
    code("a = 1\nb = 2", drawn("A line that rises from one to three.", 5, 9), **slide()),
    markdown("Several sentences that introduce the picture. " * 8, **slide()),
    code(
        "draw()", drawn("A line that rises from one to three."), tags=["draw"], **slide("fragment")
    ),
]
BAD = {
    "px below the edge": markdown("word " * 800, **slide()),
    "px right of the edge": code("x = " + "1 + " * 40 + "1", **slide()),
    "16 lines of code": code("x = 1\n" * (MOST_LINES + 1), **slide()),
    "text of 16 px": markdown('<span style="font-size: 16px">small</span>', **slide()),
    "picture visible to": code(
        "\n".join(["x = 1"] * 15), picture("a dot"), picture("a dot"), picture("a dot"), **slide()
    ),
}


def test_what_fits_is_no_fault_and_pictures_are_large(deck_of, show):
    page = show(deck_of(*GOOD))
    assert faults(page) == []
    heights = page.evaluate("[...document.querySelectorAll('img')].map(i => i.offsetHeight)")
    assert len(heights) == 3 and min(heights) >= 330


@pytest.mark.parametrize("fault", BAD)
def test_what_does_not_fit_is_named_with_its_slide(deck_of, show, fault):
    found = faults(show(deck_of(GOOD[0], BAD[fault])))
    assert any(fault in line and line.startswith("slide 3 (") for line in found), found
    assert not any(line.startswith("slide 2 (") for line in found)


def test_speaker_notes_are_not_seen(deck_of, show):
    cell = markdown("## Seen", speaker_notes="**Unseen** words", **slide())
    page = show(deck_of(cell))
    page.evaluate("Reveal.slide(1)")
    notes = page.locator("section.present aside.notes")
    assert notes.text_content().split() == ["Unseen", "words"] and not notes.is_visible()
    assert page.evaluate("Reveal.getSlideNotes()").count("Unseen") == 1
    assert page.get_by_text("Seen", exact=False).first.is_visible()
