"""What a network costs: the multiply-adds of one forward pass."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dlnotes.training import mode


def flops(model: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Return how many multiply-adds the convolutions and linear layers need for one forward pass.

    Papers on these networks call this number FLOPs; counted as separate operations it is twice as
    many. The model is run in evaluation mode on tensors without data, so nothing is computed.

    Args:
        model: any network; normalisation, activations and pooling do not count.
        input_shape: shape of its input, batch included.
    """
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    tensors = {name: tensor.detach().to("meta") for name, tensor in tensors.items()}
    dtype = next((t.dtype for t in tensors.values() if t.is_floating_point()), None)
    x = torch.empty(input_shape, dtype=dtype, device="meta")
    with mode(model, training=False), FlopCounterMode(display=False) as counter:
        torch.func.functional_call(model, tensors, (x,))
    return counter.get_total_flops() // 2  # torch counts a multiplication and an addition
