"""dlnotes.figures.vae: what the pictures say is what the models compute."""

import math
import re
import time

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from dlnotes import figures
from dlnotes.figures import vae
from dlnotes.plotting import image_bundle
from dlnotes.training import History
from dlnotes.vae import VAE


def numbers(text):
    return [float(n) for n in re.findall(r"[+-]?\d+\.?\d*", text.replace("−", "-"))]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return VAE((1, 6, 4), 2, hidden_dim=8)


@pytest.mark.parametrize(("mu", "sigma", "x"), [(0.0, 1.0, 2.0), (-1.2, 0.3, 0.5), (1.0, 2.0, -3)])
def test_the_bound_widget_says_evidence_bound_and_gap(mu, sigma, x):
    fig = vae.draw_bound(mu=mu, sigma=sigma, x=x)
    left, right = fig.axes
    log_p = Normal(0.0, math.sqrt(2)).log_prob(torch.tensor(float(x))).item()
    posterior = Normal(x / 2, math.sqrt(0.5))  # as section 6 of the chapter derives
    gap = kl_divergence(Normal(mu, sigma), posterior).item()
    shown = re.fullmatch(r"ELBO (\S+) = (\S+) − (\S+)", right.get_title().replace("− ", "− "))
    value, evidence, difference = (numbers(part)[0] for part in shown.groups())
    assert evidence == pytest.approx(log_p, abs=0.006)
    assert difference == pytest.approx(gap, abs=0.006)
    assert value == pytest.approx(log_p - gap, abs=0.006)
    curve, level, bar, point = right.lines
    assert max(curve.get_ydata()) <= log_p + 1e-9
    assert right.get_ylim()[0] < max(curve.get_ydata()) <= log_p < right.get_ylim()[1]
    assert level.get_ydata()[0] == pytest.approx(log_p)
    assert list(bar.get_ydata()) == pytest.approx([log_p - gap, log_p])
    assert (point.get_xdata()[0], point.get_ydata()[0]) == pytest.approx((mu, log_p - gap))
    near = np.interp(mu, curve.get_xdata(), curve.get_ydata())
    assert near == pytest.approx(log_p - gap, abs=0.01)
    for line, law in zip(left.lines, (Normal(0.0, 1.0), posterior, Normal(mu, sigma)), strict=True):
        z = torch.tensor(line.get_xdata())
        assert np.allclose(line.get_ydata(), law.log_prob(z).exp())


def test_the_bound_touches_only_at_the_posterior():
    fig = vae.draw_bound(mu=1.0, sigma=math.sqrt(0.5), x=2.0)
    assert fig.axes[1].get_title().endswith("− 0.000")
    with pytest.raises(ValueError, match="sigma must lie in"):
        vae.draw_bound(mu=0.0, sigma=0.0, x=1.0)


def test_the_plane_shows_what_the_decoder_makes_of_each_code(model):
    tiles, line = vae.decode_plane(model, size=5, edge=2.0)
    assert tiles.shape == (5, 5, 6, 4) and line.tolist() == [-2, -1, 0, 1, 2]
    for row, column in ((0, 0), (4, 1), (2, 3)):
        code = torch.tensor([[line[column], line[row]]])  # z₁ to the right, z₂ upwards
        torch.testing.assert_close(tiles[row, column], model.decode(code)[0, 0].detach())


def test_the_mark_and_the_digit_are_at_the_same_place(model):
    fig = vae.draw_plane(model, z1=-1.0, z2=2.0, edge=2.0)
    left, right = fig.axes
    digit = np.asarray(right.images[0].get_array())
    expected = model.decode(torch.tensor([[-1.0, 2.0]]))[0, 0].detach()
    assert np.allclose(digit, expected, atol=1e-6)
    assert numbers(right.get_title()) == [-1.0, 2.0]
    assert numbers(right.get_xlabel())[0] == pytest.approx(100 * math.exp(-2.5), abs=0.06)
    (mark,) = left.lines
    x, y = mark.get_xdata()[0], mark.get_ydata()[0]
    assert (x, y) == pytest.approx((0.25 * 10 + 0.5, 10.5))  # in tiles of the 11 by 11
    picture = np.asarray(left.images[0].get_array())
    tile = picture[:6, 2 * 4 : 3 * 4]  # the top row is z₂ = 2; column 2 is z₁ = −1.2
    expected = model.decode(torch.tensor([[-2 + 4 * 2 / 10, 2.0]]))[0, 0].detach()
    assert np.allclose(tile, expected, atol=0.0251)  # drawn in twenty shades


def test_the_plane_widget_redraws_quickly_and_says_where_it_is(model, monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, **options: shown.append(data))
    controls = vae.plane(VAE((1, 28, 28), 2, hidden_dim=64), size=15)
    assert set(controls) == {"z1", "z2"}
    assert "(0, 0)" in shown[0]["text/plain"]
    start = time.perf_counter()
    controls["z1"].value = 1.5
    assert time.perf_counter() - start < 2  # 0.2 s on a quiet core
    assert "(1.5, 0)" in shown[-1]["text/plain"]
    assert shown[-1]["text/html"] != shown[0]["text/html"]


def test_the_plane_widget_keeps_its_size_and_edge(model, monkeypatch):
    shown, drawn = [], []
    monkeypatch.setattr(figures, "display", lambda data, **options: shown.append(data))
    draw = vae.Plane.__call__
    monkeypatch.setattr(
        vae.Plane, "__call__", lambda *a, **k: drawn.append(draw(*a, **k)) or drawn[-1]
    )
    controls = vae.plane(model, size=5, edge=2.0)
    for control in controls.values():
        assert (control.min, control.max, control.value) == (-2.0, 2.0, 0.0)
    assert "5 by 5 digits" in shown[0]["text/plain"]
    controls["z1"].value, controls["z2"].value = 2.0, -1.0
    assert "(2, -1)" in shown[-1]["text/plain"]
    left, right = drawn[-1].axes
    assert left.images[0].get_array().shape == (5 * 6, 5 * 4)
    assert [tick.get_text() for tick in left.get_xticklabels()] == ["−2", "−1", "0", "1", "2"]
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["−2", "−1", "0", "1", "2"]
    mark = left.lines[0]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == pytest.approx((4.5, 1.5))
    corner = np.asarray(left.images[0].get_array())[:6, :4]  # top left is (−2, 2)
    expected = model.decode(torch.tensor([[-2.0, 2.0]]))[0, 0].detach()
    assert np.allclose(corner, expected, atol=0.0251)
    for ax in (left, right):  # one grey scale for every code
        assert ax.images[0].get_clim() == (0, 1)


def test_the_bound_widget_can_be_brought_to_touch(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, **options: shown.append(data))
    controls = vae.bound()
    assert {name: control.value for name, control in controls.items()} == {
        "mu": -0.6, "sigma": 0.8, "x": 2.0,
    }  # fmt: skip
    assert "mean -0.6 and deviation 0.8 for x = 2" in shown[0]["text/plain"]
    controls["mu"].value, controls["sigma"].value = 1.0, 0.71
    for name in ("mu", "sigma"):  # both lie on the slider's grid
        steps = (controls[name].value - controls[name].min) / controls[name].step
        assert steps == pytest.approx(round(steps))
    assert vae.draw_bound(mu=1.0, sigma=0.71, x=2.0).axes[1].get_title().endswith("− 0.000")


def test_only_a_plane_can_be_shown():
    for latents in (1, 3):
        with pytest.raises(ValueError, match=f"model must have 2 latents.* got {latents}"):
            vae.plane(VAE((1, 4, 4), latents, hidden_dim=4))


def test_estimates_are_all_drawn_with_their_means():
    torch.manual_seed(0)
    values = {"wide": 100 * torch.randn(200) + 1, "narrow": 0.5 * torch.randn(200) + 1}
    (ax,) = vae.estimates(values, 1.0, xlabel="gradient").axes
    *dots, truth = ax.lines
    assert truth.get_xdata()[0] == 1.0
    for row, x in enumerate(values.values()):
        cloud, mean = dots[2 * row : 2 * row + 2]
        assert np.allclose(cloud.get_xdata(), x)
        assert np.abs(np.asarray(cloud.get_ydata()) - row).max() < 0.3
        assert mean.get_xdata()[0] == pytest.approx(x.mean().item())
    low, high = ax.get_xlim()
    assert low <= values["wide"].min() and values["wide"].max() <= high
    with pytest.raises(ValueError, match="wide must have shape"):
        vae.estimates({"wide": torch.zeros(2, 2)}, 0.0, xlabel="gradient")


def test_gaps_are_stacked_to_the_whole():
    fig = vae.gaps({"train": (-100.0, -98.0, -95.0), "test": (-104.0, -99.5, -96.0)})
    (ax,) = fig.axes
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    assert bars == [(0, 3.0), (3.0, 2.0), (0, 3.5), (3.5, 4.5)]
    assert [text.get_text() for text in ax.texts] == ["3.00", "2.00", "3.50", "4.50"]
    assert [text.get_position()[0] for text in ax.texts] == [1.5, 4.0, 1.75, 5.75]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["shape of q", "one encoder for all"]
    assert legend == [b.get_label() for b in ax.containers[:2]] and ax.yaxis_inverted()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["train", "test"]


def test_the_architecture_has_training_and_drawing_with_its_sizes():
    fig = vae.architecture(pixels=784, numbers=40)
    texts = " ".join(text.get_text() for text in fig.axes[0].texts)
    for part in ("encoder", "decoder", r"\mu", r"\sigma", r"\varepsilon", "prior", "training"):
        assert part in texts
    assert texts.count("decoder") == 2 and texts.count("encoder") == 1
    assert texts.count("784") == 2 and texts.count("40") == 4
    assert "explains" in texts and "leaves" in texts and "the same $x$" in texts


def words(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_the_drawers_show_what_the_game_gives():
    shown = words(vae.drawers())
    assert shown.count("0.81") == 2 and shown.count("0.01") == 2
    assert shown.count("0.41") == 2 and shown.count("0.09") == 6


def test_the_gap_of_jensen_is_the_one_of_one_and_nine():
    shown = " ".join(words(vae.jensen()))
    assert f"{math.log(5):.2f}" in shown and f"{math.log(3):.2f}" in shown
    curve, tangent = vae.jensen().axes[0].lines[:2]
    assert (np.asarray(tangent.get_ydata()) >= np.asarray(curve.get_ydata()) - 1e-6).all()


def test_the_thermometer_ends_at_the_bound():
    fig = vae.thermometer({"a": (-2.5, 1.5), "b": (-1.1, 0.1)}, -1.0)
    bars = fig.axes[0].patches
    for evidence, gap, end in zip(bars[::2], bars[1::2], (-2.5, -1.1), strict=True):
        assert evidence.get_x() + evidence.get_width() == pytest.approx(-1.0)
        assert gap.get_x() == pytest.approx(-1.0)
        assert gap.get_x() + gap.get_width() == pytest.approx(end)
    assert {"gap 1.500", "ELBO −2.500", "gap 0.100", "ELBO −1.100"} <= set(words(fig))


def test_the_hill_touches_its_level():
    fig = vae.hill(lambda q: -1.0 - 3 * (q - 0.99) ** 2, 0.99, -1.0)
    shown = words(fig)
    assert "posterior 0.990" in shown and "log p(x) = −1.000" in shown and "−1.000" in shown
    for ax in fig.axes:
        curve, level = (np.asarray(line.get_ydata()) for line in ax.lines[:2])
        assert curve.max() <= level[0] + 1e-9 and curve.max() == pytest.approx(-1.0, abs=1e-4)


def test_the_three_proposals_pay_what_is_said():
    q = {"a": Normal(0.0, 1.0), "b": Normal(2.0, 0.1)}
    shown = words(vae.three_proposals(q, {"a": (-3.0, 0.0), "b": (-1.0, 3.5)}))
    assert {"3.00", "= 3.00", "1.00", "3.50", "= 4.50"} <= set(shown)


def test_the_price_is_the_divergence():
    left, right = vae.price().axes
    for ax, law in ((left, lambda v: Normal(v, 1.0)), (right, lambda v: Normal(0.0, v))):
        x, y = (np.asarray(part) for part in ax.lines[0].get_data())
        expected = kl_divergence(law(torch.tensor(x)), Normal(0.0, 1.0))
        assert np.allclose(y, expected, atol=1e-4)


def test_the_mixture_of_the_bumps_is_a_density():
    line = vae.bumps([-1.0, 0.0, 2.0], 0.5).axes[0].lines[-2]
    x, y = (np.asarray(part) for part in line.get_data())
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.01)


def test_precision_and_recall_of_the_sketch():
    titles = [ax.get_title() for ax in vae.precision_recall().axes]
    assert titles == ["precision 5 of 5", "recall 1 of 5"]


def test_the_tilt_costs_what_the_appendix_computes():
    fig = vae.tilt()
    assert [ax.get_title() for ax in fig.axes] == [
        "as it is, gap 0.000",
        "turned by 45°, gap 0.223",
    ]
    posterior, proposal = fig.axes[0].patches
    corners = [e.get_transform().transform_path(e.get_path()).get_extents().size
               for e in (posterior, proposal)]  # fmt: skip
    assert np.allclose(*corners)  # without a tilt they are the same
    proposal = fig.axes[1].patches[1]
    assert proposal.width == pytest.approx(proposal.height) == pytest.approx(4 / 3.125**0.5)


def test_proposals_are_ellipses_of_two_deviations():
    means, deviations = torch.tensor([[0.0, 1.0], [-1.0, 2.0]]), torch.tensor([[0.1, 0.2]] * 2)
    (ax,) = vae.proposals(means, deviations, torch.tensor([3, 9])).axes
    first, second, circle = ax.patches
    assert tuple(first.center) == (0.0, 1.0) and tuple(second.center) == (-1.0, 2.0)
    assert (first.width, first.height) == pytest.approx((0.4, 0.8)) and first.angle == 0
    assert circle.radius == pytest.approx(2.4477, abs=1e-3)
    assert words(ax.figure) == ["3", "9"]


def test_prices_count_the_numbers_that_are_silent():
    fig = vae.prices(torch.tensor([2.0, 1.5, 0.04, 0.01]))
    assert [bar.get_height() for bar in fig.axes[0].patches] == pytest.approx([2, 1.5, 0.04, 0.01])
    assert words(fig) == ["2 numbers pay 3.5 nats", "2 numbers pay 0.05 nats"]


def test_the_price_of_a_code_ends_at_the_mean_of_the_runs():
    fig = vae.code_price({"plain": [[1.0] * 50, [3.0] * 50], "annealed": [[5.0] * 50] * 2})
    assert {"plain 2.0", "annealed 5.0"} <= set(words(fig))
    assert np.allclose(fig.axes[0].lines[0].get_ydata(), 2.0)


def test_the_ladder_and_the_scale_write_their_numbers():
    shown = words(vae.ladder({"pixels": 206.0, "our VAE": 95.2}, published={"paper": 86.8}))
    assert shown == ["206.0", "95.2", "86.8"]
    assert words(vae.scale({"real": 1.6, "noise": 989.0})) == ["1.6", "989.0"]
    images = torch.zeros(3, 4, 4)
    titles = [ax.get_title() for ax in vae.with_nats(images, [1.2, 30.0, 400.6]).axes]
    assert titles == ["1", "30", "401"]


def test_runs_by_beta_are_all_drawn():
    found = {0.1: [(-10.0, 30.0, "x"), (-11.0, 31.0, "x")], 1: [(-35.0, 6.0), (-36.0, 7.0)]}
    (ax,) = vae.by_beta(found).axes
    dots = [line.get_ydata().tolist() for line in ax.lines if line.get_marker() == "o"]
    assert [10.0, 11.0] in dots and [6.0, 7.0] in dots
    shown = [text.get_text() for text in ax.texts]
    assert {"10.5", "35.5", "30.5", "6.5", "to explain", "to leave"} == set(shown)


def test_codes_planes_and_likelihoods_can_be_drawn(model):
    torch.manual_seed(0)
    codes, labels = torch.randn(50, 2), torch.arange(50) % 10
    fig = vae.code_space(codes, labels, decode=torch.nn.Linear(2, 784))
    assert len(fig.axes) == 2 and fig.axes[1].images[0].get_array().shape == (12 * 28, 12 * 28)
    numerals = [text for text in fig.axes[0].texts]
    assert [text.get_text() for text in numerals] == list("0123456789")
    places = torch.tensor([text.get_position() for text in numerals])
    assert torch.pdist(places).min() > 0.1  # none on top of another
    dots = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert np.allclose(np.stack(dots[3].get_data(), 1), codes[labels == 3])
    line = torch.linspace(-2, 2, 3)
    fig = vae.plane_of_digits(codes, labels, torch.rand(3, 3, 4, 4), line)
    assert fig.axes[1].images[0].get_array().shape == (12, 12)
    pair = torch.nn.Module()
    pair.encoder, pair.decoder = torch.nn.Linear(784, 2), torch.nn.Linear(2, 784)
    x = torch.rand(28, 28).round()
    fig = vae.likelihood_map(x, pair)
    logits = pair.decoder(pair.encoder(x.flatten()[None])).view(28, 28)
    expected = torch.distributions.Bernoulli(logits=logits).log_prob(x).detach()
    assert np.allclose(fig.axes[2].images[0].get_array(), expected, atol=1e-5)
    assert fig.axes[2].get_title() == f"log-likelihood −{abs(expected.sum()):.0f}"
    assert image_bundle(vae.side_road(), "two wirings of a draw")
    assert image_bundle(vae.frechet(), "two densities and their distance")


def test_pictures_have_their_names_and_square_digits():
    flat, small = torch.rand(3, 784), torch.rand(2, 28, 28)
    fig = vae.pictures({"flat": flat, "square": small})
    assert [ax.get_ylabel() for ax in fig.axes] == ["flat", "square"]
    strip = np.asarray(fig.axes[0].images[0].get_array())
    assert strip.shape[0] == 28 and np.allclose(strip[:, :28], flat[0].view(28, 28), atol=0.03)


def test_the_learning_curve_has_loss_and_price():
    rows = [{"epoch": e, "train_loss": 150.0 - e, "held-out loss": 151.0 - e, "train_leaves": 20.0}
            for e in (1, 2)]  # fmt: skip
    history = History(steps=[], epochs=rows)
    (ax,) = vae.learning(history).axes
    assert [line.get_label() for line in ax.lines] == ["training", "held-out", "leaves the prior"]
    assert list(ax.lines[2].get_ydata()) == [20.0, 20.0]
    assert {"training", "held-out", "leaves the prior", "148", "20"} == set(words(ax.figure))
