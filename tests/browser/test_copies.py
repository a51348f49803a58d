"""What JupyterLab does to a copy of a chapter by itself, and what a reader sees who is alone."""

import shutil
from pathlib import Path

import nbformat
import pytest

from dlnotes.course import sources
from dlnotes.course.lab import digest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SECONDS = 240
SAVE = "window.jupyterapp.commands.execute('docmanager:save')"
LOOKED_AT = """() => window.jupyterapp?.shell.currentWidget?.model?.sharedModel
  .getMetadata('language_info')?.version"""
CHANGE = """window.jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel
  .setSource('x = 1')"""
RUN_ALL = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  await window.jupyterapp.commands.execute('notebook:run-all-cells');
  return panel.content.widgets.map(cell => cell.model.executionCount);
}"""


@pytest.fixture
def open_in_lab(lab, browser):
    """``open_in_lab(path) -> page, copy``: a copy of the notebook, opened and not run."""
    address, token, root = lab
    pages = []

    def open_(path):
        copy = Path(shutil.copy(path, root / path.name))
        page = browser.new_page(viewport={"width": 1300, "height": 950})
        pages.append(page)
        page.set_default_timeout(SECONDS * 1000)
        page.goto(f"{address}/lab/workspaces/{path.stem}/tree/{path.name}?token={token}&reset")
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
        )
        return page, copy

    yield open_
    for page in pages:
        page.close()


@pytest.mark.parametrize("name", ["00_start_here", "02_cnn"])
def test_a_look_in_jupyterlab_is_no_change_of_the_readers(open_in_lab, name):
    page, copy = open_in_lab(NOTEBOOKS / f"{name}.ipynb")
    before = copy.read_bytes()
    page.wait_for_function(LOOKED_AT)  # from here on JupyterLab would save it by itself
    page.evaluate(SAVE)
    assert copy.read_bytes() != before  # why there are copies
    assert digest(copy.read_bytes()) == digest(before)
    page.evaluate(CHANGE)
    page.evaluate(SAVE)
    assert digest(copy.read_bytes()) != digest(before)


def test_without_the_package_run_all_stops_after_one_sentence(open_in_lab, tmp_path):
    setup = sources.bootstrap().replace("import dlnotes", "import not_there")
    setup = setup.replace('"torch"', '"not_there_either"')
    cells = [nbformat.v4.new_code_cell(source) for source in (setup, "print('later')")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, tmp_path / "alone.ipynb")
    page, _ = open_in_lab(tmp_path / "alone.ipynb")
    assert page.evaluate(RUN_ALL) == [1, None]
    shown = page.locator(".jp-OutputArea-output").all_inner_texts()
    local = 'on your own machine, choose the kernel of .venv (README, "Start")'
    assert [text.strip() for text in shown] == [
        f"This kernel has neither dlnotes nor PyTorch: {local}"
    ]
