"""The experiment: does the start of the gates matter?"""

import torch
from torch import nn

from dlnotes.exercises import exercise, expect, expect_runs
from dlnotes.lstm import LSTM, adding_problem, chrono_initialisation


def adding_error(layer: nn.Module, *, steps: int, batches: int, seed: int) -> float:
    """Train a layer with 2 inputs on the adding problem and return its mean squared error.

    Args:
        layer: RNN, LSTM or GRU.
        steps: T, length of the sequences.
        batches: of 32 sequences each, none seen twice; Adam with a learning rate of 0.02.
        seed: of the sequences.
    """
    generator = torch.Generator().manual_seed(seed)
    head = nn.Linear(layer.hidden_size, 1)
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.02)

    def error(count):
        x, target = adding_problem(count, steps, generator=generator)
        return (head(layer(x)[0][:, -1])[:, 0] - target).square().mean()

    for _ in range(batches):
        optimizer.zero_grad()
        error(32).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    with torch.no_grad():
        return error(1000).item()


@exercise(
    "8. Experiment. Does the start matter for remembering 40 steps? Three starts are compared on "
    "the adding problem: 'torch' is LSTM(2, 16) as it is, 'open' is LSTM(2, 16, forget_bias=4), "
    "and 'chrono' is LSTM(2, 16) after dlnotes.lstm.chrono_initialisation(layer, 40). "
    "exercises.lstm.adding_error(layer, steps=40, batches=400, seed=seed) trains a layer and "
    "returns its mean squared error; to guess the mean costs 1/6. Train each start with at least "
    "three seeds and give {'torch': [errors], 'open': [errors], 'chrono': [errors]}.",
    hint=(
        "Set torch.manual_seed(seed) before you build a layer.",
        "Compare the difference of the means with the spread over seeds, and both with 1/6.",
    ),
    because="Open forget gates keep what is let in, noise, too; chrono also closes input gates.",
)
def forget_gates():
    results = {"torch": [], "open": [], "chrono": []}
    for name, errors in results.items():
        for seed in range(3):
            torch.manual_seed(seed)
            layer = LSTM(2, 16, forget_bias=4.0 if name == "open" else None)
            if name == "chrono":
                chrono_initialisation(layer, 40)
            errors.append(adding_error(layer, steps=40, batches=400, seed=seed))
    return results


@forget_gates.checked_by
def _(answer):
    unit = "mean squared errors around 1/6"
    answer = expect_runs(answer, "torch", "open", "chrono", high=0.3, unit=unit)
    best = min(answer["chrono"])
    expect(best < 0.1, "training: with chrono at least one run must leave 1/6 behind")
