"""Pictures of chapter 7, one call each.

``looking`` and ``scaling`` draw part A (looks, projections, weights, the root), ``positions`` and
``layers`` part B (clocks, four words, heads, the layer), ``masks`` and ``machine`` part C
(staircase, cross-attention, architecture), ``steps`` single steps, ``slices`` tables that are cut,
``measured`` what the experiments found, ``interactive`` the head with sliders.
"""

from dlnotes.figures.transformer.interactive import draw_head, head
from dlnotes.figures.transformer.layers import collapse, encoder_layer, lanes
from dlnotes.figures.transformer.looking import (
    look,
    projections,
    pushes,
    relay_and_look,
    weights_map,
)
from dlnotes.figures.transformer.machine import architecture, rates
from dlnotes.figures.transformer.masks import crossing, staircase
from dlnotes.figures.transformer.measured import accuracies, cost, maps
from dlnotes.figures.transformer.positions import clocks, code_map, four_words
from dlnotes.figures.transformer.scaling import score_spread, softmax_points
from dlnotes.figures.transformer.slices import both_masks, cut_heads, norm_slices, path_lengths
from dlnotes.figures.transformer.steps import bent_sum, cache_rows, greedy_tree, picked_rows

__all__ = [
    "accuracies",
    "architecture",
    "bent_sum",
    "both_masks",
    "cache_rows",
    "clocks",
    "code_map",
    "collapse",
    "cost",
    "crossing",
    "cut_heads",
    "draw_head",
    "encoder_layer",
    "four_words",
    "greedy_tree",
    "head",
    "lanes",
    "look",
    "maps",
    "norm_slices",
    "path_lengths",
    "picked_rows",
    "projections",
    "pushes",
    "rates",
    "relay_and_look",
    "score_spread",
    "softmax_points",
    "staircase",
    "weights_map",
]
