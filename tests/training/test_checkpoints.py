"""dlnotes.training.checkpoints: whatever ends a run, it goes on bit for bit."""

import os
import random
import signal
import time

import pytest
import torch
from torch import nn

from dlnotes.data.files import DataError
from dlnotes.training import (
    checkpoints,
    classification_loss,
    load_checkpoint,
    weights,
)
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
    sgd,
    small_data,
    small_model,
    without_times,
)


@pytest.mark.parametrize("call", [1, 4, 5, 7, 10, 11, 12, 22, 30])
def test_a_run_that_died_at_any_step_goes_on_bit_for_bit(tmp_path, uninterrupted, call):
    folder = tmp_path / "run"
    with pytest.raises(Died):
        hard_to_resume(folder, loss=dies_at(call))
    torch.randn(call)  # the state of the caller's generator does not matter
    model, history = hard_to_resume(folder)
    assert_same_weights(model, uninterrupted[0])
    assert without_times(history) == without_times(uninterrupted[1])


def test_a_run_that_died_twice_goes_on_bit_for_bit(tmp_path, uninterrupted):
    for call in 9, 8:
        with pytest.raises(Died):
            hard_to_resume(tmp_path / "run", loss=dies_at(call))
    model, history = hard_to_resume(tmp_path / "run")
    assert_same_weights(model, uninterrupted[0])
    assert without_times(history) == without_times(uninterrupted[1])


def test_a_run_that_died_while_validating_goes_on_bit_for_bit(tmp_path, uninterrupted):
    def validate(model):
        raise Died

    with pytest.raises(Died):
        hard_to_resume(tmp_path / "run", validate=validate, checkpoint_every=5)
    settings_differ = pytest.raises(Died)
    with settings_differ:
        hard_to_resume(tmp_path / "run", validate=validate)
    model, history = hard_to_resume(tmp_path / "run")
    assert_same_weights(model, uninterrupted[0])
    assert without_times(history) == without_times(uninterrupted[1])


def in_a_child(function):
    """Run a function in a forked process and return that process's id."""
    child = os.fork()
    if child == 0:
        try:
            function()
        finally:
            os._exit(0)
    return child


@needs_fork
def test_a_run_killed_at_random_moments_goes_on_bit_for_bit(tmp_path, uninterrupted):
    moments, kills = random.Random(1), 0

    def slow(model, batch):
        time.sleep(0.01)  # 30 calls in all
        return classification_loss(model, batch)

    for attempt in range(4):
        folder = tmp_path / f"run{attempt}"
        for _ in range(3):
            child = in_a_child(lambda folder=folder: hard_to_resume(folder, loss=slow))
            time.sleep(moments.uniform(0.01, 0.15))
            os.kill(child, signal.SIGKILL)
            kills += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        model, history = hard_to_resume(folder)
        assert_same_weights(model, uninterrupted[0])
        assert without_times(history) == without_times(uninterrupted[1])
        assert not list(folder.glob(".*"))
    assert kills >= 4  # else this test has not killed what it says


@needs_fork
@pytest.mark.parametrize(
    ("place", "moment"),
    [
        *((place, when) for place in ("save_file", "torch.save") for when in ("half-way", "after")),
        *((place, when) for place in ("os.replace", "unlink") for when in ("before", "after")),
    ],
)
def test_a_run_killed_while_it_writes_a_checkpoint_goes_on_bit_for_bit(
    tmp_path, uninterrupted, monkeypatch, place, moment
):
    owner, name = {
        "save_file": (weights, "save_file"),
        "torch.save": (torch, "save"),
        "os.replace": (os, "replace"),
        "unlink": (weights.Path, "unlink"),
    }[place]
    original, killed = getattr(owner, name), 0
    for call in 1, 2, 3, 6, 9, 13:
        calls = []

        def deadly(*arguments, call=call, calls=calls, **options):
            calls.append(None)
            if len(calls) == call and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            original(*arguments, **options)
            if len(calls) == call and moment == "half-way":
                os.truncate(arguments[1], os.path.getsize(arguments[1]) // 2)
            if len(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)

        folder = tmp_path / f"run{call}"
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, deadly)
            child = in_a_child(lambda folder=folder: hard_to_resume(folder))
            killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        if (folder / "last.pt").exists() and (best := load_checkpoint(folder, small_model()).best):
            load_checkpoint(folder, model := small_model(), best=True)
            assert score(model.eval()) == best["score"]
        model, history = hard_to_resume(folder)
        assert_same_weights(model, uninterrupted[0])
        assert without_times(history) == without_times(uninterrupted[1])
    assert killed >= 5


def test_seconds_add_up_over_the_sessions_of_a_run(tmp_path):
    options = dict(checkpoint=tmp_path, batch_size=25)
    first = quiet(small_model(), small_data(), epochs=1, **options,
                  validate=lambda model: {"a": time.sleep(0.2) or 1})  # fmt: skip
    assert 0.2 <= first.seconds < 2
    second = quiet(small_model(), small_data(), epochs=2, **options, validate=lambda m: {"a": 1})
    assert first.seconds < second.epochs[1]["seconds"] <= second.seconds < first.seconds + 2


def test_a_finished_run_only_loads_its_weights(tmp_path, uninterrupted, capfd):
    model, history = hard_to_resume(tmp_path / "uninterrupted", loss=never, progress=True)
    assert_same_weights(model, uninterrupted[0])
    assert history == uninterrupted[1]
    assert capfd.readouterr().err == ""


def test_resume_false_starts_anew(tmp_path, uninterrupted):
    folder = tmp_path / "uninterrupted"
    with pytest.raises(AssertionError, match="trained"):
        hard_to_resume(folder, loss=never, resume=False)
    assert not (folder / "last.pt").exists()
    model, _ = hard_to_resume(folder, resume=False)
    assert_same_weights(model, uninterrupted[0])


def test_more_epochs_or_steps_continue_as_if_asked_for_at_once(tmp_path):
    options = dict(schedule=None, warmup=0.0)
    reference, expected = hard_to_resume(tmp_path / "once", epochs=4, **options)
    hard_to_resume(tmp_path / "more", epochs=1, **options)
    hard_to_resume(tmp_path / "more", epochs=None, steps=12, **options)  # within the third
    model, history = hard_to_resume(tmp_path / "more", epochs=4, **options)
    assert_same_weights(model, reference)
    assert history.steps == expected.steps
    assert [row["step"] for row in history.epochs] == [5, 10, 12, 15, 20]
    with pytest.raises(ValueError, match="is at step 20, beyond the 5 asked for"):
        hard_to_resume(tmp_path / "more", epochs=1, **options)


def test_steps_can_be_cut_to_those_already_taken(tmp_path):
    options = dict(schedule=None, warmup=0.0, epochs=None)
    with pytest.raises(Died):
        hard_to_resume(tmp_path, loss=dies_at(6), steps=9, **options)  # saved after step 2
    _, history = hard_to_resume(tmp_path, loss=never, steps=2, **options)
    assert [row["step"] for row in history.epochs] == [2] and history.best["step"] == 2


@pytest.mark.parametrize("options", [dict(schedule="cosine"), dict(warmup=0.5)])
def test_a_schedule_cannot_grow(tmp_path, options):
    quiet(small_model(), small_data(), steps=2, checkpoint=tmp_path, **options)
    with pytest.raises(ValueError, match="has a schedule for 2 steps, which cannot become 3"):
        quiet(small_model(), small_data(), steps=3, checkpoint=tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(seed=1), "seed was 0, is 1"),
        (dict(batch_size=10), "batch_size was 11, is 10"),
        (dict(schedule=None), "schedule was cosine, is None"),
        (dict(clip_norm=None), "clip_norm was 1.0, is None"),
        (dict(accumulate=1), "accumulate was 2, is 1"),
        (dict(precision="bf16-mixed"), "precision was 32-true, is bf16-mixed"),
        (dict(monitor="-score"), "monitor was score, is -score"),
        (dict(learning_rate=0.5), r"optimizer was AdamW.*0\.02.*, is AdamW.*0\.5"),
        (dict(optimizer=sgd), "optimizer was AdamW .*, is SGD"),
        (dict(epochs=4), "has a schedule for 15 steps, which cannot become 20"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(tmp_path, uninterrupted, options, message):
    with pytest.raises(ValueError, match=f"checkpoint .*{message}.*resume=False"):
        hard_to_resume(tmp_path / "uninterrupted", **options)


def test_a_checkpoint_of_another_model_or_other_data_is_refused(tmp_path):
    options = dict(steps=2, checkpoint=tmp_path, batch_size=5)
    quiet(plain_model(torch.float32), small_data(), **options)
    wide = nn.Sequential(nn.Linear(4, 9), nn.Tanh(), nn.Linear(9, 2))
    with pytest.raises(ValueError, match=r"model\.0\.weight was \(8, 4\), is \(9, 4\)"):
        quiet(wide, small_data(), **options)
    deep = nn.Sequential(*plain_model(torch.float32), nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"model\.3\.weight was missing, is \(2, 2\)"):
        quiet(deep, small_data(), **options)
    with pytest.raises(ValueError, match=r"train\[0\] was \(50, 4, .*, is \(40, 4"):
        quiet(plain_model(torch.float32), small_data(40), **options)
    x, y = small_data()
    with pytest.raises(ValueError, match=r"train\[0\] was \(50, 4, .*, is \(50, 4"):
        quiet(plain_model(torch.float32), (x + 1, y), **options)


def test_a_damaged_checkpoint_is_named(tmp_path):
    quiet(small_model(), small_data(), steps=2, checkpoint=tmp_path)
    path = tmp_path / "last.pt"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"last\.pt is damaged: .*Delete"):
        quiet(small_model(), small_data(), steps=2, checkpoint=tmp_path)


def test_a_checkpoint_of_a_gpu_goes_on_here(tmp_path, uninterrupted):
    with pytest.raises(Died):
        hard_to_resume(tmp_path / "run", loss=dies_at(22))
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert state["device"] == "cpu"
    state["device"] = "cuda"  # whose generators have a state of 16 bytes
    state["augmentation"] = torch.zeros(16, dtype=torch.uint8)
    state["random"]["cuda"] = torch.zeros(1, 16, dtype=torch.uint8)
    checkpoints.write_state(tmp_path / "run", state)
    _, history = hard_to_resume(tmp_path / "run")
    before = uninterrupted[1].steps
    assert history.steps[:10] == before[:10] and len(history.steps) == 15


def test_a_checkpoint_from_before_devices_were_noted_goes_on(tmp_path, uninterrupted):
    with pytest.raises(Died):
        hard_to_resume(tmp_path / "run", loss=dies_at(22))
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    del state["device"]
    checkpoints.write_state(tmp_path / "run", state)
    model, history = hard_to_resume(tmp_path / "run")
    assert_same_weights(model, uninterrupted[0])
    assert without_times(history) == without_times(uninterrupted[1])
