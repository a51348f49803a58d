"""The checkpoint of a training run: how it is written, checked, and kept from others.

A process can be killed at any moment, so new weights get new names, and the checkpoint consists in
the one file that names them, which is replaced in one go. That file ends in its own sha256 and
holds those of the weights, so that no changed bit and no foreign file passes for the checkpoint.
Nothing is ever deleted, or written over, that such a file (or a note in the lock) does not name.
"""

import errno
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from dlnotes.files import DataError, Lock, locked, sha256_of, temporary_for, write_atomically
from dlnotes.training import weights as weight_files
from dlnotes.training.history import History

STATE = "last.pt"
LOCK = ".dlnotes.lock"
VERSION = 2
_SEAL = re.compile(rb"\ndlnotes checkpoint (\d+) of torch (\S+), sha256 ([0-9a-f]{64})\n\Z")
_END = b"PK\x05\x06"  # begins the last 22 bytes of what torch saves
_OURS = re.compile(
    r"(last|best)-\d{8,}(-\d+)?\.safetensors|\.(last|best)[-\w]*\.(safetensors|pt)\.\d+\.\w+\.part"
)
_LEAVES = (Tensor, type(None), torch.dtype, torch.device)


def load_checkpoint(folder: str | Path, model: nn.Module, *, best: bool = False) -> History:
    """Load the last or the best weights of a checkpoint into a model; return the history.

    Args:
        folder: what ``fit`` was given as ``checkpoint``.
        model: of the same architecture, changed in place.
        best: take the weights of the best epoch; the run must have had a ``monitor``.

    Raises:
        FileNotFoundError: the folder holds no checkpoint.
        DataError: it is damaged, or cannot be read.
        ValueError: it holds another architecture, or no best epoch.
    """
    folder, which, tries = Path(folder), "best" if best else "last", 9
    while True:
        state, tries = read(folder), tries - 1
        if state is None:
            raise FileNotFoundError(f"folder {folder} holds no checkpoint")
        if state[which] is None:
            raise ValueError(f"best must be False, got True: the run in {folder} monitored nothing")
        if (folder / state[which]).exists() or not tries:
            load(folder, state, model, which=which)
            return History.from_dict(state["history"])
        # else a run that goes on has just written a newer one


# ---- reading -----------------------------------------------------------------------------------


def read(folder: Path) -> dict[str, Any] | None:
    """Return the state of the last checkpoint; None where there is none.

    Raises:
        DataError: it is damaged, cannot be read, or is none that this version can go on from.
    """
    path = folder / STATE
    content = _content(path)
    if content is None:
        return None
    seal = _SEAL.search(content[-300:])
    if seal is None:
        raise DataError(_no_seal(path, content))
    got = hashlib.sha256(content[: -len(seal[3]) - 1]).hexdigest()
    if got != seal[3].decode():
        raise DataError(_damaged(path, f"its {len(content):,} bytes have another sha256 than then"))
    version, its_torch = int(seal[1]), seal[2].decode()
    if version != VERSION:
        raise DataError(_other_version(path))
    try:
        state = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # what torch says would lead astray: the file is as it was written
        raise DataError(
            f"checkpoint {path} was written by torch {its_torch} and cannot be read by this one, "
            f"{torch.__version__}: install that version, or use another folder"
        ) from None
    for name in (state["last"], state["best"]):
        if name is not None and not _OURS.fullmatch(name):
            raise DataError(f"checkpoint {path} names {name!r}, which is no file of weights of it")
    return state


def load(folder: Path, state: dict[str, Any], model: nn.Module, *, which: str = "last") -> None:
    """Load the last or the best weights that a state names, and the buffers beside them.

    Raises:
        DataError: the file is missing, or is not the one that was written with the state.
        ValueError: it holds another architecture.
    """
    path = folder / state[which]
    with reaching(folder, "read"):
        got = sha256_of(path) if path.is_file() else None
    if got is None:
        raise DataError(
            f"checkpoint {folder} is not whole: {path.name} is missing, which {STATE} names; put "
            f"it back, or delete {folder / STATE} and train from the start"
        )
    if got != state["sums"][path.name]:
        raise DataError(_damaged(path, f"its sha256 is not the one that {STATE} says", folder))
    weight_files.load(path, model)
    weight_files.set_unsaved_buffers(model, state["buffers"][which])


def _content(path: Path) -> bytes | None:
    """Return what is in the file of the state; None where there is none."""
    folder = path.parent
    with reaching(folder, "read"):
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"checkpoint must be a folder, got {folder}, which is a file")
        if path.is_dir():
            raise DataError(
                f"checkpoint {folder} cannot be used: {path} is a folder, where a file belongs; "
                f"use another folder, or move that one away"
            )
        return path.read_bytes() if path.exists() else None


def _no_seal(path: Path, content: bytes) -> str:
    """Say what is wrong with a file that does not end as ours do."""
    if not content.startswith(b"PK"):
        return (
            f"{path} is not a checkpoint of dlnotes; use another folder as checkpoint, or move "
            f"that file away"
        )
    if content[-22:-18] != _END:
        return _damaged(path, "its end is missing or changed")
    return _other_version(path)


def _other_version(path: Path) -> str:
    return (
        f"checkpoint {path} was not written by this version of dlnotes: go on with the version "
        f"that wrote it, or use another folder"
    )


def _damaged(path: Path, fault: str, folder: Path | None = None) -> str:
    state = path if folder is None else folder / STATE
    return f"checkpoint {path} is damaged: {fault}. Delete {state} and train from the start."


@contextmanager
def reaching(folder: Path, verb: str) -> Iterator[None]:
    """Name the folder and a remedy where a file cannot be read or written."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        code = error.errno if isinstance(error, OSError) else None
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        if isinstance(error, OSError) and error.filename:
            why += f" ({error.filename})"
        remedy = "free some space there" if verb == "written" else "mend that"
        remedy = "allow it" if code in (errno.EACCES, errno.EPERM, errno.EROFS) else remedy
        kept = "; the checkpoint before is as it was" if verb == "written" else ""
        raise DataError(
            f"checkpoint {folder} cannot be {verb}: {why}; {remedy}, or use another folder{kept}"
        ) from error


# ---- writing -----------------------------------------------------------------------------------


class Folder:
    """A checkpoint folder that this run has for itself."""

    def __init__(self, path: Path, lock: Lock | None) -> None:
        self.path, self._lock = path, lock
        self._sums: dict[str, str] = {}
        self._buffers: dict[str, Any] = {}
        self._named: set[str] = set()  # files of ours, which may be deleted when not needed
        if lock is not None and lock.before:
            self._named = _names(lock.before)  # a killed run was about to write them

    def read(self) -> dict[str, Any] | None:
        """Return the state of the checkpoint, as ``read``; clear away what a killed run left."""
        state = read(self.path)
        if self._lock is not None:
            keep: set[str] = set() if state is None else {state["last"], state["best"]}
            self._delete(self._named - keep)
            self._named = keep - {None}
        if state is not None:
            self._sums, self._buffers = state["sums"], state["buffers"]
        return state

    def give_up(self) -> None:
        """Make the folder one without a checkpoint; the old weights go with the next save."""
        path = self.path / STATE
        content = _content(path)
        if content is None:
            return
        if _SEAL.search(content[-300:]) is None and _old_state(content) is None:
            raise DataError(_no_seal(path, content))  # nobody knows whose it is
        state = _old_state(content) or {}
        self._named |= {
            str(name) for name in (state.get("last"), state.get("best")) if _is_ours(name)
        }
        with reaching(self.path, "written"):
            self._note()
            path.unlink()

    def save(self, model: nn.Module, state: dict[str, Any], *, is_best: bool) -> None:
        """Write a checkpoint: weights under new names first, then the state that names them.

        Args:
            model: its weights become the last ones.
            state: gets the entries "last" and "best", names of files of weights; "sums", their
                sha256; and "buffers", what is in no such file.
            is_best: the weights are also the best so far.

        Raises:
            DataError: a file could not be written.
            TypeError: the state holds something that no checkpoint can.
        """
        new = {kind: self._free(kind, state["step"]) for kind in ("last", "best")[: 1 + is_best]}
        state |= {kind: path.name for kind, path in new.items()}
        temporary = {path: temporary_for(path) for path in (*new.values(), self.path / STATE)}
        buffers = weight_files.unsaved_buffers(model)
        needed = {name for name in (state["last"], state["best"]) if name is not None}
        with reaching(self.path, "written"):
            self._note(*(path.name for path in (*new.values(), *temporary.values())))
            try:
                for kind, path in new.items():
                    weight_files.save(path, model, temporary=temporary[path])
                    self._sums[path.name] = sha256_of(path)
                    self._buffers[kind] = buffers
                self._sums = {name: self._sums[name] for name in sorted(needed)}
                state |= {"version": VERSION, "sums": self._sums, "buffers": self._buffers}
                write_state(self.path, state, temporary=temporary[self.path / STATE])
            except BaseException:
                with suppress(Exception):  # by what lies there now: it may name the new ones
                    there = read(self.path) or {}
                    names = {path.name for path in new.values()}
                    self._delete(names - {there.get("last"), there.get("best")})
                raise
            self._delete(self._named - needed)
        self._named = needed

    def _free(self, kind: str, step: int) -> Path:
        """Return a path that is free: what lies here may be the user's, or needed after a kill."""
        path = self.path / f"{kind}-{step:08d}.safetensors"
        number = 0
        while path.exists():
            number += 1
            path = self.path / f"{kind}-{step:08d}-{number}.safetensors"
        return path

    def _note(self, *names: str) -> None:
        if self._lock is not None:
            self._lock.note(json.dumps(sorted({*self._named, *names})))

    def _delete(self, names: set[str]) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)


@contextmanager
def opened(path: Path | None, *, writes: bool) -> Iterator[Folder | None]:
    """Yield the checkpoint folder, which nobody else may use meanwhile; None without a path.

    Args:
        path: made where it is missing.
        writes: False in a process that only reads, while another one of the same run writes.

    Raises:
        BusyError: another run uses it.
    """
    if path is None or not writes:
        yield None if path is None else Folder(path, None)
        return
    if path.exists() and not path.is_dir():
        raise ValueError(f"checkpoint must be a folder, got {path}, which is a file")
    with reaching(path, "written"):
        path.mkdir(parents=True, exist_ok=True)
    busy = f"checkpoint {path} is used by another run: wait for its end, or use another folder"
    with locked(path / LOCK, busy=busy) as lock:
        yield Folder(path, lock)


def write_state(folder: Path, state: dict[str, Any], *, temporary: Path | None = None) -> None:
    """Write the state of a checkpoint, with its sha256 at its end."""
    state = plain(state)

    def write(path: Path) -> None:
        try:
            torch.save(state, path)
        except RuntimeError as error:  # how torch says that it could not write
            raise OSError(str(error).splitlines()[0]) from error
        head = f"\ndlnotes checkpoint {VERSION} of torch {torch.__version__}, sha256 ".encode()
        with open(path, "ab") as file:
            file.write(head)
        digest = sha256_of(path)
        with open(path, "ab") as file:
            file.write(f"{digest}\n".encode())

    write_atomically(folder / STATE, write, temporary=temporary)


def plain(value: Any, name: str = "state") -> Any:
    """Return a value as what any torch reads again: NumPy's numbers become Python's.

    Raises:
        TypeError: there is something else than tensors, numbers, strings, lists and dicts.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, Mapping):
        return {plain(key): plain(entry, f"{name}[{key!r}]") for key, entry in value.items()}
    if isinstance(value, list | tuple):
        entries = [plain(entry, f"{name}[{i}]") for i, entry in enumerate(value)]
        return entries if isinstance(value, list) else tuple(entries)
    kinds: tuple[Any, ...] = (bool, int, float, complex, str, bytes)
    for kind in kinds:
        if isinstance(value, kind):
            return value if type(value) is kind else kind(value)  # of an enumeration, its number
    if not isinstance(value, _LEAVES):
        given = type(value).__name__
        raise TypeError(f"checkpoint must hold tensors and plain values, got {name}, a {given}")
    return value


def _names(noted: str) -> set[str]:
    """Return the names of files in what a killed run noted, if they are such as we write."""
    try:
        names = json.loads(noted)
    except ValueError:  # it was killed while noting, and had written nothing yet
        return set()
    return {name for name in names if _is_ours(name)} if isinstance(names, list) else set()


def _is_ours(name: Any) -> bool:
    return isinstance(name, str) and _OURS.fullmatch(name) is not None


def _old_state(content: bytes) -> dict[str, Any] | None:
    """Return the state in a file, whatever version wrote it; None if there is none."""
    try:
        state = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:
        return None
    known = isinstance(state, dict) and {"settings", "history", "step", "last"} <= set(state)
    return state if known else None


# ---- random numbers ----------------------------------------------------------------------------


def random_state(fabric: Any) -> dict[str, Tensor]:
    """Return the state of torch's own generators, one row per process."""
    states = {"cpu": torch.get_rng_state()}
    if fabric.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(fabric.device)
    if fabric.world_size == 1:
        return {name: state[None] for name, state in states.items()}
    return {name: fabric.all_gather(state).cpu() for name, state in states.items()}


def set_random_state(fabric: Any, states: dict[str, Tensor]) -> None:
    """Give torch's own generators back the state that ``random_state`` returned."""
    # a clone: torch reads the state from the start of the storage, whatever the row
    own = {name: state[fabric.global_rank].clone() for name, state in states.items()}
    torch.set_rng_state(own["cpu"])
    if fabric.device.type == "cuda" and "cuda" in own:
        torch.cuda.set_rng_state(own["cuda"], fabric.device)
