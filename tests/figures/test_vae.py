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
    total = 1.5**2 + 0.8**2
    log_p = Normal(0.0, math.sqrt(total)).log_prob(torch.tensor(float(x))).item()
    posterior = Normal(1.5 * x / total, 0.8 / math.sqrt(total))
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
    total = 1.5**2 + 0.8**2
    fig = vae.draw_bound(mu=3.0 / total, sigma=0.8 / math.sqrt(total), x=2.0)
    assert fig.axes[1].get_title().endswith("− 0.00")
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
    controls["mu"].value, controls["sigma"].value = 1.04, 0.47
    for name in ("mu", "sigma"):  # both lie on the slider's grid
        steps = (controls[name].value - controls[name].min) / controls[name].step
        assert steps == pytest.approx(round(steps))
    assert vae.draw_bound(mu=1.04, sigma=0.47, x=2.0).axes[1].get_title().endswith("− 0.00")


def test_only_a_plane_can_be_shown():
    for latents in (1, 3):
        with pytest.raises(ValueError, match=f"model must have 2 latents.* got {latents}"):
            vae.plane(VAE((1, 4, 4), latents, hidden_dim=4))


def test_estimators_are_drawn_around_the_truth_with_their_spread():
    torch.manual_seed(0)
    values = {"wide": 3 * torch.randn(5000) + 1, "narrow": 0.5 * torch.randn(5000) + 1}
    fig = vae.estimates(values, 1.0, xlabel="gradient")
    for ax, (name, x) in zip(fig.axes, values.items(), strict=True):
        words = ax.texts[0].get_text()
        assert words == f"{name}\nstandard deviation {x.std():.2g}"
        assert ax.lines[0].get_xdata()[0] == 1.0
        heights = [bar.get_height() for bar in ax.patches]
        width = ax.patches[0].get_width()
        assert sum(heights) * width == pytest.approx(1, abs=0.02)
        ends = ax.patches[0].get_x(), ax.patches[-1].get_x() + width
        widest = values["wide"].std().item()
        assert ends == pytest.approx((1 - 3 * widest, 1 + 3 * widest))
    assert fig.axes[-1].get_xlabel() == "gradient"
    with pytest.raises(ValueError, match="wide must have shape"):
        vae.estimates({"wide": torch.zeros(2, 2)}, 0.0, xlabel="gradient")


def test_gaps_are_stacked_to_the_whole():
    fig = vae.gaps({"train": (-100.0, -98.0, -95.0), "test": (-104.0, -99.5, -96.0)})
    (ax,) = fig.axes
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    assert bars == [(0, 3.0), (3.0, 2.0), (0, 3.5), (3.5, 4.5)]
    assert [text.get_text() for text in ax.texts] == ["3.0", "2.0", "3.5", "4.5"]
    assert [text.get_position()[0] for text in ax.texts] == [1.5, 4.0, 1.75, 5.75]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["Gaussian q", "one encoder for all"]
    assert legend == [b.get_label() for b in ax.containers[:2]] and ax.yaxis_inverted()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["train", "test"]


def test_the_architecture_can_be_drawn():
    fig = vae.architecture()
    texts = " ".join(text.get_text() for text in fig.axes[0].texts)
    for part in ("encoder", "decoder", r"\mu", r"\sigma", r"\varepsilon", "prior"):
        assert part in texts
    assert image_bundle(fig, "encoder, code and decoder of a VAE")
