"""dlnotes.training.progress: what a run shows, and how it is stopped."""

import os
import signal
import sys

import pytest

from dlnotes.training import (
    classification_loss,
    fit,
    load_checkpoint,
    progress,
)
from training.common import (
    assert_same_weights,
    hard_to_resume,
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
