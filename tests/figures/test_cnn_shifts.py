"""dlnotes.figures.cnn.shifts: borders, strides and moved digits as torch computes them."""

import pytest
import torch
from matplotlib.patches import Rectangle

from dlnotes.figures import cnn


def digits_of(fig):
    written = [t.get_text().replace("−", "-") for t in fig.axes[0].texts]
    return [int(t) for t in written if t.lstrip("-").isdigit()]


def frames(fig):
    found = [p for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    return [p for p in found if p.get_linewidth() == 3]


def test_the_wall_moves_and_its_map_does_not():
    fig = cnn.padding_breaks()
    row = [1] * 7 + [0, 1, 1, 1, 1] + [1, 0, 0, 0]
    assert digits_of(fig) == row * 2
    camera, edge, moved, same = frames(fig)
    assert moved.get_x() - camera.get_x() == pytest.approx(1)
    assert same.get_x() == edge.get_x() and camera.get_width() == 4
    assert [t.get_text() for t in fig.axes[0].texts].count("[−1, 1]") == 2


def test_the_padded_map_is_that_of_the_kernel():
    numbers = digits_of(cnn.padding_breaks((2, -3), seen=3))
    assert numbers[6 + 4 : 6 + 4 + 3] == [-3, -1, -1]
    with pytest.raises(ValueError, match="kernel must have 2 weights, got 3"):
        cnn.padding_breaks((1, 0, 1))


def test_stripes_are_read_where_the_stride_lands():
    fig = cnn.stride_breaks()
    rows = [digits_of(fig)[12 * k : 12 * k + 12] for k in range(3)]
    stripes = torch.tensor([0, 1, 0, 1, 1, 1, 0, 1])  # with a spot that is seen to move
    for shift, row in enumerate(rows):
        assert row == [*stripes.roll(shift).tolist(), *stripes.roll(shift)[::2].tolist()]
    lefts = sorted({round(f.get_x() - 4.26, 6) for f in frames(fig)})
    assert lefts == [0, 2, 4, 6] and len(frames(fig)) == 12
    words = [t.get_text() for t in cnn.stride_breaks((1, 2, 3, 4, 5, 6), stride=3).axes[0].texts]
    assert "stripes, one pixel in 3 is read" in words and words[-2:] == ["5", "2"]


def test_moved_copies_carry_the_outline_of_the_first():
    digit = torch.zeros(6, 6)
    digit[1:4, 1:3] = 1.0
    fig = cnn.moved_copies({"digit": digit, "moved": digit.roll(1, 1)})
    first, second = fig.axes
    assert torch.equal(torch.as_tensor(second.images[0].get_array()), digit.roll(1, 1))
    assert [ax.get_title() for ax in fig.axes] == ["digit", "moved"]
    assert len(first.collections) == 0 and len(second.collections) == 1
    (path,) = second.collections[0].get_paths()
    assert path.vertices[:, 0].min() == pytest.approx(0.5)  # of the digit, not of its copy
    assert path.vertices[:, 0].max() == pytest.approx(2.5)
    with pytest.raises(ValueError, match=r"moved must have shape \(6, 6\)"):
        cnn.moved_copies({"digit": digit, "moved": digit[1:]})


def test_best_patches_stand_in_rows_on_one_grey_scale():
    stacks = {"map 3": torch.rand(4, 5, 5), "map 7": 2 * torch.rand(4, 5, 5)}
    fig = cnn.best_patches(stacks)
    shown = torch.stack([torch.as_tensor(ax.images[0].get_array()) for ax in fig.axes])
    assert torch.equal(shown, torch.cat([*stacks.values()]))
    assert [ax.get_ylabel() for ax in fig.axes[::4]] == list(stacks)
    most = max(stack.max().item() for stack in stacks.values())
    assert {ax.images[0].get_clim() for ax in fig.axes} == {(0, most)}
    with pytest.raises(ValueError, match=r"b must have shape \(4, H, W\)"):
        cnn.best_patches({"a": torch.rand(4, 5, 5), "b": torch.rand(3, 5, 5)})


def test_readings_frame_the_wrong_answers():
    images = torch.rand(3, 4, 4)
    answers = {"one": [(4, 0.9), (9, 0.512), (4, 0.7)], "other": [(9, 1.0), (4, 1.0), (4, 0.25)]}
    fig = cnn.readings(images, answers, 4)
    ax = fig.axes[0]
    assert [torch.equal(torch.as_tensor(i.get_array()), x) for i, x in
            zip(ax.images, images, strict=True)] == [True] * 3  # fmt: skip
    words = [t.get_text() for t in ax.texts]
    assert words[:4] == ["moved by", "0", "1", "2"]
    assert words[4:11] == ["one", "4", "90 %", "9", "51 %", "4", "70 %"]
    assert words[11:] == ["other", "9", "100 %", "4", "100 %", "4", "25 %"]
    read = [t for t in ax.texts if t.get_weight() == "bold"]
    framed = [f for f in frames(fig) if f.get_height() < 2]
    wrong = [
        t for t in read
        if any(f.get_x() < t.get_position()[0] < f.get_x() + f.get_width()
               and f.get_y() < t.get_position()[1] < f.get_y() + f.get_height() for f in framed)
    ]  # fmt: skip
    assert [t.get_text() for t in wrong] == ["9", "9"] and len(framed) == 2
    columns = [t.get_position()[0] for t in read[:3]]
    for image, x in zip(ax.images, columns, strict=True):
        left, right, low, high = image.get_extent()
        assert left < x < right and low > high  # upright where rows go down
        assert low < ax.get_ylim()[0] and right < ax.get_xlim()[1]
    with pytest.raises(ValueError, match="answers must hold 3 readings for each network"):
        cnn.readings(images, {"one": [(4, 0.9)]}, 4)
