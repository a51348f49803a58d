"""A checkpoint folder: what is the user's stays, what is damaged is noticed, and one run has it."""

import errno
import json
import multiprocessing
import os
import random
import re
import signal
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn

from dlnotes.data.files import DataError
from dlnotes.files import BusyError
from dlnotes.training import checkpoints, classification_loss, fit, load_checkpoint
from training.common import (
    Died,
    assert_same_weights,
    dies_at,
    hard_to_resume,
    needs_fork,
    never,
    plain_model,
    quiet,
    score,
    small_data,
    small_model,
    without_times,
)

needs_permissions = pytest.mark.skipif(
    sys.platform == "win32" or (hasattr(os, "geteuid") and os.geteuid() == 0),
    reason="needs permissions that hold",
)


def short(folder, *, steps=2, model=None, **options):
    model = model or plain_model(torch.float32)
    return model, quiet(model, small_data(), steps=steps, checkpoint=folder, **options)


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- what is the user's ------------------------------------------------------------------------

THEIRS = (
    "best-2024.safetensors", "last-7.safetensors", ".film.mp4.part", "last-00000002.safetensors",
    "best-00000002.safetensors", f".last.pt.{os.getpid()}.part", "SHA256SUMS", "notes.txt",
)  # fmt: skip


@pytest.mark.parametrize("resume", [True, False])
def test_files_of_the_user_are_neither_deleted_nor_written_over(tmp_path, resume):
    for name in THEIRS:
        (tmp_path / name).write_text("my only copy")
    scores = iter(range(9))
    options = dict(validate=lambda m: {"s": next(scores)}, monitor="s", batch_size=25)
    for steps in 2, 4, 6:
        short(tmp_path, steps=steps, resume=resume, **options)
        assert {(tmp_path / name).read_text() for name in THEIRS} == {"my only copy"}
        ours = set(listed(tmp_path)) - set(THEIRS)
        assert len(ours) == 3 and "last.pt" in ours
        assert load_checkpoint(tmp_path, plain_model(), best=True).best["step"] == steps


def test_what_a_killed_run_left_is_removed_only_if_it_noted_it(tmp_path):
    noted = ["last-00000009.safetensors", ".last-00000009.safetensors.12.ab34.part", "notes.txt"]
    for name in (*noted, "last-00000008.safetensors", "../outside"):
        (tmp_path / "run" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_text("x")
    (tmp_path / "run" / checkpoints.LOCK).write_text(json.dumps([*noted, "../outside"]))
    short(tmp_path / "run")
    assert listed(tmp_path / "run") == [
        "last-00000002.safetensors", "last-00000008.safetensors", "last.pt", "notes.txt",
    ]  # fmt: skip
    assert (tmp_path / "outside").exists()


@pytest.mark.parametrize("noted", ["", "{", "[3, null]", '{"a": 1}', "\xff"])
def test_a_note_that_cannot_be_read_deletes_nothing(tmp_path, noted):
    (tmp_path / checkpoints.LOCK).write_bytes(noted.encode("latin-1"))
    short(tmp_path)
    assert listed(tmp_path) == ["last-00000002.safetensors", "last.pt"]


def test_a_state_cannot_name_a_file_elsewhere(tmp_path):
    short(tmp_path / "run")
    (tmp_path / "mine.safetensors").write_text("x")
    state = checkpoints.read(tmp_path / "run") | {"last": "../mine.safetensors"}
    checkpoints.write_state(tmp_path / "run", state)
    with pytest.raises(DataError, match=r"names '\.\./mine.safetensors', which is no file of"):
        short(tmp_path / "run", steps=4)
    short(tmp_path / "run", resume=False)
    assert (tmp_path / "mine.safetensors").exists()


@needs_fork
def test_a_killed_run_leaves_nothing_that_the_next_does_not_clear_away(tmp_path):
    moments = random.Random(3)
    for _ in range(6):
        child = os.fork()
        if child == 0:
            hard_to_resume(tmp_path, checkpoint_every=1)
            os._exit(0)
        time.sleep(moments.uniform(0.02, 0.12))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    hard_to_resume(tmp_path)
    assert [re.sub(r"-.*", "", name) for name in listed(tmp_path)] == ["best", "last", "last.pt"]


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_not_the_current_folder(name):
    with pytest.raises(ValueError, match="checkpoint must be the name of a folder, or None, got '"):
        short(name)
    with pytest.raises(TypeError, match="checkpoint must be a path, or None, got int"):
        short(3)


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("content", [b"text", "zip", "tensor"])
def test_a_file_of_that_name_which_is_no_checkpoint_stays(tmp_path, content, resume):
    path = tmp_path / "last.pt"
    if content == b"text":
        path.write_bytes(content)
    else:
        torch.save({"tensor": torch.ones(3), "zip": {"epoch": 3}}[content], path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"last\.pt (is|was) not .*use another folder"):
        short(tmp_path, resume=resume)
    assert path.read_bytes() == before and listed(tmp_path) == ["last.pt"]


def test_resume_false_takes_the_files_of_the_old_run_along(tmp_path):
    short(tmp_path, steps=7)
    short(tmp_path, steps=2, resume=False)
    assert listed(tmp_path) == ["last-00000002.safetensors", "last.pt"]


# ---- what is damaged ---------------------------------------------------------------------------


def test_each_flipped_bit_is_noticed(tmp_path):
    model, _ = short(tmp_path, validate=lambda m: {"s": 1}, monitor="s")
    bits, places = random.Random(0), {"last.pt": "last", "last-00000002.safetensors": "last",
                                      "best-00000002.safetensors": "best"}  # fmt: skip
    for name, which in places.items():
        path = tmp_path / name
        content = path.read_bytes()
        everywhere = [bits.randrange(8 * len(content)) for _ in range(60)]
        for bit in [*everywhere, *range(8 * len(content) - 8, 8 * len(content)), 0]:
            raw = bytearray(content)
            raw[bit // 8] ^= 1 << bit % 8
            path.write_bytes(raw)
            with pytest.raises(DataError, match=rf"{re.escape(name)} is "):
                load_checkpoint(tmp_path, small_model(), best=which == "best")
        path.write_bytes(content)
    load_checkpoint(tmp_path, found := plain_model(torch.float32), best=True)
    assert_same_weights(found, model)


def test_weights_of_another_run_are_noticed_and_the_model_is_spared(tmp_path):
    for seed in 0, 1:
        short(tmp_path / str(seed), seed=seed)
    weights = "last-00000002.safetensors"
    (tmp_path / "0" / weights).write_bytes((tmp_path / "1" / weights).read_bytes())
    model = plain_model(torch.float32)
    with pytest.raises(DataError, match=rf"{weights} is damaged: .* Delete .*last\.pt and train"):
        short(tmp_path / "0", steps=4, model=model)
    assert_same_weights(model, plain_model(torch.float32))
    (tmp_path / "0" / weights).unlink()
    with pytest.raises(DataError, match=rf"not whole: {weights} is missing.* put it back"):
        short(tmp_path / "0", steps=4)


@pytest.mark.parametrize("length", [0, 1, 200, -1, -80, -200])
def test_a_state_cut_short_is_damaged(tmp_path, length):
    short(tmp_path)
    path = tmp_path / "last.pt"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"last\.pt is "):
        short(tmp_path)


# ---- what is not damaged, and what is to be done -----------------------------------------------


def refused(error, folder):
    """A message names the folder, and never takes up torch's advice or calls a file damaged."""
    text = str(error.value)
    assert str(folder) in text and "another folder" in text
    assert "weights_only" not in text and "damaged" not in text and "Delete" not in text
    return text


def test_numbers_of_numpy_in_settings_and_history_go_on(tmp_path):
    options = dict(optimizer=lambda p: torch.optim.SGD(p, lr=np.float64(0.1)), seed=np.int64(3),
                   validate=lambda m: {"s": np.float32(1)}, monitor="s",
                   clip_norm=np.float64(1.0))  # fmt: skip
    _, first = short(tmp_path, steps=np.int64(2), **options)
    options |= dict(optimizer=lambda p: torch.optim.SGD(p, lr=0.1), seed=3, clip_norm=1.0)
    _, second = short(tmp_path, steps=4, **options)
    assert second.steps[:2] == first.steps and len(second.steps) == 4


def test_other_versions_of_dlnotes_and_torch_are_named(tmp_path, monkeypatch):
    short(tmp_path)
    state = checkpoints.read(tmp_path)
    torch.save(state, tmp_path / "last.pt")  # as they were before they had sums
    with pytest.raises(DataError, match="not written by this version of dlnotes") as error:
        short(tmp_path)
    refused(error, tmp_path)
    monkeypatch.setattr(checkpoints, "VERSION", 3)
    checkpoints.write_state(tmp_path, state)
    monkeypatch.undo()
    with pytest.raises(DataError, match="not written by this version of dlnotes") as error:
        short(tmp_path)
    refused(error, tmp_path)
    checkpoints.write_state(tmp_path, state)

    def fail(*_, **__):
        raise RuntimeError("set weights_only=False")

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(DataError, match=r"written by torch \d.* and cannot be read by") as error:
        short(tmp_path)
    refused(error, tmp_path)
    assert error.value.__suppress_context__


def test_an_old_checkpoint_is_overwritten_if_asked(tmp_path):
    short(tmp_path, steps=5)
    torch.save(checkpoints.read(tmp_path), tmp_path / "last.pt")
    short(tmp_path, resume=False)
    assert listed(tmp_path) == ["last-00000002.safetensors", "last.pt"]


def test_folders_in_place_of_files_and_files_in_place_of_folders(tmp_path):
    (tmp_path / "a" / "last.pt").mkdir(parents=True)
    for resume in True, False:
        with pytest.raises(DataError, match="is a folder, where a file belongs") as error:
            short(tmp_path / "a", resume=resume)
        refused(error, tmp_path / "a")
    (tmp_path / "b").write_text("x")
    for call in (short, lambda folder: load_checkpoint(folder, small_model())):
        with pytest.raises(ValueError, match=r"must be a folder, got .*, which is a file"):
            call(tmp_path / "b")
    with pytest.raises(DataError, match="cannot be written") as error:
        short(tmp_path / "b" / "c")
    refused(error, tmp_path / "b" / "c")


@pytest.mark.parametrize(
    ("code", "remedy"), [(errno.EACCES, "allow it"), (errno.EIO, "mend that, or use another")]
)
def test_a_checkpoint_that_cannot_be_read_says_so(tmp_path, monkeypatch, code, remedy):
    short(tmp_path)

    def fail(path):
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(checkpoints.Path, "read_bytes", fail)
    with pytest.raises(DataError, match=f"cannot be read: {os.strerror(code)}.*{remedy}") as error:
        short(tmp_path)
    refused(error, tmp_path)


@needs_permissions
def test_without_permission_a_finished_run_is_read_and_another_one_refused(tmp_path):
    short(tmp_path)
    try:
        tmp_path.chmod(0o500)
        short(tmp_path, model=small_model()[:0] or plain_model(torch.float32))
        with pytest.raises(DataError, match="cannot be written: allow it") as error:
            short(tmp_path, steps=3)
        refused(error, tmp_path)
        (tmp_path / "last.pt").chmod(0)
        with pytest.raises(DataError, match="cannot be read: Permission denied") as error:
            short(tmp_path)
        refused(error, tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_cannot_be_written_is_noticed_before_training(tmp_path, monkeypatch):
    short(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(DataError, match=r"cannot be written: allow it") as error:
        fit(plain_model(torch.float32), never, small_data(), steps=1, batch_size=9, device="cpu",
            progress=False, checkpoint=tmp_path / "new")  # fmt: skip
    refused(error, tmp_path)
    short(tmp_path)  # a finished run only loads


@needs_fork
@pytest.mark.parametrize("size", [0, 1000, 3000])
def test_a_full_disk_keeps_the_checkpoint_before(tmp_path, size):
    resource = pytest.importorskip("resource")
    short(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        text = "no error"
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            short(tmp_path, steps=4)
        except DataError as error:
            text = str(error)
        finally:
            os.write(writer, text.encode())
            os._exit(0)
    os.waitpid(child, 0)
    text = os.read(reader, 10_000).decode()
    assert re.search("cannot be written: .*; free some space there, or use another folder", text)
    assert "as it was" in text and str(tmp_path) in text
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(short(tmp_path, steps=4)[1].steps) == 4


@pytest.mark.parametrize("moment", ["before", "after"])
def test_ctrl_c_while_a_checkpoint_is_written_leaves_a_whole_one(tmp_path, monkeypatch, moment):
    short(tmp_path)
    replace = os.replace

    def interrupted(source, target):
        if moment == "after" or target.name != "last.pt":
            replace(source, target)
        if target.name == "last.pt":
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        short(tmp_path, steps=4)
    monkeypatch.undo()
    step = {"before": 2, "after": 4}[moment]
    assert load_checkpoint(tmp_path, plain_model(torch.float32)).steps[-1]["step"] == step
    assert f"last-{step:08d}.safetensors" in listed(tmp_path)


def test_what_no_checkpoint_can_hold_is_named(tmp_path):
    class Odd(torch.optim.SGD):
        def state_dict(self):
            return super().state_dict() | {"odd": object()}

    with pytest.raises(TypeError, match=r"got state\['optimizer'\]\['odd'\], a object"):
        short(tmp_path, optimizer=lambda p: Odd(p, lr=0.1))


# ---- buffers that are in no state dict ---------------------------------------------------------


class Counting(nn.Module):
    """Has what moves with training and is in no state dict; one buffer grows."""

    def __init__(self):
        super().__init__()
        self.layer = plain_model(torch.float32)
        self.register_buffer("total", torch.zeros(()), persistent=False)
        self.register_buffer("seen", None, persistent=False)

    def forward(self, x):
        if self.training:
            self.total += x.mean()
            old = x.new_zeros(0) if self.seen is None else self.seen
            self.seen = torch.cat([old, x.mean()[None]])
        return self.layer(x) * (1 + self.total)


def test_buffers_that_are_not_in_the_state_dict_go_on(tmp_path):
    def validate(model):
        return {"score": score(model)}

    options = dict(epochs=2, batch_size=10, validate=validate, monitor="score", checkpoint_every=2)
    whole, resumed = Counting(), Counting()
    expected = quiet(whole, small_data(), **options, checkpoint=tmp_path / "whole")
    quiet(Counting(), small_data(), **options, checkpoint=tmp_path / "run", max_seconds=0)
    history = quiet(resumed, small_data(), **options, checkpoint=tmp_path / "run")
    assert without_times(history) == without_times(expected)
    assert torch.equal(resumed.total, whole.total) and torch.equal(resumed.seen, whole.seen)
    load_checkpoint(tmp_path / "run", best := Counting(), best=True)
    assert score(best.eval()) == history.best["score"] and len(best.seen) == history.best["step"]


# ---- one run at a time -------------------------------------------------------------------------


def test_a_second_run_in_the_folder_is_refused_and_the_first_goes_on(tmp_path):
    def loss(model, batch):
        with pytest.raises(BusyError, match=f"{tmp_path} is used by another run: .*another folder"):
            short(tmp_path, steps=1)
        return classification_loss(model, batch)

    fit(plain_model(torch.float32), loss, small_data(), steps=2, batch_size=25, checkpoint=tmp_path,
        progress=False, device="cpu")  # fmt: skip
    assert listed(tmp_path) == ["last-00000002.safetensors", "last.pt"]


def run_in(folder, results):
    try:
        hard_to_resume(folder, checkpoint_every=1, resume=False, epochs=20)
        results.put("finished")
    except Exception as error:
        results.put(type(error).__name__)


@needs_fork
def test_of_two_processes_one_has_the_folder_and_a_killed_one_lets_go(tmp_path):
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    both = [context.Process(target=run_in, args=(tmp_path, results)) for _ in range(2)]
    for process in both:
        process.start()
    assert results.get() == "BusyError" and results.get() == "finished"
    for process in both:
        process.join()
    killed = context.Process(target=run_in, args=(tmp_path, results))
    killed.start()
    while not (tmp_path / checkpoints.LOCK).exists():
        time.sleep(0.005)
    killed.kill()
    killed.join()
    assert (tmp_path / checkpoints.LOCK).exists()
    hard_to_resume(tmp_path, resume=False)
    assert not (tmp_path / checkpoints.LOCK).exists()


def test_a_run_that_failed_lets_go_of_its_folder(tmp_path):
    with pytest.raises(Died):
        hard_to_resume(tmp_path, loss=dies_at(5))
    hard_to_resume(tmp_path)


@needs_fork
def test_several_processes_of_one_run_share_its_folder(tmp_path):
    data = small_data(50, torch.float64)
    options = dict(steps=2, processes=2, batch_size=10, checkpoint=tmp_path)
    quiet(plain_model(), data, **options)
    with open(tmp_path / checkpoints.LOCK, "w") as file:
        fcntl = pytest.importorskip("fcntl")
        fcntl.lockf(file, fcntl.LOCK_EX, 1, 2**30)
        with pytest.raises(BusyError, match="is used by another run"):
            quiet(plain_model(), data, **options)
