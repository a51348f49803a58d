"""Gradients by hand: of attention and of layer normalisation. Equal to autograd's."""

import math

import torch
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.transformer.attention import scaled_dot_product_attention


def attention_gradients(
    query: Tensor, key: Tensor, value: Tensor, gradient: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of a loss with respect to Q, K and V.

    With O = A V, A = softmax(S), S = Q Kᵀ / √d_k, and dO = ∂L/∂O: dV = Aᵀ dO, dA = dO Vᵀ,
    dS = A ⊙ (dA − rowsum(dA ⊙ A)), dQ = dS K / √d_k, dK = dSᵀ Q / √d_k.

    Args:
        query: Q, (..., T, d_k).
        key: K, (..., S, d_k).
        value: V, (..., S, d_v).
        gradient: dO, (..., T, d_v).
        mask: see ``scaled_dot_product_attention``; where it is False, A and so dS is 0.
    """
    output, A = scaled_dot_product_attention(query, key, value, mask)
    check_shape("gradient", gradient, *output.shape)
    root = math.sqrt(query.shape[-1])
    dV = A.transpose(-2, -1) @ gradient
    dA = gradient @ value.transpose(-2, -1)
    dS = A * (dA - (dA * A).sum(dim=-1, keepdim=True))
    return dS @ key / root, dS.transpose(-2, -1) @ query / root, dV


def layer_norm_gradient(x: Tensor, gain: Tensor, gradient: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Return the gradient of a loss with respect to the input of a layer normalisation.

    With x̂ = (x − mean) / σ and δ = gain ⊙ ∂L/∂y: dx = (δ − mean(δ) − x̂ mean(δ ⊙ x̂)) / σ, all means
    over the features of one token: the part of δ that would only shift or stretch x is lost.

    Args:
        x: (..., dim).
        gain: (dim,).
        gradient: ∂L/∂y, (..., dim).
        eps: added to the variance.
    """
    check_shape("gain", gain, x.shape[-1])
    check_shape("gradient", gradient, *x.shape)

    sigma = torch.sqrt(x.var(dim=-1, correction=0, keepdim=True) + eps)
    x_hat = (x - x.mean(dim=-1, keepdim=True)) / sigma
    delta = gain * gradient
    stretch = (delta * x_hat).mean(dim=-1, keepdim=True)
    return (delta - delta.mean(dim=-1, keepdim=True) - x_hat * stretch) / sigma
