"""Small models, small data and hard runs for the tests of dlnotes.training."""

import json
import os

import pytest
import torch
from torch import nn

from dlnotes.training import (
    classification_loss,
    fit,
)

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def small_data(n=50, dtype=torch.float32):
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(n, 4, generator=generator, dtype=dtype)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def small_model(dropout=0.0, dtype=torch.float32):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        layers = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 2)
        return nn.Sequential(*layers).to(dtype)


def plain_model(dtype=torch.float64):
    """Without batch normalisation and dropout: the gradient is a mean over samples."""
    model = small_model(dtype=dtype)
    return nn.Sequential(model[0], model[2], model[4])


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def quiet(model, *arguments, **options):
    options = dict(batch_size=10, progress=False, device="cpu") | options
    return fit(model, classification_loss, *arguments, **options)


def assert_same_weights(ours, theirs, **tolerance):
    tolerance = tolerance or {"rtol": 0, "atol": 0}
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), **tolerance)


def without_times(history):
    values = json.loads(json.dumps(history.to_dict()))
    del values["seconds"]
    for row in [*values["epochs"], values["best"] or {}]:
        row.pop("seconds", None)
    return values


def score(model):
    """Mean log-likelihood: it still rises in the second epoch of the run below."""
    return -classification_loss(model, small_data()).item()


class Unseen:
    """A function where the digest of code does not look, so that a test can end the same run."""

    def __init__(self, function):
        self._function = function

    def __call__(self, *arguments):
        return self._function(*arguments)


def hard_to_resume(folder, *, epochs=3, loss=classification_loss, validate=None, **options):
    """A run that uses everything which has a state; 5 steps an epoch, the last one smaller."""

    def transform(batch, generator):
        return batch[0] + 0.1 * torch.randn(batch[0].shape, generator=generator), batch[1]

    model = small_model(dropout=0.3)
    defaults = dict(
        epochs=epochs, batch_size=11, schedule="cosine", warmup=0.2, clip_norm=1.0, accumulate=2,
        validate=Unseen(validate or (lambda m: {"score": score(m)})), monitor="score",
        transform=transform, checkpoint_every=2, progress=False, device="cpu", checkpoint=folder,
        learning_rate=0.02,
    )  # fmt: skip
    return model, fit(model, Unseen(loss), small_data(), **defaults | options)


class Died(Exception):
    pass


def dies_at(call):
    """Return the loss, which fails at a call; there are two calls a step."""
    calls = []

    def loss(model, batch):
        calls.append(None)
        if len(calls) == call:
            raise Died
        return classification_loss(model, batch)

    return loss


def never(model, batch):
    raise AssertionError("trained")
