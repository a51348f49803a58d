"""dlnotes.recurrent: what RNN, LSTM and GRU share, by hand = autograd's, alone = in a batch."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from recurrences import LAYERS, every_layer, exact, few, flat, gradients, random, sizes, some_state
from torch import nn

from dlnotes import rnn
from dlnotes.gru import GRU
from dlnotes.lstm import LSTM
from dlnotes.rnn import RNN

# ---- what RNN, LSTM and GRU share


@every_layer
@few
@given(sizes, sizes, sizes, sizes, st.integers(1, 2), st.booleans())
def test_gradients_by_hand_are_autograds(name, n, steps, d, h, num_layers, bidirectional):
    layer = LAYERS[name](d, h, num_layers=num_layers, bidirectional=bidirectional).double()
    x, state = random(n, steps, d), some_state(layer, n)
    wanted = [x, *(state if isinstance(state, tuple) else [state]), *layer.parameters()]
    by_hand = flat(layer(x, state))
    layer.fused = False
    by_autograd = flat(layer(x, state))
    torch.testing.assert_close(by_hand, by_autograd, **exact)
    torch.testing.assert_close(gradients(by_hand, wanted), gradients(by_autograd, wanted), **exact)


@every_layer
@pytest.mark.parametrize("which", [0, 1, -1])
def test_a_single_result_sends_its_gradient_back_alone(name, which):
    layer = LAYERS[name](3, 4).double()
    x, state = random(2, 5, 3), some_state(layer, 2)
    wanted = [x, *(state if isinstance(state, tuple) else [state]), *layer.parameters()]
    by_hand = gradients([flat(layer(x, state))[which]], wanted)
    layer.fused = False
    by_autograd = gradients([flat(layer(x, state))[which]], wanted)
    torch.testing.assert_close(by_hand, by_autograd, **exact)


@every_layer
@pytest.mark.parametrize("frozen", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
def test_what_is_frozen_gets_no_gradient_and_changes_no_other(name, frozen):
    layer, x = LAYERS[name](3, 4).double(), random(2, 5, 3)
    layer(x)[0].sum().backward()
    wanted = {key: p.grad for key, p in layer.named_parameters() if key != frozen} | {"x": x.grad}
    layer.zero_grad(set_to_none=True)
    x.grad = None
    layer.get_parameter(frozen).requires_grad_(False)
    layer(x)[0].sum().backward()
    ours = {key: p.grad for key, p in layer.named_parameters() if key != frozen} | {"x": x.grad}
    torch.testing.assert_close(ours, wanted, **exact)
    assert layer.get_parameter(frozen).grad is None
    with torch.no_grad():
        assert not layer(x)[0].requires_grad


@every_layer
def test_every_gradient_has_its_own_memory_and_adds_up(name):
    layer, x = LAYERS[name](3, 4), torch.randn(2, 5, 3)
    layer(x)[0].sum().backward()
    assert len({p.grad.data_ptr() for p in layer.parameters()}) == 4
    once = [p.grad.clone() for p in layer.parameters()]
    layer(x)[0].sum().backward()
    for parameter, grad in zip(layer.parameters(), once, strict=True):
        torch.testing.assert_close(parameter.grad, 2 * grad)


@every_layer
def test_gradients_that_come_in_stay_as_they_are(name):
    layer = LAYERS[name](3, 4)
    results = flat(layer(torch.randn(2, 5, 3)))
    given = [torch.randn_like(result) for result in results]
    kept = [g.clone() for g in given]
    torch.autograd.grad(results, list(layer.parameters()), given)
    torch.testing.assert_close(given, kept, rtol=0, atol=0)


@every_layer
def test_a_state_may_be_changed_in_place(name):
    layer, x = LAYERS[name](3, 4).double(), random(2, 5, 3)
    _, *states = flat(layer(x))
    expected = gradients([2 * s for s in states], [x, *layer.parameters()])
    _, *states = flat(layer(x))
    ours = gradients([s.mul_(2) for s in states], [x, *layer.parameters()])
    torch.testing.assert_close(ours, expected, **exact)


@every_layer
def test_layer_has_a_second_derivative(name):
    layer, x = LAYERS[name](1, 2).double(), random(1, 3, 1)
    state = some_state(layer, 1)
    state = state if isinstance(state, tuple) else (state,)
    names, weights = zip(*layer.named_parameters(), strict=True)

    def run(x, *rest):
        values = dict(zip(names, rest[len(state) :], strict=True))
        start = rnn.bare(rest[: len(state)])
        return flat(torch.func.functional_call(layer, values, (x, start)))

    assert torch.autograd.gradcheck(run, (x, *state, *weights))
    assert torch.autograd.gradgradcheck(run, (x, *state, *weights))


@every_layer
def test_second_derivative_counts_each_way_once(name):
    layer, x = LAYERS[name](3, 3).double(), random(2, 4, 3)

    def penalty(layer):
        twice = layer(layer(x)[0])[0]  # the second pass depends on the weights through its input
        wanted = (x, *layer.parameters())
        first = torch.autograd.grad((twice**2).sum(), wanted, create_graph=True)
        return torch.autograd.grad(sum((g**2).sum() for g in first), wanted)

    by_hand = penalty(layer)
    layer.fused = False
    torch.testing.assert_close(by_hand, penalty(layer), **exact)


@every_layer
@few
@given(st.data(), st.integers(1, 2), st.booleans())
def test_lengths_give_what_each_sequence_gives_alone(name, data, num_layers, bidirectional):
    steps = data.draw(st.integers(1, 6))
    lengths = torch.tensor(data.draw(st.lists(st.integers(1, steps), min_size=1, max_size=5)))
    layer = LAYERS[name](3, 2, num_layers=num_layers, bidirectional=bidirectional).double()
    x, state = random(len(lengths), steps, 3), some_state(layer, len(lengths))
    states = state if isinstance(state, tuple) else (state,)
    wanted = [x, *states, *layer.parameters()]
    together = flat(layer(x, state, lengths=lengths))
    alone = []
    for i, length in enumerate(lengths.tolist()):
        start = rnn.bare(tuple(s[:, i : i + 1] for s in states))
        outputs, *last = flat(layer(x[i : i + 1, :length], start))
        alone.append((F.pad(outputs, (0, 0, 0, steps - length)), *last))
    outputs, *last = zip(*alone, strict=True)
    alone = torch.cat(outputs), *(torch.cat(s, dim=1) for s in last)
    torch.testing.assert_close(together, alone, **exact)
    torch.testing.assert_close(gradients(together, wanted), gradients(alone, wanted), **exact)


@every_layer
def test_lengths_are_torchs_packed_sequences(name):
    options = dict(num_layers=2, bidirectional=True)
    theirs = getattr(nn, name)(3, 4, batch_first=True, **options).double()
    ours = LAYERS[name](3, 4, **options).double()
    ours.load_state_dict(theirs.state_dict())
    x, lengths = random(5, 7, 3), torch.tensor([3, 7, 1, 3, 6])
    pack, unpack = nn.utils.rnn.pack_padded_sequence, nn.utils.rnn.pad_packed_sequence
    packed, state = theirs(pack(x, lengths, batch_first=True, enforce_sorted=False))
    expected = flat((unpack(packed, batch_first=True)[0], state))
    for dtype in (torch.int64, torch.int32):
        torch.testing.assert_close(flat(ours(x, lengths=lengths.to(dtype))), expected, **exact)


@every_layer
def test_what_stands_past_the_end_does_not_matter(name):
    layer, x = LAYERS[name](3, 4, bidirectional=True), torch.randn(2, 5, 3)
    x[0, 2:], x[1, 4:] = math.nan, math.inf
    outputs, _ = layer(x.requires_grad_(), lengths=torch.tensor([2, 4]))
    outputs.sum().backward()
    assert outputs.isfinite().all() and all(p.grad.isfinite().all() for p in layer.parameters())
    assert x.grad.isfinite().all()


def test_full_lengths_are_no_lengths():
    layer, x = RNN(3, 4, num_layers=2), torch.randn(2, 5, 3)
    full = torch.full((2,), 5)
    torch.testing.assert_close(layer(x, lengths=full), layer(x), rtol=0, atol=1e-7)


@every_layer
def test_state_carries_a_sequence_over_a_cut(name):
    layer, x = LAYERS[name](3, 4, num_layers=2).double(), random(2, 7, 3)
    first, state = layer(x[:, :3])
    second, state = layer(x[:, 3:], state)
    whole = flat(layer(x))
    torch.testing.assert_close(flat((torch.cat([first, second], 1), state)), whole, **exact)


@every_layer
def test_layer_works_under_autocast_and_keeps_its_own_gradients(name):
    layer, x = LAYERS[name](3, 4, num_layers=2), torch.randn(2, 5, 3)
    expected, _ = layer(x)
    for fused in (True, False):
        layer.fused = fused
        with torch.autocast("cpu", torch.bfloat16):
            outputs, _ = layer(x)
        assert outputs.dtype == torch.bfloat16
        torch.testing.assert_close(outputs.float(), expected, rtol=0, atol=0.03)
        outputs.float().sum().backward()
        assert all(p.grad.dtype == torch.float32 for p in layer.parameters())


def test_compiled_layer_knows_autocast_and_lengths():
    torch.compiler.reset()
    layer, x, lengths = LSTM(3, 4), torch.randn(3, 5, 3), torch.tensor([2, 5, 1])
    compiled = torch.compile(layer, backend="eager")
    torch.testing.assert_close(compiled(x, lengths=lengths), layer(x, lengths=lengths))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(compiled(x), layer(x), rtol=0, atol=0.02)


@every_layer
def test_jacobian_of_the_unfused_layer_by_torch_func(name):
    layer, x = LAYERS[name](2, 3).double(), random(1, 4, 2).detach()
    expected = torch.autograd.functional.jacobian(lambda x: layer(x)[0], x)
    layer.fused = False
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        torch.testing.assert_close(jacobian(lambda x: layer(x)[0])(x), expected, **exact)


@every_layer
def test_an_empty_batch_is_a_batch(name):
    layer = LAYERS[name](3, 4, num_layers=2)
    for lengths in (None, torch.zeros(0, dtype=torch.int64)):
        outputs, *state = flat(layer(torch.zeros(0, 5, 3), lengths=lengths))
        assert outputs.shape == (0, 5, 4) and state[0].shape == (2, 0, 4)


@every_layer
def test_wrong_arguments_of_a_layer_are_named(name):
    layer, x = LAYERS[name](3, 4, num_layers=2), torch.zeros(2, 5, 3)
    good = torch.zeros(2, 2, 4)
    for message, arguments, options in [
        (r"x must have shape \(N, T, 3\), got \(5, 3\)", (x[0],), {}),
        (r"x must have shape \(N, T, 3\), got \(2, 5, 2\)", (x[..., :2],), {}),
        (r"x must have at least one step, got \(2, 0, 3\)", (x[:, :0],), {}),
        (r"lengths must have shape \(2,\), got \(1,\)", (x,), dict(lengths=torch.tensor([5]))),
        (r"lengths must lie in \[1, 5\].*got 0", (x,), dict(lengths=torch.tensor([0, 5]))),
        (r"lengths must lie in \[1, 5\].*got 6", (x,), dict(lengths=torch.tensor([1, 6]))),
    ]:
        with pytest.raises(ValueError, match=message):
            layer(*arguments, **options)
    for i, letter in enumerate(layer.state_names):
        for wrong in (good[:1], good[:, :1], good[..., :1], good[0]):
            state = [good] * len(layer.state_names)
            state[i] = wrong
            message = rf"{letter} must have shape \(2, 2, 4\), got"
            with pytest.raises(ValueError, match=message):
                layer(x, rnn.bare(tuple(state)))
    with pytest.raises(TypeError, match=r"lengths must be integers, got torch\.float32"):
        layer(x, lengths=torch.tensor([1.0, 2.0]))
    with pytest.raises(TypeError, match=r"lengths must be integers, got torch\.bool"):
        layer(x, lengths=torch.tensor([True, True]))
    with pytest.raises(TypeError, match="lengths must be a tensor, got list"):
        layer(x, lengths=[1, 2])


@every_layer
@pytest.mark.parametrize(
    "wrong", [dict(num_layers=0), dict(hidden_size=-1), dict(input_size=0), dict(dropout=1.5)]
)
def test_a_wrong_size_of_a_layer_is_named(name, wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must .*, got"):
        LAYERS[name](**dict(input_size=5, hidden_size=7) | wrong)
    with pytest.raises(ValueError, match="nonlinearity must be one of 'tanh', 'relu', got 'sig"):
        RNN(5, 7, nonlinearity="sigmoid")


def test_layer_says_what_it_is():
    assert repr(GRU(3, 4)) == "GRU(3, 4, num_layers=1, bidirectional=False, dropout=0.0)"
