"""Shared by all tests: one seed, one thread, and the one way to hold a module against another.

Run in several processes (``pytest -n 2 --dist loadgroup``), tests that share a fixture, such as a
trained model or a running JupyterLab, stay in one process, or each would make its own.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

# a deadline would fail on a busy machine; 30 small examples find what 100 do
settings.register_profile("dlnotes", deadline=None, max_examples=30)
settings.load_profile("dlnotes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests that use a fixture which their file or folder makes only once."""
    for item in items:
        used = getattr(item, "_fixtureinfo", None)
        for *_, definition in used.name2fixturedefs.values() if used else ():
            if definition.scope != "function" and definition.baseid.startswith("tests"):
                item.add_marker(pytest.mark.xdist_group(definition.baseid))
                break


@pytest.fixture(autouse=True)
def seed():
    """Seed torch with 0, on one thread; afterwards everything is as it was."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        yield torch.manual_seed(0)
    torch.set_num_threads(threads)


@pytest.fixture
def assert_equal_layers() -> Callable[..., None]:
    """Check that two modules are one: state dict, outputs, gradients of inputs and parameters.

    ``check(ours, theirs, *inputs, atol=1e-10, double=True, **options)``: the state dict of
    ``theirs`` is loaded into ``ours``, strictly; then both get copies of the inputs (tensors,
    nested as they like; None, flags and integer tensors stay as they are) and the keyword options,
    in float64 unless ``double=False``. Every output is given the same arbitrary gradient. Both are
    seeded alike, so dropout may act if both draw their masks in the same order.
    """

    def own_copy(x: Any, double: bool) -> Any:
        if not isinstance(x, Tensor):
            return x
        if not x.is_floating_point():
            return x.clone()
        return (x.double() if double else x).detach().clone().requires_grad_()

    def run(module: nn.Module, inputs: Any, options: Any, double: bool) -> tuple[Any, ...]:
        inputs, options = tree_map(lambda x: own_copy(x, double), (inputs, options))
        module.zero_grad(set_to_none=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            outputs = [x for x in tree_leaves(module(*inputs, **options)) if isinstance(x, Tensor)]
        wanted = [x for x in outputs if x.requires_grad]
        assert wanted, f"no output of {type(module).__name__} depends on a parameter or an input"
        torch.autograd.backward(wanted, [torch.cos(7 * x.detach()) for x in wanted])
        leaves = [x for x in tree_leaves((inputs, options)) if isinstance(x, Tensor)]
        parameters = {name: p.grad for name, p in module.named_parameters()}
        return outputs, [x.grad for x in leaves], parameters, module.state_dict()

    def check(
        ours: nn.Module,
        theirs: nn.Module,
        *inputs: Any,
        atol: float = 1e-10,
        double: bool = True,
        **options: Any,
    ) -> None:
        if double:
            ours, theirs = ours.double(), theirs.double()
        ours.load_state_dict(theirs.state_dict(), strict=True)
        results = [run(module, inputs, options, double) for module in (ours, theirs)]
        for what, (mine, reference) in zip(
            ("outputs", "gradients of inputs", "gradients of parameters", "buffers afterwards"),
            zip(*results, strict=True),
            strict=True,
        ):
            torch.testing.assert_close(
                mine, reference, rtol=0, atol=atol, msg=lambda m, what=what: f"{what}: {m}"
            )

    return check
