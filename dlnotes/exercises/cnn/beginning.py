"""The first steps of the ladder of chapter 2: predict, compute by hand, complete."""

import torch
import torch.nn.functional as F

from dlnotes.exercises import (
    NotYet,
    as_number,
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_parts,
)
from dlnotes.exercises.cnn.stopping import FAULTS, RUNS, epochs_trained, outcome
from dlnotes.exercises.cnn.trials import pixels, whole_number

# ---- warm up -----------------------------------------------------------------------------------


@exercise(
    "1. Warm up on paper. The strip 1, 3, 0, 2, 5 meets the kernel (2, −1), with stride 1 and "
    "without padding. Which map comes out? Then max pooling with windows of two goes over this "
    "map. Which numbers are left?\n"
    "Give two lists, (the map, what is left after the pooling).",
    hint=(
        "Lay the kernel on the first two pixels, 1 and 3. The answer is 2 · 1 − 1 · 3.",
        "A strip of five has four places for a kernel of two. So the map has four numbers.",
        "The windows of the pooling do not overlap. The first one holds the map's first two "
        "numbers, the second one the other two.",
    ),
    because="Each number of the map is a patch, weight by pixel, added up. Max pooling keeps the "
    "largest number of each window with its sign, so a window of negative numbers leaves the one "
    "nearest to 0.",
)
def warm_up():
    strip, kernel = [1, 3, 0, 2, 5], [2, -1]
    answers = [kernel[0] * strip[i] + kernel[1] * strip[i + 1] for i in range(4)]
    return answers, [max(answers[0:2]), max(answers[2:4])]


@warm_up.checked_by
def _(answer):
    parts = expect_parts(answer, "the map", "what is left")
    for part, name in zip(parts, ("the map", "what is left"), strict=True):
        several = isinstance(part, list | tuple) or (isinstance(part, torch.Tensor) and part.ndim)
        expect(several, f"type: {name} is a list of numbers")
    answers, left = ([as_number(value, "each entry") for value in part] for part in parts)
    expect(len(answers) != 5, "count: the second weight needs a pixel, so there are four places")
    maps = {
        "turned: as we slide it, the first weight meets the left pixel": [5, -3, 4, 8],
        "sign: the second weight is negative": [5, 6, 2, 9],
        "ReLU: there is none here, so negative numbers stay": [0, 6, 0, 0],
        "stride: the kernel moves by one pixel, so it stops at four places": [-1, -2],
    }
    for message, value in maps.items():
        expect(answers != value, message)
    expect(answers == [-1, 6, -2, -1], "map: weight by pixel, added up, at each place; use .hint()")
    pooled = {
        "mean: max pooling keeps the largest number of each window": [2.5, -1.5],
        "smallest: of −2 and −1, the larger number is −1": [6, -2],
        "overlap: the next window begins where the last one ends": [6, 6, -1],
        "ReLU: max pooling keeps the sign": [6, 0],
        "strip: the pooling goes over the map": [3, 2],
        "one: each window leaves a number, not the whole map": [6],
    }
    for message, value in pooled.items():
        expect(left != value, message)
    expect(left == [6, -1], "pooling: cut the map into two windows, and keep the largest of each")


# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "2. Predict. A convolution has a kernel of 4 weights, stride 3, dilation 2, and 2 zeros of "
    "padding on each side. It made a map of exactly 10 numbers from a strip. How long was the "
    "strip? More than one length is possible.\n"
    "Give the shortest and the longest, a pair of whole numbers, (shortest, longest).",
    hint=(
        "Section 4 goes from the input to the output. Go back. What was lost by rounding down?",
        "Ten windows have the numbers 0 to 9. So what stands inside ⌊ ⌋ is 9 or more, below 10.",
        "Write 9 ≤ (I + 2P − d(K − 1) − 1) / S < 10, put in P, d, K and S, and solve for I.",
    ),
    because="Rounding down forgets a remainder of 0, 1 or 2. So three lengths give the same map, "
    "and up to S − 1 pixels at the end are never read. A layer that undoes a strided convolution "
    "must be told which of these lengths to make.",
)
def input_sizes():
    K, S, d, P, windows = 4, 3, 2, 2, 10
    last_start = (windows - 1) * S  # where window number 9 begins, on the padded strip
    shortest = last_start + d * (K - 1) + 1 - 2 * P  # its last weight still lies inside
    return shortest, shortest + S - 1  # with one pixel more, window number 10 would fit


@input_sizes.checked_by
def _(answer):
    pair = expect_parts(answer, "shortest", "longest")
    shortest, longest = map(whole_number, pair, ("the shortest length", "the longest length"))
    expect(shortest <= longest, "order: give the shortest length first")
    expect(shortest < longest, "remainder: rounding down forgets it, so several lengths will do")
    mistakes = {
        "count: there is a window number 0, so the last one has the number 9": (33, 35),
        "padding: there are P zeros on each side": (32, 34),
        "padding: the zeros belong to the strip on which the windows lie": (34, 36),
        "dilation: the kernel reads every second pixel, so it reaches further": (27, 29),
        "reach: between K weights there are K − 1 steps": (31, 33),
        "rounding: it goes down, not up": (28, 30),
        "end: with your longest length one more window fits": (30, 33),
    }
    for message, value in mistakes.items():
        expect((shortest, longest) != value, message)
    expect(longest - shortest == 2, "remainder: how many different ones can a stride of 3 leave?")
    expect((shortest, longest) == (30, 32), "not yet: put both lengths into (CNN-1); use .hint()")


# ---- by hand -----------------------------------------------------------------------------------


@exercise(
    "3. By hand. A strip goes through three layers without padding. The first is a convolution of "
    "3 weights. The second is a convolution of 3 weights with dilation 5. The third is an average "
    "pooling of 2 with stride 2. Look at one unit after the pooling. From the first pixel on which "
    "it depends to the last one, how many pixels is that, both included? And on how many different "
    "pixels does it depend?\n"
    "Give two whole numbers, (span, pixels).",
    hint=(
        "The recursion of section 14 gives the span. Is all of it really read?",
        "Unit 0 after the pooling reads two units. Write down which units these read, and then "
        "which pixels those read.",
        "Unit 0 of the second layer reads the units 0, 5, 10 of the first, hence the pixels 0 to "
        "2, 5 to 7 and 10 to 12. Unit 1 reads the same, one pixel further on.",
    ),
    because="r ← r + d(K − 1)J measures from end to end. A dilated kernel steps over pixels, so "
    "there are holes inside. Stacked dilated layers fill each other's holes if the dilations fit, "
    "such as 1, 2, 4. With 1 and 5 they do not.",
)
def dilated_field():
    read = set()
    for second in (0, 1):  # the two units which the pooling reads
        for first in (second, second + 5, second + 10):
            read |= {first, first + 1, first + 2}
    return max(read) - min(read) + 1, len(read)


@dilated_field.checked_by
def _(answer):
    pair = expect_parts(answer, "span", "pixels")
    span, read = map(whole_number, pair, ("the span", "the number of pixels"))
    expect((span, read) != (12, 14), "order: give the span first, then the number of pixels")
    spans = {
        6: "dilation: the weights of the second kernel stand 5 pixels apart",
        13: "pooling: its two units do not see the same pixels",
        15: "jump: the pooling's stride counts for layers above it, and there are none",
        16: "start: before the first layer a unit is one pixel and r is 1, and every layer adds "
        "d(K − 1)J",
        19: "steps: three weights have two steps of 5 between them",
    }
    for value, message in spans.items():
        expect(span != value, message)
    expect(span == 14, "not yet: carry r and J through the three layers for the span; use .hint()")
    reads = {
        14: "holes: the dilated kernel steps over pixels, so not all of the span is read",
        9: "pooling: its second unit reads pixels which the first one does not",
        18: "twice: a pixel that is read in two ways is still one pixel",
        6: "layers: each weight of the second kernel stands on a unit that sees three pixels",
    }
    for value, message in reads.items():
        expect(read != value, message)
    expect(read == 12, "not yet: write down the pixels that are read; use .hint()")


# ---- complete ----------------------------------------------------------------------------------


@exercise(
    "4. Complete a depthwise separable convolution. It works in two steps. First each channel is "
    "convolved with one kernel of its own. Then a 1 × 1 convolution mixes the channels. x is "
    "(images, channels, height, width). depth is (channels, K, K), the kernels of the channels, "
    "with odd K. point is (filters, channels), the weights of the mixing, and bias (filters,) is "
    "added at the end. Fill in the four blanks.\n"
    "Return two things, the maps (images, filters, height, width), and the number of parameters, "
    "biases included.",
    hint=(
        "F.conv2d wants weights of the shape (filters, channels, height, width). How many filters "
        "and how many channels has each step?",
        "depth[c] is (K, K). With depth[c][None, None] it is (1, 1, K, K). point needs two more "
        "axes at its end.",
        "Put the maps together along axis 1, with torch.cat. x.numel() counts the numbers in x.",
    ),
    because="There are C_in·K² + C_out·C_in + C_out parameters instead of C_out·(C_in·K² + 1). "
    "With K = 3 and many channels that is nearly nine times fewer, since looking at neighbours and "
    "mixing channels are paid for one by one. MobileNet is built of such layers (Howard et al. "
    "2017, arXiv:1704.04861).",
    skeleton="""
        def separable(x, depth, point, bias):
            maps, K = [], depth.shape[-1]
            for c in range(len(depth)):
                kernel = ...
                maps.append(F.conv2d(x[:, c : c + 1], kernel, padding=K // 2))
            stacked = ...
            mixed = F.conv2d(stacked, ..., bias)
            parameters = ...
            return mixed, parameters
    """,
)
def separable():
    def separable(x, depth, point, bias):
        maps, K = [], depth.shape[-1]
        for c in range(len(depth)):
            kernel = depth[c][None, None]
            maps.append(F.conv2d(x[:, c : c + 1], kernel, padding=K // 2))
        stacked = torch.cat(maps, dim=1)
        mixed = F.conv2d(stacked, point[:, :, None, None], bias)
        parameters = depth.numel() + point.numel() + bias.numel()
        return mixed, parameters

    return separable


@separable.checked_by
def _(answer):
    layer = expect_function(answer, "x", "depth", "point", "bias")
    trials = [(3, 3, 3, (6, 5)), (2, 4, 3, (5, 7)), (4, 2, 5, (7, 6))]
    for seed, (channels, filters, K, size) in enumerate(trials):
        x = pixels(2, channels, *size, seed=seed)
        depth = pixels(channels, K, K, seed=10 + seed)
        point = pixels(filters, channels, seed=20 + seed)
        bias = pixels(filters, seed=30 + seed)
        maps, parameters = expect_parts(layer(x, depth, point, bias), "maps", "parameters")
        mistakes = wrong_maps(x, depth, point, bias)
        right = two_steps(x, depth, point, bias)
        expect_close(maps, right, "the map", within=1e-9, wrong=mistakes)
        given = as_number(parameters, "the number of parameters")
        expect_count(given, channels, filters, K)


def two_steps(x, depth, point, bias, between=lambda maps: maps):
    """Return what a depthwise separable convolution answers, by torch."""
    maps = F.conv2d(x, depth[:, None], padding=depth.shape[-1] // 2, groups=len(depth))
    return F.conv2d(between(maps), point[:, :, None, None], bias)


def wrong_maps(x, depth, point, bias):
    """Return what the usual mistakes of ``separable`` lead to."""
    mistakes = {
        "activation: nothing bends between the two steps": (depth, point, bias, torch.relu),
        "bias: it has to be added to the maps": (depth, point, 0 * bias),
        "kernels: each channel has its own, depth[c]": (depth[:1].expand_as(depth), point, bias),
        "flip: layers do not turn the kernel": (depth.flip(1, 2), point, bias),
        "axes: rows and columns of the kernels are exchanged": (depth.mT, point, bias),
        "mixing: it is missing": (depth, torch.eye(len(depth)).double(), None),
    }
    if point.shape[0] == point.shape[1]:
        rows = "axes: row o of point holds the weights of output o"
        mistakes[rows] = (depth, point.T, bias)
    return {message: two_steps(x, *parts) for message, parts in mistakes.items()}


def expect_count(given, channels, filters, K):
    """Raise ``NotYet`` unless the number of parameters of ``separable`` is right."""
    kernels, mixing = channels * K**2, filters * channels
    right = kernels + mixing + filters
    mistakes = {
        "parameters: that is an ordinary convolution, which does both at once": filters
        * (kernels + 1),
        "parameters: the biases are missing": kernels + mixing,
        "parameters: there is one bias for each output, and none in the first step": right
        + channels,
        "parameters: a channel has one kernel, not one for each output": filters * kernels
        + mixing
        + filters,
        "parameters: the mixing has some, too": kernels,
        "parameters: the first step has some, too": mixing + filters,
        "parameters: a kernel has K rows and K columns": channels * K + mixing + filters,
    }
    for message, value in mistakes.items():
        expect(given == right or given != value, message)
    ending = "the maps are right, the number of parameters is not; use .hint()"
    expect(given == right, f"not yet: {ending}")


@exercise(
    "5. Complete early stopping. train_epoch(net) trains net for one epoch, and "
    "validation_loss(net) returns a number. patience and limit are whole numbers. Train for at "
    "most limit epochs. Stop as soon as patience epochs in a row have brought no new lowest "
    "validation loss. In the end net must hold the weights of its best epoch again. Fill in the "
    "four blanks.\n"
    "Return the loss of the best epoch.",
    hint=(
        "waited counts the epochs since the last new lowest loss. When does it go back to 0?",
        "net.state_dict() does not copy. It hands out net's own tensors, which the next epoch "
        "changes.",
        "{name: value.clone() for name, value in net.state_dict().items()} is a copy.",
    ),
    because="Without the copy, kept is only another name for the weights in training. The last "
    "epoch comes back instead of the best one, and nothing warns you. Patience is needed because "
    "a validation loss jumps, so its first rise need not be the turning point.",
    skeleton="""
        def early_stopping(net, train_epoch, validation_loss, patience, limit):
            lowest, waited = float("inf"), 0
            for _ in range(limit):
                train_epoch(net)
                loss = validation_loss(net)
                if loss < lowest:
                    lowest, waited = ...
                    kept = ...
                else:
                    waited += ...
                if ...:
                    break
            net.load_state_dict(kept)
            return lowest
    """,
)
def early_stopping():
    def early_stopping(net, train_epoch, validation_loss, patience, limit):
        lowest, waited = float("inf"), 0
        for _ in range(limit):
            train_epoch(net)
            loss = validation_loss(net)
            if loss < lowest:
                lowest, waited = loss, 0
                kept = {name: value.clone() for name, value in net.state_dict().items()}
            else:
                waited += 1
            if waited == patience:
                break
        net.load_state_dict(kept)
        return lowest

    return early_stopping


@early_stopping.checked_by
def _(answer):
    arguments = ("net", "train_epoch", "validation_loss", "patience", "limit")
    stop = expect_function(answer, *arguments)
    epochs, held, results = zip(*(outcome(stop, *run) for run in RUNS), strict=True)
    right = tuple(epochs_trained(*run) for run in RUNS)
    if epochs != right:
        for message, fault in FAULTS.items():
            expect(epochs != tuple(epochs_trained(*run, **fault) for run in RUNS), message)
        raise NotYet("not yet: it does not stop where it should; use .hint()")
    last = "copy: net ends with the weights of its last epoch; what does state_dict() hand out?"
    expect(held != right, last)
    lowest = tuple(min(run[0][:epoch]) for run, epoch in zip(RUNS, right, strict=True))
    best = tuple(run[0].index(loss) + 1 for run, loss in zip(RUNS, lowest, strict=True))
    expect(held == best, "weights: net must end with those of the epoch of the lowest loss")
    expect(results == lowest, "result: return the lowest loss, that of the weights which net holds")
