"""Drawings of part B: errors, gradients, the walk downhill, learning curves."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import (
    DULL,
    FAINT,
    INK,
    PALE,
    arrow,
    canvas,
    cell,
    end_labels,
    number,
    readable,
    say,
    shade,
)
from dlnotes.plotting import AMBER, BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, figure

WALKS = (GREEN, PURPLE, BLACK, SKY, AMBER)
LEAST = 1e-4  # lower edge of a logarithmic axis of losses; 0 is drawn there


# ---- the loss ----------------------------------------------------------------------------------


def blame(probabilities: Tensor, target: Tensor) -> Figure:
    """Draw probabilities, one-hot target and their difference, side by side.

    Args:
        probabilities: (K,).
        target: (K,), a one and zeros.
    """
    check_shape("target", target, len(probabilities))
    fig, axes = figure(1, 3, width=8.4, height=2.7)
    columns = {
        "probabilities p": probabilities,
        "target t": target,
        "p − t, the gradient": probabilities - target,
    }
    for ax, (title, values) in zip(axes, columns.items(), strict=True):
        values = values.detach().tolist()
        ax.bar(range(len(values)), values, color=[BLUE if v > 0 else ORANGE for v in values])
        for k, value in enumerate(values):
            offset = 0.05 if value >= 0 else -0.05
            anchor = "bottom" if value >= 0 else "top"
            text = f"{value:.3g}".replace("-", "−")
            ax.text(k, value + offset, text, ha="center", va=anchor, fontsize=14)
        ax.axhline(0, color=INK, lw=1)
        ax.set(ylim=(-0.62, 1.22), yticks=[], title=title)
        ax.set_xticks(range(len(values)), [f"class {k}" for k in range(len(values))])
        readable(ax)
        ax.grid(False)
        ax.spines["left"].set_visible(False)
    return fig


# ---- the valley --------------------------------------------------------------------------------


def valley(walks: dict[str, Tensor], hessian: Tensor, lowest: Tensor) -> Figure:
    """Draw walks on a quadratic loss from above, and beside it the loss step by step.

    The axis of the loss is logarithmic. What is smaller, such as 0, is drawn at its lower edge,
    which is labelled "below".

    Args:
        walks: name -> points, (steps + 1, 2).
        hessian: H of L = ½ (w − w*)ᵀ H (w − w*), (2, 2).
        lowest: w*, (2,).
    """
    check_shape("hessian", hessian, 2, 2)
    check_shape("lowest", lowest, 2)
    fig, (left, right) = figure(1, 2, width=8.8, height=4.0)
    contours(left, hessian, lowest)
    star(left, lowest)
    ends = []
    for (name, points), colour in zip(walks.items(), WALKS, strict=False):
        path = points.detach().double()
        left.plot(*path.T.tolist(), "o-", color=colour, lw=1.8, ms=4.5, zorder=4)
        loss = losses(path, hessian, lowest)
        right.plot(loss.clamp_min(LEAST).tolist(), "o-", color=colour, ms=6, clip_on=False)
        ends.append((len(loss) - 1, loss[-1].clamp_min(LEAST).item(), name, colour))
    right.set(xlabel="step", ylabel="loss", yscale="log", ylim=(LEAST, 30))
    right.set_yticks([LEAST, 1e-3, 1e-2, 1e-1, 1, 10], ["below", "0.001", "0.01", "0.1", "1", "10"])
    right.set_xlim(0, max(x for x, *_ in ends) * 1.02)
    right.set_xticks(range(0, int(max(x for x, *_ in ends)) + 1, 2))
    readable(left, right)
    fig.draw_without_rendering()
    end_labels(right, ends, size=13)
    return fig


def star(ax, lowest: Tensor) -> None:
    """Mark the goal above everything else, hollow, so that the walks are seen through it."""
    ax.plot(*lowest.tolist(), "*", ms=17, mfc="none", mec=INK, mew=1.8, zorder=8)


def contours(ax, hessian: Tensor, lowest: Tensor, *, reach: float = 2.4) -> None:
    """Draw the lines of equal loss around the lowest point."""
    a, b = lowest.tolist()
    u, v = np.meshgrid(np.linspace(-reach, reach, 121), np.linspace(-reach, reach, 121))
    (p, q), (_, r) = hessian.tolist()
    loss = 0.5 * (p * u**2 + 2 * q * u * v + r * v**2)
    ax.contour(
        u + a, v + b, loss, levels=[0.05, 0.25, 0.6, 1.2, 2, 4, 7], colors=DULL, linewidths=1
    )
    ax.set(xlabel="w₀", ylabel="w₁", aspect="equal", xlim=(a - reach, a + reach))
    ax.set_ylim(b - reach, b + reach)
    ax.grid(False)


def losses(points: Tensor, hessian: Tensor, lowest: Tensor) -> Tensor:
    """Return ½ (w − w*)ᵀ H (w − w*) for points (N, 2)."""
    error = points - lowest.double()
    return 0.5 * torch.einsum("ni,ij,nj->n", error, hessian.double(), error)


# ---- backwards ---------------------------------------------------------------------------------


def backward(x: Sequence[float], w: Sequence[float], delta: Sequence[float]) -> Figure:
    """Draw a convolution of three pixels with two weights, forwards and twice backwards.

    Args:
        x: three pixels.
        w: two weights.
        delta: two numbers, the gradient of the loss at the outputs.
    """
    fig, ax = canvas(19.4, 8.9, width=9.4)
    y = [w[0] * x[i] + w[1] * x[i + 1] for i in range(2)]
    dx = [sum(w[u] * delta[i - u] for u in range(2) if 0 <= i - u < 2) for i in range(3)]
    dw = [sum(delta[i] * x[i + u] for i in range(2)) for u in range(2)]
    for panel, (title, low, high) in enumerate(
        (
            ("forwards", x, y),
            ("backwards, to the pixels", dx, delta),
            ("backwards, to the weights", x, delta),
        )
    ):
        left = 0.3 + 6.5 * panel
        say(ax, left + 2.9, 0.45, title, size=14, fontweight="bold")
        _wires(ax, left, x, w, delta, panel)
        for i in range(3):
            _node(ax, left + 0.2 + 2.2 * i, 5.0, low[i])
        for i in range(2):
            _node(ax, left + 1.3 + 2.2 * i, 1.4, high[i])
        names = {0: ("x", "y"), 1: ("∂L/∂x", "δ"), 2: ("x", "δ")}[panel]
        say(ax, left + 0.55, 1.9, names[1], size=13)
        say(ax, left + 2.9, 6.45, names[0], size=13)
    say(ax, 3.2, 7.2, f"w = ({number(w[0])}, {number(w[1])})", size=14)
    say(ax, 9.7, 7.2, "each pixel adds its arrows", size=14)
    for u, colour in enumerate((GREEN, PURPLE)):  # a weight adds up its two wires
        first, second = (delta[i] * x[i + u] for i in range(2))
        sign = "−" if second < 0 else "+"
        text = f"w{'₀₁'[u]}: {number(first)} {sign} {number(abs(second))} = {number(dw[u])}"
        say(ax, 16.2, 7.1 + 0.65 * u, text, size=14, color=colour, fontweight="bold")
    say(ax, 16.2, 8.45, f"∂L/∂w = ({number(dw[0])}, {number(dw[1])})", size=14)
    return fig


def _wires(ax, left: float, x, w, delta, panel: int) -> None:
    colours = (GREEN, PURPLE)
    for i in range(2):
        for u in range(2):
            down, up = (left + 0.7 + 2.2 * (i + u), 5.0), (left + 1.8 + 2.2 * i, 2.4)
            start, end = (down, up) if panel == 0 else (up, down)
            product = {0: w[u], 1: delta[i] * w[u], 2: delta[i] * x[i + u]}[panel]
            colour = FAINT if panel == 0 else colours[u]
            if panel == 1:
                colour = BLUE if product > 0 else ORANGE
            if panel == 2:  # nothing goes to the pixels; the weights add up their wires
                ax.plot(*zip(start, end, strict=True), color=colour, lw=3, zorder=1)
            else:
                arrow(ax, start, end, colour=colour, width=2.2)
            place = (down[0] + up[0]) / 2, (down[1] + up[1]) / 2
            note = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
            sign = "·" if panel == 0 else ""
            say(
                ax,
                *place,
                sign + number(product),
                size=13,
                color=colour if panel else INK,
                bbox=note,
            )


def _node(ax, x: float, y: float, value: float) -> None:
    cell(ax, x, y, 1.0, shade(value, 4), line=INK)
    say(ax, x + 0.5, y + 0.5, number(value), size=15)


# ---- learning curves ---------------------------------------------------------------------------


def learning_curves(
    runs: dict[str, Sequence[float]], *, smooth: int = 8, zoom: tuple[float, float] | None = None
) -> Figure:
    """Draw the loss of several runs over their steps, each line named at its end.

    Args:
        runs: name -> loss of every step.
        smooth: how many steps are averaged.
        zoom: losses between which a second panel enlarges the lines that end there.
    """
    if zoom is not None and not zoom[0] < zoom[1]:
        raise ValueError(f"zoom must be a lower and a higher loss, got {zoom}")

    if zoom is None:
        fig, ax = figure(width=7.8, height=3.8)
        _curves(ax, runs, smooth, (0, 3.2))
    else:
        fig, (ax, close) = figure(1, 2, width=9.2, height=3.8)
        _curves(ax, runs, smooth, (0, 3.2))
        ax.axhspan(*zoom, color=PALE, zorder=0)
        inside = {name: v for name, v in runs.items() if zoom[0] < _mean(v, smooth)[-1] < zoom[1]}
        colours = [WALKS[list(runs).index(name)] for name in inside]
        _curves(close, inside, smooth, zoom, colours)
        close.set(ylabel="", title="the grey band, enlarged")
        close.set_facecolor(PALE)
        close.yaxis.set_major_locator(MaxNLocator(4))
        close.yaxis.set_major_formatter("{x:.2f}")
        readable(close)
    most, level = ax.get_xlim()[1], float(np.log(10))
    text = dict(ha="right", va="bottom", color="#555555", fontsize=13)
    ax.text(most * 0.99, level + 0.25, "guessing, log 10", **text)
    return fig


def loss_and_rate(losses: Sequence[float], rates: Sequence[float], *, smooth: int = 50) -> Figure:
    """Draw the loss of one run on a logarithmic axis, and below it the learning rate of each step.

    Args:
        losses: of every step, above 0.
        rates: of the same steps.
        smooth: how many steps are averaged for the thick line.
    """
    if len(losses) != len(rates):
        raise ValueError(
            f"losses and rates must have one length, got {len(losses)} and {len(rates)}"
        )

    fig, (ax, below) = figure(2, 1, width=7.8, height=4.9, sharex=True, height_ratios=(3, 1.15))
    ax.plot(list(losses), color=GREEN, lw=0.7, alpha=0.35)
    mean = _mean(losses, smooth)
    ax.plot(range(smooth - 1, len(losses)), mean, color=GREEN, lw=2.6)
    ax.axhline(float(np.log(10)), color=GREY, lw=1.4, ls=":")
    text = dict(ha="right", va="bottom", color="#555555", fontsize=13)
    ax.text(len(losses) * 0.99, float(np.log(10)) * 1.08, "guessing, log 10", **text)
    least = 10 ** np.floor(np.log10(max(min(mean), LEAST)))
    ax.set(yscale="log", ylabel="training loss", xlim=(0, len(losses) - 1), ylim=(least / 2, 6))
    ticks = [tick for tick in (0.001, 0.01, 0.1, 1.0) if tick >= least / 2]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    below.plot(list(rates), color=INK, lw=2.6)
    below.set(xlabel="step", ylabel="rate", ylim=(0, 1.15 * max(rates)), yticks=[0, max(rates)])
    below.set_yticklabels(["0", f"{max(rates):.3g}"])
    readable(ax, below)
    peak = max(range(len(rates)), key=lambda k: rates[k])
    for panel in (ax, below):
        panel.axvline(peak, color=FAINT, lw=1.4, ls="--", zorder=1)
    return fig


def _mean(values: Sequence[float], smooth: int) -> list[float]:
    return torch.tensor(values).double().unfold(0, smooth, 1).mean(1).tolist()


def _curves(ax, runs, smooth: int, ylim: tuple[float, float], colours=WALKS) -> None:
    ends = []
    for (name, values), colour in zip(runs.items(), colours, strict=False):
        ax.plot(list(values), color=colour, lw=0.7, alpha=0.35)
        mean = _mean(values, smooth)
        ax.plot(range(smooth - 1, len(values)), mean, color=colour, lw=2.4)
        ends.append((len(values) - 1, mean[-1], name, colour))
    most = max((x for x, *_ in ends), default=1)
    ax.set(xlabel="step", ylabel="training loss", xlim=(0, most), ylim=ylim)
    ax.axhline(float(np.log(10)), color=GREY, lw=1.4, ls=":")
    readable(ax)
    ax.figure.draw_without_rendering()
    end_labels(ax, ends, size=13)


def overfitting(runs: dict[str, Sequence[tuple]]) -> Figure:
    """Draw training and validation loss, one panel per run, with the gap between them.

    Args:
        runs: title -> rows (step, training loss, validation loss).
    """
    fig, axes = figure(1, len(runs), width=8.8, height=3.5, sharey=True)
    for ax, (title, rows) in zip(axes, runs.items(), strict=True):
        step, train, held = (list(column) for column in zip(*rows, strict=True))
        ax.fill_between(step, train, held, color=AMBER, alpha=0.25, lw=0)
        ax.plot(step, train, color=PURPLE, lw=2.4)
        ax.plot(step, held, color=GREEN, lw=2.4)
        best = min(range(len(held)), key=held.__getitem__)
        ax.plot(step[best], held[best], "o", color=INK, ms=8, zorder=5)
        late = step[best] > step[-1] / 2
        ax.annotate(
            f"lowest, step {step[best]}", (step[best], held[best]), xytext=(0, 16),
            textcoords="offset points", fontsize=13, ha="right" if late else "left",
        )  # fmt: skip
        ax.set(title=title, xlabel="step", xlim=(0, step[-1]), ylim=(0, 2.4))
        readable(ax)
        fig.draw_without_rendering()
        ends = [
            (step[-1], train[-1], "training", PURPLE),
            (step[-1], held[-1], "validation", GREEN),
        ]
        end_labels(ax, ends, size=13)
    axes[0].set_ylabel("loss")
    return fig


def schedule(rates: Sequence[float]) -> Figure:
    """Draw the learning rate over the steps of a run, as a multiple of its peak."""
    fig, ax = figure(width=6.4, height=2.6)
    ax.plot(rates, color=BLUE, lw=2.6)
    ax.set(xlabel="step", ylabel="rate / peak rate", ylim=(0, 1.08), xlim=(0, len(rates) - 1))
    readable(ax)
    peak = max(range(len(rates)), key=lambda k: rates[k])
    ax.annotate("travel", (0.28 * peak, 0.75), fontsize=14, color="#555555")
    ax.annotate("settle", (0.75 * len(rates), 0.55), fontsize=14, color="#555555")
    return fig
