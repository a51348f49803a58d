"""The file: one form, a size that opens quickly, nothing of the machine it was made on."""

import re

from course_notebooks import code, markdown, picture, stream
from nbformat import NotebookNode

from dlnotes.course import notebooks
from notebooks.changes import add, rewrite
from notebooks.page import Page
from notebooks.rule import EVERYWHERE, Faults, rule

MOST_BYTES = 2_500_000
_ABSOLUTE = re.compile(
    r"(?<![\w.:/])(?:/(?:home|Users|root|tmp|work|mnt|opt|var|usr)/[\w.-]+|[A-Za-z]:\\+\w+)"
)
MEDIUM = picture("a picture of medium size", "A" * 300_000)


@rule(EVERYWHERE, broken_by=[rewrite(' "nbformat"', '  "nbformat"')])
def canonical_form(page: Page) -> Faults:
    """`dlnotes format` has nothing to do."""
    if notebooks.format_file(page.path, check=True):
        yield f"run `dlnotes format {page.chapter.name}`"


@rule(EVERYWHERE, broken_by=[add(*[code(f"draw({i})", MEDIUM) for i in range(9)])])
def size(page: Page) -> Faults:
    """The file opens quickly and shows on GitHub."""
    if (size := page.path.stat().st_size) > MOST_BYTES:
        yield f"{size:,} bytes, at most {MOST_BYTES:,}"


@rule(
    EVERYWHERE,
    broken_by=[
        add(code("x", stream("saved to " + "/home" + "/me/x.png\n"))),
        add(code('open("/tmp' + '/x")')),
        add(markdown(r"see C:\Users\me")),
    ],
    kept_by=[add(code('x = "not/home/me", "https://example.org/home/me"'))],
)
def absolute_paths(page: Page) -> Faults:
    """Nothing tells on whose machine it was made."""
    for number, cell in enumerate(page.notebook.cells, start=1):
        texts = [cell.source, *map(shown_text, cell.get("outputs", []))]
        for found in sorted({m[0] for text in texts for m in _ABSOLUTE.finditer(text)}):
            yield f"cell {number}: absolute path {found}"


def shown_text(output: NotebookNode) -> str:
    """Return what an output shows in words."""
    data = output.get("data", {})
    shown = [str(data[kind]) for kind in ("text/plain", "text/html") if kind in data]
    shown = [re.sub(r'base64,[^"]*', "", text) for text in shown]  # letters of no language
    return "\n".join([str(output.get("text", "")), *shown])
