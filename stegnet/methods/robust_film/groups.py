"""Groups of frames that survive H.264: their bits, and what a film's groups hold (docs/format.md, "Robust films").

A film is cut into groups of 48 frames, each a robust container of its own with its own salt, header and record. The
record of a group holds a piece of the message, which begins anew where it ends: a film with room for it holds it twice.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np

from stegnet.core.jpeg import BLOCK
from stegnet.keys import KeySource
from stegnet.methods.robust import (
    Blocks,
    Rung,
    coded_bits,
    content_room,
    hidden_area,
    make_header,
    region_means,
    robust_key,
    salts_of,
    used_blocks,
)
from stegnet.methods.robust_film.modem import FilmModem
from stegnet.methods.robust_film.phases import GROUP, Dither, coefficients, luma
from stegnet.methods.robust_film.variants import salt_of_variant
from stegnet.sealing import size_bytes

NUMBER, DIGEST = 4, 8  # bytes
HEAD_BYTES = 2 * NUMBER + DIGEST
MOST_MESSAGE = 1 << 25  # bytes
_TRIES = 3
_STEP, _NEAR = 16, 1.0  # levels, of the salt, as in `salts_of`


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
    return salts_of(b"stegnet/2/robust/film/salt" + signals[0].sizes, means, _STEP, _NEAR)


def group_room(shape: tuple[int, int], rung: Rung, rate: int, share: int = 0) -> int:
    """Bytes of the message in a group; 0 if there is no room, or the rate is 0.

    Args:
        shape: rows and columns of blocks.
        share: number of the share of blocks that are used.
    """
    return max(content_room(shape[0] * shape[1], rung, rate, share) - HEAD_BYTES, 0) if rate else 0


def hidden_pixels(height: int, width: int, frames: int) -> int:
    """Pixels in the hidden areas of a film's groups."""
    return (height // BLOCK * BLOCK) * (width // BLOCK * BLOCK) * (frames // GROUP * GROUP)


def pieces_of(message: bytes, rooms: Iterable[int]) -> Iterator[bytes]:
    """The content of each group: as much of the message as it has room for, which goes on in the next."""
    start, tail = 0, len(message).to_bytes(NUMBER, "big") + sha256(message).digest()[:DIGEST]
    for room in rooms:
        part = message[start : start + room]
        yield start.to_bytes(NUMBER, "big") + tail + part
        start = (start + len(part)) % len(message)


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
    modem: FilmModem, frames: Sequence[np.ndarray], rung: Rung, given: GroupContent, key_source: KeySource
) -> list[np.ndarray]:
    """Hides content in a group of frames, (H, W, 3) uint8 each."""
    carrying, signals = list(frames), [signal_of(frame, bits=False) for frame in frames]
    shape, salt = signals[0].shape, b""
    for _ in range(_TRIES):  # hiding may move a mean over an edge
        salts = list(salts_of_group(signals))
        if salt in salts:
            break
        risen = next(salts_of_group(signals, given.rise))
        salt = risen if risen in salts else salts[0]
        blocks = Blocks(shape, rung, robust_key(key_source, salt), salt_of_variant(salt, given.variant))
        bits = coded_bits(blocks, given.rate, given.content, given.nonce, given.share)
        signs = (bits * np.float32(2) - 1) * used_blocks(blocks, given.nonce, given.share)[..., None]
        header = make_header(given.rate, given.share, given.nonce)
        dither = Dither(shape, modem.frames, blocks.key, blocks.salt, blocks.places.first, header)
        carrying = modulated(modem, frames, signs, dither, rung)
        signals = [signal_of(frame, bits=False) for frame in carrying]
    return carrying


def modulated(
    modem: FilmModem, frames: Sequence[np.ndarray], signs: np.ndarray, dither: Dither, rung: Rung
) -> list[np.ndarray]:
    """A group of frames that carries bits; arguments as `FilmModem.hide`."""
    carrying = [frame.copy(order="C") for frame in frames]
    changed = modem.hide([hidden_area(frame) for frame in frames], signs, dither, rung)
    for container, area in zip(carrying, changed, strict=True):
        hidden_area(container)[:] = area
    return carrying
