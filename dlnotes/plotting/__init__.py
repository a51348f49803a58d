"""Figures of the course: one style, colour-blind-safe, each with a description in words.

Every function takes numbers and returns a ``matplotlib.figure.Figure``; ``show(fig, alt=...)``
puts it into the notebook with its alternative text. Figures are made without pyplot, so nothing is
shown twice and nothing stays open. Importing this module sets matplotlib's defaults to the style
of the course.
"""

from dlnotes.plotting.charts import bars, confusion, curves, latent_scatter, matrix, scatter
from dlnotes.plotting.display import image_bundle, show
from dlnotes.plotting.images import image_grid, image_map, image_rows
from dlnotes.plotting.style import (
    AMBER,
    BLACK,
    BLUE,
    COLORS,
    DASHES,
    DIVERGING,
    DPI,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SEQUENTIAL,
    SKY,
    WIDTH,
    figure,
)

__all__ = [
    "AMBER",
    "BLACK",
    "BLUE",
    "COLORS",
    "DASHES",
    "DIVERGING",
    "DPI",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "SEQUENTIAL",
    "SKY",
    "WIDTH",
    "bars",
    "confusion",
    "curves",
    "figure",
    "image_bundle",
    "image_grid",
    "image_map",
    "image_rows",
    "latent_scatter",
    "matrix",
    "scatter",
    "show",
]
