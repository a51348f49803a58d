"""dlnotes.figures.cnn.story and turned: the lit part, and the kernel that comes back turned."""

import pytest
import torch
import torch.nn.functional as F
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from dlnotes.figures import cnn
from dlnotes.figures.cnn.parts import PALE


def numbers(fig):
    written = [t.get_text().replace("−", "-") for t in fig.axes[0].texts]
    return [float(text) for text in written if text.lstrip("-").replace(".", "").isdigit()]


@pytest.mark.parametrize("part", ["A", "B", "C", "D"])
def test_the_strip_lights_the_present_part(part):
    ax = cnn.chapter_strip(part).axes[0]
    boxes = sorted(
        (p for p in ax.patches if isinstance(p, FancyBboxPatch)), key=lambda p: p.get_x()
    )
    lit = [p.get_facecolor()[:3] != to_rgb(PALE) for p in boxes]
    assert lit == [letter == part for letter in "ABCD"]
    words = [t for t in ax.texts if " · " in t.get_text()]
    assert [t.get_text() for t in words] == [
        "A · operation", "B · training", "C · networks", "D · limits"
    ]  # fmt: skip
    assert [t.get_weight() == "bold" for t in words] == lit
    for text, box in zip(words, boxes, strict=True):
        x = text.get_position()[0]
        assert box.get_x() < x < box.get_x() + box.get_width()
    arrows = [p._posA_posB for p in ax.patches if isinstance(p, FancyArrowPatch)]
    assert len(arrows) == 3 and all(start[0] < end[0] for start, end in arrows)


def test_the_strip_names_a_part_that_does_not_exist():
    with pytest.raises(ValueError, match="part must be one of"):
        cnn.chapter_strip("E")


@pytest.mark.parametrize(
    ("x", "w", "delta", "pixel"),
    [((1, 0, 2, 1, 0), (1, 2, 3), (1, -1, 2), 2), ((1, 2, 3), (-1, 1), (1, -2), 1)],
)
def test_the_turned_kernel_brings_back_the_gradient_of_the_pixels(x, w, delta, pixel):
    fig = cnn.turned_kernel(x, w, delta, pixel=pixel)
    pixels = torch.tensor(x).float().requires_grad_()
    y = F.conv1d(pixels[None], torch.tensor(w).float()[None, None])[0]
    y.backward(torch.tensor(delta).float())
    expected = [*x]
    for answer in y.tolist():
        expected += [*w, answer]
    zeros = [0] * (len(w) - 1)
    expected += [*zeros, *delta, *zeros]
    for answer in pixels.grad.tolist():
        expected += [*w[::-1], answer]
    assert numbers(fig) == pytest.approx(expected)


def test_the_frames_hold_the_same_weights_downwards_and_along():
    fig = cnn.turned_kernel((1, 0, 2, 1, 0), (1, 2, 3), (1, -1, 2), pixel=2)
    ax = fig.axes[0]
    found = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_linewidth() == 3]
    inside = []
    for p in found:
        high, wide = p.get_y() + p.get_height(), p.get_x() + p.get_width()
        held = [t for t in ax.texts if p.get_x() < t.get_position()[0] < wide]
        held = [t for t in held if p.get_y() < t.get_position()[1] < high]
        inside.append([t.get_text() for t in held])
    assert inside == [["2", "3", "2", "1"], ["3", "2", "1"], ["3"]]  # pixel first; then its δ
    grey = [p for p in ax.patches if p.get_facecolor()[:3] == to_rgb("#BDBDBD")]
    assert len([p for p in grey if isinstance(p, Rectangle)]) == 4  # the zeros around δ


def test_the_turned_kernel_needs_a_gradient_for_each_output():
    with pytest.raises(ValueError, match="delta must have 3 numbers, got 2"):
        cnn.turned_kernel((1, 0, 2, 1, 0), (1, 2, 3), (1, 2))
    with pytest.raises(ValueError, match=r"pixel must lie in \[0, 4\], got 5"):
        cnn.turned_kernel((1, 0, 2, 1, 0), (1, 2, 3), (1, 2, 3), pixel=5)
