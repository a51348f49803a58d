"""A figure in the notebook: picture, description in words, and a caption for everybody.

JupyterLab, nbviewer, the slides and the site ignore the alternative text of an ``image/png``, and
none of them can put a caption under one. So a figure is a piece of HTML, ``<figure>``, which all of
them show, in notebooks that are not trusted, too.
"""

import base64
import html
import io
import re
import sys

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from dlnotes.plotting.style import DPI

LEAST_ALT = 20  # characters
MOST_EDGE_ERROR = 16  # of 255: at the edge of a letter nobody sees it
MOST_STEPS, LEAST_SHADES = 2, 0.02  # of 255, where more than this share of a picture is shaded
_INLINE = re.compile(
    r"\$(?P<math>[^$]+)\$|`(?P<code>[^`]+)`|\*\*(?P<strong>.+?)\*\*|\*(?P<em>[^*]+)\*", re.DOTALL
)


def show(fig: Figure, *, alt: str, caption: str = "") -> None:
    """Display a figure with its alternative text, and its caption below.

    Args:
        fig: the figure.
        alt: what there is to see, for readers who cannot see it; at least one sentence.
        caption: what to look at, the colour key, what follows; for everybody. ``*emphasis*``,
            ``**bold**``, `` `code` `` and ``$formulas$`` are typeset. (Colab shows a formula as
            its source, so a single σ is better written as it is.)

    Raises:
        ValueError: the alternative text is shorter than 20 characters.
    """
    bundle = image_bundle(fig, alt, caption)
    if "IPython" in sys.modules:
        from IPython.display import display

        display(bundle, raw=True)


def image_bundle(
    fig: Figure, alt: str, caption: str = "", *, quick: bool = False
) -> dict[str, str]:
    """Return a figure as a Jupyter MIME bundle.

    Args:
        fig: the figure.
        alt: as for ``show``.
        caption: as for ``show``.
        quick: the picture is looked at once and not stored, so it may have more bytes.
    """
    if len(alt.strip()) < LEAST_ALT:
        raise ValueError(
            f"alt must describe the figure in at least {LEAST_ALT} characters, got {alt!r}"
        )

    data = base64.b64encode(png(fig, quick=quick)).decode()
    image = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'
    words = f"<figcaption>{caption_html(caption)}</figcaption>" if caption else ""
    figure = f'<figure style="margin: 0">{image}{words}</figure>'
    return {"text/html": figure, "text/plain": f"Figure: {alt}"}


def caption_html(caption: str) -> str:
    r"""Return a caption's small Markdown as HTML.

    >>> caption_html("the gate $f_t < 1$ is `forget`, in *blue*")
    'the gate <span class="math">\\(f_t &lt; 1\\)</span> is <code>forget</code>, in <em>blue</em>'
    """
    parts, end = [], 0
    for match in _INLINE.finditer(caption):
        parts.append(html.escape(caption[end : match.start()], quote=False))
        end, kind = match.end(), match.lastgroup
        if kind == "math":  # the site typesets only what is marked so
            formula = html.escape(match["math"], quote=False)
            parts.append(f'<span class="math">\\({formula}\\)</span>')
        elif kind == "code":
            parts.append(f"<code>{html.escape(match['code'], quote=False)}</code>")
        else:
            parts.append(f"<{kind}>{caption_html(match[kind])}</{kind}>")
    parts.append(html.escape(caption[end:], quote=False))
    return "".join(parts)


def png(fig: Figure, *, quick: bool = False) -> bytes:
    """Return a figure as a PNG, unless ``quick`` in 256 colours: a third of the bytes.

    A picture that would look different in 256 colours keeps its own.
    """
    fig.set_dpi(DPI)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    buffer = io.BytesIO()
    if quick:
        picture.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    (few if _look_alike(few, picture) else picture).save(buffer, "PNG")
    return buffer.getvalue()


def _look_alike(few: Image.Image, picture: Image.Image) -> bool:
    """Return whether nobody can tell a picture in 256 colours from the one in all colours."""
    exact = np.asarray(picture, np.int16)
    error = np.abs(np.asarray(few.convert("RGB"), np.int16) - exact).max(-1).astype(float)
    slope = np.abs(np.diff(exact, axis=1)).max(-1)
    shades = (slope > 0) & (slope <= 3)  # where few colours would make steps
    if shades.mean() > LEAST_SHADES and np.sqrt((error[:, 1:][shades] ** 2).mean()) > MOST_STEPS:
        return False
    return error.max() <= MOST_EDGE_ERROR
