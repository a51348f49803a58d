"""Exercises of chapter 1, a ladder: predict, compute, complete, derive, experiment, break it.

Each needs what the chapter teaches, and none is answered by it.
"""

from dlnotes.exercises.discriminative import beginning, deriving, experiment

# predict, and compute by hand
threshold = beginning.threshold
first_step = beginning.first_step

# complete
fever_table = beginning.fever_table
parameters = beginning.parameters

# derive, implement
bernoulli = deriving.bernoulli
squeezed = deriving.squeezed
missing_pixels = deriving.missing_pixels

# experiment, and break it
exact_assumption = experiment.exact_assumption
opposite_correlations = experiment.opposite_correlations
