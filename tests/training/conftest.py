"""Fixtures of the tests of dlnotes.training."""

import os

import pytest

from training.common import (
    hard_to_resume,
)


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """Do not wait for the disk: that protects from power cuts, which are not tested."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def uninterrupted(tmp_path):
    return hard_to_resume(tmp_path / "uninterrupted")
