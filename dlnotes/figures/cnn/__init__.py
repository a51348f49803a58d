"""Pictures of chapter 2, one call each.

``operation``, ``stacks`` and ``windows`` draw part A (windows, filters, sizes), ``shifts`` what a
shift does, ``learning``, ``gradients`` and ``measured`` part B (loss, descent, backpropagation,
learning curves, noise), ``cures`` what helps against overfitting, ``networks`` and ``blocks`` parts
C and D (architectures, blocks, contests), ``depth`` what depth changes, ``scale`` what is drawn to
scale there, ``interactive`` the three figures with sliders; ``parts`` is what they are made of.
"""

from dlnotes.figures.cnn.blocks import one_by_one, residual_chain, two_small_kernels
from dlnotes.figures.cnn.cures import cures, dropout
from dlnotes.figures.cnn.depth import nested, stretched
from dlnotes.figures.cnn.gradients import backprop, pooling, ravine, relu_gate
from dlnotes.figures.cnn.interactive import (
    convolution,
    draw_convolution,
    draw_shift,
    feature_maps,
    shift,
)
from dlnotes.figures.cnn.learning import (
    backward,
    blame,
    learning_curves,
    loss_and_rate,
    overfitting,
    schedule,
    valley,
)
from dlnotes.figures.cnn.measured import gradient_cloud, log_loss, rates_panel
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
from dlnotes.figures.cnn.shifts import (
    best_patches,
    moved_copies,
    padding_breaks,
    readings,
    stride_breaks,
)
from dlnotes.figures.cnn.stacks import filter_stack
from dlnotes.figures.cnn.story import chapter_strip
from dlnotes.figures.cnn.turned import turned_kernel
from dlnotes.figures.cnn.walks import descent, draw_descent, walk
from dlnotes.figures.cnn.windows import circulant, combs, photograph, windows_matrix

__all__ = [
    "activation_sizes",
    "architecture",
    "backprop",
    "backward",
    "best_patches",
    "blame",
    "chapter_strip",
    "circulant",
    "combs",
    "contest",
    "convolution",
    "cures",
    "depth_panels",
    "descent",
    "draw_convolution",
    "draw_descent",
    "draw_shift",
    "dropout",
    "feature_maps",
    "filter_stack",
    "filters",
    "gradient_cloud",
    "inception",
    "learning_curves",
    "lines",
    "log_loss",
    "loss_and_rate",
    "moved_copies",
    "nested",
    "networks_to_scale",
    "norm_cube",
    "one_by_one",
    "overfitting",
    "padding_breaks",
    "photograph",
    "pipeline",
    "pooling",
    "pyramid",
    "rates_panel",
    "ravine",
    "readings",
    "relu_gate",
    "residual",
    "residual_chain",
    "row",
    "samples",
    "schedule",
    "shift",
    "shuffled",
    "square",
    "stretched",
    "stride_breaks",
    "turned_kernel",
    "two_small_kernels",
    "use_counts",
    "valley",
    "walk",
    "window",
    "windows_matrix",
    "wirings",
]
