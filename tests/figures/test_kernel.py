"""dlnotes.figures.given: what other cells made, or the stored picture and what to run first."""

import json

import pytest

from dlnotes.figures import given, kernel

SOURCE = 'model = figures.given("model")\nfigures.vae.plane(model)'
HTML = '<figure><img alt="a plane" src="data:image/png;base64,AAAA"></figure>'


class Shell:
    """As much of IPython's shell as is used."""

    def __init__(self, code=SOURCE, **names):
        self.user_ns, self.code = names, code

    def get_parent(self):
        return {"content": {"code": self.code}}


@pytest.fixture
def shown(monkeypatch):
    shown = []
    monkeypatch.setattr(kernel, "display", lambda data, **options: shown.append((data, options)))
    return shown


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A notebook file in which the running cell has a stored picture."""
    picture = {"text/html": ["<figure>", HTML.removeprefix("<figure>")], "text/plain": ["Figure"]}
    outputs = [
        {"output_type": "stream", "text": ["words\n"]},
        {"output_type": "display_data", "data": {"text/html": "<b>no picture</b>"}},
        {"output_type": "display_data", "data": picture},
    ]
    cells = [
        {"cell_type": "markdown", "source": SOURCE},
        {"cell_type": "code", "source": ["other()"], "outputs": []},
        {"cell_type": "code", "source": SOURCE.splitlines(keepends=True), "outputs": outputs},
    ]
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    return path


def use(shell, monkeypatch):
    monkeypatch.setattr(kernel, "get_ipython", lambda: shell)


def test_what_is_there_is_given(monkeypatch, shown):
    use(Shell(model=3, unit=None), monkeypatch)
    assert given("model") == 3
    assert given("unit", "model") == (None, 3)
    assert shown == []


def test_what_is_missing_is_named_and_the_stored_picture_is_shown_again(
    monkeypatch, shown, notebook
):
    use(Shell(model=3), monkeypatch)
    with pytest.raises(NameError, match="alphabet and unit must be made by the cells") as e:
        given("model", "alphabet", "unit")
    assert "Run → Run All Above" in str(e.value)
    assert e.value._render_traceback_() == [str(e.value)]  # no traceback
    assert shown == [({"text/html": HTML, "text/plain": "Figure"}, {"raw": True})]


@pytest.mark.parametrize("damage", ["another cell", "no file", "not json", "no notebook", "unset"])
def test_without_a_stored_picture_only_the_words_are_shown(monkeypatch, shown, notebook, damage):
    use(Shell(code="changed()" if damage == "another cell" else SOURCE), monkeypatch)
    if damage == "no file":
        notebook.unlink()
    elif damage == "not json":
        notebook.write_text("{")
    elif damage == "no notebook":
        notebook.write_text("{}")
    elif damage == "unset":
        monkeypatch.delenv("JPY_SESSION_NAME")
    with pytest.raises(kernel.NotYetRun):
        given("model")
    assert shown == []


def test_outside_a_notebook_nothing_is_given(monkeypatch, shown):
    use(None, monkeypatch)
    with pytest.raises(NameError, match="model must be made"):
        given("model")
    assert shown == []
