"""Is this machine fit for the course? Versions, data files, and a device that computes right."""

import hashlib
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from dlnotes.files import SUMS, read_sums

TOLERANCE = 1e-3  # relative: float32 on another device, TF32 where a GPU uses it


def environment() -> Iterator[tuple[str, str, bool]]:
    """Yield (what, which version, whether it is one that the course supports)."""
    from packaging.requirements import Requirement
    from packaging.version import Version

    minor = Version(platform.python_version()) >= Version("3.10")
    yield "python", platform.python_version(), minor
    for line in metadata.requires("dlnotes") or []:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": "notebooks"}):
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            yield wanted.name, f"missing, needs {wanted.specifier}", False
            continue
        good = wanted.specifier.contains(version, prereleases=True)
        yield wanted.name, version if good else f"{version}, needs {wanted.specifier}", good


def data_files() -> Iterator[tuple[str, str, bool]]:
    """Yield (file, verdict, whether it is what its table of sha256 says)."""
    from dlnotes.data import files

    for table in (SUMS, f"weights/{SUMS}"):
        for name, expected in read_sums(files.shipped_folder() / table).items():
            name = Path(table).with_name(name).as_posix()
            found = files.find(name)
            if found is None:
                yield name, "missing", False
                continue
            good = hashlib.sha256(found.read_bytes()).hexdigest() == expected
            yield name, "as it should be" if good else f"damaged: {found}", good


def devices() -> Iterator[tuple[str, str, bool]]:
    """Yield (device, verdict, whether it computes what the CPU computes in float64)."""
    import torch

    names = ["cpu"]
    names += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    right = _small_network("cpu", torch.float64)
    for name in names:
        try:
            got = _small_network(name, torch.float32)
        except RuntimeError as error:  # a driver that does not fit, no memory left
            yield name, re.sub(r"\s+", " ", str(error))[:200], False
            continue
        off = max(
            ((a - b).abs().max() / b.abs().max()).item() for a, b in zip(got, right, strict=True)
        )
        yield name, f"convolution and product, relative error {off:.0e}", off < TOLERANCE


def _small_network(device: str, dtype) -> list:
    """Return output and gradients of a convolution and a matrix product, as float64 on the CPU."""
    import torch

    random = torch.Generator().manual_seed(0)
    shapes = (4, 3, 12, 12), (5, 3, 3, 3), (5 * 10 * 10, 7)  # images, filters, matrix
    tensors = [torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes]
    images, filters, matrix = (t.to(device, dtype).requires_grad_() for t in tensors)
    output = torch.conv2d(images, filters).relu().flatten(1) @ matrix
    gradients = torch.autograd.grad(output.square().mean(), (images, filters, matrix))
    return [result.detach().cpu().double() for result in (output, *gradients)]
