"""Exercises 1 to 4 of chapter 5: predict, compute by hand, derive."""

import math

import torch

from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    kind,
)


@exercise(
    "1. Predict. How many parameters has torch.nn.GRU(10, 20), 10 inputs and 20 units, weights "
    "and all biases, and how large a share is that of the parameters of torch.nn.LSTM(10, 20)? "
    "Give (parameters, share), a whole number and a share of 1, to four digits.",
    hint=(
        "Count affine maps: a GRU has three, an LSTM four, of equal size.",
        "One map of torch's has H·D + H·H weights and two biases of H.",
    ),
    because="3 · 20 · (10 + 20 + 2) = 1920, and three maps against four are 0.75.",
)
def parameters():
    D, H = 10, 20
    one_map = H * D + H * H + 2 * H  # torch has two biases
    return 3 * one_map, 3 / 4


@parameters.checked_by
def _(answer):
    count, share = expect_parts(answer, "parameters", "share")
    mistakes = {
        "biases: torch has two for each map, of which one stands with U": 3 * 20 * (10 + 20 + 1),
        "biases: there are none in your count": 3 * 20 * (10 + 20),
        "maps: that is the LSTM; a GRU has three": 4 * 20 * (10 + 20 + 2),
        "maps: the candidate has weights, too, not only the gates": 2 * 20 * (10 + 20 + 2),
        "maps: this is one of them": 20 * (10 + 20 + 2),
        "recurrence: the matrices of the state, 20 × 20 each, are missing": 3 * 20 * (10 + 2),
        "biases: vectors of 20, not single numbers": 3 * (20 * (10 + 20) + 2),
    }
    expect_number(count, 3 * 20 * (10 + 20 + 2), "the number of parameters", wrong=mistakes)
    mistakes = {
        "share: the other way round, GRU to LSTM": 4 / 3,
        "unit: a share of 1, not per cent": 75.0,
        "share: of the LSTM, not of both together": 3 / 7,
        "share: two gates against three, but each has a candidate, too": 2 / 3,
        "share: two maps against four, but a GRU has three": 0.5,
        "difference: this is what the GRU saves": 0.25,
    }
    expect_number(share, 0.75, "the share", wrong=mistakes)


@exercise(
    "2. Predict. The reset gate r and the update gate z, the share of the old state, are both 0 "
    "or 1, whatever the input is. On what does the new state h_t then depend: on the input x_t, "
    "called 'x', on the state before, called 'h', or on both? Give a dict from each corner (r, z) "
    "to a set of these letters: {(0, 0): {...}, (0, 1): {...}, (1, 0): {...}, (1, 1): {...}}.",
    hint=(
        "Write h_t = z h + (1 − z) tanh(W x + r U h) down four times.",
        "With z = 1 the candidate does not matter at all, whatever r is.",
    ),
    because="z = 1 copies h; z = 0 takes the candidate, which sees h only through r.",
    skeleton="""
        answer = {
            (0, 0): ...,  # (r, z)
            (0, 1): ...,
            (1, 0): ...,
            (1, 1): ...,
        }
    """,
)
def corners():
    depends = {}
    for r in (0, 1):
        depends[r, 0] = {"x", "h"} if r else {"x"}  # the candidate alone
        depends[r, 1] = {"h"}  # a copy
    return depends


@corners.checked_by
def _(answer):
    expect(isinstance(answer, dict), f"type: a dict {{(r, z): set}} is wanted, got {kind(answer)}")
    expect(set(answer) == {(0, 0), (0, 1), (1, 0), (1, 1)}, "keys: (r, z) with r and z 0 or 1")
    for corner, letters in answer.items():
        several = isinstance(letters, set | list | tuple | str)
        expect(several, f"type: {corner}: a set of letters is wanted, got {kind(letters)}")
    given = {corner: set(letters) for corner, letters in answer.items()}
    expect(all(letters <= {"x", "h"} for letters in given.values()), "letters: 'x' and 'h' only")
    swapped = given[0, 0] == given[1, 0] == {"h"} and given[0, 1] == {"x"}
    expect(not swapped, "convention: z is the share of the old state; z = 1 keeps, z = 0 replaces")
    expect(given[1, 1] == {"h"}, "copy: with z = 1 the candidate has no share, so x has none")
    expect(given[0, 1] == {"h"}, "reset: r = 0 does not erase the state, z = 1 still copies it")
    expect(given[0, 0] == {"x"}, "restart: with r = z = 0 nothing of the past is left")
    expect(given[1, 0] == {"x", "h"}, "candidate: with r = 1 it sees the past through U")


@exercise(
    "3. By hand. Two units have the matrix U = ((1, 2), (3, 4)) and constant resets, 0.8 for unit "
    "1 and 0.2 for unit 2, after the product, so the candidate sees r ⊙ (U h). Another cell has "
    "its reset before the product, and its constant resets are 0.5 for unit 1 and 0.25 for unit 2. "
    "Which matrix must it have, so that it sees the same of every past h? "
    "Give a tensor (2, 2).",
    hint=(
        "After the product the resets multiply rows of U, before it they multiply columns.",
        "Entry (i, j) must be r_i U_ij divided by the other cell's reset of unit j.",
    ),
    because="Constant resets can be absorbed by the matrix, even if they differ from unit to unit. "
    "The theorem of section 8 needs resets that follow the input.",
)
def same_past():
    U = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    after, before = torch.tensor([0.8, 0.2]), torch.tensor([0.5, 0.25])
    return after[:, None] * U / before


@same_past.checked_by
def _(answer):
    U = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    r, other = torch.tensor([0.8, 0.2]), torch.tensor([0.5, 0.25])
    mistakes = {
        "rows: both resets stand at the rows; before the product they act on columns": (
            (r / other)[:, None] * U
        ),
        "columns: both resets stand at the columns; after the product r acts on rows": U
        * r
        / other,
        "swapped: rows and columns are exchanged": U * r / other[:, None],
        "divide: the other cell multiplies by its resets, so divide by them": r[:, None]
        * U
        * other,
        "other: the resets of the other cell are not undone": r[:, None] * U,
        "other: its own resets are undone, but those of the first cell are missing": U / other,
        "unchanged: the same matrix sees another past, as section 8 shows": U,
        "transpose: row i belongs to the unit that listens": (r[:, None] * U / other).T,
    }
    expect_close(answer, r[:, None] * U / other, "the matrix", within=1e-5, wrong=mistakes)


@exercise(
    "4. Derive. A unit whose z, the share of the old state, is constant forgets: what is stored "
    "is multiplied by z in each step. After tau steps, its time constant, 1/e of it is left. "
    "Write update_bias(tau), which returns, for a positive number tau, the bias b for which z = "
    "σ(b) has exactly this time constant. σ is the sigmoid. For tau = 50, z is 0.9802.",
    hint=(
        "z^τ = 1/e: solve for z.",
        "z = exp(−1/τ); then b = ln(z / (1 − z)), the inverse of σ.",
    ),
    because="For large τ, b is about ln τ: the bias has to grow only with the logarithm.",
    skeleton="""
        def update_bias(tau):
            z = ...
            return ...
    """,
)
def time_constant():
    def update_bias(tau):
        z = math.exp(-1 / tau)
        return math.log(z / (1 - z))

    return update_bias


@time_constant.checked_by
def _(answer):
    update_bias = expect_function(answer, "tau")
    for tau in (50.0, 5.0, 0.5):
        z, half = math.exp(-1 / tau), 0.5 ** (1 / tau)
        right = math.log(z / (1 - z))
        mistakes = {
            "inverse: that is z; the bias is what σ turns into z": z,
            "sign: a large bias must keep; yours forgets": -right,
            "1/e: yours is the bias for a half-life of tau": math.log(half / (1 - half)),
            "approximation: ln tau is the limit for large tau; solve zᵗᵃᵘ = 1/e": math.log(tau),
            "approximation: z = 1 − 1/tau is right for large tau only": math.log(max(tau - 1, 0.1)),
            "σ: its inverse is ln(z / (1 − z)), not −ln(1 − z)": -math.log(1 - z),
            "σ: its inverse is ln(z / (1 − z)), not ln z": -1 / tau,
        }
        message = f"the bias for tau = {tau:g}"
        expect_number(update_bias(tau), right, message, wrong=mistakes, within=1e-9)
