"""What answers of chapter 5 are tried on, and what the usual mistakes would give."""

import torch
from torch import Tensor, nn

from dlnotes.gru import GRUCell, jacobian_terms


def is_cell(module: object) -> bool:
    """Whether this is a ``GRUCell``: the package's, or the one that the notebook writes out."""
    return isinstance(module, nn.Module) and type(module).__name__ == "GRUCell"


def a_gradient() -> tuple[tuple, Tensor, dict[str, Tensor]]:
    """Return (cell, x, h, delta), the gradient at the state before, and what mistakes give."""
    torch.manual_seed(0)
    cell = GRUCell(3, 4).double()
    x, h, delta = torch.randn(3).double(), torch.randn(4).double(), torch.randn(4).double()
    terms = {name: term.detach() for name, term in jacobian_terms(cell, x, h).items()}
    jacobian = sum(terms.values())
    right = jacobian.T @ delta
    names = {
        "shortcut": "the shortcut, delta · z, is missing",
        "update": "the way through z is missing: h − n times the slope of z",
        "candidate": "the way through U is missing",
        "reset": "the way through r is missing: it multiplies U h + b_U",
    }
    wrong = {f"ways: {message}": right - terms[n].T @ delta for n, message in names.items()}
    wrong["ways: only the shortcut; z, r and n depend on h, too"] = terms["shortcut"].T @ delta
    wrong["transpose: a gradient goes back through the transposed matrices"] = jacobian @ delta
    with torch.no_grad():
        z, r, n = (gate[0] for gate in cell.gates(x[None], h[None]))
        d_n, U = delta * (1 - z) * (1 - n**2), cell.U
        no_slope = delta * (1 - z) - d_n  # what is too much if the slope of tanh is left out
        d_r = no_slope * (U @ h + cell.b_U) * r * (1 - r)
        wrong["slope: of the candidate's tanh, 1 − n², is missing"] = (
            right + U.T @ (no_slope * r) + cell.U_r.T @ d_r
        )
        wrong["reset: on the way through U, r multiplies"] = right + U.T @ (d_n * (1 - r))
        d_r = d_n * -cell.b_U * r * (1 - r)
        wrong["bias: r multiplies U h + b_U, the bias, too"] = right + cell.U_r.T @ d_r
        to_z = cell.U_z.T @ (2 * delta * (h - n) * z * (1 - z))
        wrong["sign: z is the share of the old state, so h − n, not n − h"] = right - to_z
    return (cell, x, h, delta), right, wrong


def wrong_steps(
    x: Tensor, h: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> dict[str, Tensor]:
    """Return what the usual mistakes in a step give, by what there is to say about them."""
    (r_x, z_x, n_x), (r_h, z_h, n_h) = (
        (x @ weight_ih.T + bias_ih).chunk(3, 1),
        (h @ weight_hh.T + bias_hh).chunk(3, 1),
    )
    r, z, b = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h), bias_hh.chunk(3)[2]
    n = torch.tanh(n_x + r * n_h)
    outside = torch.tanh(n_x + b + r * (n_h - b))
    before = torch.tanh(n_x + b + (r * h) @ weight_hh.chunk(3)[2].T)
    swapped = torch.tanh(n_x + z * n_h)  # with r and z in each other's place
    no_reset, linear = torch.tanh(n_x + n_h), n_x + r * n_h
    squashed = torch.sigmoid(n_x + r * n_h)
    return {
        "convention: z is the share of the old state": (1 - z) * h + z * n,
        "bias: the second bias of n stands inside the reset": z * h + (1 - z) * outside,
        "reset: torch's acts after the product with U, not before": z * h + (1 - z) * before,
        "order: torch stacks r, z, n; yours has z first": r * h + (1 - r) * swapped,
        "reset: r is missing": z * h + (1 - z) * no_reset,
        "tanh: the candidate needs its non-linearity": z * h + (1 - z) * linear,
        "tanh: the candidate may be negative; a sigmoid is for gates": z * h + (1 - z) * squashed,
        "mixture: that is the candidate alone, without the old state": n,
        "mixture: (1 − z) multiplies the candidate": z * h + n,
    }


def samples_to_hold() -> tuple[Tensor, Tensor, Tensor]:
    """Return values (64,), states before they come (64, 1), and 50 steps of others (50, 64)."""
    generator = torch.Generator().manual_seed(0)
    value = 4 * torch.rand(64, generator=generator) - 2
    start = 2 * torch.rand(64, 1, generator=generator) - 1
    return value, start, 4 * torch.rand(50, 64, generator=generator) - 2


def minimal_trial() -> tuple[list[Tensor], Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """Return parameters of a minimal gated unit, x, h, its new state, and what mistakes give."""
    generator = torch.Generator().manual_seed(0)
    shapes = (4, 3), (4, 4), (4,), (4, 3), (4, 4), (4,)
    p = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    x, h = (torch.randn(2, n, generator=generator, dtype=torch.float64) for n in (3, 4))
    W_f, U_f, b_f, W, U, b = p
    f = torch.sigmoid(x @ W_f.T + h @ U_f.T + b_f)

    def unit(reset: Tensor | float, *, bias: Tensor = b) -> Tensor:
        return torch.tanh(x @ W.T + (reset * h) @ U.T + bias)

    candidate, after = unit(f), torch.tanh(x @ W.T + f * (h @ U.T) + b)
    right = (1 - f) * h + f * candidate
    wrong = {
        "convention: f is the share of the new; use z='new' or flip signs": f * h
        + (1 - f) * candidate,
        "reset: it acts before the product, U (f ⊙ h)": (1 - f) * h + f * after,
        "reset: the gate f is the reset, too": (1 - f) * h + f * unit(0.5),
        "reset: it is f, not 1 − f": (1 - f) * h + f * unit(1 - f),
        "reset: always 1 in yours; give its weights to the reset, too": (1 - f) * h + f * unit(1.0),
        "bias: the candidate's b is missing": (1 - f) * h + f * unit(f, bias=0 * b),
        "update: 1/2 in yours; give the weights of f to it, too": 0.5 * (h + candidate),
    }
    return p, x, h, right, wrong
