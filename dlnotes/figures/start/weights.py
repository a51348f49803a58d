"""The weights of a linear model as images: what ink at each place says for each digit."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.figures.start.look import FORWARD, LOUD
from dlnotes.plotting import PURPLE, figure

AGAINST_OR_FOR = LinearSegmentedColormap.from_list("against_or_for", [PURPLE, "white", FORWARD])
SIDE = 28


def templates(table: Tensor) -> Figure:
    """Draw the weights of each answer as an image.

    Args:
        table: one row of 784 weights for each of the ten digits, (10, 784).
    """
    fig, axes = figure(2, 5, width=9.6, height=4.4)
    for k, ax in enumerate(axes.flat):
        _weights(ax, table[k], table.abs().max().item(), f"{k}")
    return fig


def misread(image: Tensor, table: Tensor, compared: Sequence[int]) -> Figure:
    """Draw a digit, and its outline on the weights of some answers with the scores they give.

    Args:
        image: (28, 28).
        table: the weights, (10, 784).
        compared: the answers to show.
    """
    fig, axes = figure(1, 1 + len(compared), width=9.6, height=3.95)
    axes[0].imshow(image, cmap="gray_r")
    axes[0].axis("off")
    axes[0].set_title("the image", fontsize=LOUD)
    for k, ax in zip(compared, axes[1:], strict=True):
        score = (table[k] @ image.flatten()).item()
        title = f"weights of the {k}\nscore {score:.2f}".replace("-", "−")
        _weights(ax, table[k], table[list(compared)].abs().max().item(), title)
        ax.contour(image, levels=[0.5], colors="black", linewidths=2)
    return fig


def _weights(ax: Axes, row: Tensor, most: float, title: str) -> None:
    look = dict(cmap=AGAINST_OR_FOR, vmin=-0.8 * most, vmax=0.8 * most)
    ax.imshow(row.view(SIDE, SIDE), **look)
    ax.axis("off")
    ax.set_title(title, fontsize=LOUD)
