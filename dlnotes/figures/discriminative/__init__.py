"""Pictures of chapter 1, one call each.

``schemes`` draws the two roads and the flow of one gradient, ``hand`` the cases that are worked by
hand in part A, ``ideas`` those of parts B and C, ``measured`` what the experiments found,
``interactive`` the plane with two classes and the ninth patient, with sliders.
"""

from dlnotes.figures.discriminative.hand import (
    areas,
    boundaries,
    bumps,
    covariances,
    far_value,
    ninth_bells,
    ninth_patient,
    valley,
)
from dlnotes.figures.discriminative.ideas import (
    sheet,
    stretch,
    symptoms,
    two_pixels,
    two_sums,
    witnesses,
)
from dlnotes.figures.discriminative.interactive import (
    Boundary,
    Ninth,
    boundary,
    draw_boundary,
    draw_ninth,
    ninth,
    two_classes,
)
from dlnotes.figures.discriminative.measured import (
    calibration,
    families,
    missing,
    race,
    reliability,
    surprise,
)
from dlnotes.figures.discriminative.schemes import one_gradient, two_roads

__all__ = [
    "Boundary",
    "Ninth",
    "areas",
    "boundaries",
    "boundary",
    "bumps",
    "calibration",
    "covariances",
    "draw_boundary",
    "draw_ninth",
    "families",
    "far_value",
    "missing",
    "ninth",
    "ninth_bells",
    "ninth_patient",
    "one_gradient",
    "race",
    "reliability",
    "sheet",
    "stretch",
    "surprise",
    "symptoms",
    "two_classes",
    "two_pixels",
    "two_roads",
    "two_sums",
    "valley",
    "witnesses",
]
