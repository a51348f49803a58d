"""Exercises of chapter 16, a ladder: predict, complete, derive, experiment, break it.

Each needs what the chapter teaches, and none is answered by it.
"""

from dlnotes.exercises.vae import beginning, deriving, trials

# predict, and compute by hand
gaussian_kl = beginning.gaussian_kl
drawers = beginning.drawers

# complete
several_codes = beginning.several_codes
negative_elbo = beginning.negative_elbo

# derive
evidence = deriving.evidence
gap = deriving.gap
silent_beta = deriving.silent_beta
score_gradient = deriving.score_gradient

# experiment, and break it
latent_sizes = trials.latent_sizes
rotated = trials.rotated
