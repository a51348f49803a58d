"""Rules about the form of a notebook, asked of every one; each yields one sentence per fault."""

import re
from pathlib import Path

from nbformat import NotebookNode

from dlnotes.course import CHAPTERS, notebooks
from dlnotes.course.digest import digest
from dlnotes.course.page import Faults, Page
from dlnotes.course.sources import address, bootstrap

SLIDE_TYPES = ("slide", "subslide", "fragment", "skip", "notes", "-")
MOST_CODE_LINES = 25
MOST_BYTES, MOST_IMAGE_BYTES = 1_000_000, 300_000
MOST_OUTPUT_LINES = 60
LEAST_ALT = 20
_ABSOLUTE = re.compile(
    r"(?<![\w.:/])(?:/(?:home|Users|root|tmp|work|mnt|opt|var|usr)/[\w.-]+|[A-Za-z]:\\+\w+)"
)


# ---- form --------------------------------------------------------------------------------------


def canonical_form(page: Page) -> Faults:
    """`dlnotes format` has nothing to do."""
    if notebooks.format_file(page.path, check=True):
        yield f"run `dlnotes format {page.chapter.name}`"


def size(page: Page) -> Faults:
    """The file opens quickly and shows on GitHub."""
    if (size := page.path.stat().st_size) > MOST_BYTES:
        yield f"{size:,} bytes, at most {MOST_BYTES:,}"


def title(page: Page) -> Faults:
    """One title, in the first cell, with a promise, a badge and the time it takes."""
    first = page.notebook.cells[0]
    if first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "the first cell must begin with the title"
        return
    if len([level for _, level, _ in page.headings if level == 1]) != 1:
        yield "there must be exactly one heading of level 1"
    if f"colab.research.google.com/github/{_slug()}/" not in first.source:
        yield "the first cell must have the Colab badge of this repository"
    if page.path.name not in first.source:
        yield "the badges must open this notebook"
    if not re.search(r"\d+ min", first.source):
        yield 'the first cell must say how long it takes: "30 min"'


def _slug() -> str:
    return "/".join(address().split("/")[-2:])


def heading_order(page: Page) -> Faults:
    """No level is skipped on the way down."""
    before = 0
    for number, level, text in page.headings:
        if level > before + 1:
            yield f"cell {number}: {text!r} is of level {level} under level {before}"
        before = level


def opening(page: Page) -> Faults:
    """Set-up, parameters, begin: in this order, each in its fixed words."""
    code = [cell for _, cell in page.code]
    kinds = ["setup" if "setup" in notebooks.tags(cell) else "" for cell in code[:1]]
    if kinds != ["setup"] or not code[0].source.startswith(bootstrap()):
        yield "the first code cell must be tagged setup and begin with the course's bootstrap"
    if len(code) < 3 or "parameters" not in notebooks.tags(code[1]):
        yield "the second code cell must be tagged parameters"
        return
    lines = [re.sub(r" *#.*", "", line) for line in code[1].source.splitlines()]
    if [line for line in lines if line] != ["profile = dlnotes.profile()", "seed = 0"]:
        yield "the parameters cell must hold profile = dlnotes.profile() and seed = 0"
    if not code[2].source.startswith("dlnotes.begin(profile, seed)"):
        yield "the cell after the parameters must begin with dlnotes.begin(profile, seed)"


def code_length(page: Page) -> Faults:
    """A code cell fits a slide; what is mirrored and the set-up, which no slide shows, are free."""
    for number, cell in page.code:
        free = any(tag == "setup" or tag.startswith("source:") for tag in notebooks.tags(cell))
        lines = len(cell.source.splitlines())
        if lines > MOST_CODE_LINES and not free:
            yield f"cell {number}: {lines} lines of code, at most {MOST_CODE_LINES}"


def links(page: Page) -> Faults:
    """Links to files of the course lead somewhere, or to a chapter that is still to come."""
    coming = {chapter.file for chapter in CHAPTERS}
    for number, cell in page.prose:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", cell.source):
            if re.match(r"\w+:", target) or (page.path.parent / target).exists():
                continue
            if Path(target).name not in coming:
                yield f"cell {number}: {target} does not exist"


def absolute_paths(page: Page) -> Faults:
    """Nothing tells on whose machine it was made."""
    for number, cell in enumerate(page.notebook.cells, start=1):
        texts = [cell.source, *map(_text, cell.get("outputs", []))]
        for found in sorted({m[0] for text in texts for m in _ABSOLUTE.finditer(text)}):
            yield f"cell {number}: absolute path {found}"


def _text(output: NotebookNode) -> str:
    data = output.get("data", {})
    shown = [str(data[kind]) for kind in ("text/plain", "text/html") if kind in data]
    shown = [re.sub(r"base64,[^\"]*", "", text) for text in shown]  # letters of no language
    return "\n".join([str(output.get("text", "")), *shown])


# ---- outputs -----------------------------------------------------------------------------------


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
                lines += len(_text(output).splitlines())
        if lines > MOST_OUTPUT_LINES:
            yield f"cell {number}: {lines} lines of output, at most {MOST_OUTPUT_LINES}"


def alt_text(page: Page) -> Faults:
    """Every picture says in words what there is to see."""
    for number, cell in page.code:
        for output in cell.outputs:
            for alt, size in notebooks.pictures(output):
                if len(alt.strip()) < LEAST_ALT:
                    yield f"cell {number}: alt text of {len(alt)} characters, at least {LEAST_ALT}"
                if size > MOST_IMAGE_BYTES:
                    yield f"cell {number}: image of {size:,} bytes, at most {MOST_IMAGE_BYTES:,}"
    for number, cell in page.prose:
        if re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=\"[^\"]+\")", cell.source):
            yield f"cell {number}: image without alt text"


def stored(page: Page) -> Faults:
    """The outputs were made at standard, by the code as it is now."""
    made_by = page.notebook.metadata.get("dlnotes", {})
    if not made_by:
        yield f"no stored outputs: `dlnotes run {page.chapter.name} --store`"
    elif made_by.get("profile") != "standard":
        yield f"stored outputs must be of profile standard, got {made_by.get('profile')}"
    elif made_by.get("digest") != digest(page.notebook):
        yield f"stored outputs are stale: `dlnotes run {page.chapter.name} --store`"


# ---- slides ------------------------------------------------------------------------------------


def slides(page: Page) -> Faults:
    """Every cell says what it is on the slides, and the first one starts a slide."""
    for number, cell in enumerate(page.notebook.cells, start=1):
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind not in SLIDE_TYPES:
            yield f"cell {number}: slide_type must be one of {', '.join(SLIDE_TYPES)}, got {kind}"
        elif number == 1 and kind != "slide":
            yield "the first cell must start a slide"


def lecture(page: Page) -> Faults:
    """The speaker notes carry timings that fill a lecture of 45 minutes."""
    notes = [cell.source for _, cell in page.prose if notebooks.is_speaker_note(cell)]
    times = [re.search(r"(\d+(?:\.\d+)?) ?min", text) for text in notes]
    total = sum(float(time[1]) for time in times if time)
    if not 35 <= total <= 55:
        yield f"timings of the {len(notes)} speaker notes add up to {total:g} min, not to about 45"
