"""Slides and a website, made from the notebooks as they are stored.

Nothing is run. What they look like is said in ``docs/``: a template of nbconvert for the slides,
the configuration of Sphinx for the site. Both open without a network: the few files that browsers
would load from elsewhere are fetched once with npm into a folder beside them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from dlnotes.course import Chapter, notebooks, root

NETWORK = "https://cdn.jsdelivr.net/npm"  # has the files of every npm package
VENDOR = "vendor"  # folder with the same files, where there is no network
REVEAL = "reveal.js@4.6.1"
MATHJAX = "mathjax@3.2.2/es5/tex-svg-full.js"  # one file, no fonts
NEEDED = {  # npm package -> which of its files
    REVEAL: (
        "LICENSE",
        "dist/reveal.css",
        "dist/reveal.js",
        "dist/theme/white.css",
        "dist/theme/fonts/source-sans-pro/*.css",
        "dist/theme/fonts/source-sans-pro/*.woff",
        "plugin/notes/notes.js",
    ),
    MATHJAX.split("/")[0]: ("LICENSE", MATHJAX.split("/", 1)[1]),
}
RUN_CELL = "Run this cell"  # how the text begins that stands in for a widget
_BADGE = re.compile(r"\[!\[[^\]]*\]\(https?:[^)]*\)\]\([^)]*\)|!\[[^\]]*\]\(https?:[^)]*\)")


# ---- slides ------------------------------------------------------------------------------------


def slides(chapter: Chapter, out: Path, *, online: bool = False) -> list[Path]:
    """Write a chapter's decks of slides, one for each part, and return their files.

    Args:
        chapter: must be built.
        out: folder.
        online: let browsers load reveal.js and MathJax from the network, in place of
            ``out/vendor``, into which npm fetches them once.

    Raises:
        RuntimeError: they are not in ``out/vendor`` and could not be fetched.
    """
    return slides_of(chapter.path, out, online=online)


def slides_of(path: Path, out: Path, *, online: bool = False) -> list[Path]:
    """Write the decks of one notebook file; arguments as for ``slides``."""
    from nbconvert.exporters import SlidesExporter  # half a second that only this needs

    path, out, address = Path(path), Path(out), NETWORK if online else VENDOR
    if not online:
        _fetch_for(f"the slides of {path.name}", out / VENDOR, *NEEDED)
    exporter = SlidesExporter(
        extra_template_basedirs=[str(root() / "docs")],
        template_name="slides",
        reveal_theme="white",
        reveal_url_prefix=f"{address}/{REVEAL}",
        mathjax_url=f"{address}/{MATHJAX}",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    targets = []
    for part, deck in parts(notebooks.read(path)).items():
        name = f"{path.stem}_{part.lower()}" if part else path.stem
        text, _ = exporter.from_notebook_node(for_slides(deck), {"metadata": {"name": name}})
        targets.append(out / f"{name}.slides.html")
        notebooks.write(targets[-1], text)
    return targets


def parts(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Return a notebook for each part, by the part's letter; "" if there are no parts.

    A part begins with the cell whose metadata say so, and that cell becomes its title slide, with
    the chapter's title above. What stands before the first part follows the first title slide.
    """
    begins = [i for i, cell in enumerate(notebook.cells) if "part" in cell.metadata]
    if not begins:
        return {"": notebook}
    title = notebook.cells[0].source.splitlines()[0]
    found = {}
    for begin, end in pairwise([*begins, len(notebook.cells)]):
        deck = deepcopy(notebook)
        first, *rest = deck.cells[begin:end]
        first.source = f"{title}\n\n{first.source}"
        front = deck.cells[1:begin] if begin == begins[0] else []
        deck.cells = [first, *front, *rest]
        found[first.metadata["part"]] = deck
    return found


def for_slides(notebook: NotebookNode) -> NotebookNode:
    """Return a copy with speaker notes as cells, without badges and what only a notebook can do."""
    deck = deepcopy(notebook)
    cells, deck.cells = deck.cells, []
    for cell in cells:
        deck.cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = _BADGE.sub("", cell.source)
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if not _asks_to_run(o)]
        if notes := cell.metadata.get("speaker_notes"):
            note = nbformat.v4.new_markdown_cell(notes)
            note.metadata["slideshow"] = {"slide_type": "notes"}
            deck.cells.append(note)
    return deck


def _asks_to_run(output: NotebookNode) -> bool:
    """Return whether an output only says how to get a widget, which no slide has."""
    text = output.get("data", {}).get("text/plain", "")
    return text.startswith(RUN_CELL) and not notebooks.pictures(output)


def _fetch_for(pages: str, folder: Path, *packages: str) -> None:
    """Fetch packages, or say what the pages would be without them."""
    try:
        for package in packages:
            fetch(package, folder)
    except RuntimeError as error:
        raise RuntimeError(
            f"{error}\nWithout it {pages} would show formulas as raw LaTeX. Run this once with "
            "npm and a network, or pass --online for pages that need a network to be read."
        ) from None


def fetch(package: str, folder: Path) -> None:
    """Fetch what is needed of an npm package, as ``NEEDED`` names it, into ``folder/PACKAGE`` once.

    Raises:
        RuntimeError: npm is missing, or could not fetch it.
    """
    target = Path(folder) / package
    if target.is_dir():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm is needed to fetch {package}: install Node.js")
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "install", "--prefix", place, "--no-save", "--ignore-scripts"]
        command += ["--prefer-offline", "--no-audit", "--no-fund", package]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"npm could not fetch {package}: {done.stderr.strip()}")
        source, kept = Path(place, "node_modules", package.split("@")[0]), Path(place, "kept")
        for pattern in NEEDED[package]:
            for file in source.glob(pattern):
                copy = kept / file.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(kept, target)


# ---- website -----------------------------------------------------------------------------------


MARK = ".dlnotes-site"  # lies in a folder that ``site`` may write into


def site(out: Path, *, online: bool = False) -> Path:
    """Build the website of all chapters that are built and return its first page.

    Args:
        out: folder, new, empty, or of a site that was built here before. Nothing is removed.
        online: let browsers load MathJax from the network, in place of a copy in the site.

    Raises:
        RuntimeError: there is no copy, and npm could not fetch it.
        ValueError: the folder holds something else.
    """
    out = Path(out).resolve()
    _check_free(out)
    options = []
    if not online:
        _fetch_for("the site", out / "_static" / VENDOR, MATHJAX.split("/")[0])
        options = ["-D", f"mathjax_path={VENDOR}/{MATHJAX}"]
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()
    with tempfile.TemporaryDirectory(prefix="dlnotes-site-") as folder:
        source, pages = Path(folder).resolve() / "source", Path(folder).resolve() / "pages"
        _lay_out(source)
        command = [sys.executable, "-m", "sphinx", "-qE", "-c", str(root() / "docs"), *options]
        environment = os.environ | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        # into a folder that is ours, because beside it, too, an extension leaves files
        subprocess.run([*command, str(source), str(pages)], check=True, env=environment)
        shutil.copytree(pages, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".doctrees"))
    return out / "index.html"


def _check_free(out: Path) -> None:
    """Raise unless a site may be written into this folder, over files of the same names."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"out must be a folder, got {out}, which is a file")
    if not out.exists() or (out / MARK).is_file() or (out / "_static" / "site.css").is_file():
        return
    static = out / "_static"  # with this alone in it when a first build was stopped
    found = [path for path in out.iterdir() if path != static]
    found += [path for path in static.glob("*") if path.name != VENDOR]
    if found:
        names = sorted(path.name for path in found)
        raise ValueError(
            f"out must be an empty folder or one with a site built here, got {out}, which holds "
            f"{', '.join(names[:3])}{' and more' * (len(names) > 3)}: name another folder"
        )


def _lay_out(source: Path) -> None:
    """Put together, in one folder, what Sphinx makes the site of."""
    unwanted = shutil.ignore_patterns(".*", "*.json")
    shutil.copytree(root() / "notebooks", source / "notebooks", ignore=unwanted)
    shutil.copy(root() / "docs" / "index.md", source)
    for picture in root().glob(".github/*.png"):
        copy = source / picture.relative_to(root())
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(picture, copy)
