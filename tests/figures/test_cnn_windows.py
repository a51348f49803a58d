"""dlnotes.figures.cnn.windows: photograph, windows as rows, combs, shared weights."""

import pytest
import torch
import torch.nn.functional as F
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from dlnotes.cnn import conv_output_size
from dlnotes.figures import cnn
from dlnotes.plotting import image_bundle

KERNEL = torch.tensor([[-1.0, 0, 1]] * 3)


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def numbers(fig):
    written = [text.replace("−", "-") for text in texts(fig)]
    return [float(text) for text in written if text.lstrip("-").replace(".", "").isdigit()]


def test_the_photograph_shows_its_channels_and_their_added_edges():
    image = torch.rand(3, 12, 10)
    fig = cnn.photograph(image, KERNEL)
    shown = [torch.as_tensor(ax.images[0].get_array()) for ax in fig.axes]
    assert torch.equal(shown[0], image.movedim(0, 2))
    assert all(torch.equal(a, b) for a, b in zip(shown[1:4], image, strict=True))
    edges = sum(F.conv2d(c[None, None], KERNEL[None, None])[0, 0] for c in image)
    torch.testing.assert_close(shown[4], edges)
    titles = [ax.get_title() for ax in fig.axes]
    assert titles == ["photograph, 3 × 12 × 10", "red channel", "green channel", "blue channel",
                      "edge map"]  # fmt: skip
    low, high = fig.axes[4].images[0].get_clim()
    assert low == -high < 0
    image_bundle(fig, "a photograph and its channels")
    with pytest.raises(ValueError, match="image must have shape"):
        cnn.photograph(image[:2], KERNEL)


def test_the_matrix_of_windows_times_the_kernel_is_the_map():
    image, size = torch.arange(20.0).view(4, 5) % 7 - 3, 3
    fig = cnn.windows_matrix(image, KERNEL)
    written = numbers(fig)
    rows = F.unfold(image[None, None], size)[0].T
    answers = F.conv2d(image[None, None], KERNEL[None, None]).flatten()
    expected = [image.flatten(), rows.flatten(), KERNEL.flatten(), answers, answers]
    assert written == torch.cat(expected).tolist()
    frames = [p for p in fig.axes[0].patches if p.get_linewidth() == 3]
    assert len(frames) == 3 * 4
    corners = [(p.get_x(), p.get_y()) for p in frames[::4]]
    steps = [(round(x - corners[0][0]), round(y - corners[0][1])) for x, y in corners]
    assert steps == [(0, 0), (2, 0), (2, 1)]  # the first window, the last of its row, the last
    heights = [p.get_y() for p in frames[1::4]]
    assert [round(y - heights[0]) for y in heights] == [0, 2, 5]
    assert [p.get_width() for p in frames[:4]] == [3, 9, 1, 1]


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)])
def test_combs_have_a_tooth_where_a_window_reads(stride, dilation):
    fig = cnn.combs(9, 3, [(stride, dilation)])
    ones, strip = torch.ones(1, 1, 3), torch.zeros(1, 1, 9, requires_grad=True)
    F.conv1d(strip, ones, stride=stride, dilation=dilation).sum().backward()
    assert numbers(fig) == strip.grad.flatten().tolist()
    cells = [p for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    grey = [p.get_facecolor()[:3] == to_rgb("#BDBDBD") for p in cells]
    assert grey == (strip.grad.flatten() == 0).tolist()
    bars = [line for line in fig.axes[0].lines if line.get_linewidth() == 3.5]
    assert len(bars) == conv_output_size(9, 3, stride=stride, dilation=dilation)
    teeth = [line.get_xdata()[0] for line in fig.axes[0].lines if line.get_linewidth() == 5]
    middles = [p.get_x() + 0.5 for p in cells]
    read = [sum(abs(x - middle) < 0.01 for x in teeth) for middle in middles]
    assert read == strip.grad.flatten().tolist()


def test_a_shared_weight_is_a_diagonal_of_one_colour():
    matrix = torch.stack([torch.tensor([2.0, -1, 0, 0, 0]).roll(k) for k in range(5)])
    fig = cnn.circulant(matrix)
    assert [t for t in texts(fig) if "weights" in t] == ["25 weights", "10 weights", "2 weights"]
    colours = [p.get_facecolor() for p in fig.axes[0].patches]
    dense, local, shared = (colours[k : k + 25] for k in (0, 25, 50))
    assert len(set(dense)) == 25 and len(set(local)) == 10 + 1
    assert numbers(fig) == matrix.flatten().tolist()
    by_number = {}
    for value, colour in zip(matrix.flatten().tolist(), shared, strict=True):
        by_number.setdefault(value, set()).add(colour)
    assert [len(colours) for colours in by_number.values()] == [1, 1, 1]
    assert len(set.union(*by_number.values())) == 3
    with pytest.raises(ValueError, match="matrix must have shape"):
        cnn.circulant(matrix[:3])
