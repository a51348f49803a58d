"""What an interactive figure takes from the notebook, and what it does where that is missing."""

import json
import os
from pathlib import Path
from typing import Any

from IPython import get_ipython
from IPython.display import display


class NotYetRun(NameError):
    """The cells above, which make what a figure shows, have not been run in this kernel."""

    def _render_traceback_(self) -> list[str]:
        """Return what the notebook shows: the sentence alone, no traceback."""
        return [str(self)]


def given(*names: str) -> Any:
    """Return what the notebook's cells have made, by name: one value, or a tuple of several.

    If a name is missing, the picture that was stored with this cell is shown again, for the front
    end has taken it away to run the cell.

    Raises:
        NotYetRun: a name is missing; the message says what to run first.
    """
    shell = get_ipython()
    namespace = shell.user_ns if shell is not None else {}
    missing = [name for name in names if name not in namespace]
    if missing:
        if shell is not None and (picture := stored_picture(shell)):
            display(picture, raw=True)
        raise NotYetRun(
            f"{' and '.join(missing)} must be made by the cells above: "
            "choose Run → Run All Above Selected Cell, then run this cell."
        )

    values = tuple(namespace[name] for name in names)
    return values if len(names) > 1 else values[0]


def stored_picture(shell: Any) -> dict | None:
    """Return the picture in the stored output of the cell that is running, None if there is none.

    Jupyter's server tells the kernel which file its notebook is (JPY_SESSION_NAME).
    """
    path = Path(os.environ.get("JPY_SESSION_NAME", ""))
    if path.suffix != ".ipynb" or not path.is_file():
        return None
    source = shell.get_parent().get("content", {}).get("code")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):  # not a notebook that can be read: no picture
        return None
    for cell in cells:
        if cell.get("cell_type") == "code" and "".join(cell["source"]) == source:
            for output in cell["outputs"]:
                data = {kind: "".join(text) for kind, text in output.get("data", {}).items()}
                if "<img" in data.get("text/html", ""):
                    return data
    return None
