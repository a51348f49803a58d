"""dlnotes.exercises.transformer: solutions pass, a wrong answer is told which property fails."""

import math

import pytest
import torch
from torch import nn

from dlnotes import transformer as module
from dlnotes.exercises import transformer
from dlnotes.exercises.transformer.exploring import verdict
from exercises.answers import judged

# ---- wrong answers, as functions of what is wrong ----------------------------------------------


def heads_of(
    *, columns=None, root=None, dim=1, last=True, join=lambda a, heads: torch.cat(a, dim=1)
):
    """Multi-query attention with something else in one of its places."""

    def multi_query(x, WQ, WK, WV, WO, heads):
        Q, K, V = x @ WQ, x @ WK, x @ WV
        size = K.shape[1]
        take = columns or (lambda Q, head, size, heads: Q[:, head * size : (head + 1) * size])
        by = root(size, heads) if root else size**0.5
        found = [(take(Q, m, size, heads) @ K.T / by).softmax(dim) @ V for m in range(heads)]
        return join(found, heads) @ WO if last else join(found, heads)

    return multi_query


def window(hide, *, dim=1, after=False, value=-torch.inf):
    """Attention with some pairs hidden, before or after the softmax."""

    def windowed(Q, K, V, w):
        places = torch.arange(len(Q))
        hidden = hide(places[:, None] - places, w)
        scores = Q @ K.T / Q.shape[1] ** 0.5
        if after:
            return (scores.softmax(dim) * ~hidden) @ V
        return scores.masked_fill(hidden, value).softmax(dim) @ V

    return windowed


def right_window(distance, w):
    return (distance < 0) | (distance >= w)


def slope(factor, *, tau_of_weights=lambda t: t, mean=True):
    def temperature_slope(s, v, tau):
        a = (s / tau_of_weights(tau)).softmax(0)
        return (factor(tau) * (a * s * (v - (a * v).sum() if mean else v)).sum()).item()

    return temperature_slope


def turned(angle, *, sine=True):
    def turned_score(q, k, i, j, omega):
        delta = angle(i, j, omega)
        along, across = q[0] * k[0] + q[1] * k[1], q[0] * k[1] - q[1] * k[0]
        return math.cos(delta) * along + sine * math.sin(delta) * across

    return turned_score


def stream(*, root=True, rescale=True, divide=True, safe=True):
    def one_pass(q, pairs):
        top, total, row = torch.tensor(-torch.inf), 0.0, 0.0
        for key, value in pairs:
            score = q @ key / (len(q) ** 0.5 if root else 1.0)
            new = torch.maximum(top, score) if safe else torch.tensor(0.0)
            shrink = (top - new).exp() if rescale and safe else 1.0
            weight = (score - new).exp()
            total, row, top = shrink * total + weight, shrink * row + weight * value, new
        return row / total if divide else row

    return one_pass


RUNS = {
    "nothing": [0.95, 0.96, 0.94],
    "place 1": [0.70, 0.72, 0.69],
    "place 2": [0.93, 0.955, 0.92],
    "decides": 1,
}

# ---- judged ------------------------------------------------------------------------------------

WRONG = [
    ("equal_keys", (6, 4), "score: that is query"),
    ("equal_keys", (1, 4), "all: "),
    ("equal_keys", (0, 4), "nobody"),
    ("equal_keys", (0.5, 4), "value: "),
    ("equal_keys", (0.2, 20), "sum: "),
    ("equal_keys", (0.2, 10), "largest: "),
    ("equal_keys", (0.2, 3), "middle: "),
    ("equal_keys", (0.2, 0), "ignored"),
    ("equal_keys", (0.2, 6), "score: the answer"),
    ("equal_keys", (0.3, 4), "not yet"),
    ("equal_keys", 0.2, "type"),
    ("hidden_pairs", (45, 7), "padding: that is the causal"),
    ("hidden_pairs", (30, 7), "causal: "),
    ("hidden_pairs", (75, 7), "twice"),
    ("hidden_pairs", (49, 7), "seen: "),
    ("hidden_pairs", (58, 7), "diagonal: a place may see itself$"),
    ("hidden_pairs", (55, 7), "diagonal: .* hidden, too"),
    ("hidden_pairs", (72, 7), "askers"),
    ("hidden_pairs", (51, 10), "padding: the last place"),
    ("hidden_pairs", (51, 8), "itself"),
    ("hidden_pairs", (51, 6), "start"),
    ("hidden_pairs", (51, 3), "hidden: "),
    ("hidden_pairs", (52, 7), "not yet"),
    ("hidden_pairs", (51, 4), "not yet"),
    ("multi_query", heads_of(root=lambda size, heads: 1.0), "root: the scores"),
    ("multi_query", heads_of(root=lambda size, heads: (size * heads) ** 0.5), "root: each query"),
    ("multi_query", heads_of(root=lambda size, heads: size**2), "square"),
    ("multi_query", heads_of(dim=0), "softmax"),
    ("multi_query", heads_of(columns=lambda Q, m, size, h: Q[:, :size]), "columns: each head"),
    ("multi_query", heads_of(columns=lambda Q, m, size, h: Q[:, m::h]), "columns: those of one"),
    ("multi_query", heads_of(last=False), "last|shape"),
    (
        "multi_query",
        heads_of(join=lambda a, h: torch.stack(a).mean(0).repeat(1, h)),
        "mean: the heads",
    ),
    ("multi_query", lambda *a: -heads_of()(*a), "sign"),
    ("windowed", window(lambda distance, w: distance >= w), "after"),
    ("windowed", window(lambda distance, w: distance < 0), "window: old"),
    ("windowed", window(lambda d, w: (d < 0) | (d > w)), r"off by one: .* w \+ 1"),
    ("windowed", window(lambda d, w: (d < 0) | (d >= w - 1)), "off by one: .* w − 1|nan"),
    ("windowed", window(lambda d, w: (d > 0) | (d <= -w)), "direction"),
    ("windowed", window(lambda d, w: d.abs() >= w), "both sides"),
    ("windowed", window(right_window, after=True), "softmax: hide"),
    ("windowed", window(right_window, value=0.0), "zero"),
    ("temperature_slope", slope(lambda t: 1 / t**2), "sign"),
    ("temperature_slope", slope(lambda t: -1 / t), "inner: the derivative of s / tau is not"),
    ("temperature_slope", slope(lambda t: 1.0), "inner: .* missing"),
    ("temperature_slope", slope(lambda t: -1.0), "inner: only its sign"),
    ("temperature_slope", slope(lambda t: -1 / t**2, mean=False), "mean"),
    ("temperature_slope", slope(lambda t: -1 / t**2, tau_of_weights=lambda t: 1.0), "weights"),
    ("temperature_slope", slope(lambda t: -3 / t**2), "scale"),
    ("turned_score", turned(lambda i, j, w: (i - j) * w), "direction"),
    ("turned_score", turned(lambda i, j, w: (i + j) * w), "sum"),
    ("turned_score", turned(lambda i, j, w: 0.0), "still"),
    ("turned_score", turned(lambda i, j, w: j * w), "query: only the key"),
    ("turned_score", turned(lambda i, j, w: -i * w), "key: only the query"),
    ("turned_score", turned(lambda i, j, w: j - i), "speed"),
    ("turned_score", turned(lambda i, j, w: (j - i) * w, sine=False), "sine"),
    ("turned_score", lambda q, k, i, j, w: 1.25, "not yet"),
    ("one_pass", stream(root=False), "root"),
    ("one_pass", stream(divide=False), "sum"),
    ("one_pass", stream(rescale=False), "rescale"),
    ("one_pass", stream(safe=False), "overflow"),
    ("one_pass", lambda q, pairs: list(pairs)[-1][1], "last|root|largest"),
    (
        "one_pass",
        lambda q, pairs: max(list(pairs), key=lambda pair: q @ pair[0])[1],
        "largest",
    ),
    ("one_pass", lambda q, pairs: torch.stack([v for _, v in pairs]).mean(0), "mean"),
    ("crossover", lambda d, f: 2 * d, "feed-forward: it costs"),
    ("crossover", lambda d, f: f, "projections: they cost"),
    ("crossover", lambda d, f: 2 * d + f / 2, "matrices"),
    ("crossover", lambda d, f: 4 * d + 2 * f, "mixing"),
    ("crossover", lambda d, f: 1.5 * d + f, "projections: there are four"),
    ("crossover", lambda d, f: 2 * d + 2 * f, "twice"),
    ("crossover", lambda d, f: 4 * d**2 + 2 * d * f, "divide"),
    ("crossover", lambda d, f: 1.1 * (2 * d + f), "scale"),
    ("which_look", RUNS | {"decides": 2}, "verdict"),
    ("which_look", RUNS | {"decides": "neither"}, "clear"),
    ("which_look", RUNS | {"decides": "one"}, "type: decides"),
    ("which_look", RUNS | {"place 1": [0.70, 0.72, 0.94]}, "overlap"),
    ("which_look", RUNS | {"place 1": RUNS["nothing"]}, "cut: the runs of place 1"),
    ("which_look", RUNS | {"place 2": RUNS["nothing"]}, "cut: the runs of place 2"),
    ("which_look", RUNS | {"place 2": RUNS["place 1"]}, "place: both"),
    ("which_look", RUNS | {"nothing": [0.95, 0.96, 0.3]}, "training"),
    ("which_look", RUNS | {"nothing": [0.95, 0.96]}, "seeds"),
    ("which_look", {"nothing": [0.9] * 3}, "keys"),
    ("which_look", [0.9], "type: a dict"),
    ("same_bag", ("ab", "ab"), "equal"),
    ("same_bag", ("ab", "aa"), "length"),
    ("same_bag", ("ab", "baba"), "first"),
    ("same_bag", ("ab", "aab"), "share"),
    ("same_bag", ("a", "ab"), "absent"),
    ("same_bag", ("hate", "heat"), "letters"),
    ("same_bag", ("", "ab"), "empty"),
    ("same_bag", (1, "ab"), "type"),
]

RIGHT = [
    ("equal_keys", [torch.tensor(0.2), 4]),
    ("hidden_pairs", [51.0, torch.tensor(7)]),
    ("multi_query", heads_of()),
    ("windowed", window(right_window)),
    ("temperature_slope", slope(lambda t: -1 / t**2)),
    ("turned_score", turned(lambda i, j, w: (j - i) * w)),
    ("one_pass", stream()),
    ("crossover", lambda d, f: torch.tensor(float(f + 2 * d))),
    ("which_look", RUNS),
    ("same_bag", ("ba", "bbaa")),
    ("same_bag", ("a", "aaa")),
]

test_exercises = judged("transformer", WRONG, RIGHT, slow=("which_look",))


# ---- what the solutions say is so --------------------------------------------------------------


def test_hidden_pairs_are_those_of_the_masks():
    seen = module.causal_mask(10) & module.padding_mask(torch.tensor([7]), 10)[0]
    assert transformer.hidden_pairs.right_answer() == ((~seen).sum(), seen[-1].sum())


def test_the_slope_is_autograds():
    s, v = torch.randn(2, 5).double()
    tau = torch.tensor(0.7).double().requires_grad_()
    ((s / tau).softmax(0) * v).sum().backward()
    slope = transformer.temperature_slope.right_answer()(s, v, 0.7)
    torch.testing.assert_close(slope, tau.grad)


def test_turned_score_is_that_of_turned_rows():
    q, k = torch.randn(2, 2).double()
    turn = [module.shift_matrix(place, 2) for place in (3, 8)]  # one clock of speed 1
    score = (turn[0] @ q) @ (turn[1] @ k)
    ours = transformer.turned_score.right_answer()(q.tolist(), k.tolist(), 3, 8, 1.0)
    assert ours == pytest.approx(score.item())


def test_crossover_is_where_the_counts_are_equal():
    n = transformer.crossover.right_answer()(6, 20)
    counts = module.multiply_adds(n, 6, 20)
    assert counts["scores and mixing"] == counts["projections"] + counts["feed-forward"]


def test_same_bag_cannot_be_told_apart():
    layer, table = module.EncoderLayer(8, 2, 16).double().eval(), torch.randn(2, 8).double()
    one, other = (
        layer(table[torch.tensor([[letter == "b" for letter in word]]).long()])[0, 0]
        for word in transformer.same_bag.right_answer()
    )
    torch.testing.assert_close(one, other)
    assert isinstance(layer, nn.Module)


def test_verdict():
    assert verdict([0.9], [0.5], [0.8]) == 1
    assert verdict([0.9], [0.8], [0.5]) == 2
    assert verdict([0.9], [0.85], [0.9, 0.8]) == "neither"


def test_accuracy_without_is_repeatable():
    first = transformer.accuracy_without(None, seed=1)
    assert 0.6 < first < 1
    assert first == transformer.accuracy_without(None, seed=1)
