"""How the shipped weights were made: one module per chapter that has some.

Each has ``build()``, the model; ``train(profile, *, checkpoint, seed)``, which returns the trained
model and its history; and ``evaluate(model)``, its metrics on the shipped data, with which the
tests compare what the weights' metadata claims. ``WEIGHTS`` is the name for
``training.load_weights``. ``dlnotes train CHAPTER`` runs them.
"""
