"""Pictures of chapter 3, one call each.

``networks`` draws the network, its arrows forward and back, and what goes in and comes out;
``measured`` what was computed, ``results`` what came out of training; ``interactive`` the figure
with sliders.
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
    carried,
    cliff,
    ellipse,
    four_matrices,
    gradient_by_step,
    latch,
    one_unit_loss,
    stairs,
    tanh_and_slope,
)
from dlnotes.figures.rnn.networks import (
    architecture,
    blame_back,
    cups,
    deep_and_both_ways,
    echo_chunks,
    letters_in_and_out,
    scissors,
    two_ways,
    uses,
    wiring,
)
from dlnotes.figures.rnn.results import (
    bits_by_epoch,
    forecasts,
    learned_within,
    letter_by_letter,
    right_against,
    several_ahead,
    splits,
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
    "cups",
    "deep_and_both_ways",
    "draw_gradient",
    "echo_chunks",
    "ellipse",
    "forecasts",
    "four_matrices",
    "gradient",
    "gradient_by_step",
    "jacobian_norms",
    "latch",
    "learned_within",
    "letter_by_letter",
    "letters_in_and_out",
    "one_unit_loss",
    "recurrent_matrix",
    "right_against",
    "scissors",
    "several_ahead",
    "splits",
    "stairs",
    "tanh_and_slope",
    "two_ways",
    "uses",
    "wiring",
]
