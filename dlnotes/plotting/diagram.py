"""Boxes and arrows: the one way in which the course draws networks and cells.

    drawing = Diagram(xlim=(0, 6), ylim=(0, 2))
    first = drawing.box(1, 1, "encoder", color=tint(ENCODER))
    plus = drawing.node(4, 1, "+")
    drawing.arrow(first, plus, label="h")

Arrows end at the outlines of what they join, labels keep a distance from their arrow, and all
words have one size, which can be read from the tenth row.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from matplotlib.path import Path

from dlnotes.plotting.style import INK, PALE, WIDTH

FONT = 15  # points; a third of it can still be read
LINE = 1.8  # points
GAP = 5  # points between a label and its line
_SIDES = {  # where a label lies: direction, and how its text is aligned
    "above": ((0, 1), "center", "bottom"),
    "below": ((0, -1), "center", "top"),
    "left": ((-1, 0), "right", "center"),
    "right": ((1, 0), "left", "center"),
}

Point = tuple[float, float]


@dataclass(frozen=True)
class Shape:
    """A box or a node, as arrows see it: its centre and its size, in units of the diagram."""

    x: float
    y: float
    width: float
    height: float
    is_round: bool = False

    @property
    def left(self) -> Point:
        """Middle of the left side."""
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> Point:
        """Middle of the right side."""
        return self.x + self.width / 2, self.y

    @property
    def top(self) -> Point:
        """Middle of the upper side."""
        return self.x, self.y + self.height / 2

    @property
    def bottom(self) -> Point:
        """Middle of the lower side."""
        return self.x, self.y - self.height / 2

    def edge(self, toward: Point) -> Point:
        """Return where a line from the centre to a point outside crosses the outline."""
        dx, dy = toward[0] - self.x, toward[1] - self.y
        if self.is_round:
            share = self.width / 2 / np.hypot(dx, dy)
        else:
            sides = [(self.width / 2, abs(dx)), (self.height / 2, abs(dy))]
            share = min(half / distance for half, distance in sides if distance > 0)
        return self.x + share * dx, self.y + share * dy


class Diagram:
    """A drawing of boxes, nodes and arrows; one unit is as long across as upwards.

    Args:
        xlim: the part of the plane that is seen, from left to right.
        ylim: from bottom to top.
        width: of the figure in inches; its height follows from the limits.
        ax: draw here instead of in a figure of its own.
        font: size of all words in points, smaller only where a diagram is one of several.
    """

    def __init__(
        self,
        xlim: tuple[float, float],
        ylim: tuple[float, float],
        *,
        width: float = WIDTH,
        ax: Axes | None = None,
        font: float = FONT,
    ):
        if not (xlim[0] < xlim[1] and ylim[0] < ylim[1]):
            raise ValueError(f"xlim and ylim must grow, got {xlim} and {ylim}")

        if ax is None:
            height = width * (ylim[1] - ylim[0]) / (xlim[1] - xlim[0])
            ax = Figure(figsize=(width, height)).add_axes((0, 0, 1, 1))
        ax.set(xlim=xlim, ylim=ylim, aspect="equal")
        ax.axis("off")
        self.ax, self.font = ax, font

    @property
    def figure(self) -> Figure:
        """The figure, to be shown."""
        return self.ax.get_figure(root=True)

    # ---- shapes --------------------------------------------------------------------------------

    def box(
        self,
        x: float,
        y: float,
        text: str = "",
        *,
        width: float = 1.2,
        height: float = 0.8,
        color: Any = PALE,
        ink: Any = INK,
        dashed: bool = False,
    ) -> Shape:
        """Draw a box around (x, y) and return it.

        Args:
            x: of the centre.
            y: of the centre.
            text: in the box.
            width: of the box.
            height: of the box.
            color: of its surface.
            ink: of outline and text.
            dashed: the outline.
        """
        round_corners = f"round,pad=0,rounding_size={0.12 * min(width, height)}"
        corner = (x - width / 2, y - height / 2)
        style = dict(boxstyle=round_corners, facecolor=color, edgecolor=ink, lw=1.4, zorder=3)
        style["linestyle"] = (0, (4, 3)) if dashed else "-"
        self.ax.add_patch(FancyBboxPatch(corner, width, height, **style))
        self.text(x, y, text, color=ink)
        return Shape(x, y, width, height)

    def node(
        self,
        x: float,
        y: float,
        text: str,
        *,
        radius: float = 0.32,
        color: Any = "white",
        **box: Any,
    ) -> Shape:
        """Draw a circle with a sign, such as ×, + or σ, and return it; ``ink`` as for a box."""
        ink = box.pop("ink", INK)
        circle = Circle((x, y), radius, facecolor=color, edgecolor=ink, lw=1.4, zorder=3, **box)
        self.ax.add_patch(circle)
        self.text(x, y, text, color=ink)
        return Shape(x, y, 2 * radius, 2 * radius, is_round=True)

    def funnel(
        self,
        x: float,
        y: float,
        text: str,
        *,
        width: float,
        heights: tuple[float, float],
        color: Any = PALE,
    ) -> Shape:
        """Draw a trapezium, of one height at its left and another at its right, and return it."""
        left, right = heights
        a, b = x - width / 2, x + width / 2
        corners = [(a, y - left / 2), (b, y - right / 2), (b, y + right / 2), (a, y + left / 2)]
        style = dict(facecolor=color, edgecolor=INK, lw=1.4, zorder=3)
        self.ax.add_patch(Polygon(corners, **style))
        self.text(x, y, text)
        return Shape(x, y, width, min(heights))

    def stack(
        self,
        x: float,
        y: float,
        maps: int,
        *,
        size: tuple[float, float],
        step: tuple[float, float] = (0.08, 0.06),
        color: Any = PALE,
    ) -> Shape:
        """Draw feature maps one behind the other, as many as there are, and return them as one.

        Args:
            x: of the centre of the whole stack.
            y: of the centre of the whole stack.
            maps: how many.
            size: width and height of one map.
            step: from one map to the one behind it.
            color: of the maps.
        """
        if maps < 1:
            raise ValueError(f"maps must be at least 1, got {maps}")

        width, height = (size[k] + (maps - 1) * step[k] for k in (0, 1))
        for number in range(maps - 1, -1, -1):  # the first map lies in front
            corner = (x - width / 2 + number * step[0], y - height / 2 + number * step[1])
            style = dict(facecolor=color, edgecolor=INK, lw=0.8, zorder=3)
            self.ax.add_patch(Rectangle(corner, *size, **style))
        return Shape(x, y, width, height)

    # ---- words and lines -----------------------------------------------------------------------

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        color: Any = INK,
        side: str | None = None,
        **look: Any,
    ) -> None:
        """Write words around a point, or at a distance beside it.

        Args:
            x: of the point.
            y: of the point.
            text: nothing is written if it is empty.
            color: of the words.
            side: "above", "below", "left" or "right" of the point; None: in the middle.
            **look: passed on to ``Axes.annotate``, such as ``fontweight``.
        """
        if not text:
            return
        (dx, dy), ha, va = _SIDES[side] if side else ((0, 0), "center", "center")
        place = dict(xytext=(GAP * dx, GAP * dy), textcoords="offset points", ha=ha, va=va)
        style = dict(color=color, fontsize=self.font, zorder=5, linespacing=1.1) | look
        self.ax.annotate(text, (x, y), **(place | style))

    def arrow(
        self,
        *stops: Shape | Point,
        label: str = "",
        side: str = "above",
        color: Any = INK,
        width: float = LINE,
        head: str = "-|>",
    ) -> None:
        """Draw an arrow from the first stop over the others to the last, with a label beside it.

        Args:
            *stops: at least two: shapes, at whose outlines the arrow begins and ends, or points;
                those between are corners.
            label: beside the middle of the longest piece.
            side: of the label.
            color: of arrow and label.
            width: in points.
            head: matplotlib's arrowstyle; "-" for a line without a head.
        """
        if len(stops) < 2:
            raise ValueError(f"an arrow must have at least 2 stops, got {len(stops)}")

        points = [(stop.x, stop.y) if isinstance(stop, Shape) else stop for stop in stops]
        for end, neighbour in ((0, 1), (-1, -2)):
            if isinstance(shape := stops[end], Shape):
                points[end] = shape.edge(points[neighbour])
        look = dict(arrowstyle=head, mutation_scale=10 + 2.5 * width, color=color, lw=width)
        look |= dict(shrinkA=0, shrinkB=0, joinstyle="miter", capstyle="butt", zorder=2)
        self.ax.add_patch(FancyArrowPatch(path=Path(points), **look))
        a, b = max(pairwise(points), key=lambda ends: np.hypot(*np.subtract(*ends)))
        self.text((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, label, color=color, side=side)

    def loop(self, shape: Shape, *, label: str = "", color: Any = INK, size: float = 0.6) -> None:
        """Draw an arrow from the right side of a shape back to it, with a label."""
        start, end = ((shape.x + shape.width / 2, shape.y + dy) for dy in (0.12, -0.12))
        rise = shape.height / 2 + 0.25
        out = start[0] + size
        corners = [start, (out, start[1] + rise), (out, end[1] - rise), end]
        path = Path(corners, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
        look = dict(arrowstyle="-|>", mutation_scale=14, color=color, lw=LINE, zorder=2)
        self.ax.add_patch(FancyArrowPatch(path=path, shrinkA=0, shrinkB=0, **look))
        self.text(start[0] + 0.75 * size, shape.y, label, color=color, side="right")
