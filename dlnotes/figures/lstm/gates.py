"""Gates and states over time, and the figure that reads what is typed."""

from collections.abc import Sequence

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.checks import check_choice, check_shape
from dlnotes.figures import explore
from dlnotes.lstm import LSTMCell, trace
from dlnotes.plotting import DIVERGING, SEQUENTIAL

GATES = {"f": "forget", "i": "input", "o": "output"}
STATES = {"candidate": "candidate", "c": "cell state", "h": "output h"}


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
    rows = {}
    for name in (*GATES, *STATES):
        value = values[name]
        value = value[0] if value.ndim == 3 else value
        check_shape(name, value, len(symbols), "H")
        check_choice(range(value.shape[1]), unit=unit)
        rows[name] = value[:, unit].detach().cpu().double().numpy()
    fig = Figure(figsize=(9.4, 3.5))  # placed by hand: a layout engine takes half of a redraw
    margins = dict(left=0.105, right=1.02, bottom=0.19, top=0.9 if title else 0.98, hspace=0.12)
    axes = fig.subplots(2, 1, gridspec_kw=margins)
    most = max(1.0, np.abs(rows["c"]).max())
    kinds = (
        (axes[0], GATES, SEQUENTIAL, 0, 1, "0 closed,\n1 open"),
        (axes[1], STATES, DIVERGING, -most, most, "value\n"),
    )
    for ax, names, cmap, low, high, label in kinds:
        picture = np.stack([rows[name] for name in names])
        shown = ax.imshow(picture, cmap=cmap, vmin=low, vmax=high, aspect="auto")
        ax.set_yticks(range(3), list(names.values()))
        ax.set_xticks([])
        ax.grid(False)
        ax.tick_params(length=0)
        bar = fig.colorbar(shown, ax=ax, pad=0.01, aspect=8)
        bar.set_label(label, fontsize=10)
        bar.set_ticks([low, (low + high) / 2, high])
        for y in (0.5, 1.5):
            ax.axhline(y, color="white", lw=2)
    size = 11 if len(symbols) <= 60 else 8
    axes[1].set_xticks(range(len(symbols)), symbols, fontsize=size, family="monospace")
    axes[1].set_xlabel("read so far →")
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


def one_hot(text: str, alphabet: str) -> Tensor:
    """Return a text as inputs of a character model, (1, T, D), D characters in the alphabet."""
    unknown = sorted(set(text) - set(alphabet))
    if not text or unknown:
        what = f"{unknown[0]!r}" if unknown else "nothing"
        raise ValueError(f"text must consist of characters of the alphabet, got {what}")
    ids = torch.tensor([alphabet.index(character) for character in text])
    return torch.nn.functional.one_hot(ids, len(alphabet)).float()[None]


def reading(cell: LSTMCell, alphabet: str, *, text: str, unit: int) -> dict:
    """Show the widget: type a text and see how a unit of a trained cell reads it.

    Args:
        cell: reads one-hot characters.
        alphabet: its characters, in the order of the inputs.
        text: at the start.
        unit: at the start.

    Returns:
        The controls by name.
    """
    check_shape("cell.U_f", cell.U_f, cell.hidden_size, len(alphabet))

    def draw(*, text: str, unit: int) -> Figure:
        text = text[:90]
        return draw_gates(trace(cell, one_hot(text, alphabet)), visible(text), unit=unit)

    def say(*, text: str, unit: int) -> str:
        return f"Gates and states of unit {unit} as heat maps over the text “{text[:90]}”."

    box = ipywidgets.Text(
        value=text,
        description="text",
        style={"description_width": "9em"},
        layout=ipywidgets.Layout(width="48em"),
    )
    return explore(draw, alt=say, text=box, unit=(0, cell.hidden_size - 1, 1, unit))


def visible(text: str) -> list[str]:
    """Return the characters of a text, one by one, with a mark for each space."""
    return list(text.replace(" ", "␣").replace("\n", "¶"))
