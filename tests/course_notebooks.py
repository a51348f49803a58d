"""Small notebooks and a small checkout for the tests of dlnotes.course."""

import html
import json
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from dlnotes.course import notebooks

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PYPROJECT = """\
[project]
name = "dlnotes"
version = "0.1.0"

[project.urls]
Repository = "https://github.com/dlnotes/dlnotes"

[tool.dlnotes]
ref = "main"
"""


def markdown(source, **metadata):
    return {"cell_type": "markdown", "metadata": metadata, "source": textwrap.dedent(source)}


def code(source, *outputs, **metadata):
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": textwrap.dedent(source).strip("\n"),
        "outputs": list(outputs),
        "execution_count": None,
    }


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def display(data, **metadata):
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def picture(alt, png=PNG, caption="Look at the *line*."):
    image = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{png}">'
    figure = f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
    return display({"text/html": figure, "text/plain": f"Figure: {alt}"})


def record(name, value, **entry):
    data = {"name": name, "value": value} | entry
    return display({"application/vnd.dlnotes.record+json": data, "text/plain": name})


def as_json(*cells, minor=5, **metadata):
    raw = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
    return json.dumps(raw)


def parsed(*cells, **metadata):
    return notebooks.parse(as_json(*cells, **metadata))


def checkout(folder):
    """Make an empty course in a folder."""
    (folder / "notebooks" / "solutions").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    return folder


def copy_of_this_checkout(folder):
    """Copy what git has of this checkout, and what a commit of everything would add."""
    root = Path(__file__).parents[1]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout")
    for name in sorted(set(names.split("\0")[:-1])):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    return folder
