"""dlnotes.figures.cnn.scale: boxes as large as the maps, bars as long as the layers are heavy."""

import math

import pytest
import torch
from matplotlib.patches import PathPatch, Polygon, Rectangle
from torch import nn

from dlnotes import cnn as networks
from dlnotes.figures import cnn
from dlnotes.figures.cnn import scale


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_stages_are_maps_of_one_size_with_all_their_parameters():
    found = [(s.maps, s.size, s.parameters) for s in scale.stages(networks.LeNet5(), (1, 28, 28))]
    assert found == [
        (1, 28, 0), (6, 28, 156), (6, 14, 0), (16, 10, 2416), (16, 5, 0), (120, 1, 48120),
        (84, 1, 10164), (10, 1, 850),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["AlexNet", "VGG16", "ResNet18"])
def test_stages_hold_every_parameter_and_the_dense_ones_apart(name):
    with torch.device("meta"):
        net = getattr(networks, name)()
    found = scale.stages(net, (3, 224, 224))
    dense = sum(
        p.numel() for m in net.modules() if isinstance(m, nn.Linear) for p in m.parameters()
    )
    assert sum(s.parameters for s in found) == sum(p.numel() for p in net.parameters())
    assert sum(s.parameters for s in found if s.is_dense) == dense
    sizes = {
        "AlexNet": [224, 55, 27, 13, 6, 1, 1, 1],
        "VGG16": [224, 224, 112, 56, 28, 14, 7, 1, 1, 1],
        "ResNet18": [224, 112, 56, 28, 14, 7, 1, 1],
    }[name]
    assert [s.size for s in found] == sizes
    maps = {"AlexNet": 256, "VGG16": 512, "ResNet18": 512}[name]
    assert next(s.maps for s in reversed(found) if s.size > 1) == maps


def test_stages_leave_the_network_where_it_is():
    net = networks.LeNet5().train()
    scale.stages(net, (1, 28, 28))
    assert net.training and all(p.device.type == "cpu" for p in net.parameters())


def test_boxes_are_logarithmic_and_bars_are_shares():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 1), nn.MaxPool2d(2), nn.Conv2d(4, 8, 1), nn.Flatten(), nn.Linear(128, 4)
    )
    fig = cnn.networks_to_scale({"tiny": (net, (1, 8, 8))})
    patches = [p for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    boxes, bars = patches[:4], patches[4:]  # image, 4 maps, 8 maps of half the size, dense
    high, wide = [p.get_height() for p in boxes], [p.get_width() for p in boxes]
    assert high[0] == high[1] and wide[3] == wide[1]
    steps = [(high[1] - high[2]), (high[2] - high[3]) / 2]  # from 8 to 4, and from 4 to 1
    assert steps[0] == pytest.approx(steps[1]) and steps[0] > 0
    assert (wide[2] - wide[1]) / (wide[1] - wide[0]) == pytest.approx(1 / 2)  # 1, 4, 8 maps
    weights = [0, 8, 40, 516]
    assert [b.get_width() for b in bars] == pytest.approx([98 * w / 564 for w in weights])
    colours = [p.get_facecolor() for p in boxes]
    assert len(set(colours)) == 3 and colours[1] == colours[2]
    words = texts(fig)
    assert {"tiny", "564 parameters, 91 % in dense layers", "91 %", "7 %"} <= set(words)
    assert "1 %" not in words  # too narrow to hold it
    assert [t for t in words if "×" in t] == ["8×8", "8×8", "4×4"]
    middles = [b.get_x() + b.get_width() / 2 for b in boxes]
    assert middles == sorted(middles)


def test_bars_of_one_figure_have_one_scale():
    nets = {"large": nn.Linear(9, 10), "small": nn.Linear(4, 5)}  # 100 and 25 parameters
    wrapped = {name: (nn.Sequential(nn.Flatten(), net), (1, k, k)) for (name, net), k in
               zip(nets.items(), (3, 2), strict=True)}  # fmt: skip
    patches = [p for p in cnn.networks_to_scale(wrapped).axes[0].patches if p.get_height() == 4.2]
    assert max(p.get_width() for p in patches) == pytest.approx(98)
    assert sorted(p.get_width() for p in patches)[-2] == pytest.approx(98 / 4)


def test_every_residual_block_has_its_arc():
    with torch.device("meta"):
        resnet, vgg = networks.ResNet18(), networks.VGG16()
    pairs = [(56, 56)] * 2 + [(56, 28), (28, 28), (28, 14), (14, 14), (14, 7), (7, 7)]
    assert scale.shortcuts(resnet, (3, 224, 224)) == pairs
    assert scale.shortcuts(vgg, (3, 224, 224)) == []
    fig = cnn.networks_to_scale({"VGG-16": (vgg, (3, 224, 224)), "ResNet": (resnet, (3, 224, 224))})
    arcs = [p.get_path().vertices for p in fig.axes[0].patches if isinstance(p, PathPatch)]
    boxes = [p for p in fig.axes[0].patches if isinstance(p, Rectangle) and p.get_y() > 34]
    boxes = [p for p in boxes if p.get_height() != 4.2]  # image, 112, 56, 28, 14, 7, mean, dense
    place = {56: boxes[2], 28: boxes[3], 14: boxes[4], 7: boxes[5]}
    for arc, sizes in zip(arcs, pairs, strict=True):
        for (x, y), size in zip(arc[[0, -1]], sizes, strict=True):
            box = place[size]
            assert y == pytest.approx(box.get_y())
            assert box.get_x() < x < box.get_x() + box.get_width()
    starts = [arc[0, 0] for arc in arcs[:2]]
    assert arcs[0][-1, 0] < starts[1]  # two loops side by side
    plain = networks.plain_or_residual(8, residual=False, width=4)
    assert scale.shortcuts(plain, (1, 14, 14)) == []


def test_sizes_over_depth_stand_beside_the_prediction():
    sizes = {"1/n": [0.5, 0.26, 0.12], "2/n": [0.5, 0.51, 0.49]}
    fig = cnn.activation_sizes(sizes, {"1/n": 0.5, "2/n": 1.0})
    lines = [line.get_ydata() for line in fig.axes[0].lines]
    measured, theory = lines[::2], lines[1::2]
    assert [list(m) for m in measured] == list(sizes.values())
    assert [list(t) for t in theory] == [[0.5, 0.25, 0.125], [0.5, 0.5, 0.5]]
    assert fig.axes[0].get_yscale() == "log"
    assert set(texts(fig)) == set(sizes)
    assert math.isclose(fig.axes[0].lines[0].get_xdata()[-1], 2)


@pytest.mark.parametrize("channel", [0, 2, 3])
def test_the_cube_colours_all_images_and_places_of_one_channel(channel):
    counts = dict(images=2, places=3, channels=4)
    fig = cnn.norm_cube(**counts, channel=channel)
    tiles = [p for p in fig.axes[0].patches if isinstance(p, Polygon)]
    cube, slab = 4 * (3 + 2) + 3 * 2, (3 + 2) + 3 * 2
    assert len(tiles) == cube + slab
    green = [p.get_facecolor()[1] - p.get_facecolor()[0] > 0.1 for p in tiles]
    expected = (3 + 2) + (3 * 2 if channel == 3 else 0)  # the last one also shows its side
    assert sum(green[:cube]) == expected and all(green[cube:])
    front = [p for p, is_green in zip(tiles[:cube], green, strict=False) if is_green][:3]
    lefts = {round(p.get_xy()[:, 0].min() - 1.6, 6) for p in front}
    assert lefts == {channel}
    assert "2 × 3 numbers\nshare one mean\nand one variance" in texts(fig)
    with pytest.raises(ValueError, match="channel must lie in"):
        cnn.norm_cube(**counts, channel=4)
