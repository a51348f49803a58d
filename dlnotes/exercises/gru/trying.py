"""Exercises 9 and 10 of chapter 5: an experiment, and something to break."""

import torch
from torch import Tensor

from dlnotes.exercises import (
    exercise,
    expect,
    expect_parts,
    expect_runs,
    kind,
)
from dlnotes.exercises.gru.experiment import recall


@exercise(
    "9. Experiment. exercises.gru.recall(3.0, seed=0, updates=200) trains a GRU whose update bias "
    "starts at 3.0 to name the first of 15 random symbols, one of eight, and returns its accuracy "
    "on new sequences, a share of 1. Compare the biases 0.0 and 3.0 twice, after 200 and after "
    "1,000 updates, with the seeds 0, 1 and 2 each. Predict all four first. Does a bias of 0 make "
    "the task impossible, or only slow?\n"
    "Give for each budget the lists of accuracies, and as 'verdict' 'impossible' or 'slow'.",
    hint=(
        "What is σ(bias)^14 for the two, and what did section 11 say about budgets?",
        "[exercises.gru.recall(0.0, seed=seed, updates=1000) for seed in range(3)] is one of the "
        "four lists.",
    ),
    because="Up to 200 updates the bias 0 is at chance, and later it learns all the same. A budget "
    "that is too small turns a difference in speed into a difference in kind.",
    skeleton="""
        answer = {
            200: {0.0: ..., 3.0: ...},
            1000: {0.0: ..., 3.0: ...},
            "verdict": ...,
        }
    """,
)
def bias_for_memory():
    report = {"verdict": "slow"}
    for updates in (200, 1000):
        report[updates] = {
            bias: [recall(bias, seed=seed, updates=updates) for seed in range(3)]
            for bias in (0.0, 3.0)
        }
    return report


@bias_for_memory.checked_by
def _(answer):
    expect(isinstance(answer, dict), f"type: a dict is wanted, got {kind(answer)}")
    missing = [key for key in (200, 1000, "verdict") if key not in answer]
    expect(not missing, f"keys: {missing} is not there")
    runs = {updates: expect_runs(answer[updates], 0.0, 3.0) for updates in (200, 1000)}
    for updates, found in runs.items():
        learned = max(found[3.0]) > 0.8
        expect(learned, f"training: {updates}: with bias 3 it is learned; was the bias handed on?")
    chance = max(runs[200][0.0]) < 0.35
    expect(chance, "budget: after 200 updates bias 0 is still near 1/8; were these 200?")
    same = max(runs[1000][0.0]) < 0.35
    expect(not same, "budget: after 1,000 updates bias 0 has left chance; give updates=1000")
    verdict = answer["verdict"]
    expect(verdict in ("impossible", "slow"), f"verdict: 'impossible' or 'slow', got {verdict!r}")
    expect(verdict == "slow", "verdict: look at the longer runs; late is not never")


@exercise(
    "10. Break it. The reset may act after the product with U, tanh(r ⊙ (U h)), or before it, "
    "tanh(U (r ⊙ h)). Give weights for which the two disagree by more than 1.9 in a component, "
    "nearly as far as two numbers in (−1, 1) can: (U, r, h), tensors (2, 2), (2,) and (2,), with "
    "0 < r < 1 and −1 ≤ h ≤ 1.",
    hint=(
        "Component 0: r₀ (U₀₀ h₀ + U₀₁ h₁) against U₀₀ r₀ h₀ + U₀₁ r₁ h₁. Make the signs differ.",
        "Two large terms of opposite sign that nearly cancel; unequal resets tip the balance.",
    ),
    because="After the product r scales a sum; before it r weighs the terms and may flip its sign.",
)
def two_resets():
    U = torch.tensor([[1000.0, -800.0], [0.0, 1.0]])
    r = torch.tensor([0.1, 0.9])
    h = torch.tensor([1.0, 1.0])
    return U, r, h  # component 0: 0.1 · 200 = 20, but 100 − 720 = −620


@two_resets.checked_by
def _(answer):
    U, r, h = expect_parts(answer, "U", "r", "h")
    for name, value, shape in (("U", U, (2, 2)), ("r", r, (2,)), ("h", h, (2,))):
        expect(isinstance(value, Tensor), f"type: {name} must be a tensor, got {kind(value)}")
        expect(tuple(value.shape) == shape, f"shape: {name} must be {shape}")
        expect(torch.isfinite(value).all(), f"finite: {name} holds nan or infinity")
    U, r, h = U.double(), r.double(), h.double()
    expect(((r > 0) & (r < 1)).all(), "range: a gate lies between 0 and 1, without the ends")
    expect((h.abs() <= 1).all(), "range: a state that starts at 0 stays in [−1, 1]")
    expect((U - torch.diag(U.diagonal())).abs().max() > 0, "diagonal: then both places are equal")
    expect(r[0] != r[1], "resets: one r for both units makes both places equal")
    gap = (torch.tanh(r * (U @ h)) - torch.tanh(U @ (r * h))).abs().max()
    expect(gap > 1.9, f"gap: the candidates differ by {gap:.2g}, wanted is more than 1.9")
