"""Groups of frames that survive H.264: how they carry bits, and what each holds (docs/format.md).

A film is cut into groups of 48 frames. Each is a robust container of its own, with its own salt, header and record. The
record of a group holds a piece of the message, and the message starts again where it ends: a film with enough capacity
holds it twice.

Bits are in the phases of DCT coefficients: quantisation index modulation with dither (QIM; Chen and Wornell 2001, IEEE
Trans. Inf. Theory 47, equation 20). In the first frame of each *run* the phases are set exactly. The frames between
inherit the changes along the film's motion; an encoder predicts them, so that only the first frame costs it more.

Each film is hidden with a random *variant* of its key, so that two films of one scene don't share their places.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from stegnet import video
from stegnet.core.pixels import BLOCK, COSINES, by_block
from stegnet.keys import KeySource, Randomness
from stegnet.methods.robust.block_placement import BlockPlacement
from stegnet.methods.robust.grid import hidden_area, region_means
from stegnet.methods.robust.operating_points import FINEST, MIDDLE, OperatingPoint
from stegnet.methods.robust.robust_record import group_dither, record_signs, robust_header, robust_key
from stegnet.sealing import size_bytes
from stegnet.sealing.content_salts import salts_of
from stegnet.sealing.fec import information

if TYPE_CHECKING:
    from stegnet.video.motion import Motion

VARIANTS = 32
NUMBER_BYTES = 4  # of a position in a message, and of its size
DIGEST_BYTES = 8
HEAD_BYTES = 2 * NUMBER_BYTES + DIGEST_BYTES
_MOST = 16  # coefficients of a block that carry bits in films
FREQUENCIES = tuple(divmod(place, BLOCK) for place in FINEST[:_MOST])  # vertical and horizontal
# (64, coefficients) float32: the basis of the coefficients above.
_BASIS = np.ascontiguousarray(np.kron(COSINES, COSINES)[FINEST[:_MOST]].T.astype(np.float32))


# Bits in phases


def exact_luma(frame: np.ndarray) -> np.ndarray:
    """Return the luma of a frame, (H, W, 3) uint8, in levels: (H, W) float32."""
    red, green, blue = np.array([0.2126, 0.7152, 0.0722], np.float32)  # weights of ITU-R BT.709
    levels: np.ndarray = frame[..., 0] * red + frame[..., 1] * green + frame[..., 2] * blue
    return levels


def luma(frame: np.ndarray) -> np.ndarray:
    """Return the luma of a frame, (H, W, 3) uint8, rounded: (H, W) uint8."""
    rounded: np.ndarray = np.rint(exact_luma(frame)).astype(np.uint8)
    return rounded


def dct_coefficients(luma: np.ndarray, count: int = _MOST) -> np.ndarray:
    """Return the first `count` coefficients that may carry bits, (blocks, count) float32 in levels.

    The luma is (H, W).
    """
    values: np.ndarray = (by_block(luma).reshape(-1, BLOCK**2) - MIDDLE) @ _BASIS[:, :count]
    return values


def qim_change(frame: np.ndarray, signs: np.ndarray, dither: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """Return the change of a frame's luma that makes it carry the bits of a run: (H, W) float32, in levels.

    Each coefficient moves to the nearest value whose phase is a quarter of a period ahead of the dither for a bit of 1,
    and behind for a bit of 0.

    Args:
        frame: (H, W, 3) uint8, of whole blocks.
        signs: −1 or 1, and 0 where nothing is hidden, (blocks, coefficients).
        dither: dither in periods, (blocks, coefficients).
        point: operating point: its coefficients, and their periods in levels.
    """
    quarter = np.float32(0.25)
    away = quarter * signs + dither - dct_coefficients(exact_luma(frame), point.coefficients) / point.periods
    moved = np.abs(signs) * (away - np.rint(away)) * point.periods
    height, width, _ = frame.shape
    blocks = (moved @ _BASIS[:, : point.coefficients].T).reshape(height // BLOCK, width // BLOCK, BLOCK, BLOCK)
    change: np.ndarray = blocks.swapaxes(1, 2).reshape(height, width)
    return change


def sines(frames: Sequence[np.ndarray], dither: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """Return the sines of the phases of a group's bits, (blocks, bits): ideally 1 for a bit of 1 and −1 for a bit of 0.

    Args:
        frames: coefficients of the first frame of each run, (blocks, at least `point.coefficients`) float32 each.
        dither: (blocks, bits), in periods.
        point: operating point of the group.
    """
    values = np.concatenate([frame[:, : point.coefficients] for frame in frames], 1)
    return sines_of(values, np.tile(point.periods, len(frames)), dither)


def sines_of(values: np.ndarray, periods: np.ndarray, dither: np.ndarray) -> np.ndarray:
    """Return the sines of the phases of coefficients, float32, given their periods and dithers, as `sines`."""
    phases = values / periods
    phases -= dither
    phases *= np.float32(2 * np.pi)
    found: np.ndarray = np.sin(phases, phases)
    return found


def sureness(right: np.ndarray) -> tuple[float, float]:
    """Return the log-likelihood ratio of a sine of 1, and a bit's information at it.

    Args:
        right: sines that are 1 if right.
    """
    candidates = [2.0**power for power in np.arange(-4, 3.1, 0.25)]
    amounts = [information(right * candidate) for candidate in candidates]
    best = int(np.argmax(amounts))
    return candidates[best], amounts[best]


# Hiding


@dataclass(frozen=True)
class FrameSignal:
    """The data of one frame from which its group is read."""

    shape: tuple[int, int]  # rows and columns of blocks
    sizes: bytes  # height and width, as they are hashed
    luma: np.ndarray  # (8 · rows, 8 · columns) uint8
    means: np.ndarray  # mean luma of each region in levels

    @cached_property
    def coefficients(self) -> np.ndarray:
        """Coefficients of all blocks, (rows · columns, MOST) float32."""
        return dct_coefficients(self.luma)


def signal_of(frame: np.ndarray) -> FrameSignal:
    """Return the signal of a frame, (H, W, 3) uint8 of at least one block."""
    area = hidden_area(frame)
    shape = area.shape[0] // BLOCK, area.shape[1] // BLOCK
    return FrameSignal(shape, size_bytes(*frame.shape[:2]), luma(area), region_means(area))


def salts_of_group(signals: Sequence[FrameSignal]) -> Iterator[bytes]:
    """Yield the salts that a group may have had, the likeliest first."""
    return salts_of_means([signal.means for signal in signals], signals[0].sizes)


def salts_of_means(means: Sequence[np.ndarray], sizes: bytes, rise: float = 0) -> Iterator[bytes]:
    """Yield salts of a group that gets `rise` levels brighter, given its frames' mean lumas; as `salts_of_group`."""
    total = means[0]
    for frame_means in means[1:]:
        total = total + frame_means
    near = 1.0  # levels by which codecs may move a mean across an edge
    return salts_of(b"stegnet/1/robust/film/salt" + sizes, total / len(means) + rise, near=near)


def pieces_of(message: bytes, capacities: Iterable[int]) -> Iterator[bytes]:
    """Yield the content of each group: the part of the message that fits, continued in the next group."""
    tail = len(message).to_bytes(NUMBER_BYTES, "big") + sha256(message).digest()[:DIGEST_BYTES]
    start = 0
    for capacity in capacities:
        part = message[start : start + capacity]
        yield start.to_bytes(NUMBER_BYTES, "big") + tail + part
        start = (start + len(part)) % len(message)


@dataclass(frozen=True)
class GroupContent:
    """Input of a group."""

    content: bytes  # as `pieces_of` yields it
    rate: int  # code rate in 64ths
    nonce: bytes  # 7 random bytes, fresh for each group
    variant: int = 0  # of the key, fresh for each film
    share: int = 0  # number of the share of blocks that are used
    rise: float = 0  # levels by which the channel brightens the frames, about


def hide_in_group(
    frames: Sequence[np.ndarray],
    point: OperatingPoint,
    given: GroupContent,
    key_source: KeySource,
    motion: Sequence["Motion"] | None = None,
) -> list[np.ndarray]:
    """Hide content in a group of frames, (H, W, 3) uint8 each; `motion` as in `modulated`."""
    height, width = frames[0].shape[:2]
    sizes = size_bytes(height, width)
    carrying = list(frames)
    salt = b""
    for _ in range(3):  # hiding may move a mean across an edge, which changes the salt
        means = [region_means(hidden_area(frame)) for frame in carrying]
        salts = list(salts_of_means(means, sizes))
        if salt in salts:
            break
        risen = next(salts_of_means(means, sizes, given.rise))
        salt = risen if risen in salts else salts[0]
        key = robust_key(key_source, salt)
        shape = height // BLOCK, width // BLOCK
        placement = BlockPlacement(shape, point, key, salt_of_variant(salt, given.variant))
        signs = record_signs(placement, given.rate, given.content, given.nonce, given.share)
        dither = group_dither(placement, robust_header(given.rate, given.share, given.nonce))
        carrying = modulated(frames, signs, dither, point, motion)
    return carrying


def modulated(
    frames: Sequence[np.ndarray],
    signs: np.ndarray,
    dither: np.ndarray,
    point: OperatingPoint,
    motion: Sequence["Motion"] | None = None,
) -> list[np.ndarray]:
    """Return a group of frames, (H, W, 3) uint8 each, that carries bits. Red, green and blue of a pixel change alike.

    Args:
        frames: the frames of the group, (H, W, 3) uint8 each.
        signs: (rows, cols, bits) float32, −1 or 1; 0 in blocks that stay as they are.
        dither: (rows · cols, bits), in periods.
        point: operating point of the group.
        motion: motion of each frame; None: nothing moves.
    """
    count = point.bits // point.coefficients  # runs
    areas = [hidden_area(frame) for frame in frames]
    signs_of_runs = signs.reshape(-1, count, point.coefficients).swapaxes(0, 1)
    dither_of_runs = dither.reshape(-1, count, point.coefficients).swapaxes(0, 1)
    starts = zip(areas[:: point.run], signs_of_runs, dither_of_runs, strict=True)
    changes = [qim_change(area, run_signs, run_dither, point) for area, run_signs, run_dither in starts]
    # By the frames since a carrying one: its weight, against the next, in the change of a frame between them.
    weights = 1, 0.5, 0

    carrying = []
    for index, frame in enumerate(frames):
        run, behind = divmod(index, point.run)
        change = changes[run]
        if behind:
            moves = motion[index] if motion else video.Motion.none(signs.shape[:2])
            following = changes[run + 1] if run + 1 < count else None
            change = moves.follow(change, following, weights[behind - 1])
        carrying.append(frame.copy(order="C"))
        levels = np.rint(change).astype(np.int16)[..., None] + areas[index]
        hidden_area(carrying[-1])[:] = np.clip(levels, 0, 255)
    return carrying


def new_variant(randomness: Randomness) -> int:
    """Draw the variant of a film."""
    return randomness(1)[0] % VARIANTS


def salt_of_variant(salt: bytes, variant: int) -> bytes:
    """Return the salt of all subkeys of a group, given the salt from which a passphrase's key is derived."""
    return salt + bytes([variant])
