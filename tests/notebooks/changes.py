"""A good chapter, and ways to change it, for the rules to find or to leave alone."""

from collections.abc import Callable
from pathlib import Path

from course_notebooks import code, markdown, parsed, picture, record, stream
from nbformat import NotebookNode

from dlnotes.course import notebooks, sources
from dlnotes.course.digest import digest
from notebooks.page import inventory
from notebooks.rule import Change


def good_chapter() -> NotebookNode:
    """Return a notebook of chapter 02 that keeps every rule."""
    items = inventory()["02_cnn"]
    formulas = [name for name, kind in items.items() if kind == "formula"]
    slide = {"slideshow": {"slide_type": "slide"}}
    skip = {"slideshow": {"slide_type": "skip"}}
    slug = sources.address().removeprefix("https://github.com/")
    badge = f"https://colab.research.google.com/github/{slug}/blob/{sources.ref()}/notebooks"
    prove = 'check("one is one", 1, 1)'
    tagged = skip | {"tags": ["nbval-check-output"]}
    return parsed(
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
    )


def save(notebook: NotebookNode, path: Path) -> Path:
    """Write a notebook in canonical form with the digest of its code as it is."""
    notebook = notebooks.tidy(notebook)
    notebook.metadata["dlnotes"] = {"digest": digest(notebook), "profile": "standard", "seed": 0}
    notebooks.write(path, notebooks.dump(notebook))
    return path


# ---- changes -----------------------------------------------------------------------------------


def change(function: Callable[[NotebookNode], object]) -> Change:
    """Return a change of a file: the notebook is changed and saved anew, its digest right."""

    def on_file(path: Path) -> None:
        notebook = notebooks.read(path)
        function(notebook)
        save(notebook, path)

    return on_file


def add(*cells: dict, at: int | None = None) -> Change:
    """Add cells, skipped on the slides unless they say something else; None: at the end."""
    for cell in cells:
        cell["metadata"].setdefault("slideshow", {"slide_type": "skip"})

    def insert(notebook: NotebookNode) -> None:
        place = len(notebook.cells) if at is None else at
        notebook.cells[place:place] = parsed(*cells).cells

    return change(insert)


def edit(beginning: str, old: str, new: str) -> Change:
    """Replace words in the first cell that begins so."""

    def replace(notebook: NotebookNode) -> None:
        cell = find(notebook, beginning)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change(replace)


def drop(*beginnings: str) -> Change:
    """Remove, for each beginning, the first cell that begins so."""
    return change(lambda nb: [nb.cells.remove(find(nb, beginning)) for beginning in beginnings])


def set_metadata(beginning: str, **metadata: object) -> Change:
    """Set metadata of the first cell that begins so."""
    return change(lambda notebook: find(notebook, beginning).metadata.update(metadata))


def set_outputs(beginning: str, *outputs: dict) -> Change:
    """Replace the outputs of the first cell that begins so."""
    [cell] = parsed(code("x", *outputs)).cells
    return change(lambda notebook: find(notebook, beginning).update(outputs=cell.outputs))


def rewrite(old: str, new: str) -> Change:
    """Replace text in the file and leave the digest as it was."""

    def replace(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return replace


def find(notebook: NotebookNode, beginning: str) -> NotebookNode:
    """Return the first cell that begins so."""
    return next(cell for cell in notebook.cells if cell.source.startswith(beginning))
