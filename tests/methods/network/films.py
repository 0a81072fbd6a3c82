"""Films by a network that is given, over what is there; no thread stays."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stegnet.core.progress import Progress, no_progress
from stegnet.keys import SYSTEM, KeySource, Randomness
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
    with _no_thread_stays():
        return hide_by(*films, OutputTarget(out, force=True), key, NetworkOptions(**options), run)


def reveal_film(
    network: Network, container: Path, out: Path, key: KeySource, progress: Progress = no_progress, **how: bool
) -> Report:
    """Reveals a film; `strict`, or without loss in MP4."""
    target = OutputTarget(out, force=True, lossless=how.pop("lossless", False))
    with _no_thread_stays():
        return reveal_by(container, target, key, run=run_of(network, Run(progress=progress)), **how)


@contextmanager
def _no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    try:
        yield
    finally:
        assert threading.active_count() == before
