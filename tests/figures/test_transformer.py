"""dlnotes.figures.transformer: what the pictures say is what the chapter's formulas give."""

import math
import re

import pytest
import torch
from matplotlib.patches import FancyArrowPatch

from dlnotes import figures
from dlnotes import transformer as module
from dlnotes.figures import transformer
from dlnotes.figures.transformer.interactive import WORDS, answer_of, weights_of
from dlnotes.plotting import image_bundle

WEIGHTS = torch.tensor([[0.1, 0.4, 0.1, 0.4], [0.14, 0.14, 0.14, 0.58]] * 2)
VALUES = torch.tensor([0.0, 0, 0, 1])
FIRST = {"A": 0.6, "B": 0.4}
SECOND = {"A": {"C": 0.5, "D": 0.5}, "B": {"C": 0.95, "D": 0.05}}


def drawings():
    across = torch.rand(3, 4).softmax(1)
    table = torch.rand(4, 3)
    matrices = {name: torch.rand(3, 2) for name in "QKV"}
    return {
        "relay": lambda: transformer.relay_and_look("hate"),
        "look": lambda: transformer.look({"hate": (1, WEIGHTS[1], 0.58)}),
        "projections": lambda: transformer.projections(table, matrices, "hate"),
        "weights": lambda: transformer.weights_map(WEIGHTS, "hate", VALUES, row=1),
        "pushes": lambda: transformer.pushes("hate", 1, WEIGHTS[1], VALUES, 1.0),
        "points": lambda: transformer.softmax_points({"a": 8.0, "b": 1.0, "c": 0.0}),
        "spread": lambda: transformer.score_spread((4, 16), 500, 0),
        "clocks": lambda: transformer.clocks("hate", (1.0, 0.01), turn=(1, 2)),
        "code": lambda: transformer.code_map(module.positional_encoding(9, 8)),
        "words": lambda: transformer.four_words({"one": {"hat": 0.1}}, {"hat": False}),
        "lanes": transformer.lanes,
        "layer": transformer.encoder_layer,
        "collapse": lambda: transformer.collapse([0, 1], {"a": [[1, 2], [3, 4]]}),
        "staircase": lambda: transformer.staircase(torch.eye(3), "abc", "bcd"),
        "crossing": lambda: transformer.crossing(across, "abc", "hate"),
        "architecture": transformer.architecture,
        "rates": lambda: transformer.rates([1, 2, 3], [0.1, 0.3, 0.2], 2),
        "rows": lambda: transformer.picked_rows("hate", "aeht", torch.randn(4, 3)),
        "bend": lambda: transformer.bent_sum((2.0, -3.0)),
        "tree": lambda: transformer.greedy_tree(FIRST, SECOND),
        "cache": lambda: transformer.cache_rows(4),
        "bars": lambda: transformer.accuracies({"a": [90.0, 91.0], "b": [9.0]}, xlabel="%"),
        "maps": lambda: transformer.maps({"head 1": across}, "abc", "hate"),
        "cost": lambda: transformer.cost([4, 8], {"a": [1, 2], "b": [2, 3]}),
        "cut": lambda: transformer.cut_heads(torch.randn(4, 4), torch.randn(4, 4), "city"),
        "norms": transformer.norm_slices,
        "masks": lambda: transformer.both_masks(5, 3),
        "paths": lambda: transformer.path_lengths("hate"),
        "head": lambda: transformer.draw_head(content=2.0, place=3.0, shift=2),
    }


@pytest.mark.parametrize("name", drawings())
def test_every_picture_is_drawn(name):
    fig = drawings()[name]()
    assert "<img" in image_bundle(fig, "a picture of this chapter", "a caption")["text/html"]


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_answers_are_weights_times_values():
    written = texts(transformer.weights_map(WEIGHTS, "hate", VALUES))
    assert written.count("0.58") == 2 * 2  # twice among the weights, twice among the answers


def test_pushes_are_the_gradient():
    scores = WEIGHTS[1].log().requires_grad_()
    (scores.softmax(0) * VALUES).sum().backward()
    shown = [text for text in texts(drawings()["pushes"]()) if re.fullmatch(r"[+−]\d\.\d\d", text)]
    numbers = [float(text.replace("−", "-")) for text in shown]
    assert numbers == pytest.approx(scores.grad.tolist(), abs=0.006)


def test_clocks_show_the_codes():
    shown = [text for text in texts(transformer.clocks("hate", (1.0, 0.01))) if "," in text]
    code = module.positional_encoding(4, 4)
    expected = [pair for place in code.tolist() for pair in (place[:2], place[2:])]
    numbers = [[float(x) for x in text.replace("−", "-").split(",")] for text in shown]
    torch.testing.assert_close(
        torch.tensor(sorted(numbers)), torch.tensor(sorted(expected)), atol=0.006, rtol=0
    )


def test_a_slow_clock_is_shown_at_far_places():
    fig = transformer.clocks("hate", (1.0, 0.01), strides=(1, 100))
    written = texts(fig)
    assert [text for text in written if "place" in text] == [
        "place 0",
        "place 100",
        "place 200",
        "place 300",
    ]
    assert written.count("0.14, −0.99") == 2  # 3 · 1 and 300 · 0.01


def test_heads_cut_the_product_not_the_letter():
    X, W = torch.eye(4), torch.arange(16.0).view(4, 4)
    fig = transformer.cut_heads(X, W, "city", heads=2)
    frames = [patch for patch in fig.axes[0].patches if not patch.get_fill()]
    assert [(box.get_width(), box.get_height()) for box in frames] == [(2, 4)] * 4
    assert {"head 1", "head 2"} <= set(texts(fig))


def test_norms_share_columns_or_rows():
    fig = transformer.norm_slices(words=3, features=4)
    tiles = [patch.get_facecolor() for patch in fig.axes[0].patches if patch.get_fill()]
    batch, layer = tiles[:12], tiles[12:]
    assert batch[0] == batch[4] == batch[8] != batch[1]  # down a column
    assert layer[0] == layer[1] == layer[3] != layer[4]  # along a row


@pytest.mark.parametrize(("places", "length", "seen"), [(5, 3, 12), (4, 4, 10), (4, 1, 4)])
def test_two_masks_hide_what_either_hides(places, length, seen):
    mask = module.causal_mask(places) & module.padding_mask(torch.tensor([length]), places)[0]
    assert mask.sum() == seen
    written = texts(transformer.both_masks(places, length))
    assert f"{seen} of {places * places} may be seen" in written


@pytest.mark.parametrize("word", ["hat", "hate", "paste"])
def test_paths_have_the_steps_that_they_claim(word):
    fig, n = transformer.path_lengths(word), len(word)
    arrows = [patch for patch in fig.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == (n - 1) + n + 1  # the recurrent network also reads the first token
    assert {f"{n - 1} layers", f"{n - 1} steps", "1 layer"} <= set(texts(fig))


def test_collapse_has_a_line_for_each_letter():
    fig = transformer.collapse(range(2), {"a": [[1, 2], [3, 4]], "b": [[1, 1]]})
    assert [len(ax.lines) for ax in fig.axes] == [2, 1]


@pytest.mark.parametrize("word", WORDS)
def test_the_head_of_the_sliders_is_that_of_the_text(word):
    code, here = module.positional_encoding(len(word), 4)[:, :2], word.index("a")
    turn = module.shift_matrix(2, 4)[:2, :2].float()
    is_e = torch.tensor([float(letter == "e") for letter in word])
    scores = 2 * is_e + 3 * code @ (turn @ code[here])
    torch.testing.assert_close(weights_of(word, 2.0, 3.0, 2), scores.softmax(0))


def test_content_and_place_together_read_all_words():
    assert all((answer_of(word, 2.0, 3.0, 2) > 0.5) == long for word, long in WORDS.items())
    assert any((answer_of(word, 2.0, 0.0, 2) > 0.5) != long for word, long in WORDS.items())
    assert any((answer_of(word, 0.0, 3.0, 2) > 0.5) != long for word, long in WORDS.items())


def test_head_has_three_sliders(capsys):
    controls = figures.transformer.head()
    assert list(controls) == ["content", "place", "shift"]
    controls["place"].value = 3.0


def test_staircase_hides_what_comes_after():
    weights = torch.full((4, 4), -math.inf).triu(1).softmax(-1)
    written = texts(transformer.staircase(weights, "abcd", "bcde"))
    assert written.count("hidden") == 6 and written.count("0.25") == 4


def test_the_tree_names_the_best_and_the_greedy_way():
    written = texts(transformer.greedy_tree(FIRST, SECOND))
    assert [text for text in written if "best" in text] == ["0.4 · 0.95 = 0.38  best"]
    assert [text for text in written if "greedy" in text] == ["0.6 · 0.5 = 0.30  greedy"]


@pytest.mark.parametrize("tokens", [1, 4, 7])
def test_a_cache_computes_a_row_a_step(tokens):
    written = texts(transformer.cache_rows(tokens))
    assert f"{tokens * (tokens + 1) // 2} rows computed" in written
    assert f"{tokens} rows computed" in written
