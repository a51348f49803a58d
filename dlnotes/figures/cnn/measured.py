"""Drawings of part B from measurements: noisy gradients, accuracy and rate, the log loss."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.figures.cnn.parts import FAINT, INK, MARK, number, readable
from dlnotes.plotting import GREEN, GREY, PURPLE, figure

# ---- gradients of batches ----------------------------------------------------------------------


def gradient_cloud(right: Tensor, clouds: Mapping[int, Tensor], *, reach: float = 5.0) -> Figure:
    """Draw gradients of batches as dots around the true one, which is an arrow of length 1.

    Args:
        right: the true gradient, (P,).
        clouds: batch size -> each batch's part along ``right`` and its part along one direction
            across, (N, 2).
        reach: how far every panel reaches around the arrow's tip, in lengths of the arrow; what
            lies outside is counted.
    """
    check_shape("right", right, "P")
    for batch_size, points in clouds.items():
        check_shape(f"clouds[{batch_size}]", points, "N", 2)

    length = right.norm().item()
    fig, axes = figure(1, len(clouds), width=8.8, height=3.9, sharey=True, squeeze=False)
    for ax, (batch_size, points) in zip(axes[0], clouds.items(), strict=True):
        units = points.detach().double() / length
        inside = ((units - torch.tensor([1.0, 0])).abs() <= reach).all(1)
        ax.plot(*units[inside].T.tolist(), "o", color=MARK, ms=6, alpha=0.4, mew=0)
        ax.axvline(0, color=FAINT, lw=1.4, ls=":", zorder=1)
        style = dict(arrowstyle="-|>", color=INK, lw=3, mutation_scale=18, shrinkA=0, shrinkB=0)
        ax.annotate("", (1, 0), (0, 0), arrowprops=style, zorder=5)
        back = 100 * (units[:, 0] < 0).double().mean().item()
        ax.set_title(f"batches of {batch_size}\n{back:.0f} % point backwards")
        ax.set(xlim=(1 - reach, 1 + reach), ylim=(-reach, reach), aspect="equal")
        ax.set_xticks([k for k in range(-100, 100, 2) if abs(k - 1) < reach])
        if not inside.all():
            text = f"{int((~inside).sum())} of {len(units)} lie outside"
            paper = dict(boxstyle="round,pad=0.15", facecolor="white", edgecolor="none")
            style = dict(ha="center", fontsize=14, color="#555555", bbox=paper, zorder=6)
            ax.text(1, -0.9 * reach, text, **style)
        readable(ax)
    axes[0, 0].set_ylabel("across", fontsize=14)
    fig.supxlabel("along the true gradient (1 = its length)", fontsize=14)
    return fig


# ---- accuracy against the rate -----------------------------------------------------------------


def rates_panel(results: Mapping[tuple[str, float], Sequence[float]]) -> Figure:
    """Draw accuracy against the learning rate, a dot per seed and a line through the means.

    Args:
        results: ("without" or "with", rate) -> accuracies in percent, one per seed; both at the
            same rates. The names stand where the two lines are farthest apart. A control with
            γ and β held may be added as ("fixed", rate), at one or more of these rates.
    """
    names = ("without", "with")
    rates = {name: sorted(r for kind, r in results if kind == name) for name in (*names, "fixed")}
    if not rates["with"] or rates["with"] != rates["without"]:
        raise ValueError(f"results must hold the same rates without and with, got {rates}")
    if not set(rates["fixed"]) <= set(rates["with"]):
        raise ValueError(f"results must hold fixed at rates of the others, got {rates}")

    fig, ax = figure(width=7.8, height=3.9)
    means = {}
    for name, colour in (("without", GREY), ("with", GREEN), ("fixed", PURPLE)):
        means[name] = [sum(results[name, r]) / len(results[name, r]) for r in rates[name]]
        for rate in rates[name]:
            runs = results[name, rate]
            ax.plot([rate] * len(runs), runs, "o", color=colour, ms=6.5, alpha=0.55, mew=0)
        ax.plot(rates[name], means[name], color=colour, lw=2.8, ls="--" if name == "fixed" else "-")
    ax.set(xscale="log", ylim=(0, 106), xlabel="learning rate", ylabel="validation accuracy (%)")
    ax.set_xticks(rates["with"], [f"{rate:g}" for rate in rates["with"]])
    ax.minorticks_off()
    readable(ax)
    _names_between(ax, results, rates["with"], means)
    if rates["fixed"]:
        style = dict(textcoords="offset points", ha="right", va="bottom", color=PURPLE, fontsize=15)
        end = rates["fixed"][-1], means["fixed"][-1]
        ax.annotate("γ, β held", end, xytext=(0, 8), **style)
    return fig


def _names_between(ax, results, rates: list[float], means: dict[str, list[float]]) -> None:
    """Write the names below the lines, where the means differ most."""
    place = max(range(len(rates)), key=lambda k: abs(means["with"][k] - means["without"][k]))
    side = ("left", "center", "right")[(place > 0) + (place == len(rates) - 1)]
    texts = {"without": "without batch norm", "with": "with batch norm"}
    for name, colour in (("without", "#666666"), ("with", GREEN)):
        lowest = min(results[name, rates[place]])
        ax.annotate(
            texts[name], (rates[place], lowest), xytext=(-4, -8),
            textcoords="offset points", ha=side, va="top", color=colour, fontsize=15,
        )  # fmt: skip


# ---- the loss of one probability ---------------------------------------------------------------


def log_loss(probabilities: Tensor) -> Figure:
    """Draw −log p over the probability of the true class, and mark some of its values.

    Args:
        probabilities: those to mark, (N,), each above 0 and at most 1.
    """
    check_shape("probabilities", probabilities, "N")
    if not ((probabilities > 0) & (probabilities <= 1)).all():
        raise ValueError(f"probabilities must lie in (0, 1], got {probabilities.tolist()}")

    fig, ax = figure(width=7.8, height=3.9)
    p = torch.linspace(0.01, 1, 400)
    ax.plot(p.tolist(), (-p.log()).tolist(), color=INK, lw=3)
    for value in probabilities.detach().double():
        loss = -value.log().item()
        ax.plot([value, value, 0], [0, loss, loss], color=MARK, lw=1.6, ls=":", zorder=1)
        ax.plot(value, loss, "o", color=MARK, ms=10, zorder=5)
        ax.annotate(
            f"p = {value:.3f}, loss {number(loss)}", (value, loss), xytext=(10, 6),
            textcoords="offset points", fontsize=15, color=MARK,
        )  # fmt: skip
    ax.set(xlim=(0, 1.02), ylim=(0, 4), yticks=range(5), xlabel="probability p of the true class")
    ax.set_ylabel("loss, −log p")
    readable(ax)
    return fig
