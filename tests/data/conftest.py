"""Fixtures of the tests of dlnotes.data."""

import socket

import pytest

from data.common import PARTS, SHIPPED, TEXTS
from dlnotes.data import files


@pytest.fixture(scope="module")
def texts():
    """Every part of every text set, read once."""
    return {read.__name__: {part: read(part) for part in PARTS} for read in TEXTS}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """An empty folder that DLNOTES_DATA names."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("DLNOTES_DATA", str(folder))
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A shipped folder of our own with the two tables only, and an empty cache."""
    folder = tmp_path / "data"
    folder.mkdir()
    for table in ("SHA256SUMS", "RAW_SHA256SUMS"):
        (folder / table).write_bytes((SHIPPED / table).read_bytes())
    monkeypatch.setattr(files, "_BESIDE_THE_PACKAGE", folder)
    monkeypatch.setattr(files, "_INSIDE_THE_PACKAGE", tmp_path / "no such folder")
    monkeypatch.setenv("DLNOTES_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DLNOTES_DATA", raising=False)
    return folder


@pytest.fixture
def offline(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("the network is off")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(autouse=True)
def only_shipped_files(monkeypatch):
    monkeypatch.delenv("DLNOTES_DATA", raising=False)
