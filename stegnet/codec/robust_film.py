"""Groups of frames that survive H.264: their bits, and what a film's groups hold (docs/format.md, "Robust films").

A film is cut into groups of 48 frames, each a robust container of its own with its own salt, header and record. The
record of a group holds a piece of the message, which begins anew where it ends: a film with room for it holds it twice.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import islice

import numpy as np

from stegnet.codec.carriers import size_bytes
from stegnet.codec.film_modem import GROUP, RUN, RUNGS, FilmRung, changed, coefficients, film_ratios, sureness
from stegnet.codec.keys import Key, KeySource
from stegnet.codec.modem import BLOCK
from stegnet.codec.robust import (
    Reading,
    coded_bits,
    content_room,
    dither_of,
    hidden_area,
    read_bits,
    region_means,
    robust_key,
    salts_of,
)

_NUMBER, _DIGEST = 4, 8  # bytes
HEAD_BYTES = 2 * _NUMBER + _DIGEST
MOST_MESSAGE = 1 << 25  # bytes
_SEARCHED = 2  # groups at the start of a film of which some frames were lost
_TRIES = 3

Frames = Callable[[], Generator[np.ndarray, None, None]]


@dataclass(frozen=True)
class FrameSignal:
    """Signal of a frame that groups are read from.

    Attributes:
        shape: rows and columns of blocks.
        sizes: height and width, as they are hashed.
        coefficients: (blocks, MOST) float32.
        means: (n,) float64, mean luma of each region in levels.
    """

    shape: tuple[int, int]
    sizes: bytes
    coefficients: np.ndarray
    means: np.ndarray


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


def signal_of(frame: np.ndarray) -> FrameSignal:
    """The signal of a frame, (H, W, 3) uint8 of at least one block."""
    area = hidden_area(frame)
    shape = area.shape[0] // BLOCK, area.shape[1] // BLOCK
    return FrameSignal(shape, size_bytes(*frame.shape[:2]), coefficients(area), region_means(area))


def group_room(shape: tuple[int, int], rung: FilmRung, rate: int) -> int:
    """Bytes of the message in a group; 0 if there is no room, or the rate is 0.

    Args:
        shape: rows and columns of blocks.
    """
    return max(content_room(shape[0] * shape[1], rung.bits, rate) - HEAD_BYTES, 0) if rate else 0


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


def hide_in_group(
    frames: Sequence[np.ndarray], rung: FilmRung, rate: int, content: bytes, key_source: KeySource, nonce: bytes
) -> list[np.ndarray]:
    """Hides content in a group of frames, (H, W, 3) uint8 each.

    Args:
        content: of `pieces_of`.
        nonce: 7 random bytes, fresh for each hiding.
    """
    carrying, signals = list(frames), [signal_of(frame) for frame in frames]
    shape, salt = signals[0].shape, b""
    for _ in range(_TRIES):  # hiding may move a mean over an edge
        salts = list(_salts(signals))
        if salt in salts:
            break
        salt = salts[0]
        key = robust_key(key_source, salt)
        bits = coded_bits(shape, rung.bits, rate, content, key, salt, nonce)
        carrying = modulated(frames, bits.reshape(-1, rung.bits.bits), _dither(shape, rung, key, salt), rung)
        signals = [signal_of(frame) for frame in carrying]
    return carrying


def modulated(frames: Sequence[np.ndarray], bits: np.ndarray, dither: np.ndarray, rung: FilmRung) -> list[np.ndarray]:
    """A group of frames that carries bits, 0 or 1; bits and dither are (blocks, RUNS · coefficients)."""
    carrying = []
    for index, frame in enumerate(frames):
        first = index // RUN * rung.coefficients
        run = slice(first, first + rung.coefficients)
        container = frame.copy(order="C")
        hidden_area(container)[:] = changed(hidden_area(frame), bits[:, run], dither[:, run], rung)
        carrying.append(container)
    return carrying


def read_film(frames: Frames, key_source: KeySource, step: Callable[[int], None] = lambda done: None) -> Pieces | None:
    """The message of a film, or what is left of it; None if nothing opens with this key.

    Where no group is at its place, some of the first frames may have been lost: then the others are searched for.

    Args:
        frames: decodes all frames from the start.
        step: called after each frame with the number of frames read.
    """
    key_of = cache(lambda salt: robust_key(key_source, salt))
    found = _collect(frames, 0, key_of, step)
    if not found:
        offset = _find_offset(frames, key_of)
        found = _collect(frames, offset, key_of, step) if offset else {}
    return max(found.values(), key=lambda pieces: pieces.share, default=None)


def read_groups(
    frames: Iterable[np.ndarray], key_of: Callable[[bytes], Key], step: Callable[[int], None]
) -> Iterator[Reading | None]:
    """Readings of each group of frames in order; frames that are left over are ignored."""
    group: list[FrameSignal] = []
    for done, frame in enumerate(frames, 1):
        group.append(signal_of(frame))
        step(done)
        if len(group) == GROUP:
            yield _open_group(group, key_of)
            group = []


def _collect(
    frames: Frames, offset: int, key_of: Callable[[bytes], Key], step: Callable[[int], None]
) -> dict[bytes, Pieces]:
    """The pieces of each message in a film."""
    found: dict[bytes, Pieces] = {}
    with closing(frames()) as decoded:
        for reading in read_groups(islice(decoded, offset, None), key_of, step):
            if reading is not None:
                _add_piece(found, reading.content)
    return found


def _add_piece(found: dict[bytes, Pieces], content: bytes) -> None:
    start, size = (int.from_bytes(content[at : at + _NUMBER], "big") for at in (0, _NUMBER))
    if not start < size <= MOST_MESSAGE:
        return
    name = content[_NUMBER:HEAD_BYTES]
    pieces = found.setdefault(name, Pieces(name[_NUMBER:], np.zeros(size, np.uint8), np.zeros(size, bool)))
    part = np.frombuffer(content, np.uint8)[HEAD_BYTES : HEAD_BYTES + size - start]
    pieces.data[start : start + part.size] = part
    pieces.known[start : start + part.size] = True
    pieces.groups += 1


def _find_offset(frames: Frames, key_of: Callable[[bytes], Key]) -> int:
    """First frame of the first group that opens, less whole groups; 0 if none opens."""
    with closing(frames()) as decoded:
        signals = [signal_of(frame) for frame in islice(decoded, (_SEARCHED + 1) * GROUP - 1)]
    for start in range(1, len(signals) - GROUP + 1):
        if start % GROUP and _open_group(signals[start : start + GROUP], key_of) is not None:
            return start % GROUP
    return 0


def _open_group(signals: Sequence[FrameSignal], key_of: Callable[[bytes], Key]) -> Reading | None:
    shape, group = signals[0].shape, np.stack([signal.coefficients for signal in signals])
    for salt in _salts(signals):
        key = key_of(salt)
        for rung in RUNGS:
            ratios = film_ratios(group, _dither(shape, rung, key, salt), rung)
            reading = read_bits(ratios, shape, rung.bits, key, salt, sureness)
            if reading is not None:
                return reading
    return None


def _salts(signals: Sequence[FrameSignal]) -> Iterator[bytes]:
    """The salts that a group may have had before a codec changed it; the likeliest first."""
    means = sum(signal.means for signal in signals) / len(signals)
    return salts_of(b"stegnet/2/robust/film/salt" + signals[0].sizes, means)


def _dither(shape: tuple[int, int], rung: FilmRung, key: Key, salt: bytes) -> np.ndarray:
    """(blocks, RUNS · coefficients) float32 in [0, 1)."""
    return dither_of(shape, key, salt).reshape(shape[0] * shape[1], -1)[:, : rung.bits.bits]
