"""The classical way to hide a picture, to compare with: its high bits take the place of the cover's low ones.

No key and no network; the container is the nearest one to the cover that carries those bits, and what the other bits
of the secret were is guessed as the middle of what they can be.
"""

import numpy as np

BITS = 4  # of each sample, as the swap is known


def swap_in(cover: np.ndarray, secret: np.ndarray, bits: int = BITS) -> np.ndarray:
    """The container, uint8: of all values whose low bits are the secret's high ones, the nearest to the cover.

    Args:
        cover, secret: uint8, of one shape.
        bits: 1 to 7.
    """
    levels = 1 << bits
    away = (secret >> 8 - bits).astype(np.int16) - cover
    container = cover + (away + levels // 2) % levels - levels // 2
    container += levels * (container < 0).astype(np.int16) - levels * (container > 255).astype(np.int16)
    return container.astype(np.uint8)


def read_out(container: np.ndarray, bits: int = BITS) -> np.ndarray:
    """The secret, each sample in the middle of the values that share its high bits."""
    width = 1 << 8 - bits  # of a bin
    return container % (1 << bits) * width + width // 2
