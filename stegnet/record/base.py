"""The base of a secret as bytes (docs/format.md, "Base"): block means, or the whole picture coded as AVIF.

The first byte is the gain of the residual. If a reader's decoder is a level off in a sample, it reveals that sample a
level off.
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.pixels import BLOCK, CODED, MEANS, NONE, Base, block_means, enlarge, from_8_bits, gain_for
from stegnet.image.avif import FAST, FASTEST, LEAST_FILE, LEAST_PER_PIXEL, decode_avif, fit_avif

# Numbers of docs/format.md, "Base", and of zlib.
_GAIN_UNIT = 8  # the gain is 2^((code − bias) / unit)
_GAIN_BIAS = 32
_MAX_GAIN_CODE = 127
_STORED = 16_000  # bytes of the smallest block that zlib stores uncompressed, with an overhead of 5 bytes


def encode_base(
    picture: np.ndarray,
    kind: str,
    quality: int,
    most: int,
    film: bool = False,
    enhance: Callable[[np.ndarray], np.ndarray] = from_8_bits,
) -> tuple[bytes, Base]:
    """Encode the base of a secret, (H, W, 3) uint8, sides multiples of 8; the same input gives the same bytes.

    Args:
        picture: the secret, (H, W, 3) uint8, sides multiples of 8.
        kind: one of `coding.KINDS`; the bytes of "none" are empty.
        quality: quality of "coded", 0 to 100; lowered in steps if the bytes would exceed `most`.
        most: largest number of bytes.
        film: encode "coded" in a third of the time.
        enhance: enhancement of the decoded picture on both sides, (H, W, 3) uint8 to float32 in [0, 1].

    Returns:
        The bytes, and the base as a reader decodes and enhances it; its gain suits the residual.

    Raises:
        CapacityError: even the lowest quality exceeds `most`.
        MediaError: AVIF can't hold a picture of this size.
    """
    if kind == NONE:
        grey = Base.grey(*picture.shape[:2])
        return b"", replace(grey, enhanced=enhance(grey.picture))
    if kind == MEANS:
        means = block_means(picture)
        coded = _pack_means(means)
        decoded = enlarge(means)
    else:
        coded = fit_avif(picture, quality, most - 1, FASTEST if film else FAST)
        decoded = decode_avif(coded, *picture.shape[:2])
    if len(coded) >= most:
        needs = f"the secret's coarse picture needs {len(coded) + 1} bytes of its cover"
        raise CapacityError(f"{needs}, more than the capacity of {max(most, 0)}", "use a larger cover")
    enhanced = enhance(decoded)
    code = round(_GAIN_UNIT * math.log2(gain_for(picture, enhanced))) + _GAIN_BIAS
    code = min(max(code, 0), _MAX_GAIN_CODE)
    return bytes([code]) + coded, Base(decoded, _gain(code), enhanced)


def decode_base(data: bytes, kind: str, height: int, width: int) -> Base:
    """Decode a base of a known kind and size. Raises ValueError if the bytes are not a valid base."""
    if kind == NONE:
        _require(not data)
        return Base.grey(height, width)
    _require(len(data) > 1 and data[0] <= _MAX_GAIN_CODE)
    gain = _gain(data[0])
    if kind == MEANS:
        return Base(enlarge(_unpack_means(data[1:], height // BLOCK, width // BLOCK)), gain)
    try:
        return Base(decode_avif(data[1:], height, width), gain)
    except ValueError as error:
        raise ValueError("not a base") from error


def least_base(kind: str, height: int, width: int) -> int:
    """Return the number of bytes that suffice for the base of any picture of this size."""
    if kind == NONE:
        return 0
    if kind == MEANS:
        raw = 3 * (height // BLOCK) * (width // BLOCK)
        return 1 + raw + 5 * (raw // _STORED + 1) + 16  # zlib stores what it can't compress
    return 1 + LEAST_FILE + math.ceil(LEAST_PER_PIXEL * height * width)


def least_base_per_pixel(kind: str) -> float:
    """Return the bytes that each pixel adds to `least_base`."""
    return {NONE: 0.0, MEANS: 3 * (1 + 5 / _STORED) / BLOCK**2, CODED: LEAST_PER_PIXEL}[kind]


def _gain(code: int) -> float:
    return float(2 ** ((code - _GAIN_BIAS) / _GAIN_UNIT))


def _pack_means(means: np.ndarray) -> bytes:
    """Pack block means, (h, w, 3) uint8, without loss.

    Green is subtracted from red and blue, then differences are taken down and across, all modulo 256; zlib compresses
    the result.
    """
    values = means.copy()
    values[..., 0] -= means[..., 1]
    values[..., 2] -= means[..., 1]
    values[1:] -= values[:-1].copy()
    values[:, 1:] -= values[:, :-1].copy()
    return zlib.compress(np.moveaxis(values, -1, 0).tobytes(), zlib.Z_BEST_COMPRESSION)


def _unpack_means(data: bytes, height: int, width: int) -> np.ndarray:
    """Unpack block means of a known size, (height, width, 3) uint8."""
    size = 3 * height * width
    stream = zlib.decompressobj()
    try:
        flat = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise ValueError("not a base") from error
    _require(stream.eof and not stream.unused_data and len(flat) == size)
    values = np.moveaxis(np.frombuffer(flat, np.uint8).reshape(3, height, width), 0, -1)
    values = values.cumsum(axis=1, dtype=np.uint8).cumsum(axis=0, dtype=np.uint8)
    values[..., 0] += values[..., 1]
    values[..., 2] += values[..., 1]
    return values


def _require(condition: bool) -> None:
    """Raise ValueError unless the condition holds."""
    if not condition:
        raise ValueError("not a base")
