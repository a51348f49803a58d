"""Who may import whom, and one chapter = one notebook = one module = one test file."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from dlnotes import course
from dlnotes.course import notebooks

PACKAGE = Path(__file__).parents[1] / "dlnotes"
CHAPTERS = [chapter.module for chapter in course.CHAPTERS if chapter.module]
SHARED = {  # what each shared module may import of ours
    "checks": set(),
    "files": set(),
    "notebook": {"dlnotes", "checks"},
    "data": {"dlnotes", "checks", "files"},
    "text": {"checks"},
    "training": {"checks", "data", "files"},
    "metrics": {"checks", "training"},
    "recurrent": {"checks"},
    "plotting": {"checks"},
    "figures": {"checks", "plotting", "training", "data", "text", "metrics", *CHAPTERS},
    "exercises": {"checks", "training", "data", "text", "metrics", *CHAPTERS},
    "recipes": {"dlnotes", "checks", "training", "data", "text", "metrics", *CHAPTERS},
    "course": {
        *("dlnotes", "checks", "files", "plotting", "training", "data", "recipes"),
        "exercises",  # their questions stand in notebooks
    },
}
FOR_CHAPTERS = {"checks", "data", "text", "training", "metrics", "recurrent"}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
MODULES = [pytest.param(p, id=p.relative_to(PACKAGE).as_posix()) for p in FILES]
of_every_module = pytest.mark.parametrize("path", MODULES)


def part(path):
    """Return the module, or the package for a file inside one: "cnn", "figures"."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree):
    """Return the dotted names that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def source(module):
    """Return the file of a module ("cnn", "exercises/cnn"), or the first one of a folder."""
    path = PACKAGE / f"{module}.py"
    return path if path.is_file() else PACKAGE / module / "__init__.py"


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def ours(path):
    """Return which modules of the package a file imports."""
    found = {name.split(".")[1] for name in imports(parsed(path)) if name.startswith("dlnotes.")}
    modules = {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in FILES}
    return {name if name in modules else "dlnotes" for name in found} - {part(path)}


def allowed(name):
    if name in CHAPTERS:
        return FOR_CHAPTERS | set(CHAPTERS[: CHAPTERS.index(name)])
    return SHARED[name]


@of_every_module
def test_arrows_point_backwards(path):
    wrong = ours(path) - allowed(part(path))
    assert not wrong, f"{path.name} must not import {wrong}"


def test_shared_modules_do_not_go_round_in_circles():
    arrows = {}
    for path in FILES:
        arrows.setdefault(part(path), set()).update(ours(path) - {"dlnotes"})
    done = set()
    while ready := {name for name in arrows if name not in done and arrows[name] <= done}:
        done |= ready
    assert set(arrows) - done == set()


@of_every_module
def test_only_helpers_of_notebooks_draw(path):
    drawing = {"matplotlib", "ipywidgets", "IPython", "tqdm", "papermill", "rich", "typer"}
    may = {
        "plotting": {"matplotlib", "IPython"},
        "figures": {"matplotlib", "ipywidgets", "IPython"},
        "exercises": {"matplotlib"},
        "course": {"matplotlib", "papermill", "rich", "typer"},
        "notebook": {"IPython"},
        "training": {"tqdm", "IPython"},
    }
    found = {name.split(".")[0] for name in imports(parsed(path))} & drawing
    assert found <= may.get(part(path), set())


@pytest.mark.parametrize(
    ("script", "never"),
    [
        ("import dlnotes", {"torch", "numpy", "matplotlib", "ipywidgets", "IPython"}),
        ("import dlnotes.files", {"torch", "numpy"}),
        ("import dlnotes.course", {"torch", "numpy", "matplotlib", "nbformat"}),
        ("import dlnotes.checks", {"matplotlib", "ipywidgets", "IPython"}),
        ("import dlnotes.data, dlnotes.training", {"matplotlib", "ipywidgets"}),
    ],
)
def test_an_import_is_as_cheap_as_it_can_be(script, never):
    command = [sys.executable, "-c", f"import sys; {script}; print(*sys.modules)"]
    loaded = set(subprocess.check_output(command, text=True).split())
    assert not loaded & never


def test_importing_no_chapter_draws():
    chapters = [name for name in CHAPTERS if source(name).is_file()]
    script = "; ".join(f"import dlnotes.{name}" for name in chapters) or "pass"
    command = [sys.executable, "-c", f"import sys; {script}; print(*sys.modules)"]
    assert not {"matplotlib", "ipywidgets"} & set(
        subprocess.check_output(command, text=True).split()
    )


@pytest.mark.parametrize("chapter", course.built()[1:], ids=lambda chapter: chapter.name)
def test_one_chapter_is_one_notebook_module_test_exercises_figures_and_solutions(chapter):
    tests = Path(__file__).parent
    for path in (
        source(chapter.module),
        source(f"exercises/{chapter.module}"),
        source(f"figures/{chapter.module}"),
        tests / f"test_{chapter.module}.py",
        chapter.solutions,
    ):
        assert path.is_file()


def test_every_module_belongs_to_a_chapter_or_is_shared_and_has_a_test():
    names = {part(path) for path in FILES}
    assert names <= {*CHAPTERS, *SHARED}
    found = list(Path(__file__).parent.rglob("test_*.py"))
    tests = {path.stem for path in found} | {f"test_{path.parent.name}" for path in found}
    for name in names:
        assert f"test_{name}" in tests, f"{name} has no test"


@pytest.mark.parametrize("folder", ["exercises", "figures", "recipes"])
def test_what_belongs_to_a_chapter_has_its_name(folder):
    found = (
        path.relative_to(PACKAGE / folder).parts[0] for path in (PACKAGE / folder).rglob("*.py")
    )
    names = {name.removesuffix(".py") for name in found} - {"__init__"}
    nobodys = {
        "recipes": {"metrics", "baselines", "shapes", "recipe"},
        "figures": {"kernel", "start"},  # the start page has no module
        "exercises": {"expectations", "skeletons", "start"},
    }
    assert names <= {*CHAPTERS, *nobodys.get(folder, set())}


@pytest.mark.parametrize("chapter", course.built()[1:], ids=lambda chapter: chapter.name)
def test_equations_named_in_a_module_stand_in_its_notebook(chapter):
    files = [path for path in FILES if part(path) == chapter.module]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    named = set(re.findall(rf"\(({chapter.prefix}-\d+)\)", code))
    cells = notebooks.read(chapter.path).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert named <= set(re.findall(rf"{chapter.prefix}-\d+", prose))


@of_every_module
def test_no_file_has_more_than_400_lines(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 400, f"{lines} lines"


@of_every_module
def test_functions_are_short_and_take_options_by_name(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[min(ast.get_docstring(node) is not None, len(node.body) - 1)]
            lines = node.end_lineno - first.lineno + 1
            assert lines <= 40, f"{node.name} has {lines} lines"
            positional = [*node.args.posonlyargs, *node.args.args]
            assert len(positional) <= 8, f"{node.name} takes {len(positional)} arguments by place"


@of_every_module
def test_modules_and_public_names_say_what_they_are(path):
    tree = parsed(path)
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node) or is_exercise(node), node.name


def is_exercise(node):
    """An exercise says in its question what it is."""
    return any(ast.unparse(decorator).startswith("exercise(") for decorator in node.decorator_list)
