"""The figure of chapter 8 to play with: a word and its company."""

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dlnotes.figures import explore
from dlnotes.figures.cnn.parts import INK, readable
from dlnotes.plotting import BLUE, SKY
from dlnotes.word2vec import Corpus, WordVectors, pair_counts

NEAREST = 8


def nearest(
    vectors: WordVectors, met: Tensor, corpus: Corpus, word: str, numbers: int
) -> list[tuple[str, float, int]]:
    """Return the nearest words by the first ``numbers`` numbers: cosine, and how often they met."""
    short = WordVectors(vectors.words, vectors.vectors[:, :numbers])
    found = short.most_similar(word, NEAREST)
    others = torch.tensor([corpus.id(other) for other, _ in found])
    times = pair_counts(met, torch.full_like(others, corpus.id(word)), others).tolist()
    return [(other, value, int(n)) for (other, value), n in zip(found, times, strict=True)]


def draw_company(
    rows: list[tuple[str, float, int]], word: str, fig: Figure | None = None
) -> Figure:
    """Draw the nearest words of a word.

    Args:
        rows: (neighbour, cosine, how often it stood within five words).
        word: whose they are.
        fig: an earlier result, to be changed; None makes a new one.
    """
    if fig is None:
        fig = Figure(figsize=(8.2, 4.0))
        fig.add_axes((0.2, 0.16, 0.56, 0.72))
    (ax,) = fig.axes
    ax.clear()
    for place, (_, value, times) in enumerate(rows):
        ax.barh(-place, value, color=BLUE if times else SKY, alpha=0.65)
        text = {0: "never met", 1: "met once"}.get(times, f"met {times} times")
        ax.text(1.02, -place, text, va="center", fontsize=14, color=INK)
    ax.set(yticks=[-i for i in range(len(rows))], yticklabels=[row[0] for row in rows])
    ax.set(xlim=(0, 1), xlabel="cosine", title=f"nearest to {word}")
    ax.grid(axis="y", visible=False)
    readable(ax)
    return fig


def company(tables: Mapping[int, WordVectors], met: Tensor, corpus: Corpus) -> dict:
    """Show a word's nearest words, with controls for word, window and numbers.

    Args:
        tables: window -> vectors, the most important number first.
        met: how often two words stood within five words, sparse (V, V).
        corpus: whose words they are.
    """
    state: dict[str, Figure] = {}
    known = "mexico railroad energy school thirty war bank freedom wheat mother".split()
    words = [word for word in known if word in corpus]
    most = min(vectors.vectors.shape[1] for vectors in tables.values())

    def rows(*, word: str, window: int, numbers: int) -> list[tuple[str, float, int]]:
        return nearest(tables[window], met, corpus, word, numbers)

    def draw(**values) -> Figure:
        state["fig"] = draw_company(rows(**values), values["word"], state.get("fig"))
        return state["fig"]

    def alt(**values) -> str:
        names = ", ".join(row[0] for row in rows(**values))
        return f"The nearest words of {values['word']} with window {values['window']}: {names}."

    return explore(
        draw,
        alt=alt,
        caption="A word and its company. Dark bars have stood within five words of it, light ones "
        "never. When are the nearest words replacements, and when are they partners in a sentence?",
        word=words,
        window=list(tables),
        numbers=(2, most, 2, min(100, most)),
    )
