"""dlnotes.figures.cnn.blocks: windows, weights and paths are counted right."""

from math import comb

import pytest
import torch
import torch.nn.functional as F
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from dlnotes.figures import cnn
from dlnotes.figures.cnn.networks import CONVOLVED
from dlnotes.plotting import BLUE


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


@pytest.mark.parametrize("size", [2, 3])
def test_two_small_kernels_see_what_a_large_one_sees(size):
    fig, seen = cnn.two_small_kernels(size), 2 * size - 1
    x = torch.zeros(1, 1, seen, seen, requires_grad=True)
    kernel = torch.ones(1, 1, size, size)
    F.conv2d(F.conv2d(x, kernel), kernel).sum().backward()
    numbers = [int(t) for t in texts(fig) if t.isdigit()]
    assert numbers[: seen**2] == x.grad.flatten().int().tolist()
    assert numbers[seen**2 :] == [1] * seen**2
    small, large = 2 * size**2, seen**2
    assert {f"{size**2} + {size**2} = {small} weights", f"{large} weights"} <= set(texts(fig))
    frames = [p for p in fig.axes[0].patches if p.get_linewidth() == 3]
    assert [p.get_width() for p in frames] == [seen, size, 1, seen]


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 2), (3, 1), (6, 6)])
def test_one_by_one_has_the_same_weights_at_both_pixels(inputs, outputs):
    fig = cnn.one_by_one(inputs, outputs)
    colours = [line.get_color() for line in fig.axes[0].lines]
    count = inputs * outputs
    assert len(colours) == 2 * count and colours[:count] == colours[count:]
    assert len(set(colours)) == count
    assert f"{inputs} · {outputs} weights, the same twice" in texts(fig)
    sheets = [p for p in fig.axes[0].patches if isinstance(p, Rectangle) and not p.get_fill()]
    assert len(sheets) == inputs + outputs
    rectangles = [p for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    squares = [p for p in rectangles if p.get_width() == 0.9]
    assert len(squares) == 2 * (inputs + outputs)


def test_one_by_one_makes_channels_fewer():
    with pytest.raises(ValueError, match=r"outputs must lie in \[1, 3\], got 4"):
        cnn.one_by_one(3, 4)


def mini_chains(fig, blocks):
    """Return, for each little path, which steps pass a branch."""
    steps = [line for line in fig.axes[0].lines if line.get_linewidth() == 3.2]
    straight = [to_rgb(line.get_color()) == to_rgb(BLUE) for line in steps]
    return [tuple(not s for s in straight[k : k + blocks]) for k in range(0, len(steps), blocks)]


@pytest.mark.parametrize("blocks", [1, 3, 4])
def test_the_chain_has_every_path_once_sorted_by_length(blocks):
    fig = cnn.residual_chain(blocks)
    paths = mini_chains(fig, blocks)
    assert len(paths) == len(set(paths)) == 2**blocks
    lengths = [sum(path) for path in paths]
    assert lengths == sorted(lengths)
    boxes = [p for p in fig.axes[0].patches if type(p) is Rectangle]
    assert len(boxes) == sum(lengths)
    assert {to_rgb(p.get_facecolor()) for p in boxes} == {to_rgb(CONVOLVED)}
    for length in range(blocks + 1):
        word = "branch" if length == 1 else "branches"
        assert f"{length} {word}: {comb(blocks, length)}×" in texts(fig)
    power = "¹²³⁴"[blocks - 1]
    assert f"2{power} = {2**blocks} paths, by how many branches they take" in texts(fig)
    named = [p for p in fig.axes[0].patches if isinstance(p, FancyBboxPatch)]
    sums = [p for p in fig.axes[0].patches if isinstance(p, Circle)]
    assert len(named) == len(sums) == blocks and texts(fig).count("+") == blocks


def test_the_direct_road_leads_from_the_end_to_the_start():
    patches = cnn.residual_chain().axes[0].patches
    arrows = [p for p in patches if isinstance(p, FancyArrowPatch)]
    (road,) = [p for p in arrows if p.get_facecolor()[:3] == to_rgb(BLUE)]
    (start, low), (end, high) = road._posA_posB
    assert start > end and low == high
    with pytest.raises(ValueError, match="blocks must lie in"):
        cnn.residual_chain(5)
