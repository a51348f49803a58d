"""The prose: headings, sections, links, and how much of it there is."""

import re
from pathlib import Path

from course_notebooks import markdown
from nbformat import NotebookNode

from dlnotes.course import CHAPTERS as TABLE
from dlnotes.course import notebooks
from notebooks.changes import add, change, drop, edit
from notebooks.page import Page
from notebooks.rule import CHAPTERS, EVERYWHERE, PAGES, Faults, rule

FEWEST_CELLS, MOST_CELLS, MOST_WORDS = 25, 160, 2800


def join_prose(notebook: NotebookNode) -> None:
    """Put the prose cells that follow one another into one, speaker notes aside."""
    kept: list[NotebookNode] = []
    for cell in notebook.cells:
        before = kept[-1] if kept else None
        prose = before is not None and before.cell_type == cell.cell_type == "markdown"
        if prose and not notebooks.is_speaker_note(cell):
            before.source += f"\n\n{cell.source}"
        else:
            kept.append(cell)
    notebook.cells = kept


@rule(
    EVERYWHERE,
    broken_by=[add(markdown("#### Too deep"))],
    kept_by=[add(markdown("```\n# no heading\n```"))],
)
def heading_order(page: Page) -> Faults:
    """No level is skipped on the way down."""
    before = 0
    for number, level, text in page.headings:
        if level > before + 1:
            yield f"cell {number}: {text!r} is of level {level} under level {before}"
        before = level


@rule(
    CHAPTERS,
    broken_by=[
        add(*[markdown(f"paragraph {number}") for number in range(MOST_CELLS)]),
        change(join_prose),
        add(markdown("word " * 2800)),
    ],
)
def length(page: Page) -> Faults:
    """A chapter is neither a leaflet nor a book."""
    if page.in_parts:
        return  # rules/teaching.py has its measure
    cells = [c for c in page.notebook.cells if not notebooks.is_speaker_note(c)]
    if not FEWEST_CELLS <= len(cells) <= MOST_CELLS:
        yield f"{len(cells)} cells without speaker notes, must be {FEWEST_CELLS} to {MOST_CELLS}"
    words = sum(len(c.source.split()) for c in cells if c.cell_type == "markdown")
    if words > MOST_WORDS:
        yield f"{words} words of prose, at most {MOST_WORDS}"


@rule(CHAPTERS, broken_by=[drop("## Differs"), edit("## Summary", "## Summary", "Summary")])
def sections(page: Page) -> Faults:
    """The sections that every chapter has."""
    texts = [text.lower() for _, _, text in page.headings]
    wanted = ["what the notes say", "exercises", "summary", "references"]
    if page.chapter.number >= 2:
        wanted += ["differs from the paper", "advantages"]
    for section in wanted:
        if not any(section in text for text in texts):
            yield f"no heading {section!r}"


@rule(
    PAGES,
    broken_by=[add(markdown("[x](figures/missing.png)"))],
    kept_by=[
        add(markdown("![a line](https://e.org/x.png) [x](02_cnn.ipynb#part)")),
        add(markdown("[to come](20_diffusion.ipynb)")),
    ],
)
def links(page: Page) -> Faults:
    """Links to files of the course lead somewhere, or to a chapter that is still to come."""
    coming = {chapter.file for chapter in TABLE}
    for number, cell in page.prose:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", cell.source):
            if re.match(r"\w+:", target) or (page.path.parent / target).exists():
                continue
            if Path(target).name not in coming:
                yield f"cell {number}: {target} does not exist"
