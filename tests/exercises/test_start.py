"""dlnotes.exercises.start: solutions pass, and a wrong answer is told which property fails."""

import math

import torch

from dlnotes import course, exercises
from dlnotes.course import notebooks
from exercises.answers import judged

THIRD = 1 / 3


def soft(scores, T):
    return (scores / T).softmax(0)


def swapped(p):
    """Return what shifts two of four slopes and leaves their sum."""
    return torch.tensor([1, -1, 0, 0], dtype=p.dtype)


WRONG = [
    ("equal_scores", (1, 1, 1), "sum"),
    ("equal_scores", (0, 0, 0), "zero"),
    ("equal_scores", (0.665, 0.245, 0.09), "scores"),
    ("equal_scores", (0, 1, 0), "truth"),
    ("equal_scores", (0.5, 0.5, 0.5), "two"),
    ("equal_scores", [0.333], "length"),
    ("equal_scores", (0.3, 0.3, 0.4), "rounded"),
    ("slopes", (-THIRD, 2 / 3, -THIRD), "sign"),
    ("slopes", (THIRD, THIRD, THIRD), "truth: these"),
    ("slopes", (-2 / 3, THIRD, THIRD), "not the cat"),
    ("slopes", (THIRD, THIRD, -2 / 3), "not the bird"),
    ("slopes", (THIRD, 4 / 3, THIRD), "plus"),
    ("slopes", (1 / 6, -THIRD, 1 / 6), "step"),
    ("table_slopes", [[-0.4, 0.2], [-1, 0.5], [1.4, -0.7]], "sign: this"),
    ("table_slopes", [[0.4, -0.2], [-1, 0.5], [0.6, -0.3]], "not the dog"),
    ("table_slopes", [[0.4, -0.2], [1, -0.5], [0.6, -0.3]], "truth: it is"),
    ("table_slopes", [[0.4, 0.2], [1, 0.5], [-1.4, -0.7]], "second pixel"),
    ("table_slopes", [[-0.2, 0.4], [-0.5, 1], [0.7, -1.4]], "pixels: the first"),
    ("table_slopes", [[0.2, 0.2], [0.5, 0.5], [-0.7, -0.7]], "pixels: each"),
    ("table_slopes", [0.2, 0.5, -0.7], "type"),
    ("larger_step", (0.388, 0.8644), "step size"),
    ("larger_step", (0.2447, 0.9951), "before"),
    ("larger_step", (0.00758, 0.0049), "loss"),
    ("larger_step", (0.00222, 0.0015), "cat"),
    ("larger_step", (0.99245, 0.8644), "step size"),
    ("larger_step", (0.99245, 0.0049), "loss"),
    ("sure_and_wrong", (0.69, 9), "start"),
    ("sure_and_wrong", (0.000335, 9), "before"),
    ("sure_and_wrong", (0.97986, 9), "cat"),
    ("sure_and_wrong", (0.00241, 9), "bird"),
    ("sure_and_wrong", (0.01773, 2), "start"),
    ("sure_and_wrong", (0.01773, 8), "half"),
    ("sure_and_wrong", (0.01773, 10), "first"),
    ("fewer_steps", (76, 88), "order"),
    ("fewer_steps", (91, 76), "steps"),
    ("fewer_steps", (88, 91), "steps"),
    ("fewer_steps", (12, 24), "misread"),
    ("fewer_steps", (0.88, 0.76), "unit"),
    ("fewer_steps", (88, 11), "rival"),
    ("fewer_steps", (80, 76), "not yet"),
    ("one_minus_p", lambda p, truth, y: p - truth, "log"),
    ("one_minus_p", lambda p, truth, y: p[y] * (truth - p), "sign"),
    ("one_minus_p", lambda p, truth, y: (p - truth) / p[y], "divide"),
    ("one_minus_p", lambda p, truth, y: p * (p - truth), "the same for all"),
    ("one_minus_p", lambda p, truth, y: p[y] * p, "truth"),
    ("one_minus_p", lambda p, truth, y: p[y] * (p[y] - 1), "shape"),
    ("one_minus_p", lambda p, truth, y: 1 - p, "derivative"),
    ("deceive_the_check", lambda p, truth: p - truth, "right"),
    ("deceive_the_check", lambda p, truth: p + truth, "plus"),
    ("deceive_the_check", lambda p, truth: p, "truth"),
    ("deceive_the_check", lambda p, truth: 1 - p, "caught"),
    ("deceive_the_check", lambda p, truth: (p - truth) ** 2, "square"),
    ("deceive_the_check", lambda p, truth: (p - truth).sum(), "shape"),
    ("deceive_the_check", lambda p, truth: p - truth + swapped(p), "partly"),
    ("temperature", lambda z, y, T: ((soft(z, T) * z).sum() - z[y]) / T**2, "sign: the mean"),
    ("temperature", lambda z, y, T: (z[y] - (soft(z, T) * z).sum()) / T, "power: the"),
    ("temperature", lambda z, y, T: (soft(z, T) * z).sum() - z[y], "inner"),
    ("temperature", lambda z, y, T: (z[y] - (soft(z, 1) * z).sum()) / T**2, "temperature"),
    ("temperature", lambda z, y, T: (z[y] - z.mean()) / T**2, "weighted"),
    ("temperature", lambda z, y, T: -(soft(z, T) * z).sum() / T**2, "truth"),
]
RIGHT = [
    ("equal_scores", [0.3333, 0.3333, 0.3333]),
    ("slopes", (0.3333, -0.6667, 0.3333)),
    ("table_slopes", torch.tensor([[0.4, -0.2], [1, -0.5], [-1.4, 0.7]])),
    ("fewer_steps", (88.0, 75)),
    ("deceive_the_check", lambda p, truth: 0 * p),
    ("deceive_the_check", lambda p, truth: 2 * (p - truth)),
    ("larger_step", (0.9924, 0.9951)),
    ("sure_and_wrong", (0.01773, 9)),
]

test_exercises = judged("start", WRONG, RIGHT)


def test_the_walk_is_the_one_of_the_page():
    walked = exercises.start.by_hand.walk((2, 1, 0), 0.5, 1)
    assert math.isclose(walked[1][1].item(), 0.38802, abs_tol=1e-5)


def test_the_start_page_asks_each_exercise_in_a_cell_of_its_own():
    cells = notebooks.read(course.CHAPTERS[0].path).cells
    tagged = [
        (tag.removeprefix("exercise:start."), cell.source)
        for cell in cells
        for tag in notebooks.tags(cell)
        if tag.startswith("exercise:")
    ]
    found = exercises.of_chapter("start")
    assert [name for name, _ in tagged] == list(found)
    for exercise, (_, source) in zip(found.values(), tagged, strict=True):
        assert source == exercise.cell()
