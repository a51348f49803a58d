"""The one form that a notebook may have in git.

``canonical`` is idempotent and keeps what a reader sees. It fixes what tools write differently:
format 4.5; cell ids, kept once they are set; only the metadata we use; the package's own source in
cells tagged ``source:``; question and skeleton in cells tagged ``exercise:`` which nobody has begun
to solve; the one text of the set-up cell; code that is folded away in cells tagged ``draw`` or
``setup``; execution counts where there are outputs (nbval refuses outputs without);
merged streams; no progress bars, widget state or memory addresses.
"""

import hashlib
import html
import json
import math
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from dlnotes.course.sources import exercise_cell, package_source, with_bootstrap
from dlnotes.files import write_text as write

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
INJECTED = "injected-parameters"
WIDGET = "application/vnd.jupyter.widget-view+json"
FOLDED = ("draw", "setup")  # tags of cells whose output matters and whose code does not
_FOLD_TAG = "hide-input"  # what MyST folds
_VALID_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_PROGRESS_BAR = re.compile(r"\d+%\|.*\||\d+it \[|\[\d\d:\d\d[<,\]]")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")


# ---- files -------------------------------------------------------------------------------------


def read(path: Path) -> NotebookNode:
    """Return the notebook, every cell with an id that depends on its content only."""
    return parse(Path(path).read_text(encoding="utf-8"))


def parse(text: str) -> NotebookNode:
    """Return the notebook in this JSON text."""
    raw = json.loads(text)
    if raw.get("nbformat") != 4:
        raise ValueError(f"nbformat must be 4, got {raw.get('nbformat')}: open and save it in Lab")
    raw["nbformat_minor"] = 5
    seen: set[str] = set()
    for cell in raw["cells"]:
        cell["id"] = _unused_id(cell, seen)
        seen.add(cell["id"])
    return nbformat.reads(json.dumps(raw), as_version=4)


def _unused_id(cell: dict, seen: set[str]) -> str:
    """Return the cell's id if it is valid and free, else one made from the source."""
    name = cell.get("id", "")
    source, copy = "".join(cell["source"]), 0
    while not _VALID_ID.fullmatch(name) or name in seen:
        name = hashlib.sha256(f"{cell['cell_type']}\0{source}\0{copy}".encode()).hexdigest()[:8]
        copy += 1
    return name


def format_file(path: Path, *, check: bool = False) -> bool:
    """Bring a notebook into canonical form; return whether it had another form.

    Args:
        path: the notebook.
        check: only look.
    """
    before = Path(path).read_text(encoding="utf-8")
    after = canonical(before)
    if before != after and not check:
        write(path, after)
    return before != after


# ---- canonical form ----------------------------------------------------------------------------


def canonical(text: str) -> str:
    """Return the JSON text of a notebook in its one form."""
    return dump(tidy(parse(text)))


def dump(notebook: NotebookNode) -> str:
    """Return the JSON text of a notebook, keys sorted, with the newline that ends a text file."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Bring a parsed notebook into its one form, in place."""
    ours = notebook.metadata.get("dlnotes", {})
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
        | ({"dlnotes": {key: ours[key] for key in sorted(ours)}} if ours else {})
    )
    notebook.cells = [c for c in notebook.cells if c.source.strip() or _exercise(c)]
    number = 0
    for cell in notebook.cells:
        cell.metadata = _cell_metadata(cell.metadata)
        if not cell.get("attachments", True):
            del cell["attachments"]
        cell.source = cell.source.rstrip()
        if cell.cell_type != "code":
            continue
        number += 1
        cell.source = _mirrored(cell)
        cell.outputs = _tidy_outputs(cell.outputs)
        cell.execution_count = number if cell.outputs else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
    return notebook


def _cell_metadata(metadata: dict) -> NotebookNode:
    kept: dict[str, Any] = {}
    for key in ("tags", "notes"):
        if values := [
            value for value in dict.fromkeys(metadata.get(key, [])) if value != _FOLD_TAG
        ]:
            kept[key] = values
    if set(FOLDED) & set(kept.get("tags", [])):
        kept["tags"].append(_FOLD_TAG)  # the site
        kept["jupyter"] = {"source_hidden": True}  # JupyterLab
        kept["cellView"] = "form"  # Colab
    for key in ("part", "speaker_notes"):  # of the slides
        if isinstance(text := metadata.get(key), str) and text.strip():
            kept[key] = text.strip()
    if slide := metadata.get("slideshow", {}).get("slide_type"):
        kept["slideshow"] = {"slide_type": slide}
    return nbformat.from_dict(kept)


def with_minutes(source: str, read: int, run_seconds: float) -> str:
    """Return a first cell whose "N minutes to read" and "N min to run" are right."""
    source = re.sub(r"\d+(?= min(?:utes?)? to read)", str(read), source)
    return re.sub(r"\d+(?= min(?:utes?)? to run)", str(whole_minutes(run_seconds)), source)


def whole_minutes(seconds: float) -> int:
    """Return a time as a reader is told it: rounded up."""
    return math.ceil(seconds / 60)


def tags(cell: NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return cell.metadata.get("tags", [])


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells, but for the one which papermill injects."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in code if INJECTED not in tags(cell)]


def is_speaker_note(cell: NotebookNode) -> bool:
    """Return whether a cell is for the lecturer's eyes."""
    return cell.metadata.get("slideshow", {}).get("slide_type") == "notes"


def _mirrored(cell: NotebookNode) -> str:
    """Return the source of a code cell, with the parts that have their source elsewhere."""
    for tag in tags(cell):
        if tag.startswith("source:"):
            return package_source(tag.removeprefix("source:"))
        if tag == "setup":
            return with_bootstrap(cell.source)
    return exercise_cell(_exercise(cell), cell.source) if _exercise(cell) else cell.source


def _exercise(cell: NotebookNode) -> str:
    """Return "cnn.output_size" for a cell tagged "exercise:cnn.output_size", else ""."""
    names = [tag.partition(":")[2] for tag in tags(cell) if tag.startswith("exercise:")]
    return names[0] if names else ""


# ---- outputs -----------------------------------------------------------------------------------


def pictures(output: NotebookNode) -> list[tuple[str, int]]:
    """Return the alternative text and the bytes of every picture in an output."""
    data = output.get("data", {})
    found = []
    for tag in re.findall(r"<img\b[^>]*>", data.get("text/html", "")):
        alt, source = (re.search(rf'\b{name}="([^"]*)"', tag) for name in ("alt", "src"))
        size = len(source[1].partition(",")[2]) if source else 0
        found.append((html.unescape(alt[1]) if alt else "", size * 3 // 4))
    # a bare image has no alternative text that a front end reads
    bare = [data[kind] for kind in data if kind.startswith("image/")]
    return found + [("", len(image) * 3 // 4) for image in bare]


def _tidy_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in filter(None, map(_tidy_output, outputs)):
        previous = kept[-1] if kept else None
        if (
            output.output_type == "stream"
            and previous is not None
            and previous.output_type == "stream"
            and previous.name == output.name
        ):
            previous.text += output.text
        else:
            kept.append(output)
    return kept


def _tidy_output(output: NotebookNode) -> NotebookNode | None:
    """Return the output as it is stored, or None if nothing of it is."""
    output = nbformat.from_dict(output)
    if output.output_type == "stream":
        lines = output.text.splitlines(keepends=True)
        if output.name == "stderr":
            lines = [line for line in lines if not _PROGRESS_BAR.search(line)]
        text = "".join(line for line in lines if not line.endswith("\r"))
        output.text = _ADDRESS.sub("", text)
        return output if output.text.strip() else None
    if output.output_type not in ("display_data", "execute_result"):
        return output
    output.pop("transient", None)
    output.data.pop(WIDGET, None)
    text = output.data.get("text/plain", "")
    if not output.data or (set(output.data) == {"text/plain"} and _PROGRESS_BAR.search(text)):
        return None
    if text:
        output.data["text/plain"] = _ADDRESS.sub("", text)
    output.metadata = nbformat.from_dict({})
    return output
