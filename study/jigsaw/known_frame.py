"""Known-plaintext attack on a film: frames reveal one another, though each has a shuffle of its own.

The attacker assigns one frame's blocks to another's with the least difference, over all orientations and signs. A
known frame unshuffles the other; without one, the frames of a still film can be averaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from stegnet.core.measures import psnr, ssim
from stegnet.core.samples import Base, join, to_8_bits
from stegnet.core.shuffle import ORIENTATIONS, Shuffle, invert
from study.jigsaw.borders import Rules
from study.keyless import cut_blocks


@dataclass(frozen=True)
class RecoveredFrame:
    """Quality of a frame that was unshuffled with a known one.

    Attributes:
        placed: share of the blocks in their true place.
        psnr, ssim: against the secret frame; correlation of their samples.
    """

    placed: float
    psnr: float
    ssim: float
    correlation: float


def pan(photograph: np.ndarray, size: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Two frames, (size, size, 3), of a film panning over a photograph by `step` pixels a frame, from its middle."""
    top, left = ((side - size) // 2 for side in photograph.shape[:2])
    left = max(0, min(left, photograph.shape[1] - size - step))
    first, second = (photograph[top : top + size, x : x + size] for x in (left, left + step))
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


def predicted(frame: np.ndarray, step: int) -> np.ndarray:
    """The next frame of a pan; columns that come into view repeat the last one."""
    return np.pad(frame[:, step:], ((0, 0), (0, step), (0, 0)), mode="edge")


def match(known: np.ndarray, shuffled: np.ndarray, block: int, rules: Rules) -> Shuffle:
    """The shuffle of a known picture that is nearest to a shuffled one.

    Args:
        known, shuffled: (H, W, 3) float, signed; sides are multiples of `block`.
    """
    places, pieces = cut_blocks(known, block), cut_blocks(shuffled, block)
    product, orientation, negative = _best_products(pieces, places, rules)
    energy = [np.sum(blocks.astype(np.float64) ** 2, (1, 2, 3)) for blocks in (pieces, places)]
    distance = energy[0][:, None] + energy[1] - 2 * product
    piece, place = linear_sum_assignment(distance)
    rows, cols = known.shape[0] // block, known.shape[1] // block
    return Shuffle(rows, cols, place, orientation[piece, place], negative[piece, place])


def averaged(frames: Sequence[np.ndarray], block: int, rules: Rules) -> np.ndarray:
    """The mean of a still film's shuffled frames, in the first one's order: the network's errors average out."""
    total = frames[0]
    for count, frame in enumerate(frames[1:], 1):
        total = total + invert(frame, match(total / count, frame, block, rules))
    return total / len(frames)


def placed(found: Shuffle, true: Shuffle) -> float:
    """Share of the blocks in their true place."""
    return float(np.mean(found.permutation == true.permutation))


def recover(shuffled: np.ndarray, found: Shuffle, true: Shuffle, secret: np.ndarray, base: Base) -> RecoveredFrame:
    """The attacker's estimate of the secret frame, measured.

    Args:
        shuffled: (H, W, 3) float, as the attacker sees it.
        found, true: the attacker's shuffle and the true one.
        secret: (H, W, 3) uint8.
        base: of the known frame, in place of the secret's, which the attacker can't see.
    """
    picture = to_8_bits(join(invert(shuffled, found), base.picture, base.gain))
    return RecoveredFrame(placed(found, true), *similarity(picture, secret))


def similarity(picture: np.ndarray, secret: np.ndarray) -> tuple[float, float, float]:
    """PSNR, SSIM and the correlation of all samples of two uint8 pictures."""
    correlation = np.corrcoef(picture.ravel().astype(float), secret.ravel().astype(float))[0, 1]
    return psnr(picture, secret), ssim(picture, secret), float(correlation)


def _best_products(pieces: np.ndarray, places: np.ndarray, rules: Rules) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, N) each: best scalar product of each piece at each place, its orientation and its sign."""
    best = np.full((len(pieces), len(places)), -np.inf)
    orientation, negative = np.zeros(best.shape, np.int64), np.zeros(best.shape, bool)
    for turn in range(ORIENTATIONS if rules.turned else 1):
        product = _flat(pieces) @ _flat(turned(places, turn)).T
        size = np.abs(product) if rules.negated else product
        better = size > best
        best = np.where(better, size, best)
        orientation[better] = turn
        negative = np.where(better, product < 0 if rules.negated else False, negative)
    return best, orientation, negative


def turned(blocks: np.ndarray, orientation: int) -> np.ndarray:
    """(N, b, b, C), each turned by an orientation of `core.shuffle.Shuffle`."""
    upright = blocks.swapaxes(1, 2) if orientation & 4 else blocks
    return np.rot90(upright, orientation & 3, (1, 2))


def _flat(blocks: np.ndarray) -> np.ndarray:
    return blocks.reshape(len(blocks), -1)
