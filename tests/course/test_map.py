"""dlnotes.course.map: every chapter has a place, arrows point forwards, no box hides another."""

from dlnotes import course
from dlnotes.course import map as course_map


def test_every_chapter_has_a_place_a_label_and_something_to_read_first():
    numbers = {chapter.number for chapter in course.CHAPTERS} - {0}
    assert set(course_map.PLACES) == set(course_map.LABELS) == numbers
    assert set(course_map.NEEDS) == numbers - {1}


def test_what_to_read_first_comes_earlier():
    for number, earlier in course_map.NEEDS.items():
        assert earlier and max(earlier) < number


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
