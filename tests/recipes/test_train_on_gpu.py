"""tools/train_on_gpu.py, rehearsed without a GPU: from a bare checkout to weights that count."""

import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dlnotes import recipes
from dlnotes.files import read_sums
from dlnotes.training import weights

SCRIPT = Path(__file__).parents[2] / "tools" / "train_on_gpu.py"


@pytest.fixture
def script():
    """The names of the script, which is not run."""
    return runpy.run_path(str(SCRIPT))


def test_a_rehearsal_on_the_cpu_leaves_the_weights_that_training_here_leaves(tmp_path):
    wanted = {"DEVICE": "cpu", "MINUTES": "9", "PROFILE": "smoke", "RECIPES": "metrics"}
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(SCRIPT)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment | wanted, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("=== check", "bfloat16: relative error", "metrics: finished", "=== results"):
        assert words in done.stdout
    out = tmp_path / "runs" / "gpu"
    path = out / "metrics_digits.safetensors"
    assert read_sums(out / "SHA256SUMS").keys() == {path.name}
    about = weights.read_metadata(path)
    assert about["command"] == "dlnotes train metrics --profile smoke --seed 0"
    assert about["metrics"]["test_accuracy"] > 0.85
    assert (out / "checkpoints" / "metrics-smoke-0" / "last.pt").is_file()
    model, _ = recipes.train(recipes.find("metrics"), "smoke", device="cpu", progress=False)
    for name, tensor in load_file(path).items():
        assert torch.equal(tensor.float(), model.state_dict()[name]), name


def test_what_is_packed_in_pieces_is_unpacked_at_the_next_start(script, tmp_path):
    out = tmp_path / "out"
    (out / "checkpoints" / "a").mkdir(parents=True)
    contents = {"a.safetensors": b"x" * 30_000, "checkpoints/a/last.pt": b"\0\1\2" * 999}
    for name, content in contents.items():
        (out / name).write_bytes(content)
    script["_pack"](out, 7_000)
    pieces = sorted(path.name for path in out.iterdir())
    assert pieces == [f"results.tar.{number:02}" for number in range(len(pieces))]
    assert len(pieces) > 4 and all((out / name).stat().st_size <= 7_000 for name in pieces)
    script["_unpack"](out)
    found = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert found == contents
    script["_unpack"](out)  # nothing to be done


def wheel(folder, name):
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "VALUE = 3\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )
        file.writestr(f"{info}/RECORD", "")


def test_missing_packages_come_from_carried_wheels_or_are_named(script, tmp_path, capsys):
    site = tmp_path / "site"
    packages = script["PACKAGES"]
    script["_install"](tmp_path, site)
    assert "no package is missing" in capsys.readouterr().out and not site.exists()
    packages.clear()
    packages |= {"torch": "torch", "carried_for_a_test": "carried_for_a_test"}
    wheel(tmp_path, "carried_for_a_test")
    script["_install"](tmp_path, site)
    assert (site / "carried_for_a_test.py").read_text() == "VALUE = 3\n"
    packages["never_carried"] = "never_carried"
    with pytest.raises(SystemExit, match=r"not to be had from .*never_carried"):
        script["_install"](tmp_path, tmp_path / "other")


def test_our_package_is_found_first_then_the_wheels(script, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "mine")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    environment = script["_environment"](Path("site"))
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(SCRIPT.parents[1]), "site", "mine"]
    assert environment["OMP_WAIT_POLICY"] == "ACTIVE"  # who says so means it
    monkeypatch.delenv("OMP_WAIT_POLICY")
    assert script["_environment"](Path("site"))["OMP_WAIT_POLICY"] == "PASSIVE"


def test_a_recipe_whose_data_are_not_there_is_left_out(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DLNOTES_CACHE", str(tmp_path))
    monkeypatch.delenv("DLNOTES_DATA", raising=False)
    environment = script["_environment"](tmp_path)
    others = [name for name in recipes.NAMES if name != "cnn"]
    assert script["_check"]("cpu", "full", [], environment) == others
    assert "cnn is left out" in capsys.readouterr().out
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte.gz").touch()
    assert script["_check"]("cpu", "full", ["cnn", "vae"], environment) == ["cnn", "vae"]
    assert "left out" not in capsys.readouterr().out


def test_a_machine_that_is_not_fit_is_not_trained_on(script, tmp_path):
    with pytest.raises(SystemExit, match=r"device must be one of .*\n*this machine is not fit"):
        script["_check"]("abacus", "smoke", [], script["_environment"](tmp_path))


def test_every_package_that_training_imports_is_looked_for(script):
    code = """
import sys
from dlnotes import recipes
from dlnotes.course import cli, train
for name in recipes.NAMES:
    recipes.find(name)
from lightning_fabric import Fabric
from torchmetrics.functional.classification import multiclass_accuracy
print(*{module.partition(".")[0] for module in sys.modules})
"""
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    ours = {"lightning_fabric", "lightning_utilities", "torchmetrics", "safetensors", "tqdm"}
    ours |= {"joblib", "typer", "rich", "numpy", "torch"}
    assert ours <= loaded and ours == set(script["PACKAGES"])
    assert not loaded & {"nbformat", "papermill", "ipywidgets"}
