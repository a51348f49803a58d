"""dlnotes.figures.gru: what the pictures show is what the formulas give."""

import math
import re
import time

import pytest
import torch

from dlnotes import figures
from dlnotes.figures import gru
from dlnotes.plotting import image_bundle

CONVENTIONS = ["old", "new"]


def by_hand(*, z, r, weight, convention):
    """The unit as a loop over numbers: states and candidates."""
    h, states, candidates = 0.0, [], []
    for x in gru.noisy_square_wave().tolist():
        candidate = math.tanh(x + r * weight * h)
        old = z if convention == "old" else 1 - z
        h = old * h + (1 - old) * candidate
        states.append(h)
        candidates.append(candidate)
    return torch.tensor(states).double(), torch.tensor(candidates).double()


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(
    ("z", "r", "weight"), [(0.9, 0.0, 1.5), (0.0, 1.0, 1.5), (1.0, 0.5, -2.0), (0.5, 0.3, -1.0)]
)
def test_the_widget_draws_the_unit_of_the_formulas(convention, z, r, weight):
    fig = gru.draw_leaky_unit(z=z, r=r, weight=weight, z_is=f"share of the {convention}")
    lines = {line.get_label(): torch.tensor(line.get_ydata()) for line in fig.axes[0].lines}
    states, candidates = by_hand(z=z, r=r, weight=weight, convention=convention)
    torch.testing.assert_close(lines["state h"], states, rtol=0, atol=1e-6)
    torch.testing.assert_close(lines["candidate h'"], candidates, rtol=0, atol=1e-6)
    torch.testing.assert_close(lines["input x"], gru.noisy_square_wave())
    old = z if convention == "old" else 1 - z
    kept, added = map(float, re.findall(r"([\d.]+) · ", fig.axes[0].get_title()))
    assert (kept, added) == pytest.approx((old, 1 - old))


def test_the_time_constant_is_where_1_over_e_is_left():
    for tau in (0.5, 3.0, 50.0):
        assert gru.time_constant(math.exp(-1 / tau)) == pytest.approx(tau)
    z = 0.9
    assert z ** gru.time_constant(z) == pytest.approx(1 / math.e)
    assert gru.time_constant(0.0) == 0 and gru.time_constant(1.0) == math.inf
    titles = {
        z: gru.draw_leaky_unit(z=z, r=0.0, weight=1.0, z_is="share of the old").axes[0].get_title()
        for z in (0.9, 1.0)
    }
    assert titles[0.9].endswith("9.49 steps") and titles[1.0].endswith("for ever")
    new = gru.draw_leaky_unit(z=0.9, r=0.0, weight=1.0, z_is="share of the new")
    assert new.axes[0].get_title().endswith("0.434 steps")


def test_the_wave_is_a_square_wave_in_noise():
    wave, quiet = gru.noisy_square_wave(), gru.noisy_square_wave(noise=0.0)
    assert torch.equal(quiet.unique(), torch.tensor([-1.0, 1.0]).double())
    assert torch.equal(quiet[:30], torch.ones(30).double()) and (quiet[30:60] == -1).all()
    assert torch.equal(wave, gru.noisy_square_wave())
    assert 0.25 < (wave - quiet).std() < 0.45


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(z=1.5), "z must lie in"),
        (dict(r=-0.1), "r must lie in"),
        (dict(z_is="old"), "z_is must be one of"),
    ],
)
def test_wrong_values_are_named(wrong, message):
    good = dict(z=0.5, r=0.5, weight=1.0, z_is="share of the old")
    with pytest.raises(ValueError, match=message):
        gru.draw_leaky_unit(**good | wrong)


@pytest.fixture
def shown(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, **options: shown.append((data, options)))
    return shown


def test_the_widget_draws_a_first_frame_and_follows_its_controls(shown):
    def alt():
        return shown[-1][0]["text/plain"]

    controls = gru.leaky_unit()
    first = shown[0][0]["text/html"]
    assert "keeps 90% of the state" in shown[0][0]["text/plain"]
    controls["z_is"].value = "share of the new"
    assert "keeps 10% of the state" in alt()
    controls["z"].value = 0.5
    assert "keeps 50% of the state" in alt()
    controls["r"].value = 1.0
    assert "r = 1 " in alt()
    controls["weight"].value = -2.0
    assert "U = -2" in alt() and shown[-1][0]["text/html"] != first


def test_the_diagram_names_the_four_components_and_every_symbol():
    fig = gru.cell_diagram()
    written = [text.get_text() for text in fig.axes[0].texts if text.get_text()]
    for part in ("update gate", "reset gate", "current memory", "final memory"):
        assert sum(part in text for text in written) == 1
    for symbol in ("$h_{t-1}$", "$h_t$", "$x_t$", "$r_t$", "$z_t$", "$h'_t$", "U", "1 −", "tanh"):
        assert symbol in written
    assert written.count("σ") == 2 and written.count("×") == 3 and written.count("+") == 1
    image_bundle(fig, "the diagram of the cell")


def test_the_gates_are_drawn_row_by_row_units_sorted_by_their_mean():
    image, p = torch.rand(7, 5), torch.rand(7, 10)
    seen = {"z": torch.rand(7, 4), "r": torch.rand(7, 4), "h": torch.rand(7, 4)}
    fig = gru.draw_gates(image, seen, p)
    pictures = [torch.tensor(ax.images[0].get_array()) for ax in fig.axes[:4]]
    assert torch.equal(pictures[0], image) and torch.equal(pictures[3], p)
    for picture, name in zip(pictures[1:3], "zr", strict=True):
        means = picture.mean(0)
        assert (means[1:] >= means[:-1]).all()
        assert torch.equal(picture.sum(1).argsort(), seen[name].sum(1).argsort())
        assert sorted(picture[0].tolist()) == sorted(seen[name][0].tolist())
    assert fig.axes[1].get_title().startswith("z") and fig.axes[2].get_title().startswith("r")
    assert all(ax.images[0].get_clim() == (0, 1) for ax in fig.axes[:4])
    for name, wrong in (("image", (image[None], seen, p)), ("probabilities", (image, seen, p[:3]))):
        with pytest.raises(ValueError, match=f"{name} must have shape"):
            gru.draw_gates(*wrong)
    with pytest.raises(ValueError, match="r must have shape"):
        gru.draw_gates(image, seen | {"r": seen["r"][:2]}, p)


def test_a_redraw_is_quick():
    taken = []
    for z in (0.1, 0.3, 0.5, 0.7, 0.9):
        start = time.process_time()
        fig = gru.draw_leaky_unit(z=z, r=1.0, weight=1.5, z_is="share of the old")
        image_bundle(fig, "a picture that is only measured")
        taken.append(time.process_time() - start)
    assert min(taken) < 1  # on a quiet core 0.2 s: tests/benchmarks/bench_figures.py
