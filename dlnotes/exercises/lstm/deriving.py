"""The upper rungs: derive, build by hand, break it."""

import math

import torch
from torch import nn

from dlnotes.exercises import (
    exercise,
    expect,
    expect_function,
    expect_number,
    expect_parts,
    kind,
)
from dlnotes.lstm import LSTMCell, trace
from dlnotes.rnn import step_jacobians

# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "5. Derive. A forget gate is held at σ(b), so that each step multiplies the cell state by "
    "σ(b), and nothing is written. Write forget_bias(n, share), which returns the bias b with "
    "which exactly this share of the content is left after n steps. The chapter did it for one "
    "half.",
    hint=(
        "σ(b)ⁿ = share; first solve for the gate, then for b.",
        "The inverse of σ is ln(f / (1 − f)).",
    ),
    because="f = share^(1/n), and b = ln(f / (1 − f)); one half after 100 steps gives 4.968.",
    skeleton="""
        def forget_bias(n, share):
            f = ...
            return ...
    """,
)
def forget_bias():
    def forget_bias(n, share):
        f = share ** (1 / n)
        return math.log(f / (1 - f))

    return forget_bias


@forget_bias.checked_by
def _(answer):
    bias = expect_function(answer, "n", "share")
    for n, share in ((100, 0.9), (7, 0.5), (1, 0.3), (1000, 0.1)):
        f = share ** (1 / n)
        right = -math.log(1 / f - 1)
        half = 0.5 ** (1 / n)
        mistakes = {
            "inverse: that is the gate; now solve σ(b) = f for b": f,
            "sign: what is kept needs an open gate": -right,
            "share: that leaves one half, whatever the share is": -math.log(1 / half - 1),
            "share: the share that is left is asked for, not what is lost": _bias_that_loses(
                n, share
            ),
            "half: f = exp(−1/n) leaves 1/e after n steps": -math.log(math.expm1(1 / n)),
            "one step: f multiplies in each of n steps": math.log(share / (1 - share)),
            "linear: what is lost in a step is a share of what is left": _linear_bias(n, share),
        }
        mistakes = {m: value for m, value in mistakes.items() if abs(value - right) > 1e-6}
        what = f"b for n = {n}, share = {share}"
        expect_number(bias(n, share), right, what, wrong=mistakes, within=1e-9)


def _bias_that_loses(n: int, share: float) -> float:
    f = (1 - share) ** (1 / n)
    return math.log(f / (1 - f))


def _linear_bias(n: int, share: float) -> float:
    """Return the bias of somebody who subtracts the same amount in each step."""
    f = 1 - (1 - share) / n
    return math.log(f / (1 - f))


@exercise(
    "6. Derive. Who cannot remember predicts the mean of the targets, always. What is the mean "
    "squared error of that? First for an adding problem with THREE marked numbers, independent "
    "and uniform in [0, 1], whose target is their sum. Then for that of 1997, with X₁ and X₂ "
    "uniform in [−1, 1] and the target 1/2 + (X₁ + X₂) / 4. Give (three, that of 1997), two "
    "numbers, to four digits.",
    hint=(
        "The error of the best constant is the variance of the target.",
        "A uniform number in an interval of length a has the variance a² / 12.",
    ),
    because="3 · 1/12 = 1/4, and 2 · (4/12) / 16 = 1/24: errors compare only on one scale.",
    skeleton="""
        three = ...
        of_1997 = ...
        answer = three, of_1997
    """,
)
def adding_baseline():
    three = 3 * 1**2 / 12
    theirs = 2 * 2**2 / 12 / 4**2  # dividing by 4 divides the variance by 16
    return three, theirs


@adding_baseline.checked_by
def _(answer):
    three, theirs = expect_parts(answer, "three", "that of 1997")
    mistakes = {
        "mean: the best constant is the mean of the target, 1.5, not 0": 5 / 2,
        "three: the variances of three independent numbers add up": 1 / 12,
        "two: that is the error with two marks": 1 / 6,
        "root: the squared error is asked for": 0.5,
        "together: that is the variance of 3 X₁; the three are different numbers": 9 / 12,
        "average: the target is the sum of the three": 1 / 36,
    }
    expect_number(three, 1 / 4, "three", wrong=mistakes)
    mistakes = {
        "square: a factor of 1/4 changes the variance by 1/16": 1 / 6,
        "factor: the sum is divided by 4": 2 / 3,
        "mean: the best constant is the mean of the target, 1/2, not 0": 7 / 24,
        "two: the variances of two independent numbers add up": 1 / 48,
        "interval: [−1, 1] is twice as long as [0, 1]": 1 / 96,
        "root: the squared error is asked for": 24**-0.5,
        "square: dividing by 4 divides the variance by 4², not by 8": 1 / 12,
    }
    expect_number(theirs, 1 / 24, "that of 1997", wrong=mistakes)


# ---- build -------------------------------------------------------------------------------------


@exercise(
    "7. Build by hand. An LSTMCell(2, 1) reads strings of a and b: its input is (1, 0) for a and "
    "(0, 1) for b. Set its parameters, W_f, U_f, b_f of the forget gate (W for h, U for the "
    "input), W_i, U_i, b_i of the input gate, W_c, U_c, b_c of the candidate, W_o, U_o, b_o of "
    "the output gate, so that the cell state counts. From the state 0, after any string it must "
    "be k times (number of a − number of b), up to a tenth of k, with a k > 0.1 that is the same "
    "for all strings. Give the cell.",
    hint=(
        "Nothing may be forgotten, everything may be written, and h need not be looked at.",
        "All W are 0; b_f and b_i are large; the candidate is +tanh(1) for a, −tanh(1) for b.",
    ),
    because="c is a sum without bounds; the state of a plain network, or of tied gates, is not.",
)
def counter():
    cell = LSTMCell(2, 1)
    for parameter in cell.parameters():
        nn.init.zeros_(parameter)
    nn.init.constant_(cell.b_f, 20.0)  # keep everything
    nn.init.constant_(cell.b_i, 20.0)  # write everything
    cell.U_c.data = torch.tensor([[1.0, -1.0]])
    return cell


@counter.checked_by
def _(answer):
    expect(isinstance(answer, LSTMCell), f"type: an LSTMCell is wanted, got {kind(answer)}")
    sizes = answer.input_size, answer.hidden_size
    expect(sizes == (2, 1), f"shape: LSTMCell(2, 1) is asked for, got LSTMCell{sizes}")

    def state(text):
        x = torch.tensor([[[letter == "a", letter == "b"] for letter in text]]).float()
        return trace(answer, x)["c"][0, -1, 0].item()

    answer, k = answer.float(), state("a")
    expect(k > 0.1, f"step: one a must move the cell state up by more than 0.1, got {k:.3g}")
    message = "sign: one b must undo one a: the candidate needs the opposite sign"
    expect(abs(state("ab")) < 0.1 * k, message)
    ten = state("a" * 10)
    expect(ten > 9.5 * k, f"forgetting: after ten a it is {ten / k:.3g} k; open the forget gate")
    for text in ("a" * 50 + "b" * 20, "b" * 30, "ab" * 25 + "a"):
        wanted = text.count("a") - text.count("b")
        message = f"count: {text[:6]}… (#a − #b = {wanted}) gives {state(text) / k:.3f} k"
        expect(abs(state(text) - k * wanted) < 0.1 * k, message)


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "9. Break it. In the chapter an error exploded although the forget gate was one half. Make it "
    "worse. Give an LSTMCell(1, 1), one input and one unit, whose forget gate never exceeds 0.1, "
    "and yet the Jacobian of (h, c) after T = 40 steps with respect to (h, c) at the start, a "
    "2 × 2 matrix, has a norm above a million. The cell starts from h = c = 0 and all its inputs "
    "are 0.",
    hint=(
        "The straight road has the factor f ≤ 0.1; the other one goes through h and the candidate.",
        "At c = 0: ∂c_t/∂c_{t−1} = f + i · W_c · o. Shut the forget gate and choose the rest.",
    ),
    because="With f near 0, i and o near 1 and W_c = 2 each step has the factor 2. So: clip.",
)
def explosion():
    cell = LSTMCell(1, 1)
    for parameter in cell.parameters():
        nn.init.zeros_(parameter)
    nn.init.constant_(cell.b_f, -10.0)  # the straight road is closed
    for bias in (cell.b_i, cell.b_o):
        nn.init.constant_(bias, 10.0)
    nn.init.constant_(cell.W_c, 2.0)  # c acts on itself through h and the candidate
    return cell


@explosion.checked_by
def _(answer):
    expect(isinstance(answer, LSTMCell), f"type: an LSTMCell is wanted, got {kind(answer)}")
    sizes = answer.input_size, answer.hidden_size
    expect(sizes == (1, 1), f"shape: LSTMCell(1, 1) is asked for, got LSTMCell{sizes}")
    cell, x = LSTMCell(1, 1).double(), torch.zeros(40, 1, dtype=torch.float64)
    cell.load_state_dict(answer.state_dict())
    growth = torch.linalg.multi_dot([*step_jacobians(cell, x).flip(0)]).norm().item()
    expect(math.isfinite(growth), "finite: the gradient is nan or infinite; are the weights?")
    largest = trace(cell, x[None])["f"].max().item()
    expect(largest <= 0.1, f"gate: the forget gate reaches {largest:.2g}, at most 0.1 is allowed")
    expect(growth > 2, f"growth: the norm is {growth:.2g}; the way through h is closed")
    expect(growth > 1e6, f"growth: the norm is {growth:.2g}, a million is asked for")
