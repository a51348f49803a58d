"""dlnotes.cnn: torch's convolution, autograd's gradients, torchvision's networks."""

import copy
import functools
import re

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dlnotes import cnn

few = settings(max_examples=40, deadline=None)
sizes = st.integers(1, 3)
pairs = st.tuples(sizes, sizes)
paddings = st.tuples(st.integers(0, 2), st.integers(0, 2))
exact = dict(rtol=0, atol=1e-10)


def random(*shape):
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def gradients(outputs, *tensors):
    return torch.autograd.grad(outputs, tensors, torch.cos(7 * outputs.detach()))


def parameters(model):
    return sum(p.numel() for p in model.parameters())


# ---- sizes


@few
@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 3), sizes, sizes)
def test_output_size_is_torchs(size, kernel, padding, stride, dilation):
    options = dict(padding=padding, stride=stride, dilation=dilation)
    try:
        x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
        theirs = F.conv1d(x, weight, **options).shape[-1]
    except RuntimeError:  # no window fits
        with pytest.raises(ValueError, match="kernel must fit into the padded input: it spans"):
            cnn.conv_output_size(size, kernel, **options)
    else:
        assert cnn.conv_output_size(size, kernel, **options) == theirs


@few
@given(st.integers(1, 12), st.integers(1, 6), sizes)
def test_pool_output_size_is_torchs(size, kernel, stride):
    assume(kernel <= size)
    theirs = F.max_pool1d(torch.zeros(1, 1, size), kernel, stride).shape[-1]
    assert cnn.pool_output_size(size, kernel, stride=stride) == theirs


def test_default_is_a_dense_convolution_without_padding():
    assert cnn.conv_output_size(28, 5) == 24


@pytest.mark.parametrize("name", ["size", "kernel", "stride", "dilation", "padding"])
@pytest.mark.parametrize("wrong", [-1, 1.0, True])
def test_a_wrong_size_is_named(name, wrong):
    arguments = dict(size=8, kernel=3, stride=1, dilation=1, padding=0) | {name: wrong}
    with pytest.raises((ValueError, TypeError), match=f"^{name} must be"):
        cnn.conv_output_size(arguments.pop("size"), arguments.pop("kernel"), **arguments)


# ---- receptive field


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), sizes, sizes), max_size=3))
def test_receptive_field_is_where_the_gradient_is_not_zero(layers):
    convolutions = [nn.Conv1d(1, 1, k, stride=s, dilation=d).double() for k, s, d in layers]
    for layer in convolutions:
        nn.init.ones_(layer.weight)
    x = torch.zeros(1, 1, 120, dtype=torch.float64, requires_grad=True)
    nn.Sequential(*convolutions)(x)[0, 0, 0].backward()
    seen = x.grad[0, 0].nonzero()
    field = int(seen.max() - seen.min()) + 1
    assert cnn.receptive_field(layers) == field
    assert cnn.receptive_field(convolutions) == field
    assert cnn.receptive_field(nn.Sequential(*convolutions)) == field


def test_receptive_field_of_three_small_kernels_and_of_vgg():
    assert cnn.receptive_field([(3, 1)] * 3) == 7
    assert cnn.receptive_field([[3, 1]] * 3) == 7
    with torch.device("meta"):
        assert cnn.receptive_field(torchvision.models.vgg16().features) == 212
        assert cnn.receptive_field(cnn.vgg_features(cnn.VGG16_PLAN)) == 212


def test_receptive_field_counts_pooling_and_skips_pointwise_layers():
    pools = [nn.MaxPool2d(3, 2), nn.BatchNorm2d(1), nn.Sequential(nn.AvgPool2d(2), nn.ReLU())]
    assert cnn.receptive_field([*pools, nn.Conv2d(1, 1, 3, stride=1)]) == 3 + 2 + 2 * 4


@pytest.mark.parametrize("layer", [nn.Linear(2, 2), nn.ConvTranspose2d(1, 1, 2), (3,), 3, "conv"])
def test_receptive_field_of_another_layer_is_an_error(layer):
    with pytest.raises(TypeError, match="layers must be"):
        cnn.receptive_field([(3, 1), layer])


def test_receptive_field_of_an_oblong_window_is_an_error():
    with pytest.raises(ValueError, match=r"square windows, got kernel_size \(1, 3\)"):
        cnn.receptive_field([nn.Conv2d(1, 1, (1, 3))])
    with pytest.raises(ValueError, match="stride must be at least 1, got 0"):
        cnn.receptive_field([(3, 0)])


# ---- the convolution


@few
@given(sizes, sizes, sizes, st.tuples(st.integers(3, 8), st.integers(3, 8)), pairs, pairs, paddings)
def test_conv2d_is_torchs_with_all_gradients(n, c, o, size, kernel, stride, padding):
    x, weight, bias = random(n, c, *size), random(o, c, *kernel), random(o)
    options = dict(stride=stride, padding=padding)
    ours, theirs = (f(x, weight, bias, **options) for f in (cnn.conv2d, F.conv2d))
    torch.testing.assert_close(ours, theirs, **exact)
    for mine, reference in zip(
        gradients(ours, x, weight, bias), gradients(theirs, x, weight, bias), strict=True
    ):
        torch.testing.assert_close(mine, reference, **exact)


@few
@given(pairs, pairs, paddings, pairs)
def test_conv2d_and_its_definition_know_strides_paddings_and_dilations(kernel, stride, pad, dilate):
    x, weight, bias = random(2, 2, 7, 8), random(3, 2, *kernel), random(3)
    options = dict(stride=stride, padding=pad, dilation=dilate)
    theirs = F.conv2d(x, weight, bias, **options)
    torch.testing.assert_close(cnn.conv2d(x, weight, bias, **options), theirs, **exact)
    torch.testing.assert_close(cnn.conv2d_loops(x, weight, bias, **options), theirs, **exact)


@pytest.mark.parametrize("conv2d", [cnn.conv2d, cnn.conv2d_loops])
@pytest.mark.parametrize("options", [{}, dict(stride=2), dict(padding=2), dict(dilation=[2, 1])])
def test_one_number_stands_for_both_axes_and_the_bias_may_be_missing(conv2d, options):
    x, weight = random(2, 3, 8, 7), random(4, 3, 3, 2)
    torch.testing.assert_close(conv2d(x, weight, **options), F.conv2d(x, weight, **options))


def test_the_loops_are_differentiable_too():
    x, weight, bias = random(1, 2, 4, 4), random(2, 2, 3, 3), random(2)
    ours, theirs = (f(x, weight, bias, padding=1) for f in (cnn.conv2d_loops, F.conv2d))
    torch.testing.assert_close(gradients(ours, x, weight, bias), gradients(theirs, x, weight, bias))


def test_conv2d_has_a_second_derivative():
    x, weight, bias = random(1, 2, 5, 4), random(2, 2, 3, 2), random(2)

    def convolve(x, weight, bias):
        return cnn.conv2d(x, weight, bias, stride=2, padding=1)

    assert torch.autograd.gradcheck(convolve, (x, weight, bias))
    assert torch.autograd.gradgradcheck(convolve, (x, weight, bias))


def test_conv2d_does_not_flip_its_kernel():
    x, weight = random(1, 1, 6, 5).detach(), random(1, 1, 3, 2).detach()
    ours = cnn.conv2d(x, weight)[0, 0].numpy()
    x, weight = x[0, 0].numpy(), weight[0, 0].numpy()
    np.testing.assert_allclose(ours, scipy.signal.correlate2d(x, weight, "valid"))
    flipped = weight[::-1, ::-1]
    np.testing.assert_allclose(ours, scipy.signal.convolve2d(x, flipped, "valid"))


@few
@given(sizes, sizes, sizes, st.tuples(st.integers(3, 8), st.integers(3, 8)), pairs, pairs, paddings)
def test_hand_derived_gradients_are_autograds(n, c, o, size, kernel, stride, padding):
    x, weight, bias = random(n, c, *size), random(o, c, *kernel), random(o)
    y = F.conv2d(x, weight, bias, stride=stride, padding=padding)
    delta = torch.cos(7 * y.detach())
    ours = cnn.conv2d_backward(x, weight, delta, stride=stride, padding=padding)
    torch.testing.assert_close(ours, torch.autograd.grad(y, (x, weight, bias), delta), **exact)


@pytest.mark.parametrize(
    "options", [{}, dict(stride=2), dict(padding=1), dict(stride=3, padding=2)]
)
def test_hand_derived_gradients_take_one_number_for_both_axes(options):
    x, weight, bias = random(2, 3, 9, 8), random(2, 3, 3, 2), random(2)
    y = F.conv2d(x, weight, bias, **options)
    ours = cnn.conv2d_backward(x, weight, torch.ones_like(y), **options)
    theirs = torch.autograd.grad(y.sum(), (x, weight, bias))
    torch.testing.assert_close(ours, theirs, **exact)


@pytest.mark.parametrize("conv2d", [cnn.conv2d, cnn.conv2d_loops])
def test_wrong_arguments_of_conv2d_are_named(conv2d):
    x, weight, bias = torch.zeros(2, 3, 6, 6), torch.zeros(4, 3, 3, 3), torch.zeros(4)
    for message, arguments, options in [
        (r"x must have shape \(N, C, H, W\), got \(3, 6, 6\)", (x[0], weight), {}),
        (r"weight must have shape \(O, 3, K, L\), got \(4, 2, 3, 3\)", (x, weight[:, :2]), {}),
        (r"bias must have shape \(4,\), got \(1,\)", (x, weight, bias[:1]), {}),
        ("stride must be at least 1, got 0", (x, weight), dict(stride=(1, 0))),
        ("stride must be at least 1, got 0", (x, weight), dict(stride=(0, 1))),
        ("padding must be at least 0, got -1", (x, weight), dict(padding=-1)),
        ("dilation must be at least 1, got 0", (x, weight), dict(dilation=0)),
        (r"kernel must fit .* spans 3 .* is 2", (x[:, :, :2], weight), {}),
        (r"kernel must fit .* spans 3 .* is 2", (x[..., :2], weight), dict(padding=(1, 0))),
        (r"kernel must fit .* spans 7", (x, weight), dict(dilation=(1, 3))),
    ]:
        with pytest.raises(ValueError, match=message):
            conv2d(*arguments, **options)
    for options in (dict(padding="same"), dict(stride=(1, 2, 3)), dict(stride=1.5)):
        with pytest.raises(TypeError, match=f"{next(iter(options))} must be an integer"):
            conv2d(x, weight, **options)
    with pytest.raises(TypeError, match="x must be a tensor, got list"):
        conv2d([1.0], weight)


def test_wrong_arguments_of_conv2d_backward_are_named():
    x, weight, delta = torch.zeros(2, 3, 6, 6), torch.zeros(4, 3, 3, 3), torch.zeros(2, 4, 4, 4)
    for message, arguments, options in [
        (r"x must have shape", (x[0], weight, delta), {}),
        (r"weight must have shape \(O, 3, K, L\)", (x, weight[:, :2], delta), {}),
        (r"grad_output must have shape \(2, 4, 4, 4\)", (x, weight, delta[:1]), {}),
        (r"grad_output must have shape \(2, 4, 2, 4\)", (x, weight, delta), dict(stride=(2, 1))),
    ]:
        with pytest.raises(ValueError, match=message):
            cnn.conv2d_backward(*arguments, **options)


# ---- the convolution as a matrix


@few
@given(st.integers(1, 7), st.integers(0, 4))
def test_circulant_matrix_is_scipys_and_the_convolution_theorem_holds(length, more):
    n = length + more
    kernel, x = random(length).detach(), random(n).detach()
    matrix = cnn.conv1d_circulant(kernel, n)
    padded = F.pad(kernel, (0, more))
    assert np.array_equal(matrix.numpy(), scipy.linalg.circulant(padded.numpy()))
    spectrum = torch.fft.fft(padded) * torch.fft.fft(x)
    torch.testing.assert_close(matrix @ x, torch.fft.ifft(spectrum).real, **exact)


def test_circulant_matrix_is_a_polynomial_in_the_shift_and_commutes_with_it():
    kernel, shift = random(3).detach(), torch.roll(torch.eye(8, dtype=torch.float64), 1, 0)
    matrix = cnn.conv1d_circulant(kernel, 8)
    powers = [torch.linalg.matrix_power(shift, k) for k in range(3)]
    torch.testing.assert_close(matrix, sum(c * p for c, p in zip(kernel, powers, strict=True)))
    torch.testing.assert_close(matrix @ shift, shift @ matrix)


def test_circulant_matrix_acts_as_a_convolution_with_circular_padding():
    kernel, x = random(3).detach(), random(8).detach()
    circular = F.pad(x[None, None], (2, 0), mode="circular")  # xᵢ₋₂, xᵢ₋₁, xᵢ for each i
    theirs = F.conv1d(circular, kernel.flip(0)[None, None])[0, 0]
    torch.testing.assert_close(cnn.conv1d_circulant(kernel, 8) @ x, theirs)


@pytest.mark.parametrize("length", [0, 5])
def test_a_kernel_longer_than_the_circle_is_an_error(length):
    with pytest.raises(ValueError, match=f"between 1 and n = 4 entries, got {length}"):
        cnn.conv1d_circulant(torch.zeros(length), 4)


def test_other_wrong_arguments_of_the_circulant_matrix_are_named():
    with pytest.raises(ValueError, match=r"kernel must have shape \(K,\), got \(2, 2\)"):
        cnn.conv1d_circulant(torch.zeros(2, 2), 4)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        cnn.conv1d_circulant(torch.zeros(2), 0)


# ---- pooling

POOLS = {
    "max": F.max_pool2d,
    "min": lambda x, *window: -F.max_pool2d(-x, *window),
    "average": F.avg_pool2d,
}


@few
@given(st.sampled_from(sorted(POOLS)), pairs, pairs)
def test_pooling_is_torchs_with_its_gradient(kind, kernel, stride):
    x = random(2, 3, 7, 6)
    ours = cnn.pool2d(x, kernel, stride=stride, kind=kind)
    theirs = POOLS[kind](x, kernel, stride)
    torch.testing.assert_close(ours, theirs, **exact)
    torch.testing.assert_close(gradients(ours, x), gradients(theirs, x), **exact)


@pytest.mark.parametrize("kind", sorted(POOLS))
def test_pooling_windows_lie_side_by_side_unless_a_stride_is_given(kind):
    x = random(2, 3, 7, 6)
    torch.testing.assert_close(cnn.pool2d(x, 2, kind=kind), POOLS[kind](x, 2))
    torch.testing.assert_close(cnn.pool2d(x, (3, 2), kind=kind), POOLS[kind](x, (3, 2)))
    torch.testing.assert_close(cnn.pool2d(x, 3, stride=2, kind=kind), POOLS[kind](x, 3, 2))


def test_among_equals_only_one_pixel_gets_the_gradient():
    x = torch.zeros(1, 1, 4, 4, requires_grad=True)  # what ReLU leaves behind
    for kind in ("max", "min"):
        (grad,) = torch.autograd.grad(cnn.pool2d(x, 2, kind=kind).sum(), x)
        assert grad.unique().tolist() == [0, 1]
        assert (F.avg_pool2d(grad, 2) == 1 / 4).all()  # one winner in each window


def test_wrong_arguments_of_pooling_are_named():
    x = torch.zeros(1, 1, 6, 6)
    for message, arguments, options in [
        ("kind must be one of 'max', 'min', 'average', got 'sum'", (x, 2), dict(kind="sum")),
        ("x must have shape", (x[0], 2), {}),
        ("kernel must be at least 1, got 0", (x, 0), {}),
        ("stride must be at least 1, got 0", (x, 2), dict(stride=0)),
        ("kernel must fit", (x, (7, 1)), dict(stride=1)),
        ("kernel must fit", (x, (1, 7)), dict(stride=1)),
        ("kernel must fit", (x[:, :, :5], (6, 1)), dict(stride=1)),
        ("kernel must fit", (x[..., :5], (1, 6)), dict(stride=1)),
    ]:
        with pytest.raises(ValueError, match=message):
            cnn.pool2d(*arguments, **options)


# ---- the networks

COUNTS = {
    "AlexNet": 61_100_840,
    "VGG16": 138_357_544,
    "GoogLeNet": 13_004_888,
    "ResNet18": 11_689_512,
    "ResNet34": 21_797_672,
    "ResNet50": 25_557_032,
}


def torchvisions(name, *, num_classes):
    options = dict(init_weights=True) if name == "GoogLeNet" else {}
    return getattr(torchvision.models, name.lower())(num_classes=num_classes, **options)


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_torchvisions_by_number_name_and_shape(name):
    with torch.device("meta"):
        ours, theirs = getattr(cnn, name)(), torchvisions(name, num_classes=1000)
    assert parameters(ours) == COUNTS[name]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    shapes = [[x.shape for x in model.state_dict().values()] for model in (ours, theirs)]
    assert shapes[0] == shapes[1]


NAMES_AND_MODES = [
    *((name, training) for name in ("GoogLeNet", "ResNet18", "ResNet50") for training in (1, 0)),
    ("ResNet34", 1),  # the rest of it is ResNet18's
]


@pytest.mark.parametrize("name, training", NAMES_AND_MODES)
def test_network_is_torchvisions(assert_equal_layers, name, training):
    ours, theirs = getattr(cnn, name)(3), torchvisions(name, num_classes=3)
    for module in theirs.modules():  # away from 0 and 1, or nothing would depend on them
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean):
                tensor.uniform_(-0.5, 1)
            module.running_var.uniform_(0.5, 2)
    if name == "GoogLeNet":  # its initial kernels are so small that no signal comes through
        for kernel in theirs.parameters():
            kernel.data.mul_(10 if kernel.ndim == 4 else 1)
    height, width = (40, 33) if name == "GoogLeNet" else (41, 36)
    x = torch.randn(2, 3, height, width)
    assert_equal_layers(ours.train(training == 1), theirs.train(training == 1), x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name, size", [("AlexNet", (63, 70)), ("VGG16", (32, 40))])
def test_large_network_is_torchvisions(name, size, training):
    with torch.device("meta"):
        ours, theirs = getattr(cnn, name)(3), torchvisions(name, num_classes=3)
    theirs.to_empty(device="cpu")
    for parameter in theirs.parameters():  # cheap, and of a scale that lets the signal through
        bound = (6 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1
        parameter.data.uniform_(-bound, bound)
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)  # the same memory
    results = []
    for model in (ours, theirs):
        torch.manual_seed(0)  # the same dropout masks
        x = torch.ones(1, 3, *size).cumsum(2).sin().requires_grad_()
        y = model.train(training)(x)
        watched = [p for p in model.parameters() if p.numel() < 20_000_000]  # for memory's sake
        results.append((y, *gradients(y, x, *watched)))
    assert results[0][0].abs().max() > 1e-3 and results[0][1].abs().max() > 1e-9
    torch.testing.assert_close(*results, rtol=0, atol=1e-5)


class NarrowLinear(nn.Linear):
    """So that the 100 million weights of the fully connected layers need not be drawn."""

    def __init__(self, in_features, out_features):
        super().__init__(min(in_features, 20), min(out_features, 20))


@pytest.mark.parametrize("name", ["AlexNet", "VGG16", "GoogLeNet", "ResNet18", "ResNet50"])
def test_same_seed_gives_torchvisions_initial_weights(monkeypatch, name):
    monkeypatch.setattr(nn, "Linear", NarrowLinear)
    torch.manual_seed(1)
    ours = getattr(cnn, name)(3)
    torch.manual_seed(1)
    theirs = torchvisions(name, num_classes=3)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


def test_a_stage_without_blocks_is_an_error():
    with pytest.raises(ValueError, match="blocks must be at least 1, got 0"):
        cnn.residual_stage(cnn.BasicBlock, 8, 8, blocks=0, stride=1)


def test_googlenet_in_training_returns_three_logits_by_name():
    model, x = cnn.GoogLeNet(3), torch.randn(2, 3, 32, 32)
    outputs = model.train()(x)
    assert outputs._fields == torchvision.models.GoogLeNetOutputs._fields
    assert [y.shape for y in outputs] == [(2, 3)] * 3
    assert model.eval()(x).shape == (2, 3)


def test_googlenet_without_auxiliary_classifiers():
    with torch.device("meta"):
        model = cnn.GoogLeNet(aux_logits=False)
    assert parameters(model) == 6_624_904
    assert model.train()(torch.zeros(2, 3, 32, 32, device="meta")).shape == (2, 1000)


@pytest.mark.parametrize("name, smallest", [("AlexNet", 63), ("VGG16", 32), ("GoogLeNet", 15)])
def test_images_too_small_for_a_network_are_named(name, smallest):
    with torch.device("meta"):
        model = getattr(cnn, name)(3).eval()
        assert model(torch.zeros(2, 3, smallest, smallest)).shape == (2, 3)
        for shape in [(smallest - 1, smallest), (smallest, smallest - 1)]:
            with pytest.raises(ValueError, match=f"x must be at least {smallest} pixels .* got"):
                model(torch.zeros(2, 3, *shape))


@pytest.mark.parametrize("name", COUNTS)
def test_other_inputs_than_colour_images_are_named(name):
    with torch.device("meta"):
        model = getattr(cnn, name)(3).eval()
        for shape in [(2, 1, 64, 64), (3, 64, 64)]:
            with pytest.raises(ValueError, match=r"x must have shape \(N, 3, H, W\), got"):
                model(torch.zeros(shape))
        assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 3)


@pytest.mark.parametrize("name", ["LeNet5", *COUNTS])
def test_no_classes_are_an_error(name):
    with torch.device("meta"), pytest.raises(ValueError, match="num_classes must be at least 1"):
        getattr(cnn, name)(0)


# ---- LeNet-5


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_lenet_layer_by_layer(activation, pooling):
    model = cnn.LeNet5(7, activation=activation, pooling=pooling).double()
    act, pool = getattr(torch, activation), POOLS[pooling]
    weights = [p.detach() for p in model.parameters()]
    x = random(2, 1, 28, 28)
    y = pool(act(F.conv2d(x, *weights[0:2], padding=2)), 2)
    y = pool(act(F.conv2d(y, *weights[2:4])), 2).flatten(1)
    y = act(F.linear(y, weights[4].flatten(1), weights[5]))  # C5 is fully connected
    y = F.linear(act(F.linear(y, *weights[6:8])), *weights[8:10])
    torch.testing.assert_close(model(x), y)


def test_lenet_has_61706_parameters_and_layers_of_the_papers_sizes():
    model = cnn.LeNet5()
    assert parameters(model) == 61_706
    conv = 6 * 26, 16 * (6 * 25 + 1), 120 * (16 * 25 + 1)
    assert tuple(parameters(layer) for layer in (model.c1, model.c3, model.c5)) == conv
    assert parameters(model.f6) == 84 * 121
    assert isinstance(model.activation, nn.ReLU) and isinstance(model.s2, nn.MaxPool2d)


def test_wrong_arguments_of_lenet_are_named():
    with pytest.raises(
        ValueError, match=r"x must have shape \(N, 1, 28, 28\), got \(2, 1, 32, 32\)"
    ):
        cnn.LeNet5()(torch.zeros(2, 1, 32, 32))
    with pytest.raises(ValueError, match="activation must be one of 'relu', 'tanh', got 'gelu'"):
        cnn.LeNet5(activation="gelu")
    with pytest.raises(ValueError, match="pooling must be one of 'max', 'average', got 'min'"):
        cnn.LeNet5(pooling="min")


# ---- the small networks

SCALED = ["lenet5", "alexnet", "vgg", "googlenet", "resnet"]


@pytest.mark.parametrize("name", SCALED)
def test_small_network_classifies_grey_images_and_uses_every_parameter(name):
    model = cnn.scaled(name, 7).double().eval()
    assert 40_000 <= parameters(model) <= 300_000
    logits = model(torch.rand(3, 1, 28, 28, dtype=torch.float64))
    assert logits.shape == (3, 7)
    logits.logsumexp(1).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    for shape in [(3, 1, 32, 32), (3, 3, 28, 28), (3, 28, 28)]:
        with pytest.raises(ValueError, match=r"x must have shape \(N, 1, 28, 28\), got"):
            model(torch.zeros(shape))


def test_small_networks_are_as_large_as_their_description_says():
    rows = re.findall(r'"(\w+)" +([\d,]+) parameters +([\d,]+) multiply-adds', cnn.scaled.__doc__)
    assert [name for name, _, _ in rows] == SCALED
    for name, *numbers in rows:
        model = cnn.scaled(name)
        wanted = [int(number.replace(",", "")) for number in numbers]
        assert [parameters(model), cnn.flops(model, (1, 1, 28, 28))] == wanted


def test_small_networks_keep_the_idea_of_the_large_ones():
    networks = {name: list(cnn.scaled(name).modules()) for name in SCALED}

    def kernels(name):
        return {m.kernel_size for m in networks[name] if isinstance(m, nn.Conv2d)}

    def has(name, kind):
        return any(isinstance(m, kind) for m in networks[name])

    assert isinstance(networks["lenet5"][0], cnn.LeNet5)
    assert kernels("vgg") == {(3, 3)} and (5, 5) in kernels("alexnet")
    pools = [m for m in networks["alexnet"] if isinstance(m, nn.MaxPool2d)]
    assert pools and all(pool.kernel_size > pool.stride for pool in pools)  # they overlap
    assert [has(name, cnn.Inception) for name in SCALED] == [False, False, False, True, False]
    assert [has(name, cnn.BasicBlock) for name in SCALED] == [False, False, False, False, True]
    for name in ("googlenet", "resnet"):  # the last layer is the only fully connected one
        assert has(name, nn.AdaptiveAvgPool2d)
        assert sum(isinstance(m, nn.Linear) for m in networks[name]) == 1


def test_wrong_arguments_of_scaled_are_named():
    with pytest.raises(ValueError, match=r"name must be one of 'lenet5', 'alexnet', .*got 'vit'"):
        cnn.scaled("vit")
    with pytest.raises(ValueError, match="num_classes must be at least 1, got 0"):
        cnn.scaled("vgg", 0)


# ---- plain and residual stacks


def plain_or_residual_by_hand(model, x, *, residual):
    """He et al. 2016, §4.2, from the list of weights alone."""
    state, layers = model.state_dict(), list(model.children())
    blocks = [i for i, layer in enumerate(layers) if isinstance(layer, cnn.BasicBlock)]

    def convolve(x, conv, norm, stride=1):
        x = F.conv2d(x, state[f"{conv}.weight"], stride=stride, padding=1)
        return F.batch_norm(x, None, None, state[f"{norm}.weight"], state[f"{norm}.bias"], True)

    x = convolve(x, "0", "1").relu()
    for number, i in enumerate(blocks):
        stride = 2 if number in (len(blocks) // 3, 2 * len(blocks) // 3) else 1
        y = convolve(x, f"{i}.conv1", f"{i}.bn1", stride).relu()
        y = convolve(y, f"{i}.conv2", f"{i}.bn2")
        skip = torch.zeros_like(y)
        skip[:, : x.shape[1]] = x[:, :, ::stride, ::stride]
        x = (y + skip if residual else y).relu()
    last = len(layers) - 1
    return F.linear(x.mean((2, 3)), state[f"{last}.weight"], state[f"{last}.bias"])


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("depth", [8, 14])
def test_plain_and_residual_stack_are_the_papers(depth, residual):
    model = cnn.plain_or_residual(depth, residual=residual, width=4, num_classes=3).double()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.data.uniform_(-0.5, 1)
    x = random(3, 1, 9, 12).detach()
    by_hand = plain_or_residual_by_hand(model, x, residual=residual)
    assert by_hand.shape == (3, 3)
    torch.testing.assert_close(model(x), by_hand)


@pytest.mark.parametrize("depth", [8, 20, 56])
def test_depth_counts_layers_and_the_skips_cost_no_parameter(depth):
    with torch.device("meta"):
        plain, residual = (cnn.plain_or_residual(depth, residual=r) for r in (False, True))
    for model in (plain, residual):
        assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in model.modules()) == depth
    assert list(plain.state_dict()) == list(residual.state_dict())
    per_stage = depth // 6 * 2
    weights = 9 * (16 + per_stage * (16**2 + 32**2 + 64**2))
    weights -= 9 * (16 * 32 + 32 * 64)  # the first of stages 2 and 3 has half the input channels
    norms = 2 * (16 + per_stage * (16 + 32 + 64))
    assert parameters(plain) == parameters(residual) == weights + norms + 65 * 10


@pytest.mark.parametrize("depth", [2, 7, 10, 12, 13])
def test_a_depth_that_no_stack_has_is_named(depth):
    with pytest.raises(ValueError, match=f"depth must be .*got {depth}"):
        cnn.plain_or_residual(depth, residual=True)


def test_kernels_of_the_stacks_start_with_hes_variance():
    model = cnn.plain_or_residual(8, residual=True, width=32)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.in_channels > 1]
    for layer in convolutions:
        assert layer.weight.var().item() * layer.out_channels * 9 == pytest.approx(2, rel=0.05)


# ---- counting


def test_flops_of_single_layers_are_the_closed_forms():
    conv = nn.Conv2d(6, 8, (3, 2), stride=2, padding=1, groups=2, bias=False)
    height, width = cnn.conv_output_size(9, 3, padding=1, stride=2), (8 + 2 - 2) // 2 + 1
    assert cnn.flops(conv, (5, 6, 9, 8)) == 5 * 8 * height * width * 3 * 3 * 2
    assert cnn.flops(nn.Linear(7, 3), (5, 2, 7)) == 5 * 2 * 7 * 3
    assert cnn.flops(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), (1, 1, 4, 4)) == 0


def dot_products(model, x):
    """Each output of a convolution or linear layer is one dot product with a row of its weight."""
    count = 0

    def add(layer, inputs, output):
        nonlocal count
        count += output.numel() * layer.weight[0].numel()

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(add)
    model(x)
    return count


@pytest.mark.parametrize("name", [*COUNTS, *SCALED])
def test_flops_are_the_lengths_of_all_dot_products(name):
    shape = (2, 1, 28, 28) if name in SCALED else (2, 3, 224, 224)
    with torch.device("meta"):
        build = functools.partial(cnn.scaled, name) if name in SCALED else getattr(cnn, name)
        model, twin, x = build(), build().eval(), torch.zeros(shape)
    assert cnn.flops(model, shape) == dot_products(twin, x)


@pytest.mark.parametrize("name", COUNTS)
def test_flops_are_half_of_what_torch_counts(name):
    with torch.device("meta"):
        model = getattr(cnn, name)().eval()
        x = torch.zeros(2, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        model(x)
    assert cnn.flops(model, (2, 3, 224, 224)) == counter.get_total_flops() // 2


def test_nothing_is_computed_to_count(monkeypatch):
    devices = set()
    forward = nn.Conv2d.forward

    def watched(self, x):
        devices.update((x.device.type, self.weight.device.type))
        return forward(self, x)

    monkeypatch.setattr(nn.Conv2d, "forward", watched)
    cnn.flops(cnn.scaled("vgg"), (1, 1, 28, 28))
    assert devices == {"meta"}


def test_what_acts_in_training_only_is_not_counted():
    with torch.device("meta"):
        with_aux, without = (cnn.GoogLeNet(3, aux_logits=aux).train() for aux in (True, False))
    assert cnn.flops(with_aux, (1, 3, 32, 32)) == cnn.flops(without, (1, 3, 32, 32))


def test_counting_leaves_the_model_as_it_was():
    model = cnn.scaled("resnet").double().train()
    model[2].eval()
    before = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    assert cnn.flops(model, (1, 1, 28, 28)) > 1_000_000
    with pytest.raises(ValueError, match="x must have shape"):
        cnn.flops(model, (1, 1, 29, 28))
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks for module in model.modules())
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert all(p.device.type == "cpu" and p.requires_grad for p in model.parameters())


# ---- compiled, and on another device


def test_convolution_and_pooling_compile_into_one_graph():
    def layer(x, weight):
        return cnn.pool2d(cnn.conv2d(x, weight, stride=2, padding=1), 2, kind="max")

    compiled, weight = (
        torch.compile(layer, backend="eager", fullgraph=True),
        torch.randn(4, 3, 3, 3),
    )
    for height in (9, 12):
        x = torch.randn(2, 3, height, 10)
        torch.testing.assert_close(compiled(x, weight), layer(x, weight))


def test_functions_follow_their_inputs_to_another_device():
    x, weight = torch.zeros(2, 3, 9, 9, device="meta"), torch.zeros(4, 3, 3, 3, device="meta")
    y = cnn.conv2d(x, weight, stride=2)
    grads = cnn.conv2d_backward(x, weight, y, stride=2)
    matrix = cnn.conv1d_circulant(torch.zeros(3, device="meta"), 5)
    pooled = cnn.pool2d(x, 2, kind="min")
    assert {t.device.type for t in (y, *grads, matrix, pooled)} == {"meta"}
    assert cnn.conv2d(x.half(), weight.half()).dtype == torch.float16
