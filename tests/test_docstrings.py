"""The examples in docstrings are true."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest
import torch

import dlnotes

PACKAGE = Path(dlnotes.__file__).parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_are_true(name):
    failed, attempted = doctest.testmod(import_module(name), extraglobs={"torch": torch})
    assert failed == 0 < attempted  # what was expected and what came instead is printed
