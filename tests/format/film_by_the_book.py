"""Robust films of docs/format.md a second time, slowly and without a line of stegnet (`robust_by_the_book`: what their
groups have in common with pictures).

A film is a list of frames, (H, W, 3) uint8. A modem is a function: `reveal(lumas, dither)` gives ratios, (rows, cols,
K) of all rungs, for the lumas of a unit, (T, H, W), and a dither, (rows, cols, T, 16).
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
Reveal = Callable[[np.ndarray, np.ndarray], np.ndarray]

GROUP, VARIANTS = 48, 32
FREQUENCIES = (
    (0, 2), (0, 1), (1, 0), (1, 1), (2, 1), (1, 2), (2, 0), (3, 0), (0, 0), (0, 3), (2, 2), (3, 1), (4, 0), (1, 3),
    (3, 2), (4, 1),
)  # fmt: skip
TABLE = 10, 11, 12, 12, 13, 14, 14, 14, 16, 16, 16, 17, 18, 19, 22, 22
MOST = 1 << 25  # bytes of a message


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

    def unit_bits(self, frames: int) -> int:
        return self.coefficients * frames // self.run

    @property
    def periods(self) -> np.ndarray:
        """(C,), in levels."""
        return self.scale * np.array(TABLE[: self.coefficients])


@dataclass(frozen=True)
class Modem:
    """Networks that see T frames at once.

    Attributes:
        frames: T.
    """

    rungs: Sequence[FilmRung]
    frames: int
    reveal: Reveal

    def ratios(self, group: Film, keys: Keys, rung: FilmRung, header: bytes) -> np.ndarray:
        """Those of a rung's bits, (rows, cols, r), of a group with this header."""
        lumas, made = np.stack([rounded_luma(frame) for frame in group]), []
        before = self.rungs[: self.rungs.index(rung)]
        first = sum(each.unit_bits(self.frames) for each in before)
        for unit in range(GROUP // self.frames):
            some = lumas[unit * self.frames : (unit + 1) * self.frames]
            read = self.reveal(some, dither_of(keys, unit, header, shape_of(group), rung, self.frames))
            made.append(read[..., first : first + rung.unit_bits(self.frames)])
        return np.concatenate(made, 2)


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


def header_dither(keys: Keys, blocks: int) -> np.ndarray:
    """(blocks, 48, 16): that of the header's blocks in their order."""
    count = 16 * GROUP * blocks
    words = struct.unpack(f"<{count}H", stream(keys.of("dither"), 2 * count))
    return (np.array(words) / 65536).reshape(blocks, GROUP, 16)


def unit_key(keys: Keys, unit: int, header: bytes) -> bytes:
    return hkdf(keys.key, b"stegnet/2/robust/dither", keys.salt + bytes([unit]) + header)


def dither_of(keys: Keys, unit: int, header: bytes, shape: tuple[int, int], rung: FilmRung, frames: int) -> np.ndarray:
    """(rows, cols, T, 16), of all blocks."""
    rows, cols = shape
    count, first = 16 * frames * rows * cols, places(rows, cols, rung.group_bits, keys).first
    words = struct.unpack(f"<{count}H", stream(unit_key(keys, unit, header), 2 * count))
    made = (np.array(words) / 65536).reshape(rows * cols, frames, 16)
    made[first] = header_dither(keys, len(first))[:, unit * frames : (unit + 1) * frames]
    return made.reshape(rows, cols, frames, 16)


# Phases


def coefficients(lumas: np.ndarray) -> np.ndarray:
    """(rows, cols, T, 16) of lumas, (T, H, W)."""
    frames, height, width = lumas.shape
    blocks = (lumas - 127.5).reshape(frames, height // 8, 8, width // 8, 8)
    found = dctn(blocks, axes=(2, 4), norm="ortho").transpose(1, 3, 0, 2, 4)
    return np.stack([found[..., down, across] for down, across in FREQUENCIES], -1)


def phases(found: np.ndarray, dither: np.ndarray, rung: FilmRung) -> np.ndarray:
    """(…, runs, u, C): y / Q − d of coefficients and a dither, (…, T, 16)."""
    some, own = (each[..., : rung.coefficients] for each in (found, dither))
    runs = (some / rung.periods).reshape(*some.shape[:-2], -1, rung.run, rung.coefficients)
    return runs - own[..., :: rung.run, None, :]


def header_ratios(found: np.ndarray, keys: Keys, rung: FilmRung) -> np.ndarray:
    """Ratios of a rung's bits without a modem, (rows, cols, r), of coefficients (rows, cols, 48, 16); 0 outside the
    header."""
    rows, cols = found.shape[:2]
    ratios = np.zeros((rows * cols, rung.group_bits))
    if where := places(rows, cols, rung.group_bits, keys):
        blocks = found.reshape(rows * cols, GROUP, 16)[where.first]
        sines = np.sin(2 * np.pi * phases(blocks, header_dither(keys, len(blocks)), rung))
        ratios[where.first] = 0.3 * sines.sum(2).reshape(len(blocks), -1)
    return ratios.reshape(rows, cols, -1)


# Groups and messages


def open_group(group: Film, key_of: Callable[[bytes], bytes], modem: Modem) -> bytes | None:
    """The content of a group, if it opens.

    Args:
        key_of: K, by the robust salt.
    """
    shape, found = shape_of(group), coefficients(np.stack([rounded_luma(frame) for frame in group]))
    for salt, variant in itertools.product(salts(group), range(VARIANTS)):
        keys = Keys(key_of(salt), salt + bytes([variant]), film=True)
        for rung in modem.rungs:
            content = open_rung(
                header_ratios(found, keys, rung),
                *shape,
                keys,
                lambda header, keys=keys, rung=rung: modem.ratios(group, keys, rung, header),
            )
            if content is not None:
                return content
    return None


def read(film: Film, key_of: Callable[[bytes], bytes], modem: Modem) -> bytes | None:
    """The message of a film."""
    for first in range(min(GROUP, len(film) - GROUP + 1)):
        groups = (film[start : start + GROUP] for start in range(first, len(film) - GROUP + 1, GROUP))
        contents = [content for group in groups if (content := open_group(group, key_of, modem)) is not None]
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
