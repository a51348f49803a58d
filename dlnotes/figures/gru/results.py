"""What came out of the experiments of chapter 5: curves over steps, gates off, the race, blanks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_shape
from dlnotes.plotting import COLORS, GREY, NOTE, SEQUENTIAL, figure


def draw_gates(image: Tensor, seen: dict[str, Tensor], probabilities: Tensor) -> Figure:
    """Draw what a row-by-row reader does, row by row: z, r, what it would say, and the mean of z.

    Args:
        image: the rows it reads, (T, D).
        seen: "z" and "r" of each row, (T, H); the units are drawn in the order of their mean.
        probabilities: of the K classes if it stopped after this row, (T, K).
    """
    check_shape("image", image, "T", "D")
    T = len(image)
    check_shape("probabilities", probabilities, T, "K")
    fig, axes = figure(
        1, 5, width=9.6, height=3.5, width_ratios=[1, 1.6, 1.6, 0.9, 0.7], sharey=True
    )
    axes[0].imshow(image, cmap="gray_r", vmin=0, vmax=1, aspect="auto")
    axes[0].set(title="the image", xlabel="column", ylabel="row = time step")
    names = {"z": "z: share of the old", "r": "r: sight of the past"}
    for ax, (name, title) in zip(axes[1:3], names.items(), strict=True):
        gate = seen[name]
        check_shape(name, gate, T, "H")
        order = gate.mean(0).argsort()
        gates = ax.imshow(gate[:, order], cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
        ax.set(title=title, xlabel="unit, sorted by mean")
    axes[3].imshow(probabilities, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    classes = probabilities.shape[1]
    axes[3].set(title="it would say", xlabel="class", xticks=range(0, classes, 3))
    axes[4].plot(seen["z"].mean(1), range(T), color=COLORS[0], lw=2)
    axes[4].set(title="mean of z", xlabel="over units", xlim=(0.4, 1))
    for ax in axes:
        ax.grid(False)
        ax.title.set_fontsize(11)
    axes[4].grid(True)
    bar = fig.colorbar(gates, ax=axes[4], shrink=0.9)
    bar.set_label("gate or probability")
    return fig


def learned_by_step(
    runs: Mapping[str, Sequence[Tensor]], *, cuts: Sequence[int], smooth: int, guessing: float
) -> Figure:
    """Draw learning curves, a colour for each start, and lines where one might have stopped.

    Args:
        runs: name of a start -> for each seed, what was right at each update, in per cent. A run
            that ended early goes on as it ended.
        cuts: updates at which a vertical line stands.
        smooth: how many updates are averaged.
        guessing: what guessing reaches, in per cent.
    """
    fig, ax = figure(height=3.9)
    last = max(cuts)
    for (name, curves), color, dash in zip(
        runs.items(), COLORS, ("-", "-", "--", "-"), strict=False
    ):
        above = 3 if dash == "--" else 2  # a dashed line shows what lies below it
        for number, right in enumerate(curves):
            span = min(smooth, len(right))
            mean = right.double().unfold(0, span, 1).mean(1)[: last - span + 1]
            x, y = [*range(span, span + len(mean)), last], [*mean.tolist(), mean[-1].item()]
            label = name if number == 0 else None
            ax.plot(x, y, color=color, ls=dash, lw=1.8, zorder=above, label=label)
    ax.axhline(guessing, color=GREY, lw=1.2, ls=":")
    for cut in cuts:
        ax.axvline(cut, color=NOTE, lw=1.2, ls="--")
    ax.set(xlabel="updates", ylabel="right (%)", ylim=(0, 104), xlim=(0, 1.02 * last))
    fig.legend(loc="outside lower center", ncols=4, fontsize=13)
    return fig


def without_gates(errors: Mapping[tuple[str, str, int], Sequence[float]]) -> Figure:
    """Draw the error over the number of units, a panel for each task, a line for each set of gates.

    Args:
        errors: (task, gates, units) -> error of each seed, in per cent of the variance.
    """
    tasks = list(dict.fromkeys(task for task, _, _ in errors))
    gates = list(dict.fromkeys(name for _, name, _ in errors))
    units = sorted({number for _, _, number in errors})
    fig, axes = figure(1, len(tasks), width=9.8, height=3.9, sharey=True, squeeze=False)
    for ax, task in zip(axes[0], tasks, strict=True):
        starts = []
        for name, color, mark in zip(gates, COLORS, "osD^", strict=False):
            values = np.array([errors[task, name, number] for number in units])
            ax.plot(range(len(units)), values.mean(1), color=color, marker=mark, label=name, lw=2.2)
            for place, row in enumerate(values):
                ax.plot([place] * len(row), row, mark, color=color, markersize=4, alpha=0.5)
            starts.append((values[0].mean(), name, color))
        _names_before(ax, starts)
        ax.set(yscale="log", title=task, xlabel="units", xlim=(-1.15, len(units) - 0.8))
        ax.set_xticks(range(len(units)), [str(number) for number in units])
    axes[0, 0].set_ylabel("error (% of the variance)")
    return fig


def _names_before(ax: Axes, starts: Sequence[tuple[float, str, str]]) -> None:
    """Write names before the first point of their lines on a logarithmic axis, none on another."""
    height = 0.0
    for value, name, color in sorted(starts):
        height = max(value, 1.75 * height)
        ax.text(-0.14, height, name, color=color, ha="right", va="center", fontsize=13)


def race(
    scores: Mapping[str, Mapping[int, Sequence[float]]], baselines: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw test accuracy, a panel for each budget, a dot for each seed, lines for the baselines.

    Args:
        scores: network -> updates -> accuracy of each seed, in per cent.
        baselines: name -> accuracy for each budget, in per cent.
    """
    budgets = list(next(iter(scores.values())))
    fig, axes = figure(1, len(budgets), width=9.4, height=3.6, sharey=True, squeeze=False)
    values = [run for of_budget in scores.values() for runs in of_budget.values() for run in runs]
    values += [level for levels in baselines.values() for level in levels]
    for column, (ax, budget) in enumerate(zip(axes[0], budgets, strict=True)):
        for place, (of_budget, color) in enumerate(zip(scores.values(), COLORS, strict=False)):
            runs = of_budget[budget]
            ax.plot([place] * len(runs), runs, "o", color=color, markersize=9, alpha=0.8)
            mean = sum(runs) / len(runs)
            beside = dict(xytext=(10, 0), textcoords="offset points", va="center", zorder=5)
            paper = dict(facecolor="white", edgecolor="none", pad=1.5)
            ax.annotate(f"{mean:.1f}", (place, mean), fontsize=14, bbox=paper, **beside)
        for (name, levels), dash in zip(baselines.items(), (":", "--"), strict=False):
            ax.axhline(levels[column], color=NOTE, lw=1.4, ls=dash, label=name)
        ax.set_xticks(range(len(scores)), list(scores), fontsize=13)
        ax.set(title=f"{budget:,} updates", xlim=(-0.5, len(scores) - 0.3))
        ax.set_ylim(min(values) - 1.5, 100)
    axes[0, 0].set_ylabel("test accuracy (%)")
    handles = axes[0, 0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2, fontsize=13)
    return fig


def blank_rows(lines: Mapping[str, Tensor], *, image: int) -> Figure:
    """Draw accuracy over the rows read, with blank rows after the image.

    Args:
        lines: name -> accuracy of each run after each row, in per cent, (runs, rows).
        image: rows of the image.
    """
    fig, ax = figure(height=3.9)
    for (name, runs), color, dash in zip(lines.items(), COLORS, ("-", "--"), strict=False):
        check_shape(name, runs, "runs", "rows")
        last = runs.shape[1]
        for run in runs:
            ax.plot(range(1, last + 1), run, color=color, ls=dash, lw=1.8)
        top = runs[:, last // 2 :].max().item()  # the name stands above the right half
        ax.text(last, top + 2, name, color=color, ha="right", va="bottom", fontsize=13)
    ax.axvline(image, color=NOTE, lw=1.2)
    ax.text(image + 1, 113, "here the image ends", va="bottom", color=NOTE)
    ax.axhline(10, color=GREY, lw=1.2, ls=":")
    ax.set(xlabel="rows read", ylabel="right (%)", ylim=(0, 112), yticks=range(0, 101, 20))
    return fig
