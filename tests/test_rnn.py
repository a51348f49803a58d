"""dlnotes.rnn: torch.nn.RNN, and gradients by hand = autograd's."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from recurrences import CELLS, LAYERS, every_layer, exact, few, random, sizes
from torch import nn

from dlnotes import rnn
from dlnotes.gru import GRU, GRUCell
from dlnotes.lstm import LSTM, LSTMCell
from dlnotes.rnn import RNN, RNNCell

# ---- the layer is torch's


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layer_is_torchs(assert_equal_layers, num_layers, bidirectional, nonlinearity):
    options = dict(num_layers=num_layers, bidirectional=bidirectional, nonlinearity=nonlinearity)
    ours, theirs = RNN(5, 7, **options), nn.RNN(5, 7, batch_first=True, **options)
    state = torch.randn(num_layers * (1 + bidirectional), 3, 7)
    assert_equal_layers(ours, theirs, torch.randn(3, 11, 5), state)
    assert_equal_layers(ours, theirs, torch.randn(3, 1, 5))
    theirs.load_state_dict(RNN(5, 7, **options).state_dict(), strict=True)


def test_layer_draws_torchs_dropout(assert_equal_layers):
    options = dict(num_layers=3, bidirectional=True, dropout=0.4)
    ours, theirs = RNN(5, 7, **options), nn.RNN(5, 7, batch_first=True, **options)
    assert_equal_layers(ours.train(), theirs.train(), torch.randn(3, 6, 5))
    assert_equal_layers(ours.eval(), theirs.eval(), torch.randn(3, 6, 5))


def test_layer_is_torchs_in_float32(assert_equal_layers):
    ours, theirs = RNN(5, 7), nn.RNN(5, 7, batch_first=True)
    assert_equal_layers(ours, theirs, torch.randn(3, 11, 5), double=False, atol=1e-5)


def test_same_seed_gives_torchs_initial_weights():
    options = dict(num_layers=2, bidirectional=True)
    torch.manual_seed(1)
    ours = RNN(5, 7, **options).state_dict()
    torch.manual_seed(1)
    theirs = nn.RNN(5, 7, **options).state_dict()
    assert list(ours) == list(theirs)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


# ---- the cell


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize(("layer_index", "reverse"), [(0, False), (0, True), (1, False), (1, True)])
def test_cell_stepped_is_the_layer(nonlinearity, layer_index, reverse):
    layer = RNN(6, 3, num_layers=2, bidirectional=True, nonlinearity=nonlinearity).double()
    h, x = random(4, 2, 3), random(2, 5, 6)
    outputs, last = layer(x, h)
    cell = RNNCell.from_layer(layer, layer_index=layer_index, reverse=reverse)
    below = RNN(6, 3, bidirectional=True, nonlinearity=nonlinearity).double()
    below.load_state_dict({k: v for k, v in layer.state_dict().items() if "_l0" in k})
    seen, _ = (x, None) if layer_index == 0 else below(x, h[:2])
    state, states = h[2 * layer_index + reverse], []
    for t in range(5)[:: -1 if reverse else 1]:
        state = cell(seen[:, t], state)
        states.append(state)
    torch.testing.assert_close(state, last[2 * layer_index + reverse], **exact)
    if layer_index == 1:
        states = torch.stack(states[:: -1 if reverse else 1], dim=1)
        torch.testing.assert_close(states, outputs.chunk(2, dim=2)[reverse], **exact)


def test_cell_is_made_from_torchs_layer_too_and_is_a_copy():
    layer, x = nn.RNN(6, 3, batch_first=True), torch.randn(2, 1, 6)
    cell, expected = RNNCell.from_layer(layer), layer(x)[0][:, 0]
    layer.weight_ih_l0.data.zero_()
    torch.testing.assert_close(cell(x[:, 0]), expected)
    assert all(p.requires_grad for p in cell.parameters())


@pytest.mark.parametrize(
    ("nonlinearity", "f"),
    [("tanh", torch.tanh), ("relu", F.relu), ("sigmoid", torch.sigmoid), ("identity", lambda a: a)],
)
def test_cell_is_its_formula(nonlinearity, f):
    cell = RNNCell(3, 4, output_size=2, nonlinearity=nonlinearity)
    U, V, b, W, c = (getattr(cell, name) for name in "UVbWc")
    x, h = torch.randn(3), torch.randn(4)
    after = f(U @ x + V @ h + b)
    torch.testing.assert_close(cell(x[None], h[None])[0], after)
    torch.testing.assert_close(cell.output(after), W @ after + c)
    torch.testing.assert_close(cell(x[None]), cell(x[None], torch.zeros(1, 4)))
    assert RNNCell(3, 4).output(after) is after


def test_parameters_start_within_one_over_the_root_of_the_state():
    cell = RNNCell(40, 25, output_size=30)
    for parameter in cell.parameters():
        assert 0.19 < parameter.abs().max() <= 0.2 or parameter.numel() < 100
        assert parameter.abs().max() <= 0.2


def test_wrong_arguments_of_the_cell_are_named():
    cell, x = RNNCell(3, 4, output_size=2), torch.zeros(2, 3)
    for message, call in [
        (r"x must have shape \(N, 3\), got \(3,\)", lambda: cell(x[0])),
        (r"h must have shape \(2, 4\), got \(1, 4\)", lambda: cell(x, torch.zeros(1, 4))),
        (r"h must have shape \(\.\.\., 4\), got \(2, 3\)", lambda: cell.output(x)),
        ("output_size must be at least 1, got 0", lambda: RNNCell(3, 4, output_size=0)),
        ("hidden_size must be at least 1, got 0", lambda: RNNCell(3, 0)),
        ("nonlinearity must be one of 'tanh'.*got 'x'", lambda: RNNCell(3, 4, nonlinearity="x")),
        ("layer_index must be one of 0, 1, got 2", lambda: from_two_layers(layer_index=2)),
        ("reverse must be one of False, got True", lambda: from_two_layers(reverse=True)),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="layer must be an RNN, got GRU"):
        RNNCell.from_layer(GRU(3, 4))


def from_two_layers(**options):
    return RNNCell.from_layer(RNN(3, 4, num_layers=2), **options)


# ---- backpropagation through time

TARGETS = {
    "squared": lambda n, steps, k: random(n, steps, k).detach(),
    "cross_entropy": lambda n, steps, k: torch.randint(k, (n, steps)),
}


def loss_by_torch(outputs, targets, loss):
    if loss == "squared":
        return 0.5 * F.mse_loss(outputs, targets, reduction="sum") / len(outputs)
    return F.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="sum") / len(outputs)


def unrolled(cell, x, state, truncate=None):
    outputs = []
    for t in range(x.shape[1]):
        if truncate and t and t % truncate == 0:
            state = state.detach()
        state = cell(x[:, t], state)
        outputs.append(cell.output(state))
    return torch.stack(outputs, 1)


@few
@given(
    st.tuples(sizes, sizes, sizes, sizes),
    st.none() | st.integers(1, 3),
    st.sampled_from(list(TARGETS)),
    st.sampled_from(["tanh", "relu", "sigmoid", "identity"]),
    st.none() | st.integers(1, 5),
)
def test_backpropagation_through_time_is_autograds(shape, k, loss, nonlinearity, truncate):
    n, steps, d, h = shape
    cell = RNNCell(d, h, output_size=k, nonlinearity=nonlinearity).double()
    x, state, targets = random(n, steps, d), random(n, h), TARGETS[loss](n, steps, k or h)
    value = loss_by_torch(unrolled(cell, x, state, truncate), targets, loss)
    wanted = dict(cell.named_parameters()) | {"x": x, "state": state}
    expected = torch.autograd.grad(value, list(wanted.values()))
    ours = rnn.backpropagation_through_time(cell, x, targets, loss, state=state, truncate=truncate)
    assert set(ours) == set(wanted)
    for name, theirs in zip(wanted, expected, strict=True):
        torch.testing.assert_close(ours[name], theirs, **exact)
    our_value, _ = rnn.sequence_loss(unrolled(cell, x, state), targets, loss)
    torch.testing.assert_close(our_value, loss_by_torch(unrolled(cell, x, state), targets, loss))


def test_backpropagation_through_time_takes_any_loss_and_starts_at_zero():
    cell, x = RNNCell(3, 4, output_size=2).double(), random(2, 5, 3).detach()
    targets = random(2, 5, 2).detach()

    def last_only(outputs, targets):
        return ((outputs[:, -1] - targets[:, -1]) ** 4).sum()

    last_only(unrolled(cell, x, None), targets).backward()
    ours = rnn.backpropagation_through_time(cell, x, targets, last_only)
    for name, parameter in cell.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, **exact)
    assert not any(g.requires_grad for g in ours.values())


def test_truncation_forgets_and_its_error_falls_geometrically():
    cell = RNNCell(8, 8).double()
    cell.V.data = 0.8 * torch.linalg.qr(cell.V.data)[0]
    x, targets = 0.1 * random(1, 64, 8).detach(), torch.zeros(1, 64, 8, dtype=torch.float64)
    last = dict(loss=lambda outputs, _: outputs[:, -1].sum())
    whole = rnn.backpropagation_through_time(cell, x, targets, **last)["V"]
    errors = []
    for k in (8, 16, 32):  # all cuts leave the last k steps whole
        cut = rnn.backpropagation_through_time(cell, x, targets, truncate=k, **last)["V"]
        errors.append(((cut - whole).norm() / whole.norm()).item())
    assert errors[0] > errors[1] > errors[2] and errors[2] < 0.8**30
    assert errors[0] > 0.01


def test_wrong_arguments_of_backpropagation_are_named():
    cell, x = RNNCell(3, 4, output_size=2), torch.zeros(2, 5, 3)
    y, ids = torch.zeros(2, 5, 2), torch.zeros(2, 5, dtype=torch.int64)
    bptt = rnn.backpropagation_through_time
    for message, call in [
        (r"x must have shape \(N, T, 3\), got \(5, 3\)", lambda: bptt(cell, x[0], y)),
        (r"x must have at least one step", lambda: bptt(cell, x[:, :0], y)),
        (
            r"targets must have shape \(2, 5, 2\), got \(2, 5, 1\)",
            lambda: bptt(cell, x, y[..., :1]),
        ),
        (r"targets must have shape \(2, 5\), got", lambda: bptt(cell, x, y, "cross_entropy")),
        (
            r"targets must lie in \[0, 1\], got 2 to 2",
            lambda: bptt(cell, x, ids + 2, "cross_entropy"),
        ),
        (r"targets must lie in \[0, 1\], got -1", lambda: bptt(cell, x, ids - 1, "cross_entropy")),
        (
            "loss must be one of 'squared', 'cross_entropy', got 'l2'",
            lambda: bptt(cell, x, y, "l2"),
        ),
        ("truncate must be at least 1, got 0", lambda: bptt(cell, x, y, truncate=0)),
        (r"h must have shape \(2, 4\)", lambda: bptt(cell, x, y, state=torch.zeros(1, 4))),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match=r"targets must be class indices.*float32"):
        bptt(cell, x, y[..., 0], "cross_entropy")
    with pytest.raises(TypeError, match="cell must be an RNNCell, got GRUCell"):
        bptt(GRUCell(3, 4), x, y)


# ---- vanishing and exploding


@pytest.mark.parametrize(
    ("nonlinearity", "slope"),
    [
        ("tanh", lambda h: 1 - h**2),
        ("sigmoid", lambda h: h * (1 - h)),
        ("identity", torch.ones_like),
    ],
)
def test_jacobian_of_a_step_is_slope_times_recurrent_weights(nonlinearity, slope):
    cell, x, h = RNNCell(3, 4, nonlinearity=nonlinearity).double(), random(6, 3), random(1, 4)
    jacobians = rnn.step_jacobians(cell, x, h)
    assert jacobians.shape == (6, 4, 4) and not jacobians.requires_grad
    for t in range(6):
        h = cell(x[t : t + 1], h)
        torch.testing.assert_close(jacobians[t], torch.diag(slope(h[0])) @ cell.V, **exact)


@every_layer
def test_jacobians_multiply_to_that_of_the_whole_sequence(name):
    cell, x = CELLS[name](3, 4).double(), random(5, 3).detach()
    parts = len(cell.state_names)

    def run(start):
        state = rnn.bare(start.chunk(parts, dim=1))
        for t in range(5):
            state = cell(x[t : t + 1], state)
        return torch.cat(state, 1) if parts > 1 else state

    start = random(1, 4 * parts).detach()
    whole = torch.autograd.functional.jacobian(run, start)[0, :, 0]
    jacobians = rnn.step_jacobians(cell, x, rnn.bare(start.chunk(parts, dim=1)))
    torch.testing.assert_close(torch.linalg.multi_dot(list(jacobians.flip(0))), whole, **exact)
    from_zero = rnn.step_jacobians(cell, x, rnn.bare((torch.zeros(1, 4).double(),) * parts))
    torch.testing.assert_close(rnn.step_jacobians(cell, x), from_zero, **exact)


@every_layer
@pytest.mark.parametrize("num_layers", [1, 2])
def test_gradient_norms_are_those_of_a_pushed_state(name, num_layers):
    """A small push of hₜ, all else equal, changes the loss by its product with the gradient."""
    layer, x = LAYERS[name](3, 2, num_layers=num_layers).double(), random(2, 5, 3).detach()
    last, seen = num_layers - 1, x
    if last:
        below = LAYERS[name](3, 2).double()
        below.load_state_dict({k: v for k, v in layer.state_dict().items() if k.endswith("l0")})
        seen = below(x)[0]
    cell = CELLS[name].from_layer(layer, layer_index=last)

    def loss_after_push(t, push):
        state = None
        for s in range(5):
            after = cell(seen[:, s], state)
            h, *c = after if isinstance(after, tuple) else (after,)
            state = rnn.bare((h + push if s == t else h, *c))
        return ((state[0] if c else state) ** 3).sum()

    ours = rnn.gradient_norms(layer, x, loss=lambda h: (h**3).sum())
    for t in range(5):
        run, no_push = partial(loss_after_push, t), torch.zeros(2, 2, dtype=torch.float64)
        gradient = torch.autograd.functional.jacobian(run, no_push)
        torch.testing.assert_close(ours[t], gradient.norm(), **exact)


@every_layer
def test_gradient_norms_touch_nothing_and_need_nothing(name):
    layer, x = LAYERS[name](3, 4).requires_grad_(False), torch.randn(2, 5, 3, requires_grad=True)
    with torch.no_grad():
        norms = rnn.gradient_norms(layer, x)
    torch.testing.assert_close(norms[-1], torch.tensor(8.0).sqrt())  # of a sum of 2 · 4 numbers
    assert norms.shape == (5,) and (norms > 0).all() and not norms.requires_grad
    assert x.grad is None


def test_gradient_norms_of_the_cell_state_start_at_the_output_gate():
    layer, x = LSTM(3, 4).double(), random(1, 5, 3)
    cell = LSTMCell.from_layer(layer)
    h, (_, c) = layer(x)
    o = h[:, -1] / torch.tanh(c[0])
    norms = rnn.gradient_norms(layer, x, of="c")
    torch.testing.assert_close(norms[-1], (o * (1 - torch.tanh(c[0]) ** 2)).norm(), **exact)
    jacobian = rnn.step_jacobians(cell, x[0, -1:], tuple(s[0] for s in layer(x[:, :-1])[1]))[0]
    h, (_, c) = layer(x[:, :-1])
    o = h[0, -1] / torch.tanh(c[0, 0])
    through = torch.cat([torch.diag(o * (1 - torch.tanh(c[0, 0]) ** 2)), torch.eye(4).double()])
    torch.testing.assert_close(norms[-2], (jacobian[:4] @ through).sum(0).norm(), **exact)


def test_gradient_norms_obey_the_bound_of_pascanu():
    layer, x = RNN(3, 8).double(), random(1, 30, 3)
    layer.weight_hh_l0.data = 0.7 * torch.linalg.qr(layer.weight_hh_l0.data)[0]
    norms = rnn.gradient_norms(layer, x)
    assert (norms <= math.sqrt(8) * 0.7 ** torch.arange(29.0, -1, -1).double() + 1e-12).all()


def test_wrong_arguments_of_gradient_norms_are_named():
    x = torch.zeros(2, 5, 3)
    for message, call in [
        (
            "layer.bidirectional must be one of False",
            lambda: rnn.gradient_norms(RNN(3, 4, bidirectional=True), x),
        ),
        ("of must be one of 'h', got 'c'", lambda: rnn.gradient_norms(GRU(3, 4), x, of="c")),
        (r"x must have shape \(N, T, 3\)", lambda: rnn.gradient_norms(RNN(3, 4), x[0])),
        ("x must have at least one step", lambda: rnn.gradient_norms(RNN(3, 4), x[:, :0])),
        (r"x must have shape \(T, 3\)", lambda: rnn.step_jacobians(RNNCell(3, 4), x)),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="layer must be an RNN, LSTM or GRU, got RNN"):
        rnn.gradient_norms(nn.RNN(3, 4), x)


@pytest.mark.parametrize("limit", [0.1, 1.0, 1e6, math.inf])
def test_clipping_is_torchs(limit):
    ours, theirs = ([nn.Parameter(torch.zeros(3, k)) for k in (2, 4, 5)] for _ in range(2))
    for a, b in zip(ours[:2], theirs[:2], strict=True):  # the third has no gradient
        a.grad = torch.randn_like(a)
        b.grad = a.grad.clone()
    norm = rnn.clip_gradient_norm(iter(ours), limit)
    assert norm == pytest.approx(nn.utils.clip_grad_norm_(theirs, limit).item(), rel=1e-6)
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6)


def test_clipping_keeps_the_direction_and_leaves_zeros_alone():
    p = nn.Parameter(torch.zeros(3))
    p.grad = torch.tensor([30.0, 40.0, 0.0])
    assert rnn.clip_gradient_norm(p, 1) == 50
    torch.testing.assert_close(p.grad, torch.tensor([0.6, 0.8, 0.0]))
    p.grad.zero_()
    assert rnn.clip_gradient_norm([p], 1) == 0 and p.grad.eq(0).all()


def test_wrong_arguments_of_clipping_are_named():
    p = nn.Parameter(torch.zeros(3))
    for limit in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"limit must be positive, got {limit}"):
            rnn.clip_gradient_norm([p], limit)
    for bad in (math.nan, math.inf):
        p.grad = torch.tensor([1.0, bad, 0.0])
        with pytest.raises(ValueError, match="finite gradients, got a norm of"):
            rnn.clip_gradient_norm([p], 1.0)
        assert p.grad[0] == 1
