"""Files that must be right: sha256 sums, writing that never leaves half a file, and locks.

Standard library only, so that the command line need not wait for torch.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SUMS = "SHA256SUMS"  # the table that lies beside the files it lists, as ``sha256sum`` writes it
_LINE = re.compile(r"([0-9a-f]+) [ *](\S.*)")


class DataError(RuntimeError):
    """A file is missing, damaged, or out of reach; the message names file, fault and remedy."""


class BusyError(RuntimeError):
    """Another run uses a folder or file; the message names it and the remedy."""


# ---- sums --------------------------------------------------------------------------------------


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def read_sums(path: Path, *, remedy: str = "") -> dict[str, str]:
    """Return a table of sha256 sums as {file name: sha256}; empty where there is no such file.

    Args:
        path: of the table.
        remedy: sentence that ends the message about a damaged one.

    Raises:
        DataError: a line is not "sha256  name" (or "sha256 *name", what is binary on Windows).
    """
    path = Path(path)
    return parse_sums(path.read_bytes(), path, remedy=remedy) if path.is_file() else {}


def parse_sums(content: bytes, path: Path, *, remedy: str = "") -> dict[str, str]:
    """Return what ``read_sums`` does, from the content of the table at ``path``."""
    sums = {}
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            fault = f'line {number} must be "sha256  name", got {line[:90]!r}'
            raise DataError(f"the table {path} is damaged: {fault}. {remedy}".rstrip())
        sums[match[2]] = match[1]
    return sums


def sums_text(sums: Mapping[str, str]) -> str:
    """Return {file name: sha256} as the text of a table, sorted by name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))


# ---- writing -----------------------------------------------------------------------------------


def temporary_for(path: Path) -> Path:
    """Return a name beside ``path`` that no other process or thread uses."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")


def write_atomically(
    path: Path, write: Callable[[Path], Any], *, temporary: Path | None = None
) -> None:
    """Let ``write`` fill a temporary file, then move that to ``path`` in one go.

    A process killed at any moment leaves the old file or the new one. The folder is made where it
    is missing; the file keeps its permissions, a new one has those that the system gives. A file
    that is there under the temporary name is never touched.

    Args:
        path: of the file.
        write: called with the temporary path.
        temporary: that path; None = ``temporary_for(path)``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary or temporary_for(path)
    temporary.touch(exist_ok=False)
    try:
        # looked at before ``write``, which may change it
        mode = (path if path.exists() else temporary).stat().st_mode
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # else a power cut can leave the new name on an empty file
        temporary.chmod(stat.S_IMODE(mode))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, lines ending in a line feed, as a whole or not at all."""
    write_atomically(path, lambda temporary: temporary.write_bytes(text.encode("utf-8")))


# ---- locks -------------------------------------------------------------------------------------

_FAR = 2**30  # the byte that is locked: behind all that is noted, which others may read
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_here: set[tuple[int, Path]] = set()  # what this process holds: its own locks do not stop it
_guard = threading.Lock()


class Lock:
    """A lock that one thread of one process holds; the system ends it with its process.

    Attributes:
        before: what a holder that was killed had noted in the file of the lock, else "".
        held: False where the place allows no file to be locked, so that nothing is guarded.
    """

    def __init__(self, path: Path, file: IO[bytes] | None) -> None:
        self.path, self._file, self.before = path, file, ""
        self.held = file is not None
        if file is not None:
            file.seek(0)
            self.before = file.read().decode("utf-8", errors="replace")

    def note(self, text: str) -> None:
        """Leave a text for the next holder, should this one be killed."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.write(text.encode("utf-8"))

    def release(self) -> None:
        """Remove the file and let others in."""
        if self._file is None:
            return
        if sys.platform != "win32":
            self.path.unlink(missing_ok=True)  # while it is ours, see ``_open``
        self._file.close()
        if sys.platform == "win32":  # which removes no open file: neither ours nor the next one's
            with suppress(OSError):
                self.path.unlink()


@contextmanager
def locked(path: Path, *, busy: str, wait: float = 0.0) -> Iterator[Lock]:
    """Hold a lock while the block runs.

    Args:
        path: of the file that stands for the lock; its folder must be there. The file goes with the
            block, and stays after a kill, when it means nothing.
        busy: message of the error.
        wait: for so many seconds at most.

    Raises:
        BusyError: another process, or another thread, holds it.
    """
    key = (os.getpid(), Path(path).resolve())
    end = time.monotonic() + wait
    while (lock := _take(key)) is None:
        if time.monotonic() >= end:
            raise BusyError(busy)
        time.sleep(0.02)
    try:
        yield lock
    finally:
        lock.release()
        with _guard:
            _here.discard(key)


def _take(key: tuple[int, Path]) -> Lock | None:
    """Return the lock; None if somebody has it."""
    with _guard:
        if key in _here:
            return None
        _here.add(key)
    try:
        file = _open(key[1])
    except BlockingIOError:
        with _guard:
            _here.discard(key)
        return None
    return Lock(key[1], file)


def _open(path: Path) -> IO[bytes] | None:
    """Return the open and locked file; None where there can be none."""
    while True:
        try:
            file = open(path, "a+b", buffering=0)
        except OSError:  # nothing can be written here
            return None
        try:
            _lock(file)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
            file.close()  # its holder removed it between our opening and locking it
        except OSError as error:
            file.close()
            if error.errno in _BUSY:
                raise BlockingIOError from None
            path.unlink(missing_ok=True)
            return None  # some network file systems know no locks


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _FAR)
