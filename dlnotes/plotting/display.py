"""A figure in the notebook, with its description in words."""

import base64
import io
import sys

from matplotlib.figure import Figure

from dlnotes.plotting.style import DPI


def show(fig: Figure, *, alt: str, caption: str = "") -> None:
    """Display a figure as one PNG, with its alternative text, and its caption below.

    Args:
        fig: the figure.
        alt: what there is to see, for readers who cannot see it; at least one sentence.
        caption: what to look at, the colour key, what follows; for everybody.

    Raises:
        ValueError: the text is shorter than 20 characters.
    """
    bundle, metadata = image_bundle(fig, alt)
    if "IPython" in sys.modules:
        from IPython.display import Markdown, display

        display(bundle, metadata=metadata, raw=True)
        if caption:
            display(Markdown(f"*{caption}*"))


def image_bundle(fig: Figure, alt: str) -> tuple[dict[str, str], dict[str, dict]]:
    """Return a figure as a Jupyter MIME bundle and its metadata, which carry ``alt``."""
    if len(alt.strip()) < 20:
        raise ValueError(f"alt must describe the figure in at least 20 characters, got {alt!r}")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI)
    png = base64.b64encode(buffer.getvalue()).decode()
    return {"image/png": png, "text/plain": f"Figure: {alt}"}, {"image/png": {"alt": alt}}
