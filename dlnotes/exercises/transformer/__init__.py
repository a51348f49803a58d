"""Exercises of chapter 7, a ladder: predict, complete, derive, experiment, break it.

Each needs what the chapter teaches, and none is answered by it.
"""

from dlnotes.exercises.transformer import beginning, deriving, exploring

# predict, and compute by hand
equal_keys = beginning.equal_keys
hidden_pairs = beginning.hidden_pairs

# complete
multi_query = beginning.multi_query
windowed = beginning.windowed

# derive and implement
temperature_slope = deriving.temperature_slope
turned_score = deriving.turned_score
one_pass = deriving.one_pass
crossover = deriving.crossover

# experiment, and break it
accuracy_without = exploring.accuracy_without
which_look = exploring.which_look
same_bag = exploring.same_bag
