"""Convolutional networks (chapter 2): the operation, its sizes and gradients, and the six networks.

Read from top to bottom: output sizes and receptive fields; the convolution as loops, by unfolding,
backwards and as a circulant matrix; pooling; then LeNet-5, AlexNet, VGG-16, GoogLeNet and the
ResNets. AlexNet and later have the parameter names of torchvision's networks, so state dicts load
both ways. At the end the small versions for 28 × 28 images that the chapter trains.

Differs from the papers:
    LeNet-5: full connections in C3, pooling without trainable coefficients, a linear output layer
        instead of radial basis functions; ReLU and max pooling unless the paper's are asked for.
    AlexNet: one group instead of two GPUs' halves, no local response normalisation
        (Krizhevsky 2014, arXiv:1404.5997).
    GoogLeNet: batch normalisation, and 3 × 3 kernels in the "5 × 5" branch, as torchvision has it.
    ResNet-50: a downsampling bottleneck strides in its 3 × 3, not in its first 1 × 1 convolution.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_at_least, check_choice, check_positive, check_shape

Pair = int | tuple[int, int]  # one number for both axes, or (height, width)


# ---- sizes -------------------------------------------------------------------------------------


def conv_output_size(
    size: int, kernel: int, *, padding: int = 0, stride: int = 1, dilation: int = 1
) -> int:
    """Return how many windows fit on one axis: ⌊(I + 2P − D(K − 1) − 1) / S⌋ + 1.

    Args:
        size: I, length of the input.
        kernel: K, taps of the kernel.
        padding: P, zeros added on each side.
        stride: S, step from one window to the next.
        dilation: D, step from one tap to the next.

    Raises:
        ValueError: a size below 1, negative padding, or a window longer than the padded input.

    >>> conv_output_size(224, 11, stride=4)  # (224 - 11) / 4 + 1 = 54.25: the floor matters
    54
    """
    check_positive(size=size, kernel=kernel, stride=stride, dilation=dilation)
    check_at_least(0, padding=padding)
    room = size + 2 * padding - dilation * (kernel - 1) - 1  # the last place a window may start
    if room < 0:
        raise ValueError(
            f"kernel must fit into the padded input: it spans {dilation * (kernel - 1) + 1} "
            f"(kernel {kernel}, dilation {dilation}), size + 2 * padding is {size + 2 * padding}"
        )
    return room // stride + 1  # (CNN-1)


def pool_output_size(size: int, kernel: int, *, stride: int) -> int:
    """Return how many pooling windows fit on one axis: ⌊(I − F) / S⌋ + 1.

    Args:
        size: I, length of the input.
        kernel: F, length of the window.
        stride: S, step from one window to the next; F for windows that do not overlap.
    """
    return conv_output_size(size, kernel, stride=stride)  # (CNN-3)


def receptive_field(layers: Iterable) -> int:
    """Return how many input positions, along one axis, one output of the last layer depends on.

    Args:
        layers: from input to output, tuples (kernel, stride) or (kernel, stride, dilation), or
            modules: convolutions, poolings, ``nn.Sequential`` of those, layers that act on each
            position alone.

    Raises:
        TypeError: a layer is none of these.

    >>> receptive_field([(3, 1), (3, 1), (3, 1)])  # three 3 × 3 layers see what one 7 × 7 sees
    7
    """
    field, step = 1, 1  # step: input positions between two neighbouring outputs
    for kernel, stride, dilation in map(_window, _flatten(layers)):
        check_positive(kernel=kernel, stride=stride, dilation=dilation)
        field += dilation * (kernel - 1) * step
        step *= stride
    return field


POINTWISE = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.BatchNorm2d, nn.Dropout, nn.Dropout2d, nn.Identity)


def _flatten(layers: Iterable) -> Iterable:
    for layer in layers:
        if isinstance(layer, nn.Sequential | nn.ModuleList):
            yield from _flatten(layer)
        elif not isinstance(layer, POINTWISE):
            yield layer


def _window(layer: tuple | list | nn.Module) -> tuple[int, int, int]:
    """Return (kernel, stride, dilation) of a layer whose window is square."""
    if isinstance(layer, tuple | list) and len(layer) in (2, 3):
        return (*layer, 1)[:3]
    if not isinstance(layer, nn.Conv1d | nn.Conv2d | nn.MaxPool1d | nn.MaxPool2d | nn.AvgPool2d):
        raise TypeError(
            "layers must be (kernel, stride) or (kernel, stride, dilation), convolutions, "
            f"poolings or nn.Sequential of them, got {layer!r}"
        )
    window = []
    for name in ("kernel_size", "stride", "dilation"):
        value = getattr(layer, name, 1)  # average pooling has no dilation
        sides = value if isinstance(value, tuple) else (value,)
        if len(set(sides)) > 1:
            raise ValueError(f"layers must have square windows, got {name} {value}")
        window.append(sides[0])
    return tuple(window)


# ---- the convolution ---------------------------------------------------------------------------


def both_axes(name: str, value: Pair, least: int) -> tuple[int, int]:
    """Return (value, value), or the pair that it is already; raise if one is below ``least``."""
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    height, width = value if pair else (value, value)
    check_at_least(least, **{name: height})
    check_at_least(least, **{name: width})
    return height, width


def conv2d_loops(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
) -> Tensor:
    """Return the convolution by its definition, one number of the output after the other.

    It is what deep learning calls convolution, the cross-correlation: the kernel is not flipped
    (Goodfellow et al. 2016, eq. 9.6). Arguments, result and errors as ``conv2d``, which is faster.
    """
    check_shape("x", x, "N", "C", "H", "W")
    check_shape("weight", weight, "O", x.shape[1], "K", "L")
    if bias is not None:
        check_shape("bias", bias, len(weight))
    (SH, SW), (PH, PW) = both_axes("stride", stride, 1), both_axes("padding", padding, 0)
    DH, DW = both_axes("dilation", dilation, 1)
    (N, _, H, W), (filters, _, K, L) = x.shape, weight.shape
    height = conv_output_size(H, K, padding=PH, stride=SH, dilation=DH)
    width = conv_output_size(W, L, padding=PW, stride=SW, dilation=DW)
    padded = F.pad(x, (PW, PW, PH, PH))
    y = x.new_zeros(N, filters, height, width)
    for n in range(N):
        for o in range(filters):
            for i in range(height):
                for j in range(width):
                    rows = slice(i * SH, i * SH + DH * (K - 1) + 1, DH)
                    columns = slice(j * SW, j * SW + DW * (L - 1) + 1, DW)
                    y[n, o, i, j] = (weight[o] * padded[n, :, rows, columns]).sum()
                    if bias is not None:
                        y[n, o, i, j] += bias[o]
    return y


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
) -> Tensor:
    """Return the convolution: lay out every window of the input, then one matrix product.

    Args:
        x: images, (N, C, H, W).
        weight: O filters, each a kernel per input channel, (O, C, K, L).
        bias: one number per filter, (O,).
        stride: step from one window to the next.
        padding: rows and columns of zeros on each side.
        dilation: step from one tap of the kernel to the next.

    Returns:
        Feature maps, (N, O, H', W') with H' = ``conv_output_size(H, K, ...)``.
    """
    check_shape("x", x, "N", "C", "H", "W")
    check_shape("weight", weight, "O", x.shape[1], "K", "L")
    P, S = both_axes("padding", padding, 0), both_axes("stride", stride, 1)
    D = both_axes("dilation", dilation, 1)
    windows = F.pad(x, (P[1], P[1], P[0], P[0]))
    for axis, kernel in enumerate(weight.shape[2:]):
        # only to raise if no window fits: unfold counts them itself
        conv_output_size(x.shape[2 + axis], kernel, padding=P[axis], dilation=D[axis])
        span = D[axis] * (kernel - 1) + 1
        windows = windows.unfold(2 + axis, span, S[axis])[..., :: D[axis]]
    # windows, (N, C, H', W', K, L), is a view: no pixel has been copied yet
    y = torch.einsum("ncijuv,ocuv->noij", windows, weight)
    if bias is not None:
        check_shape("bias", bias, len(weight))
        y = y + bias[:, None, None]
    return y


def conv2d_backward(
    x: Tensor, weight: Tensor, grad_output: Tensor, *, stride: Pair = 1, padding: Pair = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of a loss with respect to the arguments of ``conv2d``, by hand.

    Args:
        x: images that were convolved, (N, C, H, W).
        weight: filters, (O, C, K, L).
        grad_output: δ, gradient with respect to the feature maps, (N, O, H', W').
        stride: stride of the convolution.
        padding: padding of the convolution.

    Returns:
        Gradients with respect to x, weight and bias: (N, C, H, W), (O, C, K, L), (O,).
    """
    check_shape("x", x, "N", "C", "H", "W")
    check_shape("weight", weight, "O", x.shape[1], "K", "L")
    (SH, SW), (PH, PW) = both_axes("stride", stride, 1), both_axes("padding", padding, 0)
    (N, _, H, W), (filters, _, K, L) = x.shape, weight.shape
    height = conv_output_size(H, K, padding=PH, stride=SH)
    width = conv_output_size(W, L, padding=PW, stride=SW)
    check_shape("grad_output", grad_output, N, filters, height, width)

    # every tap of the kernel has met one pixel per window: correlate the input with δ
    windows = F.pad(x, (PW, PW, PH, PH)).unfold(2, K, SH).unfold(3, L, SW)
    grad_weight = torch.einsum("noij,ncijuv->ocuv", grad_output, windows)

    # every pixel has acted on all outputs whose window held it: full convolution of δ with the
    # flipped kernel. δ is first put where its windows start, stride apart, on the padded image
    spread = x.new_zeros(N, filters, H + 2 * PH - K + 1, W + 2 * PW - L + 1)
    spread[:, :, ::SH, ::SW] = grad_output
    flipped = weight.flip(2, 3).transpose(0, 1)
    grad_padded = conv2d(spread, flipped, padding=(K - 1, L - 1))
    grad_x = grad_padded[:, :, PH : PH + H, PW : PW + W]
    return grad_x, grad_weight, grad_output.sum((0, 2, 3))


def conv1d_circulant(kernel: Tensor, n: int) -> Tensor:
    """Return the matrix of the circular convolution with a kernel on n points: C = Σₖ cₖ Pᵏ.

    P shifts by one point, (P x)ᵢ = xᵢ₋₁ with indices modulo n, so C x is the true convolution
    (C x)ᵢ = Σₖ cₖ xᵢ₋ₖ. For the cross-correlation take the transpose.

    Args:
        kernel: c, (K,) with K ≤ n; the missing coefficients are zero.
        n: points on the circle.

    Returns:
        C, (n, n).
    """
    check_positive(n=n)
    check_shape("kernel", kernel, "K")
    if not 1 <= len(kernel) <= n:
        raise ValueError(f"kernel must have between 1 and n = {n} entries, got {len(kernel)}")
    c = F.pad(kernel, (0, n - len(kernel)))
    i = torch.arange(n, device=kernel.device)
    return c[(i[:, None] - i) % n]  # entry (i, j) says how x_j acts on output i: k = i - j


# ---- pooling -----------------------------------------------------------------------------------


def pool2d(x: Tensor, kernel: Pair, *, stride: Pair | None = None, kind: str = "max") -> Tensor:
    """Return one number per window and channel; nothing is learned, channels do not mix.

    Args:
        x: feature maps, (N, C, H, W).
        kernel: size of the window.
        stride: step from one window to the next; None means ``kernel``, windows side by side.
        kind: "max", "min" or "average".

    Returns:
        (N, C, H', W') with H' = ``pool_output_size(H, kernel, stride=stride)``.
    """
    check_shape("x", x, "N", "C", "H", "W")
    check_choice(("max", "min", "average"), kind=kind)
    K, L = both_axes("kernel", kernel, 1)
    SH, SW = both_axes("stride", kernel if stride is None else stride, 1)
    pool_output_size(x.shape[2], K, stride=SH)  # raises if no window fits
    pool_output_size(x.shape[3], L, stride=SW)
    windows = x.unfold(2, K, SH).unfold(3, L, SW).flatten(-2)  # (N, C, H', W', K * L)
    if kind == "average":
        return windows.mean(-1)
    # max and min of one dimension, unlike amax and amin, send the gradient to one winner only
    return windows.max(-1).values if kind == "max" else windows.min(-1).values


# ---- LeNet-5 -----------------------------------------------------------------------------------


def check_images(x: Tensor, channels: int, smallest: int) -> None:
    """Raise unless x is (N, channels, H, W) with H and W of at least ``smallest``."""
    check_shape("x", x, "N", channels, "H", "W")
    if min(x.shape[2:]) < smallest:
        raise ValueError(
            f"x must be at least {smallest} pixels high and wide, got {tuple(x.shape[2:])}"
        )


class LeNet5(nn.Module):
    """LeNet-5 for grey images of 28 × 28 pixels (LeCun et al. 1998, §II.B), 61,706 parameters.

    Two pixels of padding on each side make the paper's 32 × 32. Layers are named as in the paper;
    C5, a fully connected layer in effect, is a convolution whose kernel covers all of its input.

    Args:
        num_classes: number of logits.
        activation: "relu", or "tanh" as in the paper (there scaled: 1.7159 tanh(2x / 3)).
        pooling: "max", or "average" as in the paper (there with a trainable factor and bias).
    """

    def __init__(
        self, num_classes: int = 10, *, activation: str = "relu", pooling: str = "max"
    ) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        check_choice(("relu", "tanh"), activation=activation)
        check_choice(("max", "average"), pooling=pooling)
        pool = nn.MaxPool2d if pooling == "max" else nn.AvgPool2d
        self.c1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)  # 28 × 28
        self.s2 = pool(2)  # 14 × 14
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)  # 10 × 10
        self.s4 = pool(2)  # 5 × 5
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)  # 1 × 1
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self.activation = nn.ReLU() if activation == "relu" else nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for images (N, 1, 28, 28)."""
        check_shape("x", x, "N", 1, 28, 28)
        x = self.s2(self.activation(self.c1(x)))  # (CNN-2)
        x = self.s4(self.activation(self.c3(x)))
        x = self.activation(self.c5(x)).flatten(1)
        return self.output(self.activation(self.f6(x)))


# ---- AlexNet and VGG-16 ------------------------------------------------------------------------


def conv_relu(
    in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int = 0
) -> tuple[nn.Module, nn.Module]:
    """Return a convolution and its ReLU, to be unpacked into an ``nn.Sequential``."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=padding)
    return conv, nn.ReLU()


class AlexNet(nn.Module):
    """AlexNet (Krizhevsky et al. 2012) in the variant of Krizhevsky (2014), 61,100,840 parameters.

    Compatible with ``torchvision.models.alexnet``.

    Args:
        num_classes: number of logits.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        self.features = nn.Sequential(
            *conv_relu(3, 64, 11, stride=4, padding=2),
            nn.MaxPool2d(3, stride=2),  # windows overlap (§3.4)
            *conv_relu(64, 192, 5, padding=2),
            nn.MaxPool2d(3, stride=2),
            *conv_relu(192, 384, 3, padding=1),
            *conv_relu(384, 256, 3, padding=1),
            *conv_relu(256, 256, 3, padding=1),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)  # does nothing at 224 × 224
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for colour images (N, 3, H, W), H and W ≥ 63."""
        check_images(x, 3, smallest=63)
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


VGG16_PLAN = (64, 64, "pool", 128, 128, "pool", *(256,) * 3, "pool", *((512,) * 3 + ("pool",)) * 2)


def vgg_features(plan: Iterable, in_channels: int = 3) -> nn.Sequential:
    """Return VGG's convolutional part: all kernels 3 × 3, all poolings 2 × 2.

    Args:
        plan: from input to output, the channels of a convolution with ReLU, or "pool".
        in_channels: channels of the images.
    """
    layers: list[nn.Module] = []
    for entry in plan:
        if entry == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += conv_relu(in_channels, entry, 3, padding=1)
            in_channels = entry
    return nn.Sequential(*layers)


class VGG16(nn.Module):
    """VGG-16 (Simonyan & Zisserman 2015, configuration D), 138,357,544 parameters.

    Compatible with ``torchvision.models.vgg16``.

    Args:
        num_classes: number of logits.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        self.features = vgg_features(VGG16_PLAN)
        self.avgpool = nn.AdaptiveAvgPool2d(7)  # does nothing at 224 × 224
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, num_classes),
        )
        _he_initialisation(self)
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for colour images (N, 3, H, W), H and W ≥ 32."""
        check_images(x, 3, smallest=32)
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _he_initialisation(model: nn.Module) -> None:
    """Draw each kernel with variance 2 / fan-out (He et al. 2015): keeps the gradients' scale."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


# ---- GoogLeNet ---------------------------------------------------------------------------------


class ConvNormReLU(nn.Module):
    """Convolution without bias, batch normalisation, ReLU: GoogLeNet's unit.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel: size of the square kernel; padded so that stride 1 keeps height and width.
        stride: stride of the convolution.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four views of the same input, stacked as channels (Szegedy et al. 2015, Figure 2b).

    A 1 × 1 convolution first makes the channels few, so that the larger kernels are cheap.

    Args:
        in_channels: channels of the input.
        one: channels of the 1 × 1 branch.
        three: channels of the 3 × 3 branch: (after the 1 × 1, after the 3 × 3).
        five: the same for the 5 × 5 branch.
        pool: channels of the 1 × 1 convolution after the max pooling.
    """

    def __init__(
        self, in_channels: int, one: int, three: tuple[int, int], five: tuple[int, int], pool: int
    ) -> None:
        super().__init__()
        self.branch1 = ConvNormReLU(in_channels, one, 1)
        self.branch2 = nn.Sequential(
            ConvNormReLU(in_channels, three[0], 1), ConvNormReLU(*three, 3)
        )
        self.branch3 = nn.Sequential(
            ConvNormReLU(in_channels, five[0], 1),
            ConvNormReLU(*five, 3),  # 3 where the paper has 5: torchvision's weights want it
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), ConvNormReLU(in_channels, pool, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class AuxiliaryClassifier(nn.Module):
    """A classifier half-way up, which feeds gradient to the lower layers (§5); training only.

    Args:
        in_channels: channels of the feature maps it looks at.
        num_classes: number of logits.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = ConvNormReLU(in_channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, 4)).flatten(1)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


class GoogLeNetOutputs(NamedTuple):
    """What GoogLeNet returns in training: three times logits, (N, num_classes)."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class GoogLeNet(nn.Module):
    """GoogLeNet (Szegedy et al. 2015, Table 1), 13,004,888 parameters (6,624,904 at test time).

    Compatible with ``torchvision.models.googlenet``; no transformation of the input.

    Args:
        num_classes: number of logits.
        aux_logits: with the two auxiliary classifiers.
    """

    def __init__(self, num_classes: int = 1000, *, aux_logits: bool = True) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        self.conv1 = ConvNormReLU(3, 64, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = ConvNormReLU(64, 64, 1)
        self.conv3 = ConvNormReLU(64, 192, 3)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, 64, (96, 128), (16, 32), 32)
        self.inception3b = Inception(256, 128, (128, 192), (32, 96), 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, (96, 208), (16, 48), 64)
        self.inception4b = Inception(512, 160, (112, 224), (24, 64), 64)
        self.inception4c = Inception(512, 128, (128, 256), (24, 64), 64)
        self.inception4d = Inception(512, 112, (144, 288), (32, 64), 64)
        self.inception4e = Inception(528, 256, (160, 320), (32, 128), 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, (160, 320), (32, 128), 128)
        self.inception5b = Inception(832, 384, (192, 384), (48, 128), 128)
        self.aux1 = AuxiliaryClassifier(512, num_classes) if aux_logits else None
        self.aux2 = AuxiliaryClassifier(528, num_classes) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        """Return logits, (N, num_classes), for colour images (N, 3, H, W), H and W ≥ 15.

        In training, and with auxiliary classifiers, ``(logits, aux_logits2, aux_logits1)``; the
        paper adds the auxiliary losses with weight 0.3.
        """
        check_images(x, 3, smallest=15)
        with_aux = self.training and self.aux1 is not None
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        aux1 = self.aux1(x) if with_aux else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if with_aux else None
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        logits = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return GoogLeNetOutputs(logits, aux2, aux1) if with_aux else logits


# ---- ResNet ------------------------------------------------------------------------------------


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions and a skip around them: relu(x + F(x)) (He et al. 2016, Figure 2).

    Args:
        in_channels: channels of the input.
        channels: channels of the output.
        stride: stride of the first convolution.
        downsample: brings the input to the shape of the output; None is the identity.
        residual: False leaves the skip out, which makes a plain network.
    """

    expansion = 1  # channels of the output, in units of ``channels``

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        stride: int = 1,
        downsample: nn.Module | None = None,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = downsample or nn.Identity()
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.downsample(x) if self.residual else y)


class Bottleneck(nn.Module):
    """1 × 1 down, 3 × 3, 1 × 1 up to four times the channels, and a skip (Figure 5, right).

    Args:
        in_channels: channels of the input.
        channels: channels of the 3 × 3 convolution; the output has four times as many.
        stride: stride of the 3 × 3 convolution.
        downsample: brings the input to the shape of the output; None is the identity.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.downsample = downsample or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def residual_stage(
    block: type[BasicBlock] | type[Bottleneck],
    in_channels: int,
    channels: int,
    *,
    blocks: int,
    stride: int,
) -> nn.Sequential:
    """Return ``blocks`` blocks of one width in a row, the first with ``stride``.

    Where that changes the shape, its skip is a projection: a 1 × 1 convolution (option B of §3.3).
    """
    check_positive(in_channels=in_channels, channels=channels, blocks=blocks, stride=stride)
    out_channels, downsample = channels * block.expansion, None
    if stride != 1 or in_channels != out_channels:
        downsample = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
        )
    first = block(in_channels, channels, stride=stride, downsample=downsample)
    return nn.Sequential(first, *(block(out_channels, channels) for _ in range(blocks - 1)))


class ResNet(nn.Module):
    """A residual network for ImageNet (He et al. 2016, Table 1).

    Args:
        block: ``BasicBlock`` or ``Bottleneck``.
        blocks: how many of them in each of the four stages.
        num_classes: number of logits.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks: tuple[int, int, int, int],
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        check_positive(num_classes=num_classes)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        wide = block.expansion
        self.layer1 = residual_stage(block, 64, 64, blocks=blocks[0], stride=1)
        self.layer2 = residual_stage(block, 64 * wide, 128, blocks=blocks[1], stride=2)
        self.layer3 = residual_stage(block, 128 * wide, 256, blocks=blocks[2], stride=2)
        self.layer4 = residual_stage(block, 256 * wide, 512, blocks=blocks[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * wide, num_classes)
        _he_initialisation(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for colour images (N, 3, H, W) of any size."""
        check_images(x, 3, smallest=1)
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class ResNet18(ResNet):
    """ResNet-18, 11,689,512 parameters; compatible with ``torchvision.models.resnet18``."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(BasicBlock, (2, 2, 2, 2), num_classes)


class ResNet34(ResNet):
    """ResNet-34, 21,797,672 parameters; compatible with ``torchvision.models.resnet34``."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(BasicBlock, (3, 4, 6, 3), num_classes)


class ResNet50(ResNet):
    """ResNet-50, 25,557,032 parameters; compatible with ``torchvision.models.resnet50``."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(Bottleneck, (3, 4, 6, 3), num_classes)


# ---- small versions for 28 × 28 grey images ----------------------------------------------------


class GreyImages(nn.Module):
    """Pass images of one shape on unchanged, and name what is wrong with others."""

    def forward(self, x: Tensor) -> Tensor:
        check_shape("x", x, "N", 1, 28, 28)
        return x


def scaled(name: str, num_classes: int = 10) -> nn.Module:
    """Return one of the chapter's networks, cut down to grey images of 28 × 28 pixels.

    Each keeps the idea of its original and is built of the same parts, with fewer and narrower
    layers, so that all can be trained side by side under one budget:

        "lenet5"     61,706 parameters    416,520 multiply-adds, the original
        "alexnet"    90,442 parameters  2,181,504 multiply-adds
        "vgg"       135,370 parameters  3,800,576 multiply-adds
        "googlenet"  99,338 parameters  2,699,488 multiply-adds
        "resnet"     78,010 parameters  2,602,176 multiply-adds

    Args:
        name: one of these.
        num_classes: number of logits; the table is for 10.

    Returns:
        A network from images (N, 1, 28, 28) to logits (N, num_classes).
    """
    builders = {
        "lenet5": LeNet5,
        "alexnet": _small_alexnet,
        "vgg": _small_vgg,
        "googlenet": _small_googlenet,
        "resnet": _small_resnet,
    }
    check_choice(builders, name=name)
    check_positive(num_classes=num_classes)
    return builders[name](num_classes)


def _small_alexnet(num_classes: int) -> nn.Sequential:
    return nn.Sequential(
        GreyImages(),
        *conv_relu(1, 32, 5, stride=2, padding=2),  # 14 × 14
        nn.MaxPool2d(3, stride=2),  # 6 × 6
        *conv_relu(32, 64, 3, padding=1),
        *conv_relu(64, 64, 3, padding=1),
        nn.MaxPool2d(3, stride=2),  # 2 × 2
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64 * 2 * 2, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, num_classes),
    )


def _small_vgg(num_classes: int) -> nn.Sequential:
    model = nn.Sequential(
        GreyImages(),
        *vgg_features((16, "pool", 32, "pool", 64, 64, "pool"), in_channels=1),  # 3 × 3
        nn.Flatten(),
        nn.Linear(64 * 3 * 3, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, num_classes),
    )
    _he_initialisation(model)
    return model


def _small_googlenet(num_classes: int) -> nn.Sequential:
    return nn.Sequential(
        GreyImages(),
        ConvNormReLU(1, 32, 5, stride=2),  # 14 × 14
        nn.MaxPool2d(3, stride=2, padding=1),  # 7 × 7
        Inception(32, 16, (16, 32), (8, 16), 16),
        Inception(80, 32, (32, 48), (8, 24), 24),
        nn.MaxPool2d(3, stride=2, padding=1),  # 4 × 4
        Inception(128, 48, (48, 96), (16, 32), 32),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(208, num_classes),
    )


def _small_resnet(num_classes: int) -> nn.Sequential:
    model = nn.Sequential(
        GreyImages(),
        nn.Conv2d(1, 16, 5, stride=2, padding=2, bias=False),  # 14 × 14
        nn.BatchNorm2d(16),
        nn.ReLU(),
        residual_stage(BasicBlock, 16, 16, blocks=1, stride=1),
        residual_stage(BasicBlock, 16, 32, blocks=1, stride=2),  # 7 × 7
        residual_stage(BasicBlock, 32, 64, blocks=1, stride=2),  # 4 × 4
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, num_classes),
    )
    _he_initialisation(model)
    return model


class PaddingShortcut(nn.Module):
    """Take every other pixel and add channels of zeros: a skip without parameters (option A)."""

    def __init__(self, new_channels: int) -> None:
        super().__init__()
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.new_channels))


def plain_or_residual(
    depth: int, *, residual: bool, width: int = 16, num_classes: int = 10
) -> nn.Sequential:
    """Return the network of the degradation experiment (He et al. 2016, §4.2), for grey images.

    Three stages of as many blocks each, the second and third at half the resolution and twice the
    width of the one before. With and without skips it has the same parameters.

    Args:
        depth: layers with weights, 6n + 2: 8, 14, 20, 32, 44, 56, ...
        residual: with the skips.
        width: channels of the first stage.
        num_classes: number of logits.

    Returns:
        A network from images (N, 1, H, W) to logits (N, num_classes).
    """
    check_positive(width=width, num_classes=num_classes)
    check_at_least(8, depth=depth)
    if depth % 6 != 2:
        raise ValueError(f"depth must be 6n + 2 (8, 14, 20, ...), got {depth}")
    layers = [nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    before = width
    for channels in (width, 2 * width, 4 * width):
        for _ in range(depth // 6):
            new = channels - before  # 0, but for the first block of the second and third stage
            skip, stride = (PaddingShortcut(new), 2) if new else (None, 1)
            layers.append(
                BasicBlock(before, channels, stride=stride, downsample=skip, residual=residual)
            )
            before = channels
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, num_classes)]
    model = nn.Sequential(*layers, *head)
    _he_initialisation(model)
    return model


def flops(model: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Return how many multiply-adds the convolutions and linear layers need for one forward pass.

    Papers on these networks call this number FLOPs; counted as separate operations it is twice as
    many. The model is run in evaluation mode on tensors without data, so nothing is computed.

    Args:
        model: any network of convolutions and linear layers, on whatever device.
        input_shape: shape of its input, batch included.
    """
    count = 0

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal count
        count += output.numel() * module.weight[0].numel()  # each output is one dot product

    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    tensors = {name: tensor.detach().to("meta") for name, tensor in tensors.items()}
    dtype = next((t.dtype for t in tensors.values() if t.is_floating_point()), None)
    modes = {module: module.training for module in model.modules()}
    layers = [m for m in modes if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear)]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    try:
        model.eval()
        x = torch.empty(input_shape, dtype=dtype, device="meta")
        torch.func.functional_call(model, tensors, (x,))
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training
    return count
