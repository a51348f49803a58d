"""What a reader does: open a notebook in JupyterLab, run it all, move a slider, see the change."""

import base64
import hashlib
import io
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WITH_A_WIDGET = ["02_cnn"]
SECONDS_TO_REDRAW = 60
TOY = """
from dlnotes import plotting, figures

def draw(frequency):
    x = [n / 50 for n in range(100)]
    y = [(frequency * t) % 1 for t in x]
    return plotting.curves({"saw": (x, y)}, xlabel="x", ylabel="y")

figures.explore(draw, alt="A saw tooth whose teeth follow the slider.", frequency=(1, 5, 1, 2))
"""


class Figure:
    """The first slider of a page, and the picture in the output of the same cell."""

    def __init__(self, page):
        cell = page.locator(".jp-CodeCell").filter(has=page.get_by_role("slider")).first
        cell.scroll_into_view_if_needed()
        self.keyboard = page.keyboard
        self.slider = cell.get_by_role("slider").first
        self.pictures = cell.locator(".jp-OutputArea-output img")

    def state(self) -> tuple[str, str, int]:
        """Where the slider is, what the picture shows (its checksum), and how many there are."""
        source = self.pictures.first.get_attribute("src")
        checksum = hashlib.sha256(source.encode()).hexdigest()
        return self.slider.get_attribute("aria-valuenow"), checksum, self.pictures.count()

    def pixels(self) -> np.ndarray:
        """The picture, decoded."""
        data = self.pictures.first.get_attribute("src").partition(",")[2]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), float)

    def press(self, key: str, *, until) -> tuple[str, str, int]:
        """Press a key on the slider; return the first state of which ``until`` is true."""
        self.slider.focus()
        self.keyboard.press(key)
        end = time.monotonic() + SECONDS_TO_REDRAW
        while not until(state := self.state()):
            assert time.monotonic() < end, f"after {key}: {state}"
            time.sleep(0.1)
        return state


def move_slider_there_and_back(page) -> None:
    figure = Figure(page)
    position, before, count = figure.state()
    assert count == 1
    first = figure.pixels()
    at_the_end = position == figure.slider.get_attribute("aria-valuemax")
    there, back = ("ArrowLeft", "ArrowRight") if at_the_end else ("ArrowRight", "ArrowLeft")
    moved = figure.press(there, until=lambda s: s[0] != position and s[1] != before)
    assert moved[2] == 1  # redrawn in place, not shown once more
    width = figure.pictures.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width > 100
    again = figure.press(back, until=lambda s: s[0] == position and s[1] != moved[1])
    # same values, same picture; the stored one has 256 colours, so its bytes are others
    assert again[2] == 1 and np.abs(figure.pixels() - first).mean() < 1
    figure.press(there, until=lambda s: s == moved)
    figure.press(back, until=lambda s: s == again)


def test_a_slider_redraws_its_figure(run_in_lab, tmp_path):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(TOY)]
    toy = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path = tmp_path / "toy.ipynb"
    nbformat.write(toy, path)
    move_slider_there_and_back(run_in_lab(path))


@pytest.mark.parametrize("name", WITH_A_WIDGET)
def test_a_chapter_runs_in_jupyterlab_and_its_slider_redraws_the_figure(run_in_lab, name):
    move_slider_there_and_back(run_in_lab(NOTEBOOKS / f"{name}.ipynb"))


def test_the_first_notebook_runs_in_jupyterlab(run_in_lab):
    page = run_in_lab(NOTEBOOKS / "00_start_here.ipynb")
    assert page.locator(".jp-CodeCell .jp-OutputArea-output").count() > 0
