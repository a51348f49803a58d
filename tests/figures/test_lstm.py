"""dlnotes.figures.lstm: what the pictures say is what the cell computes."""

import math
import time

import pytest
import torch
from torch import nn

from dlnotes import figures
from dlnotes.figures import lstm
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


def test_one_hot_is_torchs_and_strange_characters_are_named():
    x = lstm.one_hot("cab", "abc")
    assert torch.equal(x, torch.eye(3)[[2, 0, 1]][None])
    with pytest.raises(ValueError, match=r"text must .*, got 'z'"):
        lstm.one_hot("caz", "abc")
    with pytest.raises(ValueError, match=r"text must .*, got nothing"):
        lstm.one_hot("", "abc")


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


def test_panels_share_their_axis_and_have_one_legend():
    lines = {name: ([0, 1], [1.0, 10.0**-k]) for k, name in enumerate("abcdefgh")}
    fig = lstm.panels({"left": lines, "right": lines}, xlabel="k", ylabel="norm", ylim=(1e-9, 2))
    left, right = fig.axes
    assert [t.get_text() for t in left.get_legend().get_texts()] == list(lines)
    assert right.get_legend() is None and left.get_ylabel() == "norm"
    for ax, title in ((left, "left"), (right, "right")):
        assert ax.get_title() == title and ax.get_ylim() == (1e-9, 2) and ax.get_yscale() == "log"
        assert [list(line.get_ydata()) for line in ax.lines] == [y for _, y in lines.values()]


def test_scores_and_errors_show_mean_and_geometric_mean():
    errors = {name: torch.tensor([[1e-4, 1.0], [1e-2, 1.0]]) for name in "abcdefg"}
    scores = {name: [20.0, 40.0] for name in errors}
    fig = lstm.scores_and_errors(scores, errors, every=50, chance=12.5)
    left, right = fig.axes
    assert left.patches[0].get_width() == pytest.approx(30) and "chance" in texts(left)
    assert len(right.lines) == 7
    line = right.lines[-1]
    assert list(line.get_xdata()) == [0, 50]
    assert list(line.get_ydata()) == pytest.approx([1e-3, 1.0])


def test_errors_over_length_join_medians_and_show_every_run():
    runs = {10: [(0.1, 5), (0.6, 30), (0.2, 7)], 100: [(0.16, 800)]}
    fig = lstm.errors_over_length({"a": runs, "b": {10: [(0.001, 100)]}}, mean_predictor=1 / 6)
    errors, batches = fig.axes
    assert list(errors.lines[0].get_ydata()) == pytest.approx([0.2, 0.16])
    assert list(batches.lines[0].get_ydata()) == [7, 800]
    assert list(errors.lines[1].get_ydata()) == [0.1, 0.6, 0.2]
    assert [t.get_text() for t in errors.get_xticklabels()] == ["10", "100"]
    levels = [line.get_ydata()[0] for line in errors.lines if line.get_linestyle() == ":"]
    assert levels == pytest.approx([1 / 6, 0.01])
    assert [t.get_text() for t in batches.get_legend().get_texts()] == ["a", "b"]


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


def test_the_reading_widget_follows_text_and_unit(shown):
    controls = lstm.reading(LSTMCell(4, 6), "abc ", text="abc", unit=1)
    assert list(controls) == ["text", "unit"]
    assert "unit 1" in shown[0][0]["text/plain"] and "“abc”" in shown[0][0]["text/plain"]
    controls["text"].value = "a cab"
    controls["unit"].value = 5
    assert "unit 5" in shown[-1][0]["text/plain"] and "“a cab”" in shown[-1][0]["text/plain"]
    before = len(shown)
    controls["text"].value = "ä"  # no character of the alphabet: the last picture stays
    assert len(shown) == before
    with pytest.raises(ValueError, match=r"cell.U_f must have shape \(6, 3\)"):
        lstm.reading(LSTMCell(4, 6), "abc", text="abc", unit=1)


@pytest.mark.parametrize("kind", ["survival", "reading"])
def test_a_redraw_is_quick(kind):
    cell, alphabet = LSTMCell(80, 96), "".join(map(chr, range(40, 120)))

    def redraw(number):
        if kind == "survival":
            return lstm.draw_survival(forget_bias=number, steps=400, recurrent_norm=0.9)
        text = "Call-me-Ishmael,-said-he;-and-the-sea.."
        return lstm.draw_gates(trace(cell, lstm.one_hot(text, alphabet)), list(text), unit=number)

    taken = []
    for number in range(5):
        start = time.process_time()
        image_bundle(redraw(number), "a picture that is only measured")
        taken.append(time.process_time() - start)
    assert min(taken) < 1  # on a quiet core 0.2 s: tests/benchmarks/bench_figures.py
