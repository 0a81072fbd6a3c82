"""Films by a network that is given, over what is there."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from stegnet.core.progress import Progress, no_progress
from stegnet.keys import SYSTEM, KeySource, Randomness
from stegnet.media import FilmWriter
from stegnet.methods import Run
from stegnet.methods.network import Network, NetworkOptions, run_of
from stegnet.methods.network import hide_film as hide_by
from stegnet.methods.network import reveal_film as reveal_by
from stegnet.results import OutputTarget, Report


def hide_film(
    network: Network,
    films: tuple[Path, Path],
    out: Path,
    key: KeySource,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
    **options: object,
) -> Report:
    """Hides the second film in the first."""
    run = run_of(network, Run(randomness=randomness, progress=progress))
    return hide_by(*films, OutputTarget(out, force=True), key, NetworkOptions(**options), run)


def reveal_film(
    network: Network, container: Path, out: Path, key: KeySource, progress: Progress = no_progress, **how: bool
) -> Report:
    """Reveals a film; `strict`, or without loss in MP4."""
    target = OutputTarget(out, force=True, lossless=how.pop("lossless", False))
    return reveal_by(container, target, key, run=run_of(network, Run(progress=progress)), **how)


def written(path: Path, frames: Sequence[np.ndarray]) -> Path:
    """A film of these frames, 25 per second."""
    height, width, _ = frames[0].shape
    with FilmWriter(path, width, height, Fraction(25)) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))
    return path


@contextmanager
def no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before
