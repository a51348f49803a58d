"""Files that must be right: tables of sha256 sums, and writing that never leaves half a file.

Standard library only, so that the command line need not wait for torch.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SUMS = "SHA256SUMS"  # the table that lies beside the files it lists, as ``sha256sum`` writes it
_LINE = re.compile(r"([0-9a-f]+) [ *](\S.*)")


class DataError(RuntimeError):
    """A data file is missing or damaged; the message names file, fault and remedy."""


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


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Let ``write`` fill a temporary file, then move that to ``path`` in one go.

    A process killed at any moment leaves the old file or the new one. The folder is made where it
    is missing; the file keeps its permissions, a new one has those that the system gives.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.touch()
        # looked at before ``write``, which may change it: safetensors makes its files private
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
