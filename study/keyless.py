"""What a pair hides of a secret, and what anyone can read of that without the key.

A secret's base is sealed; the network hides the residual, what the base leaves. Whoever has the program codes a known
picture alike, and reads the residual's blocks in a container with the public reveal network: shuffled, and where
containers have a mask, as noise.
"""

import numpy as np

from stegnet.core.pixels import Base, from_8_bits, split
from stegnet.networks import Network
from stegnet.record import encode_base
from stegnet.sealing import record_capacity


def base_of(network: Network, secret: np.ndarray) -> Base:
    """The base of a secret, (H, W, 3) uint8, sides multiples of 8, as the pair's containers seal it."""
    most = record_capacity(*secret.shape[:2]) or 0
    return encode_base(secret, network.base, network.quality, most, enhance=network.enhance)[1]


def to_hide(frame: np.ndarray, base: Base) -> np.ndarray:
    """(H, W, 3) uint8 to the signed float that the network hides, before the shuffle."""
    enhanced = from_8_bits(base.picture) if base.enhanced is None else base.enhanced
    return split(from_8_bits(frame), enhanced, base.gain)


def read_blocks(network: Network, container: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 to what the public reveal network reads: signed float, masked, its blocks still shuffled."""
    return network.engine.reveal(from_8_bits(container))
