"""Sequences in, sequences out (chapter 6): four shapes of recurrent models, and attention.

Read the files in this order: ``encoder`` reads, ``attention`` looks back, ``decoder`` writes,
``model`` is the three of them; ``loss`` trains it, ``search`` writes greedily or with a beam. Then
``shapes``, the others of the notes: ``SequenceClassifier`` (many to one), ``SequenceTagger`` (many
to many, aligned), ``ConditionalGenerator`` (one to many). ``inputs`` checks what all are given.
What differs from Bahdanau et al. (2015) is said in ``decoder``.
"""

from dlnotes.seq2seq.attention import BahdanauAttention, Memory
from dlnotes.seq2seq.decoder import Decoder
from dlnotes.seq2seq.encoder import LAYERS, Encoder
from dlnotes.seq2seq.inputs import check_ids, mask_of_lengths, vocabulary_size
from dlnotes.seq2seq.loss import negative_log_likelihood, teacher_forcing_loss
from dlnotes.seq2seq.model import Seq2Seq
from dlnotes.seq2seq.search import beam_search, write_tokens
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
    "beam_search",
    "check_ids",
    "mask_of_lengths",
    "negative_log_likelihood",
    "teacher_forcing_loss",
    "vocabulary_size",
    "write_tokens",
]
