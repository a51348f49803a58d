"""The score as a hat, and what the experiments of chapter 6 found."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure

from dlnotes.checks import check_choice
from dlnotes.figures.cnn.parts import end_labels, readable
from dlnotes.plotting import BLUE, GREEN, GREY, ORANGE, SKY, figure

GIVEN = ("true", "tempting", "random")
STYLES = {"fixed vector": ("#666666", "--"), "attention": (BLUE, "-")}  # all through the chapter


def score(s: float, h: torch.Tensor) -> torch.Tensor:
    """Return the hat of section 12: how well states h fit s."""
    return 4 * torch.tanh(s - h + 1) - 4 * torch.tanh(s - h - 1)


def hat(asked: Sequence[float]) -> Figure:
    """Draw how two tanh make a hat, and what the hats of several s give three letters.

    Args:
        asked: values of s, two of them at most.
    """
    check_choice((1, 2), asked=len(asked))
    line, states = torch.linspace(-3.5, 3.5, 200), torch.tensor([-1.0, 0.0, 1.0])
    fig, (left, right) = figure(1, 2, width=9.6, height=3.9)
    for shift, colour, name in ((1, SKY, "tanh(s−h+1)"), (-1, GREY, "tanh(s−h−1)")):
        left.plot(line, torch.tanh(asked[0] - line + shift), color=colour, lw=2.4, label=name)
    left.plot(line, score(asked[0], line), color=BLUE, lw=3, label="4 · difference")
    left.set(xlabel="h", ylabel="", title=f"s = {asked[0]:g}", ylim=(-1.3, 10.5))
    left.legend(fontsize=13, loc="upper right")
    for s, colour in zip(asked, (BLUE, ORANGE), strict=False):
        right.plot(line, score(s, line), color=colour, lw=2.4)
        weights = score(s, states).softmax(0)
        for h, weight in zip(states.tolist(), weights.tolist(), strict=True):
            height = score(s, torch.tensor(h)).item()
            right.scatter(h, height, s=40 + 700 * weight, color=colour, alpha=0.55, zorder=3)
        top = states[weights.argmax()].item()
        right.annotate(f"{weights.max():.2f}", (top, score(s, torch.tensor(top)).item()),
                       xytext=(0, 18), textcoords="offset points", ha="center", color=colour,
                       fontsize=14)  # fmt: skip
        right.annotate(f"s = {s:g}", (s, 0.4), ha="center", color=colour, fontsize=14)
    right.set(xlabel="h", ylabel="score e", title="three letters at −1, 0, 1", ylim=(-0.3, 8.6))
    readable(left, right)
    return fig


def over_length(
    panels: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    groups: Sequence[tuple[int, int]],
) -> Figure:
    """Draw error rates over the length of the words, one panel for each budget.

    Args:
        panels: title -> name -> a row of rates for each seed, in percent.
        groups: shortest and longest word of each group, in letters.
    """
    fig, axes = figure(1, len(panels), width=10.4, height=4.0, squeeze=False, sharey=True)
    places = range(len(groups))
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for name, rows in lines.items():
            values = torch.tensor(rows, dtype=torch.float64)
            colour, dash = STYLES[name]
            ax.plot(places, values.mean(0), color=colour, ls=dash, lw=2.6, marker="o")
            low, high = values.min(0).values, values.max(0).values
            ax.fill_between(places, low, high, color=colour, alpha=0.18, lw=0)
        ax.set(title=title, xlabel="letters", xticks=list(places))
        ax.set_xticklabels([f"{low} to {high}" for low, high in groups])
    axes[0][0].set(ylabel="phone error rate (%)", ylim=(0, None))
    readable(*axes[0])
    for ax in axes[0]:
        ax.tick_params(axis="x", labelsize=11)
    fig.draw_without_rendering()
    ends = [
        (places[-1], sum(row[-1] for row in rows) / len(rows), name, STYLES[name][0])
        for name, rows in list(panels.values())[-1].items()
    ]
    end_labels(axes[0][-1], ends, size=13)
    return fig


def phone_errors(rows: Mapping[str, Sequence[float]]) -> Figure:
    """Draw a bar for each table and each network, with a dot for each seed.

    Args:
        rows: name -> phone error rates in percent. A table is orange, a network as in ``STYLES``.
    """
    fig, ax = figure(width=7.6, height=1.0 + 0.6 * len(rows))
    for place, (name, values) in enumerate(rows.items()):
        colour = next((c for part, (c, _) in STYLES.items() if part in name), ORANGE)
        mean = sum(values) / len(values)
        ax.barh(-place, mean, color=colour, alpha=0.55, height=0.62)
        if len(values) > 1:
            ax.plot(values, [-place] * len(values), "o", color=colour, ms=7)
        ax.text(max(values) + 1.2, -place, f"{mean:.1f}", va="center", fontsize=16, color=colour)
    ax.set(yticks=[-place for place in range(len(rows))], yticklabels=list(rows))
    ax.set(xlabel="phone error rate on test words (%)", xlim=(0, 58))
    ax.grid(axis="y", visible=False)
    readable(ax)
    ax.tick_params(axis="y", labelsize=15)
    return fig


def beside_counts(results: Mapping[str, tuple[float, float]]) -> Figure:
    """Draw pairs of bars: the competitor that counts, and the network.

    Args:
        results: name -> score of the counts, score of the network.
    """
    fig, ax = figure(width=7.6, height=0.9 + 1.1 * len(results))
    most = max(max(pair) for pair in results.values())
    for k, pair in enumerate(results.values()):
        for shift, value, colour, who in zip(
            (-0.2, 0.2), pair, (ORANGE, BLUE), ("counts", "network"), strict=True
        ):
            ax.barh(-k - shift - 0.4, value, color=colour, alpha=0.65, height=0.36)
            ax.text(1.02 * value, -k - shift - 0.4, f"{value:.1f}  {who}", va="center", fontsize=13)
    ax.set(yticks=[-k - 0.4 for k in range(len(results))], yticklabels=list(results))
    ax.set(xlim=(0, 1.35 * most), xlabel="score on held-out addresses")
    ax.grid(axis="y", visible=False)
    readable(ax)
    return fig


def after_a_slip(trainings: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw errors in the rest of a word after three kinds of third phone, for two trainings.

    Args:
        trainings: name -> "true", "tempting", "random" -> percent, one value for each seed.
    """
    fig, ax = figure(width=8.8, height=3.9)
    wide = 0.8 / len(trainings)
    for number, ((name, found), colour) in enumerate(
        zip(trainings.items(), (BLUE, GREEN), strict=False)
    ):
        for place, kind in enumerate(GIVEN):
            values = list(found[kind])
            x, mean = place + (number - (len(trainings) - 1) / 2) * wide, sum(values) / len(values)
            label = name if place == 0 else None
            ax.bar(x, mean, color=colour, alpha=0.55, width=0.92 * wide, label=label)
            ax.plot([x] * len(values), values, "o", color=colour, ms=6)
            ax.text(x, max(values) + 1, f"{mean:.1f}", ha="center", fontsize=13)
    ax.set(xticks=range(len(GIVEN)), xticklabels=[f"third phone {kind}" for kind in GIVEN])
    ax.set(ylabel="errors in the rest (%)")
    ax.margins(y=0.18)
    ax.grid(axis="x", visible=False)
    ax.legend(fontsize=12, loc="upper left")
    readable(ax)
    return fig
