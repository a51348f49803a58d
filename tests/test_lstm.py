"""dlnotes.lstm: the cell is the notes, the layer is torch.nn.LSTM, and the two agree."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dlnotes import lstm, rnn
from dlnotes.lstm import LSTM, LSTMCell

exact = dict(rtol=0, atol=1e-10)
few = settings(max_examples=25, deadline=None)
sizes = st.integers(1, 4)


def random(*shape):
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def gradients(results, wanted):
    value = sum((torch.cos(7 * r.detach()) * r).sum() for r in results)
    return torch.autograd.grad(value, wanted, retain_graph=True)


# ---- the cell


def test_cell_is_its_formulas():
    cell = LSTMCell(3, 4).double()
    p = {name: value.detach() for name, value in cell.named_parameters()}
    x, h, c = random(3).detach(), random(4).detach(), random(4).detach()

    def gate(f, letter):
        return f(p[f"W_{letter}"] @ h + p[f"U_{letter}"] @ x + p[f"b_{letter}"])

    after = gate(torch.sigmoid, "f") * c + gate(torch.sigmoid, "i") * gate(torch.tanh, "c")
    hidden = gate(torch.sigmoid, "o") * torch.tanh(after)
    ours = cell(x[None], (h[None], c[None]))
    torch.testing.assert_close(ours, (hidden[None], after[None]), **exact)
    zeros = torch.zeros(1, 4, dtype=torch.float64)
    torch.testing.assert_close(cell(x[None]), cell(x[None], (zeros, zeros)))


def test_cell_has_the_parameters_of_the_notes():
    shapes = {name: tuple(value.shape) for name, value in LSTMCell(3, 5).named_parameters()}
    by_letter = {"W": (5, 5), "U": (5, 3), "b": (5,)}
    assert shapes == {f"{k}_{g}": shape for k, shape in by_letter.items() for g in "fico"}
    assert sum(p.numel() for p in LSTMCell(3, 5).parameters()) == 4 * 5 * (3 + 5 + 1)


def test_parameters_start_within_one_over_the_root_of_the_state():
    for parameter in LSTMCell(100, 25).parameters():
        assert 0.15 < parameter.abs().max() <= 0.2


def test_open_forget_gate_and_closed_input_gate_keep_the_cell_state():
    cell, c = LSTMCell(5, 7).double(), random(3, 7)
    nn.init.constant_(cell.b_f, 50.0)
    nn.init.constant_(cell.b_i, -50.0)
    _, after = cell(random(3, 5), (random(3, 7), c))
    torch.testing.assert_close(after, c, **exact)


def test_without_recurrent_weights_the_cell_state_is_a_carousel():
    """∂cₜ/∂cₜ₋₁ = diag(fₜ): what is left of it when no gate looks at h."""
    cell = LSTMCell(3, 4).double()
    for gate in "fico":
        nn.init.zeros_(getattr(cell, f"W_{gate}"))
    x, h, c = random(1, 3), random(1, 4), random(1, 4)
    jacobian = torch.autograd.functional.jacobian(lambda c: cell(x, (h, c))[1][0], c)[:, 0]
    f = torch.sigmoid(x @ cell.U_f.T + cell.b_f)[0]
    torch.testing.assert_close(jacobian, torch.diag(f), **exact)
    blocks = rnn.step_jacobians(cell, x, (h, c))[0]
    torch.testing.assert_close(blocks[4:, 4:], torch.diag(f), **exact)
    assert blocks[:, :4].eq(0).all()  # nothing depends on h


@pytest.mark.parametrize("name", ["x", "h", "c"])
def test_cell_never_broadcasts(name):
    good = {"x": torch.zeros(3, 5), "h": torch.zeros(3, 7), "c": torch.zeros(3, 7)}
    for wrong in (good[name][:1], good[name][:, :1], good[name][0]):
        given = good | {name: wrong}
        with pytest.raises(ValueError, match=r"[xhc] must have shape \("):
            LSTMCell(5, 7)(given["x"], (given["h"], given["c"]))


def test_a_wrong_state_or_size_is_named():
    cell, layer, x = LSTMCell(5, 7), LSTM(5, 7), torch.zeros(3, 5)
    for module, inputs in ((cell, x), (layer, x[:, None])):
        for state, kind in ((torch.zeros(3, 7), "Tensor"), ((x,), "1 of them")):
            with pytest.raises(TypeError, match=rf"state must be a tuple \(h, c\), got {kind}"):
                module(inputs, state)
    with pytest.raises(ValueError, match="hidden_size must be at least 1, got 0"):
        LSTMCell(5, 0)
    with pytest.raises(ValueError, match="input_size must be at least 1, got 0"):
        LSTMCell(0, 5)


# ---- looking inside, and gradients by hand


@few
@given(sizes, sizes, sizes, sizes)
def test_backpropagation_through_time_is_autograds(n, steps, d, h):
    cell, x, state = LSTMCell(d, h).double(), random(n, steps, d), (random(n, h), random(n, h))
    grad_outputs, outputs, after = torch.randn(n, steps, h).double(), [], state
    for t in range(steps):
        after = cell(x[:, t], after)
        outputs.append(after[0])
    wanted = dict(x=x, h=state[0], c=state[1], **dict(cell.named_parameters()))
    value = (torch.stack(outputs, 1) * grad_outputs).sum()
    theirs = dict(zip(wanted, torch.autograd.grad(value, list(wanted.values())), strict=True))
    ours = lstm.backpropagation_through_time(cell, x, grad_outputs, state)
    torch.testing.assert_close(ours, theirs, **exact)
    assert not any(gradient.requires_grad for gradient in ours.values())


def test_backpropagation_through_time_is_the_layers_own():
    """The readable gradients and the fast ones are the same function, zeros as state included."""
    layer, x = LSTM(3, 4).double(), random(2, 9, 3)
    grad_outputs = torch.randn(2, 9, 4).double()
    layer(x)[0].backward(grad_outputs)
    cell = LSTMCell.from_layer(layer)
    ours = lstm.backpropagation_through_time(cell, x.detach(), grad_outputs)
    for letter, name in zip("WUb", ("weight_hh_l0", "weight_ih_l0", "bias_ih_l0"), strict=True):
        stacked = torch.cat([ours[f"{letter}_{gate}"] for gate in "ifco"])
        torch.testing.assert_close(stacked, getattr(layer, name).grad, **exact)
    torch.testing.assert_close(ours["x"], x.grad, **exact)


def test_trace_shows_what_the_formulas_compute():
    layer, x = nn.LSTM(3, 4, batch_first=True).double(), random(2, 6, 3).detach()
    cell, state = LSTMCell.from_layer(layer), (random(2, 4).detach(), random(2, 4).detach())
    values = lstm.trace(cell, x, state)
    assert list(values) == ["f", "i", "candidate", "c", "o", "h"]
    outputs, (h, c) = layer(x, (state[0][None], state[1][None]))
    torch.testing.assert_close(values["h"], outputs, **exact)
    torch.testing.assert_close((values["h"][:, -1], values["c"][:, -1]), (h[0], c[0]), **exact)
    before_h = torch.cat([state[0][:, None], values["h"][:, :-1]], 1)
    before_c = torch.cat([state[1][:, None], values["c"][:, :-1]], 1)
    affine = x @ layer.weight_ih_l0.T + layer.bias_ih_l0
    affine = affine + before_h @ layer.weight_hh_l0.T + layer.bias_hh_l0
    i, f, candidate, o = affine.chunk(4, -1)
    wanted = dict(f=f.sigmoid(), i=i.sigmoid(), candidate=candidate.tanh(), o=o.sigmoid())
    for name, value in wanted.items():
        torch.testing.assert_close(values[name], value, **exact)
    update = values["f"] * before_c + values["i"] * values["candidate"]
    torch.testing.assert_close(values["c"], update, **exact)
    torch.testing.assert_close(values["o"] * values["c"].tanh(), values["h"], **exact)


@pytest.mark.parametrize("function", ["trace", "backpropagation_through_time"])
def test_wrong_sequences_are_named(function):
    call, cell, x = getattr(lstm, function), LSTMCell(3, 4), torch.zeros(2, 5, 3)
    rest = () if function == "trace" else (torch.zeros(2, 5, 4),)
    similar = nn.Module()
    similar.U_f = cell.U_f  # it has a name of the cell, and is another class
    for other in (LSTM(3, 4), nn.LSTMCell(3, 4), similar):
        with pytest.raises(TypeError, match=f"must be an LSTMCell, got {type(other).__name__}$"):
            call(other, x, *rest)
    with pytest.raises(ValueError, match=r"x must have shape \(N, T, 3\), got \(2, 5, 2\)"):
        call(cell, x[..., :2], *rest)
    with pytest.raises(ValueError, match=r"x must have at least one step, got \(2, 0, 3\)"):
        call(cell, x[:, :0], *rest)
    with pytest.raises(ValueError, match=r"c must have shape \(2, 4\)"):
        call(cell, x, *rest, (torch.zeros(2, 4), torch.zeros(1, 4)))
    if rest:
        with pytest.raises(ValueError, match=r"grad_outputs must have shape \(2, 5, 4\)"):
            call(cell, x, torch.zeros(2, 5, 1))


# ---- the layer is torch's


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layer_is_torchs(assert_equal_layers, num_layers, bidirectional):
    options = dict(num_layers=num_layers, bidirectional=bidirectional)
    ours, theirs = LSTM(5, 7, **options), nn.LSTM(5, 7, batch_first=True, **options)
    h, c = torch.randn(2, num_layers * (1 + bidirectional), 3, 7)
    assert_equal_layers(ours, theirs, torch.randn(3, 11, 5), (h, c))
    assert_equal_layers(ours, theirs, torch.randn(3, 1, 5))
    theirs.load_state_dict(LSTM(5, 7, **options).state_dict(), strict=True)


@pytest.mark.parametrize("training", [False, True])
def test_layer_draws_torchs_dropout(assert_equal_layers, training):
    options = dict(num_layers=2, dropout=0.4)
    ours, theirs = LSTM(5, 7, **options), nn.LSTM(5, 7, batch_first=True, **options)
    assert_equal_layers(ours.train(training), theirs.train(training), torch.randn(3, 6, 5))


def test_layer_is_torchs_in_float32(assert_equal_layers):
    ours, theirs = LSTM(5, 7), nn.LSTM(5, 7, batch_first=True)
    assert_equal_layers(ours, theirs, torch.randn(3, 11, 5), double=False, atol=1e-5)


def test_same_seed_gives_torchs_initial_weights():
    torch.manual_seed(1)
    ours = LSTM(5, 7, num_layers=2).state_dict()
    torch.manual_seed(1)
    theirs = nn.LSTM(5, 7, num_layers=2).state_dict()
    assert list(ours) == list(theirs)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@few
@given(sizes, sizes, sizes, sizes)
def test_gradients_by_hand_are_autograds(n, steps, d, h):
    layer = LSTM(d, h).double()
    x, state = random(n, steps, d), (random(1, n, h), random(1, n, h))
    wanted = [x, *state, *layer.parameters()]

    def run():
        outputs, last = layer(x, state)
        return outputs, *last

    by_hand = run()
    layer.fused = False
    by_autograd = run()
    torch.testing.assert_close(by_hand, by_autograd, **exact)
    torch.testing.assert_close(gradients(by_hand, wanted), gradients(by_autograd, wanted), **exact)
    for mine, reference in zip(by_hand, by_autograd, strict=True):  # and of each result alone
        alone = gradients([mine], [x, *state]), gradients([reference], [x, *state])
        torch.testing.assert_close(*alone, **exact)


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("theirs", [False, True])
def test_cell_stepped_is_the_layer(reverse, theirs):
    kind = nn.LSTM if theirs else LSTM
    layer = kind(5, 7, bidirectional=True, **({"batch_first": True} if theirs else {})).double()
    x, state = random(3, 11, 5), (random(2, 3, 7), random(2, 3, 7))
    outputs, last = layer(x, state)
    cell, state = (
        LSTMCell.from_layer(layer, reverse=bool(reverse)),
        tuple(s[reverse] for s in state),
    )
    for t in range(11)[:: -1 if reverse else 1]:
        state = cell(x[:, t], state)
        torch.testing.assert_close(state[0], outputs[:, t, 7 * reverse : 7 + 7 * reverse], **exact)
    torch.testing.assert_close(state, tuple(s[reverse] for s in last), **exact)


def test_cell_of_another_layer_or_kind():
    layer = LSTM(5, 7, num_layers=2)
    cell = LSTMCell.from_layer(layer, layer_index=1)
    torch.testing.assert_close(cell.U_c, layer.weight_ih_l1[14:21])
    with pytest.raises(TypeError, match="layer must be an LSTM, got RNN"):
        LSTMCell.from_layer(rnn.RNN(5, 7))
    with pytest.raises(ValueError, match="layer_index must be one of 0, 1, got 2"):
        LSTMCell.from_layer(layer, layer_index=2)


# ---- the forget gate


def test_forget_bias_is_what_the_gates_start_with_and_nothing_else_changes():
    options = dict(num_layers=2, bidirectional=True)
    torch.manual_seed(3)
    plain = LSTM(5, 7, **options)
    torch.manual_seed(3)
    layer = LSTM(5, 7, forget_bias=3, **options)
    for layer_index in (0, 1):
        for reverse in (False, True):
            theirs, ours = (
                LSTMCell.from_layer(m, layer_index=layer_index, reverse=reverse)
                for m in (plain, layer)
            )
            assert ours.b_f.eq(3).all()
            for name, value in theirs.named_parameters():
                assert name == "b_f" or torch.equal(getattr(ours, name), value)
    assert all(p.requires_grad for p in layer.parameters())
    assert LSTMCell(5, 7, forget_bias=-1.5).b_f.eq(-1.5).all()
    assert not LSTMCell(5, 7).b_f.eq(LSTMCell(5, 7).b_f).any()


def test_docstring_says_what_the_forget_bias_leaves():
    """After 20 steps: a millionth at 0, 38 % at 3."""
    left = [(1 / (1 + math.exp(-bias))) ** 20 for bias in (0, 3)]
    assert 0.5e-6 < left[0] < 1.5e-6 and round(100 * left[1]) == 38


@pytest.mark.parametrize("bias", [0.0, 3.0])
def test_gradient_of_the_cell_state_decays_like_the_forget_gate(bias):
    layer = LSTM(3, 4, forget_bias=bias).double()
    layer.weight_hh_l0.data.zero_()
    layer.weight_ih_l0.data[4:8] = 0  # f = σ(bias), whatever comes
    norms = rnn.gradient_norms(layer, random(2, 30, 3), of="c")
    ratio = torch.full((29,), 1 / (1 + math.exp(-bias)), dtype=torch.float64)
    # one step back, h is no way round: nothing looks at it
    torch.testing.assert_close(norms[:-1] / norms[1:], ratio)
    through_h = rnn.gradient_norms(layer, random(2, 30, 3))
    assert through_h[:-1].eq(0).all() and through_h[-1] > 0


def test_chrono_initialisation_spreads_the_time_scales():
    layer = LSTM(3, 2000, bidirectional=True)
    before = copy.deepcopy(layer.state_dict())
    lstm.chrono_initialisation(layer, 100, generator=torch.Generator().manual_seed(0))
    for reverse in (False, True):
        cell = LSTMCell.from_layer(layer, reverse=reverse)
        u = cell.b_f.exp().detach()
        assert 1 <= u.min() < 2 and 98 < u.max() <= 99.001
        assert u.mean().item() == pytest.approx(50, abs=2)
        torch.testing.assert_close(cell.b_i, -cell.b_f)
    assert torch.equal(before["weight_hh_l0"], layer.weight_hh_l0)
    assert torch.equal(before["bias_hh_l0"][4000:], layer.bias_hh_l0[4000:])
    again = LSTM(3, 2000, bidirectional=True)
    lstm.chrono_initialisation(again, 100, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.bias_ih_l0[:4000], layer.bias_ih_l0[:4000])


def test_wrong_arguments_of_chrono_initialisation_are_named():
    with pytest.raises(ValueError, match="longest must be at least 2, got 1"):
        lstm.chrono_initialisation(LSTM(3, 4), 1)
    with pytest.raises(TypeError, match="layer must be an LSTM, got LSTM"):
        lstm.chrono_initialisation(nn.LSTM(3, 4), 10)


# ---- the adding problem


@few
@given(sizes, st.integers(2, 9))
def test_adding_problem_marks_one_number_in_each_half(count, steps):
    x, target = lstm.adding_problem(count, steps)
    assert x.shape == (count, steps, 2) and target.shape == (count,)
    numbers, marks = x.unbind(2)
    assert set(marks.unique().tolist()) <= {0.0, 1.0}
    assert marks[:, : steps // 2].sum(1).eq(1).all() and marks[:, steps // 2 :].sum(1).eq(1).all()
    assert ((numbers >= 0) & (numbers < 1)).all()
    for row, (values, marked) in enumerate(zip(numbers, marks, strict=True)):
        torch.testing.assert_close(target[row], values[marked.bool()].sum())


def test_adding_problem_reaches_every_place_and_has_the_variance_of_its_docstring():
    x, target = lstm.adding_problem(20_000, 7, generator=torch.Generator().manual_seed(0))
    assert target.mean().item() == pytest.approx(1, abs=0.01)
    assert target.var().item() == pytest.approx(1 / 6, abs=0.005)
    share = x[..., 1].mean(0)
    torch.testing.assert_close(share[:3], torch.full((3,), 1 / 3), rtol=0, atol=0.02)
    torch.testing.assert_close(share[3:], torch.full((4,), 1 / 4), rtol=0, atol=0.02)
    again, _ = lstm.adding_problem(20_000, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(x, again)


def test_wrong_arguments_of_the_adding_problem_are_named():
    with pytest.raises(ValueError, match="steps must be at least 2, got 1"):
        lstm.adding_problem(3, 1)
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        lstm.adding_problem(0, 5)
