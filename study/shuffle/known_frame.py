"""What frames of a film give away about one another, though each has a shuffle of its own.

The attacker assigns one frame's blocks to another's so that they differ least, over all orientations and signs. If
he has the one in the clear, he puts the other right; if he has neither, he still can average a still film's frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from stegnet.core.measures import psnr, ssim
from stegnet.core.samples import block_means, from_8_bits, join, split
from stegnet.core.shuffle import ORIENTATIONS, Shuffle, invert
from study.shuffle.borders import Rules
from study.shuffle.jigsaw import cut


@dataclass(frozen=True)
class Recovered:
    """How good a frame is that was put right by a known one.

    Attributes:
        placed: share of the blocks that lie where they belong.
        psnr, ssim: against the secret frame; correlation of their samples.
    """

    placed: float
    psnr: float
    ssim: float
    correlation: float


def pan(photograph: np.ndarray, size: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Two frames, (size, size, 3), of a film that pans over a photograph by `step` pixels a frame, from its middle."""
    top, left = ((side - size) // 2 for side in photograph.shape[:2])
    left = max(0, min(left, photograph.shape[1] - size - step))
    first, second = (photograph[top : top + size, x : x + size] for x in (left, left + step))
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


def predicted(frame: np.ndarray, step: int) -> np.ndarray:
    """The frame after this one of a pan, as far as it can be known: what comes into view repeats the last column."""
    return np.pad(frame[:, step:], ((0, 0), (0, step), (0, 0)), mode="edge")


def to_hide(frame: np.ndarray, detail: bool) -> np.ndarray:
    """(H, W, 3) uint8 to the signed float that the network hides, not shuffled."""
    return split(from_8_bits(frame), block_means(frame) if detail else None)


def match(known: np.ndarray, shuffled: np.ndarray, block: int, rules: Rules) -> Shuffle:
    """The shuffle that turns a picture into blocks as near to the given ones as can be.

    Args:
        known, shuffled: (H, W, 3) float, signed; sides are multiples of `block`.
    """
    places, pieces = cut(known, block), cut(shuffled, block)
    likeness, orientation, negative = _likeness(pieces, places, rules)
    energy = [np.sum(blocks.astype(np.float64) ** 2, (1, 2, 3)) for blocks in (pieces, places)]
    distance = energy[0][:, None] + energy[1] - 2 * likeness
    piece, place = linear_sum_assignment(distance)
    rows, cols = known.shape[0] // block, known.shape[1] // block
    return Shuffle(rows, cols, place, orientation[piece, place], negative[piece, place])


def averaged(frames: Sequence[np.ndarray], block: int, rules: Rules) -> np.ndarray:
    """The mean of a still film's shuffled frames, in the first one's order: what the network adds averages out."""
    total = frames[0]
    for count, frame in enumerate(frames[1:], 1):
        total = total + invert(frame, match(total / count, frame, block, rules))
    return total / len(frames)


def placed(found: Shuffle, true: Shuffle) -> float:
    """Share of the blocks whose place is right."""
    return float(np.mean(found.permutation == true.permutation))


def recover(
    shuffled: np.ndarray, found: Shuffle, true: Shuffle, known: np.ndarray, secret: np.ndarray, detail: bool
) -> Recovered:
    """What the attacker gets of the secret frame.

    Args:
        shuffled: (H, W, 3) float, what he sees.
        found, true: his shuffle, and the real one.
        known, secret: (H, W, 3) uint8. Block means, which he can't see, he takes from the frame that he knows.
    """
    means = block_means(known) if detail else None
    sorted_out = join(invert(shuffled, found), means)
    picture = (sorted_out * 255).round().clip(0, 255).astype(np.uint8)
    return Recovered(placed(found, true), *likeness(picture, secret))


def likeness(picture: np.ndarray, secret: np.ndarray) -> tuple[float, float, float]:
    """PSNR, SSIM and the correlation of all samples of two uint8 pictures."""
    correlation = np.corrcoef(picture.ravel().astype(float), secret.ravel().astype(float))[0, 1]
    return psnr(picture, secret), ssim(picture, secret), float(correlation)


def _likeness(pieces: np.ndarray, places: np.ndarray, rules: Rules) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, N) each, for each piece at each place: the best scalar product, and the orientation and sign that give it."""
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
    """(N, b, b, C), each turned as `scramble.Shuffle` says."""
    upright = blocks.swapaxes(1, 2) if orientation & 4 else blocks
    return np.rot90(upright, orientation & 3, (1, 2))


def _flat(blocks: np.ndarray) -> np.ndarray:
    return blocks.reshape(len(blocks), -1)
