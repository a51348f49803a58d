"""Several processes for one training, and several trainings side by side."""

import math
import os
import re
import threading
import time

import numpy as np
import pytest
import torch
from torch import nn

from dlnotes import training
from dlnotes.training import (
    accuracy,
    classification_loss,
    fit,
    progress,
)
from training.common import (
    Unseen,
    assert_same_weights,
    needs_fork,
    plain_model,
    quiet,
    small_data,
    small_model,
    without_times,
)

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
    options |= {"progress": False, "device": "cpu"}
    expected = quiet(whole, data, checkpoint=tmp_path / "whole", **options)
    with pytest.raises(ValueError, match="died"):
        fit(resumed, Unseen(dies_at_with(ValueError("died"), 8)), data,
            checkpoint=tmp_path / "run", **options)  # fmt: skip
    history = fit(
        resumed, Unseen(classification_loss), data, checkpoint=tmp_path / "run", **options
    )
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


def change(x):
    x -= x.mean()
    torch.from_numpy(x).mul_(2)
    return float(np.abs(x).max())


def test_a_large_array_may_be_changed_in_place_whatever_the_number_of_workers():
    for workers in 1, 2:
        runs = [(np.linspace(0, 1, 200_000) + k,) for k in range(2)]  # 1.6 MB each
        found = training.side_by_side(change, runs, workers=workers, progress=False)
        assert found == pytest.approx([1.0, 1.0])


def test_the_bar_is_there_at_once_and_shows_time_and_steps_while_the_first_run_goes_on(
    monkeypatch, capsys
):
    monkeypatch.setattr(progress, "REFRESH", 0.02)
    shown = []

    def train(number):
        def loss(model, batch):
            time.sleep(0.03)
            shown.append(capsys.readouterr().err)
            return classification_loss(model, batch)

        fit(plain_model(torch.float32), loss, small_data(), steps=50, batch_size=10,
            progress=False, device="cpu")  # fmt: skip
        return number

    assert training.side_by_side(train, [(3,), (4,)], workers=1, description="two") == [3, 4]
    assert "two" in shown[0] and "0/2 [00:00<" in shown[0]
    first = "".join(shown[:50])
    assert "0/2 [00:01<" in first and "1/2" not in first
    assert re.search(r"step 1\d of 50", first) and re.search(r"step 3\d of 50", first)
    assert "1/2" in "".join(shown[50:])
    last = capsys.readouterr().err
    assert "2/2" in last and not last.rstrip().endswith("of 50]")
    assert not [thread for thread in threading.enumerate() if "refresh" in thread.name]


def wait_for(seconds):
    time.sleep(seconds)
    return seconds


def test_results_keep_their_order_and_the_bar_moves_with_whichever_is_done(capsys):
    runs = [(1.5,), (0.0,), (0.1,)]
    assert training.side_by_side(wait_for, runs, workers=2) == [1.5, 0.0, 0.1]
    assert "1/3" in capsys.readouterr().err


def test_an_error_ends_the_bar_and_its_thread(capsys):
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        training.side_by_side(lambda x: 1 / x, [(1,), (0,), (2,)], workers=1)
    assert threading.active_count() == before
    assert "1/3" in capsys.readouterr().err


def test_over_seeds_gives_each_setting_its_runs_in_the_order_of_the_seeds():
    options = {"seeds": 3, "progress": False, "workers": 2}
    found = training.over_seeds(lambda rate, seed: (rate, seed), [0.1, 0.3], **options)
    assert found == {rate: [(rate, seed) for seed in range(3)] for rate in (0.1, 0.3)}
    assert list(found) == [0.1, 0.3]


def test_over_seeds_unpacks_a_setting_of_several_parts():
    found = training.over_seeds(
        lambda name, rate, seed: f"{name} {rate} {seed}",
        iter([("plain", 1), ("Adam", 2)]),
        seeds=2,
        progress=False,
    )
    assert found == {
        ("plain", 1): ["plain 1 0", "plain 1 1"],
        ("Adam", 2): ["Adam 2 0", "Adam 2 1"],
    }


def test_over_seeds_rejects_no_seed_and_a_setting_given_twice():
    assert training.over_seeds(abs, [], seeds=1, progress=False) == {}
    with pytest.raises(ValueError, match="seeds must be at least 1, got 0"):
        training.over_seeds(abs, [1], seeds=0)
    with pytest.raises(ValueError, match="settings must be different"):
        training.over_seeds(abs, [1, 2, 1], seeds=1)


def test_report_prints_mean_and_runs_of_each_setting(capsys):
    training.report({("plain", 0.1): [1.0, 2.26, 3.0], ("Adam", len): [10.0, 10.0]})
    assert capsys.readouterr().out == (
        "plain, 0.1   mean 2.1   runs 1.0  2.3  3.0\nAdam, len    mean 10.0   runs 10.0  10.0\n"
    )
    training.report({50: [0.125]}, digits=3)
    assert capsys.readouterr().out == "50   mean 0.125   runs 0.125\n"
    training.report({})
    assert capsys.readouterr().out == ""


def test_report_rejects_a_setting_without_runs_and_negative_digits():
    with pytest.raises(ValueError, match=r"at least one run for each setting, \[0.3\] have none"):
        training.report({0.1: [1.0], 0.3: []})
    with pytest.raises(ValueError, match="digits must be at least 0, got -1"):
        training.report({0.1: [1.0]}, digits=-1)
