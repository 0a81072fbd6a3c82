"""A JPEG as something to seal in: coefficients of luma are samples (docs/format.md, "JPEG containers")."""

from dataclasses import replace
from hashlib import sha256

import numpy as np

from stegnet.image.jpeg_coefficients import JpegPicture
from stegnet.sealing.carriers import CarrierModel

_MIDDLE = 128  # of a sample; a coefficient of 0
CARRIED = 63  # coefficients of a block: all but the first
_GROUP = 2048  # carriers: most are 0 and dear to change, and the bits of lead and MAC need many to choose from
COEFFICIENTS = CarrierModel(_GROUP)


def samples_of(jpeg: JpegPicture) -> np.ndarray:
    """Luma's coefficients but the first of each block, in zigzag order, (rows, 63 · columns, 1) uint8.

    A coefficient c is the sample (c + 128) mod 256, so that a step of one is a step of the other.
    """
    samples = jpeg.planes[0][..., 1:].astype(np.uint8)
    samples += _MIDDLE
    return samples.reshape(len(samples), -1, 1)


def with_samples(jpeg: JpegPicture, samples: np.ndarray) -> list[np.ndarray]:
    """The planes of a JPEG with other samples, each a few steps from its own."""
    luma = jpeg.planes[0].copy()
    steps = (samples - samples_of(jpeg)).view(np.int8)
    luma[..., 1:] += steps.reshape(*luma.shape[:2], CARRIED)
    return [luma, *jpeg.planes[1:]]


def medium_of(jpeg: JpegPicture) -> CarrierModel:
    """A JPEG's samples, and for its MAC the SHA-256 of what it shows besides.

    That is its tables, the first coefficients of luma, and chroma.
    """
    hashed = sha256(b"stegnet/2/jpeg")
    for index, (component, plane) in enumerate(zip(jpeg.file.components, jpeg.planes, strict=True)):
        rows, cols, _ = plane.shape
        hashed.update(bytes([component.across, component.down]) + rows.to_bytes(4, "big") + cols.to_bytes(4, "big"))
        hashed.update(jpeg.steps(index).astype(">u2").tobytes())
        hashed.update((plane if index else plane[..., 0]).astype(">i2").tobytes())
    return replace(COEFFICIENTS, context=hashed.digest())
