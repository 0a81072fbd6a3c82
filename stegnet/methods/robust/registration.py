"""Registration: finding the grid of a container that was cropped, shifted, or cropped and resized (docs/format.md).

Bits are phases of coefficients, a quarter of a period before or after the phase that grid and dither give. Where both
are right, the cosines of the doubled phases add up; elsewhere they cancel out. A cropped picture is displaced in its
grid; one that was also resized is stretched as well. So the cosines of some blocks are computed for each small shift of
every block, and summed along the shifts that a placement of the picture implies.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from stegnet.channels.channel_types import REACH
from stegnet.core.parallel import Step, parallel_map, thread_count
from stegnet.core.pixels import BLOCK, COSINES, LUMA_STEPS
from stegnet.keys import Key
from stegnet.methods.robust.block_placement import BlockPlacement
from stegnet.methods.robust.grid import Grid, cropped_grids, means_between, placed_salts, region_sums
from stegnet.methods.robust.operating_points import FINEST, MIDDLE, OperatingPoint
from stegnet.methods.robust.robust_record import dither_of
from stegnet.sealing.content_salts import region_edges

_COUNTS = (128, 256)  # blocks that are examined in each grid; then in each of the best grids
# Shifts of blocks that are tried: the number for each pixel, and the largest one in these units.
_SHIFTS, _SHIFTS_OF_COPIES = (1, REACH), (2, REACH + 1)
_LIKELY = 16  # placements whose headers are read
_MOST_USED = 22  # coefficients of a block that are enough
_MARGIN = 2 * BLOCK
_FIRST = FINEST[:_MOST_USED]
# (64, _MOST_USED): from levels to doubled phases, in steps of JPEG at quality 50.
_BASIS = (np.kron(COSINES, COSINES)[_FIRST].T * (4 * np.pi / np.array(LUMA_STEPS)[_FIRST])).astype(np.float32)
_DOUBLED = np.float32(4 * np.pi)  # factor of a phase in periods: bits of 1 and of 0 have the same doubled phase
SURE = 6.5  # standard deviations of a sum of cosines: chance exceeds it less than once in a hundred million


@dataclass(frozen=True)
class _Placement:
    """A grid in which a picture may lie, and by how many standard deviations the cosines at a point exceed chance."""

    strength: float
    grid: Grid
    salt: bytes
    point: OperatingPoint


_Tried = tuple[Grid, bytes, list[OperatingPoint]]  # a grid, a salt, and the points whose cosines are summed


def likely_grids(
    points: Sequence[OperatingPoint],
    key_of: Callable[[bytes], Key],
    picture: np.ndarray,
    few_keys: bool,
    step: Step,
) -> Iterator[tuple[Grid, bytes]]:
    """Yield the grids and salts that a cropped or shifted picture, (H, W, 3) uint8, may have had; the likeliest first.

    With `few_keys`, since keys take long to derive, only the keys of the commonest salts are derived.
    """
    if min(picture.shape[:2]) < 64:
        return
    search = _PlacementSearch(points, picture, key_of)
    height, width = picture.shape[:2]
    salts_of = _salts_in_own(picture)
    salts_of |= {grid: list(grid.salts(picture)) for grid in cropped_grids(height, width, REACH)}
    commonest = Counter(salt for salts in salts_of.values() for salt in salts)
    most_keys = 32  # that are derived from a passphrase: each takes a fraction of a second
    kept = dict(commonest.most_common(most_keys if few_keys else None))
    tried = [(grid, salt, search.points) for grid, salts in salts_of.items() for salt in salts if salt in kept]

    done = 0
    total = len(tried) + _kept(len(tried))
    best: list[tuple[_Placement, _Tried]] = []
    for count in _COUNTS:
        best = []
        found: Generator[_Placement, None, None] = parallel_map(search.judged_by(count), tried, thread_count())
        with closing(found) as placements:
            for placement, (grid, salt, _) in zip(placements, tried, strict=True):
                best.append((placement, (grid, salt, [placement.point])))
                done += 1
                step(done, total)
        best.sort(key=lambda pair: -pair[0].strength)
        tried = sorted((again for _, again in best[: _kept(len(best))]), key=lambda again: again[0].shape)

    least_strength = 4.5  # standard deviations
    refined = [search.refined(placement) for placement, _ in best[:_LIKELY]]
    for placement in sorted(refined, key=lambda placement: -placement.strength):
        if placement.strength > least_strength:
            yield placement.grid, placement.salt


def is_found(points: Sequence[OperatingPoint], key: Key, picture: np.ndarray, grid: Grid, salt: bytes) -> bool:
    """Return whether a reader will find this grid of a copy. A copy that was not cropped is always found."""
    if grid.own or grid == grid.placed(0, 0):
        return True
    search = _PlacementSearch(points, picture, lambda _: key)
    anywhere = grid.placed(REACH / 2, REACH / 2, REACH / 2, REACH / 2)
    first = search.judged_by(_COUNTS[0])((anywhere, salt, search.points))
    again = search.judged_by(_COUNTS[1])((anywhere, salt, [first.point]))
    least_to_try_again = 5.2  # standard deviations
    return first.strength > least_to_try_again and again.strength > SURE


def _kept(tried: int) -> int:
    """Return the number of the tried grids and salts to try again with more blocks."""
    return min(tried, max(tried // 4, _LIKELY))


def grids(height: int, width: int) -> Iterator[Grid]:
    """Yield the grids of a picture that was cropped by up to REACH pixels at each edge, or shifted by as many."""
    whole = (height // BLOCK * BLOCK, width // BLOCK * BLOCK)
    for top, left in product(range(-REACH, REACH + 1), repeat=2):
        sizes = {whole}
        if top >= 0 and left >= 0:  # cropped at the bottom and right, too
            rows, cols = (
                (pixels // BLOCK * BLOCK, (pixels + REACH) // BLOCK * BLOCK) for pixels in (height + top, width + left)
            )
            sizes.update(product(rows, cols))
        for size in sorted(sizes, reverse=True):
            if (top, left, *size) != (0, 0, *whole):
                yield Grid(*size, own=True, top=top, left=left)


def _salts_in_own(picture: np.ndarray) -> dict[Grid, list[bytes]]:
    """Return the grids of the picture's own pixels, whatever its place in them, with their commonest salts."""
    margin = REACH + BLOCK
    padded = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), "edge")
    tried = list(grids(*picture.shape[:2]))
    edges_down = [region_edges(grid.shape[0]) + margin - int(grid.top) for grid in tried]
    edges_across = [region_edges(grid.shape[1]) + margin - int(grid.left) for grid in tried]
    all_down = np.unique(np.concatenate(edges_down))
    all_across = np.unique(np.concatenate(edges_across))
    sums = region_sums(padded, all_down, all_across)

    counts: dict[Grid, Counter[bytes]] = {}
    for grid, down, across in zip(tried, edges_down, edges_across, strict=True):
        corners = sums[np.ix_(np.searchsorted(all_down, down), np.searchsorted(all_across, across))]
        salts = placed_salts(means_between(corners, down, across))
        counts.setdefault(grid.placed(0, 0), Counter()).update(salts)
    return {grid: [salt for salt, _ in count.most_common(8)] for grid, count in counts.items()}


class _PlacementSearch:
    """A search for a picture's placement in grids, by the cosines of doubled phases.

    Each period of phases has one point.
    """

    def __init__(self, points: Sequence[OperatingPoint], picture: np.ndarray, key_of: Callable[[bytes], Key]) -> None:
        by_period = {point.scale: point for point in sorted(points, key=lambda point: -point.coefficients)}
        self.points = list(by_period.values())
        self._key_of = key_of
        self._luma = np.array(Image.fromarray(picture).convert("L"))
        # All salts of a grid are tried in turn.
        self._around = lru_cache(8)(self._make_around)
        self._shifted_phases = lru_cache(2)(
            lambda grid, most: self._shifted(grid, _lattice(grid, most).ravel(), *_SHIFTS_OF_COPIES)
        )
        self._waves = lru_cache(2 * len(self.points))(self._make_waves)  # two threads may be at two grids

    def judged_by(self, most: int) -> Callable[[_Tried], _Placement]:
        """Return a function that finds the best placement in a grid, judged by at most `most` blocks."""

        def best(tried: _Tried) -> _Placement:
            return self._best_of_own(most, *tried) if tried[0].own else self._best_of_copy(most, *tried)

        return best

    def _best_of_own(self, most: int, grid: Grid, salt: bytes, points: list[OperatingPoint]) -> _Placement:
        """Return the best shift of a picture's own pixels, judged by the blocks of the header."""
        key, full = self._key_of(salt), grid.full(salt)
        firsts = [BlockPlacement(grid.shape, point, key, full).header_blocks[:most] for point in points]
        blocks = max(firsts, key=len)
        dither = self._dither(grid, salt, blocks)
        shifted = self._shifted(grid, blocks, *_SHIFTS)
        placements = []
        for point, count in zip(points, map(len, firsts), strict=True):
            sums = _cosines(shifted[:count], dither[:count, None, None], point).sum(0)
            down, across = np.unravel_index(sums.argmax(), sums.shape)
            placed = grid.placed(REACH - int(down), REACH - int(across))
            placements.append(_Placement(float(sums.max()), placed, salt, point))
        return max(placements, key=lambda placement: placement.strength)

    def _best_of_copy(self, most: int, grid: Grid, salt: bytes, points: list[OperatingPoint]) -> _Placement:
        """Return the best placement of a copy. In its grid, every block carries something."""
        blocks = _lattice(grid, most)
        dither = self._dither(grid, salt, blocks.ravel())
        rows, cols = (starts[:, 0] for starts in (_starts(grid, blocks)[0], _starts(grid, blocks.T)[1]))
        tops, down = _courses(grid.height, rows)
        lefts, across = _courses(grid.width, cols)
        shifts = 2 * _SHIFTS_OF_COPIES[1] + 1
        chosen = (across[..., None] == np.arange(shifts)).reshape(len(lefts), -1).astype(np.float32)
        placements = []
        for point in points:
            waves = self._waves(grid, most, point)
            phases = _DOUBLED * dither[:, point.frequencies[:_MOST_USED]]
            signs = np.concatenate([np.cos(phases), np.sin(phases)], 1) * -_per_deviation(*phases.shape)
            cosines = (waves @ signs[..., None]).reshape(*blocks.shape, shifts, -1)
            # (columns, placements, shifts): the blocks of a column are shifted alike across.
            along = sum(cosines[row][:, down[:, row]] for row in range(len(rows)))
            sums = along.swapaxes(0, 1).reshape(len(tops), -1) @ chosen.T
            top, left = np.unravel_index(sums.argmax(), sums.shape)
            first, last = tops[top]
            begin, end = lefts[left]
            placements.append(_Placement(float(sums.max()), grid.placed(first, begin, last, end), salt, point))
        return max(placements, key=lambda placement: placement.strength)

    def refined(self, placement: _Placement) -> _Placement:
        """Return the strongest placement near the given one. A grid of the picture's own pixels needs no refining."""
        step = 0.25  # pixels of a grid: how exactly copies are placed
        ends = [(before * step, after * step) for before, after in product((-1, 0, 1), repeat=2) if before or after]
        moves = [(before, 0.0, after, 0.0) for before, after in ends]  # of the top, left, bottom and right edge
        moves += [(0.0, before, 0.0, after) for before, after in ends]
        best = None
        while not placement.grid.own and placement is not best:
            best = placement
            for move in moves:
                moved = best.grid.placed(*map(sum, zip(best.grid.lacking, move, strict=True)))
                neighbour = _Placement(self._strength(moved, best.salt, best.point), moved, best.salt, best.point)
                placement = max(placement, neighbour, key=lambda candidate: candidate.strength)
        return placement

    def _strength(self, grid: Grid, salt: bytes, point: OperatingPoint) -> float:
        blocks = _lattice(grid, _COUNTS[-1]).ravel()
        windows = sliding_window_view(grid.area(self._luma), (BLOCK, BLOCK))
        levels = windows[_starts(grid, blocks)].astype(np.float32) - MIDDLE
        return float(_cosines(_doubled_phases(levels), self._dither(grid, salt, blocks), point).sum())

    def _dither(self, grid: Grid, salt: bytes, blocks: np.ndarray) -> np.ndarray:
        """Return the dither of these blocks, (n, 64) float32."""
        dither = dither_of(grid.shape, self._key_of(salt), grid.full(salt))
        in_periods: np.ndarray = dither.reshape(-1, BLOCK**2)[blocks] * np.float32(2**-16)
        return in_periods

    def _shifted(self, grid: Grid, blocks: np.ndarray, per: int, most: int) -> np.ndarray:
        """Return the doubled phases of shifted blocks, (n, S, S, _MOST_USED) float32.

        There are `per` shifts a pixel, up to ±`most` of them.
        """
        phases = np.empty((blocks.size, 2 * most + 1, 2 * most + 1, _MOST_USED), np.float32)
        parts = [(slice((part + most) % per, None, per), part / per) for part in range(per)]
        pixels = np.arange(-most, most + 1) // per + _MARGIN
        rows, cols = (start[:, None] + pixels for start in _starts(grid, blocks))
        for (down, low), (across, right) in product(parts, repeat=2):
            windows = sliding_window_view(self._around(grid, low, right), (BLOCK, BLOCK))
            phases[:, down, across] = _doubled_phases(windows[rows[:, down, None], cols[:, None, across]])
        return phases

    def _make_waves(self, grid: Grid, most: int, point: OperatingPoint) -> np.ndarray:
        """Return cosines and sines of a copy's doubled phases, (n, S · S, 2 · used).

        Without dither, they serve all salts.
        """
        phases = self._shifted_phases(grid, most)[..., : len(point.frequencies[:_MOST_USED])] / np.float32(point.scale)
        waves = np.concatenate([np.cos(phases), np.sin(phases)], -1)
        return waves.reshape(len(waves), -1, waves.shape[-1])

    def _make_around(self, grid: Grid, down: float, across: float) -> np.ndarray:
        """Return the levels of the grid's area with a margin, moved by part of a pixel: (H, W) float32, around 0."""
        moved = [
            edge + _MARGIN for edge in (grid.top - down, grid.left - across, grid.bottom + down, grid.right + across)
        ]
        around = Grid(grid.height + 2 * _MARGIN, grid.width + 2 * _MARGIN, grid.own, *moved).area(self._luma)
        return around.astype(np.float32) - MIDDLE


def _starts(grid: Grid, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first rows and columns of blocks, in pixels."""
    rows, cols = np.divmod(blocks, grid.shape[1])
    return BLOCK * rows, BLOCK * cols


def _lattice(grid: Grid, most: int) -> np.ndarray:
    """Return at most `most` blocks of a copy, in rows and columns spread over its grid: (rows, cols) int."""
    rows, cols = grid.shape
    down = min(rows, max(1, round((most * rows / cols) ** 0.5)))
    across = min(cols, max(1, most // down))
    taken_rows, taken_cols = (
        np.linspace(0, side - 1, count + 2)[1:-1].round().astype(int) for side, count in ((rows, down), (cols, across))
    )
    blocks: np.ndarray = np.add.outer(taken_rows * cols, taken_cols)
    return blocks


def _courses(side: int, starts: np.ndarray) -> tuple[list[tuple[float, float]], np.ndarray]:
    """Return the losses that a copy may have at both ends of a side, and each block's shift for each, (placements, n).

    Shifts are relative to a copy that lacks REACH / 2 at each edge.
    """
    per, most = _SHIFTS_OF_COPIES
    half = REACH / 2
    middle = starts + BLOCK / 2
    lacking = list(product(np.arange(per * REACH + 1) / per, repeat=2))
    shifts = [half + (middle - before) * (side - REACH) / (side - before - after) - middle for before, after in lacking]
    return lacking, np.clip(np.rint(per * np.array(shifts)).astype(int) + most, 0, 2 * most)


def _doubled_phases(blocks: np.ndarray) -> np.ndarray:
    """Return the doubled phases, (..., _MOST_USED) float32, of the coefficients of blocks, (..., 8, 8) float32."""
    return blocks.reshape(*blocks.shape[:-2], -1) @ _BASIS


def _cosines(coefficients: np.ndarray, dither: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """Return the sum of cosines of each block, (n, ...), scaled so that their total has variance 1 by chance.

    Coefficients are (n, ..., _MOST_USED), the dither (n, ..., 64) or broadcastable to it.
    """
    used = point.frequencies[:_MOST_USED]
    phases = coefficients[..., : len(used)] * np.float32(1 / point.scale)
    phases -= _DOUBLED * dither[..., used]
    sums = np.cos(phases, out=phases) @ np.ones(len(used), np.float32)
    return sums * -_per_deviation(len(sums), len(used))


def _per_deviation(blocks: int, used: int) -> np.float32:
    """Return the inverse of the standard deviation, by chance, of a sum of `blocks` · `used` cosines."""
    return np.float32((blocks * used / 2) ** -0.5)
