"""Find the data files, and refuse every one that is not what it must be.

Two tables beside the files, both in the format of ``sha256sum``, say what is right: ``SHA256SUMS``
for the shipped files as they lie, ``RAW_SHA256SUMS`` for decoded contents, the complete MNIST and
Fashion-MNIST among them.
"""

import gzip
import hashlib
import lzma
import os
import zlib
from pathlib import Path

import dlnotes
from dlnotes.files import SUMS, DataError, parse_sums, read_sums

RAW_SUMS = "RAW_SHA256SUMS"
_PACKAGE = Path(dlnotes.__file__).parent
_BESIDE_THE_PACKAGE = _PACKAGE.parent / "data"  # a checkout or an editable install
_INSIDE_THE_PACKAGE = _PACKAGE / "_data"  # a wheel


def shipped_folder() -> Path:
    """Return the folder of the shipped files: inside an installed wheel, else in the checkout."""
    for folder in (_INSIDE_THE_PACKAGE, _BESIDE_THE_PACKAGE):
        if (folder / SUMS).is_file():
            return folder
    raise DataError(
        f"the table {SUMS} of the shipped data is missing: looked in {_INSIDE_THE_PACKAGE} and "
        f"{_BESIDE_THE_PACKAGE}. {_remedy(SUMS)}"
    )


def own_folder() -> Path | None:
    """Return the folder named by the environment variable ``DLNOTES_DATA``; None without it."""
    value = os.environ.get("DLNOTES_DATA")
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"DLNOTES_DATA names {folder}, which is no folder. Create it, correct the variable, or "
            f"unset it to use the shipped files."
        )
    return folder


def cache_folder() -> Path:
    """Return the folder for downloads: ``DLNOTES_CACHE``, else ``~/.cache/dlnotes``."""
    value = os.environ.get("DLNOTES_CACHE")
    return Path(value).expanduser() if value else Path.home() / ".cache" / "dlnotes"


def folders() -> list[Path]:
    """Return the folders that may hold shipped files or weights, the reader's own first."""
    own = own_folder()
    return [*([] if own is None else [own]), _INSIDE_THE_PACKAGE, _BESIDE_THE_PACKAGE]


def find(name: str) -> Path | None:
    """Return where the file lies, the reader's own folder first; None where it is nowhere."""
    for folder in (own_folder(), shipped_folder()):
        if folder is not None and (folder / name).is_file():
            return folder / name
    return None


def locate(name: str) -> Path:
    """Return where a shipped file lies; raise where it is nowhere."""
    path = find(name)
    if path is None:
        raise DataError(f"data file {name} is missing in {shipped_folder()}. {_remedy(name)}")
    return path


def state(path: Path) -> tuple[str, int, int]:
    """Return what changes when a file does: its path, time of writing and size."""
    status = path.stat()
    return str(path), status.st_mtime_ns, status.st_size


def read(name: str) -> bytes:
    """Return the decoded content of a shipped file that has passed its sha256.

    Args:
        name: file name as in ``SHA256SUMS``; an ending ``.xz`` is decoded.

    Raises:
        DataError: missing or damaged.
    """
    path = locate(name)
    content = path.read_bytes()
    expected = table().get(name)
    if expected is None:
        raise DataError(f"{name} has no line in the table {SUMS}. {_remedy(SUMS)}")
    verify(path, content, expected, remedy=_remedy(name, path))
    return lzma.decompress(content) if name.endswith(".xz") else content


def verify_shipped() -> int:
    """Read every shipped file as the data functions would, and return how many there are.

    Raises:
        DataError: the first one that is missing or damaged.
    """
    return len([read(name) for name in table()])


def verify(path: Path, content: bytes, expected: str, *, remedy: str) -> None:
    """Raise a ``DataError`` unless the content has the expected sha256."""
    got = hashlib.sha256(content).hexdigest()
    if got != expected:
        raise DataError(
            f"data file {path} is damaged or incomplete: its {len(content):,} bytes have sha256 "
            f"{got}, expected {expected}. {remedy}"
        )


def table() -> dict[str, str]:
    """Return the table of the shipped files as {file name: sha256}."""
    path = shipped_folder() / SUMS
    return read_sums(path, remedy=_remedy(path.name, path))


def locate_original(dataset: str, name: str) -> Path:
    """Return where an original IDX file lies; download the data set if it is nowhere.

    Looks in ``DLNOTES_DATA``, then in the cache, each in torchvision's layout
    (``FashionMNIST/raw/...``, plain or ``.gz``); only then torchvision downloads into the cache.

    Args:
        dataset: "MNIST" or "FashionMNIST", torchvision's names.
        name: such as "train-images-idx3-ubyte".
    """
    path = find_original(dataset, name)
    if path is None:
        _download(dataset)
        path = find_original(dataset, name)
    if path is None:
        raise DataError(f"torchvision's download of {dataset} left no file {name}")
    return path


def read_original(dataset: str, name: str) -> bytes:
    """Return the content of an original IDX file that has passed the sha256 of its raw bytes."""
    path = locate_original(dataset, name)
    remedy = f"Delete it: the next call looks for {dataset} elsewhere or downloads it again."
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"data file {path} is damaged: {error}. {remedy}") from None
    sums = parse_sums(read(RAW_SUMS), locate(RAW_SUMS))
    verify(path, content, sums[f"{dataset}/raw/{name}"], remedy=remedy)
    return content


def find_original(dataset: str, name: str) -> Path | None:
    """Return where an original IDX file lies, plain or ``.gz``; None where it is nowhere."""
    for folder in (own_folder(), cache_folder()):
        for ending in ("", ".gz"):
            if folder and (path := folder / dataset / "raw" / f"{name}{ending}").is_file():
                return path
    return None


def _download(dataset: str) -> None:
    import torchvision  # here, not above: seconds of import that the shipped files do not need

    folder = cache_folder()
    try:
        getattr(torchvision.datasets, dataset)(str(folder), download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"the complete {dataset} is in neither DLNOTES_DATA nor {folder}, and torchvision "
            f"could not download it ({error}). With a network, try again; without one, put the "
            f"four files of {dataset} into {folder / dataset / 'raw'}, or into "
            f"FOLDER/{dataset}/raw and set DLNOTES_DATA=FOLDER."
        ) from error


def _remedy(name: str, path: Path | None = None) -> str:
    own = own_folder()
    if own is not None and path is not None and path.parent == own:
        return "Delete it there (the shipped file is used then) or copy it from the project again."
    if _INSIDE_THE_PACKAGE.is_dir():
        return "Reinstall dlnotes: pip install --force-reinstall --no-deps dlnotes."
    return (
        f"Restore it with `git checkout -- data/{name}` or rebuild it with `python data/build.py`."
    )
