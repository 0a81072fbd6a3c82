"""Spread files by docs/format.md, a second time: arithmetic in GF(2⁸) bit by bit, without tables or stegnet."""

import functools
import hashlib
import struct

from tests.format.by_the_book import commitment
from tests.format.seal_by_the_book import stream


@functools.cache
def times(a: int, b: int) -> int:
    """The product, by shifts; modulo x⁸ + x⁴ + x³ + x² + 1."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = a << 1, b >> 1
        a ^= 0x11D if a & 0x100 else 0
    return product


@functools.cache
def inverse(a: int) -> int:
    return next(b for b in range(1, 256) if times(a, b) == 1)


def value_at(x: int, known: dict[int, bytes]) -> bytes:
    """P(x), by Lagrange, from the values at other numbers."""
    total = bytes(len(next(iter(known.values()))))
    for own, value in known.items():
        factor = 1
        for other in known:
            if other != own:
                factor = times(factor, times(x ^ other, inverse(own ^ other)))
        total = bytes(before ^ times(factor, byte) for before, byte in zip(total, value, strict=True))
    return total


def places(film_id: bytes, frames: int) -> list[tuple[int, int]]:
    """Group of each frame, and number of its share there."""
    groups = -(-frames // 256)
    shifts = struct.unpack("<256I", stream(hashlib.sha256(b"stegnet/2/spread" + film_id).digest(), 1024))
    return [((frame + shifts[frame // groups]) % groups, frame // groups) for frame in range(frames)]


def share_size(size: int, frames: int, needed: int) -> int:
    return -(-size // (-(-frames // 256) * needed))


def shares(data: bytes, film_id: bytes, frames: int, needed: int) -> list[bytes]:
    """The part of a file that each frame carries."""
    size = share_size(len(data), frames, needed)
    padded = data + bytes(-(-frames // 256) * needed * size - len(data))

    def share(group: int, number: int) -> bytes:
        blocks = {k: padded[(group * needed + k) * size :][:size] for k in range(needed)}
        return value_at(number, blocks)

    return [share(*place) for place in places(film_id, frames)]


def joined(found: dict[int, bytes], size: int, film_id: bytes, frames: int, needed: int) -> bytes | None:
    """The file, from what some frames carry; None if they are too few."""
    groups: list[dict[int, bytes]] = [{} for _ in range(-(-frames // 256))]
    for frame, (group, number) in enumerate(places(film_id, frames)):
        if frame in found and len(groups[group]) < needed:
            groups[group][number] = found[frame]
    if any(len(group) < needed for group in groups):
        return None
    return b"".join(value_at(k, group) for group in groups for k in range(needed))[:size]


def record(key: bytes, film_id: bytes, name: bytes, data: bytes, place: tuple[int, int, int], share: bytes) -> bytes:
    """That of a frame of a film.

    Args:
        key: of the film.
        place: frames of the container, index of this one, and shares needed.
    """
    frames, index, needed = place
    start = struct.pack(">16s32sBII", film_id, commitment(key, film_id), 4, frames, index)
    described = struct.pack(">Q32sI", len(data), hashlib.sha256(data).digest(), len(name)) + name
    return start + described + struct.pack(">H", needed) + share


def parse(plain: bytes) -> tuple[tuple[int, int, int], bytes, bytes, bytes]:
    """Frames, index and shares needed; then size and SHA-256, the name, and the share."""
    kind, frames, index = struct.unpack(">BII", plain[48:57])
    assert kind == 4
    (length,) = struct.unpack(">I", plain[97:101])
    name, rest = plain[101 : 101 + length], plain[101 + length :]
    return (frames, index, int.from_bytes(rest[:2], "big")), plain[57:97], name, rest[2:]
