"""dlnotes.training: fit is the bare loop, whatever interrupts it; batches lose nothing."""

import hashlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from dlnotes import training
from dlnotes.data import Split
from dlnotes.data.files import DataError
from dlnotes.training import (
    History,
    accuracy,
    batches,
    classification_loss,
    fit,
    load_checkpoint,
    load_weights,
    predict,
    progress,
    run,
    save_weights,
    schedule_factor,
    weights,
    weights_metadata,
)

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """Do not wait for the disk: that protects from power cuts, which are not tested."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def small_data(n=50, dtype=torch.float32):
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(n, 4, generator=generator, dtype=dtype)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def small_model(dropout=0.0, dtype=torch.float32):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        layers = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 2)
        return nn.Sequential(*layers).to(dtype)


def plain_model(dtype=torch.float64):
    """Without batch normalisation and dropout: the gradient is a mean over samples."""
    model = small_model(dtype=dtype)
    return nn.Sequential(model[0], model[2], model[4])


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def quiet(model, *arguments, **options):
    options = dict(batch_size=10, progress=False, device="cpu") | options
    return fit(model, classification_loss, *arguments, **options)


def assert_same_weights(ours, theirs, **tolerance):
    tolerance = tolerance or {"rtol": 0, "atol": 0}
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), **tolerance)


def without_times(history):
    values = json.loads(json.dumps(history.to_dict()))
    del values["seconds"]
    for row in [*values["epochs"], values["best"] or {}]:
        row.pop("seconds", None)
    return values


# ---- batches -----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), shuffle=st.booleans())
def test_an_epoch_has_every_sample_once_and_keeps_rows_together(n, batch_size, shuffle):
    x, y = torch.arange(n), torch.arange(n)[:, None] * torch.tensor([1.0, -1.0])
    parts = list(batches((x, y), batch_size, shuffle=shuffle))
    assert [len(a) for a, _ in parts[:-1]] == [batch_size] * (math.ceil(n / batch_size) - 1)
    xs, ys = (torch.cat(column) for column in zip(*parts, strict=True))
    assert sorted(xs.tolist()) == list(range(n))
    assert (ys[:, 0] == xs).all() and (ys[:, 1] == -xs).all()


def test_the_order_is_one_permutation_per_epoch_drawn_from_the_generator():
    x = torch.arange(20)
    ours, reference = (torch.Generator().manual_seed(3) for _ in range(2))
    for _ in range(2):
        order = torch.cat([a for (a,) in batches(x, 6, generator=ours)])
        assert (order == torch.randperm(20, generator=reference)).all()


def test_a_generator_leaves_torchs_own_alone_and_none_uses_it():
    before = torch.get_rng_state()
    list(batches(torch.arange(9), 2, generator=torch.Generator()))
    list(batches(torch.arange(9), 2, shuffle=False))
    assert (torch.get_rng_state() == before).all()
    list(batches(torch.arange(9), 2))
    assert not (torch.get_rng_state() == before).all()


def test_without_shuffling_batches_are_views_in_order():
    x = torch.arange(7)
    parts = [a for (a,) in batches(x, 3, shuffle=False)]
    assert [a.tolist() for a in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    assert parts[1].data_ptr() == x[3:].data_ptr()


def test_drop_last_leaves_out_only_a_smaller_last_batch():
    assert [len(a) for (a,) in batches(torch.arange(7), 3, drop_last=True)] == [3, 3]
    assert [len(a) for (a,) in batches(torch.arange(6), 3, drop_last=True)] == [3, 3]


def test_batches_work_per_batch_and_never_per_sample():
    class Count(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            calls.append(function.overloadpacket.__name__)
            return function(*args, **(kwargs or {}))

    calls = []
    with Count():
        list(batches((torch.randn(1000, 3), torch.arange(1000)), 100))
    assert calls.count("index_select") == 2 * 10
    assert len(calls) < 60


def test_a_test_set_is_refused_for_training_but_not_for_evaluation():
    data = Split(*small_data(), name="test", dataset="digits")
    with pytest.raises(ValueError, match=r"train must be a Split .* got 'test'"):
        batches(data, 10)
    with pytest.raises(ValueError, match=r"train must be a Split .* got 'test'"):
        quiet(small_model(), data.map(lambda x: 2 * x).take(20), epochs=1, batch_size=5)
    assert len(list(batches(data, 10, shuffle=False))) == 5
    assert 0 <= accuracy(small_model(), data) <= 1
    quiet(small_model(), Split(*small_data(), name="train", dataset="digits"), steps=1)


@pytest.mark.parametrize(
    ("data", "size", "error", "message"),
    [
        (torch.zeros(0, 3), 2, ValueError, "at least 1 sample, got 0"),
        ((torch.zeros(3), torch.zeros(4)), 2, ValueError, r"equal length, got lengths \[3, 4\]"),
        ((torch.zeros(3), torch.tensor(1.0)), 2, ValueError, "equal length"),
        ((), 2, ValueError, "equal length"),
        ([1, 2], 2, TypeError, "tuple of tensors, got list"),
        ("text", 2, TypeError, "tuple of tensors, got str"),
        (torch.zeros(3), 0, ValueError, "batch_size must be at least 1, got 0"),
        (torch.zeros(3), 2.0, TypeError, "batch_size must be an integer"),
    ],
)
def test_batches_name_what_is_wrong_at_the_call(data, size, error, message):
    with pytest.raises(error, match=message):
        batches(data, size)


def test_no_batch_at_all_is_an_error():
    with pytest.raises(ValueError, match="batch_size must be at most the 3 samples, got 4"):
        batches(torch.zeros(3), 4, drop_last=True)


# ---- predict and accuracy ----------------------------------------------------------------------


def test_predictions_in_batches_are_those_of_all_inputs_at_once_in_eval_mode():
    model, (x, _) = small_model(dropout=0.5, dtype=torch.float64), small_data(dtype=torch.float64)
    model[1].running_mean.fill_(0.3)
    expected = model.eval()(x)
    model.train()
    ours = predict(model, x, batch_size=7)
    torch.testing.assert_close(ours, expected.detach(), rtol=0, atol=1e-12)
    assert not ours.requires_grad
    weight = torch.ones(2, dtype=torch.float64, requires_grad=True)
    (ours @ weight).sum().backward()  # an inference tensor would refuse
    torch.testing.assert_close(weight.grad, ours.sum(0))


@pytest.mark.parametrize("fails", [False, True])
def test_every_module_gets_its_own_mode_back(fails):
    model = small_model().train()
    model[1].eval()
    modes = [module.training for module in model.modules()]
    try:
        predict(model, torch.zeros(3, 5 if fails else 4))
        assert not fails
    except RuntimeError:
        assert fails
    assert [module.training for module in model.modules()] == modes


def test_accuracy_is_the_share_of_right_classes():
    x, y = small_data(103)
    model = small_model()
    guesses = predict(model, x).numpy().argmax(axis=1)
    assert accuracy(model, (x, y), batch_size=10) == pytest.approx(np.mean(guesses == y.numpy()))
    assert accuracy(model, (x, torch.from_numpy(guesses))) == 1


def test_classification_loss_is_the_mean_negative_log_softmax():
    model, (x, y) = small_model().eval(), small_data()
    log_p = model(x).log_softmax(1)[torch.arange(len(x)), y]
    torch.testing.assert_close(classification_loss(model, (x, y)), -log_p.mean())


def test_predict_refuses_pairs():
    with pytest.raises(TypeError, match="inputs must be a tensor, got tuple"):
        predict(small_model(), small_data())


def test_unknown_devices_are_named():
    assert training.device("cpu") == torch.device("cpu")
    assert training.device(torch.device("cpu")) == torch.device("cpu")
    assert training.device().type in ("cpu", "cuda", "mps")
    for name in ("gpu", "cpu:1", "cuda:99"):
        with pytest.raises(ValueError, match="device must be one of"):
            training.device(name)


# ---- the loop ----------------------------------------------------------------------------------


def bare_loop(model, data, *, epochs, batch_size, optimizer, clip_norm=None, seed=0):
    """The six lines."""
    generator, losses = torch.Generator().manual_seed(seed), []
    for _ in range(epochs):
        for batch in batches(data, batch_size, generator=generator):
            optimizer.zero_grad()
            loss = classification_loss(model, batch)
            loss.backward()
            if clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
            optimizer.step()
            losses.append(loss.item())
    return losses


@pytest.mark.parametrize("clip_norm", [None, 0.2])
@pytest.mark.parametrize("seed", [0, 3])
def test_fit_is_the_bare_loop_bit_for_bit(clip_norm, seed):
    options = dict(epochs=3, batch_size=16, clip_norm=clip_norm, seed=seed)
    ours, theirs, data = small_model(), small_model(), small_data()
    history = quiet(ours, data, optimizer=sgd, **options)
    losses = bare_loop(theirs, data, optimizer=sgd(theirs.parameters()), **options)
    assert history.column("loss") == (list(range(1, 13)), losses)
    assert_same_weights(ours, theirs)


def test_the_default_optimizer_is_adamw_at_the_learning_rate():
    # no batch normalisation: before it a bias has no gradient, and Adam magnifies its rounding
    ours, theirs, data = plain_model(), plain_model(), small_data(dtype=torch.float64)
    quiet(ours, data, epochs=4, batch_size=10, learning_rate=0.02)
    adamw = torch.optim.AdamW(theirs.parameters(), lr=0.02)
    bare_loop(theirs, data, epochs=4, batch_size=10, optimizer=adamw)
    assert_same_weights(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("accumulate", [2, 3, 20])
def test_accumulated_pieces_give_the_same_steps_also_when_unequal(accumulate):
    data = small_data(50, torch.float64)
    whole, pieces = plain_model(), plain_model()
    sizes = []

    def loss(model, batch):
        sizes.append(len(batch[0]))
        return classification_loss(model, batch)

    expected = quiet(whole, data, epochs=2, batch_size=16, clip_norm=0.5)
    history = fit(
        pieces, loss, data, epochs=2, batch_size=16, clip_norm=0.5, accumulate=accumulate,
        progress=False,
    )  # fmt: skip
    assert max(sizes) == math.ceil(16 / accumulate)
    assert history.column("loss")[1] == pytest.approx(expected.column("loss")[1], abs=1e-12)
    assert_same_weights(pieces, whole, rtol=0, atol=1e-9)


def test_other_means_of_the_loss_are_recorded_per_step_and_per_epoch():
    x, y = small_data()
    seen = []

    def loss(model, batch):
        seen.append(batch[0].mean().item())
        return classification_loss(model, batch), {"mean_input": batch[0].mean(), "two": 2}

    history = fit(small_model(), loss, (x, y), epochs=2, batch_size=25, progress=False)
    assert history.column("mean_input")[1] == pytest.approx(seen)
    assert history.epochs[1]["train_mean_input"] == pytest.approx(np.mean(seen[2:]))
    assert history.epochs[0]["train_two"] == 2
    losses = history.column("loss")[1]
    assert history.column("train_loss", against="epoch") == (
        [1, 2], pytest.approx([np.mean(losses[:2]), np.mean(losses[2:])])
    )  # fmt: skip


def test_steps_stop_within_an_epoch_and_epochs_count_the_smaller_last_batch():
    history = quiet(small_model(), small_data(50), steps=6, batch_size=16)  # 4 steps an epoch
    assert [row["step"] for row in history.steps] == [1, 2, 3, 4, 5, 6]
    assert [(row["step"], row["epoch"]) for row in history.epochs] == [(4, 1.0), (6, 1.5)]
    assert len(quiet(small_model(), small_data(50), epochs=2, batch_size=16).steps) == 8


def test_the_seed_fixes_everything_and_the_callers_generator_is_left_alone():
    def run(seed):
        model = small_model(dropout=0.5)
        quiet(model, small_data(), epochs=2, batch_size=10, seed=seed)
        return predict(model, small_data()[0])

    before = torch.get_rng_state()
    first = run(1)
    assert (torch.get_rng_state() == before).all()
    torch.randn(3)
    assert (run(1) == first).all()
    assert not (run(2) == first).all()


def test_dropout_does_not_replay_the_numbers_of_the_shuffling():
    drawn = []

    def loss(model, batch):
        drawn.append(torch.randperm(50))
        return classification_loss(model, batch)

    orders = []

    def transform(batch, generator):
        orders.append(torch.randperm(50, generator=generator))
        return batch

    fit(
        small_model(), loss, small_data(), steps=1, batch_size=50, transform=transform,
        progress=False, seed=4,
    )  # fmt: skip
    shuffled = torch.randperm(50, generator=torch.Generator().manual_seed(4))
    assert not (drawn[0] == shuffled).all()
    assert not (orders[0] == shuffled).all()
    assert not (orders[0] == drawn[0]).all()


def test_transform_augments_what_the_model_sees_and_nothing_else():
    x, y = small_data()
    seen, copy = [], x.clone()

    def transform(batch, generator):
        return batch[0] * 0 + torch.rand(1, generator=generator), batch[1]

    def loss(model, batch):
        seen.append(batch[0].unique().tolist())
        return classification_loss(model, batch)

    for _ in range(2):
        fit(plain_model(torch.float32), loss, (x, y), epochs=1, batch_size=25, transform=transform,
            progress=False)  # fmt: skip
    assert all(len(values) == 1 for values in seen)
    assert seen[:2] == seen[2:] and seen[0] != seen[1]
    assert (x == copy).all()


def test_validation_is_in_eval_mode_without_gradients_and_changes_nothing():
    modes = []

    def validate(model):
        modes.append((model.training, model[3].training, torch.is_grad_enabled()))
        return {"noise": torch.randn(5).sum()}

    options = dict(epochs=3, batch_size=16)
    plain, validated = small_model(dropout=0.5), small_model(dropout=0.5)
    quiet(plain, small_data(), **options)
    history = quiet(validated, small_data(), validate=validate, **options)
    assert modes == [(False, False, False)] * 3
    assert_same_weights(plain, validated)
    steps, noise = history.column("noise")
    assert steps == [4, 8, 12] and len(set(noise)) == 3


def test_training_happens_in_train_mode_and_the_mode_before_returns():
    model, modes = small_model().eval(), []

    def loss(model, batch):
        modes.append(all(module.training for module in model.modules()))
        return classification_loss(model, batch)

    model[3].train()
    fit(model, loss, small_data(), epochs=2, batch_size=25, validate=lambda m: {}, progress=False)
    assert modes == [True] * 4
    assert [module.training for module in model] == [False, False, False, True, False]
    assert all(p.grad is None for p in model.parameters())


def test_bfloat16_is_used_in_the_model_and_never_for_the_targets():
    seen = []

    class Regression(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 1)

        def predict(self, x):  # the loss calls this, not forward
            out = self.layer(x)
            seen.append(out.dtype)
            return out

    def loss(model, batch):
        seen.append((batch[1] == targets).all().item())
        return F.mse_loss(model.predict(batch[0])[:, 0].float(), batch[1])

    targets = torch.full((8,), 1.0001)
    model = Regression()
    fit(model, loss, (torch.randn(8, 4), targets), steps=1, batch_size=8, precision="bf16-mixed",
        progress=False)  # fmt: skip
    assert seen == [True, torch.bfloat16]
    assert model.layer.weight.dtype == torch.float32


def test_a_double_model_and_a_compiled_model_train_alike():
    data = small_data(dtype=torch.float64)
    plain, other = plain_model(), plain_model()
    compiled = torch.compile(other, backend="eager")
    quiet(plain, data, epochs=1, batch_size=10)
    quiet(compiled, data, epochs=1, batch_size=10)
    assert plain[0].weight.dtype == torch.float64
    assert_same_weights(other, plain)


def test_frozen_parameters_stay():
    model = small_model()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    quiet(model, small_data(), steps=3, learning_rate=0.1)
    assert (model[0].weight == before).all()


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


def test_the_bar_shows_loss_and_validation_and_can_be_silent(capfd):
    options = dict(epochs=2, batch_size=10, validate=lambda m: {"score": 0.125}, device="cpu")
    history = fit(small_model(), classification_loss, small_data(), description="try", **options)
    shown = "".join(capfd.readouterr())
    assert f"loss {history.steps[-1]['loss']:.4g}, score 0.125" in shown
    assert "try" in shown and "10/10" in shown
    quiet(small_model(), small_data(), epochs=2, validate=lambda m: {"score": 0.125})
    assert capfd.readouterr() == ("", "")


# ---- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(), "either epochs or steps, got epochs=None and steps=None"),
        (dict(epochs=1, steps=1), "either epochs or steps, got epochs=1 and steps=1"),
        (dict(epochs=0), "epochs must be at least 1, got 0"),
        (dict(steps=-1), "steps must be at least 1, got -1"),
        (dict(epochs=1, batch_size=51), "batch_size must be at most the 50 samples, got 51"),
        (dict(epochs=1, batch_size=0), "batch_size must be at least 1"),
        (dict(epochs=1, schedule="linear"), "schedule must be one of .*'cosine'.*, got 'linear'"),
        (dict(epochs=1, precision="16"), "precision must be one of '32-true'.*, got '16'"),
        (dict(epochs=1, warmup=1.5), "warmup must lie in"),
        (dict(epochs=1, warmup=0.1, schedule="one_cycle"), "warmup must be 0"),
        (dict(epochs=1, learning_rate=-1.0), "learning_rate must lie in"),
        (dict(epochs=1, learning_rate=math.nan), "learning_rate must lie in"),
        (dict(epochs=1, clip_norm=-1.0), "clip_norm must lie in"),
        (dict(epochs=1, accumulate=0), "accumulate must be at least 1"),
        (dict(epochs=1, processes=0), "processes must be at least 1"),
        (dict(epochs=1, seed=-1), "seed must be at least 0"),
        (dict(epochs=1, monitor="accuracy"), "validate must be given when monitor is 'accuracy'"),
        (dict(epochs=1, checkpoint_every=5), "checkpoint must be a folder"),
        (dict(epochs=1, device="abacus"), "device must be one of"),
        (
            dict(epochs=1, monitor="b", validate=lambda m: {"a": 1}),
            "monitor must be one of .*a.*, got 'b'",
        ),
        (dict(epochs=1, validate=lambda m: {"step": 1}), "validate must not use the names step"),
    ],
)
def test_a_wrong_argument_is_named(options, message):
    options = dict(batch_size=10, device="cpu", progress=False) | options
    with pytest.raises(ValueError, match=message):
        fit(small_model(), classification_loss, small_data(), **options)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (torch.zeros(3), r"loss must return a tensor of shape \(\), got \(3,\)"),
        (1.0, r"loss must return a tensor of shape \(\), got float"),
        (
            (torch.zeros((), requires_grad=True), {"epoch": 1}),
            "loss must not use the names .*epoch",
        ),
    ],
)
def test_a_wrong_loss_is_named(result, message):
    with pytest.raises(ValueError, match=message):
        fit(
            small_model(),
            lambda model, batch: result,
            small_data(),
            steps=1,
            batch_size=9,
            progress=False,
        )


def test_a_model_must_be_a_module_with_something_to_train():
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module, got function"):
        quiet(lambda x: x, small_data(), steps=1)
    with pytest.raises(ValueError, match="model must have parameters that require a gradient"):
        quiet(nn.ReLU(), small_data(), steps=1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_names_step_and_remedy_and_spares_the_weights(bad, tmp_path):
    model, snapshots = small_model(), []

    def loss(model, batch):
        snapshots.append([p.detach().clone() for p in model.parameters()])
        value = classification_loss(model, batch)
        return value * bad if len(snapshots) == 3 else value

    with pytest.raises(FloatingPointError, match=r"at step 3, .* lower the learning rate, or clip"):
        fit(model, loss, small_data(), epochs=2, batch_size=10, progress=False, checkpoint=tmp_path)
    for ours, before in zip(model.parameters(), snapshots[-1], strict=True):
        assert (ours == before).all()
    assert not list(tmp_path.iterdir())


# ---- resuming ----------------------------------------------------------------------------------


def score(model):
    """Mean log-likelihood: it still rises in the second epoch of the run below."""
    return -classification_loss(model, small_data()).item()


def hard_to_resume(folder, *, epochs=3, loss=classification_loss, **options):
    """A run that uses everything which has a state; 5 steps an epoch, the last one smaller."""

    def transform(batch, generator):
        return batch[0] + 0.1 * torch.randn(batch[0].shape, generator=generator), batch[1]

    model = small_model(dropout=0.3)
    defaults = dict(
        epochs=epochs, batch_size=11, schedule="cosine", warmup=0.2, clip_norm=1.0, accumulate=2,
        validate=lambda m: {"score": score(m)}, monitor="score",
        transform=transform, checkpoint_every=2, progress=False, device="cpu", checkpoint=folder,
        learning_rate=0.02,
    )  # fmt: skip
    return model, fit(model, loss, small_data(), **defaults | options)


@pytest.fixture
def uninterrupted(tmp_path):
    return hard_to_resume(tmp_path / "uninterrupted")


class Died(Exception):
    pass


def dies_at(call):
    """Return the loss, which fails at a call; there are two calls a step."""
    calls = []

    def loss(model, batch):
        calls.append(None)
        if len(calls) == call:
            raise Died
        return classification_loss(model, batch)

    return loss


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


def never(model, batch):
    raise AssertionError("trained")


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


# ---- several processes -------------------------------------------------------------------------


@needs_fork
@pytest.mark.parametrize(("processes", "accumulate"), [(2, 1), (2, 3), (3, 1)])
def test_several_processes_give_the_curve_and_the_weights_of_one(processes, accumulate, capfd):
    data = small_data(50, torch.float64)  # batches of 7, and one of 1: a share is empty
    options = dict(epochs=2, batch_size=7, clip_norm=0.5, schedule="cosine")
    options["validate"] = lambda model: {"score": accuracy(model, data)}
    one, many = plain_model(), plain_model()
    expected = quiet(one, data, **options)
    history = quiet(many, data, processes=processes, accumulate=accumulate, **options)
    assert_same_weights(many, one, rtol=0, atol=1e-9)
    assert history.column("loss")[1] == pytest.approx(expected.column("loss")[1], abs=1e-11)
    assert history.column("score") == expected.column("score")
    assert capfd.readouterr() == ("", "")


@needs_fork
def test_each_process_computes_its_share_only_and_augments_alike(tmp_path):
    def transform(batch, generator):
        return batch[0] + torch.randn(1, generator=generator), batch[1]

    def loss(model, batch):
        shift = batch[0].mean()
        with open(tmp_path / str(os.getpid()), "a") as file:
            file.write(f"{len(batch[0])} ")
        return classification_loss(model, batch), {"input": shift}

    options = dict(steps=3, batch_size=20, transform=transform, progress=False)
    data = small_data(50, torch.float64)
    two = fit(plain_model(), loss, data, processes=2, **options)
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["10 10 5 "] * 2
    one = fit(plain_model(), loss, data, **options)
    assert two.column("input")[1] == pytest.approx(one.column("input")[1])


@needs_fork
def test_dropout_differs_between_processes(tmp_path):
    def loss(model, batch):
        (tmp_path / str(os.getpid())).write_text(str(torch.randn(4).tolist()))
        return classification_loss(model, batch)

    fit(plain_model(), loss, small_data(50, torch.float64), steps=1, processes=2, progress=False,
        batch_size=20)  # fmt: skip
    drawn = [path.read_text() for path in tmp_path.iterdir()]
    assert len(drawn) == 2 and drawn[0] != drawn[1]


@needs_fork
def test_several_processes_resume_with_their_own_random_numbers(tmp_path):
    def model():
        return nn.Sequential(*plain_model(), nn.Dropout(0.5))

    options = dict(epochs=2, batch_size=10, checkpoint_every=2, processes=2, clip_norm=1.0)
    data, whole, resumed = small_data(50, torch.float64), model(), model()
    expected = quiet(whole, data, checkpoint=tmp_path / "whole", **options)
    with pytest.raises(ValueError, match="died"):
        fit(resumed, dies_at_with(ValueError("died"), 8), data, progress=False, device="cpu",
            checkpoint=tmp_path / "run", **options)  # fmt: skip
    history = quiet(resumed, data, checkpoint=tmp_path / "run", **options)
    assert without_times(history) == without_times(expected)
    assert_same_weights(resumed, whole)


def dies_at_with(error, call):
    calls = []

    def loss(model, batch):
        calls.append(None)
        if len(calls) == call:
            raise error
        return classification_loss(model, batch)

    return loss


@needs_fork
def test_errors_of_a_process_arrive_as_themselves():
    environment = dict(os.environ)
    with pytest.raises(FloatingPointError, match="at step 1"):
        fit(plain_model(), lambda m, b: classification_loss(m, b) * math.nan, progress=False,
            train=small_data(50, torch.float64), steps=2, processes=2, batch_size=9)  # fmt: skip
    model = plain_model()
    model[0].unused = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"such as 0\.unused\.weight; or freeze"):
        quiet(model, small_data(50, torch.float64), steps=2, processes=2)
    assert dict(os.environ) == environment


# ---- shipped weights ---------------------------------------------------------------------------


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


# ---- cost --------------------------------------------------------------------------------------


def test_importing_the_module_is_cheap():
    code = (
        "import sys, dlnotes.training\n"
        "heavy = {'lightning_fabric', 'torchmetrics', 'matplotlib', 'torchvision'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_on_an_accelerator_the_losses_are_fetched_together(monkeypatch):
    """Pretend the CPU is one: same history, and a loss that is not finite is still found."""
    expected = quiet(small_model(), small_data(), epochs=3, batch_size=10)
    monkeypatch.setattr(run, "_LOOK_EVERY", {"cpu": 4})
    history = quiet(small_model(), small_data(), epochs=3, batch_size=10)
    assert without_times(history) == without_times(expected)
    factors = iter([1.0, math.nan, 1.0, 1.0, 1.0])
    with pytest.raises(FloatingPointError, match="at step 2, "):
        fit(small_model(), lambda model, batch: classification_loss(model, batch) * next(factors),
            small_data(), epochs=1, batch_size=10, progress=False)  # fmt: skip


# ---- several runs ------------------------------------------------------------------------------


def draw(seed, scale):
    torch.manual_seed(seed)
    return scale * torch.rand(3), torch.get_num_threads()


@pytest.mark.parametrize("workers", [1, 2])
def test_side_by_side_returns_what_a_loop_returns(workers):
    state = torch.random.get_rng_state()
    runs = [(seed, 10.0) for seed in range(5)]
    found = training.side_by_side(draw, iter(runs), workers=workers, progress=False)
    assert torch.equal(torch.random.get_rng_state(), state)  # also with one worker, in this process
    with torch.random.fork_rng():
        expected = [draw(*run)[0] for run in runs]
    assert [numbers.tolist() for numbers, _ in found] == [numbers.tolist() for numbers in expected]
    if workers == 2:
        assert {threads for _, threads in found} == {1}


def test_side_by_side_takes_functions_that_cannot_be_imported():
    offset = torch.tensor([1.0, 2.0])
    found = training.side_by_side(lambda x: x + offset, [(1,), (2,)], workers=2, progress=False)
    assert [x.tolist() for x in found] == [[2.0, 3.0], [3.0, 4.0]]


def test_side_by_side_trains_as_fit_does():
    def train(seed):
        model = small_model()
        history = quiet(model, small_data(), steps=5, seed=seed)
        return [step["loss"] for step in history.steps], model

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = [train(seed) for seed in range(2)]
    finally:
        torch.set_num_threads(threads)
    found = training.side_by_side(train, [(0,), (1,)], workers=2, progress=False)
    for (losses, model), (right, reference) in zip(found, expected, strict=True):
        assert losses == right
        for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize("workers", [1, 2])
def test_side_by_side_raises_what_a_run_raised(workers):
    def fail(x):
        if x == 1:
            raise FloatingPointError(f"run {x}")

    with pytest.raises(FloatingPointError, match="run 1"):
        training.side_by_side(fail, [(0,), (1,), (2,)], workers=workers, progress=False)


def test_side_by_side_counts_its_runs(capsys):
    assert training.side_by_side(abs, [(-1,), (-2,)], workers=1, description="two") == [1, 2]
    shown = capsys.readouterr().err
    assert "two" in shown and "2/2" in shown


def test_side_by_side_with_nothing_to_do_or_no_worker():
    assert training.side_by_side(abs, [], progress=False) == []
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        training.side_by_side(abs, [(1,)], workers=0)
