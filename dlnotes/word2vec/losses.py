"""The losses of a pair of words, and their gradients by hand.

v is the vector of the centre word, u that of a word beside it. Every function works for one pair or
for any number of pairs at once: leading dimensions are free.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import check_between, check_shape

# ---- full softmax ------------------------------------------------------------------------------


def softmax_loss(v: Tensor, U: Tensor, o: Tensor) -> Tensor:
    """Return −ln p(o | c) = −u_oᵀv + ln Σ_w exp(u_wᵀv) (W2V-1), shape (...).

    Args:
        v: vectors of the centre words, (..., D).
        U: the vectors of all words, (V, D).
        o: ids of the words that stand beside them, (...).
    """
    _check_softmax(v, U, o)

    scores = v @ U.T
    return scores.logsumexp(-1) - scores.gather(-1, o[..., None])[..., 0]


def softmax_gradient(v: Tensor, U: Tensor, o: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradient of ``softmax_loss`` with respect to v: expected minus observed (W2V-2).

    Args:
        v: see ``softmax_loss``.
        U: likewise.
        o: likewise.

    Returns:
        Σ_w p(w | c) u_w − u_o, (..., D), and p(w | c), (..., V).
    """
    _check_softmax(v, U, o)

    p = (v @ U.T).softmax(-1)
    return p @ U - U[o], p


def _check_softmax(v: Tensor, U: Tensor, o: Tensor) -> None:
    check_shape("U", U, "V", "D")
    check_shape("v", v, "...", U.shape[1])
    check_shape("o", o, *v.shape[:-1])


# ---- negative sampling -------------------------------------------------------------------------


def negative_loss(
    v: Tensor, u_true: Tensor, u_noise: Tensor, *, negatives: float | None = None
) -> Tensor:
    """Return −ln σ(u_oᵀv) − Σ_i ln σ(−u_iᵀv) (W2V-4; Mikolov et al. 2013b, eq. 4), shape (...).

    Args:
        v: vectors of the centre words, (..., D).
        u_true: vectors of the words beside them, (..., D).
        u_noise: vectors of K words drawn for each pair, (..., K, D).
        negatives: k, as how many noise words these K count; None = K.
    """
    weight = _noise_weight(v, u_true, u_noise, negatives)

    true, noise = (u_true * v).sum(-1), (u_noise @ v[..., None])[..., 0]
    return -F.logsigmoid(true) - weight * F.logsigmoid(-noise).sum(-1)


def negative_gradient(
    v: Tensor, u_true: Tensor, u_noise: Tensor, *, negatives: float | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradient of ``negative_loss`` with respect to v, u_true and u_noise (W2V-5).

    Each score u·v has the gradient g = σ(u·v) − 1 if the pair is true, σ(u·v) if it is noise: what
    the model says minus what is so. Then ∂/∂v = Σ g u, and ∂/∂u = g v.
    """
    weight = _noise_weight(v, u_true, u_noise, negatives)

    g_true = (u_true * v).sum(-1, keepdim=True).sigmoid() - 1
    g_noise = weight * (u_noise @ v[..., None]).sigmoid()
    along_v = g_true * u_true + (g_noise * u_noise).sum(-2)
    return along_v, g_true * v, g_noise * v[..., None, :]


def _noise_weight(v: Tensor, u_true: Tensor, u_noise: Tensor, negatives: float | None) -> float:
    check_shape("v", v, "...", "D")
    check_shape("u_true", u_true, *v.shape)
    check_shape("u_noise", u_noise, *v.shape[:-1], "K", v.shape[-1])
    if negatives is not None:
        check_between(0, math.inf, negatives=negatives)
    K = u_noise.shape[-2]
    return 1.0 if negatives is None or K == 0 else negatives / K


# ---- many pairs in one product -----------------------------------------------------------------


class ScoreTable(torch.autograd.Function):
    """The weighted sum of negative-sampling losses over whole tables of pairs, and its gradient.

    ``ScoreTable.apply(v, u, weight, true)``: v (B, L, D) and u (B, M, D) are scored against each
    other, (B, L, M). The first ``true`` columns count as true pairs, the others as noise, each with
    its weight, (B, L, M), which may be 0. Three matrix products do it; the middle of the backward
    pass is done on the way forward, where σ is at hand.
    """

    @staticmethod
    def forward(ctx, v: Tensor, u: Tensor, weight: Tensor, true: int) -> Tensor:
        """Return Σ weight · (−ln σ(±u·v)), a tensor of shape ()."""
        scores = v @ u.mT
        error = scores.sigmoid()
        scores[..., :true].neg_()  # now −ln σ(±u·v) = ln(1 + exp(scores))
        losses = scores.clamp(min=0) + scores.abs_().neg_().exp_().add_(1).log_()
        error[..., :true] -= 1  # (W2V-5)
        ctx.save_for_backward(v, u, error.mul_(weight))
        return torch.linalg.vecdot(weight.flatten(), losses.flatten())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradients of v and u."""
        v, u, g = ctx.saved_tensors
        g = g * gradient
        return g @ u, g.mT @ v, None, None
