"""dlnotes.training.fingerprints: what is not the same run is noticed, what is the same never."""

import os
import subprocess
import sys
import textwrap
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlnotes import recipes
from dlnotes.training import classification_loss, fingerprints, fit
from training.common import plain_model, small_data

DATA = small_data()


def go(folder, *, model=None, data=DATA, loss=classification_loss, steps=2, **options):
    options = dict(batch_size=10, progress=False, device="cpu") | options
    model = plain_model(torch.float32) if model is None else model
    return fit(model, loss, data, steps=steps, checkpoint=folder, **options)


def relabelled():
    x, y = DATA
    y = y.clone()
    y[17] = 1 - y[17]
    return x, y


def net(activation=nn.Identity, **options):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 2), activation(**options))


class Custom(nn.Module):
    """Has its settings where no repr shows them."""

    def __init__(self, factor=1.0, function=torch.relu):
        super().__init__()
        self.factor, self.function = factor, function
        self.layer = nn.Linear(4, 2)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.factor * self.function(self.layer(x))


class Other(Custom):
    def forward(self, x):
        return self.factor * self.function(self.layer(x)) + 0


def groups(first, **more):
    def optimizer(parameters):
        a, *rest = parameters
        return torch.optim.SGD([{"params": [a], "lr": first, **more}, {"params": rest}], lr=0.01)

    return optimizer


def doubled(model, batch):
    return 2 * classification_loss(model, batch)


def weighted(weight):
    return lambda model, batch: weight * classification_loss(model, batch)


def smoothed(model, batch, smoothing=0.0):
    return F.cross_entropy(model(batch[0]), batch[1], label_smoothing=smoothing)


class Loss:
    def __init__(self, weight):
        self.weight, self.calls = weight, 0

    def __call__(self, model, batch):
        self.calls += 1
        return self.weight * classification_loss(model, batch)


def noise(scale):
    return lambda batch, g: (batch[0] + scale * torch.randn(batch[0].shape, generator=g), batch[1])


CHANGES = [
    (dict(), dict(data=relabelled()), r"train\[1\]"),
    (
        dict(model=net()),
        dict(model=net(nn.Tanh)),
        r"module 1 of the model was Identity\(\), is Tan",
    ),
    (dict(model=net(nn.LeakyReLU)), dict(model=net(nn.LeakyReLU, negative_slope=0.2)), "module 1"),
    (dict(model=Custom()), dict(model=Custom(2.0)), "model was .*factor=1.0, is .*factor=2.0"),
    (dict(model=Custom()), dict(model=Custom(function=torch.tanh)), "code of the model"),
    (dict(model=Custom()), dict(model=Other()), "model was Custom.*, is Other"),
    (dict(), dict(loss=doubled), "loss was classification_loss code .*, is doubled code"),
    (dict(loss=weighted(1.0)), dict(loss=weighted(2.0)), "loss was"),
    (dict(loss=partial(smoothed, smoothing=0.1)), dict(loss=partial(smoothed)), "loss was"),
    (dict(loss=Loss(1.0)), dict(loss=Loss(1.5)), "loss was Loss code"),
    (dict(loss=weighted(1)), dict(loss=lambda m, b: 1 * classification_loss(m, b) + 0), "loss was"),
    (dict(), dict(transform=noise(0.1)), "transform was None"),
    (dict(transform=noise(0.2)), dict(transform=noise(0.1)), "transform was"),
    (dict(optimizer=groups(0.1)), dict(optimizer=groups(0.5)), "optimizer group 0 .*0.1.*0.5"),
    (
        dict(optimizer=groups(0.1)),
        dict(optimizer=groups(0.1, momentum=0.5)),
        "optimizer group 0 was 1 parameters",
    ),
    (
        dict(validate=lambda m: {"a": 1}, monitor="a"),
        dict(validate=lambda m: {"a": 2}, monitor="a"),
        "validate was",
    ),
]


@pytest.mark.parametrize(("first", "then", "message"), CHANGES)
def test_a_run_with_something_else_is_not_continued(tmp_path, first, then, message):
    go(tmp_path, **first)
    go(tmp_path, **first, steps=3)
    with pytest.raises(ValueError, match=f"comes from other settings: {message}.*resume=False"):
        go(tmp_path, **first | then, steps=5)


def test_a_measure_that_nothing_depends_on_may_change(tmp_path):
    go(tmp_path, validate=lambda m: {"a": 1})
    history = go(tmp_path, validate=lambda m: {"b": 2}, steps=4)
    assert [sorted(row)[:1] for row in history.epochs] == [["a"], ["b"]]


def test_a_model_loss_or_generator_that_counts_goes_on(tmp_path):
    model, loss, calls = Custom(), Loss(1.0), 0

    def counting(model, batch):
        nonlocal calls
        calls += 1
        return loss(model, batch)

    for steps in 2, 4:
        go(tmp_path, model=model, loss=counting, steps=steps)
    assert calls == 4 and loss.calls == 4 and model.calls == 4


def test_a_schedule_does_not_hide_or_change_the_rate_of_a_group(tmp_path):
    options = dict(optimizer=groups(0.1), warmup=0.5, schedule="cosine", steps=8)
    assert go(tmp_path, **options, max_seconds=0).interrupted
    assert len(go(tmp_path, **options).steps) == 8


# ---- the same in every process -----------------------------------------------------------------

SCRIPT = """
import sys, torch
from functools import partial
from torch import nn
from dlnotes import recipes
from dlnotes.training import classification_loss, fit, fingerprints

KINDS = {"a", "b", "c"}
SCALE = 3.0

class Net(nn.Module):
    def __init__(self, size=4, act=torch.tanh):
        super().__init__()
        self.size, self.act, self.layer = size, act, nn.Linear(size, 2)
        self.drop = nn.Dropout(0.1)
    def forward(self, x):
        return self.act(self.layer(x)) if "x" in {"x", "y", "z", 1, None} else x

def helper(x):
    return SCALE * x

class Loss:
    def __init__(self, model_free=object()):
        self.model_free = model_free
    def __call__(self, model, batch):
        return helper(classification_loss(model, batch))

LINE
print(fingerprints.of_code(partial(Loss(), model=None)), fingerprints.of_code(helper))
for name in recipes.NAMES:
    recipe = recipes.find(name)
    model = recipe.build(**recipe.settings["smoke"].model)
    print(dict(fingerprints._structure(model)), fingerprints.of_code(recipe.loss))
torch.manual_seed(0)
x = torch.randn(40, 4)
history = fit(Net(), Loss(), (x, (x[:, 0] > 0).long()), steps=int(sys.argv[1]), batch_size=10,
    checkpoint=sys.argv[2], progress=False, device="cpu",
    transform=lambda batch, g: (batch[0] + 0.1, batch[1]))
print(len(history.steps))
"""


def test_an_unchanged_run_in_a_new_process_goes_on(tmp_path):
    printed = []
    for number in range(2):
        # another file, other lines, another order of sets, other addresses
        script = tmp_path / f"script{number}.py"
        line = "\n" * number + f"spare = [0] * {number + 1}000"
        script.write_text(SCRIPT.replace("LINE", line))
        environment = os.environ | {"PYTHONHASHSEED": str(number)}
        command = [sys.executable, str(script), str(2 * number + 2), str(tmp_path / "run")]
        out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        printed.append(out.stdout.splitlines())
    assert [lines.pop() for lines in printed] == ["2", "4"]
    assert printed[0] == printed[1] and len(printed[0]) == 1 + len(recipes.NAMES)


def test_code_that_has_run_often_is_the_same_code():
    model, before = plain_model(torch.float32), fingerprints.of_code(smoothed)
    for _ in range(100):
        smoothed(model, DATA)
    assert fingerprints.of_code(smoothed) == before


def function(source, **names):
    exec(textwrap.dedent(source), names)
    return names["f"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def f(): return 1", "\n\ndef f():\n    # a remark\n    return 1", True),
        ("def f(): 'Doc'; return 1", "def f(): 'Other'; return 1", True),
        ("def f(): return 1", "def f(): return 1.0", False),
        ("def f(): return 1", "def f(): return True", False),
        ("def f(x): return x.a", "def f(x): return x.b", False),
        ("def f(x): return x in {1, 'a'}", "def f(x): return x in {'a', 1}", True),
        ("def f(x): return x in {1, 'a'}", "def f(x): return x in {1, 'b'}", False),
        ("def f(x=1): return x", "def f(x=2): return x", False),
        ("def f(*, x=1): return x", "def f(*, x=2): return x", False),
        ("K = 1\ndef f(): return K", "K = 2\ndef f(): return K", False),
        ("K = 1\ndef f(): return 0", "K = 2\ndef f(): return 0", True),
        ("K = 1\ndef f(x): return x.K", "K = 2\ndef f(x): return x.K", True),
        ("A, B = 1, 2\ndef f(): return A - B", "A, B = 2, 1\ndef f(): return A - B", False),
        ("n = 0\ndef f(): global n; n += 1", "n = 5\ndef f(): global n; n += 1", True),
        ("def g(): return 1\ndef f(): return g()", "def g(): return 2\ndef f(): return g()", False),
        ("f = lambda: [x for x in range(3)]", "f = lambda: [x for x in range(4)]", False),
        ("def f(n): return n and f(n - 1)", "def f(n): return n and f(n - 1)", True),
    ],
)  # fmt: skip
def test_what_of_code_matters(one, other, same):
    first, second = (fingerprints.of_code(function(text)) for text in (one, other))
    assert (first == second) is same


def test_code_of_another_version_of_python_is_not_compared():
    one, other = "f code 1 of Python 3.11", "f code 2 of Python 3.11"
    assert not fingerprints._agree(one, other)
    assert fingerprints._agree(one, "f code 2 of Python 3.12")
    assert fingerprints._agree(one, "g code 1 of Python 3.11")  # a function may get another name
    assert not fingerprints._agree(one, None) and not fingerprints._agree(None, one)
    assert not fingerprints._agree(one, "None") and fingerprints._agree("a", "a")


# ---- data --------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [2**28, 2**10])
@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.bool, torch.int64])
def test_each_changed_number_of_the_data_is_noticed(monkeypatch, whole, dtype):
    monkeypatch.setattr(fingerprints, "WHOLE", whole)
    monkeypatch.setattr(fingerprints, "_BLOCK", 2**9)
    x = torch.arange(3000).reshape(500, 6).remainder(2).to(dtype)
    before = fingerprints.data(x)
    assert fingerprints.data(x.clone()) == before
    assert fingerprints.data(x.T.contiguous().T) == before  # however it lies in memory
    for place in (0, 1, 2, 3, 1000, 1777, 2998, 2999):
        y = x.clone()
        y.view(-1)[place] = 1 - y.view(-1)[place].to(torch.int64)
        assert fingerprints.data(y) != before, place


def test_numbers_of_numpy_are_those_of_python():
    for number, same in ((np.float64(0.5), 0.5), (np.int32(3), 3), ((np.bool_(True),), (True,))):
        assert fingerprints._plain(number) == same
        assert repr(fingerprints._plain(number)) == repr(same)
