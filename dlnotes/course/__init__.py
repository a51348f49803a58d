"""The table of chapters, and the folder that holds them.

One chapter is one notebook, one module, one test file, one exercise file and one widget file, all
of the same name; this table is the only place that lists them. It holds names, no modules, so that
``import dlnotes.course`` costs nothing.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path

DISCRIMINATIVE, GENERATIVE = "discriminative", "generative"


@dataclass(frozen=True)
class Chapter:
    """One chapter.

    Attributes:
        number: its place in the reading order.
        name: of the notebook, without the ending: "02_cnn".
        module: of the package; None for the start page, which has none.
        title: as a reader writes it.
        tags: which kinds of objective it teaches. Where the notes are silent or wrong, this is
            the corrected tag (erratum E-PRE-3): it belongs to the objective, not to the network.
        prefix: of its items in the inventory of the notes, "CNN" in "CNN-1"; None without items.
        promise: what a reader has made at the end, in one line.
        read_minutes: reading without running.
    """

    number: int
    name: str
    module: str | None
    title: str
    tags: tuple[str, ...]
    prefix: str | None
    promise: str
    read_minutes: int

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

CHAPTERS = tuple(
    Chapter(number, name, module, title, tags, prefix, promise, minutes)
    for number, (name, module, title, tags, prefix, promise, minutes) in enumerate(
        [
            ("00_start_here", None, "Start here", (), None,
             "Find your way, check your machine, run the first cell.", 10),
            ("01_discriminative_and_generative", "discriminative",
             "Discriminative and generative models", _BOTH, "PRE",
             "Reach one decision boundary by two routes and see which needs fewer samples.", 30),
            ("02_cnn", "cnn", "Convolutional networks", _D, "CNN",
             "Build the convolution, then LeNet to ResNet, and read digits at 99 %.", 45),
            ("03_rnn", "rnn", "Recurrent networks", _BOTH, "RNN",
             "Derive backpropagation through time and watch a gradient vanish.", 40),
            ("04_lstm", "lstm", "Long short-term memory", _BOTH, "LSTM",
             "Let one equation predict when a network remembers, and when it does not.", 40),
            ("05_gru", "gru", "Gated recurrent units", _BOTH, "GRU",
             "Keep the memory with one gate less, and compare at equal budget.", 35),
            ("06_seq2seq", "seq2seq", "Sequence to sequence", _BOTH, "S2S",
             "Teach a network to pronounce words it has never seen.", 40),
            ("07_transformer", "transformer", "Transformers", _BOTH, "TRF",
             "Build attention from a dot product up to a working Transformer.", 60),
            ("08_word2vec", "word2vec", "Word2Vec", _D, "W2V",
             "Turn two million words into vectors whose neighbours make sense.", 30),
            ("09_elmo", "elmo", "ELMo", _G, "ELM",
             "Give one word two vectors, because it has two meanings.", 30),
            ("10_bert", "bert", "BERT", _D, "BRT",
             "Learn a language by filling gaps, then learn a task from a hundred labels.", 45),
            ("11_gpt", "gpt", "GPT", _G, "GPT",
             "Write like Melville, measured in bits per character.", 45),
            ("12_vit", "vit", "Vision Transformers", _D, "VIT",
             "Read an image as a sentence of patches.", 35),
            ("13_gan", "gan", "Generative adversarial networks", _G, "GAN",
             "Play the two-player game, and count the modes it loses.", 45),
            ("14_wgan", "wgan", "Wasserstein GAN", _G, "WGN",
             "Replace the judge by a distance, and keep the gradient.", 40),
            ("15_autoencoder", "autoencoder", "Autoencoders", _D, "AE",
             "Squeeze, denoise and find what does not belong.", 40),
            ("16_vae", "vae", "Variational autoencoders", _G, "VAE",
             "Derive the bound, then sample digits that nobody wrote.", 45),
            ("17_normalizing_flows", "flows", "Normalizing flows", _G, "NF",
             "Bend a Gaussian into data and keep the exact density.", 40),
            ("18_nice", "nice", "NICE", _G, "NIC",
             "Invert a network without inverting its layers.", 30),
            ("19_realnvp", "realnvp", "RealNVP", _G, "RNV",
             "Let the volume change, at several scales.", 35),
            ("20_diffusion", "diffusion", "Diffusion models", _G, "DIF",
             "Destroy an image step by step and learn the way back.", 50),
        ]
    )
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
