"""dlnotes.course: the table of chapters, the one form of a notebook, what its outputs depend on."""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from course_notebooks import (
    PNG,
    as_json,
    checkout,
    code,
    display,
    markdown,
    parsed,
    picture,
    stream,
)

from dlnotes import checks, course
from dlnotes.course import notebooks, sources, syntax
from dlnotes.course.digest import closure, digest, module_digest


def canonical(*cells, **metadata):
    return nbformat.reads(notebooks.canonical(as_json(*cells, **metadata)), as_version=4)


def outputs_of(*outputs):
    return canonical(code("x", *outputs)).cells[0].outputs


# ---- the table ---------------------------------------------------------------------------------


def test_chapters_are_numbered_in_reading_order():
    assert [chapter.number for chapter in course.CHAPTERS] == list(range(21))
    for chapter in course.CHAPTERS:
        assert chapter.name.startswith(f"{chapter.number:02}_")


@pytest.mark.parametrize("field", ["name", "module", "title", "prefix", "promise"])
def test_chapters_are_told_apart_by(field):
    values = [value for chapter in course.CHAPTERS if (value := getattr(chapter, field))]
    assert len(values) == len(set(values)) >= 20


def test_tags_follow_the_objective_where_the_notes_are_wrong():
    generative = {c.prefix for c in course.CHAPTERS if c.tags == (course.GENERATIVE,)}
    assert {"ELM", "GPT", "GAN", "WGN", "VAE", "NF", "NIC", "RNV", "DIF"} == generative
    both = {c.prefix for c in course.CHAPTERS if len(c.tags) == 2}
    assert both == {"PRE", "RNN", "LSTM", "GRU", "S2S", "TRF"}
    assert {"BRT", "AE", "CNN"} <= {
        c.prefix for c in course.CHAPTERS if c.tags == (course.DISCRIMINATIVE,)
    }


@pytest.mark.parametrize("name", ["17", "flows", "normalizing_flows", "17_normalizing_flows"])
def test_a_chapter_is_found_by_any_of_its_names(name):
    assert course.find(name).module == "flows"
    assert course.find(f"notebooks/{course.find(name).file}").number == 17


def test_leading_zeros_and_capitals_do_not_matter():
    assert course.find("02") is course.find("2") is course.find("CNN") is course.CHAPTERS[2]


def test_an_unknown_chapter_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"got 'trasformer': did you mean 07_transformer\?"):
        course.find("trasformer")
    with pytest.raises(ValueError, match="got '21': `dlnotes list`"):
        course.find("21")


def test_the_course_is_the_checkout_one_works_in(tmp_path, monkeypatch):
    checkout(tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")
    assert course.root() == tmp_path
    assert course.built() == []
    course.CHAPTERS[3].path.write_text("")
    assert course.built() == [course.CHAPTERS[3]]
    (tmp_path / "pyproject.toml").write_text('name = "other"')
    assert course.root() != tmp_path


def test_table_costs_no_import_of_torch_or_papermill():
    script = "import sys, dlnotes.course, dlnotes.course.cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"torch", "matplotlib", "papermill", "nbformat"} & set(done.stdout.split())


# ---- canonical form ----------------------------------------------------------------------------

MESSY = [
    markdown("# Title  \n\n", editable=True, slideshow={"slide_type": "slide", "x": 1}),
    markdown("  \n"),
    code("import dlnotes", stream("a\n"), stream("b\n"), tags=["setup"], scrolled=True),
    code("1\n", notes=["CNN-1"], papermill={"duration": 1}, jupyter={"outputs_hidden": True}),
    code("2", picture("a line that rises", PNG + "\n"), stream("50%|#####     | 1/2", "stderr")),
    code("x", tags=["source:dlnotes.checks.check_positive"]),
    markdown("end"),
]


def test_canonical_form_is_a_fixed_point_and_valid():
    once = notebooks.canonical(as_json(*MESSY, papermill={}, widgets={"state": {}}, kernelspec={}))
    assert notebooks.canonical(once) == once
    nbformat.validate(nbformat.reads(once, as_version=4))
    assert once.endswith("}\n") and not once.endswith("\n\n")
    raw = json.loads(once)
    assert list(raw) == sorted(raw)
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    assert raw["metadata"] == {"kernelspec": notebooks.KERNEL, "language_info": {"name": "python"}}


# beside the interpreter first: an environment need not be on the PATH
RUFF = shutil.which("ruff", path=os.path.dirname(sys.executable)) or shutil.which("ruff")


@pytest.mark.skipif(RUFF is None, reason="needs ruff")
def test_ruff_leaves_a_canonical_notebook_as_it_is(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(notebooks.canonical(as_json(*MESSY)))
    subprocess.run([RUFF, "format", "-q", "--isolated", "--line-length=100", path], check=True)
    assert not notebooks.format_file(path, check=True)


def test_only_the_metadata_we_use_is_kept():
    metadata = [dict(cell.metadata) for cell in canonical(*MESSY).cells]
    assert metadata[0] == {"slideshow": {"slide_type": "slide"}}
    assert metadata[1] == {"tags": ["setup"]}
    assert metadata[2] == {"notes": ["CNN-1"]}
    assert metadata[-1] == {}


def test_what_the_runner_wrote_is_kept():
    made_by = {"seed": 0, "digest": "ab", "profile": "standard"}
    assert canonical(code("1"), dlnotes=made_by).metadata["dlnotes"] == made_by


def test_ids_are_kept_once_set_and_made_from_the_content_where_not():
    cells = [markdown("a") | {"id": "first"}, markdown("b"), markdown("b"), markdown("c")]
    cells += [markdown("d") | {"id": "first"}, markdown("e") | {"id": "not valid!"}]
    ids = [cell.id for cell in canonical(*cells, minor=5).cells]
    assert ids[0] == "first"
    assert len(set(ids)) == 6
    assert ids == [cell.id for cell in canonical(*cells).cells]
    alone = canonical(markdown("b"), minor=4).cells[0].id
    assert alone == ids[1]
    assert all(re.fullmatch(r"[\w-]{1,64}", name) for name in ids)


def test_empty_cells_and_trailing_space_go_but_line_breaks_stay():
    cells = canonical(markdown("\n"), code(" "), code("") | {"source": "    one  \ntwo \n\n"}).cells
    assert [cell.source for cell in cells] == ["    one  \ntwo"]


def test_execution_counts_stand_where_there_are_outputs():
    result = {
        "output_type": "execute_result",
        "data": {"text/plain": "1"},
        "metadata": {},
        "execution_count": 77,
    }
    cells = canonical(code("a"), markdown("b"), code("c", stream("c")), code("d", result)).cells
    assert [cell.get("execution_count") for cell in cells] == [None, None, 2, 3]
    assert cells[3].outputs[0].execution_count == 3


def test_neighbouring_streams_of_one_name_are_merged():
    outputs = outputs_of(
        stream("a"), stream("b"), stream("w", "stderr"), stream("c"), display({"text/plain": "d"})
    )
    assert [output.get("text") for output in outputs] == ["ab", "w", "c", None]


def test_progress_bars_go_and_warnings_stay():
    bars = (
        "\rtrain:  50%|#####     | 1/2 [00:01<00:01]\rtrain: 100%|##########| 2/2 [00:02<00:00]\n"
    )
    assert outputs_of(stream(bars, "stderr")) == []
    [kept] = outputs_of(stream(bars + "UserWarning: 5 % is little\n", "stderr"))
    assert kept.text == "UserWarning: 5 % is little\n"
    [kept] = outputs_of(stream("half\rdone\nloss 100%\n"))
    assert kept.text == "done\nloss 100%\n"
    assert (
        outputs_of(display({notebooks.WIDGET: {}, "text/plain": "  0%|    | 0/9 [00:00<?]"})) == []
    )


def test_widget_views_leave_their_text():
    [output] = outputs_of(display({notebooks.WIDGET: {"model_id": "1"}, "text/plain": "controls"}))
    assert dict(output.data) == {"text/plain": "controls"}
    assert outputs_of(display({notebooks.WIDGET: {"model_id": "1"}})) == []


def test_pictures_keep_alt_text_and_lose_white_space():
    output = picture("a line that rises", PNG[:20] + "\n" + PNG[20:] + "\n")
    output["metadata"]["image/png"]["width"] = 3
    output["metadata"]["needs_background"] = "light"
    output["transient"] = {"display_id": "7"}
    raw = json.loads(notebooks.canonical(as_json(code("x", output))))["cells"][0]["outputs"][0]
    assert raw["metadata"] == {"image/png": {"alt": "a line that rises"}}
    assert "".join(raw["data"]["image/png"]) == PNG
    assert "transient" not in raw


def test_memory_addresses_go():
    [first, second] = outputs_of(
        stream("<A at 0x7f3a00>\n"), display({"text/plain": "<B at 0xabcdef>"})
    )
    assert (first.text, second.data["text/plain"]) == ("<A>\n", "<B>")


def test_records_and_errors_are_kept_whole():
    entry = {"name": "a", "value": 0.1}
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["at 0x7f3a0000"]}
    kept = outputs_of(display({"application/vnd.dlnotes.record+json": entry}), error)
    assert kept[0].data["application/vnd.dlnotes.record+json"] == entry
    assert kept[1] == error


def test_format_only_looks_when_told_so(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(as_json(*MESSY))
    before = path.read_text()
    assert notebooks.format_file(path, check=True)
    assert path.read_text() == before
    assert notebooks.format_file(path)
    assert path.read_text() == notebooks.canonical(before)
    assert not notebooks.format_file(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "x.txt"
    notebooks.write(path, "old")
    assert path.stat().st_mode & 0o777 == 0o644

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        notebooks.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="nbformat must be 4, got 3"):
        notebooks.parse('{"nbformat": 3, "cells": []}')


# ---- mirrored sources --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, f in vars(checks).items() if inspect.isfunction(f)])
def test_mirrored_source_is_what_inspect_says(name):
    source = sources.package_source(f"dlnotes.checks.{name}")
    assert source == inspect.getsource(getattr(checks, name)).rstrip()
    [cell] = canonical(code("old", tags=[f"source:dlnotes.checks.{name}"])).cells
    assert cell.source == source


def test_mirrored_source_has_decorators_methods_and_constants():
    found = sources.package_source("dlnotes.course.Chapter")
    assert found == inspect.getsource(course.Chapter).rstrip()
    assert found.startswith("@dataclass(frozen=True)\nclass Chapter:")
    method = sources.package_source("dlnotes.course.Chapter.file")
    assert method.startswith("@property\ndef file(self)") and method.endswith(
        'f"{self.name}.ipynb"'
    )
    assert sources.package_source("dlnotes.cnn.Pair").startswith("Pair = ")


@pytest.mark.parametrize("name", ["dlnotes.checks.nothing", "dlnotes.nothing.x", "dlnotes.checks"])
def test_a_source_that_does_not_exist_is_named(name):
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        sources.package_source(name)


@pytest.mark.parametrize(
    "before",
    ["import torch\n\nx = 1", "try:\n    import dlnotes\nexcept ImportError:\n\n    pass\n"],
)
def test_setup_cell_begins_with_the_bootstrap_and_keeps_its_imports(before):
    [cell] = canonical(code(before, tags=["setup"])).cells
    rest = "" if before.startswith("try") else "\n\n" + before
    assert cell.source == sources.bootstrap() + rest
    assert canonical(code(cell.source, tags=["setup"])).cells[0].source == cell.source


def test_bootstrap_pins_address_and_version(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path))
    assert '--no-deps "git+https://github.com/dlnotes/dlnotes@v0.1.0"' in sources.bootstrap()
    (tmp_path / "pyproject.toml").write_text('name = "dlnotes"\nversion = "2"\n')
    with pytest.raises(ValueError, match="Repository"):
        sources.bootstrap()


# ---- digest ------------------------------------------------------------------------------------

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
