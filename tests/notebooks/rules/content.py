"""What a chapter must hold: exercises, and every item of the lecture notes."""

import re

from dlnotes.course import CHAPTERS as TABLE
from notebooks.changes import drop, edit, set_metadata
from notebooks.page import Page, inventory
from notebooks.rule import CHAPTERS, Faults, rule

FEWEST_EXERCISES = 5


@rule(
    CHAPTERS,
    broken_by=[
        drop("answer"),
        edit("answer", "number_0", "number_1"),
        edit("answer", "exercises.cnn", "exercises.rnn"),
    ],
)
def exercises(page: Page) -> Faults:
    """At least five exercises, which check themselves."""
    code = "\n".join(cell.source for _, cell in page.code)
    found = set(re.findall(rf"\bexercises\.{page.chapter.module}\.(\w+)\.check\(", code))
    if len(found) < FEWEST_EXERCISES:
        name = f"exercises.{page.chapter.module}.NAME.check"
        yield f"{len(found)} exercises ({name}), at least {FEWEST_EXERCISES}"


@rule(
    CHAPTERS,
    broken_by=[
        set_metadata("## The idea", notes=[]),
        set_metadata("## References", notes=["CNN-999"]),
        edit("$$x", r"\tag", ""),
    ],
    kept_by=[edit("$$x", r"\tag{CNN-1}$$", "(CNN-1)$$")],  # in words, too
)
def notes_items(page: Page) -> Faults:
    """Every item of the notes' chapter is covered by a cell which carries its id."""
    every = inventory()
    known = {item for items in every.values() for item in items}
    for item in sorted(page.ids - known):
        yield f"{item} is no item of the notes"
    wanted = dict(every.get(page.chapter.name, {}))
    if "PRE-c1" in wanted and TABLE[0].built and "PRE-c1" in Page.open(TABLE[0].path).ids:
        del wanted["PRE-c1"]  # what the tags mean may be told on the start page
    if missing := [item for item in wanted if item not in page.ids]:
        yield f"no cell covers {', '.join(missing)}"
    prose = "\n".join(cell.source for _, cell in page.prose)
    for item, kind in wanted.items():
        if kind == "formula" and not re.search(rf"(\\tag\{{|\(){item}[)}}]", prose):
            yield f"no formula is marked ({item})"
