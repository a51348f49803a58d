"""dlnotes.exercises.lstm: solutions pass, and a wrong answer is told which property fails."""

import math

import pytest
import torch
from torch import nn

from dlnotes.exercises import lstm
from dlnotes.lstm import LSTM, LSTMCell, adding_problem
from exercises.answers import judged


def backward(*, minus=-1.0, slope=True, let_in=True, squash=True, keep=True):
    """The solution of tied_backward with one property broken."""

    def step(grad_c, f, g, c_before):
        d_f = grad_c * (c_before + minus * g) * (f * (1 - f) if slope else 1)
        d_g = grad_c * (1 - f if let_in else f) * (1 - g**2 if squash else 1)
        return d_f, d_g, grad_c * (f if keep else 1 - f)

    return step


def tied(*, keep=True, tie=True, bound=True, shown=True, gate=True, late=True):
    """The solution of tied_step with one property broken."""

    def step(x, h, c, W, U, b):
        a = {k: W[k] @ h + U[k] @ x + b[k] for k in "fco"}
        f, g = a["f"].sigmoid(), a["c"].tanh() if bound else a["c"]
        old, f = c, f if keep else 1 - f
        c = f * c + ((1 - f) if tie else f) * g
        o = a["o"].sigmoid() if gate else 1
        inside = c if late else old
        return o * (inside.tanh() if shown else inside), c

    return step


ROW = {"write": (0, 1, 0), "ignore": (1, 0, 0), "add": (1, 1, 1), "pass": (0, 1, 1)}


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
    ("switches", (0, 1, 0), "type"),
    ("switches", {"write": (0, 1, 0)}, "keys"),
    ("switches", ROW | {"add": (1, 1)}, "length: 3 values"),
    ("switches", ROW | {"add": (1, 0.5, 1)}, "values: the switches of add"),
    ("switches", {k: (1 - f, i, o) for k, (f, i, o) in ROW.items()}, "not the share that is forg"),
    ("switches", ROW | {"write": (1, 1, 0)}, "keep: is the old number needed at 'write'"),
    ("switches", ROW | {"ignore": (1, 1, 0)}, "write: is the new number needed at 'ignore'"),
    ("switches", ROW | {"add": (0, 1, 1)}, "keep: is the old number needed at 'add'"),
    ("switches", ROW | {"pass": (0, 1, 0)}, "show: is anything to be shown at 'pass'"),
    ("tied_step", 3, "type"),
    ("tied_step", lambda x, h: h, "arguments"),
    ("tied_step", tied(keep=False), "turned"),
    ("tied_step", tied(tie=False), "not by f"),
    ("tied_step", tied(bound=False), "tanh: the candidate"),
    ("tied_step", tied(shown=False), "tanh: what is shown"),
    ("tied_step", tied(gate=False), "gate: what is shown"),
    ("tied_step", tied(late=False), "old: what is shown"),
    ("tied_step", lambda *a: tied()(*a)[::-1], "not yet|c"),
    ("tied_backward", 3, "type"),
    ("tied_backward", lambda *a: backward()(*a)[:2], "length: 3 values"),
    ("tied_backward", backward(minus=0.0), "twice"),
    ("tied_backward", backward(minus=1.0), "sign: 1"),
    ("tied_backward", backward(slope=False), "slope: of the gate"),
    ("tied_backward", backward(let_in=False), "let in by 1"),
    ("tied_backward", backward(squash=False), "slope: of the tanh"),
    ("tied_backward", backward(keep=False), "multiplied by f"),
    ("forget_bias", 4.968, "type"),
    ("forget_bias", lambda n: n, "arguments"),
    ("forget_bias", lambda n, s: s ** (1 / n), "inverse"),
    ("forget_bias", lambda n, s: math.log(s ** (-1 / n) - 1), "sign"),
    ("forget_bias", lambda n, s: -math.log(2 ** (1 / n) - 1), "share: that leaves one half"),
    ("forget_bias", lambda n, s: -math.log((1 - s) ** (-1 / n) - 1), "not what is lost"),
    ("forget_bias", lambda n, s: -math.log(math.expm1(1 / n)), "half: f = exp"),
    ("forget_bias", lambda n, s: math.log(s / (1 - s)), "one step"),
    ("forget_bias", lambda n, s: math.log(n / (1 - s) - 1), "linear"),
    ("forget_bias", lambda n, s: round(-math.log(s ** (-1 / n) - 1), 4), "do not round"),
    ("forget_bias", lambda n, s: -math.log(0.9 ** (-1 / 100) - 1), "not yet: b for n = 7"),
    ("adding_baseline", (5 / 2, 1 / 24), "mean"),
    ("adding_baseline", (1 / 12, 1 / 24), "three: the variances"),
    ("adding_baseline", (1 / 6, 1 / 24), "two: that is"),
    ("adding_baseline", (0.5, 1 / 24), "root"),
    ("adding_baseline", (3 / 4, 1 / 24), "together"),
    ("adding_baseline", (1 / 36, 1 / 24), "average"),
    ("adding_baseline", (0.35, 1 / 24), "not yet"),
    ("adding_baseline", (1 / 4, 1 / 6), "square: a factor"),
    ("adding_baseline", (1 / 4, 1 / 12), "not by 8"),
    ("adding_baseline", (1 / 4, 2 / 3), "factor"),
    ("adding_baseline", (1 / 4, 7 / 24), "mean"),
    ("adding_baseline", (1 / 4, 1 / 48), "two"),
    ("adding_baseline", (1 / 4, 1 / 96), "interval"),
    ("adding_baseline", (1 / 4, 0.042), "rounded: that of 1997"),
    ("adding_baseline", 1 / 4, "type: 2 values"),
    ("counter", nn.LSTM(2, 1), "type"),
    ("counter", LSTMCell(2, 3), "shape"),
    ("counter", cell(b_f=20, b_i=20), "step"),
    ("counter", cell(b_f=20, b_i=20, U_c=-difference), "step"),
    ("counter", cell(b_f=20, b_i=20, U_c=1.0), "sign"),
    ("counter", cell(b_i=20, U_c=difference, b_f=2), "sign|forgetting"),
    ("counter", cell(b_f=4, b_i=20, U_c=difference * 0.2), "sign|forgetting|count"),
    ("counter", cell(b_f=3, b_i=20, U_c=difference), "forgetting: after ten a it is 8"),
    ("counter", cell(b_f=5.5, b_i=20, U_c=difference), "count"),
    ("forget_gates", good["open"], "type"),
    ("forget_gates", {k: good[k] for k in ("torch", "open")}, "keys"),
    ("forget_gates", good | {"torch": [0.16, 0.17]}, "seeds: 'torch' has 2"),
    ("forget_gates", good | {"torch": [16.0, 17.0, 16.5]}, "unit: give 'torch'"),
    ("forget_gates", good | {"open": [0.01] * 3}, "seeds: all runs of 'open'"),
    ("forget_gates", good | {"chrono": [0.15, 0.16, 0.17]}, "training"),
    ("explosion", cell(1, b_f=-10.0, b_i=10.0, b_o=10.0), "closed"),
    ("explosion", cell(1, b_f=-10.0, b_i=10.0, b_o=10.0, W_c=1.1), "million"),
    ("explosion", cell(1, b_f=10.0, b_i=10.0, b_o=10.0, W_c=math.nan), "finite"),
    ("explosion", cell(1, W_c=4.0), "gate: the forget gate reaches 0.5"),
    ("explosion", cell(1, b_f=10.0, b_i=10.0, b_o=10.0, W_c=1.0), "gate: the forget gate reaches"),
    ("explosion", cell(1, b_f=-10.0, W_c=1.0), "closed"),
    ("explosion", LSTMCell(2, 1), "shape"),
    ("explosion", 2.0, "type"),
]

RIGHT = [
    ("parameters", [2480, 2560]),
    ("switches", {name: list(values) for name, values in ROW.items()}),
    ("tied_step", lambda *a: list(tied()(*a))),
    ("tied_backward", lambda *a: list(backward()(*a))),
    ("forget_bias", lambda n, s: -math.log(s ** (-1 / n) - 1)),
    ("adding_baseline", (torch.tensor(1 / 4), 0.041667)),
    ("counter", cell(b_f=12, b_i=12, U_c=difference * 0.3, W_o=3.0, U_o=1.0)),
    ("forget_gates", good),
    ("explosion", cell(1, b_f=-10.0, b_i=10.0, b_o=10.0, W_c=-5.0)),
]

test_exercises = judged("lstm", WRONG, RIGHT)


def test_the_numbers_of_the_solutions_come_from_elsewhere():
    theirs = sum(p.numel() for p in nn.LSTM(10, 20).parameters())
    ours = sum(p.numel() for p in LSTMCell(10, 20).parameters())
    assert lstm.parameters.right_answer() == (ours, theirs)
    assert lstm.forget_bias.right_answer()(100, 0.5) == pytest.approx(4.968, abs=1e-3)
    _, target = adding_problem(400_000, 4)
    assert target.var().item() == pytest.approx(1 / 6, abs=2e-3)
    x = 2 * torch.rand(400_000, 2) - 1
    measured = torch.rand(400_000, 3).sum(1).var().item(), (0.5 + x.sum(1) / 4).var().item()
    assert lstm.adding_baseline.right_answer() == pytest.approx(measured, abs=4e-3)


def test_adding_error_trains_and_is_repeatable():
    def run(batches):
        torch.manual_seed(0)
        return lstm.adding_error(LSTM(2, 8, forget_bias=2), steps=4, batches=batches, seed=1)

    assert run(150) == run(150) < 0.05 < run(1)
