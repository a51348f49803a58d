"""How fast are our recurrent layers? Ratios within one run, forward and backward, best of several.

    python tests/benchmarks/bench_recurrent.py

In units of torch.nn's layer (lower is better): ours with its gradients by hand, ours step by step
with autograd ("unrolled", the input product still hoisted), and the plain loop over the readable
cell. On a CPU in float32 torch's LSTM is one fused call into oneDNN; its GRU and RNN, and its LSTM
in float64, are not.
"""

import argparse
import time
from collections.abc import Callable

import torch
from timing import seconds
from torch import Tensor, nn

from dlnotes.gru import GRU, GRUCell
from dlnotes.lstm import LSTM, LSTMCell
from dlnotes.recurrent import RecurrentLayer
from dlnotes.rnn import RNN, RNNCell

KINDS = {"LSTM": (LSTM, LSTMCell), "GRU": (GRU, GRUCell), "RNN": (RNN, RNNCell)}
SIZES = {  # name: N, T, D, H
    "medium": (32, 64, 64, 128),
    "MNIST by rows": (128, 28, 28, 128),
    "adding problem": (64, 100, 2, 64),
    "small": (16, 20, 8, 32),
}


def stepped(cell: nn.Module, x: Tensor) -> Tensor:
    """Return the outputs of a cell, (N, T, H), one step after the other."""
    state, outputs = None, []
    for x_t in x.unbind(1):
        state = cell(x_t, state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(outputs, dim=1)


def candidates(name: str, x: Tensor, hidden_size: int) -> dict[str, Callable[[], Tensor]]:
    """Return the same computation, four times."""
    kind, cell_kind = KINDS[name]
    theirs = getattr(nn, name)(x.shape[-1], hidden_size, batch_first=True).to(x)
    layers: dict[str, RecurrentLayer] = {}
    for key in ("ours", "unrolled"):
        layers[key] = kind(x.shape[-1], hidden_size).to(x)
        layers[key].load_state_dict(theirs.state_dict())
    layers["unrolled"].fused = False
    cell = cell_kind.from_layer(theirs)
    return {
        "torch": lambda: theirs(x)[0],
        "ours": lambda: layers["ours"](x)[0],
        "unrolled": lambda: layers["unrolled"](x)[0],
        "cell": lambda: stepped(cell, x),
    }


def main() -> None:
    """Print a table of ratios for every layer, size and precision, and one with lengths."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    print(f"{'':6}{'':16}{'N, T, D, H':>20}{'':9}{'torch':>11}   ours  unrolled  cell")
    for dtype in (torch.float32, torch.float64):
        for name in KINDS:
            for label, (N, T, D, H) in SIZES.items():
                x = torch.randn(N, T, D, dtype=dtype)
                best = seconds(candidates(name, x, H), repeats=repeats, clock=time.process_time)
                ours, unrolled, cell = (best[k] / best["torch"] for k in list(best)[1:])
                size, precision = f"{N}, {T}, {D}, {H}", str(dtype).removeprefix("torch.")
                print(
                    f"{name:6}{label:16}{size:>20}{precision:>9}{1e3 * best['torch']:8.2f} ms"
                    f"{ours:7.2f}{unrolled:10.2f}{cell:6.2f}"
                )
    ragged(repeats)


def ragged(repeats: int) -> None:
    """Print sequences of mixed lengths in units of torch's packed sequences."""
    N, T, D, H = SIZES["medium"]
    x, lengths = torch.randn(N, T, D), torch.randint(1, T + 1, (N,))
    pack, unpack = nn.utils.rnn.pack_padded_sequence, nn.utils.rnn.pad_packed_sequence
    for name, (kind, _) in KINDS.items():
        theirs, ours = getattr(nn, name)(D, H, batch_first=True), kind(D, H)

        def packed(theirs: nn.Module = theirs) -> Tensor:
            short = pack(x, lengths, batch_first=True, enforce_sorted=False)
            return unpack(theirs(short)[0], batch_first=True)[0]

        runs = {
            "torch": packed,
            "ours": lambda ours=ours: ours(x, lengths=lengths)[0],
            "padded": lambda ours=ours: ours(x)[0],
        }
        best = seconds(runs, repeats=repeats, clock=time.process_time)
        print(
            f"{name:6}lengths 1 to {T}: packed in torch {1e3 * best['torch']:.2f} ms, ours "
            f"{best['ours'] / best['torch']:.2f} of it, ours without lengths "
            f"{best['padded'] / best['torch']:.2f}"
        )


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    main()
