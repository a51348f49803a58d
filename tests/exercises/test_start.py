"""dlnotes.exercises.start: solutions pass, and a wrong answer is told which property fails."""

import math

from dlnotes import course, exercises
from dlnotes.course import notebooks
from exercises.answers import judged

THIRD = 1 / 3
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
    ("one_step", (1 / 6, -THIRD, 1 / 6), "direction"),
    ("one_step", (-THIRD, 2 / 3, -THIRD), "step size"),
    ("one_step", (-1 / 6, -1 / 6, -1 / 6), "truth"),
    ("one_step", (0, THIRD, 0), "others"),
    ("one_step", (THIRD, -2 / 3, THIRD), "slopes"),
    ("one_step", (0.274, 0.452, 0.274), "softmax"),
    ("nearly_right", (-0.006, 0.01, -0.004), "sign: this"),
    ("nearly_right", (0.006, 0.01, 0.004), "the dog should go up"),
    ("nearly_right", (0.006, 0.99, 0.004), "truth: it is"),
    ("nearly_right", (0, 0, 0), "zero"),
    ("nearly_right", (0.006, 1.99, 0.004), "plus"),
    ("nearly_right", (0.006, -0.01, 0), "not yet: the slope of the bird"),
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
]
RIGHT = [
    ("equal_scores", [0.3333, 0.3333, 0.3333]),
    ("slopes", (0.3333, -0.6667, 0.3333)),
    ("nearly_right", (0.006, -0.01, 0.004)),
    ("larger_step", (0.9924, 0.9951)),
    ("sure_and_wrong", (0.01773, 9)),
]

test_exercises = judged("start", WRONG, RIGHT)


def test_the_walk_is_the_one_of_the_page():
    walked = exercises.start.walk((2, 1, 0), 0.5, 1)
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
