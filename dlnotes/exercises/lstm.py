"""Exercises of chapter 4: predict, derive, implement, break it, experiment."""

import math

import torch
from torch import Tensor, nn

from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    expect_runs,
    kind,
)
from dlnotes.lstm import LSTM, LSTMCell, adding_problem, chrono_initialisation, trace
from dlnotes.rnn import step_jacobians

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "1. Predict. How many parameters has one layer of an LSTM with 10 inputs and 20 units: in the "
    "form of this chapter, with one bias vector per gate and for the candidate, and as "
    "torch.nn.LSTM(10, 20)? Give (chapter, torch), two whole numbers.",
    hint=(
        "Four affine maps, all of the same size.",
        "Each has H × H recurrent weights, H × D input weights, and a bias; torch keeps two.",
    ),
    because="4 H (D + H + 1) = 2480; torch's second bias adds 4 H = 80. Only their sum acts.",
    skeleton="""
        chapter = ...
        torchs = ...
        answer = chapter, torchs
    """,
)
def parameters():
    D, H = 10, 20
    return 4 * H * (D + H + 1), 4 * H * (D + H + 2)


@parameters.checked_by
def _(answer):
    ours, theirs = expect_parts(answer, "chapter", "torch")
    D, H = 10, 20
    mistakes = {
        "order: the chapter's form first, then torch's": 4 * H * (D + H + 2),
        "maps: the candidate has weights of its own, three maps are a GRU": 3 * H * (D + H + 1),
        "maps: this is one of them, and there are three gates and a candidate": H * (D + H + 1),
        "bias: one per unit and map is missing": 4 * H * (D + H),
        "bias: a vector of 20 for each map, not one number": 4 * H * (D + H) + 4,
        "recurrence: the maps of the state, 20 × 20 each, are missing": 4 * H * (D + 1),
        "sizes: 20 × 10 for the input, 20 × 20 for the state": 4 * (D * D + H * H + H),
    }
    expect_number(ours, 4 * H * (D + H + 1), "the number in the chapter's form", wrong=mistakes)
    mistakes = {
        "bias: torch keeps two vectors for each map": 4 * H * (D + H + 1),
        "bias: two vectors for each map, not two in all": 4 * H * (D + H + 1) + H,
        "bias: two vectors for each map, not three": 4 * H * (D + H + 3),
    }
    expect_number(theirs, 4 * H * (D + H + 2), "torch's number", wrong=mistakes)


# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "2. Derive. A forget gate is held at σ(b), so that each step multiplies the cell state by "
    "σ(b), and nothing is written. Write forget_bias(n), which returns, for a number of steps n, "
    "the bias b with which exactly half of the cell state is left after n steps. σ is the "
    "sigmoid.",
    hint=(
        "σ(b)ⁿ = 1/2; first solve for the gate, then for b.",
        "The inverse of σ is ln(f / (1 − f)).",
    ),
    because="f = 2^(−1/n), so b = ln(f / (1 − f)): about ln(n / ln 2), and 4.968 for n = 100.",
    skeleton="""
        def forget_bias(n):
            f = ...
            return ...
    """,
)
def forget_bias():
    def forget_bias(n):
        f = 2 ** (-1 / n)
        return math.log(f / (1 - f))

    return forget_bias


@forget_bias.checked_by
def _(answer):
    bias = expect_function(answer, "n")
    for n in (100, 7, 1, 1000):
        f = 2 ** (-1 / n)
        right = -math.log(1 / f - 1)
        mistakes = {
            "inverse: that is the gate; now solve σ(b) = f for b": f,
            "sign: to keep half for so long needs an open gate": -right,
            "half: f = 1 − 1/n leaves about 1/e after n steps, not 1/2": math.log(max(n - 1, 0.5)),
            "half: f = exp(−1/n) leaves 1/e after n steps, not 1/2": -math.log(math.expm1(1 / n)),
            "approximation: that is the limit for many steps": math.log(n / math.log(2)),
            "one step: f multiplies in each of n steps; fⁿ is to be 1/2, not f": 0.0,
            "linear: what is lost is a share of what is left": math.log(max(2 * n - 1, 0.5)),
        }
        mistakes = {m: value for m, value in mistakes.items() if abs(value - right) > 1e-6}
        expect_number(bias(n), right, f"b for n = {n}", wrong=mistakes, within=1e-9)


@exercise(
    "3. Derive. Who cannot remember predicts the mean of the targets, always. What is the mean "
    "squared error of that in the adding problem? In ours X₁ and X₂ are independent and uniform "
    "in [0, 1], and the target is X₁ + X₂. In that of 1997 they were uniform in [−1, 1], and the "
    "target was 1/2 + (X₁ + X₂) / 4. Give (ours, that of 1997), two numbers, to four digits.",
    hint=(
        "The error of the best constant is the variance of the target.",
        "A uniform number in an interval of length a has the variance a² / 12.",
    ),
    because="2 · 1/12 = 1/6, and 2 · (4/12) / 16 = 1/24: errors compare only on one scale.",
    skeleton="""
        ours = ...
        theirs = ...
        answer = ours, theirs
    """,
)
def adding_baseline():
    ours = 2 * 1**2 / 12
    theirs = 2 * 2**2 / 12 / 4**2  # dividing by 4 divides the variance by 16
    return ours, theirs


@adding_baseline.checked_by
def _(answer):
    ours, theirs = expect_parts(answer, "ours", "that of 1997")
    mistakes = {
        "mean: the best constant is the mean of the target, 1, not 0": 7 / 6,
        "two: the variances of two independent numbers add up": 1 / 12,
        "root: the squared error is asked for": 6**-0.5,
        "together: that is the variance of 2 X₁; X₂ is another number": 4 / 12,
        "average: the target is the sum of the two": 1 / 24,
    }
    expect_number(ours, 1 / 6, "ours", wrong=mistakes)
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


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "4. Complete the code. One step of the backward pass of c = f ⊙ c_before + i ⊙ g, h = o ⊙ "
    "tanh(c). f, i, o are the gates, σ of what arrives; g is the candidate, tanh of what arrives; "
    "c_before is the cell state of the step before. All are tensors of one shape, (N, H). grad_h "
    "and grad_c are the gradients of the loss that reach h and c from outside, grad_c without "
    "what comes through this h. Return (d_f, d_i, d_g, d_o, d_c_before): the gradients of what "
    "arrives before the four non-linearities, and of c_before.",
    hint=(
        "First all that reaches c_t: grad_c, and grad_h through h = o ⊙ tanh(c).",
        "σ' = s (1 − s), tanh' = 1 − s²; what a gate multiplies is its gradient's factor.",
    ),
    because="Each gate gets the error times what it multiplied, times its own slope.",
    skeleton="""
        def step_backward(f, i, g, o, c_before, c, grad_h, grad_c):
            grad_c = grad_c + ...
            d_f = ...
            d_i = ...
            d_g = ...
            d_o = ...
            return d_f, d_i, d_g, d_o, ...
    """,
)
def step_backward():
    def step_backward(f, i, g, o, c_before, c, grad_h, grad_c):
        grad_c = grad_c + grad_h * o * (1 - c.tanh() ** 2)
        d_f = grad_c * c_before * f * (1 - f)
        d_i = grad_c * g * i * (1 - i)
        d_g = grad_c * i * (1 - g**2)
        d_o = grad_h * c.tanh() * o * (1 - o)
        return d_f, d_i, d_g, d_o, grad_c * f

    return step_backward


@step_backward.checked_by
def _(answer):
    names = "f", "i", "g", "o", "c_before", "c", "grad_h", "grad_c"
    backward = expect_function(answer, *names)
    generator = torch.Generator().manual_seed(0)
    before, c_before, grad_h, grad_c = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((4, 3, 5), (3, 5), (3, 5), (3, 5))
    )
    before.requires_grad_()
    c_before.requires_grad_()
    f, i, o = before[0].sigmoid(), before[1].sigmoid(), before[3].sigmoid()
    g = before[2].tanh()
    c = f * c_before + i * g
    total = (grad_h * o * c.tanh()).sum() + (grad_c * c).sum()
    right = [*torch.autograd.grad(total, (before, c_before))]
    right = dict(
        zip(("d_f", "d_i", "d_g", "d_o", "d_c_before"), [*right[0], right[1]], strict=True)
    )
    with torch.no_grad():
        values = [x.detach() for x in (f, i, g, o, c_before, c, grad_h, grad_c)]
        given = expect_parts(backward(*values), *right)
        given, mistakes = dict(zip(right, given, strict=True)), _backward_mistakes(*values)
        for name in ("d_o", "d_c_before", "d_f", "d_i", "d_g"):
            expect_close(given[name], right[name], name, within=1e-9, wrong=mistakes[name])


def _backward_mistakes(f, i, g, o, c_before, c, grad_h, grad_c) -> dict[str, dict[str, Tensor]]:
    """Return for each gradient what the usual mistakes lead to."""
    through_h = grad_h * o * (1 - c.tanh() ** 2)
    all_of_it, without_gate = grad_c + through_h, grad_c + grad_h * (1 - c.tanh() ** 2)
    path = "paths: c also acts through h = o ⊙ tanh(c)"
    return {
        "d_o": {
            "slope: of the gate o, o (1 − o), is missing in d_o": grad_h * c.tanh(),
            "tanh: o multiplies tanh(c), not c": grad_h * c * o * (1 - o),
            "paths: o acts on h only, not on c": (grad_h + grad_c) * c.tanh() * o * (1 - o),
        },
        "d_c_before": {
            path: grad_c * f,
            "slope: of tanh in h = o ⊙ tanh(c)": (grad_c + grad_h * o) * f,
            "output: what comes through h passes the gate o": without_gate * f,
            "forget: c_before is multiplied by f": all_of_it,
            "slope: c_before is multiplied by f itself, not by its slope": all_of_it * f * (1 - f),
        },
        "d_f": {
            "before: f multiplied c_before, not c": all_of_it * c * f * (1 - f),
            "slope: of the gate f, f (1 − f), is missing in d_f": all_of_it * c_before,
            path: grad_c * c_before * f * (1 - f),
        },
        "d_i": {
            "slope: of the gate i, i (1 − i), is missing in d_i": all_of_it * g,
            "product: i multiplied the candidate g": all_of_it * i * (1 - i),
            path: grad_c * g * i * (1 - i),
        },
        "d_g": {
            "slope: of the candidate's tanh, 1 − g², is missing in d_g": all_of_it * i,
            "slope: the candidate is a tanh, not a sigmoid": all_of_it * i * g * (1 - g),
            "product: the candidate was multiplied by i": all_of_it * (1 - g**2),
            path: grad_c * i * (1 - g**2),
        },
    }


@exercise(
    "5. Build by hand. An LSTMCell(2, 1) reads strings of a and b: its input is (1, 0) for a and "
    "(0, 1) for b. Set its parameters, W_f, U_f, b_f of the forget gate (W for h, U for the "
    "input), W_i, U_i, b_i of the input gate, W_c, U_c, b_c of the candidate, W_o, U_o, b_o of "
    "the output gate, so that the cell state counts. From the state 0, after any string it must "
    "be k times (number of a − number of b), up to a tenth of k, with a k > 0.1 that is the same "
    "for all strings. Give the cell.",
    hint=(
        "Nothing may be forgotten, everything may be written, and h need not be looked at.",
        "All W are 0; b_f and b_i are large; the candidate is +tanh(1) for a, −tanh(1) for b.",
    ),
    because="c is a sum without bounds; the state of a tanh RNN, or of a GRU, stays within ±1.",
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
    "6. Break it. The gradient of the cell state is carried by forget gates, none of which "
    "exceeds 1, and yet it can explode. Give an LSTMCell(1, 1), one input and one unit, for which "
    "the Jacobian of (h, c) after T = 40 steps with respect to (h, c) at the start, a 2 × 2 "
    "matrix, has a norm above a million. The cell starts from h = c = 0 and all its inputs are 0.",
    hint=(
        "The direct path has the factor f ≤ 1; the other one goes through h and the candidate.",
        "At c = 0: ∂c_t/∂c_{t−1} = f + i · W_c · o. Open all gates and choose W_c.",
    ),
    because="With open gates and W_c = 1 the factor is f + i·W_c·o ≈ 2, and 2⁴⁰ = 10¹². So: clip.",
)
def explosion():
    cell = LSTMCell(1, 1)
    for parameter in cell.parameters():
        nn.init.zeros_(parameter)
    for bias in (cell.b_f, cell.b_i, cell.b_o):
        nn.init.constant_(bias, 10.0)
    nn.init.ones_(cell.W_c)  # c acts on itself through h and the candidate
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
    expect(growth > 2, f"growth: the norm is {growth:.2g}; the way through h is closed")
    expect(growth > 1e6, f"growth: the norm is {growth:.2g}, a million is asked for")


# ---- experiment --------------------------------------------------------------------------------


def adding_error(layer: nn.Module, *, steps: int, batches: int, seed: int) -> float:
    """Train a layer with 2 inputs on the adding problem and return its mean squared error.

    Args:
        layer: RNN, LSTM or GRU.
        steps: T, length of the sequences.
        batches: of 32 sequences each, none seen twice; Adam with a learning rate of 0.02.
        seed: of the sequences.
    """
    generator = torch.Generator().manual_seed(seed)
    head = nn.Linear(layer.hidden_size, 1)
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.02)

    def error(count):
        x, target = adding_problem(count, steps, generator=generator)
        return (head(layer(x)[0][:, -1])[:, 0] - target).square().mean()

    for _ in range(batches):
        optimizer.zero_grad()
        error(32).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    with torch.no_grad():
        return error(1000).item()


@exercise(
    "7. Experiment. Does the start matter for remembering 40 steps? Three starts are compared on "
    "the adding problem: 'torch' is LSTM(2, 16) as it is, 'open' is LSTM(2, 16, forget_bias=4), "
    "and 'chrono' is LSTM(2, 16) after dlnotes.lstm.chrono_initialisation(layer, 40). "
    "exercises.lstm.adding_error(layer, steps=40, batches=400, seed=seed) trains a layer and "
    "returns its mean squared error; to guess the mean costs 1/6. Train each start with at least "
    "three seeds and give {'torch': [errors], 'open': [errors], 'chrono': [errors]}.",
    hint=(
        "Set torch.manual_seed(seed) before you build a layer.",
        "Compare the difference of the means with the spread over seeds, and both with 1/6.",
    ),
    because="Open forget gates keep what is let in, noise, too; chrono also closes input gates.",
)
def forget_gates():
    results = {"torch": [], "open": [], "chrono": []}
    for name, errors in results.items():
        for seed in range(3):
            torch.manual_seed(seed)
            layer = LSTM(2, 16, forget_bias=4.0 if name == "open" else None)
            if name == "chrono":
                chrono_initialisation(layer, 40)
            errors.append(adding_error(layer, steps=40, batches=400, seed=seed))
    return results


@forget_gates.checked_by
def _(answer):
    unit = "mean squared errors around 1/6"
    answer = expect_runs(answer, "torch", "open", "chrono", high=0.3, unit=unit)
    best = min(answer["chrono"])
    expect(best < 0.1, "training: with chrono at least one run must leave 1/6 behind")
