"""How a Transformer is trained: the loss, with smoothed labels, and the paper's learning rate."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import check_between, check_positive, check_shape
from dlnotes.seq2seq import check_ids
from dlnotes.transformer.model import Transformer


def smoothed_loss(
    logits: Tensor, targets: Tensor, *, smoothing: float = 0.0, padding: int = 0
) -> Tensor:
    """Return −Σ_t Σ_k q_tk ln p_tk of each sequence, (N,), in nats.

    q is (1 − ε) on the true token, plus ε / V on each of the V tokens (Szegedy et al. 2016). The
    least value is the entropy of q, not 0; with ε = 0 it is −ln p(y | x), as in chapter 6.

    Args:
        logits: (N, T, V).
        targets: ids of y_1 … y_T, ``end`` included, (N, T); steps with ``padding`` do not count.
        smoothing: ε.
        padding: id of the token that fills up short sequences.
    """
    check_shape("logits", logits, "N", "T", "V")
    check_ids("targets", targets, logits.shape[2], *logits.shape[:2])
    check_between(0, 1, smoothing=smoothing)

    losses = F.cross_entropy(
        logits.transpose(1, 2),
        targets,
        ignore_index=padding,
        reduction="none",
        label_smoothing=smoothing,
    )
    return losses.sum(dim=1)


def teacher_forcing_loss(
    model: Transformer,
    batch: tuple[Tensor, Tensor, Tensor],
    *,
    smoothing: float = 0.0,
    groups: int = 1,
) -> Tensor:
    """Return the mean of ``smoothed_loss`` over a batch, in nats per sequence: a loss for ``fit``.

    Args:
        model: the model.
        batch: source (N, S), lengths (N,), and the target with ``begin`` and ``end``, (N, T + 1).
        smoothing: ε.
        groups: sort by length and compute in so many groups, each cut to its longest sequence. The
            loss is the same; less time goes into padding.
    """
    check_positive(groups=groups)

    source, lengths, target = batch
    written = (target != model.padding).sum(dim=1)
    losses = []
    for rows in (lengths + written).argsort().tensor_split(min(groups, len(source))):
        x, n = source[rows, : int(lengths[rows].max())], lengths[rows]
        y = target[rows, : int(written[rows].max())]
        logits = model(x, n, y[:, :-1])
        options = dict(smoothing=smoothing, padding=model.padding)
        losses.append(smoothed_loss(logits, y[:, 1:], **options))
    return torch.cat(losses).mean()


def warmup_rate(step: int, *, dim: int, warmup: int = 4_000) -> float:
    """Return the paper's learning rate, dim^(−1/2) min(step^(−1/2), step · warmup^(−3/2)).

    It rises linearly up to ``warmup`` and then falls as 1 / √step (Vaswani et al. 2017, eq. 3).

    Args:
        step: from 1.
        dim: features of a token.
        warmup: the step at which it is largest.
    """
    check_positive(step=step, dim=dim, warmup=warmup)

    return dim**-0.5 * min(step**-0.5, step * warmup**-1.5)
