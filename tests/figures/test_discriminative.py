"""dlnotes.figures.discriminative: what the picture shows is what the densities say."""

import math

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from sklearn.linear_model import LogisticRegression
from torch.distributions import MultivariateNormal

from dlnotes import figures, plotting
from dlnotes.discriminative import GaussianDiscriminant
from dlnotes.figures import discriminative
from dlnotes.figures.discriminative import interactive
from dlnotes.figures.discriminative.schemes import ANSWER, WORLD

START = {"distance": 3.0, "spread": 1.0, "correlation": 0.6, "prior": 0.5}
SETTINGS = [
    START,
    START | {"correlation": -0.8, "prior": 0.2},
    START | {"spread": 2.0},
    START | {"spread": 0.5, "distance": 1.0, "prior": 0.8},
]


def log_odds(x, *, distance, spread, correlation, prior):
    """log p(y = 1 | x) − log p(y = 0 | x), by torch.distributions."""
    one = torch.tensor([[1, correlation], [correlation, 1]], dtype=torch.float64)
    mean = torch.tensor([distance / 2, 0], dtype=torch.float64)
    zero = MultivariateNormal(-mean, one).log_prob(x)
    return (
        MultivariateNormal(mean, spread**2 * one).log_prob(x) - zero + math.log(prior / (1 - prior))
    )


def path(ax, style):
    """Return the points of the boundary drawn with a line style."""
    found = [c for c in ax.collections if c.get_linewidth()[0] == 2.2]
    dashed = [c for c in found if c.get_linestyle()[0][1] is not None]
    solid = [c for c in found if c.get_linestyle()[0][1] is None]
    (lines,) = dashed if style == "dashed" else solid
    vertices = [p.vertices for p in lines.get_paths() if len(p.vertices)]
    return torch.cat([torch.as_tensor(v) for v in vertices])


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_drawn_boundary_is_where_the_posterior_is_one_half(setting):
    fig = discriminative.draw_boundary(**setting)
    for ax in fig.axes[:2]:
        points = path(ax, "solid")
        assert log_odds(points, **setting).abs().max() < 0.05  # linear interpolation on the grid


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_boundary_is_called_straight_exactly_when_it_is(setting):
    fig = discriminative.draw_boundary(**setting)
    points = path(fig.axes[0], "solid")
    spread_across = torch.linalg.svdvals(points - points.mean(0))[1] / len(points) ** 0.5
    straight = fig.get_suptitle().startswith("straight")
    assert straight == bool(spread_across < 1e-6)
    assert straight == (setting["spread"] == 1.0)
    words = interactive._describe(**setting)
    assert ("exact boundary is a straight line" in words) == straight


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_dashed_line_is_scikit_learns_for_the_samples_that_are_drawn(setting):
    fig = discriminative.draw_boundary(**setting)
    classes = [c.get_offsets() for c in fig.axes[0].collections if len(c.get_offsets()) > 1]
    assert sum(map(len, classes)) == 300
    labels = np.repeat([0, 1], [len(c) for c in classes])
    theirs = LogisticRegression(C=2.0, tol=1e-10).fit(np.concatenate(classes), labels)
    points = path(fig.axes[1], "dashed")
    assert np.abs(theirs.decision_function(points.numpy())).max() < 1e-3


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_posterior_is_drawn_the_right_way_round(setting):
    fig = discriminative.draw_boundary(**setting)
    picture = fig.axes[1].images[0]
    values = torch.as_tensor(picture.get_array())  # rows are x₂
    assert values.shape == (121, 121) and picture.origin == "lower"
    assert picture.get_extent() == pytest.approx([-6.05, 6.05] * 2)  # pixels around their points
    assert picture.get_cmap() is plotting.DIVERGING and picture.get_clim() == (0, 1)
    side = torch.linspace(-6, 6, 121, dtype=torch.float64)
    for row, column in ((60, 20), (60, 100), (100, 60), (10, 70), (115, 90)):
        point = torch.stack([side[column], side[row]])
        expected = torch.sigmoid(log_odds(point, **setting))
        torch.testing.assert_close(values[row, column], expected, rtol=0, atol=1e-9)


def test_class_1_is_blue_as_is_a_posterior_above_one_half():
    fig = discriminative.draw_boundary(**START)
    drawn = [c for c in fig.axes[0].collections if len(c.get_offsets()) > 1]
    colors = [to_rgb(c.get_facecolor()[0][:3]) for c in drawn]
    assert colors == [to_rgb(plotting.NEGATIVE), to_rgb(plotting.POSITIVE)]
    assert drawn[1].get_offsets()[:, 0].mean() > 0 > drawn[0].get_offsets()[:, 0].mean()
    contours = [c for c in fig.axes[0].collections if c.get_linewidth()[0] == 1.3]
    assert [to_rgb(c.get_edgecolor()[0][:3]) for c in contours] == colors


def test_moving_the_sliders_leaves_nothing_of_the_last_picture():
    drawing = discriminative.Boundary()
    for setting in SETTINGS:
        fig, new = drawing(**setting), discriminative.draw_boundary(**setting)
        for ax, expected in zip(fig.axes, new.axes, strict=True):
            assert len(ax.collections) == len(expected.collections)
        for style in ("solid", "dashed"):
            torch.testing.assert_close(path(fig.axes[1], style), path(new.axes[1], style))
        assert fig.get_suptitle() == new.get_suptitle()


def test_errors_in_the_title_are_those_of_the_theory():
    fig = discriminative.draw_boundary(**START | {"correlation": 0.0})
    bayes, regression = (
        float(word.split("%")[0]) / 100 for word in fig.get_suptitle().split(" ") if "%" in word
    )
    assert abs(bayes - 0.5 * math.erfc(1.5 / math.sqrt(2))) < 0.004
    assert bayes - 0.002 <= regression < bayes + 0.01


def test_without_a_boundary_in_sight_none_is_drawn():
    fig = discriminative.draw_boundary(distance=0.0, spread=1.0, correlation=0.0, prior=0.05)
    with pytest.raises(ValueError):
        path(fig.axes[0], "solid")


@pytest.mark.parametrize(
    "wrong", [{"distance": -1.0}, {"spread": 0.0}, {"correlation": 1.0}, {"prior": 0.0}]
)
def test_impossible_classes_are_named(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must lie in"):
        discriminative.two_classes(**START | wrong)


def test_the_widget_opens_with_a_picture_and_four_sliders(capsys):
    controls = figures.discriminative.boundary()
    assert list(controls) == ["distance", "spread", "correlation", "prior"]
    for slider in controls.values():  # both ends can be drawn
        assert slider.min <= slider.value <= slider.max
    low = {name: slider.min for name, slider in controls.items()}
    high = {name: slider.max for name, slider in controls.items()}
    for values in (low, high):
        assert discriminative.draw_boundary(**values).get_suptitle()
        assert len(interactive._describe(**values)) > 100


# ---- the ninth patient -------------------------------------------------------------------------


def test_the_ninth_patient_moves_the_worlds_boundary_and_not_the_answers():
    drawing = discriminative.Ninth()
    titles = [drawing(value=value).axes[0].get_title() for value in (6.0, 20.0)]
    world, answer = zip(
        *([float(w.rstrip(",")) for w in t.split() if w[0].isdigit()] for t in titles), strict=True
    )
    assert world[1] - world[0] > 0.3 and abs(answer[1] - answer[0]) < 0.1
    x = torch.tensor([0.0, 1, 2, 3, 2, 3, 4, 5, 20], dtype=torch.float64)[:, None]
    y = torch.tensor([0] * 4 + [1] * 5)
    model = GaussianDiscriminant(1, 2, shared=True).fit(x, y)
    expected = model.predict_proba(drawing.grid[:, None])[:, 1]
    np.testing.assert_allclose(drawing.world.get_ydata(), expected)


def test_the_widget_of_the_ninth_patient_has_one_slider():
    controls = figures.discriminative.ninth()
    assert list(controls) == ["value"]
    with pytest.raises(ValueError, match="value must lie in"):
        discriminative.draw_ninth(value=50.0)


# ---- pictures of one call ----------------------------------------------------------------------

EIGHT = torch.tensor([0.0, 1, 2, 3, 2, 3, 4, 5])
LABELS = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
TABLE = torch.tensor([[4.0, 2.0], [1.0, 3.0]])
EYE = torch.eye(2, dtype=torch.float64)
MEANS = torch.tensor([[1.0, 0], [3, 0]], dtype=torch.float64)


def runs(*shape):
    return 20 + 10 * torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def drawings():
    bins = torch.linspace(0.1, 1, 5), torch.linspace(0.2, 0.9, 5)
    three = {"a": bins, "b": bins, "c": bins}
    panel = {"naive": runs(3, 2), "covariance": runs(3, 2), "regression": runs(3, 2)}
    return {
        "roads": discriminative.two_roads,
        "gradient": lambda: discriminative.one_gradient(x=0.5, y=0, w=0.8),
        "areas": lambda: discriminative.areas(TABLE, ["well", "ill"], ["no", "yes"]),
        "bumps": lambda: discriminative.bumps((0.5, 0.1)),
        "boundaries": lambda: discriminative.boundaries(
            {"equal": (EYE, EYE), "unequal": (EYE, 3 * EYE)}, MEANS
        ),
        "valley": lambda: discriminative.valley(
            lambda w: (w - 1) ** 2 + 3, [0, 0.8, 1, 1], marks={"answer": 1.0, "world": 1.1}
        ),
        "ninth": lambda: discriminative.ninth_patient(
            {"world": ((1.6, -4), (0.2, -0.6)), "answer": ((1.5, -4), (1.5, -4))}, EIGHT, LABELS
        ),
        "witnesses": lambda: discriminative.witnesses([0.4, 0.6, 0.77], 0.6),
        "pixels": lambda: discriminative.two_pixels(torch.randn(50, 2)),
        "symptoms": lambda: discriminative.symptoms(
            ["a", "b"], torch.rand(2), {"naive": torch.rand(2), "regression": torch.rand(2)}, [3, 5]
        ),
        "stretch": discriminative.stretch,
        "sheet": lambda: discriminative.sheet((10, 20), (0.19, 0.095)),
        "sums": lambda: discriminative.two_sums(torch.randn(4, 2), [*"abcd"], ["x", "y"]),
        "far": discriminative.far_value,
        "covariances": lambda: discriminative.covariances([EYE, EYE * 2]),
        "bells": lambda: discriminative.ninth_bells([(EIGHT, LABELS), (2 * EIGHT, LABELS)]),
        "race": lambda: discriminative.race(
            [10, 100],
            {"plain": (runs(3, 2) - 5, runs(3, 2)), "tuned": (runs(3, 2) + 1, runs(3, 2))},
        ),
        "families": lambda: discriminative.families([10, 100], {"a": panel, "b": panel}),
        "missing": lambda: discriminative.missing(
            [0, 0.5], {"full covariance": runs(3, 2), "network": runs(3, 2)}
        ),
        "surprise": lambda: discriminative.surprise(
            {"a": (torch.rand(9), torch.rand(9)), "b": (torch.rand(9), torch.rand(9))}, ["x", "y"]
        ),
        "reliability": lambda: discriminative.reliability({"before": three, "after": three}),
        "calibration": lambda: discriminative.calibration([1, 10], {"a": [3, 4], "b": [5, 6]}),
    }


@pytest.mark.parametrize("name", drawings())
def test_every_picture_is_drawn(name):
    fig = drawings()[name]()
    assert (
        "<img" in plotting.image_bundle(fig, "a picture of this chapter", "a caption")["text/html"]
    )


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_areas_are_the_shares_of_the_table():
    fig = drawings()["areas"]()
    joint, given = ([p.get_width() * p.get_height() for p in ax.patches] for ax in fig.axes)
    np.testing.assert_allclose(joint, [0.1, 0.4, 0.3, 0.2], rtol=1e-6)  # ill, well; no, yes
    np.testing.assert_allclose(given, [0.2, 0.8, 0.6, 0.4], rtol=1e-6)
    assert "ill 0.60" in texts(fig)


def test_boundaries_of_the_bumps_are_those_of_the_log_odds():
    words = texts(drawings()["bumps"]())
    assert "boundary 2.00" in words and "boundary 3.10" in words


def test_the_factors_along_the_way_back_multiply_to_the_slope():
    words = texts(drawings()["gradient"]())
    factors = [float(word[2:].replace("−", "-")) for word in words if word.startswith("×")]
    slope = next(float(word.split("= ")[1]) for word in words if word.startswith("∂L"))
    p = 1 / (1 + math.exp(-0.4))
    assert math.prod(factors) == pytest.approx(slope, abs=2e-3)
    assert slope == pytest.approx(0.5 * p, abs=1e-3)


def test_a_straight_boundary_lies_between_the_means_and_the_naive_ellipse_is_not_tilted():
    fig = drawings()["boundaries"]()
    line = fig.axes[0].collections[-1].get_paths()[0].vertices
    np.testing.assert_allclose(line[:, 0], 2.0, atol=1e-6)
    points = torch.randn(500, 2, dtype=torch.float64) @ torch.tensor([[1, 0.8], [0, 0.6]]).double()
    full, naive = discriminative.two_pixels(points).axes[0].lines
    corner = [line.get_ydata()[0] - points[:, 1].mean().item() for line in (full, naive)]
    assert abs(corner[0]) > 1 > 1e-6 > abs(corner[1])


def test_the_roads_have_their_colours():
    colors = [to_rgb(line.get_color()) for line in drawings()["families"]().axes[0].lines]
    assert colors == [to_rgb(WORLD)] * 2 + [to_rgb(ANSWER)]


def test_the_race_shows_both_errors_and_their_difference_around_a_line_at_zero():
    regression = torch.tensor([[10.0, 5], [12, 7]])
    gaps = torch.tensor([[-3.0, 1], [-5, 3]]), torch.tensor([[1.0, 2], [3, 4]])
    pairs = {
        "plain": (regression + gaps[0], regression),
        "tuned": (regression + gaps[1], regression),
    }
    top, bottom = discriminative.race([10, 100], pairs).axes
    plain, tuned, zero = bottom.lines
    np.testing.assert_allclose(plain.get_ydata(), [-4, 2])
    np.testing.assert_allclose(tuned.get_ydata(), [2, 3])
    assert set(zero.get_ydata()) == {0}
    np.testing.assert_allclose(top.lines[0].get_ydata(), [7, 8])
    np.testing.assert_allclose(top.lines[3].get_ydata(), [11, 6])


def test_far_away_the_posterior_is_certain_and_the_density_is_tiny():
    top, bottom = discriminative.far_value(40.0).axes
    assert top.lines[0].get_ydata()[-1] == pytest.approx(1)
    assert bottom.lines[0].get_ydata()[-1] == pytest.approx(-686.1, abs=0.05)


def test_the_missing_pixels_are_counted_as_seen_ones():
    fig = discriminative.missing([0.0, 0.75, 0.95], {"full covariance": runs(3, 3)})
    np.testing.assert_allclose(fig.axes[0].lines[0].get_xdata(), [100, 25, 5])
    left, right = fig.axes[0].get_xlim()
    assert left > right


def test_the_bells_are_those_of_maximum_likelihood():
    (axis,) = discriminative.ninth_bells([(EIGHT, LABELS), (EIGHT, LABELS)]).axes[:1]
    well = axis.lines[0]
    top = well.get_ydata().argmax()
    assert well.get_xdata()[top] == pytest.approx(1.5, abs=0.1)
    assert well.get_ydata()[top] == pytest.approx(0.5 / math.sqrt(2 * math.pi * 1.25), rel=0.01)
    assert "8 patients\nvariance 1.25" in texts(axis.figure)


def test_the_change_of_scale_between_the_bells_is_marked():
    fig = discriminative.ninth_bells([(EIGHT, LABELS), (4 * EIGHT, LABELS)])
    top, below = fig.axes
    (strip,) = top.patches
    assert strip.get_height() == pytest.approx(below.get_ylim()[1])
    assert any("4 × enlarged" in text for text in texts(fig))


def test_matrices_of_the_covariances_are_written_in_brackets_of_equal_width():
    tilted = torch.tensor([[1, 0.5], [0.5, 1]])
    fig = discriminative.covariances([tilted, 4 * EYE])
    for ax, det in zip(fig.axes, ("0.75", "16"), strict=True):
        first, second = ax.get_title().splitlines()
        assert len(first) == len(second) and first[-1] + second[-1] == "⎤⎦"
        assert ax.texts[0].get_text() == f"det Σ = {det}"
    assert "0.5" in fig.axes[0].get_title()


def test_the_frames_are_told_apart_by_their_sums_and_both_panels_have_a_legend():
    assert texts(drawings()["sums"]()).count("sum = 1") == 2
    assert all(ax.get_legend() for ax in drawings()["reliability"]().axes)
