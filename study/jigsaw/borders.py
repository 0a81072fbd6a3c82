"""Compatibility of two blocks of a shuffled picture along a border.

Border 4·n + s is side s of block n: 0 top, 1 right, 2 bottom, 3 left, read clockwise. Two borders may fit in four
relations, 2·mirrored + negated: of two blocks of one handedness, one border is read forwards and the other
backwards; if one block is mirrored, both are read forwards. If one is negated, one is multiplied by −1.
"""

import math
from dataclasses import dataclass

import numpy as np

from stegnet.core.samples import CELL
from study.jigsaw.field import Field, facing, fit

DEPTH = 3  # rows of pixels along a border that are compared
RELATIONS = 4
_GRADIENT_WEIGHT = 5.0
_CHUNK = 256


@dataclass(frozen=True)
class Rules:
    """Changes by the key besides the place: whether blocks are turned and flipped, and negated."""

    turned: bool = True
    negated: bool = True


@dataclass(frozen=True, eq=False)
class Candidates:
    """For each of M borders, the K others that fit best, best first.

    Attributes:
        partner: (M, K), the other border.
        relation: (M, K), one of the RELATIONS.
        cost: (M, K), a log likelihood ratio up to sign and scale; inf where the rules allow no other.
    """

    partner: np.ndarray
    relation: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True, eq=False)
class _Form:
    """A measure of M borders against each other: own_h + own_k + moments_h · swapped_k ± left_h · right_k.

    `right` is (2, M, F): as a border of one handedness, and of the other. The sign is that of the negation.
    """

    own: np.ndarray
    moments: np.ndarray
    swapped: np.ndarray
    left: np.ndarray
    right: np.ndarray

    def between(self, rows: slice, rules: Rules) -> np.ndarray:
        """(rows, M, 4), or (rows, M, 2) if nothing is turned: by relation; inf where the rules forbid negatives."""
        base = self.own[rows, None] + self.own + self.moments[rows] @ self.swapped.T
        relations = []
        for right in self.right[: 1 + rules.turned]:
            cross = self.left[rows] @ right.T
            relations += [base + cross, base - cross if rules.negated else np.full_like(base, np.inf)]
        return np.stack(relations, -1)


def candidates(blocks: np.ndarray, rules: Rules, blind: bool, count: int = 32) -> Candidates:
    """The best partners of each border.

    The cost is a log likelihood ratio, that the two strips were neighbours in a random field like this picture
    against that they are independent, plus the logarithm of Gallagher's MGC: the one uses the whole picture's
    statistics, the other the block's own.

    Args:
        blocks: (N, b, b, 3), signed values in about [-1, 1].
        blind: ignores brightness: first subtracts the mean of each 8×8 cell (or smaller one, if 8 does not divide
            b) from the blocks, and models that.
        count: most candidates of each border.
    """
    side = blocks.shape[1]
    cell = math.gcd(side, CELL) if blind else None
    blocks = _centred(blocks, cell) if cell else blocks
    forms = _likelihood(blocks, fit(blocks, cell or side), cell), _gradients(blocks, cell)
    borders = 4 * len(blocks)
    chunks = [slice(start, start + _CHUNK) for start in range(0, borders, _CHUNK)]
    found = [_best(_cost(forms, rows, rules), rows, rules, min(count, borders - 4)) for rows in chunks]
    return Candidates(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def strips(blocks: np.ndarray, depth: int) -> np.ndarray:
    """(4N, depth, b, 3): the pixels along each border, outermost first, read clockwise."""
    sides = [np.rot90(blocks, side, (1, 2))[:, :depth] for side in range(4)]
    return np.stack(sides, 1).reshape(-1, depth, *blocks.shape[2:]).astype(np.float32)


def _cost(forms: tuple[_Form, _Form], rows: slice, rules: Rules) -> np.ndarray:
    likelihood, gradients = (form.between(rows, rules) for form in forms)
    return likelihood + _GRADIENT_WEIGHT * np.log(np.maximum(gradients, 1e-6))


def _best(cost: np.ndarray, rows: slice, rules: Rules, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Partners, relations and costs of the `count` cheapest for each row."""
    every = np.arange(cost.shape[1])
    here = every[rows, None]
    allowed = here // 4 != every // 4
    if not rules.turned:
        allowed &= (here + 2) % 4 == every % 4
    flat = np.where(allowed[..., None], cost, np.inf).reshape(len(here), -1)
    chosen = np.argpartition(flat, count, axis=1)[:, :count]
    chosen = np.take_along_axis(chosen, np.take_along_axis(flat, chosen, 1).argsort(1, kind="stable"), 1)
    relations = cost.shape[2]
    return chosen // relations, chosen % relations, np.take_along_axis(flat, chosen, 1)


def _likelihood(blocks: np.ndarray, field: Field, cell: int | None) -> _Form:
    """Twice the log likelihood ratio of two Gaussian strips: joint covariance against independence, up to sign."""
    depth = min(DEPTH, blocks.shape[1])
    channels = strips(blocks, depth) @ field.mixing.astype(np.float32)
    left, own = [], 0.0
    for channel, covariance in enumerate(facing(field, blocks.shape[1], depth, cell)):
        values = channels[..., channel].reshape(len(channels), -1)
        half = values.shape[1]
        joint, alone = np.linalg.inv(covariance), np.linalg.inv(covariance[:half, :half])
        own = own + np.sum(values @ (joint[:half, :half] - alone) * values, 1)
        left.append(values @ (joint[:half, half:] + joint[half:, :half]))
    values = np.moveaxis(channels, -1, 1)
    right = np.stack([values[..., ::-1], values]).reshape(2, len(values), -1)
    none = np.zeros((len(values), 0), np.float32)
    return _Form(own.astype(np.float32), none, none, np.concatenate(left, 1).astype(np.float32), right)


def _gradients(blocks: np.ndarray, cell: int | None) -> _Form:
    """Mahalanobis gradient compatibility, MGC (Gallagher 2012, equations 3 to 7), of both sides together.

    The step across the border should be like the steps just inside it, under the covariance of their colours. It
    departs in that the covariance is shrunk by a hundredth of the picture's, and for a blind solver the mean of
    each row in a cell counts as unknown.
    """
    outer, inner = np.moveaxis(strips(blocks, 2), 1, 0)  # (M, b, 3) each
    if cell:
        outer, inner = _level(outer, cell), _level(inner, cell)
    step = (outer - inner).mean(1, keepdims=True)
    spread = np.einsum("mpc,mpd->mcd", outer - inner - step, outer - inner - step) / outer.shape[1]
    weight = np.linalg.inv(spread + 0.01 * spread.mean(0) + 1e-5 * np.eye(3)).astype(np.float32)
    ahead = outer + step
    pull = ahead @ weight
    weights, outers = weight.reshape(-1, 9), np.einsum("mpc,mpd->mcd", outer, outer).reshape(-1, 9)
    right = [
        np.concatenate([_flat(outer[:, order]), _flat(pull[:, order])], 1)
        for order in (slice(None, None, -1), slice(None))
    ]
    return _Form(
        np.sum(pull * ahead, (1, 2)),
        np.concatenate([weights, outers], 1),
        np.concatenate([outers, weights], 1),
        -2 * np.concatenate([_flat(pull), _flat(outer)], 1),
        np.stack(right),
    )


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)


def _level(rows: np.ndarray, cell: int) -> np.ndarray:
    """(M, b, 3), each stretch of `cell` pixels less its mean."""
    parts = rows.reshape(len(rows), -1, cell, 3)
    return (parts - parts.mean(2, keepdims=True)).reshape(rows.shape)


def _centred(blocks: np.ndarray, cell: int) -> np.ndarray:
    """The blocks with the mean of each of their cells taken out."""
    count, side = len(blocks), blocks.shape[1] // cell
    cells = blocks.reshape(count, side, cell, side, cell, 3)
    return (cells - cells.mean((2, 4), keepdims=True)).reshape(blocks.shape)
