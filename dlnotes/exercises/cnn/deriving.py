"""The middle of the ladder of chapter 2: four derivations, each ending in a few lines of code."""

import math

import torch
import torch.nn.functional as F

from dlnotes.exercises import exercise, expect_close, expect_function, expect_parts
from dlnotes.exercises.cnn.trials import expect_formula, pixels


@exercise(
    "6. Derive and implement. y = F.conv2d(x, weight, stride=stride), without padding, where x is "
    "(images, channels, height, width) and weight (filters, channels, K, K). From above comes "
    "delta = ∂L/∂y, of the shape of y. size is the pair (height, width) of x. F.conv2d is allowed, "
    "autograd and F.conv_transpose2d are not.\n"
    "Return ∂L/∂x, of the shape of x.",
    hint=(
        "With stride 1, section 9 has the answer. What would y be with stride 1, and which of its "
        "numbers does stride S keep?",
        "The numbers that are not kept have no influence on the loss. So their gradient is 0.",
        "With stride 1 a map is (height − K + 1, width − K + 1). Make zeros of this size with "
        "delta.new_zeros(...), and write delta into every S-th row and column.",
    ),
    because="Stride S is stride 1, of which only every S-th number is kept. What is thrown away "
    "gets the gradient 0, so zeros stand between the numbers of delta. Pixels at the end that no "
    "window reads get 0, too. Layers that enlarge a map work like this, hence their name, "
    "transposed convolution.",
    skeleton="""
        def strided_gradient(delta, weight, stride, size):
            # about four lines
            ...
    """,
)
def strided_gradient():
    def strided_gradient(delta, weight, stride, size):
        K = weight.shape[-1]
        spread = delta.new_zeros(*delta.shape[:2], size[0] - K + 1, size[1] - K + 1)
        spread[:, :, ::stride, ::stride] = delta
        turned = weight.flip(2, 3).transpose(0, 1)
        return F.conv2d(spread, turned, padding=K - 1)

    return strided_gradient


@strided_gradient.checked_by
def _(answer):
    gradient = expect_function(answer, "delta", "weight", "stride", "size")
    # in the first trial no window reads the last column, in the second the last two rows
    for seed, (stride, K, size) in enumerate([(2, 3, (9, 8)), (3, 3, (11, 6)), (3, 2, (8, 10))]):
        x, weight = pixels(2, 4, *size, seed=seed), pixels(4, 4, K, K, seed=10 + seed)
        y = F.conv2d(x.requires_grad_(), weight, stride=stride)
        delta = pixels(*y.shape, seed=20 + seed)
        right = torch.autograd.grad(y, x, delta)[0]
        given = gradient(delta, weight, stride, size)
        mistakes = wrong_gradients(delta, weight, stride, size)
        expect_close(given, right, "the gradient", within=1e-9, wrong=mistakes)


def wrong_gradients(delta, weight, stride, size):
    """Return what the usual mistakes of ``strided_gradient`` lead to."""
    K, (rows, columns) = weight.shape[-1], delta.shape[2:]
    turned = weight.flip(2, 3).transpose(0, 1)
    zeros = delta.new_zeros(*delta.shape[:2], size[0] - K + 1, size[1] - K + 1)
    spread, dense, late = zeros.clone(), zeros.clone(), zeros.clone()
    spread[:, :, ::stride, ::stride] = delta
    dense[:, :, :rows, :columns] = delta
    late[:, :, -1 - stride * (rows - 1) :: stride, -1 - stride * (columns - 1) :: stride] = delta
    short = spread[:, :, : stride * (rows - 1) + 1, : stride * (columns - 1) + 1]
    repeated = delta.repeat_interleave(stride, 2).repeat_interleave(stride, 3)
    between = delta.new_zeros(*delta.shape[:2], rows, stride, columns, stride)
    between[:, :, :, 0, :, 0] = delta
    mistakes = {
        "flip: the kernel must be turned by 180 degrees": (spread, weight.transpose(0, 1)),
        "channels: filters and channels must change places": (spread, weight.flip(2, 3)),
        "flip and channels: both are still to be done": (spread, weight),
        "stride: that is the gradient for stride 1": (delta, turned),
        "place: delta belongs to every S-th place, not to the first ones": (dense, turned),
        "place: windows start at pixel 0, and what is never read lies at the end": (late, turned),
        "lost pixels: those which no window reads have a gradient, too, it is 0": (short, turned),
        "repeated: what the stride skips has no influence, so it gets 0": (repeated, turned),
        "repeated: what the stride skips gets 0, not its neighbour's delta": (
            repeated[:, :, : zeros.shape[2], : zeros.shape[3]],
            turned,
        ),
        "end: no zeros come after the last delta, but for the lost pixels": (
            between.flatten(4, 5).flatten(2, 3),
            turned,
        ),
    }
    return {
        message: F.conv2d(error, kernel, padding=K - 1)
        for message, (error, kernel) in mistakes.items()
    }


@exercise(
    "7. Derive and implement. In use (`eval`), batch normalisation after a convolution computes "
    "gamma · (y − mean) / √(var + eps) + beta from each map y, with fixed numbers. gamma, beta, "
    "mean and var are (filters,), one number for each map, and eps is a number. The convolution "
    "has weight (filters, channels, K, K) and bias (filters,). Find one convolution that does "
    "both.\n"
    "Return the pair (its weight, its bias).",
    hint=(
        "Both are sums of inputs times numbers, plus a number. Put one into the other.",
        "Write scale = gamma / √(var + eps). In scale · (w ⋆ x + b − mean) + beta, what stands "
        "before a pixel, and what is left without any pixel?",
        "scale has one number for each filter. scale[:, None, None, None] multiplies filters.",
    ),
    because="A weighted sum of weighted sums is a weighted sum (section 6). In use, every "
    "normalisation behind a convolution can be dropped, and the answers stay the same. In training "
    "it cannot, because mean and var depend on the batch. A normalisation before a convolution is "
    "another matter. If zeros are padded in between, they are not normalised, and no bias makes up "
    "for that.",
    skeleton="""
        def fold_norm(weight, bias, gamma, beta, mean, var, eps):
            # about two lines
            ...
    """,
)
def fold_norm():
    def fold_norm(weight, bias, gamma, beta, mean, var, eps):
        scale = gamma / (var + eps).sqrt()
        return scale[:, None, None, None] * weight, scale * (bias - mean) + beta

    return fold_norm


@fold_norm.checked_by
def _(answer):
    names = ("weight", "bias", "gamma", "beta", "mean", "var", "eps")
    fold = expect_function(answer, *names)
    for seed, (filters, channels) in enumerate([(3, 3), (4, 2), (2, 5)]):
        weight, eps = pixels(filters, channels, 3, 3, seed=seed), 0.25
        bias, gamma, beta, mean, root = pixels(5, filters, seed=10 + seed)
        numbers = (bias, gamma, beta, mean, root**2 + 0.1, eps)
        new_weight, new_bias = expect_parts(fold(weight, *numbers), "weight", "bias")
        scale = gamma / (numbers[-2] + eps).sqrt()
        right, mistakes = scale[:, None, None, None] * weight, wrong_weights(weight, *numbers)
        expect_close(new_weight, right, "the weight", within=1e-9, wrong=mistakes)
        right, mistakes = scale * (bias - mean) + beta, wrong_biases(scale, *numbers[:4])
        expect_close(new_bias, right, "the bias", within=1e-9, wrong=mistakes)


def wrong_weights(weight, bias, gamma, beta, mean, var, eps):
    """Return what the usual mistakes of ``fold_norm`` make of the weight."""
    scales = {
        "weight: it is scaled, too": torch.ones_like(gamma),
        "root: divide by the standard deviation, not by the variance": gamma / (var + eps),
        "eps: it was forgotten": gamma / var.sqrt(),
        "eps: it stands under the root": gamma / (var.sqrt() + eps),
        "gamma: it was forgotten": 1 / (var + eps).sqrt(),
        "inverse: divide by the standard deviation": gamma * (var + eps).sqrt(),
    }
    mistakes = {message: s[:, None, None, None] * weight for message, s in scales.items()}
    if weight.shape[0] == weight.shape[1]:
        message = "axis: scale has one number for each filter, the first axis, not for each channel"
        scale = gamma / (var + eps).sqrt()
        mistakes |= {message: scale[:, None, None] * weight}
    return mistakes


def wrong_biases(scale, bias, gamma, beta, mean):
    """Return what the usual mistakes of ``fold_norm`` make of the bias."""
    return {
        "bias: that of the convolution was forgotten": beta - scale * mean,
        "bias: that of the convolution is scaled, too": bias - scale * mean + beta,
        "bias: what is left without pixels is more than that": bias,
        "mean: it was forgotten": scale * bias + beta,
        "mean: it is scaled, too": scale * bias - mean + beta,
        "sign: the mean is subtracted": scale * (bias + mean) + beta,
        "beta: it is added after the scaling": scale * (bias - mean + beta),
        "beta: it was forgotten": scale * (bias - mean),
    }


@exercise(
    "8. Derive. With the target 1 for the true class and 0 for the others, the loss always asks "
    "for larger logits. Label smoothing takes a share away from the true class, 0 < share < 1, "
    "and gives it to all classes in equal parts, the true one included. So the target is 1 − share "
    "+ share/classes for the true class, and share/classes for each other one. Here classes is how "
    "many there are. Let the logit of the true class be z, and those of all others z − gap. For "
    "which gap is the cross-entropy lowest?\n"
    "Return it, a number.",
    hint=(
        "Section 7 shows ∂L/∂z = p − t. Did its steps use that t is one-hot, or only that t adds "
        "up to 1?",
        "At the lowest point p = t. What does the softmax say about p_true / p_other?",
        "p_true / p_other = exp(gap), because the sum below cancels. Now put in t for p.",
    ),
    because="At the lowest point p = t, so exp(gap) = t_true / t_other. Since t_other is not 0 "
    "now, the gap is finite. The network may stop making its logits larger, and it is not rewarded "
    "for being surer than that.",
    skeleton="""
        def best_gap(classes, share):
            return ...
    """,
)
def best_gap():
    def best_gap(classes, share):
        return math.log((1 - share + share / classes) / (share / classes))

    return best_gap


@best_gap.checked_by
def _(answer):
    gap, log = expect_function(answer, "classes", "share"), math.log
    mistakes = {
        "logarithm: that is a quotient of probabilities, and logits are their logarithms": (
            lambda n, s: (1 - s + s / n) * n / s
        ),
        "sign: the true class has the larger logit": lambda n, s: -log((1 - s + s / n) * n / s),
        "target: the true class gets its part of the share back": lambda n, s: log((1 - s) * n / s),
        "part: the share is divided among all classes": lambda n, s: log((1 - s) / s),
        "part: the share is divided among all classes, the true one included": (
            lambda n, s: log((1 - s) * (n - 1) / s)
        ),
        "part: the others have a part of the share each, not all of it": (
            lambda n, s: log((1 - s + s / n) / s)
        ),
        "base: the softmax has the base e, not 10": lambda n, s: math.log10(
            (1 - s + s / n) * n / s
        ),
        "base: the softmax has the base e, not 2": lambda n, s: math.log2((1 - s + s / n) * n / s),
        "difference: that is one logarithm, and the gap is a difference of two": (
            lambda n, s: log(1 - s + s / n)
        ),
        "difference: two probabilities were subtracted, not their logarithms": lambda n, s: 1 - s,
    }
    trials = [(10, 0.1), (3, 0.25), (1000, 0.1), (2, 0.4), (7, 0.03)]
    expect_formula(gap, best_gap.right_answer(), trials, "the gap", mistakes)


@exercise(
    "9. Derive. With momentum (section 11), a step is m ← rho·m + g, and then w ← w − η·m. Here g "
    "is the gradient, 0 ≤ rho < 1, and m is 0 in the beginning. As in section 8 the loss is a "
    "valley. Along each of its directions, the distance e to the goal has the gradient g = a·e, "
    "where a > 0 is the curvature, and curvatures is the list of all a. Below which learning rate "
    "η does this walk reach the goal from every start?\n"
    "Return it, a number.",
    hint=(
        "Take one direction, and get rid of m. In the step before it was (e_before − e_now) / η.",
        "e_next = (1 + rho − η·a)·e_now − rho·e_before. Too large a rate jumps from wall to "
        "wall. What does e do exactly at the limit?",
        "At the limit e goes 1, −1, 1, −1, … Put in e_before = 1, e_now = −1, e_next = 1.",
    ),
    because="At the limit e jumps between 1 and −1, so 1 = −(1 + rho − η·a) − rho, and η·a = 2(1 "
    "+ rho). With rho = 0 this is the 2/a of section 8. The limit rises with rho, though along "
    "the valley the steps grow to g/(1 − rho). Where the gradients change their sign, m is small. "
    "Nothing else bursts earlier. With e = λ^k one finds λ² − (1 + rho − η·a)λ + rho = 0. Its "
    "roots have the product rho < 1, so a complex pair is shorter than 1, and a real one leaves "
    "[−1, 1] first at −1.",
    skeleton="""
        def largest_rate(curvatures, rho):
            return ...
    """,
)
def largest_rate():
    def largest_rate(curvatures, rho):
        return 2 * (1 + rho) / max(curvatures)

    return largest_rate


@largest_rate.checked_by
def _(answer):
    rate = expect_function(answer, "curvatures", "rho")
    mistakes = {
        "momentum: that is the limit without it": lambda a, b: 2 / max(a),
        "signs: m grows to g/(1 − rho) only if all gradients have the same sign": (
            lambda a, b: 2 * (1 - b) / max(a)
        ),
        "sum: m is a running sum here, not a mean": lambda a, b: 2 * (1 + b) / ((1 - b) * max(a)),
        "signs: near the limit they change, so m is smaller than g": (
            lambda a, b: 2 / ((1 - b) * max(a))
        ),
        "inverse: is the fraction upside down?": lambda a, b: 2 / ((1 + b) * max(a)),
        "inverse: a larger curvature allows a smaller rate": lambda a, b: 2 * (1 + b) * max(a),
        "limit: at this rate e still shrinks; go to where it stays as large as it is": (
            lambda a, b: (1 + b) / max(a)
        ),
        "direction: the steepest direction sets the limit": lambda a, b: 2 * (1 + b) / min(a),
        "direction: each one has a limit of its own, so do not add curvatures": (
            lambda a, b: 2 * (1 + b) / sum(a)
        ),
        "direction: the first one need not be the steepest": lambda a, b: 2 * (1 + b) / a[0],
    }
    trials = [([3.0, 1.0], 0.5), ([1.0, 7.0, 2.0], 0.9), ([0.6], 0.0), ([0.3, 0.7], 0.8)]
    expect_formula(rate, largest_rate.right_answer(), trials, "the rate", mistakes)
