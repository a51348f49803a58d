"""dlnotes.exercises.rnn: solutions pass, and a wrong answer is told which property fails."""

import math

import pytest
import torch
from torch import nn

from dlnotes import rnn as chapter
from dlnotes.exercises import rnn
from exercises.answers import judged


def forward(x, U, V, b, h, *, carry=True, first=False, squash=torch.tanh):
    found, start = [h] if first else [], h
    for x_t in x:
        h = squash(U @ x_t + V @ (h if carry else start) + b)
        found.append(h)
    return torch.stack(found)


def backward(V, states, errors, *, carry=1.0, slope=True, shift=1, turn=True, last=False):
    total, from_next = torch.zeros_like(V), torch.zeros_like(states[0])
    for t in range(len(errors), 0, -1):
        delta = (1 - states[t] ** 2 if slope else 1) * (errors[t - 1] + from_next)
        outer = torch.outer(delta, states[t - shift])
        total = outer if last else total + outer
        from_next = carry * ((V.T if turn else V) @ delta)
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
UNIFORM, ORTHOGONAL = [0.6, 0.5, 0.7], [0.9, 0.95, 1.0]

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
    ("knowing_nothing", (27, math.log(27)), "unit: these are nats"),
    ("knowing_nothing", (27, math.log10(27)), "unit: these are decimal"),
    ("knowing_nothing", (1 / 27, math.log2(27)), "probability"),
    ("knowing_nothing", (math.log2(27), 27), "order"),
    ("knowing_nothing", (math.log(27), math.log2(27)), "exp is missing"),
    ("knowing_nothing", (math.exp(math.log2(27)), math.log2(27)), "mixed"),
    ("knowing_nothing", (26, math.log2(27)), "perplexity: every"),
    ("knowing_nothing", (27, 4.75), "rounded: the bits"),
    ("knowing_nothing", (27, 4.8), "rounded: the bits"),
    ("knowing_nothing", (27, 5.0), "rounded: the bits"),
    ("knowing_nothing", (27, math.log(27) * math.log(2)), "do not multiply"),
    ("knowing_nothing", (27, 1), "one of all"),
    ("knowing_nothing", (27, 4.6), "not yet: the bits"),
    ("knowing_nothing", 27, "type: 2 values"),
    ("knowing_nothing", (27, 4.755, 3.296), "length: 2 values .* got 3"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, 0 * b, h), "bias"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, b, 0 * h), "start"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, b, h, carry=False), "recurrence"),
    ("states", lambda x, U, V, b, h: forward(x, U, V.T, b, h), "transposed: V"),
    ("states", lambda x, U, V, b, h: forward(x, U.T, V, b, h), "transposed: U"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, b, h, first=True), "shape: h₀"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, b, h)[-1], "only the last"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, b, h).T, "axis"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, b, h, squash=lambda a: a), "tanh"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, b, h)[:-1], "shape: the states: expected"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, b, h).tolist(), "type: .* got list"),
    ("states", lambda x, U, V, b, h: forward(x, U, V, b, h).float(), "dtype"),
    ("states", lambda x, U, V, b: x, "arguments"),
    ("states", lambda x, U, V, b, h: -forward(x, U, V, b, h), "sign"),
    ("states", 3, "type"),
    ("recurrent_gradient", lambda *a: backward(*a, carry=0.0), "time"),
    ("recurrent_gradient", lambda *a: backward(*a, slope=False), "slope"),
    ("recurrent_gradient", lambda *a: backward(*a, shift=0), "state"),
    ("recurrent_gradient", lambda *a: backward(*a, turn=False), "through Vᵀ"),
    ("recurrent_gradient", lambda *a: backward(*a).T, "row i"),
    ("recurrent_gradient", lambda *a: backward(*a, last=True), "sum"),
    ("recurrent_gradient", lambda *a: -backward(*a), "sign"),
    ("recurrent_gradient", lambda *a: backward(*a) / 5, "scale"),
    ("recurrent_gradient", lambda *a: backward(*a, carry=0.5), "values"),
    ("recurrent_gradient", 3, "type"),
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
    ("transient", torch.tensor([[0.9, 5.0], [0.0, 0.9]]), "growth"),
    ("transient", torch.tensor([[1.1, 50.0], [0.0, 0.9]]), "radius"),
    ("transient", torch.tensor([[0.9, 500.0], [0.0, 0.9]]), "entries"),
    ("transient", torch.tensor([[0.999, 99.0], [0.0, 0.999]]), "decay"),
    ("transient", torch.tensor([[0.9, math.nan], [0.0, 0.9]]), "values"),
    ("transient", torch.eye(3), "shape"),
    ("transient", torch.eye(2) + 1j, "type: .* real"),
    ("transient", [[0.9, 50.0], [0.0, 0.9]], "type"),
    ("orthogonal_start", {"uniform": UNIFORM}, "keys"),
    ("orthogonal_start", {"uniform": UNIFORM[:2], "orthogonal": ORTHOGONAL}, "seeds"),
    ("orthogonal_start", {"uniform": UNIFORM, "orthogonal": [90.0, 95.0, 100.0]}, "unit"),
    ("orthogonal_start", {"uniform": [0.1, 0.5, 0.6], "orthogonal": ORTHOGONAL}, "training"),
    ("orthogonal_start", {"uniform": [0.6] * 3, "orthogonal": ORTHOGONAL}, "seeds"),
    ("orthogonal_start", {"uniform": 0.6, "orthogonal": 0.9}, "type: 'uniform'"),
    ("orthogonal_start", [0.9], "type"),
]

order = torch.tensor([2, 0, 1])  # the same chain, its units numbered otherwise
RIGHT = [
    ("vanishing_steps", 66.0),
    ("knowing_nothing", [27, math.log2(27)]),
    ("states", forward),
    ("recurrent_gradient", backward),
    ("clip", lambda gs, c: blind(gs, c) if any(map(torch.any, gs)) else gs),
    ("delay", (U[order], V[order][:, order], W[:, order])),
    ("transient", rnn.transient.right_answer().T),
    ("orthogonal_start", {"uniform": UNIFORM, "orthogonal": [1.0, 1.0, 0.9]}),
    ("orthogonal_start", {"uniform": UNIFORM, "orthogonal": [1.0] * 3}),
]

test_exercises = judged("rnn", WRONG, RIGHT)


def test_numbers_and_functions_are_those_of_torch_and_of_the_chapter():
    torchs = sum(p.numel() for p in nn.RNN(10, 20).parameters())
    assert rnn.parameters.right_answer() == torchs
    assert 0.9 ** rnn.vanishing_steps.right_answer() < 1e-3 <= 0.9**65
    layer = nn.RNN(3, 4, batch_first=True)
    U, V = layer.weight_ih_l0, layer.weight_hh_l0
    x = torch.randn(5, 3)
    ours = rnn.states.right_answer()(x, U, V, layer.bias_ih_l0 + layer.bias_hh_l0, torch.zeros(4))
    torch.testing.assert_close(ours, layer(x[None])[0][0])

    cell, x, errors = (
        chapter.RNNCell(3, 4).double(),
        torch.randn(1, 5, 3).double(),
        torch.randn(5, 4),
    )
    theirs = chapter.backpropagation_through_time(
        cell, x, errors[None].double(), lambda outputs, targets: (outputs * targets).sum()
    )
    h = [torch.zeros(1, 4).double()]
    for x_t in x.unbind(1):
        h.append(cell(x_t, h[-1]))
    ours = rnn.recurrent_gradient.right_answer()(cell.V, torch.cat(h), errors.double())
    torch.testing.assert_close(ours, theirs["V"], rtol=0, atol=1e-10)


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
