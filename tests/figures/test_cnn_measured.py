"""dlnotes.figures.cnn.measured: dots, shares, names and losses are those of the numbers given."""

import math

import pytest
import torch
from matplotlib.colors import to_rgb

from dlnotes.figures import cnn
from dlnotes.plotting import GREEN, GREY


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def dots(ax):
    return [line for line in ax.lines if line.get_marker() == "o" and line.get_ls() == "None"]


def test_the_cloud_is_drawn_in_lengths_of_the_true_gradient_on_one_scale():
    right = torch.tensor([3.0, 4])  # of length 5
    points = torch.tensor([[5.0, 0], [-5, 10], [10, -2.5], [500, 0]])
    fig = cnn.gradient_cloud(right, {1: points, 16: points[:2] / 5}, reach=3)
    first, second = fig.axes
    assert list(zip(*dots(first)[0].get_data(), strict=True)) == [(1, 0), (-1, 2), (2, -0.5)]
    assert list(zip(*dots(second)[0].get_data(), strict=True)) == [(0.2, 0), (-0.2, 0.4)]
    assert first.get_title() == "batches of 1\n25 % point backwards"
    assert second.get_title() == "batches of 16\n50 % point backwards"
    assert [t for t in texts(fig) if "outside" in t] == ["1 of 4 lie outside"]
    arrows = [t for t in first.texts if getattr(t, "arrow_patch", None)]
    assert arrows[0].xy == (1, 0) and arrows[0].xyann == (0, 0)
    for ax in fig.axes:
        assert (ax.get_xlim(), ax.get_ylim()) == ((-2, 4), (-3, 3)) and ax.get_aspect() == 1
        assert list(ax.get_xticks()) == [0, 2]


def test_the_cloud_names_a_wrong_shape():
    with pytest.raises(ValueError, match=r"clouds\[4\] must have shape \(N, 2\)"):
        cnn.gradient_cloud(torch.ones(3), {4: torch.ones(5, 3)})


RESULTS = {
    ("without", 0.3): [90.0, 92], ("without", 0.03): [10.0, 20],
    ("with", 0.03): [80.0, 84], ("with", 0.3): [96.0, 98],
}  # fmt: skip


def test_rates_have_a_dot_per_seed_and_lines_through_the_means():
    fig = cnn.rates_panel(RESULTS)
    ax = fig.axes[0]
    assert {(line.get_xdata()[0], *line.get_ydata()) for line in dots(ax)} == {
        (rate, *runs) for (_, rate), runs in RESULTS.items()
    }
    lines = {line.get_color(): line for line in ax.lines if line.get_ls() == "-"}
    assert list(lines[GREY].get_ydata()) == [15, 91] and list(lines[GREEN].get_ydata()) == [82, 97]
    assert list(lines[GREY].get_xdata()) == [0.03, 0.3] and ax.get_xscale() == "log"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0.03", "0.3"]
    names = {t.get_text(): t for t in ax.texts}
    assert names["with batch norm"].xy == (0.03, 80)  # where the means differ most
    assert names["without batch norm"].xy == (0.03, 10)
    assert names["with batch norm"].get_color() == GREEN


def test_a_control_with_fixed_numbers_is_a_third_line():
    fig = cnn.rates_panel(RESULTS | {("fixed", 0.3): [94.0, 95]})
    control = [line for line in fig.axes[0].lines if line.get_ls() == "--"]
    assert [line.get_ydata()[0] for line in control] == [94.5]
    assert "γ, β held" in [t.get_text() for t in fig.axes[0].texts]
    with pytest.raises(ValueError, match="fixed at rates of the others"):
        cnn.rates_panel(RESULTS | {("fixed", 3.0): [94.0]})


def test_rates_must_be_the_same_for_both():
    with pytest.raises(ValueError, match="results must hold the same rates"):
        cnn.rates_panel({("without", 0.1): [1.0], ("with", 0.2): [1.0]})
    with pytest.raises(ValueError, match="results must hold the same rates"):
        cnn.rates_panel({})


def test_the_marked_losses_lie_on_the_curve():
    p = torch.tensor([2.0, 1, 0]).softmax(0)
    fig = cnn.log_loss(p)
    assert texts(fig) == ["p = 0.665, loss 0.41", "p = 0.245, loss 1.41", "p = 0.090, loss 2.41"]
    curve = fig.axes[0].lines[0]
    assert list(curve.get_ydata()) == pytest.approx([-math.log(x) for x in curve.get_xdata()])
    marks = [line.get_data() for line in dots(fig.axes[0])] or [
        line.get_data() for line in fig.axes[0].lines if line.get_marker() == "o"
    ]
    assert [(float(x[0]), float(y[0])) for x, y in marks] == [
        (pytest.approx(v), pytest.approx(-math.log(v))) for v in p.tolist()
    ]
    assert to_rgb(curve.get_color()) != to_rgb(GREEN)
    with pytest.raises(ValueError, match=r"probabilities must lie in \(0, 1\]"):
        cnn.log_loss(torch.tensor([0.5, 0.0]))
