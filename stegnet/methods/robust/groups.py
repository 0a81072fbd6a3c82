"""Groups of frames that survive H.264: their bits, and what a film's groups hold (docs/format.md, "Robust films").

A film is cut into groups of 48 frames, each a robust container of its own with its own salt, header and record. The
record of a group holds a piece of the message, which begins anew where it ends: a film with room for it holds it twice.
The frames between those that carry bits take over their changes along the film's motion, which an encoder predicts, so
that only the first frame of each run costs it more.

A film is hidden with a *variant* of its key, drawn anew, so that two films of one scene share no places. A reader tells
which one from the header: copies of its bits agree better than by chance.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Self

import numpy as np

from stegnet.core.blocks import BLOCK
from stegnet.keys import Key, KeySource, Randomness
from stegnet.methods.robust.places import Blocks
from stegnet.methods.robust.qim import FREQUENCIES, GROUP, OperatingPoint, changed, coefficients, luma, sines_of
from stegnet.methods.robust.record import (
    group_dither,
    header_dither,
    header_evidence,
    header_signs,
    make_header,
    record_signs,
    robust_key,
)
from stegnet.methods.robust.regions import hidden_area, region_means, salts_of
from stegnet.sealing import size_bytes
from stegnet.video.motion import Motion

_NUMBER, _DIGEST = 4, 8  # bytes
HEAD_BYTES = 2 * _NUMBER + _DIGEST
_MOST_MESSAGE = 1 << 25  # bytes
_TRIES = 3
_EARLIER = 1, 0.5, 0  # share of the earlier one of two carrying frames in the changes of those between
_NEAR = 1.0  # levels, of the salt, as in `salts_of`
VARIANTS = 32
_BITS = 4608  # of a header, by which its variant is found


@dataclass(frozen=True)
class FrameSignal:
    """Signal of a frame that groups are read from.

    Attributes:
        shape: rows and columns of blocks.
        sizes: height and width, as they are hashed.
        luma: (8 · rows, 8 · columns) uint8; None if no bits are read from it.
        means: (n,) float64, mean luma of each region in levels.
    """

    shape: tuple[int, int]
    sizes: bytes
    luma: np.ndarray | None
    means: np.ndarray

    @cached_property
    def coefficients(self) -> np.ndarray:
        """Those of all blocks, (rows · columns, MOST) float32."""
        return coefficients(self.luma)


def signal_of(frame: np.ndarray, *, bits: bool = True) -> FrameSignal:
    """The signal of a frame, (H, W, 3) uint8 of at least one block.

    Args:
        bits: whether they will be read; otherwise the signal only has what gives the salt.
    """
    area = hidden_area(frame)
    shape = area.shape[0] // BLOCK, area.shape[1] // BLOCK
    return FrameSignal(shape, size_bytes(*frame.shape[:2]), luma(area) if bits else None, region_means(area))


def salts_of_group(signals: Sequence[FrameSignal], rise: float = 0) -> Iterator[bytes]:
    """The salts that a group may have had before a codec changed it, or, if it rises by so many levels, may get.

    The likeliest comes first.
    """
    means = sum(signal.means for signal in signals) / len(signals) + rise
    return salts_of(b"stegnet/2/robust/film/salt" + signals[0].sizes, means, near=_NEAR)


def hidden_pixels(height: int, width: int, frames: int) -> int:
    """Pixels in the hidden areas of a film's groups."""
    return (height // BLOCK * BLOCK) * (width // BLOCK * BLOCK) * (frames // GROUP * GROUP)


def pieces_of(message: bytes, rooms: Iterable[int]) -> Iterator[bytes]:
    """The content of each group: as much of the message as it has room for, which goes on in the next."""
    start, tail = 0, len(message).to_bytes(_NUMBER, "big") + sha256(message).digest()[:_DIGEST]
    for room in rooms:
        part = message[start : start + room]
        yield start.to_bytes(_NUMBER, "big") + tail + part
        start = (start + len(part)) % len(message)


@dataclass
class Pieces:
    """The pieces of a message that were found.

    Attributes:
        digest: start of the message's SHA-256.
        data: (size,) uint8.
        known: (size,) bool.
        groups: number of pieces.
    """

    digest: bytes
    data: np.ndarray
    known: np.ndarray
    groups: int = 0

    @property
    def message(self) -> bytes | None:
        """The message, if it is whole."""
        data = self.data.tobytes()
        return data if self.known.all() and sha256(data).digest()[:_DIGEST] == self.digest else None

    @property
    def share(self) -> float:
        """Share of the bytes that is known."""
        return float(self.known.mean())


def add_piece(found: dict[bytes, Pieces], content: bytes) -> None:
    """Adds the content of a group to the messages that were found, each by its name."""
    start, size = (int.from_bytes(content[at : at + _NUMBER], "big") for at in (0, _NUMBER))
    if not start < size <= _MOST_MESSAGE:
        return
    name = content[_NUMBER:HEAD_BYTES]
    pieces = found.setdefault(name, Pieces(name[_NUMBER:], np.zeros(size, np.uint8), np.zeros(size, bool)))
    part = np.frombuffer(content, np.uint8)[HEAD_BYTES : HEAD_BYTES + size - start]
    pieces.data[start : start + part.size] = part
    pieces.known[start : start + part.size] = True
    pieces.groups += 1


@dataclass(frozen=True)
class GroupContent:
    """Input of a group.

    Attributes:
        content: of `pieces_of`.
        rate: of the code, in 64ths.
        nonce: 7 random bytes, fresh for each group.
        variant: of the key, fresh for each film.
        share: number of the share of blocks that are used.
        rise: levels by which the channel makes the frames brighter, about.
    """

    content: bytes
    rate: int
    nonce: bytes
    variant: int = 0
    share: int = 0
    rise: float = 0


def hide_in_group(
    frames: Sequence[np.ndarray],
    point: OperatingPoint,
    given: GroupContent,
    key_source: KeySource,
    motion: Sequence[Motion] | None = None,
) -> list[np.ndarray]:
    """Hides content in a group of frames, (H, W, 3) uint8 each; `motion` as in `modulated`."""
    carrying, signals = list(frames), [signal_of(frame, bits=False) for frame in frames]
    shape, salt = signals[0].shape, b""
    for _ in range(_TRIES):  # hiding may move a mean over an edge
        salts = list(salts_of_group(signals))
        if salt in salts:
            break
        risen = next(salts_of_group(signals, given.rise))
        salt = risen if risen in salts else salts[0]
        blocks = Blocks(shape, point, robust_key(key_source, salt), salt_of_variant(salt, given.variant))
        signs = record_signs(blocks, given.rate, given.content, given.nonce, given.share)
        dither = group_dither(blocks, make_header(given.rate, given.share, given.nonce))
        carrying = modulated(frames, signs, dither, point, motion)
        signals = [signal_of(frame, bits=False) for frame in carrying]
    return carrying


def modulated(
    frames: Sequence[np.ndarray],
    signs: np.ndarray,
    dither: np.ndarray,
    point: OperatingPoint,
    motion: Sequence[Motion] | None = None,
) -> list[np.ndarray]:
    """A group of frames that carries bits; red, green and blue of a pixel change alike.

    Args:
        frames: (H, W, 3) uint8 each.
        signs: (rows, cols, bits) float32, −1 or 1; 0 in blocks that stay as they are.
        dither: (rows · cols, bits), in periods.
        motion: of each frame; None: nothing moves.
    """
    shape, runs = signs.shape[:2], range(point.bits // point.coefficients)
    areas = [hidden_area(frame) for frame in frames]
    of_runs = (values.reshape(-1, len(runs), point.coefficients).swapaxes(0, 1) for values in (signs, dither))
    changes = [changed(area, *run, point) for area, *run in zip(areas[:: point.run], *of_runs, strict=True)]
    carrying = []
    for index, frame in enumerate(frames):
        run, behind = divmod(index, point.run)
        change = changes[run]
        if behind:
            moves = motion[index] if motion else Motion.none(shape)
            after = changes[run + 1] if run + 1 in runs else None
            change = moves.follow(change, after, _EARLIER[behind - 1])
        carrying.append(frame.copy(order="C"))
        levels = np.rint(change).astype(np.int16)[..., None] + areas[index]
        hidden_area(carrying[-1])[:] = np.clip(levels, 0, 255)
    return carrying


def new_variant(randomness: Randomness) -> int:
    """The variant of a film."""
    return randomness(1)[0] % VARIANTS


def variant_of(salt: bytes) -> int:
    """The variant of a salt of `salt_of_variant`."""
    return salt[-1]


def salt_of_variant(salt: bytes, variant: int) -> bytes:
    """The salt of all subkeys of a group, given the one from which a passphrase's key follows."""
    return salt + bytes([variant])


@dataclass(frozen=True)
class Headers:
    """Headers of one point in a group of frames, for each variant of a key: their first bits.

    Attributes:
        point: theirs.
        places: (VARIANTS, h) int, where each bit is in the coefficients of all blocks, frame by frame.
        dither: (VARIANTS, h) float32, theirs, in periods.
        signs: (VARIANTS, h), factors of their sines.
    """

    point: OperatingPoint
    places: np.ndarray
    dither: np.ndarray
    signs: np.ndarray

    @classmethod
    def of(cls, point: OperatingPoint, shape: tuple[int, int], key: Key, salt: bytes) -> Self:
        """The headers at a point in rows and columns of blocks."""
        each = [Blocks(shape, point, key, salt_of_variant(salt, variant)) for variant in range(VARIANTS)]
        orders = np.stack([blocks.header_order(_BITS) for blocks in each])
        blocks, bits = np.divmod(orders, point.bits)
        runs, coefficients = np.divmod(bits, point.coefficients)
        blocks = np.take_along_axis(np.stack([some.first for some in each]), blocks, 1)
        dither = [
            header_dither(key, some.salt, some.first.size, point.bits).reshape(-1)[order]
            for some, order in zip(each, orders, strict=True)
        ]
        signs = np.stack([header_signs(key, some.salt, orders.shape[1]) for some in each])
        numbers = (runs * (shape[0] * shape[1]) + blocks) * len(FREQUENCIES) + coefficients
        return cls(point, numbers.astype(np.int32), np.stack(dither), signs)

    def evidence(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """By how many standard deviations the copies agree better than by chance, (VARIANTS,) float.

        Args:
            frames: the coefficients of all blocks of the first frame of each run, (blocks, FREQUENCIES) float32.
        """
        values = np.concatenate(frames).reshape(-1)[self.places]
        sines = sines_of(values, self.point.periods[self.places % len(FREQUENCIES)], self.dither)
        return header_evidence(sines * self.signs)
