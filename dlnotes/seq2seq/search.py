"""Writing a sequence, each token read again before the next: one at a time, or the best of many.

Both functions take a step of any decoder, from the last token ids, (R,), and a state to logits
(R, V) and the next state; a state is a tuple of tensors (num_layers, R, ...).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from dlnotes.checks import check_between, check_positive
from dlnotes.recurrent import State

Step = Callable[[Tensor, State], tuple[Tensor, State]]


@torch.no_grad()
def write_tokens(
    step: Step,
    choose: Callable[[Tensor], Tensor],
    state: State,
    *,
    max_length: int,
    padding: int,
    begin: int,
    end: int,
) -> Tensor:
    """Write N sequences token by token: greedily or by drawing, as ``choose`` says.

    Args:
        step: see above.
        choose: from logits (N, V) to token ids (N,).
        state: to start from.
        max_length: stop after so many tokens, ended or not.
        padding: id that stands after the end.
        begin: id that is read first.
        end: id that ends a sequence.

    Returns:
        (N, max_length): the token ids, ``end`` after them, then ``padding``.
    """
    check_positive(max_length=max_length)
    N, device = state[0].shape[1], state[0].device
    ids = torch.full((N, max_length), padding, device=device)
    last = torch.full((N,), begin, device=device)
    running = torch.ones(N, dtype=torch.bool, device=device)
    for t in range(max_length):
        logits, state = step(last, state)
        last = choose(logits)
        ids[running, t] = last[running]
        running = running & (last != end)
        if not running.any():
            break
    return ids


@torch.no_grad()
def beam_search(
    step: Step,
    state: State,
    *,
    max_length: int,
    beam_size: int,
    length_penalty: float = 0.0,
    only_best: bool = False,
    padding: int,
    begin: int,
    end: int,
) -> tuple[Tensor, Tensor]:
    """Keep the B best prefixes of each of N sequences, step by step (Sutskever et al. 2014, §3.2).

    Args:
        step: see above; row n B + b is prefix b of sequence n.
        state: to start from, N rows.
        max_length: stop after so many tokens, ended or not.
        beam_size: B.
        length_penalty: a; prefixes are ranked by ln p / lengthᵃ.
        only_best: stop when the best of each beam has ended, though others might still grow.
        padding: see ``write_tokens``.
        begin: likewise.
        end: likewise.

    Returns:
        Sequences (N, B, max_length), best first, and their ln p, (N, B); −inf where there are less
        than B sequences.
    """
    check_positive(max_length=max_length, beam_size=beam_size)
    check_between(0, 10, length_penalty=length_penalty)

    N, B, device = state[0].shape[1], beam_size, state[0].device
    state = tuple(s.repeat_interleave(B, dim=1) for s in state)
    ids = torch.full((N, B, max_length), padding, device=device)
    last = torch.full((N, B), begin, device=device)
    log_p = state[0].new_full((N, B), -torch.inf)
    log_p[:, 0] = 0  # one prefix, the empty one
    lengths, ended = torch.zeros_like(last), torch.zeros_like(last, dtype=torch.bool)
    first_row = B * torch.arange(N, device=device)[:, None]
    for t in range(max_length):
        logits, state = step(last.flatten(), state)
        total = _continued(log_p, logits, ended, padding)
        lengths = lengths + ~ended
        score = total / lengths[..., None] ** length_penalty
        best = score.flatten(1).topk(B).indices  # (N, B)
        parent, last = best // total.shape[-1], best % total.shape[-1]
        log_p = total.flatten(1).gather(1, best)
        ids = ids.gather(1, parent[..., None].expand_as(ids))
        ids[..., t] = last
        lengths, ended = lengths.gather(1, parent), ended.gather(1, parent)
        ended = ended | (last == end)
        if ended.all() or (only_best and ended[:, 0].all()):
            break
        rows = (first_row + parent).flatten()
        state = tuple(s.index_select(1, rows) for s in state)
    return ids, log_p


def _continued(log_p: Tensor, logits: Tensor, ended: Tensor, padding: int) -> Tensor:
    """Return ln p of each prefix, (N, B), with each token after it: (N, B, V)."""
    log_step = logits.log_softmax(dim=-1).view(*log_p.shape, -1)
    free = log_step.new_full(log_step.shape[-1:], -torch.inf)
    free[padding] = 0  # what has ended goes on with padding, at no cost
    return log_p[..., None] + torch.where(ended[..., None], free, log_step)
