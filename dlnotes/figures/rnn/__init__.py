"""Pictures of chapter 3, one call each.

``networks`` draws the network, its arrows forward and back, and what goes in and comes out;
``measured`` what was computed or measured; ``interactive`` the figure with sliders.
"""

from dlnotes.figures.rnn.interactive import (
    MATRICES,
    STEEPEST,
    Gradient,
    draw_gradient,
    gradient,
    jacobian_norms,
    recurrent_matrix,
)
from dlnotes.figures.rnn.measured import (
    bits_by_epoch,
    carried,
    cliff,
    ellipse,
    forecasts,
    four_matrices,
    latch,
    learned_within,
    letter_by_letter,
    one_unit_loss,
    right_against,
    splits,
    stairs,
)
from dlnotes.figures.rnn.networks import (
    architecture,
    blame_back,
    letters_in_and_out,
    row_by_row,
    scissors,
    two_ways,
)

__all__ = [
    "MATRICES",
    "STEEPEST",
    "Gradient",
    "architecture",
    "bits_by_epoch",
    "blame_back",
    "carried",
    "cliff",
    "draw_gradient",
    "ellipse",
    "forecasts",
    "four_matrices",
    "gradient",
    "jacobian_norms",
    "latch",
    "learned_within",
    "letter_by_letter",
    "letters_in_and_out",
    "one_unit_loss",
    "recurrent_matrix",
    "right_against",
    "row_by_row",
    "scissors",
    "splits",
    "stairs",
    "two_ways",
]
