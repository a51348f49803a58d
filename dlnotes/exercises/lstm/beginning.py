"""The first rungs: predict, compute by hand, complete."""

import torch
from torch import Tensor

from dlnotes.exercises import (
    exercise,
    expect,
    expect_close,
    expect_function,
    expect_number,
    expect_parts,
    kind,
)

# ---- predict -----------------------------------------------------------------------------------


@exercise(
    "1. Predict. How many parameters has one layer of an LSTM with 10 inputs and 20 units: in the "
    "form of this chapter, with one bias vector per gate and for the candidate, and as "
    "torch.nn.LSTM(10, 20)? Give (chapter, torch), two whole numbers.",
    hint=(
        "Four affine maps, all of the same size.",
        "Each has H × H recurrent weights, H × D input weights, and a bias; torch keeps two.",
    ),
    because="4 H (D + H + 1) = 2480; torch's second bias adds 4 H = 80. Only their sum acts.",
    skeleton="""
        chapter = ...
        torchs = ...
        answer = chapter, torchs
    """,
)
def parameters():
    D, H = 10, 20
    return 4 * H * (D + H + 1), 4 * H * (D + H + 2)


@parameters.checked_by
def _(answer):
    ours, theirs = expect_parts(answer, "chapter", "torch")
    D, H = 10, 20
    mistakes = {
        "order: the chapter's form first, then torch's": 4 * H * (D + H + 2),
        "maps: the candidate has weights of its own, three maps are a GRU": 3 * H * (D + H + 1),
        "maps: this is one of them, and there are three gates and a candidate": H * (D + H + 1),
        "bias: one per unit and map is missing": 4 * H * (D + H),
        "bias: a vector of 20 for each map, not one number": 4 * H * (D + H) + 4,
        "recurrence: the maps of the state, 20 × 20 each, are missing": 4 * H * (D + 1),
        "sizes: 20 × 10 for the input, 20 × 20 for the state": 4 * (D * D + H * H + H),
    }
    expect_number(ours, 4 * H * (D + H + 1), "the number in the chapter's form", wrong=mistakes)
    mistakes = {
        "bias: torch keeps two vectors for each map": 4 * H * (D + H + 1),
        "bias: two vectors for each map, not two in all": 4 * H * (D + H + 1) + H,
        "bias: two vectors for each map, not three": 4 * H * (D + H + 3),
    }
    expect_number(theirs, 4 * H * (D + H + 2), "torch's number", wrong=mistakes)


@exercise(
    "2. Predict. A store with switches that are 0 or 1 gets four commands. 'write': take the new "
    "number in place of the old one, and stay silent. 'ignore': keep the old number, let nothing "
    "in, stay silent. 'add': add the new number to the old one, and show the sum. 'pass': throw "
    "the old number away, take the new one, and show it.\n"
    "Give a dict, command -> (f, i, o), with f for keep, i for write and o for show.",
    hint=(
        "Ask three questions for each command: is the old one needed, is the new one, is it shown?",
        "f is the share that is kept. To add needs the old one and the new one.",
    ),
    because="write (0, 1, 0), ignore (1, 0, 0), add (1, 1, 1), pass (0, 1, 1): f says what stays.",
    skeleton="""
        answer = {
            "write": ...,
            "ignore": ...,
            "add": ...,
            "pass": ...,
        }
    """,
)
def switches():
    return {"write": (0, 1, 0), "ignore": (1, 0, 0), "add": (1, 1, 1), "pass": (0, 1, 1)}


@switches.checked_by
def _(answer):
    expect(isinstance(answer, dict), f"type: a dict is wanted, got {kind(answer)}")
    right = {"write": (0, 1, 0), "ignore": (1, 0, 0), "add": (1, 1, 1), "pass": (0, 1, 1)}
    expect(set(answer) == set(right), f"keys: {', '.join(right)} are wanted")
    given = {name: tuple(map(float, expect_parts(answer[name], "f", "i", "o"))) for name in right}
    for name, values in given.items():
        expect(set(values) <= {0, 1}, f"values: the switches of {name} are to be 0 or 1")
    turned = {name: (1 - f, i, o) for name, (f, i, o) in right.items()}
    expect(given != turned, "keep: f is the share that is kept, not the share that is forgotten")
    questions = ("keep: is the old number needed", "write: is the new number needed")
    questions += ("show: is anything to be shown",)
    for place, question in enumerate(questions):
        for name, values in given.items():
            message = f"{question} at '{name}'? Not yet as it should be"
            expect(values[place] == right[name][place], message)


# ---- complete ----------------------------------------------------------------------------------


@exercise(
    "3. Complete the code. Tie the two gates of an LSTM together, so that what is written takes "
    "the place of what is forgotten: the input gate is one minus the forget gate, and needs no "
    "weights of its own. W, U and b are dicts with the keys 'f', 'c' and 'o'; W['f'] acts on the "
    "last output h, U['f'] on the input x. x is (D,), h and c are (H,). Return (h, c) after the "
    "step.",
    hint=(
        "Only one line of the LSTM changes, and one disappears.",
        "c = f * c + (1 - f) * candidate.",
    ),
    because="c is a mean of old and new and stays between -1 and 1; chapter 5 builds on it.",
    skeleton="""
        def tied_step(x, h, c, W, U, b):
            f = torch.sigmoid(W["f"] @ h + U["f"] @ x + b["f"])
            candidate = ...
            c = ...
            o = ...
            return ..., c
    """,
)
def tied_step():
    def tied_step(x, h, c, W, U, b):
        f = torch.sigmoid(W["f"] @ h + U["f"] @ x + b["f"])
        candidate = torch.tanh(W["c"] @ h + U["c"] @ x + b["c"])
        c = f * c + (1 - f) * candidate
        o = torch.sigmoid(W["o"] @ h + U["o"] @ x + b["o"])
        return o * torch.tanh(c), c

    return tied_step


def _numbers() -> list:
    """Return x, h, c, W, U, b of a cell with three inputs and four units."""
    generator = torch.Generator().manual_seed(0)

    def new(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    W, U, b = ({k: new(*size) for k in "fco"} for size in ((4, 4), (4, 3), (4,)))
    return [new(3), new(4), 2 * new(4), W, U, b]


@tied_step.checked_by
def _(answer):
    step = expect_function(answer, "x", "h", "c", "W", "U", "b")
    x, h, c, W, U, b = _numbers()
    given_h, given_c = expect_parts(step(x, h, c, W, U, b), "h", "c")

    a = {k: W[k] @ h + U[k] @ x + b[k] for k in "fco"}
    f, o, g = a["f"].sigmoid(), a["o"].sigmoid(), a["c"].tanh()
    new = f * c + (1 - f) * g
    mistakes = {
        "turned: f is the share of the old content that is kept": (1 - f) * c + f * g,
        "tie: the candidate is to be let in by 1 - f, not by f": f * c + f * g,
        "tie: the candidate is to be let in by 1 - f, not in full": f * c + g,
        "tanh: the candidate comes out of a tanh": f * c + (1 - f) * a["c"],
        "candidate: its layer ends in a tanh, not in a sigmoid": f * c + (1 - f) * a["c"].sigmoid(),
        "squashing: nothing squashes the content itself": new.tanh(),
    }
    expect_close(given_c, new, "c", within=1e-9, wrong=mistakes)
    mistakes = {
        "tanh: what is shown is o times tanh(c)": o * new,
        "old: what is shown is the new content, not the old one": o * c.tanh(),
        "gate: what is shown passes the output gate": new.tanh(),
        "output: its gate ends in a sigmoid": a["o"].tanh() * new.tanh(),
    }
    expect_close(given_h, o * new.tanh(), "h", within=1e-9, wrong=mistakes)


@exercise(
    "4. Complete the code. Now the way back of the cell with tied gates, c = f ⊙ c_before + "
    "(1 − f) ⊙ g, where f = σ(a_f) and g = tanh(a_g). All are tensors of one shape, (H,), and "
    "grad_c is the derivative of the loss with respect to c. Return (d_f, d_g, d_before), the "
    "derivatives with respect to a_f, a_g and c_before.",
    hint=(
        "f occurs twice: as the partner of c_before, and with a minus as the partner of g.",
        "d_f = grad_c · (c_before − g) · f (1 − f).",
    ),
    because="f is partner of c_before and, with a minus, of g, so it gets their difference.",
    skeleton="""
        def tied_backward(grad_c, f, g, c_before):
            d_f = grad_c * ...
            d_g = grad_c * ...
            d_before = grad_c * ...
            return d_f, d_g, d_before
    """,
)
def tied_backward():
    def tied_backward(grad_c, f, g, c_before):
        d_f = grad_c * (c_before - g) * f * (1 - f)
        d_g = grad_c * (1 - f) * (1 - g**2)
        d_before = grad_c * f
        return d_f, d_g, d_before

    return tied_backward


@tied_backward.checked_by
def _(answer):
    backward = expect_function(answer, "grad_c", "f", "g", "c_before")
    generator = torch.Generator().manual_seed(0)
    grad_c, a_f, a_g, c_before = (
        torch.randn(5, generator=generator, dtype=torch.float64) for _ in range(4)
    )
    f, g = a_f.sigmoid(), a_g.tanh()
    given = expect_parts(backward(grad_c, f, g, c_before), "d_f", "d_g", "d_before")
    right = [grad_c * (c_before - g) * f * (1 - f), grad_c * (1 - f) * (1 - g**2), grad_c * f]
    for name, value, wanted in zip(("d_f", "d_g", "d_before"), given, right, strict=True):
        mistakes = _tied_mistakes(grad_c, f, g, c_before)[name]
        expect_close(value, wanted, name, within=1e-9, wrong=mistakes)


def _tied_mistakes(grad_c, f, g, c_before) -> dict[str, dict[str, Tensor]]:
    """Return for each gradient what the usual mistakes lead to."""
    return {
        "d_f": {
            "twice: f also stands in 1 − f, with a minus": grad_c * c_before * f * (1 - f),
            "sign: 1 − f turns the sign of g": grad_c * (c_before + g) * f * (1 - f),
            "slope: of the gate, f (1 − f), is missing": grad_c * (c_before - g),
            "slope: a gate has the slope f (1 − f)": grad_c * (c_before - g) * (1 - f**2),
        },
        "d_g": {
            "partner: g is let in by 1 − f": grad_c * f * (1 - g**2),
            "partner: g was multiplied by 1 − f": grad_c * (1 - g**2),
            "slope: of the tanh, 1 − g², is missing": grad_c * (1 - f),
            "slope: g comes out of a tanh, not of a σ": grad_c * (1 - f) * g * (1 - g),
        },
        "d_before": {
            "partner: c_before was multiplied by f": grad_c * (1 - f),
            "slope: c_before is multiplied by f itself": grad_c * f * (1 - f),
            "partner: f is missing": grad_c,
        },
    }
