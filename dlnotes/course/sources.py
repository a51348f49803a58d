"""Text which notebooks repeat: package code and the set-up cell, each with one source."""

import ast
import re
import textwrap
from pathlib import Path

from dlnotes.course import root


def package_source(name: str, package: Path | None = None) -> str:
    """Return the source of ``dlnotes.module.Class`` or ``dlnotes.module.Class.method``.

    The file is parsed, not imported: what comes back equals ``inspect.getsource`` (dedented), costs
    no import of torch, and works while the module is being edited.

    Args:
        name: dotted name of a function, a class, a method or a module-level constant.
        package: folder of the package; the course's own by default.

    Raises:
        ValueError: there is no such module or definition.
    """
    package = Path(package or Path(__file__).parents[1])
    parts = name.split(".")[1:]
    for cut in range(len(parts) - 1, 0, -1):
        stem = package.joinpath(*parts[:cut])
        for path in (stem.with_name(stem.name + ".py"), stem / "__init__.py"):
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                if elsewhere := _imported(text, parts[cut]):
                    return package_source(".".join([elsewhere, *parts[cut + 1 :]]), package)
                return _definition(text, parts[cut:], name)
    raise ValueError(f"source must name a definition of the package, got {name!r}: no such module")


def _imported(text: str, name: str) -> str | None:
    """Return the dotted name which a module only passes on; None if it defines the name itself."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return f"{node.module}.{alias.name}"
    return None


def _definition(text: str, path: list[str], name: str) -> str:
    body = ast.parse(text).body
    for part in path:
        found = [node for node in body if part in _names(node)]
        if not found:
            raise ValueError(f"source must name a definition of the package, got {name!r}")
        body = getattr(found[-1], "body", [])
    first = min([found[-1], *getattr(found[-1], "decorator_list", [])], key=lambda n: n.lineno)
    lines = text.splitlines()[first.lineno - 1 : found[-1].end_lineno]
    return textwrap.dedent("\n".join(lines)).rstrip()


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {target.id for target in targets if isinstance(target, ast.Name)}
    return {getattr(node, "name", "")}


def exercise_cell(name: str, source: str) -> str:
    """Return the source of the cell of an exercise: as it is given, unless somebody has begun.

    Args:
        name: chapter and exercise, "cnn.output_size".
        source: the cell as it is.

    Raises:
        ValueError: there is no such exercise.
    """
    from dlnotes import exercises  # needs torch
    from dlnotes.exercises.skeletons import filled_cell

    chapter, _, exercise = name.partition(".")
    found = exercises.of_chapter(chapter) if chapter in exercises.chapters() else {}
    if exercise not in found:
        raise ValueError(f"the tag exercise: must name an exercise, got {name!r}")
    return filled_cell(source, found[exercise].cell())


# ---- the set-up cell ---------------------------------------------------------------------------

BOOTSTRAP = """\
try:
    import dlnotes
except ModuleNotFoundError:  # as on Colab: install it, but leave torch and numpy as they are
    import importlib.util
    import subprocess
    import sys

    class Stop(Exception):
        def _render_traceback_(self):  # IPython shows the sentence alone
            return [str(self)]

    local = 'on your own machine, choose the kernel of .venv (README, "Start")'
    if importlib.util.find_spec("torch") is None:
        raise Stop("This kernel has neither dlnotes nor PyTorch: " + local) from None
    print("Installing dlnotes, for about a minute ...")
    pip = "-m pip install --no-input --no-deps git+{address}@{ref}".split()
    small = ["lightning-fabric", "lightning-utilities", "torchmetrics", "safetensors"]
    if subprocess.run([sys.executable, *pip, *small], capture_output=True).returncode:
        network = "turn the network on (Kaggle: Settings → Internet) or, "
        raise Stop(f"pip cannot install {{pip[-1]}}: {{network}}{{local}}") from None
    import dlnotes"""


def bootstrap() -> str:
    """Return the lines with which every set-up cell begins.

    They install the package from the place and the ref from which the notebook comes.
    """
    return BOOTSTRAP.format(address=address(), ref=ref())


def with_bootstrap(source: str) -> str:
    """Return a set-up cell whose first statement is the course's bootstrap, the rest as it is."""
    lines = source.splitlines()
    end = 0
    if lines[:1] == ["try:"]:
        end = 1
        while end < len(lines) and (lines[end][:1] in (" ", "") or lines[end].startswith("except")):
            end += 1
    rest = "\n".join(lines[end:]).strip("\n")
    return bootstrap() + ("\n\n" + rest if rest else "")


def pyproject() -> dict[str, str]:
    """Return name, version, address ("Repository") and ref of the project from ``pyproject.toml``.

    Simple lines are read by pattern: Python 3.10 has no TOML parser.

    Raises:
        ValueError: one of them is missing.
    """
    text = (root() / "pyproject.toml").read_text(encoding="utf-8")
    found = {}
    for key in ("name", "version", "Repository", "ref"):
        match = re.search(rf'^{key} = "([^"]+)"', text, flags=re.MULTILINE)
        if match is None:
            raise ValueError(f'pyproject.toml must hold a line {key} = "..."')
        found[key] = match[1]
    return found


def address() -> str:
    """Return the address of the repository, from its one source."""
    return pyproject()["Repository"].rstrip("/")


def ref() -> str:
    """Return the branch or tag which readers get, from its one source: "main"."""
    return pyproject()["ref"]
