"""dlnotes.recipes.vae: bounds are means over digits that are binarised once and for all."""

import pytest
import torch

from dlnotes import data, recipes, training
from dlnotes.recipes import vae


@pytest.fixture(scope="module")
def small_vae():
    before = torch.get_rng_state()
    result = recipes.train(vae.RECIPE, "smoke", seed=3)
    assert torch.equal(before, torch.get_rng_state())
    return result


def test_a_smoke_run_of_the_vae_learns_and_ends_in_evaluation_mode(small_vae):
    model, history = small_vae
    losses = [row["train_loss"] for row in history.epochs]
    assert losses[-1] < 0.6 * losses[0]
    assert not model.training


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


def test_the_shipped_vae_is_as_good_as_the_chapter_says():
    path = training.weights.verified("vae_digits")
    metadata = training.weights_metadata("vae_digits")
    assert metadata["metrics"]["test_elbo"] >= -89.1  # measured again above
    assert metadata["metrics"]["test_iwae_500_of_10000"] >= -85.8
    assert metadata["command"] == "dlnotes train vae --profile full --seed 0"
    both = path.stat().st_size + training.weights.verified("metrics_digits").stat().st_size
    assert both <= 2 * 2**20  # the chapter's share
