"""Pictures of chapter 6, one call each.

``steps`` draws small cases in cells, ``machines`` the networks and attention in the plane,
``measured`` the hat and what the experiments found, ``widget`` a typed word with its attention.
``pronunciation`` is the interactive figure; ``draw_pronunciation`` returns its drawing alone.
"""

from dlnotes.figures.seq2seq.machines import attention_in_the_plane, encoder_decoder, shapes
from dlnotes.figures.seq2seq.measured import (
    STYLES,
    after_a_slip,
    beside_counts,
    hat,
    over_length,
    phone_errors,
)
from dlnotes.figures.seq2seq.steps import (
    beam_table,
    digit_box,
    edit_table,
    padded_batch,
    spelled_and_spoken,
)
from dlnotes.figures.seq2seq.widget import (
    LONGEST,
    Pronunciation,
    alignment,
    alignments,
    draw_pronunciation,
    pronunciation,
)

__all__ = [
    "LONGEST",
    "STYLES",
    "Pronunciation",
    "after_a_slip",
    "alignment",
    "alignments",
    "attention_in_the_plane",
    "beam_table",
    "beside_counts",
    "digit_box",
    "draw_pronunciation",
    "edit_table",
    "encoder_decoder",
    "hat",
    "over_length",
    "padded_batch",
    "phone_errors",
    "pronunciation",
    "shapes",
    "spelled_and_spoken",
]
