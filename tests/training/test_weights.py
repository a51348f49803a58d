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
