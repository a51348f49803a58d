"""How fast is dlnotes.word2vec? Words per second against gensim, and blocks against single pairs.

    python tests/benchmarks/bench_word2vec.py

Not a test. One thread each, in turns, and the fastest try counts, by the time that the processor
worked; gensim, if it is installed, thins out the same text with the same window and numbers.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor

from dlnotes import word2vec
from dlnotes.recipes import word2vec as recipe
from dlnotes.word2vec import CBOW, Blocks, SkipGram


def fastest(repeats: int, runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the least processor time of each, in seconds, taken in turns."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    return best


def against_gensim(dim: int, repeats: int) -> None:
    """Print running words per second, frequent ones that are left out included, as gensim counts.

    In the same turn the same model is trained on twice as much, and the difference counts: what
    either does once, such as importing and drawing the first weights, is no speed.
    """
    corpus, text = recipe.corpus(), recipe.sentences()
    words = int(corpus.counts.sum())
    for name, kind, sg in (("skip-gram", SkipGram, 1), ("CBOW", CBOW, 0)):

        def ours(epochs: int, kind: type = kind) -> None:
            model = kind(len(corpus), dim)
            word2vec.train(model, corpus, epochs=epochs, progress=False, device="cpu")

        runs = {"ours 1": lambda f=ours: f(1), "ours 2": lambda f=ours: f(2)}
        try:
            from gensim.models import Word2Vec
        except ImportError:
            print("gensim is not installed")
        else:
            options = dict(vector_size=dim, window=5, negative=5, sample=1e-4, workers=1)
            theirs = Word2Vec(**options, sg=sg, min_count=recipe.MIN_COUNT)
            theirs.build_vocab(text)
            for n in (1, 2):
                runs[f"gensim {n}"] = lambda n=n, model=theirs: model.train(
                    text, total_examples=len(text), epochs=n
                )
        best = fastest(repeats, runs)
        speed = {
            who: words / (best[f"{who} 2"] - best[f"{who} 1"])
            for who in ("ours", "gensim")
            if f"{who} 1" in best
        }
        line = ", ".join(f"{who} {value:,.0f}" for who, value in speed.items())
        ratio = f"; ratio {speed['ours'] / speed['gensim']:.2f}" if "gensim" in speed else ""
        print(f"{name:9} {dim} numbers, words per second: {line}{ratio}")


def blocks_against_pairs(dim: int, repeats: int) -> None:
    """Print a forward and backward pass over the same pairs, in blocks and one by one."""
    corpus = recipe.corpus()
    rows = corpus.rows()[:32]
    blocks = Blocks(*word2vec.sampler(corpus)((rows,), torch.Generator().manual_seed(0)))
    center, context, _ = blocks.pairs()
    noise = torch.randint(len(corpus), (len(center), 5))
    model = SkipGram(len(corpus), dim)

    def go_back(loss: Callable[[], Tensor]) -> Callable[[], None]:
        return lambda: loss().backward()

    runs = {
        "blocks": go_back(lambda: model.block_loss(blocks)),
        "pairs": go_back(lambda: model.negative_sampling_loss(center, context, noise)),
        "softmax": go_back(lambda: model.softmax_loss(center[:1_000], context[:1_000])),
    }
    best = fastest(repeats, runs)
    best["softmax"] *= len(center) / 1_000
    print(f"{len(center):,} pairs, forward and backward; times slower than blocks:")
    for name, value in best.items():
        print(f"  {name:8} {1e3 * value:9.1f} ms  {value / best['blocks']:7.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    blocks_against_pairs(arguments.dim, arguments.repeats)
    against_gensim(arguments.dim, arguments.repeats)
