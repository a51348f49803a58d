"""The convolution: as loops, by unfolding, backwards, and as a circulant matrix.

What deep learning calls convolution is the cross-correlation: the kernel is not flipped (Goodfellow
et al. 2016, §9.1). Gradients after LeCun et al. (1989), circulant matrices after Gray (2006).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import check_positive, check_shape
from dlnotes.cnn.sizes import Pair, both_axes, conv_output_size


def check_convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
) -> tuple[tuple[int, int], ...]:
    """Return stride, padding, dilation and (H', W'), a pair each; raise if they do not fit.

    Arguments as for ``conv2d``.
    """
    check_shape("x", x, "N", "C", "H", "W")
    check_shape("weight", weight, "O", x.shape[1], "K", "L")
    if bias is not None:
        check_shape("bias", bias, len(weight))
    (SH, SW), (PH, PW) = both_axes("stride", stride, 1), both_axes("padding", padding, 0)
    DH, DW = both_axes("dilation", dilation, 1)
    height = conv_output_size(x.shape[2], weight.shape[2], padding=PH, stride=SH, dilation=DH)
    width = conv_output_size(x.shape[3], weight.shape[3], padding=PW, stride=SW, dilation=DW)
    return (SH, SW), (PH, PW), (DH, DW), (height, width)


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

    It is Goodfellow et al. 2016, eq. 9.6. Arguments, result and errors as ``conv2d``, which is
    faster.
    """
    options = dict(stride=stride, padding=padding, dilation=dilation)
    (SH, SW), (PH, PW), (DH, DW), (height, width) = check_convolution(x, weight, bias, **options)

    N, (filters, _, K, L) = len(x), weight.shape
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
        weight: filters, each a kernel per input channel, (filters, C, kernel height and width).
        bias: one number per filter, (filters,).
        stride: step from one window to the next.
        padding: rows and columns of zeros on each side.
        dilation: step from one tap of the kernel to the next.

    Returns:
        Feature maps, (N, filters, H', W') with H' = ``conv_output_size(H, K, ...)``.
    """
    options = dict(stride=stride, padding=padding, dilation=dilation)
    S, P, D, _ = check_convolution(x, weight, bias, **options)

    windows = F.pad(x, (P[1], P[1], P[0], P[0]))
    for axis, kernel in enumerate(weight.shape[2:]):
        span = D[axis] * (kernel - 1) + 1
        windows = windows.unfold(2 + axis, span, S[axis])[..., :: D[axis]]
    # windows, (images n, channels c, places i, j, pixels u, v), is a view: no pixel is copied yet
    y = torch.einsum("ncijuv,ocuv->noij", windows, weight)
    return y if bias is None else y + bias[:, None, None]


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
    S, P, _, size = check_convolution(x, weight, stride=stride, padding=padding)
    check_shape("grad_output", grad_output, len(x), len(weight), *size)

    (SH, SW), (PH, PW), (H, W), (K, L) = S, P, x.shape[2:], weight.shape[2:]
    # every tap of the kernel has met one pixel per window: correlate the input with δ
    windows = F.pad(x, (PW, PW, PH, PH)).unfold(2, K, SH).unfold(3, L, SW)
    grad_weight = torch.einsum("noij,ncijuv->ocuv", grad_output, windows)

    # every pixel has acted on all outputs whose window held it: full convolution of δ with the
    # flipped kernel. δ is first put where its windows start, stride apart, on the padded image
    spread = x.new_zeros(len(x), len(weight), H + 2 * PH - K + 1, W + 2 * PW - L + 1)
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
