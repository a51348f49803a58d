"""The map of the course: which chapter rests on which."""

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from dlnotes.course import CHAPTERS
from dlnotes.plotting import BLACK, BLUE, GREY, ORANGE, figure

COLORS = {"discriminative": BLUE, "generative": ORANGE, "both": GREY}


def course_map() -> Figure:
    """Return the map: one box per chapter, an arrow from what to read first, dashed if planned."""
    fig, ax = figure(height=6.6)
    boxes = {}
    for chapter in CHAPTERS[1:]:
        box = dict(
            boxstyle="round,pad=0.4",
            facecolor=_light(COLORS[chapter.objective]),
            edgecolor=BLACK,
            linewidth=1.6 if chapter.built else 1.0,
            linestyle="-" if chapter.built else (0, (4, 3)),
        )
        label = f"{chapter.number}\n{chapter.label}"
        boxes[chapter.number] = ax.text(
            *chapter.place, label, ha="center", va="center", bbox=box, zorder=3
        )
    ax.set(xlim=(-0.55, 6.8), ylim=(0.1, 7.5))
    ax.set_axis_off()
    fig.canvas.draw()  # the boxes know their size only now, and the arrows end at them
    for chapter in CHAPTERS:
        for first in chapter.needs:
            ax.annotate(
                "",
                chapter.place,
                CHAPTERS[first].place,
                arrowprops=dict(
                    arrowstyle="-|>",
                    color=GREY,
                    patchA=boxes[first].get_bbox_patch(),
                    patchB=boxes[chapter.number].get_bbox_patch(),
                    shrinkA=3,
                    shrinkB=3,
                ),
            )
    for row, (kind, color) in enumerate(COLORS.items()):
        box = dict(boxstyle="round,pad=0.3", facecolor=_light(color), edgecolor=BLACK)
        ax.text(5.3, 6.9 - 0.5 * row, kind, va="center", bbox=box)
    return fig


def _light(color: str) -> tuple[float, ...]:
    """Return a colour mixed with four parts of white, on which black letters can be read."""
    return tuple(0.8 + 0.2 * part for part in to_rgb(color))
