"""dlnotes.figures.rnn: what the pictures say is what torch computes."""

import time

import pytest
import torch
from matplotlib.colors import same_color
from matplotlib.patches import FancyArrowPatch
from torch import nn

from dlnotes import figures, rnn
from dlnotes.figures import rnn as pictures
from dlnotes.plotting import INPUT, MEMORY, NEGATIVE, OUTPUT, image_bundle

SETTING = dict(
    largest_singular_value=1.5, matrix="orthogonal", nonlinearity="tanh", steps=20, input_size=0.5
)


@pytest.mark.parametrize("kind", pictures.MATRICES)
@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_a_recurrent_matrix_has_the_singular_value_and_kind_it_says(kind, sigma):
    V = pictures.recurrent_matrix(kind, sigma=sigma)
    values, radius = torch.linalg.svdvals(V), torch.linalg.eigvals(V).abs().max().item()
    assert values[0].item() == pytest.approx(sigma)
    if kind == "orthogonal":
        assert values[-1].item() == pytest.approx(sigma) and radius == pytest.approx(sigma)
    elif kind == "random":
        assert 0.1 * sigma < radius < 0.95 * sigma
    else:
        assert not V.matrix_power(8).any() and V.matrix_power(7).any()


@pytest.mark.parametrize("nonlinearity", list(pictures.STEEPEST))
@pytest.mark.parametrize("kind", pictures.MATRICES)
def test_norms_are_those_of_autograds_jacobians(kind, nonlinearity):
    V = pictures.recurrent_matrix(kind, sigma=1.3)
    norms = pictures.jacobian_norms(V, nonlinearity=nonlinearity, steps=7, size_of_input=0.8)
    x = 0.8 * torch.randn(7, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cell = rnn.RNNCell(8, 8, nonlinearity=nonlinearity).double()
    rnn.copy_into(cell, U=torch.eye(8), V=V, b=torch.zeros(8))
    factors, product = rnn.step_jacobians(cell, x), torch.eye(8).double()
    expected = [1.0]
    for factor in factors.flip(0):
        product = product @ factor
        expected.append(torch.linalg.matrix_norm(product, 2).item())
    torch.testing.assert_close(
        norms, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("nonlinearity", list(pictures.STEEPEST))
def test_the_steepest_slope_is_the_one_of_torchs_function(nonlinearity):
    a = torch.linspace(-5, 5, 1001, dtype=torch.float64, requires_grad=True)
    f = {"identity": nn.Identity(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid()}[nonlinearity]
    f(a).sum().backward()
    assert a.grad.max().item() == pytest.approx(pictures.STEEPEST[nonlinearity], abs=1e-6)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.5])
@pytest.mark.parametrize("nonlinearity", list(pictures.STEEPEST))
@pytest.mark.parametrize("matrix", pictures.MATRICES)
def test_the_gradient_widget_never_shows_a_gradient_above_its_bound(matrix, nonlinearity, sigma):
    values = dict(largest_singular_value=sigma, matrix=matrix, nonlinearity=nonlinearity)
    fig = pictures.draw_gradient(**SETTING | values)
    lines = fig.axes[0].lines[:-1]  # the last one is the line at 1
    bound, gradient, *radius = [line for line in lines if line.get_visible()]
    assert [line.get_label() for line in (bound, gradient)] == ["bound (γs)ᵏ", "gradient"]
    k, y = torch.tensor(gradient.get_xdata()), torch.tensor(gradient.get_ydata())
    gamma = {"sigmoid": 0.25}.get(nonlinearity, 1.0)
    torch.testing.assert_close(torch.tensor(bound.get_ydata()[:3]), (gamma * sigma) ** k[:3])
    assert (y <= (gamma * sigma) ** k * (1 + 1e-9)).all()
    assert y[0] == 1 and k.tolist() == list(range(8 if matrix == "nilpotent" else 21))
    assert len(radius) == (matrix != "nilpotent")
    legend = fig.axes[0].get_legend()
    named = [text.get_text() for text in legend.get_texts() if text.get_visible()]
    assert named == [line.get_label() for line in (bound, gradient, *radius)]
    said = [text.get_text() for text in fig.axes[0].texts if text.get_text()]
    assert said == (["exactly 0 from k = 8 on"] if matrix == "nilpotent" else [])
    title = fig.axes[0].get_title()
    assert f"γs = {gamma * sigma:.3g}" in title
    expected = "has to vanish" if gamma * sigma < 1 else "cannot explode"
    assert ("may explode" if gamma * sigma > 1 else expected) in title


def test_a_linear_orthogonal_network_lies_on_its_bound_and_on_its_spectral_radius():
    fig = pictures.draw_gradient(**SETTING | dict(nonlinearity="identity"))
    bound, gradient, radius, _ = (torch.tensor(line.get_ydata()) for line in fig.axes[0].lines[:4])
    torch.testing.assert_close(gradient, bound)
    torch.testing.assert_close(gradient, radius)


def test_saturation_damps():
    V = pictures.recurrent_matrix("orthogonal", sigma=1.5)
    options = dict(nonlinearity="tanh", steps=30)
    quiet, loud = (
        pictures.jacobian_norms(V, size_of_input=size, **options)[-1] for size in (0.0, 3.0)
    )
    assert quiet.item() == pytest.approx(1.5**30) and loud < 1e-3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(matrix="sparse"), "kind must be one of"),
        (dict(nonlinearity="relu"), "nonlinearity must be one of"),
        (dict(steps=0), "steps must be at least 1"),
        (dict(largest_singular_value=-1.0), "sigma must lie in"),
    ],
)
def test_wrong_values_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        pictures.draw_gradient(**SETTING | wrong)


def test_the_widget_draws_a_first_frame_and_follows_its_controls(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, **options: shown.append((data, options)))
    controls = pictures.gradient()
    assert shown[0][0]["text/html"]

    def alt():
        return shown[-1][0]["text/plain"]

    assert "going back 50 steps" in shown[0][0]["text/plain"]
    controls["nonlinearity"].value = "identity"
    controls["steps"].value = 100
    controls["largest_singular_value"].value = 2.0
    assert f"{2.0**100:.1e} is left" in alt()
    controls["matrix"].value = "nilpotent"
    assert "0.0e+00 is left of 1" in alt()


@pytest.mark.parametrize("steps", [1, 4])
def test_the_architecture_names_every_step_and_weight(steps):
    texts = [text.get_text() for text in pictures.architecture(steps).axes[0].texts]
    for t in range(1, steps + 1):
        assert {f"$x_{t}$", f"$h_{t}$", f"$o_{t}$"} <= set(texts)
    for weight in "UVW":  # once in the folded network, once for each step
        assert texts.count(weight) == steps + 1
    image_bundle(pictures.architecture(steps), "a recurrent network, folded and unrolled")


def test_the_latch_draws_inputs_and_states_over_the_same_time():
    inputs, h = torch.tensor([0.0, 2.0, 0.0]), torch.tensor([0.0, 0.9, 0.5])
    fig = pictures.latch(inputs, {"a": h, "b": -h})
    lines = {line.get_label(): line for line in fig.axes[1].lines}
    assert list(lines["a"].get_xdata()) == [1, 2, 3]
    torch.testing.assert_close(torch.as_tensor(lines["b"].get_ydata()), -h)
    with pytest.raises(ValueError, match=r"a must have shape \(3,\)"):
        pictures.latch(inputs, {"a": h[:2]})


def test_the_loss_of_one_unit_is_that_of_our_cell():
    cell = rnn.RNNCell(1, 1, nonlinearity="sigmoid").double()
    h = torch.full((1, 1), 0.5, dtype=torch.float64)
    for _ in range(50):
        h = cell(torch.zeros(1, 1).double(), h)
    ours = pictures.one_unit_loss(cell.V[0, 0], cell.b[0])
    torch.testing.assert_close(ours, (h[0, 0] - 0.7) ** 2, rtol=0, atol=1e-12)


def test_the_cliff_draws_the_landscape_and_every_walk():
    walk = torch.tensor([[4.0, -2.0], [5.0, 1.0]]).double()
    near = ((3.5, 5.5), (-2.5, 1.5))
    fig = pictures.cliff({"a": walk, "b": walk + 1}, V=(2, 8), b=(-4, 4), zoom=near)
    ax, zoomed, losses = fig.axes[:3]
    assert ax.get_xlim() == (2, 8) and ax.get_ylim() == (-4, 4)
    assert (zoomed.get_xlim(), zoomed.get_ylim()) == near
    assert [text.get_text() for text in zoomed.texts] == ["1"]
    expected = pictures.one_unit_loss(*walk.T)
    torch.testing.assert_close(torch.as_tensor(losses.lines[0].get_ydata()), expected)
    heights = torch.as_tensor(ax.collections[0].get_array()).reshape(201, 241)
    corner = pictures.one_unit_loss(torch.tensor(8.0).double(), torch.tensor(-4.0).double())
    torch.testing.assert_close(heights[0, -1].double(), corner, rtol=0, atol=1e-6)
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    torch.testing.assert_close(torch.as_tensor(drawn["b"]), walk + 1)


def test_letter_by_letter_draws_one_panel_per_word():
    fig = pictures.letter_by_letter(
        ["ab", "cde"], [torch.tensor([0.2, 0.9]), torch.full((3,), 0.7)]
    )
    first = fig.axes[0].patches
    tops = [max(p.get_y(), p.get_y() + p.get_height()) for p in first]
    bottoms = [min(p.get_y(), p.get_y() + p.get_height()) for p in first]
    assert (bottoms[0], tops[1]) == pytest.approx((0.2, 0.9))
    assert [t.get_text() for t in fig.axes[1].get_xticklabels()] == list("cde")
    with pytest.raises(ValueError, match=r"ab must have shape \(2,\)"):
        pictures.letter_by_letter(["ab"], [torch.zeros(3)])


def test_right_against_draws_the_mean_and_a_dot_for_every_run():
    rows = torch.tensor([[90.0, 50.0, 30.0], [100.0, 70.0, 20.0]])
    fig = pictures.right_against([5, 10, 20], {"a": rows, "b": rows / 2}, xlabel="T", guessing=25)
    (ax,) = fig.axes
    mean = next(line for line in ax.lines if line.get_label() == "a")
    assert list(mean.get_ydata()) == [95, 60, 25] and list(mean.get_xdata()) == [5, 10, 20]
    dots = [list(line.get_ydata()) for line in ax.lines if line.get_marker() == "o"]
    assert dots == [*rows.tolist(), *(rows / 2).tolist()]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["5", "10", "20"]
    assert [text.get_text() for text in ax.texts] == ["guessing"]
    fig.canvas.draw()  # the word lies under its line, above the frame, and covers no dot
    word, to_pixels = ax.texts[0].get_window_extent(), ax.transData.transform
    assert to_pixels((20, 13))[1] < word.y0 < word.y1 < to_pixels((20, 24))[1]
    with pytest.raises(ValueError, match=r"runs must have shape \(N, 3\)"):
        pictures.right_against([5, 10, 20], {"a": rows[:, :2]}, xlabel="T", guessing=25)


def test_a_redraw_is_quick():
    taken = []
    for sigma in (0.8, 1.0, 1.5, 2.0, 3.0):
        start = time.process_time()
        setting = SETTING | dict(steps=100, matrix="random", largest_singular_value=sigma)
        image_bundle(pictures.draw_gradient(**setting), "a picture that is only measured")
        taken.append(time.process_time() - start)
    assert min(taken) < 1  # on a quiet core 0.2 s: tests/benchmarks/bench_figures.py


# ---- drawings ----------------------------------------------------------------------------------


def words(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def arrows(fig, color):
    patches = [p for ax in fig.axes for p in ax.patches if isinstance(p, FancyArrowPatch)]
    return [p for p in patches if same_color(p.get_edgecolor(), color)]


def test_carried_draws_inputs_and_states():
    fig = pictures.carried([[1, 0], [0, 1]], [[1, 0.5], [0, 1]])
    above, below = fig.axes[0], fig.axes[2]
    assert list(above.lines[0].get_ydata()) == [1, 0]
    assert [bar.get_height() for bar in below.patches] == [1, 0.5]
    assert words(fig) == ["1", "0.5", "0", "1"]


@pytest.mark.parametrize(("V", "rest"), [(0.5, "rests at 0"), (2.0, "rests at 0.9575")])
def test_stairs_lead_to_the_fixed_point(V, rest):
    fig = pictures.stairs([V], start=0.3, steps=60)
    (ax,) = fig.axes
    assert words(fig) == [rest]
    end = torch.tensor(ax.lines[-1].get_xdata()[0])
    torch.testing.assert_close(torch.tanh(V * end), end, rtol=0, atol=1e-4)
    x, y = (torch.as_tensor(values) for values in ax.lines[1].get_data())
    torch.testing.assert_close(y, torch.tanh(V * x))


def test_letters_go_in_and_come_out_one_later():
    shown = words(pictures.letters_in_and_out("al"))
    assert [text for text in shown if text in ".al"] == [".", "a", "a", "l", "l", "."]


def test_blame_goes_back_with_its_numbers():
    fig = pictures.blame_back([0, 1, 0.5], [-0.25, -0.5], [0, -0.5])
    shown = " ".join(words(fig))
    assert "−0.25 · 0\n= 0" in shown and "−0.5 · 1\n= −0.5" in shown
    assert len(arrows(fig, NEGATIVE)) == 1 and len(arrows(fig, MEMORY)) == 2
    with pytest.raises(ValueError, match="blames must have 2 numbers, got 1"):
        pictures.blame_back([0, 1, 0.5], [-0.25], [0, -0.5])


def test_two_ways_go_forward_and_come_back():
    fig = pictures.two_ways()
    assert len(arrows(fig, NEGATIVE)) == 4 and len(arrows(fig, MEMORY)) == 3
    assert len(arrows(fig, OUTPUT)) == 1 and len(arrows(fig, INPUT)) == 1
    assert {"U", "V", "W", "f", "$a_t$", "$x_t$"} <= set(words(fig))


@pytest.mark.parametrize(("steps", "k", "back"), [(6, 3, 4), (6, 2, 3), (5, 5, 4)])
def test_scissors_cut_the_way_back_and_not_the_state(steps, k, back):
    fig = pictures.scissors(steps, k)
    cuts = (steps - 1) // k
    assert len(arrows(fig, MEMORY)) == steps - 1
    assert len(arrows(fig, NEGATIVE)) == back + cuts  # the cut ones are stumps without a head
    assert words(fig).count("✂") == cuts
    assert words(fig).count("gradient cut") == (steps - 1) // k
    with pytest.raises(ValueError, match="k must"):
        pictures.scissors(3, 4)


def test_the_arrow_of_an_ellipse_is_its_longest_half_axis():
    matrix = [[0.9, 1.5], [0.0, 0.9]]
    (ax,) = pictures.ellipse({"skew": matrix}).axes
    points = torch.stack([torch.as_tensor(values) for values in ax.lines[1].get_data()])
    longest = torch.linalg.svdvals(torch.tensor(matrix))[0].item()
    assert points.norm(dim=0).max().item() == pytest.approx(longest, abs=1e-3)
    assert torch.tensor(ax.texts[0].xy).norm().item() == pytest.approx(longest, abs=1e-4)


def test_norms_are_drawn_until_they_are_zero():
    (ax,) = pictures.four_matrices({"a": [1.0, 2.0, 0.0], "b": [1.0, 0.5, 0.25, 0.125]}).axes
    assert [list(line.get_ydata()) for line in ax.lines[:2]] == [[1, 2], [1, 0.5, 0.25, 0.125]]
    assert [text.get_text() for text in ax.texts] == ["a", "b"] and ax.get_yscale() == "log"


# ---- results -----------------------------------------------------------------------------------


def test_splits_name_the_parts():
    fig = pictures.splits(
        [1, 2, 3], torch.tensor([1.0, 5.0, 2.0]), {"a": (1, 2), "b": (3, 3)}, ylabel="y"
    )
    assert words(fig) == ["a", "b"]
    with pytest.raises(ValueError, match="values"):
        pictures.splits([1, 2], torch.zeros(3), {}, ylabel="y")


def test_forecasts_stand_beside_their_errors():
    lines = {"truth": torch.tensor([1.0, 2.0]), "guess": torch.tensor([2.0, 2.0])}
    fig = pictures.forecasts([1, 2], lines, {"guess": 1.0}, xlabel="error")
    assert [list(line.get_ydata()) for line in fig.axes[0].lines] == [[1, 2], [2, 2]]
    assert "1.0" in words(fig)


def test_bits_by_epoch_draw_means_and_levels():
    runs = [torch.tensor([4.0, 3.0]), torch.tensor([3.0, 2.0])]
    (ax,) = pictures.bits_by_epoch(runs, [run + 1 for run in runs], {"n-gram": 2.5}).axes
    assert [list(line.get_ydata()) for line in ax.lines] == [[3.5, 2.5], [4.5, 3.5], [2.5, 2.5]]


def test_learned_within_draws_a_smooth_line_for_each_seed():
    runs = {(5, "a"): [torch.tensor([0.0, 100.0, 100.0])] * 2, (9, "a"): [torch.zeros(3)]}
    fig = pictures.learned_within(runs, smooth=2, guessing=25)
    near, far = fig.axes
    assert [list(line.get_ydata()) for line in near.lines[:2]] == [[50, 100]] * 2
    assert list(near.lines[0].get_xdata()) == [2, 3] and near.get_title() == "T = 5"
    assert list(far.lines[0].get_ydata()) == [0, 0]
