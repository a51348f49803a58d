"""Pooling: the largest, smallest or mean value of each window (Goodfellow et al. 2016, §9.3)."""

from torch import Tensor

from dlnotes.checks import check_choice, check_shape
from dlnotes.cnn.sizes import Pair, both_axes, pool_output_size


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
    windows = _windows(x, kernel, kernel if stride is None else stride)

    if kind == "average":
        return windows.mean(-1)
    # max and min of one dimension, unlike amax and amin, send the gradient to one winner only
    return windows.max(-1).values if kind == "max" else windows.min(-1).values


def _windows(x: Tensor, kernel: Pair, stride: Pair) -> Tensor:
    """Return every window laid out, (N, C, H', W', K * L); raise if none fits."""
    K, L = both_axes("kernel", kernel, 1)
    SH, SW = both_axes("stride", stride, 1)
    pool_output_size(x.shape[2], K, stride=SH)
    pool_output_size(x.shape[3], L, stride=SW)
    return x.unfold(2, K, SH).unfold(3, L, SW).flatten(-2)
