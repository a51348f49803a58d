"""Exercises of chapter 8, a ladder: predict, compute by hand, complete, derive, experiment, break.

Each needs what the chapter teaches, and none is answered by it.
"""

from dlnotes.exercises.word2vec import beginning, deriving, exploring

# predict, and compute by hand
without_we = beginning.without_we
more_coffee = beginning.more_coffee

# complete
count_near = beginning.count_near
batch_loss = beginning.batch_loss

# derive and implement
cbow_gradient = deriving.cbow_gradient
resting_scores = deriving.resting_scores
analogy = deriving.analogy

# experiment, and break it
loss_after = exploring.loss_after
one_table = exploring.one_table
no_noise = exploring.no_noise
