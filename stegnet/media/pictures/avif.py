"""Pictures as AVIF 4:4:4 in memory.

The same picture gives the same bytes on one machine, whatever its number of cores. AVIF decodes to the same samples
everywhere, up to the rounding in its conversion to RGB.
"""

import io
import math
import struct

import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from stegnet.core.errors import MediaError

FAST, FASTEST = 8, 10  # speeds of libaom: 10 takes a third of the time of 8, and 4 % more bytes for the same quality
STEP = 5  # of the quality, where the bytes do not fit
SHRINK = 0.83  # bytes at a step less, relative: a first guess
# At quality 0: a file without its samples, and bytes per pixel for 2×2 blocks of random primary colours.
LEAST_FILE, LEAST_PER_PIXEL = 400, 0.22
_OPTIONS = {"subsampling": "4:4:4", "codec": "aom", "max_threads": 1, "advanced": {"tune": "psnr"}}
# What Pillow raises for damaged files.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error)


def encode_avif(picture: np.ndarray, quality: int, speed: int = FAST) -> bytes:
    """Codes a picture.

    Args:
        picture: (H, W, 3) uint8.
        quality: 0 to 100.
    Raises:
        MediaError: AVIF can't hold a picture of this size, or Pillow was built without it.
    """
    encoded = io.BytesIO()
    try:
        Image.fromarray(picture).save(encoded, format="AVIF", quality=quality, speed=speed, **_OPTIONS)
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        raise MediaError(f"{picture.shape[1]}×{picture.shape[0]} pixels can't be made AVIF ({error})") from error
    return encoded.getvalue()


def fit_avif(picture: np.ndarray, quality: int, most: int, speed: int = FAST) -> bytes:
    """Codes a picture at the highest quality, among `quality` and lower ones in steps, that takes at most `most` bytes.

    Returns:
        The bytes; more than `most` if even quality 0 takes more.
    """
    coded = encode_avif(picture, quality, speed)
    if len(coded) <= most:
        return coded
    qualities = [*range(quality - STEP, 0, -STEP), 0]
    too_large, fits, fitting = -1, len(qualities) - 1, None
    upper, lower = len(coded), len(coded) * SHRINK ** len(qualities)  # bytes at both; of the second, as expected
    while fits - too_large > 1:  # interpolation search: the bytes fall by about the same factor with each step
        share = math.log(upper / max(most, 1)) / math.log(upper / lower)
        between = min(max(too_large + math.ceil(share * (fits - too_large)), too_large + 1), fits - 1)
        tried = encode_avif(picture, qualities[between], speed)
        if len(tried) <= most:
            fits, lower, fitting = between, len(tried), tried
        else:
            too_large, upper = between, len(tried)
            lower = min(lower, upper * SHRINK)
    return fitting or encode_avif(picture, 0, speed)


def decode_avif(data: bytes, height: int, width: int) -> np.ndarray:
    """Decodes a picture of a known size, (height, width, 3) uint8; no other size is decoded.

    Raises:
        ValueError: it is no such picture.
    """
    try:
        picture = AvifImageFile(io.BytesIO(data))
        if picture.size != (width, height) or picture.mode != "RGB":
            raise ValueError("of another size or kind")
        return np.array(picture)
    except _UNREADABLE as error:
        raise ValueError(f"not an AVIF picture ({error})") from error
