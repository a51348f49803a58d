"""dlnotes.data.files: damaged files are refused, and nothing needs a network."""

import gzip
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from data.common import MNIST_COUNTS, SERIES, SHIPPED, damage, raw, sha256
from dlnotes import data
from dlnotes.data import DataError, files
from dlnotes.files import read_sums


@pytest.mark.parametrize("spoil", [damage, lambda x: x[:-1], lambda x: x[: len(x) // 2], bytes])
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("mnist-t10k-labels-idx1-ubyte.xz", lambda: data.mnist("test")),
        ("fashion-t2k-labels-idx1-ubyte.xz", lambda: data.fashion_mnist("test")),
        ("names.tsv.xz", data.names),
        ("sunspots_yearly.csv", data.sunspots),
    ],
)
def test_a_damaged_file_is_named_with_its_fault_and_its_remedy(own, spoil, name, read):
    read()  # what was decoded before must not hide the damage
    content = b"" if spoil is bytes else spoil((SHIPPED / name).read_bytes())
    (own / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        read()
    message = str(error.value)
    assert str(own / name) in message and f"{len(content):,} bytes" in message
    assert sha256(content) in message and sha256((SHIPPED / name).read_bytes()) in message
    assert "Delete it there" in message


def test_damage_between_two_calls_is_seen(own):
    name = "mnist-t10k-labels-idx1-ubyte.xz"
    (own / name).write_bytes((SHIPPED / name).read_bytes())
    data.mnist("test")
    before = (own / name).stat().st_mtime_ns
    (own / name).write_bytes(damage((SHIPPED / name).read_bytes()))
    os.utime(own / name, ns=(before + 10**9, before + 10**9))  # clocks of file systems are coarse
    with pytest.raises(DataError, match="damaged"):
        data.mnist("test")


@pytest.mark.parametrize("part", ["0", "1"])
def test_each_part_of_a_file_in_two_parts_is_verified(own, part):
    name = f"mnist-train-images-idx3-ubyte.{part}.xz"
    (own / name).write_bytes(damage((SHIPPED / name).read_bytes()))
    with pytest.raises(DataError, match=re.escape(name)):
        data.mnist("train")


def test_a_missing_shipped_file_is_named_with_its_remedy(project):
    with pytest.raises(DataError, match=r"moby_dick.txt.xz is missing in .*data\. Restore it with"):
        data.moby_dick()
    with pytest.raises(DataError, match=r"`git checkout -- data/fashion-t2k-images-idx3-ubyte.xz`"):
        data.fashion_mnist("test")


def test_a_damaged_shipped_file_is_restored_by_git_or_by_building_it(project):
    (project / "names.tsv.xz").write_bytes(b"")
    remedy = r"`git checkout -- data/names.tsv.xz` or rebuild it with `python data/build.py`"
    with pytest.raises(DataError, match=remedy):
        data.names()


def test_in_an_installed_wheel_the_remedy_is_to_install_again(project, monkeypatch):
    monkeypatch.setattr(files, "_INSIDE_THE_PACKAGE", project)
    monkeypatch.setattr(files, "_BESIDE_THE_PACKAGE", project.parent / "no such folder")
    (project / "co2_weekly.csv").write_bytes((SHIPPED / "co2_weekly.csv").read_bytes())
    assert len(data.co2()) == 2_284
    with pytest.raises(DataError, match=r"names.tsv.xz is missing .* Reinstall dlnotes: pip"):
        data.names()


def test_without_its_table_no_file_is_trusted(project):
    (project / "names.tsv.xz").write_bytes((SHIPPED / "names.tsv.xz").read_bytes())
    table = (project / "SHA256SUMS").read_text()
    assert len(data.names()) == 6_723
    (project / "SHA256SUMS").write_text(table.replace("names.tsv.xz", "other.tsv.xz"))
    with pytest.raises(DataError, match=r"names.tsv.xz has no line in the table SHA256SUMS"):
        data.names()
    (project / "SHA256SUMS").write_text("one two three")
    damaged = r"the table .*SHA256SUMS is damaged: line 1 .* Restore it with `git checkout"
    with pytest.raises(DataError, match=damaged):
        data.names()
    (project / "SHA256SUMS").unlink()
    with pytest.raises(DataError, match="the table SHA256SUMS of the shipped data is missing"):
        data.names()


def test_a_folder_that_does_not_exist_is_an_error_and_not_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("DLNOTES_DATA", str(tmp_path / "nowhere"))
    for read in (data.mnist, data.names, data.co2):
        with pytest.raises(DataError, match=r"DLNOTES_DATA names .*nowhere, which is no folder"):
            read()


def test_the_readers_own_folder_comes_first_and_may_lack_files(project, tmp_path, monkeypatch):
    (project / "sunspots_yearly.csv").write_bytes(b"never looked at")
    for folder, name in ((tmp_path / "own", "sunspots_yearly.csv"), (project, "co2_weekly.csv")):
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes((SHIPPED / name).read_bytes())
    monkeypatch.setenv("DLNOTES_DATA", str(tmp_path / "own"))
    assert len(data.sunspots()) == 309 and len(data.co2()) == 2_284


def test_everything_that_is_shipped_works_without_a_network(offline, monkeypatch, tmp_path):
    monkeypatch.setenv("DLNOTES_CACHE", str(tmp_path / "cache"))
    data.images._shared_array.cache_clear()
    for read in (data.mnist, data.fashion_mnist, data.digits):
        assert read("test").name == "test"
    for read in (data.names, data.moby_dick, *SERIES):
        assert len(read()) > 0
    assert not (tmp_path / "cache").exists()


def test_every_shipped_file_passes():
    assert data.verify_shipped() == len(read_sums(SHIPPED / "SHA256SUMS")) > 15


@pytest.fixture
def originals(project):
    """A tiny "complete Fashion-MNIST" of noise, and tables that call it right."""
    random = np.random.default_rng(0)
    files = {}
    for part, count in (("train", 5_010), ("t10k", 7)):
        images = random.integers(256, size=(count, 28, 28), dtype=np.uint8)
        labels = random.integers(10, size=count, dtype=np.uint8)
        header = struct.pack(">iiii", 2051, count, 28, 28)
        files[f"{part}-images-idx3-ubyte"] = header + images.tobytes()
        files[f"{part}-labels-idx1-ubyte"] = struct.pack(">ii", 2049, count) + labels.tobytes()
    sums = [f"{sha256(content)}  FashionMNIST/raw/{name}\n" for name, content in files.items()]
    (project / "RAW_SHA256SUMS").write_text("".join(sums))
    (project / "SHA256SUMS").write_text(
        f"{sha256((project / 'RAW_SHA256SUMS').read_bytes())}  RAW_SHA256SUMS\n"
    )
    return files


def place(files, folder, *, compress=False):
    folder = folder / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / (f"{name}.gz" if compress else name)
        path.write_bytes(gzip.compress(content) if compress else content)
    return folder


def check_full(files):
    both = np.frombuffer(files["train-images-idx3-ubyte"], np.uint8, offset=16)
    images = [data.fashion_mnist(part, full=True).inputs for part in ("train", "validation")]
    assert [len(x) for x in images] == [10, 5_000]
    assert np.array_equal((torch.cat(images) * 255).round().flatten().numpy(), both)
    test = data.fashion_mnist("test", full=True)
    labels = list(files["t10k-labels-idx1-ubyte"][8:])
    assert test.targets.tolist() == labels and test.name == "test"


@pytest.mark.parametrize("compress", [False, True])
def test_the_complete_set_is_read_from_the_readers_own_folder(
    originals, offline, monkeypatch, tmp_path, compress
):
    place(originals, tmp_path / "own", compress=compress)
    monkeypatch.setenv("DLNOTES_DATA", str(tmp_path / "own"))
    check_full(originals)


def test_the_complete_set_is_downloaded_once_into_the_cache(originals, monkeypatch, tmp_path):
    import torchvision

    calls = []

    def download(root, download):
        calls.append(Path(root))
        place(originals, Path(root))

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", download)
    check_full(originals)
    check_full(originals)
    assert calls == [tmp_path / "cache"]


def test_without_a_network_the_complete_set_is_an_error_with_a_remedy(originals, offline, tmp_path):
    with pytest.raises(DataError) as error:
        data.fashion_mnist("test", full=True)
    message = str(error.value)
    assert "the complete FashionMNIST is in neither DLNOTES_DATA nor" in message
    assert str(tmp_path / "cache" / "FashionMNIST" / "raw") in message
    assert "FOLDER/FashionMNIST/raw and set DLNOTES_DATA=FOLDER" in message


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("spoil", [damage, lambda content: content[:-9]])
def test_a_damaged_download_is_refused(originals, offline, tmp_path, compress, spoil):
    folder = place(originals, tmp_path / "cache", compress=compress)
    path = next(folder.glob("t10k-labels*"))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=re.escape(str(path)) + r".* damaged.* Delete it"):
        data.fashion_mnist("test", full=True)


def test_mnist_falls_back_on_torchvisions_files(project, offline, tmp_path):
    folder = tmp_path / "cache" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (folder / name).write_bytes(raw(f"mnist-{name}.xz"))
    assert data.mnist("test").targets.bincount().tolist() == MNIST_COUNTS["test"]
    with pytest.raises(DataError, match="the complete MNIST is in neither"):
        data.mnist("train")
