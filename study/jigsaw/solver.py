"""A jigsaw solver: assembles a shuffled picture's blocks without the key.

Links between borders are taken best first, and joined to fragments wherever the geometry allows: the constrained
spanning tree of Gallagher 2012 ("Jigsaw puzzles with pieces of unknown orientation"). This greedy method does not
backtrack: pieces that a wrong link has put aside stay there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stegnet.core.shuffle import ORIENTATIONS, Shuffle
from study.jigsaw.borders import RELATIONS, Candidates, Rules, candidates
from study.keyless import cut_blocks

TEMPERATURE = 6.0  # of the costs, for probabilities
PATHS = 6  # candidates of a border that a loop may use
LINKS = 12  # candidates of a border whose loops are counted
TRUST = 0.5  # weight of the loops' evidence
NO_LOOP = 1e-3  # evidence of a corner without a loop; a certain loop is 1

_FLIP = 4  # the bit of an orientation that transposes first; the two below count quarter turns
_STEPS = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])  # to the neighbour at the top, right, bottom, left
_USED = 8  # links of each border that are considered

Link = tuple[int, int, int]  # border, border, relation; see `borders`
# (M, …) borders, (M, …) their partners, (M, …) the relations, to a value of each link
_Lookup = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Placement:
    """Positions and orientations of N blocks.

    Attributes:
        fragment: (N,), the connected part that a block belongs to; places in different fragments are unrelated.
        place: (N, 2), row and column.
        orientation: (N,), in 0..7 as in `core.shuffle.Shuffle`: how the block is turned.
        negative: (N,), 1 if the block is multiplied by −1, else 0.
    """

    fragment: np.ndarray
    place: np.ndarray
    orientation: np.ndarray
    negative: np.ndarray


def solve(picture: np.ndarray, block: int, rules: Rules, *, blind: bool) -> Placement:
    """Assembles a shuffled picture's blocks.

    Args:
        picture: (H, W, 3) float, signed values in about [-1, 1]; H and W are multiples of `block`.
        block: side of the blocks.
        rules: changes by the key besides the places.
        blind: ignores brightness, see `borders.candidates`.
    """
    blocks = cut_blocks(picture, block)
    found = candidates(blocks, rules, blind)
    fragments = _Fragments(len(blocks), (picture.shape[0] // block, picture.shape[1] // block), rules)
    for link in _ranked(found, confidence(found)):
        fragments.join(link)
    return fragments.placement()


def truth(shuffle: Shuffle) -> Placement:
    """The placement that undoes a shuffle."""
    origin, orientation = shuffle.permutation, shuffle.orientation
    place = np.stack(np.divmod(origin, shuffle.cols), 1)
    return Placement(np.zeros_like(origin), place, inverse(orientation), shuffle.negative.astype(int))


def random_placement(rows: int, cols: int, rules: Rules, random: np.random.Generator) -> Placement:
    """Blocks placed at random, as the rules allow."""
    count = rows * cols
    place = np.stack(np.divmod(random.permutation(count), cols), 1)
    orientation = random.integers(ORIENTATIONS if rules.turned else 1, size=count)
    return Placement(np.zeros(count, int), place, orientation, random.integers(1 + rules.negated, size=count))


def neighbour_accuracy(found: Placement, true: Placement) -> float:
    """Share of the true neighbour pairs that are neighbours in `found`, with the same relative orientation and sign.

    Invariant to moving, turning and negating a whole fragment.
    """
    pairs = links(true)
    return len(pairs & links(found)) / len(pairs)


def links(placement: Placement) -> set[Link]:
    """The links between neighbouring blocks, the lower border first."""
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
    """The orientation of `first`, then `second`: composition in the dihedral group of the square."""
    turns = second + np.where(np.bitwise_and(second, _FLIP), -np.asarray(first), first)
    return turns & 3 | (second ^ first) & _FLIP


def inverse(orientation: np.ndarray | int) -> np.ndarray | int:
    """The inverse of an orientation."""
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
    """The side of a block at a place (0 top, 1 right, 2 bottom, 3 left) once it is turned."""
    side = (place + orientation) % 4
    return 3 - side if orientation & _FLIP else side


def _place_of(orientation: int, side: int) -> int:
    """The place of a side of a block once it is turned; inverts `_side_shown`."""
    return ((3 - side if orientation & _FLIP else side) - orientation) % 4


def moved(places: np.ndarray, orientation: int) -> np.ndarray:
    """(n, 2) rows and columns about the origin, turned as a picture is."""
    row, col = places.T
    if orientation & _FLIP:
        row, col = col, row
    for _ in range(orientation & 3):
        row, col = -col, row
    return np.stack([row, col], 1)


def _ranked(found: Candidates, trust: np.ndarray) -> list[Link]:
    """Each link once, by decreasing confidence."""
    used = min(_USED, trust.shape[1])
    here = np.arange(len(trust)).repeat(used)
    there, relation = (values[:, :used].ravel() for values in (found.partner, found.relation))
    trust = np.where(np.isfinite(found.cost[:, :used].ravel()), trust[:, :used].ravel(), -np.inf)
    rows = np.stack([np.minimum(here, there), np.maximum(here, there), relation], 1)
    order = np.argsort(-trust, kind="stable")
    order = order[np.isfinite(trust[order])]
    return list(dict.fromkeys(map(tuple, rows[order].tolist())))


def confidence(links: Candidates) -> np.ndarray:
    """(M, LINKS or fewer): confidence in each border's best links.

    Where four blocks meet at a corner, four links close a loop; a wrong link seldom finds three others that do
    (Son, Hays & Cooper 2014, "Solving square jigsaw puzzles with loop constraints"). Here loops are summed as evidence.
    """
    alone = _both_ways(links, _log_share(-links.cost / TEMPERATURE))
    probability = np.exp(alone)
    known = _lookup(links, probability, 0.0)
    kept = slice(min(LINKS, alone.shape[1]))
    corners = [_closed(links, probability, known, kept, end) for end in (1, -1)]
    return alone[:, kept] + TRUST * sum(np.log(NO_LOOP + corner) for corner in corners)


def _log_share(score: np.ndarray) -> np.ndarray:
    """The logarithm of each partner's share among a border's partners."""
    score = np.maximum(score - score.max(1, keepdims=True), -700)
    return score - np.log(np.exp(score).sum(1, keepdims=True))


def _both_ways(links: Candidates, share: np.ndarray) -> np.ndarray:
    """Mean of a link's shares at its two borders; a border that does not list the other gives its last share."""
    back = _lookup(links, share, np.nan)(links.partner, np.arange(len(share))[:, None], links.relation)
    return (share + np.where(np.isnan(back), share[links.partner, -1], back)) / 2


def _closed(links: Candidates, probability: np.ndarray, known: _Lookup, kept: slice, end: int) -> np.ndarray:
    """(M, kept): summed probability of the loops that a link closes around the corner at one end of its border."""
    here = np.arange(len(probability))[:, None]
    there, relation = links.partner[:, kept], links.relation[:, kept]
    end_there = _across(end, relation)
    first, second = np.broadcast_to(_turn(here, end), there.shape), _turn(there, end_there)
    total = np.zeros(there.shape)
    for i, j in np.ndindex(*2 * (min(PATHS, probability.shape[1]),)):
        one, other = links.relation[first, i], links.relation[second, j]
        left, right = links.partner[first, i], links.partner[second, j]
        left = _turn(left, _across(-end, one))
        right = _turn(right, _across(-end_there, other))
        closing = relation ^ one ^ other
        likely = np.maximum(known(left, right, closing), known(right, left, closing))
        total += probability[first, i] * probability[second, j] * likely
    return total


def _turn(border: np.ndarray, end: np.ndarray | int) -> np.ndarray:
    """The next border of the same block around the corner at an end: 1 is its last pixel, −1 its first."""
    return border // 4 * 4 + (border + end) % 4


def _across(end: np.ndarray | int, relation: np.ndarray) -> np.ndarray:
    """The end of the partner's border that touches an end: the same end if both are read forwards."""
    return np.where(relation // 2 == 1, end, -end)


def _lookup(links: Candidates, values: np.ndarray, missing: float) -> _Lookup:
    """A function that looks up the value of a link, or `missing`."""
    count = len(values)
    codes = ((np.arange(count)[:, None] * count + links.partner) * RELATIONS + links.relation).ravel()
    order = codes.argsort(kind="stable")
    codes, sorted_values = codes[order], values.ravel()[order]

    def find(border: np.ndarray, partner: np.ndarray, relation: np.ndarray) -> np.ndarray:
        code = (border * count + partner) * RELATIONS + relation
        place = np.minimum(np.searchsorted(codes, code), len(codes) - 1)
        return np.where(codes[place] == code, sorted_values[place], missing)

    return find


class _Fragments:
    """Fragments of blocks that are merged along links; none outgrows the picture."""

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
        """Joins the fragments of two borders along them, unless blocks would overlap."""
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
        """The orientation of the other border's fragment in which the two borders face each other."""
        host, guest = int(self._orientation[border // 4]), int(self._orientation[other // 4])
        facing = (_place_of(host, border % 4) + 2) % 4
        flipped = (host ^ (relation // 2) * _FLIP) & _FLIP
        wanted = flipped | (_place_of(flipped, other % 4) - facing) % 4
        return int(compose(wanted, inverse(guest)))

    def _landing(self, border: int, guest: int, turn: int, members: list[int]) -> np.ndarray:
        """(n, 2): places of the guest's fragment after the join."""
        side = _place_of(int(self._orientation[border // 4]), border % 4)
        shift = self._place[border // 4] + _STEPS[side] - moved(self._place[guest][None], turn)[0]
        return moved(self._place[members], turn) + shift

    def _fits(self, host: int, places: np.ndarray) -> bool:
        every = np.concatenate([self._place[self._members[host]], places])
        rows, cols = np.ptp(every, 0) + 1
        return any(rows <= height and cols <= width for height, width in self._frames)
