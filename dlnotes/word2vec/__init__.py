"""Words as vectors, learned from the company they keep (chapter 8): by counting, by predicting.

Read the files in this order: ``corpus`` turns text into word ids, ``counting`` makes vectors of who
stands beside whom; ``windows`` cuts the pairs, ``losses`` says what a pair costs, ``models`` are
skip-gram and CBOW, ``loop`` trains them, ``hierarchical`` is the tree in place of the list;
``vectors`` asks for neighbours and analogies.

What differs from word2vec.c: noise words are drawn for a block of centre words, not for each pair,
and one of them may be the true word; steps are taken by AdamW over thousands of pairs, not by SGD
after each; sub-sampling follows the paper's formula, not the program's.
"""

from dlnotes.word2vec.corpus import END, Corpus, keep_probability, noise_distribution
from dlnotes.word2vec.counting import (
    WEIGHTS,
    cooccurrence,
    optimal_scores,
    pair_counts,
    pmi,
    ppmi,
    shorten,
    table_loss,
)
from dlnotes.word2vec.hierarchical import HierarchicalSoftmax, huffman_codes
from dlnotes.word2vec.loop import ROW, train
from dlnotes.word2vec.losses import (
    ScoreTable,
    negative_gradient,
    negative_loss,
    softmax_gradient,
    softmax_loss,
)
from dlnotes.word2vec.models import CBOW, SkipGram
from dlnotes.word2vec.vectors import WordVectors, cosine
from dlnotes.word2vec.windows import Blocks, Sampler, pairs, sampler, subsample

__all__ = [
    "CBOW",
    "END",
    "ROW",
    "WEIGHTS",
    "Blocks",
    "Corpus",
    "HierarchicalSoftmax",
    "Sampler",
    "ScoreTable",
    "SkipGram",
    "WordVectors",
    "cooccurrence",
    "cosine",
    "huffman_codes",
    "keep_probability",
    "negative_gradient",
    "negative_loss",
    "noise_distribution",
    "optimal_scores",
    "pair_counts",
    "pairs",
    "pmi",
    "ppmi",
    "sampler",
    "shorten",
    "softmax_gradient",
    "softmax_loss",
    "subsample",
    "table_loss",
    "train",
]
