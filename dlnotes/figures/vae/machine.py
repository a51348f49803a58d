"""Drawings of the machine: training and drawing, and the side road of the noise."""

from matplotlib.figure import Figure

from dlnotes.plotting import (
    APPROXIMATION,
    DECODER,
    ENCODER,
    INK,
    NEGATIVE,
    NOISE,
    NOTE,
    POSITIVE,
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
    drawing = Diagram((0, 15.4), (-6.2, 3.3), width=10.2, font=16)
    look = dict(width=2.2, heights=(2.6, 1.5), color=tint(ENCODER, 0.6))
    data = drawing.box(1.0, 1.0, f"$x$\n{pixels}", width=1.3, height=1.4)
    encoder = drawing.funnel(3.3, 1.0, "encoder", **look)
    proposal = drawing.box(5.75, 1.0, "", width=1.8, height=2.3, color=tint(APPROXIMATION, 0.2))
    for y, letter in ((1.55, r"\mu"), (0.45, r"\sigma")):
        drawing.box(5.75, y, f"${letter}$  {numbers}", width=1.4, color=tint(APPROXIMATION))
    drawing.text(5.75, 2.15, "$q_\\phi(z|x)$", side="above", color=NOTE)
    code = drawing.box(8.0, 1.0, f"$z$\n{numbers}", width=1.1, height=1.4)
    look |= dict(heights=(1.5, 2.6), color=tint(DECODER, 0.6))
    decoder = drawing.funnel(10.4, 1.0, "decoder", **look)
    term = dict(width=2.9, height=1.4)
    answer = drawing.box(
        13.7, 1.0, "explains\n$\\log p_\\theta(x|z)$", color=tint(POSITIVE, 0.3), **term
    )
    cost = drawing.box(
        5.75, -1.45, "leaves\n$D_{KL}(q\\Vert p)$", color=tint(NEGATIVE, 0.3), **term
    )
    for start, end in ((data, encoder), (encoder, proposal), (proposal, code), (code, decoder)):
        drawing.arrow(start, end)
    drawing.arrow(decoder, answer)
    drawing.arrow(proposal, cost)
    again = drawing.box(13.7, -1.45, "the same $x$", width=2.4, height=0.9)
    drawing.arrow(again, answer)
    noise = drawing.box(8.0, 2.75, r"$\varepsilon$", width=0.9, height=0.6, color=tint(NOISE))
    drawing.arrow(noise, code, color=NOISE)
    drawing.text(0.3, 2.9, "training", ha="left", fontweight="bold")

    prior = drawing.box(5.4, -4.7, r"$\mathcal{N}(0,I)$", width=2.2, height=1.0, color=tint(PRIOR))
    code = drawing.box(8.0, -4.7, f"$z$\n{numbers}", width=1.1, height=1.4)
    decoder = drawing.funnel(10.4, -4.7, "decoder", **look)
    image = drawing.box(13.7, -4.7, f"{pixels}\nprobabilities", width=2.9, height=1.4)
    drawing.arrow(prior, code)
    drawing.arrow(code, decoder)
    drawing.arrow(decoder, image)
    drawing.text(5.4, -5.2, "prior", side="below", color=NOTE)
    drawing.text(0.3, -4.7, "drawing", ha="left", fontweight="bold")
    drawing.arrow((0.2, -2.8), (15.2, -2.8), color=NOTE, head="-", width=0.8)
    return drawing.figure


def side_road() -> Figure:
    """Draw a draw that stops the gradient, and one whose noise comes from the side."""
    drawing = Diagram((-2.7, 11.0), (-4.6, 2.4), width=9.4)
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
            drawing.text(0.5, y, "gradient\narrives", side="left", color=PURPLE)
        if inside:
            drawing.text(0.5, y, "no\ngradient", side="left", color=PURPLE)
    return drawing.figure
