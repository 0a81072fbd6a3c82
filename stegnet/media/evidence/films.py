"""Evidence in a film that is stored without loss, by frames of its middle: black ones at its start tell nothing."""

import math
from collections.abc import Sequence

import numpy as np

from stegnet.media.evidence.lattice import COPY
from stegnet.media.evidence.pictures import PictureEvidence, changes_in_band, is_flat, picture_proof
from stegnet.media.evidence.tiles import tiles

FILM_COPY = "a film that was copied from one with loss"
STILL = "a film whose frames repeat others"


def film_evidence(pairs: Sequence[tuple[np.ndarray, np.ndarray]], count: int) -> PictureEvidence:
    """Return the evidence in the samples of a film.

    Args:
        pairs: frames and those that follow them, (H, W, 3) uint8.
        count: number of all frames.
    """
    varied = [pair for pair in pairs if not is_flat(pair[0])]
    for first, second in varied:
        proof = picture_proof(first)
        if proof == COPY:
            return PictureEvidence(FILM_COPY)
        if proof:
            return PictureEvidence(proof.replace("a picture", "a film"))
        if _repeats(first, second):
            return PictureEvidence(STILL)
    changes = min((changes_in_band(first) for first, _ in varied), default=math.inf)
    return PictureEvidence(None, changes * math.sqrt(count))


def _repeats(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether a varied tile of a frame is the same in the next one."""
    for y, x, tile in tiles(first):
        after = second[y : y + tile.shape[0], x : x + tile.shape[1]]
        same = (tile == after).all(2)
        unlike = (tile[:, 1:] != tile[:, :-1]).any(2)  # the next one in its row
        if 2 * np.count_nonzero(unlike) > unlike.size and same.mean() > 0.99:
            return True
    return False
