"""dlnotes.data.images: canonical images, cut once and for all, in splits that know their names."""

import copy
import hashlib
import pickle
import re
import struct

import numpy as np
import pytest
import torch

from data.common import MNIST_COUNTS, PARTS, TEXTS
from dlnotes import data
from dlnotes.data import Split

MNIST_MD5 = {  # of the four original files, uncompressed
    ("train", "images"): "6bbc9ace898e44ae57da46a324031adb",
    ("train", "labels"): "a25bea736e30d166cdddb491f175f624",
    ("t10k", "images"): "2646ac647ad5339dbf082846283269ea",
    ("t10k", "labels"): "27ae3e4e09519cfbb04c329615203637",
}


@pytest.mark.parametrize(("part", "file"), [("train+validation", "train"), ("test", "t10k")])
def test_mnist_written_out_again_is_the_original_files_byte_for_byte(part, file):
    images, labels = data.mnist(part)
    pixels = (images * 255).round().to(torch.uint8).numpy().tobytes()
    header = struct.pack(">iiii", 2051, len(images), 28, 28)
    assert hashlib.md5(header + pixels).hexdigest() == MNIST_MD5[file, "images"]
    header = struct.pack(">ii", 2049, len(labels))
    content = header + labels.to(torch.uint8).numpy().tobytes()
    assert hashlib.md5(content).hexdigest() == MNIST_MD5[file, "labels"]


@pytest.mark.parametrize("part", MNIST_COUNTS)
def test_mnist_has_its_known_label_counts(part):
    assert data.mnist(part).targets.bincount().tolist() == MNIST_COUNTS[part]


def test_mnist_has_its_known_mean_and_deviation():
    images = data.mnist("train+validation").inputs
    assert images.mean().item() == pytest.approx(0.13066, abs=1e-5)
    assert images.std().item() == pytest.approx(0.30811, abs=1e-5)


def test_compact_fashion_mnist_has_its_known_counts_mean_and_deviation():
    images, labels = data.fashion_mnist("train+validation")
    counts = [1122, 1220, 1201, 1212, 1181, 1204, 1244, 1192, 1195, 1229]
    assert labels.bincount().tolist() == counts
    assert images.mean().item() == pytest.approx(0.28615, abs=1e-5)
    assert images.std().item() == pytest.approx(0.35379, abs=1e-5)
    counts = data.fashion_mnist("test").targets.bincount()
    assert (counts.min(), counts.max()) == (188, 219)


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    theirs = load_digits()
    parts = [data.digits(part) for part in PARTS]
    images = torch.cat([part.inputs for part in parts]).double().numpy()
    assert np.array_equal(images[:, 0] * 16, theirs.images)
    assert np.array_equal(torch.cat([part.targets for part in parts]), theirs.target)


@pytest.mark.parametrize(
    ("read", "sizes"),
    [
        (data.mnist, (55_000, 5_000, 10_000)),
        (data.fashion_mnist, (10_000, 2_000, 2_000)),
        (data.digits, (1_297, 250, 250)),
    ],
)
def test_training_and_validation_are_the_beginning_and_the_end_of_one_file(read, sizes):
    train, validation, test = (read(part) for part in PARTS)
    both = read("train+validation")
    assert (len(train), len(validation), len(test)) == sizes
    assert torch.equal(torch.cat([train.inputs, validation.inputs]), both.inputs)
    assert torch.equal(torch.cat([train.targets, validation.targets]), both.targets)
    for split, name in zip(
        (train, validation, both, test), (*PARTS[:2], both.name, "test"), strict=True
    ):
        assert (split.name, split.dataset) == (name, read.__name__)
        images, labels = split
        assert images.dtype == torch.float32 and labels.dtype == torch.int64
        assert images.shape[1:] == ((1, 8, 8) if read is data.digits else (1, 28, 28))
        assert images.min() == 0 and images.max() == 1


@pytest.mark.parametrize("read", [data.mnist, data.fashion_mnist, data.digits])
def test_no_image_of_the_test_set_is_a_training_image(read):
    # Fashion-MNIST repeats a few pictures in its original files; more would be a wrong cut
    train, test = ({x.numpy().tobytes() for x in read(part).inputs} for part in ("train", "test"))
    assert len(train & test) <= 3


@pytest.mark.parametrize("read", [data.mnist, data.fashion_mnist, data.digits])
def test_a_caller_cannot_spoil_what_the_next_one_gets(read):
    first = read("test")
    before = first.inputs.clone(), first.targets.clone()
    first.inputs.fill_(7.0)
    first.targets.fill_(7)
    second = read("test")
    assert torch.equal(second.inputs, before[0]) and torch.equal(second.targets, before[1])


@pytest.mark.parametrize("read", [data.mnist, data.fashion_mnist, data.digits, *TEXTS])
@pytest.mark.parametrize("wrong", ["Test", "val", "", None])
def test_a_wrong_split_is_answered_with_the_right_ones(read, wrong):
    allowed = "'train', 'validation', 'train+validation', 'test'"
    with pytest.raises(ValueError, match=re.escape(f"split must be one of {allowed}, got")):
        read(wrong)


@pytest.mark.parametrize("read", [data.digits, data.fashion_mnist, data.mnist])
def test_the_default_split_is_for_training(read):
    assert read().name == "train"


def test_full_takes_a_truth_value_only():
    with pytest.raises(TypeError, match="full must be True or False, got 'test'"):
        data.fashion_mnist("test", full="test")


def a_split(name="test"):
    inputs = torch.arange(12.0).reshape(6, 2)
    return Split(inputs, torch.arange(6), name=name, dataset="toy")


def test_a_split_unpacks_like_a_pair_and_counts_its_samples():
    split = a_split()
    inputs, targets = split
    assert inputs is split.inputs is split[0] and targets is split.targets is split[1]
    assert isinstance(split, tuple) and len(split) == 6 and len(list(split)) == 2
    assert len(torch.utils.data.TensorDataset(*split)) == 6


@pytest.mark.parametrize(
    "prepare",
    [
        lambda split: split.take(2),
        lambda split: split.map(lambda x: x + 1),
        lambda split: split.to(torch.float64),
        copy.copy,
        copy.deepcopy,
        lambda split: pickle.loads(pickle.dumps(split)),
    ],
)
@pytest.mark.parametrize("name", data.SPLITS)
def test_a_split_is_known_by_name_however_it_is_prepared(prepare, name):
    prepared = prepare(a_split(name))
    assert type(prepared) is Split and (prepared.name, prepared.dataset) == (name, "toy")
    assert repr(prepared).startswith(f"Split(toy, {name}: inputs (")


def test_take_copies_the_first_samples():
    split = a_split()
    part = split.take(2)
    assert part.inputs.tolist() == [[0, 1], [2, 3]] and part.targets.tolist() == [0, 1]
    part.inputs.zero_()
    part.targets.zero_()
    assert split.inputs[1, 0] == 2 and split.targets[1] == 1
    assert len(split.take(6)) == 6


@pytest.mark.parametrize(("wrong", "error"), [(0, ValueError), (7, ValueError), (2.0, TypeError)])
def test_take_refuses_what_is_not_there(wrong, error):
    with pytest.raises(error, match="n must be"):
        a_split().take(wrong)


def test_map_changes_the_inputs_only():
    mapped = a_split().map(lambda x: x.sum(dim=1))
    assert mapped.inputs.tolist() == [1, 5, 9, 13, 17, 21]
    assert mapped.targets.tolist() == [0, 1, 2, 3, 4, 5]


def test_to_leaves_labels_integers_and_converts_values():
    split = a_split()
    assert split.to(torch.float64).inputs.dtype == torch.float64
    assert split.to(torch.float64).targets.dtype == torch.int64
    values = Split(split.inputs, split.targets.float(), name="train", dataset="toy")
    assert values.to(torch.float64).targets.dtype == torch.float64
    meta = split.to("meta")
    assert meta.inputs.device.type == meta.targets.device.type == "meta"


@pytest.mark.parametrize(
    ("inputs", "targets", "name", "error", "message"),
    [
        (torch.zeros(3), torch.zeros(2), "test", ValueError, "equally long, got 3 and 2"),
        (torch.zeros(3), torch.zeros(()), "test", ValueError, "targets must have a first"),
        ([0.0], torch.zeros(1), "test", TypeError, "inputs must be a tensor, got list"),
        (torch.zeros(3), torch.zeros(3), "tset", ValueError, "name must be one of 'train', "),
    ],
)
def test_a_split_refuses_parts_that_do_not_belong_together(inputs, targets, name, error, message):
    with pytest.raises(error, match=message):
        Split(inputs, targets, name=name, dataset="toy")
