"""LSB matching: bits in the lowest bits of a picture's samples, which step up or down by one level where they must.

The plain classical way to carry bits (Sharp 2001, "An implementation of key-based digital signal steganography"),
with room for one in each sample; no key and no header. stegnet's sealed method does the same in half of the samples.
"""

import numpy as np


def embed(cover: np.ndarray, data: bytes, seed: int) -> np.ndarray:
    """The container, of the cover's shape, uint8.

    Args:
        cover: uint8.
        data: at most one bit for each sample.
        seed: decides places and directions.
    """
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    samples, places = cover.reshape(-1).astype(np.int16), _places(cover.size, bits.size, seed)
    steps = np.random.default_rng((seed, 1)).choice(np.array([-1, 1], np.int16), bits.size)
    steps = np.where(samples[places] == 0, 1, np.where(samples[places] == 255, -1, steps))
    samples[places] += (samples[places] & 1 != bits) * steps
    return samples.astype(np.uint8).reshape(cover.shape)


def extract(container: np.ndarray, size: int, seed: int) -> bytes:
    """The `size` bytes that `embed` put in."""
    places = _places(container.size, 8 * size, seed)
    return np.packbits(container.reshape(-1)[places] & 1).tobytes()


def _places(samples: int, bits: int, seed: int) -> np.ndarray:
    """Different places, one for each bit.

    Raises:
        ValueError: there are more bits than samples.
    """
    if bits > samples:
        raise ValueError(f"{samples} samples carry no {bits} bits")
    return np.random.default_rng((seed, 0)).permutation(samples)[:bits]
