"""dlnotes.exercises.gru: solutions pass, and a wrong answer is told which property fails."""

import math

import pytest
import torch
from torch import nn

from dlnotes.exercises import gru
from dlnotes.gru import GRUCell
from exercises.answers import judged

CORNERS = {(0, 0): {"x"}, (1, 0): {"x", "h"}, (0, 1): {"h"}, (1, 1): {"h"}}


def bias(z):
    return math.log(z / (1 - z))


def back(
    cell,
    x,
    h,
    delta,
    *,
    ways="szcr",
    transpose=True,
    factor=1.0,
    slope=True,
    through=True,
    b=True,
    flip=1,
):
    z, r, n = (gate[0] for gate in cell.gates(x[None], h[None]))
    turn = (lambda m: m.T) if transpose else (lambda m: m)
    into = torch.diag((1 - z) * (1 - n**2 if slope else 1))
    J = {
        "s": torch.diag(z),
        "z": torch.diag(flip * (h - n) * z * (1 - z)) @ cell.U_z,
        "c": into @ torch.diag(r if through else r / r) @ cell.U,
        "r": into @ torch.diag((cell.U @ h + b * cell.b_U) * r * (1 - r)) @ cell.U_r,
    }
    return factor * turn(sum(J[way] for way in ways)) @ delta


def step(
    x,
    h,
    w,
    u,
    b,
    c,
    *,
    order="rzn",
    z_is="old",
    inside=True,
    reset="after",
    factor=1.0,
    squash=None,
):
    parts = zip((x @ w.T).chunk(3, 1), (h @ u.T).chunk(3, 1), b.chunk(3), c.chunk(3), strict=True)
    p = dict(zip(order, parts, strict=True))
    r, z = (torch.sigmoid(sum(p[k])) for k in "rz")
    n_x, n_h, n_b, n_c = p["n"]
    squash = squash or torch.tanh
    if reset == "before":
        n = squash(n_x + n_b + n_c + (r * h) @ u.chunk(3)[2].T)
    else:
        r = r / r if reset == "none" else r
        n = squash(n_x + n_b + (r * (n_h + n_c) if inside else r * n_h + n_c))
    old, new = {"old": (z, 1 - z), "new": (1 - z, z), "none": (0, 1), "added": (z, 1)}[z_is]
    return factor * (old * h + new * n)


def holder(*, b_z=12.0, w_z=-24.0, w=1.0, U=0.0, kind=GRUCell, **options):
    cell = kind(2, 1, **options)
    for p in cell.parameters():
        nn.init.zeros_(p)
    with torch.no_grad():
        cell.W[0, 0], cell.b_z[0], cell.W_z[0, 1], cell.U[0, 0] = w, b_z, w_z, U
    return cell


def minimal(W_f, U_f, b_f, W, U, b, *, reset="before", z="new", **other):
    cell = GRUCell(W.shape[1], len(W), reset=reset, z=z).to(W)
    state = dict(W_z=W_f, U_z=U_f, b_z=b_f, W_r=W_f, U_r=U_f, b_r=b_f, W=W, U=U, b=b)
    extra = {"b_U": torch.zeros_like(b)} if reset == "after" else {}
    cell.load_state_dict(state | extra | other)
    return cell


def gate(name, parameters, b=0.0):
    """Weights of a gate that is constant."""
    W, U, bias, *_ = (torch.zeros_like(parameter) for parameter in parameters)
    return {f"W_{name}": W, f"U_{name}": U, f"b_{name}": bias + b}


PAST = torch.tensor([[1.6, 6.4], [1.2, 3.2]])
FOUND = {
    200: {0.0: [0.11, 0.12, 0.14], 3.0: [1.0, 1.0, 1.0]},
    1000: {0.0: [1.0, 1.0, 0.99], 3.0: [1.0, 1.0, 1.0]},
    "verdict": "slow",
}
U, R, H = torch.tensor([[1000.0, -800.0], [0.0, 1.0]]), torch.tensor([0.1, 0.9]), torch.ones(2)
WRONG = [
    ("parameters", (1860, 0.75), "biases"),
    ("parameters", (1800, 0.75), "biases"),
    ("parameters", (2560, 0.75), "maps"),
    ("parameters", (1280, 0.75), "maps"),
    ("parameters", (640, 0.75), "this is one"),
    ("parameters", (720, 0.75), "recurrence"),
    ("parameters", (1806, 0.75), "not single numbers"),
    ("parameters", (1921, 0.75), "not yet: the number"),
    ("parameters", 1920, "type: 2 values"),
    ("parameters", (1920, 4 / 3), "share: the other"),
    ("parameters", (1920, 75), "unit"),
    ("parameters", (1920, 3 / 7), "both together"),
    ("parameters", (1920, 2 / 3), "two gates"),
    ("parameters", (1920, 0.25), "difference"),
    ("parameters", (1920, 0.8), "rounded"),
    ("parameters", (1920, 0.5), "two maps"),
    ("corners", [1], "type"),
    ("corners", {(0, 0): {"x"}}, "keys"),
    ("corners", CORNERS | {(0, 0): {"x", "y"}}, "letters"),
    ("corners", CORNERS | {(0, 0): 1}, r"type: \(0, 0\): a set of letters is wanted, got a number"),
    ("corners", CORNERS | {(0, 0): {...}}, "^still blank"),
    ("corners", CORNERS | {(0, 0): ...}, "^still blank"),
    ("corners", {(0, 1): {"x"}, (1, 1): {"x", "h"}, (0, 0): {"h"}, (1, 0): {"h"}}, "convention"),
    ("corners", CORNERS | {(1, 1): {"x", "h"}}, "copy"),
    ("corners", CORNERS | {(0, 1): set()}, "reset"),
    ("corners", CORNERS | {(0, 0): {"x", "h"}}, "restart"),
    ("corners", CORNERS | {(1, 0): {"x"}}, "candidate"),
    ("same_past", 3.0, "type"),
    ("same_past", PAST[0], "shape"),
    ("same_past", torch.tensor([[1.6, 3.2], [2.4, 3.2]]), "rows"),
    ("same_past", torch.tensor([[1.6, 1.6], [4.8, 3.2]]), "columns"),
    ("same_past", torch.tensor([[1.6, 0.8], [9.6, 3.2]]), "swapped"),
    ("same_past", torch.tensor([[0.4, 0.4], [0.3, 0.2]]), "divide"),
    ("same_past", torch.tensor([[0.8, 1.6], [0.6, 0.8]]), "other: the resets of"),
    ("same_past", torch.tensor([[2.0, 8.0], [6.0, 16.0]]), "other: its own"),
    ("same_past", torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "unchanged"),
    ("same_past", PAST.T, "transpose"),
    ("same_past", 2 * PAST, "scale"),
    ("time_constant", 3.9, "type"),
    ("time_constant", lambda: 3.9, "arguments"),
    ("time_constant", lambda tau: math.exp(-1 / tau), "inverse"),
    ("time_constant", lambda tau: -bias(math.exp(-1 / tau)), "sign"),
    ("time_constant", lambda tau: bias(0.5 ** (1 / tau)), "1/e"),
    ("time_constant", math.log, "approximation: ln"),
    ("time_constant", lambda tau: bias(1 - 1 / tau), "approximation: z"),
    ("time_constant", lambda tau: -math.log(1 - math.exp(-1 / tau)), r"not −ln\(1"),
    ("time_constant", lambda tau: -1 / tau, "not ln z"),
    ("time_constant", lambda tau: round(bias(math.exp(-1 / tau)), 3), "do not round"),
    ("time_constant", lambda tau: math.log(tau) - 1 / (2 * tau), "not yet"),
    ("time_constant", lambda tau: bias(math.exp(-1 / tau)) + 1e-6, "not yet"),
    ("time_constant", lambda tau: torch.ones(2), "type: the bias for tau = 50"),
    ("torch_step", 3, "type"),
    ("torch_step", lambda *a: step(*a, z_is="new"), "convention"),
    ("torch_step", lambda *a: step(*a, inside=False), "bias"),
    ("torch_step", lambda *a: step(*a, reset="before"), "reset"),
    ("torch_step", lambda *a: step(*a, order="zrn"), "order"),
    ("torch_step", lambda *a: step(*a, reset="none"), "reset: r is missing"),
    ("torch_step", lambda *a: step(*a, squash=lambda a: a), "tanh: the candidate needs"),
    ("torch_step", lambda *a: step(*a, squash=torch.sigmoid), "may be negative"),
    ("torch_step", lambda *a: step(*a, z_is="none"), "candidate alone"),
    ("torch_step", lambda *a: step(*a, z_is="added"), "multiplies the candidate"),
    ("torch_step", lambda x, h: h, "arguments"),
    ("torch_step", lambda *a: step(*a, factor=2), "scale"),
    ("torch_step", lambda *a: step(*a)[0], "shape"),
    ("torch_step", lambda *a: step(*a, order="nzr"), "values"),
    ("state_gradient", 3, "type"),
    ("state_gradient", lambda *a: back(*a, ways="zcr"), "shortcut"),
    ("state_gradient", lambda *a: back(*a, ways="scr"), "through z"),
    ("state_gradient", lambda *a: back(*a, ways="szr"), "through U"),
    ("state_gradient", lambda *a: back(*a, ways="szc"), "through r"),
    ("state_gradient", lambda *a: back(*a, transpose=False), "transpose"),
    ("state_gradient", lambda *a: back(*a, ways="s"), "only the shortcut"),
    ("state_gradient", lambda *a: back(*a, slope=False), "slope"),
    ("state_gradient", lambda *a: back(*a, through=False), "reset: on the way"),
    ("state_gradient", lambda *a: back(*a, b=False), "bias"),
    ("state_gradient", lambda *a: back(*a, flip=-1), "sign: z is"),
    ("state_gradient", lambda *a: back(*a).detach().numpy(), "type: .* ndarray"),
    ("state_gradient", lambda cell, x: x, "arguments"),
    ("state_gradient", lambda *a: back(*a, factor=-1), "sign"),
    ("state_gradient", lambda *a: back(*a, factor=2), "scale"),
    ("state_gradient", lambda *a: back(*a)[None], "shape"),
    ("sample_and_hold", 3, "type"),
    ("sample_and_hold", nn.GRUCell(2, 1), "cell|has no attribute"),
    ("sample_and_hold", holder(z="new"), "cell"),
    ("sample_and_hold", holder(reset="before"), "cell"),
    ("sample_and_hold", holder(w_z=0.0), "write: the marker changes nothing"),
    ("sample_and_hold", holder(w=0.5), "write"),
    ("sample_and_hold", holder(U=0.5), "write"),
    ("sample_and_hold", holder(b_z=5.0, w_z=-12.0), "hold"),
    ("sample_and_hold", holder(b_z=-12.0, w_z=24.0), "write"),
    ("minimal_gated_unit", 3, "type"),
    ("minimal_gated_unit", lambda *p: nn.GRUCell(3, 4), "type"),
    ("minimal_gated_unit", lambda *p: minimal(*p, z="old"), "convention"),
    ("minimal_gated_unit", lambda *p: minimal(*p, reset="after"), "reset"),
    ("minimal_gated_unit", lambda W, b: W, "arguments"),
    ("minimal_gated_unit", lambda *p: minimal(*p[:5], 0 * p[5]), "bias"),
    ("minimal_gated_unit", lambda *p: minimal(*p, W_r=-p[0], U_r=-p[1], b_r=-p[2]), "not 1 − f"),
    ("minimal_gated_unit", lambda *p: minimal(*p, **gate("r", p)), "f is the reset, too"),
    ("minimal_gated_unit", lambda *p: minimal(*p, **gate("r", p, 99.0)), "always 1"),
    ("minimal_gated_unit", lambda *p: minimal(*p, **gate("z", p)), "update: 1/2"),
    ("minimal_gated_unit", lambda *p: minimal(*p, W_r=-p[0]), "values"),
    ("bias_for_memory", [0.1], "type"),
    ("bias_for_memory", {200: FOUND[200], "verdict": "slow"}, "keys"),
    ("bias_for_memory", FOUND | {200: {3.0: [1.0, 1.0, 1.0]}}, "keys"),
    ("bias_for_memory", FOUND | {200: {0.0: 0.12, 3.0: 1.0}}, "type: 0.0"),
    ("bias_for_memory", FOUND | {200: {0.0: [0.1, 0.12], 3.0: [1.0, 1.0, 1.0]}}, "seeds"),
    ("bias_for_memory", FOUND | {200: {0.0: [12.0, 13.0, 12.5], 3.0: [1.0] * 3}}, "unit"),
    ("bias_for_memory", FOUND | {200: {0.0: [0.12, 0.12, 0.12], 3.0: [1.0] * 3}}, "seeds"),
    ("bias_for_memory", FOUND | {200: {0.0: [0.1, 0.11, 0.12], 3.0: [0.1, 0.12, 0.2]}}, "training"),
    ("bias_for_memory", FOUND | {200: FOUND[1000]}, "budget: after 200"),
    ("bias_for_memory", FOUND | {1000: FOUND[200]}, "budget: after 1,000"),
    ("bias_for_memory", FOUND | {"verdict": "impossible"}, "verdict: look"),
    ("bias_for_memory", FOUND | {"verdict": True}, "verdict: 'impossible' or 'slow'"),
    ("two_resets", (U[0], R, H), "shape"),
    ("two_resets", ([[1.0]], R, H), "type: U must be a tensor, got a list"),
    ("two_resets", (U, R), "length: 3 values"),
    ("two_resets", (U * float("inf"), R, H), "finite"),
    ("two_resets", (U, torch.tensor([0.0, 1.0]), H), "range: a gate"),
    ("two_resets", (U, R, 2 * H), "range: a state"),
    ("two_resets", (torch.diag(U.diagonal()), R, H), "diagonal"),
    ("two_resets", (U, torch.tensor([0.5, 0.5]), H), "resets"),
    ("two_resets", (U / 1000, R, H), "gap"),
]

RIGHT = [
    ("parameters", [1920, 0.75]),
    ("corners", {key: sorted(value) for key, value in CORNERS.items()}),
    ("time_constant", lambda tau: -math.log(math.expm1(1 / tau))),
    ("state_gradient", back),
    ("torch_step", step),
    ("sample_and_hold", holder(b_z=20.0, w_z=-40.0).double()),
    # the class that the notebook writes out anew
    ("sample_and_hold", holder(kind=type("GRUCell", (GRUCell,), {}))),
    ("minimal_gated_unit", minimal),
    (
        "minimal_gated_unit",
        lambda W, U, b, *rest: minimal(-W, -U, -b, *rest, z="old", W_r=W, U_r=U, b_r=b),
    ),
    ("two_resets", (-U, R, H)),
    ("same_past", PAST.double()),
    ("bias_for_memory", FOUND),
]

test_exercises = judged("gru", WRONG, RIGHT)


def test_the_exact_numbers_of_the_first_exercise_come_from_torch():
    theirs, lstm = (sum(p.numel() for p in kind(10, 20).parameters()) for kind in (nn.GRU, nn.LSTM))
    assert gru.parameters.right_answer() == (theirs, theirs / lstm)


def test_recall_tells_first_symbols_from_chance_only_after_learning():
    assert gru.recall(None, steps=2) > 0.99  # two steps: nothing has to be remembered for long
    with pytest.raises(ValueError, match="steps must be at least 2"):
        gru.recall(None, steps=1)


def test_recall_asks_for_the_first_symbol(monkeypatch):
    asked, real = [], gru.experiment.F.cross_entropy
    layers, run = [], gru.experiment.GRU.forward
    monkeypatch.setattr(
        gru.experiment.F, "cross_entropy", lambda a, b: asked.append(b) or real(a, b)
    )
    monkeypatch.setattr(
        gru.experiment.GRU, "forward", lambda self, x: layers.append(x) or run(self, x)
    )
    gru.recall(None, steps=5, updates=1)
    assert layers[0].shape == (64, 5, 8) and torch.equal(layers[0][:, 0].argmax(1), asked[0])


def test_recall_leaves_the_random_state_of_the_caller_alone():
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    gru.recall(3.0, steps=3, updates=2)
    assert torch.equal(torch.rand(3), wanted)
