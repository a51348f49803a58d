"""Interactive figures and drawings of chapter 3."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_between, check_choice, check_positive, check_shape
from dlnotes.figures import Drawing, explore
from dlnotes.plotting import (
    COLORS,
    GREY,
    INK,
    INPUT,
    MEMORY,
    NEGATIVE,
    ORANGE,
    OUTPUT,
    POSITIVE,
    SEQUENTIAL,
    Diagram,
    curves,
    figure,
    tint,
)
from dlnotes.plotting.diagram import Shape
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
        (self.bound,) = ax.plot([], "--", color=GREY, label="bound (γσ)ᵏ")
        (self.norms,) = ax.plot([], "-o", markersize=3, color=MEMORY, label="gradient")
        (self.radius,) = ax.plot([], ":", color=ORANGE, label="ρᵏ, ρ the spectral radius")
        ax.axhline(1, color=INK, linewidth=0.8)
        place = dict(xycoords="axes fraction", ha="right", color=MEMORY)
        self.note = ax.annotate("", (0.97, 0.06), **place)
        ax.set_yscale("log")
        ax.set_ylim(1e-12, 1e12)
        ax.set_yticks([10.0**power for power in range(-12, 13, 6)])
        ax.minorticks_off()  # ticks take longer to draw than all the rest
        ax.set(xlabel="k, steps back in time", ylabel="‖∂h(T) / ∂h(T − k)‖")
        ax.set_title("σ", fontsize=12)
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
            f"σ = {sigma:g}, γσ = {bound:.3g}, ρ = {radius:.2f}: {_verdict(bound)}", fontsize=12
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


# ---- the network in one picture ----------------------------------------------------------------


def architecture(steps: int = 4) -> Figure:
    """Draw the recurrent network folded, and unrolled over so many steps."""
    check_positive(steps=steps)
    first = 2.75
    drawing = Diagram((-0.5, first + 1.5 * steps + 0.5), (-1.75, 1.75), width=8.8)
    folded = _column(drawing, 0.0, "x", "h", "o")
    drawing.loop(folded, label="V", color=MEMORY)
    drawing.text(1.9, 0.0, "=", fontsize=24)
    before = drawing.node(first, 0.0, "$h_0$", radius=0.34, color=tint(MEMORY))
    for t in range(1, steps + 1):
        state = _column(drawing, first + 1.5 * t, f"x_{t}", f"h_{t}", f"o_{t}")
        drawing.arrow(before, state, label="V", color=MEMORY)
        before = state
    return drawing.figure


def _column(drawing: Diagram, x: float, below: str, inside: str, above: str) -> Shape:
    """Draw what happens at one step, from the input at the bottom to the output at the top."""
    state = drawing.node(x, 0.0, f"${inside}$", radius=0.34, color=tint(MEMORY))
    given = drawing.node(x, -1.35, f"${below}$", radius=0.3, color=tint(INPUT))
    said = drawing.node(x, 1.35, f"${above}$", radius=0.3, color=tint(OUTPUT))
    drawing.arrow(given, state, label="U", side="left", color=INPUT)
    drawing.arrow(state, said, label="W", side="left", color=OUTPUT)
    return state


# ---- other pictures of the chapter -------------------------------------------------------------


def latch(inputs: Tensor, states: dict[str, Tensor]) -> Figure:
    """Draw what goes into one-unit networks and what they hold on to.

    Args:
        inputs: (T,), the same for all.
        states: label -> states after each step, (T,).
    """
    check_shape("inputs", inputs, "T")
    fig, (above, below) = figure(2, 1, height=4.6, sharex=True, height_ratios=[1, 2.2])
    above.stem(range(1, len(inputs) + 1), inputs, linefmt=INK, markerfmt="o", basefmt=" ")
    above.set(ylabel="input x", ylim=(-1.25 * inputs.abs().max(), 1.25 * inputs.abs().max()))
    for number, (label, h) in enumerate(states.items()):
        check_shape(label, h, len(inputs))
        style = ("-", "--", "-.")[number % 3]
        below.plot(range(1, len(h) + 1), h, style, color=COLORS[number], label=label)
    below.axhline(0, color=INK, linewidth=0.8)
    below.set(xlabel="time t", ylabel="state h", ylim=(-1.12, 1.12))
    below.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def one_unit_loss(w: Tensor, b: Tensor, *, steps: int = 50, goal: float = 0.7) -> Tensor:
    """Return (h_T − goal)² of hₜ = σ(w hₜ₋₁ + b), h₀ = ½, for many (w, b) at once."""
    h = torch.full_like(w, 0.5)
    for _ in range(steps):
        h = torch.sigmoid(w * h + b)
    return (h - goal) ** 2


def cliff(paths: dict[str, Tensor], *, w: tuple[float, float], b: tuple[float, float]) -> Figure:
    """Draw ``one_unit_loss`` as a landscape, and walks over it.

    Args:
        paths: label -> points (w, b), (K, 2), in the order of the walk.
        w: smallest and largest recurrent weight.
        b: smallest and largest bias.
    """
    across, up = torch.linspace(*w, 241), torch.linspace(*b, 201)
    ups, acrosses = torch.meshgrid(up, across, indexing="ij")
    heights = one_unit_loss(acrosses.double(), ups.double())
    fig, ax = figure(width=7.6, height=4.6)
    picture = ax.pcolormesh(across, up, heights, cmap=SEQUENTIAL, shading="nearest")
    fig.colorbar(picture, ax=ax, label="loss after 50 steps")
    for number, (label, points) in enumerate(paths.items()):
        check_shape(label, points, "K", 2)
        color, style = ("#FFFFFF", ORANGE)[number % 2], ("-o", "-s")[number % 2]
        ax.plot(*points.T, style, color=color, markersize=4, linewidth=1.5, label=label)
    first = next(iter(paths.values()))[0]
    ax.plot(*first, "*", color="black", markersize=15, markeredgecolor="white", zorder=5)
    ax.set(xlim=w, ylim=b, xlabel="recurrent weight w", ylabel="bias b")
    ax.grid(False)
    legend = ax.legend(loc="lower left", frameon=True, facecolor="#777777", fontsize=10)
    for text in legend.get_texts():
        text.set_color("white")
    return fig


def right_against(
    x: Sequence[int], runs: Mapping[str, Tensor], *, xlabel: str, guessing: float
) -> Figure:
    """Draw how often several runs were right, against what made the task harder.

    Args:
        x: at least two numbers, the axis is logarithmic.
        runs: label -> right answers in per cent, (runs, len(x)): a line for the mean, and dots.
        xlabel: what x is, with unit.
        guessing: what guessing reaches, in per cent.
    """
    for rows in runs.values():
        check_shape("runs", torch.as_tensor(rows), "N", len(x))
    lines = {label: (list(x), rows) for label, rows in runs.items()}
    levels, ylim = {"guessing": guessing}, (guessing - 12, 104)
    fig = curves(lines, xlabel=xlabel, ylabel="right (%)", ylim=ylim, levels=levels, log="x")
    (ax,) = fig.axes
    ax.texts[0].set(va="top", y=guessing - 2)  # under its line, where no runs are
    for rows, color in zip(runs.values(), COLORS, strict=False):
        for row in rows:
            ax.plot(x, row, "o", color=color, markersize=4, alpha=0.7)
    ax.set_xticks(x, [str(number) for number in x])
    ax.minorticks_off()
    return fig


def letter_by_letter(words: Sequence[str], probabilities: Sequence[Tensor]) -> Figure:
    """Draw a probability that is revised with every letter, one panel per word.

    Args:
        words: at most eight.
        probabilities: for each word, after each of its letters, (letters,), in [0, 1].
    """
    columns = min(4, len(words))
    rows = -(-len(words) // columns)
    fig, axes = figure(rows, columns, width=8.8, height=2.2 * rows, sharey=True, squeeze=False)
    for ax in axes.flat[len(words) :]:
        ax.axis("off")
    for ax, word, p in zip(axes.flat, words, probabilities, strict=False):
        check_shape(word, p, len(word))
        colors = [POSITIVE if value >= 0.5 else NEGATIVE for value in p]
        ax.bar(range(len(word)), p - 0.5, bottom=0.5, color=colors, width=0.75)
        ax.axhline(0.5, color=INK, linewidth=0.8)
        ax.set_xticks(range(len(word)), list(word))
        ax.set_ylim(0, 1)
    for line in axes:
        line[0].set_ylabel("P(female)")
    return fig
