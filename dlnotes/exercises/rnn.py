"""Exercises of chapter 3: predict, derive, implement, break it, experiment."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlnotes.exercises import exercise, expect, expect_close
from dlnotes.rnn import RNN

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "How many parameters has torch.nn.RNN(10, 20)?",
    hint=(
        "One matrix acts on the input, one on the state; and torch keeps two biases.",
        "20 · 10 + 20 · 20 + 20 + 20.",
    ),
    because="Only the sum of the two biases acts; the second is there for cuDNN's sake.",
)
def parameters():
    U, V = 20 * 10, 20 * 20
    b_ih, b_hh = 20, 20
    return U + V + b_ih + b_hh


@parameters.checked_by
def _(answer):
    expect(answer != 600, "bias: there are biases, too")
    expect(answer != 620, "bias: torch keeps two, one with U and one with V")
    expect(answer != 200 + 40, "recurrence: V, 20 × 20, is missing")
    expect(answer != 640 * 2, "time: weights are shared, the number of steps does not matter")
    expect(answer == 640, "parameters: H·D + H·H + 2·H with D = 10, H = 20")


@exercise(
    "All singular values of V are 0.9 and the network is linear. What is the smallest number of "
    "steps after which less than a thousandth of the gradient is left?",
    hint=(
        "The gradient shrinks by the same factor in every step.",
        "Solve 0.9^T < 0.001 with logarithms, and round up.",
    ),
    because="T > ln 0.001 / ln 0.9 = 65.56. A word of six letters is no problem, a paragraph is.",
)
def vanishing_steps():
    return math.ceil(math.log(1e-3) / math.log(0.9))


@vanishing_steps.checked_by
def _(answer):
    expect(answer == int(answer), "type: a number of steps is whole")
    expect(answer != 65, "rounding: after 65 steps 0.00106 is left, still more than a thousandth")
    expect(answer != 7, "unit: a thousandth, not one half (that takes 7 steps)")
    expect(answer == 66, "logarithm: T = ln 0.001 / ln 0.9, rounded up")


@exercise(
    "A model of 27 characters has learned nothing: each is equally probable, always. Give its "
    "perplexity and its bits per character: (perplexity, bits).",
    hint=(
        "The loss is −log(1/27) at every step, so its mean is that, too.",
        "Perplexity is exp of the mean loss in nats; bits are log₂ instead of ln.",
    ),
    because="Perplexity is the number of equally likely choices, bits its logarithm.",
)
def knowing_nothing():
    nats = -math.log(1 / 27)
    return math.exp(nats), nats / math.log(2)


@knowing_nothing.checked_by
def _(answer):
    perplexity, bits = answer
    expect(abs(bits - math.log(27)) > 1e-3, "unit: these are nats; divide by ln 2")
    expect(abs(perplexity - 1 / 27) > 1e-3, "perplexity: that is the probability, not its inverse")
    expect(abs(perplexity - math.log2(27)) > 1e-3, "order: first the perplexity, then the bits")
    expect(abs(perplexity - 27) < 1e-6, "perplexity: exp of the mean negative log-likelihood")
    expect(abs(bits - math.log2(27)) < 1e-3, "bits: −log₂ of 1/27")


# ---- derive and implement ----------------------------------------------------------------------


def _numbers(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


@exercise(
    "Write states(x, U, V, b, h): the states h₁ … h_T of a tanh network, (T, H), for one sequence "
    "x, (T, D), and the state h before it, (H,). U is (H, D), V (H, H), b (H,).",
    hint=(
        "One loop over x; what a step returns is what the next one gets.",
        "h = torch.tanh(U @ x_t + V @ h + b), collected with torch.stack.",
    ),
    because="That loop is the whole network: the same weights in every step, h the only memory.",
)
def states():
    def run(x, U, V, b, h):
        found = []
        for x_t in x:
            h = torch.tanh(U @ x_t + V @ h + b)
            found.append(h)
        return torch.stack(found)

    return run


@states.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    x, U, V, b, h = _numbers((5, 4), (4, 4), (4, 4), (4,), (4,))

    def run(x, U, V, b, h, carry=True):
        found, start = [], h
        for x_t in x:
            h = torch.tanh(U @ x_t + V @ (h if carry else start) + b)
            found.append(h)
        return torch.stack(found)

    given, right = answer(x, U, V, b, h), run(x, U, V, b, h)
    if isinstance(given, Tensor) and given.shape == (6, 4):
        expect(False, "shape: h₀ is no state of the sequence, return h₁ to h_T")
    if isinstance(given, Tensor) and given.shape == right.shape:
        wrong = {
            "bias: b is missing": run(x, U, V, 0 * b, h),
            "start: begin with the h that is given, not with zeros": run(x, U, V, b, 0 * h),
            "recurrence: each step needs the state of the one before": run(x, U, V, b, h, False),
            "transposed: V acts on h from the left": run(x, U, V.T, b, h),
            "transposed: U acts on x from the left": run(x, U.T, V, b, h),
        }
        for message, value in wrong.items():
            expect((given - value).abs().max() > 1e-9, message)
    expect_close(given, right, "the states", within=1e-9)


@exercise(
    "Write gradient(V, states, errors): ∂L/∂V, (H, H), of a tanh network. states is (T + 1, H), "
    "h₀ first; errors is (T, H), what reaches hₜ directly from the loss at its own step, ∂Lₜ/∂hₜ.",
    hint=(
        "Go backwards and carry δ: it arrives from the loss at this step and from the next step.",
        "δₜ = (1 − hₜ²) ⊙ (errorₜ + Vᵀ δₜ₊₁).",
        "Every step used the same V: add up the outer products δₜ hₜ₋₁ᵀ.",
    ),
    because="∂L/∂V = Σₜ δₜ hₜ₋₁ᵀ: the chain rule along time, and a sum for shared weights.",
)
def recurrent_gradient():
    def gradient(V, states, errors):
        total, from_next = torch.zeros_like(V), torch.zeros_like(states[0])
        for t in range(len(errors), 0, -1):
            delta = (1 - states[t] ** 2) * (errors[t - 1] + from_next)
            total += torch.outer(delta, states[t - 1])
            from_next = V.T @ delta
        return total

    return gradient


@recurrent_gradient.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    a, V, h0, goals = _numbers((5, 4), (4, 4), (4,), (5, 4))
    V = V / 2

    def run(V):
        found = [torch.tanh(h0)]
        for a_t in a:
            found.append(torch.tanh(a_t + V @ found[-1]))
        return torch.stack(found)

    leaf = V.clone().requires_grad_()
    (goals * run(leaf)[1:]).sum().backward()
    seen, right = run(V), leaf.grad

    def variant(*, carry=True, slope=True, before=True, turn=True, last=False):
        total, from_next = torch.zeros_like(V), torch.zeros_like(h0)
        for t in range(5, 0, -1):
            delta = (1 - seen[t] ** 2 if slope else 1) * (goals[t - 1] + from_next)
            outer = torch.outer(delta, seen[t - 1 if before else t])
            total = outer if last else total + outer
            from_next = ((V.T if turn else V) @ delta) * carry
        return total

    given = answer(V, seen, goals)
    if isinstance(given, Tensor) and given.shape == V.shape:
        wrong = {
            "time: δₜ₊₁ does not arrive at δₜ; carry Vᵀ δ back": variant(carry=False),
            "slope: the factor 1 − hₜ² is missing": variant(slope=False),
            "state: V acted on hₜ₋₁, the state before": variant(before=False),
            "transposed: the error goes back through Vᵀ, not V": variant(turn=False),
            "transposed: row i of ∂L/∂V belongs to δ, column j to h": right.T,
            "sum: that is the share of the first step only, add all": variant(last=True),
        }
        for message, value in wrong.items():
            expect((given - value).abs().max() > 1e-9, message)
    expect_close(given, right, "the gradient", within=1e-9)


@exercise(
    "Write clip(gradients, limit): for a list of tensors return the list scaled to a joint norm of "
    "at most limit, without changing the direction.",
    hint=(
        "One norm for all tensors together: the root of the sum of all squares.",
        "Multiply every tensor by min(1, limit / norm); a norm of 0 needs no scaling.",
    ),
    because="One common factor keeps the direction; cutting off each number would turn it.",
)
def clip():
    def clip(gradients, limit):
        norm = math.sqrt(sum(g.pow(2).sum().item() for g in gradients))
        factor = min(1.0, limit / norm) if norm > 0 else 1.0
        return [factor * g for g in gradients]

    return clip


@clip.checked_by
def _(answer):
    expect(callable(answer), "type: give the function")
    large = [torch.tensor([30.0, 40.0]), torch.tensor([[0.0], [120.0]])]  # norms 50, 120, 130
    given = answer([g.clone() for g in large], 13.0)
    expect(isinstance(given, list | tuple) and len(given) == 2, "type: return a list of tensors")
    shapes = [tuple(g.shape) for g in given]
    expect(shapes == [(2,), (2, 1)], f"shape: expected (2,) and (2, 1), got {shapes}")
    both = torch.cat([g.flatten() for g in given])
    each = torch.tensor([7.8, 10.4, 0.0, 13.0])
    expect((both - each).abs().max() > 1e-4, "joint: one norm for all tensors, not one for each")
    cut = torch.tensor([13.0, 13.0, 0.0, 13.0])
    expect((both - cut).abs().max() > 1e-4, "direction: scale, do not cut off single numbers")
    expect_close(both, torch.tensor([3.0, 4.0, 0.0, 12.0]), "the clipped gradient", within=1e-4)
    small = [torch.tensor([0.3, 0.4])]
    same = answer([g.clone() for g in small], 13.0)[0]
    expect((same - small[0]).abs().max() < 1e-6, "small: a norm below the limit stays as it is")
    zero = answer([torch.zeros(3)], 1.0)[0]
    expect(torch.isfinite(zero).all(), "zero: a gradient of 0 has no direction; do not divide by 0")


@exercise(
    "Build a memory by hand: a linear cell hₜ = U xₜ + V hₜ₋₁, oₜ = W hₜ with three units, h₀ = 0, "
    "whose output is the input of two steps ago, oₜ = xₜ₋₂. Give (U, V, W) of shapes (3, 1), "
    "(3, 3) and (1, 3).",
    hint=(
        "A chain: the input enters unit 1, each unit hands on what it held to the next.",
        "V has ones below its diagonal and nothing else; W reads unit 3.",
    ),
    because="V is nilpotent: spectral radius 0, and yet nothing is lost for two steps, then all.",
)
def delay():
    U = torch.tensor([[1.0], [0.0], [0.0]])
    V = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    W = torch.tensor([[0.0, 0.0, 1.0]])
    return U, V, W


@delay.checked_by
def _(answer):
    expect(isinstance(answer, tuple | list) and len(answer) == 3, "type: give (U, V, W)")
    expect(all(isinstance(m, Tensor) for m in answer), "type: give three tensors")
    shapes = [tuple(m.shape) for m in answer]
    expect(shapes == [(3, 1), (3, 3), (1, 3)], f"shape: (3, 1), (3, 3), (1, 3), got {shapes}")
    U, V, W = (m.double() for m in answer)
    response = []  # to an input of 1 at the first step and nothing after it
    h = U[:, 0]
    for _ in range(12):
        response.append((W @ h).item())
        h = V @ h
    for steps in (0, 1, 3):
        here = abs(response[steps] - 1) < 1e-6 and abs(response[2]) < 1e-6
        expect(not here, f"delay: the input comes out after {steps} steps, not after 2")
    expect(abs(response[2] - 1) < 1e-6, "scale: after 2 steps the input must come out unchanged")
    expect(max(map(abs, response[:2])) < 1e-6, "early: something comes out before 2 steps")
    expect(max(map(abs, response[3:])) < 1e-6, "late: after 2 steps it must be forgotten")


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "Break the rule of thumb. Give a 2 × 2 matrix V of spectral radius below 1, all of whose "
    "entries are at most 100 in size, such that the gradient of the linear network first grows "
    "beyond 100, ‖Vⁿ‖ > 100 for some n, and later vanishes, ‖Vⁿ‖ < 10⁻⁶ for n = 1000.",
    hint=(
        "The eigenvalues of a triangular matrix stand on its diagonal.",
        "[[a, c], [0, a]]ⁿ = [[aⁿ, n aⁿ⁻¹ c], [0, aⁿ]].",
    ),
    because="Eigenvectors that are almost parallel: non-normal matrices grow before they decay.",
)
def transient():
    return torch.tensor([[0.9, 50.0], [0.0, 0.9]])


@transient.checked_by
def _(answer):
    expect(isinstance(answer, Tensor), "type: give a tensor")
    expect(tuple(answer.shape) == (2, 2), f"shape: expected (2, 2), got {tuple(answer.shape)}")
    V = answer.detach().double()
    expect(torch.isfinite(V).all(), "values: the entries must be finite")
    expect(V.abs().max() <= 100, "entries: at most 100 in size")
    radius = torch.linalg.eigvals(V).abs().max().item()
    expect(radius < 1, f"radius: the spectral radius is {radius:.3g}, it must be below 1")
    power, norms = torch.eye(2).double(), []
    for _ in range(1000):
        power = power @ V
        norms.append(torch.linalg.matrix_norm(power, 2).item())
    expect(max(norms) > 100, f"growth: ‖Vⁿ‖ never exceeds {max(norms):.3g}")
    expect(norms[-1] < 1e-6, f"decay: at n = 1000 there is still {norms[-1]:.2g}")


# ---- experiment --------------------------------------------------------------------------------


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


@exercise(
    "Does it help to start with an orthogonal V, whose singular values are all 1? Call "
    "exercises.rnn.remember(15, orthogonal=..., seed=...) with at least three seeds each; give "
    "{'uniform': [accuracies], 'orthogonal': [accuracies]}.",
    hint=(
        "remember(15, orthogonal=True, seed=0) returns one accuracy.",
        "Compare the difference of the means with the spread over seeds before you believe it.",
    ),
    because="At the start the gradient reaches the first symbol only if V does not shrink it.",
)
def orthogonal_start():
    kinds = {"uniform": False, "orthogonal": True}
    return {
        name: [remember(15, orthogonal=flag, seed=seed) for seed in range(3)]
        for name, flag in kinds.items()
    }


@orthogonal_start.checked_by
def _(answer):
    expect(isinstance(answer, dict), "type: give a dict")
    expect(set(answer) == {"uniform", "orthogonal"}, "keys: 'uniform' and 'orthogonal'")
    for name, values in answer.items():
        expect(len(values) >= 3, f"seeds: {name} has {len(values)} runs, at least 3 are needed")
        inside = all(0 <= value <= 1 for value in values)
        expect(inside, f"unit: give {name} as fractions in [0, 1]")
        expect(min(values) > 0.15, f"training: {name} has a run below chance; was it trained?")
        alike = len(set(values)) == 1 and min(values) < 0.99  # always right is no sign of one seed
        expect(not alike, f"seeds: all runs of {name} are equal; seed each one anew")
