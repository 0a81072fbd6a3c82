"""Recording a film in which a secret is hidden when the recording ends, so that it survives H.264.

What is hidden in a film depends on all of it: how long it is, and what a codec leaves of it. So the frames are written
without loss first, beside the result. If nothing can be hidden in them, that file stays.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from stegnet.core.errors import CapacityError, MediaError, StegnetError
from stegnet.keys.keys import KeySource
from stegnet.media import FilmWriter, atomic_write
from stegnet.methods.robust.modems import SHIPPED_MODEMS
from stegnet.methods.robust.pictures import RobustOptions, hide_robust_file
from stegnet.methods.robust_film.survival import parse_crf
from stegnet.results.output import OutputTarget, Progress, Report
from stegnet.webcam.recording import MILLISECOND

_RATE = Fraction(25)  # for players; the time stamps say when frames are shown

# Adds a frame, (H, W, 3) uint8, and its time in milliseconds.
AddCover = Callable[[np.ndarray, int], None]


@dataclass(frozen=True)
class Hiding:
    """A secret that is hidden in a recording, and the paths of the films.

    Attributes:
        survive: channel, as `parse_crf` takes it.
        done: called with the report once the film is written.
    """

    secret: Path
    out: OutputTarget
    key_source: KeySource
    survive: str
    done: Callable[[Report], None]
    progress: Progress

    @property
    def draft(self) -> Path:
        """The film without loss, readable by its owner only: it shows what hiding changes."""
        return self.out.path.with_name(f"{self.out.path.stem}.camera.mkv")


@contextmanager
def recorded_to_survive(hiding: Hiding) -> Iterator[AddCover]:
    """Yields the function that adds frames; when the block ends without an error, the secret is hidden in them.

    Raises:
        ConfigError: there is no such channel for films.
        CapacityError: the secret does not fit, or does not come back.
        MediaError: a film can't be written, or there was no frame.
    """
    parse_crf(hiding.survive)
    with atomic_write(hiding.draft, overwrite=False, private=True) as part, ExitStack() as writing:
        film = None

        def add(cover: np.ndarray, stamp: int) -> None:
            nonlocal film
            if film is None:
                height, width, _ = cover.shape
                film = writing.enter_context(FilmWriter(part, width, height, _RATE))
            film.write(cover, stamp * MILLISECOND)

        yield add
        if film is None:
            raise MediaError(f"{hiding.out.path}: not written: there was no frame to record")
    _hide(hiding)


def check_sides(height: int, width: int) -> None:
    """Refuses a camera whose pictures H.264 can't hold.

    Raises:
        CapacityError: a side is odd.
    """
    if height % 2 or width % 2:
        raise CapacityError(f"the camera has {width}×{height} pixels, and H.264 needs even sides", "scale its pictures")


def _hide(hiding: Hiding) -> None:
    options = RobustOptions(hiding.survive)
    where = SHIPPED_MODEMS, hiding.draft, hiding.secret, hiding.out, hiding.key_source
    try:
        report = hide_robust_file(*where, options, progress=hiding.progress)
    except StegnetError as error:
        kept = f"the recording, in which nothing is hidden, is {hiding.draft}"
        raise type(error)(f"{error}; {kept}", error.hint) from error
    hiding.done(report)
    hiding.draft.unlink()
