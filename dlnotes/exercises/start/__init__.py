"""Exercises of the start page: by hand, with a cell to change, to derive, to break, a hard one."""

from dlnotes.exercises.start import by_hand, further

# by hand
equal_scores = by_hand.equal_scores
slopes = by_hand.slopes
table_slopes = by_hand.table_slopes

# change and watch
larger_step = by_hand.larger_step
sure_and_wrong = by_hand.sure_and_wrong
fewer_steps = by_hand.fewer_steps

# derive, break, and a hard one
one_minus_p = further.one_minus_p
deceive_the_check = further.deceive_the_check
temperature = further.temperature
