"""Sphinx's configuration of the website: first page, chapters, solutions; nothing is run.

``dlnotes site`` lays the sources out in one folder and points Sphinx here.
"""

import os
import re
from pathlib import Path

from dlnotes import __version__
from dlnotes.course import notebooks, publish, readme, sources

project = "dlnotes"
author = copyright = "The dlnotes authors"
release = __version__
extensions = ["myst_nb", "sphinx_copybutton"]
html_theme = "sphinx_book_theme"
html_title = "Deep learning, derived and run"
html_theme_options = {
    "repository_url": sources.address(),
    "repository_branch": sources.ref(),
    "use_repository_button": True,
    "path_to_docs": "",
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
}
mathjax_path = f"{publish.NETWORK}/{publish.MATHJAX}"
nb_execution_mode = "off"
nb_render_markdown_format = "myst"  # outputs may hold tables and links
html_static_path = ["site"]
html_css_files = ["site.css"]
copybutton_exclude = ".linenos, .gp, .go"
copybutton_selector = "div.cell_input pre, div.highlight-python pre, div.highlight-bash pre"
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath", "html_image"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header", "myst.xref_missing", "mystnb.unknown_mime_type"]

TABLES_OF_CONTENTS = """
```{toctree}
:hidden:
:glob:
:caption: Chapters

notebooks/*
```

```{toctree}
:hidden:
:glob:
:caption: Solutions

notebooks/solutions/*
```
"""


def setup(app):
    """Let Sphinx change what it reads."""
    app.connect("source-read", change)


def change(app, name, source):
    """Take speaker notes and pictures of badges out; give the first page its tables; mend links."""
    folder = (Path(app.srcdir) / name).parent
    if name == "index":
        text = source[0].replace("<!-- chapters -->", readme.chapters_table())
        source[0] = linked(text, folder, app.srcdir) + TABLES_OF_CONTENTS
        return
    notebook = notebooks.parse(source[0])
    notebook.cells = [cell for cell in notebook.cells if not notebooks.is_speaker_note(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            words = re.sub(r"\[!\[([^\]]*)\]\(https?:[^)]*\)\]", r"[\1]", cell.source)  # of badges
            cell.source = linked(words, folder, app.srcdir)
    source[0] = notebooks.dump(notebook)


def linked(text: str, folder: Path, top: str) -> str:
    """Return Markdown whose links lead somewhere, seen from a page in this folder of the site.

    A chapter that is still to come is no link, and a file that is no page is in the repository.
    """

    def mended(match: re.Match) -> str:
        words, target = match[1], match[2]
        path = target.partition("#")[0]
        if re.match(r"\w+:|#", target) or (folder / path).is_file():
            return match[0]
        if path.endswith(".ipynb"):
            return f"{words} (planned)" if "planned" not in words else words
        place = os.path.relpath(folder / target, top).replace(os.sep, "/")
        return f"[{words}]({sources.address()}/blob/{sources.ref()}/{place})"

    return re.sub(r"(?<!!)\[([^\[\]]*)\]\(([^)\s]+)\)", mended, text)
