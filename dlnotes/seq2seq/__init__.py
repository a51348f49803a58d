"""Sequences in, sequences out (chapter 6): four shapes of recurrent models, and attention.

Read from top to bottom: ``Encoder`` reads, ``BahdanauAttention`` looks back, ``Decoder`` writes,
``Seq2Seq`` is the three of them, with greedy and beam search. Then the other shapes of the notes:
``SequenceClassifier`` (many to one), ``SequenceTagger`` (many to many, aligned),
``ConditionalGenerator`` (one to many); and how phones and words are counted as wrong.

Differs from Bahdanau et al. (2015): there the context c_t, found with s_{t-1}, is an input of the
recurrence that makes s_t, so that training, too, must go step by step. Here, as in Luong et al.
(2015, §3.1), the recurrence reads the tokens alone, s_t = f(s_{t-1}, y_{t-1}); c_t is found with
s_t, which has seen y_{t-1} but not y_t, and joins after it. With the target known (teacher forcing)
all steps are then one call of the layer and one of the attention. The score is Bahdanau's.
"""

from dlnotes.seq2seq.attention import BahdanauAttention, Memory
from dlnotes.seq2seq.decoder import Decoder
from dlnotes.seq2seq.encoder import LAYERS, Encoder, check_ids, mask_of_lengths, vocabulary_size
from dlnotes.seq2seq.model import Seq2Seq, negative_log_likelihood, teacher_forcing_loss
from dlnotes.seq2seq.shapes import (
    POOLINGS,
    ConditionalGenerator,
    SequenceClassifier,
    SequenceTagger,
)

__all__ = [
    "LAYERS",
    "POOLINGS",
    "BahdanauAttention",
    "ConditionalGenerator",
    "Decoder",
    "Encoder",
    "Memory",
    "Seq2Seq",
    "SequenceClassifier",
    "SequenceTagger",
    "check_ids",
    "mask_of_lengths",
    "negative_log_likelihood",
    "teacher_forcing_loss",
    "vocabulary_size",
]
