"""dlnotes.gru: the cell in its variants, the layer is torch.nn.GRU, and the two agree."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dlnotes import gru, rnn
from dlnotes.gru import GRU, GRUCell

exact = dict(rtol=0, atol=1e-10)
few = settings(max_examples=25, deadline=None)
sizes = st.integers(1, 4)
every_variant = pytest.mark.parametrize(
    ("reset", "z"), [(reset, z) for reset in ("after", "before") for z in ("old", "new")]
)


def random(*shape):
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def gradients(results, wanted):
    value = sum((torch.cos(7 * r.detach()) * r).sum() for r in results)
    return torch.autograd.grad(value, wanted, retain_graph=True)


# ---- the cell


@every_variant
def test_cell_is_its_formulas(reset, z):
    cell = GRUCell(3, 4, reset=reset, z=z).double()
    p = {name: value.detach() for name, value in cell.named_parameters()}
    x, h = random(3).detach(), random(4).detach()
    update = torch.sigmoid(p["W_z"] @ x + p["U_z"] @ h + p["b_z"])
    r = torch.sigmoid(p["W_r"] @ x + p["U_r"] @ h + p["b_r"])
    if reset == "after":
        candidate = torch.tanh(p["W"] @ x + p["b"] + r * (p["U"] @ h + p["b_U"]))
    else:
        candidate = torch.tanh(p["W"] @ x + p["b"] + p["U"] @ (r * h))
    if z == "old":  # Cho et al. 2014, eq. 7
        expected = update * h + (1 - update) * candidate
    else:  # Chung et al. 2014, eq. 5
        expected = (1 - update) * h + update * candidate
    torch.testing.assert_close(cell(x[None], h[None])[0], expected, **exact)
    zero = torch.zeros(1, 4, dtype=torch.float64)
    torch.testing.assert_close(cell(x[None]), cell(x[None], zero))


def test_cell_has_the_parameters_of_the_notes():
    for reset, more in (("before", {}), ("after", {"b_U": (5,)})):
        cell = GRUCell(3, 5, reset=reset)
        shapes = {name: tuple(value.shape) for name, value in cell.named_parameters()}
        by_letter = {"W": (5, 3), "U": (5, 5), "b": (5,)}
        indices = "_z", "_r", ""
        wanted = {k + i: shape for k, shape in by_letter.items() for i in indices} | more
        assert shapes == wanted
    assert sum(p.numel() for p in GRUCell(3, 5, reset="before").parameters()) == 3 * 5 * 9


def test_parameters_start_within_one_over_the_root_of_the_state():
    for parameter in GRUCell(100, 25).parameters():
        assert 0.15 < parameter.abs().max() <= 0.2


@every_variant
@pytest.mark.parametrize("other", ["old", "new"])
def test_weights_convert_between_the_conventions_of_z(reset, z, other):
    cell, x, h = GRUCell(3, 4, reset=reset, z=z).double(), random(2, 3), random(2, 4)
    before = copy.deepcopy(cell.state_dict())
    converted = cell.with_z(other)
    assert (converted.reset, converted.z) == (reset, other)
    torch.testing.assert_close(converted(x, h), cell(x, h), **exact)
    torch.testing.assert_close(cell.state_dict(), before, rtol=0, atol=0)
    if other != z:  # the same weights mean something else
        converted.load_state_dict(cell.state_dict())
        assert (converted(x, h) - cell(x, h)).abs().max() > 1e-3
    nn.init.zeros_(converted.W)
    torch.testing.assert_close(cell.state_dict(), before, rtol=0, atol=0)  # it is a copy


def both_resets():
    """Return an "after" and a "before" cell with the same weights."""
    after, before = GRUCell(3, 4).double(), GRUCell(3, 4, reset="before").double()
    nn.init.zeros_(after.b_U)
    weights = {name: v for name, v in after.state_dict().items() if name != "b_U"}
    before.load_state_dict(weights)
    return after, before


def test_both_places_of_the_reset_agree_for_diagonal_weights_only():
    x, h = random(2, 3), random(2, 4)
    after, before = both_resets()
    assert (after(x, h) - before(x, h)).abs().max() > 1e-3
    for cell in (after, before):
        cell.U.data = torch.diag(cell.U.data.diagonal())
    torch.testing.assert_close(after(x, h), before(x, h), **exact)


def test_both_places_of_the_reset_agree_for_one_reset_for_all_units():
    x, h = random(2, 3), random(2, 4)
    after, before = both_resets()
    for cell in (after, before):
        for name in ("W_r", "U_r", "b_r"):
            value = getattr(cell, name).data
            value.copy_(after.get_parameter(name).data[:1].expand_as(value).clone())
    torch.testing.assert_close(after(x, h), before(x, h), **exact)


@pytest.mark.parametrize("reset", ["after", "before"])
def test_a_closed_reset_hides_the_past_from_the_candidate_only(reset):
    cell, x = GRUCell(3, 4, reset=reset).double(), random(2, 3)
    nn.init.constant_(cell.b_r, -60.0)  # r = 0
    h, other = random(2, 4), random(2, 4)
    nn.init.constant_(cell.b_z, -60.0)  # z = 0: only the candidate is left
    torch.testing.assert_close(cell(x, h), cell(x, other), **exact)
    nn.init.constant_(cell.b_z, 60.0)  # z = 1: nothing is forgotten, although r = 0
    torch.testing.assert_close(cell(x, h), h, **exact)


@every_variant
@few
@given(st.floats(0, 3), st.floats(0.1, 30))
def test_state_never_leaves_the_box_of_one_and_the_start(reset, z, start, scale):
    cell = GRUCell(2, 4, reset=reset, z=z).double()
    for parameter in cell.parameters():
        parameter.data *= scale
    h = start * torch.tanh(random(3, 4))
    for _ in range(5):
        h = cell(scale * random(3, 2), h)
        assert h.abs().max() <= max(start, 1) + 1e-12


def test_jacobian_of_a_step_is_the_hand_derived_one():
    cell, x, h = GRUCell(3, 4).double(), random(1, 3), random(1, 4)
    with torch.no_grad():
        z = torch.sigmoid(cell.W_z @ x[0] + cell.U_z @ h[0] + cell.b_z)
        r = torch.sigmoid(cell.W_r @ x[0] + cell.U_r @ h[0] + cell.b_r)
        u = cell.U @ h[0] + cell.b_U
        n = torch.tanh(cell.W @ x[0] + cell.b + r * u)
        d = torch.diag
        by_hand = d(z) + d((h[0] - n) * z * (1 - z)) @ cell.U_z
        inner = d(r) @ cell.U + d(u * r * (1 - r)) @ cell.U_r
        by_hand += d((1 - z) * (1 - n**2)) @ inner
    torch.testing.assert_close(rnn.step_jacobians(cell, x, h)[0], by_hand, **exact)


# ---- looking inside


@every_variant
def test_terms_of_the_jacobian_add_up_to_it(reset, z):
    cell, x, h = GRUCell(3, 4, reset=reset, z=z).double(), random(1, 3), random(1, 4)
    terms = gru.jacobian_terms(cell, x[0], h[0])
    assert list(terms) == ["shortcut", "update", "candidate", "reset"]
    torch.testing.assert_close(sum(terms.values()), rnn.step_jacobians(cell, x, h)[0], **exact)


@every_variant
def test_each_term_is_one_way_from_state_to_state(reset, z):
    """Cut all ways but one: detach h where it enters elsewhere."""
    cell, x, h = GRUCell(3, 4, reset=reset, z=z).double(), random(1, 3).detach(), random(1, 4)

    def way(name):
        def step(h_):
            def seen(way):
                return h_ if way == name else h_.detach()

            update = cell.gates(x, seen("update"))[0]
            old = update if z == "old" else 1 - update
            r = cell.gates(x, seen("reset"))[1]
            past = seen("candidate")
            if reset == "after":
                past = r * (past @ cell.U.T + cell.b_U)
            else:
                past = (r * past) @ cell.U.T
            return old * seen("shortcut") + (1 - old) * torch.tanh(x @ cell.W.T + cell.b + past)

        return torch.autograd.functional.jacobian(step, h)[0, :, 0]

    for name, term in gru.jacobian_terms(cell, x[0], h[0]).items():
        torch.testing.assert_close(term, way(name), **exact)


@every_variant
def test_trace_is_the_cell_stepped(reset, z):
    cell, x, start = GRUCell(3, 4, reset=reset, z=z).double(), random(2, 5, 3), random(2, 4)
    for state in (None, start):
        seen, h = gru.trace(cell, x, state), state
        before = torch.zeros(2, 4).double() if state is None else state
        for t in range(5):
            h = cell(x[:, t], h)
            torch.testing.assert_close(seen["h"][:, t], h, **exact)
            for name, value in zip(
                ("z", "r", "candidate"), cell.gates(x[:, t], before), strict=True
            ):
                torch.testing.assert_close(seen[name][:, t], value, **exact)
            before = h


@every_variant
@pytest.mark.parametrize("gate", ["z", "r"])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_held_gate_is_the_number_and_learns_nothing(reset, z, gate, value):
    cell, x, h = GRUCell(3, 4, reset=reset, z=z).double(), random(2, 3), random(2, 4)
    parameters = dict(cell.named_parameters())
    held = gru.hold_gate(parameters, gate, value)
    assert list(held) == list(parameters)
    other = copy.deepcopy(cell)
    other.load_state_dict(held)
    gates, before = dict(zip("zr", other.gates(x, h)[:2], strict=True)), cell.gates(x, h)
    torch.testing.assert_close(gates[gate], torch.full_like(gates[gate], value))
    if value in (0.0, 1.0):
        assert (gates[gate] == value).all()
    (free,) = {"z", "r"} - {gate}
    torch.testing.assert_close(gates[free], before["zr".index(free)])
    output = torch.func.functional_call(cell, held, (x, h))
    found = torch.autograd.grad(output.sum(), [*parameters.values(), h], allow_unused=True)
    assert [name for name, g in zip(parameters, found, strict=False) if g is None] == [
        f"W_{gate}",
        f"U_{gate}",
        f"b_{gate}",
    ]
    assert all(torch.isfinite(g).all() for g in found if g is not None)


@pytest.mark.parametrize("reset", ["after", "before"])
def test_without_both_gates_it_is_the_simple_cell(reset):
    cell, x, h = GRUCell(3, 4, reset=reset).double(), random(2, 3), random(2, 4)
    cell.load_state_dict(gru.hold_gate(gru.hold_gate(cell.state_dict(), "z", 0), "r", 1))
    simple = rnn.RNNCell(3, 4).double()
    b = cell.b + cell.b_U if reset == "after" else cell.b
    rnn.copy_into(simple, U=cell.W, V=cell.U, b=b)
    torch.testing.assert_close(cell(x, h), simple(x, h), **exact)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("gate", ["z", "r"])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_held_gate_of_a_layer_is_that_of_its_cells(gate, value, fused):
    layer = GRU(3, 4, num_layers=2, bidirectional=True).double()
    layer.fused = fused
    parameters, x = dict(layer.named_parameters()), random(2, 5, 3)
    before = copy.deepcopy(layer.state_dict())
    held = gru.hold_gate(parameters, gate, value)
    outputs, last = torch.func.functional_call(layer, held, (x,))
    found = gradients((outputs, last), [x, *parameters.values()])
    other = GRU(3, 4, num_layers=2, bidirectional=True).double()
    other.load_state_dict(held)
    lowest = []
    for reverse in (False, True):
        cell, h = GRUCell.from_layer(other, reverse=reverse), None
        assert gru.hold_gate(cell.state_dict(), gate, value).keys() == cell.state_dict().keys()
        again = gru.hold_gate(cell.state_dict(), gate, value)
        torch.testing.assert_close(again, dict(cell.state_dict()), **exact)
        for t in range(5)[:: -1 if reverse else 1]:
            h = cell(x[:, t], h)
        lowest.append(h)
    torch.testing.assert_close(torch.stack(lowest), last[:2], **exact)
    assert all(torch.isfinite(g).all() for g in found)
    block = slice(4, 8) if gate == "z" else slice(0, 4)
    assert all((g[block] == 0).all() for g in found[1:])  # nothing is learned there ...
    if value == 0.3:  # ... but elsewhere, unless the gate is shut
        assert all((g[8:] != 0).any() for g in found[1:])
    torch.testing.assert_close(layer.state_dict(), before, rtol=0, atol=0)


def test_wrong_arguments_of_what_looks_inside_are_named():
    cell = GRUCell(3, 4)
    p, x, h = dict(cell.named_parameters()), torch.zeros(2, 5, 3), torch.zeros(4)
    for message, call in [
        (r"x must have shape \(N, T, 3\), got \(5, 3\)", lambda: gru.trace(cell, x[0])),
        (r"x must have at least one step, got \(2, 0, 3\)", lambda: gru.trace(cell, x[:, :0])),
        (r"h must have shape \(2, 4\), got \(1, 4\)", lambda: gru.trace(cell, x, h[None])),
        ("gate must be one of 'z', 'r', got 'u'", lambda: gru.hold_gate(p, "u", 1)),
        (r"value must lie in \[0, 1\], got 2", lambda: gru.hold_gate(p, "r", 2)),
        (r"x must have shape \(3,\), got \(5, 3\)", lambda: gru.jacobian_terms(cell, x[0], h)),
        (
            r"h must have shape \(4,\), got \(1, 4\)",
            lambda: gru.jacobian_terms(cell, x[0, 0], h[None]),
        ),
        (r"update_bias must have shape \(4,\), got \(3,\)", lambda: GRU(3, 4, update_bias=h[:3])),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("other", [rnn.RNNCell(3, 4), nn.GRUCell(3, 4), GRU(3, 4)])
def test_only_a_cell_of_the_course_is_looked_into(other):
    message = f"cell must be a GRUCell, got {type(other).__name__}"
    with pytest.raises(TypeError, match=message):
        gru.trace(other, torch.zeros(2, 5, 3))
    with pytest.raises(TypeError, match=message):
        gru.jacobian_terms(other, torch.zeros(3), torch.zeros(4))


def test_wrong_arguments_of_the_cell_are_named():
    cell, x = GRUCell(5, 7), torch.zeros(3, 5)
    for message, call in [
        (r"x must have shape \(N, 5\), got \(5,\)", lambda: cell(x[0])),
        (r"x must have shape \(N, 5\), got \(3, 4\)", lambda: cell(x[:, :4])),
        (r"h must have shape \(3, 7\), got \(1, 7\)", lambda: cell(x, torch.zeros(1, 7))),
        (r"h must have shape \(3, 7\), got \(7,\)", lambda: cell(x, torch.zeros(7))),
        ("reset must be one of 'after', 'before', got 'in'", lambda: GRUCell(5, 7, reset="in")),
        ("z must be one of 'old', 'new', got 'no'", lambda: GRUCell(5, 7, z="no")),
        ("z must be one of 'old', 'new', got 'no'", lambda: cell.with_z("no")),
        ("hidden_size must be at least 1, got 0", lambda: GRUCell(5, 0)),
        ("input_size must be at least 1, got 0", lambda: GRUCell(0, 5)),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="h must be a tensor, got tuple"):
        cell(x, (torch.zeros(3, 7),))


# ---- the layer is torch's


@pytest.mark.parametrize("value", [None, 3.0, torch.arange(7.0)])
def test_update_bias_is_the_bias_of_all_update_gates_and_of_nothing_else(value):
    options = dict(num_layers=2, bidirectional=True)
    torch.manual_seed(1)
    plain = dict(GRU(5, 7, **options).named_parameters())
    torch.manual_seed(1)
    layer = GRU(5, 7, **options, update_bias=value)
    for name, parameter in layer.named_parameters():
        expected = plain[name].detach().clone()
        if name.startswith("bias") and value is not None:
            expected[7:14] = 0.0
        if name.startswith("bias_ih") and value is not None:
            expected[7:14] = value
        assert torch.equal(parameter, expected)
        assert parameter.requires_grad
    if value is not None:  # the cell agrees which gate that is
        for layer_index in (0, 1):
            b_z = GRUCell.from_layer(layer, layer_index=layer_index, reverse=True).b_z
            torch.testing.assert_close(b_z, torch.ones(7) * value)


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layer_is_torchs(assert_equal_layers, num_layers, bidirectional):
    options = dict(num_layers=num_layers, bidirectional=bidirectional)
    ours, theirs = GRU(5, 7, **options), nn.GRU(5, 7, batch_first=True, **options)
    state = torch.randn(num_layers * (1 + bidirectional), 3, 7)
    assert_equal_layers(ours, theirs, torch.randn(3, 11, 5), state)
    assert_equal_layers(ours, theirs, torch.randn(3, 1, 5))
    theirs.load_state_dict(GRU(5, 7, **options).state_dict(), strict=True)


@pytest.mark.parametrize("training", [False, True])
def test_layer_draws_torchs_dropout(assert_equal_layers, training):
    options = dict(num_layers=2, dropout=0.4)
    ours, theirs = GRU(5, 7, **options), nn.GRU(5, 7, batch_first=True, **options)
    assert_equal_layers(ours.train(training), theirs.train(training), torch.randn(3, 6, 5))


def test_layer_is_torchs_in_float32(assert_equal_layers):
    ours, theirs = GRU(5, 7), nn.GRU(5, 7, batch_first=True)
    assert_equal_layers(ours, theirs, torch.randn(3, 11, 5), double=False, atol=1e-5)


def test_same_seed_gives_torchs_initial_weights():
    torch.manual_seed(1)
    ours = GRU(5, 7, num_layers=2).state_dict()
    torch.manual_seed(1)
    theirs = nn.GRU(5, 7, num_layers=2).state_dict()
    assert list(ours) == list(theirs)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@few
@given(sizes, sizes, sizes, sizes)
def test_gradients_by_hand_are_autograds(n, steps, d, h):
    layer = GRU(d, h).double()
    x, state = random(n, steps, d), random(1, n, h)
    wanted = [x, state, *layer.parameters()]
    by_hand = layer(x, state)
    layer.fused = False
    by_autograd = layer(x, state)
    torch.testing.assert_close(by_hand, by_autograd, **exact)
    torch.testing.assert_close(gradients(by_hand, wanted), gradients(by_autograd, wanted), **exact)
    for mine, reference in zip(by_hand, by_autograd, strict=True):  # and of each result alone
        alone = gradients([mine], [x, state]), gradients([reference], [x, state])
        torch.testing.assert_close(*alone, **exact)


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("theirs", [False, True])
def test_cell_stepped_is_the_layer(reverse, theirs):
    kind = nn.GRU if theirs else GRU
    layer = kind(5, 7, bidirectional=True, **({"batch_first": True} if theirs else {})).double()
    x, state = random(3, 11, 5), random(2, 3, 7)
    outputs, last = layer(x, state)
    cell, h = GRUCell.from_layer(layer, reverse=bool(reverse)), state[reverse]
    for t in range(11)[:: -1 if reverse else 1]:
        h = cell(x[:, t], h)
        torch.testing.assert_close(h, outputs[:, t, 7 * reverse : 7 + 7 * reverse], **exact)
    torch.testing.assert_close(h, last[reverse], **exact)


def test_cell_of_another_layer_or_kind():
    layer = GRU(5, 7, num_layers=2)
    torch.testing.assert_close(GRUCell.from_layer(layer, layer_index=1).W, layer.weight_ih_l1[14:])
    with pytest.raises(TypeError, match="layer must be a GRU, got RNN"):
        GRUCell.from_layer(rnn.RNN(5, 7))
    with pytest.raises(ValueError, match="layer_index must be one of 0, 1, got 2"):
        GRUCell.from_layer(layer, layer_index=2)


def test_conventions_of_z_convert_on_another_device():
    cell = GRUCell(5, 7).to("meta").with_z("new")
    assert cell(torch.zeros(3, 5, device="meta")).device.type == "meta"
