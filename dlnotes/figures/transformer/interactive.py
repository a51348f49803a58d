"""The figure of chapter 7 to play with: build a head that reads hat, hate, heat and paste."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.figures import explore
from dlnotes.figures.cnn.parts import INK, arrow, blank, cell, say
from dlnotes.plotting import BLUE, ORANGE, SKY, tint

WORDS = {"hat": False, "hate": True, "heat": False, "paste": True}  # does e make the a long?


def weights_of(word: str, content: float, place: float, shift: int) -> Tensor:
    """Return the weights of the a: it asks for an e, and for the place ``shift`` further on."""
    is_e = torch.tensor([float(letter == "e") for letter in word])
    here = word.index("a")
    distance = torch.arange(len(word)) - here - shift
    return (content * is_e + place * torch.cos(distance.float())).softmax(0)


def answer_of(word: str, content: float, place: float, shift: int) -> float:
    """Return how much of the value "makes me long" reaches the a."""
    weights = weights_of(word, content, place, shift)
    return sum(w.item() for w, letter in zip(weights, word, strict=True) if letter == "e")


def draw_head(*, content: float, place: float, shift: int, fig: Figure | None = None) -> Figure:
    """Draw the looks of the a in four words, and whether its answer is right.

    Args:
        content: strength of "are you an e?".
        place: strength of "do you stand there?".
        shift: how many places further on.
        fig: an earlier result, to be changed; None makes a new one.
    """
    if fig is None:
        fig = Figure(figsize=(8.4, 4.4))
        fig.add_axes((0, 0, 1, 1))
    (ax,) = fig.axes
    ax.clear()
    blank(ax, 30, 15.7)
    for number, (word, long) in enumerate(WORDS.items()):
        left, top = 0.8 + 15 * (number % 2), 3.4 + 8.2 * (number // 2)
        weights = weights_of(word, content, place, shift)
        start = (left + 2.1 * word.index("a") + 0.75, top)
        for j, letter in enumerate(word):
            x, weight = left + 2.1 * j, weights[j].item()
            cell(ax, x, top, 1.5, tint(SKY, 0.7 if letter == "a" else 0.2), line=INK)
            say(ax, x + 0.75, top + 0.75, letter, size=17)
            arrow(ax, start, (x + 0.75, top - 1.7), colour=BLUE, width=0.6 + 8 * weight, head="-")
            say(ax, x + 0.75, top - 2.3, f"{weight:.2f}", size=13, color=BLUE)
        answer = answer_of(word, content, place, shift)
        right = (answer > 0.5) == long
        text = f"answer {answer:.2f}, {'right' if right else 'wrong'}"
        say(ax, left, top + 2.4, text, size=15, ha="left", color=BLUE if right else ORANGE)
    return fig


def _words(*, content: float, place: float, shift: int) -> str:
    answers = [f"{word} {answer_of(word, content, place, shift):.2f}" for word in WORDS]
    return f"The letter a looks at the letters of four words. Its answers: {', '.join(answers)}."


def head() -> dict:
    """Show the figure with sliders for the two questions of a head."""
    state: dict[str, Figure] = {}

    def draw(**values):
        state["fig"] = draw_head(**values, fig=state.get("fig"))
        return state["fig"]

    return explore(
        draw,
        alt=_words,
        caption="Build a head that reads. The a asks two questions, are you an e, and do you stand "
        "so many places after me. The sliders say how strongly it asks. Lines are as thick as the "
        "weights. Can one setting read all four words?",
        content=(0.0, 12.0, 0.5, 2.0),
        place=(0.0, 12.0, 0.5, 0.0),
        shift=(-2, 3, 1, 2),
    )
