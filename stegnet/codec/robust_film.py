"""Groups of frames that survive H.264: their bits, and what a film's groups hold (docs/format.md, "Robust films").

A film is cut into groups of 48 frames, each a robust container of its own with its own salt, header and record. The
record of a group holds a piece of the message, which begins anew where it ends: a film with room for it holds it twice.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from itertools import islice

import numpy as np

from stegnet.codec.carriers import size_bytes
from stegnet.codec.film_modem import GROUP, Dither, FilmModem, FilmRung, header_ratios, luma
from stegnet.codec.keys import Key, KeySource
from stegnet.codec.modem import BLOCK
from stegnet.codec.robust import (
    Reading,
    coded_bits,
    content_room,
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
        luma: (8 · rows, 8 · columns) uint8.
        means: (n,) float64, mean luma of each region in levels.
    """

    shape: tuple[int, int]
    sizes: bytes
    luma: np.ndarray
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
    return FrameSignal(shape, size_bytes(*frame.shape[:2]), luma(area), region_means(area))


def group_room(shape: tuple[int, int], rung: FilmRung, rate: int) -> int:
    """Bytes of the message in a group; 0 if there is no room, or the rate is 0.

    Args:
        shape: rows and columns of blocks.
    """
    return max(content_room(shape[0] * shape[1], rung.group, rate) - HEAD_BYTES, 0) if rate else 0


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
    modem: FilmModem,
    frames: Sequence[np.ndarray],
    rung: FilmRung,
    rate: int,
    content: bytes,
    key_source: KeySource,
    nonce: bytes,
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
        bits = coded_bits(shape, rung.group, rate, content, key, salt, nonce)
        dither = Dither(shape, modem.frames, key, salt)
        carrying = modulated(modem, frames, bits.reshape(-1, rung.group.bits), dither, rung)
        signals = [signal_of(frame) for frame in carrying]
    return carrying


def modulated(
    modem: FilmModem, frames: Sequence[np.ndarray], bits: np.ndarray, dither: Dither, rung: FilmRung
) -> list[np.ndarray]:
    """A group of frames that carries bits, (blocks, group's bits), 0 or 1."""
    carrying = [frame.copy(order="C") for frame in frames]
    changed = modem.hide([hidden_area(frame) for frame in frames], bits, dither, rung)
    for container, area in zip(carrying, changed, strict=True):
        hidden_area(container)[:] = area
    return carrying


def read_film(
    modem: FilmModem, frames: Frames, key_source: KeySource, step: Callable[[int], None] = lambda done: None
) -> Pieces | None:
    """The message of a film, or what is left of it; None if nothing opens with this key.

    Where no group is at its place, some of the first frames may have been lost: then the others are searched for.

    Args:
        frames: decodes all frames from the start.
        step: called after each frame with the number of frames read.
    """
    key_of = cache(lambda salt: robust_key(key_source, salt))
    found = _collect(modem, frames, 0, key_of, step)
    if not found:
        offset = _find_offset(modem, frames, key_of)
        found = _collect(modem, frames, offset, key_of, step) if offset else {}
    return max(found.values(), key=lambda pieces: pieces.share, default=None)


def read_groups(
    modem: FilmModem, frames: Iterable[np.ndarray], key_of: Callable[[bytes], Key], step: Callable[[int], None]
) -> Iterator[Reading | None]:
    """Readings of each group of frames in order; frames that are left over are ignored."""
    group: list[FrameSignal] = []
    for done, frame in enumerate(frames, 1):
        group.append(signal_of(frame))
        step(done)
        if len(group) == GROUP:
            yield _open_group(modem, group, key_of)
            group = []


def _collect(
    modem: FilmModem, frames: Frames, offset: int, key_of: Callable[[bytes], Key], step: Callable[[int], None]
) -> dict[bytes, Pieces]:
    """The pieces of each message in a film."""
    found: dict[bytes, Pieces] = {}
    with closing(frames()) as decoded:
        for reading in read_groups(modem, islice(decoded, offset, None), key_of, step):
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


def _find_offset(modem: FilmModem, frames: Frames, key_of: Callable[[bytes], Key]) -> int:
    """First frame of the first group that opens, less whole groups; 0 if none opens."""
    with closing(frames()) as decoded:
        signals = [signal_of(frame) for frame in islice(decoded, (_SEARCHED + 1) * GROUP - 1)]
    for start in range(1, len(signals) - GROUP + 1):
        if start % GROUP and _open_group(modem, signals[start : start + GROUP], key_of) is not None:
            return start % GROUP
    return 0


def _open_group(modem: FilmModem, signals: Sequence[FrameSignal], key_of: Callable[[bytes], Key]) -> Reading | None:
    shape, lumas = signals[0].shape, np.stack([signal.luma for signal in signals])
    for salt in _salts(signals):
        key = key_of(salt)
        dither = Dither(shape, modem.frames, key, salt)
        for rung in modem.rungs:
            network = partial(_all_ratios, modem, lumas, dither, rung)
            reading = read_bits(header_ratios(lumas, dither, rung), shape, rung.group, key, salt, network)
            if reading is not None:
                return reading
    return None


def _all_ratios(modem: FilmModem, lumas: np.ndarray, dither: Dither, rung: FilmRung) -> np.ndarray:
    return modem.reveal(lumas, dither, rung).reshape(-1)


def _salts(signals: Sequence[FrameSignal]) -> Iterator[bytes]:
    """The salts that a group may have had before a codec changed it; the likeliest first."""
    means = sum(signal.means for signal in signals) / len(signals)
    return salts_of(b"stegnet/2/robust/film/salt" + signals[0].sizes, means)
