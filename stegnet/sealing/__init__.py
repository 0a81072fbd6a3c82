"""Sealed bits: bytes in the samples of a picture, encrypted, authenticated, and as hard to detect as is known.

`seal` writes and reads a record; `carriers` says where its zones are, `record_zone` and `steps` write them by the
`trellis` at the `costs` of texture; `dummies` are steps that carry nothing.
"""

from stegnet.sealing.carriers import TAG_BYTES, size_bytes
from stegnet.sealing.costs import rounding_costs, texture_costs
from stegnet.sealing.seal import (
    FILM_EFFORT,
    PICTURE_EFFORT,
    SEED_BYTES,
    Margin,
    SealOptions,
    room,
    seal,
    too_small,
    unseal,
)

__all__ = [
    "FILM_EFFORT",
    "PICTURE_EFFORT",
    "SEED_BYTES",
    "TAG_BYTES",
    "Margin",
    "SealOptions",
    "room",
    "rounding_costs",
    "seal",
    "size_bytes",
    "texture_costs",
    "too_small",
    "unseal",
]
