"""Hiding content so that it survives a lossy channel: fitting it, and the search for rates and shares of blocks.

Content is a picture or a file (docs/format.md, "Robust containers"). It is hidden at the rates that a simulation of the
channel supports, in as few blocks and at as robust a rate as possible. The channel is then simulated on the container;
where content is not recovered, the search tries again at lower rates.
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
_PER_HALF = 4  # steps that halve a side
_FULL_RATE, _PER_OCTAVE = 0.5, 2.5  # bits per pixel that suit full size best, and steps for each time that they halve
_REACH = 2  # steps between the scales tried first
_PER_SCALE = 6.5  # steps of quality in 8 bits per step of scale, about
_MORE_IN_10_BITS = 1.0  # dB by which a scale may be worse in 8 bits and still turn out best in 10
_SIZES = 1 << 17, 1 << 19  # pixels that separate small pictures, larger ones, and those that take seconds to code
# Settings of libaom for these three sizes: to find the scale, and to code what is hidden.
_SPEEDS, _EFFORTS = (6, 6, 9), (2, 4, 6)


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
    tried = _TriedScales(picture, capacity - _HEAD_BYTES - _PICTURE_BYTES, step)
    # The scale that usually suits this number of bytes best.
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
        """Return the PSNR in 10 bits, in dB; −1 if the scale is too bad in 8 bits to be the best in 10."""
        return tried.thorough(scale, fast=True) if tried.quick(scale) > best - _MORE_IN_10_BITS else -1.0

    if tried.pixels(scale) <= max(_SIZES) and any(compared(other) >= 0 for other in _beside(scale, 1)):
        scale = _climb(compared, scale, 1)
    tried.thorough(scale)
    return tried.best


class _TriedScales:
    """The scales tried for a picture, each coded into at most `most` bytes. PSNRs in dB are −1 if nothing fits."""

    def __init__(self, picture: np.ndarray, most: int, step: Callable[[int, int], None]) -> None:
        self.most, self._picture, self._step = most, picture, step
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
        near = min(self._qualities, key=lambda other: abs(other - scale), default=None)
        first = None if near is None else self._qualities[near] + round(_PER_SCALE * (scale - near))
        psnr_found, quality = self._tried(scale, BareCoder.quick(_SPEEDS[self._size(scale)]), first)
        if quality is not None:
            self._qualities[scale] = quality
        return psnr_found

    def thorough(self, scale: int, fast: bool = False) -> float:
        """Return the PSNR in 10 bits. If `fast`, code with little effort, to compare scales."""
        coder = BareCoder.thorough(max(_EFFORTS) if fast else _EFFORTS[self._size(scale)])
        near = min(self._targets, key=lambda other: abs(other - scale), default=None)
        psnr_found, target = self._tried(scale, coder, self._targets.get(near))
        if target is not None:
            self._targets[scale] = target
        return psnr_found

    def _size(self, scale: int) -> int:
        return bisect(_SIZES, self.pixels(scale))

    def _tried(self, scale: int, coder: BareCoder, first: int | None) -> tuple[float, int | None]:
        """Return the PSNR at a scale, and the coder's setting if anything fits."""
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
    """Return a side at a scale: divided by 2^(scale/4), rounded, at least 1."""
    return max(1, math.floor(side * 2 ** (-scale / _PER_HALF) + 0.5))


def _climb(quality: Callable[[int], float], scale: int, reach: int) -> int:
    """Return the best scale nearby, in steps of `reach`."""
    while True:
        best = max((scale, *_beside(scale, reach)), key=quality)
        if best == scale:
            return scale
        scale = best


def _beside(scale: int, reach: int) -> list[int]:
    """Return the scales `reach` steps away."""
    return [each for each in (scale - reach, scale + reach) if 0 <= each <= _SMALLEST]


def _decoded(data: bytes, height: int, width: int, scale: int, depth: int) -> np.ndarray:
    """Return the picture, (height, width, 3) uint8, from its AV1 data at a scale; errors as `decode_bare`."""
    return resize(decode_bare(data, _scaled(height, scale), _scaled(width, scale), depth), height, width)


# Search


class RobustCarrier(ABC):
    """A cover that carries records: one in a picture, one for each group of frames in a film."""

    attempts: int  # at most
    copies = 1  # copies of the content, at most, if they fit
    head = 0  # bytes of a record that hold no content
    least = 1  # bytes of capacity below which nothing is tried
    together = 1  # blocks that a codec codes as one
    spared: float  # factor of the highest rate, where blocks are spared
    uneven: float  # relative loss of rate where few blocks are used, times the root of their number
    blocks: int  # of a record
    shares: range  # numbers of the shares of blocks that may be used; the first is the largest share
    textured = False  # whether the blocks of a share are chosen by texture
    channel: Channel
    point: OperatingPoint
    context: Context
    capacity: int  # bytes of content in the container

    def hide(self, fit: Callable[[int], bytes]) -> None:
        """Hide content so that it survives the channel.

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
        """Return the bytes of content in each record at these rates."""
        textured = self.textured and share > 0
        most = (content_capacity(self.blocks, self.point, max(rate, LOWEST), share, textured) for rate in rates)
        return [max(each - self.head, 0) if rate >= LOWEST else 0 for each, rate in zip(most, rates, strict=True)]

    def rates_and_share(self, rates: Sequence[int], wanted: int) -> tuple[list[int], int]:
        """Return the lowest rates, and the number of the smallest share of blocks, that hold `wanted` bytes.

        So a small file survives worse channels than the promised one. No rate exceeds the given one. Where blocks are
        spared, rates stay below `spared` of it, and lower still the fewer blocks there are, since some carry little.
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
        """Return the highest rate that this share of the blocks bears, if the largest share bears `rate`; or 0."""
        if share == self.shares[0]:
            return rate
        places = record_places(self.blocks, self.point, share, self.textured)
        used = places / self.point.bits / self.together
        bearable = int(rate * self.spared * (1 - self.uneven / math.sqrt(used))) if used else 0
        return bearable if bearable >= LOWEST else 0

    @abstractmethod
    def measured(self) -> list[int]:
        """Return the rate of each record, in 64ths, at which a simulation recovers random bits, less a margin."""

    @abstractmethod
    def embed(self, content: bytes, rates: Sequence[int], share: int) -> None:
        """Make the container that is tried next."""

    @abstractmethod
    def failed(self) -> set[int]:
        """Return the records of the container that are not recovered, or only barely."""

    @abstractmethod
    def lowered(self, rates: list[int], share: int, failed: set[int], attempt: int) -> list[int]:
        """Return the rates of the next attempt, after some records failed at this share. May change `shares`."""

    @abstractmethod
    def refusal(self) -> CapacityError:
        """Return the error to raise if nothing is recovered."""


class RobustContainer(NewContainer, Carrier):
    """A new container whose secret survives a channel: the file unchanged, or a copy that is compressed to fit."""

    file: HiddenFile  # the file that was fitted last
    space = taken = 0  # bytes of content available, and taken

    def __init__(self, payload: Payload, carrier: RobustCarrier) -> None:
        self.payload, self.carrier = payload, carrier

    def content(self, space: int) -> bytes:
        """Return the secret as content of at most `space` bytes. Raises CapacityError if it does not fit."""
        self.space = space
        self.file = self.payload.fit(self, self.carrier.context)
        with reading(self.file.file):
            content = self.content_of(self.file.file.read_bytes())
        self.taken = len(content)
        return content

    def content_of(self, data: bytes) -> bytes:
        """Return content that hides the bytes of `file`."""
        return file_content(self.file.name, data)

    def capacity(self, name: str) -> int:
        return self.space - file_bytes(name, 0)

    def notes(self) -> tuple[str, ...]:
        """Return lines on what is hidden, on the channel and on the cover."""
        lines = (self.file.line,) if self.file.unchanged else self.notes_on_copy()
        channel = self.carrier.channel
        search = (Text("a cropped copy is revealed with ", Setting("search", True)),) if channel.cropped else ()
        return *lines, f"survives: {channel}; not: {channel.limits}", *search, *self.notes_on_cover()

    def notes_on_copy(self) -> tuple[str, ...]:
        """Return lines on the compressed copy."""
        return self.file.notes

    @abstractmethod
    def notes_on_cover(self) -> tuple[str, ...]:
        """Return lines on the cover."""

    def figures(self) -> dict[str, Any]:
        """Return figures of what is hidden."""
        return {"hidden_bytes": self.taken, "capacity": self.space, "survives": str(self.carrier.channel)}
