"""dlnotes.figures: the first frame is an ordinary output; a moved control redraws it in place."""

import asyncio

import ipywidgets
import pytest
from matplotlib.layout_engine import ConstrainedLayoutEngine

from dlnotes import figures, plotting

shown = []


@pytest.fixture(autouse=True)
def displayed(monkeypatch):
    shown.clear()
    monkeypatch.setattr(figures, "display", lambda data, **options: shown.append((data, options)))
    return shown


def line(slope, kind="line"):
    if slope == 0:
        raise ValueError("slope must not be 0")
    return plotting.curves({kind: [0.0, slope]}, xlabel="x", ylabel="y")


def test_the_first_frame_is_an_image_output_with_its_description(displayed):
    figures.explore(line, alt="a line through the origin", slope=(1, 5, 1, 2))
    (picture, options), (controls, _) = displayed
    assert (
        '<img alt="a line through the origin" src="data:image/png;base64,' in picture["text/html"]
    )
    assert "figcaption" not in picture["text/html"] and options["raw"]
    assert figures.WIDGET_MIME_TYPE in controls
    assert controls["text/plain"] == "Run this cell to get the controls: slope."


def test_moving_a_control_updates_the_same_picture(displayed):
    controls = figures.explore(
        line,
        alt=lambda slope, kind: f"{kind} of slope {slope}, drawn once",
        slope=(1, 5, 1, 2),
        kind=["a", "b"],
    )
    first, options = displayed[0]
    controls["slope"].value = 4
    second, update = displayed[-1]
    assert update["update"] and update["display_id"] == options["display_id"]
    assert second["text/html"] != first["text/html"]
    assert second["text/plain"] == "Figure: a of slope 4, drawn once"
    controls["kind"].value = "b"
    assert displayed[-1][0]["text/plain"] == "Figure: b of slope 4, drawn once"


def test_a_combination_without_picture_says_why_and_keeps_the_last_frame(displayed):
    controls = figures.explore(line, alt="a line through the origin", slope=(-1, 1, 1, 1))
    count = len(displayed)
    controls["slope"].value = 0
    assert len(displayed) == count
    controls["slope"].value = -1
    assert len(displayed) == count + 1


def test_every_frame_has_its_caption(displayed):
    words = dict(alt="a line through the origin", caption="*Move* it.")
    controls = figures.explore(line, **words, slope=(1, 5, 1, 2))
    controls["slope"].value = 4
    for bundle in (displayed[0][0], displayed[-1][0]):
        assert "<figcaption><em>Move</em> it.</figcaption></figure>" in bundle["text/html"]


class Growing(figures.Drawing):
    def __init__(self):
        self.figure, ax = plotting.figure()
        (self.line,) = ax.plot([0, 1], [0, 0])
        ax.set_ylim(0, 10)
        self.freeze()

    def update(self, *, slope):
        self.line.set_ydata([0, slope])


def test_a_drawing_is_made_once_and_updated(displayed):
    drawing = Growing()
    controls = figures.explore(drawing, alt="a line through the origin", slope=(1, 5, 1, 2))
    assert list(drawing.line.get_ydata()) == [0, 2]
    for value in (4, 5):
        controls["slope"].value = value
        assert list(drawing.line.get_ydata()) == [0, value]
    assert len({bundle["text/html"] for bundle, _ in displayed if "text/html" in bundle}) == 3
    assert not isinstance(drawing.figure.get_layout_engine(), ConstrainedLayoutEngine)


def test_the_stored_frame_is_small_and_the_moved_ones_are_quick(displayed):
    controls = figures.explore(line, alt="a line through the origin", slope=(1, 5, 1, 2))
    controls["slope"].value = 3
    controls["slope"].value = 2
    sizes = [len(bundle["text/html"]) for bundle, _ in displayed if "text/html" in bundle]
    assert sizes[0] < 0.6 * sizes[-1]  # the same picture


def test_of_moves_that_come_together_only_the_newest_is_drawn(displayed):
    drawn = []

    def draw(slope):
        drawn.append(slope)
        return line(slope)

    async def move():
        for value in (3, 4, 5):
            controls["slope"].value = value
        assert drawn == [2]  # the kernel is free to read what else there is
        await asyncio.sleep(0.2)
        assert drawn == [2, 5]
        controls["slope"].value = 1
        await asyncio.sleep(0.2)

    controls = figures.explore(draw, alt="a line through the origin", slope=(1, 5, 1, 2))
    asyncio.run(move())
    assert drawn == [2, 5, 1]
    assert len([bundle for bundle, _ in displayed if "text/html" in bundle]) == 3


def test_names_of_controls_have_room():
    controls = figures.explore(
        lambda **values: plotting.figure()[0],
        alt="an empty figure, for the test",
        steps=(0, 9, 1, 3),
        the_largest_singular_value=(0, 9, 1, 3),
    )
    widths = {control.style.description_width for control in controls.values()}
    assert len(widths) == 1 and float(widths.pop().removesuffix("em")) > 0.5 * 26


def test_controls_are_what_their_values_say():
    controls = figures.explore(
        lambda **values: plotting.figure()[0],
        alt="an empty figure, for the test",
        steps=(0, 9, 1, 3),
        rate=(0.0, 1.0, 0.25, 0.5),
        kind=["max", "min"],
        causal=True,
        mine=ipywidgets.IntSlider(7),
    )
    kinds = {name: type(widget).__name__ for name, widget in controls.items()}
    assert kinds == {
        "steps": "IntSlider",
        "rate": "FloatSlider",
        "kind": "Dropdown",
        "causal": "Checkbox",
        "mine": "IntSlider",
    }
    assert [widget.value for widget in controls.values()] == [3, 0.5, "max", True, 7]
    assert controls["steps"].max == 9 and controls["rate"].step == 0.25


@pytest.mark.parametrize("control", [3, (1, 2, 3), [], "abc", None])
def test_a_wrong_control_is_named(control):
    with pytest.raises(ValueError, match="control size must be a widget"):
        figures.explore(line, alt="a line through the origin", size=control)


def test_no_control_is_an_error():
    with pytest.raises(ValueError, match="at least one control"):
        figures.explore(line, alt="a line through the origin")


def test_an_unknown_chapter_is_named():
    with pytest.raises(AttributeError, match="no attribute 'astrology'"):
        figures.astrology  # noqa: B018
