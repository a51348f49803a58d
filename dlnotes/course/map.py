"""The map of the course: which chapter rests on which."""

from matplotlib.figure import Figure

from dlnotes.course import CHAPTERS
from dlnotes.plotting import BLUE, GREY, ORANGE, Diagram, tint

COLORS = {"discriminative": BLUE, "generative": ORANGE, "both": GREY}


def course_map() -> Figure:
    """Return the map: one box per chapter, an arrow from what to read first, dashed if planned."""
    drawing = Diagram((-0.6, 6.9), (0.15, 7.45), width=9.6, font=13)
    boxes = {}
    for chapter in CHAPTERS[1:]:
        boxes[chapter.number] = drawing.box(
            *chapter.place,
            f"{chapter.number}\n{chapter.label}",
            width=0.8,
            height=0.78,
            color=tint(COLORS[chapter.objective], 0.25),
            dashed=not chapter.built,
        )
    for chapter in CHAPTERS:
        for first in chapter.needs:
            start, end = boxes[first], boxes[chapter.number]
            corner = [(start.x, end.y)] if end.y - start.y > 1.5 else []  # around what is between
            drawing.arrow(start, *corner, end, color=GREY)
    for row, (kind, color) in enumerate(COLORS.items()):
        y = 6.95 - 0.52 * row
        drawing.box(5.9, y, kind, width=1.5, height=0.42, color=tint(color, 0.25))
    drawing.box(5.9, y - 0.52, "planned", width=1.5, height=0.42, color="white", dashed=True)
    return drawing.figure
