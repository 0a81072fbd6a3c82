"""Robust films of docs/format.md a second time, slowly and without a line of stegnet (`robust_by_the_book`: what their
groups have in common with pictures).

A film is a list of frames, (H, W, 3) uint8.
"""

import hashlib
import itertools
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import dctn

from tests.format.robust_by_the_book import Keys, area_of, open_rung, places, region_lumas, salt_of, steps_tried
from tests.format.seal_by_the_book import hkdf, stream

Film = Sequence[np.ndarray]

GROUP, VARIANTS = 48, 32
FREQUENCIES = (
    (0, 2), (0, 1), (1, 0), (1, 1), (2, 1), (1, 2), (2, 0), (3, 0), (0, 0), (0, 3), (2, 2), (3, 1), (4, 0), (1, 3),
    (3, 2), (4, 1),
)  # fmt: skip
TABLE = 10, 11, 12, 12, 13, 14, 14, 14, 16, 16, 16, 17, 18, 19, 22, 22
MOST = 1 << 25  # bytes of a message
SURENESS, FACTORS = 1.5, [2 ** (power / 2) for power in range(-8, 7)]  # log-likelihood ratios of a sine of 1


@dataclass(frozen=True)
class FilmRung:
    """C coefficients, runs of u frames, and the scale s."""

    coefficients: int
    run: int
    scale: float

    @property
    def group_bits(self) -> int:
        """Bits of a block in a group, r."""
        return GROUP * self.coefficients // self.run

    @property
    def periods(self) -> np.ndarray:
        """(C,), in levels."""
        return self.scale * np.array(TABLE[: self.coefficients])


RUNGS = FilmRung(8, 4, 7.0), FilmRung(8, 4, 5.0), FilmRung(16, 4, 2.5), FilmRung(16, 1, 2.5)


def shape_of(group: Film) -> tuple[int, int]:
    """Rows and columns of blocks."""
    height, width, _ = group[0].shape
    return height // 8, width // 8


def rounded_luma(frame: np.ndarray) -> np.ndarray:
    """(H, W), of the hidden area."""
    return np.rint(area_of(frame) @ np.array([0.2126, 0.7152, 0.0722]))


# Salt and dither


def salts(group: Film) -> Iterator[bytes]:
    """Those that a reader tries, in order."""
    each = [region_lumas(frame) for frame in group]
    summed = [(sum(total for total, _ in region), GROUP * region[0][1]) for region in zip(*each, strict=True)]
    return (film_salt(group, steps) for steps in steps_tried(summed, 1))


def film_salt(group: Film, steps: Sequence[int]) -> bytes:
    return salt_of(steps, b"stegnet/2/robust/film/salt" + struct.pack(">II", *group[0].shape[:2]))


def words(key: bytes, blocks: int, rung: FilmRung) -> np.ndarray:
    """(blocks, r) numbers in [0, 1)."""
    count = blocks * rung.group_bits
    return (np.array(struct.unpack(f"<{count}H", stream(key, 2 * count))) / 65536).reshape(blocks, -1)


def record_key(keys: Keys, header: bytes) -> bytes:
    return hkdf(keys.key, b"stegnet/2/robust/dither", keys.salt + header)


def dither_of(keys: Keys, header: bytes, shape: tuple[int, int], rung: FilmRung) -> np.ndarray:
    """(rows · cols, r), of all blocks."""
    first = places(*shape, rung.group_bits, keys).first
    made = words(record_key(keys, header), shape[0] * shape[1], rung)
    made[first] = words(keys.of("dither"), len(first), rung)
    return made


# Phases


def coefficients(lumas: np.ndarray) -> np.ndarray:
    """(rows · cols, T, 16) of lumas, (T, H, W)."""
    frames, height, width = lumas.shape
    blocks = (lumas - 127.5).reshape(frames, height // 8, 8, width // 8, 8)
    found = dctn(blocks, axes=(2, 4), norm="ortho").transpose(1, 3, 0, 2, 4)
    some = np.stack([found[..., down, across] for down, across in FREQUENCIES], -1)
    return some.reshape(-1, frames, len(FREQUENCIES))


def phases(found: np.ndarray, dither: np.ndarray, rung: FilmRung) -> np.ndarray:
    """(blocks, r): y / Q − d, of coefficients (blocks, 48, 16) and a dither (blocks, r)."""
    some = found[:, :: rung.run, : rung.coefficients] / rung.periods
    return some.reshape(len(found), -1) - dither


def header_sines(found: np.ndarray, shape: tuple[int, int], keys: Keys, rung: FilmRung) -> np.ndarray:
    """Sines of the phases of a header's bits, (blocks, r), of coefficients (blocks, 48, 16); 0 of all others."""
    made = np.zeros((len(found), rung.group_bits))
    if where := places(*shape, rung.group_bits, keys):
        dither = words(keys.of("dither"), len(where.first), rung)
        made[where.first] = np.sin(2 * np.pi * phases(found[where.first], dither, rung))
    return made


# Groups and messages


def open_group(group: Film, key_of: Callable[[bytes], bytes]) -> bytes | None:
    """The content of a group, if it opens.

    Args:
        key_of: K, by the robust salt.
    """
    shape, found = shape_of(group), coefficients(np.stack([rounded_luma(frame) for frame in group]))
    for salt, variant in itertools.product(salts(group), range(VARIANTS)):
        keys = Keys(key_of(salt), salt + bytes([variant]), film=True)
        for rung in RUNGS:

            def of_record(header: bytes, right: np.ndarray, keys: Keys = keys, rung: FilmRung = rung) -> np.ndarray:
                sines = np.sin(2 * np.pi * phases(found, dither_of(keys, header, shape, rung), rung))
                return surest(right / SURENESS) * sines

            ratios = SURENESS * header_sines(found, shape, keys, rung)
            content = open_rung(ratios.reshape(*shape, -1), *shape, keys, of_record)
            if content is not None:
                return content
    return None


def surest(right: np.ndarray) -> float:
    """The factor by which sines, positive where right, give most information."""
    return max(FACTORS, key=lambda factor: -np.logaddexp(0, -factor * right).mean())


def read(film: Film, key_of: Callable[[bytes], bytes]) -> bytes | None:
    """The message of a film."""
    for first in range(min(GROUP, len(film) - GROUP + 1)):
        groups = (film[start : start + GROUP] for start in range(first, len(film) - GROUP + 1, GROUP))
        contents = [content for group in groups if (content := open_group(group, key_of)) is not None]
        if contents:
            return joined(contents)
    return None


def pieces(message: bytes, rooms: Iterable[int]) -> list[bytes]:
    """The contents of groups with these numbers of bytes for a piece."""
    made, first = [], 0
    head = struct.pack(">I", len(message)) + hashlib.sha256(message).digest()[:8]
    for room in rooms:
        piece = message[first : first + room]
        made.append(struct.pack(">I", first) + head + piece)
        first = first + len(piece) if first + len(piece) < len(message) else 0
    return made


def joined(contents: Sequence[bytes]) -> bytes | None:
    """The message whose pieces are among the contents of groups."""
    found: dict[bytes, dict[int, int]] = {}
    for content in contents:
        first, size = struct.unpack(">II", content[:8])
        if first < size <= MOST:
            known = found.setdefault(content[4:16], {})
            known |= dict(enumerate(content[16 : 16 + size - first], first))
    for head, known in found.items():
        message = bytes(known[place] for place in sorted(known))
        if len(message) == int.from_bytes(head[:4], "big") and hashlib.sha256(message).digest()[:8] == head[4:]:
            return message
    return None
