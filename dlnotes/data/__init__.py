"""Every data set of the course, one function each, in memory.

Where the files come from, in this order: the folder named by the environment variable
``DLNOTES_DATA``; the compact files shipped with the project (``data/``); for the complete
Fashion-MNIST, which is too large to ship, torchvision's own download. Every file is checked against
its sha256 before it is decoded, and nothing but that download needs a network.

Each data set has three parts, ``split="train"`` (the default), ``"validation"`` and ``"test"``.
Decide by looking at "validation"; look at "test" once, at the end. ``training.fit`` refuses a
``Split`` that knows itself to be a test set.
"""

from dlnotes.data.files import verify_shipped
from dlnotes.data.images import FASHION_NAMES, Split, digits, fashion_mnist, mnist
from dlnotes.data.series import Series, co2, el_nino, seattle_weather, sunspots
from dlnotes.data.texts import (
    SPLITS,
    Address,
    Chapter,
    Verse,
    austen,
    cmudict,
    moby_dick,
    names,
    numbers_in_words,
    sentences,
    state_of_the_union,
    verses,
)
from dlnotes.data.toys import (
    GaussianMixture,
    eight_gaussians,
    gaussians_grid,
    gaussians_ring,
    spirals,
    twenty_five_gaussians,
    two_moons,
)
from dlnotes.files import DataError

__all__ = [
    "FASHION_NAMES",
    "SPLITS",
    "Address",
    "Chapter",
    "DataError",
    "GaussianMixture",
    "Series",
    "Split",
    "Verse",
    "austen",
    "cmudict",
    "co2",
    "digits",
    "eight_gaussians",
    "el_nino",
    "fashion_mnist",
    "gaussians_grid",
    "gaussians_ring",
    "mnist",
    "moby_dick",
    "names",
    "numbers_in_words",
    "seattle_weather",
    "sentences",
    "spirals",
    "state_of_the_union",
    "sunspots",
    "twenty_five_gaussians",
    "two_moons",
    "verify_shipped",
    "verses",
]
