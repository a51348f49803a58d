"""dlnotes.plotting.diagram: arrows end at outlines, labels beside them, stacks have their maps."""

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch, Rectangle

from dlnotes.plotting import Diagram, figure, png
from dlnotes.plotting.diagram import FONT, GAP, Shape


def corners(patch):
    return patch.get_path().vertices


def arrows(drawing):
    return [patch for patch in drawing.ax.patches if isinstance(patch, FancyArrowPatch)]


def ends(drawing):
    """Start and end of every arrow as it was asked for, in units of the diagram."""
    paths = [patch._path_original.vertices for patch in arrows(drawing)]
    return [(tuple(path[0]), tuple(path[-1])) for path in paths]


@pytest.fixture
def drawing():
    return Diagram((0, 10), (0, 4), width=5)


def test_one_unit_is_as_long_across_as_upwards_and_nothing_is_around(drawing):
    assert drawing.figure.get_size_inches() == pytest.approx((5, 2))
    png(drawing.figure)
    a, b = drawing.ax.transData.transform([(0, 0), (10, 4)])
    assert a == pytest.approx((0, 0)) and b == pytest.approx(drawing.figure.bbox.size)
    for wrong in (((0, 0), (0, 1)), ((0, 1), (2, 1))):
        with pytest.raises(ValueError, match="xlim and ylim must grow"):
            Diagram(*wrong)


@pytest.mark.parametrize(
    ("toward", "edge"),
    [((9, 2), (5, 2)), ((-3, 2), (1, 2)), ((3, 9), (3, 3)), ((3, -9), (3, 1)), ((7, 6), (4, 3)),
     ((-5, -2), (1, 1))],
)  # fmt: skip
def test_the_edge_of_a_box_is_on_its_outline(toward, edge):
    assert Shape(3, 2, 4, 2).edge(toward) == pytest.approx(edge)


def test_the_edge_of_a_node_is_on_its_circle():
    node = Shape(3, 2, 1, 1, is_round=True)
    assert node.edge((3, 9)) == pytest.approx((3, 2.5))
    assert node.edge((6, 6)) == pytest.approx((3.3, 2.4))


def test_the_sides_of_a_shape():
    shape = Shape(3, 2, 4, 1)
    assert (shape.left, shape.right) == ((1, 2), (5, 2))
    assert (shape.top, shape.bottom) == ((3, 2.5), (3, 1.5))


def test_arrows_begin_and_end_at_outlines_and_turn_at_corners(drawing):
    a, b = drawing.box(1, 1, "a", width=1, height=1), drawing.node(5, 1, "+", radius=0.25)
    drawing.arrow(a, b)
    drawing.arrow(a, (1, 3), b)
    drawing.arrow((0, 0), (0, 2), b)
    (first, second, third) = ends(drawing)
    assert first == (pytest.approx((1.5, 1)), pytest.approx((4.75, 1)))
    assert second[0] == pytest.approx((1, 1.5))  # upwards, where the corner lies
    assert np.hypot(second[1][0] - 5, second[1][1] - 1) == pytest.approx(0.25)
    assert third[0] == (0, 0)
    with pytest.raises(ValueError, match="an arrow must have at least 2 stops, got 1"):
        drawing.arrow(a)


def test_shapes_lie_where_they_say(drawing):
    box = drawing.box(2, 1, "box", width=3, height=1)
    extent = (
        drawing.ax.patches[0].get_path().get_extents(drawing.ax.patches[0].get_patch_transform())
    )
    assert extent.get_points().ravel() == pytest.approx([0.5, 0.5, 3.5, 1.5])
    assert (box.x, box.y, box.width, box.height) == (2, 1, 3, 1)
    funnel = drawing.funnel(6, 2, "f", width=2, heights=(3, 1))
    assert corners(drawing.ax.patches[1])[:4].tolist() == [[5, 0.5], [7, 1.5], [7, 2.5], [5, 3.5]]
    assert funnel.left == (5, 2) and funnel.right == (7, 2)
    assert [text.get_text() for text in drawing.ax.texts] == ["box", "f"]
    assert {text.get_fontsize() for text in drawing.ax.texts} == {FONT}


def test_a_stack_has_as_many_maps_as_it_says_the_first_in_front(drawing):
    stack = drawing.stack(5, 2, 4, size=(1, 2), step=(0.5, 0.25))
    maps = [patch for patch in drawing.ax.patches if isinstance(patch, Rectangle)]
    assert len(maps) == 4
    front = maps[-1]  # drawn last
    assert (front.get_x(), front.get_y()) == pytest.approx((5 - 1.25, 2 - 1.375))
    back = maps[0]
    assert (back.get_x() + 1, back.get_y() + 2) == pytest.approx((5 + 1.25, 2 + 1.375))
    assert (stack.width, stack.height) == (2.5, 2.75)
    with pytest.raises(ValueError, match="maps must be at least 1, got 0"):
        drawing.stack(5, 2, 0, size=(1, 1))


@pytest.mark.parametrize(
    ("side", "moved"),
    [("above", (0, GAP)), ("below", (0, -GAP)), ("left", (-GAP, 0)), ("right", (GAP, 0))],
)
def test_a_label_keeps_its_distance_from_the_longest_piece_of_its_arrow(drawing, side, moved):
    drawing.arrow((0, 0), (0, 1), (6, 1), label="V", side=side, color="#123456")
    [label] = drawing.ax.texts
    assert label.get_text() == "V" and label.xy == (3, 1) and label.xyann == moved
    assert label.get_color() == "#123456"
    png(drawing.figure)
    box = label.get_window_extent()
    x, y = drawing.ax.transData.transform((3, 1))
    beyond = {"above": box.y0 - y, "below": y - box.y1, "left": x - box.x1, "right": box.x0 - x}
    assert beyond[side] == pytest.approx(GAP * drawing.figure.dpi / 72, abs=1.5)


def test_a_loop_leaves_a_shape_and_comes_back(drawing):
    shape = drawing.node(2, 2, "h", radius=0.5)
    drawing.loop(shape, label="V")
    start, end = ends(drawing)[0]
    assert start == pytest.approx((2.5, 2.12)) and end == pytest.approx((2.5, 1.88))
    assert drawing.ax.texts[-1].get_text() == "V"


def test_a_diagram_can_be_one_of_several():
    _, axes = figure(1, 2)
    drawing = Diagram((0, 1), (0, 1), ax=axes[1], font=12)
    drawing.text(0.5, 0.5, "here")
    drawing.text(0.5, 0.5, "")
    assert drawing.figure is axes[0].figure and not axes[0].texts
    assert [text.get_fontsize() for text in axes[1].texts] == [12]
