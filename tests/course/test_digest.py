"""dlnotes.course.digest: what can change the outputs counts, wherever in the package it stands."""

import ast
import re

import pytest
from course_notebooks import as_json, code, markdown, parsed, stream

from dlnotes.course import notebooks, sources, syntax
from dlnotes.course.digest import closure, digest, module_digest

PACKAGE = {
    "__init__": (
        '__version__ = "1"\n\ndef __getattr__(name):\n    return f("dlnotes.checks", name)\n'
    ),
    "checks": "LEVEL = 1\n\ndef begin():\n    return LEVEL\n\ndef other():\n    pass\n",
    "plotting": (
        '"""Doc."""\nimport sys\nfrom dlnotes import checks as c\nCOLOR = 1\n\n'
        "def curves():\n"
        '    """Doc."""\n'
        "    return helper(COLOR), c.begin()\n\n"
        "def helper(x):\n    return x + 1\n\n"
        "def unused():\n    return 1\n"
    ),
    "exercises/__init__": "from .tools import deep\n\ndef expect(x):\n    deep()\n    pass\n",
    "exercises/tools": "def deep():\n    return 1\n",
    "exercises/cnn": (
        "from . import expect\n\nfirst = object()\nsecond = object()\n\n"
        "@first.checked_by\ndef _(answer):\n    expect(answer)\n\n"
        "@second.checked_by\ndef _(answer):\n    pass\n"
    ),
    "data": (
        'from dlnotes import files\n\ndef mnist(part):\n    return files.read(f"mnist-{part}")\n'
    ),
    "files": "def read(name):\n    return open(name)\n",
    "training": "from dlnotes.weights import load_weights\n",
    "weights": "def load_weights(name):\n    return name\n",
    "cnn": "import dlnotes.checks\n\nclass Net:\n    size = dlnotes.checks.LEVEL\n",
    "star": "from dlnotes.checks import *\n",
}
SUMS = "1  mnist-train.xz\n2  cmudict.tsv\n"
WEIGHTS_SUMS = "3  cnn.safetensors\n4  gan.safetensors\n"


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "dlnotes"
    for name, text in PACKAGE.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "data" / "weights").mkdir(parents=True)
    (tmp_path / "data" / "SHA256SUMS").write_text(SUMS)
    (tmp_path / "data" / "weights" / "SHA256SUMS").write_text(
        "3  cnn.safetensors\n4  gan.safetensors\n"
    )
    return folder


def changes(package, source, module, old, new):
    """Return whether the digest of a one-cell notebook changes with a piece of the package."""
    path = package / (module if "SUMS" in module else f"{module}.py")
    notebook = parsed(code(source))
    before, text = digest(notebook, package=package), path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    after = digest(notebook, package=package)
    path.write_text(text)
    assert digest(notebook, package=package) == before
    return before != after


CURVES = "from dlnotes.plotting import curves\ncurves()"


@pytest.mark.parametrize(
    ("module", "old", "new", "changed"),
    [
        ("plotting", "helper(COLOR)", "helper(2)", True),  # the function itself
        ("plotting", "x + 1", "x + 2", True),  # what it calls
        ("plotting", "COLOR = 1", "COLOR = 2", True),  # what it reads
        ("checks", "LEVEL = 1", "LEVEL = 2", True),  # through an import of its module
        ("plotting", "return 1", "return 2", False),  # another function
        ("checks", "pass", "return 3", False),
        ("plotting", "def unused", "def new():\n    pass\n\ndef unused", False),
        ("plotting", '"""Doc."""\n    return', '"""Other."""\n    return', False),
        ("plotting", '"""Doc."""\nimport', '"""Other."""\nimport', False),
        ("plotting", "x + 1", "(x  +  1)  # why", False),  # layout and comments
        ("plotting", "import sys", "import sys\nsys.path.append(1)", True),  # runs on import
        ("exercises/cnn", "object()", "list()", False),  # another module
    ],
)
def test_digest_covers_what_the_notebook_uses_and_no_more(package, module, old, new, changed):
    assert changes(package, CURVES, module, old, new) == changed


@pytest.mark.parametrize(
    "source",
    [
        "from dlnotes import plotting\nplotting.curves()",
        "from dlnotes import plotting as p\np.curves()",
        "import dlnotes.plotting\ndlnotes.plotting.curves()",
        "import dlnotes.plotting as p\nx = [p.curves]",
        "def later():\n    from dlnotes.plotting import curves as draw\n    draw()",
    ],
)
def test_digest_follows_every_way_to_import(package, source):
    assert changes(package, source, "plotting", "x + 1", "x + 2")
    assert not changes(package, source, "plotting", "return 1", "return 2")


@pytest.mark.parametrize(
    "source", ["from dlnotes import plotting\nshow(plotting)", "from dlnotes.plotting import *"]
)
def test_a_module_used_as_a_value_counts_whole(package, source):
    assert changes(package, source, "plotting", "return 1", "return 2")


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("import dlnotes\ndlnotes.begin()", True),  # fetched by the package's __getattr__
        ("from dlnotes import begin\nbegin()", True),
        ("import dlnotes\ndlnotes.other()", False),
        ("from dlnotes.cnn import Net\nNet()", True),  # in the body of a class
        ("from dlnotes.cnn import Net", False),  # imported, never used
        ("import dlnotes.star\nx = dlnotes.star", True),  # by *
    ],
)
def test_digest_follows_indirect_names(package, source, changed):
    assert changes(package, source, "checks", "LEVEL = 1", "LEVEL = 2") == changed


def test_an_import_counts_with_what_it_runs(package):
    for source in ("from dlnotes.plotting import curves", "import dlnotes.plotting"):
        assert changes(package, source, "plotting", "import sys", "import sys\nprint(sys)")


def test_a_release_makes_nothing_stale(package):
    shown = "import dlnotes\nprint(dlnotes.__version__)"
    assert not changes(package, shown, "__init__", '"1"', '"2"')


def test_an_exercise_counts_with_its_own_check_only(package):
    source = "from dlnotes import exercises\nexercises.cnn.first.check(1)"
    assert changes(package, source, "exercises/cnn", "expect(answer)", "expect(not answer)")
    assert changes(package, source, "exercises/__init__", "pass", "return x")
    assert changes(package, source, "exercises/tools", "return 1", "return 2")
    assert not changes(package, source, "exercises/cnn", "second = object()", "second = list()")
    other = source.replace("first", "second")
    assert not changes(package, other, "exercises/cnn", "expect(answer)", "expect(not answer)")


def test_data_files_count_if_the_code_names_them(package):
    source, sums = "from dlnotes import data\ndata.mnist('train')", "../data/SHA256SUMS"
    assert changes(package, source, sums, "1  mnist", "9  mnist")
    assert not changes(package, source, sums, "2  cmudict", "9  cmudict")
    assert not changes(package, CURVES + "\n'mnist'", sums, "1  mnist", "9  mnist")


def test_weights_count_if_the_code_loads_them(package):
    source = "from dlnotes import training\ntraining.load_weights('cnn')"
    sums = "../data/weights/SHA256SUMS"
    assert changes(package, source, sums, "3  cnn", "9  cnn")
    assert not changes(package, source, sums, "4  gan", "9  gan")
    assert not changes(package, "x = 'cnn'", sums, "3  cnn", "9  cnn")


def test_digest_changes_with_code_cells_and_with_nothing_else():
    cell = code("x = 1  # why\n", stream("out"))
    base = digest(parsed(markdown("a"), cell))
    assert digest(parsed(markdown("b"), code("x  =  1", tags=["t"]))) == base
    assert digest(parsed(cell, code("y = 1", tags=[notebooks.INJECTED]))) == base
    assert digest(parsed(code("x = 2"))) != base
    assert digest(parsed(cell, cell)) != base
    assert digest(parsed(code("x = 1\ny = 2"))) != digest(parsed(code("x = 1"), code("y = 2")))
    assert digest(parsed(code("a"), code("b"))) != digest(parsed(code("b"), code("a")))


def test_magics_and_broken_cells_count_as_they_are():
    assert syntax.parse_cell("if x:\n    %pip install y\n") is not None
    assert syntax.parse_cell("%%time\nx = 1") is None
    assert digest(parsed(code("%%time\nx = 1"))) != digest(parsed(code("%%time\nx = 2")))
    assert digest(parsed(code("def"))) != digest(parsed(code("def f")))


def test_digest_of_a_file_is_that_of_the_notebook(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(as_json(code("x = 1")))
    assert digest(path) == digest(parsed(code("x = 1")))
    assert re.fullmatch("[0-9a-f]{16}", digest(path))


def test_digest_of_a_module_covers_all_of_it(package):
    before = module_digest("dlnotes.plotting", package=package)
    path = package / "plotting.py"
    path.write_text(path.read_text().replace("return 1", "return 2"))
    assert module_digest("dlnotes.plotting", package=package) != before
    before = module_digest("dlnotes.data", package=package)
    sums = package.parent / "data" / "SHA256SUMS"
    sums.write_text(SUMS.replace("1  mnist", "9  mnist"))
    assert module_digest("dlnotes.data", package=package) != before


def test_digest_reaches_the_real_package():
    notebook = parsed(code("import dlnotes\ndlnotes.begin('smoke', 0)"))
    parts = {name.split()[0] for name in closure(notebook)}
    assert {"dlnotes.notebook:begin", "dlnotes.checks:check_choice"} <= parts
    assert "dlnotes.notebook:show" not in parts


def test_syntax_is_dumped_the_same_under_every_python():
    tree = syntax.parse_cell(
        'def f(x: int, *, y=(1, "a")) -> str:\n    """Doc."""\n    return f"{x!r}"'
    )
    assert syntax.dump(tree) == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='x',annotation="
        "Name(id='int'))],kwonlyargs=[arg(arg='y')],kw_defaults=[Tuple(elts=[Constant(value=1),"
        "Constant(value='a')])]),body=[Return(value=JoinedStr(values=[FormattedValue("
        "value=Name(id='x'),conversion=114)]))],returns=Name(id='str'))])"
    )


# ---- moved, renamed, shadowed ------------------------------------------------------------------


def write(package, files):
    """Write modules of the package, by their names without ending; None removes one."""
    for name, text in files.items():
        path = package / f"{name}.py"
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def same(package, source, files):
    """Return whether the digest of a one-cell notebook stays when modules are rewritten."""
    before = digest(parsed(code(source)), package=package)
    write(package, files)
    return digest(parsed(code(source)), package=package) == before


DRAW = "from dlnotes.drawing import draw\ndraw(1)"
DRAWING = """\
from dlnotes.ink import WIDTH

def draw(x):
    return thick(x) + WIDTH

def thick(x):
    return 2 * x
"""
INK = "WIDTH = 3\n"


@pytest.fixture
def drawing(package):
    write(package, {"drawing": DRAWING, "ink": INK})
    return package


@pytest.mark.parametrize(
    "files",
    [
        # with a re-export
        {"drawing": "from dlnotes.pens import draw\n", "pens": DRAWING},
        {"drawing": "from dlnotes.pens import draw as draw, thick\n", "pens": DRAWING},
        # only what it uses
        {
            "drawing": DRAWING.split("def thick")[0].replace("ink import", "ink import thick,"),
            "ink": INK + "\ndef thick" + DRAWING.split("def thick")[1],
        },
        # a module that becomes a folder, with relative imports
        {
            "drawing": None,
            "drawing/pens": DRAWING.replace("dlnotes.ink", "..ink"),
            "drawing/edges": "from .pens import draw\n",
            "drawing/__init__": "from dlnotes.drawing.edges import draw\n",
        },
        # a constant that moves, and its import renamed
        {
            "ink": "",
            "pens": INK,
            "drawing": DRAWING.replace("ink import WIDTH", "pens import WIDTH as W").replace(
                "+ WIDTH", "+ W"
            ),
        },
        # the module's name in place of the constant's
        {
            "drawing": DRAWING.replace(
                "from dlnotes.ink import WIDTH", "from dlnotes import ink"
            ).replace("+ WIDTH", "+ ink.WIDTH")
        },
        # an import moved into the function
        {
            "drawing": DRAWING.replace("from dlnotes.ink import WIDTH\n", "").replace(
                "    return thick", "    from dlnotes.ink import WIDTH\n\n    return thick"
            )
        },
        # the order of the definitions
        {"drawing": "def thick(x):\n    return 2 * x\n\n\n" + DRAWING.split("def thick")[0]},
    ],
    ids=["moved", "renamed", "part", "folder", "constant", "module", "inside", "order"],
)
def test_moving_a_definition_makes_nothing_stale(drawing, files):
    assert same(drawing, DRAW, files)


@pytest.mark.parametrize("where", ["drawing", "pens"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2 * x", "3 * x"),
        ("+ WIDTH", "- WIDTH"),
        ("return thick(x)", "return thick(-x)"),
        ("(x) +", "(x, 0) +"),
    ],
)
def test_what_has_moved_still_counts(drawing, where, old, new):
    if where == "pens":
        write(drawing, {"drawing": "from dlnotes.pens import draw\n", "pens": DRAWING})
    assert not same(drawing, DRAW, {where: DRAWING.replace(old, new)})


@pytest.mark.parametrize(
    "source",
    [
        "from dlnotes.drawing import draw as d\nd(1)",
        "from dlnotes import drawing\ndrawing.draw(1)",
        "import dlnotes.drawing as d\nd.draw(1)",
        "import dlnotes.drawing\n\n\ndlnotes.drawing.draw(1)",
    ],
)
def test_how_a_cell_names_a_definition_does_not_count(drawing, source):
    assert digest(parsed(code(source)), package=drawing) == digest(
        parsed(code(DRAW)), package=drawing
    )


@pytest.mark.parametrize(
    "source",
    [
        DRAW.replace("draw(1)", "draw(2)"),
        DRAW + "\ndraw",
        "from dlnotes.drawing import thick as draw\ndraw(1)",
        "from elsewhere import draw\ndraw(1)",
    ],
)
def test_what_a_cell_does_with_a_definition_counts(drawing, source):
    assert digest(parsed(code(source)), package=drawing) != digest(
        parsed(code(DRAW)), package=drawing
    )


def test_imports_from_elsewhere_count(package):
    base = digest(parsed(code("import os, dlnotes.plotting")), package=package)
    assert digest(parsed(code("import sys, dlnotes.plotting")), package=package) != base
    assert digest(parsed(code("from os import path")), package=package) != base


def test_two_functions_of_one_name_that_are_swapped_are_noticed(package):
    one, two = "def f(x):\n    return 1\n", "def f(x):\n    return 2\n"
    write(package, {"both": "from dlnotes import one, two\n\nx = one.f(two.f(0))\n"})
    for source in (
        "from dlnotes import one, two\none.f(two.f(0))",
        "from dlnotes.one import f\nfrom dlnotes.two import f as g\nf(g(0))",
        "from dlnotes.both import x\nx",
    ):
        write(package, {"one": one, "two": two})
        assert not same(package, source, {"one": two, "two": one})
        assert same(package, source, {"one": two, "two": one})


def test_an_attribute_counts_beside_the_definition_it_is_taken_from(package):
    write(package, {"net": "class Net:\n    small = 1\n    large = 2\n"})
    source = "from dlnotes.net import Net\nNet.small"
    small = digest(parsed(code(source)), package=package)
    large = digest(parsed(code(source.replace("small", "large"))), package=package)
    assert small != large


def test_a_string_that_names_a_module_does_not_count(package):
    text = "from importlib import import_module\n\ndef __getattr__(name):\n"
    text += '    return getattr(import_module("dlnotes.checks"), name)\n'
    write(package, {"__init__": text})
    source = "import dlnotes\ndlnotes.begin()"
    moved = {"claims": PACKAGE["checks"], "__init__": text.replace("checks", "claims")}
    assert same(package, source, moved)
    changed = PACKAGE["checks"].replace("LEVEL = 1", "LEVEL = 2")
    assert not same(package, source, {"claims": changed})
    assert same(package, source, {"checks": changed})  # whence it moved
    write(package, {"load": 'def load(name):\n    return open(f"dlnotes.exercises.{name}")\n'})
    loaded = "from dlnotes.load import load\nload(1)"
    text = 'def load(name):\n    return open(f"dlnotes.checks.{name}")\n'
    assert same(package, loaded, {"load": text})
    assert not same(package, loaded, {"load": text.replace("dlnotes.checks", "elsewhere")})


SHADOWED = """\
def local(x):
    return x

class Kept:
    x = 1
"""


@pytest.mark.parametrize(
    "function",
    [
        "def f(local):\n    return local + 1",
        "def f(*, local=1):\n    return local + 1",
        "def f(*local):\n    return local",
        "def f():\n    local = 1\n    return local",
        "def f():\n    for local in ():\n        pass\n    return local",
        "def f():\n    with open(1) as local:\n        return local",
        "def f():\n    def local():\n        pass\n    return local",
        "def f():\n    x = 1\n    def g():\n        local = 2\n        return local\n    return g",
        "def f(local):\n    def g():\n        return local\n    return g",
        "def f(local):\n    return [local for _ in ()]",
        "f = lambda local: local + 1",
        "f = [local for local in ()]",
        "f = {local for local in ()}",
        "f = {local: local for local in ()}",
        "f = list(local for local in ())",
        "f = [local for local in () if local]",
        "f = [a for local in () for a in local]",
        "f = [local for a in () for local in a]",
        "def f(local):\n    return [x for x in local]",
        "async def f(local):\n    return local",
    ],
)
def test_a_local_variable_is_not_the_function_of_its_name(package, function):
    text = f"{SHADOWED}\n\n{function}\n"
    write(package, {"shadow": text})
    changed = {"shadow": text.replace("return x\n\nclass", "return 2 * x\n\nclass")}
    assert same(package, "from dlnotes.shadow import f\nf", changed)


@pytest.mark.parametrize(
    "function",
    [
        "def f():\n    return local",
        "def f(x=local):\n    return x",
        "def f(local=local):\n    return local",
        "def f(*, local=local):\n    return local",
        "def f(local: local):\n    return 1",
        "def f(local) -> local:\n    return 1",
        "@local\ndef f(local):\n    return local",
        "def f():\n    global local\n    local = local\n    return 1",
        "f = lambda local=local: local",
        "f = [local for x in local]",
        "f = [x for x in () if local]",
        "f = [local for local in local]",
        "def f():\n    return [local for local in ()], local",
        "def f():\n    x = lambda local: local\n    return local(x)",
        "def f():\n    def g(local):\n        return local\n    return local(g)",
        "class f(local):\n    pass",
        "def f():\n    def g():\n        local = 1\n    return local",
        "def f():\n    class A:\n        local = 1\n    return local",
        "class f:\n    local = 1\n    def g(self):\n        return local",
        "def f(x):\n    x.local = local",
        "def f(x):\n    return x[local]",
    ],
)
def test_the_function_counts_where_no_local_variable_hides_it(package, function):
    text = f"{SHADOWED}\n\n{function}\n"
    write(package, {"shadow": text})
    changed = {"shadow": text.replace("return x\n\nclass", "return 2 * x\n\nclass")}
    assert not same(package, "from dlnotes.shadow import f\nf", changed)


def test_names_in_a_cell_are_the_notebooks_own_unless_imported(package):
    write(package, {"shadow": SHADOWED})
    source = "def g(local):\n    return local\n\nlocal = 1\ng(local)"
    changed = SHADOWED.replace("return x", "return 2 * x")
    assert same(package, source, {"shadow": changed})
    imported = "from dlnotes.shadow import local\n" + source
    assert not same(package, imported, {"shadow": SHADOWED})


def test_the_bootstrap_lines_of_a_set_up_cell_do_not_count(package):
    rest = "\n\nfrom dlnotes.plotting import curves\ncurves()"
    base = digest(parsed(code(sources.bootstrap() + rest)), package=package)
    other = 'try:\n    import dlnotes\nexcept ImportError:\n    %pip install "dlnotes>=2"' + rest
    assert digest(parsed(code(other)), package=package) == base
    assert digest(parsed(code("import dlnotes" + rest)), package=package) == base
    assert digest(parsed(code(other + "\nx = 1")), package=package) != base
    for source in (
        other.replace("import dlnotes", "import torch"),
        other.replace("import dlnotes", "import dlnotes\n    import torch"),
        "x = 1\n" + other,
    ):
        before = digest(parsed(code(source)), package=package)
        changed = source.replace("ImportError", "OSError")
        assert digest(parsed(code(changed)), package=package) != before


def test_a_folder_goes_before_a_file_of_its_name_as_in_python(package):
    write(package, {"two": "x = 1\n", "two/__init__": "x = 2\n"})
    source = "from dlnotes.two import x\nx"
    assert same(package, source, {"two": "x = 3\n"})
    assert not same(package, source, {"two/__init__": "x = 3\n"})


def test_imports_that_go_round_in_a_circle_end(package):
    ring = "from dlnotes.wheel import b\n\ndef a():\n    return b()\n"
    wheel = "from dlnotes.ring import a, ghost\n\ndef b():\n    return a() + 1\n"
    write(package, {"ring": ring, "wheel": wheel})
    source = "from dlnotes.ring import a\na()"
    assert not same(package, source, {"wheel": wheel.replace("+ 1", "+ 2")})
    around = {"ring": "from dlnotes.wheel import x\n", "wheel": "from dlnotes.ring import x\n"}
    write(package, around)
    source = "from dlnotes.ring import x\nx()"
    assert re.fullmatch("[0-9a-f]{16}", digest(parsed(code(source)), package=package))


def test_a_digest_is_computed_anew_only_if_something_changed(package, monkeypatch):
    from dlnotes.course import digest as module

    first = digest(parsed(code(CURVES)), package=package)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_closure", lambda *_: pytest.fail("computed once more"))
        assert digest(parsed(code(CURVES), markdown("new")), package=package) == first
    changed = PACKAGE["plotting"].replace("x + 1", "x + 2")
    assert not same(package, CURVES, {"plotting": changed})
    assert not same(package, CURVES, {"plotting": PACKAGE["plotting"]})
    assert digest(parsed(code(CURVES)), package=package) == first


# ---- syntax ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("import a.b, c as d", {"a", "d"}),
        ("from a import b, c as d", {"b", "d"}),
        ("a = b = 1", {"a", "b"}),
        ("a, *b = c", {"a", "b"}),
        ("a.x = a.y[0] = 1", {"a"}),
        ("a[i].x = 1", {"a"}),
        ("a += b", {"a"}),
        ("if a:\n    b = 1\nelse:\n    def c(): pass", {"b", "c"}),
        ("for a in b:\n    pass", {"a"}),
        ("class A:\n    b = 1", {"A"}),
        ("@a.checked_by\ndef _(x): pass", {"_", "a"}),
        ("@a\ndef f(x): pass", {"f"}),
        ("print(a)", set()),
        ("f(a).x = 1", set()),
    ],
)
def test_bound_names(statement, names):
    assert syntax.bound_names(ast.parse(statement).body[0]) == names


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ('"""Doc."""\nx = 1', 1),
        ("b'bytes'\nx = 1", 2),
        ("1\nx = 1", 2),
        ('x = 1\n"""No docstring."""', 2),
        ("", 0),
    ],
)
def test_a_docstring_is_a_string_that_comes_first(source, left):
    assert len(syntax.body_without_docstring(ast.parse(source))) == left
