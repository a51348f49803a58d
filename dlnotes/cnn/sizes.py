"""How large an output is, and how far it sees.

Sizes after Dumoulin & Visin (2016, arXiv:1603.07285), receptive fields after Araujo, Norris & Sim
(2019, doi:10.23915/distill.00021).
"""

from collections.abc import Iterable, Iterator

from torch import nn

from dlnotes.checks import check_at_least, check_positive

Pair = int | tuple[int, int]  # one number for both axes, or (height, width)
POINTWISE = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.BatchNorm2d, nn.Dropout, nn.Dropout2d, nn.Identity)


def both_axes(name: str, value: Pair, least: int) -> tuple[int, int]:
    """Return (value, value), or the pair that it is already; raise if one is below ``least``."""
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    height, width = value if pair else (value, value)
    check_at_least(least, **{name: height})
    check_at_least(least, **{name: width})
    return height, width


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
    room = size + 2 * padding - dilation * (kernel - 1) - 1  # the last index a window may start at
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


# ---- the receptive field -----------------------------------------------------------------------


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


def _flatten(layers: Iterable) -> Iterator:
    """Go through the layers with a window, those inside ``nn.Sequential`` included."""
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
