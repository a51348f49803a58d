"""dlnotes.plotting: figures show the numbers they were given, in colours all can tell apart."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from dlnotes import plotting


def draw(fig):
    fig.canvas.draw()
    return fig


def decode(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def pixels(fig):
    return decode(plotting.png(fig))


# ---- what a notebook shows ---------------------------------------------------------------------


class Parts(HTMLParser):
    """The elements of a piece of HTML, and the text in each of them."""

    def __init__(self, text):
        super().__init__()
        self.attributes, self.text, self.open = {}, {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.attributes[tag] = dict(attributes)
        self.open += [tag] if tag != "img" else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag  # well nested

    def handle_data(self, data):
        for tag in self.open:
            self.text[tag] = self.text.get(tag, "") + data


def test_a_bundle_is_a_figure_with_a_white_png_of_the_width_of_a_page_its_words_and_caption():
    fig = plotting.curves({"a": [1.0, 2.0]}, xlabel="x", ylabel="y")
    alt = 'a line that rises from "one" & <two>'
    bundle = plotting.image_bundle(fig, alt, "Look at *it*: 1 < 2.")
    assert set(bundle) == {"text/html", "text/plain"} and bundle["text/plain"] == f"Figure: {alt}"
    assert "\n" not in bundle["text/html"]
    parts = Parts(bundle["text/html"])
    assert list(parts.attributes) == ["figure", "img", "figcaption", "em"]
    assert (
        parts.attributes["img"]["alt"] == alt and parts.text["figcaption"] == "Look at it: 1 < 2."
    )
    kind, data = parts.attributes["img"]["src"].split(",")
    assert kind == "data:image/png;base64"
    image = decode(base64.b64decode(data))
    assert (image == pixels(fig)).all() and (image[0, 0] == 255).all()
    assert image.shape[1] == round(plotting.WIDTH * plotting.DPI)


def test_without_a_caption_there_is_none():
    bundle = plotting.image_bundle(plotting.figure()[0], "an empty figure, for the test")
    assert list(Parts(bundle["text/html"]).attributes) == ["figure", "img"]


def test_a_figure_without_description_is_refused():
    with pytest.raises(ValueError, match="alt must describe the figure"):
        plotting.show(plotting.figure()[0], alt="a figure ")


@pytest.mark.parametrize(
    ("caption", "shown"),
    [
        ("plain & <b>", "plain &amp; &lt;b&gt;"),
        ("*one* **two**, `x_1`", "<em>one</em> <strong>two</strong>, <code>x_1</code>"),
        ("`a * b` and `c * d`", "<code>a * b</code> and <code>c * d</code>"),
        ("$a*b$ and $c*d < 1$", r'<span class="math">\(a*b\)</span> and '
         r'<span class="math">\(c*d &lt; 1\)</span>'),
        ("**bold $x$**", r'<strong>bold <span class="math">\(x\)</span></strong>'),
        ("*so `y` <*", "<em>so <code>y</code> &lt;</em>"),
        ("2 * 3 costs 5", "2 * 3 costs 5"),
    ],
)  # fmt: skip
def test_a_caption_is_small_markdown(caption, shown):
    assert plotting.caption_html(caption) == shown


def test_a_png_has_few_colours_and_few_bytes_and_looks_the_same():
    fig, ax = plotting.figure()
    ax.imshow(np.linspace(-1, 1, 400).reshape(20, 20), cmap=plotting.DIVERGING)
    ax.plot([0, 19], [0, 19], color=plotting.GREEN)
    few, exact = plotting.png(fig), plotting.png(fig, quick=True)
    assert Image.open(io.BytesIO(few)).mode == "P" and len(few) < 0.6 * len(exact)
    difference = np.abs(decode(few).astype(int) - decode(exact)).max()
    assert 0 < difference <= 16 and (decode(few)[0, 0] == 255).all()


def test_a_picture_of_many_colours_keeps_them():
    fig, ax = plotting.figure()
    ax.imshow(np.random.default_rng(0).random((200, 200, 3)))
    image = Image.open(io.BytesIO(plotting.png(fig)))
    assert (
        image.mode == "RGB" and (np.asarray(image) == decode(plotting.png(fig, quick=True))).all()
    )


# ---- colours -----------------------------------------------------------------------------------


def test_positive_is_blue_and_negative_orange():
    assert (plotting.POSITIVE, plotting.NEGATIVE) == (plotting.BLUE, plotting.ORANGE)
    low, middle, high = (plotting.DIVERGING(value) for value in (0.0, 0.5, 1.0))
    assert np.allclose(low[:3], to_rgb(plotting.ORANGE), atol=0.005)
    assert np.allclose(high[:3], to_rgb(plotting.BLUE), atol=0.005)
    assert np.allclose(middle[:3], 1, atol=0.005)


def test_a_tint_lies_between_white_and_its_colour():
    assert plotting.tint(plotting.BLUE, 1) == pytest.approx(to_rgb(plotting.BLUE))
    assert plotting.tint(plotting.BLUE, 0) == (1, 1, 1)
    assert plotting.tint("#000000", 0.25) == (0.75, 0.75, 0.75)
    with pytest.raises(ValueError, match="share must lie between 0 and 1"):
        plotting.tint(plotting.BLUE, 35)


# Machado et al. (2009), severity 1: what a person without the red or green cones sees, linear RGB
DEFICIENCIES = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def lab(rgb):
    """CIELAB of linear RGB."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", [None, *DEFICIENCIES])
def test_the_first_six_colours_stay_apart_for_everyone(kind):
    colours = []
    for colour in plotting.COLORS[:6]:
        s = np.array(to_rgb(colour))
        linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
        colours.append(lab(np.array(DEFICIENCIES[kind]) @ linear if kind else linear))
    distances = [np.linalg.norm(a - b) for i, a in enumerate(colours) for b in colours[:i]]
    assert min(distances) > 10  # a just noticeable difference is about 2.3


def test_curves_draw_mean_and_band_of_several_runs():
    runs = torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]])
    fig = plotting.curves(
        {"runs": ([10, 20, 30], runs), "one": [0.0, 1.0, 2.0]},
        xlabel="step",
        ylabel="loss (nats)",
        levels={"chance": 2.3},
    )
    (ax,) = draw(fig).axes
    assert ax.lines[0].get_xdata().tolist() == [10, 20, 30]
    assert ax.lines[0].get_ydata().tolist() == [2, 3, 4]
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == 1 and band.max() == 5
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["runs", "one"]
    assert ax.get_xlabel() == "step" and ax.get_ylabel() == "loss (nats)"
    assert ax.lines[2].get_ydata() == [2.3, 2.3] and ax.texts[0].get_text() == "chance"
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()


def test_eight_curves_can_be_told_apart():
    fig = plotting.curves({str(k): [0.0, k] for k in range(8)}, xlabel="x", ylabel="y")
    (ax,) = draw(fig).axes
    looks = [(line.get_color(), str(line.get_linestyle())) for line in ax.lines]
    assert len(set(looks)) == 8
    dashes = {line._dash_pattern[1] and tuple(line._dash_pattern[1]) for line in ax.lines}
    assert len(dashes) == len({str(dash) for dash in plotting.DASHES})


def test_bars_show_mean_spread_and_every_seed():
    fig = plotting.bars({"a": [1.0, 2.0, 6.0], "b": 2.0}, xlabel="accuracy (%)", format="{:.1f}")
    (ax,) = draw(fig).axes
    assert [bar.get_width() for bar in ax.patches] == [3.0, 2.0]
    dots = next(line for line in ax.lines if line.get_marker() == "o")
    assert dots.get_xdata().tolist() == [1.0, 2.0, 6.0]
    assert [text.get_text() for text in ax.texts] == ["3.0", "2.0"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b"]


@pytest.mark.parametrize("shape", [(7, 9, 5), (7, 1, 9, 5), (7, 3, 9, 5)])
def test_image_grids_share_one_scale_and_keep_the_order(shape):
    images = torch.rand(shape)
    fig = plotting.image_grid(images, columns=4, titles=list("abcdefg"))
    shown = [ax.images[0] for ax in fig.axes if ax.images]
    assert len(shown) == 7 and len(fig.axes) == 8
    assert {picture.get_clim() for picture in shown} == {(images.min().item(), images.max().item())}
    third = images[2].permute(1, 2, 0) if shape[1] == 3 else images[2].reshape(9, 5)
    np.testing.assert_array_equal(shown[2].get_array(), third.numpy())
    assert [ax.get_title() for ax in fig.axes[:7]] == list("abcdefg")


def test_image_grids_may_have_frames_and_larger_titles():
    images = torch.rand(3, 4, 4)
    fig = plotting.image_grid(images, columns=2, titles=list("abc"), title_size=15, frames=True)
    assert [ax.title.get_size() for ax in fig.axes[:3]] == [15] * 3
    shown = [ax.axison and all(s.get_visible() for s in ax.spines.values()) for ax in fig.axes]
    assert shown == [True, True, True, False]
    assert not any(len(ax.get_xticks()) for ax in fig.axes[:3])
    plain = plotting.image_grid(images, columns=2, titles=list("abc"))
    assert not any(ax.axison for ax in plain.axes)
    assert plain.axes[0].title.get_size() == 11 and plain.get_figheight() < fig.get_figheight()


def test_image_grids_refuse_other_shapes():
    for wrong in (torch.zeros(3, 3), torch.zeros(0, 3, 3)):
        with pytest.raises(ValueError, match="images must have shape"):
            plotting.image_grid(wrong)


def test_matrix_writes_numbers_legibly_on_light_and_dark():
    fig = plotting.matrix([[0.0, 1.0], [0.25, np.nan]], cmap="gray", format="{:.2f}")
    (ax,) = draw(fig).axes
    assert [(t.get_text(), t.get_color()) for t in ax.texts] == [
        ("0.00", "white"),
        ("1.00", "black"),
        ("0.25", "white"),
    ]
    assert (
        len(draw(plotting.matrix(torch.rand(30, 30))).axes) == 2
    )  # too many numbers: a colour bar
    with pytest.raises(ValueError, match="values must have shape"):
        plotting.matrix([1.0, 2.0])


def test_confusion_colours_only_the_errors():
    fig = plotting.confusion(torch.tensor([[50, 2], [0, 40]]), ["cat", "dog"])
    (ax,) = draw(fig).axes
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0, 2], [0, 0]])
    assert [text.get_text() for text in ax.texts] == ["50", "2", "40"]
    assert ax.get_xlabel() == "predicted class" and ax.get_ylabel() == "true class"


def test_scatter_gives_each_class_a_colour_and_a_marker():
    points, labels = torch.rand(30, 2), torch.arange(30) % 3
    fig = plotting.scatter(points, labels, names=["a", "b", "c"])
    (ax,) = draw(fig).axes
    np.testing.assert_allclose(ax.collections[1].get_offsets(), points[labels == 1])
    assert len({tuple(c.get_facecolor()[0]) for c in ax.collections}) == 3
    assert len({len(c.get_paths()[0].vertices) for c in ax.collections}) > 1
    with pytest.raises(ValueError, match=r"points must have shape \(N, 2\)"):
        plotting.scatter(torch.rand(3, 3))


def test_nothing_is_clipped():
    """Ink must not touch the edge of the picture."""
    figures = [
        plotting.curves({"a": [1, 1000.0]}, xlabel="x", ylabel="y", log="y", title="A title"),
        plotting.bars({"a long name of a model": [97.1, 98.2], "b": 10.0}, xlabel="accuracy (%)"),
        plotting.matrix(torch.rand(5, 5), xlabel="key", ylabel="query"),
        plotting.confusion(torch.eye(10), ["ankle boot"] * 10),
        plotting.image_grid(torch.rand(6, 8, 8), columns=3, titles=["title"] * 6, title="All"),
        plotting.scatter(torch.rand(9, 2), torch.arange(9) % 2, names=["one class", "another"]),
    ]
    for fig in figures:
        image = pixels(fig)
        edges = [image[0], image[-1], image[:, 0], image[:, -1]]
        assert all((edge == 255).all() for edge in edges)


# ---- latent planes -----------------------------------------------------------------------------


def test_a_map_lays_out_its_images_from_the_bottom_left():
    images = torch.zeros(2, 3, 4, 5)
    images[0, 0] = 1.0  # first row, first column
    images[1, 2, 0, 4] = 0.5  # last row, last column: its top right pixel
    fig = draw(plotting.image_map(images, x=[-1.5, 0, 1.5], y=[0.0, 2.0], limits=(0, 1)))
    (ax,) = fig.axes
    shown = np.asarray(ax.images[0].get_array())
    assert shown.shape == (8, 15)
    assert (shown[4:, :5] == 1).all() and shown.sum() == pytest.approx(20.5)
    assert shown[0, 14] == pytest.approx(0.5)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["−1.5", "0", "1.5"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "2"]
    assert list(ax.get_xticks()) == [0.5, 1.5, 2.5]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("z₁", "z₂")


def test_a_large_map_writes_few_numbers():
    fig = draw(plotting.image_map(torch.rand(20, 30, 2, 2), x=range(30), y=range(20)))
    assert len(fig.axes[0].get_xticks()) == len(fig.axes[0].get_yticks()) == 5
    assert fig.axes[0].get_xticklabels()[-1].get_text() == "29"


def test_a_map_writes_zero_as_zero():
    line = torch.linspace(-3, 3, 15)
    line[7] = -3e-8  # as torch.linspace may give it
    fig = draw(plotting.image_map(torch.rand(15, 15, 2, 2), x=line, y=-line))
    texts = [tick.get_text() for tick in fig.axes[0].get_xticklabels()]
    assert texts[2] == "0" and texts[0] == "−3"
    assert [tick.get_text() for tick in fig.axes[0].get_yticklabels()][2] == "0"


def test_a_map_of_another_shape_is_named():
    with pytest.raises(ValueError, match=r"images must have shape \(2, 3, H, W\)"):
        plotting.image_map(torch.rand(3, 2, 4, 4), x=[0, 1, 2], y=[0, 1])
    with pytest.raises(ValueError, match="images must have shape"):
        plotting.image_map(torch.rand(6, 4, 4), x=[0, 1, 2], y=[0, 1])


def test_circles_hold_their_share_of_the_prior():
    codes = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0))
    fig = draw(plotting.latent_scatter(codes, shares=(0.3, 0.9)))
    (ax,) = fig.axes
    assert [text.get_text() for text in ax.texts] == ["30% of the prior", "90% of the prior"]
    for line, share in zip(ax.lines, (0.3, 0.9), strict=True):
        radius = np.hypot(*line.get_data())
        assert np.ptp(radius) < 1e-9
        inside = (codes.norm(dim=1) < radius[0]).double().mean().item()
        assert inside == pytest.approx(share, abs=0.01)
    with pytest.raises(ValueError, match="shares must lie between 0 and 1"):
        plotting.latent_scatter(codes, shares=(95,))


def test_codes_are_drawn_by_class_into_given_axes():
    _, axes = plotting.figure(1, 2)
    labels = torch.tensor([0, 1, 1])
    plotting.latent_scatter(torch.rand(3, 2), labels, names=["a", "b"], ax=axes[1])
    assert len(axes[0].collections) == 0
    assert [len(c.get_offsets()) for c in axes[1].collections] == [1, 2]
    assert [t.get_text() for t in axes[1].get_legend().get_texts()] == ["a", "b"]


def test_rows_show_their_images_and_names():
    first, second = torch.rand(3, 1, 4, 5), 2 * torch.rand(2, 4, 5)
    fig = draw(plotting.image_rows({"given": first, "made": second}, title="two rows"))
    assert [ax.get_ylabel() for ax in fig.axes] == ["given", "made"]
    assert fig.get_suptitle() == "two rows"
    long = plotting.image_rows({"a name of much more than a word": first, "b": second})
    assert pixels(fig).shape[1] > 100 < pixels(long).shape[1]  # this draws them, and places names
    for drawn in (fig, long):
        drawn.draw_without_rendering()  # puts the names in their places
        for label in (ax.yaxis.label for ax in drawn.axes):
            assert label.get_window_extent().x0 > 0  # nothing is cut off
    for ax, images in zip(fig.axes, (first[:, 0], second), strict=True):
        strip = ax.images[0].get_array()
        assert strip.shape == (4, 17) and strip.mask[:, 5].all()
        for number, image in enumerate(images):
            shown = strip[:, 6 * number : 6 * number + 5]
            assert np.abs(shown - image.numpy()).max() < 0.0501  # in twenty shades from 0 to 2
        limits = ax.images[0].get_clim()
        both = torch.cat([first.flatten(), second.flatten()])
        assert limits == pytest.approx((both.min().item(), both.max().item()))
    assert fig.axes[1].images[0].get_array().mask[:, 12:].all()  # the shorter row ends in white
    fixed = plotting.image_rows({"given": first}, limits=(0, 3))
    assert fixed.axes[0].images[0].get_clim() == (0, 3)
    wide = plotting.image_rows({"many": torch.rand(40, 4, 4)})
    assert wide.get_figwidth() < plotting.WIDTH + 1.5


@pytest.mark.parametrize(
    "rows",
    [
        {"a": torch.rand(2, 4, 4), "b": torch.rand(2, 4, 5)},
        {"a": torch.rand(4, 4)},
        {"a": torch.rand(0, 4, 4)},
        {"a": torch.rand(2, 3, 4, 4)},
    ],
)
def test_rows_of_other_shapes_are_named(rows):
    with pytest.raises(ValueError, match="rows must hold images"):
        plotting.image_rows(rows)
