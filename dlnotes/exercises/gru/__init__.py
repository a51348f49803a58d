"""Exercises of chapter 5: predict, derive, implement, break it, experiment."""

import math

import torch
from torch import Tensor, nn

from dlnotes.exercises import exercise, expect, expect_close
from dlnotes.exercises.gru.experiment import recall
from dlnotes.gru import GRUCell, jacobian_terms

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "How many parameters has torch.nn.GRU(10, 20), and what is the ratio to torch.nn.LSTM(10, 20)? "
    "Give (parameters, ratio).",
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
    count, ratio = answer
    expect(
        count != 3 * 20 * (10 + 20 + 1), "biases: torch has two for each map, of which one is U's"
    )
    expect(count != 3 * 20 * (10 + 20), "biases: there are none in your count")
    expect(count != 4 * 20 * (10 + 20 + 2), "maps: that is the LSTM; a GRU has three")
    expect(
        count != 2 * 20 * (10 + 20 + 2), "maps: the candidate has weights, too, not only the gates"
    )
    expect(count == 1920, "parameters: maps · H · (D + H + biases)")
    expect(abs(ratio - 4 / 3) > 1e-9, "ratio: the other way round, GRU to LSTM")
    expect(abs(ratio - 0.75) < 1e-9, "ratio: three maps to four")


@exercise(
    "A gate is 0 or 1. For each corner (r, z), z the share of the old state, say what h_t depends "
    "on: a dict {(r, z): set} with the keys (0, 0), (0, 1), (1, 0), (1, 1) and sets of the letters "
    "'x' (the input) and 'h' (the state before).",
    hint=(
        "Write h_t = z h + (1 − z) tanh(W x + r U h) down four times.",
        "With z = 1 the candidate does not matter at all, whatever r is.",
    ),
    because="z = 1 copies h; z = 0 takes the candidate, which sees h only through r.",
)
def corners():
    depends = {}
    for r in (0, 1):
        depends[r, 0] = {"x", "h"} if r else {"x"}  # the candidate alone
        depends[r, 1] = {"h"}  # a copy
    return depends


@corners.checked_by
def _(answer):
    expect(isinstance(answer, dict), "type: give a dict {(r, z): set}")
    expect(set(answer) == {(0, 0), (0, 1), (1, 0), (1, 1)}, "keys: (r, z) with r and z 0 or 1")
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
    "With a constant z a unit is a leaky integrator: what is stored fades to 1/e in τ steps. Write "
    "update_bias(tau): the bias b for which z = σ(b) has the time constant tau. For tau = 50, z is "
    "0.9802.",
    hint=(
        "z^τ = 1/e: solve for z.",
        "z = exp(−1/τ); then b = ln(z / (1 − z)), the inverse of σ.",
    ),
    because="For large τ, b is about ln τ: the bias has to grow only with the logarithm.",
)
def time_constant():
    def update_bias(tau):
        z = math.exp(-1 / tau)
        return math.log(z / (1 - z))

    return update_bias


@time_constant.checked_by
def _(answer):
    expect(callable(answer), "type: give a function of tau")
    for tau in (50.0, 5.0, 0.5):
        b, z = float(answer(tau)), math.exp(-1 / tau)
        right = math.log(z / (1 - z))
        expect(abs(b - z) > 1e-9, "inverse: that is z; the bias is what σ turns into z")
        expect(abs(b + right) > 1e-9, "sign: a large bias must keep; yours forgets")
        half = 0.5 ** (1 / tau)
        message = "1/e: yours is the bias for a half-life of tau, not for 1/e"
        expect(abs(b - math.log(half / (1 - half))) > 1e-9, message)
        message = "approximation: ln τ is the limit for large τ; solve z^τ = 1/e exactly"
        expect(tau != 50 or abs(b - math.log(tau)) > 1e-6, message)
        expect(abs(b - right) < 1e-9, f"value: at tau = {tau:g}, σ(b)^tau must be 1/e")


@exercise(
    "Write state_gradient(cell, x, h, delta): the gradient of a loss with respect to the state "
    "before, (H,), of one step of a GRUCell with the defaults; x is (D,), h is (H,), and delta, "
    "∂L/∂h_t, is (H,). cell.gates(x[None], h[None]) gives z, r and the candidate. No autograd.",
    hint=(
        "Four ways lead from h_{t−1} to h_t: the shortcut, z, r, and U itself.",
        "Through the candidate: d = delta (1 − z)(1 − n²); to U h it goes as d · r, to r as "
        "d · (U h + b_U).",
        "Each then passes a matrix, transposed, and the gates their slopes z(1 − z) and r(1 − r).",
    ),
    because="It is the transposed Jacobian times delta, without ever writing the Jacobian down.",
)
def state_gradient():
    def gradient(cell, x, h, delta):
        z, r, n = (gate[0] for gate in cell.gates(x[None], h[None]))
        d_n = delta * (1 - z) * (1 - n**2)
        d_r = d_n * (cell.U @ h + cell.b_U) * r * (1 - r)
        d_z = delta * (h - n) * z * (1 - z)
        return delta * z + cell.U.T @ (d_n * r) + cell.U_r.T @ d_r + cell.U_z.T @ d_z

    return gradient


@state_gradient.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        cell = GRUCell(3, 4).double()
        x, h, delta = torch.randn(3).double(), torch.randn(4).double(), torch.randn(4).double()
    terms = jacobian_terms(cell, x, h)
    right = sum(terms.values()).T @ delta
    with torch.no_grad():
        given = answer(cell, x, h, delta)
    if isinstance(given, Tensor) and given.shape == right.shape:
        names = {
            "shortcut": "the shortcut, delta · z, is missing",
            "update": "the way through z is missing: h − n times z's slope",
            "candidate": "the way through U is missing",
            "reset": "the way through r is missing: it multiplies U h + b_U",
        }
        for name, message in names.items():
            without = right - terms[name].T @ delta
            expect((given - without).abs().max() > 1e-9, f"ways: {message}")
        message = "transpose: a gradient goes back through the transposed matrices"
        expect((given - sum(terms.values()) @ delta).abs().max() > 1e-9, message)
    expect_close(given, right, "the gradient", within=1e-9)


# ---- implement ---------------------------------------------------------------------------------


@exercise(
    "Write step(x, h, weight_ih, weight_hh, bias_ih, bias_hh): one step of torch.nn.GRU from its "
    "own tensors, (3H, D), (3H, H), (3H,), (3H,), for x (N, D) and h (N, H), with sigmoids and "
    "tanh only. torch stacks r, z, n, and its second bias of n stands inside the reset.",
    hint=(
        "Two products, (x @ weight_ih.T + bias_ih) and the same for h, each cut by .chunk(3, 1).",
        "r and z add their two parts; n = tanh(from_x + r * from_h).",
    ),
    because="The bias inside the reset is why the two biases of n do not add up to one.",
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
    expect(callable(answer), "type: give the function")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = nn.GRUCell(3, 4).double()
        x, h = torch.randn(2, 3).double(), torch.randn(2, 4).double()
    weights = theirs.weight_ih, theirs.weight_hh, theirs.bias_ih, theirs.bias_hh
    with torch.no_grad():
        given, right = answer(x, h, *weights), theirs(x, h)
        if isinstance(given, Tensor) and given.shape == right.shape:
            for message, wrong in _wrong_steps(x, h, *weights).items():
                expect((given - wrong).abs().max() > 1e-9, message)
    expect_close(given, right, "the new state", within=1e-9)


def _wrong_steps(x, h, weight_ih, weight_hh, bias_ih, bias_hh) -> dict[str, Tensor]:
    """Return what the usual mistakes give, by what there is to say about them."""
    (r_x, z_x, n_x), (r_h, z_h, n_h) = (
        (x @ weight_ih.T + bias_ih).chunk(3, 1),
        (h @ weight_hh.T + bias_hh).chunk(3, 1),
    )
    r, z, b = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h), bias_hh.chunk(3)[2]
    n = torch.tanh(n_x + r * n_h)
    outside = torch.tanh(n_x + b + r * (n_h - b))
    before = torch.tanh(n_x + b + (r * h) @ weight_hh.chunk(3)[2].T)
    swapped = torch.tanh(n_x + z * n_h)  # with r and z in each other's place
    return {
        "convention: z is the share of the old state": (1 - z) * h + z * n,
        "bias: the second bias of n stands inside the reset": z * h + (1 - z) * outside,
        "reset: torch's acts after the product with U, not before": z * h + (1 - z) * before,
        "order: torch stacks r, z, n; yours has z first": r * h + (1 - r) * swapped,
    }


@exercise(
    "A sample-and-hold unit, by hand. Return a GRUCell(2, 1) with the defaults that reads (value, "
    "marker) and holds: after a step with marker 1 its state is within 0.02 of tanh(value), "
    "whatever it was before; after steps with marker 0 it still is, for 50 of them.",
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
    expect(_is_cell(answer), "type: give a GRUCell")
    given = answer.input_size, answer.hidden_size, answer.reset, answer.z
    expect(given == (2, 1, "after", "old"), "cell: GRUCell(2, 1) with the defaults")
    generator = torch.Generator().manual_seed(0)
    value = 4 * torch.rand(64, generator=generator) - 2
    start = 2 * torch.rand(64, 1, generator=generator) - 1
    noise = 4 * torch.rand(50, 64, generator=generator) - 2
    dtype = answer.U.dtype
    with torch.no_grad():
        written = answer(torch.stack([value, torch.ones(64)], 1).to(dtype), start.to(dtype))
        wanted, state = torch.tanh(value)[:, None].to(dtype), written
        expect((written - start.to(dtype)).abs().max() > 1e-3, "write: the marker changes nothing")
        wrong = (written - wanted).abs().max()
        message = f"write: after the marker the state is {wrong:.2g} away from tanh(value)"
        expect(wrong < 0.02, message)
        for x_t in noise:
            state = answer(torch.stack([x_t, torch.zeros(64)], 1).to(dtype), state)
        wrong = (state - wanted).abs().max()
        message = f"hold: 50 steps later the state is {wrong:.2g} away; is z near enough to 1?"
        expect(wrong < 0.02, message)


def _is_cell(module: object) -> bool:
    """Whether this is a ``GRUCell``: the package's, or the one that the notebook writes out."""
    return isinstance(module, nn.Module) and type(module).__name__ == "GRUCell"


@exercise(
    "The minimal gated unit (Zhou et al. 2016, arXiv:1603.09420) has one gate for both jobs: "
    "f = σ(W_f x + U_f h + b_f), h' = tanh(W x + U (f ⊙ h) + b), h_t = (1 − f) ⊙ h + f ⊙ h'. Write "
    "minimal(W_f, U_f, b_f, W, U, b) that returns a GRUCell which computes it.",
    hint=(
        "Is f the share of the old or of the new state? Where does the reset act?",
        "GRUCell(D, H, reset='before', z='new'), and the weights of f go into both gates.",
    ),
    because="Two thirds of the parameters, one gate: it writes exactly where it sees the past.",
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
    expect(callable(answer), "type: give the function")
    generator = torch.Generator().manual_seed(0)
    shapes = (4, 3), (4, 4), (4,), (4, 3), (4, 4), (4,)
    p = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    x, h = (torch.randn(2, n, generator=generator, dtype=torch.float64) for n in (3, 4))
    W_f, U_f, b_f, W, U, b = p
    f = torch.sigmoid(x @ W_f.T + h @ U_f.T + b_f)
    candidate = torch.tanh(x @ W.T + (f * h) @ U.T + b)
    after = torch.tanh(x @ W.T + f * (h @ U.T) + b)
    cell = answer(*p)
    expect(_is_cell(cell), "type: the function must return a GRUCell")
    with torch.no_grad():
        given = cell(x, h)
    if given.shape == h.shape:
        for message, wrong in {
            "convention: f is the share of the new; use z='new' or flip signs": f * h
            + (1 - f) * candidate,
            "reset: it acts before the product, U (f ⊙ h)": (1 - f) * h + f * after,
        }.items():
            expect((given - wrong).abs().max() > 1e-9, message)
    expect_close(given, (1 - f) * h + f * candidate, "the new state", within=1e-9)


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "Break the conversion. Give (U, r, h), tensors (2, 2), (2,), (2,) with 0 < r < 1 and |h| ≤ 1, "
    "for which the candidates tanh(r ⊙ (U h)) and tanh(U (r ⊙ h)) differ by more than 1.9 in a "
    "component: nearly as far apart as two numbers in (−1, 1) can be.",
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
    U, r, h = answer
    for name, value, shape in (("U", U, (2, 2)), ("r", r, (2,)), ("h", h, (2,))):
        expect(isinstance(value, Tensor), f"type: {name} must be a tensor")
        expect(tuple(value.shape) == shape, f"shape: {name} must be {shape}")
        expect(torch.isfinite(value).all(), f"values: {name} must be finite")
    U, r, h = U.double(), r.double(), h.double()
    expect(((r > 0) & (r < 1)).all(), "range: a gate lies between 0 and 1, without the ends")
    expect((h.abs() <= 1).all(), "range: a state that starts at 0 stays in [−1, 1]")
    expect((U - torch.diag(U.diagonal())).abs().max() > 0, "diagonal: then both places are equal")
    expect(r[0] != r[1], "resets: one r for both units makes both places equal")
    gap = (torch.tanh(r * (U @ h)) - torch.tanh(U @ (r * h))).abs().max()
    expect(gap > 1.9, f"gap: the candidates differ by {gap:.2g}, wanted is more than 1.9")


# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "How large must the update bias be? exercises.gru.recall(bias, seed=...) trains a GRU to name "
    "the first of 30 random symbols (chance 1/8). Return {bias: [accuracies]} for at least the "
    "biases 0.0 and 3.0, seeds 0, 1 and 2.",
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
    expect(isinstance(answer, dict), "type: give a dict {bias: [accuracies]}")
    expect({0.0, 3.0} <= set(answer), "keys: the biases 0.0 and 3.0 are asked for")
    for bias, values in answer.items():
        expect(len(values) >= 3, f"seeds: bias {bias} needs at least three runs")
        expect(all(0 <= value <= 1 for value in values), "unit: accuracies are shares of 1")
        expect(len(set(values)) > 1 or min(values) == 1, f"seeds: all runs of {bias} are equal")
    low, high = (sum(answer[b]) / len(answer[b]) for b in (0.0, 3.0))
    expect(abs(low - 1 / 8) < 0.15, "chance: with bias 0 this task stays near 1/8; other task?")
    expect(high > low + 0.3, "training: with bias 3 it is learned; was update_bias handed on?")
