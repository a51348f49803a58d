"""The interactive figure of chapter 3: how a gradient goes back in time."""

from functools import lru_cache

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_between, check_choice, check_positive, check_shape
from dlnotes.figures import Drawing, explore
from dlnotes.plotting import GREY, INK, MEMORY, ORANGE, figure
from dlnotes.rnn import ACTIVATIONS

STEEPEST = {"identity": 1.0, "tanh": 1.0, "sigmoid": 0.25}  # γ = max |f'|
MATRICES = ("orthogonal", "random", "nilpotent")
SIZE = 8


# ---- how the gradient goes back ----------------------------------------------------------------


def recurrent_matrix(kind: str, *, sigma: float) -> Tensor:
    """Return V, (8, 8), float64, whose largest singular value is ``sigma``.

    Args:
        kind: "orthogonal", all singular values equal, so the spectral radius is ``sigma``, too;
            "random", normal numbers, its spectral radius is smaller; "nilpotent", each unit
            hands on to the next, V⁸ = 0 and the spectral radius is 0.
        sigma: at least 0.
    """
    check_choice(MATRICES, kind=kind)
    check_between(0, float("inf"), sigma=sigma)
    numbers = torch.randn(
        SIZE, SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    if kind == "orthogonal":
        return sigma * torch.linalg.qr(numbers).Q
    if kind == "random":
        return sigma * numbers / torch.linalg.matrix_norm(numbers, 2)
    return sigma * torch.eye(SIZE, dtype=torch.float64).roll(1, 0).tril()


def jacobian_norms(V: Tensor, *, nonlinearity: str, steps: int, size_of_input: float) -> Tensor:
    """Return ‖∂h_T/∂h_{T−k}‖₂ for k = 0 … T, (T + 1,), of hₜ = f(xₜ + V hₜ₋₁).

    Args:
        V: recurrent weights, (H, H).
        nonlinearity: f, one of ``STEEPEST``.
        steps: T.
        size_of_input: standard deviation of the inputs, which are normal and always the same.
    """
    check_shape("V", V, "H", "H")
    check_choice(STEEPEST, nonlinearity=nonlinearity)
    check_positive(steps=steps)
    f, slope = ACTIVATIONS[nonlinearity]
    generator = torch.Generator().manual_seed(0)
    x = size_of_input * torch.randn(steps, len(V), generator=generator, dtype=V.dtype)
    h, slopes = V.new_zeros(len(V)), []
    for x_t in x:
        h = f(x_t + V @ h)
        slopes.append(slope(h))
    product, norms = torch.eye(len(V), dtype=V.dtype), [1.0]
    for s in reversed(slopes):
        product = product @ (s[:, None] * V)  # one factor diag(f'(aₜ)) V more
        norms.append(torch.linalg.matrix_norm(product, 2).item())
    return torch.tensor(norms, dtype=V.dtype)


@lru_cache(maxsize=8)
def _gradient(matrix: str, sigma: float, nonlinearity: str, steps: int, size: float) -> tuple:
    """Return the norms, (T + 1,), and the spectral radius that go with a setting of the sliders."""
    V = recurrent_matrix(matrix, sigma=sigma)
    norms = jacobian_norms(V, nonlinearity=nonlinearity, steps=steps, size_of_input=size)
    return norms, torch.linalg.eigvals(V).abs().max().item()


class Gradient(Drawing):
    """How the gradient of the last state goes back in time, beside its bound."""

    def __init__(self):
        self.figure, ax = figure(width=7.6, height=4.2)
        self.ax = ax
        (self.bound,) = ax.plot([], "-", lw=7, alpha=0.45, color=GREY, label="bound (γs)ᵏ")
        (self.norms,) = ax.plot([], "-o", markersize=3, color=MEMORY, label="gradient")
        (self.radius,) = ax.plot([], ":", lw=2.5, color=ORANGE, label="ρᵏ, ρ the spectral radius")
        ax.axhline(1, color=INK, linewidth=0.8)
        place = dict(xycoords="axes fraction", ha="right", color=MEMORY)
        self.note = ax.annotate("", (0.97, 0.06), **place)
        ax.set_yscale("log")
        ax.set_ylim(1e-12, 1e12)
        ax.set_yticks([10.0**power for power in range(-12, 13, 6)])
        ax.minorticks_off()  # ticks take longer to draw than all the rest
        ax.set(xlabel="k, steps back in time", ylabel="‖∂h(T) / ∂h(T − k)‖")
        ax.set_title("s", fontsize=12)
        ax.set_xlim(-2, 102)
        self.legend = ax.legend(loc="upper left", fontsize=11)
        self.freeze()

    def update(
        self,
        *,
        largest_singular_value: float,
        matrix: str,
        nonlinearity: str,
        steps: int,
        input_size: float,
    ) -> None:
        """Draw for these values of the sliders; see ``draw_gradient``."""
        sigma = largest_singular_value
        norms, radius = _gradient(matrix, sigma, nonlinearity, steps, input_size)
        bound, back = STEEPEST[nonlinearity] * sigma, torch.arange(steps + 1).double()
        there = norms > 0
        self.bound.set_data(back, bound**back)
        self.norms.set_data(back[there], norms[there])
        self.radius.set_data(back, radius**back)
        for artist in (self.radius, self.legend.legend_handles[2], self.legend.get_texts()[2]):
            artist.set_visible(radius > 1e-6)
        first = "" if there.all() else f"exactly 0 from k = {int((~there).nonzero()[0])} on"
        self.note.set_text(first)
        self.ax.set_xlim(-0.02 * steps, 1.02 * steps)
        self.ax.set_title(
            f"s = {sigma:g}, γs = {bound:.3g}, ρ = {radius:.2f}: {_verdict(bound)}", fontsize=12
        )


def draw_gradient(
    *, largest_singular_value: float, matrix: str, nonlinearity: str, steps: int, input_size: float
) -> Figure:
    """Draw how the gradient of the last state goes back in time, beside its bound.

    Args:
        largest_singular_value: of the recurrent matrix.
        matrix: one of ``MATRICES``.
        nonlinearity: one of ``STEEPEST``.
        steps: T.
        input_size: standard deviation of the inputs.
    """
    return Gradient()(
        largest_singular_value=largest_singular_value,
        matrix=matrix,
        nonlinearity=nonlinearity,
        steps=steps,
        input_size=input_size,
    )


def _verdict(bound: float) -> str:
    if bound < 1:
        return "it has to vanish"
    return "it may explode, or not" if bound > 1 else "it cannot explode"


def _say_gradient(
    *, largest_singular_value: float, matrix: str, nonlinearity: str, steps: int, input_size: float
) -> str:
    norms, _ = _gradient(matrix, largest_singular_value, nonlinearity, steps, input_size)
    return (
        f"Norm of the gradient going back {steps} steps, logarithmic: {matrix} recurrent matrix of "
        f"largest singular value {largest_singular_value:g}, {nonlinearity}, inputs of size "
        f"{input_size:g}. After all steps {norms[-1]:.1e} is left of 1."
    )


def gradient() -> dict:
    """Show the widget: choose V, f, T and the inputs, and watch the gradient go back.

    Returns:
        The controls by name.
    """
    return explore(
        Gradient(),
        alt=_say_gradient,
        largest_singular_value=(0.1, 5.0, 0.1, 1.5),
        matrix=list(MATRICES),
        nonlinearity=["tanh", "identity", "sigmoid"],
        steps=(5, 100, 5, 50),
        input_size=(0.0, 3.0, 0.1, 0.5),
    )
