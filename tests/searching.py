"""Every sequence that an encoder-decoder can write, for the tests of its searches."""

import itertools

import torch


def enumerated(model, vocabulary_size, x, n, longest):
    """Return every sequence of at most ``longest`` tokens with its ln p, best first."""
    found = {}
    for tokens in itertools.product(range(vocabulary_size), repeat=longest):
        y = torch.tensor([[model.begin, *tokens[:-1]]])
        log_p = model(x[None, :n], None, y).log_softmax(-1)[0]
        total, kept = 0.0, []
        for t, token in enumerate(tokens):
            total += log_p[t, token].item()
            kept.append(token)
            if token == model.end:
                break
        found[tuple(kept + [model.padding] * (longest - len(kept)))] = total
    return sorted(found.items(), key=lambda item: -item[1])
