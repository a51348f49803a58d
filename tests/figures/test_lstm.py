"""dlnotes.figures.lstm: what the pictures say is what the cell computes."""

import math
import time

import numpy as np
import pytest
import torch
from torch import nn

from dlnotes import figures
from dlnotes.figures import lstm
from dlnotes.figures.lstm.parcel import NOISE
from dlnotes.lstm import LSTMCell, trace
from dlnotes.plotting import FAINT, image_bundle


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


# ---- the cell


def test_the_cell_has_three_gates_two_tanh_and_four_operations():
    written = texts(lstm.architecture().axes[0])
    assert (written.count("σ"), written.count("tanh")) == (3, 2)
    assert (written.count("×"), written.count("+")) == (3, 1)
    for symbol in ("$c_{t-1}$", "$c_t$", "$h_{t-1}$", "$h_t$", "$x_t$", "$f_t$", "$i_t$", "$o_t$"):
        assert written.count(symbol) == 1


STEPS = {  # what of the cell each of the notes' four steps needs
    "forget": ({"σ": 1, "×": 1}, {"$f_t$", "$h_{t-1}$", "$x_t$"}, {"$i_t$", "$o_t$", "$h_t$"}),
    "input": ({"σ": 1, "tanh": 1, "×": 1}, {"$i_t$", r"$\tilde c_t$"}, {"$f_t$", "$o_t$", "$c_t$"}),
    "update": ({"×": 2, "+": 1}, {"$c_{t-1}$", "$c_t$", "$f_t$", "$i_t$"}, {"$h_t$", "$o_t$"}),
    "output": ({"σ": 1, "tanh": 1, "×": 1}, {"$o_t$", "$h_t$"}, {"$f_t$", "$i_t$", "$c_{t-1}$"}),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_close_up_lights_what_belongs_to_its_step(step):
    counts, lit, pale = STEPS[step]
    ax = lstm.architecture(step).axes[0]
    shown = [t.get_text() for t in ax.texts if t.get_color() != FAINT]
    for symbol in ("σ", "tanh", "×", "+"):
        assert shown.count(symbol) == counts.get(symbol, 0), symbol
    assert lit <= set(shown) and not pale & set(shown)


def test_the_close_ups_carry_the_formulas_of_all_four_steps():
    titles = [ax.get_title() for ax in lstm.close_ups().axes]
    assert [title[0] for title in titles] == ["1", "2", "3", "4"]
    assert r"c_t=f_t\odot c_{t-1}+i_t\odot\tilde c_t" in titles[2]
    assert r"h_t=o_t\odot\tanh c_t" in titles[3]
    with pytest.raises(ValueError, match=r"step must be one of 'forget', .*, got 'reset'"):
        lstm.architecture("reset")


def test_the_chain_hands_on_two_states():
    written = texts(lstm.chain(3).axes[0])
    assert written.count("LSTM") == 3
    assert [f"$c_{t}$" in written for t in range(5)] == [True, True, True, True, False]
    assert {f"$x_{t}$" for t in (1, 2, 3)} | {f"$h_{t}$" for t in (0, 1, 2, 3)} <= set(written)
    with pytest.raises(ValueError, match="cells must be at least 1"):
        lstm.chain(0)


# ---- gates over time


def test_the_heat_map_shows_the_trace_of_the_unit():
    values = trace(LSTMCell(3, 5), torch.randn(1, 7, 3))
    fig = lstm.draw_gates(values, list("abcdefg"), unit=2)
    gates, states = (torch.tensor(ax.images[0].get_array()) for ax in fig.axes[:2])
    rows = {name: value[0, :, 2].double() for name, value in values.items()}
    torch.testing.assert_close(gates, torch.stack([rows[k] for k in "fio"]))
    torch.testing.assert_close(states, torch.stack([rows[k] for k in ("candidate", "c", "h")]))
    labels = [[t.get_text() for t in ax.get_yticklabels()] for ax in fig.axes[:2]]
    assert labels == [["forget", "input", "output"], ["candidate", "cell state", "output h"]]
    assert [t.get_text() for t in fig.axes[1].get_xticklabels()] == list("abcdefg")
    assert fig.axes[0].images[0].get_clim() == (0, 1)
    largest = max(1.0, values["c"][0, :, 2].abs().max().item())
    assert fig.axes[1].images[0].get_clim() == pytest.approx((-largest, largest))


def test_wrong_values_are_named():
    values = trace(LSTMCell(3, 5), torch.randn(1, 7, 3))
    with pytest.raises(ValueError, match=r"f must have shape \(6, H\)"):
        lstm.draw_gates(values, list("abcdef"))
    with pytest.raises(ValueError, match="unit must be one of"):
        lstm.draw_gates(values, list("abcdefg"), unit=5)


def test_white_space_is_made_visible():
    assert lstm.visible("a b\n") == ["a", "␣", "b", "¶"]


# ---- what survives


@pytest.mark.parametrize(("bias", "steps"), [(0.0, 20), (3.0, 20), (5.0, 100), (-2.0, 40)])
def test_what_is_left_is_the_gradient_of_a_cell_state(bias, steps):
    """The reference is autograd through a cell without recurrent weights."""
    cell = LSTMCell(1, 1, forget_bias=bias).double()
    for gate in "fico":
        nn.init.zeros_(getattr(cell, f"W_{gate}"))
    nn.init.zeros_(cell.U_f)
    first = torch.ones(1, 1, dtype=torch.float64, requires_grad=True)
    state, left = (torch.zeros(1, 1, dtype=torch.float64), first), []
    for _ in range(steps):
        state = cell(torch.randn(1, 1).double(), state)
        left.append(torch.autograd.grad(state[1].sum(), first, retain_graph=True)[0].item())
    fig = lstm.draw_survival(forget_bias=bias, steps=steps, recurrent_norm=0.9)
    drawn = fig.axes[0].lines[0].get_ydata()
    assert drawn[0] == 0
    torch.testing.assert_close(torch.tensor(drawn[1:]), torch.tensor(left).double().log10())
    assert fig.axes[0].get_title() == f"after {steps} steps {left[-1]:.2g} is left"
    rnn, of_1997 = (line.get_ydata() for line in fig.axes[0].lines[1:3])
    assert rnn[-1] == pytest.approx(steps * math.log10(0.9))
    assert set(of_1997) == {0}


def test_half_is_left_after_the_half_life():
    for bias in (-1.0, 0.0, 4.968):
        gate = 1 / (1 + math.exp(-bias))
        assert gate ** lstm.half_life(bias) == pytest.approx(0.5)
    marked = lstm.draw_survival(forget_bias=0.0, steps=20, recurrent_norm=1.0).axes[0]
    assert texts(marked) == ["half after 1"]
    far = lstm.draw_survival(forget_bias=6.0, steps=20, recurrent_norm=1.0).axes[0]
    assert texts(far) == []


@pytest.mark.parametrize("wrong", [dict(steps=0), dict(forget_bias=30), dict(recurrent_norm=-1)])
def test_wrong_sliders_are_named(wrong):
    options = dict(forget_bias=1.0, steps=10, recurrent_norm=1.0) | wrong
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must"):
        lstm.draw_survival(**options)


# ---- results


def test_learned_has_a_panel_for_each_network_and_averages():
    curve = torch.tensor([0.0, 100.0, 100.0, 100.0])
    fig = lstm.learned({"a": [curve, curve], "b": [curve[:3]]}, smooth=2, guessing=25)
    left, right = fig.axes
    assert (left.get_title(), right.get_title()) == ("a", "b")
    assert list(left.lines[0].get_xdata()) == [2, 3, 4]
    assert list(left.lines[0].get_ydata()) == [50, 100, 100]
    assert list(right.lines[0].get_ydata()) == [50, 100]
    assert left.lines[-1].get_ydata()[0] == 25


def test_marked_numbers_have_another_colour_and_their_value():
    ax = lstm.marked_numbers(torch.tensor([0.3, 0.6, 0.9]), torch.tensor([0.0, 1.0, 0.0])).axes[0]
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx([0.3, 0.6, 0.9]) and texts(ax) == ["0.60"]
    colors = [bar.get_facecolor() for bar in ax.patches]
    assert colors[0] == colors[2] != colors[1]
    with pytest.raises(ValueError, match="marks must have shape"):
        lstm.marked_numbers(torch.rand(3), torch.ones(2))


def test_the_door_draws_a_row_its_gates_and_the_content():
    numbers, marks = torch.tensor([0.3, 0.6, 0.9]), torch.tensor([0.0, 1.0, 0.0])
    gates = {"input gate": torch.tensor([0.1, 0.9, 0.2]), "forget gate": torch.ones(3)}
    content = torch.tensor([0.0, 0.5, 0.5])
    above, middle, below = lstm.door(numbers, marks, gates, content).axes
    assert [bar.get_height() for bar in above.patches[:3]] == pytest.approx(numbers.tolist())
    assert texts(middle) == ["input gate", "forget gate"]
    assert list(below.lines[0].get_ydata()) == content.tolist()
    with pytest.raises(ValueError, match="content must have shape"):
        lstm.door(numbers, marks, gates, torch.ones(2))


def test_bits_by_letters_draws_curves_and_named_levels():
    ax = lstm.bits_by_letters([1.0, 2.0], {"net": [3.0, 2.5]}, {"3-gram": 2.8}).axes[0]
    assert list(ax.lines[0].get_ydata()) == [3.0, 2.5] and texts(ax) == ["net", "3-gram"]
    assert set(ax.lines[1].get_ydata()) == {2.8}


def test_counting_draws_every_unit_below_its_letters():
    values = torch.tensor([[0.0, 0.0], [1.0, -1.0], [2.0, -1.0], [0.0, 0.0]])
    ax = lstm.counting(".aab", {"title": values}).axes[0]
    assert [t.get_text() for t in ax.get_xticklabels()] == list(".aab")
    assert [list(line.get_ydata()) for line in ax.lines[:2]] == values.T.tolist()
    assert ax.lines[0].get_color() != ax.lines[1].get_color()
    widths = [
        line.get_lw() for line in lstm.counting(".aab", {"t": values}, thick=[1]).axes[0].lines
    ]
    assert widths[1] > widths[0]


def test_errors_over_length_join_medians_and_show_every_run():
    runs = {10: [(0.1, 5), (0.6, 30), (0.2, 7)], 100: [(0.16, 800)]}
    fig = lstm.errors_over_length({"a": runs, "b": {10: [(0.001, 100)]}}, mean_predictor=1 / 6)
    errors, other, batches, _ = fig.axes
    assert list(errors.lines[0].get_ydata()) == pytest.approx([0.2, 0.16])
    assert list(batches.lines[0].get_ydata()) == [7, 800]
    assert list(errors.lines[1].get_ydata()) == [0.1, 0.6, 0.2]
    assert [t.get_text() for t in batches.get_xticklabels()] == ["10", "100"]
    levels = [line.get_ydata()[0] for line in errors.lines if line.get_linestyle() in (":", "--")]
    assert levels == pytest.approx([1 / 6, 0.01])
    assert [ax.get_title() for ax in (errors, other)] == ["a", "b"]


def test_grouped_bars_say_every_value():
    ax = lstm.grouped(["x", "y"], {"a": [0.5, 0.25], "b": [0.1, 1.0]}, xlabel="size").axes[0]
    assert texts(ax) == ["0.50", "0.25", "0.10", "1.00"]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"]


def test_a_content_below_its_feature_names_the_letters_of_the_jumps():
    fig = lstm.content_below_feature(
        [0, 1, 1, 0], [5.0, 6.0, 1.0, 2.0], "ab c", name="inside", most=1
    )
    above, below = fig.axes
    assert above.get_ylabel() == "inside" and list(below.lines[0].get_ydata()) == [5, 6, 1, 2]
    assert texts(below) == ["␣"]
    with pytest.raises(ValueError, match="equally long, got 1, 2, 2"):
        lstm.content_below_feature([1], [1.0, 2.0], "ab", name="inside")


# ---- parts A and B


def test_whispers_have_a_panel_for_each_weight():
    fig = lstm.whispers({0.5: [[0.3, 0.1], [0.9, 0.4]], 2.0: [[0.3, 0.5], [0.9, 0.8]]})
    assert [ax.get_title() for ax in fig.axes] == ["V = 0.5", "V = 2"]
    assert [list(line.get_ydata()) for line in fig.axes[1].lines] == [[0.3, 0.5], [0.9, 0.8]]


def test_the_switchboard_shows_every_number():
    ax = lstm.switchboard(["write"], ["x", "f", "i", "o", "c", "h"], [(-0.6, 0, 1, 0.5, 0.25, 2)])
    written = texts(ax.axes[0])
    assert written[:2] == ["−0.6", "x"] and written[-1] == "write"
    assert {"0", "1", "0.5", "0.25", "2"} <= set(written)
    with pytest.raises(ValueError, match="rows must be 1 of 2 numbers"):
        lstm.switchboard(["write"], ["x", "f"], [(1, 2, 3)])


def test_the_soft_switch_is_the_logistic_function():
    ax = lstm.soft_switch([-2, 0, 4]).axes[0]
    assert texts(ax)[:3] == ["0.119", "0.5", "0.982"]
    points = [float(line.get_ydata()[0]) for line in ax.lines[1:-1]]
    assert points == pytest.approx(torch.tensor([-2.0, 0, 4]).sigmoid().tolist(), abs=1e-6)
    curve, slope = (np.asarray(ax.lines[k].get_ydata()) for k in (0, -1))
    assert slope == pytest.approx(curve * (1 - curve)) and texts(ax)[-1] == "slope"


def test_a_step_in_numbers_says_each_number_at_its_wire():
    ax = lstm.step_in_numbers({"f": 0.881, "c": 1.262, "x": 1.0}).axes[0]
    written = texts(ax)
    assert {"$f_t$\n0.881", "$c_t$\n1.262", "$x_t$ = 1", "$i_t$"} <= set(written)
    errors = {"f": 0.00776, "h before": 0.3222, "c after": 0.0}
    assert "0.852" in texts(lstm.step_in_numbers({"tanh of c": 0.8515}).axes[0])
    back = texts(lstm.step_in_numbers(errors, back=True).axes[0])
    assert {"$\\delta_f$\n0.0078", "$\\bar h_{t-1}$\n0.322", "from $t+1$\n0"} <= set(back)
    with pytest.raises(ValueError, match="name must be one of"):
        lstm.step_in_numbers({"r": 1.0})


def test_the_straight_road_multiplies_both_ways():
    written = texts(lstm.straight_road([0.5, 0.9], start=1.0, added=[0.3, -0.2]).axes[0])
    assert {"$c_0$\n1", "$c_1$\n0.8", "$c_2$\n0.52", "+0.3", "−0.2"} <= set(written)
    assert [t for t in written if t.startswith("error")] == ["error 0.45", "error 0.9", "error 1"]
    with pytest.raises(ValueError, match="added must have 2 numbers"):
        lstm.straight_road([0.5, 0.9], start=1.0, added=[0.3])


def test_half_lives_are_powers_of_the_gate():
    ax = lstm.half_lives([0, 3], steps=20).axes[0]
    slow = [line for line in ax.lines if len(line.get_xdata()) == 21][1]
    gate = 1 / (1 + math.exp(-3))
    assert slow.get_ydata()[20] == pytest.approx(gate**20)
    dots = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert [dot.get_ydata()[0] for dot in dots] == [0.5, 0.5]
    assert dots[1].get_xdata()[0] == pytest.approx(lstm.half_life(3))
    assert texts(ax) == ["b = 0, half after 1", "b = 3, half after 14.3"]


def test_the_ways_back_add_up():
    written = texts(lstm.ways_back(0.5, {"a": 0.25, "b": -0.125, "c": 0.0}).axes[0])
    assert "straight, · 0.5" in written and "all roads: 0.625" in written
    assert {"a   +0.250", "b   −0.125", "c   0"} <= set(written)


@pytest.mark.parametrize(
    ("keep", "write", "erase"), [(1, 0, "never"), (0.5, 0.3, "never"), (0.9, 1, "4")]
)
def test_the_parcel_and_its_error_are_those_of_autograd(keep, write, erase):
    first = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    states = [first]
    for step, x in enumerate(NOISE, start=2):
        states.append((0.0 if erase == str(step) else keep) * states[-1] + write * x)
    errors = torch.autograd.grad(states[-1], states, allow_unused=True)
    wanted = [0.0 if error is None else error.item() for error in errors]
    fig = lstm.draw_parcel(keep=keep, write=write, erase=erase)
    bars = [bar.get_height() for bar in fig.axes[0].patches]
    assert bars == pytest.approx([state.item() for state in states])
    assert list(fig.axes[1].lines[0].get_ydata()) == pytest.approx(wanted)


@pytest.mark.parametrize("wrong", [dict(keep=2.0), dict(write=-1.0), dict(erase="1")])
def test_wrong_settings_of_the_parcel_are_named(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must"):
        lstm.draw_parcel(**(dict(keep=0.5, write=0.5, erase="never") | wrong))


# ---- the widgets


@pytest.fixture
def shown(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, **options: shown.append((data, options)))
    return shown


def test_the_survival_widget_follows_its_controls(shown):
    controls = lstm.survival()
    assert list(controls) == ["forget_bias", "steps", "recurrent_norm"]
    assert "keeps 2.5e-14" in shown[0][0]["text/plain"]
    controls["forget_bias"].value = 5.0
    assert "keeps 0.51" in shown[-1][0]["text/plain"] and shown[-1][1]["update"]


def test_the_parcel_widget_follows_its_controls(shown):
    controls = lstm.parcel()
    assert list(controls) == ["keep", "write", "erase"]
    controls["keep"].value, controls["write"].value = 1.0, 0.0
    assert "at step 8 the content is 0.6, at step 1 the error is 1" in shown[-1][0]["text/plain"]
    controls["erase"].value = "5"
    assert "at step 8 the content is 0, at step 1 the error is 0" in shown[-1][0]["text/plain"]


def look(cell, alphabet):
    def read(text):
        ids = torch.tensor([alphabet.index(letter) for letter in text])
        return trace(cell, nn.functional.one_hot(ids, len(alphabet)).float()[None])

    return read


def test_the_reading_widget_follows_text_and_unit(shown):
    controls = lstm.reading(look(LSTMCell(4, 6), "abc "), 6, text="abc", unit=1)
    assert list(controls) == ["text", "unit"]
    assert "unit 1" in shown[0][0]["text/plain"] and "“abc”" in shown[0][0]["text/plain"]
    controls["text"].value = "a cab"
    controls["unit"].value = 5
    assert "unit 5" in shown[-1][0]["text/plain"] and "“a cab”" in shown[-1][0]["text/plain"]
    before = len(shown)
    for strange in ("ä", ""):  # no letter that it knows: the last picture stays
        controls["text"].value = strange
    assert len(shown) == before
    with pytest.raises(ValueError, match="unit must be one of"):
        lstm.reading(look(LSTMCell(4, 6), "abc "), 6, text="abc", unit=6)


@pytest.mark.parametrize("kind", ["survival", "reading"])
def test_a_redraw_is_quick(kind):
    cell, alphabet = LSTMCell(80, 96), "".join(map(chr, range(40, 120)))

    def redraw(number):
        if kind == "survival":
            return lstm.draw_survival(forget_bias=number, steps=400, recurrent_norm=0.9)
        text = "Call-me-Ishmael,-said-he;-and-the-sea.."
        return lstm.draw_gates(look(cell, alphabet)(text), list(text), unit=number)

    taken = []
    for number in range(5):
        start = time.process_time()
        image_bundle(redraw(number), "a picture that is only measured")
        taken.append(time.process_time() - start)
    assert min(taken) < 1  # on a quiet core 0.2 s: tests/benchmarks/bench_figures.py
