"""Exercises of chapter 3: predict, derive, implement, break it, experiment."""

import math

import torch
from torch import Tensor

from dlnotes.exercises import (
    as_number,
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    expect_runs,
    kind,
)
from dlnotes.exercises.rnn.experiment import remember
from dlnotes.exercises.rnn.trials import (
    a_trained_sequence,
    numbers,
    run,
    wrong_clips,
    wrong_states,
)

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "1. Predict. torch.nn.RNN(10, 20) reads 10 numbers in each step and keeps a state of 20 "
    "numbers. How many parameters has it, weights and all biases? Give a whole number.",
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
    mistakes = {
        "bias: there are biases, too": 20 * 10 + 20 * 20,
        "bias: torch keeps two, one with each matrix": 20 * 10 + 20 * 20 + 20,
        "recurrence: the matrix that acts on the state, 20 × 20, is missing": 20 * 10 + 2 * 20,
        "input: the matrix that acts on the input is missing": 20 * 20 + 2 * 20,
        "time: weights are shared, the number of steps does not matter": 2 * 640,
        "gates: this network has none; that would be an LSTM": 4 * 640,
        "sizes: U takes 10 numbers to 20, V takes 20 to 20": 10 * 10 + 20 * 20 + 2 * 20,
    }
    expect_number(answer, 640, "the number of parameters", wrong=mistakes)


@exercise(
    "2. Predict. In a linear network h_t = U x_t + V h_(t−1) all singular values of V are 0.9, so "
    "each step back in time multiplies the length of the gradient by 0.9. What is the smallest "
    "number of steps after which less than a thousandth of it is left? Give a whole number.",
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
    steps = as_number(answer, "the number of steps")
    expect(steps == int(steps), "type: a number of steps is whole")
    mistakes = {
        "rounding: so many steps leave 0.00106, still more than a thousandth": 65,
        "rounding: one step fewer is enough": 67,
        "unit: a thousandth, not one half": 7,
        "unit: a thousandth, not a hundredth": 44,
        "unit: a thousandth, not a tenth": 22,
        "logarithm: of the same kind above and below the line": 29,
        "power: each step takes a tenth of what is left, not of what there was": 10,
    }
    expect_number(steps, 66, "the number of steps", wrong=mistakes)


@exercise(
    "3. Derive. A model of text knows 27 characters and has learned nothing, so that to each "
    "character it always gives the same probability. What is its perplexity, exp of the mean loss "
    "in nats, and how many bits per character does it need? Give (perplexity, bits), two "
    "numbers, to four digits.",
    hint=(
        "The loss is −log(1/27) at every step, so its mean is that, too.",
        "Perplexity is exp of the mean loss in nats; bits are log₂ instead of ln.",
    ),
    because="Perplexity is the number of equally likely choices, bits its logarithm.",
    skeleton="""
        perplexity = ...
        bits = ...
        answer = perplexity, bits
    """,
)
def knowing_nothing():
    nats = -math.log(1 / 27)
    return math.exp(nats), nats / math.log(2)


@knowing_nothing.checked_by
def _(answer):
    perplexity, bits = expect_parts(answer, "perplexity", "bits")
    mistakes = {
        "perplexity: that is the probability, not its inverse": 1 / 27,
        "order: first the perplexity, then the bits": math.log2(27),
        "perplexity: that is the mean loss itself; exp is missing": math.log(27),
        "perplexity: every character may come, the last one, too": 26.0,
        "perplexity: exp of nats, or 2 to the power of bits; these are mixed": 27
        ** (1 / math.log(2)),
    }
    expect_number(perplexity, 27.0, "the perplexity", wrong=mistakes)
    mistakes = {
        "unit: these are nats; divide by ln 2": math.log(27),
        "unit: these are decimal digits": math.log10(27),
        "nats: divide by ln 2, do not multiply": math.log(27) * math.log(2),
        "character: one of all, not one of two": 1.0,
    }
    expect_number(bits, math.log2(27), "the bits", wrong=mistakes)


# ---- derive and implement ----------------------------------------------------------------------


@exercise(
    "4. Complete the code. A tanh network with the matrices U (H, D) for the input and V (H, H) "
    "for the state, and the bias b (H,), reads one sequence x (T, D) of T inputs of D numbers "
    "each. h (H,) is its state before the first of them. Fill the blanks of states, which returns "
    "the T states after each input, a tensor (T, H).",
    hint=(
        "One loop over x; what a step returns is what the next one gets.",
        "h = torch.tanh(U @ x_t + V @ h + b), collected with torch.stack.",
    ),
    because="That loop is the whole network: the same weights in every step, h the only memory.",
    skeleton="""
        def states(x, U, V, b, h):
            found = []
            for x_t in x:
                h = ...
                found.append(h)
            return ...
    """,
)
def states():
    def states(x, U, V, b, h):
        found = []
        for x_t in x:
            h = torch.tanh(U @ x_t + V @ h + b)
            found.append(h)
        return torch.stack(found)

    return states


@states.checked_by
def _(answer):
    states = expect_function(answer, "x", "U", "V", "b", "h")
    x, U, V, b, h = numbers((5, 4), (4, 4), (4, 4), (4,), (4,))  # square: what is transposed fits
    mistakes, right = wrong_states(x, U, V, b, h), run(x, U, V, b, h)
    expect_close(states(x, U, V, b, h), right, "the states", within=1e-9, wrong=mistakes)
    x, U, V, b, h = numbers((6, 3), (4, 3), (4, 4), (4,), (4,))
    expect_close(states(x, U, V, b, h), run(x, U, V, b, h), "the states", within=1e-9)


@exercise(
    "5. Derive and complete. Backpropagation through time for the matrix V (H, H) of a tanh "
    "network hₜ = tanh(aₜ), aₜ = U xₜ + V hₜ₋₁ + b, whose loss is a sum over the steps. states (T "
    "+ 1, H) holds h₀, h₁, …, h_T; errors (T, H) holds ∂Lₜ/∂hₜ for t = 1 to T, which is what "
    "reaches each state from the loss of its own step. Fill the blanks of gradient, which returns "
    "∂L/∂V (H, H). delta is meant to be ∂L/∂aₜ.",
    hint=(
        "Go backwards and carry δ: it arrives from the loss at this step and from the next step.",
        "δₜ = (1 − hₜ²) ⊙ (errorₜ + Vᵀ δₜ₊₁).",
        "Every step used the same V: add up the outer products δₜ hₜ₋₁ᵀ.",
    ),
    because="∂L/∂V = Σₜ δₜ hₜ₋₁ᵀ: the chain rule along time, and a sum for shared weights.",
    skeleton="""
        def gradient(V, states, errors):
            total, from_next = torch.zeros_like(V), torch.zeros_like(states[0])
            for t in range(len(errors), 0, -1):
                delta = ...
                total += ...
                from_next = ...
            return total
    """,
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
    gradient = expect_function(answer, "V", "states", "errors")
    (V, states, errors), right, mistakes = a_trained_sequence()
    given = gradient(V, states, errors)
    expect_close(given, right, "the gradient", within=1e-9, wrong=mistakes)


@exercise(
    "6. Implement. Write clip(gradients, limit): gradients is a list of tensors of any shapes, "
    "limit a positive number. Together they are one long vector. Return the list of tensors, with "
    "their shapes, scaled so that the length of this vector is at most limit and its direction "
    "stays. A vector that is not too long stays as it is.",
    hint=(
        "One norm for all tensors together: the root of the sum of all squares.",
        "Multiply every tensor by min(1, limit / norm); a norm of 0 needs no scaling.",
    ),
    because="One common factor keeps the direction; cutting off each number would turn it.",
    skeleton="""
        def clip(gradients, limit):
            norm = ...
            return ...
    """,
)
def clip():
    def clip(gradients, limit):
        norm = math.sqrt(sum(g.pow(2).sum().item() for g in gradients))
        factor = min(1.0, limit / norm) if norm > 0 else 1.0
        return [factor * g for g in gradients]

    return clip


@clip.checked_by
def _(answer):
    clip = expect_function(answer, "gradients", "limit")
    large = [torch.tensor([30.0, 40.0]), torch.tensor([[0.0], [120.0]])]  # norms 50, 120, 130
    given = clip(large, 13.0)
    several = isinstance(given, list | tuple) and all(isinstance(g, Tensor) for g in given)
    expect(several, f"type: a list of tensors is wanted, got {kind(given)}")
    expect(len(given) == 2, f"length: two tensors went in, {len(given)} came out")
    shapes = [tuple(g.shape) for g in given]
    expect(shapes == [(2,), (2, 1)], f"shape: expected (2,) and (2, 1), got {shapes}")
    both, right = torch.cat([g.flatten() for g in given]), torch.tensor([3.0, 4.0, 0.0, 12.0])
    expect_close(both, right, "the clipped gradient", within=1e-4, wrong=wrong_clips())
    small = torch.tensor([0.3, 0.4])
    same = expect_parts(clip([small], 13.0), "gradient")[0]
    expect((same - small).abs().max() < 1e-6, "small: a norm below the limit stays as it is")
    zero = expect_parts(clip([torch.zeros(3)], 1.0), "gradient")[0]
    expect(torch.isfinite(zero).all(), "zero: a gradient of 0 has no direction; do not divide by 0")


@exercise(
    "7. Build by hand. A memory: a linear cell hₜ = U xₜ + V hₜ₋₁, oₜ = W hₜ with three units and "
    "h₀ = 0 reads one number xₜ in each step. Choose its weights such that the output is the "
    "input of two steps ago, oₜ = xₜ₋₂. Give (U, V, W), tensors of shapes (3, 1), (3, 3) and (1, "
    "3).",
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


# ---- break it ----------------------------------------------------------------------------------


@exercise(
    "8. Break it. A rule of thumb says that gradients vanish if the spectral radius of V, the "
    "largest size of an eigenvalue, is below 1. Give a tensor V (2, 2) with entries of at most "
    "100 in size and a spectral radius below 1, for which the gradient of the linear network "
    "first grows beyond 100, ‖Vⁿ‖ > 100 for some n, and only later vanishes, ‖Vⁿ‖ < 10⁻⁶ for n = "
    "1000. ‖·‖ is the largest singular value.",
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
    real = isinstance(answer, Tensor) and not answer.is_complex()
    expect(real, f"type: a tensor (2, 2) of real numbers is wanted, got {kind(answer)}")
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


@exercise(
    "9. Experiment. Does it help to start with an orthogonal V, whose singular values are all 1? "
    "exercises.rnn.remember(15, orthogonal=True, seed=0) trains a network to name the first of 15 "
    "random symbols, one of four, and returns its accuracy, a share of 1; with orthogonal=False "
    "it starts with torch's uniform V. Call both with at least three seeds and give {'uniform': "
    "[accuracies], 'orthogonal': [accuracies]}.",
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
    for name, values in expect_runs(answer, "uniform", "orthogonal").items():
        expect(min(values) > 0.15, f"training: {name} has a run below chance; was it trained?")
