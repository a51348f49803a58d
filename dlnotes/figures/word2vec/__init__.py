"""Pictures of chapter 8, one call each.

``tables`` draws part A (axes, tables of company, short vectors) and the analogy, ``guessing`` part
B (windows, pull and push, noise words, the tree), ``steps`` how vectors and scores are moved,
``schemes`` the whole of skip-gram and the two ways, ``measured`` what the experiments found,
``interactive`` a word and its company.
"""

from dlnotes.figures.word2vec.guessing import (
    pair_losses,
    pull,
    six_of_many,
    sliding,
    toy_curves,
    tree,
    tricks,
    two_models,
)
from dlnotes.figures.word2vec.interactive import company, draw_company
from dlnotes.figures.word2vec.measured import (
    by_window,
    learning,
    moved,
    score_cloud,
    scores,
    word_map,
)
from dlnotes.figures.word2vec.schemes import network, two_ways
from dlnotes.figures.word2vec.steps import film, forces
from dlnotes.figures.word2vec.tables import (
    count_table,
    one_hot_axes,
    parallelogram,
    patterns,
    shortened,
    table_row,
)

__all__ = [
    "by_window",
    "company",
    "count_table",
    "draw_company",
    "film",
    "forces",
    "learning",
    "moved",
    "network",
    "one_hot_axes",
    "pair_losses",
    "parallelogram",
    "patterns",
    "pull",
    "score_cloud",
    "scores",
    "shortened",
    "six_of_many",
    "sliding",
    "table_row",
    "toy_curves",
    "tree",
    "tricks",
    "two_models",
    "two_ways",
    "word_map",
]
