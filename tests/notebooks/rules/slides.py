"""The slides: what each cell is on them, and a lecture of 45 minutes."""

import re

from course_notebooks import markdown

from dlnotes.course import notebooks
from notebooks.changes import add, drop, set_metadata
from notebooks.page import Page
from notebooks.rule import CHAPTERS, PAGES, Faults, rule

SLIDE_TYPES = ("slide", "subslide", "fragment", "skip", "notes", "-")
SHORTEST, LONGEST = 35, 55  # minutes


@rule(
    PAGES,
    broken_by=[
        set_metadata("## Summary", slideshow={}),
        set_metadata("## Summary", slideshow={"slide_type": "Slide"}),
        set_metadata("# 02", slideshow={"slide_type": "skip"}),
    ],
)
def slides(page: Page) -> Faults:
    """Every cell says what it is on the slides, and the first one starts a slide."""
    for number, cell in enumerate(page.notebook.cells, start=1):
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind not in SLIDE_TYPES:
            yield f"cell {number}: slide_type must be one of {', '.join(SLIDE_TYPES)}, got {kind}"
        elif number == 1 and kind != "slide":
            yield "the first cell must start a slide"


@rule(
    CHAPTERS,
    broken_by=[
        drop("0: 9 min", "1: 9 min"),
        add(markdown("11 min", slideshow={"slide_type": "notes"})),
    ],
    kept_by=[
        drop("0: 9 min"),
        add(markdown("10 min", slideshow={"slide_type": "notes"})),
        add(markdown("without a time", slideshow={"slide_type": "notes"})),
    ],
)
def lecture(page: Page) -> Faults:
    """The speaker notes carry timings that fill a lecture of 45 minutes."""
    if page.in_parts:
        return  # rules/teaching.py has its measure
    notes = [cell.source for _, cell in page.prose if notebooks.is_speaker_note(cell)]
    times = [re.search(r"(\d+(?:\.\d+)?) ?min", text) for text in notes]
    total = sum(float(time[1]) for time in times if time)
    if not SHORTEST <= total <= LONGEST:
        yield f"timings of the {len(notes)} speaker notes add up to {total:g} min, not to about 45"
