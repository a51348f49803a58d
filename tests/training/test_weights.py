"""dlnotes.training.weights: what is saved comes back, or its fault is named."""

import hashlib
import os
import sys

import pytest
import torch
from torch import nn

from dlnotes.data.files import DataError
from dlnotes.training import (
    load_weights,
    save_weights,
    weights,
    weights_metadata,
)
from training.common import (
    assert_same_weights,
    quiet,
    small_data,
    small_model,
)


class Tied(nn.Module):
    def __init__(self, size=3):
        super().__init__()
        self.embedding = nn.Embedding(5, size)
        self.out = nn.Linear(size, 5, bias=False)
        self.out.weight = self.embedding.weight
        self.register_buffer("count", torch.tensor(3))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DLNOTES_DATA", str(tmp_path))
    return tmp_path / "weights"


FACTS = {"command": "dlnotes train gan", "seed": 3, "seconds": 1.5, "metrics": {"fid": 2.25}}


def test_weights_and_metadata_come_back(folder):
    saved, loaded = small_model(), small_model()
    quiet(saved, small_data(), steps=2)
    save_weights(folder / "gan.safetensors", saved, **FACTS)
    assert load_weights("gan", loaded) == weights_metadata("gan") == FACTS
    assert_same_weights(loaded, saved)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_weights_may_be_read_by_whom_the_system_lets(tmp_path):
    old = os.umask(0o022)
    try:
        save_weights(tmp_path / "a.safetensors", small_model())
    finally:
        os.umask(old)
    assert (tmp_path / "a.safetensors").stat().st_mode & 0o777 == 0o644


def test_the_same_weights_give_the_same_bytes(tmp_path):
    for name, facts in ("a", FACTS), ("b", dict(reversed(FACTS.items()))):
        save_weights(tmp_path / f"{name}.safetensors", small_model(), **facts)
    first, second = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "ab")
    assert first == second
    digest = hashlib.sha256(first).hexdigest()
    table = (tmp_path / "SHA256SUMS").read_text()  # in the format of sha256sum
    assert table == f"{digest}  a.safetensors\n{digest}  b.safetensors\n"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_half_precision_is_converted_to_the_models_own(folder, dtype):
    saved, loaded = small_model(), small_model(dtype=dtype)
    save_weights(folder / "gan.safetensors", saved, dtype=torch.float16)
    load_weights("gan", loaded)
    for ours, theirs in zip(loaded.parameters(), saved.parameters(), strict=True):
        assert ours.dtype == dtype
        assert (ours == theirs.half().to(dtype)).all()
    assert loaded[1].num_batches_tracked.dtype == torch.int64
    size = (folder / "gan.safetensors").stat().st_size
    assert size < 4 * sum(p.numel() for p in saved.parameters()) + 800


def test_tied_weights_are_stored_once_and_stay_tied(folder):
    saved, loaded = Tied(), Tied()
    save_weights(folder / "gpt.safetensors", saved)
    load_weights("gpt", loaded)
    assert_same_weights(loaded, saved)
    assert loaded.out.weight is loaded.embedding.weight
    assert list(weights.load_file(folder / "gpt.safetensors")) == ["count", "embedding.weight"]


def test_compiled_and_plain_models_share_files(folder):
    saved, loaded = small_model(), small_model()
    with torch.no_grad():
        saved[0].weight.add_(1)
    save_weights(folder / "gan.safetensors", torch.compile(saved, backend="eager"))
    load_weights("gan", torch.compile(loaded, backend="eager"))
    assert_same_weights(loaded, saved)


def test_a_model_that_does_not_fit_is_refused_and_left_alone(folder):
    save_weights(folder / "gan.safetensors", small_model())
    cases = {
        r"4\.weight of Sequential is \(3, 8\), in the file it is \(2, 8\)": small_model()[:4]
        + nn.Sequential(nn.Linear(8, 3)),
        r"4\.bias of Sequential is missing, in the file it is \(2,\)": small_model()[:4],
        r"5\.weight of Sequential is \(2, 2\), in the file it is missing": small_model()
        + nn.Sequential(nn.Linear(2, 2)),
    }
    for message, model in cases.items():
        with torch.no_grad():
            model[0].weight.fill_(9.0)
        with pytest.raises(ValueError, match=message):
            load_weights("gan", model)
        assert (model[0].weight == 9).all()


def test_missing_and_damaged_weights_name_the_remedy(folder):
    with pytest.raises(
        DataError, match=r"gan\.safetensors is missing, make it with `dlnotes train"
    ):
        load_weights("gan", small_model())
    path = folder / "gan.safetensors"
    save_weights(path, small_model())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"gan\.safetensors is damaged .*dlnotes train gan"):
        load_weights("gan", small_model())
    (folder / "SHA256SUMS").write_text("")
    with pytest.raises(DataError, match=r"has no line in SHA256SUMS"):
        weights_metadata("gan")


def test_weights_that_are_too_large_are_refused_unless_told(tmp_path):
    model = nn.Linear(1024, 600)
    path = tmp_path / "large.safetensors"
    with pytest.raises(ValueError, match=r"at most max_bytes = 2,097,152 bytes, got 2,460,000"):
        save_weights(path, model)
    assert not list(tmp_path.iterdir())
    save_weights(path, model, dtype=torch.float16)
    save_weights(path, model, max_bytes=3 * 2**20)
    with pytest.raises(ValueError, match=r"path must end in \.safetensors"):
        save_weights(tmp_path / "large.pt", model)


def test_saving_again_replaces_the_line_and_keeps_the_others(folder):
    for name, model in ("a", small_model()), ("b", Tied()), ("a", Tied()):
        save_weights(folder / f"{name}.safetensors", model)
    assert len((folder / "SHA256SUMS").read_text().splitlines()) == 2
    load_weights("a", Tied())


def test_the_readers_own_weights_come_first(tmp_path, monkeypatch):
    from dlnotes.data import files

    models = {}
    for value, place in (1.0, "own"), (2.0, "shipped"):
        models[place] = nn.Linear(2, 2)
        nn.init.constant_(models[place].weight, value)
        save_weights(tmp_path / place / "weights" / "x.safetensors", models[place])
    monkeypatch.setattr(files, "_INSIDE_THE_PACKAGE", tmp_path / "nowhere")
    monkeypatch.setattr(files, "_BESIDE_THE_PACKAGE", tmp_path / "shipped")
    model = nn.Linear(2, 2)
    monkeypatch.delenv("DLNOTES_DATA", raising=False)
    load_weights("x", model)
    assert (model.weight == 2).all()
    monkeypatch.setenv("DLNOTES_DATA", str(tmp_path / "own"))
    load_weights("x.safetensors", model)
    assert (model.weight == 1).all()


def test_weights_may_be_listed_later_and_have_any_name(folder):
    names = ("my net", "gan")
    for name in names:
        save_weights(folder / f"{name}.safetensors", small_model(), listed=False, **FACTS)
    assert not (folder / "SHA256SUMS").exists()
    with pytest.raises(DataError, match=r"gan\.safetensors has no line in SHA256SUMS"):
        weights_metadata("gan")
    for name in names:
        weights.list_weights(folder / f"{name}.safetensors")
        assert weights.verified(name) == folder / f"{name}.safetensors"
        assert load_weights(name, small_model()) == FACTS


def test_a_damaged_table_of_weights_is_named_with_the_remedy(folder):
    save_weights(folder / "gan.safetensors", small_model())
    (folder / "SHA256SUMS").write_text("what is this?")
    with pytest.raises(
        DataError, match=r"SHA256SUMS is damaged: line 1 .* train it anew: `dlnotes"
    ):
        load_weights("gan", small_model())


# ---- numbers and names that would be lost ------------------------------------------------------


class Holding(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.register_buffer("n", value)
        self.weight = nn.Parameter(torch.ones(2))


@pytest.mark.parametrize(
    ("dtype", "fits", "bad"),
    [
        (torch.float16, 65504.0, 65536.0),
        (torch.bfloat16, 3e38, 3.4e38),
        (torch.float32, 1e38, 1e39),
    ],
)
def test_a_number_too_large_for_the_dtype_names_its_tensor(folder, dtype, fits, bad):
    model = Holding(torch.tensor([-fits, float("-inf")], dtype=torch.float64))
    save_weights(folder / "x.safetensors", model, dtype=dtype)
    before = (folder / "x.safetensors").read_bytes()
    model.n[0] = -bad
    message = rf"n must hold numbers up to .*, the largest of {dtype}, got {bad:.4g}"
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        save_weights(folder / "x.safetensors", model, dtype=dtype)
    assert (folder / "x.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("stored", "ours", "fits"),
    [
        (torch.tensor([1.7, 2.9]), torch.tensor([0, 0]), False),
        (torch.tensor([1.0, 2.0]), torch.tensor([0, 0]), True),
        (torch.tensor([float("nan"), 2.0]), torch.tensor([0, 0]), False),
        (torch.tensor([300, 2]), torch.zeros(2, dtype=torch.uint8), False),
        (torch.tensor([-1, 2]), torch.zeros(2, dtype=torch.uint8), False),
        (torch.tensor([2, 1]), torch.zeros(2, dtype=torch.bool), False),
        (torch.tensor([0, 1]), torch.zeros(2, dtype=torch.bool), True),
        (torch.tensor([2**24 + 1, 1]), torch.zeros(2), False),
        (torch.tensor([1e39, 1.0], dtype=torch.float64), torch.zeros(2), False),
        (torch.tensor([0.1, float("inf")], dtype=torch.float64), torch.zeros(2), True),
        (torch.tensor([1j, 1.0]), torch.zeros(2), False),
    ],
)
def test_numbers_that_the_model_cannot_hold_are_refused_and_it_is_left_alone(
    folder, stored, ours, fits
):
    saved, model = Holding(stored), Holding(ours.clone())
    with torch.no_grad():
        saved.weight.fill_(5.0)
    save_weights(folder / "x.safetensors", saved)
    if fits:
        load_weights("x", model)
        assert torch.equal(model.n, stored.to(ours.dtype)) and (model.weight == 5).all()
        return
    with pytest.raises(ValueError, match=r"^n must hold numbers"):
        load_weights("x", model)
    assert torch.equal(model.n, ours) and (model.weight == 1).all()


@pytest.mark.parametrize("metadata", ["not JSON", "[1]", "3"])
def test_bad_metadata_are_noticed_before_the_model_is_changed(folder, metadata):
    from safetensors import torch as safetensors

    path, model = folder / "x.safetensors", nn.Linear(2, 2)
    save_weights(path, nn.Linear(2, 2))
    safetensors.save_file(weights.load_file(path), path, metadata={"dlnotes": metadata})
    weights.list_weights(path)
    before = model.weight.clone()
    with pytest.raises(DataError, match=r"x\.safetensors .*metadata"):
        load_weights("x", model)
    assert torch.equal(model.weight, before)


def test_metadata_that_json_cannot_write_leave_nothing(folder):
    folder.mkdir()
    with pytest.raises(TypeError, match=r"metadata must be what JSON can write: .*set"):
        save_weights(folder / "x.safetensors", nn.Linear(2, 2), seeds={1, 2})
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "name", [" net", "two\nlines", "a\rb", "a\x0bb", "a\x85b", "a\u2028b", "\udcff"]
)
def test_a_name_that_the_table_cannot_hold_is_refused(folder, name):
    save_weights(folder / "gan.safetensors", small_model())
    with pytest.raises(ValueError, match="path must be named without a blank at its beginning"):
        save_weights(folder / f"{name}.safetensors", small_model())
    load_weights("gan", small_model())


# ---- memory that is shared ---------------------------------------------------------------------


class Sharing(nn.Module):
    """A view of a parameter, an expanded buffer, two parts of one block, a transposed one."""

    def __init__(self):
        super().__init__()
        block = torch.randn(2, 6, 4)
        self.table, self.other = nn.Parameter(block[0]), nn.Parameter(block[1])
        self.register_buffer("first", self.table.detach()[:1])
        self.register_buffer("mask", torch.ones(1, 6).expand(3, 6))
        self.turned = nn.Parameter(self.table.data.T)


def test_shared_memory_comes_back_and_stays_shared(folder):
    saved, loaded = Sharing(), Sharing()
    saved.mask[:1] = 7.0
    save_weights(folder / "x.safetensors", saved)
    load_weights("x", loaded)
    assert_same_weights(loaded, saved)
    assert loaded.first.data_ptr() == loaded.table.data_ptr() and loaded.mask.stride() == (0, 1)
    tensors = weights.load_file(folder / "x.safetensors")
    tensors["mask"][1] = 8.0
    weights.save_file(tensors, folder / "x.safetensors")
    weights.list_weights(folder / "x.safetensors")
    with pytest.raises(ValueError, match="mask of the model repeats its numbers in memory"):
        load_weights("x", loaded)


def test_a_killed_writer_leaves_no_file_that_nobody_knows(folder, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append({p.name for p in folder.iterdir()}))
    save_weights(folder / "x.safetensors", small_model(), listed=False)
    [names] = seen
    assert [name.split(".")[1] for name in names] == ["x"] and str(os.getpid()) in names.pop()
