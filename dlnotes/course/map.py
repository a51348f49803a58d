"""The map of the course: which chapter rests on which."""

from matplotlib.figure import Figure

from dlnotes.course import CHAPTERS, Chapter
from dlnotes.plotting import BLACK, GREY, figure

# what to read first, by number of the chapter
NEEDS = {
    2: (1,), 3: (1,), 4: (3,), 5: (4,), 6: (5,), 7: (6,), 8: (1,), 9: (4, 8), 10: (7, 9), 11: (7,),
    12: (2, 7), 13: (2,), 14: (13,), 15: (2,), 16: (15,), 17: (1,), 18: (17,), 19: (18,), 20: (16,),
}  # fmt: skip
LABELS = {
    1: "two kinds\nof model", 2: "CNN", 3: "RNN", 4: "LSTM", 5: "GRU", 6: "seq2seq",
    7: "trans-\nformer", 8: "word2vec", 9: "ELMo", 10: "BERT", 11: "GPT", 12: "ViT", 13: "GAN",
    14: "WGAN", 15: "auto-\nencoder", 16: "VAE", 17: "flows", 18: "NICE", 19: "RealNVP",
    20: "diffusion",
}  # fmt: skip
PLACES = {
    1: (0, 2), 3: (1.15, 2), 4: (2.1, 2), 5: (3.05, 2), 6: (4, 2), 7: (5.1, 2), 11: (6.3, 2),
    8: (1.15, 0.7), 9: (3.05, 0.7), 10: (6.3, 0.7), 2: (1.15, 3.3), 12: (6.3, 3.3),
    13: (2.1, 4.5), 14: (3.05, 4.5), 15: (2.1, 5.7), 16: (3.05, 5.7), 20: (4.1, 5.7),
    17: (2.1, 6.9), 18: (3.05, 6.9), 19: (4.1, 6.9),
}  # fmt: skip
FILLS = {"discriminative": "#CFE6F5", "generative": "#FBE0CC", "both": "#E4E4E4"}


def objective(chapter: Chapter) -> str:
    """Return what a chapter's objective models: "discriminative", "generative" or "both"."""
    return chapter.tags[0] if len(chapter.tags) == 1 else "both"


def course_map() -> Figure:
    """Return the map: one box per chapter, an arrow from what to read first, dashed if planned."""
    fig, ax = figure(height=6.6)
    boxes = {}
    for chapter in CHAPTERS[1:]:
        box = dict(
            boxstyle="round,pad=0.4",
            facecolor=FILLS[objective(chapter)],
            edgecolor=BLACK,
            linewidth=1.6 if chapter.built else 1.0,
            linestyle="-" if chapter.built else (0, (4, 3)),
        )
        label = f"{chapter.number}\n{LABELS[chapter.number]}"
        place = PLACES[chapter.number]
        boxes[chapter.number] = ax.text(*place, label, ha="center", va="center", bbox=box, zorder=3)
    ax.set(xlim=(-0.55, 6.8), ylim=(0.1, 7.5))
    ax.set_axis_off()
    fig.canvas.draw()  # the boxes know their size only now, and the arrows end at them
    for number, earlier in NEEDS.items():
        for first in earlier:
            ax.annotate(
                "",
                PLACES[number],
                PLACES[first],
                arrowprops=dict(
                    arrowstyle="-|>",
                    color=GREY,
                    patchA=boxes[first].get_bbox_patch(),
                    patchB=boxes[number].get_bbox_patch(),
                    shrinkA=3,
                    shrinkB=3,
                ),
            )
    for number, (kind, fill) in enumerate(FILLS.items()):
        box = dict(boxstyle="round,pad=0.3", facecolor=fill, edgecolor=BLACK)
        ax.text(5.3, 6.9 - 0.5 * number, kind, va="center", bbox=box)
    return fig
