"""dlnotes.recipes: one way to train them all, and what is measured is what is stored."""

import json
import pkgutil
import sys
import types
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from torch import nn

from dlnotes import PROFILES, recipes, training
from dlnotes.recipes import Recipe, Settings


def points(*, n):
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(1))
    return x, (x.sum(dim=1, keepdim=True) > 0).float()


def line(*, width=1):
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 1))


def error(model, batch):
    return nn.functional.binary_cross_entropy_with_logits(model(batch[0]), batch[1])


def recipe(**changes):
    """A recipe of 12 steps."""
    settings = Settings(data=dict(n=20), fit=dict(steps=12, batch_size=5, learning_rate=0.1))
    options = dict(
        weights="line",
        settings=dict.fromkeys(PROFILES, settings),
        build=line,
        data=points,
        loss=error,
        evaluate=lambda model: {"error": error(model, points(n=9)).item()},
    )
    return Recipe(**options | changes)


def train(made, profile="smoke", **options):
    return recipes.train(made, profile, progress=False, device="cpu", **options)


def numbers(model):
    return torch.cat([x.flatten() for x in model.state_dict().values() if x.is_floating_point()])


# ---- training ----------------------------------------------------------------------------------


def test_train_is_fit_with_the_options_of_the_recipe():
    model, history = train(recipe(), seed=4)
    torch.manual_seed(4)
    ours = line()
    options = dict(steps=12, batch_size=5, learning_rate=0.1, seed=4)
    expected = training.fit(ours, error, points(n=20), progress=False, device="cpu", **options)
    assert history.steps == expected.steps
    assert torch.equal(numbers(model), numbers(ours))
    assert not model.training
    assert not torch.equal(numbers(model), numbers(train(recipe(), seed=5)[0]))


def test_training_leaves_the_callers_random_numbers_alone():
    before = torch.get_rng_state()
    train(recipe())
    assert torch.equal(before, torch.get_rng_state())


def test_options_of_the_profile_come_over_those_of_the_recipe():
    settings = Settings(data=dict(n=30), fit=dict(epochs=1, batch_size=3), model=dict(width=7))
    made = recipe(
        options=dict(batch_size=9, schedule="cosine"),
        settings=dict.fromkeys(PROFILES, settings),
    )
    assert made.fit_options("full") == dict(epochs=1, batch_size=3, schedule="cosine")
    model, history = train(made)
    assert len(history.steps) == 10 and model[0].out_features == 7
    assert history.steps[-1]["learning_rate"] < 0.1 * history.steps[0]["learning_rate"]


def test_the_recipes_optimizer_gets_the_learning_rate_of_the_profile():
    seen = []

    def sgd(parameters, learning_rate):
        seen.append(learning_rate)
        return torch.optim.SGD(parameters, lr=learning_rate)

    _, history = train(recipe(optimizer=sgd))
    assert seen == [0.1] and history.steps[0]["learning_rate"] == 0.1


def test_validation_looks_at_as_many_samples_as_the_profile_says():
    seen = []

    def validate(model, samples):
        seen.append(samples)
        return {"validation": 0.5}

    settings = {
        profile: Settings(data=dict(n=20), fit=dict(epochs=2), validation=count)
        for profile, count in zip(PROFILES, (3, 7, 0), strict=True)
    }
    made = recipe(validate=validate, settings=settings, options=dict(batch_size=20))
    histories = [train(made, profile)[1] for profile in PROFILES]
    assert seen == [3, 3, 7, 7]
    assert ["validation" in h.epochs[-1] for h in histories] == [True, True, False]


def test_a_training_goes_on_from_its_checkpoint(tmp_path):
    class Died(Exception):
        pass

    def dies(model, batch, calls=[0]):  # noqa: B006
        calls[0] += 1
        if calls[0] == 8:
            raise Died
        return error(model, batch)

    expected, whole = train(recipe())
    made = recipe(loss=dies, checkpoint_every=3)
    with pytest.raises(Died):
        train(made, checkpoint=tmp_path)
    state = training.checkpoints.read(tmp_path)
    assert state["step"] == 6  # every third step, and at the end of an epoch of 4
    model, history = train(made, checkpoint=tmp_path)
    assert history.steps == whole.steps
    assert torch.equal(numbers(model), numbers(expected))


def test_a_training_that_runs_out_of_time_says_so_and_goes_on(tmp_path):
    _, whole = train(recipe())
    counts = []
    for _ in range(3):
        _, history = train(recipe(), checkpoint=tmp_path, seconds=0)
        assert history.interrupted
        counts.append(len(history.steps))
    assert counts == [1, 2, 3]  # at least one step each time
    _, history = train(recipe(), checkpoint=tmp_path, seconds=600)
    assert not history.interrupted and history.steps == whole.steps


def test_the_time_counts_from_the_call_not_from_the_first_step(monkeypatch):
    seen = []

    def slow_points(*, n):
        clock[0] += 40.0
        return points(n=n)

    def fit(model, data, **options):
        seen.append(options["max_seconds"])
        return training.History()

    clock = [100.0]
    monkeypatch.setattr(recipes.time, "perf_counter", lambda: clock[0])
    made = recipe(loss=None, fit=fit, data=slow_points)
    for seconds in (60.0, 30.0):
        train(made, seconds=seconds)
    assert seen == [20.0, 0.0]


# ---- numbers as they are stored ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_what_comes_back_computes_in_float32_with_the_numbers_of_the_file(dtype, tmp_path):
    made = recipe(dtype=dtype)
    model, _ = train(made)
    exact, _ = train(recipe())
    assert numbers(model).dtype == torch.float32
    assert torch.equal(numbers(model), numbers(exact).to(dtype).float())
    assert not torch.equal(numbers(model), numbers(exact))
    assert model[1].num_batches_tracked == 12
    path = tmp_path / "line.safetensors"
    training.save_weights(path, model, dtype=dtype)
    again = line()
    training.weights.load(path, again)
    assert torch.equal(numbers(again), numbers(model))


def test_a_double_model_stays_one():
    made = recipe(
        build=lambda: line().double(),
        data=lambda *, n: tuple(x.double() for x in points(n=n)),
        dtype=torch.float16,
    )
    model, _ = train(made)
    assert numbers(model).dtype == torch.float64
    assert torch.equal(numbers(model), numbers(model).half().double())


# ---- a loop of its own ---------------------------------------------------------------------------


class Game(nn.Module):
    """Two networks against each other: one number is drawn, the other says whether it is real."""

    def __init__(self):
        super().__init__()
        self.draws, self.judges = nn.Linear(1, 1), nn.Linear(1, 1)


def test_a_recipe_may_bring_a_loop_of_its_own_for_two_networks(tmp_path):
    given = []

    def play(model, data, **options):
        given.append(options)
        history = training.History()
        optimizers = [torch.optim.SGD(part.parameters(), lr=0.1) for part in model.children()]
        for step in range(1, options["steps"] + 1):
            for optimizer, sign in zip(optimizers, (-1, 1), strict=True):
                optimizer.zero_grad()
                fake = model.draws(torch.ones(4, 1))
                loss = sign * (model.judges(fake).sigmoid().mean() - model.judges(data).mean())
                loss.backward()
                optimizer.step()
            history.steps.append({"step": step, "loss": loss.item()})
        return history

    settings = Settings(fit=dict(steps=3, batch_size=4))
    made = recipe(
        loss=None,
        fit=play,
        build=Game,
        data=lambda: torch.ones(8, 1),
        dtype=torch.float16,
        settings=dict.fromkeys(PROFILES, settings),
        checkpoint_every=10,
        description="game",
    )
    model, history = train(made, checkpoint=tmp_path, seed=2, seconds=5)
    assert len(history.steps) == 3 and not model.training
    assert torch.equal(numbers(model), numbers(model).half().float())
    [options] = given
    assert 4 < options.pop("max_seconds") <= 5
    assert options == dict(
        steps=3, batch_size=4, checkpoint=tmp_path, checkpoint_every=10, seed=2, device="cpu",
        progress=False, description="game, smoke",
    )  # fmt: skip


# ---- which there are ---------------------------------------------------------------------------


def test_every_recipe_has_its_place_in_the_order():
    modules = [module.name for module in pkgutil.iter_modules(recipes.__path__)]
    found = []
    for module in modules:
        try:
            found.append((module, recipes.find(module)))
        except ValueError:
            assert module not in recipes.NAMES
    assert sorted(recipes.NAMES) == sorted(name for name, _ in found)
    assert len({made.weights for _, made in found}) == len(found)


@pytest.mark.parametrize("name", ["baselines", "nothing", ""])
def test_what_is_no_recipe_is_named(name):
    with pytest.raises(ValueError, match=rf"name must be a module of .* RECIPE, got '{name}'"):
        recipes.find(name)


def test_a_recipe_that_cannot_be_imported_shows_its_own_fault(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("import no_such_package\n")
    monkeypatch.setattr(recipes, "__path__", [*recipes.__path__, str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        recipes.find("broken")


def test_a_recipe_is_frozen_and_complete():
    made = recipe()
    with pytest.raises(FrozenInstanceError):
        made.weights = "other"
    with pytest.raises(FrozenInstanceError):
        made.settings["full"].validation = 3
    with pytest.raises(ValueError, match=r"settings must be for \('smoke', 'standard', 'full'\)"):
        replace(made, settings={"full": made.settings["full"]})
    for wrong in (dict(fit=training.fit), dict(loss=None)):
        with pytest.raises(ValueError, match="give either loss or fit"):
            replace(made, **wrong)


def test_a_module_without_a_recipe_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlnotes.recipes.gru", types.ModuleType("x"))
    with pytest.raises(ValueError, match="got 'gru'"):
        recipes.find("gru")


def test_settings_are_plain_numbers_that_json_can_write():
    for name in recipes.NAMES:
        for settings in recipes.find(name).settings.values():
            assert json.dumps([settings.fit, settings.data, settings.model, settings.validation])
