"""Python source as a tree: compared without prose, and asked which names it binds."""

import ast
import re
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache


def parse_cell(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell without its magics; None if it is not Python."""
    if source.startswith("%%"):
        return None
    plain = re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source)
    try:
        return ast.parse(plain)
    except SyntaxError:
        return None


def dump(node: ast.AST, replace: Callable[[ast.AST], str | None] | None = None) -> str:
    """Return a syntax tree as text, without docstrings, the same under every Python version.

    ``ast.dump`` shows empty fields or not, and fields that only newer versions have.

    Args:
        node: the tree.
        replace: returns the text that stands for a node, "" to leave it out of its list, or None
            to have it dumped like any other.
    """
    if replace is not None and (text := replace(node)) is not None:
        return text
    fields = []
    for field, value in ast.iter_fields(node):
        if field in ("kind", "type_comment", "ctx", "type_ignores") or value in (None, []):
            continue
        if field == "body" and isinstance(node, _Documented):
            value = body_without_docstring(node)
        if isinstance(value, list):
            items = [_dump_value(item, replace) for item in value]
            value = "[" + ",".join(item for item in items if item) + "]"
        else:
            value = _dump_value(value, replace)
        fields.append(f"{field}={value}")
    return f"{type(node).__name__}({','.join(fields)})"


def _dump_value(value: object, replace: Callable[[ast.AST], str | None] | None) -> str:
    return dump(value, replace) if isinstance(value, ast.AST) else repr(value)


_Documented = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def body_without_docstring(node: _Documented) -> list[ast.stmt]:
    """Return the statements of a module, class or function; a string that comes first goes."""
    return node.body[ast.get_docstring(node, clean=False) is not None :]


def strings(node: ast.AST) -> set[str]:
    """Return every string constant in a tree."""
    constants = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def bound_names(statement: ast.stmt) -> set[str]:
    """Return the module-level names that a statement makes or changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        # @output_size.checked_by: the function belongs to the object that takes it
        owners = {root_name(d) for d in statement.decorator_list if isinstance(d, ast.Attribute)}
        return {statement.name} | owners - {""}
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(a.asname or a.name).split(".")[0] for a in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(getattr(node, "ctx", None), ast.Store):
            names.add(root_name(node))
    return names - {""}


_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_INSIDE = ("body", "elt", "key", "value", "generators")  # fields that see the variables


def local_names(tree: ast.AST, shadowed: frozenset[str] = frozenset()) -> set[int]:
    """Return the ids of the Name nodes which a function's or comprehension's own variables are.

    They are no module-level names, whatever these are called. Defaults, annotations and decorators
    are evaluated outside the function, and so is what a comprehension goes over first.

    Args:
        tree: a statement, or what is inside one.
        shadowed: names that are variables of what surrounds it.
    """
    if isinstance(tree, ast.Name):
        return {id(tree)} if tree.id in shadowed else set()
    inside = shadowed | _variables(tree)
    found: set[int] = set()
    for field, value in ast.iter_fields(tree):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                found |= local_names(child, inside if field in _INSIDE else shadowed)
    if isinstance(tree, _COMPREHENSIONS):
        first = tree.generators[0].iter
        found = found - local_names(first, inside) | local_names(first, shadowed)
    return found


def _variables(tree: ast.AST) -> set[str]:
    """Return the variables of a function or comprehension; nothing for any other node."""
    if isinstance(tree, _COMPREHENSIONS):
        targets = [node for g in tree.generators for node in ast.walk(g.target)]
        return {node.id for node in targets if isinstance(node, ast.Name)}
    if not isinstance(tree, _FUNCTIONS):
        return set()
    names = {arg.arg for arg in ast.walk(tree.args) if isinstance(arg, ast.arg)}
    outer: set[str] = set()
    pending: list[ast.AST] = list(tree.body) if isinstance(tree.body, list) else []
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            outer |= set(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if not isinstance(node, _FUNCTIONS | _COMPREHENSIONS | ast.ClassDef):
            pending += ast.iter_child_nodes(node)
    return names - outer


def root_name(node: ast.AST) -> str:
    """Return ``x`` for ``x``, ``x.y``, ``x.y[0].z``; "" for anything else."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


# ---- modules -----------------------------------------------------------------------------------


class Module:
    """The top-level statements of a module, by the names they bind."""

    def __init__(self, name: str, is_package: bool, text: str) -> None:
        self.name, self.is_package = name, is_package
        self.binds: dict[str, list[ast.stmt]] = defaultdict(list)
        self.effects = []  # statements that bind nothing: they count whenever the module does
        for statement in body_without_docstring(ast.parse(text)):
            names = bound_names(statement)
            for bound in names:
                self.binds[bound].append(statement)
            if not names:
                self.effects.append(statement)


load = lru_cache(maxsize=256)(Module)  # parsed once per text of a file


def origin(node: ast.ImportFrom, home: Module | None) -> tuple[str, ...]:
    """Return the absolute module of ``from x import``, also for ``from .x import``."""
    named = tuple(node.module.split(".")) if node.module else ()
    if not node.level or home is None:
        return named
    base = home.name.split(".")
    up = node.level - home.is_package
    return (*base[: len(base) - up], *named)
