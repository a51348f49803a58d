"""A part of a data set that knows its name, and the sets of images behind ``dlnotes.data``."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlnotes.checks import check_choice, check_positive
from dlnotes.data import files
from dlnotes.data.texts import SPLITS

FASHION_NAMES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


class Split(tuple):
    """Inputs and targets of one part of a data set, which knows which part it is.

    It unpacks like the tuple ``(inputs, targets)``, and keeps its name through ``take``, ``map``
    and ``to``: so training can refuse a test set however it was prepared. Who unpacks a test set
    first and trains on the bare tensors has been warned.

    ``len(split)`` is the number of samples, not 2.

    Args:
        inputs: (N, ...).
        targets: (N, ...).
        name: "train", "validation", "train+validation" or "test".
        dataset: such as "mnist".
    """

    name: str
    dataset: str

    def __new__(cls, inputs: Tensor, targets: Tensor, *, name: str, dataset: str) -> "Split":
        check_choice(SPLITS, name=name)
        for argument, value in (("inputs", inputs), ("targets", targets)):
            if not isinstance(value, Tensor):
                raise TypeError(f"{argument} must be a tensor, got {type(value).__name__}")
            if value.ndim == 0:
                raise ValueError(f"{argument} must have a first dimension of samples, got ()")
        if len(inputs) != len(targets):
            raise ValueError(
                f"inputs and targets must be equally long, got {len(inputs)} and {len(targets)}"
            )
        split = super().__new__(cls, (inputs, targets))
        split.name, split.dataset = name, dataset
        return split

    @property
    def inputs(self) -> Tensor:
        """The inputs, (N, ...)."""
        return self[0]

    @property
    def targets(self) -> Tensor:
        """The targets, (N, ...)."""
        return self[1]

    def take(self, n: int) -> "Split":
        """Return a copy of the first ``n`` samples, 1 ≤ n ≤ N."""
        check_positive(n=n)
        if n > len(self):
            raise ValueError(f"n must be at most the {len(self)} samples of {self!r}, got {n}")
        return self._like(self.inputs[:n].clone(), self.targets[:n].clone())

    def map(self, function: Callable[[Tensor], Tensor]) -> "Split":
        """Return the split with ``function(inputs)``, all at once, in place of the inputs."""
        return self._like(function(self.inputs), self.targets)

    def to(self, *arguments: Any, **options: Any) -> "Split":
        """Return the split with ``inputs.to(...)``; integer targets change device only."""
        inputs = self.inputs.to(*arguments, **options)
        dtype = inputs.dtype if self.targets.is_floating_point() else None
        return self._like(inputs, self.targets.to(inputs.device, dtype))

    def _like(self, inputs: Tensor, targets: Tensor) -> "Split":
        return Split(inputs, targets, name=self.name, dataset=self.dataset)

    def __len__(self) -> int:
        return len(self.targets)

    def __repr__(self) -> str:
        shapes = f"inputs {tuple(self.inputs.shape)}, targets {tuple(self.targets.shape)}"
        return f"Split({self.dataset}, {self.name}: {shapes})"

    def __getnewargs_ex__(self) -> tuple:  # copy and pickle: __new__ wants keywords
        return tuple(self), {"name": self.name, "dataset": self.dataset}


# ---- images ------------------------------------------------------------------------------------


def mnist(split: str = "train") -> Split:
    """Return handwritten digits, complete: LeCun, Bottou, Bengio, Haffner (1998), section III.A.

    Args:
        split: "train" (the first 55,000 images of the training file), "validation" (its last
            5,000), "train+validation" (all 60,000) or "test" (10,000).

    Returns:
        Images (N, 1, 28, 28), float32 in [0, 1]; labels (N,), int64, the digit.
    """
    check_choice(SPLITS, split=split)
    if split == "test":
        parts = ["mnist-t10k-images-idx3-ubyte.xz"], ["mnist-t10k-labels-idx1-ubyte.xz"]
    else:  # two files of less than 5 MB, which joined are the original
        pieces = [f"mnist-train-images-idx3-ubyte.{part}.xz" for part in (0, 1)]
        parts = pieces, ["mnist-train-labels-idx1-ubyte.xz"]
    if all(files.find(name) for names in parts for name in names):
        images, labels = (_shipped_array(*names) for names in parts)
    else:
        images, labels = _original_arrays("MNIST", split)
    return _image_split("mnist", split, images, labels, validation=5_000)


def fashion_mnist(split: str = "train", *, full: bool = False) -> Split:
    """Return pictures of clothes: Xiao, Rasul, Vollgraf (2017), ``FASHION_NAMES`` are the classes.

    Args:
        split: "train", "validation", "train+validation" or "test"; 10,000, 2,000, 12,000 and 2,000
            images, or with ``full`` 55,000, 5,000, 60,000 and 10,000.
        full: the complete set, from ``DLNOTES_DATA``, from an earlier download, or downloaded now,
            instead of the shipped first images of each of its two files.

    Returns:
        Images (N, 1, 28, 28), float32 in [0, 1]; labels (N,), int64, from 0 to 9.
    """
    check_choice(SPLITS, split=split)
    if not isinstance(full, bool):
        raise TypeError(f"full must be True or False, got {full!r}")
    if full:
        images, labels = _original_arrays("FashionMNIST", split)
    else:
        part = "t2k" if split == "test" else "train12k"
        images = _shipped_array(f"fashion-{part}-images-idx3-ubyte.xz")
        labels = _shipped_array(f"fashion-{part}-labels-idx1-ubyte.xz")
    validation = 5_000 if full else 2_000
    return _image_split("fashion_mnist", split, images, labels, validation=validation)


def digits(split: str = "train") -> Split:
    """Return scikit-learn's small digits, for tests and toys: the 1,797 of the UCI repository.

    Args:
        split: "train" (the first 1,297), "validation" (the next 250), "train+validation" or "test"
            (the last 250).

    Returns:
        Images (N, 1, 8, 8), float32, multiples of 1/16 in [0, 1]; labels (N,), int64.
    """
    check_choice(SPLITS, split=split)
    from sklearn.datasets import load_digits

    bunch = load_digits()
    ends = {"train": (0, 1297), "validation": (1297, 1547), "test": (1547, 1797)}
    ends["train+validation"] = (0, 1547)
    part = slice(*ends[split])
    images = torch.from_numpy(bunch.images[part].astype(np.float32) / 16)
    labels = torch.from_numpy(bunch.target[part].astype(np.int64))
    return Split(images[:, None], labels, name=split, dataset="digits")


def _image_split(
    dataset: str, split: str, images: np.ndarray, labels: np.ndarray, *, validation: int
) -> Split:
    """Cut the split out of its file and convert it: the arrays are shared, what leaves is new."""
    cut = len(labels) - validation
    part = {"train": slice(0, cut), "validation": slice(cut, None)}.get(split, slice(None))
    inputs = torch.from_numpy(images[part].astype(np.float32)).div_(255)[:, None]
    targets = torch.from_numpy(labels[part].astype(np.int64))
    return Split(inputs, targets, name=split, dataset=dataset)


def _shipped_array(*names: str) -> np.ndarray:
    """Return the array of a shipped IDX file that may lie in several parts."""
    states = tuple(files.state(files.locate(name)) for name in names)
    return _shared_array(files.read, tuple((name,) for name in names), states)


def _original_arrays(dataset: str, split: str) -> tuple[np.ndarray, ...]:
    """Return images and labels of one of the two original files."""
    prefix = "t10k" if split == "test" else "train"
    arrays = []
    for name in (f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"):
        state = files.state(files.locate_original(dataset, name))
        arrays.append(_shared_array(files.read_original, ((dataset, name),), (state,)))
    return tuple(arrays)


@lru_cache(maxsize=8)
def _shared_array(
    reader: Callable[..., bytes], arguments: tuple[tuple[str, ...], ...], states: tuple[tuple, ...]
) -> np.ndarray:
    """Decode an IDX file once per state of its parts on disk; the array cannot be written to."""
    content = b"".join(reader(*names) for names in arguments)
    dimensions = content[3]  # then one big-endian int32 per dimension, then the bytes
    shape = np.frombuffer(content, ">i4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
