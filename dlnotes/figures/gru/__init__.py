"""Pictures of chapter 5, one call each.

``cell`` draws the cell, one step and the ways back; ``unit`` one unit under a wave and the
interactive figure; ``results`` what came out of training.
"""

from dlnotes.figures.gru.cell import (
    cell_diagram,
    four_ways,
    rows_and_columns,
    step_in_numbers,
    toy,
    what_goes,
)
from dlnotes.figures.gru.results import (
    blank_rows,
    draw_gates,
    learned_by_step,
    race,
    without_gates,
)
from dlnotes.figures.gru.unit import (
    LeakyUnit,
    draw_leaky_unit,
    held_unit,
    leaky_unit,
    noisy_square_wave,
    time_constant,
    under_a_wave,
)

__all__ = [
    "LeakyUnit",
    "blank_rows",
    "cell_diagram",
    "draw_gates",
    "draw_leaky_unit",
    "four_ways",
    "held_unit",
    "leaky_unit",
    "learned_by_step",
    "noisy_square_wave",
    "race",
    "rows_and_columns",
    "step_in_numbers",
    "time_constant",
    "toy",
    "under_a_wave",
    "what_goes",
    "without_gates",
]
