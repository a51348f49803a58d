"""dlnotes.exercises.word2vec: solutions pass, and a wrong answer is told which property fails."""

import math

import pytest
import torch
import torch.nn.functional as F

from dlnotes import word2vec as module
from dlnotes.exercises import word2vec
from dlnotes.exercises.word2vec import beginning, deriving, exploring
from exercises.answers import judged

# ---- wrong answers, as functions of what is wrong ----------------------------------------------


def counting(weight, *, first=lambda i, m: max(0, i - m), last=lambda i, m, n: min(n, i + m + 1)):
    """A count with another weight of the distance d in the window m, or another range."""

    def count_near(ids, window, V):
        table = torch.zeros(V, V)
        for i in range(len(ids)):
            for j in range(first(i, window), last(i, window, len(ids))):
                table[ids[i], ids[j]] += weight(abs(i - j), window)
        return table

    return count_near


def falling(d, m):
    return (m - d + 1) / m if d else 0


def losses(*, made_up=lambda s: -F.logsigmoid(-s).sum(1), true=None, centre=None):
    """The loss of negative sampling with something else in one of its places."""
    true = true or (lambda v, u: -F.logsigmoid((v * u).sum(1)))
    centre = centre or (lambda v, u: v)

    def batch_loss(v, u, noise):
        return true(v, u) + made_up((noise * centre(v, u)[:, None]).sum(2))

    return batch_loss


def cbow(
    *,
    mean=lambda v: v.mean(0),
    of_mean=lambda p, U, c: p @ U - U[c],
    rows=lambda g, r: (g / r).repeat(r, 1),
):
    """The gradient of CBOW with something else in one of its places."""

    def cbow_gradient(neighbors, U, c):
        p = (U @ mean(neighbors)).softmax(0)
        return rows(of_mean(p, U, c), len(neighbors))

    return cbow_gradient


def one_by_one(neighbors, U, c):
    return torch.stack([deriving.softmax_gradient(v, U, c) for v in neighbors]) / len(neighbors)


def scores(
    *,
    power=lambda n, power: n**power / (n**power).sum(),
    odds=lambda C, k, n, q: C / (k * torch.outer(n, q)),
    end=torch.log,
):
    """The scores at rest with something else in one of their places."""

    def resting_scores(counts, k, power_):
        n = counts.sum(1)
        return end(odds(counts, k, n, power(n, power_)))

    return resting_scores


def solving(
    *,
    goal=lambda a, b, c: b - a + c,
    before=lambda v: F.normalize(v, dim=1),
    after=lambda v: F.normalize(v, dim=1),
    ban=lambda a, b, c, banned: [a, b, c] if banned else [],
    result=lambda cosines: cosines.argmax().item(),
):
    """An analogy with something else in one of its places."""

    def analogy(vectors, a, b, c, banned):
        cosines = after(vectors) @ goal(*before(vectors)[[a, b, c]])
        cosines[ban(a, b, c, banned)] = -torch.inf
        return result(cosines)

    return analogy


def as_they_are(vectors):
    return vectors


def tables(v, u=None):
    v = torch.tensor(v).float().expand(7, 2)
    return v, v if u is None else torch.tensor(u).float().expand(7, 2)


ONE, TWO = [1.51, 1.52, 1.53], [1.156, 1.157, 1.158]
LOG = math.log(2.5)

WRONG = [
    ("without_we", (0.0, 0.0, 0.0), "meeting: tea and coffee"),
    ("without_we", (1.0, 0.5, 0.0), "we: it is gone, and it was all"),
    ("without_we", (1.0, 1.0, 0.0), "rows: these two"),
    ("without_we", (1.0, 0.0, 1 / math.sqrt(3)), "we: it is gone, and it was what"),
    ("without_we", (1.0, 0.0, 1.0), "meeting: they stand together"),
    ("without_we", (1.0, 0.0, 0.7071), "itself"),
    ("without_we", (1.0, 0.0, 0.3), "not yet"),
    ("without_we", (1.0, 0.0), "length"),
    ("without_we", 1.0, "type"),
    ("more_coffee", (math.log(2), LOG), "pairs: the new sentence"),
    ("more_coffee", (math.log(3), LOG), "counts: these are"),
    ("more_coffee", (math.log2(2.5), math.log2(2.5)), "logarithm: it is the natural"),
    ("more_coffee", (2.5, 2.5), "logarithm: PMI"),
    ("more_coffee", (math.log(5 / 3), LOG), "pairs: count pairs"),
    ("more_coffee", (math.log(1.25), LOG), "coffee: it stands"),
    ("more_coffee", (LOG, math.log(5)), "tea: it stands"),
    ("more_coffee", (LOG, math.log(1.25)), "more: coffee"),
    ("more_coffee", (LOG, 0.3), "not yet"),
    ("more_coffee", (-LOG, LOG), "sign"),
    ("more_coffee", (LOG,), "length"),
    ("count_near", counting(lambda d, m: (m - d + 1) / m), "itself"),
    ("count_near", counting(falling, first=lambda i, m: i), "sides: words before"),
    ("count_near", counting(falling, last=lambda i, m, n: i + 1), "sides: words behind"),
    ("count_near", counting(lambda d, m: float(d > 0)), "weight: near words"),
    ("count_near", counting(lambda d, m: 1 / d if d else 0), "weight: it falls"),
    ("count_near", counting(lambda d, m: (m - d) / m if d else 0), "weight: the farthest"),
    ("count_near", counting(lambda d, m: m - d + 1 if d else 0), "weight: the next word"),
    ("count_near", counting(falling, last=lambda i, m, n: min(n, i + m)), "end"),
    ("count_near", counting(falling, last=lambda i, m, n: i + m + 1), "error"),
    ("count_near", lambda ids, window: torch.zeros(2, 2), "arguments"),
    ("batch_loss", losses(made_up=lambda s: -F.logsigmoid(s).sum(1)), "sign"),
    ("batch_loss", losses(made_up=lambda s: -F.logsigmoid(-s).mean(1)), "sum: add up"),
    ("batch_loss", lambda v, u, n: losses()(v, u, n).mean(), "batch: .*average"),
    ("batch_loss", lambda v, u, n: losses()(v, u, n).sum(), "batch: .*add them up"),
    ("batch_loss", losses(centre=lambda v, u: u), "centre"),
    ("batch_loss", losses(true=lambda v, u: -F.logsigmoid(v @ u.T)), "pairs: score"),
    ("batch_loss", losses(made_up=lambda s: -F.logsigmoid(-s.sum(1))), "noise: add up"),
    ("batch_loss", lambda v, u, n: -losses()(v, u, n), "sign: the loss has"),
    ("cbow_gradient", cbow(rows=lambda g, r: g.repeat(r, 1)), "mean: one neighbour"),
    ("cbow_gradient", cbow(rows=lambda g, r: g / r), "rows: give one row"),
    ("cbow_gradient", cbow(rows=lambda g, r: g), "rows: .*divide"),
    ("cbow_gradient", cbow(mean=lambda v: v.sum(0)), "forward: it is the mean"),
    ("cbow_gradient", one_by_one, "forward: the neighbours guess together"),
    ("cbow_gradient", cbow(of_mean=lambda p, U, c: -U[c]), "expected"),
    ("cbow_gradient", cbow(of_mean=lambda p, U, c: p @ U), "observed"),
    ("cbow_gradient", cbow(of_mean=lambda p, U, c: p @ U - U[0]), "target"),
    ("cbow_gradient", cbow(of_mean=lambda p, U, c: U[c] - p @ U), "sign"),
    ("resting_scores", scores(power=lambda n, power: n / n.sum()), "noise: it is not"),
    ("resting_scores", scores(odds=lambda C, k, n, q: C / torch.outer(n, q)), "k: it makes"),
    ("resting_scores", scores(odds=lambda C, k, n, q: k * C / torch.outer(n, q)), "k: more"),
    ("resting_scores", scores(power=lambda n, power: n**power), "sum"),
    ("resting_scores", scores(odds=lambda C, k, n, q: C / (k * torch.outer(q, n))), "centre: only"),
    (
        "resting_scores",
        scores(odds=lambda C, k, n, q: C / (k * torch.outer(q, q) * C.sum())),
        "centre: the power",
    ),
    ("resting_scores", scores(end=lambda odds: odds), "logarithm"),
    ("resting_scores", scores(odds=lambda C, k, n, q: 1 / (k * torch.outer(n, q))), "real"),
    (
        "resting_scores",
        scores(odds=lambda C, k, n, q: C / (k * torch.outer(n / n.sum(), q))),
        "pairs: c is",
    ),
    ("resting_scores", scores(odds=lambda C, k, n, q: k * torch.outer(n, q) / C), "sign"),
    ("analogy", solving(goal=lambda a, b, c: a - b + c), "direction"),
    ("analogy", solving(goal=lambda a, b, c: b - a), "start"),
    ("analogy", solving(goal=lambda a, b, c: c - b + a), "direction"),
    ("analogy", solving(goal=lambda a, b, c: a + b - c), "order"),
    ("analogy", solving(before=as_they_are), "length: make"),
    ("analogy", solving(after=as_they_are), "cosine"),
    ("analogy", solving(before=as_they_are, after=as_they_are), "length: neither"),
    ("analogy", solving(ban=lambda a, b, c, banned: [c] if banned else []), "ban: all three"),
    ("analogy", solving(ban=lambda a, b, c, banned: []), "ban: with banned=True"),
    ("analogy", solving(ban=lambda a, b, c, banned: [a, b, c]), "ban: with banned=False"),
    ("analogy", solving(result=lambda cosines: cosines.argmin().item()), "not yet"),
    ("analogy", solving(result=lambda cosines: 0.5), "type"),
    ("one_table", {1: ONE, 2: TWO}, "keys: 'better'"),
    ("one_table", {1: ONE, "better": 1}, "keys"),
    ("one_table", {1: ONE[:2], 2: TWO, "better": 2}, "seeds"),
    ("one_table", {1: ONE, 2: ONE, "better": "unclear"}, "tables"),
    ("one_table", {1: ONE, 2: TWO, "better": 1}, "verdict: your runs"),
    ("one_table", {1: ONE, 2: TWO, "better": "unclear"}, "verdict: every run"),
    ("one_table", {1: [1.1575, 1.5, 1.6], 2: TWO, "better": 2}, "verdict: the runs overlap"),
    ("one_table", {1: ONE, 2: TWO, "better": "two"}, "type: better"),
    ("one_table", {1: [1.945, 1.946, 1.947], 2: TWO, "better": 2}, "training"),
    ("one_table", {1: [10, 11, 12], 2: TWO, "better": 2}, "unit"),
    ("one_table", {1: [0.5, 0.6, 0.7], 2: TWO, "better": 2}, "floor"),
    ("no_noise", tables([4.0, 0], [-4.0, 0]), "sign"),
    ("no_noise", tables([0.0, 0]), "zero"),
    ("no_noise", tables([1.0, 0]), "size"),
    ("no_noise", tables([1.0, 0], [0.0, 1]), "score"),
    ("no_noise", (torch.eye(7)[:, :2] + 5, torch.ones(7, 2) * 5), "cosine"),
    ("no_noise", (torch.zeros(7, 4), torch.zeros(7, 4)), "shape"),
    ("no_noise", (torch.eye(7)[:, :2] + 0.4, torch.ones(7, 2)), "not yet"),
    ("no_noise", tables([4.0, 0])[:1], "length"),
    ("no_noise", ([1.0], [2.0]), "type"),
]

RIGHT = [
    ("without_we", [1, 0, 0]),
    ("count_near", counting(falling, first=lambda i, m: max(i - m, 0))),
    ("no_noise", tables([3.0, 4.0])),
    ("one_table", {1: [1.2, 1.3, 1.25], 2: [1.21, 1.24, 1.31], "better": "unclear"}),
]

test_exercises = judged("word2vec", WRONG, RIGHT)


# ---- the solutions hold --------------------------------------------------------------------------


def test_more_coffee_by_the_package():
    text = [*beginning_text(), "we drink coffee".split()]
    corpus = module.Corpus(text, min_count=1)
    table = module.pmi(module.cooccurrence(corpus, 2).to_dense())
    drink, coffee, tea = map(corpus.id, ("drink", "coffee", "tea"))
    expected = table[drink, coffee].item(), table[drink, tea].item()
    assert beginning.more_coffee.right_answer() == pytest.approx(expected, abs=1e-6)


def beginning_text():
    return [sentence.split() for sentence in exploring.TEXT]


def test_without_we_by_the_package():
    text = [[word for word in sentence if word != "we"] for sentence in beginning_text()]
    corpus = module.Corpus(text, min_count=1)
    rows = module.cooccurrence(corpus, 2).to_dense()
    others = (rows[corpus.id(word)] for word in ("coffee", "books", "drink"))
    found = [module.cosine(rows[corpus.id("tea")], row).item() for row in others]
    assert word2vec.without_we.right_answer() == pytest.approx(found, abs=1e-6)


def test_count_near_is_the_package_s():
    ids = [0, 2, 1, 0, 3, 3, 1]
    corpus = module.Corpus([[str(i) for i in ids]], min_count=1, words=["0", "1", "2", "3"])
    theirs = module.cooccurrence(corpus, 3, weights="shrinking").to_dense()
    torch.testing.assert_close(word2vec.count_near.right_answer()(ids, 3, 4), theirs)


def test_the_gradient_of_cbow_is_autograd_s():
    neighbors = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    U = torch.randn(6, 4, dtype=torch.float64)
    F.cross_entropy((U @ neighbors.mean(0))[None], torch.tensor([2])).backward()
    ours = word2vec.cbow_gradient.right_answer()(neighbors.detach(), U, 2)
    torch.testing.assert_close(ours, neighbors.grad)


def test_the_scores_at_rest_have_no_gradient():
    C = torch.randint(1, 9, (4, 4)).double()
    C = C + C.T
    n, k, power = C.sum(1), 3, 0.75
    x = word2vec.resting_scores.right_answer()(C, k, power).requires_grad_()
    made_up = k * torch.outer(n, n**power / (n**power).sum())
    loss = -(C * F.logsigmoid(x) + made_up * F.logsigmoid(-x)).sum()
    (gradient,) = torch.autograd.grad(loss, x)
    assert gradient.abs().max() < 1e-12


def test_without_noise_the_loss_is_the_package_s():
    v, u = torch.randn(2, 7, 2)
    pairs = [pair for sentence in beginning_text() for pair in module.pairs(sentence, 2)]
    centers, neighbors = (
        torch.tensor([exploring.VOCABULARY.index(word) for word in part])
        for part in zip(*pairs, strict=True)
    )
    none = torch.zeros(len(pairs), 0, 2)
    loss = module.negative_loss(v[centers], u[neighbors], none).mean()
    assert exploring.mean_loss(v, u) == pytest.approx(loss.item())


def test_two_tables_come_near_the_floor_and_one_does_not():
    counts = module.cooccurrence(module.Corpus(beginning_text(), min_count=1), 2).to_dense()
    share = counts / counts.sum(1, keepdim=True)
    floor = -(counts[counts > 0] / counts.sum() * share[counts > 0].log()).sum().item()
    assert floor < word2vec.loss_after(2, 0) < floor + 0.01
    assert floor + 0.1 < word2vec.loss_after(1, 0)


def test_loss_after_wants_one_table_or_two():
    with pytest.raises(ValueError, match="tables must be 1 or 2, got 3"):
        word2vec.loss_after(3, 0)
