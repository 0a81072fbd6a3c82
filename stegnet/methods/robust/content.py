"""Content of a robust record: a picture made to fit, or a file as it is (docs/format.md, "Robust containers")."""

import math
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.kinds import FILE, PICTURE
from stegnet.core.measures import psnr
from stegnet.formats.output import atomic_write
from stegnet.image.avif import BareCoder, decode_bare
from stegnet.image.pictures import resize
from stegnet.methods.method import Context, FoundSecret
from stegnet.record import MAX_NAME, Container, is_file_name
from stegnet.results import OutputTarget, Report, as_named, printable, text_report, write_revealed

ROBUST = "robust"  # the method's name
_PICTURE_NUMBERS, _FILE_NUMBER = {8: 1, 10: 3}, 2  # numbers of the kinds; of a picture, by bits of a sample
_LENGTH_BYTES, _SIDE_BYTES = 3, 2
HEAD_BYTES = 1 + _LENGTH_BYTES
_PICTURE_BYTES = 2 * _SIDE_BYTES + 1
MOST_SIDE = (1 << 8 * _SIDE_BYTES) - 1
_MOST_PIXELS = 1 << 28
# Pixels of a picture for each pixel of what is read: revealing needs memory for them. Copies may be cropped, so that
# a writer leaves some room.
_PIXEL_RATIO, _WRITTEN_RATIO = 1024, 512
_SMALLEST = 32  # scale; each step of the scale halves the number of pixels every two steps
_PER_HALF = 4  # steps that halve a side
_FULL_RATE, _PER_OCTAVE = 0.5, 2.5  # bits per pixel that are best kept at full size, and steps for each halving of them
_REACH = 2  # steps between the scales tried first
_SIZES = 1 << 17, 1 << 19  # pixels that divide small pictures, larger ones, and those whose coding takes seconds
_SPEEDS, _EFFORTS = (6, 6, 9), (2, 4, 6)  # libaom's for such pictures: to find the scale, and to code what is hidden


@dataclass(frozen=True)
class RobustFile:
    """A file that was hidden as it is."""

    name: str
    data: bytes


RobustContent = np.ndarray | RobustFile  # a picture, (h, w, 3) uint8, or a file


@dataclass(frozen=True)
class FittedPicture:
    """A picture coded at a scale.

    Attributes:
        height, width: of the picture.
        depth: bits of a sample.
        data: AV1; b"" if nothing fits.
        psnr: in dB of the revealed picture against the secret, both at the secret's size; inf if they are equal, −1 if
            nothing fits.
    """

    height: int
    width: int
    scale: int
    depth: int
    data: bytes
    psnr: float

    @property
    def content(self) -> bytes:
        """Content of a record."""
        sides = self.height.to_bytes(_SIDE_BYTES, "big") + self.width.to_bytes(_SIDE_BYTES, "big")
        return _content(_PICTURE_NUMBERS[self.depth], sides + bytes([self.scale]) + self.data)


def file_content(name: str, data: bytes) -> bytes:
    """Content that hides a file of at most 16 MB; its name is one that `is_file_name` accepts."""
    encoded = name.encode("utf-8", "surrogateescape")
    return _content(_FILE_NUMBER, bytes([len(encoded)]) + encoded + data)


def file_bytes(name: str, size: int) -> int:
    """Bytes of content that a file takes."""
    return HEAD_BYTES + 1 + len(name.encode("utf-8", "surrogateescape")) + size


def fit_picture(picture: np.ndarray, room: int, step: Callable[[int, int], None]) -> FittedPicture:
    """Codes a picture, (h, w, 3) uint8, at the scale and quality that are best among those that fit.

    Args:
        room: bytes of content.
        step: called after each scale that was tried, with their number and an upper bound of it.
    Raises:
        CapacityError: it does not fit at any scale, or a side is above 65,535.
    """
    height, width = picture.shape[:2]
    if max(height, width) > MOST_SIDE:
        raise CapacityError(f"the secret has {width}×{height} pixels", f"no side may have more than {MOST_SIDE}")
    most = room - HEAD_BYTES - _PICTURE_BYTES
    tried: dict[tuple[int, bool], FittedPicture] = {}

    def quality(scale: int, thorough: bool = False) -> float:
        if (scale, thorough) not in tried:
            tried[scale, thorough] = _coded(picture, scale, most, thorough)
            step(len(tried), max(len(tried), _SMALLEST))
        return tried[scale, thorough].psnr

    # The scale that is usually best for this number of bytes.
    rate = 8 * max(most, 1) / (height * width)
    scale = round(min(max(_PER_OCTAVE * math.log2(_FULL_RATE / rate), 0), _SMALLEST))
    while quality(scale) < 0 and scale < _SMALLEST:
        scale += 1
    for reach in (_REACH, 1):
        scale = _climb(quality, scale, reach)
    if quality(scale) < 0:
        raise CapacityError(f"a picture does not fit into {max(room, 0)} bytes", "use a larger cover")
    if _scaled(height, scale) * _scaled(width, scale) <= max(_SIZES):
        _climb(lambda scale: quality(scale, thorough=True), scale, 1)
    else:
        quality(scale, thorough=True)
    return max(tried.values(), key=lambda coded: coded.psnr)


class FoundContent(FoundSecret):
    """A picture or file that survived lossy codecs: it was read without error, whatever happened to its container."""

    method, tells_damage = ROBUST, False

    def __init__(self, container: Container, context: Context, content: RobustContent) -> None:
        super().__init__(container, context)
        self._content, self.kind = content, PICTURE
        if isinstance(content, RobustFile):
            self.kind, self.name, self.size = FILE, content.name, len(content.data)

    def text(self, strict: bool = False) -> Report | None:
        return text_report(self.name, self._content.data) if self.kind == FILE else None

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        if self.kind == PICTURE:
            return write_revealed(out, self._content)
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            part.write_bytes(self._content.data)
            named = as_named(part, self.name, out, self.context.progress)
        line = f"hidden: {printable(self.name)}, {self.size} bytes"
        return Report(notes=(line, *named.notes), name=self.name, size=self.size, unchanged=named.unchanged)

    def details(self) -> dict[str, Any]:
        if self.kind == FILE:
            digest = sha256(self._content.data).hexdigest()
            return {"hidden_name": self.name, "hidden_bytes": self.size, "hidden_sha256": digest}
        height, width = self._content.shape[:2]
        return {"hidden_width": width, "hidden_height": height}


def within_ratio(picture: np.ndarray, area: int) -> np.ndarray:
    """A picture, (h, w, 3) uint8, reduced to what readers accept in a hidden area of so many pixels."""
    height, width = picture.shape[:2]
    factor = math.sqrt(_WRITTEN_RATIO * area / (height * width))
    return picture if factor >= 1 else resize(picture, *(max(1, int(side * factor)) for side in (height, width)))


def parse_content(content: bytes, area: int) -> RobustContent:
    """The picture, at its own size, or the file in the content of a record.

    Args:
        area: pixels of the picture that it was read from; 0 for a film, which hides files only.
    Raises:
        ValueError: it is neither.
    """
    kind, length = content[:1], int.from_bytes(content[1:HEAD_BYTES], "big")
    body, rest = content[HEAD_BYTES : HEAD_BYTES + length], content[HEAD_BYTES + length :]
    if len(body) < length or rest.strip(b"\0"):
        raise ValueError("of another length")
    for depth, number in _PICTURE_NUMBERS.items():
        if kind == bytes([number]):
            return _parse_picture(body, area, depth)
    if kind == bytes([_FILE_NUMBER]):
        return _parse_file(body)
    raise ValueError("of an unknown kind")


def _content(kind: int, body: bytes) -> bytes:
    if len(body) >= 1 << 8 * _LENGTH_BYTES:
        raise CapacityError(f"the secret has {len(body)} bytes", "a robust container hides 16 MB at most")
    return bytes([kind]) + len(body).to_bytes(_LENGTH_BYTES, "big") + body


def _scaled(side: int, scale: int) -> int:
    """A side at a scale: divided by 2^(scale/4), rounded, at least 1."""
    return max(1, math.floor(side * 2 ** (-scale / _PER_HALF) + 0.5))


def _climb(quality: Callable[[int], float], scale: int, reach: int) -> int:
    """The best scale nearby, in steps of `reach`."""
    while True:
        near = [each for each in (scale - reach, scale + reach) if 0 <= each <= _SMALLEST]
        best = max((scale, *near), key=quality)
        if best == scale:
            return scale
        scale = best


def _coded(picture: np.ndarray, scale: int, most: int, thorough: bool) -> FittedPicture:
    height, width = picture.shape[:2]
    small = resize(picture, _scaled(height, scale), _scaled(width, scale))
    size = bisect(_SIZES, small[..., 0].size)
    coder = BareCoder.thorough(_EFFORTS[size]) if thorough else BareCoder.quick(_SPEEDS[size])
    data, quality = coder.to_fit(small, most), -1.0
    if data is not None:
        quality = psnr(picture, _decoded(data, height, width, scale, coder.depth))
    return FittedPicture(height, width, scale, coder.depth, data or b"", quality)


def _decoded(data: bytes, height: int, width: int, scale: int, depth: int) -> np.ndarray:
    """The picture of a size, (height, width, 3) uint8, whose AV1 data at a scale these are; errors as `decode_bare`."""
    return resize(decode_bare(data, _scaled(height, scale), _scaled(width, scale), depth), height, width)


def _parse_picture(body: bytes, area: int, depth: int) -> np.ndarray:
    height, width = (int.from_bytes(body[at : at + _SIDE_BYTES], "big") for at in (0, _SIDE_BYTES))
    if len(body) <= _PICTURE_BYTES or not 0 < height * width <= min(_MOST_PIXELS, _PIXEL_RATIO * area):
        raise ValueError("a picture of no size, or of far too large a one")
    return _decoded(body[_PICTURE_BYTES:], height, width, body[_PICTURE_BYTES - 1], depth)


def _parse_file(body: bytes) -> RobustFile:
    size = body[0] if body else 0
    name = body[1 : 1 + size]
    if len(name) != size or not is_file_name(name) or size > MAX_NAME:
        raise ValueError("a file without a name")
    return RobustFile(name.decode("utf-8", "surrogateescape"), body[1 + size :])
