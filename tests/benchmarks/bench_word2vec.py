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
    """Print running words per second; words that are left out count, as they do in gensim."""
    try:
        from gensim.models import Word2Vec
    except ImportError:
        print("gensim is not installed")
        return
    corpus, text = recipe.corpus(), recipe.sentences()
    words = int(corpus.counts.sum())
    for name, kind in (("skip-gram", SkipGram), ("CBOW", CBOW)):
        for threshold in (None, 1e-3, 1e-4):  # gensim keeps more than the paper's formula says
            options = dict(vector_size=dim, window=5, negative=5, workers=1)
            options |= dict(min_count=recipe.MIN_COUNT, sample=threshold or 0)
            theirs = Word2Vec(**options, sg=int(kind is SkipGram))
            theirs.build_vocab(text)

            def gensim(model: Word2Vec = theirs) -> None:
                model.train(text, total_examples=len(text), epochs=1)

            def ours(kind: type = kind, threshold: float | None = threshold) -> None:
                options = dict(epochs=1, threshold=threshold, progress=False, device="cpu")
                word2vec.train(kind(len(corpus), dim), corpus, **options)

            best = fastest(repeats, {"ours": ours, "gensim": gensim})
            print(
                f"{name:9} {dim} numbers, threshold {threshold!s:6}: ours "
                f"{words / best['ours']:9,.0f} words per second, gensim "
                f"{words / best['gensim']:9,.0f}; ratio {best['gensim'] / best['ours']:.2f}"
            )


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
