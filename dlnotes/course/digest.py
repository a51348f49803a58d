"""Which code made these outputs? One number over everything that could change them.

``digest`` covers the code cells of a notebook and, name by name, what they use of the package: for
``from dlnotes.plotting import curves`` the definition of ``curves``, the module-level names it
refers to, and so on through the package's imports. A new function in ``plotting`` for a later
chapter therefore leaves the outputs of this one valid; a changed helper of ``curves`` does not.
Code counts as syntax without docstrings: prose, comments and layout never make outputs stale. Data
files and shipped weights count by their line in ``SHA256SUMS`` if the code spells their first word.

The closure is read from the source, so it errs on the safe side: a name may count though it is
shadowed, and a module used as a value, or by ``*``, counts whole. Code outside the package (torch)
is not covered; its versions are in ``results.json``.
"""

import ast
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from nbformat import NotebookNode

from dlnotes.course import notebooks
from dlnotes.course.syntax import bound_names, dump, has_docstring, parse_cell, strings

PACKAGE = Path(__file__).parents[1]
_IGNORED = {"__version__", "__all__", "__doc__"}  # a release does not change what a chapter shows
Chain = tuple[str, ...]


def digest(notebook: Path | NotebookNode, *, package: Path = PACKAGE) -> str:
    """Return 16 hexadecimal digits that change when the outputs may change.

    Args:
        notebook: a file, or a notebook that has been read.
        package: folder of the package; its data lie in ``data/`` beside it, or in ``_data``.
    """
    if not isinstance(notebook, NotebookNode):
        notebook = notebooks.read(notebook)
    return _hash(closure(notebook, package=package))


def _hash(parts: dict[str, str]) -> str:
    text = "\0".join(f"{name}\n{parts[name]}" for name in sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def module_digest(name: str, *, package: Path = PACKAGE) -> str:
    """Return the digest of a whole module of the package and of what it uses."""
    search = _Search(package)
    search.follow(tuple(name.split(".")))
    return _hash(search.parts | _data_sums(search, package))


def closure(notebook: NotebookNode, *, package: Path = PACKAGE) -> dict[str, str]:
    """Return everything the digest covers: name of the part -> what is hashed of it."""
    search = _Search(package)
    parts = {}
    for number, cell in enumerate(code_cells(notebook)):
        tree = parse_cell(cell.source)
        parts[f"cell {number:03}"] = cell.source if tree is None else dump(tree)
        search.strings |= {cell.source} if tree is None else strings(tree)
    trees = [tree for cell in code_cells(notebook) if (tree := parse_cell(cell.source))]
    search.use(ast.Module([node for tree in trees for node in tree.body], []), None)
    return parts | search.parts | _data_sums(search, package)


def code_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Return the code cells, but for the one which papermill injects."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and notebooks.INJECTED not in notebooks.tags(cell):
            yield cell


# ---- names -------------------------------------------------------------------------------------


class _Module:
    """The top-level statements of a module, by the names they bind."""

    def __init__(self, name: str, is_package: bool, text: str) -> None:
        self.name, self.is_package = name, is_package
        tree = ast.parse(text)
        self.body = tree.body[has_docstring(tree) :]
        self.binds: dict[str, list[ast.stmt]] = defaultdict(list)
        self.effects = []  # statements that bind nothing: they count whenever the module does
        for statement in self.body:
            names = bound_names(statement)
            for bound in names:
                self.binds[bound].append(statement)
            if not names:
                self.effects.append(statement)


_load = lru_cache(maxsize=256)(_Module)  # parse once per text of a file


class _Search:
    """Follows names through the package and collects what it passes."""

    def __init__(self, package: Path) -> None:
        self.package = Path(package)
        self.parts: dict[str, str] = {}  # "module:name" -> syntax
        self.strings: set[str] = set()  # every string constant passed
        self.seen: set[tuple] = set()

    def module(self, name: str) -> _Module | None:
        """Return a module of the package by its dotted name, None if there is none."""
        first, *rest = name.split(".")
        if first != self.package.name:
            return None
        stem = self.package.joinpath(*rest)
        files = [stem / "__init__.py"] + ([stem.with_name(stem.name + ".py")] if rest else [])
        for path in files:
            if path.is_file():
                return _load(name, path.name == "__init__.py", path.read_text(encoding="utf-8"))
        return None

    def use(self, tree: ast.AST, home: _Module | None) -> None:
        """Follow every name in a tree that stands in module ``home`` (None: the notebook)."""
        aliases = self._aliases(tree, home)
        inner = set()
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute | ast.Name) or id(node) in inner:
                continue
            chain, base = [], node
            while isinstance(base, ast.Attribute):
                inner.add(id(base.value))
                chain.insert(0, base.attr)
                base = base.value
            if not isinstance(base, ast.Name):
                continue
            for target in aliases.get(base.id, ()):
                self.follow(target + tuple(chain))
            if home is not None and base.id in home.binds:
                self.name(home, base.id, tuple(chain))

    def _aliases(self, tree: ast.AST, home: _Module | None) -> dict[str, set[Chain]]:
        """Return what the imports inside a tree bind: name -> dotted names it may stand for."""
        aliases = defaultdict(set)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.effects(alias.name)
                    target = alias.name if alias.asname else alias.name.split(".")[0]
                    aliases[alias.asname or target].add(tuple(target.split(".")))
            elif isinstance(node, ast.ImportFrom):
                origin = _origin(node, home)
                self.effects(".".join(origin))
                for alias in node.names:
                    if alias.name == "*":
                        self.follow(origin)
                    else:
                        aliases[alias.asname or alias.name].add((*origin, alias.name))
        return aliases

    def follow(self, chain: Chain) -> None:
        """Use what a dotted name stands for: a definition, or a whole module."""
        for cut in range(len(chain), 0, -1):
            if module := self.module(".".join(chain[:cut])):
                rest = chain[cut:]
                if rest:
                    self.name(module, rest[0], rest[1:])
                else:
                    for name in list(module.binds):
                        self.name(module, name, ())
                self.effects(module.name)
                return

    def effects(self, name: str) -> None:
        """Use the statements that run whenever this module is imported, and its packages'."""
        parts = name.split(".")
        for cut in range(1, len(parts) + 1):
            module = self.module(".".join(parts[:cut]))
            if module is None or ("effects", module.name) in self.seen:
                continue
            self.seen.add(("effects", module.name))
            for number, statement in enumerate(module.effects):
                self._take(f"{module.name}:effect {number}", statement, module)

    def name(self, module: _Module, name: str, chain: Chain) -> None:
        """Use one module-level name, and the attributes ``chain`` of it."""
        if name in _IGNORED or (module.name, name, chain) in self.seen:
            return
        self.seen.add((module.name, name, chain))
        for number, statement in enumerate(module.binds.get(name, ())):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for target in self._aliases(statement, module).get(name, ()):
                    self.follow(target + chain)
            else:
                self._take(f"{module.name}:{name} {number}", statement, module)
        if name not in module.binds and "__getattr__" in module.binds:  # dlnotes.begin
            self.name(module, "__getattr__", ())
            for statement in module.binds["__getattr__"]:
                for string in sorted(strings(statement)):
                    source = self.module(string)
                    if source is not None and name in source.binds:
                        self.name(source, name, chain)

    def _take(self, key: str, statement: ast.stmt, module: _Module) -> None:
        if key not in self.parts:
            self.parts[key] = dump(statement)
            self.strings |= strings(statement)
            self.use(statement, module)


def _origin(node: ast.ImportFrom, home: _Module | None) -> Chain:
    """Return the absolute module of ``from x import``, also for ``from .x import``."""
    named = tuple(node.module.split(".")) if node.module else ()
    if not node.level or home is None:
        return named
    base = home.name.split(".")
    up = node.level - home.is_package
    return (*base[: len(base) - up], *named)


# ---- data --------------------------------------------------------------------------------------


def _data_sums(search: _Search, package: Path) -> dict[str, str]:
    """Return the sha256 of the data files and weights that the code names."""
    used = {key.split()[0] for key in search.parts}
    folder = package / "_data" if (package / "_data").is_dir() else package.parent / "data"
    sums = {}
    if any(key.startswith(f"{package.name}.data:") for key in used):
        for name, value in _table(folder / "SHA256SUMS"):
            word = re.split(r"[-_.]", name)[0]  # code may put the rest together: f"mnist-{part}"
            if any(word in string for string in search.strings):
                sums[f"data {name}"] = value
    if any(key.endswith(":load_weights") for key in used):
        for name, value in _table(folder / "weights" / "SHA256SUMS"):
            if name.removesuffix(".safetensors") in search.strings:
                sums[f"weights {name}"] = value
    return sums


def _table(path: Path) -> list[tuple[str, str]]:
    """Return (file name, sha256) of each line of a ``SHA256SUMS``; nothing if there is none."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [(name.lstrip("*"), value) for value, name in map(str.split, lines)]
