"""How restless a film has become: what of its change from frame to frame was not in the original."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from stegnet.media import read_frames


def temporal(originals: Iterable[np.ndarray], copies: Iterable[np.ndarray]) -> Iterator[tuple[float, float]]:
    """Flicker, and the original's own change, of each step to the next frame; both in levels, 0 to 255.

    With the error e(t) = copy(t) − original(t), flicker is the mean of |e(t + 1) − e(t)| over all samples. That is
    the same as the difference between both films' temporal differences: the temporal error of Lai et al. 2018
    ("Learning blind video temporal consistency") without its warping. None is needed, for both films move alike, and
    without it no estimate of motion colours the figure. 0 means that the error stands still; a Gaussian error drawn
    anew for each frame flickers by √2 times its APD.

    The original's change is the mean of |original(t + 1) − original(t)|: motion, against which flicker may hide.

    Args:
        originals, copies: (H, W, 3) uint8 each; they end with the shorter.
    """
    for before, after in pairwise(_with_error(originals, copies)):
        yield _distance(before[1], after[1]), _distance(before[0], after[0])


def measure_flicker(cover: Path, container: Path, secret: Path, revealed: Path) -> pd.DataFrame:
    """One row per step from a hidden frame to the next: container_flicker, cover_change, secret_flicker, secret_change.

    Raises:
        MediaError: a film can't be read.
    """
    names = ("container_flicker", "cover_change", "secret_flicker", "secret_change")
    with ExitStack() as open_films:
        films = [open_films.enter_context(closing(read_frames(film))) for film in (secret, revealed, cover, container)]
        # The secret's films end first, where they end at all: zip asks them first.
        both = zip(temporal(*films[:2]), temporal(*films[2:]), strict=False)
        rows = [dict(zip(names, (*seen, *hidden), strict=True)) for hidden, seen in both]
    return pd.DataFrame(rows, columns=names)


def _with_error(originals: Iterable[np.ndarray], copies: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, ...]]:
    for original, copy in zip(originals, copies, strict=False):
        yield original.astype(np.int16), copy.astype(np.int16) - original


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean(np.abs(b - a)))
