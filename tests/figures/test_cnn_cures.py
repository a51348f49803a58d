"""dlnotes.figures.cnn.cures: masks drop units with their wires, dots and bars are the runs."""

import pytest
from matplotlib.patches import Circle

from dlnotes.figures import cnn
from dlnotes.plotting import GREEN, GREY


def texts(ax):
    return [text.get_text() for text in ax.texts]


KEEP = ((1, 0, 1, 1, 0), (0, 0, 0, 1, 0))


def test_dropped_units_are_dashed_crossed_out_and_have_no_wires():
    fig = cnn.dropout(KEEP, inputs=3, outputs=2)
    assert [texts(ax)[0] for ax in fig.axes] == ["in use", "one training step", "the next step"]
    for ax, mask in zip(fig.axes, ((1,) * 5, *KEEP), strict=True):
        circles = [p for p in ax.patches if isinstance(p, Circle)]
        middle = [p for p in circles if p.center[1] == 3.8]
        assert len(circles) == 5 + 3 + 2 and len(middle) == 5
        assert [p.get_linestyle() not in ("--", "dashed") for p in middle] == list(map(bool, mask))
        wires = [line for line in ax.lines if line.get_linewidth() == 1.5]
        assert len(wires) == (3 + 2) * sum(mask)
        starts = {wire.get_xdata()[0] for wire in wires}
        assert starts == {p.center[0] for p, stays in zip(middle, mask, strict=True) if stays}
        ends = {tuple(wire.get_xydata()[1]) for wire in wires}
        assert ends == {p.center for p in circles if p.center[1] != 3.8}
        crosses = [sum(line.get_xdata()) / 2 for line in ax.lines if line.get_linewidth() == 2.6]
        gone = [p.center[0] for p, stays in zip(middle, mask, strict=True) if not stays]
        assert crosses == pytest.approx([x for x in gone for _ in range(2)])
        assert texts(ax)[1] == f"{sum(mask)} of 5 hidden units"


def test_dropout_draws_one_step_and_names_wrong_masks():
    assert len(cnn.dropout(((1, 0, 1),)).axes) == 2
    for keep in (((1, 0), (1, 0, 1)), ((1, 2, 0),), ((1,),), ((1,) * 7,)):
        with pytest.raises(ValueError, match="keep must hold masks of 2 to 6"):
            cnn.dropout(keep)
    for keep in ((), ((1, 0),) * 3):
        with pytest.raises(ValueError, match=r"len\(keep\) must lie in \[1, 2\]"):
            cnn.dropout(keep)
    with pytest.raises(ValueError, match=r"inputs must lie in \[1, 6\], got 7"):
        cnn.dropout(KEEP, inputs=7)


LOSSES = {"none": [0.5, 0.6, 0.7], "dropout": [0.4, 0.5], "early stopping": [0.45]}
ACCURACIES = {"none": [84.0, 85, 86], "dropout": [86.0, 87], "early stopping": [83.0]}


def test_cures_have_a_dot_per_seed_a_bar_at_the_mean_and_a_grey_reference():
    fig = cnn.cures(LOSSES, ACCURACIES)
    left, right = fig.axes
    assert left.get_xlabel() == "validation loss"
    assert right.get_xlabel() == "validation accuracy (%)"
    assert [t.get_text() for t in left.get_yticklabels()] == list(LOSSES)
    assert left.get_ylim() == right.get_ylim() and left.get_ylim()[0] > left.get_ylim()[1]
    assert left.get_title(loc="left") == "← better" and right.get_title(loc="right") == "better →"
    for ax, results in ((left, LOSSES), (right, ACCURACIES)):
        means = [sum(runs) / len(runs) for runs in results.values()]
        dots = [line for line in ax.lines if line.get_marker() == "o"]
        bars = [line for line in ax.lines if line.get_linewidth() == 4]
        assert [list(line.get_xdata()) for line in dots] == list(results.values())
        assert [line.get_xdata()[0] for line in bars] == pytest.approx(means)
        for row, (dot, bar) in enumerate(zip(dots, bars, strict=True)):
            assert set(dot.get_ydata()) == {row} and sum(bar.get_ydata()) / 2 == row
            assert dot.get_color() == bar.get_color() == (GREEN if row else GREY)
        (reference,) = [line for line in ax.lines if line.get_ls() == ":"]
        assert reference.get_xdata()[0] == pytest.approx(means[0])


def test_cures_must_be_the_same_in_both_panels_and_have_runs():
    other = dict(reversed(ACCURACIES.items()))
    for losses, accuracies in (({}, {}), (LOSSES, other), (LOSSES, {"none": [84.0]})):
        with pytest.raises(ValueError, match="must have the same cures in order"):
            cnn.cures(losses, accuracies)
    for runs in ([], [float("nan")]):
        with pytest.raises(ValueError, match="each cure must have finite runs"):
            cnn.cures(LOSSES, ACCURACIES | {"none": runs})


def test_the_letters_are_large():
    for fig in (cnn.dropout(KEEP), cnn.cures(LOSSES, ACCURACIES)):
        least = 24 / 1280 * 72 * fig.get_figwidth()
        fig.draw_without_rendering()
        sizes = [t.get_size() for ax in fig.axes for t in ax.texts]
        sizes += [t.get_size() for ax in fig.axes if ax.axison for t in ax.get_xticklabels()]
        assert min(sizes) >= least
