"""Measure how long it takes from a slider to the new picture of every interactive figure.

Not a test: run ``python tests/benchmarks/bench_widgets.py``. Each figure is drawn and made a PNG
several times in this process; the shortest time counts, because other work only ever slows down.
The goal is 200 ms: what takes longer is felt as a delay.
"""

import argparse
import time
from collections.abc import Callable

import torch
from matplotlib.figure import Figure

from dlnotes import data
from dlnotes.figures import cnn, discriminative, gru, lstm, rnn, seq2seq, vae
from dlnotes.lstm import LSTMCell, trace
from dlnotes.plotting import image_bundle
from dlnotes.recipes import seq2seq as letters_to_phones
from dlnotes.vae import VAE

GOAL = 0.2  # seconds


def figures() -> dict[str, Callable[[], Figure]]:
    """Return what draws each figure, with sizes as in the notebooks."""
    digit = data.mnist("validation").inputs[0, 0]
    text, alphabet = "Call me Ishmael. Some years ago", "".join(map(chr, range(32, 127)))
    reader = trace(LSTMCell(len(alphabet), 96), lstm.one_hot(text, alphabet))
    plane = VAE((1, 28, 28), 2).eval()
    tiles, _ = vae.decode_plane(plane, size=11, edge=3.0)
    speaker = letters_to_phones.build().eval()
    vocabularies = letters_to_phones.vocabularies()
    return {
        "01 boundary": lambda: discriminative.draw_boundary(
            distance=2.0, spread=1.5, correlation=0.3, prior=0.5
        ),
        "02 convolution": lambda: cnn.draw_convolution(
            size=9, kernel=3, stride=2, padding=1, dilation=1, window=7
        ),
        "02 shift": lambda: cnn.draw_shift(digit, shift=3, stride=2, border="zeros"),
        "03 gradient": lambda: rnn.draw_gradient(
            largest_singular_value=1.5,
            matrix="random",
            nonlinearity="tanh",
            steps=100,
            input_size=0.5,
        ),
        "04 survival": lambda: lstm.draw_survival(forget_bias=2, steps=400, recurrent_norm=0.9),
        "04 gates": lambda: lstm.draw_gates(reader, list(text), unit=3),
        "05 leaky unit": lambda: gru.draw_leaky_unit(
            z=0.5, r=1.0, weight=1.5, z_is="share of the old"
        ),
        "06 pronunciation": lambda: seq2seq.draw_pronunciation(
            speaker, *vocabularies, word="ptolemaic", beam=5
        ),
        "16 bound": lambda: vae.draw_bound(mu=0.5, sigma=0.7, x=1.0),
        "16 plane": lambda: vae.draw_plane(plane, z1=1.0, z2=-1.0, tiles=tiles),
    }


def main() -> None:
    """Print a table of times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, draw in figures().items():
            start = time.perf_counter()
            image_bundle(draw(), "a picture that is only measured")
            best[name] = min(best.get(name, float("inf")), time.perf_counter() - start)
    for name, seconds in best.items():
        late = "" if seconds < GOAL else "   above the goal"
        print(f"{name:<18}{1000 * seconds:6.0f} ms{late}")


if __name__ == "__main__":
    main()
