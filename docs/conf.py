"""Sphinx's configuration of the website: README, chapters, solutions; nothing is run.

``dlnotes site`` lays the sources out in one folder and points Sphinx here.
"""

import re
from pathlib import Path

from dlnotes import __version__
from dlnotes.course import notebooks, publish, sources

project = "dlnotes"
author = copyright = "The dlnotes authors"
release = __version__
extensions = ["myst_nb"]
html_theme = "sphinx_book_theme"
html_title = "Deep learning, derived and run"
html_theme_options = {
    "repository_url": sources.address(),
    "repository_branch": "main",
    "use_repository_button": True,
    "path_to_docs": ".",
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
}
mathjax_path = f"{publish.NETWORK}/{publish.MATHJAX}"
nb_execution_mode = "off"
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
    """Take the speaker notes out of a notebook; give the first page its table of contents."""
    if name == "index":
        source[0] = linked_outside(source[0], Path(app.srcdir)) + TABLES_OF_CONTENTS
        return
    notebook = notebooks.parse(source[0])
    notebook.cells = [cell for cell in notebook.cells if not notebooks.is_speaker_note(cell)]
    source[0] = notebooks.dump(notebook)


def linked_outside(text: str, folder: Path) -> str:
    """Return Markdown whose links to files that are no pages of the site lead to the repository."""

    def outside(match: re.Match) -> str:
        if re.match(r"\w+:|#", match[1]) or (folder / match[1]).is_file():
            return match[0]
        return f"]({sources.address()}/blob/main/{match[1]})"

    return re.sub(r"\]\(([^)\s]+)\)", outside, text)
