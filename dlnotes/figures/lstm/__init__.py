"""Pictures of chapter 4: the cell and its four steps, gates over time, what survives, results.

``survival`` and ``reading`` are interactive; ``draw_survival`` and ``draw_gates`` return the figure
alone, which is what the tests look at, as do all others.
"""

from dlnotes.figures.lstm.cell import STEPS, architecture, chain, close_ups, step_in_numbers
from dlnotes.figures.lstm.gates import draw_gates, reading, visible
from dlnotes.figures.lstm.parcel import draw_parcel, parcel
from dlnotes.figures.lstm.results import (
    bits_by_letters,
    content_below_feature,
    counting,
    door,
    errors_over_length,
    grouped,
    learned,
    marked_numbers,
)
from dlnotes.figures.lstm.story import (
    half_lives,
    soft_switch,
    straight_road,
    switchboard,
    ways_back,
    whispers,
)
from dlnotes.figures.lstm.survival import draw_survival, half_life, survival

__all__ = [
    "STEPS",
    "architecture",
    "bits_by_letters",
    "chain",
    "close_ups",
    "content_below_feature",
    "counting",
    "door",
    "draw_gates",
    "draw_parcel",
    "draw_survival",
    "errors_over_length",
    "grouped",
    "half_life",
    "half_lives",
    "learned",
    "marked_numbers",
    "parcel",
    "reading",
    "soft_switch",
    "step_in_numbers",
    "straight_road",
    "survival",
    "switchboard",
    "visible",
    "ways_back",
    "whispers",
]
