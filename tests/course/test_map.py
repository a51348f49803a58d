"""dlnotes.course.map: every chapter has a place, arrows point forwards, no box hides another."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from dlnotes import course
from dlnotes.course import map as course_map
from dlnotes.plotting import BLUE, GREY, ORANGE, tint

ON_THE_MAP = course.CHAPTERS[1:]


def test_every_chapter_has_a_place_a_label_and_something_to_read_first():
    assert len({chapter.place for chapter in ON_THE_MAP}) == len(ON_THE_MAP)
    assert len({chapter.label for chapter in ON_THE_MAP}) == len(ON_THE_MAP)
    assert all(chapter.label for chapter in ON_THE_MAP)
    assert [chapter.number for chapter in course.CHAPTERS if not chapter.needs] == [0, 1]


def test_what_to_read_first_comes_earlier():
    for chapter in course.CHAPTERS:
        assert all(0 < first < chapter.number for first in chapter.needs)


@pytest.fixture
def drawn():
    """The map's axes, its boxes by their first line, its arrows as (start, end), in pixels."""
    fig = course_map.course_map()
    fig.canvas.draw()
    (ax,) = fig.axes
    patches = [p for p in ax.patches if isinstance(p, FancyBboxPatch)]
    texts = [text for text in ax.texts if text.get_text()]
    boxes = {}
    for text in texts:
        middle = text.get_window_extent().get_points().mean(0)
        [box] = [p for p in patches if p.get_window_extent().contains(*middle)]
        boxes[text.get_text().split("\n")[0]] = (text, box)
    arrows = []
    for patch in ax.patches:
        if isinstance(patch, FancyArrowPatch):
            path = patch.get_path().transformed(patch.get_transform())
            # the arrow's head is a part of the path of its own
            line = path.to_polygons(closed_only=False)[0]
            arrows.append((line[0], line))
    return ax, boxes, arrows


def test_a_box_has_the_colour_of_its_objective(drawn):
    _, boxes, _ = drawn
    for chapter in ON_THE_MAP:
        color = boxes[str(chapter.number)][1].get_facecolor()
        assert color == boxes[chapter.objective][1].get_facecolor()
    colors = {kind: boxes[kind][1].get_facecolor()[:3] for kind in course_map.COLORS}
    assert colors == {
        "discriminative": tint(BLUE, 0.25),
        "generative": tint(ORANGE, 0.25),
        "both": tint(GREY, 0.25),
    }


def test_an_arrow_leads_from_each_chapter_to_read_first_and_behind_no_other(drawn):
    _, boxes, arrows = drawn

    def touched(points):
        dense = np.concatenate([np.linspace(a, b, 100) for a, b in pairwise(points)])
        return {
            name
            for name, (_, box) in boxes.items()
            if any(box.get_window_extent().padded(6).contains(*point) for point in dense)
        }

    just_before = [(n, c.number) for c in ON_THE_MAP for n in course_map.arrows_to(c)]
    wanted = [{str(first), str(second)} for first, second in just_before]
    assert len(arrows) == len(wanted)
    found = [touched(points) for _, points in arrows]
    assert sorted(map(sorted, found)) == sorted(map(sorted, wanted))
    starts = [min(boxes, key=lambda n: distance(boxes[n][1], start)) for start, _ in arrows]
    assert sorted(starts) == sorted(str(first) for first, _ in just_before)


def test_the_arrows_lead_to_all_that_a_chapter_needs():
    led = {}
    for chapter in course.CHAPTERS:
        before = course_map.arrows_to(chapter)
        led[chapter.number] = set(before).union(*(led[first] for first in before))
        assert set(chapter.needs) <= led[chapter.number]
        assert not any(first in led[other] for first in before for other in before)


def distance(box, point):
    extent = box.get_window_extent()
    nearest = np.clip(point, [extent.x0, extent.y0], [extent.x1, extent.y1])
    return np.hypot(*(nearest - point))


def test_boxes_are_apart_and_inside_hold_their_words_and_are_dashed_where_planned(drawn):
    ax, boxes, _ = drawn
    extents = [box.get_window_extent() for _, box in boxes.values()]
    for number, (text, box) in enumerate(boxes.values()):
        extent, words = box.get_window_extent(), text.get_window_extent()
        assert not any(extent.overlaps(other) for other in extents[:number])
        assert ax.figure.bbox.containsx(extent.x0) and ax.figure.bbox.containsx(extent.x1)
        assert ax.figure.bbox.containsy(extent.y0) and ax.figure.bbox.containsy(extent.y1)
        assert extent.x0 < words.x0 and words.x1 < extent.x1
        assert extent.y0 < words.y0 and words.y1 < extent.y1
    solid = {name for name, (_, box) in boxes.items() if box.get_linestyle() == "-"}
    built = {str(chapter.number) for chapter in course.built()} - {"0"}
    assert {name for name in solid if name.isdecimal()} == built
