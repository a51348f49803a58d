"""dlnotes.figures.word2vec: what the pictures say is what the chapter's formulas give."""

import math

import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch

from dlnotes import figures
from dlnotes import word2vec as module
from dlnotes.figures import word2vec
from dlnotes.figures.word2vec.interactive import nearest
from dlnotes.plotting import BLUE, ORANGE, image_bundle

WORDS = ["we", "drink", "read"]
U = torch.tensor([[0.0, 0], [2, 0], [0, 2]])
V = torch.tensor([1.0, 0])
P = (U @ V).softmax(0)
TOY = {"man": (1.0, 0.0), "woman": (1.0, 0.2), "king": (3.0, 1.0), "queen": (3.0, 1.6)}
TOY = {word: torch.tensor(numbers) for word, numbers in TOY.items()}
MOVED = {"word": {"old": {"a": 6, "b": 2}, "new": {"c": 5}}}
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
        "patterns": lambda: word2vec.table_row(
            {"a": table, "b": table, "c": table}, WORDS, framed=["we"]
        ),
        "shortened": lambda: word2vec.shortened(U, torch.randn(3, 4), WORDS),
        "parallelogram": lambda: word2vec.parallelogram(TOY, ("man", "woman", "king")),
        "sliding": lambda: word2vec.sliding([*"abcdef"], centers=(1, 2), window=2),
        "pull": lambda: word2vec.pull(V, P @ U - U[1], U, WORDS, P, seen=1, name="tea"),
        "toy": lambda: word2vec.toy_curves([1.9, 1.2], 1.1, curves),
        "models": lambda: word2vec.two_models(["we", "drink", "tea"]),
        "six": lambda: word2vec.six_of_many("tea", "drink", noise=["of", "war"]),
        "losses": lambda: word2vec.pair_losses(1, {1: 1 / 3, 3: 1.0, 5: 5 / 3}),
        "tricks": lambda: word2vec.tricks(
            share, share, share, torch.tensor([1.0, 0.5]), marked={"a": 1}
        ),
        "tree": lambda: word2vec.tree((0.8, 0.75, 0.5), [*"abcd"]),
        "network": lambda: word2vec.network(V, U, P, WORDS, name="tea", others=["we"]),
        "ways": word2vec.two_ways,
        "scores": lambda: word2vec.scores({"a": [0.1, 0.2], "b": [0.3]}, guess=["a"], count=["b"]),
        "learning": lambda: word2vec.learning([1, 2], [[0.1, 0.2], [0.2, 0.3]], {"other": 0.4}),
        "lists": lambda: word2vec.by_list({"a": ([0.1, 0.3], 0.4), "b": ([0.5, 0.5], 0.3)}),
        "size": lambda: word2vec.by_size([1e5, 2e5], {"a": [[0.1, 0.2], [0.3, 0.3]]}),
        "moved": lambda: word2vec.moved(MOVED, most=6, line=5),
        "map": lambda: word2vec.word_map(torch.randn(8, 2), names, {"list": names[:4]}),
        "cloud": lambda: word2vec.score_cloud(share, share, torch.tensor([1.0, 5, 50])),
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
    fig = word2vec.six_of_many("tea", "drink", noise=["of", "war", "cotton"])
    assert {"tea", "drink", "of", "war", "cotton"} <= set(texts(fig))
    arrows = [patch for patch in fig.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    away = [arrow for arrow in arrows if to_hex(arrow.get_edgecolor()).upper() == ORANGE]
    assert len(away) == 3
    for arrow in away:  # pushed: it ends farther from the middle than it begins
        first, last = (math.dist(place, (12, 4.7)) for place in arrow._posA_posB)
        assert last > first


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


def test_stable_neighbors_are_dark_and_the_line_is_drawn():
    old, new = word2vec.moved(MOVED, most=6, line=5).axes
    dark = [
        [to_hex(bar.get_facecolor()).upper() == BLUE for bar in ax.patches] for ax in (old, new)
    ]
    assert dark == [[True, False], [True]]
    assert [ax.lines[0].get_xdata()[0] for ax in (old, new)] == [5, 5]
    assert [ax.get_title() for ax in (old, new)] == ["word, old", "word, new"]


def test_short_vectors_are_arrows_from_the_origin():
    fig = word2vec.shortened(torch.tensor([[1.0, 1], [2, 1], [1, 3]]), torch.eye(3), WORDS)
    arrows = [text for text in fig.axes[0].texts if text.arrow_patch is not None]
    assert [text.xyann for text in arrows] == [(0, 0)] * 3
    low, high = fig.axes[0].get_xlim()
    assert low < 0 < high


def test_every_word_of_the_map_is_written_beside_its_dot():
    names = [f"word{i}" for i in range(6)]
    points = torch.tensor([[0.0, 0], [0.01, 0], [1, 1], [1, 0.99], [0, 1], [1, 0]])
    fig = word2vec.word_map(points, names, {"one": names[:3], "two": names[3:]})
    written = {text.get_text(): text.xy for text in fig.axes[0].texts}
    assert list(written) == names
    assert torch.allclose(torch.tensor(list(written.values())), points)
    fig.draw_without_rendering()
    boxes = [text.get_window_extent() for text in fig.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_cloud_sorts_pairs_by_how_often_they_met():
    goal, times = torch.arange(4.0), torch.tensor([1.0, 3, 30, 31])
    ax = word2vec.score_cloud(goal, goal + 1, times).axes[0]
    assert [line.get_xdata().tolist() for line in ax.lines[:3]] == [[0, 1], [2], [3]]
    assert [line.get_ydata().tolist() for line in ax.lines[:3]] == [[1, 2], [3], [4]]
    assert list(ax.lines[3].get_xdata()) == list(ax.lines[3].get_ydata()) == [0, 3]


def test_who_counts_is_orange_and_who_guesses_is_blue():
    fig = word2vec.scores({"a": [0.1], "b": [0.3], "c": [0.2]}, guess=["a"], count=["b"])
    bars = [to_hex(bar.get_facecolor()).upper() for bar in fig.axes[0].patches]
    assert bars[:2] == [BLUE, ORANGE] and bars[2] not in (BLUE, ORANGE)


def test_the_tricks_mark_words_on_their_curves():
    share, keep = torch.tensor([0.5, 0.3]), torch.tensor([0.1, 0.9])
    fig = word2vec.tricks(share, keep, share, torch.tensor([1.0]), marked={"energy": 1})
    dots = [line for line in fig.axes[0].lines if len(line.get_xdata()) == 1]
    assert [(*dot.get_xdata(), *dot.get_ydata()) for dot in dots] == [pytest.approx((0.3, 0.9))]
    assert "energy" in [text.get_text() for text in fig.axes[1].texts]


def test_a_word_of_the_map_stands_where_no_other_dot_is():
    names, points = ["one", "two", "far"], torch.tensor([[0.0, 0], [0.05, 0], [1, 1]])
    fig = word2vec.word_map(points, names, {"all": names})
    sides = {text.get_text(): text.get_position() for text in fig.axes[0].texts}
    assert sides == {"one": (-8, 0), "two": (8, 0), "far": (8, 0)}
