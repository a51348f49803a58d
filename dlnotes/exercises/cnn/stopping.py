"""What an answer for early stopping is tried on: runs whose validation losses are known before."""

import math
from collections.abc import Callable

import torch
from torch import nn

from dlnotes.exercises import as_number

# validation losses of the epochs, patience, limit
RUNS = [
    ([5.0, 4.0, 3.0, 3.5, 3.2, 3.1, 3.3, 1.0], 3, 8),
    ([5.0, 6.0, 4.0, 6.0, 3.0, 6.0, 7.0, 1.0], 2, 8),
    ([4.0, 3.0, 2.0, 1.0], 2, 3),
]
FAULTS = {
    "off by one: it goes on although its patience is at an end": dict(more=1),
    "off by one: it stops one epoch before its patience is at an end": dict(more=-1),
    "stop: it never stops before the last epoch": dict(more=math.inf),
    "in a row: after a new lowest loss it starts to count anew": dict(in_a_row=False),
    "patience: one worse epoch is not yet a reason to stop": dict(more=-math.inf),
}


def outcome(
    answer: Callable, losses: list[float], patience: int, limit: int
) -> tuple[int, int, float]:
    """Return the epochs trained, the epoch whose weights net holds in the end, and the result."""
    net, epochs = nn.Linear(3, 2), 0
    for parameter in net.parameters():
        nn.init.zeros_(parameter)

    def train_epoch(net: nn.Module) -> None:
        nonlocal epochs
        epochs += 1
        with torch.no_grad():
            for parameter in net.parameters():
                parameter += 1.0  # after epoch k all weights are k

    def validation_loss(net: nn.Module) -> float:
        return losses[epochs - 1]

    result = answer(net, train_epoch, validation_loss, patience, limit)
    return epochs, round(net.weight.mean().item()), as_number(result, "the lowest loss")


def epochs_trained(
    losses: list[float], patience: int, limit: int, *, more: float = 0, in_a_row: bool = True
) -> int:
    """Return after how many epochs training stops.

    Args:
        losses: validation loss of each epoch.
        patience: how many epochs in a row may bring no new lowest loss.
        limit: the most epochs there are.
        more: added to the patience, for those who miscount it.
        in_a_row: count anew after a new lowest loss.
    """
    lowest, waited = math.inf, 0
    for epoch, loss in enumerate(losses[:limit], start=1):
        if loss < lowest:
            lowest, waited = loss, 0 if in_a_row else waited
        else:
            waited += 1
        if waited >= max(1, patience + more):
            return epoch
    return limit
