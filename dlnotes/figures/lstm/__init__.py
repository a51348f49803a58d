"""Pictures of chapter 4: the cell and its four steps, gates over time, what survives, results.

``survival`` and ``reading`` are interactive; ``draw_survival`` and ``draw_gates`` return the figure
alone, which is what the tests look at, as do all others.
"""

from dlnotes.figures.lstm.cell import STEPS, architecture, chain, close_ups
from dlnotes.figures.lstm.gates import draw_gates, one_hot, reading, visible
from dlnotes.figures.lstm.results import errors_over_length, panels, scores_and_errors
from dlnotes.figures.lstm.survival import draw_survival, half_life, survival

__all__ = [
    "STEPS",
    "architecture",
    "chain",
    "close_ups",
    "draw_gates",
    "draw_survival",
    "errors_over_length",
    "half_life",
    "one_hot",
    "panels",
    "reading",
    "scores_and_errors",
    "survival",
    "visible",
]
