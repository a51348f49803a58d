"""dlnotes.figures.rnn: slopes, wires, chunks and forecasts are drawn as they are computed."""

import pytest
import torch
from matplotlib.colors import same_color
from matplotlib.patches import FancyArrowPatch

from dlnotes.figures import rnn as pictures
from dlnotes.plotting import FAINT, INPUT, MEMORY, NEGATIVE, OUTPUT


def words(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def arrows(fig, color):
    patches = [p for ax in fig.axes for p in ax.patches if isinstance(p, FancyArrowPatch)]
    return [p for p in patches if same_color(p.get_edgecolor(), color)]


def test_units_sit_on_tanh_and_on_its_slope():
    fig = pictures.tanh_and_slope({"free": 0, "half": 0.88, "flat": 3})
    above, below = fig.axes
    a = torch.linspace(-4, 4, 321, requires_grad=True)
    torch.tanh(a).sum().backward()
    drawn = torch.as_tensor(below.lines[0].get_ydata())
    torch.testing.assert_close(drawn, a.grad, rtol=0, atol=1e-5)
    places = [line.get_xydata()[0] for line in above.lines if line.get_marker() == "o"]
    for (x, y), place in zip(places, (0, 0.88, 3), strict=True):
        assert x == pytest.approx(place)
        assert y == pytest.approx(torch.tanh(torch.tensor(x)).item(), abs=1e-6)
    assert words(fig) == ["free", "half", "flat", "1.00", "0.50", "0.01"]


def test_wires_are_the_numbers_of_the_matrix():
    fig = pictures.wiring([[0.5, 0], [-1, 0]], U=[1, 2])
    assert len(arrows(fig, MEMORY)) == 1  # the loop of unit 1
    assert len(arrows(fig, NEGATIVE)) == 1  # from unit 1 to unit 2
    path = arrows(fig, NEGATIVE)[0].get_path().vertices
    assert path[0][0] < path[3][0]
    assert len(arrows(fig, INPUT)) == 2
    shown = words(fig)
    assert shown.count("0.5") == 2 and shown.count("−1") == 2 and shown.count("x") == 2
    other = pictures.wiring([[0, 3], [0, 0]])
    back = arrows(other, MEMORY)[0].get_path().vertices
    assert back[0][0] > back[3][0] and not arrows(other, INPUT)


@pytest.mark.parametrize(("k", "through"), [(8, 0), (9, 2), (10, 2), (18, 10)])
def test_echoes_get_through_if_they_lie_in_one_chunk(k, through):
    fig = pictures.echo_chunks([k], distance=8, steps=18)
    assert len(arrows(fig, NEGATIVE)) == through
    assert len(arrows(fig, FAINT)) == 10 - through
    with pytest.raises(ValueError, match="distance"):
        pictures.echo_chunks([k], distance=0, steps=18)


def test_blame_starts_at_the_goal_if_there_is_one():
    options = dict(states=[0, 1, 0.5], blames=[-0.25, -0.5], shares=[0, -0.5])
    bare = pictures.blame_back(**options)
    whole = pictures.blame_back(**options, inputs=[1, 0], goal=1)
    assert len(arrows(whole, NEGATIVE)) == len(arrows(bare, NEGATIVE)) + 1
    assert len(arrows(whole, INPUT)) == 2 and "goal\n1" in words(whole)
    with pytest.raises(ValueError, match="inputs must have 2 numbers, got 1"):
        pictures.blame_back(**options, inputs=[1])


def test_gradients_are_drawn_for_every_seed():
    rows = torch.tensor([[1.0, 0.1], [1.0, 0.2]])
    (ax,) = pictures.gradient_by_step({"a": rows, "b": rows / 2}).axes
    assert [list(line.get_ydata()) for line in ax.lines[:2]] == [pytest.approx(r) for r in rows]
    assert [text.get_text() for text in ax.texts] == ["a", "b"] and ax.get_yscale() == "log"


def test_several_ahead_draws_lines_and_errors():
    lines = {"truth": torch.tensor([1.0, 2.0]), "guess": torch.tensor([2.0, 3.0])}
    fig = pictures.several_ahead([1, 2], lines, {"guess": [1.0, 2.0, 4.0]})
    left, right = fig.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[1, 2], [2, 3]]
    assert list(right.lines[0].get_xdata()) == [1, 2, 3]
    assert list(right.lines[0].get_ydata()) == [1, 2, 4]
    with pytest.raises(ValueError, match="guess"):
        pictures.several_ahead([1, 2, 3], {"guess": torch.zeros(2)}, {})


def test_a_reader_answers_once_and_a_free_writer_reads_itself():
    fig = pictures.uses()
    assert len(arrows(fig, INPUT)) == 9 and len(arrows(fig, MEMORY)) == 6
    assert len(arrows(fig, OUTPUT)) == 1 + 3 + 3 + 2  # two letters go back in
    assert words(fig).count("female") == 1


def test_the_ball_stays_under_its_cup():
    swap_left, swap_right = [1, 0, 2], [0, 2, 1]
    fig = pictures.cups([swap_left, swap_right, swap_left], ["a", "b", "c"])
    balls = [text.xy for text in fig.axes[0].texts if text.get_text() == "●"]
    assert [round(-y / 1.1) for _, y in balls] == [0, 1, 2, 2]
    ways = [arrow.get_path().vertices[[0, 1], 1] for arrow in arrows(fig, MEMORY)]
    assert [(round(-a / 1.1), round(-b / 1.1)) for a, b in ways] == [(0, 1), (1, 2), (2, 2)]
    assert len(arrows(fig, FAINT)) == 6
    assert [word for word in words(fig) if word in "abc" and word] == ["a", "b", "c"]
    middle = pictures.cups([swap_left], ["a"], ball=2)
    assert [round(-a.get_path().vertices[0, 1] / 1.1) for a in arrows(middle, MEMORY)] == [2]
    with pytest.raises(ValueError, match="permutations of 3 places"):
        pictures.cups([[0, 0, 2]], ["a"])


def test_upper_states_read_the_lower_ones_or_the_letters_from_the_end():
    fig = pictures.deep_and_both_ways("ab")
    onward = [arrow.get_path().vertices[[0, 1]] for arrow in arrows(fig, MEMORY)]
    assert [a[0] < b[0] for a, b in onward] == [True, True, True, False]
    assert len(arrows(fig, INPUT)) == 8 and len(arrows(fig, OUTPUT)) == 6
    above = [a.get_path().vertices[0, 1] for a in arrows(fig, INPUT)]
    assert sum(y > -1 for y in above) == 2  # from a lower state to an upper one, when deep
    assert words(fig).count("a") == 2 and words(fig).count("$o_2$") == 2
