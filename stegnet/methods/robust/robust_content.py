"""Content of robust records: a file as it is, or a picture that was scaled and coded to fit (docs/format.md).

Only the content's bytes are hidden, so that a picture's header is as short as can be: kind, length, sides and scale.
"""

import math
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.measures import psnr
from stegnet.core.parallel import Count
from stegnet.core.pixels import check_declared, most_declared
from stegnet.image.av1_header import require_picture
from stegnet.image.avif import BareCoder, decode_bare
from stegnet.image.pictures import resize
from stegnet.record import MAX_NAME, is_file_name

_PICTURE_NUMBERS = {8: 1, 10: 3}  # kinds of content: a picture, by the bits of a sample


# Fields of content, and the search for a picture's scale.
_FILE_NUMBER = 2  # kind of content: a file
_LENGTH_BYTES = 3
_SIDE_BYTES = 2
_MOST_PIXELS = 1 << 28
# Pixels of a picture for each pixel that it is read from, at most: revealing needs memory for them.
_PIXEL_RATIO = 1024
_SMALLEST = 32  # scale of the smallest picture; two steps halve the number of pixels
_FULL_RATE = 0.5  # bits per pixel that suit full size best
_PER_OCTAVE = 2.5  # steps of scale for each time that the bits per pixel halve
_REACH = 2  # steps between the scales tried first
_SIZES = 1 << 17, 1 << 19  # pixels that separate small pictures, larger ones, and those that take seconds to code
_SPEEDS = 6, 6, 9  # of libaom for these three sizes, to find the scale


_HEAD_BYTES = 1 + _LENGTH_BYTES
_PICTURE_BYTES = 2 * _SIDE_BYTES + 1
_MOST_SIDE = (1 << 8 * _SIDE_BYTES) - 1


@dataclass(frozen=True)
class RobustFile:
    """A file that was hidden unchanged."""

    name: str
    data: bytes


@dataclass(frozen=True)
class RobustPicture:
    """A picture coded at a scale."""

    height: int
    width: int
    scale: int
    depth: int  # bits of a sample
    data: bytes  # AV1

    def decoded(self) -> np.ndarray:
        """Return the picture at its own size, (height, width, 3) uint8. Raises ValueError if its data is damaged."""
        rows, cols = (_scaled(side, self.scale) for side in (self.height, self.width))
        return resize(decode_bare(self.data, rows, cols, self.depth), self.height, self.width)


RobustContent = RobustPicture | RobustFile


@dataclass(frozen=True)
class FittedPicture(RobustPicture):
    """A picture that is to be hidden; its data is b"" if it doesn't fit."""

    psnr: float  # dB of what is revealed against the secret, at the secret's size; −1 if it doesn't fit

    @property
    def content(self) -> bytes:
        """Content of a record."""
        sides = self.height.to_bytes(_SIDE_BYTES, "big") + self.width.to_bytes(_SIDE_BYTES, "big")
        return _content(_PICTURE_NUMBERS[self.depth], sides + bytes([self.scale]) + self.data)


def file_content(name: str, data: bytes) -> bytes:
    """Return content that hides a file of at most 16 MB, whose name is one that `is_file_name` accepts."""
    encoded = name.encode("utf-8", "surrogateescape")
    return _content(_FILE_NUMBER, bytes([len(encoded)]) + encoded + data)


def file_bytes(name: str, size: int) -> int:
    """Return the bytes of content that a file takes."""
    return _HEAD_BYTES + 1 + len(name.encode("utf-8", "surrogateescape")) + size


def fit_picture(picture: np.ndarray, capacity: int, progress: Count) -> FittedPicture:
    """Code a picture, (h, w, 3) uint8, at the best scale and quality that fit.

    Scales are compared in 8 bits, which is fast. Those nearly as good as the best are compared again in 10 bits.

    Args:
        picture: (h, w, 3) uint8.
        capacity: bytes of content.
        progress: called after each scale with the number of scales tried and an upper bound of it.

    Raises:
        CapacityError: the picture does not fit at any scale, or a side exceeds 65,535 pixels.
    """
    height, width = picture.shape[:2]
    if max(height, width) > _MOST_SIDE:
        raise CapacityError(f"the secret has {width}×{height} pixels", f"no side may have more than {_MOST_SIDE}")
    most = capacity - _HEAD_BYTES - _PICTURE_BYTES
    fitted: dict[tuple[int, BareCoder], FittedPicture] = {}

    def tried(scale: int, coder: BareCoder, settings: dict[int, int], steps_per_scale: float) -> float:
        """Return the PSNR at a scale in dB; −1 if nothing fits. The coder's settings, by scale, show where to begin."""
        if (scale, coder) not in fitted:
            nearest = min(settings, key=lambda known: abs(known - scale), default=None)
            first = None if nearest is None else settings[nearest] + round(steps_per_scale * (scale - nearest))
            fitted[scale, coder], setting = _fitted_at(picture, scale, coder, most, first)
            if setting is not None:
                settings[scale] = setting
            progress(len(fitted), max(len(fitted), _SMALLEST))
        return fitted[scale, coder].psnr

    qualities: dict[int, int] = {}  # of the coder of 8 bits
    targets: dict[int, int] = {}  # bytes that the coder of 10 bits is asked for
    efforts = 2, 4, 6  # of libaom, for the three sizes

    def quick(scale: int) -> float:
        return tried(scale, BareCoder.quick(_SPEEDS[_size(height, width, scale)]), qualities, 6.5)

    # First the scale that usually suits this number of bytes best.
    rate = 8 * max(most, 1) / (height * width)
    scale = round(min(max(_PER_OCTAVE * math.log2(_FULL_RATE / rate), 0), _SMALLEST))
    while quick(scale) < 0 and scale < _SMALLEST:
        scale += 1
    for reach in (_REACH, 1):
        scale = _climb(quick, scale, reach)
    best = quick(scale)
    if best < 0:
        raise CapacityError(f"a picture does not fit into {max(capacity, 0)} bytes", "use a larger cover")

    def compared(scale: int) -> float:
        """Return the PSNR in 10 bits, with little effort; −1 if the scale is too bad in 8 bits to be the best in 10."""
        more_in_10_bits = 1.0  # dB by which a scale may be worse in 8 bits
        if quick(scale) <= best - more_in_10_bits:
            return -1.0
        return tried(scale, BareCoder.thorough(max(efforts)), targets, 0)

    pixels = _scaled(height, scale) * _scaled(width, scale)
    if pixels <= max(_SIZES) and any(compared(beside) >= 0 for beside in _beside(scale, 1)):
        scale = _climb(compared, scale, 1)
    tried(scale, BareCoder.thorough(efforts[_size(height, width, scale)]), targets, 0)
    return max(fitted.values(), key=lambda result: result.psnr)


def _fitted_at(
    picture: np.ndarray, scale: int, coder: BareCoder, most: int, first: int | None
) -> tuple[FittedPicture, int | None]:
    """Return a picture coded at a scale into at most `most` bytes, and the coder's setting; None if nothing fits.

    The setting that is tried first is `first`.
    """
    height, width = picture.shape[:2]
    small = resize(picture, _scaled(height, scale), _scaled(width, scale))
    coded = coder.to_fit(small, most, first)
    if coded is None:
        return FittedPicture(height, width, scale, coder.depth, b"", -1.0), None
    setting, data = coded
    quality = psnr(picture, RobustPicture(height, width, scale, coder.depth, data).decoded())
    return FittedPicture(height, width, scale, coder.depth, data, quality), setting


def within_ratio(picture: np.ndarray, area: int) -> np.ndarray:
    """Return a picture, (h, w, 3) uint8, reduced to what readers accept in a hidden area of `area` pixels."""
    height, width = picture.shape[:2]
    most = min(_PIXEL_RATIO * area, most_declared(area))
    factor = math.sqrt(most / (height * width))
    return picture if factor >= 1 else resize(picture, *(max(1, int(side * factor)) for side in (height, width)))


def parse_content(content: bytes, area: int) -> RobustContent:
    """Return the picture, not yet decoded, or the file in the content of a record.

    The picture's AV1 data says that it has the size that it should have.

    Args:
        content: bytes of the record, padded with zeros.
        area: pixels of the picture that it was read from; 0 for a film, which only hides files.

    Raises:
        ValueError: the content is neither.
        MediaError: as `check_declared`.
    """
    kind = content[:1]
    length = int.from_bytes(content[1:_HEAD_BYTES], "big")
    body = content[_HEAD_BYTES : _HEAD_BYTES + length]
    if len(body) < length or content[_HEAD_BYTES + length :].strip(b"\0"):
        raise ValueError("of another length")
    if kind == bytes([_FILE_NUMBER]):
        size = body[0] if body else 0
        name = body[1 : 1 + size]
        if len(name) != size or not is_file_name(name) or size > MAX_NAME:
            raise ValueError("a file without a name")
        return RobustFile(name.decode("utf-8", "surrogateescape"), body[1 + size :])
    depth = next((depth for depth, number in _PICTURE_NUMBERS.items() if kind == bytes([number])), None)
    if depth is None:
        raise ValueError("of an unknown kind")
    height, width = (int.from_bytes(body[at : at + _SIDE_BYTES], "big") for at in (0, _SIDE_BYTES))
    if len(body) <= _PICTURE_BYTES or height * width > min(_MOST_PIXELS, _PIXEL_RATIO * area):
        raise ValueError("a picture of no size, or of far too large a one")
    check_declared(height, width, area)
    picture = RobustPicture(height, width, body[_PICTURE_BYTES - 1], depth, body[_PICTURE_BYTES:])
    require_picture(picture.data, _scaled(height, picture.scale), _scaled(width, picture.scale))
    return picture


def _content(kind: int, body: bytes) -> bytes:
    if len(body) >= 1 << 8 * _LENGTH_BYTES:
        raise CapacityError(f"the secret has {len(body)} bytes", "a robust container hides 16 MB at most")
    return bytes([kind]) + len(body).to_bytes(_LENGTH_BYTES, "big") + body


def _scaled(side: int, scale: int) -> int:
    """Return a side at a scale: divided by 2^(scale/4), rounded, at least 1."""
    return max(1, math.floor(side * 2 ** (-scale / 4) + 0.5))


def _size(height: int, width: int, scale: int) -> int:
    """Return which of the three sizes of `_SIZES` a picture has at a scale: 0, 1 or 2."""
    return bisect(_SIZES, _scaled(height, scale) * _scaled(width, scale))


def _climb(quality: Callable[[int], float], scale: int, reach: int) -> int:
    """Return the best scale nearby, in steps of `reach`."""
    while True:
        best = max((scale, *_beside(scale, reach)), key=quality)
        if best == scale:
            return scale
        scale = best


def _beside(scale: int, reach: int) -> list[int]:
    """Return the scales `reach` steps away."""
    return [beside for beside in (scale - reach, scale + reach) if 0 <= beside <= _SMALLEST]
