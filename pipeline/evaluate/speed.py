"""Speed of a pair's networks alone, without shuffle, sealed bits and files."""

from statistics import median
from timeit import repeat

import numpy as np

from stegnet.core.measures import HIDE_MS, REVEAL_MS
from stegnet.networks.engines import Engine

SIDES = 1000, 1000  # of a picture of one megapixel, which is computed as one tile
RUNS = 3


def measure_speed(engine: Engine) -> dict[str, float]:
    """Milliseconds for a megapixel, to hide and to reveal: the median of RUNS, after one that warms up.

    Both sides enhance the secret's base. Pictures begin and end in the CPU's memory, as elsewhere.
    """
    cover, secret = np.random.default_rng(0).random((2, *SIDES, 3), np.float32)

    def hide() -> None:
        engine.hide(cover, engine.prepare(secret) - engine.enhance(secret))

    def reveal() -> None:
        engine.restore(engine.enhance(secret), engine.reveal(cover))

    times = ((name, repeat(work, number=1, repeat=1 + RUNS)) for name, work in ((HIDE_MS, hide), (REVEAL_MS, reveal)))
    return {name: round(1000 * median(seconds[1:]), 1) for name, seconds in times}
