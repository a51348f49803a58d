"""The look of every figure: colours by name and by role, sizes, matplotlib's defaults."""

from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

# ---- colours by name ---------------------------------------------------------------------------

# Okabe & Ito's palette: distinguishable under the common forms of colour blindness.
# Yellow is left out because it vanishes on white.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, AMBER, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "#8A8A8A"
COLORS = [BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, BLACK, GREY]
DASHES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), "-", "--"]
INK, NOTE = "#222222", "#555555"  # of lines and text; of text that only explains
FAINT, PALE = "#D4D4D4", "#F2F2F2"  # of lines that step back; of surfaces without a meaning

# ---- colours by role: what means the same has the same colour in every chapter ------------------

POSITIVE, NEGATIVE = BLUE, ORANGE
DIVERGING = LinearSegmentedColormap.from_list("negative_to_positive", [NEGATIVE, "white", POSITIVE])
SEQUENTIAL = "cividis"

INPUT, MEMORY, OUTPUT = GREEN, BLUE, PURPLE  # what comes in, what is carried on, what goes out
GATE, CANDIDATE = SKY, AMBER  # what lets through, what is proposed
FEATURES, DENSE = SKY, ORANGE  # maps of a convolution, units of a dense layer
ENCODER, DECODER, ATTENTION = SKY, AMBER, GREY
PRIOR, POSTERIOR, APPROXIMATION, NOISE = GREY, GREEN, ORANGE, ORANGE


def tint(color: str, share: float = 0.35) -> tuple[float, float, float]:
    """Return a colour mixed with white, of which dark text stands out.

    Args:
        color: any colour of matplotlib's.
        share: of the colour, from 0 (white) to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share!r}")

    red, green, blue = (1 - share * (1 - part) for part in to_rgb(color))
    return red, green, blue


# ---- sizes and defaults ------------------------------------------------------------------------

DPI = 110
WIDTH = 7.2  # inches: fills a JupyterLab column and a slide

matplotlib.rcParams.update(
    {
        "font.size": 12,
        "axes.titlesize": 13,
        "axes.labelsize": 12,
        "axes.prop_cycle": cycler(color=COLORS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E3E3E3",
        "grid.linewidth": 0.8,
        "lines.linewidth": 2.0,
        "legend.frameon": False,
        "legend.fontsize": 11,
        "image.cmap": "gray_r",
        "image.interpolation": "nearest",
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "xtick.labelsize": 11,
        "ytick.labelsize": 11,
    }
)


# ---- making and showing ------------------------------------------------------------------------


def figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = WIDTH,
    height: float | None = None,
    **subplots: Any,
) -> tuple[Figure, Any]:
    """Return a figure and its axes: one ``Axes``, or an array of them as ``plt.subplots`` gives.

    Args:
        rows: rows of axes.
        columns: columns of axes.
        width: in inches.
        height: in inches; None = 3.4 per row.
        **subplots: passed on to ``Figure.subplots`` (``sharex``, ``width_ratios``, ...).
    """
    fig = Figure(figsize=(width, 3.4 * rows if height is None else height), layout="constrained")
    return fig, fig.subplots(rows, columns, **subplots)


def _array(x: Any) -> np.ndarray:
    """Numbers as an array, wherever they live."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = x.float() if x.is_floating_point() else x
    return np.asarray(x)
