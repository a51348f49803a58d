"""dlnotes.exercises.seq2seq: solutions pass, a wrong answer is told which property fails."""

import math
from collections import Counter
from string import ascii_lowercase

import torch
import torch.nn.functional as F

from dlnotes.exercises import seq2seq
from dlnotes.seq2seq import BahdanauAttention
from dlnotes.text import Vocabulary
from exercises.answers import judged


def lags(*, offset=0, flip=False, in_order=None):
    def lags(n, reverse):
        if not reverse:
            return [in_order if in_order is not None else n] * n
        row = [2 * i - 1 + offset for i in range(1, n + 1)]
        return row[::-1] if flip else row

    return lags


@torch.no_grad()
def zero_all(attention):
    for p in attention.parameters():
        p.zero_()


@torch.no_grad()
def zero_u(attention):
    attention.U.weight.zero_()


@torch.no_grad()
def constant_v(attention):
    attention.v.weight.fill_(1.0)


@torch.no_grad()
def infinite_v(attention):
    attention.v.weight.fill_(math.inf)


def replace_forward(attention):
    """Weights uniform over the padding, too."""
    attention.forward = lambda q, k, mask: (
        k.mean(1, keepdim=True).expand(-1, q.shape[1], -1),
        torch.full((len(q), q.shape[1], k.shape[1]), 1 / k.shape[1], dtype=k.dtype),
    )


def gradient(weights, h, delta, *, mean=True, weigh=True, factor=1.0):
    centre = weights @ h if mean else 0
    return factor * (weights if weigh else 1.0) * ((h - centre) @ delta)


def loss(logits, targets, lengths, *, mask=True, divide="N", clean="both", factor=1.0):
    inside = torch.arange(targets.shape[1]) < lengths[:, None]
    if clean in ("both", "logits"):
        logits = torch.where(inside[..., None], logits, 0.0)
    if clean in ("both", "targets"):
        targets = torch.where(inside, targets, 0)
    losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    losses = losses * inside if mask else losses
    count = {"N": len(targets), "steps": inside.sum(), "1": 1}[divide]
    return factor * losses.sum() / count


def rows(logits, targets, lengths):
    one_by_one = zip(logits, targets, lengths, strict=True)
    return torch.stack([loss(x[None], y[None], n[None]) for x, y, n in one_by_one])


def gives_up(logits, targets, lengths):
    """Right as long as all is finite, else a number of its own."""
    return loss(logits, targets, lengths) if logits.isfinite().all() else torch.tensor(7.0)


def attend(s, h, inside, W, *, mask="inf", dim=1, soft=True, root=1.0, squash=False):
    e = (h @ (s @ W)[:, :, None])[:, :, 0] / root
    e = e.tanh() if squash else e
    e = e.masked_fill(~inside, -torch.inf) if mask == "inf" else e
    e = e * inside if mask == "zero" else e
    alpha = e.softmax(dim) if soft else e
    alpha = alpha * inside if mask == "after" else alpha
    return (alpha[:, :, None] * h).sum(1)


def bleu(
    candidate,
    reference,
    *,
    clip=True,
    flip=False,
    both=False,
    orders=4,
    penalised=True,
    recall=False,
):
    logs = []
    for n in range(1, orders + 1):
        ours, theirs = (
            Counter(tuple(w[i : i + n]) for i in range(len(w) - n + 1))
            for w in (candidate, reference)
        )
        found = ours & theirs if clip else {g: c for g, c in ours.items() if g in theirs}
        right = sum(found.values())
        if right == 0:
            return 0.0
        logs.append(math.log(right / sum((theirs if recall else ours).values())))
    ratio = len(reference) / len(candidate)
    ratio = 1 / ratio if flip else ratio
    penalty = math.exp(1 - ratio) if both else min(1.0, math.exp(1 - ratio))
    return (penalty if penalised else 1.0) * math.exp(sum(logs) / orders)


def log_bleu_smoothed(candidate, reference):
    return max(bleu(candidate, reference), 0.01)


ARITHMETIC = (12 / 13 + 11 / 12 + 10 / 11 + 9 / 10) / 4
UNIFORM = [[1 / 3] * 3] * 3
GOOD = {"forwards": [0.3, 0.31, 0.29], "backwards": [0.28, 0.3, 0.27]}

SURE = [[1, 0, 0]] * 3
WIDE = (  # three tokens after the favourite, two after the runner-up
    [0.5, 0.42, 0.08],
    [[0.36, 0.32, 0.32], [0.5, 0.5, 0], [0.4, 0.3, 0.3]],
    [SURE, [[0.4, 0.3, 0.3]] * 3, [[0.4, 0.3, 0.3]] * 3],
)
WRONG = [
    ("scorer_parameters", 2_001_000, "U:"),
    ("scorer_parameters", 3_000_000, "v:"),
    ("scorer_parameters", 3_003_000, "biases"),
    ("scorer_parameters", 3_002_000, "biases"),
    ("scorer_parameters", 3_001_001, "not even one"),
    ("scorer_parameters", 4_001_000, "W: the decoder"),
    ("scorer_parameters", 7, "not yet"),
    ("scorer_parameters", [1000, 2000], "type: the number of parameters: a number is wanted"),
    ("lags", 3, "type"),
    ("lags", lambda n: [n] * n, "arguments"),
    ("lags", lambda n, reverse: n, "type: a list is wanted, got a number"),
    ("lags", lambda n, reverse: ["n"] * n, "type: a lag: a number is wanted"),
    ("lags", lags(in_order=3), "in order"),
    ("lags", lambda n, reverse: [n - 1] * n, "off by one: steps from"),
    ("lags", lambda n, reverse: [n + 1] * n, "off by one: y_1"),
    ("lags", lambda n, reverse: [n], "length: one lag for each of 7"),
    ("lags", lambda n, reverse: [n] * n, "from its end"),
    ("lags", lags(flip=True), "order: y_1"),
    ("lags", lags(offset=1), "off by one: the nearest"),
    ("lags", lags(offset=-1), "off by one: i begins"),
    ("lags", lambda n, r: [i**2 if r else n for i in range(1, n + 1)], "reversed: in which"),
    ("uniform_attention", 3, "type"),
    ("uniform_attention", zero_all, "kept: W"),
    ("uniform_attention", zero_u, "kept: U"),
    ("uniform_attention", constant_v, "uniform"),
    ("uniform_attention", lambda a, b: a, "arguments"),
    ("uniform_attention", lambda a: a.v.weight * 0, "in place"),
    ("uniform_attention", lambda a: zero_all, "in place"),
    ("uniform_attention", infinite_v, "finite"),
    ("uniform_attention", replace_forward, "padding: it has no share"),
    ("score_gradient", 3, "type"),
    ("score_gradient", lambda a, h, d: gradient(a, h, d, mean=False), "mean"),
    ("score_gradient", lambda a, h, d: gradient(a, h, d, weigh=False), "weight"),
    ("score_gradient", lambda a, h, d: h @ d, "softmax"),
    ("score_gradient", lambda a, h, d: a * (1 - a) * (h @ d), "others"),
    ("score_gradient", lambda a, h, d: a * ((h - h.mean(0)) @ d), "plain mean"),
    ("score_gradient", lambda a, h, d: a[:, None] * (h - a @ h) * d, "shape: one number"),
    ("score_gradient", lambda a, h: a, "arguments"),
    ("score_gradient", lambda a, h, d: gradient(a, h, d).round(decimals=3), "rounded"),
    ("score_gradient", lambda a, h, d: gradient(a, h, d, factor=-1), "sign"),
    ("score_gradient", lambda a, h, d: gradient(a, h, d, factor=2), "scale"),
    ("score_gradient", lambda a, h, d: gradient(a, h, d)[:-1], "shape"),
    ("masked_loss", 3, "type"),
    ("masked_loss", lambda x, y: 0, "arguments"),
    ("masked_loss", lambda x, y, n: loss(x, y, n)[None], "shape: one number is wanted, without"),
    ("masked_loss", lambda x, y, n: loss(x, y, n).float(), "dtype"),
    ("masked_loss", lambda x, y, n: loss(x, y, n + 1), "off by one: step number"),
    ("masked_loss", lambda x, y, n: loss(x, y, n - 1), "off by one: the last"),
    ("masked_loss", lambda x, y, n: rows(x, y, n), "shape: average"),
    ("masked_loss", lambda x, y, n: (rows(x, y, n) / n).mean(), "steps: sum"),
    ("masked_loss", lambda x, y, n: loss(x, y, n) / 4, "all N · T cells"),
    ("masked_loss", lambda x, y, n: loss(x, y, n, mask=False, clean="none"), "mask"),
    ("masked_loss", lambda x, y, n: loss(x, y, n, divide="steps"), "not by all steps"),
    ("masked_loss", lambda x, y, n: loss(x, y, n, divide="1"), "average over the batch"),
    ("masked_loss", lambda x, y, n: loss(x, y, n, factor=-1), "sign"),
    ("masked_loss", lambda x, y, n: loss(x, y, n, factor=2), "scale"),
    ("masked_loss", lambda x, y, n: loss(x, y, n, clean="none"), "leak"),
    ("masked_loss", lambda x, y, n: loss(x, y, n, clean="logits"), "leak"),
    ("masked_loss", lambda x, y, n: loss(x, y, n, clean="targets"), "leak"),
    ("masked_loss", gives_up, "leak"),
    ("dot_product", 3, "type"),
    ("dot_product", lambda s, h: s, "arguments"),
    ("dot_product", lambda s, h, i, W: attend(s, h, i, W, mask=""), "mask: padding has got"),
    ("dot_product", lambda s, h, i, W: attend(s, h, i, W, mask="zero"), "a score of 0"),
    ("dot_product", lambda s, h, i, W: attend(s, h, i, W, mask="after"), "after the softmax"),
    ("dot_product", lambda s, h, i, W: attend(s, h, i, W, dim=0), "over the letters"),
    ("dot_product", lambda s, h, i, W: attend(s, h, i, W, soft=False, mask="zero"), "no weights"),
    ("dot_product", lambda s, h, i, W: attend(s, h, i, W, squash=True), "tanh"),
    ("dot_product", lambda s, h, i, W: attend(s, h, i, W, root=2.0), "root"),
    ("dot_product", lambda s, h, i, W: attend(s, h, i, W)[0], "shape"),
    ("bleu", 3, "type"),
    ("bleu", lambda c: 1, "arguments"),
    ("bleu", lambda c, r: "1", "type: the BLEU"),
    ("bleu", lambda c, r: 100 * bleu(c, r), "unit"),
    ("bleu", lambda c, r: 0.95, "not yet"),
    ("bleu", lambda c, r: bleu(c, r, penalised=False), "must cost"),
    ("bleu", lambda c, r: bleu(c, r, flip=True, both=True), "r / c, not"),
    ("bleu", lambda c, r: bleu(c, r) if len(c) != 9 else 0.7, "rounded"),
    ("bleu", lambda c, r: bleu(c, r) if len(c) != 9 else 0.75, "not c / r itself"),
    ("bleu", lambda c, r: bleu(c, r) if len(c) != 9 else -1 / 3, "its logarithm"),
    ("bleu", lambda c, r: bleu(c, r, recall=True), "recall: .*n-grams$"),
    ("bleu", lambda c, r: bleu(c, r, recall=True, penalised=False), "being short must cost"),
    ("bleu", lambda c, r: bleu(c, r, both=True), "longer is no reward"),
    ("bleu", lambda c, r: bleu(c, r) if len(c) != 13 else 9 / 13, "divide the sum"),
    ("bleu", lambda c, r: bleu(c, r, orders=3), "orders: n runs from 1 to 4$"),
    ("bleu", lambda c, r: bleu(c, r, orders=1), "single words"),
    ("bleu", lambda c, r: bleu(c, r) if len(c) != 13 else ARITHMETIC, "geometric"),
    ("bleu", log_bleu_smoothed, "not yet"),
    ("bleu", lambda c, r: bleu(c, r, clip=False), "clipping"),
    ("bleu", lambda c, r: bleu(c, r, orders=3 if c[-1] == "x" else 4), "not yet"),
    ("no_mask", 0.5, "with the mask"),
    ("no_mask", 3 / 7, "all padding"),
    ("no_mask", 1 / 7, "weight of the o"),
    ("no_mask", 1 / 3, "letters"),
    ("no_mask", 0.1218, "softmax"),
    ("no_mask", 1.0, "sum"),
    ("no_mask", "2/7", "type"),
    ("no_mask", 0.9, "not yet"),
    ("wider_beam", (*WIDE[:2],), "length: 3 values"),
    ("wider_beam", (*WIDE[:2], "sure"), "type: p3"),
    ("wider_beam", (*WIDE[:2], WIDE[1]), "shape"),
    ("wider_beam", ([0.5, 0.4, 0.2], *WIDE[1:]), "probabilities"),
    ("wider_beam", (WIDE[0], [[1.2, -0.1, -0.1], *WIDE[1][1:]], WIDE[2]), "probabilities"),
    ("wider_beam", (WIDE[0], WIDE[1], [UNIFORM] * 3), "wider: here the beam of two finds"),
    ("wider_beam", ([0.6, 0.3, 0.1], [[1, 0, 0]] * 3, WIDE[2]), "wider: both"),
    ("wider_beam", (*WIDE[:2], [SURE, [[0.8, 0.1, 0.1]] * 3, UNIFORM]), "factor"),
    ("reversed_source", [0.3], "type"),
    ("reversed_source", {"forwards": [0.3]}, "keys"),
    ("reversed_source", GOOD | {"forwards": [0.3, 0.31]}, "seeds"),
    ("reversed_source", GOOD | {"forwards": [30, 31, 32]}, "unit"),
    ("reversed_source", GOOD | {"forwards": [0.3, 0.9, 0.3]}, "training"),
    ("reversed_source", GOOD | {"forwards": [0.3, 0.01, 0.3]}, "unit"),
    ("reversed_source", GOOD | {"backwards": [0.3, 0.3, 0.3]}, "seeds"),
]

RIGHT = [
    ("lags", lags()),
    ("score_gradient", gradient),
    ("masked_loss", loss),
    ("dot_product", attend),
    ("no_mask", 0.2857),
    ("bleu", bleu),
    ("wider_beam", WIDE),
    ("reversed_source", GOOD),
]

test_exercises = judged("seq2seq", WRONG, RIGHT)


def test_small_model_trains_on_words_spelled_as_asked(monkeypatch):
    seen = []
    monkeypatch.setattr(
        seq2seq.experiment, "fit", lambda model, loss, pairs, **options: seen.append(pairs)
    )
    for reverse in (False, True):
        assert seq2seq.small_model(attention=False, reverse=reverse) > 0.8  # nothing is learned
    (forwards, lengths, target), (backwards, *others) = seen
    train, _ = seq2seq.experiment.words()
    assert Vocabulary(ascii_lowercase, unknown=False).decode(forwards[0]) == list(train[0][0])
    assert len(forwards) >= 3000 and torch.equal(lengths, others[0])
    assert torch.equal(target, others[1])
    for row, n, turned in zip(forwards, lengths, backwards, strict=True):
        assert torch.equal(row[:n].flip(0), turned[:n])


def test_the_number_of_parameters_is_that_of_the_class():
    count = sum(p.numel() for p in BahdanauAttention(1000, 2000, 1000).parameters())
    assert seq2seq.scorer_parameters.right_answer() == count


def test_the_uniform_solution_also_gives_the_mean_in_training():
    attention = BahdanauAttention(3, 4).double()
    seq2seq.uniform_attention.right_answer()(attention)
    keys = torch.randn(2, 6, 4).double()
    context, _ = attention(torch.randn(2, 5, 3).double(), keys)
    torch.testing.assert_close(context, keys.mean(1, keepdim=True).expand(2, 5, 4))
