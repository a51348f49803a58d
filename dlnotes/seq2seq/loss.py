"""The loss: minus the log-likelihood of the target, given the true tokens before each."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dlnotes.checks import check_positive, check_shape
from dlnotes.seq2seq.inputs import check_ids
from dlnotes.seq2seq.model import Seq2Seq


def negative_log_likelihood(logits: Tensor, targets: Tensor, *, padding: int = 0) -> Tensor:
    """Return −ln p(y | x) = −Σ_t ln p(y_t | y_<t, x) of each sequence, (N,), in nats.

    Args:
        logits: (N, T, V).
        targets: ids of y_1 … y_T, ``end`` included, (N, T); steps with ``padding`` do not count.
        padding: id of the token that fills up short sequences.
    """
    check_shape("logits", logits, "N", "T", "V")
    check_ids("targets", targets, logits.shape[2], *logits.shape[:2])

    losses = F.cross_entropy(
        logits.transpose(1, 2), targets, ignore_index=padding, reduction="none"
    )
    return losses.sum(dim=1)


def teacher_forcing_loss(
    model: Seq2Seq, batch: tuple[Tensor, Tensor, Tensor], *, groups: int = 1
) -> Tensor:
    """Return the mean of −ln p(y | x) over a batch, in nats per sequence: the loss for ``fit``.

    Args:
        model: the model.
        batch: source (N, S), lengths (N,), and the target with ``begin`` and ``end``, (N, T + 1).
        groups: sort by length and compute in so many groups, each cut to its longest sequence. The
            loss is the same; less time goes into padding.
    """
    check_positive(groups=groups)

    source, lengths, target = batch
    written = (target != model.padding).sum(dim=1)
    total = torch.zeros((), dtype=model.decoder.output.weight.dtype, device=source.device)
    for rows in (lengths + written).argsort().tensor_split(min(groups, len(source))):
        x, n = source[rows, : int(lengths[rows].max())], lengths[rows]
        y = target[rows, : int(written[rows].max())]
        logits = model(x, n, y[:, :-1])
        total = total + negative_log_likelihood(logits, y[:, 1:], padding=model.padding).sum()
    return total / len(source)
