"""dlnotes.figures.cnn: what the pictures say is what torch computes."""

import io
import itertools
import re

import pytest
import torch
import torch.nn.functional as F
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from torch import nn

from dlnotes import figures
from dlnotes.cnn import LeNet5, conv_output_size
from dlnotes.figures import cnn
from dlnotes.figures.cnn.networks import STYLES
from dlnotes.figures.cnn.stacks import KERNEL, MAP
from dlnotes.plotting import BLUE, GREEN, ORANGE, image_bundle

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
    left, right, middle = fig.axes
    expected = in_torch(*setting)
    size = len(expected)
    window = min(window, size * size - 1)
    assert right.get_title() == f"output: O = {size}"
    assert fig.get_suptitle().endswith(f"= {size}")
    row, column = divmod(window, size)
    sentence = re.fullmatch(r"row (\d+), column (\d+): sum = (\S+)", right.get_xlabel())
    assert (int(sentence[1]), int(sentence[2])) == (row, column)
    assert number(sentence[3]) == expected[row, column]
    written = {place(text): number(text.get_text()) for text in right.texts}
    for i, value in enumerate(expected.flatten().tolist()):
        if i > window or (size > 9 and not value):
            assert divmod(i, size) not in written
        else:
            assert written[divmod(i, size)] == value
    kernel = torch.tensor(
        {1: [1.0], 2: [-1.0, 1], 3: [-1.0, 0, 1], 5: [-1.0, -1, 0, 1, 1]}[setting[1]]
    )
    weights = {place(text): number(text.get_text()) for text in middle.texts}
    assert middle.get_title() == "kernel" and len(weights) == setting[1] ** 2
    assert all(weight == kernel[column] for (_, column), weight in weights.items())
    if setting[0] + 2 * setting[3] <= 9:
        assert len(left.texts) == (setting[0] + 2 * setting[3]) ** 2


def place(text):
    """Row and column of a cell's text."""
    return round(text.get_position()[1]), round(text.get_position()[0])


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
    colours = torch.as_tensor(fig.axes[0].images[0].get_array())
    grey = (colours - 0.741).abs().amax(-1) < 2e-3
    assert torch.equal(grey, x.grad[0, 0] == 0)


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


def test_the_architecture_draws_every_map_of_our_lenet():
    shapes = []
    net = LeNet5()
    for name in ("c1", "s2", "c3", "s4", "c5"):
        getattr(net, name).register_forward_hook(lambda _, __, y: shapes.append(tuple(y.shape[1:])))
    net(torch.zeros(1, 1, 28, 28))
    axes = cnn.architecture().axes[0]
    written = {text.get_text() for text in axes.texts}
    assert {f"{c} @ {h}×{w}" for c, h, w in shapes} <= written
    assert {"84", "10", "C1", "S2", "C3", "S4", "C5", "F6", "output"} <= written
    sheets = [patch.get_width() for patch in axes.patches if isinstance(patch, Rectangle)]
    for maps, size, _ in shapes[:4]:
        assert sheets.count(size) >= maps  # as many sheets as maps
    assert sheets.count(10) == 16 and sheets.count(5) == 16


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


# ---- drawings ----------------------------------------------------------------------------------


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_the_three_wirings_have_as_many_colours_as_weights():
    fig = cnn.wirings()
    counts = [(len(ax.lines), len({line.get_color() for line in ax.lines})) for ax in fig.axes]
    assert counts == [(15, 15), (9, 9), (9, 3)]
    assert [text for text in texts(fig) if "wires" in text] == [
        "15 wires, 15 weights",
        "9 wires, 9 weights",
        "9 wires, 3 weights",
    ]


def test_the_window_shows_products_that_add_up_to_the_answer():
    image, kernel = torch.arange(20.0).view(4, 5) % 3, torch.tensor([[-1.0, 0, 1]] * 3)
    fig = cnn.window(image, kernel, row=1, column=2)
    right = (image[1:4, 2:5] * kernel).sum().item()
    assert f"sum {right:g}".replace("-", "−") in texts(fig)
    frames = [p for p in fig.axes[0].patches if p.get_linewidth() == 3]
    corner = (frames[0].get_x() - 0.4, frames[0].get_y() - 1.2)
    assert len(frames) == 3 and corner == pytest.approx((2.0, 1.0))
    assert "⊙" in texts(fig) and "×" not in texts(fig)  # weight by pixel, no matrix product


@pytest.mark.parametrize(("channels", "filters"), [(3, 2), (2, 3)])
def test_the_stack_has_a_kernel_per_channel_and_a_bias_per_filter(channels, filters):
    fig = cnn.filter_stack(channels=channels, filters=filters)
    assert texts(fig).count("+ bias") == filters
    small = [
        p for p in fig.axes[0].patches if isinstance(p, Rectangle) and p.get_width() == KERNEL / 3
    ]
    assert len(small) == 9 * channels * filters
    maps = [p for p in fig.axes[0].patches if isinstance(p, Rectangle) and p.get_width() == MAP]
    colours = [p.get_facecolor() for p in maps]
    of_one = colours[: channels + 1]  # one map for each channel, and their sum
    assert colours == of_one * filters and len(set(of_one)) == channels + 1
    middles = [(p.get_x() + MAP / 2, p.get_y() + MAP / 2) for p in maps]
    pluses = [t.get_position() for t in fig.axes[0].texts if t.get_text() == "+"]
    assert len(pluses) == (channels - 1) * filters
    for f in range(filters):
        row = middles[f * (channels + 1) : (f + 1) * (channels + 1)]
        signs = pluses[f * (channels - 1) : (f + 1) * (channels - 1)]
        for (left, y), (right, _), plus in zip(row, row[1:-1], signs, strict=False):
            assert left < plus[0] < right and plus[1] == pytest.approx(y)
    assert texts(fig).count("=") == filters and f"filter {filters}" in texts(fig)


def test_the_stack_leads_every_channel_to_every_filter_and_shows_maps_of_an_image():
    image, weight = torch.rand(2, 6, 7), torch.randn(3, 2, 3, 3)
    fig = cnn.filter_stack(channels=2, filters=3, image=image, weight=weight)
    ax = fig.axes[0]
    rails = [line for line in ax.lines if len(line.get_xdata()) == 3]
    lowest = max(t.get_position()[1] for t in ax.texts if t.get_text().startswith("filter"))
    assert len(rails) == 2 and all(rail.get_ydata()[-1] == lowest for rail in rails)
    shown = [torch.as_tensor(picture.get_array()) for picture in ax.images]
    sums = F.conv2d(image[None], weight)[0]
    assert torch.allclose(shown[0].float(), image[0]) and len(shown) == 2 + 3 * 3
    for f in range(3):
        first, second, total = shown[2 + 3 * f : 5 + 3 * f]
        alone = F.conv2d(image[None, :1], weight[f : f + 1, :1])[0, 0]
        assert torch.allclose(first.float(), alone, atol=1e-5)
        assert torch.allclose(first + second, total, atol=1e-5)
        assert torch.allclose(total.float(), sums[f], atol=1e-5)
    with pytest.raises(ValueError, match="image and weight must be given together"):
        cnn.filter_stack(image=torch.rand(3, 6, 6))


@pytest.mark.parametrize(("size", "scale"), [(3, 1), (2, 1), (3, 0.5), (5, 1)])
def test_the_stack_writes_small_whole_numbers_into_its_kernels(size, scale):
    weight = scale * (torch.arange(2.0 * 2 * size * size) % 3 - 1).view(2, 2, size, size)
    fig = cnn.filter_stack(channels=2, filters=2, image=torch.rand(2, 6, 7), weight=weight)
    said = [t.get_text().replace("−", "-") for t in fig.axes[0].texts]
    written = [float(t) for t in said if t.lstrip("-").isdigit()]
    assert written == (weight.flatten().tolist() if scale == 1 and size <= 3 else [])
    small = [p for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    colours = [p.get_facecolor() for p in small if p.get_width() == KERNEL / size]
    for (red, _, blue, _), value in zip(colours, weight.flatten().tolist(), strict=True):
        assert (blue > red) == (value > 0) and (blue < red) == (value < 0)


def test_use_counts_are_those_of_torch():
    fig = cnn.use_counts(size=6, kernel=3)
    corners = [ax.texts[0].get_text() for ax in fig.axes]
    assert corners == ["1", "4", "9", "1"]
    assert [max(int(t.get_text()) for t in ax.texts[:-1]) for ax in fig.axes] == [9, 9, 9, 4]
    assert {t.get_text() for t in fig.axes[2].texts[:-1]} == {"9"}  # fair from P = K − 1 on
    assert sum(t.get_text() == "0" for t in fig.axes[3].texts) == 11  # one row, one column


def test_the_square_ends_in_the_same_map_both_ways():
    fig = cnn.square([0, 0, 1, 1, 0], [-1, 1])
    cells = [t.get_text().replace("−", "-") for t in fig.axes[0].texts]
    numbers = [int(t) for t in cells if re.fullmatch(r"-?\d", t)]
    strip, result, moved, moved_result = (numbers[k : k + 5] for k in (0, 5, 10, 15))
    assert (strip, result) == ([0, 0, 1, 1, 0], [0, 1, 0, -1, 0])
    assert (moved, moved_result) == ([0, 0, 0, 1, 1], [0, 0, 1, 0, -1])


def test_the_pyramid_counts_units_down_to_the_pixels():
    layers = [(3, 1), (3, 1), (2, 2), (3, 1)]
    fig = cnn.pyramid(layers, ["a", "b", "c", "d"])
    said = {text for text in texts(fig) if ":" in text}
    assert said == {"pixels: 10", "a: 8 units", "b: 6 units", "c: 3 units", "d: 1 unit"}
    assert len(fig.axes[0].lines) == 3 + 2 * 3 + 3 * 6 + 3 * 8


def test_backward_shows_the_gradients_of_autograd():
    x = torch.tensor([1.0, 2, 3], requires_grad=True)
    w = torch.tensor([-1.0, 1], requires_grad=True)
    torch.stack([w @ x[:2], w @ x[1:]]).backward(torch.tensor([1.0, -2]))
    fig = cnn.backward((1, 2, 3), (-1, 1), (1, -2))
    written = [t.replace("−", "-") for t in texts(fig)]
    assert f"∂L/∂w = ({w.grad[0]:g}, {w.grad[1]:g})" in written
    assert {"w₀: 1 - 4 = -3", "w₁: 2 - 6 = -4"} <= set(written)
    wires = [t.replace("·", "") for t in written if re.fullmatch(r"·?-?\d", t)]
    forwards, to_pixels, to_weights = (wires[9 * k : 9 * k + 4] for k in range(3))
    assert forwards == ["-1", "1", "-1", "1"]
    assert to_pixels == ["-1", "1", "2", "-2"] and to_weights == ["1", "2", "-4", "-6"]
    assert wires[13:16] == [f"{value:g}" for value in x.grad.tolist()]


def test_blame_is_blue_above_zero_and_orange_below():
    fig = cnn.blame(torch.tensor([0.7, 0.2, 0.1]), torch.tensor([1.0, 0, 0]))
    bars = fig.axes[2].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([-0.3, 0.2, 0.1])
    assert [bar.get_facecolor()[:3] for bar in bars] == [to_rgb(c) for c in (ORANGE, BLUE, BLUE)]


def test_cells_are_blue_above_zero_and_orange_below():
    from dlnotes.figures.cnn.parts import shade

    assert shade(0.0, 1.0) == (1.0, 1.0, 1.0)
    above, below = shade(1.0, 1.0), shade(-1.0, 1.0)
    assert above[2] > above[0] and below[0] > below[2]
    assert shade(2.0, 1.0) == above


def test_the_walk_is_gradient_descent():
    points = cnn.walk((1.0, 1.0), rate=0.1, steps=3, curvature=3)
    w = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True)
    windows = torch.tensor([[0.0, 0], [0, 1], [1, 1], [1, 0]]).double()
    for point in points:
        torch.testing.assert_close(w.detach(), point)
        loss = 0.5 * ((windows @ w - torch.tensor([0.0, 1, 0, -1])) ** 2).sum()
        (gradient,) = torch.autograd.grad(loss, w)
        w = (w - 0.1 * gradient).detach().requires_grad_()


@pytest.mark.parametrize(("rate", "falls"), [(0.6, True), (0.7, False)])
def test_the_descent_bursts_above_two_thirds(rate, falls):
    values = dict(start="(1, 1)", rate=rate, steps=30, curvature=3)
    loss = float(cnn.draw_descent(**values).axes[1].get_title().split()[-1])
    assert (loss < 4.0) is falls


def test_valley_learning_curves_and_overfitting_name_every_line():
    hessian, lowest = torch.tensor([[2.0, 1], [1, 2]]), torch.tensor([-1.0, 1])
    fig = cnn.valley({"a": torch.ones(4, 2), "b": torch.zeros(4, 2)}, hessian, lowest)
    assert {t.get_text() for t in fig.axes[1].texts} == {"a", "b"}
    fig = cnn.learning_curves({"slow": [2.3] * 20, "fast": [0.1] * 20})
    assert {"slow", "fast"} <= set(texts(fig))
    rows = [(k, 1.0 / k, abs(k - 30) / 10 + 1) for k in range(10, 100, 10)]
    fig = cnn.overfitting({"few": rows, "many": rows})
    assert texts(fig).count("lowest, step 30") == 2


def test_the_valley_draws_0_at_the_lower_edge_and_the_star_above_the_walks():
    hessian, lowest = torch.tensor([[2.0, 1], [1, 2]]), torch.tensor([-1.0, 1])
    walk = torch.tensor([[1.0, 1], [-1, 1]])
    left, right = cnn.valley({"a": walk}, hessian, lowest).axes
    losses = right.lines[0].get_ydata()
    assert losses[0] == 4.0 and losses[1] == right.get_ylim()[0]
    assert right.get_yticklabels()[0].get_text() == "below"
    assert right.get_yticks()[0] == right.get_ylim()[0]
    above = {line.get_marker(): line.get_zorder() for line in left.lines}
    assert above["*"] > above["o"]


def test_zoom_enlarges_the_curves_that_end_inside():
    runs = {"slow": [2.31] * 20, "fast": [2.3] * 9 + [0.1] * 11, "stuck": [3.1] * 9 + [2.25] * 11}
    wide, close = cnn.learning_curves(runs, zoom=(2.2, 2.4)).axes
    assert {t.get_text() for t in close.texts} == {"slow", "stuck"}
    assert {"slow", "fast", "stuck"} <= {t.get_text() for t in wide.texts}
    assert close.get_ylim() == (2.2, 2.4)
    colours = {t.get_text(): t.get_color() for t in wide.texts}
    assert all(colours[t.get_text()] == t.get_color() for t in close.texts)
    with pytest.raises(ValueError, match="zoom must be a lower and a higher loss"):
        cnn.learning_curves(runs, zoom=(2.4, 2.2))


def test_lines_take_styles_by_name_and_check_them():
    curves = {name: ([0, 1], [1.0, k]) for k, name in enumerate("abcde")}
    axes = dict(xlabel="", ylabel="")
    dashes = dict(zip("edcbaz", ("-", "--", ":", "-.", "-", "-"), strict=True))
    given = {name: (GREEN if name < "c" else BLUE, dash) for name, dash in dashes.items()}
    ax = cnn.lines(curves, **axes, styles=given).axes[0]
    drawn = {t.get_text(): t.get_color() for t in ax.texts}
    assert drawn == {name: given[name][0] for name in curves}
    styles = [(line.get_color(), line.get_linestyle()) for line in ax.lines]
    assert styles == [given[name] for name in curves]
    plain = cnn.lines({name: curves[name] for name in "abcd"}, **axes).axes[0]
    assert [(x.get_color(), x.get_linestyle()) for x in plain.lines] == list(STYLES)
    with pytest.raises(ValueError, match="curves must be at most 4 without styles, got 5"):
        cnn.lines(curves, **axes)
    with pytest.raises(ValueError, match=r"styles must name every curve, got none for \['b'\]"):
        cnn.lines({"a": curves["a"], "b": curves["b"]}, **axes, styles={"a": ("red", "-")})
    for wrong in (("reddish", "-"), ("red", "dashing")):
        with pytest.raises(ValueError, match=r"styles\['a'\] must be a colour and one of -, --"):
            cnn.lines({"a": curves["a"]}, **axes, styles={"a": wrong})


def test_names_that_left_their_lines_are_led_to_them():
    far = cnn.lines({"a": ([0, 1], [1.0, 2]), "b": ([0, 1], [2.0, 9])}, xlabel="", ylabel="")
    assert len(far.axes[0].patches) == 0
    near = {name: ([0, 1], [1.0, 2 + 0.01 * k]) for k, name in enumerate("abc")}
    ax = cnn.lines(near, xlabel="", ylabel="", ylim=(0, 4)).axes[0]
    strokes = [p.get_path().vertices for p in ax.patches]
    assert [v[0, 1] for v in strokes] == pytest.approx([2.0, 2.01, 2.02])
    names = {t.get_text(): t.xy[1] for t in ax.texts}
    assert [v[-1, 1] for v in strokes] == pytest.approx([names[name] for name in "abc"])


def test_end_labels_do_not_cover_each_other():
    fig = cnn.learning_curves({f"line {k}": [1.0 + 0.001 * k] * 30 for k in range(4)})
    fig.draw_without_rendering()
    boxes = [t.get_window_extent() for t in fig.axes[0].texts if t.get_text().startswith("line")]
    heights = sorted((box.y0, box.y1) for box in boxes)
    assert all(a[1] <= b[0] + 1 for a, b in itertools.pairwise(heights))


@pytest.mark.parametrize(
    ("heights", "moved"),
    [
        ([0.0, 10.0, 30.0], [0.0, 10.0, 30.0]),  # far enough
        ([20.0, 22.0], [16.0, 26.0]),  # apart around their middle
        ([20.0, 22.0, 27.0], [13.0, 23.0, 33.0]),
        ([5.0, 20.0, 20.0, 50.0], [5.0, 15.0, 25.0, 50.0]),  # the others stay
        ([-5.0, 3.0], [0.0, 10.0]),  # the lower edge
        ([49.0, 50.0], [40.0, 50.0]),  # the upper edge
    ],
)
def test_names_at_lines_move_as_little_as_needed(heights, moved):
    from dlnotes.figures.cnn.parts import spread

    assert spread(heights, 10.0, 0.0, 50.0) == pytest.approx(moved)


def letters(ax):
    """The sizes of what stands at an axis, in points."""
    ticks = [label for axis in (ax.xaxis, ax.yaxis) for label in axis.get_ticklabels()]
    around = [*ticks, ax.xaxis.label, ax.yaxis.label] if ax.axison else []
    return [text.get_size() for text in [*around, ax.title, *ax.texts] if text.get_text()]


def test_charts_can_be_read_from_the_tenth_row():
    rows = [(k, 1.0 / k, 1.0) for k in range(10, 100, 10)]
    scores = {"A": [80.0, 82.0]}
    pair = {name: ([1, 2], [[80.0, 60]]) for name in ("plain", "residual")}
    drawn = [
        cnn.blame(torch.tensor([0.7, 0.3]), torch.tensor([1.0, 0])),
        cnn.valley({"a": torch.ones(4, 2)}, torch.eye(2), torch.zeros(2)),
        cnn.learning_curves({"slow": [2.3] * 20}),
        cnn.overfitting({"few": rows, "many": rows}),
        cnn.schedule([0.1, 1.0, 0.5]),
        cnn.contest(scores, scores, levels={"linear": 81.0}),
        cnn.loss_and_rate([2.0, 0.5, 0.1, 0.02], [0.1, 0.4, 0.2, 0.0], smooth=2),
        cnn.chapter_strip("B"),
        cnn.readings(torch.rand(9, 4, 4), {"dense head": [(4, 0.9)] * 9}, 4),
        cnn.turned_kernel((1, 0, 2, 1, 0), (1, 2, 3), (1, -1, 2)),
        cnn.filter_stack(),
        cnn.window(torch.ones(4, 5), torch.ones(3, 3), row=0, column=0),
        cnn.lines({"a": ([0, 1], [1.0, 2])}, xlabel="x", ylabel="y", level=("guessing", 1.5)),
        cnn.depth_panels({"8 layers": pair, "32 layers": pair}),
        cnn.draw_descent(start="(1, 1)", rate=0.1, steps=5, curvature=3),
        cnn.architecture(),
        cnn.windows_matrix(torch.ones(4, 5), torch.ones(3, 3)),
        cnn.combs(),
        cnn.circulant(torch.eye(4)),
        cnn.pooling(torch.ones(4, 4)),
        cnn.relu_gate(),
        cnn.activation_sizes({"a": [1.0, 0.5]}, {"a": 0.5}),
        cnn.norm_cube(),
        cnn.networks_to_scale({"LeNet-5": (LeNet5(), (1, 28, 28))}),
        cnn.learning_curves({"slow": [2.3] * 20, "fast": [0.1] * 20}, zoom=(2.2, 2.4)),
        cnn.gradient_cloud(torch.ones(4), {1: torch.randn(9, 2)}),
        cnn.rates_panel({(kind, 0.1): [90.0] for kind in ("without", "with")}),
        cnn.log_loss(torch.tensor([0.5])),
        cnn.padding_breaks(),
        cnn.stride_breaks(),
        cnn.moved_copies({f"copy {k}": torch.rand(8, 8) for k in range(6)}),
        cnn.best_patches({"map 10": torch.rand(8, 5, 5)}),
        cnn.one_by_one(),
        cnn.residual_chain(),
        cnn.two_small_kernels(),
    ]
    for fig in drawn:
        least = 24 / 1280 * 72 * fig.get_figwidth()  # 24 pixels where the figure is 1280 wide
        fig.draw_without_rendering()
        assert min(size for ax in fig.axes for size in letters(ax)) >= least


def test_blocks_say_what_their_layers_are():
    branches = [
        nn.Sequential(nn.Conv2d(8, 2, 1)),
        nn.Sequential(nn.Conv2d(8, 3, 1), nn.ReLU(), nn.Conv2d(3, 4, 3)),
        nn.Sequential(nn.Conv2d(8, 1, 1), nn.Conv2d(1, 5, 5)),
        nn.Sequential(nn.MaxPool2d(3), nn.Conv2d(8, 6, 1)),
    ]
    written = texts(cnn.inception(branches))
    assert {"input, 8 maps", "side by side, 17 maps", "conv 5×5\n5 maps"} <= set(written)
    written = texts(cnn.residual(32))
    assert written.count("conv 3×3, 32 maps") == 4 and written.count("+") == 1


def test_the_contest_draws_a_dot_for_every_seed_and_both_baselines():
    scores = {"A": [80.0, 82.0], "B": [84.0, 86.0]}
    fig = cnn.contest(scores, scores, levels={"linear": 81.0, "neighbours": 82.5})
    dots = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [2, 2, 2, 2]
    assert {"linear 81.0", "neighbours 82.5"} <= set(texts(fig))
    said = {t for t in texts(fig) if "batch" in t}
    assert said == {"grey: without batch normalisation", "green: with batch normalisation"}


@pytest.mark.parametrize("levels", [{"linear": 85.4, "near": 82.8}, {"linear": 66, "near": 70.0}])
def test_the_names_of_the_baselines_stay_inside_the_contest(levels):
    scores = {"A": [65.0, 82.0], "B": [84.0, 86.0]}
    fig = cnn.contest({"B": [70.0]}, scores, levels=levels)  # A stands alone
    ax = fig.axes[0]
    fig.draw_without_rendering()
    frame = ax.get_window_extent()
    names = [t for t in ax.texts if t.get_text().split(" ")[0] in levels]
    for text in names:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1
        assert frame.y0 <= box.y0 and box.y1 <= frame.y1
        for line in (line for line in ax.lines if line.get_ls() == ":"):
            (x, low), (_, high) = ax.transData.transform(line.get_xydata())
            assert not (box.x0 < x < box.x1 and low < box.y1 and high > box.y0)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["B", "A"]
    assert len([line for line in ax.lines if line.get_marker() == "o"]) == 3


def test_loss_and_rate_share_their_steps():
    losses, rates = [2.0, 0.5, 0.1, 0.02, 0.01], [0.1, 0.2, 0.4, 0.3, 0.0]
    fig = cnn.loss_and_rate(losses, rates, smooth=2)
    above, below = fig.axes
    assert above.lines[0].get_ydata().tolist() == losses
    assert list(above.lines[1].get_xdata()) == [1, 2, 3, 4]
    means = [1.25, 0.3, 0.06, 0.015]
    assert list(above.lines[1].get_ydata()) == pytest.approx(means)
    assert below.lines[0].get_ydata().tolist() == rates
    assert above.get_yscale() == "log" and below.get_yscale() == "linear"
    assert above.get_xlim() == below.get_xlim() == (0, 4)
    peaks = [ax.lines[-1].get_xdata()[0] for ax in fig.axes]
    assert peaks == [2, 2]  # where the rate is largest
    assert above.get_ylim()[0] < 0.015
    with pytest.raises(ValueError, match="losses and rates must have one length, got 5 and 4"):
        cnn.loss_and_rate(losses, rates[:4])


@pytest.mark.parametrize("name", ["convolution", "shift", "descent"])
def test_every_widget_has_a_visible_caption(shown, digit, name):
    getattr(cnn, name)(*[digit] * (name == "shift"))
    words = re.search("<figcaption>(.*)</figcaption>", shown[0][0]["text/html"])[1]
    assert len(words.split()) > 30 and not set(":;") & set(words)
    key = {"convolution": "kernel", "shift": "White", "descent": "star"}[name]
    assert key in words


def test_lines_draw_mean_and_range_and_depth_panels_every_run():
    fig = cnn.lines({"a": ([0, 1, 2], [[1.0, 2, 3], [3, 4, 5]])}, xlabel="x", ylabel="y")
    assert fig.axes[0].lines[0].get_ydata().tolist() == [2.0, 3.0, 4.0]
    pair = {name: ([1, 2], [[80.0, 60], [70, 50]]) for name in ("plain", "residual")}
    fig = cnn.depth_panels({"8 layers": pair, "32 layers": pair})
    assert [len(ax.lines) for ax in fig.axes] == [6, 6]


def test_the_pictures_of_images_show_what_they_are_given(digit):
    kernel = torch.tensor([[-1.0, 0, 1]] * 3)
    fig = cnn.pipeline(digit, {"right": kernel, "left": -kernel})
    maps = [torch.as_tensor(ax.images[0].get_array()) for ax in fig.axes]
    assert torch.equal(maps[1], -maps[5]) and (maps[2] >= 0).all() and maps[3].shape == (14, 14)
    order = torch.randperm(784)
    fig = cnn.shuffled(digit[None].repeat(3, 1, 1), order)
    shown = torch.as_tensor(fig.axes[3].images[0].get_array())
    assert torch.equal(shown.flatten(), digit.flatten()[order])
    fig = cnn.samples(
        digit.repeat(10, 1, 1), digit.repeat(10, 1, 1), [f"kind {k}" for k in range(10)]
    )
    assert [ax.get_xlabel() for ax in fig.axes[10:12]] == ["kind 0", "kind 1"]
    rates = [0.1, 0.6, 1.0, 0.5, 0.0]
    assert cnn.schedule(rates).axes[0].lines[0].get_ydata().tolist() == rates


@pytest.mark.parametrize("name", ["convolution", "shift", "descent"])
def test_a_moved_control_changes_the_figure_and_makes_no_new_one(name, digit):
    draw, first, second = {
        "convolution": (
            cnn.draw_convolution,
            dict(size=7, kernel=3, stride=2, padding=1, dilation=1, window=3),
            dict(size=10, kernel=2, stride=1, padding=0, dilation=1, window=9),
        ),
        "shift": (
            lambda **values: cnn.draw_shift(digit, **values),
            dict(shift=3, stride=1, border="zeros"),
            dict(shift=5, stride=2, border="circular"),
        ),
        "descent": (
            cnn.draw_descent,
            dict(start="(1, 1)", rate=0.1, steps=5, curvature=3),
            dict(start="(0, 0)", rate=1.0, steps=2, curvature=9),
        ),
    }[name]
    fig = draw(**first)
    assert draw(**second, fig=fig) is fig
    new = draw(**second)
    pictures = [io.BytesIO(), io.BytesIO()]
    for picture, drawn in zip(pictures, (fig, new), strict=True):
        drawn.savefig(picture, format="png")
    assert pictures[0].getvalue() == pictures[1].getvalue()
