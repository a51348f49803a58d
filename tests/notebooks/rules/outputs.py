"""The stored outputs: those of the code as it is, short, with a picture's content in words."""

import re
from pathlib import Path

from course_notebooks import code, markdown, picture, record, stream

from dlnotes import RECORD_MIME_TYPE
from dlnotes.course import notebooks
from dlnotes.course.digest import digest
from notebooks.changes import add, drop, rewrite, set_outputs
from notebooks.page import Page
from notebooks.rule import CHAPTERS, EVERYWHERE, PAGES, Faults, rule
from notebooks.rules.files import shown_text

MOST_LINES, LEAST_ALT = 60, 20
MOST_PICTURE_BYTES = 400_000  # a photograph takes more than a drawing
ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}


def forget_digest(path: Path) -> None:
    """Leave nothing of what the runner wrote beside the outputs."""
    notebook = notebooks.read(path)
    del notebook.metadata["dlnotes"]
    notebooks.write(path, notebooks.dump(notebook))


@rule(
    PAGES,
    broken_by=[
        rewrite("measure()", "measure(1)"),
        rewrite('"profile": "standard"', '"profile": "smoke"'),
        forget_digest,
    ],
    kept_by=[rewrite("You will be able", "Soon you will be able")],
)
def stored(page: Page) -> Faults:
    """The outputs were made at standard, by the code as it is now."""
    made_by = page.notebook.metadata.get("dlnotes", {})
    if not made_by:
        yield f"no stored outputs: `dlnotes run {page.chapter.name} --store`"
    elif made_by.get("profile") != "standard":
        yield f"stored outputs must be of profile standard, got {made_by.get('profile')}"
    elif made_by.get("digest") != digest(page.notebook):
        yield f"stored outputs are stale: `dlnotes run {page.chapter.name} --store`"


@rule(
    EVERYWHERE,
    broken_by=[
        add(code("x", ERROR)),
        add(code("x", stream("UserWarning: x\n", "stderr"))),
        add(code("x", stream("line\n" * 61))),
    ],
    kept_by=[add(code("x", stream("line\n" * 60)))],
)
def outputs(page: Page) -> Faults:
    """Outputs are short, and none is an error, a warning or a progress bar."""
    for number, cell in page.code:
        lines = 0
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {number}: shows an error; print it with try and except"
            if output.output_type == "stream" and output.name == "stderr":
                yield f"cell {number}: writes to stderr: {output.text.strip()[:80]!r}"
            if not notebooks.pictures(output):  # a picture's text is its alt text
                lines += len(shown_text(output).splitlines())
        if lines > MOST_LINES:
            yield f"cell {number}: {lines} lines of output, at most {MOST_LINES}"


@rule(
    EVERYWHERE,
    broken_by=[
        add(code("x", picture("19 characters long!"))),
        add(code("x", picture("an image that is too large", "A" * 533_340))),
        add(markdown("![](https://e.org/x.png)")),
        add(markdown('<img src="x.png">')),
    ],
    kept_by=[
        add(code("x", picture("20 characters long!!"))),
        add(markdown("![a line](https://e.org/x.png)")),
        add(markdown('<img src="x.png" alt="a line">')),
    ],
)
def alt_text(page: Page) -> Faults:
    """Every picture says in words what there is to see, and is small."""
    for number, alt, size in page.pictures:
        if len(alt.strip()) < LEAST_ALT:
            yield f"cell {number}: alt text of {len(alt)} characters, at least {LEAST_ALT}"
        if size > MOST_PICTURE_BYTES:
            yield f"cell {number}: image of {size:,} bytes, at most {MOST_PICTURE_BYTES:,}"
    for number, cell in page.prose:
        if re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=\"[^\"]+\")", cell.source):
            yield f"cell {number}: image without alt text"


@rule(
    CHAPTERS,
    broken_by=[drop("measure()"), set_outputs("measure()", record("accuracy", 0.9))],
    kept_by=[add(code("measure_more()", record("loss", 0.1)))],
)
def recorded(page: Page) -> Faults:
    """At least one measured number, beside what the trivial method reaches."""
    found = [
        output.data[RECORD_MIME_TYPE]
        for _, cell in page.code
        for output in cell.outputs
        if RECORD_MIME_TYPE in output.get("data", {})
    ]
    if not any("baseline" in entry for entry in found):
        yield "at least one dlnotes.record(...) must have a baseline"
