"""What the last exercise of chapter 6 trains: a small model that pronounces words."""

from functools import cache
from string import ascii_lowercase

import torch

from dlnotes import data
from dlnotes.metrics import error_rates
from dlnotes.seq2seq import Seq2Seq, teacher_forcing_loss
from dlnotes.text import Vocabulary
from dlnotes.training import fit


@cache
def words() -> tuple[list, list]:
    """Return 3,000 words to train on and 500 to measure, each with its pronunciations."""
    return data.cmudict("train")[:3000], data.cmudict("validation")[:500]


def small_model(*, attention: bool, reverse: bool = False, seed: int = 0) -> float:
    """Train on the letters and phones of 3,000 words; return the PER of 500 validation words.

    Args:
        attention: see ``Seq2Seq``; the encoder reads in one direction.
        reverse: spell the words backwards.
        seed: of the initial weights and the order of the words.
    """
    train, held_out = words()
    letters = Vocabulary(ascii_lowercase, unknown=False)
    phones = Vocabulary.from_sequences(p for _, right in train for p in right)

    def spelled(some):
        return letters.batch([word[::-1] if reverse else word for word in some])

    source, lengths = spelled([word for word, right in train for _ in right])
    target, _ = phones.batch([p for _, right in train for p in right], begin=True, end=True)
    torch.manual_seed(seed)
    options = dict(attention=attention, bidirectional=False, embedding_size=32)
    model = Seq2Seq(letters, phones, hidden_size=64, cell="gru", **options)
    settings = dict(steps=400, batch_size=32, learning_rate=6e-3, schedule="one_cycle", seed=seed)
    fit(model, teacher_forcing_loss, (source, lengths, target), progress=False, **settings)
    ids = model.eval().greedy(*spelled([word for word, _ in held_out]), max_length=24)
    return error_rates([phones.decode(row) for row in ids], [right for _, right in held_out])[0]
