"""dlnotes.training.batching: batches lose nothing; models are measured in eval mode."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from dlnotes import training
from dlnotes.data import Split
from dlnotes.training import (
    accuracy,
    batches,
    classification_loss,
    predict,
)
from training.common import (
    quiet,
    small_data,
    small_model,
)


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
