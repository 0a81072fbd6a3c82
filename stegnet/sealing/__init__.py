"""Sealed bytes: data in the samples of a picture, encrypted, authenticated, and as hard to detect as methods allow.

`seal` writes and reads a record. `carriers` locates its zones, `zones` writes them, and `trellis` chooses the cheapest
changes by the texture costs of `costs`, with compiled `kernels` where they are available. `decoys` makes dummy changes
in samples that carry nothing, and `jpeg_carriers` seals in the coefficients of a JPEG.
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
