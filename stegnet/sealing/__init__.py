"""Sealed bytes: data in the samples of a picture, encrypted, authenticated, and as hard to detect as methods allow.

`embedding` writes and reads a record. `sample_order` locates its zones, `zones` writes them, and `trellis` chooses the
cheapest changes by the texture costs of `costs`. `decoys` makes dummy changes in samples that carry nothing.

For robust containers, `fec` corrects errors, and `content_salts` gives salts that saving a picture keeps.
"""

from stegnet.sealing.costs import MEDIAN, WET, Costs, rounding_costs, texture_costs
from stegnet.sealing.embedding import (
    FILM_EFFORT,
    PICTURE_EFFORT,
    SEED_BYTES,
    CoverNeeds,
    SealOptions,
    most_fixed,
    record_capacity,
    seal,
    too_small,
    unseal,
)
from stegnet.sealing.fec import RepeatAccumulateCode, decode_message, encode_message, message_capacity
from stegnet.sealing.sample_order import (
    LEAD_BYTES,
    MAC_BYTES,
    PIXELS,
    UNEVEN,
    SampleRules,
    frame_salt,
    idle_samples,
    public_order,
    size_bytes,
    zones_of,
)
from stegnet.sealing.siv import TAG_BYTES
from stegnet.sealing.trellis import layout

__all__ = [
    "FILM_EFFORT",
    "LEAD_BYTES",
    "MAC_BYTES",
    "MEDIAN",
    "PICTURE_EFFORT",
    "PIXELS",
    "SEED_BYTES",
    "TAG_BYTES",
    "UNEVEN",
    "WET",
    "Costs",
    "CoverNeeds",
    "RepeatAccumulateCode",
    "SampleRules",
    "SealOptions",
    "decode_message",
    "encode_message",
    "frame_salt",
    "idle_samples",
    "layout",
    "message_capacity",
    "most_fixed",
    "public_order",
    "record_capacity",
    "rounding_costs",
    "seal",
    "size_bytes",
    "texture_costs",
    "too_small",
    "unseal",
    "zones_of",
]
