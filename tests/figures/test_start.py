"""dlnotes.figures.start: what the pictures of the start page say is what its formulas give."""

import math

import pytest
import torch

from dlnotes.figures import start
from dlnotes.plotting import image_bundle

SCORES = torch.tensor([2, 1, 0], dtype=torch.float64)
TRUTH = torch.tensor([0, 1, 0], dtype=torch.float64)
P = SCORES.softmax(0)
PIXELS = torch.tensor([1, 0.5], dtype=torch.float64)
WEIGHTS = torch.tensor([[1.5, 1], [0.5, 1], [-0.5, 1]], dtype=torch.float64)


def drawings():
    return {
        "penalties": lambda: start.penalties((0.01, 0.245, 0.5)),
        "difference": lambda: start.difference(P, TRUTH),
        "learning": lambda: start.learning([P, P, TRUTH], [1.4, 1.4, 0]),
        "whole": lambda: start.whole(PIXELS, WEIGHTS, SCORES, P, TRUTH),
        "digit": lambda: start.digit(torch.rand(28, 28), torch.full((10,), 0.1), 3),
    }


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


@pytest.mark.parametrize("name", drawings())
def test_every_picture_is_drawn(name):
    fig = drawings()[name]()
    assert "<img" in image_bundle(fig, "a picture of this page", "a caption")["text/html"]


def test_the_marked_penalties_are_minus_the_logarithm():
    shown = texts(start.penalties((0.01, 0.5)))
    assert {f"{-math.log(0.01):.2f}", f"{-math.log(0.5):.2f}"} <= set(shown)


def test_the_difference_shows_its_three_slopes():
    assert {"+0.67", "-0.76", "+0.09"} <= set(texts(start.difference(P, TRUTH)))


def test_the_scheme_holds_the_numbers_of_the_page():
    shown = texts(start.whole(PIXELS, WEIGHTS, SCORES, P, TRUTH))
    assert {"2\n1\n0", "0.665\n0.245\n0.090", "1.41", "+0.665\n−0.755\n+0.090"} <= set(shown)
    assert torch.equal(WEIGHTS @ PIXELS, SCORES)


def test_the_slopes_of_a_digit_are_prediction_minus_truth():
    fig = start.digit(torch.rand(28, 28), torch.full((10,), 0.1), 3)
    heights = [round(bar.get_height(), 3) for bar in fig.axes[2].patches]
    assert heights == [0.1, 0.1, 0.1, -0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
