"""Rules about how a chapter teaches; the start page, which teaches no architecture, is exempt."""

import ast
import re

from dlnotes import RECORD_MIME_TYPE as RECORD
from dlnotes.course import CHAPTERS, notebooks
from dlnotes.course.page import Faults, Page, inventory
from dlnotes.course.syntax import parse_cell

MOST_CODE_BEFORE_IDEA = 20
MOST_WORDS = 2800


def length(page: Page) -> Faults:
    """A chapter is neither a leaflet nor a book."""
    cells = [c for c in page.notebook.cells if not notebooks.is_speaker_note(c)]
    if not 25 <= len(cells) <= 50:
        yield f"{len(cells)} cells without speaker notes, must be 25 to 50"
    words = sum(len(c.source.split()) for c in cells if c.cell_type == "markdown")
    if words > MOST_WORDS:
        yield f"{words} words of prose, at most {MOST_WORDS}"


def goals(page: Page) -> Faults:
    """The reader learns early what he will be able to do."""
    early = "\n".join(cell.source for number, cell in page.prose if number <= 5)
    if not re.search(r"(?i)you (will be able to|can)\b", early):
        yield 'one of the first five cells must say "you will be able to"'


def settings(page: Page) -> Faults:
    """One cell says what the profiles mean."""
    cells = [cell.source for _, cell in page.code if "settings = {" in cell.source]
    if len(cells) != 1:
        yield f"{len(cells)} cells set settings = {{...}}[profile], must be one"
    for profile in ("smoke", "standard", "full"):
        if cells and not re.search(rf'settings = \{{.*"{profile}":', cells[0], re.DOTALL):
            yield f"settings lack the profile {profile}"


def first_idea(page: Page) -> Faults:
    """The first section begins before the 20th line of code; the fixed opening does not count."""
    started = [number for number, level, _ in page.headings if level == 2]
    opening = {"setup", "parameters"}
    lines = 0
    for number, cell in page.code:
        if started and number > started[0]:
            break
        if not opening & set(notebooks.tags(cell)):
            lines += len([line for line in cell.source.splitlines() if line.strip()])
    if not started or lines >= MOST_CODE_BEFORE_IDEA:
        yield f"{lines} lines of code before the first section, fewer than {MOST_CODE_BEFORE_IDEA}"


def checks(page: Page) -> Faults:
    """Claims are proved in cells that end in one check, whose printed line is compared."""
    count = 0
    for number, cell in page.code:
        tree = parse_cell(cell.source)
        calls = [node for node in ast.walk(tree or ast.Module([], [])) if _is_check(node)]
        tagged = "nbval-check-output" in notebooks.tags(cell)
        if calls and not tagged:
            yield f"cell {number}: a cell with check(...) must be tagged nbval-check-output"
        if not tagged:
            continue
        count += 1
        last = tree.body[-1] if tree and tree.body else None
        if not (isinstance(last, ast.Expr) and _is_check(last.value)):
            yield f"cell {number}: a cell tagged nbval-check-output must end in check(...)"
        if not cell.outputs:
            yield f"cell {number}: no output stored, so nothing is compared"
    if count < 5:
        yield f"{count} check cells, at least 5"


def _is_check(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return ast.unparse(node.func) in ("check", "dlnotes.check", "checks.check")


def recorded(page: Page) -> Faults:
    """At least one measured number, beside what the trivial method reaches."""
    found = [
        output.data[RECORD]
        for _, cell in page.code
        for output in cell.outputs
        if RECORD in output.get("data", {})
    ]
    if not any("baseline" in entry for entry in found):
        yield "at least one dlnotes.record(...) must have a baseline"


def exercises(page: Page) -> Faults:
    """At least five exercises, which check themselves."""
    code = "\n".join(cell.source for _, cell in page.code)
    found = set(re.findall(rf"\bexercises\.{page.chapter.module}\.(\w+)\.check\(", code))
    if len(found) < 5:
        yield f"{len(found)} exercises (exercises.{page.chapter.module}.NAME.check), at least 5"


def sections(page: Page) -> Faults:
    """The sections that every chapter has."""
    texts = [text.lower() for _, _, text in page.headings]
    wanted = ["what the notes say", "exercises", "summary", "references"]
    if page.chapter.number >= 2:
        wanted += ["differs from the paper", "advantages"]
    for section in wanted:
        if not any(section in text for text in texts):
            yield f"no heading {section!r}"


def notes_items(page: Page) -> Faults:
    """Every item of the notes' chapter is covered by a cell which carries its id."""
    every = inventory()
    known = {item for items in every.values() for item in items}
    for item in sorted(page.ids - known):
        yield f"{item} is no item of the notes"
    wanted = dict(every.get(page.chapter.name, {}))
    if "PRE-c1" in wanted and CHAPTERS[0].built and "PRE-c1" in Page.open(CHAPTERS[0].path).ids:
        del wanted["PRE-c1"]  # what the tags mean may be told on the start page
    if missing := [item for item in wanted if item not in page.ids]:
        yield f"no cell covers {', '.join(missing)}"
    prose = "\n".join(cell.source for _, cell in page.prose)
    for item, kind in wanted.items():
        if kind == "formula" and not re.search(rf"(\\tag\{{|\(){item}[)}}]", prose):
            yield f"no formula is marked ({item})"
