"""Gates and states over time, and the figure that reads what is typed."""

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from dlnotes.checks import check_choice, check_shape
from dlnotes.figures import Drawing, explore
from dlnotes.plotting import DIVERGING, SEQUENTIAL

GATES = {"f": "forget", "i": "input", "o": "output"}
STATES = {"candidate": "candidate", "c": "cell state", "h": "output h"}


class Gates(Drawing):
    """Gates and states of one unit as two heat maps over a sequence.

    Args:
        title: above the figure.
    """

    def __init__(self, title: str | None = None):
        self.figure = Figure(figsize=(9.4, 3.5))  # placed by hand: a layout engine takes long
        margins = dict(left=0.105, right=1.02, bottom=0.19, top=0.9 if title else 0.98, hspace=0.12)
        axes = self.figure.subplots(2, 1, gridspec_kw=margins)
        self.gates = self._heat_map(axes[0], GATES, SEQUENTIAL, "0 closed,\n1 open")
        self.states = self._heat_map(axes[1], STATES, DIVERGING, "value\n")
        self.gates.set_clim(0, 1)
        self.gates.colorbar.set_ticks([0, 0.5, 1])
        axes[1].set_xlabel("read so far →")
        if title:
            self.figure.suptitle(title, fontsize=12)

    def _heat_map(self, ax: Axes, names: dict[str, str], cmap: Any, label: str) -> AxesImage:
        picture = ax.imshow(np.zeros((3, 1)), cmap=cmap, vmin=-1, vmax=1, aspect="auto")
        ax.set_yticks(range(3), list(names.values()))
        ax.set_xticks([])
        ax.grid(False)
        ax.tick_params(length=0)
        bar = self.figure.colorbar(picture, ax=ax, pad=0.01, aspect=8)
        bar.set_label(label, fontsize=10)
        for y in (0.5, 1.5):
            ax.axhline(y, color="white", lw=2)
        return picture

    def update(self, *, values: dict[str, Tensor], symbols: Sequence[str], unit: int) -> None:
        """Draw these values; see ``draw_gates``."""
        rows = {}
        for name in (*GATES, *STATES):
            value = values[name]
            value = value[0] if value.ndim == 3 else value
            check_shape(name, value, len(symbols), "H")
            check_choice(range(value.shape[1]), unit=unit)
            rows[name] = value[:, unit].detach().cpu().double().numpy()
        most, length = max(1.0, np.abs(rows["c"]).max()), len(symbols)
        for picture, names in ((self.gates, GATES), (self.states, STATES)):
            picture.set(
                data=np.stack([rows[name] for name in names]),
                extent=(-0.5, length - 0.5, 2.5, -0.5),
            )
            picture.axes.set_xlim(-0.5, length - 0.5)
        self.states.set_clim(-most, most)
        self.states.colorbar.set_ticks([-most, 0, most])
        size = 11 if length <= 60 else 8
        look = dict(fontsize=size, family="monospace")
        self.states.axes.set_xticks(range(length), symbols, **look)


def draw_gates(
    values: dict[str, Tensor],
    symbols: Sequence[str],
    *,
    unit: int = 0,
    title: str | None = None,
) -> Figure:
    """Draw gates and states of one unit as a heat map over a sequence.

    Args:
        values: what ``lstm.trace`` returns, each (1, T, H) or (T, H).
        symbols: T texts, written below the steps.
        unit: number of the unit, from 0.
        title: above the figure.
    """
    return Gates(title)(values=values, symbols=symbols, unit=unit)


def reading(look: Callable[[str], dict[str, Tensor]], units: int, *, text: str, unit: int) -> dict:
    """Show the widget: type a text and see how a unit of a trained cell reads it.

    Args:
        look: returns what ``lstm.trace`` finds while the cell reads a text, one letter a step; it
            raises ValueError for a letter that it does not know.
        units: of the cell.
        text: at the start.
        unit: at the start.

    Returns:
        The controls by name.
    """
    check_choice(range(units), unit=unit)

    drawing = Gates()

    def draw(*, text: str, unit: int) -> Figure:
        text = text[:90]
        if not text:
            raise ValueError("text must have a letter, got nothing")
        return drawing(values=look(text), symbols=visible(text), unit=unit)

    def say(*, text: str, unit: int) -> str:
        return f"Gates and states of unit {unit} as heat maps over the text “{text[:90]}”."

    box = ipywidgets.Text(
        value=text,
        description="text",
        style={"description_width": "9em"},
        layout=ipywidgets.Layout(width="48em"),
    )
    return explore(
        draw,
        alt=say,
        caption="Gates (yellow is open), candidate, content and output of one unit as it reads.",
        text=box,
        unit=(0, units - 1, 1, unit),
    )


def visible(text: str) -> list[str]:
    """Return the characters of a text, one by one, with a mark for each space."""
    return list(text.replace(" ", "␣").replace("\n", "¶"))
