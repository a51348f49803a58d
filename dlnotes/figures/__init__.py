"""Interactive figures: ``explore`` ties sliders to a drawing function.

One module per chapter holds that chapter's widgets, ``widgets.cnn.convolution()`` for example. The
first frame is an ordinary picture in the cell's output, so a widget shows something on a page
without a kernel; moving a control redraws that same picture in place. Only what ipywidgets 7 and 8
share is used.
"""

import uuid
from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import ipywidgets
from IPython.display import display
from matplotlib.figure import Figure

from dlnotes.plotting import image_bundle

WIDGET_MIME_TYPE = "application/vnd.jupyter.widget-view+json"


def explore(
    draw: Callable[..., Figure], *, alt: str | Callable[..., str], **controls: Any
) -> dict[str, ipywidgets.Widget]:
    """Show ``draw(**values)`` and redraw it whenever a control moves.

    Args:
        draw: returns a figure; its keyword arguments are the names of the controls.
        alt: alternative text of the picture, or a function of the same values that returns it.
        **controls: name -> control: a widget, or (smallest, largest, step, start) for a slider of
            numbers, or a list of choices (the first is the start), or True / False for a switch.

    Returns:
        The widgets by name, for tests and for the curious.

    Raises:
        ValueError: no control, or one that is none of the above.
    """
    if not controls:
        raise ValueError("controls must hold at least one control, got none")
    widgets = {name: _widget(name, control) for name, control in controls.items()}
    message = ipywidgets.HTML()

    def frame() -> tuple[dict, dict]:
        values = {name: widget.value for name, widget in widgets.items()}
        return image_bundle(draw(**values), alt(**values) if callable(alt) else alt)

    # The picture is the cell's own output, not the content of a widget: it is saved with the
    # notebook, and update_display replaces it in place.
    bundle, metadata = frame()
    picture = f"dlnotes-{uuid.uuid4()}"
    display(bundle, metadata=metadata, raw=True, display_id=picture)

    def redraw(_change: Any) -> None:
        try:
            bundle, metadata = frame()
        except ValueError as error:  # a combination that has no picture: say why, keep the last
            message.value = f"<b>No picture:</b> {error}"
            return
        message.value = ""
        display(bundle, metadata=metadata, raw=True, display_id=picture, update=True)

    for widget in widgets.values():
        widget.observe(redraw, names="value")
    _show_controls(ipywidgets.VBox([*widgets.values(), message]), widgets)
    return Controls(widgets)


class Controls(dict):
    """The controls by name; as the last value of a cell they print nothing more."""

    def __repr__(self) -> str:
        return "controls: " + ", ".join(self)

    def _ipython_display_(self) -> None:
        pass


def _widget(name: str, control: Any) -> ipywidgets.Widget:
    look = {
        "description": name.replace("_", " "),
        "style": {"description_width": "9em"},
        "layout": ipywidgets.Layout(width="32em"),
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
    """Load a chapter's widgets on first use: ``widgets.cnn``."""
    if not name.startswith("_") and name in {module.name for module in iter_modules(__path__)}:
        return import_module(f"dlnotes.figures.{name}")
    raise AttributeError(f"module 'dlnotes.figures' has no attribute {name!r}")
