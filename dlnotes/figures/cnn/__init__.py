"""Pictures of chapter 2, one call each.

``operation`` and ``windows`` draw part A (windows, filters, sizes, shifts), ``learning`` and
``gradients`` part B (loss, descent, backpropagation, learning curves), ``networks`` parts C and D
(architectures, blocks, contests), ``scale`` what is drawn to scale there, ``interactive`` the three
figures with sliders; ``parts`` is what they are made of.
"""

from dlnotes.figures.cnn.gradients import backprop, pooling, ravine, relu_gate
from dlnotes.figures.cnn.interactive import (
    convolution,
    descent,
    draw_convolution,
    draw_descent,
    draw_shift,
    feature_maps,
    shift,
    walk,
)
from dlnotes.figures.cnn.learning import (
    backward,
    blame,
    histogram,
    learning_curves,
    overfitting,
    schedule,
    valley,
)
from dlnotes.figures.cnn.networks import (
    architecture,
    contest,
    depth_panels,
    filters,
    inception,
    lines,
    residual,
)
from dlnotes.figures.cnn.operation import (
    filter_stack,
    pipeline,
    pyramid,
    row,
    samples,
    shuffled,
    square,
    use_counts,
    window,
    wirings,
)
from dlnotes.figures.cnn.scale import activation_sizes, networks_to_scale, norm_cube
from dlnotes.figures.cnn.windows import circulant, combs, photograph, windows_matrix

__all__ = [
    "activation_sizes",
    "architecture",
    "backprop",
    "backward",
    "blame",
    "circulant",
    "combs",
    "contest",
    "convolution",
    "depth_panels",
    "descent",
    "draw_convolution",
    "draw_descent",
    "draw_shift",
    "feature_maps",
    "filter_stack",
    "filters",
    "histogram",
    "inception",
    "learning_curves",
    "lines",
    "networks_to_scale",
    "norm_cube",
    "overfitting",
    "photograph",
    "pipeline",
    "pooling",
    "pyramid",
    "ravine",
    "relu_gate",
    "residual",
    "row",
    "samples",
    "schedule",
    "shift",
    "shuffled",
    "square",
    "use_counts",
    "valley",
    "walk",
    "window",
    "windows_matrix",
    "wirings",
]
