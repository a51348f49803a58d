"""Exercises of chapter 5: predict, derive, implement, break it, experiment."""

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
from dlnotes.exercises.gru.experiment import recall
from dlnotes.exercises.gru.trials import (
    a_gradient,
    is_cell,
    minimal_trial,
    samples_to_hold,
    wrong_steps,
)
from dlnotes.gru import GRUCell

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "1. Predict. How many parameters has torch.nn.GRU(10, 20), 10 inputs and 20 units, weights "
    "and all biases, and how large a share is that of the parameters of torch.nn.LSTM(10, 20)? "
    "Give (parameters, share), a whole number and a share of 1, to four digits.",
    hint=(
        "Count affine maps: a GRU has three, an LSTM four, of equal size.",
        "One map of torch's has H·D + H·H weights and two biases of H.",
    ),
    because="3 · 20 · (10 + 20 + 2) = 1920, and three maps against four are 0.75.",
)
def parameters():
    D, H = 10, 20
    one_map = H * D + H * H + 2 * H  # torch has two biases
    return 3 * one_map, 3 / 4


@parameters.checked_by
def _(answer):
    count, share = expect_parts(answer, "parameters", "share")
    mistakes = {
        "biases: torch has two for each map, of which one stands with U": 3 * 20 * (10 + 20 + 1),
        "biases: there are none in your count": 3 * 20 * (10 + 20),
        "maps: that is the LSTM; a GRU has three": 4 * 20 * (10 + 20 + 2),
        "maps: the candidate has weights, too, not only the gates": 2 * 20 * (10 + 20 + 2),
        "maps: this is one of them": 20 * (10 + 20 + 2),
        "recurrence: the matrices of the state, 20 × 20 each, are missing": 3 * 20 * (10 + 2),
        "biases: vectors of 20, not single numbers": 3 * (20 * (10 + 20) + 2),
    }
    expect_number(count, 3 * 20 * (10 + 20 + 2), "the number of parameters", wrong=mistakes)
    mistakes = {
        "share: the other way round, GRU to LSTM": 4 / 3,
        "unit: a share of 1, not per cent": 75.0,
        "share: of the LSTM, not of both together": 3 / 7,
        "share: two gates against three, but each has a candidate, too": 2 / 3,
        "share: two maps against four, but a GRU has three": 0.5,
        "difference: this is what the GRU saves": 0.25,
    }
    expect_number(share, 0.75, "the share", wrong=mistakes)


@exercise(
    "2. Predict. The reset gate r and the update gate z, the share of the old state, are both 0 "
    "or 1, whatever the input is. On what does the new state h_t then depend: on the input x_t, "
    "called 'x', on the state before, called 'h', or on both? Give a dict from each corner (r, z) "
    "to a set of these letters: {(0, 0): {...}, (0, 1): {...}, (1, 0): {...}, (1, 1): {...}}.",
    hint=(
        "Write h_t = z h + (1 − z) tanh(W x + r U h) down four times.",
        "With z = 1 the candidate does not matter at all, whatever r is.",
    ),
    because="z = 1 copies h; z = 0 takes the candidate, which sees h only through r.",
    skeleton="""
        answer = {
            (0, 0): ...,  # (r, z)
            (0, 1): ...,
            (1, 0): ...,
            (1, 1): ...,
        }
    """,
)
def corners():
    depends = {}
    for r in (0, 1):
        depends[r, 0] = {"x", "h"} if r else {"x"}  # the candidate alone
        depends[r, 1] = {"h"}  # a copy
    return depends


@corners.checked_by
def _(answer):
    expect(isinstance(answer, dict), f"type: a dict {{(r, z): set}} is wanted, got {kind(answer)}")
    expect(set(answer) == {(0, 0), (0, 1), (1, 0), (1, 1)}, "keys: (r, z) with r and z 0 or 1")
    for corner, letters in answer.items():
        several = isinstance(letters, set | list | tuple | str)
        expect(several, f"type: {corner}: a set of letters is wanted, got {kind(letters)}")
    given = {corner: set(letters) for corner, letters in answer.items()}
    expect(all(letters <= {"x", "h"} for letters in given.values()), "letters: 'x' and 'h' only")
    swapped = given[0, 0] == given[1, 0] == {"h"} and given[0, 1] == {"x"}
    expect(not swapped, "convention: z is the share of the old state; z = 1 keeps, z = 0 replaces")
    expect(given[1, 1] == {"h"}, "copy: with z = 1 the candidate has no share, so x has none")
    expect(given[0, 1] == {"h"}, "reset: r = 0 does not erase the state, z = 1 still copies it")
    expect(given[0, 0] == {"x"}, "restart: with r = z = 0 nothing of the past is left")
    expect(given[1, 0] == {"x", "h"}, "candidate: with r = 1 it sees the past through U")


# ---- derive ------------------------------------------------------------------------------------


@exercise(
    "3. Derive. A unit whose z, the share of the old state, is constant forgets: what is stored "
    "is multiplied by z in each step. After tau steps, its time constant, 1/e of it is left. "
    "Write update_bias(tau), which returns, for a positive number tau, the bias b for which z = "
    "σ(b) has exactly this time constant. σ is the sigmoid. For tau = 50, z is 0.9802.",
    hint=(
        "z^τ = 1/e: solve for z.",
        "z = exp(−1/τ); then b = ln(z / (1 − z)), the inverse of σ.",
    ),
    because="For large τ, b is about ln τ: the bias has to grow only with the logarithm.",
    skeleton="""
        def update_bias(tau):
            z = ...
            return ...
    """,
)
def time_constant():
    def update_bias(tau):
        z = math.exp(-1 / tau)
        return math.log(z / (1 - z))

    return update_bias


@time_constant.checked_by
def _(answer):
    update_bias = expect_function(answer, "tau")
    for tau in (50.0, 5.0, 0.5):
        z, half = math.exp(-1 / tau), 0.5 ** (1 / tau)
        right = math.log(z / (1 - z))
        mistakes = {
            "inverse: that is z; the bias is what σ turns into z": z,
            "sign: a large bias must keep; yours forgets": -right,
            "1/e: yours is the bias for a half-life of tau": math.log(half / (1 - half)),
            "approximation: ln tau is the limit for large tau; solve zᵗᵃᵘ = 1/e": math.log(tau),
            "approximation: z = 1 − 1/tau is right for large tau only": math.log(max(tau - 1, 0.1)),
            "σ: its inverse is ln(z / (1 − z)), not −ln(1 − z)": -math.log(1 - z),
            "σ: its inverse is ln(z / (1 − z)), not ln z": -1 / tau,
        }
        message = f"the bias for tau = {tau:g}"
        expect_number(update_bias(tau), right, message, wrong=mistakes, within=1e-9)


@exercise(
    "4. Complete the code. One step of a GRUCell with the defaults, h_t = z ⊙ h + (1 − z) ⊙ n "
    "with the candidate n = tanh(W x + b + r ⊙ (U h + b_U)), backwards, without autograd. x (D,) "
    "is the input, h (H,) the state before, delta (H,) the gradient of the loss with respect to "
    "h_t. Return the gradient with respect to h, (H,). cell.U, cell.U_r, cell.U_z are (H, H), "
    "cell.b_U is (H,). d_n, d_r, d_z are meant to be the gradients before the tanh and the two "
    "sigmoids.",
    hint=(
        "Four ways lead from h_{t−1} to h_t: the shortcut, z, r, and U itself.",
        "Through the candidate: d = delta (1 − z)(1 − n²); to U h it goes as d · r, to r as "
        "d · (U h + b_U).",
        "Each then passes a matrix, transposed, and the gates their slopes z(1 − z) and r(1 − r).",
    ),
    because="It is the transposed Jacobian times delta, without ever writing the Jacobian down.",
    skeleton="""
        def state_gradient(cell, x, h, delta):
            z, r, n = (gate[0] for gate in cell.gates(x[None], h[None]))
            d_n = ...
            d_r = ...
            d_z = ...
            return delta * z + cell.U.T @ ... + cell.U_r.T @ ... + cell.U_z.T @ ...
    """,
)
def state_gradient():
    def state_gradient(cell, x, h, delta):
        z, r, n = (gate[0] for gate in cell.gates(x[None], h[None]))
        d_n = delta * (1 - z) * (1 - n**2)
        d_r = d_n * (cell.U @ h + cell.b_U) * r * (1 - r)
        d_z = delta * (h - n) * z * (1 - z)
        return delta * z + cell.U.T @ (d_n * r) + cell.U_r.T @ d_r + cell.U_z.T @ d_z

    return state_gradient


@state_gradient.checked_by
def _(answer):
    function = expect_function(answer, "cell", "x", "h", "delta")
    arguments, right, mistakes = a_gradient()
    with torch.no_grad():
        given = function(*arguments)
    expect_close(given, right, "the gradient", within=1e-9, wrong=mistakes)


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "5. Complete the code. One step of torch.nn.GRU, computed from its own tensors. x (N, D) is "
    "the input of N sequences and h (N, H) their state; weight_ih (3H, D) and bias_ih (3H,) "
    "belong to the input, weight_hh (3H, H) and bias_hh (3H,) to the state. torch stacks the rows "
    "of r, z and the candidate n, in this order, and bias_hh of n stands inside the reset: r "
    "multiplies all that comes from the state. Return the new state (N, H), in which z is the "
    "share of the old.",
    hint=(
        "Two products, (x @ weight_ih.T + bias_ih) and the same for h, each cut by .chunk(3, 1).",
        "r and z add their two parts; n = tanh(from_x + r * from_h).",
    ),
    because="The bias inside the reset is why the two biases of n do not add up to one.",
    skeleton="""
        def step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
            r_x, z_x, n_x = (x @ weight_ih.T + bias_ih).chunk(3, 1)
            r_h, z_h, n_h = ...
            r, z = ...
            n = ...
            return ...
    """,
)
def torch_step():
    def step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
        r_x, z_x, n_x = (x @ weight_ih.T + bias_ih).chunk(3, 1)
        r_h, z_h, n_h = (h @ weight_hh.T + bias_hh).chunk(3, 1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + r * n_h)
        return z * h + (1 - z) * n

    return step


@torch_step.checked_by
def _(answer):
    names = "x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh"
    step = expect_function(answer, *names)
    torch.manual_seed(0)
    theirs = nn.GRUCell(3, 4).double()
    x, h = torch.randn(2, 3).double(), torch.randn(2, 4).double()
    with torch.no_grad():
        weights = theirs.weight_ih, theirs.weight_hh, theirs.bias_ih, theirs.bias_hh
        values = [x, h, *(weight.detach() for weight in weights)]
        mistakes, right = wrong_steps(*values), theirs(x, h)
        expect_close(step(*values), right, "the new state", within=1e-9, wrong=mistakes)


@exercise(
    "6. Build by hand. A unit that samples and holds: a GRUCell(2, 1) with the defaults reads a "
    "value and a marker, x = (value, marker), the marker 0 or 1. After a step with marker 1 its "
    "state must be tanh(value), to 0.02, whatever it was before. After 50 steps with marker 0 it "
    "must still be that, to 0.02, whatever their values are. Set its parameters (W, U, b, b_U of "
    "the candidate, W_r, U_r, b_r of the reset, W_z, U_z, b_z of the update gate, z the share of "
    "the old state), and give the cell.",
    hint=(
        "Which of the two gates decides whether to keep, and what may it depend on?",
        "z = σ(b_z + W_z·marker) must be nearly 1 at marker 0 and nearly 0 at marker 1.",
        "U = 0 would do for the candidate; then r does not matter.",
    ),
    because="z alone writes and holds. r would only be needed if the candidate used the past.",
)
def sample_and_hold():
    cell = GRUCell(2, 1)
    for parameter in cell.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        cell.W[0, 0] = 1.0  # candidate = tanh(value)
        cell.b_z[0], cell.W_z[0, 1] = 12.0, -24.0  # z = σ(12) without, σ(−12) with the marker
    return cell


@sample_and_hold.checked_by
def _(answer):
    expect(is_cell(answer), f"type: a GRUCell is wanted, got {kind(answer)}")
    given = answer.input_size, answer.hidden_size, answer.reset, answer.z
    expect(given == (2, 1, "after", "old"), "cell: GRUCell(2, 1) with the defaults")
    answer = answer.float()
    value, start, noise = samples_to_hold()
    with torch.no_grad():
        written = answer(torch.stack([value, torch.ones(64)], 1), start)
        wanted, state = torch.tanh(value)[:, None], written
        expect((written - start).abs().max() > 1e-3, "write: the marker changes nothing")
        wrong = (written - wanted).abs().max()
        message = f"write: after the marker the state is {wrong:.2g} away from tanh(value)"
        expect(wrong < 0.02, message)
        for x_t in noise:
            state = answer(torch.stack([x_t, torch.zeros(64)], 1), state)
        wrong = (state - wanted).abs().max()
        message = f"hold: 50 steps later the state is {wrong:.2g} away; is z near enough to 1?"
        expect(wrong < 0.02, message)


@exercise(
    "7. Implement. The minimal gated unit (Zhou et al. 2016, arXiv:1603.09420) has one gate for "
    "both jobs: f = σ(W_f x + U_f h + b_f), h' = tanh(W x + U (f ⊙ h) + b), h_t = (1 − f) ⊙ h + f "
    "⊙ h'. Write minimal(W_f, U_f, b_f, W, U, b), which returns a GRUCell that computes it; W_f "
    "and W are (H, D), U_f and U (H, H), b_f and b (H,). The options reset='before' or 'after' "
    "and z='old' or 'new' of GRUCell(D, H, ...) say where the reset acts and whose share z is.",
    hint=(
        "Is f the share of the old or of the new state? Where does the reset act?",
        "GRUCell(D, H, reset='before', z='new'), and the weights of f go into both gates.",
    ),
    because="Two thirds of the parameters, one gate: it writes exactly where it sees the past.",
    skeleton="""
        def minimal(W_f, U_f, b_f, W, U, b):
            H, D = W.shape
            cell = ...
            return cell
    """,
)
def minimal_gated_unit():
    def minimal(W_f, U_f, b_f, W, U, b):
        H, D = W.shape
        cell = GRUCell(D, H, reset="before", z="new").to(W)
        update = dict(W_z=W_f, U_z=U_f, b_z=b_f)
        reset = dict(W_r=W_f, U_r=U_f, b_r=b_f)  # the same gate once more
        cell.load_state_dict(update | reset | dict(W=W, U=U, b=b))
        return cell

    return minimal


@minimal_gated_unit.checked_by
def _(answer):
    minimal = expect_function(answer, "W_f", "U_f", "b_f", "W", "U", "b")
    p, x, h, right, mistakes = minimal_trial()
    cell = minimal(*p)
    expect(is_cell(cell), f"type: the function must return a GRUCell, got {kind(cell)}")
    with torch.no_grad():
        expect_close(cell(x, h), right, "the new state", within=1e-9, wrong=mistakes)


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "8. Break it. The reset may act after the product with U, tanh(r ⊙ (U h)), or before it, "
    "tanh(U (r ⊙ h)). Give weights for which the two disagree by more than 1.9 in a component, "
    "nearly as far as two numbers in (−1, 1) can: (U, r, h), tensors (2, 2), (2,) and (2,), with "
    "0 < r < 1 and −1 ≤ h ≤ 1.",
    hint=(
        "Component 0: r₀ (U₀₀ h₀ + U₀₁ h₁) against U₀₀ r₀ h₀ + U₀₁ r₁ h₁. Make the signs differ.",
        "Two large terms of opposite sign that nearly cancel; unequal resets tip the balance.",
    ),
    because="After the product r scales a sum; before it r weighs the terms and may flip its sign.",
)
def two_resets():
    U = torch.tensor([[1000.0, -800.0], [0.0, 1.0]])
    r = torch.tensor([0.1, 0.9])
    h = torch.tensor([1.0, 1.0])
    return U, r, h  # component 0: 0.1 · 200 = 20, but 100 − 720 = −620


@two_resets.checked_by
def _(answer):
    U, r, h = expect_parts(answer, "U", "r", "h")
    for name, value, shape in (("U", U, (2, 2)), ("r", r, (2,)), ("h", h, (2,))):
        expect(isinstance(value, Tensor), f"type: {name} must be a tensor, got {kind(value)}")
        expect(tuple(value.shape) == shape, f"shape: {name} must be {shape}")
        expect(torch.isfinite(value).all(), f"finite: {name} holds nan or infinity")
    U, r, h = U.double(), r.double(), h.double()
    expect(((r > 0) & (r < 1)).all(), "range: a gate lies between 0 and 1, without the ends")
    expect((h.abs() <= 1).all(), "range: a state that starts at 0 stays in [−1, 1]")
    expect((U - torch.diag(U.diagonal())).abs().max() > 0, "diagonal: then both places are equal")
    expect(r[0] != r[1], "resets: one r for both units makes both places equal")
    gap = (torch.tanh(r * (U @ h)) - torch.tanh(U @ (r * h))).abs().max()
    expect(gap > 1.9, f"gap: the candidates differ by {gap:.2g}, wanted is more than 1.9")


# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "9. Experiment. How large must the bias of the update gate be at the start? "
    "exercises.gru.recall(3.0, seed=0) trains a GRU that begins with the bias 3.0 to name the "
    "first of 30 random symbols, one of eight, and returns its accuracy on new sequences, a share "
    "of 1. Give {bias: [accuracies]} for the biases 0.0 and 3.0, and more if you like, with the "
    "seeds 0, 1 and 2 each.",
    hint=(
        "Predict first: what is σ(bias)^30 for the two?",
        "{b: [exercises.gru.recall(b, seed=s) for s in range(3)] for b in (0.0, 3.0)}",
    ),
    because="σ(0)^30 is 1e-9: no gradient finds the first symbol. σ(3)^30 = 0.23 does.",
)
def bias_for_memory():
    return {bias: [recall(bias, seed=seed) for seed in range(3)] for bias in (0.0, 3.0)}


@bias_for_memory.checked_by
def _(answer):
    answer = expect_runs(answer, 0.0, 3.0)
    low, high = (sum(answer[b]) / len(answer[b]) for b in (0.0, 3.0))
    expect(abs(low - 1 / 8) < 0.15, "chance: with bias 0 this task stays near 1/8; other task?")
    expect(high > low + 0.3, "training: with bias 3 it is learned; was update_bias handed on?")
