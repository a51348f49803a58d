"""dlnotes.training.loop: fit is the bare loop, bit for bit, and names what is wrong."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlnotes.training import (
    batches,
    classification_loss,
    fit,
    load_checkpoint,
    predict,
    run,
)
from training.common import (
    assert_same_weights,
    plain_model,
    quiet,
    sgd,
    small_data,
    small_model,
    without_times,
)


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


@pytest.mark.parametrize("name", ["loss", "step", "epoch", "learning_rate"])
@pytest.mark.parametrize("first", [1, 3])
def test_a_part_of_the_loss_cannot_take_a_name_of_ours_at_any_step(name, first):
    calls = []

    def loss(model, batch):
        calls.append(None)
        value = classification_loss(model, batch)
        return (value * math.nan, {name: 0.123}) if len(calls) == first else value

    with pytest.raises(ValueError, match=f"loss must not use the names .*, got {name!r}"):
        fit(small_model(), loss, small_data(), steps=9, batch_size=10, progress=False)
    assert len(calls) == first


def test_the_parts_of_the_loss_keep_their_names():
    names = iter(["a", "a", "b"])
    with pytest.raises(ValueError, match="same names at every step, got loss, b at step 3 and "):
        fit(small_model(), lambda m, b: (classification_loss(m, b), {next(names): 1.0}),
            small_data(), steps=3, batch_size=10, progress=False)  # fmt: skip


def test_validate_cannot_hide_a_mean_of_the_loss():
    def loss(model, batch):
        return classification_loss(model, batch), {"mse": 1.0}

    with pytest.raises(ValueError, match=r"validate must not use the names .*, got 'train_mse'"):
        fit(small_model(), loss, small_data(), validate=lambda m: {"train_mse": 2.0}, steps=1,
            batch_size=9, progress=False)  # fmt: skip


class Spoiling(nn.Module):
    """The loss is finite, and from a call on, the gradient of the second layer is not."""

    def __init__(self, start, value):
        super().__init__()
        self.first, self.second, self.start = nn.Linear(4, 8), nn.Linear(8, 2), start
        self.value, self.calls = value, 0

    def forward(self, x):
        self.calls += 1
        out = self.second(self.first(x).detach())
        if self.calls >= self.start and self.value is None:
            return out + (self.second.weight - self.second.weight.detach()).abs().sqrt().sum()
        if self.calls >= self.start:
            out.register_hook(lambda gradient: gradient + self.value)
        return out + self.first(x).sum() * 0.01


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize(
    ("value", "found"), [(None, "nan"), (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")]
)
def test_a_gradient_that_is_not_finite_is_not_stepped_and_spoils_no_checkpoint(
    tmp_path, value, found, clip_norm
):
    model, snapshots = Spoiling(8, value), []

    def loss(model, batch):
        snapshots.append([p.detach().clone() for p in model.parameters()])
        return classification_loss(model, batch)

    where = "second.weight" if value is None else "second.(weight|bias)"
    with pytest.raises(
        FloatingPointError, match=rf"gradient of {where} holds (nan|{found}) at ste"
    ):
        fit(model, loss, small_data(), epochs=3, batch_size=10, progress=False, device="cpu",
            checkpoint=tmp_path, clip_norm=clip_norm, checkpoint_every=1)  # fmt: skip
    assert len(snapshots) == 8
    for ours, before in zip(model.parameters(), snapshots[-1], strict=True):
        assert (ours == before).all()
    history = load_checkpoint(tmp_path, saved := Spoiling(99, None))
    assert history.steps[-1]["step"] == 7
    assert all(p.isfinite().all() for p in saved.parameters())


def test_on_an_accelerator_a_spoiled_checkpoint_is_never_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_LOOK_EVERY", {"cpu": 50})
    model = Spoiling(8, math.nan)
    with pytest.raises(FloatingPointError, match=r"(value|gradient) of .* holds nan at step 8"):
        fit(model, classification_loss, small_data(), epochs=3, batch_size=10, progress=False,
            device="cpu", checkpoint=tmp_path)  # fmt: skip
    history = load_checkpoint(tmp_path, saved := Spoiling(99, None))
    assert history.steps[-1]["step"] == 5 and all(p.isfinite().all() for p in saved.parameters())


def test_a_finite_gradient_whose_norm_is_too_large_for_float32_is_no_fault():
    data = torch.full((4, 1), 3e38), torch.zeros(4)
    history = fit(nn.Linear(1, 3), lambda m, b: m(b[0] / 3e38).sum() * 3e37, data, steps=2,
                  batch_size=4, progress=False)  # fmt: skip
    assert len(history.steps) == 2


# ---- what fit is given -------------------------------------------------------------------------


class Sparse(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(9, 2, sparse=True)

    def forward(self, x):
        return self.table(x.long().abs().clamp(max=8)).sum(1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            dict(optimizer=torch.optim.LBFGS),
            TypeError,
            "optimizer must step without a closure, got",
        ),
        (
            dict(optimizer=sgd(plain_model().parameters())),
            TypeError,
            "optimizer must be a function",
        ),
        (dict(optimizer=lambda p: None), TypeError, "optimizer must return a torch.optim.Optim"),
        (dict(optimizer=3), TypeError, "optimizer must be a function, .*, got int"),
        (dict(model=Sparse()), ValueError, "optimizer must be one for sparse gradients"),
        (
            dict(train=torch.utils.data.TensorDataset(*small_data())),
            TypeError,
            "train must be a tuple of tensors, got TensorDataset",
        ),
        (
            dict(train=(small_data()[0].numpy(), small_data()[1])),
            TypeError,
            "train must be a tuple of tensors, got tuple of Tensor, ndarray",
        ),
        (dict(train=small_data()[0][:0]), ValueError, "train must have at least 1 sample"),
    ],
)
def test_what_fit_cannot_use_is_named(options, error, message):
    options = dict(model=plain_model(torch.float32), train=small_data(), steps=1) | options
    with pytest.raises(error, match=message):
        fit(options.pop("model"), classification_loss, **options, batch_size=9, progress=False)


@pytest.mark.parametrize("optimizer", [torch.optim.SparseAdam, sgd])
def test_sparse_gradients_train_with_an_optimizer_that_takes_them(optimizer):
    model = Sparse()
    before = model.table.weight.clone()
    quiet(model, small_data(), steps=2, optimizer=optimizer)
    assert not torch.equal(model.table.weight, before)


def test_numbers_of_numpy_are_numbers():
    one, other = plain_model(torch.float32), plain_model(torch.float32)
    quiet(one, small_data(), steps=np.int64(2), batch_size=np.int32(10), seed=np.int64(3))
    quiet(other, small_data(), steps=2, batch_size=10, seed=3)
    assert_same_weights(one, other)


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
