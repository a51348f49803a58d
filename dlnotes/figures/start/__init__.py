"""Pictures of the start page, one call each.

``penalties`` asks how bad a probability is, ``difference`` draws prediction minus truth,
``learning`` ten steps, ``whole`` the way from a photograph to the loss and back, ``digit`` one
real digit with what a linear model says and how it should change.
"""

from dlnotes.figures.start.charts import difference, digit, learning, penalties
from dlnotes.figures.start.scheme import whole

__all__ = ["difference", "digit", "learning", "penalties", "whole"]
