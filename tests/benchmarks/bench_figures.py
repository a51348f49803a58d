"""Measure how long it takes from a slider to the new picture of every interactive figure.

Not a test: run ``python tests/benchmarks/bench_figures.py``. Every control of each figure is moved
there and back in this process, and each time the figure redraws itself and makes a PNG; what is
counted is the processor's time, the median and the slowest move of the best round, because other
work on the machine only ever slows down. The goal is 200 ms until the reader sees it, of which
transfer and browser take some 50: what takes longer is felt as a delay.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import ipywidgets
import torch

from dlnotes import data, figures
from dlnotes.figures import cnn, discriminative, gru, lstm, rnn, seq2seq, vae
from dlnotes.lstm import LSTMCell, trace
from dlnotes.recipes import seq2seq as letters_to_phones
from dlnotes.vae import VAE

GOAL = 0.15  # seconds


def interactive() -> dict[str, Callable[[], dict]]:
    """Return what shows each figure, with sizes as in the notebooks."""
    digit = data.mnist("validation").inputs[0, 0]
    reader = LSTMCell(95, 96)

    def look(text):
        ids = torch.tensor([ord(letter) - 32 for letter in text])
        return trace(reader, torch.nn.functional.one_hot(ids, 95).float()[None])

    text = "Call me Ishmael. Some years ago"
    speaker = letters_to_phones.build().eval()
    vocabularies = letters_to_phones.vocabularies()
    return {
        "01 boundary": discriminative.boundary,
        "02 convolution": cnn.convolution,
        "02 shift": lambda: cnn.shift(digit),
        "03 gradient": rnn.gradient,
        "04 survival": lstm.survival,
        "04 parcel": lstm.parcel,
        "04 reading": lambda: lstm.reading(look, 96, text=text, unit=3),
        "05 leaky unit": gru.leaky_unit,
        "06 pronunciation": lambda: seq2seq.pronunciation(speaker, *vocabularies, word="ptolemaic"),
        "16 bound": vae.bound,
        "16 plane": lambda: vae.plane(VAE((1, 28, 28), 2).eval()),
    }


def moves(control: ipywidgets.Widget) -> list:
    """Return two values to which a control is moved, one after the other."""
    if isinstance(control, ipywidgets.Text):
        return ["thorough", control.value]
    if isinstance(control, ipywidgets.Dropdown):
        return [control.options[-1], control.value]
    step = control.step if control.value + control.step <= control.max else -control.step
    return [control.value + step, control.value]


def redraws(controls: dict) -> list[float]:
    """Return the seconds that each move of each control took."""
    taken = []
    for control in controls.values():
        for value in moves(control):
            start = time.process_time()
            control.value = value
            taken.append(time.process_time() - start)
    return taken


def main() -> None:
    """Print a table of times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    torch.set_num_threads(1)
    figures.display = lambda *_, **__: None  # nobody looks
    print(f"{'':<18}   median   slowest")
    for name, show in interactive().items():
        controls = show()
        taken = [redraws(controls) for _ in range(rounds)]
        median = min(map(statistics.median, taken))
        slowest = min(map(max, taken))
        late = "" if slowest < GOAL else "   above the goal"
        print(f"{name:<18}{1000 * median:6.0f} ms{1000 * slowest:7.0f} ms{late}")


if __name__ == "__main__":
    main()
