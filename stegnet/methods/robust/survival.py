"""Hiding what is recovered after a lossy channel: content, made to fit, and one search for rates and shares of blocks.

Content is a picture or a file (docs/format.md, "Robust containers"). It is hidden at the rates that a simulation of the
channel supports, in as few blocks and at as robust a rate as will do; then the channel is simulated on the container,
and where content is not recovered, less is asked for.
"""

import math
from abc import ABC, abstractmethod
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stegnet.core.errors import CapacityError, reading
from stegnet.core.measures import psnr
from stegnet.core.text import Setting, Text
from stegnet.image.avif import BareCoder, decode_bare
from stegnet.image.pictures import resize
from stegnet.methods.method import Carrier, Context, HiddenFile, NewContainer, Payload
from stegnet.methods.robust.channels import Channel
from stegnet.methods.robust.fec import LOWEST, RATES
from stegnet.methods.robust.robust_record import OperatingPoint, content_capacity, record_places
from stegnet.record import MAX_NAME, is_file_name

_PICTURE_NUMBERS, _FILE_NUMBER = {8: 1, 10: 3}, 2  # numbers of the kinds; of a picture, by bits of a sample
_LENGTH_BYTES, _SIDE_BYTES = 3, 2
_HEAD_BYTES = 1 + _LENGTH_BYTES
_PICTURE_BYTES = 2 * _SIDE_BYTES + 1
_MOST_SIDE = (1 << 8 * _SIDE_BYTES) - 1
_MOST_PIXELS = 1 << 28
# Pixels of a picture for each pixel of what is read: revealing needs memory for them. Copies may be cropped, so that
# a writer leaves some space.
_PIXEL_RATIO, _WRITTEN_RATIO = 1024, 512
_SMALLEST = 32  # scale of the smallest picture; two steps halve the number of pixels
_PER_HALF = 4  # steps that halve a side
_FULL_RATE, _PER_OCTAVE = 0.5, 2.5  # bits per pixel that are best kept at full size, and steps for each halving of them
_REACH = 2  # steps between the scales tried first
_PER_SCALE = 6.5  # by how much the quality of 8 bits rises with each scale, about
_MORE_IN_10_BITS = 1.0  # dB, by which a scale may be worse in 8 bits and yet be best in 10, at most
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
    """A picture coded at a scale."""

    height: int
    width: int
    scale: int
    depth: int  # bits of a sample
    data: bytes  # AV1; b"" if nothing fits
    psnr: float  # in dB of what is revealed against the secret, at its own size; −1 if nothing fits

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
    return _HEAD_BYTES + 1 + len(name.encode("utf-8", "surrogateescape")) + size


def fit_picture(picture: np.ndarray, capacity: int, step: Callable[[int, int], None]) -> FittedPicture:
    """Codes a picture, (h, w, 3) uint8, at the scale and quality that are best among those that fit.

    Scales are compared in 8 bits, which is fast; those that are nearly as good as the best of them, in 10 bits.

    Args:
        capacity: bytes of content.
        step: called after each scale that was tried, with their number and an upper bound of it.
    Raises:
        CapacityError: it does not fit at any scale, or a side is above 65,535.
    """
    height, width = picture.shape[:2]
    if max(height, width) > _MOST_SIDE:
        raise CapacityError(f"the secret has {width}×{height} pixels", f"no side may have more than {_MOST_SIDE}")
    tried = _TriedScales(picture, capacity - _HEAD_BYTES - _PICTURE_BYTES, step)
    # The scale that is usually best for this number of bytes.
    rate = 8 * max(tried.most, 1) / (height * width)
    scale = round(min(max(_PER_OCTAVE * math.log2(_FULL_RATE / rate), 0), _SMALLEST))
    while tried.quick(scale) < 0 and scale < _SMALLEST:
        scale += 1
    for reach in (_REACH, 1):
        scale = _climb(tried.quick, scale, reach)
    best = tried.quick(scale)
    if best < 0:
        raise CapacityError(f"a picture does not fit into {max(capacity, 0)} bytes", "use a larger cover")

    def compared(scale: int) -> float:
        """The PSNR in dB, if the scale is near enough to the best one in 8 bits to be better in 10."""
        return tried.thorough(scale, fast=True) if tried.quick(scale) > best - _MORE_IN_10_BITS else -1.0

    if tried.pixels(scale) <= max(_SIZES) and any(compared(other) >= 0 for other in _beside(scale, 1)):
        scale = _climb(compared, scale, 1)
    tried.thorough(scale)
    return tried.best


class _TriedScales:
    """A picture coded at scales, each to fit into `most` bytes; PSNRs in dB of what is revealed, −1 if nothing fits."""

    def __init__(self, picture: np.ndarray, most: int, step: Callable[[int, int], None]) -> None:
        self.most, self._picture, self._step = most, picture, step
        self._coded: dict[tuple[int, BareCoder], tuple[FittedPicture, int | None]] = {}
        self._qualities: dict[int, int] = {}  # by scale, of the quick coder, where something fits
        self._targets: dict[int, int] = {}  # as `_qualities`, of the thorough coder

    @property
    def best(self) -> FittedPicture:
        """The best of what was coded."""
        return max((coded for coded, _ in self._coded.values()), key=lambda coded: coded.psnr)

    def pixels(self, scale: int) -> int:
        """Pixels of the picture at a scale."""
        height, width = self._picture.shape[:2]
        return _scaled(height, scale) * _scaled(width, scale)

    def quick(self, scale: int) -> float:
        """The PSNR in 8 bits."""
        near = min(self._qualities, key=lambda other: abs(other - scale), default=None)
        first = None if near is None else self._qualities[near] + round(_PER_SCALE * (scale - near))
        psnr_found, quality = self._tried(scale, BareCoder.quick(_SPEEDS[self._size(scale)]), first)
        if quality is not None:
            self._qualities[scale] = quality
        return psnr_found

    def thorough(self, scale: int, fast: bool = False) -> float:
        """The PSNR in 10 bits; if `fast`, with little effort, to compare scales."""
        coder = BareCoder.thorough(max(_EFFORTS) if fast else _EFFORTS[self._size(scale)])
        near = min(self._targets, key=lambda other: abs(other - scale), default=None)
        psnr_found, target = self._tried(scale, coder, self._targets.get(near))
        if target is not None:
            self._targets[scale] = target
        return psnr_found

    def _size(self, scale: int) -> int:
        return bisect(_SIZES, self.pixels(scale))

    def _tried(self, scale: int, coder: BareCoder, first: int | None) -> tuple[float, int | None]:
        """The PSNR at a scale, and the setting of the coder, if anything fits."""
        if (scale, coder) not in self._coded:
            (height, width), psnr_found, setting, data = self._picture.shape[:2], -1.0, None, b""
            small = resize(self._picture, _scaled(height, scale), _scaled(width, scale))
            if found := coder.to_fit(small, self.most, first):
                setting, data = found
                psnr_found = psnr(self._picture, _decoded(data, height, width, scale, coder.depth))
            coded = FittedPicture(height, width, scale, coder.depth, data, psnr_found)
            self._coded[scale, coder] = coded, setting
            self._step(len(self._coded), max(len(self._coded), _SMALLEST))
        coded, setting = self._coded[scale, coder]
        return coded.psnr, setting


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
    kind, length = content[:1], int.from_bytes(content[1:_HEAD_BYTES], "big")
    body, rest = content[_HEAD_BYTES : _HEAD_BYTES + length], content[_HEAD_BYTES + length :]
    if len(body) < length or rest.strip(b"\0"):
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
    """A side at a scale: divided by 2^(scale/4), rounded, at least 1."""
    return max(1, math.floor(side * 2 ** (-scale / _PER_HALF) + 0.5))


def _climb(quality: Callable[[int], float], scale: int, reach: int) -> int:
    """The best scale nearby, in steps of `reach`."""
    while True:
        best = max((scale, *_beside(scale, reach)), key=quality)
        if best == scale:
            return scale
        scale = best


def _beside(scale: int, reach: int) -> list[int]:
    """The scales so many steps away."""
    return [each for each in (scale - reach, scale + reach) if 0 <= each <= _SMALLEST]


def _decoded(data: bytes, height: int, width: int, scale: int, depth: int) -> np.ndarray:
    """The picture of a size, (height, width, 3) uint8, whose AV1 data at a scale these are; errors as `decode_bare`."""
    return resize(decode_bare(data, _scaled(height, scale), _scaled(width, scale), depth), height, width)


# Search


class RobustCarrier(ABC):
    """A cover that carries records: a picture one, a film one in each group of frames."""

    attempts: int  # at most
    copies = 1  # of the content, at most, if they fit
    head = 0  # bytes of a record that belong to no content
    least = 1  # bytes of capacity below which nothing is tried
    together = 1  # blocks that are coded as one
    spared: float  # of the highest rate, where blocks are spared
    uneven: float  # by how much of the rate, over the root of their number, a few blocks may carry less than all
    blocks: int  # of a record
    shares: range  # numbers of the shares of the blocks that may be used; the first is the largest share
    textured = False  # the blocks of a share are chosen by texture
    channel: Channel
    point: OperatingPoint
    context: Context
    capacity: int  # bytes of content in the container

    def hide(self, fit: Callable[[int], bytes]) -> None:
        """Hides content so that it survives the channel.

        Args:
            fit: returns content of at most the given number of bytes, or raises CapacityError.
        Raises:
            CapacityError: the content does not fit, or is not recovered.
        """
        rates = self.measured()
        for attempt in range(self.attempts):
            capacity = sum(self.capacities(rates, self.shares[0]))
            if capacity < self.least:
                break
            content = fit(capacity)
            used, share = self.rates_and_share(rates, len(content) * min(self.copies, capacity // len(content)))
            self.embed(content, used, share)
            failed = self.failed()
            if not failed:
                self.capacity = sum(self.capacities(used, share))
                return
            rates = self.lowered(rates, share, failed, attempt)
        raise self.refusal()

    def capacities(self, rates: Sequence[int], share: int) -> list[int]:
        """Bytes of content in each record at these rates."""
        textured = self.textured and share > 0
        most = (content_capacity(self.blocks, self.point, max(rate, LOWEST), share, textured) for rate in rates)
        return [max(each - self.head, 0) if rate >= LOWEST else 0 for each, rate in zip(most, rates, strict=True)]

    def rates_and_share(self, rates: Sequence[int], wanted: int) -> tuple[list[int], int]:
        """The lowest rates, and the number of the smallest share of blocks, with capacity for so many bytes.

        So a small file survives worse channels than the promised one. None is above the given rates; where blocks are
        spared, none above `spared` of them, and less the fewer blocks there are: some carry little.
        """
        for share in reversed(self.shares):
            highest = [self._bearable(rate, share) for rate in rates]
            if sum(self.capacities(highest, share)) >= wanted:
                break
        for part in range(1, RATES + 1):
            lower = [max(rate * part // RATES, LOWEST) if rate else 0 for rate in highest]
            if sum(self.capacities(lower, share)) >= wanted:
                return lower, share
        raise AssertionError("content that does not fit")

    def _bearable(self, rate: int, share: int) -> int:
        """The highest rate usable in this share of the blocks, if `rate` is usable in the largest; 0: none."""
        if share == self.shares[0]:
            return rate
        places = record_places(self.blocks, self.point, share, self.textured)
        used = places / self.point.bits / self.together
        bearable = int(rate * self.spared * (1 - self.uneven / math.sqrt(used))) if used else 0
        return bearable if bearable >= LOWEST else 0

    @abstractmethod
    def measured(self) -> list[int]:
        """The rate of each record, in 64ths, at which random bits are recovered from a simulation, less a margin."""

    @abstractmethod
    def embed(self, content: bytes, rates: Sequence[int], share: int) -> None:
        """Makes the container that is tried next."""

    @abstractmethod
    def failed(self) -> set[int]:
        """The records of the container that are not recovered, or only just."""

    @abstractmethod
    def lowered(self, rates: list[int], share: int, failed: set[int], attempt: int) -> list[int]:
        """The rates of the next attempt, which may have other `shares`, after some records failed at this share."""

    @abstractmethod
    def refusal(self) -> CapacityError:
        """The error where nothing is recovered."""


class RobustContainer(NewContainer, Carrier):
    """A new container whose secret survives a channel: the file as it is, or a copy that is compressed to fit."""

    file: HiddenFile  # what was made to fit last
    space = taken = 0  # bytes of content that there were, and that it takes

    def __init__(self, payload: Payload, carrier: RobustCarrier) -> None:
        self.payload, self.carrier = payload, carrier

    def content(self, space: int) -> bytes:
        """The secret as content of at most `space` bytes; CapacityError if it does not fit."""
        self.space = space
        self.file = self.payload.fit_in_steps(self, self.carrier.context)
        with reading(self.file.path):
            content = self.content_of(self.file.path.read_bytes())
        self.taken = len(content)
        return content

    def content_of(self, data: bytes) -> bytes:
        """Content that hides the bytes of `file`."""
        return file_content(self.file.name, data)

    def capacity(self, name: str) -> int:
        return self.space - file_bytes(name, 0)

    def notes(self) -> tuple[str, ...]:
        """Lines on what is hidden, on the channel and on the cover."""
        lines = (self.file.line,) if self.file.unchanged else self.notes_on_copy()
        channel = self.carrier.channel
        search = (Text("a cropped copy is revealed with ", Setting("search", True)),) if channel.cropped else ()
        return *lines, f"survives: {channel}; not: {channel.limits}", *search, *self.notes_on_cover()

    def notes_on_copy(self) -> tuple[str, ...]:
        """Lines on the compressed copy."""
        return self.file.notes

    @abstractmethod
    def notes_on_cover(self) -> tuple[str, ...]:
        """Lines on the cover."""

    def figures(self) -> dict[str, Any]:
        """Figures of what is hidden."""
        return {"hidden_bytes": self.taken, "capacity": self.space, "survives": str(self.carrier.channel)}
