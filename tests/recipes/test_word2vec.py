"""dlnotes.recipes.word2vec: the text, the lists that judge, and what a few steps teach."""

import pytest
import torch

from dlnotes import data, recipes, word2vec
from dlnotes.recipes import word2vec as recipe
from dlnotes.word2vec import END, Corpus, WordVectors


def test_sentences_are_small_words_without_digits():
    assert recipe.words_of("Don't! In 1790, the UNITED States' debts") == [
        "don't", "in", "the", "united", "states", "debts"
    ]  # fmt: skip
    found = recipe.sentences("validation")
    first = data.state_of_the_union("validation")[0]
    assert found[0] == recipe.words_of(data.sentences(first.text)[0])
    assert len(found) == sum(
        len(data.sentences(a.text)) for a in data.state_of_the_union("validation")
    )


def test_years_choose_addresses():
    early, late = (
        recipe.sentences("validation", years=years) for years in (range(1900), range(1900, 3000))
    )
    assert early + late == recipe.sentences("validation") and early and late
    assert not any("soviet" in s for s in early) and any("soviet" in s for s in late)


def test_the_corpus_is_that_of_the_docstring():
    corpus = recipe.corpus()
    assert recipe.corpus() is corpus
    assert f"the {int(corpus.counts.sum()):,} running words" in recipe.__doc__
    assert corpus.counts.min() >= recipe.MIN_COUNT
    share = corpus.counts[corpus.id("the")] / sum(map(len, recipe.sentences()))
    assert share == pytest.approx(0.0845, abs=5e-4)


def test_rows_are_the_text_and_its_first_words():
    whole, some = recipe.rows(), recipe.rows(words=1_000)
    assert whole.shape[1] == word2vec.ROW and torch.equal(some, whole[:4])
    assert torch.equal(whole.flatten()[: len(recipe.corpus().stream)], recipe.corpus().stream)
    with pytest.raises(ValueError, match="words must be at least 1, got 0"):
        recipe.rows(words=0)


def test_lists_have_enough_words_and_each_half_half_of_them():
    chosen, reported = recipe.halves()
    assert set(chosen) | set(reported) == set(recipe.CATEGORIES) and not set(chosen) & set(reported)
    assert len(chosen) == len(reported) == 12
    for name, words in recipe.CATEGORIES.items():
        known = [word for word in words if word in recipe.corpus()]
        assert len(set(words)) == len(words), name
        assert len(known) >= 6, name  # five neighbours can all be right
        assert len(known) >= 0.75 * len(words), name


def test_precision_counts_neighbours_in_the_same_list():
    names = ["directions", "courts"]
    words = ["north", "south", "east", "west", "court", "judge", "jury", "trial"]
    vectors = torch.eye(2).repeat_interleave(4, dim=0) + 0.01 * torch.randn(8, 2)
    sorted_ones = WordVectors(words, vectors)
    assert recipe.precision(sorted_ones, names, 3) == 1
    assert recipe.precisions(sorted_ones, names, 5) == {"directions": 0.6, "courts": 0.6}
    mixed = WordVectors(words, torch.eye(2).repeat(4, 1) + 0.01 * torch.randn(8, 2))
    assert recipe.precision(mixed, names, 3) == pytest.approx(1 / 3)
    only = WordVectors([*words[:4], "the", "of"], torch.randn(6, 3))
    assert recipe.precisions(only, names)["courts"] == 0  # none of its words is known
    assert recipe.precisions(only, names)["directions"] == pytest.approx(0.6)
    with pytest.raises(ValueError, match=r"name must be one of 'months', .* got 'x'"):
        recipe.precision(only, ["x"])


def test_counting_with_the_tricks_of_word2vec():
    corpus = Corpus(recipe.sentences("validation"))  # a tenth of the text
    names = ["months", "europe", "numbers"]
    found = recipe.by_counting(corpus, 40, window=2)
    assert found.words == corpus.words and found.vectors.shape == (len(corpus), 40)
    chance = WordVectors(corpus.words, torch.randn(len(corpus), 40))
    assert recipe.precision(found, names) > 0.25 > 0.05 > recipe.precision(chance, names)
    again = recipe.by_counting(corpus, 40, window=2)
    assert torch.equal(found.vectors, again.vectors)
    fewer = recipe.by_counting(corpus, 40, window=2, threshold=1e-3, shift=0.7, exponent=0.0)
    assert fewer.vectors.shape == found.vectors.shape


def test_a_smoke_run_learns_something_and_is_rounded_to_half_precision(tmp_path):
    before = torch.get_rng_state()
    model, history = recipes.train(recipe.RECIPE, "smoke", seed=3, checkpoint=tmp_path)
    assert torch.equal(before, torch.get_rng_state())
    losses = [row["train_loss"] for row in history.epochs]
    assert losses[-1] < 0.9 * losses[0]
    assert 0 <= history.epochs[-1]["validation_precision_at_5"] <= 1
    for p in model.parameters():
        assert p.dtype == torch.float32 and torch.equal(p, p.half().float())
    again, _ = recipes.train(recipe.RECIPE, "smoke", seed=3, checkpoint=tmp_path)
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)


def test_the_recipe_trains_as_the_function_of_the_chapter_does():
    how = recipe.RECIPE.fit_options("smoke")
    model, history = recipes.train(recipe.RECIPE, "smoke", seed=3, progress=False, device="cpu")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        ours = recipe.build(**recipe.RECIPE.settings["smoke"].model)
    text = recipe.corpus()
    few = recipe.rows(words=60_000).flatten()
    part = word2vec.Corpus([], words=text.words)
    part.stream, part.counts = few, text.counts
    options = dict(
        epochs=how["epochs"],
        batch_words=how["batch_size"] * word2vec.ROW,
        learning_rate=how["learning_rate"],
        window=recipe.WINDOW,
        threshold=recipe.THRESHOLD,
        negatives=recipe.NEGATIVES,
        schedule=how["schedule"],
    )
    found = word2vec.train(ours, part, seed=3, progress=False, device="cpu", **options)
    assert [row["loss"] for row in found.steps] == [row["loss"] for row in history.steps]
    assert torch.equal(ours.vectors.half().float(), model.vectors)


def test_what_is_shipped_will_fit():
    model = recipe.build()
    assert sum(p.numel() for p in model.parameters()) * 2 < 2 * 2**20


def test_evaluation_looks_at_the_reported_lists_and_validation_at_the_others():
    model = recipe.build(dim=8)
    found = recipe.vectors(model)
    chosen, reported = recipe.halves()
    assert recipe.evaluate(model) == {"test_precision_at_5": recipe.precision(found, reported)}
    assert recipe.validate(model, 3) == {
        "validation_precision_at_5": recipe.precision(found, chosen[:3])
    }
    assert (recipe.rows() != END).sum() == recipe.corpus().counts.sum()
