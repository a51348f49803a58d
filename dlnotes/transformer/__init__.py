"""Attention is all it needs (chapter 7): from one look at other tokens to the whole Transformer.

Read the files in this order: ``positions`` and ``masks``, ``attention``, ``layers``, ``stacks``,
``model`` is all of them; ``learning`` trains it, ``writing`` and ``cache`` let it write token by
token. ``gradients`` derives by hand what autograd does, ``looking`` opens a trained model.
Attention, layers and stacks serve BERT, GPT and ViT as well (chapters 10 to 12).
"""

from dlnotes.transformer.attention import MultiHeadAttention, scaled_dot_product_attention
from dlnotes.transformer.cache import KeyValueCache
from dlnotes.transformer.gradients import attention_gradients, layer_norm_gradient
from dlnotes.transformer.layers import ACTIVATIONS, DecoderLayer, EncoderLayer
from dlnotes.transformer.learning import smoothed_loss, teacher_forcing_loss, warmup_rate
from dlnotes.transformer.looking import attention_weights, multiply_adds, without_heads
from dlnotes.transformer.masks import causal_mask, check_mask, padding_mask
from dlnotes.transformer.memory import peak_memory
from dlnotes.transformer.model import Memory, Transformer
from dlnotes.transformer.positions import frequencies, positional_encoding, shift_matrix
from dlnotes.transformer.stacks import Decoder, Encoder, TokenEmbedding
from dlnotes.transformer.writing import CachedSteps, UncachedSteps

__all__ = [
    "ACTIVATIONS",
    "CachedSteps",
    "Decoder",
    "DecoderLayer",
    "Encoder",
    "EncoderLayer",
    "KeyValueCache",
    "Memory",
    "MultiHeadAttention",
    "TokenEmbedding",
    "Transformer",
    "UncachedSteps",
    "attention_gradients",
    "attention_weights",
    "causal_mask",
    "check_mask",
    "frequencies",
    "layer_norm_gradient",
    "multiply_adds",
    "padding_mask",
    "peak_memory",
    "positional_encoding",
    "scaled_dot_product_attention",
    "shift_matrix",
    "smoothed_loss",
    "teacher_forcing_loss",
    "warmup_rate",
    "without_heads",
]
