"""Pictures of chapter 8, one call each.

``tables`` draws part A (axes, tables of company, short vectors) and the analogy, ``guessing`` part
B (windows, pull and push, noise words, the tree), ``schemes`` the whole of skip-gram and the two
ways, ``measured`` what the experiments found, ``interactive`` a word and its company.
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
    by_list,
    by_size,
    by_window,
    learning,
    moved,
    score_cloud,
    scores,
    word_map,
)
from dlnotes.figures.word2vec.schemes import network, two_ways
from dlnotes.figures.word2vec.tables import (
    count_table,
    one_hot_axes,
    parallelogram,
    shortened,
    table_row,
    two_tables,
)

__all__ = [
    "by_list",
    "by_size",
    "by_window",
    "company",
    "count_table",
    "draw_company",
    "learning",
    "moved",
    "network",
    "one_hot_axes",
    "pair_losses",
    "parallelogram",
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
    "two_tables",
    "two_ways",
    "word_map",
]
