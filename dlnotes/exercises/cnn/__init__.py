"""Exercises of chapter 2, a ladder: predict, complete, derive, experiment, break it.

Each needs what the chapter teaches, and none is answered by it.
"""

from dlnotes.exercises.cnn import beginning, deriving, exploring

# warm up, predict, and compute by hand
warm_up = beginning.warm_up
input_sizes = beginning.input_sizes
dilated_field = beginning.dilated_field

# complete
separable = beginning.separable
early_stopping = beginning.early_stopping

# derive and implement
strided_gradient = deriving.strided_gradient
fold_norm = deriving.fold_norm
best_gap = deriving.best_gap
largest_rate = deriving.largest_rate

# experiment, and break it
small_net = exploring.small_net
accuracy_after = exploring.accuracy_after
batch_size = exploring.batch_size
same_patches = exploring.same_patches
