"""dlnotes.figures.gru: what the pictures show is what the formulas give."""

import math
import re
import time

import pytest
import torch

from dlnotes import figures
from dlnotes.figures import gru
from dlnotes.gru import GRUCell, hold_gate, trace
from dlnotes.plotting import image_bundle

CONVENTIONS = ["old", "new"]


def by_hand(*, z, r, weight, convention):
    """The same unit as a cell of the package with its gates held: states and candidates."""
    cell = GRUCell(1, 1, z=convention).double()
    state = {name: torch.zeros_like(p) for name, p in cell.named_parameters()}
    state["W"] += 1.0
    state["U"] += weight
    cell.load_state_dict(hold_gate(hold_gate(state, "z", z), "r", r))
    with torch.no_grad():
        seen = trace(cell, gru.noisy_square_wave()[None, :, None])
    return seen["h"][0, :, 0], seen["candidate"][0, :, 0]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(
    ("z", "r", "weight"), [(0.9, 0.0, 1.5), (0.0, 1.0, 1.5), (1.0, 0.5, -2.0), (0.5, 0.3, -1.0)]
)
def test_the_widget_draws_the_unit_of_the_formulas(convention, z, r, weight):
    fig = gru.draw_leaky_unit(
        z=z, r=r, weight=weight, z_is=f"share of the {convention}", marker=False
    )
    lines = {
        line.get_label(): torch.tensor(line.get_ydata()).double() for line in fig.axes[0].lines
    }
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
        z: gru.draw_leaky_unit(z=z, r=0.0, weight=1.0, z_is="share of the old", marker=False)
        .axes[0]
        .get_title()
        for z in (0.9, 1.0)
    }
    assert titles[0.9].endswith("9.49 steps") and titles[1.0].endswith("for ever")
    new = gru.draw_leaky_unit(z=0.9, r=0.0, weight=1.0, z_is="share of the new", marker=False)
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
    good = dict(z=0.5, r=0.5, weight=1.0, z_is="share of the old", marker=False)
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
    controls["marker"].value = True
    assert "and nothing of it at a jump" in alt()
    controls["weight"].value = -2.0
    assert "U = -2" in alt() and shown[-1][0]["text/html"] != first


def test_the_diagram_names_the_four_components_and_every_symbol():
    fig = gru.cell_diagram()
    written = [" ".join(text.get_text().split()) for text in fig.axes[0].texts if text.get_text()]
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
    means = torch.tensor(fig.axes[4].lines[0].get_xdata())
    torch.testing.assert_close(means, seen["z"].mean(1))
    for name, wrong in (("image", (image[None], seen, p)), ("probabilities", (image, seen, p[:3]))):
        with pytest.raises(ValueError, match=f"{name} must have shape"):
            gru.draw_gates(*wrong)
    with pytest.raises(ValueError, match="r must have shape"):
        gru.draw_gates(image, seen | {"r": seen["r"][:2]}, p)


def test_a_marker_takes_the_candidate_at_each_jump_and_changes_nothing_else():
    wave = gru.noisy_square_wave().tolist()
    unit = dict(old=0.9, r=0.5, weight=1.0)
    states, candidates = gru.held_unit(wave, **unit, marker=True)
    before = 0.0
    for step, (h, candidate) in enumerate(zip(states, candidates, strict=True)):
        share = 0.0 if step in (0, 30, 60, 90) else 0.9
        assert h == pytest.approx(share * before + (1 - share) * candidate)
        before = h
    with pytest.raises(ValueError, match="old must lie in"):
        gru.held_unit(wave, old=1.2, r=0, weight=0, marker=False)


def test_a_wave_and_its_units_stand_in_panels():
    wave = gru.noisy_square_wave(height=0.5, noise=0.0)
    assert wave.abs().unique().tolist() == [0.5]
    fig = gru.under_a_wave(wave, {"slow": [0.1] * 120, "fast": [0.2] * 120})
    assert [ax.get_title() for ax in fig.axes] == ["slow", "fast"]
    for ax, level in zip(fig.axes, (0.1, 0.2), strict=True):
        dots, line = (list(line.get_ydata()) for line in ax.lines)
        assert dots == wave.tolist() and line == [level] * 120


def test_the_true_wave_has_a_band_from_the_fifth_value_after_a_jump_on():
    truth = gru.noisy_square_wave(height=0.5, noise=0.0)
    ax = gru.under_a_wave(truth, {"any": [0.0] * 120}, truth=truth).axes[0]
    assert next(line.get_ydata()[0] for line in ax.lines if len(line.get_ydata()) == 2) == 0.5
    corners = ax.collections[1].get_paths()[0].vertices  # the band of the second level
    assert corners.min(0).tolist() == pytest.approx([34, -0.6])
    assert corners.max(0).tolist() == pytest.approx([59, -0.4])


def test_the_toy_shows_values_markers_and_states():
    values, markers, held = [0.8, -0.5, 0.3], [1, 0, 0], [0.66, 0.66, -0.4]
    fig = gru.toy(values, markers, {"a": held, "b": values})
    ax = fig.axes[0]
    heights = [bar.get_height() for bar in ax.patches if bar.get_width() == 0.5]
    assert heights == held
    columns = [patch for patch in ax.patches if patch.get_width() == pytest.approx(0.9)]
    assert len(columns) == 1 and columns[0].get_x() == pytest.approx(0.55)
    assert list(ax.lines[0].get_ydata()) == values
    colors = [bar.get_facecolor()[:3] for bar in ax.patches if bar.get_width() == 0.5]
    assert colors[0] == colors[1] != colors[2]
    assert [text.get_text() for text in ax.texts] == ["0.66", "0.66", "−0.40"]
    with pytest.raises(ValueError, match="markers must have 3 numbers"):
        gru.toy(values, [1], {"a": held})


def test_the_step_in_numbers_is_the_step_of_the_formulas():
    h, x = 0.5, 1.0
    z, r = (1 / (1 + math.exp(-a)) for a in (2 * h, 2 * h - 2))
    candidate = math.tanh(x + r * 2 * h)
    words = " ".join(text.get_text() for text in gru.step_in_numbers().axes[0].texts)
    for number in (z, r, 1 - z, candidate, z * h, (1 - z) * candidate, x + r * 2 * h):
        assert f"{number:.3f}" in words
    assert f"new {z * h + (1 - z) * candidate:.3f}" in words


def test_what_goes_names_every_part_and_crosses_out_three():
    ax = gru.what_goes().axes[0]
    words = [text.get_text() for text in ax.texts if text.get_text()]
    for word in ("$f$", "$i$", "$o$", "tanh", "$z$", "1 − z", "LSTM", "what is left"):
        assert words.count(word) == 1
    assert len(ax.lines) == 6  # two strokes for each of i, tanh, o


def test_rows_are_scaled_after_the_product_and_columns_before_it():
    fig = gru.rows_and_columns([[1, 2], [3, 4]], [0.9, 0.1])
    U, after, before = (torch.tensor(ax.images[0].get_array()) for ax in fig.axes)
    r = torch.tensor([0.9, 0.1]).double()
    torch.testing.assert_close(after, torch.diag(r) @ U)
    torch.testing.assert_close(before, U @ torch.diag(r))
    with pytest.raises(ValueError, match="U must have shape"):
        gru.rows_and_columns([[1, 2]], [0.9, 0.1])


def test_the_four_ways_are_named_with_their_slopes():
    words = " ".join(t.get_text() for t in gru.four_ways([0.731, -0.139, 0.04, 0.03]).axes[0].texts)
    for piece in ("straight  0.731", "through z  −0.139", "candidate  0.040", "through r  0.030"):
        assert piece in words
    with pytest.raises(ValueError, match="slopes must have 4 numbers"):
        gru.four_ways([1.0])


def test_learning_curves_are_averaged_and_go_on_as_they_ended():
    runs = {"slow": [torch.arange(10.0)], "quick": [torch.full((4,), 100.0)]}
    fig = gru.learned_by_step(runs, cuts=[5, 10], smooth=2, guessing=12.5)
    slow, quick = (line for line in fig.axes[0].lines if line.get_label() in runs)
    assert list(slow.get_xdata())[:2] == [2, 3] and list(slow.get_ydata())[:2] == [0.5, 1.5]
    assert quick.get_xdata()[-1] == 10 and quick.get_ydata()[-1] == 100
    assert slow.get_xdata()[-1] == 10 and slow.get_ydata()[-1] == 8.5


def test_errors_without_gates_stand_over_the_units():
    errors = {("hold", g, n): [n + 1.0, n + 3.0] for g in ("both", "none") for n in (1, 4)}
    fig = gru.without_gates(errors)
    line = next(line for line in fig.axes[0].lines if line.get_label() == "both")
    assert list(line.get_ydata()) == [3.0, 6.0] and fig.axes[0].get_yscale() == "log"
    assert [t.get_text() for t in fig.axes[0].get_xticklabels()] == ["1", "4"]
    heights = {text.get_text(): text.get_position()[1] for text in fig.axes[0].texts}
    assert heights["both"] == 3.0 and heights["none"] > 1.5 * heights["both"]  # none on another


def test_the_race_shows_each_seed_and_the_baselines_of_each_budget():
    scores = {"RNN": {4: [80.0, 90.0], 8: [95.0]}, "GRU": {4: [96.0], 8: [98.0]}}
    fig = gru.race(scores, {"dense": [91.0, 94.0]})
    assert [ax.get_title() for ax in fig.axes] == ["4 updates", "8 updates"]
    for ax, level in zip(fig.axes, (91.0, 94.0), strict=True):
        assert next(x for x in ax.lines if x.get_label() == "dense").get_ydata()[0] == level
    assert list(fig.axes[0].lines[0].get_ydata()) == [80.0, 90.0]
    assert "85.0" in [text.get_text() for text in fig.axes[0].texts]
    assert fig.axes[0].get_ylim()[0] < 80


def test_blank_rows_are_drawn_run_by_run():
    fig = gru.blank_rows({"plain": torch.rand(2, 40)}, image=28)
    assert sum(len(line.get_xdata()) == 40 for line in fig.axes[0].lines) == 2
    assert any(list(line.get_xdata()) == [28, 28] for line in fig.axes[0].lines)
    assert "plain" in [text.get_text() for text in fig.axes[0].texts]
    with pytest.raises(ValueError, match="plain must have shape"):
        gru.blank_rows({"plain": torch.rand(40)}, image=28)


def test_a_redraw_is_quick():
    taken = []
    for z in (0.1, 0.3, 0.5, 0.7, 0.9):
        start = time.process_time()
        fig = gru.draw_leaky_unit(z=z, r=1.0, weight=1.5, z_is="share of the old", marker=False)
        image_bundle(fig, "a picture that is only measured")
        taken.append(time.process_time() - start)
    assert min(taken) < 1  # on a quiet core 0.2 s: tests/benchmarks/bench_figures.py
