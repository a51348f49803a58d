"""Drawings of part B against overfitting: dropout, and cures measured by loss and accuracy."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Circle

from dlnotes.checks import check_between
from dlnotes.figures.cnn.parts import DULL, FAINT, INK, MARK, blank, readable, say
from dlnotes.plotting import GREEN, GREY, figure, tint

# ---- dropout -----------------------------------------------------------------------------------

RADIUS = 0.36  # of a unit


def dropout(
    keep: Sequence[Sequence[int]] = ((1, 0, 1, 1, 0, 0), (0, 1, 1, 0, 0, 1)),
    *,
    inputs: int = 4,
    outputs: int = 2,
) -> Figure:
    """Draw a small network in use, and in one or two training steps, each without other units.

    Args:
        keep: for each training step a mask of the hidden units, 1 stays and 0 is dropped.
        inputs: units below.
        outputs: units above.
    """
    check_between(1, 2, **{"len(keep)": len(keep)})
    check_between(1, 6, inputs=inputs, outputs=outputs)
    hidden = len(keep[0])
    for mask in keep:
        if len(mask) != hidden or not 2 <= hidden <= 6 or any(unit not in (0, 1) for unit in mask):
            raise ValueError(f"keep must hold masks of 2 to 6 times 0 or 1 each, got {keep}")

    titles = ("in use", "one training step", "the next step")
    masks = ((1,) * hidden, *keep)
    fig, axes = figure(1, len(masks), width=3.2 * len(masks), height=3.7)
    for ax, title, mask in zip(axes, titles, masks, strict=False):
        blank(ax, 6.6, 7.4)
        say(ax, 3.3, 0.4, title, size=17, fontweight="bold")
        _network(ax, mask, inputs, outputs)
        say(ax, 3.3, 7.0, f"{sum(mask)} of {hidden} hidden units", size=16)
    return fig


def _network(ax, mask: Sequence[int], inputs: int, outputs: int) -> None:
    """Draw three rows of units, inputs below, and the wires of the hidden units that stay."""
    rows = [_row(inputs), _row(len(mask)), _row(outputs)]
    below, middle, above = 6.0, 3.8, 1.6
    for x, stays in zip(rows[1], mask, strict=True):
        if stays:
            ends = [(other, below) for other in rows[0]] + [(other, above) for other in rows[2]]
            for other, y in ends:
                ax.plot([x, other], [middle, y], color=FAINT, lw=1.5, zorder=1)
    for y, places in ((below, rows[0]), (above, rows[2])):
        for x in places:
            _unit(ax, x, y, "white")
    for x, stays in zip(rows[1], mask, strict=True):
        if stays:
            _unit(ax, x, middle, tint(MARK, 0.6))
        else:
            _dropped(ax, x, middle)


def _row(count: int) -> list[float]:
    return [3.3 + 1.05 * (k - (count - 1) / 2) for k in range(count)]


def _unit(ax, x: float, y: float, colour) -> None:
    ax.add_patch(Circle((x, y), RADIUS, facecolor=colour, edgecolor=INK, lw=1.6, zorder=4))


def _dropped(ax, x: float, y: float) -> None:
    """Draw a dashed circle, crossed out."""
    style = dict(facecolor="white", edgecolor=DULL, lw=1.8, ls="--", zorder=4)
    ax.add_patch(Circle((x, y), RADIUS, **style))
    arm = 0.62 * RADIUS
    for sign in (1, -1):
        ends = [x - arm, x + arm], [y - sign * arm, y + sign * arm]
        ax.plot(*ends, color=INK, lw=2.6, zorder=5, solid_capstyle="round")


# ---- cures, measured ---------------------------------------------------------------------------


def cures(
    losses: Mapping[str, Sequence[float]], accuracies: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw validation loss and accuracy of each cure, a dot per seed and a bar at the mean.

    Args:
        losses: cure -> validation losses, one per seed; the first cure is the reference, grey,
            with a dotted line at its mean.
        accuracies: the same cures -> validation accuracies in percent.
    """
    if not losses or list(losses) != list(accuracies):
        names = f"{list(losses)} and {list(accuracies)}"
        raise ValueError(f"losses and accuracies must have the same cures in order, got {names}")
    for name, runs in [*losses.items(), *accuracies.items()]:
        if len(runs) == 0 or not all(map(math.isfinite, runs)):
            raise ValueError(f"each cure must have finite runs, got {list(runs)} for {name!r}")

    fig, axes = figure(1, 2, width=9.2, height=0.66 * len(losses) + 1.5, sharey=True)
    _measured(axes[0], losses, "validation loss")
    _measured(axes[1], accuracies, "validation accuracy (%)")
    axes[0].set_yticks(range(len(losses)), list(losses))
    axes[0].set_ylim(len(losses) - 0.4, -0.6)
    readable(*axes)
    axes[0].tick_params(axis="y", labelsize=15)
    axes[0].set_title("← better", loc="left", fontsize=14, color="#555555")
    axes[1].set_title("better →", loc="right", fontsize=14, color="#555555")
    return fig


def _measured(ax, runs_of: Mapping[str, Sequence[float]], label: str) -> None:
    means = [sum(runs) / len(runs) for runs in runs_of.values()]
    ax.axvline(means[0], color=FAINT, lw=1.8, ls=":", zorder=1)
    for row, (runs, mean) in enumerate(zip(runs_of.values(), means, strict=True)):
        colour = GREEN if row else GREY
        ax.plot(runs, [row] * len(runs), "o", color=colour, ms=9, alpha=0.55, mew=0)
        ax.plot([mean, mean], [row - 0.27, row + 0.27], color=colour, lw=4)
    ax.set_xlabel(label)
    ax.margins(x=0.08)
    ax.locator_params(axis="x", nbins=5)
    ax.grid(False, axis="y")
