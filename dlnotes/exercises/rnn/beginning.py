"""The first rungs: predict, compute by hand, complete."""

import math

import torch
from torch import Tensor

from dlnotes.exercises import (
    as_number,
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    kind,
)
from dlnotes.exercises.rnn.trials import numbers, two_readers, wrong_both_ways, wrong_clips

# ---- predict, and compute by hand --------------------------------------------------------------


@exercise(
    "1. Predict. torch.nn.RNN(10, 20) reads 10 numbers in each step and keeps a state of 20 "
    "numbers. How many parameters does it have, all weights and all biases together?\n"
    "Give a whole number.",
    hint=(
        "One matrix acts on the input, one on the state; and torch keeps two biases.",
        "20 · 10 + 20 · 20 + 20 + 20.",
    ),
    because="Only the sum of the two biases acts; the second is there for cuDNN's sake.",
)
def parameters():
    U, V = 20 * 10, 20 * 20
    b_ih, b_hh = 20, 20
    return U + V + b_ih + b_hh


@parameters.checked_by
def _(answer):
    mistakes = {
        "bias: there are biases, too": 20 * 10 + 20 * 20,
        "bias: torch keeps two, one with each matrix": 20 * 10 + 20 * 20 + 20,
        "recurrence: the matrix that acts on the state, 20 × 20, is missing": 20 * 10 + 2 * 20,
        "input: the matrix that acts on the input is missing": 20 * 20 + 2 * 20,
        "time: weights are shared, the number of steps does not matter": 2 * 640,
        "gates: this network has none; that would be an LSTM": 4 * 640,
        "sizes: U takes 10 numbers to 20, V takes 20 to 20": 10 * 10 + 20 * 20 + 2 * 20,
    }
    expect_number(answer, 640, "the number of parameters", wrong=mistakes)


@exercise(
    "2. By hand. In a linear network hₜ = U xₜ + V hₜ₋₁ all singular values of V are 0.9. So each "
    "step back in time multiplies the length of the gradient by 0.9. What is the smallest number "
    "of steps after which less than a thousandth of it is left?\n"
    "Give a whole number.",
    hint=(
        "The gradient shrinks by the same factor in every step.",
        "Solve 0.9^T < 0.001 with logarithms, and round up.",
    ),
    because="T > ln 0.001 / ln 0.9 = 65.56. A word of six letters is no problem, a paragraph is.",
)
def vanishing_steps():
    return math.ceil(math.log(1e-3) / math.log(0.9))


@vanishing_steps.checked_by
def _(answer):
    steps = as_number(answer, "the number of steps")
    expect(steps == int(steps), "type: a number of steps is whole")
    mistakes = {
        "rounding: so many steps leave 0.00106, still more than a thousandth": 65,
        "rounding: one step fewer is enough": 67,
        "unit: a thousandth, not one half": 7,
        "unit: a thousandth, not a hundredth": 44,
        "unit: a thousandth, not a tenth": 22,
        "logarithm: of the same kind above and below the line": 29,
        "power: each step takes a tenth of what is left, not of what there was": 10,
    }
    expect_number(steps, 66, "the number of steps", wrong=mistakes)


@exercise(
    "3. By hand. A writer of names needs 3 bits for each character of a certain name. The name has "
    "six letters, and its end sign counts as a character, too. How likely is the writer to write "
    "exactly this name, and what is its perplexity on it?\n"
    "Give (probability, perplexity), two numbers, to four digits.",
    hint=(
        "Bits are minus the logarithm of a probability, with base 2. What is the sum of the bits?",
        "Probabilities of the characters multiply, so their bits add up. The perplexity goes with "
        "the mean.",
    ),
    because="Seven characters of 3 bits make 21 bits, so the probability is 2 to the power of −21, "
    "about one in two million. A likely name is still a rare event, which is why one reports the "
    "perplexity, 2³ = 8 equally likely choices for each character.",
    skeleton="""
        probability = ...
        perplexity = ...
        answer = probability, perplexity
    """,
)
def whole_name():
    characters = 6 + 1  # the end sign, too
    return 2.0 ** (-3 * characters), 2.0**3


@whole_name.checked_by
def _(answer):
    probability, perplexity = expect_parts(answer, "probability", "perplexity")
    mistakes = {
        "end: the end sign has to be written, too": 2.0**-18,
        "product: that is one character, the name has several": 1 / 8,
        "base: bits belong to the base 2, not e": math.exp(-21),
        "bits: that is the sum of the bits; which probability has so many?": 21.0,
        "order: first the probability, then the perplexity": 8.0,
        "sum: probabilities of characters multiply": 7 / 8,
    }
    expect_number(probability, 2.0**-21, "the probability", wrong=mistakes)
    mistakes = {
        "bits: that is the mean of the bits, the perplexity is a number of choices": 3.0,
        "base: bits belong to the base 2, not e": math.exp(3),
        "mean: the perplexity belongs to the mean of the bits, not to their sum": 2.0**21,
        "power: 2 to the power of the bits, not times or squared": 6.0,
        "power: two to the power of three, not three squared": 9.0,
        "letters: the writer does better than knowing nothing": 27.0,
    }
    expect_number(perplexity, 8.0, "the perplexity", wrong=mistakes)


@exercise(
    "4. By hand. The latch hₜ = tanh(1.5 hₜ₋₁ + xₜ) rests at 0.8586. Now comes one input x < 0, "
    "and after it silence. If the push is strong enough, the latch ends at −0.8586, and otherwise "
    "it comes back. How strong must the push be at least?\n"
    "Give the size of x at the limit, a positive number, to four digits.",
    hint=(
        "Where must the state be after the push, so that the stairs lead down from there?",
        "Any state below 0 walks down. So ask for the x at which the state after the push is 0.",
    ),
    because="tanh is 0 at 0, so the limit is 1.5 · 0.8586 + x = 0. The push need not carry the "
    "state to the other side's rest. It only has to bring it over the crossing at 0, and the "
    "stairs do the rest.",
)
def flip():
    h = 1.0
    for _ in range(200):  # to the resting state
        h = math.tanh(1.5 * h)
    return 1.5 * h


@flip.checked_by
def _(answer):
    limit = flip.right_answer()
    rest = limit / 1.5
    mistakes = {
        "V: the state is multiplied by V before the push is added": rest,
        "goal: it need not arrive at the other rest at once; the stairs do that": 2 * limit,
        "inside: the state after the push is tanh of a sum; where is tanh zero?": limit + rest,
        "rest: the unit does not rest at 1": 1.5,
        "slope: that is the factor of the gradient, no strength": 1.5 * (1 - rest**2),
        "twice: V is multiplied once": 1.5 * limit,
    }
    expect_number(answer, limit, "the strength", wrong=mistakes)


# ---- complete ----------------------------------------------------------------------------------


@exercise(
    "5. Complete a network that reads in both directions. left and right are two trained networks "
    "without outputs. Each is a function that takes inputs (T, D), reads them in the order in "
    "which they stand, and returns its T states, (T, H). For step t we want the state of left "
    "after x₁ … xₜ, and beside it the state of right after x_T … xₜ, that is, right reads from the "
    "end. Fill in the three blanks.\n"
    "Return a tensor (T, 2H).",
    hint=(
        "x.flip(0) is the sequence in reverse order.",
        "The first state that right returns then belongs to the last step. Turn its states back.",
        "torch.cat([...], dim=1) puts two tables side by side.",
    ),
    because="After the second flip, row t of both tables knows the same letter. Together they know "
    "the whole sequence at every step, so this is no network for real time.",
    skeleton="""
        def both_ways(x, left, right):
            onward = ...
            back = ...
            return ...
    """,
)
def both_ways():
    def both_ways(x, left, right):
        onward = left(x)
        back = right(x.flip(0)).flip(0)
        return torch.cat([onward, back], dim=1)

    return both_ways


@both_ways.checked_by
def _(answer):
    both_ways = expect_function(answer, "x", "left", "right")
    (x,) = numbers((6, 3))
    left, right = two_readers()
    wanted = torch.cat([left(x), right(x.flip(0)).flip(0)], dim=1)
    given = both_ways(x, left, right)
    expect_close(given, wanted, "the states", within=1e-9, wrong=wrong_both_ways(x, left, right))


@exercise(
    "6. Complete clipping for a whole network. gradients is a list of tensors of any shapes, and "
    "limit is a positive number. All tensors together count as one long vector. Scale it so that "
    "its length is at most limit and its direction stays. A vector that is not too long stays as "
    "it is, also if it is 0. Fill in the two blanks.\n"
    "Return the list of tensors, with their shapes.",
    hint=(
        "One norm for all tensors together: the root of the sum of all squares.",
        "Multiply every tensor by min(1, limit / norm); a norm of 0 needs no scaling.",
    ),
    because="One common factor keeps the direction; cutting off each number would turn it.",
    skeleton="""
        def clip(gradients, limit):
            norm = ...
            return ...
    """,
)
def clip():
    def clip(gradients, limit):
        norm = math.sqrt(sum(g.pow(2).sum().item() for g in gradients))
        factor = min(1.0, limit / norm) if norm > 0 else 1.0
        return [factor * g for g in gradients]

    return clip


@clip.checked_by
def _(answer):
    clip = expect_function(answer, "gradients", "limit")
    large = [torch.tensor([30.0, 40.0]), torch.tensor([[0.0], [120.0]])]  # norms 50, 120, 130
    given = clip(large, 13.0)
    several = isinstance(given, list | tuple) and all(isinstance(g, Tensor) for g in given)
    expect(several, f"type: a list of tensors is wanted, got {kind(given)}")
    expect(len(given) == 2, f"length: two tensors went in, {len(given)} came out")
    shapes = [tuple(g.shape) for g in given]
    expect(shapes == [(2,), (2, 1)], f"shape: expected (2,) and (2, 1), got {shapes}")
    both, right = torch.cat([g.flatten() for g in given]), torch.tensor([3.0, 4.0, 0.0, 12.0])
    expect_close(both, right, "the clipped gradient", within=1e-4, wrong=wrong_clips())
    small = torch.tensor([0.3, 0.4])
    same = expect_parts(clip([small], 13.0), "gradient")[0]
    expect((same - small).abs().max() < 1e-6, "small: a norm below the limit stays as it is")
    zero = expect_parts(clip([torch.zeros(3)], 1.0), "gradient")[0]
    expect(torch.isfinite(zero).all(), "zero: a gradient of 0 has no direction; do not divide by 0")
