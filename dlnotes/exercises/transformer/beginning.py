"""The first steps of the ladder of chapter 7: predict, compute by hand, complete."""

import torch
from torch import Tensor

from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
)
from dlnotes.exercises.cnn.trials import pixels, whole_number

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "1. Predict. A letter asks five letters with the query 3. All five keys are the same, 2. The "
    "values are 1, 2, 3, 4 and 10, and nothing is masked. Which weight does the last letter get, "
    "and what is the answer?\n"
    "Give two numbers, (weight, answer).",
    hint=(
        "Write down the five scores. What does the softmax make of equal numbers?",
        "Weights are positive and add up to 1. If nothing tells the letters apart, they are equal.",
        "The answer is the mean of the values with these weights.",
    ),
    because="Equal scores give equal weights, however large the scores are. Attention cannot "
    "ignore everybody. If nobody fits, it answers with the plain mean of all values.",
)
def equal_keys():
    scores = 3.0 * torch.full((5,), 2.0)
    weights = scores.softmax(dim=0)
    answer = (weights * torch.tensor([1.0, 2, 3, 4, 10])).sum()
    return round(weights[4].item(), 6), round(answer.item(), 6)


@equal_keys.checked_by
def _(answer):
    weight, mean = expect_parts(answer, "weight", "answer")
    weights = {
        "score: that is query times key, and the softmax comes after it": 6.0,
        "all: the last letter is one of five that fit equally well": 1.0,
        "nobody: attention cannot ignore everybody, its weights add up to 1": 0.0,
        "value: weights come from queries and keys, and not from values": 10 / 20,
    }
    expect_number(weight, 0.2, "the weight", wrong=weights)
    answers = {
        "sum: the weights add up to 1, so the answer is a mean": 20.0,
        "largest: the largest value does not win, since weights do not see values": 10.0,
        "middle: that is the median, and the answer is a mean": 3.0,
        "ignored: it answers, even if nobody fits better than the others": 0.0,
        "score: the answer is a mean of values, and not of scores": 6.0,
    }
    expect_number(mean, 4.0, "the answer", wrong=answers)


# ---- by hand -----------------------------------------------------------------------------------


@exercise(
    "2. By hand. A decoder reads 10 places. The last 3 of them are padding, which nobody may look "
    "at. There is the causal mask as well. Every place asks, also the padding. How many of the 100 "
    "pairs of asker and answerer are hidden? And how many places may the last one see?\n"
    "Give two whole numbers, (hidden, seen).",
    hint=(
        "It is easier to count what may be seen, row by row.",
        "Row i sees the places 1 to i, except those that are padding.",
        "Rows 1 to 7 see 1, 2, ..., 7 places. How many does each of the rows 8, 9 and 10 see?",
    ),
    because="A pair is hidden if one of the two masks hides it, and pairs which both hide count "
    "once. No row is empty here, because every place may see the first one. Were the padding at "
    "the beginning, the first rows would see nothing, and their softmax would be nan.",
)
def hidden_pairs():
    seen = [min(place, 7) for place in range(1, 11)]  # by each row
    return 100 - sum(seen), seen[-1]


@hidden_pairs.checked_by
def _(answer):
    pair = expect_parts(answer, "hidden", "seen")
    hidden, seen = map(whole_number, pair, ("the hidden pairs", "the places seen"))
    mistakes = {
        45: "padding: that is the causal mask alone",
        30: "causal: that is the padding alone",
        75: "twice: some pairs are hidden by both masks, and still are one pair each",
        49: "seen: those are the pairs that may be seen",
        58: "diagonal: a place may see itself",
        55: "diagonal: a place may see itself, and padding is hidden, too",
        72: "askers: the places with padding ask, too, and they see the others",
    }
    for value, message in mistakes.items():
        expect(hidden != value, message)
    expect(hidden == 51, "not yet: count row by row what may be seen; use .hint()")
    places = {
        10: "padding: the last place may not look at padding",
        8: "itself: the last place is padding, so it may not see itself",
        6: "start: it may see the first place, too",
        9: "padding: there are three places of it, and the last one is among them",
        3: "hidden: those are the places that it may not see",
    }
    for value, message in places.items():
        expect(seen != value, message)
    expect(seen == 7, "not yet: which places are not padding? use .hint()")


# ---- complete ----------------------------------------------------------------------------------


@exercise(
    "3. Complete. A cache is smaller if all heads share their keys and values, and only the "
    "queries differ. This is called multi-query attention. x is (n, d). WQ is (d, heads · size), "
    "with the columns of the first head first. WK and WV are (d, size). WO is (heads · size, d). "
    "Each head is attention with its own columns of Q and with the common keys and values. Fill in "
    "the four blanks.\n"
    "Return the result, (n, d).",
    hint=(
        "Head number head has the columns head · size to (head + 1) · size − 1 of Q.",
        "Divide by the root of what a single query has, and take the softmax along each row.",
        "The answers of all heads are put side by side, torch.cat(..., dim=1).",
    ),
    because="The cache holds 2 · size numbers for each token instead of 2 · heads · size. Shazeer "
    "(2019, arXiv:1911.02150) found that the quality suffers little. Many large models now share "
    "keys and values at least among groups of heads.",
    skeleton="""
        def multi_query(x, WQ, WK, WV, WO, heads):
            Q, K, V = x @ WQ, x @ WK, x @ WV
            size, answers = K.shape[1], []
            for head in range(heads):
                q = ...
                A = ...
                answers.append(...)
            return ...
    """,
)
def multi_query():
    def multi_query(x, WQ, WK, WV, WO, heads):
        Q, K, V = x @ WQ, x @ WK, x @ WV
        size, answers = K.shape[1], []
        for head in range(heads):
            q = Q[:, head * size : (head + 1) * size]
            A = (q @ K.T / size**0.5).softmax(dim=1)
            answers.append(A @ V)
        return torch.cat(answers, dim=1) @ WO

    return multi_query


@multi_query.checked_by
def _(answer):
    shared = expect_function(answer, "x", "WQ", "WK", "WV", "WO", "heads")
    for seed, (n, d, heads, size) in enumerate([(5, 6, 3, 2), (4, 4, 2, 4)]):
        x, WQ = pixels(n, d, seed=seed), pixels(d, heads * size, seed=10 + seed)
        WK, WV = pixels(2, d, size, seed=20 + seed)
        WO = pixels(heads * size, d, seed=30 + seed)
        parts = x, WQ, WK, WV, WO, heads
        mistakes = {
            "root: the scores are divided by the root of size": query_heads(*parts, root=1.0),
            "root: each query has size numbers, and not those of all heads": query_heads(
                *parts, root=(heads * size) ** 0.5
            ),
            "square: divide by the root": query_heads(*parts, root=float(size) ** 2),
            "softmax: along each row, over the keys": query_heads(*parts, dim=0),
            "columns: each head has its own, and yours all use the first": query_heads(
                *parts, columns=lambda Q, head, size=size: Q[:, :size]
            ),
            "columns: those of one head stand together": query_heads(
                *parts, columns=lambda Q, head, heads=heads: Q[:, head::heads]
            ),
            "last: WO is missing": query_heads(*parts[:4], torch.eye(heads * size).double(), heads),
            "mean: the heads stand side by side, they are not averaged": query_heads(
                *parts, join=lambda a, heads=heads: torch.stack(a).mean(0).repeat(1, heads)
            ),
        }
        right = query_heads(*parts)
        expect_close(shared(*parts), right, "the result", within=1e-9, wrong=mistakes)


def query_heads(
    x: Tensor,
    WQ: Tensor,
    WK: Tensor,
    WV: Tensor,
    WO: Tensor,
    heads: int,
    *,
    root: float | None = None,
    dim: int = 1,
    columns=None,
    join=lambda answers: torch.cat(answers, dim=1),
) -> Tensor:
    """Return multi-query attention, or what the usual mistakes make of it."""
    Q, K, V = x @ WQ, x @ WK, x @ WV
    size = K.shape[1]
    columns = columns or (lambda Q, head: Q[:, head * size : (head + 1) * size])
    root = size**0.5 if root is None else root
    answers = [(columns(Q, head) @ K.T / root).softmax(dim) @ V for head in range(heads)]
    return join(answers) @ WO


@exercise(
    "4. Complete. In a long text, let each place see itself and the w − 1 places before it, and "
    "nothing else. Q, K and V are (n, size), and w is at least 1. Fill in the three blanks. (A "
    "tensor of truth values can be combined with | for or, and & for and.)\n"
    "Return the answers, (n, size).",
    hint=(
        "distance[i, j] is i − j. It is negative for places after i. What is it for the place "
        "itself, and for the oldest that may be seen?",
        "Hidden is what lies after i, and what lies w or more places before it.",
        "masked_fill puts a number where hidden is True. Which number has the weight 0?",
    ),
    because="There are at most n · w pairs instead of n²/2, so the cost grows with n and no longer "
    "with its square. Several such layers see further, like stacked convolutions, w − 1 places "
    "more with each layer.",
    skeleton="""
        def windowed(Q, K, V, w):
            places = torch.arange(len(Q))
            distance = places[:, None] - places  # i − j
            hidden = ...
            scores = Q @ K.T / Q.shape[1] ** 0.5
            A = ...
            return ...
    """,
)
def windowed():
    def windowed(Q, K, V, w):
        places = torch.arange(len(Q))
        distance = places[:, None] - places  # i − j
        hidden = (distance < 0) | (distance >= w)
        scores = Q @ K.T / Q.shape[1] ** 0.5
        A = scores.masked_fill(hidden, -torch.inf).softmax(dim=1)
        return A @ V

    return windowed


@windowed.checked_by
def _(answer):
    local = expect_function(answer, "Q", "K", "V", "w")
    for seed, (n, size, w) in enumerate([(7, 4, 3), (6, 3, 1), (5, 2, 8)]):
        Q, K, V = pixels(3, n, size, seed=seed)
        places = torch.arange(n)
        distance = places[:, None] - places
        masks = {
            "after: places after i must be hidden, too": distance >= w,
            "window: old places must be hidden, too": distance < 0,
            "off by one: your window holds w + 1 places": (distance < 0) | (distance > w),
            "direction: your places look ahead instead of back": (distance > 0) | (distance <= -w),
            "both sides: your places look back and ahead": distance.abs() >= w,
        }
        if w > 1:
            short = (distance < 0) | (distance >= w - 1)
            masks["off by one: your window holds w − 1 places"] = short
        mistakes = {message: local_answers(Q, K, V, hidden) for message, hidden in masks.items()}
        hidden = (distance < 0) | (distance >= w)
        mistakes |= {
            "softmax: hide the scores before it, else the rows do not add up to 1": (
                ((Q @ K.T / size**0.5).softmax(1) * ~hidden) @ V
            ),
            "zero: a score of 0 has a weight that is not 0": (
                (Q @ K.T / size**0.5).masked_fill(hidden, 0.0).softmax(1) @ V
            ),
        }
        expect_close(
            local(Q, K, V, w),
            local_answers(Q, K, V, hidden),
            "the answers",
            within=1e-9,
            wrong=mistakes,
        )


def local_answers(Q: Tensor, K: Tensor, V: Tensor, hidden: Tensor) -> Tensor:
    """Return attention with some pairs hidden."""
    scores = Q @ K.T / Q.shape[1] ** 0.5
    return scores.masked_fill(hidden, -torch.inf).softmax(1) @ V
