"""What an exercise of chapter 5 trains: a GRU that has to remember its first symbol."""

import torch
import torch.nn.functional as F
from torch import nn

from dlnotes.checks import check_at_least
from dlnotes.gru import GRU

SYMBOLS, UNITS, LAST = 8, 32, 50  # LAST: updates over which the right answers are averaged


def recall(
    update_bias: float | None, *, steps: int = 15, seed: int = 0, updates: int = 200
) -> float:
    """Train a GRU to name the first of ``steps`` random symbols; return its accuracy on new ones.

    Chance is 1/8. 32 units, batches of 64, Adam at 0.01. Training ends early once 99 % of the last
    50 batches were right.

    Args:
        update_bias: see ``GRU``.
        steps: length of a sequence, at least 2.
        seed: of weights and data.
        updates: of the optimizer, at most.
    """
    check_at_least(2, steps=steps)
    check_at_least(1, updates=updates)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer, out = GRU(SYMBOLS, UNITS, update_bias=update_bias), nn.Linear(UNITS, SYMBOLS)
        weights, right = [*layer.parameters(), *out.parameters()], []
        optimizer = torch.optim.Adam(weights, lr=1e-2)
        for _ in range(updates):
            symbols = torch.randint(SYMBOLS, (64, steps))
            logits = out(layer(F.one_hot(symbols, SYMBOLS).float())[0][:, -1])
            optimizer.zero_grad()
            F.cross_entropy(logits, symbols[:, 0]).backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            right.append((logits.argmax(1) == symbols[:, 0]).double().mean().item())
            if sum(right[-LAST:]) > 0.99 * LAST:
                break
        symbols = torch.randint(SYMBOLS, (1000, steps))
        with torch.no_grad():
            logits = out(layer(F.one_hot(symbols, SYMBOLS).float())[0][:, -1])
    return (logits.argmax(1) == symbols[:, 0]).double().mean().item()
