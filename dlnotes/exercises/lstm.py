"""Exercises of chapter 4: predict, derive, implement, break it, experiment."""

import math

import torch
from torch import Tensor, nn

from dlnotes.exercises import exercise, expect, expect_close
from dlnotes.lstm import LSTM, LSTMCell, adding_problem, chrono_initialisation, trace
from dlnotes.rnn import step_jacobians

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "How many parameters has an LSTM with 10 inputs and 20 units: with the notes' one bias per "
    "gate, and as torch.nn.LSTM(10, 20)? Give (notes, torch).",
    hint=(
        "Four affine maps, all of the same size.",
        "Each has H × H recurrent weights, H × D input weights, and a bias; torch keeps two.",
    ),
    because="4 H (D + H + 1) = 2480; torch's second bias adds 4 H = 80. Only their sum acts.",
)
def parameters():
    D, H = 10, 20
    return 4 * H * (D + H + 1), 4 * H * (D + H + 2)


@parameters.checked_by
def _(answer):
    notes, theirs = answer
    expect((notes, theirs) != (2560, 2480), "order: the notes' form first, then torch's")
    expect(notes != 3 * 20 * 31, "maps: the candidate has weights of its own, three is a GRU")
    expect(notes != 4 * 20 * 30, "bias: one per unit and gate is missing")
    expect(notes == 2480, "count: 4 H (D + H + 1)")
    expect(theirs != notes, "bias: torch keeps two of them, b_ih and b_hh")
    expect(theirs == 2560, "count: 4 H (D + H + 2)")


# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "A forget gate is held at σ(b). Write forget_bias(n): the b for which half of the cell state "
    "is left after n steps.",
    hint=(
        "σ(b)ⁿ = 1/2; first solve for the gate, then for b.",
        "The inverse of σ is ln(f / (1 − f)).",
    ),
    because="f = 2^(−1/n), so b = ln(f / (1 − f)): about ln(n / ln 2), and 4.968 for n = 100.",
)
def forget_bias():
    def bias(n):
        f = 2 ** (-1 / n)
        return math.log(f / (1 - f))

    return bias


@forget_bias.checked_by
def _(answer):
    expect(callable(answer), "type: give a function of n")
    b = float(answer(100))
    gate = 1 / (1 + math.exp(-b))
    expect(abs(b - 2 ** (-1 / 100)) > 1e-6, "inverse: that is the gate; now solve σ(b) = f for b")
    expect(b > 0, "sign: keeping half for 100 steps needs an open gate, b > 0")
    expect(abs(b - math.log(99)) > 1e-6, "half: 1 + eᵇ = n leaves 1/e after n steps, not 1/2")
    expect(abs(gate**100 - 0.5) < 1e-6, f"half-life: σ(b)^100 must be 1/2, is {gate**100:.3g}")
    right = all(abs((1 + math.exp(-answer(n))) ** -n - 0.5) < 1e-9 for n in (1, 2, 7, 1000))
    expect(right, "every n: right for 100, but not for all n")


@exercise(
    "Who cannot remember predicts the mean. Give the mean squared error of that for the adding "
    "problem, (ours, 1997): ours has numbers uniform in [0, 1] and the target X₁ + X₂; in 1997 "
    "they were uniform in [−1, 1], and the target was 1/2 + (X₁ + X₂) / 4.",
    hint=(
        "The error of the best constant is the variance of the target.",
        "A uniform number in an interval of length a has the variance a² / 12.",
    ),
    because="2 · 1/12 = 1/6, and 2 · (4/12) / 16 = 1/24: errors compare only on one scale.",
)
def adding_baseline():
    ours = 2 * 1**2 / 12
    theirs = 2 * 2**2 / 12 / 4**2  # dividing by 4 divides the variance by 16
    return ours, theirs


@adding_baseline.checked_by
def _(answer):
    ours, theirs = map(float, answer)
    expect(abs(ours - 7 / 6) > 1e-3, "mean: the best constant is the mean of the target, 1, not 0")
    expect(abs(ours - 1 / 12) > 1e-3, "two: the variances of two independent numbers add up")
    expect(abs(ours - 1 / 6) < 1e-3, "variance: of X₁ + X₂, each uniform in [0, 1]")
    expect(abs(theirs - 1 / 6) > 1e-3, "square: a factor of 1/4 changes the variance by 1/16")
    expect(abs(theirs - 1 / 24) < 1e-3, "variance: of (X₁ + X₂) / 4, each uniform in [−1, 1]")


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "Write step_backward(f, i, g, o, c_before, c, grad_h, grad_c): one step of the backward pass. "
    "g is the candidate; grad_h and grad_c are the gradients that reach h_t and c_t from outside. "
    "Return the gradients before the four nonlinearities and of c_{t−1}: (d_f, d_i, d_g, d_o, "
    "d_c_before), each of the shape of c.",
    hint=(
        "First all that reaches c_t: grad_c, and grad_h through h = o ⊙ tanh(c).",
        "σ' = s (1 − s), tanh' = 1 − s²; what a gate multiplies is its gradient's factor.",
    ),
    because="Each gate gets the error times what it multiplied, times its own slope.",
)
def step_backward():
    def backward(f, i, g, o, c_before, c, grad_h, grad_c):
        grad_c = grad_c + grad_h * o * (1 - c.tanh() ** 2)
        d_f = grad_c * c_before * f * (1 - f)
        d_i = grad_c * g * i * (1 - i)
        d_g = grad_c * i * (1 - g**2)
        d_o = grad_h * c.tanh() * o * (1 - o)
        return d_f, d_i, d_g, d_o, grad_c * f

    return backward


@step_backward.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
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
    right, right_c = torch.autograd.grad(total, (before, c_before))
    with torch.no_grad():
        given = answer(f, i, g, o, c_before, c, grad_h, grad_c)
        expect(isinstance(given, tuple | list) and len(given) == 5, "shape: return five tensors")
        expect_close(given[3], right[3], "d_o", within=1e-9)
        without = grad_c * f
        far = not isinstance(given[4], Tensor) or (given[4] - without).abs().max() > 1e-9
        expect(far, "paths: c_t also acts through h_t = o ⊙ tanh(c_t)")
        expect_close(given[4], right_c, "d_c_before", within=1e-9)
        for name, mine, reference in zip(("d_f", "d_i", "d_g"), given, right, strict=False):
            expect_close(mine, reference, name, within=1e-9)


@exercise(
    "Set the weights by hand. Build an LSTMCell(2, 1) whose cell state counts: the inputs are one-"
    "hot, (1, 0) for the symbol a and (0, 1) for b, and after any string the cell state is "
    "k (#a − #b) with a k > 0.1 that is the same for all strings, up to a tenth of k.",
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
    expect(isinstance(answer, LSTMCell), "type: give an LSTMCell")
    sizes = answer.input_size, answer.hidden_size
    expect(sizes == (2, 1), f"shape: LSTMCell(2, 1) is asked for, got LSTMCell{sizes}")

    def state(text):
        x = torch.tensor([[[letter == "a", letter == "b"] for letter in text]]).float()
        return trace(answer, x)["c"][0, -1, 0].item()

    k = state("a")
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
    "Break the carousel. No forget gate exceeds 1, yet gradients can explode: give an LSTMCell(1, "
    "1) for which ‖∂(h, c)_T/∂(h, c)_0‖ exceeds a million after T = 40 steps of input 0 from the "
    "state 0.",
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
    expect(isinstance(answer, LSTMCell), "type: give an LSTMCell")
    sizes = answer.input_size, answer.hidden_size
    expect(sizes == (1, 1), f"shape: LSTMCell(1, 1) is asked for, got LSTMCell{sizes}")
    cell, x = LSTMCell(1, 1).double(), torch.zeros(40, 1, dtype=torch.float64)
    cell.load_state_dict(answer.state_dict())
    growth = torch.linalg.multi_dot([*step_jacobians(cell, x).flip(0)]).norm().item()
    expect(math.isfinite(growth), "values: the gradient is not finite")
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
    "Does the start matter on a task of 40 steps? Train LSTM(2, 16), LSTM(2, 16, forget_bias=4) "
    "and an LSTM(2, 16) after lstm.chrono_initialisation(layer, 40) by exercises.lstm.adding_error("
    "layer, steps=40, batches=400, seed=seed), at least three seeds each; give {'torch': [errors], "
    "'open': [errors], 'chrono': [errors]}.",
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
    expect(isinstance(answer, dict), "type: give a dict")
    keys = {"torch", "open", "chrono"}
    expect(set(answer) == keys, "keys: 'torch', 'open' and 'chrono' are asked for")
    for name, values in answer.items():
        expect(len(values) >= 3, f"seeds: {name} has {len(values)} runs, at least 3 are needed")
        expect(all(0 < value < 0.3 for value in values), f"unit: {name} must be errors around 1/6")
        expect(len(set(values)) > 1, f"seeds: all runs of {name} are equal; seed each one anew")
    best = min(answer["chrono"])
    expect(best < 0.1, "training: with chrono at least one run must leave 1/6 behind")
