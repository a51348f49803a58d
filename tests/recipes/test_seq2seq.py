"""dlnotes.recipes.seq2seq: words to phones, in the order of the words, counted as they are."""

import pytest
import torch

from dlnotes import data, recipes, seq2seq, training
from dlnotes.metrics import error_rates
from dlnotes.recipes import seq2seq as recipe


def test_pairs_hold_every_pronunciation_of_every_word():
    source, lengths, target = recipe.pairs("validation", words=200)
    letters, phones = recipe.vocabularies()
    rows = [(w, p) for w, right in data.cmudict("validation")[:200] for p in right]
    assert len(source) == len(rows) > 200
    for x, n, y, (word, right) in zip(source, lengths, target, rows, strict=True):
        assert "".join(letters.decode(x)) == word and n == len(word)
        assert phones.decode(y) == right
        assert y[0] == phones.begin and phones.end in y
    assert len(letters) == 29 and len(phones) == 72


def test_held_out_words_hold_no_phone_and_no_length_that_training_lacks():
    _, phones = recipe.vocabularies()
    for split in ("validation", "test"):
        for _, right in data.cmudict(split):
            assert all(len(p) < recipe.MAX_LENGTH and set(p) <= set(phones.tokens) for p in right)


def test_pronounce_keeps_the_order_of_the_words():
    torch.manual_seed(0)
    model, (letters, phones) = recipe.build(hidden_size=8), recipe.vocabularies()
    words = ["station", "a", "night", "of"]
    for beam_size in (1, 3):
        together = recipe.pronounce(model, words, beam_size=beam_size, batch_size=3)
        assert together == [recipe.pronounce(model, [w], beam_size=beam_size)[0] for w in words]
    model.eval()
    ids = model.greedy(*letters.batch(words), max_length=recipe.MAX_LENGTH)
    assert recipe.pronounce(model, words) == [phones.decode(row) for row in ids]


def test_a_smoke_run_learns_something_and_is_rounded_to_half_precision(tmp_path):
    before = torch.get_rng_state()
    model, history = recipes.train(recipe.RECIPE, "smoke", seed=3, checkpoint=tmp_path)
    assert torch.equal(before, torch.get_rng_state())
    losses = [row["loss"] for row in history.steps]
    assert losses[-1] < 0.85 * losses[0]
    for p in model.parameters():
        assert p.dtype == torch.float32 and torch.equal(p, p.half().float())
    # it is finished: the next call only loads
    again, _ = recipes.train(recipe.RECIPE, "smoke", seed=3, checkpoint=tmp_path)
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)


def test_evaluate_counts_the_test_words(monkeypatch):
    torch.manual_seed(0)
    model = recipe.build(hidden_size=8)
    some = data.cmudict("test")[:40]
    monkeypatch.setattr(recipe.data, "cmudict", lambda split: some if split == "test" else None)
    found = recipe.evaluate(model)
    written = recipe.pronounce(model, [w for w, _ in some])
    per, wer = error_rates(written, [right for _, right in some])
    assert found["test_per_greedy"] == per and found["test_wer_greedy"] == wer
    assert found.keys() == {f"test_{r}_{how}" for r in ("per", "wer") for how in ("greedy", "beam")}


def test_the_shipped_weights_are_those_of_the_recipe_and_say_how_well_they_read():
    model = recipe.build()
    about = training.load_weights("seq2seq_g2p", model)  # raises if a shape differs
    assert about["profile"] == "full"
    per, wer = recipe.scores(model.eval(), "test", words=300)
    assert per == pytest.approx(about["metrics"]["test_per_greedy"], abs=0.02)
    assert wer == pytest.approx(about["metrics"]["test_wer_greedy"], abs=0.06)
    assert seq2seq.LAYERS.keys() == {"rnn", "lstm", "gru"}
