"""dlnotes.recipes.transformer: the task and the size of chapter 06, learned by attention."""

import pytest
import torch

from dlnotes import recipes, transformer
from dlnotes.recipes import seq2seq as letters_to_phones
from dlnotes.recipes import transformer as recipe


def size(model):
    return sum(p.numel() for p in model.parameters())


def test_the_model_is_as_large_as_that_of_chapter_06():
    """As what is shipped there, which the notebook compares; the live one there is smaller."""
    theirs = letters_to_phones.build(**letters_to_phones.RECIPE.settings["full"].model)
    for profile in ("standard", "full"):
        ours = recipe.build(**recipe.RECIPE.settings[profile].model)
        assert size(ours) == pytest.approx(size(theirs), rel=0.02)


def test_the_words_and_measures_are_those_of_chapter_06():
    ours, theirs = recipe.RECIPE, letters_to_phones.RECIPE
    assert ours.data is theirs.data and ours.evaluate is theirs.evaluate
    assert ours.validate is theirs.validate
    for profile in ("standard", "full"):
        mine, other = ours.settings[profile], theirs.settings[profile]
        assert mine.data == other.data == {} and mine.validation == other.validation
    assert (
        ours.settings["standard"].fit["batch_size"] == theirs.settings["standard"].fit["batch_size"]
    )


def test_the_loss_is_smoothed():
    model, rows = recipe.build().eval(), recipe.pairs(words=9)
    found = recipe.loss(model, rows)
    expected = transformer.teacher_forcing_loss(model, rows, smoothing=0.1)
    torch.testing.assert_close(found, expected)
    assert found > transformer.teacher_forcing_loss(model, rows) + 1e-4


def test_pronounce_keeps_the_order_of_the_words():
    torch.manual_seed(0)
    model, (letters, phones) = recipe.build(dim=8), recipe.vocabularies()
    words = ["station", "a", "night", "of"]
    for beam_size in (1, 3):
        options = dict(beam_size=beam_size, batch_size=3)
        together = letters_to_phones.pronounce(model, words, **options)
        options = dict(beam_size=beam_size)
        alone = [letters_to_phones.pronounce(model, [w], **options)[0] for w in words]
        assert together == alone
    ids = model.eval().greedy(*letters.batch(words), max_length=letters_to_phones.MAX_LENGTH)
    assert letters_to_phones.pronounce(model, words) == [phones.decode(row) for row in ids]


def test_a_smoke_run_learns_something_and_fits_into_the_file(tmp_path):
    model, history = recipes.train(recipe.RECIPE, "smoke", seed=3, checkpoint=tmp_path)
    losses = [row["loss"] for row in history.steps]
    assert losses[-1] < 0.85 * losses[0]
    assert not model.training
    stored = 2 if recipe.RECIPE.dtype == torch.float16 else 4
    assert stored * size(recipe.build()) <= 2 * 2**20
    for p in model.parameters():
        assert p.dtype == torch.float32 and torch.equal(p, p.half().float())
    again, _ = recipes.train(recipe.RECIPE, "smoke", seed=3, checkpoint=tmp_path)
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)
