"""Pictures of the start page, one call each.

``penalties`` asks how bad a probability is, ``difference`` draws prediction minus truth,
``learning`` ten steps, ``landscape`` the way down, ``whole`` the way from a photograph to the loss
and back, ``digit`` one real digit with what a linear model says and how it should change,
``templates`` and ``misread`` its weights as images, ``step_sizes`` how its loss falls.
"""

from dlnotes.figures.start.charts import (
    difference,
    digit,
    landscape,
    learning,
    penalties,
    step_sizes,
)
from dlnotes.figures.start.scheme import whole
from dlnotes.figures.start.weights import misread, templates

__all__ = [
    "difference",
    "digit",
    "landscape",
    "learning",
    "misread",
    "penalties",
    "step_sizes",
    "templates",
    "whole",
]
