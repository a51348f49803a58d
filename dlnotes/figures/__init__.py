"""Interactive figures: ``explore`` ties sliders to a drawing.

One module per chapter holds that chapter's figures, ``figures.cnn.convolution()`` for example. The
first frame is an ordinary picture in the cell's output, so a figure shows something on a page
without a kernel; moving a control redraws that same picture in place. Only what ipywidgets 7 and 8
share is used.

For authors: a reader may run the cell of an interactive figure alone, in a fresh kernel, and
JupyterLab takes the stored picture away as soon as he does. So such a cell imports what it uses,
and asks for what other cells make by its name::

    from dlnotes import figures

    model = figures.given("model")
    figures.vae.plane(model)

Where that is missing, ``given`` shows the stored picture again and says what to run first.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import ipywidgets
from IPython.display import display
from matplotlib.figure import Figure

from dlnotes.figures.kernel import given
from dlnotes.plotting import image_bundle

__all__ = ["Drawing", "explore", "given"]

WIDGET_MIME_TYPE = "application/vnd.jupyter.widget-view+json"
PAUSE = 0.015  # seconds in which further moves of a slider are gathered


class Drawing:
    """A figure that is made once; ``update`` changes its artists, which is quick.

    Call it like a drawing function: it updates itself and returns its figure.
    """

    figure: Figure

    def update(self, **values: Any) -> None:
        """Make the artists show these values."""
        raise NotImplementedError

    def freeze(self) -> None:
        """Keep the layout of the figure as it is now: to arrange it anew takes half of a redraw."""
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def __call__(self, **values: Any) -> Figure:
        self.update(**values)
        return self.figure


def explore(
    draw: Callable[..., Figure],
    *,
    alt: str | Callable[..., str],
    caption: str = "",
    **controls: Any,
) -> dict[str, ipywidgets.Widget]:
    """Show ``draw(**values)`` and redraw it whenever a control moves.

    Args:
        draw: returns a figure, a new one or, as a ``Drawing`` does, always the same; its keyword
            arguments are the names of the controls.
        alt: alternative text of the picture, or a function of the same values that returns it.
        caption: as for ``plotting.show``.
        **controls: name -> control: a widget, or (smallest, largest, step, start) for a slider of
            numbers, or a list of choices (the first is the start), or True / False for a switch.

    Returns:
        The widgets by name, for tests and for the curious.

    Raises:
        ValueError: no control, or one that is none of the above.
    """
    if not controls:
        raise ValueError("controls must hold at least one control, got none")

    wide = f"{max(9, 0.55 * max(map(len, controls)) + 1):g}em"  # for the longest name
    widgets = {name: _widget(name, control, wide) for name, control in controls.items()}
    message = ipywidgets.HTML()

    def frame(*, quick: bool) -> dict[str, str]:
        values = {name: widget.value for name, widget in widgets.items()}
        words = alt(**values) if callable(alt) else alt
        return image_bundle(draw(**values), words, caption, quick=quick)

    # The picture is the cell's own output, not the content of a widget: it is saved with the
    # notebook, and update_display replaces it in place.
    picture = f"dlnotes-{uuid.uuid4()}"
    display(frame(quick=False), raw=True, display_id=picture)

    def redraw() -> None:
        try:
            bundle = frame(quick=True)
        except ValueError as error:  # a combination that has no picture: say why, keep the last
            message.value = f"<b>No picture:</b> {error}"
            return
        message.value = ""
        display(bundle, raw=True, display_id=picture, update=True)

    soon = _Soon(redraw)
    for widget in widgets.values():
        widget.observe(lambda _change: soon(), names="value")
    _show_controls(ipywidgets.VBox([*widgets.values(), message]), widgets)
    return Controls(widgets)


class _Soon:
    """Calls that come while one is waiting are one call: only the newest values are drawn."""

    def __init__(self, act: Callable[[], None]):
        self.act, self.waiting = act, False

    def __call__(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel, so nobody waits: at once
            self.act()
            return
        if not self.waiting:
            self.waiting = True
            loop.call_later(PAUSE, self._run)

    def _run(self) -> None:
        self.waiting = False
        self.act()


class Controls(dict):
    """The controls by name; as the last value of a cell they print nothing more."""

    def __repr__(self) -> str:
        return "controls: " + ", ".join(self)

    def _ipython_display_(self) -> None:
        pass


def _widget(name: str, control: Any, wide: str) -> ipywidgets.Widget:
    look = {
        "description": name.replace("_", " "),
        "style": {"description_width": wide},
        "layout": ipywidgets.Layout(width=f"calc(23em + {wide})"),
    }
    if isinstance(control, ipywidgets.Widget):
        return control
    if isinstance(control, bool):
        return ipywidgets.Checkbox(value=control, **look)
    if isinstance(control, tuple) and len(control) == 4:
        low, high, step, start = control
        kind = ipywidgets.FloatSlider
        if all(isinstance(number, int) for number in control):
            kind = ipywidgets.IntSlider
        return kind(value=start, min=low, max=high, step=step, **look)
    if isinstance(control, Sequence) and not isinstance(control, str | tuple) and len(control) > 0:
        return ipywidgets.Dropdown(options=list(control), value=control[0], **look)
    raise ValueError(
        f"control {name} must be a widget, (smallest, largest, step, start), a list of choices, "
        f"True or False, got {control!r}"
    )


def _show_controls(box: ipywidgets.Widget, widgets: dict) -> None:
    """Display the controls; what a page without a kernel shows instead is one sentence."""
    names = ", ".join(name.replace("_", " ") for name in widgets)
    text = f"Run this cell to get the controls: {names}."
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({WIDGET_MIME_TYPE: view, "text/plain": text}, raw=True)


def __getattr__(name: str):
    """Load a chapter's figures on first use: ``figures.cnn``."""
    if not name.startswith("_") and name in {module.name for module in iter_modules(__path__)}:
        return import_module(f"dlnotes.figures.{name}")
    raise AttributeError(f"module 'dlnotes.figures' has no attribute {name!r}")
