"""Containers that may be cropped to any part: a record in tiles, all alike but for what masks them (docs/format.md).

What is left of a picture has no means that it had before, so there is no salt: dither and masks come from one map for
each key, of which a container takes a part at random. Where a part lies is found by the cosines of doubled phases, as
in `registration`, at all places at once.
"""

import math
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import product

import numpy as np
from PIL import Image

from stegnet.core.blocks import BLOCK, COSINES, DITHER, LUMA_STEPS
from stegnet.core.cipher import keystream
from stegnet.core.parallel import parallel_map, thread_count
from stegnet.keys import SALT_BYTES, Key, KeySource
from stegnet.methods.robust.grid import SURENESS
from stegnet.methods.robust.modem import Modem
from stegnet.methods.robust.places import Blocks
from stegnet.methods.robust.qim import DOUBLED, MIDDLE, SURE, OperatingPoint
from stegnet.methods.robust.record import Reading, Received, dither_of, read_first
from stegnet.methods.robust.regions import hidden_area

TILE, MAP = 32, 512  # blocks: sides of a tile and of the map, each of which begins again at its end
LEAST_SIDE = BLOCK * (TILE + 1)  # pixels: a part so large has all blocks of a tile
SALT = sha256(b"stegnet/2/robust/tiles/salt").digest()[:SALT_BYTES]
_MOST_READ = 1440  # pixels: side of the middle that is read
_SEEN = 64  # blocks in a row and in a column whose place is looked for, at most
_CARRIERS = [0, 2 * BLOCK]  # the coefficients whose phases JPEG on another grid leaves most of
_STEPS = np.float32([LUMA_STEPS[place] for place in _CARRIERS])
_BASIS = np.kron(COSINES, COSINES).astype(np.float32)[_CARRIERS]


@dataclass(frozen=True)
class Place:
    """Position of a part: pixels before its first whole block, and that block's row and column in the map."""

    top: int
    left: int
    row: int
    col: int

    def area(self, picture: np.ndarray) -> np.ndarray:
        """The part's whole blocks; a view."""
        return hidden_area(picture[self.top :, self.left :])

    def part(self, whole: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """So many rows and columns of blocks of a map or a tile, (n, n, ...), which begins again at its end."""
        return whole[np.ix_(*self._numbers(shape, len(whole)))]

    def summed(self, values: np.ndarray) -> np.ndarray:
        """Sums of values, (rows, cols, n), that belong to the same block of a tile, (TILE, TILE, n) float32."""
        sums = np.zeros((TILE, TILE, values.shape[2]), np.float32)
        np.add.at(sums, np.ix_(*self._numbers(values.shape[:2], TILE)), values)
        return sums

    def _numbers(self, shape: tuple[int, int], side: int) -> list[np.ndarray]:
        return [(first + np.arange(count)) % side for first, count in zip((self.row, self.col), shape, strict=True)]


def read_tiled(
    modem: Modem, key_source: KeySource, picture: np.ndarray, points: Sequence[OperatingPoint] = (), moved: bool = True
) -> Reading | None:
    """Reads any part, (H, W, 3) uint8, of a container of `hide_tiled`; None if it is none.

    Args:
        points: that it may have; none: all of the modem's.
        moved: it may begin at any pixel; else at a whole block.
    """
    if not isinstance(key_source, Key) or min(picture.shape[:2]) < LEAST_SIDE:
        return None
    top, left = (max(side - _MOST_READ, 0) // 2 for side in picture.shape[:2])
    picture = picture[top : top + _MOST_READ, left : left + _MOST_READ]
    shifts = product(range(BLOCK), repeat=2) if moved else [(-top % BLOCK, -left % BLOCK)]
    found = _found(key_source, picture, points or modem.points, shifts)
    if found is None:
        return None
    place, period = found
    area = place.area(picture)
    shape = area.shape[0] // BLOCK, area.shape[1] // BLOCK
    ratios = modem.reveal(area, place.part(map_dither(key_source), shape)) * SURENESS
    for point in (point for point in modem.points if point.scale == period):
        sums = place.summed(ratios[..., point.places] * place.part(map_signs(key_source, point), shape))
        if reading := read_first([_ReceivedTile(Blocks((TILE, TILE), point, key_source, SALT), sums)]):
            return reading
    return None


class _ReceivedTile(Received):
    """Bits of a tile, given their ratios, (TILE, TILE, bits)."""

    def __init__(self, blocks: Blocks, ratios: np.ndarray) -> None:
        super().__init__(blocks)
        self._ratios = ratios.reshape(-1)

    def of_header(self) -> np.ndarray:
        return self._ratios[self.blocks.header]

    def of_record(self, numbers: np.ndarray, header: bytes, right: np.ndarray) -> np.ndarray:
        return self._ratios[numbers]


def _found(
    key: Key, picture: np.ndarray, points: Sequence[OperatingPoint], shifts: Iterable[tuple[int, int]]
) -> tuple[Place, float] | None:
    """Position of a part in the map, and the period of its phases; None if it is nowhere.

    Args:
        shifts: pixels before the first whole block that are tried, down and across.
    """
    luma = np.array(Image.fromarray(picture).convert("L")).astype(np.float32) - MIDDLE
    whole = [side // BLOCK - 1 for side in luma.shape]
    rows, cols = (min(_SEEN, side) for side in whole)
    top, left = ((side - some) // 2 for side, some in zip(whole, (rows, cols), strict=True))
    middle = luma[BLOCK * top : BLOCK * (top + rows + 1), BLOCK * left : BLOCK * (left + cols + 1)]
    dither = map_dither(key)[..., _CARRIERS].transpose(2, 0, 1).astype(np.float32) * np.float32(2**-16)
    known = _spectrum(_phasors(DOUBLED * dither))
    scales = sorted({point.scale for point in points})

    def strength_of(tried: tuple[tuple[int, int], float]) -> tuple[float, Place, float]:
        (down, across), scale = tried
        blocks = middle[down : down + BLOCK * rows, across : across + BLOCK * cols]
        blocks = blocks.reshape(rows, BLOCK, cols, BLOCK).swapaxes(1, 2).reshape(rows, cols, -1)
        coefficients = (blocks @ _BASIS.T / _STEPS).transpose(2, 0, 1)
        seen = _spectrum(_phasors(coefficients * (DOUBLED / np.float32(scale))))
        sums = np.fft.ifft2((seen.conj() * known).sum(0)).real.T
        row, col = np.unravel_index(sums.argmin(), sums.shape)
        place = Place(down, across, int(row - top) % MAP, int(col - left) % MAP)
        return -float(sums[row, col]) / math.sqrt(rows * cols * len(_CARRIERS) / 2), place, scale

    with closing(parallel_map(strength_of, product(shifts, scales), thread_count())) as results:
        strength, place, scale = max(results, key=lambda each: each[0])
    return (place, scale) if strength > SURE else None


def _phasors(phases: np.ndarray) -> np.ndarray:
    """e^(i · phase), complex64; faster than NumPy's `exp`."""
    found = np.empty(phases.shape, np.complex64)
    found.real, found.imag = np.cos(phases), np.sin(phases)
    return found


def _spectrum(values: np.ndarray) -> np.ndarray:
    """Of parts of a map, (n, rows, cols) complex64 to (n, MAP, MAP), transposed: numpy's `fft2` takes twice as long."""
    along = np.fft.fft(values, MAP)
    return np.fft.fft(np.ascontiguousarray(along.swapaxes(1, 2)), MAP)


@lru_cache(maxsize=1)
def map_dither(key: Key) -> np.ndarray:
    """Of all places in the map, (MAP, MAP, 64) uint16 in units of 2⁻¹⁶."""
    return dither_of((MAP, MAP), key, SALT)


def map_signs(key: Key, point: OperatingPoint) -> np.ndarray:
    """Of all places in the map, (MAP, MAP, bits) int8: −1 where a bit is negated."""
    stream = np.frombuffer(keystream(key.robust(b"tiles", SALT), MAP**2 * DITHER // 8), np.uint8)
    return 1 - 2 * np.unpackbits(stream).reshape(MAP, MAP, DITHER)[..., : point.bits].astype(np.int8)
