"""What the last exercise of chapter 5 trains: a GRU that has to remember its first symbol."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.checks import check_at_least
from dlnotes.gru import GRU
from dlnotes.training import accuracy, classification_loss, fit


class LastState(nn.Module):
    """A recurrent layer and a linear map of its last state to logits."""

    def __init__(self, layer: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(layer.hidden_size, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (N, num_classes), for sequences (N, T, D)."""
        outputs, _ = self.layer(x)
        return self.head(outputs[:, -1])


def recall(update_bias: float | None, *, steps: int = 30, seed: int = 0) -> float:
    """Train a GRU to name the first of ``steps`` random symbols; return its accuracy on new ones.

    Chance is 1/8. 400 optimizer steps, 32 units, Adam at 0.01.

    Args:
        update_bias: see ``GRU``.
        steps: length of a sequence, at least 2.
        seed: of weights and data.
    """
    check_at_least(2, steps=steps)
    generator = torch.Generator().manual_seed(seed)
    symbols = torch.randint(8, (64 * 200 + 1000, steps), generator=generator)
    x, y = F.one_hot(symbols, 8).float(), symbols[:, 0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LastState(GRU(8, 32, update_bias=update_bias), 8)
    fit(
        model,
        classification_loss,
        (x[1000:], y[1000:]),
        steps=400,
        batch_size=64,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-2),
        clip_norm=1.0,
        seed=seed,
        progress=False,
    )
    return accuracy(model, (x[:1000], y[:1000]))
