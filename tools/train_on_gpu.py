"""Use a quarter of an hour on a GPU: train the shipped weights, as many as the time allows.

    python tools/train_on_gpu.py
    DEVICE=cpu MINUTES=0.2 python tools/train_on_gpu.py    # a rehearsal

It runs from a bare checkout, without a network, on a machine that has torch. The environment says
what is to be done, and the same command goes on where the last one ended:

    OUT=runs/gpu     folder for weights (with a table of sha256), checkpoints and logs
    MINUTES=10       for training and measuring
    JOBS=4           recipes side by side on the one GPU; small models leave most of it idle
    DEVICE=cuda      or cpu, cuda:1, mps
    PROFILE=full     or standard, smoke
    SEED=0           of everything random
    RECIPES=         such as "metrics vae"; all, in order of need, if it is empty
    WHEELS=wheels    folder of wheels, for packages that the machine lacks
    PACK=0           MiB: leave OUT as one archive, results.tar.00 and so on, in pieces of that size

Join the pieces with `cat results.tar.* | tar x`; the next start does so by itself.

Before: fill wheels/ with `pip download --no-deps -d wheels lightning-fabric safetensors
torchmetrics` on a machine with a network, and name a folder with the complete Fashion-MNIST in
DLNOTES_DATA (data/README.md), without which cnn is left out.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {  # what training takes, by the name under which it is imported
    "joblib": "joblib",
    "lightning_fabric": "lightning-fabric",
    "lightning_utilities": "lightning-utilities",
    "numpy": "numpy",
    "rich": "rich",
    "safetensors": "safetensors",
    "torch": "torch",
    "torchmetrics": "torchmetrics",
    "tqdm": "tqdm",
    "typer": "typer",
}
CHECK = """
import sys, time
begin = time.perf_counter()
import torch
from dlnotes import recipes, training
from dlnotes.data import files, verify_shipped
device = training.device(sys.argv[1])
name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, on {name}")
a, b = torch.randn(2, 512, 512, generator=torch.Generator().manual_seed(0))
right = a.double() @ b.double()
for dtype, most in ((torch.float32, 1e-2), (torch.bfloat16, 3e-2)):
    ours = (a.to(device, dtype) @ b.to(device, dtype)).double().cpu()
    error = ((ours - right).abs().max() / right.abs().max()).item()
    assert error < most, f"{dtype}: relative error {error:.0e}"
    print(f"a matrix product in {dtype}: relative error {error:.0e}")
print(f"{verify_shipped()} data files are as they should be")
complete = files.find_original("FashionMNIST", "train-images-idx3-ubyte")
left_out = {"cnn"} if sys.argv[2] == "full" and complete is None else set()
wanted = sys.argv[3:] or recipes.NAMES
for recipe in left_out.intersection(wanted):
    print(f"{recipe} is left out: the complete Fashion-MNIST is not in DLNOTES_DATA")
print(f"checked in {time.perf_counter() - begin:.0f} s")
print("recipes:", *(name for name in wanted if name not in left_out))
"""


def main() -> int:
    """Check, train and measure, show what there is; return the status of the training."""
    begin, setting = time.monotonic(), os.environ.get
    out = Path(setting("OUT") or "runs/gpu").resolve()
    device, profile = setting("DEVICE") or "cuda", setting("PROFILE") or "full"
    with tempfile.TemporaryDirectory() as site:
        environment = _environment(Path(site))
        print("=== check", flush=True)
        _install(Path(setting("WHEELS") or "wheels"), Path(site))
        recipes = _check(device, profile, (setting("RECIPES") or "").split(), environment)
        print(f"=== train and measure: {', '.join(recipes)}", flush=True)
        jobs = setting("JOBS") or "4"
        command = [sys.executable, "-m", "dlnotes.course.cli", "train", *recipes]
        command += ["--profile", profile, "--device", device, "--out", str(out)]
        command += ["--minutes", setting("MINUTES") or "10", "--seed", setting("SEED") or "0"]
        # one recipe alone, too, in a process that keeps its checkpoint in OUT
        command += ["--jobs", jobs if len(recipes) > 1 else "2"]
        _unpack(out)
        status = subprocess.run(command, env=environment).returncode
    print("=== results", flush=True)
    _show(out)
    if size := float(setting("PACK") or 0):
        _pack(out, int(size * 2**20))
    print(f"{time.monotonic() - begin:.0f} s in all")
    return status


def _environment(site: Path) -> dict[str, str]:
    """Return the environment of all that is started: our package first, then carried wheels."""
    paths = [str(ROOT), str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    # threads that wait by spinning would take the cores of the processes beside them
    passive = {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}
    return passive | os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def _install(wheels: Path, site: Path) -> None:
    """Install what is missing from carried wheels into a folder of its own."""
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if not missing:
        print("no package is missing")
        return
    print(f"from {wheels}: {', '.join(missing)}", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--disable-pip-version-check", "--target", str(site), "--find-links", str(wheels)]
    if subprocess.run([*command, *missing]).returncode:
        sys.exit(f"missing, and not to be had from {wheels}: {', '.join(missing)}")


def _check(device: str, profile: str, wanted: list[str], environment: dict) -> list[str]:
    """Print whether this machine computes right; return the recipes that it can train."""
    command = [sys.executable, "-c", CHECK, device, profile, *wanted]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    *lines, recipes = done.stdout.splitlines() or [""]
    print(*lines, sep="\n", flush=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}this machine is not fit for training")
    return recipes.removeprefix("recipes:").split()


def _show(out: Path) -> None:
    """Print which files there are, and how large."""
    for path in sorted(out.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>12,}  {path.relative_to(out).as_posix()}")


def _pack(out: Path, size: int) -> None:
    """Put all files into one archive, in pieces of so many bytes, and remove the files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted(out.iterdir()):
            tar.add(path, arcname=path.name)
    for path in list(out.iterdir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    content = archive.getvalue()
    starts = range(0, len(content), size)
    for number, start in enumerate(starts):
        (out / f"results.tar.{number:02}").write_bytes(content[start : start + size])
    print(f"packed: {len(content):,} bytes, pieces: {len(starts)}")


def _unpack(out: Path) -> None:
    """Undo ``_pack``, so that this start goes on where the last one ended."""
    pieces = sorted(out.glob("results.tar.*"))
    if not pieces:
        return
    archive = io.BytesIO(b"".join(path.read_bytes() for path in pieces))
    with tarfile.open(fileobj=archive) as tar:
        tar.extractall(out, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    for path in pieces:
        path.unlink()


if __name__ == "__main__":
    sys.exit(main())
