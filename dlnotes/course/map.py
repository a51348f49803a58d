"""The map of the course: which chapter rests on which."""

from matplotlib.figure import Figure

from dlnotes.course import CHAPTERS, Chapter
from dlnotes.plotting import BLUE, GREY, ORANGE, Diagram, tint

COLORS = {"discriminative": BLUE, "generative": ORANGE, "both": GREY}
MEANINGS = {
    "discriminative": "answers questions",
    "generative": "makes new things",
    "both": "answers and makes",
}
COLUMN, ROW = 2.0, 1.2


def arrows_to(chapter: Chapter) -> tuple[int, ...]:
    """Return what to read just before a chapter: its needs, but not what another need rests on."""
    below = {number for first in chapter.needs for number in _rests_on(first)}
    return tuple(first for first in chapter.needs if first not in below)


def _rests_on(number: int) -> set[int]:
    needs = CHAPTERS[number].needs
    return set(needs).union(*(_rests_on(first) for first in needs))


def course_map() -> Figure:
    """Return the map: one box per chapter, an arrow from what to read first, dashed if planned."""
    drawing = Diagram((-0.95, 9.0), (0.6, 7.75), width=10.2, font=13)
    boxes = {}
    for chapter in CHAPTERS[1:]:
        column, row = chapter.place
        boxes[chapter.number] = drawing.box(
            column * COLUMN,
            row * ROW,
            f"{chapter.number}\n{chapter.label}",
            width=1.7,
            height=0.86,
            color=tint(COLORS[chapter.objective], 0.25),
            dashed=not chapter.built,
        )
    for chapter in CHAPTERS:
        for first in arrows_to(chapter):
            start, end = boxes[first], boxes[chapter.number]
            around = end.x > start.x and end.y - start.y > 1.5 * ROW
            corner = [(start.x, end.y)] if around else []  # around what is between
            drawing.arrow(start, *corner, end, color=GREY)
    for row, (kind, color) in enumerate(COLORS.items()):
        words = f"{kind}\n{MEANINGS[kind]}"
        y = 7.3 - 0.68 * row
        drawing.box(4 * COLUMN, y, words, width=1.86, height=0.6, color=tint(color, 0.25))
    y -= 0.6
    drawing.box(4 * COLUMN, y, "planned", width=1.86, height=0.42, color="white", dashed=True)
    return drawing.figure
