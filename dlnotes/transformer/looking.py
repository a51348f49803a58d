"""Looking inside: the weights of every head, what happens without one, and what a layer costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dlnotes.checks import check_choice, check_positive
from dlnotes.training import mode
from dlnotes.transformer.attention import MultiHeadAttention


@torch.no_grad()
def attention_weights(model: nn.Module, *inputs: Any, **options: Any) -> dict[str, Tensor]:
    """Call a model in evaluation mode and return the weights of every attention in it.

    Args:
        model: any model with ``MultiHeadAttention`` in it.
        *inputs: of the call.
        **options: likewise.

    Returns:
        (N, heads, T, S) by the name of the attention, such as "decoder.layers.0.multihead_attn",
        in the order of the calls.
    """
    found: dict[str, Tensor] = {}
    hooks = []
    for name, part in model.named_modules():
        if isinstance(part, MultiHeadAttention):

            def ask(_, args, kwargs):
                return args, kwargs | {"need_weights": True}

            def keep(_, args, outputs, name=name):
                found[name] = outputs[1]

            hooks.append(part.register_forward_pre_hook(ask, with_kwargs=True))
            hooks.append(part.register_forward_hook(keep))
    try:
        with mode(model, training=False):
            model(*inputs, **options)
    finally:
        for hook in hooks:
            hook.remove()
    return found


@contextmanager
def without_heads(attention: MultiHeadAttention, heads: list[int]) -> Iterator[None]:
    """Within the block, let these heads of an attention hand over nothing, but zeros.

    >>> attention = MultiHeadAttention(4, 2)
    >>> x = torch.randn(1, 3, 4)
    >>> with without_heads(attention, [0, 1]):
    ...     output, _ = attention(x, x, x)
    >>> torch.equal(output, attention.out_proj.bias.expand(1, 3, 4))
    True
    """
    for head in heads:
        check_choice(range(attention.num_heads), heads=head)

    size = attention.dim // attention.num_heads
    columns = [i for head in heads for i in range(size * head, size * (head + 1))]

    def silence(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        kept = torch.ones_like(inputs[0][0, 0])
        kept[columns] = 0
        return (inputs[0] * kept,)

    hook = attention.out_proj.register_forward_pre_hook(silence)
    try:
        yield
    finally:
        hook.remove()


def multiply_adds(length: int, dim: int, feedforward_dim: int) -> dict[str, int]:
    """Return how many multiply-adds one encoder layer needs for n tokens, by what they are for.

    Projections 4 n d², feed-forward 2 n d d_ff, scores and mixing 2 n² d: the last alone grow with
    the square of n, and cost as much as the projections at n = 2 d.
    """
    check_positive(length=length, dim=dim, feedforward_dim=feedforward_dim)

    return {
        "projections": 4 * length * dim**2,
        "scores and mixing": 2 * length**2 * dim,
        "feed-forward": 2 * length * dim * feedforward_dim,
    }
