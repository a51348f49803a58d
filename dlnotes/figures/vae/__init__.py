"""Pictures of chapter 16, one call each.

``toys`` draws part A (drawers, Jensen, the hill, the three proposals) and the small cases worked by
hand later; ``machine`` the two wirings and the side road of the noise; ``measured`` what trained
models show; ``interactive`` the bound and the plane of digits to play with.
"""

from dlnotes.figures.vae.interactive import (
    Bound,
    Plane,
    bound,
    decode_plane,
    draw_bound,
    draw_plane,
    plane,
    toy,
)
from dlnotes.figures.vae.machine import architecture, side_road
from dlnotes.figures.vae.measured import (
    by_beta,
    code_price,
    code_space,
    estimates,
    gaps,
    ladder,
    learning,
    likelihood_map,
    pictures,
    plane_of_digits,
    prices,
    proposals,
    scale,
    with_nats,
)
from dlnotes.figures.vae.toys import (
    bumps,
    drawers,
    frechet,
    hill,
    jensen,
    precision_recall,
    price,
    thermometer,
    three_proposals,
    tilt,
)

__all__ = [
    "Bound",
    "Plane",
    "architecture",
    "bound",
    "bumps",
    "by_beta",
    "code_price",
    "code_space",
    "decode_plane",
    "draw_bound",
    "draw_plane",
    "drawers",
    "estimates",
    "frechet",
    "gaps",
    "hill",
    "jensen",
    "ladder",
    "learning",
    "likelihood_map",
    "pictures",
    "plane",
    "plane_of_digits",
    "precision_recall",
    "price",
    "prices",
    "proposals",
    "scale",
    "side_road",
    "thermometer",
    "three_proposals",
    "tilt",
    "toy",
    "with_nats",
]
