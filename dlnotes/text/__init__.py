"""Text to token ids and back: the vocabularies and tokenizers that the language chapters share.

A ``Vocabulary`` gives ids to whole tokens (letters, phones, words); nothing is known of how they
are written. A ``BytePairTokenizer`` cuts any text into frequent strings of bytes, as GPT-2 does,
and a ``WordPieceTokenizer`` cuts words into a beginning and continuations, as BERT does. Both learn
what to merge from a corpus in the same way: again and again the most frequent pair of neighbours.

Torch is needed only to hand out padded batches.
"""

from dlnotes.text.bytepair import BYTE_LETTERS, BYTES, BytePairTokenizer, split_text
from dlnotes.text.merges import Token, learn_merges, merge_pair
from dlnotes.text.vocabulary import Vocabulary, pad
from dlnotes.text.wordpiece import WordPieceTokenizer, split_words

__all__ = [
    "BYTES",
    "BYTE_LETTERS",
    "BytePairTokenizer",
    "Token",
    "Vocabulary",
    "WordPieceTokenizer",
    "learn_merges",
    "merge_pair",
    "pad",
    "split_text",
    "split_words",
]
