"""dlnotes.course.train: weights with how they were made, and many recipes in little time."""

import io
import itertools
import os
import signal
import subprocess
import sys
import types
from dataclasses import replace

import pytest
import torch
from course_notebooks import checkout
from rich.console import Console
from safetensors.torch import load_file
from torch import nn
from typer.testing import CliRunner

from dlnotes import PROFILES, recipes, training
from dlnotes.course import cli
from dlnotes.course import train as trainer
from dlnotes.course.train import Plan, Trained, train_all
from dlnotes.files import read_sums, sums_text, write_text
from dlnotes.recipes import Recipe, Settings
from dlnotes.training import weights

X = torch.linspace(-1, 1, 20)[:, None]


def line_loss(model, batch):
    return nn.functional.mse_loss(model(batch[0]), 3 * batch[0])


def a_recipe(name, **changes):
    settings = Settings(fit=dict(steps=8, batch_size=5, learning_rate=0.1))
    options = dict(
        weights=f"{name}_test",
        settings=dict.fromkeys(PROFILES, settings),
        build=lambda: nn.Linear(1, 1),
        data=lambda: X,
        loss=line_loss,
        evaluate=lambda model: {"a": 0.5},
    )
    return Recipe(**options | changes)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path))
    return tmp_path


@pytest.fixture
def gru(repository, monkeypatch):
    """A recipe of a chapter that has none; what is returned sets it."""
    module = types.ModuleType("dlnotes.recipes.gru")
    monkeypatch.setitem(sys.modules, "dlnotes.recipes.gru", module)

    def put(**changes):
        module.RECIPE = a_recipe("gru", **changes)

    put()
    return put


@pytest.fixture
def three(repository, monkeypatch):
    """Three small recipes in place of all."""
    modules = {name: types.ModuleType(name) for name in ("rnn", "lstm", "gru")}
    for name, module in modules.items():
        module.RECIPE = a_recipe(name)
        monkeypatch.setitem(sys.modules, f"dlnotes.recipes.{name}", module)
    monkeypatch.setattr(recipes, "NAMES", tuple(modules))
    return modules


class Clock:
    """Time that passes only when something is done."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)), env={"COLUMNS": "120"})


def together(out, chapters=None, **options):
    return train_all(chapters, **dict(profile="smoke", seed=0, out=out, report=str) | options)


# ---- one chapter -------------------------------------------------------------------------------


def test_a_name_is_that_of_a_chapter_or_of_the_metrics():
    assert trainer.names("vae") == trainer.names("16") == ("16_vae", "vae")
    assert trainer.names("metrics") == ("metrics", "metrics")
    with pytest.raises(ValueError, match="chapter must be a number or name"):
        trainer.names("metric")


def test_train_saves_weights_with_how_they_were_made(repository, gru, monkeypatch):
    gru(evaluate_full=lambda model: {"b": 0.75})
    calls, train = [], recipes.train

    def spy(recipe, profile, **options):
        calls.append((profile, str(options["checkpoint"]), options["seed"]))
        model, history = train(recipe, profile, **options)
        return model, replace(history, seconds=1.26)

    monkeypatch.setattr(recipes, "train", spy)
    done = invoke("train", "gru", "--seed", "7", "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert "0.7500" in done.output
    assert calls == [("full", os.path.join("runs", "checkpoints", "05_gru-full-7"), 7)]
    metadata = weights.read_metadata(repository / "data" / "weights" / "gru_test.safetensors")
    assert metadata["command"] == "dlnotes train gru --profile full --seed 7"
    assert metadata["metrics"] == {"a": 0.5, "b": 0.75}
    assert (metadata["seconds"], metadata["seed"], metadata["device"]) == (1.3, 7, "cpu")
    assert metadata["versions"]["torch"] == torch.__version__
    assert len(read_sums(repository / "data" / "weights" / "SHA256SUMS")) == 1

    assert invoke("train", "gru", "--profile", "smoke", "--out", "here").exit_code == 0
    assert (repository / "here" / "gru_test.safetensors").is_file()
    assert invoke("train", "gru", "--profile", "smoke").exit_code == 0
    path = repository / "runs" / "weights" / "gru_test.safetensors"
    assert weights.read_metadata(path)["metrics"] == {"a": 0.5}


def test_what_was_trained_elsewhere_and_is_measured_here_says_so(gru, tmp_path):
    options = dict(profile="smoke", seed=0, checkpoint=tmp_path / "run", out=tmp_path / "out")
    trainer.train("gru", device="cpu", **options)
    state = training.checkpoints.read(tmp_path / "run")
    training.checkpoints.write_state(tmp_path / "run", state | {"device": "cuda"})
    done = trainer.train("gru", device="cpu", **options)
    assert weights.read_metadata(done.path)["device"] == "cuda"


def test_train_that_runs_out_of_time_goes_on_with_the_same_command(repository, gru):
    command = "train", "gru", "--profile", "smoke", "--checkpoint", "here", "--minutes", "0"
    path = repository / "runs" / "weights" / "gru_test.safetensors"
    for step in range(1, 8):
        done = invoke(*command)
        assert (done.exit_code, path.exists()) == (130, False)
        assert "goes on from here" in done.output
        assert training.checkpoints.read(repository / "here")["step"] == step
    assert invoke(*command).exit_code == 0
    assert path.exists()


def test_what_is_measured_is_what_is_stored_in_half_precision(gru, tmp_path):
    seen = []
    gru(dtype=torch.float16, evaluate=lambda model: {"a": seen.append(model.weight.item()) or 0.5})
    done = trainer.train("gru", profile="smoke", seed=0, checkpoint=None, out=tmp_path / "out")
    stored = load_file(done.path)["weight"]
    assert stored.dtype == torch.float16
    assert seen == [stored.item()]
    gru(evaluate=lambda model: {"a": seen.append(model.weight.item()) or 0.5})
    trainer.train("gru", profile="smoke", seed=0, checkpoint=None, out=tmp_path / "out")
    assert 0 < abs(seen[0] - seen[1]) < 1e-2


def test_weights_can_be_made_where_there_is_no_jupyter():
    code = "import sys\nsys.modules['nbformat'] = None\nfrom dlnotes.course import cli, train\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the chapters to train, or give --all"),
        (("gru", "--all"), "name the chapters to train, or give --all"),
        (("--all", "--checkpoint", "x"), "--checkpoint is for one chapter"),
        (("gru", "--checkpoint", ""), "--checkpoint must name a folder"),
        (("gru", "--profile", "fast"), "profile must be one of"),
        (("gru", "elmo"), "09_elmo ships no weights"),
        (("gru", "--device", "abacus"), "device must be one of"),
    ],
)
def test_wrong_arguments_are_named(gru, arguments, message):
    done = invoke("train", *arguments)
    assert isinstance(done.exception, ValueError)
    assert message in str(done.exception)


# ---- several, one after the other --------------------------------------------------------------


def test_all_are_trained_measured_and_listed(three, tmp_path):
    lines = []
    found = together(tmp_path / "out", report=lines.append)
    assert lines == ["rnn: finished", "lstm: finished", "gru: finished"]
    assert list(found) == ["rnn", "lstm", "gru"]
    sums = read_sums(tmp_path / "out" / "SHA256SUMS")
    assert list(sums) == [f"{name}_test.safetensors" for name in sorted(three)]
    for name, trained in found.items():
        about = weights.read_metadata(trained.path)
        assert about["command"] == f"dlnotes train {name} --profile smoke --seed 0"
        assert trained.metrics == about["metrics"] == {"a": 0.5}
        assert trained.share == 1.0
    assert not (tmp_path / "out" / "logs").exists()


def test_what_is_finished_is_not_trained_again(three, tmp_path):
    out, lines = tmp_path / "out", []
    before = together(out)
    for name, module in three.items():
        module.RECIPE = a_recipe(name, loss=None, fit=lambda *arguments, **options: 1 / 0)
    again = together(out, report=lines.append)
    assert lines == []
    for name in three:
        assert (again[name].path, again[name].metrics) == (before[name].path, {"a": 0.5})
        assert again[name].seconds == pytest.approx(before[name].seconds, abs=0.06)


def test_what_is_damaged_or_not_listed_is_made_again_from_its_checkpoint(three, tmp_path):
    out = tmp_path / "out"
    before = together(out)
    right = load_file(before["lstm"].path)["weight"].clone()  # what lies on disk will change
    content = before["lstm"].path.read_bytes()
    before["lstm"].path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    sums = read_sums(out / "SHA256SUMS")
    del sums["gru_test.safetensors"]
    write_text(out / "SHA256SUMS", sums_text(sums))
    lines = []
    found = together(out, report=lines.append)
    assert lines == ["lstm: finished", "gru: finished"]
    assert torch.equal(load_file(found["lstm"].path)["weight"], right)
    assert found["lstm"].seconds == pytest.approx(before["lstm"].seconds)  # nothing was trained


@pytest.mark.parametrize("change", [dict(seed=1), dict(profile="standard")])
def test_what_was_made_otherwise_is_not_finished(three, tmp_path, change):
    lines = []
    together(tmp_path / "out")
    together(tmp_path / "out", report=lines.append, **change)
    assert lines == ["rnn: finished", "lstm: finished", "gru: finished"]


def test_what_other_code_made_is_made_again(three, tmp_path, monkeypatch):
    lines = []
    together(tmp_path / "out")
    monkeypatch.setattr(trainer, "module_digest", lambda name: f"new code of {name}")
    together(tmp_path / "out", report=lines.append)
    assert lines == ["rnn: finished", "lstm: finished", "gru: finished"]


@pytest.fixture
def one_step(monkeypatch):
    """Each call has time for one step of one recipe."""
    clock, attempt = Clock(), Plan.attempt

    def short(self, module, seconds, **options):
        clock.now += 1e6
        return attempt(self, module, 1e-9, **options)

    monkeypatch.setattr(trainer, "time", clock)
    monkeypatch.setattr(Plan, "attempt", short)


def test_calls_that_run_out_of_time_add_up_to_one_that_does_not(three, tmp_path, one_step):
    whole = together(tmp_path / "whole")
    out, shares = tmp_path / "out", []
    for _ in range(8 * len(three)):
        found = together(out, minutes=1)
        shares.append([trained.share for trained in found.values()])
    assert shares[0] == [1 / 8, 0, 0] and shares[7] == [1, 0, 0] and shares[12] == [1, 5 / 8, 0]
    for name in three:
        ours, theirs = (load_file(t[name].path)["weight"] for t in (found, whole))
        assert torch.equal(ours, theirs)
        assert found[name].metrics == {"a": 0.5}


def test_a_fault_of_one_does_not_stop_the_others_and_is_kept(three, tmp_path):
    def fails(model, batch):
        raise FloatingPointError("no number")

    three["rnn"].RECIPE = a_recipe("rnn", loss=fails)
    out, lines = tmp_path / "out", []
    found = together(out, report=lines.append)
    assert lines == [
        "rnn: failed: FloatingPointError: no number",
        "lstm: finished",
        "gru: finished",
    ]
    assert found["rnn"].path is None
    assert "in fails" in (out / "logs" / "rnn.log").read_text()
    three["rnn"].RECIPE = a_recipe("rnn")
    assert together(out)["rnn"].path is not None


def test_a_damaged_checkpoint_is_the_fault_of_one(three, tmp_path, one_step):
    out = tmp_path / "out"
    together(out, ["rnn"], minutes=1)
    [state] = out.rglob("last.pt")
    state.write_bytes(state.read_bytes()[:99])
    found = together(out)
    assert "is damaged" in found["rnn"].error and "Delete" in found["rnn"].error
    assert found["lstm"].path and found["gru"].path


def test_ctrl_c_ends_all_with_what_was_reached(three, tmp_path):
    def interrupted(model, batch):
        calls.append(None)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return line_loss(model, batch)

    if sys.platform == "win32":
        pytest.skip("a process cannot send itself Ctrl-C on Windows")
    calls, lines = [], []
    three["lstm"].RECIPE = a_recipe("lstm", loss=interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        found = together(tmp_path / "out", report=lines.append)
    finally:
        signal.signal(signal.SIGINT, before)
    assert [trainer.describe(t) for t in found.values()] == ["finished", "38% done", "not begun"]
    assert lines == ["rnn: finished", "interrupted; all are saved before this ends"]
    assert training.checkpoints.read(next((tmp_path / "out").rglob("lstm-*")))["step"] == 3


def test_the_command_shows_what_is_finished_and_what_is_not(three, repository):
    done = invoke("train", "--all", "--profile", "smoke", "--minutes", "0")
    assert done.exit_code == 130
    assert "goes on from runs/trained/smoke" in done.output.replace(os.sep, "/")
    assert done.output.count("not begun") == 3
    done = invoke("train", "lstm", "gru", "--profile", "smoke", "--out", "here")
    assert done.exit_code == 0
    assert (repository / "here" / "gru_test.safetensors").is_file()
    assert not (repository / "here" / "rnn_test.safetensors").exists()
    three["gru"].RECIPE = a_recipe("gru", data=lambda: None)
    done = invoke("train", "--all", "--profile", "smoke", "--out", "there")
    assert done.exit_code == 1
    assert "failed: TypeError" in done.output and "a 0.5000" in done.output


def test_the_table_says_how_far_each_came():
    found = {
        "vae": Trained(None, 61.4, share=0.345),
        "cnn": Trained(None, 0.0),
        "rnn": Trained(None, 0.0, error="ValueError: no"),
    }
    console = Console(file=io.StringIO(), width=100)
    console.print(trainer.table(found))
    shown = console.file.getvalue()
    for words in ("34% done", "61", "not begun", "failed: ValueError: no"):
        assert words in shown


# ---- how the time is shared ----------------------------------------------------------------------


class Simulated:
    """Workers that need so many seconds for each module, side by side."""

    def __init__(self, clock, needs):
        self.clock, self.needs, self.running, self.given = clock, dict(needs), [], []

    def start(self, module, seconds):
        self.given.append((module, round(seconds)))
        self.running.append((self.clock.now + min(seconds, self.needs[module]), module, seconds))

    def ended(self):
        end, module, seconds = min(self.running)
        self.running.remove((end, module, seconds))
        self.clock.now = max(self.clock.now, end)
        self.needs[module] -= seconds
        path = module if self.needs[module] <= 0 else None
        yield module, Trained(path, seconds)


@pytest.mark.parametrize(
    ("jobs", "needs", "given"),
    [
        # what one leaves over, the others get
        (1, dict(a=10, b=900, c=900), [("a", 100), ("b", 145), ("c", 145)]),
        (1, dict(a=900, b=900, c=900), [("a", 100), ("b", 100), ("c", 100)]),
        (2, dict(a=900, b=900, c=900, d=900), [("a", 150), ("b", 150), ("c", 150), ("d", 150)]),
        (2, dict(a=50, b=900, c=900, d=900), [("a", 150), ("b", 150), ("c", 250), ("d", 150)]),
        (4, dict(a=900, b=20), [("a", 300), ("b", 300)]),
    ],
)
def test_the_time_is_shared_between_those_that_wait(monkeypatch, jobs, needs, given):
    clock = Clock()
    monkeypatch.setattr(trainer, "time", clock)
    workers = Simulated(clock, needs)
    ended = dict(trainer._round(list(needs), workers, jobs, clock.now + 300))
    assert workers.given == given
    assert ended.keys() == needs.keys()
    assert clock.now <= 1300


def test_after_the_end_nothing_is_begun(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(trainer, "time", clock)
    workers = Simulated(clock, dict(a=9, b=9))
    assert list(trainer._round(["a", "b"], workers, 1, clock.now)) == []
    assert workers.given == []


def test_what_is_left_over_at_the_end_goes_to_those_that_need_it(three, monkeypatch, tmp_path):
    """The second round: only the first one is not finished, so it gets all the rest."""
    clock, given = Clock(), []
    needs = dict(rnn=200, lstm=10, gru=10)

    def attempt(self, module, seconds):
        given.append((module, round(seconds)))
        used = min(seconds, needs[module])
        clock.now += used
        needs[module] -= used
        return Trained(None if needs[module] else tmp_path, used)

    monkeypatch.setattr(trainer, "time", clock)
    monkeypatch.setattr(Plan, "attempt", attempt)
    found = together(tmp_path, minutes=5)
    assert given == [("rnn", 100), ("lstm", 100), ("gru", 190), ("rnn", 180)]
    assert all(trained.path for trained in found.values())


def test_without_a_limit_each_is_trained_to_its_end(three, monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr(Plan, "attempt", lambda self, *a: given.append(a) or Trained(tmp_path, 1.0))
    together(tmp_path)
    assert given == [(name, float("inf")) for name in three]


# ---- several, side by side -----------------------------------------------------------------------


class Quick(Plan):
    """Instead of training: what each process does, by the name of its module."""

    def attempt(self, module, seconds, **options):
        assert options == {"progress": False, "listed": False}
        print(f"{module} has {seconds:.0f} s and {torch.get_num_threads()} threads")
        if module == "seq2seq":
            os.kill(os.getpid(), signal.SIGKILL)
        if module == "vae":
            raise KeyboardInterrupt
        path = self.out / f"{module}.safetensors"
        training.save_weights(path, nn.Linear(1, 1), listed=False)
        return Trained(path, seconds, {"a": 0.5}, 1.0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_processes_end_each_in_its_own_way(monkeypatch, tmp_path):
    monkeypatch.setattr(trainer, "Plan", Quick)
    monkeypatch.setattr(trainer, "_command", lambda *_: "none")  # nothing counts as finished
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    torch.set_num_threads(6)
    try:
        workers = trainer._Processes(Quick("smoke", 0, tmp_path, "cpu"), 3)
    finally:
        torch.set_num_threads(1)
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    deadline = trainer.time.monotonic() + 600
    names = ["metrics", "seq2seq", "vae", "cnn"]
    found = dict(trainer._round(names, workers, 3, deadline))
    assert workers.running == {}
    assert {name: trainer.describe(trained) for name, trained in found.items()} == {
        "metrics": "finished",
        "seq2seq": "failed: its process ended with -9",
        "vae": "not begun",
        "cnn": "finished",
    }
    assert set(read_sums(tmp_path / "SHA256SUMS")) == {"metrics.safetensors", "cnn.safetensors"}
    _, _, seconds, _, _, threads, _ = (tmp_path / "logs" / "metrics.log").read_text().split()
    assert 300 < float(seconds) <= 450 and threads == "2"


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc")
def test_processes_end_with_the_one_that_started_them(tmp_path):
    code = f"""
import pathlib, sys
from dlnotes.course import train
if __name__ == "__main__":
    train.train_all(["metrics"], profile="full", seed=0, out=pathlib.Path({str(tmp_path)!r}),
                    device="cpu", jobs=2)
"""
    script = tmp_path / "run.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.DEVNULL)
    try:
        for _ in wait_for(lambda: list(tmp_path.rglob("metrics.log"))):
            pass  # the child is at work
        path = f"/proc/{parent.pid}/task/{parent.pid}/children"
        with open(path) as file:
            children = [int(word) for word in file.read().split()]
        assert children
    finally:
        parent.kill()
        parent.wait()
    for _ in wait_for(lambda: not any(map(alive, children))):
        pass


def wait_for(condition, seconds=120):
    for _ in itertools.takewhile(lambda n: not condition(), range(10 * seconds)):
        trainer.time.sleep(0.1)
        yield
    assert condition()


def alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
