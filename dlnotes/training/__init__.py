"""Train any model of the course: one visible loop on Lightning Fabric.

``fit`` is the six-line loop of the CNN chapter (batch, loss, backward, step) with what every run
needs around it: device, precision, several processes, a progress bar, a history and checkpoints
from which a killed run goes on as if nothing had happened. The loop itself is ``_loop``.

Everything random is fixed by ``seed``: the order of the samples, the augmentation, and what the
model and its loss draw from torch's own generator, which is afterwards as it was before.
"""

from dlnotes.training.batching import (
    Batch,
    accuracy,
    batches,
    classification_loss,
    device,
    mode,
    predict,
)
from dlnotes.training.checkpoints import load_checkpoint
from dlnotes.training.history import History, schedule_factor
from dlnotes.training.loop import fit
from dlnotes.training.parallel import over_seeds, report, side_by_side
from dlnotes.training.weights import load_weights, save_weights, weights_metadata

__all__ = [
    "Batch",
    "History",
    "accuracy",
    "batches",
    "classification_loss",
    "device",
    "fit",
    "load_checkpoint",
    "load_weights",
    "mode",
    "over_seeds",
    "predict",
    "report",
    "save_weights",
    "schedule_factor",
    "side_by_side",
    "weights_metadata",
]
