"""Exercises of chapter 4, a ladder: predict, complete, derive, build, experiment, break it.

Each needs what the chapter teaches, and none is answered by it.
"""

from dlnotes.exercises.lstm import beginning, deriving, experiment
from dlnotes.exercises.lstm.experiment import adding_error

__all__ = ["adding_error"]

# predict
parameters = beginning.parameters
switches = beginning.switches

# complete
tied_step = beginning.tied_step
tied_backward = beginning.tied_backward

# derive, build
forget_bias = deriving.forget_bias
adding_baseline = deriving.adding_baseline
counter = deriving.counter

# experiment, and break it
forget_gates = experiment.forget_gates
explosion = deriving.explosion
