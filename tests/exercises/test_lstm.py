"""dlnotes.exercises.lstm: solutions pass, and a wrong answer is told which property fails."""

import math

import pytest
import torch
from torch import nn

from dlnotes.exercises import lstm
from dlnotes.lstm import LSTM, LSTMCell, adding_problem
from exercises.answers import judged


def backward(
    *,
    through_h=True,
    before=True,
    factor=1.0,
    slopes=True,
    keep=True,
    squash=True,
    tanh=True,
    out=True,
    gate=True,
    curve=True,
):
    """The solution with one property broken."""

    def step(f, i, g, o, c_before, c, grad_h, grad_c):
        if through_h:
            way = (o if gate else 1) * (1 - c.tanh() ** 2 if curve else 1)
            grad_c = grad_c + grad_h * way
        d_f = grad_c * (c_before if before else c) * f * (1 - f)
        d_i = grad_c * g * (i * (1 - i) if slopes else 1)
        d_g = grad_c * i * (1 - g**2 if squash else 1)
        d_o = factor * grad_h * (c.tanh() if tanh else c) * (o * (1 - o) if out else 1)
        return d_f, d_i, d_g, d_o, grad_c * f if keep else grad_c

    return step


def cell(size=2, **values):
    made = LSTMCell(size, 1)
    for name, parameter in made.named_parameters():
        value = torch.as_tensor(values.get(name, 0.0))
        parameter.data = value.float().expand_as(parameter).clone()
    return made


difference = torch.tensor([[1.0, -1.0]])
good = dict(chrono=[0.01, 0.02, 0.03], open=[0.16, 0.171, 0.165], torch=[0.16, 0.17, 0.165])
WRONG = [
    ("parameters", (2560, 2480), "order"),
    ("parameters", (1860, 1920), "three maps"),
    ("parameters", (620, 640), "maps: this is one"),
    ("parameters", (2400, 2480), "bias: one per unit"),
    ("parameters", (2404, 2480), "not one number"),
    ("parameters", (880, 960), "recurrence"),
    ("parameters", (2080, 2160), "sizes"),
    ("parameters", (2481, 2560), "not yet"),
    ("parameters", (2480, 2480), "bias: torch keeps"),
    ("parameters", (2480, 2500), "not two in all"),
    ("parameters", (2480, 2640), "not three"),
    ("parameters", (2480, 2570), "not yet: torch's"),
    ("parameters", 2480, "type: 2 values"),
    ("parameters", (2480, "2560"), "type: torch's number"),
    ("forget_bias", 4.968, "type"),
    ("forget_bias", lambda n, f: n, "arguments"),
    ("forget_bias", lambda n: 2 ** (-1 / n), "inverse"),
    ("forget_bias", lambda n: math.log(2 ** (1 / n) - 1), "sign"),
    ("forget_bias", lambda n: math.log(n - 1), "half: f = 1"),
    ("forget_bias", lambda n: -math.log(math.expm1(1 / n)), "half: f = exp"),
    ("forget_bias", lambda n: math.log(n / math.log(2)), "approximation"),
    ("forget_bias", lambda n: 0, "one step"),
    ("forget_bias", lambda n: math.log(2 * n - 1), "linear"),
    ("forget_bias", lambda n: round(-math.log(2 ** (1 / n) - 1), 2), "do not round"),
    ("forget_bias", lambda n: round(-math.log(2 ** (1 / n) - 1), 4), "do not round"),
    ("forget_bias", lambda n: -math.log(2 ** (1 / 100) - 1), "not yet: b for n = 7"),
    ("adding_baseline", (7 / 6, 1 / 24), "mean"),
    ("adding_baseline", (1 / 12, 1 / 24), "two"),
    ("adding_baseline", (0.408, 1 / 24), "root"),
    ("adding_baseline", (1 / 3, 1 / 24), "together"),
    ("adding_baseline", (1 / 24, 1 / 24), "average"),
    ("adding_baseline", (0.2, 1 / 24), "rounded"),
    ("adding_baseline", (0.25, 1 / 24), "not yet"),
    ("adding_baseline", (1 / 6, 1 / 6), "square: a factor"),
    ("adding_baseline", (1 / 6, 1 / 12), "not by 8"),
    ("adding_baseline", (1 / 6, 2 / 3), "factor"),
    ("adding_baseline", (1 / 6, 7 / 24), "mean"),
    ("adding_baseline", (1 / 6, 1 / 48), "two"),
    ("adding_baseline", (1 / 6, 1 / 96), "interval"),
    ("adding_baseline", (1 / 6, 0.042), "rounded: that of 1997"),
    ("adding_baseline", 1 / 6, "type: 2 values"),
    ("step_backward", 3, "type"),
    ("step_backward", lambda *a: backward()(*a)[:4], "length: 5 values"),
    ("step_backward", lambda f, i, g, o: f, "arguments"),
    ("step_backward", backward(tanh=False), "o multiplies tanh"),
    ("step_backward", backward(out=False), "of the gate o"),
    ("step_backward", backward(gate=False), "output: what comes"),
    ("step_backward", backward(curve=False), "slope: of tanh in h"),
    ("step_backward", backward(through_h=False), "paths"),
    ("step_backward", backward(factor=-1.0), "sign: d_o"),
    ("step_backward", backward(factor=2.0), "scale: d_o"),
    ("step_backward", backward(before=False), "before: f multiplied c_before"),
    ("step_backward", backward(slopes=False), "slope: of the gate i"),
    ("step_backward", backward(squash=False), "slope: of the candidate"),
    ("step_backward", backward(keep=False), "forget: c_before"),
    ("step_backward", lambda *a: [d[0] for d in backward()(*a)], "shape: d_o"),
    ("step_backward", lambda *a: [2, *backward()(*a)[1:]], "type: d_f"),
    ("counter", nn.LSTM(2, 1), "type"),
    ("counter", LSTMCell(2, 3), "shape"),
    ("counter", cell(b_f=20, b_i=20), "step"),
    ("counter", cell(b_f=20, b_i=20, U_c=-difference), "step"),
    ("counter", cell(b_f=20, b_i=20, U_c=1.0), "sign"),
    ("counter", cell(b_i=20, U_c=difference, b_f=2), "sign|forgetting"),
    ("counter", cell(b_f=4, b_i=20, U_c=difference * 0.2), "sign|forgetting|count"),
    ("counter", cell(b_f=3, b_i=20, U_c=difference), "forgetting: after ten a it is 8"),
    ("counter", cell(b_f=5.5, b_i=20, U_c=difference), "count"),
    ("explosion", cell(1, b_f=10.0, b_i=10.0, b_o=10.0), "closed"),
    ("explosion", cell(1, b_f=10.0, b_i=10.0, b_o=10.0, W_c=0.2), "million"),
    ("explosion", cell(1, b_f=10.0, b_i=10.0, b_o=10.0, W_c=math.nan), "finite"),
    ("explosion", cell(1, b_f=10.0, W_c=1.0), "million"),
    ("explosion", cell(1, b_f=10.0), "closed"),
    ("explosion", LSTMCell(2, 1), "shape"),
    ("explosion", 2.0, "type"),
    ("forget_gates", good["open"], "type"),
    ("forget_gates", {k: good[k] for k in ("torch", "open")}, "keys"),
    ("forget_gates", good | {"torch": [0.16, 0.17]}, "seeds: 'torch' has 2"),
    ("forget_gates", good | {"torch": [16.0, 17.0, 16.5]}, "unit: give 'torch'"),
    ("forget_gates", good | {"open": [0.01] * 3}, "seeds: all runs of 'open'"),
    ("forget_gates", good | {"chrono": [0.15, 0.16, 0.17]}, "training"),
]

RIGHT = [
    ("parameters", [2480, 2560]),
    ("forget_bias", lambda n: -math.log(2 ** (1 / n) - 1)),
    ("adding_baseline", (torch.tensor(1 / 6), 0.041667)),
    ("step_backward", lambda *a: list(backward()(*a))),
    ("counter", cell(b_f=12, b_i=12, U_c=difference * 0.3, W_o=3.0, U_o=1.0)),
    ("explosion", cell(1, b_f=10.0, b_i=10.0, b_o=10.0, W_c=-5.0)),
    ("forget_gates", good),
]

test_exercises = judged("lstm", WRONG, RIGHT)


def test_the_numbers_of_the_solutions_come_from_elsewhere():
    theirs = sum(p.numel() for p in nn.LSTM(10, 20).parameters())
    ours = sum(p.numel() for p in LSTMCell(10, 20).parameters())
    assert lstm.parameters.right_answer() == (ours, theirs)
    assert lstm.forget_bias.right_answer()(100) == pytest.approx(4.968, abs=1e-3)
    _, target = adding_problem(400_000, 4)
    x = 2 * torch.rand(400_000, 2) - 1
    measured = target.var().item(), (0.5 + x.sum(1) / 4).var().item()
    assert lstm.adding_baseline.right_answer() == pytest.approx(measured, abs=1e-3)


def test_adding_error_trains_and_is_repeatable():
    def run(batches):
        torch.manual_seed(0)
        return lstm.adding_error(LSTM(2, 8, forget_bias=2), steps=4, batches=batches, seed=1)

    assert run(150) == run(150) < 0.05 < run(1)
