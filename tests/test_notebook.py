"""dlnotes.notebook: a claim is proved or fails, a number is kept, a notebook begins."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

import dlnotes
from dlnotes import checks, notebook

# ---- claims ------------------------------------------------------------------------------------


def test_a_claim_prints_the_tolerance_and_never_the_difference(capsys):
    notebook.check("a", torch.tensor([1.0]), torch.tensor([1.0 + 1e-6]))
    notebook.check("b", 1.0, torch.tensor(1.0 + 1e-12, dtype=torch.float64))
    notebook.check("c", torch.tensor([1.0]), torch.tensor([1.4]), within=0.5)
    notebook.check("d", torch.tensor([3]), torch.tensor([3]))
    notebook.check("e", torch.tensor(True))
    assert capsys.readouterr().out.splitlines() == [
        "✓ a  (float32, max |Δ| ≤ 1e-05)",
        "✓ b  (float64, max |Δ| ≤ 1e-10)",
        "✓ c  (float32, max |Δ| ≤ 5e-01)",
        "✓ d  (int64, equal)",
        "✓ e",
    ]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (torch.tensor([1.0]), torch.tensor([1.0 + 3e-5])),
        (torch.tensor([1.0]).double(), torch.tensor([1.0 + 1e-9], dtype=torch.float64)),
        (torch.tensor([1.0]), torch.tensor([float("nan")])),
        (torch.tensor([float("nan")]), torch.tensor([float("nan")])),
        (torch.tensor([float("inf")]), torch.tensor([-float("inf")])),
        (torch.tensor([3]), torch.tensor([4])),
        (torch.zeros(2), torch.zeros(2, 1)),
        (False, None),
        (torch.tensor(False), None),
    ],
)
def test_a_false_claim_fails_and_is_named(ours, theirs):
    with pytest.raises(AssertionError, match="the claim"):
        notebook.check("the claim", ours, theirs)


def test_the_weaker_of_two_precisions_sets_the_tolerance(capsys):
    notebook.check("mixed", torch.tensor([1.0]), torch.tensor([1.0 + 1e-6]).double())
    assert "float32" in capsys.readouterr().out


def test_equal_infinities_are_equal():
    notebook.check("masked", torch.tensor([-torch.inf, 1.0]), torch.tensor([-torch.inf, 1.0]))


def test_a_claim_without_reference_needs_one_truth_value():
    with pytest.raises(TypeError, match="ours must be one truth value"):
        notebook.check("many", torch.tensor([True, True]))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (torch.tensor([1 + 1j]), torch.tensor([1 + 5j])),
        (torch.tensor([1 + 1j]), torch.tensor([1.0])),
        (torch.tensor(2**53), torch.tensor(2**53 + 1)),
        (torch.tensor([2**62, 1]), torch.tensor([2**62 + 1, 1])),
        (2**53, 2**53 + 1),
        (torch.tensor([True, False]), torch.tensor([True, True])),
        (torch.zeros(0), torch.zeros(0)),
        (torch.zeros(3, 0), torch.zeros(3, 0)),
        (torch.tensor([torch.nan]), torch.tensor([torch.nan])),
        (torch.tensor([torch.inf]), torch.tensor([-torch.inf])),
        (torch.tensor([1j * torch.inf]), torch.tensor([-1j * torch.inf])),
    ],
)
def test_what_is_false_is_not_proved(ours, theirs):
    with pytest.raises(AssertionError, match="✗ a falsehood"):
        notebook.check("a falsehood", ours, theirs)


def test_complex_numbers_and_large_integers_are_compared_as_they_are(capsys):
    notebook.check("c", torch.tensor([1 + 1j]), torch.tensor([1 + 1j]) + 1e-6)
    notebook.check("i", torch.tensor(2**53 + 1), 2**53 + 1)
    notebook.check("near", torch.tensor(3), torch.tensor(5), within=2)
    assert capsys.readouterr().out.splitlines() == [
        "✓ c  (complex64, max |Δ| ≤ 1e-05)",
        "✓ i  (int64, equal)",
        "✓ near  (int64, max |Δ| ≤ 2e+00)",
    ]
    with pytest.raises(AssertionError, match="allowed 1e"):
        notebook.check("far", torch.tensor(3), torch.tensor(5), within=1)
    with pytest.raises(TypeError, match="beyond 2⁵³ can only be compared with integers"):
        notebook.check("mixed", torch.tensor(2**53 + 1), torch.tensor(2.0**53).double())


@pytest.mark.parametrize("value", [torch.tensor(torch.nan), torch.tensor(0.3), 0.3, 1, "yes", None])
def test_only_a_truth_value_is_true(value):
    with pytest.raises(TypeError, match="ours must be one truth value"):
        notebook.check("a number is true", value)


@pytest.mark.parametrize("within", [math.nan, math.inf, -1.0, True, "1"])
def test_a_tolerance_is_a_finite_number_from_zero(within):
    with pytest.raises((TypeError, ValueError), match="within must"):
        notebook.check("anything", 1.0, 2.0, within=within)


@pytest.mark.parametrize("claim", ["", "  ", 3])
def test_a_claim_is_a_sentence(claim):
    with pytest.raises(TypeError, match="claim must be a sentence"):
        notebook.check(claim, True)
    with pytest.raises(TypeError, match="theirs must be numbers"):
        notebook.check("text", 1.0, "one")


# ---- what a run measured -----------------------------------------------------------------------


@pytest.fixture
def standard(monkeypatch):
    monkeypatch.setenv("DLNOTES_PROFILE", "standard")


def test_a_record_shows_value_bounds_and_baseline(standard, capsys):
    notebook.record("test_accuracy", 0.9912, at_least=0.985, baseline=0.1135, unit="%")
    notebook.record("loss", 1.5, at_most=2, unit="nats")
    assert capsys.readouterr().out.splitlines() == [
        "test_accuracy = 99.12 %  (at least 98.50 %, baseline 11.35 %)",
        "loss = 1.5 nats  (at most 2 nats)",
    ]


@pytest.mark.parametrize("bound", [dict(at_least=0.5), dict(at_most=0.3), {}])
@pytest.mark.parametrize("profile", ["smoke", "standard", "full"])
def test_a_number_outside_its_bounds_fails_unless_smoke(monkeypatch, bound, profile):
    monkeypatch.setenv("DLNOTES_PROFILE", profile)
    value = 0.4 if bound else float("nan")
    if profile == "smoke":
        notebook.record("x", value, **bound)
    else:
        with pytest.raises(AssertionError, match="outside its bounds"):
            notebook.record("x", value, **bound)
    notebook.record("x", 0.5, at_least=0.5, at_most=0.5)


def test_a_record_at_smoke_says_that_its_bound_is_not_applied(monkeypatch, capsys):
    monkeypatch.setenv("DLNOTES_PROFILE", "smoke")
    notebook.record("x", 0.4, at_least=0.5)
    notebook.record("y", 0.4, baseline=0.1)
    assert capsys.readouterr().out.splitlines() == [
        "x = 0.4  (at least 0.5, not applied at smoke)",
        "y = 0.4  (baseline 0.1)",
    ]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("x", 0.1), dict(at_least=math.nan), "at_least must lie in"),
        (("x", 0.1), dict(at_most=math.inf), "at_most must lie in"),
        (("x", 0.1), dict(baseline=math.nan), "baseline must lie in"),
        (("x", 0.1), dict(at_least="0"), "at_least must be a number"),
        (("x", 0.1), dict(at_least=1, at_most=0), "at_least must not be above at_most"),
        (("x", "0.5"), {}, "value must be a number"),
        (("x", True), {}, "value must be a number"),
        (("x", torch.zeros(2)), {}, "value must be a number"),
        (("", 0.5), {}, "name must be a string"),
    ],
)
def test_a_record_without_a_number_or_with_bounds_of_none_is_refused(arguments, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        notebook.record(*arguments, **options)


def test_a_record_takes_numbers_of_torch_and_numpy(standard, capsys):
    notebook.record("x", torch.tensor(0.5), at_least=0.5)
    notebook.record("y", np.float32(0.5), at_most=0.5)
    notebook.record("z", 1, at_most=1)
    assert capsys.readouterr().out.count("= 0.5") == 2


def test_a_record_in_a_notebook_carries_its_exact_value(standard):
    code = (
        "from IPython.testing.globalipapp import start_ipython; ip = start_ipython()\n"
        "from IPython.utils.capture import capture_output\n"
        "import json, dlnotes\n"
        "with capture_output() as caught: dlnotes.record('x', 1/3, at_least=0.1, baseline=0.2)\n"
        "data = caught.outputs[0].data\n"
        "print(json.dumps(data['application/vnd.dlnotes.record+json']), data['text/plain'])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line = out.stdout.strip().splitlines()[-1]
    line = line[line.index("{") :]  # older versions set the title of the terminal first
    entry, text = json.loads(line[: line.rindex("}") + 1]), line[line.rindex("}") + 2 :]
    assert entry["value"] == 1 / 3 and entry["profile"] == "standard" and "at_most" not in entry
    assert entry["at_least"] == 0.1 and entry["baseline"] == 0.2 and entry["peak_memory_mib"] > 10
    assert text == "x = 0.3333  (at least 0.1, baseline 0.2)"


def test_the_profile_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv("DLNOTES_PROFILE", raising=False)
    assert dlnotes.profile() == "standard"
    monkeypatch.setenv("DLNOTES_PROFILE", "full")
    assert dlnotes.profile() == "full"
    monkeypatch.setenv("DLNOTES_PROFILE", "fast")
    with pytest.raises(ValueError, match=r"DLNOTES_PROFILE must be one of 'smoke', .*got 'fast'"):
        dlnotes.profile()


def test_begin_seeds_and_sets_the_profile_of_the_process(monkeypatch, capsys):
    monkeypatch.setenv("DLNOTES_PROFILE", "standard")
    dlnotes.begin("smoke", 3)
    assert torch.equal(torch.rand(2), torch.rand(2, generator=torch.Generator().manual_seed(3)))
    assert dlnotes.profile() == "smoke"
    line = capsys.readouterr().out
    assert "profile smoke · seed 3" in line and torch.__version__ in line
    with pytest.raises(ValueError, match="profile must be one of"):
        dlnotes.begin("fast", 0)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        dlnotes.begin("smoke", -1)


def test_show_prints_a_source_and_refuses_a_value(capsys):
    dlnotes.show(checks.check_positive)
    assert "def check_positive(**sizes: int)" in capsys.readouterr().out
    with pytest.raises(TypeError, match="item must be a class, function or module, got 3"):
        dlnotes.show(3)


def test_unknown_attributes_of_the_package_are_named():
    with pytest.raises(AttributeError, match="no attribute 'lstm_cell'"):
        dlnotes.lstm_cell  # noqa: B018
    assert "record" in dir(dlnotes)
