"""Assembled pictures: a solver's placement of blocks as a picture, and its quality.

A solver finds fragments, but not their place in the picture. The largest is placed where most of its blocks belong, as
a person would who recognises it; the others where they fit.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from stegnet.core.measures import PSNR, SSIM
from stegnet.core.shuffle import ORIENTATIONS, Shuffle
from study.jigsaw.borders import Rules
from study.jigsaw.known_frame import similarity, turned
from study.jigsaw.solver import Placement, compose, moved, neighbour_accuracy, random_placement, solve, truth
from study.keyless import cut_blocks, on_grey

BRIGHTNESS, BLIND, RANDOM = "brightness", "blind", "random"
SOLVERS = {BRIGHTNESS: False, BLIND: True}  # whether brightness is removed first
SIMILARITY = (PSNR.key, SSIM.key, "correlation")
RANDOM_DRAWS, RANDOM_PICTURES = 20, 4

Grid = tuple[int, int]  # rows and columns


class Puzzle:
    """A shuffled picture and the placements of all solvers.

    Args:
        seen: the shuffled picture, (H, W, 3) float, signed.
        hidden: the true picture, without errors.
        shuffle: the true shuffle.
        rules: changes by the key besides the places.

    Attributes:
        block: side of the blocks in pixels.
        solved: placement by solver.
    """

    def __init__(self, seen: np.ndarray, hidden: np.ndarray, shuffle: Shuffle, rules: Rules) -> None:
        self.seen, self.hidden, self.shuffle, self.block = seen, hidden, shuffle, seen.shape[0] // shuffle.rows
        self.solved = {name: solve(seen, self.block, rules, blind=blind) for name, blind in SOLVERS.items()}
        self._rules, self._true = rules, truth(shuffle)

    def neighbours(self) -> dict[str, float]:
        """Share of true neighbours that each solver places side by side."""
        return {name: neighbour_accuracy(found, self._true) for name, found in self.solved.items()}

    def neighbours_by_chance(self) -> float:
        """The same for random placements."""
        return float(np.mean([neighbour_accuracy(each, self._true) for each in self._random_placements(RANDOM_DRAWS)]))

    def assembled(self, found: Placement) -> np.ndarray:
        """The picture of a placement, (H, W, 3) uint8, on grey."""
        return on_grey(assemble(self.seen, self.block, found, self._true))

    def similarities(self) -> dict[str, dict[str, float]]:
        """Similarity of the solvers' pictures and the true one, by measure and solver; `random`: of random placements.

        The base is unknown to the attacker, so both are on grey.
        """
        figures = {name: self._mean_similarity([found]) for name, found in self.solved.items()}
        figures[RANDOM] = self._mean_similarity(self._random_placements(RANDOM_PICTURES))
        measures = enumerate(SIMILARITY)
        return {measure: {name: float(of[place]) for name, of in figures.items()} for place, measure in measures}

    def _mean_similarity(self, placements: list[Placement]) -> np.ndarray:
        """(3,), the mean over some placements, in the order of SIMILARITY."""
        hidden = on_grey(self.hidden)
        return np.mean([similarity(self.assembled(found), hidden) for found in placements], 0)

    def _random_placements(self, count: int) -> list[Placement]:
        random = np.random.default_rng(0)
        grid = self.shuffle.rows, self.shuffle.cols
        return [random_placement(*grid, self._rules, random) for _ in range(count)]


def assemble(picture: np.ndarray, block: int, found: Placement, true: Placement) -> np.ndarray:
    """The picture, (H, W, 3), that a placement makes of a shuffled one; every block is used once.

    The largest fragment is turned, negated and moved so that most of its blocks are in their true place; blocks beyond
    the border are cut off. The other fragments, largest first, go to the first place where they fit as they are; one
    that fits nowhere is split into blocks.

    Args:
        block: side of the blocks.
        true: the placement that undoes the shuffle.
    """
    grid = picture.shape[0] // block, picture.shape[1] // block
    return rendered(picture, block, placed_on_canvas(found, true, grid))


def placed_on_canvas(found: Placement, true: Placement, grid: Grid) -> Placement:
    """The placement on the whole canvas, as a single fragment, by the rules of `assemble`."""
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


def rendered(picture: np.ndarray, block: int, placement: Placement) -> np.ndarray:
    """The picture of a placement on the whole canvas."""
    blocks = cut_blocks(picture, block) * (1 - 2 * placement.negative[:, None, None, None]).astype(picture.dtype)
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
    """`found` with one fragment turned, negated and moved so that most of its blocks are in their true place."""
    best, votes = found, -1
    for turn, sign in np.ndindex(ORIENTATIONS, 2):
        place, orientation, negative = found.place.copy(), found.orientation.copy(), found.negative.copy()
        place[members] = moved(place[members], turn)
        orientation[members], negative[members] = compose(turn, orientation[members]), negative[members] ^ sign
        right = members[(orientation == true.orientation)[members] & (negative == true.negative)[members]]
        shift, count = _most_frequent(true.place[right] - place[right])
        if count > votes:
            place[members] += shift
            best, votes = Placement(found.fragment, place, orientation, negative), count
    return best


def _most_frequent(shifts: np.ndarray) -> tuple[np.ndarray, int]:
    """The most frequent of some shifts, (n, 2), and its count."""
    if not len(shifts):
        return np.zeros(2, int), 0
    shift, count = Counter(map(tuple, shifts.tolist())).most_common(1)[0]
    return np.array(shift), count


def _first_free(free: np.ndarray, cells: np.ndarray) -> np.ndarray | None:
    """The first offset, in reading order, at which all cells of a fragment, (n, 2) from (0, 0), are free."""
    rows, cols = np.subtract(free.shape, cells.max(0))
    if rows < 1 or cols < 1:
        return None
    fits = np.logical_and.reduce([free[row : row + rows, col : col + cols] for row, col in cells])
    return np.argwhere(fits)[0] if fits.any() else None
