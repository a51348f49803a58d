"""dlnotes: deep-learning architectures, derived, proved by running cells and trained on real data.

One chapter is one module of this package: ``from dlnotes.cnn import LeNet5``. The package itself
imports nothing, so that ``import dlnotes`` costs nothing; the helpers which every notebook uses
(``dlnotes.begin``, ``dlnotes.profile``) are fetched from ``dlnotes.notebook`` on first use.
"""

from importlib import import_module

__version__ = "0.1.0"

PROFILES = ("smoke", "standard", "full")  # seconds, minutes, hours per notebook
RECORD_MIME_TYPE = "application/vnd.dlnotes.record+json"  # of what ``record`` displays
_FROM_NOTEBOOK = ("begin", "check", "choose", "profile", "record", "show")


def __getattr__(name: str):
    if name in _FROM_NOTEBOOK:
        return getattr(import_module("dlnotes.notebook"), name)
    raise AttributeError(f"module 'dlnotes' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FROM_NOTEBOOK])
