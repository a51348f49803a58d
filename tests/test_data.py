"""dlnotes.data: canonical data, cut once and for all, refused when damaged, without a network."""

import copy
import gzip
import hashlib
import lzma
import math
import os
import pickle
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from dlnotes import data
from dlnotes.data import DataError, Split, files

SHIPPED = files.shipped_folder()
TEXTS = [data.cmudict, data.names, data.numbers_in_words, data.state_of_the_union]
TEXTS += [data.austen, data.moby_dick, data.verses]
SERIES = [data.co2, data.sunspots, data.el_nino, data.seattle_weather]
PARTS = ("train", "validation", "test")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def raw(name):
    """The decoded content of a shipped file, past the code under test."""
    content = (SHIPPED / name).read_bytes()
    return lzma.decompress(content) if name.endswith(".xz") else content


def lines(name):
    return raw(name).decode().splitlines()


@pytest.fixture(scope="module")
def texts():
    """Every part of every text set, read once."""
    return {read.__name__: {part: read(part) for part in PARTS} for read in TEXTS}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """An empty folder that DLNOTES_DATA names."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("DLNOTES_DATA", str(folder))
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A shipped folder of our own with the two tables only, and an empty cache."""
    folder = tmp_path / "data"
    folder.mkdir()
    for table in ("SHA256SUMS", "RAW_SHA256SUMS"):
        (folder / table).write_bytes((SHIPPED / table).read_bytes())
    monkeypatch.setattr(files, "_BESIDE_THE_PACKAGE", folder)
    monkeypatch.setattr(files, "_INSIDE_THE_PACKAGE", tmp_path / "no such folder")
    monkeypatch.setenv("DLNOTES_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DLNOTES_DATA", raising=False)
    return folder


@pytest.fixture
def offline(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("the network is off")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(autouse=True)
def only_shipped_files(monkeypatch):
    monkeypatch.delenv("DLNOTES_DATA", raising=False)


# ---- images ------------------------------------------------------------------------------------

MNIST_MD5 = {  # of the four original files, uncompressed
    ("train", "images"): "6bbc9ace898e44ae57da46a324031adb",
    ("train", "labels"): "a25bea736e30d166cdddb491f175f624",
    ("t10k", "images"): "2646ac647ad5339dbf082846283269ea",
    ("t10k", "labels"): "27ae3e4e09519cfbb04c329615203637",
}
MNIST_COUNTS = {
    "train+validation": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


@pytest.mark.parametrize(("part", "file"), [("train+validation", "train"), ("test", "t10k")])
def test_mnist_written_out_again_is_the_original_files_byte_for_byte(part, file):
    images, labels = data.mnist(part)
    pixels = (images * 255).round().to(torch.uint8).numpy().tobytes()
    header = struct.pack(">iiii", 2051, len(images), 28, 28)
    assert hashlib.md5(header + pixels).hexdigest() == MNIST_MD5[file, "images"]
    header = struct.pack(">ii", 2049, len(labels))
    content = header + labels.to(torch.uint8).numpy().tobytes()
    assert hashlib.md5(content).hexdigest() == MNIST_MD5[file, "labels"]


@pytest.mark.parametrize("part", MNIST_COUNTS)
def test_mnist_has_its_known_label_counts(part):
    assert data.mnist(part).targets.bincount().tolist() == MNIST_COUNTS[part]


def test_mnist_has_its_known_mean_and_deviation():
    images = data.mnist("train+validation").inputs
    assert images.mean().item() == pytest.approx(0.13066, abs=1e-5)
    assert images.std().item() == pytest.approx(0.30811, abs=1e-5)


def test_compact_fashion_mnist_has_its_known_counts_mean_and_deviation():
    images, labels = data.fashion_mnist("train+validation")
    counts = [1122, 1220, 1201, 1212, 1181, 1204, 1244, 1192, 1195, 1229]
    assert labels.bincount().tolist() == counts
    assert images.mean().item() == pytest.approx(0.28615, abs=1e-5)
    assert images.std().item() == pytest.approx(0.35379, abs=1e-5)
    counts = data.fashion_mnist("test").targets.bincount()
    assert (counts.min(), counts.max()) == (188, 219)


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    theirs = load_digits()
    parts = [data.digits(part) for part in PARTS]
    images = torch.cat([part.inputs for part in parts]).double().numpy()
    assert np.array_equal(images[:, 0] * 16, theirs.images)
    assert np.array_equal(torch.cat([part.targets for part in parts]), theirs.target)


@pytest.mark.parametrize(
    ("read", "sizes"),
    [
        (data.mnist, (55_000, 5_000, 10_000)),
        (data.fashion_mnist, (10_000, 2_000, 2_000)),
        (data.digits, (1_297, 250, 250)),
    ],
)
def test_training_and_validation_are_the_beginning_and_the_end_of_one_file(read, sizes):
    train, validation, test = (read(part) for part in PARTS)
    both = read("train+validation")
    assert (len(train), len(validation), len(test)) == sizes
    assert torch.equal(torch.cat([train.inputs, validation.inputs]), both.inputs)
    assert torch.equal(torch.cat([train.targets, validation.targets]), both.targets)
    for split, name in zip(
        (train, validation, both, test), (*PARTS[:2], both.name, "test"), strict=True
    ):
        assert (split.name, split.dataset) == (name, read.__name__)
        images, labels = split
        assert images.dtype == torch.float32 and labels.dtype == torch.int64
        assert images.shape[1:] == ((1, 8, 8) if read is data.digits else (1, 28, 28))
        assert images.min() == 0 and images.max() == 1


@pytest.mark.parametrize("read", [data.mnist, data.fashion_mnist, data.digits])
def test_no_image_of_the_test_set_is_a_training_image(read):
    # Fashion-MNIST repeats a few pictures in its original files; more would be a wrong cut
    train, test = ({x.numpy().tobytes() for x in read(part).inputs} for part in ("train", "test"))
    assert len(train & test) <= 3


@pytest.mark.parametrize("read", [data.mnist, data.fashion_mnist, data.digits])
def test_a_caller_cannot_spoil_what_the_next_one_gets(read):
    first = read("test")
    before = first.inputs.clone(), first.targets.clone()
    first.inputs.fill_(7.0)
    first.targets.fill_(7)
    second = read("test")
    assert torch.equal(second.inputs, before[0]) and torch.equal(second.targets, before[1])


@pytest.mark.parametrize("read", [data.mnist, data.fashion_mnist, data.digits, *TEXTS])
@pytest.mark.parametrize("wrong", ["Test", "val", "", None])
def test_a_wrong_split_is_answered_with_the_right_ones(read, wrong):
    allowed = "'train', 'validation', 'train+validation', 'test'"
    with pytest.raises(ValueError, match=re.escape(f"split must be one of {allowed}, got")):
        read(wrong)


@pytest.mark.parametrize("read", [data.digits, data.fashion_mnist, data.mnist])
def test_the_default_split_is_for_training(read):
    assert read().name == "train"


def test_full_takes_a_truth_value_only():
    with pytest.raises(TypeError, match="full must be True or False, got 'test'"):
        data.fashion_mnist("test", full="test")


# ---- Split -------------------------------------------------------------------------------------


def a_split(name="test"):
    inputs = torch.arange(12.0).reshape(6, 2)
    return Split(inputs, torch.arange(6), name=name, dataset="toy")


def test_a_split_unpacks_like_a_pair_and_counts_its_samples():
    split = a_split()
    inputs, targets = split
    assert inputs is split.inputs is split[0] and targets is split.targets is split[1]
    assert isinstance(split, tuple) and len(split) == 6 and len(list(split)) == 2
    assert len(torch.utils.data.TensorDataset(*split)) == 6


@pytest.mark.parametrize(
    "prepare",
    [
        lambda split: split.take(2),
        lambda split: split.map(lambda x: x + 1),
        lambda split: split.to(torch.float64),
        copy.copy,
        copy.deepcopy,
        lambda split: pickle.loads(pickle.dumps(split)),
    ],
)
@pytest.mark.parametrize("name", data.SPLITS)
def test_a_split_is_known_by_name_however_it_is_prepared(prepare, name):
    prepared = prepare(a_split(name))
    assert type(prepared) is Split and (prepared.name, prepared.dataset) == (name, "toy")
    assert repr(prepared).startswith(f"Split(toy, {name}: inputs (")


def test_take_copies_the_first_samples():
    split = a_split()
    part = split.take(2)
    assert part.inputs.tolist() == [[0, 1], [2, 3]] and part.targets.tolist() == [0, 1]
    part.inputs.zero_()
    part.targets.zero_()
    assert split.inputs[1, 0] == 2 and split.targets[1] == 1
    assert len(split.take(6)) == 6


@pytest.mark.parametrize(("wrong", "error"), [(0, ValueError), (7, ValueError), (2.0, TypeError)])
def test_take_refuses_what_is_not_there(wrong, error):
    with pytest.raises(error, match="n must be"):
        a_split().take(wrong)


def test_map_changes_the_inputs_only():
    mapped = a_split().map(lambda x: x.sum(dim=1))
    assert mapped.inputs.tolist() == [1, 5, 9, 13, 17, 21]
    assert mapped.targets.tolist() == [0, 1, 2, 3, 4, 5]


def test_to_leaves_labels_integers_and_converts_values():
    split = a_split()
    assert split.to(torch.float64).inputs.dtype == torch.float64
    assert split.to(torch.float64).targets.dtype == torch.int64
    values = Split(split.inputs, split.targets.float(), name="train", dataset="toy")
    assert values.to(torch.float64).targets.dtype == torch.float64
    meta = split.to("meta")
    assert meta.inputs.device.type == meta.targets.device.type == "meta"


@pytest.mark.parametrize(
    ("inputs", "targets", "name", "error", "message"),
    [
        (torch.zeros(3), torch.zeros(2), "test", ValueError, "equally long, got 3 and 2"),
        (torch.zeros(3), torch.zeros(()), "test", ValueError, "targets must have a first"),
        ([0.0], torch.zeros(1), "test", TypeError, "inputs must be a tensor, got list"),
        (torch.zeros(3), torch.zeros(3), "tset", ValueError, "name must be one of 'train', "),
    ],
)
def test_a_split_refuses_parts_that_do_not_belong_together(inputs, targets, name, error, message):
    with pytest.raises(error, match=message):
        Split(inputs, targets, name=name, dataset="toy")


# ---- files -------------------------------------------------------------------------------------


def damage(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


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
    with pytest.raises(DataError, match=r"the table .*SHA256SUMS is damaged"):
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
    assert data.verify_shipped() == len((SHIPPED / "SHA256SUMS").read_text().splitlines())


# ---- the complete sets -------------------------------------------------------------------------


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


# ---- text --------------------------------------------------------------------------------------

SIZES = {
    "cmudict": (111_366, 3_000, 3_000),
    "names": (6_723, 840, 840),
    "numbers_in_words": (8_000, 1_000, 1_000),
    "state_of_the_union": (187, 23, 23),
    "austen": (243, 13, 13),
    "moby_dick": (122, 7, 7),
    "verses": (10_373, 532, 471),
}


@pytest.mark.parametrize("name", SIZES)
def test_text_splits_have_their_documented_sizes_and_never_overlap(texts, name):
    parts = texts[name]
    assert tuple(len(parts[part]) for part in PARTS) == SIZES[name]
    items = [repr(item) for part in PARTS for item in parts[part]]
    assert len(set(items)) == sum(SIZES[name])


@pytest.mark.parametrize("read", [data.names, data.moby_dick, data.numbers_in_words])
def test_train_and_validation_together_are_their_union(texts, read):
    both = [repr(item) for item in read("train+validation")]
    parts = texts[read.__name__]
    assert sorted(both) == sorted(map(repr, parts["train"] + parts["validation"]))


def test_cmudict_written_out_again_is_the_file(texts):
    words = dict(item for part in PARTS for item in texts["cmudict"][part])
    variants = {word: [" ".join(phones) for phones in found] for word, found in words.items()}
    text = "".join("\t".join([word, *variants[word]]) + "\n" for word in sorted(words))
    assert text.encode() == raw("cmudict.tsv.xz")
    assert sum(map(len, variants.values())) == 125_714
    assert sum(len(found) > 1 for found in variants.values()) == 7_739


def test_cmudict_holds_out_the_words_with_the_smallest_sha256(texts):
    parts = [[sha256(word.encode()) for word, _ in texts["cmudict"][part]] for part in PARTS]
    train, validation, test = parts
    assert max(test) < min(validation) and max(validation) < min(train)
    assert all(part == sorted(part) for part in parts)


def test_names_written_out_again_are_the_file_and_differ_beyond_capitals(texts):
    pairs = [pair for part in PARTS for pair in texts["names"][part]]
    assert sorted("\t".join(pair) for pair in pairs) == lines("names.tsv.xz")[1:]
    assert len({name.lower() for name, _ in pairs}) == len(pairs)
    assert sum(gender == "both" for _, gender in pairs) == 419
    digests = [
        [sha256(name.lower().encode()) for name, _ in texts["names"][part]] for part in PARTS
    ]
    assert max(digests[2]) < min(digests[1]) and max(digests[1]) < min(digests[0])


def test_numbers_are_in_words_of_the_languages_asked_for():
    pairs = {"digits": "digits", "en": "de"}
    found = {
        (source, target): dict(
            pair
            for part in PARTS
            for pair in data.numbers_in_words(part, source=source, target=target)
        )
        for source, target in (*pairs.items(), ("digits", "fr"), ("digits", "en"))
    }
    assert set(found["digits", "digits"]) == {str(number) for number in range(10_000)}
    assert found["en", "de"]["twenty-one"] == "einundzwanzig"
    assert found["digits", "fr"]["80"] == "quatre-vingts"
    assert found["digits", "en"]["1234"] == "one thousand two hundred and thirty-four"
    with pytest.raises(ValueError, match="target must be one of 'digits', 'en', 'de', 'fr', got"):
        data.numbers_in_words(target="es")
    with pytest.raises(ValueError, match="source must be one of"):
        data.numbers_in_words(source="Deutsch")


def test_addresses_written_out_again_are_the_file(texts):
    addresses = sorted(
        (a for part in PARTS for a in texts["state_of_the_union"][part]),
        key=lambda a: (a.year, a.president),
    )
    rows = [f"{a.year}\t{a.president}\t{a.party}\t{a.text}" for a in addresses]
    assert rows == lines("sotu.tsv.xz")[1:]


def test_held_out_addresses_reach_through_all_times(texts):
    for part in ("validation", "test"):
        years = np.array([address.year for address in texts["state_of_the_union"][part]])
        assert (np.diff(years) > 0).all() and np.diff(years).max() <= 11
        assert years[0] < 1800 and years[-1] > 2010


@pytest.mark.parametrize(("name", "file"), [("austen", "austen"), ("moby_dick", "moby_dick")])
def test_novels_written_out_again_are_the_file(texts, name, file):
    books = dict.fromkeys(chapter.book for chapter in texts[name]["train"])
    found = []
    for book in books:
        found += [f"## {book}"] if name == "austen" else []
        for part in PARTS:  # by position: the end of the book comes last
            for chapter in texts[name][part]:
                if chapter.book == book:
                    found += [f"# {chapter.title}", *chapter.paragraphs]
    assert [line.lower() for line in found] == [line.lower() for line in lines(f"{file}.txt.xz")]
    assert len(books) == (6 if name == "austen" else 1)


def test_chapters_have_proper_titles(texts):
    titles = {chapter.title for part in PARTS for chapter in texts["austen"][part]}
    assert "Chapter XVIII" in titles and "Chapter 61" in titles
    assert texts["moby_dick"]["train"][0].title == "CHAPTER 1. Loomings."
    assert texts["moby_dick"]["train"][0].paragraphs[0].startswith("Call me Ishmael.")


def test_every_novel_keeps_its_last_chapters_for_the_test(texts):
    for part in ("validation", "test"):
        assert len({chapter.book for chapter in texts["austen"][part]}) == 6


def test_verses_written_out_again_are_the_file(texts):
    def tags(numbers):
        return " ".join("+".join(found) or "-" for found in numbers)

    rows = {}
    for verse in (verse for part in PARTS for verse in texts["verses"][part]):
        sides = [" ".join(verse.english), " ".join(verse.spanish)]
        sides += [tags(verse.english_strong), tags(verse.spanish_strong)]
        rows[verse.id] = "\t".join([verse.id, *sides])
        assert len(verse.english) == len(verse.english_strong) <= 24
        assert len(verse.spanish) == len(verse.spanish_strong) <= 24
    assert [rows[line.split("\t")[0]] for line in lines("verses_en_es.tsv.xz")] == lines(
        "verses_en_es.tsv.xz"
    )


def test_verses_of_one_chapter_stay_together(texts):
    chapters = [{v.id.rsplit(".", 1)[0] for v in texts["verses"][part]} for part in PARTS]
    assert sum(map(len, chapters)) == len(set().union(*chapters)) == 1_077
    assert len(chapters[1]) == len(chapters[2]) == 60


def test_strong_numbers_align_the_first_verse(texts):
    verse = next(v for part in PARTS for v in texts["verses"][part] if v.id == "Gen.1.1")
    heavens, cielos = verse.english.index("heavens"), verse.spanish.index("cielos")
    assert verse.english_strong[heavens] == verse.spanish_strong[cielos] == ("H8064",)
    assert verse.english_strong[verse.english.index(",")] == ()


@pytest.mark.parametrize(
    "found",
    [
        ["He came.", "She saw!", "Who won?", "42 did."],
        ["Mr. Darcy met Dr. No in the U. S. Senate.", "They left."],
        ['"Stop!"', '"Why?"', "(He did.)", "Then no more"],
        ["Prices rose 3.5 percent, i.e. fast; e.g. bread."],
        ["It was he. who spoke so."],
        [],
    ],
)
def test_sentences_end_where_a_reader_ends_them(found):
    assert data.sentences("  ".join(found)) == found


@given(st.text("aB.!? \"')(\n1", max_size=40))
def test_sentences_lose_nothing(text):
    found = data.sentences(text)
    assert " ".join(found) == " ".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in found)


def test_sentences_wants_a_text():
    with pytest.raises(TypeError, match="text must be a string, got list"):
        data.sentences(["One."])


def test_sentences_of_the_addresses_are_as_many_as_counted_before(texts):
    count = sum(
        len(data.sentences(address.text))
        for part in PARTS
        for address in texts["state_of_the_union"][part]
    )
    assert count == pytest.approx(62_732, rel=0.01)  # another splitter's count


# ---- time series -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "file", "columns"),
    [
        (data.co2, "co2_weekly.csv", [1]),
        (data.sunspots, "sunspots_yearly.csv", [1]),
        (data.el_nino, "elnino_monthly.csv", range(1, 13)),
        (data.seattle_weather, "seattle_weather.csv", range(1, 5)),
    ],
)
def test_series_are_what_numpy_reads_from_the_file(read, file, columns):
    series = read()
    theirs = np.genfromtxt(lines(file), delimiter=",", skip_header=1, usecols=columns)
    theirs = theirs.reshape(len(series), -1)
    assert np.array_equal(series.values.numpy(), theirs.astype(np.float32), equal_nan=True)
    assert series.values.shape == (len(series.time), len(series.names))
    assert len(series.names) == len(series.units)


@pytest.mark.parametrize(
    ("read", "first", "last", "step"),
    [
        (data.co2, "1958-03-29", "2001-12-29", 7),
        (data.sunspots, "1700", "2008", 1),
        (data.el_nino, "1950-01", "2010-12", 1),
        (data.seattle_weather, "2012-01-01", "2015-12-31", 1),
    ],
)
def test_series_have_regular_times(read, first, last, step):
    time = read().time
    assert (str(time[0]), str(time[-1])) == (first, last)
    assert set(np.diff(time).astype(int)) == {step}


def test_missing_weeks_are_nan_and_are_filled_from_the_past_alone():
    series = data.co2()
    assert series.values.isnan().sum() == 59
    filled = series.filled()
    last = math.nan
    for value, ours in zip(series.values[:, 0].tolist(), filled.values[:, 0].tolist(), strict=True):
        last = last if math.isnan(value) else value
        assert ours == last
    beginning, _ = series.split(0.5)
    assert torch.equal(beginning.filled().values, filled.values[: len(beginning)])


def test_a_gap_at_the_beginning_cannot_be_filled():
    time = np.arange(4).astype("datetime64[D]")
    values = torch.tensor([[math.nan, 1.0], [2.0, math.nan], [math.nan, math.nan], [3.0, 4.0]])
    filled = data.Series(time, values, ("a", "b"), ("", "")).filled().values
    expected = torch.tensor([[math.nan, 1.0], [2.0, 1.0], [2.0, 1.0], [3.0, 4.0]])
    assert torch.equal(filled.nan_to_num(-1), expected.nan_to_num(-1))


@pytest.mark.parametrize("read", SERIES)
@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.8])
def test_a_series_is_split_in_time_without_overlap(read, fraction):
    series = read()
    past, future = series.split(fraction)
    assert len(past) == round(fraction * len(series)) == len(past.values)
    assert past.time[-1] < future.time[0]
    assert np.array_equal(np.concatenate([past.time, future.time]), series.time)
    joined = torch.cat([past.values, future.values])
    assert torch.equal(joined.nan_to_num(-1), series.values.nan_to_num(-1))
    assert past.names == future.names == series.names and past.units == series.units
    past.values.fill_(0)
    assert not (series.values[: len(past)] == 0).all()


@pytest.mark.parametrize(
    ("wrong", "error"), [(0, ValueError), (1.0, ValueError), (80, ValueError), ("1", TypeError)]
)
def test_a_split_in_time_leaves_something_on_both_sides(wrong, error):
    with pytest.raises(error, match="fraction must"):
        data.sunspots().split(wrong)


# ---- toy densities -----------------------------------------------------------------------------

MIXTURES = {
    "ring": data.eight_gaussians(),
    "wide ring": data.eight_gaussians(modes=3, radius=1.0, std=1.5),
    "grid": data.twenty_five_gaussians(),
    "3-D": data.GaussianMixture(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), 0.7),
}


def theirs(mixture):
    means = mixture.means.double()
    parts = Independent(Normal(means, torch.full_like(means, mixture.std)), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(means)).double()), parts)


@pytest.mark.parametrize("name", MIXTURES)
def test_log_density_of_a_mixture_is_that_of_torch_distributions(name):
    mixture = MIXTURES[name]
    x = 5 * torch.randn(200, mixture.means.shape[1], dtype=torch.float64)
    torch.testing.assert_close(mixture.log_prob(x), theirs(mixture).log_prob(x))
    single = mixture.log_prob(mixture.means)
    assert single.dtype == torch.float32 and single.shape == (len(mixture.means),)


@pytest.mark.parametrize("name", MIXTURES)
def test_samples_of_a_mixture_lie_around_equally_likely_modes(name):
    mixture, n = MIXTURES[name], 40_000
    points, modes = mixture.sample(n, generator=torch.Generator().manual_seed(1))
    assert points.dtype == torch.float32 and modes.dtype == torch.int64
    expected = n / len(mixture.means)
    counts = modes.bincount(minlength=len(mixture.means))
    assert ((counts - expected) ** 2 / expected).sum() < 60  # chi-square, at most 24 degrees
    residuals = (points - mixture.means[modes]) / mixture.std
    assert residuals.mean().abs() < 0.02 and abs(residuals.std() - 1) < 0.02


def test_entropy_of_separate_modes_is_that_of_one_mode_and_of_the_choice():
    mixture = data.eight_gaussians(std=0.05)
    exact = math.log(8) + math.log(2 * math.pi * math.e * 0.05**2)
    estimate, error = mixture.entropy(generator=torch.Generator().manual_seed(2))
    assert abs(estimate - exact) < 4 * error
    assert error == pytest.approx(1 / math.sqrt(100_000), rel=0.05)  # |noise|²/2 has variance 1
    few = mixture.entropy(samples=1_000, generator=torch.Generator().manual_seed(2))[1]
    assert few == pytest.approx(10 * error, rel=0.2)


def test_modes_lie_on_a_ring_and_on_a_grid():
    ring = data.eight_gaussians(radius=3.0).means.double()
    torch.testing.assert_close(ring.norm(dim=1), torch.full((8,), 3.0).double())
    torch.testing.assert_close(ring[0], torch.tensor([3.0, 0.0]).double())
    gaps = (ring - ring.roll(1, dims=0)).norm(dim=1)
    torch.testing.assert_close(gaps, torch.full((8,), 6 * math.sin(math.pi / 8)).double())
    grid = data.twenty_five_gaussians(spacing=1.5).means
    expected = {(x * 1.5, y * 1.5) for x in range(-2, 3) for y in range(-2, 3)}
    assert {tuple(mean) for mean in grid.tolist()} == expected and len(grid) == 25


def test_ring_and_grid_are_samples_of_the_mixtures():
    def seeded():
        return torch.Generator().manual_seed(3)

    options = dict(modes=5, radius=1.5, std=0.3)
    expected = data.eight_gaussians(**options).sample(50, generator=seeded())
    torch.testing.assert_close(data.gaussians_ring(50, **options, generator=seeded()), expected)
    options = dict(side=3, spacing=1.5, std=0.3)
    expected = data.twenty_five_gaussians(**options).sample(50, generator=seeded())
    torch.testing.assert_close(data.gaussians_grid(50, **options, generator=seeded()), expected)


def test_moons_without_noise_are_two_half_circles():
    points, moon = data.two_moons(2_000, noise=0.0, generator=torch.Generator().manual_seed(0))
    centre = torch.tensor([[0.0, 0.0], [1.0, 0.5]])[moon]
    x, y = (points - centre).unbind(dim=1)
    torch.testing.assert_close(x**2 + y**2, torch.ones(2_000))
    assert (y[moon == 0] >= -1e-6).all() and (y[moon == 1] <= 1e-6).all()
    angle = torch.atan2(y.abs(), x)
    assert abs(angle.mean() - math.pi / 2) < 0.08  # uniform on [0, π]: deviation .907/√2000
    assert abs(angle.std() - math.pi / math.sqrt(12)) < 0.05


@pytest.mark.parametrize("arms", [1, 2, 3])
def test_spirals_without_noise_turn_in_proportion_to_the_radius(arms):
    options = dict(turns=1.25, noise=0.0, arms=arms)
    points, arm = data.spirals(2_000, **options, generator=torch.Generator().manual_seed(0))
    radius = points.norm(dim=1)
    assert radius.max() <= 1 + 1e-6 and abs((radius < 0.5).float().mean() - 0.25) < 0.05
    angle = 2 * math.pi * (1.25 * radius + arm / arms)
    expected = radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    torch.testing.assert_close(points, expected, atol=1e-4, rtol=0)
    assert arm.unique().tolist() == list(range(arms))


TOYS = [data.two_moons, data.spirals, data.gaussians_ring, data.gaussians_grid]


@settings(max_examples=30, deadline=None)
@given(toy=st.sampled_from(TOYS), n=st.integers(1, 50), seed=st.integers(0, 2**31))
def test_toy_sets_follow_their_generator_and_nothing_else(toy, n, seed):
    points, labels = toy(n, generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed + 1)
    again = toy(n, generator=torch.Generator().manual_seed(seed))
    assert points.shape == (n, 2) and points.dtype == torch.float32
    assert labels.shape == (n,) and labels.dtype == torch.int64
    assert torch.equal(points, again[0]) and torch.equal(labels, again[1])
    assert points.isfinite().all() and points.abs().max() < 8


@settings(max_examples=20, deadline=None)
@given(toy=st.sampled_from(TOYS[:2]), noise=st.floats(0, 10))
def test_noise_adds_independent_deviations_of_its_size(toy, noise):
    clean, _ = toy(4_000, noise=0.0, generator=torch.Generator().manual_seed(0))
    noisy, _ = toy(4_000, noise=noise, generator=torch.Generator().manual_seed(0))
    difference = noisy - clean
    assert difference.std().item() == pytest.approx(noise, rel=0.03, abs=1e-6)
    assert abs(difference.prod(dim=1).mean().item()) <= 0.06 * noise**2 + 1e-6


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: data.two_moons(0), ValueError, "n must be at least 1, got 0"),
        (lambda: data.spirals(2.5), TypeError, "n must be an integer"),
        (lambda: data.two_moons(5, noise=-0.1), ValueError, "noise must be finite and not neg"),
        (lambda: data.spirals(5, noise=math.inf), ValueError, "noise must be finite"),
        (lambda: data.two_moons(5, noise=math.nan), ValueError, "noise must be finite"),
        (lambda: data.two_moons(5, noise="1"), TypeError, "noise must be a number, got str"),
        (lambda: data.spirals(5, turns=0), ValueError, "turns must be positive, got 0"),
        (lambda: data.spirals(5, arms=0), ValueError, "arms must be at least 1"),
        (lambda: data.gaussians_ring(5, modes=0), ValueError, "modes must be at least 1"),
        (lambda: data.gaussians_ring(5, radius=-1), ValueError, "radius must be finite and not"),
        (lambda: data.gaussians_ring(5, std=0.0), ValueError, "std must be positive"),
        (lambda: data.gaussians_grid(0), ValueError, "n must be at least 1"),
        (lambda: data.gaussians_grid(5, side=-2), ValueError, "side must be at least 1"),
        (lambda: data.gaussians_grid(5, spacing=0), ValueError, "spacing must be positive"),
        (lambda: data.GaussianMixture(torch.zeros(2), 1.0), ValueError, r"means must have shape"),
        (lambda: data.GaussianMixture(torch.zeros(2, 2).long(), 1), TypeError, "means must be fl"),
        (lambda: data.eight_gaussians().log_prob(torch.zeros(3)), ValueError, "x must have shape"),
        (lambda: data.eight_gaussians().entropy(samples=1), ValueError, "samples must be at lea"),
    ],
)
def test_a_wrong_argument_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---- data/README.md and data/build.py ----------------------------------------------------------

HERE = Path(__file__).parents[1] / "data"


def test_the_readme_lists_every_shipped_file_with_size_and_sha256():
    rows = re.findall(r"^\| `(.+?)` \| ([\d,]+) \|.*\| `([0-9a-f]{64})` \|$", readme(), re.M)
    listed = {name: (int(size.replace(",", "")), digest) for name, size, digest in rows}
    table = dict(reversed(line.split()) for line in (HERE / "SHA256SUMS").read_text().splitlines())
    files = {name: (HERE / name).read_bytes() for name in table}
    assert listed == {name: (len(content), sha256(content)) for name, content in files.items()}
    assert {name: sha256(content) for name, content in files.items()} == table
    assert f"{sum(map(len, files.values())):,} bytes" in readme()


def test_no_data_file_lies_here_unlisted():
    listed = {line.split()[1] for line in (HERE / "SHA256SUMS").read_text().splitlines()}
    present = {path.name for path in HERE.iterdir() if path.is_file()}
    assert present - listed == {"README.md", "SHA256SUMS", "build.py"}


def readme():
    return (HERE / "README.md").read_text(encoding="utf-8")


def run_build(*arguments):
    command = [sys.executable, str(HERE / "build.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def test_the_check_of_the_builder_passes_what_is_right_and_names_what_is_wrong(tmp_path):
    assert run_build("--check").returncode == 0
    for name in ("names.tsv.xz", "sunspots_yearly.csv"):
        (tmp_path / name).write_bytes(damage((HERE / name).read_bytes()))
    digest = sha256((HERE / "names.tsv.xz").read_bytes())
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  names.tsv.xz\n")
    result = run_build("--check", "--out", str(tmp_path))
    assert result.returncode == 1
    assert "✗ names.tsv.xz has sha256" in result.stdout
    assert "✗ sotu.tsv.xz is not listed in SHA256SUMS" in result.stdout


def test_the_builder_refuses_a_file_that_it_does_not_know():
    result = run_build("austen.txt")
    assert result.returncode == 2 and "no such file: austen.txt; there are" in result.stderr
