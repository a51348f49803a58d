"""Exercises of chapter 3, a ladder: predict, complete, derive, build, experiment, break it.

Each needs what the chapter teaches, and none is answered by it.
"""

from dlnotes.exercises.rnn import beginning, deriving, experiment

# predict, and compute by hand
parameters = beginning.parameters
vanishing_steps = beginning.vanishing_steps
whole_name = beginning.whole_name
flip = beginning.flip

# complete
both_ways = beginning.both_ways
clip = beginning.clip

# derive, build
leaky_gradient = deriving.leaky_gradient
delay = deriving.delay

# experiment, and break it
remember = experiment.remember
orthogonal_start = deriving.orthogonal_start
transient = deriving.transient
