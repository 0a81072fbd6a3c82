"""The picture that somebody makes of a placement of blocks, whose fragments he must put somewhere."""

from collections import Counter
from dataclasses import replace

import numpy as np

from stegnet.core.shuffle import ORIENTATIONS
from study.shuffle.jigsaw import Placement, compose, cut, moved
from study.shuffle.known_frame import turned

Grid = tuple[int, int]  # rows and columns


def assemble(picture: np.ndarray, block: int, found: Placement, true: Placement) -> np.ndarray:
    """A shuffled picture, (H, W, 3), put together as `found` says; every block is used once.

    The largest fragment is turned, negated and moved so that most of its blocks lie where they belong: a person
    would see how it belongs. What of it sticks out is cut off. The others say nothing of their place: largest first,
    each is put down as it lies where it fits first, and a fragment that fits nowhere falls apart.

    Args:
        block: side of the blocks.
        true: the placement that undoes the shuffle.
    """
    grid = picture.shape[0] // block, picture.shape[1] // block
    return drawn(picture, block, laid(found, true, grid))


def laid(found: Placement, true: Placement, grid: Grid) -> Placement:
    """The same fragments, each at its place on a canvas, as `assemble` says: one fragment in all."""
    first, *others = _fragments(found)
    one = replace(_aligned(found, first, true), fragment=np.zeros_like(found.fragment))
    out = np.any((one.place[first] < 0) | (one.place[first] >= grid), 1)
    loose = first[out].tolist()
    free = np.ones(grid, bool)
    free[tuple(one.place[first[~out]].T)] = False
    for members in others:
        cells = found.place[members] - found.place[members].min(0)
        spot = _first_free(free, cells)
        if spot is None:
            loose += members.tolist()
        else:
            one.place[members] = cells + spot
            free[tuple(one.place[members].T)] = False
    one.place[loose] = np.argwhere(free)
    return one


def drawn(picture: np.ndarray, block: int, placement: Placement) -> np.ndarray:
    """A shuffled picture's blocks, each where a placement on the whole canvas says, turned and negated so."""
    blocks = cut(picture, block) * (1 - 2 * placement.negative[:, None, None, None]).astype(picture.dtype)
    canvas = np.empty((picture.shape[0] // block, picture.shape[1] // block, *blocks.shape[1:]), picture.dtype)
    for turn in range(ORIENTATIONS):
        chosen = placement.orientation == turn
        canvas[tuple(placement.place[chosen].T)] = turned(blocks[chosen], turn)
    return canvas.swapaxes(1, 2).reshape(picture.shape)


def _fragments(found: Placement) -> list[np.ndarray]:
    """The blocks of each fragment, the largest first."""
    groups = [np.flatnonzero(found.fragment == name) for name in np.unique(found.fragment)]
    return sorted(groups, key=len, reverse=True)


def _aligned(found: Placement, members: np.ndarray, true: Placement) -> Placement:
    """`found` with one fragment turned, negated and moved so that most of its blocks are right."""
    best, votes = found, -1
    for turn, sign in np.ndindex(ORIENTATIONS, 2):
        place, orientation, negative = found.place.copy(), found.orientation.copy(), found.negative.copy()
        place[members] = moved(place[members], turn)
        orientation[members], negative[members] = compose(turn, orientation[members]), negative[members] ^ sign
        right = members[(orientation == true.orientation)[members] & (negative == true.negative)[members]]
        shift, count = _commonest(true.place[right] - place[right])
        if count > votes:
            place[members] += shift
            best, votes = Placement(found.fragment, place, orientation, negative), count
    return best


def _commonest(shifts: np.ndarray) -> tuple[np.ndarray, int]:
    """The commonest of some shifts, (n, 2), and how often it stands there."""
    if not len(shifts):
        return np.zeros(2, int), 0
    shift, count = Counter(map(tuple, shifts.tolist())).most_common(1)[0]
    return np.array(shift), count


def _first_free(free: np.ndarray, cells: np.ndarray) -> np.ndarray | None:
    """Where on the canvas, in reading order, all cells of a fragment are free; (n, 2) from (0, 0) on."""
    rows, cols = np.subtract(free.shape, cells.max(0))
    if rows < 1 or cols < 1:
        return None
    fits = np.logical_and.reduce([free[row : row + rows, col : col + cols] for row, col in cells])
    return np.argwhere(fits)[0] if fits.any() else None
