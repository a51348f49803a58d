"""What the last exercise of chapter 3 trains: a network that has to remember its first symbol."""

import torch
import torch.nn.functional as F
from torch import nn

from dlnotes.rnn import RNN


def remember(steps: int, *, orthogonal: bool, seed: int, updates: int = 300) -> float:
    """Train an RNN to name the first of ``steps`` random symbols at the end, return its accuracy.

    Args:
        steps: T, length of the sequences; the other symbols are noise.
        orthogonal: start with a random orthogonal V instead of torch's uniform one.
        seed: of weights and sequences.
        updates: optimizer steps.

    Returns:
        Share of right answers over 1,000 new sequences; chance is 1/4.
    """
    torch.manual_seed(seed)
    layer, head = RNN(4, 32), nn.Linear(32, 4)
    if orthogonal:
        nn.init.orthogonal_(layer.weight_hh_l0)
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    for _ in range(updates):
        symbols = torch.randint(4, (32, steps))
        outputs, _ = layer(F.one_hot(symbols, 4).float())
        loss = F.cross_entropy(head(outputs[:, -1]), symbols[:, 0])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    symbols = torch.randint(4, (1000, steps))
    with torch.no_grad():
        guess = head(layer(F.one_hot(symbols, 4).float())[0][:, -1]).argmax(1)
    return (guess == symbols[:, 0]).double().mean().item()
