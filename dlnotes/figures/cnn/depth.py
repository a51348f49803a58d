"""Drawings of part C about depth: nested classes of functions, and why gradients grow."""

import math
from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from dlnotes.figures.cnn.parts import FAINT, INK, MARK, blank, say, spread
from dlnotes.plotting import AMBER, GREEN, GREY, PURPLE, figure, tint

# ---- nested classes of functions ---------------------------------------------------------------

STAR = (8.2, 1.5)  # what we look for
# middle, radius, and waves of the outline as (number, share, phase); y downwards
PLAIN = (
    ((5.2, 2.75), 1.65, ((2, 0.10, 0.4), (3, 0.06, 1.0))),
    ((7.45, 5.65), 2.1, ((2, 0.10, 0.9), (3, 0.07, 2.6))),
    ((3.5, 5.85), 2.55, ((2, 0.10, 2.4), (3, 0.07, 0.0))),
)
NESTED = (
    ((3.9, 5.65), 1.4, ((2, 0.10, 0.4), (3, 0.06, 1.0))),
    ((4.15, 5.0), 2.45, ((2, 0.08, 2.4), (3, 0.05, 0.0))),
    ((4.5, 4.6), 3.45, ((2, 0.07, 2.2), (3, 0.04, 0.6))),
)
PLAIN_NAMES = ((5.1, 2.5), (7.7, 6.0), (3.1, 6.4))
NESTED_NAMES = ((3.85, 5.8), (4.0, 3.5), (3.9, 1.9))


def nested(names: Sequence[str] = ("20 layers", "32 layers", "56 layers")) -> Figure:
    """Draw the functions that networks of three depths can be, without and with shortcuts.

    Plain, no class of functions lies inside another, so a deeper network may come less near to what
    we look for. With shortcuts each class lies inside the next, so a deeper one comes nearer.

    Args:
        names: of the three depths, the shallow one first.
    """
    if len(names) != 3:
        raise ValueError(f"names must be 3, got {len(names)}")

    fig, axes = figure(1, 2, width=9.2, height=4.7)
    panels = (("plain", PLAIN, PLAIN_NAMES, GREY), ("with shortcuts", NESTED, NESTED_NAMES, GREEN))
    for ax, (title, blobs, places, colour) in zip(axes, panels, strict=True):
        blank(ax, 10, 8.8, 1.2)
        say(ax, 5, -0.7, title, size=18, fontweight="bold")
        for k, blob in reversed(list(enumerate(blobs))):
            points = outline(*blob)
            style = dict(facecolor=(*tint(colour, 0.35 + 0.15 * k), 0.4), edgecolor=colour, lw=2.6)
            ax.add_patch(Polygon(points.tolist(), zorder=2, **style))
            near = points[(points - torch.tensor(STAR)).norm(dim=1).argmin()].tolist()
            ax.plot(*zip(near, STAR, strict=True), color=INK, lw=1.6, ls=":", zorder=3)
            ax.plot(*near, "o", color=INK, ms=9, zorder=5)
        for name, place in zip(names, places, strict=True):
            say(ax, *place, name, size=16)
        ax.plot(*STAR, "*", color=MARK, ms=24, mec=INK, zorder=6)
        say(ax, STAR[0], STAR[1] - 1.0, "what we look for", size=16, color=MARK)
    return fig


def outline(
    middle: tuple[float, float], radius: float, waves: Sequence[tuple[int, float, float]]
) -> Tensor:
    """Return the points of a wavy circle, (N, 2)."""
    angle = torch.linspace(0, 2 * math.pi, 721)[:-1]
    reach = radius * (1 + sum(share * torch.cos(k * angle - at) for k, share, at in waves))
    return torch.stack([angle.cos(), angle.sin()], 1) * reach[:, None] + torch.tensor(middle)


# ---- why gradients grow ------------------------------------------------------------------------

IMAGES = ((FAINT, "o"), (INK, "s"), (AMBER, "^"), (PURPLE, "D"))  # colour and marker


def stretched(values: Sequence[float] = (-1.34, -0.45, 0.45, 1.34)) -> Figure:
    """Draw how ReLU and batch normalisation pull the answers to four images apart.

    Args:
        values: one unit's normalised answer to each of four images, rising, with mean 0 and
            deviation 1 (to 0.02), the last two above 0.
    """
    start = torch.as_tensor(values, dtype=torch.float64)
    _check_normalised(start)

    after = start.relu()
    mean, deviation = after.mean().item(), after.std(correction=0).item()
    steps = (start, after, after - mean, (after - mean) / deviation)
    titles = ("normalised", "after ReLU", f"minus the mean\n{mean:.2f}",
              f"divided by the\ndeviation {deviation:.2f}")  # fmt: skip
    low, high = min(map(torch.min, steps)).item(), max(map(torch.max, steps)).item()
    fig, ax = figure(width=9.4, height=5.2)
    ax.axis("off")
    ax.set(xlim=(-0.42, 3.62), ylim=(low - 0.95, high + 0.75))
    for k, (step, title) in enumerate(zip(steps, titles, strict=True)):
        say(ax, k, high + 0.3, title, size=16, va="bottom")
        ax.plot([k, k], [low - 0.15, high + 0.15], color=INK, lw=1.4, zorder=1)
        ax.plot([k - 0.05, k + 0.05], [0, 0], color=INK, lw=1.4, zorder=1)
        ax.plot([k, k], step[2:].tolist(), color=tint(MARK, 0.6), lw=7, zorder=2)
        _four(ax, k, step)
        gap = (step[3] - step[2]).item()
        lit = dict(color=MARK, fontweight="bold") if k == 3 else {}
        say(ax, k, low - 0.75, f"{gap:.2f}", size=18, **lit)
        if k:
            say(ax, k - 0.5, low - 0.75, "→", size=18)
            for (colour, _), ends in zip(IMAGES, zip(steps[k - 1], step, strict=True), strict=True):
                ax.plot([k - 1, k], [end.item() for end in ends], color=colour, lw=1.6, zorder=1)
    say(ax, 1.5, low - 0.42, "difference of images 3 and 4", size=16)
    return fig


def _check_normalised(values: Tensor) -> None:
    if values.shape != (4,) or not (values[2:] > 0).all() or not (values.diff() > 0).all():
        raise ValueError(
            f"values must be four rising numbers, the last two above 0, got {values.tolist()}"
        )
    mean, deviation = values.mean().item(), values.std(correction=0).item()
    if abs(mean) > 0.02 or abs(deviation - 1) > 0.02:
        got = f"{mean:.2f} and {deviation:.2f}"
        raise ValueError(f"values must have mean 0 and deviation 1, got {got}")


def _four(ax, x: float, step: Tensor) -> None:
    """Draw four dots on a number line, equal ones side by side, and write each number once."""
    at: dict[float, int] = {}
    for (colour, marker), value in zip(IMAGES, step.tolist(), strict=True):
        aside = 0.075 * at.setdefault(value, 0)
        at[value] += 1
        ax.plot(x - aside, value, marker, color=colour, ms=11, mec="white", zorder=5)
    heights = sorted(at)
    paper = dict(boxstyle="square,pad=0.08", facecolor="white", edgecolor="none")
    for value, y in zip(heights, spread(heights, 0.26, -9, 9), strict=True):
        text = f"{value:.2f}".replace("-", "−") if value else "0"
        say(ax, x + 0.1, y, text, size=15, ha="left", bbox=paper, zorder=4)
    if x == 0:
        for image, value in enumerate(heights, 1):
            say(ax, -0.1, value, f"image {image}", size=15, ha="right")
