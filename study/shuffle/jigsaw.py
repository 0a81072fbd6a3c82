"""A jigsaw solver: what somebody without the key puts together of a shuffled picture's blocks.

Links between borders are taken best first, and joined to fragments wherever the geometry allows: the constrained
spanning tree of Gallagher 2012 ("Jigsaw puzzles with pieces of unknown orientation"). That greedy way has no
look-back; pieces that a wrong link has put aside stay there.
"""

from dataclasses import dataclass

import numpy as np

from stegnet.core.shuffle import ORIENTATIONS, Shuffle
from study.shuffle.borders import Candidates, Rules, candidates
from study.shuffle.loops import belief

_FLIP = 4  # the bit of an orientation that transposes first; the two below count quarter turns
_STEPS = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])  # to the neighbour at the top, right, bottom, left
_USED = 8  # links tried of each border

Link = tuple[int, int, int]  # border, border, relation; see `borders`


@dataclass(frozen=True, eq=False)
class Placement:
    """Where each of N blocks lies, and how it must be changed to lie there.

    Attributes:
        fragment: (N,), which connected part it belongs to; places of different fragments can't be compared.
        place: (N, 2), row and column.
        orientation: (N,), in 0..7 as in `scramble.Shuffle`: the block is turned so.
        negative: (N,), 0 or 1: whether it is multiplied by −1.
    """

    fragment: np.ndarray
    place: np.ndarray
    orientation: np.ndarray
    negative: np.ndarray


def solve(picture: np.ndarray, block: int, rules: Rules, *, blind: bool) -> Placement:
    """Puts a shuffled picture's blocks together.

    Args:
        picture: (H, W, 3) float, signed values in about [-1, 1]; H and W are multiples of `block`.
        block: side of the blocks.
        rules: what the key has changed besides the places.
        blind: ignores brightness, see `borders.candidates`.
    """
    blocks = cut(picture, block)
    found = candidates(blocks, rules, blind)
    fragments = _Fragments(len(blocks), (picture.shape[0] // block, picture.shape[1] // block), rules)
    for link in _ranked(found, belief(found)):
        fragments.join(link)
    return fragments.placement()


def cut(picture: np.ndarray, block: int) -> np.ndarray:
    """The blocks of (H, W, C), (N, block, block, C) in raster order."""
    height, width, channels = picture.shape
    rows, cols = height // block, width // block
    return picture.reshape(rows, block, cols, block, channels).swapaxes(1, 2).reshape(-1, block, block, channels)


def truth(shuffle: Shuffle) -> Placement:
    """The placement that undoes a shuffle."""
    origin, orientation = shuffle.permutation, shuffle.orientation
    place = np.stack(np.divmod(origin, shuffle.cols), 1)
    return Placement(np.zeros_like(origin), place, inverse(orientation), shuffle.negative.astype(int))


def random_placement(rows: int, cols: int, rules: Rules, random: np.random.Generator) -> Placement:
    """Blocks put down blindly, as the rules allow."""
    count = rows * cols
    place = np.stack(np.divmod(random.permutation(count), cols), 1)
    orientation = random.integers(ORIENTATIONS if rules.turned else 1, size=count)
    return Placement(np.zeros(count, int), place, orientation, random.integers(1 + rules.negated, size=count))


def neighbour_accuracy(found: Placement, true: Placement) -> float:
    """Share of the truly adjacent pairs that lie side by side in `found`, turned and negated alike.

    It does not matter how a whole fragment is moved, turned or negated.
    """
    pairs = links(true)
    return len(pairs & links(found)) / len(pairs)


def links(placement: Placement) -> set[Link]:
    """The links between blocks that lie side by side; the lower border first."""
    places = zip(placement.fragment.tolist(), *placement.place.T.tolist(), strict=True)
    lies_at = {place: block for block, place in enumerate(places)}
    found = set()
    for (fragment, row, col), block in lies_at.items():
        for side in (1, 2):
            down, right = _STEPS[side]
            other = lies_at.get((fragment, row + down, col + right))
            if other is not None:
                found.add(_link(placement, block, other, side))
    return found


def compose(second: np.ndarray | int, first: np.ndarray | int) -> np.ndarray | int:
    """The orientation that turns as `first` does, and then as `second`: the dihedral group of the square."""
    turns = second + np.where(np.bitwise_and(second, _FLIP), -np.asarray(first), first)
    return turns & 3 | (second ^ first) & _FLIP


def inverse(orientation: np.ndarray | int) -> np.ndarray | int:
    """The orientation that undoes another."""
    return np.where(np.bitwise_and(orientation, _FLIP), orientation, -np.asarray(orientation) & 3)


def _link(placement: Placement, block: int, other: int, side: int) -> Link:
    orientations = int(placement.orientation[block]), int(placement.orientation[other])
    borders = (
        4 * block + _side_shown(orientations[0], side),
        4 * other + _side_shown(orientations[1], side + 2),
    )
    mirrored = (orientations[0] ^ orientations[1]) // _FLIP
    negated = int(placement.negative[block] ^ placement.negative[other])
    return min(borders), max(borders), 2 * mirrored + negated


def _side_shown(orientation: int, place: int) -> int:
    """Which side of a block stands at a place (0 top, 1 right, 2 bottom, 3 left) once it is turned."""
    side = (place + orientation) % 4
    return 3 - side if orientation & _FLIP else side


def _place_of(orientation: int, side: int) -> int:
    """At which place a side of a block stands once it is turned; undoes `_side_shown`."""
    return ((3 - side if orientation & _FLIP else side) - orientation) % 4


def moved(places: np.ndarray, orientation: int) -> np.ndarray:
    """(n, 2) rows and columns about the origin, turned as a picture is."""
    row, col = places.T
    if orientation & _FLIP:
        row, col = col, row
    for _ in range(orientation & 3):
        row, col = -col, row
    return np.stack([row, col], 1)


def _ranked(found: Candidates, credit: np.ndarray) -> list[Link]:
    """Each link once, the most credible first."""
    used = min(_USED, credit.shape[1])
    here = np.arange(len(credit)).repeat(used)
    there, relation = (values[:, :used].ravel() for values in (found.partner, found.relation))
    credit = np.where(np.isfinite(found.cost[:, :used].ravel()), credit[:, :used].ravel(), -np.inf)
    rows = np.stack([np.minimum(here, there), np.maximum(here, there), relation], 1)
    order = np.argsort(-credit, kind="stable")
    order = order[np.isfinite(credit[order])]
    return list(dict.fromkeys(map(tuple, rows[order].tolist())))


class _Fragments:
    """Blocks that grow together; no fragment outgrows the picture."""

    def __init__(self, count: int, grid: tuple[int, int], rules: Rules) -> None:
        self._fragment = np.arange(count)
        self._place, self._orientation, self._negative = (
            np.zeros((count, 2), int),
            np.zeros(count, int),
            np.zeros(count, int),
        )
        self._members = [[block] for block in range(count)]
        self._taken = [{(0, 0)} for _ in range(count)]
        self._frames = {grid, grid[::-1]} if rules.turned else {grid}

    def placement(self) -> Placement:
        return Placement(self._fragment, self._place, self._orientation, self._negative)

    def join(self, link: Link) -> None:
        """Joins the fragments of two borders along them, unless blocks would come to lie on one another."""
        border, other, relation = link
        if len(self._members[self._fragment[border // 4]]) < len(self._members[self._fragment[other // 4]]):
            border, other = other, border
        host, guest = self._fragment[border // 4], self._fragment[other // 4]
        if host == guest:
            return
        turn = self._turn(border, other, relation)
        members = self._members[guest]
        places = self._landing(border, other // 4, turn, members)
        taken = set(map(tuple, places.tolist()))
        if self._taken[host].isdisjoint(taken) and self._fits(host, places):
            flip = self._negative[border // 4] ^ self._negative[other // 4] ^ relation & 1
            self._place[members], self._fragment[members] = places, host
            self._orientation[members] = compose(turn, self._orientation[members])
            self._negative[members] ^= flip
            self._members[host] += members
            self._taken[host] |= taken

    def _turn(self, border: int, other: int, relation: int) -> int:
        """How the other border's fragment must be turned for the two to face each other."""
        host, guest = int(self._orientation[border // 4]), int(self._orientation[other // 4])
        facing = (_place_of(host, border % 4) + 2) % 4
        flipped = (host ^ (relation // 2) * _FLIP) & _FLIP
        wanted = flipped | (_place_of(flipped, other % 4) - facing) % 4
        return int(compose(wanted, inverse(guest)))

    def _landing(self, border: int, guest: int, turn: int, members: list[int]) -> np.ndarray:
        """(n, 2): where the guest's fragment comes to lie."""
        side = _place_of(int(self._orientation[border // 4]), border % 4)
        shift = self._place[border // 4] + _STEPS[side] - moved(self._place[guest][None], turn)[0]
        return moved(self._place[members], turn) + shift

    def _fits(self, host: int, places: np.ndarray) -> bool:
        every = np.concatenate([self._place[self._members[host]], places])
        rows, cols = np.ptp(every, 0) + 1
        return any(rows <= height and cols <= width for height, width in self._frames)
