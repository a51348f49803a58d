"""The upper rungs: derive, build, experiment, break it."""

import math

import torch
from torch import Tensor

from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_parts,
    expect_runs,
    kind,
)
from dlnotes.exercises.rnn.experiment import remember
from dlnotes.exercises.rnn.trials import a_leaky_sequence

# ---- derive and implement ----------------------------------------------------------------------


@exercise(
    "7. Derive and implement. A leaky network keeps a part of its state as it is. With 0 < alpha < "
    "1, hₜ = (1 − alpha) hₜ₋₁ + alpha sₜ, where sₜ = tanh(U xₜ + V hₜ₋₁ + b). The loss is a sum "
    "over the steps. states (T + 1, H) holds h₀, h₁, …, h_T, and squashed (T, H) holds s₁, …, s_T. "
    "errors (T, H) holds what reaches each hₜ from the loss of its own step, t = 1 to T.\n"
    "Return ∂L/∂V, (H, H).",
    hint=(
        "In how many ways does hₜ₋₁ act on hₜ? In the network of section 6 it was one.",
        "Let g be all the blame that arrives at hₜ. Then ∂L/∂aₜ = alpha (1 − sₜ²) ⊙ g.",
        "Back to hₜ₋₁ go (1 − alpha) g, and Vᵀ times ∂L/∂aₜ.",
    ),
    because="Beside the way through tanh there is a straight way, with the factor 1 − alpha in "
    "each step. If alpha is small, that way lets the gradient pass hardly weakened, however flat "
    "tanh is. The cells of the next two chapters learn when to open it.",
    skeleton="""
        def leaky_gradient(V, states, squashed, errors, alpha):
            total, from_next = torch.zeros_like(V), torch.zeros_like(states[0])
            for t in range(len(errors), 0, -1):
                # about four lines
                ...
            return total
    """,
)
def leaky_gradient():
    def leaky_gradient(V, states, squashed, errors, alpha):
        total, from_next = torch.zeros_like(V), torch.zeros_like(states[0])
        for t in range(len(errors), 0, -1):
            blame = errors[t - 1] + from_next
            delta = alpha * (1 - squashed[t - 1] ** 2) * blame
            total += torch.outer(delta, states[t - 1])
            from_next = (1 - alpha) * blame + V.T @ delta
        return total

    return leaky_gradient


@leaky_gradient.checked_by
def _(answer):
    gradient = expect_function(answer, "V", "states", "squashed", "errors", "alpha")
    given, right, mistakes = a_leaky_sequence(0.3)
    expect_close(gradient(*given), right, "the gradient", within=1e-9, wrong=mistakes)


# ---- build -------------------------------------------------------------------------------------


@exercise(
    "8. Build. A linear network hₜ = U xₜ + V hₜ₋₁, oₜ = W hₜ has three units and h₀ = 0, and "
    "reads one number xₜ in each step. Choose its weights such that the output is the input of two "
    "steps ago, oₜ = xₜ₋₂.\n"
    "Give (U, V, W), tensors of shapes (3, 1), (3, 3) and (1, 3).",
    hint=(
        "A chain: the input enters unit 1, each unit hands on what it held to the next.",
        "V has ones below its diagonal and nothing else; W reads unit 3.",
    ),
    because="V is nilpotent: spectral radius 0, and yet nothing is lost for two steps, then all.",
    skeleton="""
        U = ...
        V = ...
        W = ...
        answer = U, V, W
    """,
)
def delay():
    U = torch.tensor([[1.0], [0.0], [0.0]])
    V = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    W = torch.tensor([[0.0, 0.0, 1.0]])
    return U, V, W


@delay.checked_by
def _(answer):
    answer = expect_parts(answer, "U", "V", "W")
    for name, matrix in zip("UVW", answer, strict=True):
        message = f"type: {name} must be a tensor, got {kind(matrix)}"
        expect(isinstance(matrix, Tensor) and not matrix.is_complex(), message)
    shapes = [tuple(m.shape) for m in answer]
    expect(shapes == [(3, 1), (3, 3), (1, 3)], f"shape: (3, 1), (3, 3), (1, 3), got {shapes}")
    U, V, W = (m.double() for m in answer)
    response = []  # to an input of 1 at the first step and nothing after it
    h = U[:, 0]
    for _ in range(12):
        response.append((W @ h).item())
        h = V @ h
    expect(all(map(math.isfinite, response)), "values: what comes out is nan or infinite")
    expect(any(response), "blocked: an input never comes out; is there a way from unit to unit?")
    for steps in (0, 1, 3):
        here = abs(response[steps] - 1) < 1e-6 and abs(response[2]) < 1e-6
        expect(not here, f"delay: the input comes out after {steps} steps, not after 2")
    expect(abs(response[2] - 1) < 1e-6, "scale: after 2 steps the input must come out unchanged")
    expect(max(map(abs, response[:2])) < 1e-6, "early: something comes out before 2 steps")
    expect(max(map(abs, response[3:])) < 1e-6, "late: after 2 steps it must be forgotten")


# ---- experiment --------------------------------------------------------------------------------


@exercise(
    "9. Experiment. Is an orthogonal start better at T = 15? "
    "exercises.rnn.remember(15, orthogonal=True, seed=0, updates=300) trains the network of "
    "section 15 and returns its accuracy on 1,000 new sequences, a share of 1. With "
    "orthogonal=False it has torch's start. Compare the two starts twice, after 300 and after "
    "1,000 updates, with at least three seeds each. A start is better only if its worst run beats "
    "every run of the other one by more than 0.02, and otherwise it is unclear. Predict both "
    "results first.\n"
    "Give for each budget the lists of accuracies, and for each budget 'torch', 'orthogonal' or "
    "'unclear'.",
    hint=(
        "[exercises.rnn.remember(15, orthogonal=True, seed=seed, updates=300) for seed in "
        "range(3)] is one of four lists.",
        "Compare min(...) of one list with max(...) of the other, both ways round.",
    ),
    because="With the seeds 0, 1, 2 one run of torch's start is perfect after 300 updates, and the "
    "two others are far behind. By the rule three seeds then tell nothing, although the means are "
    "far apart. After 1,000 updates all runs are perfect. So a lead at one budget is a lead in "
    "speed, and to be sure of it one needs more seeds.",
    skeleton="""
        answer = {
            300: {"torch": ..., "orthogonal": ...},
            1000: {"torch": ..., "orthogonal": ...},
            "better": {300: ..., 1000: ...},
        }
    """,
)
def orthogonal_start():
    report = {300: {}, 1000: {}, "better": {}}
    for updates in (300, 1000):
        for start in ("torch", "orthogonal"):
            options = dict(orthogonal=start == "orthogonal", updates=updates)
            report[updates][start] = [remember(15, seed=seed, **options) for seed in range(3)]
        plain, turned = report[updates]["torch"], report[updates]["orthogonal"]
        if min(turned) > max(plain) + 0.02:
            report["better"][updates] = "orthogonal"
        else:
            report["better"][updates] = "torch" if min(plain) > max(turned) + 0.02 else "unclear"
    return report


@orthogonal_start.checked_by
def _(answer):
    expect(isinstance(answer, dict), f"type: a dict is wanted, got {kind(answer)}")
    missing = [key for key in (300, 1000, "better") if key not in answer]
    expect(not missing, f"keys: {missing} is not there")
    verdicts = answer["better"]
    both = isinstance(verdicts, dict) and {300, 1000} <= set(verdicts)
    expect(both, "keys: 'better' is a dict with the keys 300 and 1000")
    runs = {updates: expect_runs(answer[updates], "torch", "orthogonal") for updates in (300, 1000)}
    for updates, found in runs.items():
        for start, values in found.items():
            expect(min(values) > 0.15, f"training: {updates}, {start}: a run lies below chance")
    same = runs[300]["torch"] == runs[1000]["torch"]
    expect(not same, "budget: the runs of torch are the same twice; give updates=1000")
    for updates, found in runs.items():
        _expect_verdict(updates, verdicts[updates], found)


def _expect_verdict(updates: int, verdict: str, found: dict[str, list[float]]) -> None:
    """Raise ``NotYet`` unless a verdict is what the reported runs carry."""
    allowed = "'torch', 'orthogonal' or 'unclear' is wanted"
    known = verdict in ("torch", "orthogonal", "unclear")
    expect(known, f"type: better, {updates}: {allowed}, got {verdict!r}")
    plain, turned = found["torch"], found["orthogonal"]
    lead = {"orthogonal": min(turned) - max(plain), "torch": min(plain) - max(turned)}
    if verdict == "unclear":
        apart = max(lead.values()) > 0.02
        expect(not apart, f"verdict: {updates}: every run of one start beats all of the other")
        return
    other = "torch" if verdict == "orthogonal" else "orthogonal"
    expect(lead[other] <= 0, f"verdict: {updates}: your runs say the opposite")
    expect(lead[verdict] > 0.02, f"verdict: {updates}: the runs overlap, so they cannot tell")


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "10. Break it. A rule of thumb says that gradients vanish if the spectral radius of V is below "
    "1. Give a tensor V (3, 3), with a spectral radius below 1 and entries of at most 2 in size, "
    "for which the gradient of the linear network first grows beyond a thousand, ‖Vⁿ‖ > 1000 for "
    "some n, and has vanished after 2,000 steps, ‖V²⁰⁰⁰‖ < 10⁻⁶. ‖·‖ is the largest singular "
    "value.\n"
    "Give V.",
    hint=(
        "The second matrix of section 8 grows like n. With entries of at most 2 that is too slow. "
        "What grows like n²?",
        "A chain of three units, each of which keeps a part of itself and hands on to the next.",
        "For [[a, c, 0], [0, a, c], [0, 0, a]] the corner of the n-th power is n (n − 1) / 2 · "
        "aⁿ⁻² c². Choose a near 1, but not too near.",
    ),
    because="A longer chain grows like a higher power of n before aⁿ wins. So with many units a "
    "gradient may grow for long although every eigenvalue is below 1 in size.",
)
def transient():
    return torch.tensor([[0.98, 2.0, 0.0], [0.0, 0.98, 2.0], [0.0, 0.0, 0.98]])


@transient.checked_by
def _(answer):
    real = isinstance(answer, Tensor) and not answer.is_complex()
    expect(real, f"type: a tensor (3, 3) of real numbers is wanted, got {kind(answer)}")
    expect(tuple(answer.shape) == (3, 3), f"shape: expected (3, 3), got {tuple(answer.shape)}")
    V = answer.detach().double()
    expect(torch.isfinite(V).all(), "values: the entries must be finite")
    expect(V.abs().max() <= 2 + 1e-6, "entries: at most 2 in size")
    radius = torch.linalg.eigvals(V).abs().max().item()
    expect(radius < 1, f"radius: the spectral radius is {radius:.3g}, it must be below 1")
    power, norms = torch.eye(3).double(), []
    for _ in range(2000):
        power = power @ V
        norms.append(torch.linalg.matrix_norm(power, 2).item())
    expect(max(norms) > 1000, f"growth: ‖Vⁿ‖ never exceeds {max(norms):.3g}")
    expect(norms[-1] < 1e-6, f"decay: after 2,000 steps there is still {norms[-1]:.2g}")
