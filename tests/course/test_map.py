"""dlnotes.course.map: every chapter has a place, arrows point forwards, no box hides another."""

import pytest
from matplotlib.text import Annotation

from dlnotes import course
from dlnotes.course import map as course_map
from dlnotes.plotting import BLACK, BLUE, GREY, ORANGE

ON_THE_MAP = course.CHAPTERS[1:]


def test_every_chapter_has_a_place_a_label_and_something_to_read_first():
    assert len({chapter.place for chapter in ON_THE_MAP}) == len(ON_THE_MAP)
    assert len({chapter.label for chapter in ON_THE_MAP}) == len(ON_THE_MAP)
    assert all(chapter.label for chapter in ON_THE_MAP)
    assert [chapter.number for chapter in course.CHAPTERS if not chapter.needs] == [0, 1]


def test_what_to_read_first_comes_earlier():
    for chapter in course.CHAPTERS:
        assert all(0 < first < chapter.number for first in chapter.needs)


def test_a_box_has_the_colour_of_its_objective_and_an_arrow_from_each_chapter_to_read_first():
    fig = course_map.course_map()
    fig.canvas.draw()
    (ax,) = fig.axes
    boxes = {t.get_text().split("\n")[0]: t for t in ax.texts if t.get_text()}
    for chapter in ON_THE_MAP:
        color = boxes[str(chapter.number)].get_bbox_patch().get_facecolor()
        assert color == boxes[chapter.objective].get_bbox_patch().get_facecolor()
    arrows = [(t.xyann, t.xy) for t in ax.texts if isinstance(t, Annotation)]
    first = {c.number: c.place for c in ON_THE_MAP}
    assert sorted(arrows) == sorted((first[n], c.place) for c in ON_THE_MAP for n in c.needs)


def test_colours_are_light_and_those_of_the_course():
    assert course_map.COLORS == {"discriminative": BLUE, "generative": ORANGE, "both": GREY}
    assert course_map._light(BLACK) == pytest.approx((0.8, 0.8, 0.8))
    assert course_map._light("white") == pytest.approx((1, 1, 1))


def test_boxes_are_apart_and_inside_and_dashed_where_planned():
    fig = course_map.course_map()
    fig.canvas.draw()
    (ax,) = fig.axes
    texts = [t for t in ax.texts if t.get_bbox_patch() is not None and t.get_text()]
    boxes = [t.get_window_extent() for t in texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert fig.bbox.containsx(box.x0) and fig.bbox.containsx(box.x1)
        assert fig.bbox.containsy(box.y0) and fig.bbox.containsy(box.y1)
    solid = {
        t.get_text().split("\n")[0] for t in texts if t.get_bbox_patch().get_linestyle() == "-"
    }
    built = {str(chapter.number) for chapter in course.built()} - {"0"}
    assert {name for name in solid if name.isdecimal()} == built
