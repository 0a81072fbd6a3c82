"""Containers that open from any part: tiles of one record, and the map that shows a reader where a part lies.

Elsewhere, a salt is computed from the mean lumas of a picture's regions. A part of a picture has other means, so its
salt is fixed: dither and masks come from one map for each key, and a container gets a random part of the map. The
record is repeated in tiles, which differ only in their masks. As in `registration`, the cosines of doubled phases, at
all places of the map at once, show where that part is.
"""

import math
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import product
from operator import itemgetter

import numpy as np
from PIL import Image

from stegnet.core.keystream import keystream
from stegnet.core.parallel import parallel_map, thread_count
from stegnet.core.pixels import BLOCK, COSINES, DITHER, LUMA_STEPS, by_block
from stegnet.keys import SALT_BYTES, Key
from stegnet.methods.robust.operating_points import MIDDLE, OperatingPoint
from stegnet.methods.robust.registration import SURE
from stegnet.methods.robust.robust_record import dither_of

TILE, MAP = 32, 512  # blocks: the sides of a tile and of the map, both of which are periodic
LEAST_SIDE = BLOCK * (TILE + 1)  # pixels: a part of this size has all blocks of a tile
TILE_SALT = sha256(b"stegnet/1/robust/tiles/salt").digest()[:SALT_BYTES]


@dataclass(frozen=True)
class MapPosition:
    """The position of a part: pixels before its first whole block, and that block's row and column in the map."""

    top: int
    left: int
    row: int
    col: int

    def part(self, whole: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return the part, with the rows and columns of `shape`, of a periodic map or tile, (n, n, ...)."""
        rows, cols = self._numbers(shape, len(whole))
        part: np.ndarray = whole[np.ix_(rows, cols)]
        return part

    def summed(self, values: np.ndarray) -> np.ndarray:
        """Return the sums of values, (rows, cols, n), that share a block of a tile: (TILE, TILE, n) float32."""
        sums = np.zeros((TILE, TILE, values.shape[2]), np.float32)
        np.add.at(sums, np.ix_(*self._numbers(values.shape[:2], TILE)), values)
        return sums

    def _numbers(self, shape: tuple[int, int], side: int) -> list[np.ndarray]:
        return [(first + np.arange(count)) % side for first, count in zip((self.row, self.col), shape, strict=True)]


def find_part(
    key: Key, picture: np.ndarray, points: Sequence[OperatingPoint], shifts: Iterable[tuple[int, int]]
) -> tuple[MapPosition, float] | None:
    """Return the position of a part in the map, trying these shifts, and its period of phases; None if not found."""
    luma = np.array(Image.fromarray(picture).convert("L")).astype(np.float32) - MIDDLE
    most_blocks = 64  # in a row and in a column, which locate the part
    all_rows, all_cols = (side // BLOCK - 1 for side in luma.shape)
    rows = min(most_blocks, all_rows)
    cols = min(most_blocks, all_cols)
    top = (all_rows - rows) // 2
    left = (all_cols - cols) // 2
    middle = luma[BLOCK * top : BLOCK * (top + rows + 1), BLOCK * left : BLOCK * (left + cols + 1)]

    used = [0, 2 * BLOCK]  # the coefficients whose phases survive JPEG on another grid best
    basis = np.kron(COSINES, COSINES).astype(np.float32)[used].T
    steps = np.array([LUMA_STEPS[place] for place in used], np.float32)
    doubled = np.float32(4 * np.pi)  # factor of a phase in periods: bits of 1 and of 0 have the same doubled phase
    dither = map_dither(key)[..., used].transpose(2, 0, 1).astype(np.float32) * np.float32(2**-16)
    known = _spectrum(_phasors(doubled * dither))
    scales = sorted({point.scale for point in points})

    def strength_of(tried: tuple[tuple[int, int], float]) -> tuple[float, MapPosition, float]:
        (down, across), scale = tried
        blocks = by_block(middle[down : down + BLOCK * rows, across : across + BLOCK * cols])
        in_steps = (blocks @ basis / steps).transpose(2, 0, 1)
        seen = _spectrum(_phasors(in_steps * (doubled / np.float32(scale))))
        sums = np.fft.ifft2((seen.conj() * known).sum(0)).real.T
        row, col = np.unravel_index(sums.argmin(), sums.shape)
        position = MapPosition(down, across, int(row - top) % MAP, int(col - left) % MAP)
        return -float(sums[row, col]) / math.sqrt(rows * cols * len(used) / 2), position, scale

    found: Generator[tuple[float, MapPosition, float], None, None] = parallel_map(
        strength_of, product(shifts, scales), thread_count()
    )
    with closing(found) as results:
        strength, position, scale = max(results, key=itemgetter(0))
    return (position, scale) if strength > SURE else None


def _phasors(phases: np.ndarray) -> np.ndarray:
    """Return e^(i · phase), complex64; faster than NumPy's `exp`."""
    phasors = np.empty(phases.shape, np.complex64)
    phasors.real = np.cos(phases)
    phasors.imag = np.sin(phases)
    return phasors


def _spectrum(values: np.ndarray) -> np.ndarray:
    """Return the transposed spectra of parts of a map, (n, rows, cols) complex64 to (n, MAP, MAP).

    NumPy's `fft2` takes twice as long.
    """
    along = np.fft.fft(values, MAP)
    return np.fft.fft(np.ascontiguousarray(along.swapaxes(1, 2)), MAP)


@lru_cache(maxsize=1)
def map_dither(key: Key) -> np.ndarray:
    """Return the dither of all places in the map, (MAP, MAP, 64) uint16 in units of 2⁻¹⁶."""
    return dither_of((MAP, MAP), key, TILE_SALT)


def map_signs(key: Key, point: OperatingPoint) -> np.ndarray:
    """Return the signs of all places in the map, (MAP, MAP, bits) int8: −1 where a bit is negated."""
    stream = np.frombuffer(keystream(key.robust(b"tiles", TILE_SALT), MAP**2 * DITHER // 8), np.uint8)
    return 1 - 2 * np.unpackbits(stream).reshape(MAP, MAP, DITHER)[..., : point.bits].astype(np.int8)
