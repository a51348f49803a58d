"""The code cells: how long they are, and that claims are proved in cells that check."""

import ast

from course_notebooks import code
from nbformat import NotebookNode

from dlnotes.course import notebooks
from dlnotes.course.syntax import parse_cell
from notebooks.changes import add, drop, edit, set_outputs
from notebooks.page import Page
from notebooks.rule import CHAPTERS, PAGES, Faults, rule

MOST_LINES, FEWEST_CHECKS = 25, 5
LONG = "\n".join(f"x{i} = {i}" for i in range(MOST_LINES + 1))


@rule(
    PAGES,
    broken_by=[add(code(LONG))],
    kept_by=[add(code(LONG, tags=["source:dlnotes.checks.check_shape"]))],
)
def code_length(page: Page) -> Faults:
    """A code cell fits a slide; what is mirrored and the set-up, which no slide shows, are free."""
    for number, cell in page.code:
        free = any(tag == "setup" or tag.startswith("source:") for tag in notebooks.tags(cell))
        lines = len(cell.source.splitlines())
        if lines > MOST_LINES and not free:
            yield f"cell {number}: {lines} lines of code, at most {MOST_LINES}"


@rule(
    CHAPTERS,
    broken_by=[
        edit("check(", 'check("one is one", 1, 1)', 'check("a", 1, 1)\nprint(1)'),
        add(code('check("a", 1, 1)')),
        add(code('dlnotes.check("a", 1, 1)')),
        set_outputs("check("),
        drop("check("),
    ],
    kept_by=[add(code("loss.check(1)"))],
)
def checks(page: Page) -> Faults:
    """Claims are proved in cells that end in one check, whose printed line is compared."""
    count = 0
    for number, cell in page.code:
        count += "nbval-check-output" in notebooks.tags(cell)
        yield from (f"cell {number}: {fault}" for fault in _faults_of_check(cell))
    if count < FEWEST_CHECKS:
        yield f"{count} check cells, at least {FEWEST_CHECKS}"


def _faults_of_check(cell: NotebookNode) -> Faults:
    tree = parse_cell(cell.source) or ast.Module([], [])
    if "nbval-check-output" not in notebooks.tags(cell):
        if any(_is_check(node) for node in ast.walk(tree)):
            yield "a cell with check(...) must be tagged nbval-check-output"
        return
    last = tree.body[-1] if tree.body else None
    if not (isinstance(last, ast.Expr) and _is_check(last.value)):
        yield "a cell tagged nbval-check-output must end in check(...)"
    if not cell.outputs:
        yield "no output stored, so nothing is compared"


def _is_check(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return ast.unparse(node.func) in ("check", "dlnotes.check", "checks.check")
