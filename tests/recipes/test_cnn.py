"""dlnotes.recipes.cnn: a network that learns clothes, and honest augmentation."""

import pytest
import torch
from torch import nn

from dlnotes import data, recipes, training
from dlnotes.recipes import cnn


def test_shipped_clothes_network_beats_its_goal():
    metrics = training.weights_metadata("cnn_fashion")["metrics"]  # measured in test_shipped.py
    assert metrics["test_accuracy_2000"] >= 0.925
    assert metrics["test_accuracy_10000"] >= 0.925


@pytest.fixture(scope="module")
def smoke():
    before = torch.get_rng_state()
    result = recipes.train(cnn.RECIPE, "smoke", seed=3)
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
    first, before = recipes.train(cnn.RECIPE, "smoke", seed=3, checkpoint=tmp_path)
    torch.testing.assert_close(first.state_dict(), smoke[0].state_dict(), rtol=0, atol=0)
    # it is finished: the next call only loads
    again, after = recipes.train(cnn.RECIPE, "smoke", seed=3, checkpoint=tmp_path)
    torch.testing.assert_close(again.state_dict(), first.state_dict(), rtol=0, atol=0)
    assert before.epochs == after.epochs  # with the seconds on the clock: nothing was trained


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
