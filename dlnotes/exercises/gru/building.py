"""Exercises 5 to 8 of chapter 5: complete, derive, build."""

import torch
from torch import nn

from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    kind,
)
from dlnotes.exercises.gru.trials import (
    a_gradient,
    is_cell,
    minimal_trial,
    samples_to_hold,
    wrong_steps,
)
from dlnotes.gru import GRUCell


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
    "6. Derive and implement. One step of a GRUCell with the defaults, h_t = z ⊙ h + (1 − z) ⊙ n "
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


@exercise(
    "7. Build by hand. A unit that samples and holds: a GRUCell(2, 1) with the defaults reads a "
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
    "8. Implement. The minimal gated unit (Zhou et al. 2016, arXiv:1603.09420) has one gate for "
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
