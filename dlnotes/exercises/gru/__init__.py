"""Exercises of chapter 5, a ladder: predict, complete, derive, build, experiment, break it.

Each needs what the chapter teaches, and none is answered by it.
"""

from dlnotes.exercises.gru import beginning, building, experiment, trying

# predict, compute by hand, derive
parameters = beginning.parameters
corners = beginning.corners
same_past = beginning.same_past
time_constant = beginning.time_constant

# complete, derive, build
torch_step = building.torch_step
state_gradient = building.state_gradient
sample_and_hold = building.sample_and_hold
minimal_gated_unit = building.minimal_gated_unit

# experiment, and break it
recall = experiment.recall
bias_for_memory = trying.bias_for_memory
two_resets = trying.two_resets
