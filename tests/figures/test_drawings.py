"""What holds for every drawing of the course: legible, nothing cut, no label on a line, no traces.

A new diagram or interactive figure needs one line here.
"""

import io
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.patches import FancyArrowPatch
from PIL import Image

from dlnotes.course.map import course_map
from dlnotes.figures import discriminative, gru, lstm, rnn, seq2seq, vae
from dlnotes.figures.lstm.gates import Gates
from dlnotes.figures.lstm.parcel import Parcel
from dlnotes.figures.lstm.survival import Survival
from dlnotes.lstm import LSTMCell, trace
from dlnotes.plotting import Diagram, png
from dlnotes.plotting.diagram import FONT
from dlnotes.seq2seq import Seq2Seq
from dlnotes.text import Vocabulary
from dlnotes.vae import VAE

DIAGRAMS = {
    "rnn": rnn.architecture,
    "lstm": lstm.architecture,
    "lstm steps": lstm.close_ups,
    "lstm chain": lstm.chain,
    "gru": gru.cell_diagram,
    "shapes": seq2seq.shapes,
    "encoder and decoder": lambda: seq2seq.encoder_decoder("phone", ["F", "OW1", "N"]),
    "vae": vae.architecture,
}


def plane():
    torch.manual_seed(0)
    model = VAE((1, 8, 8), 2, hidden_dim=8)
    return vae.Plane(model, vae.decode_plane(model, size=5, edge=3.0)[0], 3.0)


def speaker():
    torch.manual_seed(0)
    letters = Vocabulary("abcdefghijklmnopqrstuvwxyz", unknown=False)
    phones = Vocabulary(["AA", "B", "K", "IY"], unknown=False)
    model = Seq2Seq(letters, phones, hidden_size=6).eval()
    return seq2seq.Pronunciation(model, letters, phones)


def read(text, unit):
    torch.manual_seed(len(text))
    values = trace(LSTMCell(26, 5), torch.randn(1, len(text), 26))
    values["c"] *= unit  # so that the limits of the colours differ
    return dict(values=values, symbols=list(text), unit=unit)


def back(sigma, matrix, nonlinearity, steps, input_size):
    return dict(
        largest_singular_value=sigma,
        matrix=matrix,
        nonlinearity=nonlinearity,
        steps=steps,
        input_size=input_size,
    )


# a drawing, and settings of its sliders, the extreme ones among them
INTERACTIVE = {
    "boundary": (
        discriminative.Boundary,
        dict(distance=0.0, spread=0.4, correlation=-0.9, prior=0.05),
        dict(distance=6.0, spread=2.5, correlation=0.9, prior=0.95),
        dict(distance=3.0, spread=1.0, correlation=0.6, prior=0.5),
    ),
    "ninth patient": (
        discriminative.Ninth,
        dict(value=3.0),
        dict(value=40.0),
        dict(value=6.0),
    ),
    "gradient": (
        rnn.Gradient,
        back(5.0, "nilpotent", "tanh", 5, 0.0),
        back(0.1, "random", "sigmoid", 100, 3.0),
        back(1.5, "orthogonal", "tanh", 50, 0.5),
    ),
    "survival": (
        Survival,
        dict(forget_bias=-2.0, steps=10, recurrent_norm=0.5),
        dict(forget_bias=8.0, steps=400, recurrent_norm=1.2),
        dict(forget_bias=5.0, steps=110, recurrent_norm=0.9),
    ),
    "parcel": (
        Parcel,
        dict(keep=0.0, write=1.0, erase="never"),
        dict(keep=1.0, write=0.0, erase="8"),
        dict(keep=0.5, write=0.3, erase="4"),
    ),
    "reading": (Gates, read("a", 0), read("90 characters" * 6, 4), read("another text", 2)),
    "pronunciation": (
        speaker,
        dict(word="a", beam=1),
        dict(word="pronunciation", beam=8),
        dict(word="back", beam=3),
    ),
    "leaky unit": (
        gru.LeakyUnit,
        dict(z=0.2, r=0.0, weight=-2.0, z_is="share of the new", marker=False),
        dict(z=1.0, r=1.0, weight=2.0, z_is="share of the old", marker=True),
        dict(z=0.9, r=0.0, weight=1.5, z_is="share of the old", marker=False),
    ),
    "bound": (
        vae.Bound,
        dict(mu=-3.0, sigma=0.1, x=-3.0),
        dict(mu=3.0, sigma=2.0, x=3.0),
        dict(mu=-0.6, sigma=0.8, x=2.0),
    ),
    "plane": (plane, dict(z1=-3.0, z2=-3.0), dict(z1=3.0, z2=3.0), dict(z1=0.0, z2=0.1)),
}  # fmt: skip


def pixels(fig):
    return np.asarray(Image.open(io.BytesIO(png(fig, quick=True))).convert("RGB"))


def assert_nothing_cut(fig):
    image = pixels(fig)
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (edge == 255).all()


def lines_of(ax):
    """Yield points along every line and arrow of a diagram, in pixels, and half its width."""
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    for artist in (*arrows, *ax.lines):
        path = artist.get_path().transformed(artist.get_transform())
        for points in path.to_polygons(closed_only=False):
            dense = [np.linspace(a, b, 200) for a, b in pairwise(points)]
            yield np.concatenate(dense), artist.get_linewidth() * ax.figure.dpi / 72 / 2


def labels_on_lines(fig):
    found = []
    for ax in fig.axes:
        labels = [text for text in ax.texts if text.get_text()]
        assert labels
        for points, half in lines_of(ax):
            for label in labels:
                box = label.get_window_extent().padded(half - 2)  # 2: room around the letters
                inside = (points > [box.x0, box.y0]) & (points < [box.x1, box.y1])
                if inside.all(1).any():
                    found.append(label.get_text())
    return found


def test_a_label_on_a_line_is_noticed():
    drawing = Diagram((0, 4), (0, 2))
    a, b = drawing.box(0.7, 1, "a"), drawing.node(3, 1, "b")
    drawing.arrow(a, b, label="beside")
    pixels(drawing.figure)
    assert labels_on_lines(drawing.figure) == []
    drawing.text(1.9, 1.05, "across")
    pixels(drawing.figure)
    assert labels_on_lines(drawing.figure) == ["across"]


@pytest.mark.parametrize("draw", DIAGRAMS.values(), ids=list(DIAGRAMS))
def test_no_label_of_a_diagram_lies_on_a_line_and_none_is_cut(draw):
    fig = draw()
    assert_nothing_cut(fig)  # this draws it, too: the arrows know their place
    assert labels_on_lines(fig) == []


@pytest.mark.parametrize("draw", DIAGRAMS.values(), ids=list(DIAGRAMS))
def test_words_of_a_diagram_can_be_read_from_the_tenth_row(draw):
    for ax in draw().axes:
        sizes = [text.get_fontsize() for text in ax.texts if text.get_text()]
        assert min(sizes) >= 12 and np.median(sizes) <= 1.2 * FONT


@pytest.mark.parametrize("name", INTERACTIVE)
def test_an_updated_drawing_is_the_one_drawn_anew_and_nothing_is_cut(name):
    make, *settings = INTERACTIVE[name]
    drawing = make()
    for setting in (*settings, settings[0]):
        updated = pixels(drawing(**setting))
        assert drawing(**setting) is drawing.figure
        assert (updated == pixels(make()(**setting))).all(), setting
        assert_nothing_cut(drawing.figure)
    assert (pixels(drawing(**settings[0])) != pixels(drawing(**settings[1]))).any()


def test_the_course_map_is_not_cut():
    assert_nothing_cut(course_map())
