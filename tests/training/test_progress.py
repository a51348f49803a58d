"""dlnotes.training.progress: what a run shows, and how it is stopped."""

import math
import os
import signal
import sys
import time

import pytest
import torch

from dlnotes.training import (
    classification_loss,
    fit,
    load_checkpoint,
    progress,
)
from training.common import (
    assert_same_weights,
    hard_to_resume,
    never,
    quiet,
    small_data,
    small_model,
    without_times,
)


def test_the_bar_shows_loss_and_validation_and_can_be_silent(capfd):
    options = dict(epochs=2, batch_size=10, validate=lambda m: {"score": 0.125}, device="cpu")
    history = fit(small_model(), classification_loss, small_data(), description="try", **options)
    shown = "".join(capfd.readouterr())
    assert f"loss {history.steps[-1]['loss']:.4g}, score 0.125" in shown
    assert "try" in shown and "10/10" in shown
    quiet(small_model(), small_data(), epochs=2, validate=lambda m: {"score": 0.125})
    assert capfd.readouterr() == ("", "")


# ---- Ctrl-C ------------------------------------------------------------------------------------


def interrupting(step, times=1):
    calls = []

    def loss(model, batch):
        calls.append(None)
        if len(calls) == 2 * step:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return classification_loss(model, batch)

    return loss


@pytest.fixture
def ctrl_c():
    """Python's own handler, which a test run in the background does not have."""
    if sys.platform == "win32":
        pytest.skip("a process cannot send itself Ctrl-C on Windows")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_ends_a_whole_step_saves_and_can_be_resumed(tmp_path, uninterrupted):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=r"stopped after step 8 of 15, saved in .*goes on"):
        hard_to_resume(tmp_path / "run", loss=interrupting(8), checkpoint_every=None)
    assert signal.getsignal(signal.SIGINT) is handler
    assert load_checkpoint(tmp_path / "run", small_model()).steps[-1]["step"] == 8
    model, history = hard_to_resume(tmp_path / "run")
    assert_same_weights(model, uninterrupted[0])
    assert without_times(history) == without_times(uninterrupted[1])


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_in_a_notebook_returns_the_history(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    _, history = hard_to_resume(None, loss=interrupting(3), checkpoint_every=None)
    assert history.interrupted and len(history.steps) == 3
    assert "stopped after step 3 of 15, not saved" in capsys.readouterr().out
    _, history = hard_to_resume(tmp_path / "run", loss=interrupting(15))
    assert not history.interrupted and len(history.epochs) == 3  # it was the last step


@pytest.mark.usefixtures("ctrl_c")
def test_an_ignored_interrupt_stays_ignored(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _, history = hard_to_resume(tmp_path / "run", loss=interrupting(3))
    finally:
        signal.signal(signal.SIGINT, before)
    assert not history.interrupted and len(history.steps) == 15


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_interrupt_ends_at_once(tmp_path):
    with pytest.raises(KeyboardInterrupt) as caught:
        hard_to_resume(tmp_path / "run", loss=interrupting(3, times=2))
    assert "stopped" not in str(caught.value)


# ---- a time limit ------------------------------------------------------------------------------


def test_a_time_limit_ends_a_whole_step_saves_and_can_be_resumed(tmp_path, uninterrupted, capsys):
    def slow(model, batch):
        time.sleep(0.02)  # two calls a step
        return classification_loss(model, batch)

    _, history = hard_to_resume(tmp_path / "run", loss=slow, checkpoint_every=None, max_seconds=0.2)
    taken = len(history.steps)
    assert history.interrupted and 2 <= taken <= 8
    assert capsys.readouterr().out == ""  # nobody pressed Ctrl-C
    saved = load_checkpoint(tmp_path / "run", small_model())
    assert saved.steps[-1]["step"] == taken
    model, history = hard_to_resume(tmp_path / "run", max_seconds=60)
    assert not history.interrupted
    assert_same_weights(model, uninterrupted[0])
    assert without_times(history) == without_times(uninterrupted[1])


def test_a_limit_of_nothing_takes_one_step_at_a_time(tmp_path, uninterrupted):
    for step in range(1, 16):
        model, history = hard_to_resume(tmp_path / "run", max_seconds=0)
        assert len(history.steps) == step and history.interrupted == (step < 15)
    assert_same_weights(model, uninterrupted[0])
    assert without_times(history) == without_times(uninterrupted[1])
    model, history = hard_to_resume(tmp_path / "run", loss=never, max_seconds=0)  # it is finished
    assert not history.interrupted


def test_without_a_checkpoint_a_time_limit_keeps_what_was_learned():
    model, untrained = small_model(), small_model()
    history = quiet(model, small_data(), epochs=2, max_seconds=0)
    assert history.interrupted and len(history.steps) == 1 and history.epochs == []
    assert not torch.equal(model[0].weight, untrained[0].weight)
    assert not quiet(model, small_data(), epochs=2, max_seconds=math.inf).interrupted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(max_seconds=-1.0), r"max_seconds must lie in \[0, inf\], got -1.0"),
        (dict(max_seconds=math.nan), "max_seconds must lie in"),
        (dict(max_seconds=5, processes=2), "max_seconds must be None with 2 processes, got 5"),
    ],
)
def test_a_wrong_time_limit_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        quiet(small_model(), small_data(), steps=1, **options)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_within_a_time_limit_is_still_ctrl_c(tmp_path):
    with pytest.raises(KeyboardInterrupt, match="stopped after step 3 of 15"):
        hard_to_resume(tmp_path, loss=interrupting(3), max_seconds=60)
    with pytest.raises(KeyboardInterrupt, match="stopped after step 4 of 15"):  # time is up, too
        hard_to_resume(tmp_path, loss=interrupting(1), max_seconds=0)
