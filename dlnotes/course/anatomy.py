"""What every notebook of the course has, as rules that name the cell which breaks them.

A rule is a function that takes a ``Page`` and yields one sentence per fault. The start page
teaches no architecture: of it only the rules in ``EVERYWHERE`` are asked, of solutions those in
``ALSO_SOLUTIONS``.
"""

from collections.abc import Callable
from pathlib import Path

from dlnotes.course import find
from dlnotes.course import form_rules as form
from dlnotes.course import teaching_rules as teaching
from dlnotes.course.page import Faults, Page

Rule = Callable[[Page], Faults]

ALSO_SOLUTIONS = (
    form.canonical_form,
    form.size,
    form.heading_order,
    form.absolute_paths,
    form.outputs,
    form.alt_text,
)
EVERYWHERE = (
    *ALSO_SOLUTIONS,
    form.title,
    form.opening,
    form.code_length,
    form.links,
    form.stored,
    form.slides,
)
CHAPTERS_ONLY = (
    form.lecture,
    teaching.length,
    teaching.goals,
    teaching.settings,
    teaching.first_idea,
    teaching.checks,
    teaching.recorded,
    teaching.exercises,
    teaching.sections,
    teaching.notes_items,
)


def rules_of(path: Path) -> tuple[Rule, ...]:
    """Return the rules that a notebook must keep."""
    if Path(path).parent.name == "solutions":
        return ALSO_SOLUTIONS
    return EVERYWHERE if find(path.stem).module is None else EVERYWHERE + CHAPTERS_ONLY


def faults(path: Path) -> list[str]:
    """Return every fault of a notebook, each starting with the name of its rule."""
    page = Page.open(path)
    return [f"{rule.__name__}: {fault}" for rule in rules_of(path) for fault in rule(page)]
