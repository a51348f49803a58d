"""The reader's own copy of the notebooks, so that JupyterLab never writes into those in git.

JupyterLab saves what it shows, by itself, in another form than the one in git. So it gets copies,
in ``runs/lab``. They are kept from one start to the next, and follow the course as long as the
reader leaves them as they are.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dlnotes.course import root
from dlnotes.files import write_atomically, write_text

GIVEN = ".given.json"  # {file: digest of what the course last wrote there}
_CELL = ("cell_type", "source", "attachments", "outputs")
_METADATA = ("tags", "notes", "part", "speaker_notes", "slideshow")


def lab_folder() -> Path:
    """Return the folder of the reader's copies."""
    return root() / "runs" / "lab"


def refresh(*, update: bool = False, report: Callable[[str], Any] = print) -> Path:
    """Bring new and changed notebooks of the course into the reader's folder, and return it.

    What the reader has changed is never written over. Where the course has changed it, too, the
    course's version is put beside it, as ``02_cnn.new.ipynb``.

    Args:
        update: put the course's version in its place instead, and keep the reader's beside it, as
            ``02_cnn.mine.ipynb``.
        report: is told of every file that the reader should look at, in one sentence.
    """
    folder, notebooks = lab_folder(), root() / "notebooks"
    given = _read_given(folder / GIVEN)
    for source in sorted(notebooks.rglob("*.ipynb")):
        name = source.relative_to(notebooks)
        if not any(part.startswith(".") for part in name.parts):
            copy = _Copy(folder, name.as_posix(), source.read_bytes(), given)
            if note := copy.refresh(update):
                report(note)
            write_text(folder / GIVEN, json.dumps(given, indent=1, sort_keys=True) + "\n")
    return folder


class _Copy:
    """The reader's copy of one notebook, and the course's version that may lie beside it."""

    def __init__(self, folder: Path, name: str, content: bytes, given: dict[str, str]) -> None:
        self.content, self.given, self.course = content, given, digest(content)
        self.path, self.name = folder / name, name
        self.offer, self.offer_name = _beside(self.path, "new"), _beside(name, "new")

    def refresh(self, update: bool) -> str:
        """Follow the course; return what the reader should know, "" if there is nothing."""
        mine, given = _digest_of(self.path), self.given.get(self.name)
        offered = self.given.get(self.offer_name)
        note = ""
        if mine not in (None, given, offered, self.course):  # the reader's work
            if given == self.course:
                return ""
            if not update:
                return self._put_beside(offered)
            kept = _free(self.path, "mine")
            self.path.rename(kept)
            note = f"{self.name} is the course's newest now; yours is {kept.name}, beside it"
            mine = None
        if mine != self.course:
            _write(self.path, self.content)
        self.given[self.name] = self.course
        if offered is not None and _digest_of(self.offer) in (None, offered):
            self.offer.unlink(missing_ok=True)  # nobody needs it any longer
            del self.given[self.offer_name]
        return note

    def _put_beside(self, offered: str | None) -> str:
        """Write the course's version to a file of its own, once for each version."""
        if offered != self.course:
            if _digest_of(self.offer) not in (None, offered):
                self.offer.rename(_free(self.path, "new"))  # the reader has worked in it, too
            _write(self.offer, self.content)
            self.given[self.offer_name] = self.course
        if not self.offer.exists():
            return ""  # seen, and put away
        return (
            f"{self.name} is yours and stays; the course's newest is {self.offer.name}, beside it"
        )


def digest(content: bytes) -> str:
    """Return a digest of what a reader can change in a notebook: cells, outputs, tags.

    What a front end changes by itself does not count: the form of the JSON, ids, counts, the
    kernel's description, what is folded.
    """
    try:
        cells = json.loads(content)["cells"]
        kept = [[_joined(cell.get(key)) for key in _CELL] + _tags(cell) for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError):  # no notebook: every byte counts
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _tags(cell: dict[str, Any]) -> list[Any]:
    return [cell["metadata"].get(key) or None for key in _METADATA]


def _joined(value: Any) -> Any:
    """Return JSON in which no text is a list of lines, and no output has a count."""
    if isinstance(value, dict):
        return {key: _joined(x) for key, x in value.items() if key != "execution_count"}
    if isinstance(value, list) and value and all(isinstance(x, str) for x in value):
        return "".join(value)
    if isinstance(value, list):
        return [_joined(x) for x in value] or None
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JavaScript writes 100.0 as 100
    return None if value == "" else value


def _read_given(path: Path) -> dict[str, str]:
    """Return what the course wrote; nothing if that is not known, so that nothing is lost."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return given if isinstance(given, dict) else {}


def _digest_of(path: Path) -> str | None:
    return digest(path.read_bytes()) if path.is_file() else None


def _write(path: Path, content: bytes) -> None:
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def _beside(path: Any, word: str) -> Any:
    """Return 02_cnn.new.ipynb for 02_cnn.ipynb, as the path or the text that was given."""
    return type(path)(str(path).removesuffix(".ipynb") + f".{word}.ipynb")


def _free(path: Path, word: str) -> Path:
    """Return a name beside ``path`` that no file has: 02_cnn.mine.ipynb, 02_cnn.mine-2.ipynb."""
    number, free = 1, _beside(path, word)
    while free.exists():
        number += 1
        free = _beside(path, f"{word}-{number}")
    return free
