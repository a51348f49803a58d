"""Small notebooks and a small checkout for the tests of dlnotes.course."""

import html
import json
import shutil
import textwrap
from pathlib import Path

from dlnotes.course import anatomy, notebooks, sources
from dlnotes.course.digest import digest
from dlnotes.course.page import inventory

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
INVENTORY = Path(__file__).parent / "notebooks" / "inventory.json"
PYPROJECT = """\
[project]
name = "dlnotes"
version = "0.1.0"

[project.urls]
Repository = "https://github.com/dlnotes/dlnotes"
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
    (folder / "tests" / "notebooks").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    shutil.copy(INVENTORY, folder / "tests" / "notebooks")
    return folder


def good_chapter():
    """Return a notebook of chapter 02 that keeps every rule, but for its stored digest."""
    items = inventory()["02_cnn"]
    formulas = [name for name, kind in items.items() if kind == "formula"]
    slide = {"slideshow": {"slide_type": "slide"}}
    skip = {"slideshow": {"slide_type": "skip"}}
    badge = "https://colab.research.google.com/github/dlnotes/dlnotes/blob/main/notebooks"
    prove = 'check("one is one", 1, 1)'
    tagged = skip | {"tags": ["nbval-check-output"]}
    cells = [
        markdown(
            f"# 02 · Networks\n\n[![Colab](https://e.org/x.svg)]({badge}/02_cnn.ipynb) 45 min",
            **slide,
        ),
        markdown("You will be able to convolve.", **skip),
        code(sources.bootstrap(), **skip, tags=["setup"]),
        code("profile = dlnotes.profile()\nseed = 0", **skip, tags=["parameters"]),
        code(
            "dlnotes.begin(profile, seed)\n"
            'settings = {"smoke": {"n": 1}, "standard": {"n": 2}, "full": {"n": 3}}[profile]',
            **skip,
        ),
        markdown("## The idea", **slide, notes=list(items)),
        *(markdown(rf"$$x \tag{{{name}}}$$", **slide) for name in formulas),
        *(code(prove, stream("✓ one is one\n"), **tagged) for _ in range(5)),
        code("draw()", picture("a line that rises from left to right"), **skip),
        code("measure()", record("accuracy", 0.9, baseline=0.1, unit="%"), **skip),
        *(
            markdown(f"## {title}", **slide)
            for title in ("What the notes say", "Differs from the paper", "Advantages", "Exercises")
        ),
        *(code(f"answer = ...\nexercises.cnn.number_{i}.check(answer)", **skip) for i in range(5)),
        markdown("## Summary\n\nSee [the next chapter](03_rnn.ipynb).", **slide),
        markdown("## References", **slide),
        *(markdown(f"{i}: 9 min", slideshow={"slide_type": "notes"}) for i in range(5)),
    ]
    return parsed(*cells)


def save(notebook, path):
    """Write a notebook in canonical form with the digest of its code as it is."""
    notebook = notebooks.tidy(notebook)
    notebook.metadata["dlnotes"] = {"digest": digest(notebook), "profile": "standard", "seed": 0}
    notebooks.write(path, notebooks.dump(notebook))
    return path


def broken_rules(path):
    """Return the names of the rules that a notebook breaks."""
    return {fault.split(":")[0] for fault in anatomy.faults(path)}
