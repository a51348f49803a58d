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
        "landscape": lambda: start.landscape(SCORES, 0.5, 10),
        "step_sizes": lambda: start.step_sizes({0.1: [2, 1], 0.5: [2, 0.5], 9: [2, 40, 3]}),
        "templates": lambda: start.templates(torch.randn(10, 784)),
        "misread": lambda: start.misread(torch.rand(28, 28), torch.randn(10, 784), (2, 4)),
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
    assert {f"{-math.log(0.01):.2f}", f"{-math.log(0.5):.2f}", "0.99", "0.5"} <= set(shown)


def test_the_difference_shows_its_three_slopes():
    assert {"+0.665", "−0.755", "+0.090"} <= set(texts(start.difference(P, TRUTH)))


def test_the_scheme_holds_the_numbers_of_the_page():
    shown = texts(start.whole(PIXELS, WEIGHTS, SCORES, P, TRUTH))
    assert {"2\n1\n0", "0.665\n0.245\n0.090", "1.41", "+0.665\n−0.755\n+0.090"} <= set(shown)
    assert {"0\n1\n0", "+0.665  +0.333\n−0.755  −0.378\n+0.090  +0.045"} <= set(shown)
    assert torch.equal(WEIGHTS @ PIXELS, SCORES)


def test_the_hump_of_the_bird_is_marked():
    path = [P, (SCORES - 0.5 * (P - TRUTH)).softmax(0), TRUTH]
    assert "0.090 → 0.094" in texts(start.learning(path, [1.4, 0.9, 0]))


def test_each_template_beside_a_digit_shows_the_score_it_gives():
    table, image = torch.zeros(10, 784), torch.rand(28, 28)
    table[4] = 1
    titles = [ax.get_title() for ax in start.misread(image, table, (2, 4)).axes]
    assert titles[1].endswith("score 0.00") and titles[2].endswith(f"score {image.sum():.2f}")


def test_the_highest_loss_of_a_step_size_is_marked():
    shown = texts(start.step_sizes({0.1: [2, 1], 0.5: [2, 0.5], 9: [2, 40, 3]}))
    assert "step size 9: up to 40" in shown and "step size 0.5: 0.50" in shown


def test_the_slopes_of_a_digit_are_prediction_minus_truth():
    fig = start.digit(torch.rand(28, 28), torch.full((10,), 0.1), 3)
    heights = [round(bar.get_height(), 3) for bar in fig.axes[2].patches]
    assert heights == [0.1, 0.1, 0.1, -0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
