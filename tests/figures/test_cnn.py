"""dlnotes.figures.cnn: what the pictures say is what torch computes."""

import itertools
import re

import pytest
import torch
import torch.nn.functional as F

from dlnotes import figures
from dlnotes.cnn import LeNet5, conv_output_size
from dlnotes.figures import cnn
from dlnotes.plotting import image_bundle

SETTINGS = list(itertools.product((3, 4, 7, 8), (1, 2, 3, 5), (1, 2, 4), (0, 1, 2), (1, 2)))
FITTING = [s for s in SETTINGS if s[0] + 2 * s[3] > s[4] * (s[1] - 1)]
NAMES = ("size", "kernel", "stride", "padding", "dilation")


def in_torch(size, kernel, stride, padding, dilation):
    """The same convolution, by the library: a bright bar, right minus left."""
    image = torch.zeros(1, 1, size, size)
    image[..., size // 3 : 2 * size // 3 + 1] = 1
    row = {1: [1.0], 2: [-1.0, 1.0], 3: [-1.0, 0.0, 1.0], 5: [-1.0, -1.0, 0.0, 1.0, 1.0]}[kernel]
    weight = torch.tensor([row] * kernel)[None, None]
    return F.conv2d(image, weight, stride=stride, padding=padding, dilation=dilation)[0, 0]


def number(text):
    return float(text.replace("−", "-"))


@pytest.mark.parametrize("setting", FITTING[::13])
@pytest.mark.parametrize("window", [3, 99])
def test_the_window_widget_shows_what_torch_computes(setting, window):
    fig = cnn.draw_convolution(**dict(zip(NAMES, setting, strict=True)), window=window)
    left, right = fig.axes
    expected = in_torch(*setting)
    size = len(expected)
    window = min(window, size * size - 1)
    assert right.get_title() == f"output: O = {size}"
    assert fig.get_suptitle().endswith(f"= {size}")
    row, column = divmod(window, size)
    sentence = re.fullmatch(r"row (\d+), column (\d+): sum = (\S+)", right.get_xlabel())
    assert (int(sentence[1]), int(sentence[2])) == (row, column)
    assert number(sentence[3]) == expected[row, column]
    written = [text.get_text() for text in right.texts]
    assert [number(t) for t in written[: window + 1]] == expected.flatten()[: window + 1].tolist()
    assert set(written[window + 1 :]) <= {""}
    assert len(left.texts) == (setting[0] + 2 * setting[3]) ** 2


@pytest.mark.parametrize("setting", FITTING[::13])
def test_grey_cells_are_those_without_gradient(setting):
    size, kernel, stride, padding, dilation = setting
    fig = cnn.draw_convolution(**dict(zip(NAMES, setting, strict=True)), window=0)
    wide = size + 2 * padding
    x = torch.zeros(1, 1, wide, wide, requires_grad=True)
    F.conv2d(x, torch.ones(1, 1, kernel, kernel), stride=stride, dilation=dilation).sum().backward()
    unread = int((x.grad[0, 0].sum(0) == 0).sum())
    label = fig.axes[0].get_xlabel()
    assert (re.findall(r"\d+", label) or ["0"])[0] == str(unread)
    grey = [
        p
        for p in fig.axes[0].patches
        if p.get_facecolor()[:3] == pytest.approx((0.741,) * 3, abs=2e-3)
    ]
    assert len(grey) == int((x.grad == 0).sum())


def test_the_window_covers_the_pixels_that_the_lit_cell_reads():
    fig = cnn.draw_convolution(size=7, kernel=3, stride=2, padding=1, dilation=2, window=4)
    taps = [p for p in fig.axes[0].patches if p.get_linewidth() == 2.4]
    places = {(p.get_y() + 0.5, p.get_x() + 0.5) for p in taps}
    x = torch.zeros(1, 1, 9, 9, requires_grad=True)
    y = F.conv2d(x, torch.ones(1, 1, 3, 3), stride=2, dilation=2)[0, 0]
    row, column = divmod(4, len(y))
    y[row, column].backward()
    assert places == {tuple(map(float, place)) for place in x.grad[0, 0].nonzero().tolist()}


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s not in FITTING][::7])
def test_a_kernel_that_does_not_fit_is_said_in_words(setting):
    fig = cnn.draw_convolution(**dict(zip(NAMES, setting, strict=True)), window=0)
    size, kernel, _, padding, dilation = setting
    (text,) = [t.get_text() for t in fig.axes[1].texts]
    assert f"spans {dilation * (kernel - 1) + 1} cells" in text
    assert f"input has {size + 2 * padding}" in text
    with pytest.raises(ValueError):
        conv_output_size(size, kernel, padding=padding, dilation=dilation)


@pytest.mark.parametrize("wrong", [dict(size=0), dict(stride=0), dict(padding=-1), dict(window=-1)])
def test_wrong_values_are_named(wrong):
    good = dict(size=7, kernel=3, stride=1, padding=0, dilation=1, window=0)
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must"):
        cnn.draw_convolution(**good | wrong)


@pytest.fixture
def digit():
    image = torch.zeros(28, 28)
    image[6:22, 10:13] = torch.rand(16, 3)
    image[6:9, 10:20] = torch.rand(3, 10)
    return image


@pytest.mark.parametrize(
    ("shift", "stride", "border", "equivariant"),
    [
        (0, 1, "zeros", True),
        (3, 1, "circular", True),
        (27, 1, "circular", True),
        (4, 2, "circular", True),
        (3, 2, "circular", False),
        (3, 1, "zeros", True),  # the digit has not reached the border
        (14, 1, "zeros", False),
    ],
)
def test_the_shift_widget_says_when_equivariance_holds(digit, shift, stride, border, equivariant):
    fig = cnn.draw_shift(digit, shift=shift, stride=stride, border=border)
    assert (fig.axes[2].get_xlabel() == "0 everywhere") is equivariant
    assert fig.axes[0].get_title() == f"image, moved by {shift}"
    shown = fig.axes[0].images[0].get_array()
    assert torch.equal(
        torch.tensor(shown), torch.cat([digit[:, 28 - shift :], digit[:, : 28 - shift]], 1)
    )


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("border", ["circular", "zeros"])
def test_the_bars_are_global_averages_before_and_after(digit, stride, border):
    fig = cnn.draw_shift(digit, shift=5, stride=stride, border=border)
    heights = torch.tensor([bar.get_height() for bar in fig.axes[3].patches]).view(2, 3)
    weight = torch.tensor(
        [[[-1.0, 0, 1]] * 3, [[-1.0] * 3, [0.0] * 3, [1.0] * 3], [[1 / 3] * 3] * 3]
    )
    for row, image in zip(heights, (digit, digit.roll(5, 1)), strict=True):
        layer = torch.nn.Conv2d(1, 3, 3, stride=stride, padding=1, padding_mode=border, bias=False)
        layer.weight.data = weight[:, None]
        expected = layer(image[None, None])[0].relu().mean((1, 2)).detach()
        torch.testing.assert_close(row.float(), expected)


def test_the_shift_widget_refuses_other_borders_and_shapes(digit):
    with pytest.raises(ValueError, match="border must be one of"):
        cnn.draw_shift(digit, shift=1, stride=1, border="reflect")
    with pytest.raises(ValueError, match="image must have shape"):
        cnn.shift(digit[None])


def test_the_architecture_shows_the_sizes_of_our_lenet():
    sizes = []
    net = LeNet5()
    for name in ("c1", "s2", "c3", "s4"):
        getattr(net, name).register_forward_hook(lambda _, __, y: sizes.append(tuple(y.shape[1:])))
    net(torch.zeros(1, 1, 28, 28))
    written = {text.get_text() for text in cnn.architecture().axes[0].texts}
    assert {f"{c} @ {h}×{w}" for c, h, w in sizes} <= written
    assert {"120", "84", "10"} == {
        str(m.out_features) for m in net.modules() if hasattr(m, "out_features")
    } | {"120"}
    assert {"120", "84", "10"} <= written


@pytest.fixture
def shown(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, **options: shown.append((data, options)))
    return shown


def test_the_widgets_draw_a_first_frame_and_follow_their_controls(shown, digit):
    controls = cnn.convolution()
    assert shown[0][0]["text/html"]
    assert "output of 4 by 4 cells, filled up to cell 7" in shown[0][0]["text/plain"]
    controls["stride"].value = 1
    assert "output of 7 by 7 cells" in shown[-1][0]["text/plain"]
    controls["size"].value, controls["kernel"].value, controls["dilation"].value = 3, 5, 3
    assert "no window fits" in shown[-1][0]["text/plain"]
    controls["padding"].value, controls["kernel"].value, controls["dilation"].value = 0, 3, 1
    assert "output of 1 by 1 cells" in shown[-1][0]["text/plain"]  # just fits

    shown.clear()
    controls = cnn.shift(digit)
    assert "moved by 3 pixels" in shown[0][0]["text/plain"]
    first = shown[0][0]["text/html"]
    controls["border"].value = "zeros"
    controls["shift"].value = 12
    assert "moved by 12 pixels" in shown[-1][0]["text/plain"]
    assert shown[-1][0]["text/html"] != first


def test_row_scales_every_picture_for_itself_or_all_alike():
    pictures = {"a": torch.tensor([[1.0, -2.0]]), "b": torch.tensor([[8.0], [0.0]])}
    for limit, expected in ((None, [2.0, 8.0]), (3.0, [3.0, 3.0])):
        fig = cnn.row(pictures, limit=limit)
        assert [ax.images[0].get_clim() for ax in fig.axes] == [(-m, m) for m in expected]
        assert [ax.get_title() for ax in fig.axes] == ["a", "b"]
    with pytest.raises(ValueError, match="a must have shape"):
        cnn.row({"a": torch.zeros(3)})


def test_filters_draws_kernels_signed_and_maps_from_zero():
    kernels, maps = torch.randn(6, 5, 5), (torch.rand(6, 28, 28), torch.rand(16, 10, 10))
    fig = cnn.filters(kernels, *maps)
    assert len(fig.axes) == 24
    assert [len(ax.images) for ax in fig.axes] == [1] * 6 + [0] * 2 + [1] * 6 + [0] * 2 + [1] * 8
    most = kernels.abs().max().item()
    assert fig.axes[0].images[0].get_clim() == (-most, most)
    assert fig.axes[8].images[0].get_clim() == (0, maps[0].max().item())
    image_bundle(fig, "kernels and the maps which they make")


def test_side_by_side_lists_the_competitors_from_top_to_bottom():
    columns = {"accuracy": {"A": [80.0, 82.0], "B": [90.0, 88.0]}, "cost": {"A": 1.0, "B": 5.0}}
    fig = cnn.side_by_side(columns, cut=75)
    for ax in fig.axes:
        low, high = ax.get_ylim()
        assert low > high  # the first is on top
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["A", "B"]
    assert fig.axes[0].get_xlim()[0] == 75 and fig.axes[1].get_xlim()[0] == 0
    assert [t.get_text() for t in fig.axes[0].texts] == ["81.0", "89.0"]
    assert cnn.side_by_side(columns, cut=81).axes[0].get_xlim()[0] == 0  # nothing is cut off
