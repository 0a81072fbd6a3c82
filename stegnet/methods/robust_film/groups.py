"""Groups of frames that survive H.264: their bits, and what a film's groups hold (docs/format.md, "Robust films").

A film is cut into groups of 48 frames, each a robust container of its own with its own salt, header and record. The
record of a group holds a piece of the message, which begins anew where it ends: a film with room for it holds it twice.
The frames between those that carry bits take over their changes along the film's motion, which an encoder predicts, so
that only the first frame of each run costs it more.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np

from stegnet.core.jpeg import BLOCK
from stegnet.keys import KeySource
from stegnet.media.films.motion import Motion
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
from stegnet.methods.robust_film.phases import GROUP, changed, coefficients, dither_of, luma
from stegnet.methods.robust_film.variants import salt_of_variant
from stegnet.sealing import size_bytes

NUMBER, DIGEST = 4, 8  # bytes
HEAD_BYTES = 2 * NUMBER + DIGEST
MOST_MESSAGE = 1 << 25  # bytes
_TRIES = 3
_EARLIER = 1, 0.5, 0  # share of the earlier one of two carrying frames in the changes of those between
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
    frames: Sequence[np.ndarray],
    rung: Rung,
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
        blocks = Blocks(shape, rung, robust_key(key_source, salt), salt_of_variant(salt, given.variant))
        bits = coded_bits(blocks, given.rate, given.content, given.nonce, given.share)
        signs = (bits * np.float32(2) - 1) * used_blocks(blocks, given.nonce, given.share)[..., None]
        dither = dither_of(blocks, make_header(given.rate, given.share, given.nonce))
        carrying = modulated(frames, signs, dither, rung, motion)
        signals = [signal_of(frame, bits=False) for frame in carrying]
    return carrying


def modulated(
    frames: Sequence[np.ndarray],
    signs: np.ndarray,
    dither: np.ndarray,
    rung: Rung,
    motion: Sequence[Motion] | None = None,
) -> list[np.ndarray]:
    """A group of frames that carries bits; red, green and blue of a pixel change alike.

    Args:
        frames: (H, W, 3) uint8 each.
        signs: (rows, cols, bits) float32, −1 or 1; 0 in blocks that stay as they are.
        dither: (rows · cols, bits), in periods.
        motion: of each frame; None: nothing moves.
    """
    shape, runs = signs.shape[:2], range(rung.bits // rung.coefficients)
    areas = [hidden_area(frame) for frame in frames]
    of_runs = (values.reshape(-1, len(runs), rung.coefficients).swapaxes(0, 1) for values in (signs, dither))
    changes = [changed(area, *run, rung) for area, *run in zip(areas[:: rung.run], *of_runs, strict=True)]
    carrying = []
    for index, frame in enumerate(frames):
        run, behind = divmod(index, rung.run)
        change = changes[run]
        if behind:
            moves = motion[index] if motion else Motion.none(shape)
            after = changes[run + 1] if run + 1 in runs else None
            change = moves.follow(change, after, _EARLIER[behind - 1])
        carrying.append(frame.copy(order="C"))
        levels = np.rint(change).astype(np.int16)[..., None] + areas[index]
        hidden_area(carrying[-1])[:] = np.clip(levels, 0, 255)
    return carrying
