"""The table of chapters, and the folder that holds them.

One chapter is one notebook, one module, one test file, one file of exercises and one of figures,
all of the same name; this table is the only place that lists them. It holds names, no modules, so
that ``import dlnotes.course`` costs nothing.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path

DISCRIMINATIVE, GENERATIVE = "discriminative", "generative"


@dataclass(frozen=True)
class Chapter:
    """One chapter.

    Attributes:
        name: of the notebook, without the ending: "02_cnn".
        module: of the package; None for the start page, which has none.
        title: as a reader writes it.
        tags: which kinds of objective it teaches. Where the notes are silent or wrong, this is
            the corrected tag (erratum E-PRE-3): it belongs to the objective, not to the network.
        prefix: of its items in the inventory of the notes, "CNN" in "CNN-1"; None without items.
        promise: what a reader has made at the end, in one line.
        read_minutes: reading without running.
        needs: numbers of the chapters to read first.
        label: on the map of the course, a name and what it does; "" for the start page, which is
            not on it.
        place: on the map, (column, row).
    """

    name: str
    module: str | None
    title: str
    tags: tuple[str, ...]
    prefix: str | None
    promise: str
    read_minutes: int
    needs: tuple[int, ...] = ()
    label: str = ""
    place: tuple[float, float] = (0.0, 0.0)

    @property
    def number(self) -> int:
        """Its place in the reading order."""
        return int(self.name[:2])

    @property
    def objective(self) -> str:
        """What its objective models: "discriminative", "generative" or "both"."""
        return self.tags[0] if len(self.tags) == 1 else "both"

    @property
    def file(self) -> str:
        """File name of the notebook."""
        return f"{self.name}.ipynb"

    @property
    def path(self) -> Path:
        """The notebook."""
        return notebooks_folder() / self.file

    @property
    def solutions(self) -> Path:
        """The notebook with the solutions of the exercises."""
        return notebooks_folder() / "solutions" / self.file

    @property
    def built(self) -> bool:
        """Whether the notebook exists; without a checkout (Colab), whether the module does."""
        try:
            return self.path.is_file()
        except FileNotFoundError:
            package = Path(__file__).parents[1]
            files = f"{self.module}.py", f"{self.module}/__init__.py"
            return self.module is None or any((package / name).is_file() for name in files)


_D, _G = (DISCRIMINATIVE,), (GENERATIVE,)
_BOTH = (DISCRIMINATIVE, GENERATIVE)

CHAPTERS = (
    Chapter("00_start_here", None, "Start here", (), None,
            promise="Find your way, check your machine, run the first cell.",
            read_minutes=45),
    Chapter("01_discriminative_and_generative", "discriminative",
            "Discriminative and generative models", _BOTH, "PRE",
            promise="Reach one decision boundary by two routes and see which needs fewer samples.",
            read_minutes=155, needs=(), label="two kinds\nof model", place=(0, 3)),
    Chapter("02_cnn", "cnn", "Convolutional networks", _D, "CNN",
            promise="Build the convolution, then LeNet to ResNet, and read digits at 99 %.",
            read_minutes=270, needs=(1,), label="CNN\nsees images", place=(1, 3)),
    Chapter("03_rnn", "rnn", "Recurrent networks", _BOTH, "RNN",
            promise="Derive backpropagation through time and watch a gradient vanish.",
            read_minutes=175, needs=(2,), label="RNN\nreads in order", place=(2, 3)),
    Chapter("04_lstm", "lstm", "Long short-term memory", _BOTH, "LSTM",
            promise="Build a memory from three switches, and find out when it learns to remember.",
            read_minutes=140, needs=(3,), label="LSTM\nremembers long", place=(3, 3)),
    Chapter("05_gru", "gru", "Gated recurrent units", _BOTH, "GRU",
            promise="Keep the memory with one gate less, and compare at equal budget.",
            read_minutes=115, needs=(4,), label="GRU\nsimpler memory", place=(4, 3)),
    Chapter("06_seq2seq", "seq2seq", "Sequence to sequence", _BOTH, "S2S",
            promise="Teach a network to pronounce words it has never seen.",
            read_minutes=125, needs=(5,), label="seq2seq\nreads, then writes", place=(4, 2)),
    Chapter("07_transformer", "transformer", "Transformers", _BOTH, "TRF",
            promise="Build attention from a dot product up to a working Transformer.",
            read_minutes=230, needs=(2, 6), label="Transformer\nlooks everywhere", place=(3, 2)),
    Chapter("08_word2vec", "word2vec", "Word2Vec", _D, "W2V",
            promise="Turn two million words into vectors whose neighbours make sense.",
            read_minutes=160, needs=(1, 2), label="word2vec\nwords as vectors", place=(1, 2)),
    Chapter("09_elmo", "elmo", "ELMo", _G, "ELM",
            promise="Give one word two vectors, because it has two meanings.",
            read_minutes=30, needs=(4, 8), label="ELMo\nwords in context", place=(2, 2)),
    Chapter("10_bert", "bert", "BERT", _D, "BRT",
            promise="Learn a language by filling gaps, then learn a task from a hundred labels.",
            read_minutes=45, needs=(7, 9), label="BERT\nfills gaps", place=(2, 1)),
    Chapter("11_gpt", "gpt", "GPT", _G, "GPT",
            promise="Write like Melville, measured in bits per character.",
            read_minutes=45, needs=(7,), label="GPT\nwrites on", place=(3, 1)),
    Chapter("12_vit", "vit", "Vision Transformers", _D, "VIT",
            promise="Read an image as a sentence of patches.",
            read_minutes=35, needs=(2, 7), label="ViT\nsees patches", place=(4, 1)),
    Chapter("13_gan", "gan", "Generative adversarial networks", _G, "GAN",
            promise="Play the two-player game, and count the modes it loses.",
            read_minutes=45, needs=(2,), label="GAN\ntwo rivals", place=(2, 4)),
    Chapter("14_wgan", "wgan", "Wasserstein GAN", _G, "WGN",
            promise="Replace the judge by a distance, and keep the gradient.",
            read_minutes=40, needs=(13,), label="WGAN\na fairer judge", place=(3, 4)),
    Chapter("15_autoencoder", "autoencoder", "Autoencoders", _D, "AE",
            promise="Squeeze, denoise and find what does not belong.",
            read_minutes=40, needs=(2,), label="autoencoder\nsqueezes images", place=(1, 5)),
    Chapter("16_vae", "vae", "Variational autoencoders", _G, "VAE",
            promise="Derive the bound, then sample digits that nobody wrote.",
            read_minutes=150, needs=(15,), label="VAE\ndraws digits", place=(2, 5)),
    Chapter("17_normalizing_flows", "flows", "Normalizing flows", _G, "NF",
            promise="Bend a Gaussian into data and keep the exact density.",
            read_minutes=40, needs=(1,), label="flows\nexact density", place=(1, 6)),
    Chapter("18_nice", "nice", "NICE", _G, "NIC",
            promise="Invert a network without inverting its layers.",
            read_minutes=30, needs=(17,), label="NICE\nruns both ways", place=(2, 6)),
    Chapter("19_realnvp", "realnvp", "RealNVP", _G, "RNV",
            promise="Let the volume change, at several scales.",
            read_minutes=35, needs=(18,), label="RealNVP\nchanges volume", place=(3, 6)),
    Chapter("20_diffusion", "diffusion", "Diffusion models", _G, "DIF",
            promise="Destroy an image step by step and learn the way back.",
            read_minutes=50, needs=(16,), label="diffusion\nout of noise", place=(3, 5)),
)  # fmt: skip


def find(name: str) -> Chapter:
    """Return the chapter that "2", "02", "cnn", "02_cnn" or "02_cnn.ipynb" names.

    Raises:
        ValueError: there is none; the message suggests the nearest names.
    """
    wanted = Path(str(name)).name.removesuffix(".ipynb").lower()
    for chapter in CHAPTERS:
        short = chapter.name.split("_", 1)[1]
        if wanted in (chapter.name, chapter.module, short):
            return chapter
        if wanted.isdecimal() and int(wanted) == chapter.number:
            return chapter
    names = [n for c in CHAPTERS for n in (c.name, c.module, c.name.split("_", 1)[1]) if n]
    near = list(dict.fromkeys(find(n).name for n in difflib.get_close_matches(wanted, names)))
    hint = f"did you mean {' or '.join(near)}?" if near else "`dlnotes list` shows them all"
    raise ValueError(f"chapter must be a number or name of the course, got {name!r}: {hint}")


def built() -> list[Chapter]:
    """Return the chapters whose notebook exists, in reading order."""
    return [chapter for chapter in CHAPTERS if chapter.built]


def root() -> Path:
    """Return the folder of the course: the one with ``notebooks/`` and ``pyproject.toml``.

    It is the nearest one above the current folder, else the checkout dlnotes was installed from.

    Raises:
        FileNotFoundError: there is none, as after a plain ``pip install``.
    """
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).parents[2]):
        project = folder / "pyproject.toml"
        if (folder / "notebooks").is_dir() and project.is_file():
            if 'name = "dlnotes"' in project.read_text(encoding="utf-8"):
                return folder
    raise FileNotFoundError(
        "the notebooks are not here: clone the course's repository and run this command inside it"
    )


def notebooks_folder() -> Path:
    """Return the folder of the notebooks."""
    return root() / "notebooks"
