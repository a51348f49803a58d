"""dlnotes.figures.cnn.gradients: what is drawn going back is what autograd sends back."""

import pytest
import torch
import torch.nn.functional as F
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from dlnotes.figures import cnn
from dlnotes.figures.cnn.parts import shade
from dlnotes.plotting import BLUE, ORANGE

KERNEL, DENSE = torch.tensor([-1.0, 1]), torch.tensor([[1.0, -2], [-0.5, 3]])


def little_network(strip):
    x = torch.tensor(strip, requires_grad=True)
    w = KERNEL.clone().requires_grad_()
    y = x.unfold(0, 2, 1) @ w
    active = y.relu()
    pooled = F.max_pool1d(active[None], 2)[0]
    logits = DENSE @ pooled
    loss = F.cross_entropy(logits[None], torch.tensor([1]))
    values = dict(strip=x, map=y, ReLU=active, pooled=pooled, logits=logits)
    gradients = torch.autograd.grad(loss, [*values.values(), w])
    return values | {"loss": loss}, list(gradients[:5]), gradients[5]


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def said(value):
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "0") else text.replace("-", "−")


def test_backprop_writes_every_number_above_its_gradient():
    values, gradients, at_kernel = little_network([0.0, 0, 1, 1, 0])
    fig = cnn.backprop(values, gradients, KERNEL, DENSE)
    cells = [p for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    written = {(t.get_position()): t.get_text() for t in fig.axes[0].texts}
    inside = []
    for cell in cells[:-2]:  # the last two are the key
        middle = (cell.get_x() + cell.get_width() / 2, cell.get_y() + cell.get_height() / 2)
        inside.append(written[middle])
    expected = []
    for value, gradient in zip(values.values(), gradients, strict=False):
        for a, d in zip(value.tolist(), gradient.tolist(), strict=True):
            expected += [said(a), said(d)]
    assert inside == [*expected, said(values["loss"].item())]
    backs = torch.cat(gradients).tolist()
    assert [c.get_facecolor()[:3] for c in cells[1:-3:2]] == [shade(d, 3.0) for d in backs]
    both = ", ".join(said(value) for value in at_kernel.tolist())
    assert f"kernel ∂L/∂w = ({both})" in texts(fig)


@pytest.mark.parametrize("strip", [[0.0, 0, 1, 1, 0], [2.0, 1, 3, 0, 5]])
def test_wires_are_coloured_where_a_gradient_passes_and_grey_ends_where_none_does(strip):
    values, gradients, _ = little_network(strip)
    fig = cnn.backprop(values, gradients, KERNEL, DENSE)
    arrows = [p for p in fig.axes[0].patches if isinstance(p, FancyArrowPatch)]
    y, (_, at_map, at_relu, _, at_logits) = values["map"], gradients
    carried = [at_map[i] * KERNEL[u] for i in range(4) for u in range(2)]
    carried += [at_relu[i] * (y[i] > 0) for i in range(4)]
    carried += list(at_relu)  # pooling gives to the winners, who keep all of it
    carried += [at_logits[k] * DENSE[k, j] for k in range(2) for j in range(2)]
    carried += list(at_logits)
    signs = [BLUE if c > 0 else ORANGE for c in carried if c]
    assert [p.get_facecolor()[:3] for p in arrows] == [to_rgb(c) for c in signs]
    bars = [line for line in fig.axes[0].lines if line.get_linewidth() == 4]
    assert len(bars) == int((y <= 0).sum()) + 2  # shut ReLUs, and the loser of each window


@pytest.mark.parametrize("strip", [[0.0, 0, 1, 1, 0], [2.0, 1, 3, 0, 5], [0.0, 1, 0, 4, 4]])
def test_coloured_wires_end_where_there_is_a_gradient_and_name_their_weight(strip):
    values, gradients, _ = little_network(strip)
    fig = cnn.backprop(values, gradients, KERNEL, DENSE)
    cells = [p for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    coloured = {}  # right end of a node and height of its middle -> its gradient
    for cell, back in zip(cells[1:-3:2], torch.cat(gradients).tolist(), strict=True):
        coloured[round(cell.get_x() + cell.get_width(), 2), round(cell.get_y(), 2)] = back
    arrows = [p._posA_posB for p in fig.axes[0].patches if isinstance(p, FancyArrowPatch)]
    ends = {(round(x - 0.08, 2), round(y, 2)) for _, (x, y) in arrows}
    assert ends == {place for place, back in coloured.items() if back}
    wires = [t for t in fig.axes[0].texts if t.get_bbox_patch() is not None]
    y, (_, at_map, _, _, at_logits) = values["map"], gradients
    expected = [KERNEL[u] for i in range(len(y)) for u in range(2) if at_map[i]]
    expected += [DENSE[k, j] for k in range(2) if at_logits[k] for j in range(2)]
    assert [t.get_text() for t in wires] == [said(w.item()) for w in expected]


def test_between_logits_and_loss_stand_p_and_t_and_p_minus_t_goes_back():
    values, gradients, _ = little_network([0.0, 0, 1, 1, 0])
    ax = cnn.backprop(values, gradients, KERNEL, DENSE).axes[0]
    p = values["logits"].softmax(0).tolist()
    boxes = [b for b in ax.patches if isinstance(b, FancyBboxPatch)]
    written = {tuple(round(v, 2) for v in t.get_position()): t.get_text() for t in ax.texts}
    middles = [(b.get_x() + b.get_width() / 2, b.get_y() + b.get_height() / 2) for b in boxes]
    inside = [written[tuple(round(v, 2) for v in middle)] for middle in middles]
    assert inside == [f"{p[0]:.3f}", f"{p[1]:.3f}", "0", "1"]
    words = texts(cnn.backprop(values, gradients, KERNEL, DENSE))
    assert {"p", "target t", "p − t goes back", f"−log {p[1]:.3f}"} <= set(words)
    arrows = [a._posA_posB for a in ax.patches if isinstance(a, FancyArrowPatch)]
    for (start, end), (_, y), box in zip(arrows[-2:], middles[:2], boxes[:2], strict=True):
        assert start[1] == end[1] == pytest.approx(y)
        assert end[0] < start[0] <= box.get_x()  # from p back to the logit of the same class


def test_backprop_refuses_a_gradient_that_is_not_p_minus_t():
    values, gradients, _ = little_network([0.0, 0, 1, 1, 0])
    with pytest.raises(ValueError, match="gradient of logits must be softmax"):
        cnn.backprop(values, [*gradients[:4], 2 * gradients[4]], KERNEL, DENSE)


def test_backprop_refuses_what_does_not_belong_together():
    values, gradients, _ = little_network([0.0, 0, 1, 1, 0])
    with pytest.raises(ValueError, match="must be 6 and 5, got 6 and 4"):
        cnn.backprop(values, gradients[:4], KERNEL, DENSE)
    with pytest.raises(ValueError, match="gradient of map must have shape"):
        cnn.backprop(values, [gradients[0], gradients[0], *gradients[2:]], KERNEL, DENSE)


@pytest.mark.parametrize(("backwards", "name"), [(False, "a"), (True, "δ")])
def test_the_relu_gate_has_the_slopes_of_relu(backwards, name):
    fig = cnn.relu_gate(backwards=backwards)
    a, b = (torch.tensor(data) for data in fig.axes[0].lines[0].get_data())
    torch.testing.assert_close(b, a.clamp_min(0))
    words = texts(fig)
    assert {"a > 0, slope 1, open", "a ≤ 0, slope 0, shut", "slope 0", "slope 1"} <= set(words)
    assert words.count(name) == 3 and words.count("0") == 1  # nothing comes through a shut gate
    (arrow,) = (p for p in fig.axes[1].patches if isinstance(p, FancyArrowPatch))
    (start, _), (end, _) = arrow._posA_posB
    shut = next(t for t in fig.axes[1].texts if t.get_text() == "0").get_position()[0]
    stopped = fig.axes[1].lines[2].get_xdata()  # behind it stands the 0
    assert (start > end) is backwards and (shut < 5) is backwards
    assert (min(stopped), max(stopped))[1 - backwards] == 5


def test_pooling_draws_both_results_in_the_tint_of_their_window():
    values = torch.tensor([[1.0, 3, 0, 2], [5, 2, 1, 4], [0, 1, 7, 3], [2, 6, 0, 2]])
    fig = cnn.pooling(values)
    cells = [p for p in fig.axes[0].patches if isinstance(p, Rectangle) and p.get_linewidth() < 2]
    written = [t for t in texts(fig) if t.replace(".", "").isdigit()]
    largest, mean = (f(values[None], 2)[0] for f in (F.max_pool2d, F.avg_pool2d))
    expected = torch.cat([values.flatten(), largest.flatten(), mean.flatten()]).tolist()
    assert [float(t) for t in written] == expected
    colours = [c.get_facecolor() for c in cells]
    windows = torch.arange(16).view(4, 4).unfold(0, 2, 2).unfold(1, 2, 2).reshape(4, 4)
    for k, window in enumerate(windows.tolist()):
        assert len({colours[i] for i in (*window, 16 + k, 20 + k)}) == 1
    assert len(set(colours)) == 4
    frames = [p for p in fig.axes[0].patches if isinstance(p, Rectangle) and p.get_linewidth() == 3]
    corners = [(round(p.get_x() - 0.5), round(p.get_y() - 1.2)) for p in frames]
    assert corners == [(0, 1), (3, 1), (1, 3), (2, 2)]  # of 5, 4, 6 and 7
    with pytest.raises(ValueError, match="values must have even H and W"):
        cnn.pooling(values[:3])


def test_the_ravine_draws_every_walk_and_writes_its_last_loss():
    hessian = torch.tensor([[13.0, 12], [12, 13]])
    walks = {"plain": torch.tensor([[1.0, 0], [0.5, 0.25]]), "Adam": torch.tensor([[0.0, 1.0]])}
    fig = cnn.ravine({"a": (hessian, walks), "b": (torch.eye(2), walks)})
    assert [ax.get_title() for ax in fig.axes] == ["a", "b"]
    for ax, h in zip(fig.axes, (hessian, torch.eye(2)), strict=True):
        drawn = [line for line in ax.lines if line.get_marker() == "o"]
        for line, points in zip(drawn, walks.values(), strict=True):
            assert torch.tensor(line.get_xydata()).tolist() == points.tolist()
        ends = [(0.5 * p[-1] @ h @ p[-1]).item() for p in walks.values()]
        names = [f"{name}\n{end:.2g}" for name, end in zip(walks, ends, strict=True)]
        assert [t.get_text() for t in ax.texts] == names
        colours = [line.get_color() for line in drawn]
        assert [t.get_color() for t in ax.texts] == colours and len(set(colours)) == 2
    with pytest.raises(ValueError, match="hessian of a must have shape"):
        cnn.ravine({"a": (torch.eye(3), walks)})
