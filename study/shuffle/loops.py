"""How far a link between two borders may be believed, once its neighbours have been heard.

Where four blocks meet at a corner, four links close a loop. A wrong link seldom finds three others that close
one, which is what Son, Hays & Cooper 2014 ("Solving square jigsaw puzzles with loop constraints") build on; here
the loops are added up as evidence.
"""

from collections.abc import Callable

import numpy as np

from study.shuffle.borders import RELATIONS, Candidates

TEMPERATURE = 6.0  # of the costs, so that they give probabilities
PATHS = 6  # partners of a border that a loop may pass through
LINKS = 12  # partners of a border for which loops are looked for
TRUST = 0.5  # weight of the loops' evidence
NO_LOOP = 1e-3  # what a corner without a loop counts, against a certain loop's 1

# (M, …) borders, (M, …) their partners, (M, …) the relations, to what is known of these links
_Lookup = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def belief(found: Candidates) -> np.ndarray:
    """(M, LINKS or fewer): how credible each border's best links are, the higher the better."""
    alone = _both_ways(found, _log_share(-found.cost / TEMPERATURE))
    probability = np.exp(alone)
    known = _lookup(found, probability, 0.0)
    kept = slice(min(LINKS, alone.shape[1]))
    corners = [_closed(found, probability, known, kept, end) for end in (1, -1)]
    return alone[:, kept] + TRUST * sum(np.log(NO_LOOP + corner) for corner in corners)


def _log_share(score: np.ndarray) -> np.ndarray:
    """The logarithm of each partner's share among a border's partners."""
    score = np.maximum(score - score.max(1, keepdims=True), -700)
    return score - np.log(np.exp(score).sum(1, keepdims=True))


def _both_ways(found: Candidates, share: np.ndarray) -> np.ndarray:
    """Mean of what either border of a link says of it; one that does not name the other says its own last share."""
    back = _lookup(found, share, np.nan)(found.partner, np.arange(len(share))[:, None], found.relation)
    return (share + np.where(np.isnan(back), share[found.partner, -1], back)) / 2


def _closed(found: Candidates, probability: np.ndarray, known: _Lookup, kept: slice, end: int) -> np.ndarray:
    """(M, kept): the probability, summed, of loops that close a link round the corner at one end of its border."""
    here = np.arange(len(probability))[:, None]
    there, relation = found.partner[:, kept], found.relation[:, kept]
    end_there = _across(end, relation)
    first, second = np.broadcast_to(_turn(here, end), there.shape), _turn(there, end_there)
    total = np.zeros(there.shape)
    for i, j in np.ndindex(*2 * (min(PATHS, probability.shape[1]),)):
        one, other = found.relation[first, i], found.relation[second, j]
        left, right = found.partner[first, i], found.partner[second, j]
        left = _turn(left, _across(-end, one))
        right = _turn(right, _across(-end_there, other))
        closing = relation ^ one ^ other
        likely = np.maximum(known(left, right, closing), known(right, left, closing))
        total += probability[first, i] * probability[second, j] * likely
    return total


def _turn(border: np.ndarray, end: np.ndarray | int) -> np.ndarray:
    """The next border of the same block round the corner at an end: 1 is where its reading ends, −1 where it starts."""
    return border // 4 * 4 + (border + end) % 4


def _across(end: np.ndarray | int, relation: np.ndarray) -> np.ndarray:
    """The end of the partner's border that touches an end; read forwards by both, ends touch their like."""
    return np.where(relation // 2 == 1, end, -end)


def _lookup(found: Candidates, values: np.ndarray, missing: float) -> _Lookup:
    """Finds the value of a link, or `missing`."""
    count = len(values)
    codes = ((np.arange(count)[:, None] * count + found.partner) * RELATIONS + found.relation).ravel()
    order = codes.argsort(kind="stable")
    codes, sorted_values = codes[order], values.ravel()[order]

    def find(border: np.ndarray, partner: np.ndarray, relation: np.ndarray) -> np.ndarray:
        code = (border * count + partner) * RELATIONS + relation
        place = np.minimum(np.searchsorted(codes, code), len(codes) - 1)
        return np.where(codes[place] == code, sorted_values[place], missing)

    return find
