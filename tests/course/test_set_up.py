"""The first cell of a notebook that is alone: it installs the package, or stops in one sentence."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import nbformat
import pytest
from course_notebooks import as_json, checkout, code, copy_of_this_checkout
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from dlnotes.course import notebooks, sources

ROOT = Path(__file__).parents[2]
LOCAL = 'on your own machine, choose the kernel of .venv (README, "Start")'
IMPORTS = "import torch\n\nfrom dlnotes import data"


# ---- its text ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    [
        IMPORTS,
        "try:\n    import dlnotes\nexcept ImportError:\n\n    pass\n",
        sources.bootstrap().replace("@main", "@v0") + "\n\n\n" + IMPORTS,
    ],
)
def test_setup_cell_begins_with_the_bootstrap_and_keeps_its_imports(before):
    [cell] = nbformat.reads(notebooks.canonical(as_json(code(before, tags=["setup"]))), 4).cells
    rest = "\n\n" + IMPORTS if IMPORTS in before else ""
    assert cell.source == sources.bootstrap() + rest
    assert notebooks.parse(notebooks.canonical(as_json(cell))).cells[0].source == cell.source


def test_bootstrap_names_the_place_and_the_ref_of_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path))
    assert "--no-deps git+https://github.com/dlnotes/dlnotes@main" in sources.bootstrap()
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('ref = "main"', 'ref = "v0.1.0" # a tag'))
    assert "--no-deps git+https://github.com/dlnotes/dlnotes@v0.1.0" in sources.bootstrap()


def test_bootstrap_is_short_and_what_it_installs_is_ours_and_small():
    text = sources.bootstrap()
    assert len(text.splitlines()) <= 22
    assert text.count("subprocess.run") == text.count("-m pip install --no-input --no-deps ") == 1
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    small = text.partition("small = [")[2].partition("]")[0].replace('"', "").split(", ")
    assert len(small) == 4
    for name in set(small) - {"lightning-utilities"}:  # which the other two need
        assert f'"{name}>=' in project


# ---- alone -------------------------------------------------------------------------------------

LATER = "import pathlib\n\npathlib.Path('later').touch()"


def make_wheel(folder, name, *needs):
    """Make the newest wheel of a package that holds nothing."""
    info = f"{name}-99.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 99"]
    metadata += [f"Requires-Dist: {need}" for need in needs]
    with zipfile.ZipFile(folder / f"{name}-99-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "version = 99\n")
        file.writestr(f"{info}/METADATA", "\n".join(metadata) + "\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


class Alone:
    """An environment with all packages of this one but ours and a small one, and its kernel."""

    def __init__(self, folder):
        self.folder, self.packages, self.wheels = folder, folder / "packages", folder / "wheels"
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        [self.site] = (folder / "venv").glob("lib/python*/site-packages")
        self.packages.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            ours = path.name.lower().startswith(("dlnotes", "safetensors", "pip"))
            if not ours and path.suffix != ".pth":
                (self.packages / path.name).symlink_to(path)
        (self.site / "packages.pth").write_text(f"{self.packages}\n")
        self.before = self.installed()
        self.wheels.mkdir()
        for name in ("numpy", "torch", "torchvision"):  # what must stay as it is
            make_wheel(self.wheels, name)
        make_wheel(self.wheels, "safetensors", "numpy>=99", "torch>=99")
        kernel = folder / "jupyter" / "kernels" / "alone"
        kernel.mkdir(parents=True)
        command = [str(folder / "venv" / "bin" / "python"), "-m", "ipykernel_launcher"]
        command += ["-f", "{connection_file}"]
        spec = {"argv": command, "display_name": "alone", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(spec))

    def installed(self):
        return {path.name for path in self.site.iterdir()}

    def clean(self):
        for name in self.installed() - self.before:
            path = self.site / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    if os.name == "nt":
        pytest.skip("links to packages need rights there")
    return Alone(tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """Return the address of a repository in git with this checkout as its branch main."""
    folder = copy_of_this_checkout(tmp_path_factory.mktemp("mirror"))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "gc.auto=0"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return f"file://{folder}"


@pytest.fixture
def run(environment, tmp_path, monkeypatch):
    """Run a set-up cell whose package comes from another address, and one cell after it."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "PYTHON"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(environment.wheels))
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # hatchling is there
    monkeypatch.setenv("JUPYTER_PATH", str(environment.folder / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    here = tmp_path / "here"
    here.mkdir()

    def run(place, after=IMPORTS):
        ours = f"git+{sources.address()}@{sources.ref()}"
        assert sources.bootstrap().count(ours) == 1
        setup = sources.bootstrap().replace(ours, f"git+{place}@main") + "\n\n" + after
        notebook = notebooks.parse(as_json(code(setup), code(LATER)))
        client = NotebookClient(notebook, kernel_name="alone", timeout=300)
        client.resources = {"metadata": {"path": str(here)}}
        try:
            client.execute()
        except CellExecutionError:
            assert not (here / "later").exists()
            *printed, error = notebook.cells[0].outputs
            assert error.output_type == "error" and error.ename == "Stop"
            assert error.traceback == [error.evalue]  # one sentence and no traceback
            return "".join(output.text for output in printed), error.evalue
        assert (here / "later").exists()
        return "".join(output.text for output in notebook.cells[0].outputs), None

    yield run
    environment.clean()


INSTALLING = "Installing dlnotes, for about a minute ...\n"


def test_a_notebook_alone_installs_the_package_and_leaves_torch_and_numpy(run, environment, mirror):
    after = "from dlnotes import data\n\nprint(dlnotes.__file__, len(data.sunspots()))"
    printed, error = run(mirror, after)
    assert error is None, error
    assert printed.startswith(INSTALLING + str(environment.site / "dlnotes"))
    new = {name for name in environment.installed() - environment.before if "info" not in name}
    assert new - {"__pycache__"} == {"dlnotes", "safetensors.py"}
    printed, error = run(mirror, "print('there')")
    assert (printed, error) == ("there\n", None)  # nothing to install any more


@pytest.mark.parametrize("fault", ["no network", "no repository", "no small package"])
def test_what_pip_cannot_install_stops_the_notebook_in_one_sentence(
    run, environment, mirror, monkeypatch, fault
):
    place = "http://127.0.0.1:9/a/b" if fault == "no network" else mirror
    if fault == "no repository":
        place = mirror + "-that-is-not"
    if fault == "no small package":
        monkeypatch.delenv("PIP_FIND_LINKS")
    printed, error = run(place)
    assert printed == INSTALLING
    assert error == (
        f"pip cannot install git+{place}@main: turn the network on (Kaggle: Settings → Internet) "
        f"or, {LOCAL}"
    )
    assert environment.installed() == environment.before


def test_without_torch_nothing_is_installed(run, environment, mirror):
    torch = environment.packages / "torch"
    there = torch.resolve()
    torch.unlink()
    try:
        printed, error = run(mirror)
    finally:
        torch.symlink_to(there)
    assert (printed, error) == ("", f"This kernel has neither dlnotes nor PyTorch: {LOCAL}")
    assert environment.installed() == environment.before
