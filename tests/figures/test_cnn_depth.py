"""dlnotes.figures.cnn.depth: the classes are nested where they should be, the numbers right."""

import pytest
import torch
from matplotlib.patches import Polygon
from matplotlib.path import Path

from dlnotes.figures import cnn


def texts(ax):
    return [text.get_text() for text in ax.texts]


def blobs(ax):
    """Return the outlines by name, shallow first, as the names are written into them."""
    shapes = [Path(p.get_xy()) for p in ax.patches if isinstance(p, Polygon)]
    assert len(shapes) == 3
    return shapes[::-1]


def star_and_dots(ax):
    marked = {"*": [], "o": []}
    for line in ax.lines:
        if line.get_marker() in marked:
            marked[line.get_marker()].append(torch.tensor(line.get_xydata()[0]))
    (star,) = marked["*"]
    return star, marked["o"][::-1]


def test_shortcuts_put_each_class_of_functions_inside_the_next():
    plain, shortcuts = cnn.nested().axes
    first, second, third = blobs(shortcuts)
    assert second.contains_points(first.vertices).all()
    assert third.contains_points(second.vertices).all()
    shapes = blobs(plain)
    for a in shapes:
        for b in shapes:
            inside = b.contains_points(a.vertices)
            assert a is b or (inside.any() and not inside.all())  # they overlap, no more
    for ax in (plain, shortcuts):
        star, _ = star_and_dots(ax)
        assert not any(blob.contains_point(star) for blob in blobs(ax))


def test_the_dots_are_nearest_and_come_closer_with_shortcuts_only():
    distances = []
    for ax in cnn.nested(("a", "b", "c")).axes:
        star, dots = star_and_dots(ax)
        for blob, dot in zip(blobs(ax), dots, strict=True):
            least = (torch.tensor(blob.vertices) - star).norm(dim=1).min()
            assert (dot - star).norm() == pytest.approx(least.item(), abs=1e-5)
        distances.append([(dot - star).norm().item() for dot in dots])
        names = {t.get_text(): t.get_position() for t in ax.texts}
        for blob, name in zip(blobs(ax), "abc", strict=True):
            assert blob.contains_point(names[name])
        assert "what we look for" in names
    assert distances[0][0] < distances[0][1] < distances[0][2]
    assert distances[1][0] > distances[1][1] > distances[1][2]
    with pytest.raises(ValueError, match="names must be 3, got 2"):
        cnn.nested(("a", "b"))


@pytest.mark.parametrize("values", [(-1.34, -0.45, 0.45, 1.34), (-1.5, -0.3, 0.6, 1.2)])
def test_the_four_numbers_are_stretched_as_batch_normalisation_does(values):
    ax = cnn.stretched(values).axes[0]
    after = torch.tensor(values).double().relu()
    norm = torch.nn.BatchNorm1d(1, eps=1e-12).double()
    steps = torch.stack(
        [torch.tensor(values).double(), after, after - after.mean(), norm(after[:, None])[:, 0]]
    )
    dots = [line for line in ax.lines if line.get_marker() in tuple("os^D")]
    heights = torch.tensor([line.get_ydata()[0] for line in dots]).view(4, 4)
    assert torch.allclose(heights, steps.detach().to(heights), atol=1e-6)
    markers = [line.get_marker() for line in dots]
    assert markers == list("os^D") * 4
    joined = [line.get_ydata() for line in ax.lines if line.get_linewidth() == 1.6]
    assert len(joined) == 12
    for k, line in enumerate(joined):
        step, image = divmod(k, 4)
        assert list(line) == pytest.approx(steps[step : step + 2, image].tolist(), abs=1e-6)
    gaps = [t for t in ax.texts if t.get_size() == 18 and t.get_text() != "→"]
    assert [t.get_text() for t in gaps] == [f"{s[3] - s[2]:.2f}" for s in steps]
    bars = [line.get_ydata() for line in ax.lines if line.get_linewidth() == 7]
    assert [bar[1] - bar[0] for bar in bars] == pytest.approx([(s[3] - s[2]).item() for s in steps])


def test_the_stretched_numbers_are_those_of_the_text():
    ax = cnn.stretched().axes[0]
    written = {text: texts(ax).count(text) for text in ("0.89", "1.63", "−0.82", "−0.45", "0")}
    assert written == {"0.89": 4, "1.63": 2, "−0.82": 1, "−0.45": 2, "0": 1}
    assert {"minus the mean\n0.45", "divided by the\ndeviation 0.55"} <= set(texts(ax))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((-1.0, 0.0, 1.0), "four rising numbers"),
        ((1.34, 0.45, -0.45, -1.34), "four rising numbers"),
        ((-1.0, -0.9, -0.1, 2.0), "the last two above 0"),
        ((-1.34, -0.45, 0.45, 2.34), "mean 0 and deviation 1, got 0.25"),
        ((-2.68, -0.9, 0.9, 2.68), "mean 0 and deviation 1, got 0.00 and 2.00"),
    ],
)
def test_stretched_wants_four_normalised_numbers(values, message):
    with pytest.raises(ValueError, match=message):
        cnn.stretched(values)


def test_the_letters_are_large():
    for fig in (cnn.nested(), cnn.stretched()):
        least = 24 / 1280 * 72 * fig.get_figwidth()
        assert min(t.get_size() for ax in fig.axes for t in ax.texts) >= least
