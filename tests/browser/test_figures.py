"""Figures as a reader meets them in JupyterLab: described, captioned, folded, quick, never lost."""

import shutil
import subprocess
import sys
import time

import nbformat
import pytest

from dlnotes import plotting
from dlnotes.course import notebooks, publish

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
ALT = 'A line that rises from "one" to three.'
CAPTION = "The *line* is `y` and rises by $\\delta_t^2 < 2$ **twice**."
STORED = """
from dlnotes import plotting

fig = plotting.curves({"y": [1, 3]}, xlabel="x", ylabel="y")
plotting.show(fig, alt='A line that rises from "one" to three.', caption=CAPTION)
"""
PLAY = """
from dlnotes import figures, plotting

slope = figures.given("slope")
figures.explore(
    lambda shift: plotting.curves({"y": [shift, shift + slope]}, xlabel="x", ylabel="y"),
    alt="a line that goes up and down with the slider", caption="Move it.", shift=(0, 40, 1, 3),
)
"""
RUN_CELL = """async number => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  panel.content.activeCellIndex = number;
  await window.jupyterapp.commands.execute('notebook:run-cell');
}"""


def stored(**metadata):
    """A cell with its figure as the notebook would hold it."""
    fig = plotting.curves({"y": [1, 3]}, xlabel="x", ylabel="y")
    data = plotting.image_bundle(fig, ALT, CAPTION)
    output = nbformat.v4.new_output("display_data", data)
    source = STORED.replace("CAPTION", repr(CAPTION)).strip()
    return nbformat.v4.new_code_cell(source, outputs=[output], metadata=metadata)


@pytest.fixture
def open_in_lab(lab, browser):
    """``open_in_lab(name, *cells) -> page``: a notebook that is shown as it is stored, not run."""
    address, token, root = lab
    pages = []

    def open_notebook(name, *cells):
        notebook = nbformat.v4.new_notebook(cells=list(cells), metadata={"kernelspec": KERNEL})
        text = notebooks.canonical(nbformat.writes(notebook))
        (root / f"{name}.ipynb").write_text(text, encoding="utf-8")
        page = browser.new_page(viewport={"width": 1300, "height": 950})
        pages.append(page)
        page.set_default_timeout(120_000)
        page.goto(f"{address}/lab/workspaces/{name}/tree/{name}.ipynb?token={token}&reset")
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
        )
        return page

    yield open_notebook
    for page in pages:
        page.close()


def check_figure(page):
    """One picture with its alternative text, and below it the caption, typeset."""
    image = page.locator(".jp-OutputArea-output figure img")
    image.wait_for()
    assert image.count() == 1 and image.get_attribute("alt") == ALT
    assert image.evaluate("i => i.decode().then(() => i.naturalWidth)") == 792
    caption = page.locator(".jp-OutputArea-output figure figcaption")
    caption.locator("mjx-container").wait_for()  # MathJax has been there
    assert caption.locator("em").inner_text() == "line"
    assert caption.locator("strong").inner_text() == "twice"
    assert caption.locator("code").inner_text() == "y"
    assert "$" not in caption.inner_text() and "\\" not in caption.inner_text()
    picture, words = image.bounding_box(), caption.bounding_box()
    assert words["y"] >= picture["y"] + picture["height"]


def test_a_stored_figure_has_words_and_caption_whether_the_notebook_is_trusted_or_not(open_in_lab):
    page = open_in_lab("figure", stored())
    trusted = "window.jupyterapp.shell.currentWidget.content.widgets[0].model.trusted"
    assert page.evaluate(trusted) is False
    check_figure(page)
    page.evaluate(RUN_CELL, 0)
    page.wait_for_function(trusted)
    check_figure(page)


def test_code_that_only_draws_is_folded_and_its_picture_is_not(open_in_lab):
    plain = nbformat.v4.new_code_cell("1 + 1")
    setup = nbformat.v4.new_code_cell("2 + 2", metadata={"tags": ["setup"]})
    page = open_in_lab("folded", stored(tags=["draw"]), plain, setup)
    cells = page.locator(".jp-CodeCell")
    check_figure(cells.nth(0))
    cells.nth(1).locator(".cm-content").wait_for()
    assert [cells.nth(k).locator(".cm-content").is_visible() for k in (0, 1, 2)] == [
        False, True, False,
    ]  # fmt: skip
    cells.nth(0).locator(".jp-InputPlaceholder, .jp-Placeholder").first.click()
    cells.nth(0).locator(".cm-content").wait_for()  # one click shows it


def test_a_figure_run_alone_in_a_fresh_kernel_keeps_its_picture_and_says_what_to_run(open_in_lab):
    play = nbformat.v4.new_code_cell(PLAY.strip(), outputs=stored().outputs)
    page = open_in_lab("alone", nbformat.v4.new_code_cell("slope = 2"), play)
    page.evaluate(RUN_CELL, 1)
    said = page.locator(".jp-OutputArea-output").filter(has_text="Run All Above")
    said.wait_for()
    assert "Traceback" not in said.inner_text() and "slope must be made" in said.inner_text()
    check_figure(page)
    page.evaluate(RUN_CELL, 0)
    page.evaluate(RUN_CELL, 1)
    page.get_by_role("slider").wait_for()
    assert page.locator(".jp-OutputArea-output figure img").count() == 1
    assert page.locator(".jp-OutputArea-output").filter(has_text="Run All Above").count() == 0


def test_ten_quick_moves_settle_soon_on_the_last_one(open_in_lab):
    page = open_in_lab(
        "quick", nbformat.v4.new_code_cell("slope = 2"), nbformat.v4.new_code_cell(PLAY.strip())
    )
    page.evaluate(RUN_CELL, 0)
    page.evaluate(RUN_CELL, 1)
    slider, image = page.get_by_role("slider"), page.locator("figure img")
    slider.wait_for()
    page.evaluate(
        """() => {
          window.frames_seen = new Set();
          const output = document.querySelector('.jp-CodeCell figure').closest('.jp-Cell');
          new MutationObserver(() => {
            const image = output.querySelector('figure img');
            if (image) window.frames_seen.add(image.src);
          }).observe(output, {childList: true, subtree: true, attributes: true});
        }"""
    )
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    start = time.monotonic()
    last = None
    while time.monotonic() < start + 20:
        source = image.first.get_attribute("src")
        if source != last:
            last, changed = source, time.monotonic()
        time.sleep(0.02)
        if time.monotonic() > changed + 3:
            break
    assert float(slider.get_attribute("aria-valuenow")) == 13
    assert page.evaluate("window.frames_seen.size") < 10  # stale moves are not drawn
    # the last frame is that of the last value: the same picture as after one move there and back
    page.keyboard.press("ArrowRight")
    page.wait_for_function("last => document.querySelector('figure img').src !== last", arg=last)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("last => document.querySelector('figure img').src === last", arg=last)


# ---- slides and site ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A deck and a site, made of one notebook with a figure that is drawn in a folded cell."""
    if shutil.which("npm") is None:
        pytest.skip("no npm, which fetches reveal.js and MathJax")
    folder = tmp_path_factory.mktemp("published")
    slide = {"slideshow": {"slide_type": "slide"}}
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\nA formula, $x^2$.", metadata=slide),
        stored(tags=["draw"], **slide),
        nbformat.v4.new_code_cell("1 + 1", metadata=slide),
    ]
    text = notebooks.canonical(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    path = folder / "source" / "index.ipynb"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    [deck] = publish.slides_of(path, folder)
    site, package = folder / "site", publish.MATHJAX.split("/")[0]
    publish.fetch(package, site / "_static" / publish.VENDOR)
    (folder / "conf.py").write_text(
        'extensions = ["myst_nb"]\nhtml_theme = "sphinx_book_theme"\nnb_execution_mode = "off"\n'
        'myst_enable_extensions = ["amsmath", "dollarmath"]\n'
        f'mathjax_path = "{publish.VENDOR}/{publish.MATHJAX}"\n'
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-c", str(folder), str(path.parent), str(site)]
    subprocess.run(command, check=True)
    return {"slides": deck, "site": site / "index.html"}


@pytest.mark.parametrize("kind", ["slides", "site"])
def test_a_published_figure_has_words_and_caption_and_its_code_is_out_of_the_way(
    browser, published, kind
):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    try:
        page.goto(f"{published[kind].as_uri()}" + ("#/1" if kind == "slides" else ""))
        figure = page.locator("figure")
        assert figure.locator("img").get_attribute("alt") == ALT
        caption = figure.locator("figcaption")
        caption.locator("mjx-container").wait_for()
        assert caption.locator("em").inner_text() == "line" and caption.is_visible()
        assert "\\" not in caption.inner_text() and "$" not in caption.inner_text()
        code = page.get_by_text("plotting.curves")
        if kind == "slides":
            assert code.count() == 0
        else:
            assert not code.first.is_visible()
            page.locator("details.hide summary, details summary").first.click()
            code.first.wait_for()
            assert page.get_by_text("1 + 1").first.is_visible()
        picture, words = figure.locator("img").bounding_box(), caption.bounding_box()
        assert words["y"] >= picture["y"] + picture["height"]
        assert kind == "site" or words["y"] + words["height"] <= 720
    finally:
        page.close()
