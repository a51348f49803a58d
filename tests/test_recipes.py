"""dlnotes.recipes: shipped weights are what their metadata claims, and can be made again."""

import importlib
import pkgutil
import sys
import types

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from dlnotes import data, recipes, training
from dlnotes.course import train as course_train
from dlnotes.recipes import cnn, metrics, vae
from dlnotes.training import weights

MODULES = [
    importlib.import_module(f"dlnotes.recipes.{module.name}")
    for module in pkgutil.iter_modules(recipes.__path__)
]
RECIPES = [module for module in MODULES if hasattr(module, "WEIGHTS")]
every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.WEIGHTS)


def trained(recipe):
    """Return the model with its shipped weights and their metadata."""
    model = recipe.build()
    try:
        path = weights._verified(recipe.WEIGHTS)
    except data.DataError as error:
        if "is missing" in str(error):  # a damaged file is a failure
            pytest.skip(f"no weights {recipe.WEIGHTS} yet")
        raise
    return model, training.load_weights(recipe.WEIGHTS, model), path


@every_recipe
def test_shipped_weights_reach_what_their_metadata_claims(recipe):
    model, metadata, _ = trained(recipe)
    measured = recipe.evaluate(model)
    assert measured, "a recipe without a metric proves nothing"
    for name, value in measured.items():
        assert value == pytest.approx(metadata["metrics"][name], abs=1e-3), name


@every_recipe
def test_shipped_weights_are_small_finite_and_say_how_they_were_made(recipe):
    model, metadata, path = trained(recipe)
    assert path.stat().st_size <= 2 * 2**20
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    assert metadata["command"].startswith("dlnotes train ")
    assert metadata["seconds"] > 0
    assert metadata["seed"] >= 0


def test_shipped_clothes_network_beats_its_goal():
    metrics = trained(cnn)[1]["metrics"]  # which the test above measures again
    assert metrics["test_accuracy_2000"] >= 0.925
    assert metrics["test_accuracy_10000"] >= 0.925


@every_recipe
def test_a_model_is_built_anew_each_time(recipe):
    first, second = recipe.build(), recipe.build()
    ours, theirs = next(first.parameters()), next(second.parameters())
    assert ours.data_ptr() != theirs.data_ptr()
    with pytest.raises(AssertionError):  # drawn from torch's generator, not fixed
        torch.testing.assert_close(ours, theirs)


@pytest.fixture(scope="module")
def smoke():
    before = torch.get_rng_state()
    result = cnn.train("smoke", seed=3)
    assert torch.equal(before, torch.get_rng_state())  # the caller's random numbers are untouched
    return result


def test_a_smoke_run_learns_more_than_chance(smoke):
    model, history = smoke
    accuracy = cnn.evaluate(model)["test_accuracy_2000"]
    assert accuracy > 0.3  # chance: 0.1
    assert history.epochs[-1]["train_loss"] < 0.9 * history.epochs[0]["train_loss"]
    assert not model.training


def test_evaluate_is_the_share_of_correct_answers_on_the_shipped_test_images(smoke):
    model, _ = smoke
    images, labels = data.fashion_mnist("test")
    with torch.no_grad():
        parts = zip(images.split(300), labels.split(300), strict=True)
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in parts)
    assert cnn.evaluate(model) == {"test_accuracy_2000": pytest.approx(right / 2000, abs=1e-3)}


def test_a_smoke_run_can_be_repeated_and_goes_on_from_its_checkpoint(smoke, tmp_path):
    first, before = cnn.train("smoke", seed=3, checkpoint=tmp_path)
    torch.testing.assert_close(first.state_dict(), smoke[0].state_dict(), rtol=0, atol=0)
    again, after = cnn.train("smoke", seed=3, checkpoint=tmp_path)  # finished: only loads
    torch.testing.assert_close(again.state_dict(), first.state_dict(), rtol=0, atol=0)
    assert before.epochs == after.epochs  # with the seconds on the clock: nothing was trained


def test_an_unknown_profile_is_named():
    with pytest.raises(ValueError, match=r"profile must be one of .*, got 'quick'"):
        cnn.train("quick")


def test_the_network_is_residual_and_of_the_documented_size():
    model = cnn.build()
    assert sum(p.numel() for p in model.parameters()) == 308_074
    assert model(torch.rand(2, 1, 28, 28)).shape == (2, 10)
    assert all(
        isinstance(model.get_submodule(f"layer{stage}.0"), cnn.cnn.BasicBlock)
        for stage in (1, 2, 3)
    )


# ---- augmentation ------------------------------------------------------------------------------


def test_each_shifted_image_is_a_window_of_its_padded_original():
    images = torch.rand(200, 3, 5, 7)
    moved = cnn.shift(images, 2, generator=torch.Generator().manual_seed(0))
    padded = nn.functional.pad(images, (2, 2, 2, 2))
    seen = set()
    for one, image in zip(padded, moved, strict=True):
        windows = {
            (row, column)
            for row in range(5)
            for column in range(5)
            if torch.equal(one[:, row : row + 5, column : column + 7], image)
        }
        assert len(windows) == 1
        seen |= windows
    assert len(seen) == 25  # every shift up to two pixels, each way, occurs


def test_a_shift_by_at_most_zero_changes_nothing():
    images = torch.rand(4, 1, 28, 28)
    assert torch.equal(cnn.shift(images, 0), images)


def test_about_half_of_the_images_are_mirrored_and_the_others_left_alone():
    images = torch.rand(400, 2, 3, 4)
    result = cnn.mirror(images, generator=torch.Generator().manual_seed(0))
    same = (result == images).flatten(1).all(1)
    flipped = (result == images.flip(3)).flatten(1).all(1)
    assert torch.equal(same, ~flipped)
    assert 150 < flipped.sum() < 250


def test_augmentation_is_fixed_by_its_generator_and_keeps_the_labels():
    batch = torch.rand(50, 1, 28, 28), torch.randint(10, (50,))
    runs = [cnn.shift_and_mirror(batch, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(runs[0][0], runs[1][0])
    assert not torch.equal(runs[0][0], runs[2][0])
    assert torch.equal(runs[0][1], batch[1])


@pytest.mark.parametrize("wrong", [torch.rand(28, 28), torch.rand(1, 28, 28)])
def test_images_of_a_wrong_shape_are_named(wrong):
    for function in (lambda x: cnn.shift(x, 2), cnn.mirror):
        with pytest.raises(ValueError, match=r"images must have shape \(N, C, H, W\), got"):
            function(wrong)


def test_a_negative_shift_is_named():
    with pytest.raises(ValueError, match="most must be at least 0, got -1"):
        cnn.shift(torch.rand(1, 1, 4, 4), -1)


# ---- the variational autoencoder ---------------------------------------------------------------


@pytest.fixture(scope="module")
def small_vae():
    before = torch.get_rng_state()
    result = vae.train("smoke", seed=3)
    assert torch.equal(before, torch.get_rng_state())
    return result


def test_a_smoke_run_of_the_vae_learns_and_ends_in_evaluation_mode(small_vae):
    model, history = small_vae
    losses = [row["train_loss"] for row in history.epochs]
    assert losses[-1] < 0.6 * losses[0]
    assert not model.training
    with pytest.raises(ValueError, match=r"profile must be one of .*, got 'quick'"):
        vae.train("quick")


def test_bounds_are_means_of_the_bounds_of_each_digit(small_vae):
    model, _ = small_vae
    x = vae.binarized("validation").inputs[:60]
    found = vae.bounds(model, x, weighted=40)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        simple = [vae.elbo(model, x, generator=generator) for _ in range(4)]
        tight = vae.importance_weighted_bound(model, x[:40], 500, generator=generator, chunk=25)
    assert found["elbo"] == pytest.approx(torch.cat(simple).mean().item(), abs=1e-3)
    assert found["iwae_500"] == pytest.approx(tight.mean().item(), abs=1e-3)
    assert found["iwae_500"] > found["elbo"]
    assert found == vae.bounds(model, x, weighted=40)


def test_the_test_digits_are_binarized_once_and_for_all():
    first, again, grey = vae.binarized("test"), vae.binarized("test"), data.mnist("test")
    assert torch.equal(first.inputs, again.inputs) and first.name == "test"
    assert set(first.inputs.unique().tolist()) == {0.0, 1.0}
    mean = first.inputs.mean().item()
    assert mean == pytest.approx(grey.inputs.mean().item(), abs=1e-3)
    assert torch.equal(first.inputs[grey.inputs == 1], torch.ones((grey.inputs == 1).sum()))


# ---- the classifier of the metrics ---------------------------------------------------------------


def test_a_smoke_run_of_the_classifier_reads_most_digits():
    model, history = metrics.train("smoke", seed=1)
    assert metrics.evaluate(model)["test_accuracy"] > 0.85
    assert history.epochs[-1]["validation_accuracy"] > 0.85
    with pytest.raises(ValueError, match=r"profile must be one of .*, got 'quick'"):
        metrics.train("quick")


def test_the_shipped_classifier_is_good_enough_to_judge():
    _, metadata, path = trained(metrics)
    assert metadata["metrics"]["test_accuracy"] >= 0.993
    assert path.stat().st_size <= 300_000
    assert metadata["command"] == "dlnotes train metrics --profile full --seed 0"


def test_a_name_is_that_of_a_chapter_or_of_the_metrics():
    assert course_train.names("vae") == course_train.names("16") == ("16_vae", "vae")
    assert course_train.names("metrics") == ("metrics", "metrics")
    with pytest.raises(ValueError, match="chapter must be a number or name"):
        course_train.names("metric")


def test_what_is_measured_is_what_is_stored_in_half_precision(tmp_path, monkeypatch):
    seen = []
    history = training.History(seconds=1.0)
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(1 / 3)
    recipe = types.ModuleType("dlnotes.recipes.metrics")
    recipe.WEIGHTS, recipe.DTYPE = "metrics_test", torch.float16
    recipe.train = lambda profile, *, checkpoint, seed: (model, history)
    recipe.evaluate = lambda model: {"a": seen.append(model.weight.item()) or 0.5}
    monkeypatch.setitem(sys.modules, "dlnotes.recipes.metrics", recipe)
    done = course_train.train("metrics", profile="smoke", seed=0, checkpoint=None, out=tmp_path)
    stored = load_file(done.path)["weight"]
    assert stored.dtype == torch.float16
    assert seen == [stored.item()] and abs(seen[0] - 1 / 3) > 1e-6
    assert model.weight.dtype == torch.float32


def test_the_shipped_vae_is_as_good_as_the_chapter_says():
    _, metadata, path = trained(vae)
    assert metadata["metrics"]["test_elbo"] >= -89.1  # measured again above
    assert metadata["metrics"]["test_iwae_500_of_10000"] >= -85.8
    assert metadata["command"] == "dlnotes train vae --profile full --seed 0"
    both = path.stat().st_size + trained(metrics)[2].stat().st_size
    assert both <= 2 * 2**20  # the chapter's share
