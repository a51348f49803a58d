"""Every recipe: its shipped weights are what their metadata claims, and can be made again."""

import inspect

import pytest
import torch

from dlnotes import PROFILES, data, recipes, training
from dlnotes.training.batching import as_tensors

every_recipe = pytest.mark.parametrize("name", recipes.NAMES)


def shipped(recipe):
    """Return the file of a recipe's weights, verified."""
    try:
        return training.weights.verified(recipe.weights)
    except data.DataError as error:
        if "is missing" in str(error):  # a damaged file is a failure
            pytest.skip(f"no weights {recipe.weights} yet")
        raise


# ---- the weights -------------------------------------------------------------------------------


@every_recipe
def test_shipped_weights_reach_what_their_metadata_claims(name):
    recipe = recipes.find(name)
    shipped(recipe)
    model = recipe.build()
    metadata = training.load_weights(recipe.weights, model)
    measured = recipe.evaluate(model)
    assert measured, "a recipe without a metric proves nothing"
    for metric, value in measured.items():
        assert value == pytest.approx(metadata["metrics"][metric], abs=1e-3), metric


@every_recipe
def test_shipped_weights_are_small_finite_and_say_how_they_were_made(name):
    recipe = recipes.find(name)
    path, model = shipped(recipe), recipe.build()
    metadata = training.load_weights(recipe.weights, model)
    assert path.stat().st_size <= 2 * 2**20
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    assert metadata["command"].startswith("dlnotes train ")
    assert metadata["seconds"] > 0
    assert metadata["seed"] >= 0


@every_recipe
def test_shipped_weights_are_stored_as_the_recipe_says(name):
    recipe = recipes.find(name)
    stored = training.weights.load_file(shipped(recipe)).values()
    dtypes = {tensor.dtype for tensor in stored if tensor.is_floating_point()}
    assert dtypes == {recipe.dtype or torch.float32}


# ---- the recipes -------------------------------------------------------------------------------


@every_recipe
def test_a_model_is_built_anew_each_time(name):
    first, second = (recipes.find(name).build() for _ in range(2))
    ours, theirs = next(first.parameters()), next(second.parameters())
    assert ours.data_ptr() != theirs.data_ptr()
    with pytest.raises(AssertionError):  # drawn from torch's generator, not fixed
        torch.testing.assert_close(ours, theirs)


@every_recipe
def test_every_setting_is_an_option_of_what_it_is_for(name):
    recipe = recipes.find(name)
    of_fit = inspect.signature(training.fit).parameters
    assert recipe.description and "full" in recipe.settings
    assert recipe.settings["full"].model == {}  # what is shipped is what ``build()`` returns
    for profile in PROFILES:
        settings, options = recipe.settings[profile], recipe.fit_options(profile)
        assert set(options) <= set(of_fit)
        assert ("epochs" in options) != ("steps" in options)
        inspect.signature(recipe.data).bind(**settings.data)
        inspect.signature(recipe.build).bind(**settings.model)
        assert settings.validation == 0 or recipe.validate is not None


@every_recipe
def test_profiles_grow(name):
    settings = [recipes.find(name).settings[profile] for profile in PROFILES]
    epochs = [s.fit["epochs"] for s in settings[1:]]
    assert epochs[0] < epochs[1]
    sizes = [s.data.get("images", s.data.get("words")) or 10**9 for s in settings]
    assert sizes == sorted(sizes) and sizes[0] < sizes[2]


@every_recipe
def test_an_unknown_profile_is_named(name):
    with pytest.raises(ValueError, match=r"profile must be one of .*, got 'quick'"):
        recipes.train(recipes.find(name), "quick")


@every_recipe
def test_augmentation_and_loss_compute_where_the_batch_lies(name):
    """What is made without saying where, as it must not be on a GPU, is made on "meta" here."""
    recipe = recipes.find(name)
    batch = as_tensors(recipe.data(**recipe.settings["smoke"].data), train=True)
    batch, model = tuple(x[:6] for x in batch), recipe.build()
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        transform = recipe.options.get("transform", lambda batch, generator: batch)
        batch = transform(batch, generator)
        loss = recipe.loss(model, batch)
        loss.backward()
    assert {x.device.type for x in (*batch, loss)} == {"cpu"}
    assert loss.isfinite()
