"""How fast is our attention, and how much memory does it take? Ratios within one run.

    python tests/benchmarks/bench_transformer.py

Forward and backward on one thread; candidates alternate, and the fastest try counts, because other
work only ever slows down. Processor times, in units of the first candidate (lower is better):

- attention: torch's fused function between the same projections and nothing else ("bare"), ours
  without weights, torch's layer without weights, and ours with weights, by the formula;
- peak memory of the same, above what the process had before;
- encoder layer in training, against torch's; decoder layer likewise;
- writing with kept keys and values, against reading all tokens again each time.
"""

import argparse
import itertools
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from timing import seconds
from torch import Tensor, nn

from dlnotes.transformer import (
    DecoderLayer,
    EncoderLayer,
    MultiHeadAttention,
    Transformer,
    causal_mask,
)

DIM, HEADS, TOKENS = 256, 4, 4_096  # features; heads; tokens of a batch, whatever its length
LENGTHS = (128, 512, 2_048)
RESET = Path("/proc/self/clear_refs")  # writing 5 there forgets the peak so far


def candidates(length: int, causal: bool) -> dict[str, Callable[[], Tensor]]:
    """Return self-attention of a batch of sequences, four times."""
    ours = MultiHeadAttention(DIM, HEADS)
    theirs = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(max(TOKENS // length, 1), length, DIM, requires_grad=True)
    mask = ~causal_mask(length) if causal else None

    def bare() -> Tensor:
        projected = F.linear(x, ours.in_proj_weight, ours.in_proj_bias)
        q, k, v = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in projected.chunk(3, dim=-1)
        )
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return ours.out_proj(heads.transpose(1, 2).flatten(2))

    return {
        "bare": bare,
        "ours": lambda: ours(x, x, x, causal=causal)[0],
        "torch": lambda: theirs(x, x, x, need_weights=False, attn_mask=mask, is_causal=causal)[0],
        "with weights": lambda: ours(x, x, x, causal=causal, need_weights=True)[0],
    }


def compare_attention(repeats: int) -> None:
    """Print time and memory of attention against the length."""
    print(f"{'attention':24}{'bare':>12}{'ours':>8}{'torch':>8}{'with weights':>14}")
    names, settings = list(candidates(1, False)), list(itertools.product((False, True), LENGTHS))
    for causal, length in settings:
        best = seconds(candidates(length, causal), repeats=repeats, clock=time.process_time)
        times = [1e3 * value for value in best.values()]
        row(f"time{label(causal, length)}", "ms", times)
    if not RESET.exists():
        print("peak memory: only Linux tells it")
        return
    os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"  # what is freed goes back at once
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for causal, length in settings:
            peaks = pool.starmap(peak_memory, [(length, causal, name) for name in names])
            row(f"peak{label(causal, length)}", "MiB", peaks)


def label(causal: bool, length: int) -> str:
    """Return what a line is about."""
    return f", T = {length}{', causal' if causal else ''}"


def row(name: str, unit: str, values: list[float]) -> None:
    """Print one line: what the first candidate takes, and the others in units of it."""
    first, *others = values
    ratios = "".join(f"{other / first:8.2f}" for other in others)
    print(f"{name:24}{first:8.1f} {unit:3}{ratios}", flush=True)


def peak_memory(length: int, causal: bool, name: str) -> float:
    """Return how much one pass of a candidate adds to the peak memory of this process, in MiB."""
    torch.set_num_threads(1)
    candidates(8, causal)[name]().sum().backward()  # what torch loads at first
    run = candidates(length, causal)[name]
    RESET.write_text("5")
    before = _memory("VmRSS")
    run().sum().backward()
    return _memory("VmHWM") - before


def _memory(field: str) -> float:
    """Return what this process takes, or has taken at most since ``RESET``, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)[field].split()[0]) / 2**10


def compare_layers(repeats: int) -> None:
    """Print encoder and decoder layers in training, in units of torch's."""
    for N, T, D, H, hidden in ((32, 128, 256, 4, 1_024), (256, 16, 128, 4, 512)):
        for dropout in (0.0, 0.1):
            x, memory = torch.randn(N, T, D), torch.randn(N, T, D)
            options, theirs_too = dict(dropout=dropout), dict(dropout=dropout, batch_first=True)
            layers = {
                "encoder": nn.TransformerEncoderLayer(D, H, hidden, **theirs_too),
                "decoder": nn.TransformerDecoderLayer(D, H, hidden, **theirs_too),
            }
            ours = {
                "encoder": EncoderLayer(D, H, hidden, **options),
                "decoder": DecoderLayer(D, H, hidden, **options),
            }
            for kind, inputs in (("encoder", (x,)), ("decoder", (x, memory))):
                ours[kind].load_state_dict(layers[kind].state_dict())
                runs = {
                    "torch": lambda layer=layers[kind], inputs=inputs: layer(*inputs),
                    "ours": lambda layer=ours[kind], inputs=inputs: layer(*inputs),
                }
                best = seconds(runs, repeats=repeats, clock=time.process_time)
                print(
                    f"{kind} layer, N, T, D = {N}, {T}, {D}, dropout {dropout}: torch "
                    f"{1e3 * best['torch']:.1f} ms, ours {best['ours'] / best['torch']:.2f} of it"
                )


def compare_writing(repeats: int) -> None:
    """Print how much longer it takes to read all tokens again at each step."""
    model = Transformer(9, 30, dim=128, num_heads=4, num_layers=2, feedforward_dim=256).eval()
    with torch.no_grad():
        model.target.table.weight[model.end] = 0  # so that nothing ends early
        model.target.table.weight[3] *= 20
    source = torch.randint(9, (8, 10))
    for length in (16, 64, 256):
        times = {}
        for cached in (True, False):
            tries = []
            for _ in range(min(repeats, 3)):
                start = time.process_time()
                ids = model.greedy(source, None, max_length=length, cached=cached)
                tries.append(time.process_time() - start)
            assert (ids != model.padding).all()
            times[cached] = min(tries)
        print(
            f"writing {length} tokens: with a cache {1e3 * times[True]:.1f} ms, without "
            f"{times[False] / times[True]:.1f} times as long"
        )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    torch.manual_seed(0)
    torch.set_num_threads(1)
    compare_attention(repeats)
    compare_layers(repeats)
    compare_writing(repeats)


if __name__ == "__main__":
    main()
