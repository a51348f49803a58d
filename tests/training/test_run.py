"""dlnotes.training.run: learning rates, history and the best epoch."""

import inspect
import json
import math
from dataclasses import FrozenInstanceError, fields
from itertools import pairwise

import pytest
import torch
from torch import nn

from dlnotes.training import (
    History,
    fit,
    load_checkpoint,
    loop,
    run,
    schedule_factor,
)
from training.common import (
    assert_same_weights,
    quiet,
    small_data,
    small_model,
    without_times,
)

# ---- learning rates ----------------------------------------------------------------------------


def torch_rates(scheduler, total):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, rates = scheduler(optimizer), []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("total", [10, 11, 37])
def test_schedules_are_torchs(total):
    lr_scheduler = torch.optim.lr_scheduler
    cosine = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, total), total)
    one_cycle = torch_rates(
        lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=total, cycle_momentum=False), total
    )
    for name, expected in ("cosine", cosine), ("one_cycle", one_cycle), (None, [1.0] * total):
        ours = [schedule_factor(step, total, schedule=name) for step in range(total)]
        assert ours == pytest.approx(expected, abs=1e-12), name
    assert schedule_factor(total, total, schedule="cosine") == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("schedule", [None, "cosine"])
def test_warmup_rises_by_equal_steps_to_the_full_rate(schedule):
    rates = [schedule_factor(step, 100, schedule=schedule, warmup=0.2) for step in range(100)]
    rises = [b - a for a, b in pairwise([0.0, *rates[:21]])]
    assert rises == pytest.approx([1 / 21] * 21)
    assert rates[20] == 1 and max(rates) == 1
    if schedule == "cosine":
        assert rates[60] == pytest.approx(0.5)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_fit_follows_the_schedule(schedule):
    history = quiet(small_model(), small_data(), steps=9, batch_size=25, schedule=schedule,
                    learning_rate=0.03)  # fmt: skip
    expected = [0.03 * schedule_factor(step, 9, schedule=schedule) for step in range(9)]
    assert history.column("learning_rate")[1] == pytest.approx(expected)
    warm = quiet(small_model(), small_data(), steps=9, warmup=0.5, learning_rate=0.03, batch_size=9)
    assert warm.steps[0]["learning_rate"] < warm.steps[1]["learning_rate"] < 0.03


def test_the_learning_rate_of_a_step_is_the_one_it_used():
    data = (torch.ones(4, 1), torch.zeros(4))
    model, weights = nn.Linear(1, 1, bias=False), []

    def loss(model, batch):
        weights.append(model.weight.item())
        return model(batch[0]).mean()  # the gradient is 1

    history = fit(model, loss, data, steps=5, batch_size=4, schedule="cosine", progress=False,
                  optimizer=lambda p: torch.optim.SGD(p, lr=0.1))  # fmt: skip
    moves = [a - b for a, b in pairwise([*weights, model.weight.item()])]
    assert moves == pytest.approx(history.column("learning_rate")[1], abs=1e-6)


# ---- history, best and progress ----------------------------------------------------------------


def test_history_survives_json():
    history = quiet(small_model(), small_data(), epochs=2, validate=lambda m: {"a": 1},
                    monitor="a", batch_size=20)  # fmt: skip
    assert History.from_dict(json.loads(json.dumps(history.to_dict()))) == history
    assert history.seconds >= history.epochs[-1]["seconds"] >= history.epochs[0]["seconds"] > 0


def test_a_missing_column_names_those_there_are():
    history = quiet(small_model(), small_data(), steps=1, validate=lambda m: {"score": 1})
    with pytest.raises(ValueError, match=r"name must be one of .*loss.*score.*, got 'accuracy'"):
        history.column("accuracy")
    with pytest.raises(ValueError, match="against must be one of 'step', 'epoch', got 'time'"):
        history.column("loss", against="time")


@pytest.mark.parametrize(("monitor", "best"), [("score", 2), ("-score", 1), ("-train_loss", 4)])
def test_the_best_epoch_is_kept(tmp_path, monitor, best):
    scores, states = iter([3, 1, 5, 5]), []
    model = small_model()

    def validate(model):
        states.append({name: x.clone() for name, x in model.state_dict().items()})
        return {"score": next(scores)}

    history = quiet(model, small_data(), epochs=4, batch_size=25, validate=validate,
                    monitor=monitor, checkpoint=tmp_path, learning_rate=0.01)  # fmt: skip
    if monitor == "-train_loss":
        losses = history.column("train_loss")[1]
        best = losses.index(min(losses))
    assert history.best == history.epochs[best]
    restored = small_model()
    assert without_times(load_checkpoint(tmp_path, restored, best=True)) == without_times(history)
    torch.testing.assert_close(restored.state_dict(), states[best], rtol=0, atol=0)
    load_checkpoint(tmp_path, restored)
    assert_same_weights(restored, model)
    files = sorted(path.name.split("-")[0] for path in tmp_path.iterdir())
    assert files == ["best", "last", "last.pt"]


def test_a_nan_is_never_the_best():
    scores = iter([math.nan, 1.0, math.nan, 2.0])
    history = quiet(small_model(), small_data(), epochs=4, validate=lambda m: {"s": next(scores)},
                    monitor="-s")  # fmt: skip
    assert history.best["s"] == 1


def test_without_a_checkpoint_or_a_best_loading_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        load_checkpoint(tmp_path, small_model())
    quiet(small_model(), small_data(), steps=1, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="best must be False"):
        load_checkpoint(tmp_path, small_model(), best=True)


# ---- what a resumed run must share -------------------------------------------------------------


def test_the_settings_that_must_agree_are_marked_where_they_are_declared():
    marked = {item.name for item in fields(run.Job) if item.metadata.get("on_resume") == "same"}
    assert marked == {
        *("batch_size", "schedule", "warmup", "monitor", "precision", "processes", "accumulate"),
        *("clip_norm", "seed"),
    }


def test_every_option_of_fit_has_its_place_in_the_job():
    options = set(inspect.signature(fit).parameters)
    names = {item.name for item in fields(run.Job)}
    assert options - names == {"train", "epochs", "steps", "max_seconds"}
    assert names - options == {"data", "total", "per_epoch", "stop"}


def test_a_job_cannot_be_changed(monkeypatch):
    jobs = []
    monkeypatch.setattr(loop, "_run", lambda fabric, job: jobs.append(job) or History())
    quiet(small_model(), small_data(), steps=1)
    with pytest.raises(FrozenInstanceError):
        jobs[0].seed = 3
