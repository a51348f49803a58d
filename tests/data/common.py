"""What the tests of dlnotes.data share: names, and the files read past the code under test."""

import hashlib
import lzma

from dlnotes import data
from dlnotes.data import files

SHIPPED = files.shipped_folder()
TEXTS = [data.cmudict, data.names, data.numbers_in_words, data.state_of_the_union]
TEXTS += [data.austen, data.moby_dick, data.verses]
SERIES = [data.co2, data.sunspots, data.el_nino, data.seattle_weather]
PARTS = ("train", "validation", "test")
MNIST_COUNTS = {
    "train+validation": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def raw(name):
    """The decoded content of a shipped file, past the code under test."""
    content = (SHIPPED / name).read_bytes()
    return lzma.decompress(content) if name.endswith(".xz") else content


def lines(name):
    return raw(name).decode().splitlines()


def damage(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
