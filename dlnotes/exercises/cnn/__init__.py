"""Exercises of chapter 2, a ladder: predict, complete, derive, experiment, break it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes import data
from dlnotes.exercises import exercise, expect, expect_close
from dlnotes.exercises.cnn.trials import (
    a_convolution,
    a_normalised_batch,
    late_backward,
    no_blank_left,
    no_zero_grad,
    pixels,
    right_map,
    run_of_training,
    small_net,
    start_of_training,
)
from dlnotes.training import accuracy, classification_loss, fit

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "The first layer of ResNet is Conv2d(3, 64, 7, stride=2, padding=3) on a 3 × 224 × 224 image. "
    "Give the shape of its output, without the batch, and its number of parameters with bias: "
    "((C, H, W), parameters).",
    hint=(
        "Channels, size and parameters are three separate counts.",
        "O = ⌊(I + 2P − K) / S⌋ + 1; each of the 64 filters has 3 · 7 · 7 weights and one bias.",
    ),
    because="⌊(224 + 6 − 7) / 2⌋ + 1 = 112. One filter spans all input channels and has one bias.",
)
def output_size():
    size = (224 + 2 * 3 - 7) // 2 + 1
    parameters = 64 * (3 * 7 * 7 + 1)
    return (64, size, size), parameters


@output_size.checked_by
def _(answer):
    shape, parameters = answer
    shape = tuple(shape)
    expect(len(shape) == 3, "shape: give (channels, height, width), without the batch")
    expect(shape[0] == 64, "channels: every filter makes one output channel")
    expect(shape[1] != 111.5, "floor: half a window does not exist; round down before adding 1")
    expect(shape[1:] == (112, 112), "size: O = ⌊(I + 2P − K) / S⌋ + 1 with I = 224")
    expect(parameters != 64 * 3 * 7 * 7, "bias: one per filter is missing")
    expect(parameters != 64 * (7 * 7 + 1), "channels: a filter spans all 3 input channels")
    expect(parameters == 9472, "parameters: C_out · (C_in · K · K + 1)")


@exercise(
    "VGG-16 has five stages of 2, 2, 3, 3, 3 convolutions (3 × 3, stride 1), each stage followed "
    "by a 2 × 2 pooling of stride 2. How many input pixels, in one direction, does one unit after "
    "the fifth pooling see?",
    hint=(
        "Carry two numbers from layer to layer: the receptive field r and the jump j.",
        "r ← r + (K − 1) · j, then j ← j · S; start at r = j = 1.",
    ),
    because="Each stage adds (3 − 1)·j per convolution and (2 − 1)·j for its pooling; j doubles.",
)
def receptive_field():
    r, j = 1, 1
    for convolutions in (2, 2, 3, 3, 3):
        r += convolutions * (3 - 1) * j
        r += (2 - 1) * j  # the pooling window reaches one jump further
        j *= 2
    return r


@receptive_field.checked_by
def _(answer):
    expect(answer != 27, "stride: later layers step over pixels, so each of their taps is worth j")
    expect(answer != 196, "pooling: its 2 × 2 windows also reach further, by one jump each")
    expect(answer not in (211, 213), "start: r begins at 1, the pixel itself")
    expect(answer == 212, "recursion: r ← r + (K − 1) · j first, j ← j · S afterwards")


@exercise(
    "Complete strided(x, w, stride, padding): the two loops of a convolution, now with stride and "
    "padding. x is one grey image (height, width), w one kernel (K, K). Return the map.",
    hint=(
        "How many windows fit? Section 4 counts them, and x has been padded already.",
        "rows is (x.shape[0] - K) // stride + 1 after the padding; window (i, j) starts at pixel "
        "(i · stride, j · stride).",
    ),
    because="Window i starts at i · S; the padding is already in x.",
)
def strided():
    def strided(x, w, stride, padding):
        K, x = len(w), F.pad(x, (padding,) * 4)
        rows = (x.shape[0] - K) // stride + 1
        columns = (x.shape[1] - K) // stride + 1
        y = torch.zeros(rows, columns, dtype=x.dtype)
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride, j * stride
                y[i, j] = (w * x[top : top + K, left : left + K]).sum()
        return y

    return strided


@strided.checked_by
def _(answer):
    no_blank_left(answer)
    x, w = pixels(9, 8), pixels(3, 3)
    for stride, padding in ((1, 0), (2, 0), (1, 1), (2, 2), (3, 1)):
        right = right_map(x, w, stride, padding)
        given = answer(x, w, stride, padding)
        what = f"the map with stride {stride} and padding {padding}"
        expect(isinstance(given, Tensor), f"type: return a tensor, got {type(given).__name__}")
        rows, columns = given.shape if given.ndim == 2 else (0, 0)
        short = (rows, columns) == (right.shape[0] - 1, right.shape[1] - 1)
        expect(not short, f"off by one: {what} has one more row and column; window 0 counts, too")
        message = f"shape: {what} must be {tuple(right.shape)}, got {tuple(given.shape)}"
        expect(given.shape == right.shape, message)
        turned = "flip: layers correlate, they do not turn the kernel"
        swapped = "axes: rows and columns of the kernel are exchanged"
        for message, kernel in ((turned, w.flip(0, 1)), (swapped, w.T)):
            expect((given - right_map(x, kernel, stride, padding)).abs().max() > 1e-9, message)
        if stride > 1:
            start = "start: window (i, j) starts at pixel (i · stride, j · stride)"
            dense = right_map(x, w, 1, padding)[: right.shape[0], : right.shape[1]]
            expect((given - dense).abs().max() > 1e-9, start)
        expect_close(given, right, what, within=1e-9)


@exercise(
    "Complete training_loop(net, optimizer, batches): one step per batch (images, labels), and "
    "the list of the losses as floats.",
    hint=(
        "Old gradients, new gradients, step.",
        "optimizer.zero_grad(), loss.backward(), optimizer.step(), in this order.",
    ),
    because="backward() adds to what is in .grad, so old gradients must be forgotten first.",
)
def training_loop():
    def training_loop(net, optimizer, batches):
        losses = []
        for images, labels in batches:
            loss = F.cross_entropy(net(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    return training_loop


@training_loop.checked_by
def _(answer):
    no_blank_left(answer)
    images, labels = pixels(12, 4), torch.arange(12) % 3
    batches = [(images[k : k + 4], labels[k : k + 4]) for k in (0, 4, 8)]
    right, weight = run_of_training(training_loop.right_answer(), batches)
    given, after = run_of_training(answer, batches)
    expect(isinstance(given, list), f"type: return a list, got {type(given).__name__}")
    expect(all(isinstance(a, float) for a in given), "type: the losses must be floats; use .item()")
    expect(len(given) == 3, f"length: three batches are three losses, got {len(given)}")
    start = start_of_training()[0].weight
    expect((after - start).abs().max() > 0, "step: the weights did not move; backward and step?")
    for message, wrong in (
        ("zero_grad: the old gradients were not forgotten, they add up", no_zero_grad),
        ("order: forget the old gradients before backward, and step after it", late_backward),
    ):
        expect((after - run_of_training(wrong, batches)[1]).abs().max() > 1e-9, message)
    expect((after - weight).abs().max() < 1e-9, "steps: one step per batch, no more and no fewer")
    message = "losses: note the loss of each batch, computed before its step"
    expect(max(abs(a - b) for a, b in zip(given, right, strict=True)) < 1e-6, message)


# ---- derive and implement ----------------------------------------------------------------------


@exercise(
    "Write input_gradient(delta, weight, padding): the gradient of the loss with respect to the "
    "input of a convolution of stride 1. delta is the gradient at its output, (N, O, H', W'), "
    "weight is (O, C, K, K). F.conv2d is allowed.",
    hint=(
        "Input pixel i was used by the outputs i + P, i + P − 1, ..., i + P − K + 1.",
        "So delta is convolved with the flipped kernel, and O and C change places.",
        "The padding that gives the input's size back is K − 1 − P.",
    ),
    because="y[i] = Σ w[u] x[i + u − P] gives ∂L/∂x[m] = Σ w[u] δ[m − u + P]: a true convolution.",
)
def input_gradient():
    def gradient(delta, weight, padding):
        K = weight.shape[-1]
        return F.conv2d(delta, weight.flip(2, 3).transpose(0, 1), padding=K - 1 - padding)

    return gradient


@input_gradient.checked_by
def _(answer):
    no_blank_left(answer)
    for padding in (0, 1):
        weight, delta, right = a_convolution(padding)
        given, back = answer(delta, weight, padding), 2 - padding
        expect(isinstance(given, Tensor), "type: return a tensor")
        message = f"shape: expected the input's, {tuple(right.shape)}, got {tuple(given.shape)}"
        expect(given.shape == right.shape, message + "; the padding must be K − 1 − P")
        wrong = {
            "flip: the kernel must be turned by 180 degrees": weight.transpose(0, 1),
            "channels: O and C must change places": weight.flip(2, 3),
            "flip and channels: both are still to be done": weight,
        }
        for message, kernel in wrong.items():
            same = (given - F.conv2d(delta, kernel, padding=back)).abs().max() < 1e-9
            expect(not same, message)
        expect_close(given, right, "the gradient", within=1e-9)


@exercise(
    "Write batch_norm_backward(x, gamma, delta, eps): the gradient with respect to x, (m, C), of "
    "y = gamma · (x − μ) / √(v + eps) + beta, where μ and v are the batch's own mean and (biased) "
    "variance and delta is the gradient at y.",
    hint=(
        "μ and v depend on every row of x: three paths lead back, not one.",
        "The paths through μ and v subtract mean(delta) and x̂ · mean(delta · x̂).",
    ),
    because="The gradient is orthogonal to 1 and to x̂: shift and scale of a batch do not matter.",
)
def batch_norm_backward():
    def backward(x, gamma, delta, eps):
        deviation = (x.var(0, unbiased=False) + eps).sqrt()
        normed = (x - x.mean(0)) / deviation
        through_variance = normed * (delta * normed).mean(0)
        return gamma / deviation * (delta - delta.mean(0) - through_variance)

    return backward


@batch_norm_backward.checked_by
def _(answer):
    no_blank_left(answer)
    arguments, right, wrong = a_normalised_batch()
    given = answer(*arguments)
    if isinstance(given, Tensor) and given.shape == right.shape:
        for message, value in wrong.items():
            expect((given - value).abs().max() > 1e-9, message)
    expect_close(given, right, "the gradient", within=1e-9)


@exercise(
    "Write a function block(channels) that returns a residual block: two 3 × 3 convolutions with "
    "batch normalisation, a shortcut, a ReLU at the end, which at the start of training is exactly "
    "the identity on inputs ≥ 0 and which can nevertheless learn.",
    hint=(
        "The branch has to start at 0, but its parameters have to receive a gradient.",
        "nn.init.zeros_ on the weight of the last BatchNorm.",
    ),
    because="With γ = 0 the branch is 0, yet ∂L/∂γ is not, so the first step already moves it.",
)
def identity_block():
    class Block(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            nn.init.zeros_(self.bn2.weight)  # the branch starts at 0

        def forward(self, x):
            y = self.bn1(self.conv1(x)).relu()
            return (x + self.bn2(self.conv2(y))).relu()

    return Block


@identity_block.checked_by
def _(answer):
    expect(callable(answer), "type: give a function or class that returns the block")
    block = answer(4)
    expect(isinstance(block, nn.Module), "type: the block must be an nn.Module")
    kernels = [m.kernel_size for m in block.modules() if isinstance(m, nn.Conv2d)]
    expect(kernels.count((3, 3)) >= 2, "convolutions: two 3 × 3 convolutions are asked for")
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(8, 4, 6, 6, generator=generator)
    y = block.train()(x)
    expect(y.shape == x.shape, "shape: the shortcut needs equal shapes; use padding=1")
    expect((y - x).abs().max() < 1e-6, "identity: block(x) differs from x at the start")
    expect((block(-x) >= 0).all(), "activation: the ReLU after the sum is missing")
    optimizer = torch.optim.SGD(block.parameters(), lr=1.0)
    for _ in range(3):  # with a last BatchNorm at 0 the convolutions follow one step later
        optimizer.zero_grad()
        ((block(x) - x.flip(3)) ** 2).mean().backward()
        optimizer.step()
    moved = (block(x) - x).abs().max()
    expect(moved > 1e-4, "learning: no gradient reaches the branch, it stays the identity for ever")


@exercise(
    "A loss has the curvatures a1 > 0 and a2 > 0 along its two directions, so it is "
    "L = (a1 · e1² + a2 · e2²) / 2. Write largest_rate(a1, a2): up to which learning rate does "
    "gradient descent converge from every start?",
    hint=(
        "By which factor does one step multiply e1?",
        "By 1 − rate · a1. It must lie between −1 and 1, and so must the factor of e2.",
    ),
    because="|1 − rate · a| < 1 means rate < 2 / a, and the steepest direction sets the limit.",
)
def largest_rate():
    def largest_rate(a1, a2):
        return 2 / max(a1, a2)

    return largest_rate


@largest_rate.checked_by
def _(answer):
    no_blank_left(answer)
    for a1, a2 in ((3.0, 1.0), (1.0, 25.0), (4.0, 4.0)):
        given, steep, flat = float(answer(a1, a2)), max(a1, a2), min(a1, a2)
        case = f"for curvatures {a1:g} and {a2:g}"
        wrong = {
            "factor: at 1/a the error is gone in one step, but it may overshoot": 1 / steep,
            "direction: the steepest direction sets the limit": 2 / flat,
            "sum: each direction has a factor of its own": 2 / (a1 + a2),
            "inverse: a larger curvature allows a smaller rate": 2 * steep,
        }
        for message, value in wrong.items():
            right_here = abs(value - 2 / steep) < 1e-9
            expect(right_here or abs(given - value) > 1e-9, message)
        near = abs(given * steep / 2 - 1) < 0.01
        expect(not near or abs(given - 2 / steep) < 1e-9, "rounded: right so far, give it exactly")
        expect(abs(given - 2 / steep) < 1e-9, f"value: {case} it does not lie at the limit")


@exercise(
    "Does it matter whether a net pools by maximum or by average? Train exercises.cnn.small_net("
    "lambda: nn.MaxPool2d(2)) and the same with nn.AvgPool2d on the first 2,000 MNIST images, with "
    "three seeds or more. Give {'max': [...], 'average': [...]}, accuracies on validation images.",
    hint=(
        "fit(net, classification_loss, data.mnist('train').take(2000), epochs=2, batch_size=32, "
        "learning_rate=3e-3, seed=seed)",
        "Set torch.manual_seed(seed) before you build the net. Compare means with spreads.",
    ),
    because="One seed proves nothing: only a difference well beyond the spread is a finding.",
)
def max_or_average():
    train, validation = data.mnist("train").take(2000), data.mnist("validation").take(1000)
    kinds = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
    results = {name: [] for name in kinds}
    for name, pool in kinds.items():
        for seed in range(3):
            torch.manual_seed(seed)
            net = small_net(lambda pool=pool: pool(2))
            options = dict(epochs=2, batch_size=32, learning_rate=3e-3, seed=seed)
            fit(net, classification_loss, train, progress=False, **options)
            results[name].append(accuracy(net, validation))
    return results


@max_or_average.checked_by
def _(answer):
    expect(isinstance(answer, dict), "type: give a dict")
    expect(set(answer) == {"max", "average"}, "keys: 'max' and 'average' are asked for")
    for name, values in answer.items():
        expect(len(values) >= 3, f"seeds: {name} has {len(values)} runs, at least 3 are needed")
        expect(0 <= min(values) and max(values) <= 1, f"unit: give {name} as fractions in [0, 1]")
        expect(min(values) > 0.5, f"training: {name} has a run near chance; was it trained?")
        expect(len(set(values)) > 1, f"seeds: all runs of {name} are equal; seed each one anew")


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "Break invariance. A 1 × 1 convolution of stride 2 with weight 1, then the global average. "
    "Find an 8 × 8 image with values in [0, 1] whose output changes by 1 when the image moves one "
    "pixel to the right (it wraps around).",
    hint=(
        "Stride 2 looks at the even columns only.",
        "Put everything where it looks and nothing where it does not: a pattern of period 2.",
    ),
    because="The finest pattern the grid can hold is read as all or nothing: this is aliasing.",
)
def stripes():
    image = torch.zeros(8, 8)
    image[:, ::2] = 1.0  # the columns that stride 2 reads
    return image


@stripes.checked_by
def _(answer):
    expect(isinstance(answer, Tensor), "type: give a tensor")
    expect(tuple(answer.shape) == (8, 8), f"shape: expected (8, 8), got {tuple(answer.shape)}")
    expect(0 <= answer.min() and answer.max() <= 1, "range: values must lie in [0, 1]")
    before, after = (x[::2, ::2].float().mean() for x in (answer, answer.roll(1, 1)))
    rows, change = answer.roll(1, 0)[::2, ::2].float().mean(), (before - after).abs()
    expect((before - rows).abs() < 1 - 1e-6, "axis: the image moves to the right, not down")
    expect(change > 0, "change: the output does not change at all; what does stride 2 never read?")
    expect(change > 1 - 1e-6, f"change: the output changes by {change:.2f}, it has to change by 1")
