"""dlnotes.figures.word2vec: what the pictures say is what the chapter's formulas give."""

import math

import pytest
import torch

from dlnotes import figures
from dlnotes import word2vec as module
from dlnotes.figures import word2vec
from dlnotes.figures.word2vec.interactive import nearest
from dlnotes.plotting import image_bundle

WORDS = ["we", "drink", "read"]
U = torch.tensor([[0.0, 0], [2, 0], [0, 2]])
V = torch.tensor([1.0, 0])
P = (U @ V).softmax(0)
TOY = {"man": (1.0, 0.0), "woman": (1.0, 0.2), "king": (3.0, 1.0), "queen": (3.0, 1.6)}
TOY = {word: torch.tensor(numbers) for word, numbers in TOY.items()}
LETTERS = [[*"abcde"], [*"bacde"], [*"edcba"], [*"abab"]] * 3


def company():
    corpus = module.Corpus(LETTERS, min_count=1)
    vectors = module.WordVectors(corpus.words, torch.eye(5)[:, :4] + 0.1)
    return vectors, module.cooccurrence(corpus, 5), corpus


def drawings():
    table = torch.tensor([[0.0, 2, 1], [2, 0, 0], [1, 0, 0]])
    curves = {"tea, coffee": [0.1, 1.0], "tea, books": [0.1, 0.2]}
    share = torch.tensor([0.5, 0.3, 0.2])
    names = [f"word {i}" for i in range(8)]
    return {
        "axes": lambda: word2vec.one_hot_axes(WORDS),
        "counts": lambda: word2vec.count_table(table, WORDS, framed=["read"]),
        "tables": lambda: word2vec.two_tables(table, table, WORDS, titles=("a", "b"), framed=WORDS),
        "shortened": lambda: word2vec.shortened(U, torch.randn(3, 4), WORDS),
        "parallelogram": lambda: word2vec.parallelogram(TOY, ("man", "woman", "king")),
        "sliding": lambda: word2vec.sliding([*"abcdef"], centers=(1, 2), window=2),
        "pull": lambda: word2vec.pull(V, P @ U - U[1], U, WORDS, P, seen=1, name="tea"),
        "toy": lambda: word2vec.toy_curves([1.9, 1.2], 1.1, curves),
        "models": lambda: word2vec.two_models(["we", "drink", "tea"]),
        "six": lambda: word2vec.six_of_many(negatives=5),
        "losses": lambda: word2vec.pair_losses(1, {1: 1 / 3, 3: 1.0, 5: 5 / 3}),
        "tricks": lambda: word2vec.tricks(share, share, share, torch.tensor([1.0, 0.5])),
        "tree": lambda: word2vec.tree((0.8, 0.75, 0.5), [*"abcd"]),
        "network": lambda: word2vec.network(V, U, P, WORDS, name="tea", others=["we"]),
        "ways": word2vec.two_ways,
        "scores": lambda: word2vec.scores({"a": [0.1, 0.2], "b": [0.3]}, ours=["a"]),
        "learning": lambda: word2vec.learning([1, 2], [[0.1, 0.2], [0.2, 0.3]], {"other": 0.4}),
        "lists": lambda: word2vec.by_list({"a": ([0.1, 0.3], 0.4), "b": ([0.5, 0.5], 0.3)}),
        "size": lambda: word2vec.by_size([1e5, 2e5], {"a": [[0.1, 0.2], [0.3, 0.3]]}),
        "moved": lambda: word2vec.moved({"old": {"a": 6, "b": 2}, "new": {"c": 5}}, most=6),
        "map": lambda: word2vec.word_map(torch.randn(8, 2), names, {"list": names[:4]}),
        "window": lambda: word2vec.by_window([1, 3], {"never": [0.7, 0.4]}, ylabel="share"),
        "company": lambda: word2vec.draw_company([("a", 0.9, 2), ("b", 0.4, 0)], "c"),
    }


@pytest.mark.parametrize("name", drawings())
def test_every_picture_is_drawn(name):
    fig = drawings()[name]()
    assert "<img" in image_bundle(fig, "a picture of this chapter", "a caption")["text/html"]


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_the_step_goes_from_v_to_v_minus_the_gradient():
    gradient, _ = module.softmax_gradient(V, U, torch.tensor(1))
    fig = word2vec.pull(V, gradient, U, WORDS, P, seen=1, name="tea")
    ends = [(t.xy, t.xyann) for t in fig.axes[0].texts if t.arrow_patch is not None]
    [observed, step] = ends
    assert step[1] == pytest.approx(V.tolist())
    assert step[0] == pytest.approx((V - gradient).tolist())
    assert observed[1] == pytest.approx((P @ U).tolist())  # what was expected


def test_leaves_are_the_products_along_their_ways():
    written = texts(word2vec.tree((0.8, 0.75, 0.5), "wxyz"))
    assert [text for text in written if len(text) == 4] == [
        "0.60",
        "0.20",
        "0.10",
        "0.10",
        "0.75",
        "0.25",
    ]


def test_pair_losses_rest_at_the_logarithm_of_the_odds():
    fig = word2vec.pair_losses(1, {1: 1 / 3, 5: 5 / 3})
    dots = [line for line in fig.axes[0].lines if len(line.get_xdata()) == 1]
    assert [d.get_xdata()[0] for d in dots] == pytest.approx([math.log(3), math.log(3 / 5)])
    curves = [line for line in fig.axes[0].lines if len(line.get_xdata()) > 2]
    for dot, curve in zip(dots, curves, strict=True):
        assert dot.get_ydata()[0] <= curve.get_ydata().min() + 1e-6


def test_the_parallelogram_ends_at_the_goal():
    fig = word2vec.parallelogram(TOY, ("man", "woman", "king"))
    [dot] = fig.axes[0].lines
    assert (*dot.get_xdata(), *dot.get_ydata()) == pytest.approx((3.0, 1.2))


def test_words_on_one_point_share_a_label():
    points = torch.tensor([[0.0, 0], [1, 1], [0, 0]])
    fig = word2vec.shortened(points, torch.eye(3), WORDS)
    assert "we,\nread" in [text.get_text() for text in fig.axes[0].texts]


def test_a_pair_touches_one_true_word_and_k_noise_words():
    fig = word2vec.six_of_many(negatives=5)
    orange = [line for line in fig.axes[0].lines if line.get_color() == "#D55E00"]
    assert len(orange) == 5


def test_the_network_shows_scores_and_probabilities():
    written = texts(word2vec.network(V, U, P, WORDS, name="tea", others=["we"]))
    assert [text for text in written if text in ("0.11", "0.79")] == ["0.11", "0.79", "0.11"]
    assert written.count("2") == 3  # twice in the table of u, once as a score


def test_three_axes_are_three_words():
    with pytest.raises(ValueError, match="words must be 3, got 2"):
        word2vec.one_hot_axes(["a", "b"])


def test_nearest_says_how_often_they_met():
    vectors, met, corpus = company()
    vectors = module.WordVectors(
        [*corpus.words, *"fghijklmn"], torch.randn(14, 3, generator=torch.manual_seed(0))
    )
    corpus = module.Corpus(LETTERS, min_count=1, words=vectors.words)
    met = module.cooccurrence(corpus, 5)
    rows = nearest(vectors, met, corpus, "a", 2)
    dense = met.to_dense()
    short = module.WordVectors(vectors.words, vectors.vectors[:, :2])
    assert [row[0] for row in rows] == [word for word, _ in short.most_similar("a", 8)]
    assert all(dense[corpus.id("a"), corpus.id(word)] == times for word, _, times in rows)
    assert any(times for _, _, times in rows)


def test_company_has_three_controls(capsys):
    words = ["mexico", "war", "bank", *"abcdefgh"]
    corpus = module.Corpus([words, words[::-1]], min_count=1)
    made = torch.Generator().manual_seed(1)
    tables = {
        w: module.WordVectors(corpus.words, torch.randn(11, 6, generator=made)) for w in (1, 3)
    }
    controls = figures.word2vec.company(tables, module.cooccurrence(corpus, 5), corpus)
    assert list(controls) == ["word", "window", "numbers"]
    controls["window"].value = 3
    controls["word"].value = "bank"
