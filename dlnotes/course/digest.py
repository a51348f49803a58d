"""Which code made these outputs? One number over everything that could change them.

``digest`` covers the code cells of a notebook and, name by name, what they use of the package: for
``from dlnotes.plotting import curves`` the definition of ``curves``, the module-level names it
refers to, and so on through the package's imports. A new function in ``plotting`` for a later
chapter therefore leaves the outputs of this one valid; a changed helper of ``curves`` does not.
Code counts as syntax without docstrings: prose, comments and layout never make outputs stale. Data
files and shipped weights count by their line in ``SHA256SUMS`` if the code spells their first word.

Where in the package a definition stands does not count: imports of the package are left out, and
what they bind (``plotting.curves``, ``curves``, ``p.curves``) is hashed as the definition's own
name and a digest of its text. So a definition that moves to another module makes nothing stale.

The closure is read from the source, so it errs on the safe side: a name may count though it is
shadowed, and a module used as a value, or by ``*``, counts whole. Code outside the package (torch)
is not covered; its versions are in ``results.json``.
"""

import ast
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dlnotes.course.syntax import Module, dump, load, local_names, origin, parse_cell, strings
from dlnotes.files import SUMS, read_sums

if TYPE_CHECKING:
    from nbformat import NotebookNode  # where weights are trained there may be none

PACKAGE = Path(__file__).parents[1]
_IGNORED = {"__version__", "__all__", "__doc__"}  # a release does not change what a chapter shows
_KNOWN: dict[str, str] = {}  # the digests of this process, by all the texts they come from
Chain = tuple[str, ...]


class Definition(NamedTuple):
    """Where a dotted name leads: a module, a name in it ("" for itself), and what is left."""

    module: str
    name: str
    rest: Chain


def digest(notebook: "Path | NotebookNode", *, package: Path = PACKAGE) -> str:
    """Return 16 hexadecimal digits that change when the outputs may change.

    Asked again while neither the code cells nor a file of the package have changed, it only reads.

    Args:
        notebook: a file, or a notebook that has been read.
        package: folder of the package; its data lie in ``data/`` beside it, or in ``_data``.
    """
    cells, files = _code(notebook), _Files(package)
    key = _sha256("\0".join([*cells, *files.texts()]))
    if key not in _KNOWN:
        _KNOWN[key] = _hash(_closure(cells, files))
    return _KNOWN[key]


def _hash(parts: dict[str, str]) -> str:
    """Hash what the parts say; their names, which hold addresses, do not count."""
    return _sha256("\0".join(sorted(parts.values())))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def module_digest(name: str, *, package: Path = PACKAGE) -> str:
    """Return the digest of a whole module of the package and of what it uses."""
    search = _Search(_Files(package))
    search.follow(tuple(name.split(".")))
    return _hash(search.parts | _data_sums(search))


def closure(notebook: "NotebookNode", *, package: Path = PACKAGE) -> dict[str, str]:
    """Return everything the digest covers: name of the part -> what is hashed of it."""
    return _closure(_code(notebook), _Files(package))


def _code(notebook: "Path | NotebookNode") -> list[str]:
    from dlnotes.course import notebooks  # needs nbformat

    if isinstance(notebook, str | Path):
        notebook = notebooks.read(Path(notebook))
    return [cell.source for cell in notebooks.code_cells(notebook)]


def _closure(cells: list[str], files: "_Files") -> dict[str, str]:
    search = _Search(files)
    parts, trees = {}, {}
    for number, source in enumerate(cells):
        name, tree = f"cell {number:03}", parse_cell(source)
        if tree is None:
            parts[name] = f"{name}\n{source}"
            search.strings.add(source)
        else:
            trees[name] = _without_bootstrap(tree)
            search.strings |= strings(tree)
    everything = ast.Module([node for tree in trees.values() for node in tree.body], [])
    search.use(everything, None)
    replace = search.reader(everything, None, search.identity)
    parts |= {name: f"{name}\n{dump(tree, replace)}" for name, tree in trees.items()}
    return parts | search.parts | _data_sums(search)


def _without_bootstrap(tree: ast.Module) -> ast.Module:
    """Leave out the lines that install the package where it is missing: they decide no output."""
    first = tree.body[0] if tree.body else None
    if isinstance(first, ast.Try) and [ast.unparse(s) for s in first.body] == ["import dlnotes"]:
        return ast.Module(first.body + tree.body[1:], tree.type_ignores)
    return tree


# ---- names -------------------------------------------------------------------------------------


class _Files:
    """What the files of a package and the tables of its data say at one moment."""

    def __init__(self, package: Path) -> None:
        package = Path(package)
        self.name = package.name
        self.modules: dict[str, tuple[bool, str]] = {}  # dotted name -> (a package?, text)
        for path in sorted(package.rglob("*.py"), key=lambda p: (p.name == "__init__.py", p)):
            parts = path.relative_to(package.parent).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            self.modules[name] = is_package, path.read_text(encoding="utf-8")
        folder = package / "_data" if (package / "_data").is_dir() else package.parent / "data"
        self.data, self.weights = read_sums(folder / SUMS), read_sums(folder / "weights" / SUMS)

    def texts(self) -> Iterator[str]:
        """Return all that was read."""
        for name, (_, text) in self.modules.items():
            yield from (name, text)
        yield from (repr(self.data), repr(self.weights))


class _Search:
    """Follows names through the package and collects what it passes."""

    def __init__(self, files: _Files) -> None:
        self.files = files
        self.parts: dict[str, str] = {}  # "module:name" -> syntax
        self.strings: set[str] = set()  # every string constant passed
        self.seen: set[tuple] = set()
        self.found: dict[Chain, Definition | None] = {}
        self.identities: dict[tuple[str, str], str] = {}
        self.imported: dict[ast.AST, dict[str, set[Chain]]] = {}

    def module(self, name: str) -> Module | None:
        """Return a module of the package by its dotted name, None if there is none."""
        return load(name, *self.files.modules[name]) if name in self.files.modules else None

    def use(self, tree: ast.AST, home: Module | None) -> None:
        """Follow every name in a tree that stands in module ``home`` (None: the notebook)."""
        aliases, local = self._aliases(tree, home), local_names(tree)
        inner: set[int] = set()  # nodes of a chain that has been looked at as a whole
        for node in ast.walk(tree):
            if id(node) in inner or (chain := _chain(node, local, inner)) is None:
                continue
            for target in aliases.get(chain[0], ()):
                self.follow(target + chain[1:])
            if home is not None and chain[0] in home.binds:
                self.name(home, chain[0], chain[1:])

    def reader(
        self, tree: ast.AST, home: Module | None, named: Callable[[Definition], str]
    ) -> Callable[[ast.AST], str | None]:
        """Return how ``dump`` writes the nodes of a tree: names by what they stand for.

        Args:
            tree: in which imports may bind names, too.
            home: the module it stands in; None: the notebook.
            named: what is written for a definition.
        """
        aliases, local = self._aliases(tree, home), local_names(tree)

        def replace(node: ast.AST) -> str | None:
            if isinstance(node, ast.Import | ast.ImportFrom):
                return "" if self._is_ours(node, home) else None
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                # also the beginning of f"dlnotes.exercises.{name}"
                return "Module()" if self.module(node.value.rstrip(".")) else None
            if (chain := _chain(node, local, set())) is None:
                return None
            found = {self.find(target + chain[1:]) for target in aliases.get(chain[0], ())}
            if home is not None and chain[0] in home.binds:
                found.add(self.find((*home.name.split("."), *chain)))
            texts = sorted({named(f) for f in found if f is not None})
            return f"Ours({','.join(texts)})" if texts else None

        return replace

    def _is_ours(self, node: ast.Import | ast.ImportFrom, home: Module | None) -> bool:
        if isinstance(node, ast.Import):
            return all(self.module(alias.name) for alias in node.names)
        return self.module(".".join(origin(node, home))) is not None

    def find(self, chain: Chain) -> Definition | None:
        """Return where a dotted name is defined, through the package's imports and re-exports.

        It is (module, name, attributes), name and attributes empty for a module itself; None if
        the package does not define it, as for ``torch.Tensor`` or a name that an import binds to
        something outside.
        """
        if chain in self.found:
            return self.found[chain]
        self.found[chain] = None  # also the answer where imports go round in a circle
        for cut in range(len(chain), 0, -1):
            if module := self.module(".".join(chain[:cut])):
                self.found[chain] = self._find_in(module, chain[cut:])
                break
        return self.found[chain]

    def _find_in(self, module: Module, rest: Chain) -> Definition | None:
        if not rest:
            return Definition(module.name, "", ())
        for source, name in self._sources(module, rest[0]):
            statements = source.binds.get(name, ())
            if any(not isinstance(s, ast.Import | ast.ImportFrom) for s in statements):
                return Definition(source.name, name, rest[1:])
            for statement in statements:
                for target in sorted(self._aliases(statement, source).get(name, ())):
                    if found := self.find(target + rest[1:]):
                        return found
        return None

    def _sources(self, module: Module, name: str) -> Iterator[tuple[Module, str]]:
        """Yield the module, or the modules from which its ``__getattr__`` fetches a name."""
        if name in module.binds:
            yield module, name
        for statement in module.binds.get("__getattr__", ()) if name not in module.binds else ():
            for string in sorted(strings(statement)):
                source = self.module(string)
                if source is not None and name in source.binds:
                    yield source, name

    def identity(self, definition: Definition) -> str:
        """Return a definition's name without its address, and a digest of its text."""
        module = self.module(definition.module)
        if module is None or not definition.name or definition.name in _IGNORED:
            return _bare_name(definition)
        key = definition.module, definition.name
        if key not in self.identities:
            texts = [
                dump(s, self.reader(s, module, _bare_name)) for s in module.binds[definition.name]
            ]
            self.identities[key] = _sha256("\0".join(texts))
        return f"{_bare_name(definition)}@{self.identities[key]}"

    def _aliases(self, tree: ast.AST, home: Module | None) -> dict[str, set[Chain]]:
        """Return what the imports inside a tree bind: name -> dotted names it may stand for."""
        if tree in self.imported:
            return self.imported[tree]
        aliases: dict[str, set[Chain]] = defaultdict(set)
        modules, whole = set(), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    modules.add(alias.name)
                    target = alias.name if alias.asname else alias.name.split(".")[0]
                    aliases[alias.asname or target].add(tuple(target.split(".")))
            elif isinstance(node, ast.ImportFrom):
                source = origin(node, home)
                modules.add(".".join(source))
                for alias in node.names:
                    if alias.name == "*":
                        whole.add(source)
                    else:
                        aliases[alias.asname or alias.name].add((*source, alias.name))
        self.imported[tree] = aliases  # before what may come back to this tree
        for name in sorted(modules):
            self.effects(name)
        for source in sorted(whole):
            self.follow(source)
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

    def name(self, module: Module, name: str, chain: Chain) -> None:
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
        if name not in module.binds:  # dlnotes.begin
            for source, found in self._sources(module, name):
                if source is not module:
                    self.name(source, found, chain)

    def _take(self, key: str, statement: ast.stmt, module: Module) -> None:
        if key not in self.parts:
            self.parts[key] = ""  # taken: what refers to itself ends here
            self.strings |= strings(statement)
            self.use(statement, module)
            self.parts[key] = dump(statement, self.reader(statement, module, self.identity))


def _bare_name(definition: Definition) -> str:
    return ".".join([definition.name, *definition.rest]) if definition.name else "Module()"


def _chain(node: ast.AST, local: set[int], inner: set[int]) -> Chain | None:
    """Return ("a", "b", "c") for ``a.b.c``, whose inner nodes are noted.

    None for anything else, or if ``a`` is a local variable.
    """
    chain: list[str] = []
    while isinstance(node, ast.Attribute):
        inner.add(id(node.value))
        chain.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or id(node) in local:
        return None
    return node.id, *chain


# ---- data --------------------------------------------------------------------------------------


def _data_sums(search: _Search) -> dict[str, str]:
    """Return the sha256 of the data files and weights that the code names."""
    used = {key.split()[0] for key in search.parts}
    sums = {}
    if any(re.match(rf"{search.files.name}\.data[.:]", key) for key in used):
        for name, value in search.files.data.items():
            word = re.split(r"[-_.]", name)[0]  # code may put the rest together: f"mnist-{part}"
            if any(word in string for string in search.strings):
                sums[f"data {name}"] = f"data {name} {value}"
    if any(key.endswith(":load_weights") for key in used):
        for name, value in search.files.weights.items():
            if name.removesuffix(".safetensors") in search.strings:
                sums[f"weights {name}"] = f"weights {name} {value}"
    return sums
