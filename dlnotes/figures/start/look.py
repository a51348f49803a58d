"""Colours and sizes of the start page: one meaning for each colour."""

from dlnotes.plotting import BLUE, GREEN, GREY, INK, ORANGE

ANIMALS = "cat", "dog", "bird"
RIGHT, WRONG, SLOPE, LOSS = GREEN, GREY, ORANGE, INK
ANIMAL_COLORS = "#555555", RIGHT, "#9A9A9A"
FORWARD = BLUE  # pixels, weights and scores
LOUD = 15  # points: words that are read at a third of the size


def signed(words: str) -> str:
    """Return a number with a true minus."""
    return words.replace("-", "−")
