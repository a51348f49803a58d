"""dlnotes.exercises.cnn: solutions pass, and a wrong answer is told which property fails."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dlnotes.exercises import cnn
from dlnotes.exercises.cnn.exploring import is_moved, patches
from exercises.answers import judged

# ---- wrong answers, as functions of what is wrong ----------------------------------------------


def two_steps(
    *, kernel=lambda d, c: d[c], maps=lambda m: m, dim=1, mix=lambda p: p, bias=1, count=None
):
    """A depthwise separable convolution with something else in one of its places."""

    def separable(x, depth, point, bias_):
        K, results = depth.shape[-1], []
        for c in range(len(depth)):
            results.append(F.conv2d(x[:, c : c + 1], kernel(depth, c)[None, None], padding=K // 2))
        mixed = F.conv2d(maps(torch.cat(results, dim)), mix(point)[:, :, None, None], bias * bias_)
        numbers = depth.numel(), point.numel(), bias_.numel(), len(depth), K
        return mixed, sum(numbers[:3]) if count is None else count(*numbers)

    return separable


def stopping(*, keep=None, reset=0, count=1, stop=None, result=None, restore=True):
    """Early stopping with something else in one of its blanks."""
    keep = keep or (lambda net: {k: v.clone() for k, v in net.state_dict().items()})
    stop = stop or (lambda waited, patience, epoch: waited == patience)

    def early_stopping(net, train_epoch, validation_loss, patience, limit):
        lowest, waited = float("inf"), 0
        for epoch in range(limit):
            train_epoch(net)
            loss = validation_loss(net)
            if loss < lowest:
                lowest, waited = loss, waited if reset is None else reset
                kept = keep(net)
            else:
                waited = waited + count
            if stop(waited, patience, epoch):
                break
        if restore:
            net.load_state_dict(kept)
        return lowest if result is None else result(lowest, loss, kept)

    return early_stopping


def spread(delta, weight, stride, size):
    K = weight.shape[-1]
    zeros = delta.new_zeros(*delta.shape[:2], size[0] - K + 1, size[1] - K + 1)
    zeros[:, :, ::stride, ::stride] = delta
    return zeros


def back(error, weight, *, flip=True, swap=True):
    weight = weight.flip(2, 3) if flip else weight
    weight = weight.transpose(0, 1) if swap else weight
    return F.conv2d(error, weight, padding=weight.shape[-1] - 1)


def strided(**wrong):
    return lambda d, w, s, size: back(spread(d, w, s, size), w, **wrong)


def repeated(d, w, s, size):
    return d.repeat_interleave(s, 2).repeat_interleave(s, 3)


def dense(d, w, s, size):
    zeros = 0 * spread(d, w, s, size)
    zeros[:, :, : d.shape[2], : d.shape[3]] = d
    return zeros


def trailing(d, w, s, size):
    return d.repeat_interleave(s, 2).repeat_interleave(s, 3) * (
        torch.arange(s * d.shape[2])[:, None] % s + torch.arange(s * d.shape[3]) % s == 0
    )


def cut(d, w, s, size):
    rows, columns = (s * (n - 1) + 1 for n in d.shape[2:])
    return spread(d, w, s, size)[:, :, :rows, :columns]


def fold(
    *,
    scale=lambda gamma, var, eps: gamma / (var + eps).sqrt(),
    weight=lambda s, w: s[:, None, None, None] * w,
    bias=lambda s, b, mean, beta: s * (b - mean) + beta,
):
    def fold_norm(w, b, gamma, beta, mean, var, eps):
        s = scale(gamma, var, eps)
        return weight(s, w), bias(s, b, mean, beta)

    return fold_norm


def target(n, s):
    return 1 - s + s / n


RUNS = {
    "equal steps": {10: [0.85, 0.88, 0.86], 100: [0.93, 0.97, 0.92]},
    "equal epochs": {10: [0.97, 0.98, 0.87], 100: [0.86, 0.88, 0.85]},
    "better": {"equal steps": 100, "equal epochs": "unclear"},
}


def report(cost, size=None, value=None):
    """The runs above, with one entry changed; ``None`` leaves it out."""
    changed = {key: dict(part) for key, part in RUNS.items()}
    if size is None:
        del changed[cost]
    else:
        changed[cost][size] = value
    return changed


def image(*ones):
    x = torch.zeros(8, 8)
    for i, j in ones:
        x[i, j] = 1
    return x


CORNER = image((1, 1), (2, 1), (2, 2))

WRONG = [
    ("warm_up", ([5, -3, 4, 8], [5, 8]), "turned"),
    ("warm_up", ([5, 6, 2, 9], [6, 9]), "sign: the second"),
    ("warm_up", ([0, 6, 0, 0], [6, 0]), "ReLU: there is none"),
    ("warm_up", ([-1, -2], [-1]), "stride"),
    ("warm_up", ([-1, 6, -2, -1, 10], [6, -1]), "count"),
    ("warm_up", ([2, 6, 0, 4], [6, 4]), "map: weight by pixel"),
    ("warm_up", ([-1, 6, -2, -1], [2.5, -1.5]), "mean"),
    ("warm_up", ([-1, 6, -2, -1], [6, -2]), "smallest"),
    ("warm_up", ([-1, 6, -2, -1], [6, 6, -1]), "overlap"),
    ("warm_up", ([-1, 6, -2, -1], [6, 0]), "ReLU: max pooling keeps"),
    ("warm_up", ([-1, 6, -2, -1], [3, 2]), "strip"),
    ("warm_up", ([-1, 6, -2, -1], [6]), "one"),
    ("warm_up", ([-1, 6, -2, -1], [-1, 6]), "pooling: cut"),
    ("warm_up", ([-1, 6, -2, -1], 6), "type: what is left"),
    ("warm_up", ["a", "b"], "type: the map"),
    ("warm_up", 6, "type: 2 values"),
    ("input_sizes", (30, 30), "remainder"),
    ("input_sizes", (32, 30), "order"),
    ("input_sizes", (33, 35), "count: there is a window number 0"),
    ("input_sizes", (32, 34), "padding: there are P zeros on each side"),
    ("input_sizes", (34, 36), "padding: the zeros belong"),
    ("input_sizes", (27, 29), "dilation"),
    ("input_sizes", (31, 33), "reach"),
    ("input_sizes", (28, 30), "rounding: it goes down"),
    ("input_sizes", (30, 33), "end: .*one more window"),
    ("input_sizes", (30, 31), "remainder: how many"),
    ("input_sizes", (3, 5), "not yet"),
    ("input_sizes", (30, 31, 32), "length: 2 values are wanted"),
    ("input_sizes", 30, "type: 2 values are wanted"),
    ("input_sizes", (30.3, 32), "type: the shortest length is a whole number"),
    ("dilated_field", (14, 14), "holes"),
    ("dilated_field", (12, 14), "order"),
    ("dilated_field", (6, 6), "dilation"),
    ("dilated_field", (13, 9), "pooling: its two units"),
    ("dilated_field", (15, 12), "jump"),
    ("dilated_field", (16, 12), "start"),
    ("dilated_field", (19, 12), "steps"),
    ("dilated_field", (14, 9), "pooling: its second unit"),
    ("dilated_field", (14, 18), "twice"),
    ("dilated_field", (14, 6), "layers"),
    ("dilated_field", (14, 13), "not yet: write down"),
    ("dilated_field", (17, 12), "not yet: carry r and J"),
    ("dilated_field", 14, "type: 2 values"),
    ("dilated_field", [14], "length"),
    ("separable", two_steps(maps=torch.relu), "activation"),
    ("separable", two_steps(bias=0), "bias: it has to be added"),
    ("separable", two_steps(kernel=lambda d, c: d[0]), "kernels: each channel"),
    ("separable", two_steps(kernel=lambda d, c: d[c].flip(0, 1)), "flip"),
    ("separable", two_steps(kernel=lambda d, c: d[c].T), "axes: rows and columns"),
    ("separable", two_steps(mix=lambda p: p.T), "axes: row o of point"),
    ("separable", lambda x, d, p, b: (two_steps()(x, d, p, b)[0].sum(1), 0), "shape"),
    ("separable", two_steps(dim=0), "error: your function raised"),
    ("separable", lambda *a: two_steps()(*a)[0][:1], "length: 2 values"),
    ("separable", lambda x, d, p, b: (F.conv2d(x, d[:, None], padding=1, groups=3), 0), "mixing"),
    ("separable", two_steps(count=lambda d, p, b, c, K: b * (d + 1)), "an ordinary convolution"),
    ("separable", two_steps(count=lambda d, p, b, c, K: d + p), "biases are missing"),
    ("separable", two_steps(count=lambda d, p, b, c, K: d + p + b + c), "none in the first step"),
    ("separable", two_steps(count=lambda d, p, b, c, K: b * d + p + b), "not one for each output"),
    ("separable", two_steps(count=lambda d, p, b, c, K: d), "the mixing has some"),
    ("separable", two_steps(count=lambda d, p, b, c, K: p + b), "the first step has some"),
    ("separable", two_steps(count=lambda d, p, b, c, K: c * K + p + b), "K rows and K columns"),
    ("separable", two_steps(count=lambda *numbers: 7), "not yet: the maps are right"),
    ("separable", two_steps(count=lambda *numbers: "36"), "type: the number of parameters"),
    ("separable", lambda x, depth, point: x, "arguments"),
    ("early_stopping", stopping(keep=lambda net: net.state_dict()), "copy"),
    ("early_stopping", stopping(keep=lambda net: dict(net.state_dict())), "copy"),
    ("early_stopping", stopping(restore=False), "copy"),
    ("early_stopping", stopping(reset=None), "in a row"),
    ("early_stopping", stopping(stop=lambda waited, patience, _: waited > patience), "goes on"),
    ("early_stopping", stopping(stop=lambda waited, patience, _: waited == patience - 1), "before"),
    ("early_stopping", stopping(count=0), "never stops"),
    ("early_stopping", stopping(stop=lambda waited, patience, _: waited > 0), "one worse epoch"),
    ("early_stopping", stopping(stop=lambda _, patience, epoch: epoch == patience), "not yet"),
    ("early_stopping", stopping(result=lambda lowest, loss, kept: loss), "result"),
    ("early_stopping", stopping(result=lambda lowest, loss, kept: kept), "type: the lowest loss"),
    ("early_stopping", stopping(result=lambda lowest, loss, kept: None), "nothing"),
    (
        "early_stopping",
        stopping(keep=lambda net: {k: 0 * v for k, v in net.state_dict().items()}),
        "weights",
    ),
    ("early_stopping", 2.0, "type: a function"),
    ("strided_gradient", strided(flip=False), "flip: "),
    ("strided_gradient", strided(swap=False), "channels"),
    ("strided_gradient", strided(flip=False, swap=False), "flip and channels"),
    ("strided_gradient", lambda d, w, s, size: back(d, w), "stride: that is"),
    ("strided_gradient", lambda *a: back(cut(*a), a[1]), "lost pixels"),
    ("strided_gradient", lambda *a: back(repeated(*a), a[1]), "repeated"),
    (
        "strided_gradient",
        lambda *a: back(spread(*a).roll((0, 1), (2, 3)), a[1]),
        "place: .* lies at the end",
    ),
    ("strided_gradient", lambda *a: back(dense(*a), a[1]), "place: .* every S-th place"),
    ("strided_gradient", lambda *a: back(trailing(*a), a[1]), "end: no zeros"),
    ("strided_gradient", lambda *a: strided()(*a) / a[2], "scale"),
    ("strided_gradient", lambda *a: -strided()(*a), "sign"),
    ("strided_gradient", lambda *a: strided()(*a).relu(), "values"),
    ("strided_gradient", lambda *a: strided()(*a)[..., 1:], "shape"),
    ("strided_gradient", lambda *a: strided()(*a).float(), "dtype"),
    ("strided_gradient", lambda *a: strided()(*a).tolist(), "type"),
    ("strided_gradient", lambda d, w: d, "arguments"),
    ("fold_norm", fold(weight=lambda s, w: w), "weight: it is scaled"),
    ("fold_norm", fold(scale=lambda g, v, e: g / (v + e)), "root"),
    ("fold_norm", fold(scale=lambda g, v, e: g / v.sqrt()), "eps: it was forgotten"),
    ("fold_norm", fold(scale=lambda g, v, e: g / (v.sqrt() + e)), "eps: it stands under the root"),
    ("fold_norm", fold(scale=lambda g, v, e: 1 / (v + e).sqrt()), "gamma"),
    ("fold_norm", fold(scale=lambda g, v, e: g * (v + e).sqrt()), "inverse"),
    ("fold_norm", fold(weight=lambda s, w: s[:, None, None] * w), "axis|raised"),
    ("fold_norm", fold(bias=lambda s, b, m, beta: beta - s * m), "bias: .* was forgotten"),
    ("fold_norm", fold(bias=lambda s, b, m, beta: b - s * m + beta), "bias: .* is scaled"),
    ("fold_norm", fold(bias=lambda s, b, m, beta: b), "bias: what is left"),
    ("fold_norm", fold(bias=lambda s, b, m, beta: s * b + beta), "mean: it was forgotten"),
    ("fold_norm", fold(bias=lambda s, b, m, beta: s * b - m + beta), "mean: it is scaled"),
    ("fold_norm", fold(bias=lambda s, b, m, beta: s * (b + m) + beta), "sign"),
    ("fold_norm", fold(bias=lambda s, b, m, beta: s * (b - m + beta)), "beta: it is added"),
    ("fold_norm", fold(bias=lambda s, b, m, beta: s * (b - m)), "beta: it was forgotten"),
    ("fold_norm", fold(bias=lambda s, b, m, beta: (s * (b - m) + beta)[:, None]), "shape"),
    ("fold_norm", lambda *a: fold()(*a)[0], "length"),
    ("fold_norm", lambda w, b, gamma, beta, mean, var: w, "arguments"),
    ("best_gap", lambda n, s: target(n, s) * n / s, "logarithm"),
    ("best_gap", lambda n, s: -math.log(target(n, s) * n / s), "sign"),
    ("best_gap", lambda n, s: math.log((1 - s) * n / s), "target"),
    ("best_gap", lambda n, s: math.log((1 - s) / s), "part: .* among all classes$"),
    ("best_gap", lambda n, s: math.log((1 - s) * (n - 1) / s), "part: .* the true one included"),
    ("best_gap", lambda n, s: math.log(target(n, s) / s), "part: the others"),
    ("best_gap", lambda n, s: math.log10(target(n, s) * n / s), "base"),
    ("best_gap", lambda n, s: math.log2(target(n, s) * n / s), "base"),
    ("best_gap", lambda n, s: math.log(target(n, s)), "difference: that is one"),
    ("best_gap", lambda n, s: 1 - s, "difference: two"),
    ("best_gap", lambda n, s: round(math.log(target(n, s) * n / s), 2), "rounded"),
    ("best_gap", lambda n, s: 1.1 * math.log(target(n, s) * n / s), "scale"),
    ("best_gap", lambda n, s: math.log(n / s), "not yet"),
    ("best_gap", lambda n, s: (n, s), "type"),
    ("best_gap", lambda n, s: float("inf"), "value"),
    ("best_gap", 4.5, "type: a function"),
    ("largest_rate", lambda a, b: 2 / max(a), "momentum: that is the limit without"),
    ("largest_rate", lambda a, b: 2 * (1 - b) / max(a), "signs: m grows"),
    ("largest_rate", lambda a, b: 2 * (1 + b) / ((1 - b) * max(a)), "sum: "),
    ("largest_rate", lambda a, b: 2 / ((1 - b) * max(a)), "signs: near the limit"),
    ("largest_rate", lambda a, b: 2 / ((1 + b) * max(a)), "upside down"),
    ("largest_rate", lambda a, b: 2 * (1 + b) * max(a), "inverse: a larger"),
    ("largest_rate", lambda a, b: (1 + b) / max(a), "limit"),
    ("largest_rate", lambda a, b: 2 * (1 + b) / min(a), "steepest"),
    ("largest_rate", lambda a, b: 2 * (1 + b) / sum(a), "add"),
    ("largest_rate", lambda a, b: 2 * (1 + b) / a[0], "first"),
    ("largest_rate", lambda a, b: round(2 * (1 + b) / max(a), 2), "rounded"),
    ("largest_rate", lambda a, b: (2 - b) / max(a), "not yet"),
    ("largest_rate", lambda a, b: [2 / c for c in a], "type"),
    ("largest_rate", lambda a: 2 / a, "arguments"),
    ("batch_size", report("better"), "keys"),
    ("batch_size", report("better", "equal steps", 10), "opposite"),
    ("batch_size", report("better", "equal steps", "unclear"), "every run of one size"),
    ("batch_size", report("better", "equal epochs", 10), "overlap"),
    ("batch_size", report("better", "equal epochs", 100), "overlap"),
    ("batch_size", report("better", "equal epochs", "ten"), "type: better"),
    ("batch_size", report("equal steps", 10, [0.85, 0.88]), "seeds"),
    ("batch_size", report("equal steps", 10, [0.85, 0.85, 0.85]), "seeds"),
    ("batch_size", report("equal steps", 10, [85.0, 88.0, 86.0]), "unit"),
    ("batch_size", report("equal steps", 10, [0.85, 0.88, 0.1]), "chance"),
    ("batch_size", report("equal steps", 10, 0.85), "type: 10: a list"),
    ("batch_size", report("equal epochs", 10, [0.85, 0.88, 0.86]), "steps: the runs of 10"),
    ("batch_size", RUNS | {"better": 100}, "keys: 'better' is a dict"),
    ("batch_size", [0.9, 0.9, 0.9], "type: a dict"),
    ("same_patches", (CORNER, CORNER), "equal"),
    ("same_patches", (CORNER, CORNER.roll((3, 7), (0, 1))), "moved"),
    ("same_patches", (CORNER, image((1, 1))), "sum"),
    ("same_patches", (CORNER, CORNER.rot90()), "turned"),
    ("same_patches", (CORNER, CORNER.flip(1)), "turned"),
    ("same_patches", (image((1, 1), (1, 3)), image((1, 1), (5, 5))), "patches"),
    ("same_patches", (CORNER, 0.5 * CORNER), "values"),
    ("same_patches", (CORNER[None], CORNER), "shape"),
    ("same_patches", (CORNER.tolist(), CORNER), "type"),
    ("same_patches", CORNER, "length"),
    ("same_patches", (CORNER,), "length"),
]

RIGHT = [
    ("warm_up", ((-1, 6, -2, -1), torch.tensor([6, -1]))),
    ("input_sizes", [torch.tensor(30), 32.0]),
    ("dilated_field", torch.tensor([14, 12])),
    ("separable", two_steps()),
    ("separable", two_steps(count=lambda d, p, b, c, K: torch.tensor(d + p + b))),
    ("early_stopping", stopping()),
    ("early_stopping", stopping(stop=lambda waited, patience, _: waited >= patience)),
    ("strided_gradient", strided()),
    (
        "strided_gradient",
        lambda d, w, s, size: torch.autograd.functional.vjp(
            lambda x: F.conv2d(x, w, stride=s), d.new_zeros(len(d), w.shape[1], *size), d
        )[1],
    ),
    ("fold_norm", fold()),
    ("best_gap", lambda n, s: math.log(target(n, s)) - math.log(s / n)),
    ("best_gap", lambda n, s: torch.tensor(1 + n * (1 - s) / s, dtype=torch.float64).log()),
    ("largest_rate", lambda a, b: min(2 * (1 + b) / c for c in a)),
    ("batch_size", RUNS),
    ("batch_size", report("equal epochs", 10, [0.97, 0.98, 0.88])),  # a tie is no win
    ("same_patches", (image((1, 1), (1, 5)), image((1, 1), (5, 1)))),
    ("same_patches", (image((0, 0), (0, 4)), image((1, 1), (5, 5)))),  # across the border
    ("same_patches", (1 - image((1, 1), (1, 5)), 1 - image((1, 1), (5, 5)))),
]

test_exercises = judged("cnn", WRONG, RIGHT, slow=("batch_size",))


# ---- what the solutions say is so --------------------------------------------------------------


def test_the_warm_up_is_what_torch_computes():
    strip, kernel = torch.tensor([[1.0, 3, 0, 2, 5]]), torch.tensor([[[2.0, -1]]])
    answers = F.conv1d(strip, kernel)
    right = cnn.warm_up.right_answer()
    assert right == (answers[0].tolist(), F.max_pool1d(answers, 2)[0].tolist())


def test_the_lengths_are_those_for_which_torchs_layer_makes_ten_numbers():
    layer = nn.Conv1d(1, 1, 4, stride=3, padding=2, dilation=2)
    fits = [size for size in range(10, 60) if layer(torch.zeros(1, 1, size)).shape[-1] == 10]
    assert cnn.input_sizes.right_answer() == (fits[0], fits[-1])


def test_the_pixels_are_those_with_a_gradient():
    net = nn.Sequential(nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 3, dilation=5), nn.AvgPool1d(2))
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    strip = torch.zeros(1, 1, 30, requires_grad=True)
    net(strip)[0, 0, 0].backward()
    seen = strip.grad[0, 0].nonzero().flatten()
    assert cnn.dilated_field.right_answer() == (seen[-1] - seen[0] + 1, len(seen))


def test_a_folded_convolution_answers_like_the_two_layers_in_use():
    conv = nn.Conv2d(3, 5, 3, stride=2, padding=1).double()
    norm = nn.BatchNorm2d(5).double().eval()
    for numbers in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        nn.init.uniform_(numbers, 0.5, 2.0)
    weight, bias = cnn.fold_norm.right_answer()(
        conv.weight, conv.bias, norm.weight, norm.bias, norm.running_mean, norm.running_var, 1e-5
    )
    x = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    torch.testing.assert_close(F.conv2d(x, weight, bias, 2, 1), norm(conv(x)))


@pytest.mark.parametrize(("classes", "share"), [(10, 0.1), (3, 0.3)])
def test_the_best_gap_has_the_lowest_smoothed_loss(classes, share):
    gap = cnn.best_gap.right_answer()(classes, share)

    def loss(gap):
        logits = torch.zeros(1, classes, dtype=torch.float64)
        logits[0, 2] = gap
        return F.cross_entropy(logits, torch.tensor([2]), label_smoothing=share)

    assert loss(gap) < min(loss(gap - 0.01), loss(gap + 0.01))


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_below_the_largest_rate_the_walk_arrives_and_above_it_bursts(beta):
    curvatures = torch.tensor([1.0, 4.0], dtype=torch.float64)

    def distance(rate):
        e, m = torch.ones_like(curvatures), 0.0
        for _ in range(4000):
            m = beta * m + curvatures * e
            e = e - rate * m
        return e.abs().max()

    limit = cnn.largest_rate.right_answer()(curvatures.tolist(), beta)
    assert distance(0.99 * limit) < 1e-3 and distance(1.01 * limit) > 1e3


def test_no_kernel_tells_the_two_images_apart():
    one, other = cnn.same_patches.right_answer()
    assert not is_moved(one, other) and is_moved(one, one.roll((2, 3), (0, 1)))
    layer = nn.Conv2d(1, 50, 3, padding=1, padding_mode="circular").double()
    sums = [layer(x[None, None].double()).relu().mean((2, 3)) for x in (one, other)]
    torch.testing.assert_close(*sums)
    layer = nn.Conv2d(1, 50, 5, padding=2, padding_mode="circular").double()  # sees more
    sums = [layer(x[None, None].double()).relu().mean((2, 3)) for x in (CORNER, CORNER.T)]
    assert not torch.allclose(*sums) and len(patches(one)) == 64


def test_accuracy_after_is_the_same_for_the_same_seed_and_leaves_torchs_random_numbers_alone():
    before = torch.get_rng_state()
    first = cnn.accuracy_after(10, 20, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    assert first == cnn.accuracy_after(10, 20, seed=1) != cnn.accuracy_after(10, 20, seed=2)
