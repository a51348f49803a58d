"""Drawings of the machine: training and drawing, and the side road of the noise."""

from matplotlib.figure import Figure

from dlnotes.plotting import (
    APPROXIMATION,
    DECODER,
    ENCODER,
    INK,
    NOISE,
    NOTE,
    PRIOR,
    PURPLE,
    Diagram,
    tint,
)


def architecture(pixels: int = 784, numbers: int = 40) -> Figure:
    """Draw a training step, and below it the drawing of a new image.

    Args:
        pixels: of an image.
        numbers: in a code.
    """
    drawing = Diagram((0, 16.6), (-5.9, 3.4), width=10.2)
    look = dict(width=2.3, heights=(2.6, 1.5), color=tint(ENCODER, 0.6))
    data = drawing.box(1.0, 1.0, f"$x$\n{pixels}", width=1.3, height=1.4)
    encoder = drawing.funnel(3.4, 1.0, "encoder", **look)
    proposal = drawing.box(5.95, 1.0, "", width=1.9, height=2.5, color=tint(APPROXIMATION, 0.2))
    for y, letter in ((1.6, r"\mu"), (0.4, r"\sigma")):
        drawing.box(5.95, y, f"${letter}$  {numbers}", width=1.4, color=tint(APPROXIMATION))
    drawing.text(5.95, 2.3, "$q_\\phi(z|x)$", side="above", color=NOTE)
    code = drawing.box(8.6, 1.0, f"$z$\n{numbers}", width=1.1, height=1.4)
    look |= dict(heights=(1.5, 2.6), color=tint(DECODER, 0.6))
    decoder = drawing.funnel(11.1, 1.0, "decoder\n$p_\\theta(x|z)$", **look)
    answer = drawing.box(14.2, 1.0, "explains\n$\\log p_\\theta(x|z)$", width=2.6, height=1.4)
    cost = drawing.box(14.2, -0.9, "leaves\n$D_{KL}(q\\Vert p)$", width=2.6, height=1.2)
    for start, end in ((data, encoder), (encoder, proposal), (proposal, code), (code, decoder)):
        drawing.arrow(start, end)
    drawing.arrow(decoder, answer)
    drawing.arrow(proposal.bottom, (5.95, -0.9), cost.left)
    drawing.arrow(data.bottom, (1.0, -1.9), (16.1, -1.9), (16.1, 1.0), answer.right)
    drawing.text(3.4, -1.9, "the image to be explained", side="above", color=NOTE)
    noise = drawing.box(8.6, 2.75, r"$\varepsilon$", width=0.9, height=0.6, color=tint(NOISE))
    drawing.arrow(noise, code, color=NOISE)
    drawing.text(0.3, 2.9, "training", ha="left", fontweight="bold")

    prior = drawing.box(5.9, -4.2, r"$\mathcal{N}(0,I)$", width=2.2, height=1.0, color=tint(PRIOR))
    code = drawing.box(8.6, -4.2, f"$z$\n{numbers}", width=1.1, height=1.4)
    decoder = drawing.funnel(11.1, -4.2, "decoder\n$p_\\theta(x|z)$", **look)
    image = drawing.box(14.3, -4.2, f"{pixels}\nprobabilities", width=2.6, height=1.3)
    drawing.arrow(prior, code)
    drawing.arrow(code, decoder)
    drawing.arrow(decoder, image)
    drawing.text(5.9, -4.7, "prior", side="below", color=NOTE)
    drawing.text(0.3, -4.2, "drawing", ha="left", fontweight="bold")
    drawing.arrow((0.2, -2.4), (16.4, -2.4), color=NOTE, head="-", width=0.8)
    return drawing.figure


def side_road() -> Figure:
    """Draw a draw that stops the gradient, and one whose noise comes from the side."""
    drawing = Diagram((0, 13.4), (-4.6, 2.4), width=9.4)
    back = dict(color=PURPLE, width=2.4)
    for y, inside in ((0.9, True), (-2.9, False)):
        mean = drawing.box(1.2, y + 0.55, r"$\mu$", width=1.1, color=tint(APPROXIMATION))
        spread = drawing.box(1.2, y - 0.55, r"$\sigma$", width=1.1, color=tint(APPROXIMATION))
        words = "draw $z$ from\n" + r"$\mathcal{N}(\mu,\sigma^2)$"
        words = words if inside else r"$z=\mu+\sigma\odot\varepsilon$"
        box = drawing.box(5.5, y, words, width=3.0, height=1.3)
        drawing.box(9.9, y, "$f(z)$", width=1.6, height=1.0)
        drawing.arrow(mean.right, (4.0, y + 0.28), color=INK)
        drawing.arrow(spread.right, (4.0, y - 0.28), color=INK)
        drawing.arrow((7.0, y + 0.18), (9.1, y + 0.18), color=INK)
        drawing.arrow((9.1, y - 0.22), (7.05, y - 0.22), **back)
        if inside:
            drawing.text(7.0, y - 0.75, "the gradient stops here", side="below", color=PURPLE)
        else:
            noise = drawing.box(5.5, y + 1.55, r"$\varepsilon$", width=1.0, color=tint(NOISE))
            drawing.arrow(noise, box, color=NOISE)
            drawing.arrow((4.0, y + 0.0), (1.8, y + 0.28), **back)
            drawing.arrow((4.0, y - 0.52), (1.8, y - 0.82), **back)
            drawing.text(6.15, y + 1.55, "from outside", side="right", color=NOTE)
            drawing.text(10.9, y, "gradient\narrives", side="right", color=PURPLE)
        if inside:
            drawing.text(10.9, y, "no gradient\nfor μ and σ", side="right", color=PURPLE)
    return drawing.figure
