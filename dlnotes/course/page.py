"""A notebook under examination: its cells, headings, tags and the items of the notes it covers."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbformat import NotebookNode

from dlnotes.course import Chapter, find, notebooks, root

Faults = Iterator[str]


@dataclass
class Page:
    """A notebook under examination."""

    path: Path
    notebook: NotebookNode
    chapter: Chapter

    @classmethod
    def open(cls, path: Path) -> "Page":
        """Read a notebook of the course."""
        return cls(Path(path), notebooks.read(path), find(Path(path).stem))

    @property
    def code(self) -> Iterator[tuple[int, NotebookNode]]:
        """Code cells with their place, counted from 1."""
        return self._cells("code")

    @property
    def prose(self) -> Iterator[tuple[int, NotebookNode]]:
        """Markdown cells with their place, counted from 1."""
        return self._cells("markdown")

    def _cells(self, kind: str) -> Iterator[tuple[int, NotebookNode]]:
        found = enumerate(self.notebook.cells, start=1)
        return ((number, cell) for number, cell in found if cell.cell_type == kind)

    @property
    def headings(self) -> Iterator[tuple[int, int, str]]:
        """(cell, level, text) of every heading, code fences left out."""
        for number, cell in self.prose:
            text = re.sub(r"(?ms)^```.*?^```", "", cell.source)
            for marks, heading in re.findall(r"(?m)^(#{1,6}) +(.+)$", text):
                yield number, len(marks), heading

    def tagged(self, tag: str) -> list[tuple[int, NotebookNode]]:
        """Return the cells with a tag."""
        found = enumerate(self.notebook.cells, start=1)
        return [(number, cell) for number, cell in found if tag in notebooks.tags(cell)]

    @cached_property
    def ids(self) -> set[str]:
        """The items of the notes that some cell covers."""
        return {item for cell in self.notebook.cells for item in cell.metadata.get("notes", [])}


def inventory() -> dict[str, dict[str, str]]:
    """Return the items of the notes: chapter -> {id: kind}."""
    path = root() / "tests" / "notebooks" / "inventory.json"
    return json.loads(path.read_text(encoding="utf-8"))
