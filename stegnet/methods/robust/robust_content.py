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
from stegnet.image.avif import BareCoder, decode_bare
from stegnet.image.pictures import resize
from stegnet.record import MAX_NAME, is_file_name

_PICTURE_NUMBERS, _FILE_NUMBER = {8: 1, 10: 3}, 2  # content kinds: of a picture, by the bits of a sample; of a file
_LENGTH_BYTES, _SIDE_BYTES = 3, 2
_HEAD_BYTES = 1 + _LENGTH_BYTES
_PICTURE_BYTES = 2 * _SIDE_BYTES + 1
_MOST_SIDE = (1 << 8 * _SIDE_BYTES) - 1
_MOST_PIXELS = 1 << 28
# Pixels of a picture for each pixel that it is read from, at most: revealing needs memory for them. Copies may be
# cropped, so a writer stays below the limit.
_PIXEL_RATIO, _WRITTEN_RATIO = 1024, 512
_SMALLEST = 32  # scale of the smallest picture; two steps halve the number of pixels
_FULL_RATE, _PER_OCTAVE = 0.5, 2.5  # bits per pixel that suit full size best, and steps for each time that they halve
_REACH = 2  # steps between the scales tried first
_SIZES = 1 << 17, 1 << 19  # pixels that separate small pictures, larger ones, and those that take seconds to code
_SPEEDS = 6, 6, 9  # of libaom for these three sizes, to find the scale


@dataclass(frozen=True)
class RobustFile:
    """A file that was hidden unchanged."""

    name: str
    data: bytes


RobustContent = np.ndarray | RobustFile  # a picture, (h, w, 3) uint8, or a file


@dataclass(frozen=True)
class FittedPicture:
    """A picture coded at a scale."""

    height: int
    width: int
    scale: int
    depth: int  # bits of a sample
    data: bytes  # AV1; b"" if it doesn't fit
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


def fit_picture(picture: np.ndarray, capacity: int, step: Callable[[int, int], None]) -> FittedPicture:
    """Code a picture, (h, w, 3) uint8, at the best scale and quality that fit.

    Scales are compared in 8 bits, which is fast. Those nearly as good as the best are compared again in 10 bits.

    Args:
        capacity: bytes of content.
        step: called after each scale with the number of scales tried and an upper bound of it.
    Raises:
        CapacityError: the picture does not fit at any scale, or a side exceeds 65,535 pixels.
    """
    height, width = picture.shape[:2]
    if max(height, width) > _MOST_SIDE:
        raise CapacityError(f"the secret has {width}×{height} pixels", f"no side may have more than {_MOST_SIDE}")
    search = _ScaleSearch(picture, capacity - _HEAD_BYTES - _PICTURE_BYTES, step)
    # The scale that usually suits this number of bytes best.
    rate = 8 * max(search.most, 1) / (height * width)
    scale = round(min(max(_PER_OCTAVE * math.log2(_FULL_RATE / rate), 0), _SMALLEST))
    while search.quick(scale) < 0 and scale < _SMALLEST:
        scale += 1
    for reach in (_REACH, 1):
        scale = _climb(search.quick, scale, reach)
    best = search.quick(scale)
    if best < 0:
        raise CapacityError(f"a picture does not fit into {max(capacity, 0)} bytes", "use a larger cover")

    def compared(scale: int) -> float:
        """Return the PSNR in 10 bits, in dB; −1 if the scale is too bad in 8 bits to be the best in 10."""
        more_in_10_bits = 1.0  # dB by which a scale may be worse in 8 bits
        return search.thorough(scale, fast=True) if search.quick(scale) > best - more_in_10_bits else -1.0

    if search.pixels(scale) <= max(_SIZES) and any(compared(beside) >= 0 for beside in _beside(scale, 1)):
        scale = _climb(compared, scale, 1)
    search.thorough(scale)
    return search.best


class _ScaleSearch:
    """The scales tried for a picture, each coded into at most `most` bytes. PSNRs in dB are −1 if nothing fits."""

    def __init__(self, picture: np.ndarray, most: int, step: Callable[[int, int], None]) -> None:
        self.most = most
        self._picture = picture
        self._step = step
        self._coded: dict[tuple[int, BareCoder], tuple[FittedPicture, int | None]] = {}
        self._qualities: dict[int, int] = {}  # by scale: the quick coder's quality, if anything fits
        self._targets: dict[int, int] = {}  # as `_qualities`, for the thorough coder

    @property
    def best(self) -> FittedPicture:
        """The best result so far."""
        return max((coded for coded, _ in self._coded.values()), key=lambda coded: coded.psnr)

    def pixels(self, scale: int) -> int:
        """Return the number of pixels at a scale."""
        height, width = self._picture.shape[:2]
        return _scaled(height, scale) * _scaled(width, scale)

    def quick(self, scale: int) -> float:
        """Return the PSNR in 8 bits."""
        first = None
        if self._qualities:
            steps_per_scale = 6.5  # of quality, about
            near = _nearest(self._qualities, scale)
            first = self._qualities[near] + round(steps_per_scale * (scale - near))
        return self._psnr(scale, BareCoder.quick(_SPEEDS[self._size(scale)]), first, self._qualities)

    def thorough(self, scale: int, fast: bool = False) -> float:
        """Return the PSNR in 10 bits. If `fast`, code with little effort, to compare scales."""
        efforts = 2, 4, 6  # of libaom, for the three sizes
        coder = BareCoder.thorough(max(efforts) if fast else efforts[self._size(scale)])
        first = self._targets[_nearest(self._targets, scale)] if self._targets else None
        return self._psnr(scale, coder, first, self._targets)

    def _size(self, scale: int) -> int:
        return bisect(_SIZES, self.pixels(scale))

    def _psnr(self, scale: int, coder: BareCoder, first: int | None, settings: dict[int, int]) -> float:
        """Return the PSNR at a scale, and remember the coder's setting if anything fits."""
        if (scale, coder) not in self._coded:
            height, width = self._picture.shape[:2]
            small = resize(self._picture, _scaled(height, scale), _scaled(width, scale))
            setting = None
            fitted = FittedPicture(height, width, scale, coder.depth, b"", -1.0)
            if coded := coder.to_fit(small, self.most, first):
                setting, data = coded
                quality = psnr(self._picture, _decoded(data, height, width, scale, coder.depth))
                fitted = FittedPicture(height, width, scale, coder.depth, data, quality)
            self._coded[scale, coder] = fitted, setting
            self._step(len(self._coded), max(len(self._coded), _SMALLEST))
        fitted, setting = self._coded[scale, coder]
        if setting is not None:
            settings[scale] = setting
        return fitted.psnr


def within_ratio(picture: np.ndarray, area: int) -> np.ndarray:
    """Return a picture, (h, w, 3) uint8, reduced to what readers accept in a hidden area of `area` pixels."""
    height, width = picture.shape[:2]
    factor = math.sqrt(_WRITTEN_RATIO * area / (height * width))
    return picture if factor >= 1 else resize(picture, *(max(1, int(side * factor)) for side in (height, width)))


def parse_content(content: bytes, area: int) -> RobustContent:
    """Return the picture, at its own size, or the file in the content of a record.

    Args:
        area: pixels of the picture that it was read from; 0 for a film, which only hides files.
    Raises:
        ValueError: the content is neither.
    """
    kind, length = content[:1], int.from_bytes(content[1:_HEAD_BYTES], "big")
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
    if len(body) <= _PICTURE_BYTES or not 0 < height * width <= min(_MOST_PIXELS, _PIXEL_RATIO * area):
        raise ValueError("a picture of no size, or of far too large a one")
    return _decoded(body[_PICTURE_BYTES:], height, width, body[_PICTURE_BYTES - 1], depth)


def _content(kind: int, body: bytes) -> bytes:
    if len(body) >= 1 << 8 * _LENGTH_BYTES:
        raise CapacityError(f"the secret has {len(body)} bytes", "a robust container hides 16 MB at most")
    return bytes([kind]) + len(body).to_bytes(_LENGTH_BYTES, "big") + body


def _scaled(side: int, scale: int) -> int:
    """Return a side at a scale: divided by 2^(scale/4), rounded, at least 1."""
    return max(1, math.floor(side * 2 ** (-scale / 4) + 0.5))


def _nearest(settings: dict[int, int], scale: int) -> int:
    return min(settings, key=lambda tried: abs(tried - scale))


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


def _decoded(data: bytes, height: int, width: int, scale: int, depth: int) -> np.ndarray:
    """Return the picture, (height, width, 3) uint8, from its AV1 data at a scale; errors as `decode_bare`."""
    return resize(decode_bare(data, _scaled(height, scale), _scaled(width, scale), depth), height, width)
