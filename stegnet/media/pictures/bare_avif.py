"""AVIF without its container: the AV1 data of one 4:4:4 picture, from which the file can be rebuilt.

A file's boxes (ISO/IEC 14496-12 and 23008-12, AVIF 1.1) take 275 bytes, which is much where a picture has 400.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np

from stegnet.media.pictures.avif import decode_avif, encode_avif

LOWEST, HIGHEST = 0, 100  # quality of 8 bits
_MAX_CRF = 63
_SLOW = 4  # speed
_GROWTH = 0.04  # of the logarithm of a picture's size for each step of quality, about
_COLOURS = bytes([0, 1, 0, 13, 0, 6, 0x80])  # BT.709 primaries, sRGB transfer, BT.601 matrix, full range: as Pillow
# By bits of a sample. Version 1; high profile, no level; 4:4:4.
_AV1 = {8: bytes([0x81, 0x3F, 0, 0]), 10: bytes([0x81, 0x3F, 0x40, 0])}
_ESSENTIAL = 0x80


@dataclass(frozen=True)
class BareCoder:
    """A way to code a picture.

    Attributes:
        depth: bits of a sample of the coded picture, 8 or 10.
        highest: quality, in whole steps from 0.
        encode: returns the AV1 data of a picture, (H, W, 3) uint8, of a quality.
    """

    depth: int
    highest: int
    encode: Callable[[np.ndarray, int], bytes]

    @staticmethod
    def quick(speed: int) -> "BareCoder":
        """Pillow's libaom, at a speed from 0 (best) to 10."""
        return BareCoder(8, HIGHEST, partial(_encode_quickly, speed=speed))

    @staticmethod
    def thorough(effort: int) -> "BareCoder":
        """libaom as for films, and 10 bits: 0.2 to 0.5 dB better than `quick` for the same time; effort 0 to 8.

        Without ffmpeg, it is `quick` at a slow speed.
        """
        if not has_ffmpeg():
            return BareCoder.quick(max(effort, _SLOW))
        from stegnet.media.pictures.avif_writer import encode_av1  # here, since it needs ffmpeg

        return BareCoder(10, _MAX_CRF, lambda picture, quality: encode_av1(picture, _MAX_CRF - quality, effort))

    def to_fit(self, picture: np.ndarray, most: int) -> bytes | None:
        """The AV1 data of the best quality that takes at most `most` bytes; None if even the lowest takes more."""
        fits, too_large, best = -1, self.highest + 1, None
        quality, sizes = self.highest // 2, {}
        while too_large - fits > 1:
            data = self.encode(picture, quality)
            sizes[quality] = math.log(len(data))
            if len(data) <= most:
                fits, best = quality, data
            else:
                too_large = quality
            quality = _next_quality(sizes, fits, too_large, math.log(max(most, 1)))
        return best


def has_ffmpeg() -> bool:
    """True if ffmpeg's program is installed, as the extra "media" does."""
    return all(find_spec(name) for name in ("ffmpeg", "imageio_ffmpeg"))


def _encode_quickly(picture: np.ndarray, quality: int, speed: int) -> bytes:
    file = encode_avif(picture, quality, speed)
    boxes = io.BytesIO(file)
    while head := boxes.read(8):
        size = int.from_bytes(head[:4], "big") - len(head)
        data = boxes.read(size)
        if head[4:] == b"mdat":
            return data
    raise AssertionError("Pillow wrote an AVIF without data")


def _next_quality(sizes: dict[int, float], fits: int, too_large: int, wanted: float) -> int:
    """The quality to try next, strictly between two, if there is one: logarithms of sizes grow about evenly."""
    if fits in sizes and too_large in sizes:
        guess = fits + (too_large - fits) * (wanted - sizes[fits]) / (sizes[too_large] - sizes[fits])
    else:
        known = fits if fits in sizes else too_large
        guess = known + (wanted - sizes[known]) / _GROWTH
    return min(max(math.floor(guess), fits + 1), too_large - 1)


def decode_bare(data: bytes, height: int, width: int, depth: int) -> np.ndarray:
    """Decodes AV1 data of a known size and depth in bits, (height, width, 3) uint8.

    Raises:
        ValueError: it is no such picture.
    """
    return decode_avif(as_file(data, height, width, depth), height, width)


def as_file(data: bytes, height: int, width: int, depth: int) -> bytes:
    """The AVIF file of AV1 data."""
    start = len(_boxes(height, width, depth, len(data), 0)) + 8
    return _boxes(height, width, depth, len(data), start) + _box(b"mdat", data)


def _boxes(height: int, width: int, depth: int, size: int, start: int) -> bytes:
    """All boxes before the data, which has so many bytes from `start` on."""
    number = partial(int.to_bytes, length=4, byteorder="big")
    item = _full_box(b"infe", bytes([0, 1, 0, 0]) + b"av01\0", version=2)
    place = bytes([0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1]) + number(start) + number(size)
    properties = b"".join(
        (
            _full_box(b"ispe", number(width) + number(height)),
            _full_box(b"pixi", bytes([3, depth, depth, depth])),
            _box(b"av1C", _AV1[depth]),
            _box(b"colr", b"nclx" + _COLOURS),
        )
    )
    uses = _full_box(b"ipma", number(1) + bytes([0, 1, 4, 1, 2, 3 | _ESSENTIAL, 4]))
    parts = (
        _full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)),
        _full_box(b"pitm", bytes([0, 1])),
        _full_box(b"iloc", place),
        _full_box(b"iinf", bytes([0, 1]) + item),
        _box(b"iprp", _box(b"ipco", properties) + uses),
    )
    return _box(b"ftyp", b"avif" + bytes(4) + b"avifmif1") + _full_box(b"meta", b"".join(parts))


def _box(name: bytes, data: bytes) -> bytes:
    return (len(data) + 8).to_bytes(4, "big") + name + data


def _full_box(name: bytes, data: bytes, version: int = 0) -> bytes:
    return _box(name, bytes([version, 0, 0, 0]) + data)
