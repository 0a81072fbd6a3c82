"""Sealed bits: bytes in the samples of a picture, encrypted, authenticated, and as hard to detect as is known.

`seal` writes and reads a record; `carriers` says where its zones are, `zones` writes them by the `trellis` at the
`costs` of texture, compiled if `kernels` are; `decoys` are steps that carry nothing, `jpeg_carriers` coefficients.
"""

from stegnet.sealing.carriers import (
    LEAD_BITS,
    MAC_BITS,
    PIXELS,
    TAG_BYTES,
    UNEVEN,
    CarrierModel,
    frame_salt,
    idle_samples,
    public_order,
    size_bytes,
    zones_of,
)
from stegnet.sealing.costs import Costs, rounding_costs, texture_costs
from stegnet.sealing.seal import (
    FILM_EFFORT,
    PICTURE_EFFORT,
    SEED_BYTES,
    Margin,
    SealOptions,
    most_fixed,
    record_capacity,
    seal,
    too_small,
    unseal,
)
from stegnet.sealing.trellis import layout
