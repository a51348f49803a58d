"""The code that an exercise gives to the learner: its cell, its blanks, and how it looks filled."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

DEFAULT = "answer = ..."
WIDTH = 88


def check_skeleton(skeleton: str) -> None:
    """Raise ValueError unless a skeleton is Python that has a blank and defines what is checked."""
    try:
        tree = ast.parse(skeleton)
    except SyntaxError as error:
        raise ValueError(f"skeleton must be Python, got {skeleton!r}: {error}") from error
    if not _blanks(tree):
        raise ValueError(f"skeleton must hold a blank, ..., got {skeleton!r}")
    answer_name(skeleton)


def answer_name(skeleton: str) -> str:
    """Return what the check takes: ``answer`` if it is assigned, else the last definition."""
    tree = ast.parse(skeleton)
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if "answer" in stored:
        return "answer"
    names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    if not names:
        raise ValueError(f"skeleton must assign answer or define a function, got {skeleton!r}")
    return names[-1]


def cell_text(question: str, skeleton: str, check: str) -> str:
    """Return the source of the cell: the question as comment, the skeleton, the check.

    Args:
        question: its lines are wrapped one by one.
        skeleton: code with ``...`` at the blanks.
        check: what is called with the answer: "exercises.cnn.output_size.check".
    """
    blank_lines = "\n" if answer_name(skeleton) == "answer" else "\n\n\n"
    call = f"{check}({answer_name(skeleton)})"
    return f"{comment(question)}\n{skeleton}{blank_lines}{call}"


def comment(text: str) -> str:
    """Return a text as lines of comment."""
    options = dict(initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    lines = [textwrap.fill(line, WIDTH, **options) or "#" for line in text.splitlines()]
    return "\n".join(lines)


def learners_part(source: str) -> str:
    """Return the code of an exercise cell without its comment and its check."""
    lines = source.strip().splitlines()
    while lines and lines[0].startswith("#"):
        lines = lines[1:]
    if lines and lines[-1].startswith("exercises.") and ".check(" in lines[-1]:
        lines = lines[:-1]
    return "\n".join(lines).strip()


def filled_cell(source: str, text: str) -> str:
    """Return the text of an exercise cell, or the source if the learner has begun to write.

    Args:
        source: the cell as it is; it counts as untouched if it is empty, or if its code is still
            the skeleton.
        text: what ``Exercise.cell()`` returns.
    """
    untouched = learners_part(source) in ("", learners_part(text))
    return text if untouched else source


# ---- blanks ------------------------------------------------------------------------------------


def blank_in_code(answer: Any) -> bool:
    """Return whether a function or class still has ``...`` where a value belongs.

    ``x[..., 0]`` is no blank. Nor is a line ``...`` of its own, below which one may have written;
    ``blank_line_in_code`` sees it.
    """
    return any(not whole_line for whole_line in _blanks_of(answer))


def blank_line_in_code(answer: Any) -> bool:
    """Return whether a function or class still has a line that is ``...`` and nothing else."""
    return any(_blanks_of(answer))


def _blanks_of(answer: Any) -> list[bool]:
    if not (inspect.isfunction(answer) or inspect.isclass(answer)):
        return []
    if answer.__name__ == "<lambda>":  # its line holds more than the function
        return []
    try:
        return _blanks(ast.parse(textwrap.dedent(inspect.getsource(answer))))
    except (OSError, TypeError, SyntaxError, IndexError):  # no source
        return []


def _blanks(tree: ast.AST) -> list[bool]:
    """Return, for each blank, whether it is a whole line."""
    skipped = {id(n) for s in ast.walk(tree) if isinstance(s, ast.Subscript) for n in _inside(s)}
    lines = {id(line.value) for line in ast.walk(tree) if isinstance(line, ast.Expr)}
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value is ...]
    return [id(node) in lines for node in found if id(node) not in skipped]


def _inside(subscript: ast.Subscript) -> list[ast.expr]:
    index = subscript.slice
    return index.elts if isinstance(index, ast.Tuple) else [index]


# ---- solutions ---------------------------------------------------------------------------------


def solution_code(solve: Callable[[], Any]) -> str:
    """Return the body of a solution; a function that it defines and returns stands alone."""
    lines = inspect.getsource(solve).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("def "))
    body = textwrap.dedent("\n".join(lines[first + 1 :])).strip()
    tree = ast.parse(body)
    last = tree.body[-1]
    names = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    if isinstance(last, ast.Return) and isinstance(last.value, ast.Name) and last.value.id in names:
        body = "\n".join(body.splitlines()[: last.lineno - 1]).rstrip()
    return body
