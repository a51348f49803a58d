"""dlnotes.exercises.rnn: solutions pass, and a wrong answer is told which property fails."""

import math

import pytest
import torch
from torch import nn

from dlnotes import rnn as chapter
from dlnotes.exercises import rnn
from exercises.answers import judged


def beside(x, left, right, *, turn=True, back=True, order=(0, 1), dim=1, other=None):
    onward = left(x)
    states = (other or right)(x.flip(0) if turn else x)
    both = [onward, states.flip(0) if back else states]
    return torch.cat([both[k] for k in order], dim=dim)


def leaky(
    V,
    h,
    s,
    errors,
    alpha,
    *,
    straight=None,
    share=None,
    slope="s",
    shift=1,
    turn=True,
    last=False,
    V_back=1.0,
):
    total, from_next = torch.zeros_like(V), torch.zeros_like(h[0])
    for t in range(len(errors), 0, -1):
        g = errors[t - 1] + from_next
        bend = {"s": 1 - s[t - 1] ** 2, "h": 1 - h[t] ** 2, "none": 1.0}[slope]
        delta = (alpha if share is None else share) * bend * g
        outer = torch.outer(delta, h[t - shift])
        total = outer if last else total + outer
        direct = (1 - alpha if straight is None else straight(alpha)) * g
        from_next = direct + V_back * ((V.T if turn else V) @ delta)
    return total


def joint(gradients):
    return torch.cat([g.flatten() for g in gradients]).norm()


def each(gradients, limit):
    return [g * min(1, limit / g.norm().item()) for g in gradients]


def to_the_limit(gradients, limit):
    norm = torch.cat([g.flatten() for g in gradients]).norm().item()
    return [g * limit / norm for g in gradients]


def blind(gradients, limit):
    norm = torch.cat([g.flatten() for g in gradients]).norm()
    return [g * (limit / norm).clamp(max=1) if norm else g * (norm / norm) for g in gradients]


U, V, W = rnn.delay.right_answer()
EYE, ONE = torch.eye(3), torch.tensor([[1.0, 0.0, 0.0]])
TORCH, TURNED, LATE = [0.5, 0.3, 0.6], [0.9, 0.95, 1.0], [1.0, 0.6, 1.0]


def report(**changes):
    told = {
        300: {"torch": TORCH, "orthogonal": TURNED},
        1000: {"torch": LATE, "orthogonal": [1.0, 1.0, 1.0]},
        "better": {300: "orthogonal", 1000: "unclear"},
    }
    return told | {int(key[1:]) if key[0] == "_" else key: value for key, value in changes.items()}


def chain(a, c):
    return torch.tensor([[a, c, 0.0], [0.0, a, c], [0.0, 0.0, a]])


WRONG = [
    ("parameters", 600, "bias: there are"),
    ("parameters", 620, "bias: torch keeps two"),
    ("parameters", 240, "recurrence"),
    ("parameters", 440, "input"),
    ("parameters", 1280, "time"),
    ("parameters", 2560, "gates"),
    ("parameters", 540, "sizes"),
    ("parameters", 7, "not yet"),
    ("parameters", 641, "not yet"),
    ("parameters", "640", "type"),
    ("vanishing_steps", 65, "rounding: so many"),
    ("vanishing_steps", 67, "rounding: one"),
    ("vanishing_steps", 65.56, "type"),
    ("vanishing_steps", 7, "one half"),
    ("vanishing_steps", 44, "a hundredth"),
    ("vanishing_steps", 22, "a tenth"),
    ("vanishing_steps", 29, "logarithm"),
    ("vanishing_steps", 10, "power"),
    ("vanishing_steps", 100, "not yet"),
    ("vanishing_steps", [66], "type: the number of steps: a number is wanted, got a list"),
    ("whole_name", (2**-18, 8), "end: "),
    ("whole_name", (1 / 8, 8), "product"),
    ("whole_name", (math.exp(-21), 8), "base"),
    ("whole_name", (21, 8), "bits: that is the sum"),
    ("whole_name", (8, 2**-21), "order"),
    ("whole_name", (7 / 8, 8), "sum: "),
    ("whole_name", (2**-21, 3), "mean of the bits"),
    ("whole_name", (2**-21, math.exp(3)), "base"),
    ("whole_name", (2**-21, 2**21), "mean: "),
    ("whole_name", (2**-21, 6), "power: 2"),
    ("whole_name", (2**-21, 9), "power: two"),
    ("whole_name", (2**-21, 27), "letters"),
    ("whole_name", (4.8e-7, 8), "rounded"),
    ("whole_name", (0.3, 8), "not yet"),
    ("whole_name", 8, "type: 2 values"),
    ("flip", 0.8586, "V: "),
    ("flip", 2.5757, "goal"),
    ("flip", 2.1464, "inside"),
    ("flip", 1.5, "rest"),
    ("flip", 0.3943, "slope"),
    ("flip", 1.9318, "twice"),
    ("flip", -1.2879, "sign"),
    ("flip", 1.29, "rounded"),
    ("flip", 5.0, "not yet"),
    ("both_ways", lambda x, a, b: beside(x, a, b, turn=False, back=False), "direction: right"),
    ("both_ways", lambda x, a, b: beside(x, a, b, back=False), "place"),
    ("both_ways", lambda x, a, b: beside(x, a, b, turn=False), "direction: only"),
    ("both_ways", lambda x, a, b: beside(x, a, b, order=(1, 0)), "order"),
    ("both_ways", lambda x, a, b: beside(x, a, b, other=a), "weights"),
    ("both_ways", lambda x, a, b: beside(x, a, b, dim=0), "axis"),
    ("both_ways", lambda x, a, b: a(x) + b(x.flip(0)).flip(0), "sum"),
    ("both_ways", lambda x, a, b: beside(x, a, b)[:-1], "shape"),
    ("both_ways", lambda x, a: a(x), "arguments"),
    ("both_ways", 3, "type"),
    ("clip", each, "joint"),
    ("clip", lambda gs, c: [g.clamp(-c, c) for g in gs], "direction"),
    ("clip", lambda gs, c: gs, "limit"),
    ("clip", lambda gs, c: [g * c / joint(gs) ** 2 for g in gs], "square"),
    ("clip", lambda gs, c: [g * c / sum(g.abs().sum() for g in gs) for g in gs], "sum"),
    ("clip", lambda gs, c: [g / joint(gs) for g in gs], "unit"),
    ("clip", lambda gs, c: [g * c / max(g.abs().max() for g in gs) for g in gs], "largest"),
    ("clip", lambda gs, c: [g / 5 for g in gs], "scale"),
    ("clip", lambda gs, c: each(gs[:1], c), "length"),
    ("clip", lambda gs, c: [g.tolist() for g in gs], "type: a list of tensors"),
    ("clip", to_the_limit, "small"),
    ("clip", blind, "zero"),
    ("clip", lambda gs, c: torch.cat([g.flatten() for g in gs]), "type"),
    ("clip", lambda gs, c: [g.flatten() for g in gs], "shape"),
    ("clip", 3, "type"),
    ("leaky_gradient", lambda *a: leaky(*a, straight=lambda _: 0.0), "straight: h"),
    ("leaky_gradient", lambda *a: leaky(*a, straight=lambda _: 1.0), "not 1"),
    ("leaky_gradient", lambda *a: leaky(*a, straight=lambda alpha: alpha), "not alpha"),
    ("leaky_gradient", lambda *a: leaky(*a, share=1.0), "share"),
    ("leaky_gradient", lambda *a: leaky(*a, slope="none"), "slope: the factor"),
    ("leaky_gradient", lambda *a: leaky(*a, slope="h"), "slope: tanh"),
    ("leaky_gradient", lambda *a: leaky(*a, shift=0), "state"),
    ("leaky_gradient", lambda *a: leaky(*a, turn=False), "through Vᵀ"),
    ("leaky_gradient", lambda *a: leaky(*a, V_back=0.0), "time"),
    ("leaky_gradient", lambda *a: leaky(*a).T, "row i"),
    ("leaky_gradient", lambda *a: leaky(*a, last=True), "sum"),
    ("leaky_gradient", lambda *a: -leaky(*a), "sign"),
    ("leaky_gradient", 3, "type"),
    ("delay", (U, V, ONE), "after 0 steps"),
    ("delay", (U, V, torch.tensor([[0.0, 1.0, 0.0]])), "after 1 steps"),
    ("delay", (U, 2 * V, W), "scale"),
    ("delay", (U, V, torch.tensor([[1.0, 0.0, 1.0]])), "early"),
    ("delay", (U, V + torch.diag(torch.tensor([0.0, 0.0, 0.5])), W), "late"),
    ("delay", (U, V + torch.tensor([[0.0, 0, 1], [0, 0, 0], [0, 0, 0]]), W), "late"),
    ("delay", (U[:, 0], V, W), "shape"),
    ("delay", (U, V), "length: 3 values"),
    ("delay", ([1], V, W), "type: U must be a tensor, got a list"),
    ("delay", (U, V.T, W), "blocked"),
    ("delay", (U, V * math.nan, W), "values"),
    ("orthogonal_start", {"better": {}}, "keys"),
    ("orthogonal_start", report(better={300: "orthogonal"}), "keys: 'better'"),
    ("orthogonal_start", report(_300={"torch": TORCH}), "keys"),
    ("orthogonal_start", report(_300={"torch": TORCH[:2], "orthogonal": TURNED}), "seeds"),
    ("orthogonal_start", report(_300={"torch": TORCH, "orthogonal": [90.0, 95, 100]}), "unit"),
    ("orthogonal_start", report(_300={"torch": [0.1, 0.5, 0.6], "orthogonal": TURNED}), "training"),
    ("orthogonal_start", report(_1000={"torch": TORCH, "orthogonal": TURNED}), "budget"),
    ("orthogonal_start", report(better={300: "torch", 1000: "unclear"}), "the opposite"),
    ("orthogonal_start", report(better={300: "unclear", 1000: "unclear"}), "beats all"),
    ("orthogonal_start", report(better={300: "orthogonal", 1000: "orthogonal"}), "overlap"),
    ("orthogonal_start", report(better={300: "both", 1000: "unclear"}), "type: better"),
    ("orthogonal_start", [0.9], "type"),
    ("transient", chain(0.9, 2.0), "growth"),
    ("transient", chain(1.01, 2.0), "radius"),
    ("transient", chain(0.9, 5.0), "entries"),
    ("transient", chain(0.999, 2.0), "decay"),
    ("transient", chain(0.9, math.nan), "values"),
    ("transient", torch.eye(2), "shape"),
    ("transient", torch.eye(3) + 1j, "type: .* real"),
    ("transient", [[0.9, 2.0], [0.0, 0.9]], "type"),
]

order = torch.tensor([2, 0, 1])  # the same chain, its units numbered otherwise
RIGHT = [
    ("vanishing_steps", 66.0),
    ("whole_name", [2**-21, 8]),
    ("flip", 1.2879),
    ("both_ways", beside),
    ("clip", lambda gs, c: blind(gs, c) if any(map(torch.any, gs)) else gs),
    ("leaky_gradient", leaky),
    ("delay", (U[order], V[order][:, order], W[:, order])),
    ("orthogonal_start", report()),
    ("transient", rnn.transient.right_answer().T),
]

test_exercises = judged("rnn", WRONG, RIGHT, slow=("orthogonal_start",))


def test_numbers_are_those_of_torch_and_of_the_latch():
    torchs = sum(p.numel() for p in nn.RNN(10, 20).parameters())
    assert rnn.parameters.right_answer() == torchs
    assert 0.9 ** rnn.vanishing_steps.right_answer() < 1e-3 <= 0.9**65
    limit, ends = rnn.flip.right_answer(), []
    for push in (limit - 1e-3, limit + 1e-3):
        h = math.tanh(limit - push)  # at rest, V times the state is the limit
        for _ in range(200):
            h = math.tanh(1.5 * h)
        ends.append(round(h, 4))
    assert ends == [0.8586, -0.8586]


def test_both_ways_is_torchs_bidirectional_layer():
    layer = nn.RNN(3, 4, batch_first=True, bidirectional=True)
    ways = []
    for end in ("", "_reverse"):
        one = nn.RNN(3, 4, batch_first=True)
        one.load_state_dict(
            {name: getattr(layer, name + end) for name, _ in one.named_parameters()}
        )
        ways.append(lambda x, one=one: one(x[None])[0][0])
    x = torch.randn(5, 3)
    torch.testing.assert_close(rnn.both_ways.right_answer()(x, *ways), layer(x[None])[0][0])


def test_the_delay_is_a_cell_of_the_chapter():
    cell = chapter.RNNCell(1, 3, output_size=1, nonlinearity="identity")
    chapter.copy_into(cell, U=U, V=V, W=W, b=torch.zeros(3), c=torch.zeros(1))
    x, h, outputs = torch.randn(1, 9, 1), None, []
    for x_t in x.unbind(1):
        h = cell(x_t, h)
        outputs.append(cell.output(h))
    torch.testing.assert_close(torch.stack(outputs, 1)[:, 2:], x[:, :-2])


@pytest.mark.parametrize("orthogonal", [True, False])
def test_remember_learns_what_is_near_and_repeats_itself(orthogonal):
    options = dict(orthogonal=orthogonal, updates=150)
    near = rnn.remember(2, seed=0, **options)
    assert near > 0.9 and near == rnn.remember(2, seed=0, **options)
    assert abs(rnn.remember(2, orthogonal=orthogonal, seed=0, updates=0) - 0.25) < 0.25
