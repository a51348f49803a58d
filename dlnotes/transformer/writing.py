"""How a Transformer writes: token by token, with keys and values kept or computed anew each time.

The searches are those of chapter 6, which take a step from the last tokens and a state to logits
and the next state. The state of an RNN has one size; that of a Transformer grows with each token.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dlnotes.transformer.cache import KeyValueCache

if TYPE_CHECKING:
    from dlnotes.transformer.model import Memory, Transformer

State = tuple[Tensor, ...]  # of tensors (1, R, ...), as the searches want them


class CachedSteps:
    """Read the last token alone; what it needs of those before it is in the state.

    The state holds keys and values of each layer, (1, R, heads, t, d_k), after t tokens.
    """

    def __init__(self, model: "Transformer", memory: "Memory") -> None:
        self.model, self.mask = model, memory.mask
        self.memories = model.decoder.remember(memory.states)

    def start(self) -> State:
        """Return the state before the first token."""
        (N, heads, _, size), layers = self.memories[0].keys.shape, len(self.memories)
        return (self.memories[0].keys.new_empty(1, N, heads, 0, size),) * (2 * layers)

    def __call__(self, last: Tensor, state: State) -> tuple[Tensor, State]:
        """Return logits (R, V) of what follows the last tokens, ids (R,), and the next state."""
        model, tensors = self.model, [t[0] for t in state]
        caches = [KeyValueCache(*pair) for pair in zip(tensors[::2], tensors[1::2], strict=True)]
        x = model.target(last[:, None], start=caches[0].length)
        x = model.decoder(x, self.memories, None, self.mask, causal=True, caches=caches)
        state = tuple(t[None] for cache in caches for t in (cache.keys, cache.values))
        return model.target.logits(x[:, 0]), state


class UncachedSteps:
    """Read all tokens so far again, as in training. Gives the same, and costs more each time.

    The state holds nothing that is computed: a tensor without elements, whose dtype is that of the
    model, and the tokens so far, ids (1, R, t).
    """

    def __init__(self, model: "Transformer", memory: "Memory") -> None:
        self.model, self.memory = model, memory

    def start(self) -> State:
        """Return the state before the first token."""
        states = self.memory.states
        nothing = states.new_empty(1, len(states), 0)
        return nothing, nothing.to(torch.int64)

    def __call__(self, last: Tensor, state: State) -> tuple[Tensor, State]:
        """Return logits (R, V) of what follows the last tokens, ids (R,), and the next state."""
        nothing, ids = state
        ids = torch.cat([ids, last[None, :, None]], dim=2)
        memory = self.memory.repeated(len(last) // len(self.memory.states))
        return self.model.decode(ids[0], memory)[:, -1], (nothing, ids)
