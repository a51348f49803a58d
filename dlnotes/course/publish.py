"""Slides and a website, made from the notebooks as they are stored.

Nothing is run. Code that only draws is hidden on slides and folded on the site. Both can be made to
open without a network: what browsers would load from elsewhere is fetched once with npm into a
folder beside them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from nbformat import NotebookNode, from_dict
from traitlets.config import Config

from dlnotes import __version__
from dlnotes.course import Chapter, built, notebooks, root
from dlnotes.course.runner import RECORD
from dlnotes.course.sources import address

VENDOR = "vendor"  # folder of the fetched packages, inside the output folder
SLIDES_PACKAGES = {
    "reveal.js": "4.6.1",
    "requirejs": "2.3.7",
    "jquery": "2.2.4",
    "mathjax": "2.7.9",
}
SITE_PACKAGES = {"mathjax": "3.2.2"}
_NO_MERMAID = "data:text/javascript,export default {initialize() {}}"
SLIDE_WIDTH, SLIDE_HEIGHT = "1280", "720"  # pixels, scaled to the screen
# A line of code has up to 100 characters and must be seen to its end; what is too high scrolls.
_SLIDE_STYLE = """<style>
.reveal .slides > section:not(.stack), .reveal .slides > section > section {
  max-height: 720px; overflow-x: hidden; overflow-y: auto; }
.reveal .jp-Cell { padding: 4px 8px; }
.reveal .jp-InputArea pre, .reveal .jp-OutputArea pre { font-size: 17px; line-height: 1.28; }
.reveal .jp-RenderedHTMLCommon { font-size: 21px; line-height: 1.35; }
.reveal .jp-RenderedHTMLCommon h1 { font-size: 44px; }
.reveal .jp-RenderedHTMLCommon h2 { font-size: 34px; }
.reveal .jp-RenderedHTMLCommon h3 { font-size: 27px; }
.reveal .jp-RenderedHTMLCommon table { font-size: 19px; table-layout: auto; width: auto; }
.reveal .jp-RenderedHTMLCommon table .MathJax_CHTML { white-space: nowrap; }
.reveal .jp-OutputArea img { display: block; margin: 0 auto; max-height: 560px; }
.reveal .jp-OutputArea figcaption { font-size: 24px; line-height: 1.3; margin-top: 8px; }
</style>
</head>"""


# ---- slides ------------------------------------------------------------------------------------


def slides(chapter: Chapter, out: Path, *, offline: bool = False) -> Path:
    """Write a chapter's deck of slides and return its file.

    Args:
        chapter: must be built.
        out: folder.
        offline: fetch reveal.js and its companions into ``out/vendor``, so that the deck opens
            without a network. Needs npm, and a network now.
    """
    return slides_of(chapter.path, out, offline=offline)


def slides_of(path: Path, out: Path, *, offline: bool = False) -> Path:
    """Write the deck of one notebook file; arguments as for ``slides``."""
    from nbconvert.exporters import SlidesExporter  # half a second that only this needs

    hide = {"enabled": True, "remove_input_tags": set(notebooks.FOLDED)}
    exporter = SlidesExporter(
        config=Config(TagRemovePreprocessor=hide),
        reveal_number="c/t",
        reveal_scroll=True,
        reveal_width=SLIDE_WIDTH,
        reveal_height=SLIDE_HEIGHT,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    out = Path(out)
    if offline:
        folders = {
            name: fetch(name, version, out / VENDOR).name
            for name, version in SLIDES_PACKAGES.items()
        }
        exporter.reveal_url_prefix = f"{VENDOR}/{folders['reveal.js']}"
        exporter.require_js_url = f"{VENDOR}/{folders['requirejs']}/require.js"
        exporter.jquery_url = f"{VENDOR}/{folders['jquery']}/dist/jquery.min.js"
        mathjax = f"{VENDOR}/{folders['mathjax']}/MathJax.js"
        exporter.mathjax_url = f"{mathjax}?config=TeX-AMS_CHTML-full,Safe"
        exporter.mermaid_js_url = _NO_MERMAID
    notebook = presentable(notebooks.read(path))
    text, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": Path(path).stem}})
    target = out / f"{Path(path).stem}.slides.html"
    # lines broken to the width of a slide that is not yet shown would stretch tables
    text = re.sub(r"(linebreaks:\s*\{\s*automatic:\s*)true", r"\1false", text)
    notebooks.write(target, text.replace("</head>", _SLIDE_STYLE, 1))
    return target


def presentable(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose records are plain text."""
    notebook = from_dict(json.loads(json.dumps(notebook)))
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(RECORD, None)
    return notebook


def fetch(name: str, version: str, folder: Path) -> Path:
    """Fetch an npm package into ``folder/NAME-VERSION`` once, and return that folder.

    Raises:
        RuntimeError: npm is missing, or could not fetch it.
    """
    target = Path(folder).resolve() / f"{name}-{version}"
    if target.is_dir():
        return target
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm is needed to fetch {name}: install Node.js or leave --offline out")
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "pack", f"{name}@{version}", "--silent", "--pack-destination", place]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True)
        archives = list(Path(place).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            raise RuntimeError(f"npm could not fetch {name}@{version}: {done.stderr.strip()}")
        with tarfile.open(archives[0]) as archive:
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(place, **safe)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(str(Path(place) / "package"), target)
    return target


# ---- website -----------------------------------------------------------------------------------

_CONF = """\
project = "dlnotes"
author = copyright = "The dlnotes authors"
release = "{version}"
extensions = ["myst_nb"]
html_theme = "sphinx_book_theme"
html_title = "Deep learning, derived and run"
html_theme_options = {{
    "repository_url": "{address}",
    "use_repository_button": True,
    "path_to_docs": ".",
    "launch_buttons": {{"colab_url": "https://colab.research.google.com"}},
}}
nb_execution_mode = "off"
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath", "html_image"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header", "myst.xref_missing", "mystnb.unknown_mime_type"]
{mathjax}"""


def site(out: Path, *, offline: bool = False) -> Path:
    """Build the website of all chapters that are built and return its first page.

    Args:
        out: folder.
        offline: fetch MathJax with npm and refer to it, so that formulas show without a network.
    """
    out = Path(out).resolve()
    source = out.with_name(out.name + "-source")
    shutil.rmtree(source, ignore_errors=True)
    _write_sources(source)
    mathjax = ""
    if offline:
        folder = fetch("mathjax", SITE_PACKAGES["mathjax"], source / "_static")
        mathjax = (
            f'html_static_path = ["_static"]\nmathjax_path = "{folder.name}/es5/tex-chtml.js"\n'
        )
    conf = _CONF.format(version=__version__, address=address(), mathjax=mathjax)
    notebooks.write(source / "conf.py", conf)
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(source), str(out)]
    subprocess.run(command, check=True, env=os.environ | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"})
    return out / "index.html"


def _write_sources(folder: Path) -> None:
    """Lay out what Sphinx reads: README as the index, chapters, solutions."""
    names, solved = [], []
    for chapter in built():
        for path, listed in ((chapter.path, names), (chapter.solutions, solved)):
            if not path.is_file():
                continue
            notebook = presentable(notebooks.read(path))
            notebook.cells = [
                cell for cell in notebook.cells if not notebooks.is_speaker_note(cell)
            ]
            place = path.relative_to(root())
            notebooks.write(folder / place, notebooks.dump(notebook))
            listed.append(place.with_suffix("").as_posix())
    readme = (root() / "README.md").read_text(encoding="utf-8")
    for picture in re.findall(r"!\[[^\]]*\]\(([\w./-]+)\)", readme):
        if (root() / picture).is_file():
            (folder / picture).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root() / picture, folder / picture)
    trees = _toctree("Chapters", names) + _toctree("Solutions", solved)
    notebooks.write(folder / "index.md", _linked_outside(readme, folder) + trees)


def _toctree(caption: str, names: list[str]) -> str:
    lines = "\n".join(names)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n" if names else ""


def _linked_outside(text: str, folder: Path) -> str:
    """Return Markdown whose links to files that are no pages of the site lead to the repository."""

    def outside(match: re.Match) -> str:
        target = match[1]
        if re.match(r"\w+:|#", target) or (folder / target).is_file():
            return match[0]
        return f"]({address()}/blob/main/{target})"

    return re.sub(r"\]\(([^)\s]+)\)", outside, text)
