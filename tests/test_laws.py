"""Every public module of the package obeys every law of tests/laws.py."""

import inspect
import pkgutil
from importlib import import_module

import pytest
from laws import LAWS, MODULES
from torch import nn

import dlnotes


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", MODULES)
def test_module(name, law):
    law(MODULES[name])


def public_modules():
    """Return the classes of public modules that the package defines."""
    for info in pkgutil.walk_packages(dlnotes.__path__, "dlnotes."):
        for name, value in vars(import_module(info.name)).items():
            if inspect.isclass(value) and issubclass(value, nn.Module) and not name.startswith("_"):
                if value.__module__ == info.name:
                    yield value


def test_every_public_module_has_a_line():
    built = {type(module.build()) for module in MODULES.values()}
    bases = {base for kind in built for base in kind.__mro__[1:]}
    missing = {kind.__name__ for kind in public_modules()} - {k.__name__ for k in built | bases}
    assert not missing
