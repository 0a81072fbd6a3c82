"""Recording a film in which a secret is hidden when the recording ends.

What is hidden in a film depends on all of it: how long it is, and what a codec leaves of it. So the frames are written
without loss first, beside the result. If nothing can be hidden in them, that file stays.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from stegnet.core.errors import MediaError, StegnetError
from stegnet.keys import KeySource
from stegnet.media import FilmWriter, atomic_write
from stegnet.methods import CoverSize, Hider
from stegnet.results import OutputTarget, Report

MILLISECOND = Fraction(1, 1000)
_RATE = Fraction(25)  # for players; the time stamps say when frames are shown

# Adds a frame, (H, W, 3) uint8, and its time in milliseconds.
AddCover = Callable[[np.ndarray, int], None]


@dataclass(frozen=True)
class Recording:
    """A film to record, and the secret that is hidden in it.

    Attributes:
        done: called with the report once the film is written.
    """

    secret: Path
    out: OutputTarget
    key_source: KeySource
    hider: Hider
    done: Callable[[Report], None]

    def check(self, height: int, width: int) -> None:
        """Refuses a channel that there is not, or a camera of sides that the film can't have.

        Raises:
            ConfigError, CapacityError: as `Method.file_room`.
        """
        self.hider.method.file_room(CoverSize(height, width, 2), self.secret.name, self.hider.options)

    @property
    def draft(self) -> Path:
        """The film without loss, readable by its owner only: it shows what hiding changes."""
        return self.out.path.with_name(f"{self.out.path.stem}.camera.mkv")


@contextmanager
def recorded(recording: Recording) -> Iterator[AddCover]:
    """Yields the function that adds frames; when the block ends without an error, the secret is hidden in them.

    Raises:
        CapacityError: the secret does not fit, or does not come back.
        MediaError: a film can't be written, or there was no frame.
    """
    with atomic_write(recording.draft, overwrite=False, private=True) as part, ExitStack() as writing:
        film = None

        def add(cover: np.ndarray, stamp: int) -> None:
            nonlocal film
            if film is None:
                height, width, _ = cover.shape
                film = writing.enter_context(FilmWriter(part, width, height, _RATE))
            film.write(cover, stamp * MILLISECOND)

        yield add
        if film is None:
            raise MediaError(f"{recording.out.path}: not written: there was no frame to record")
    _hide(recording)


def _hide(recording: Recording) -> None:
    try:
        report = recording.hider(recording.draft, recording.secret, recording.out, recording.key_source)
    except StegnetError as error:
        kept = f"the recording, in which nothing is hidden, is {recording.draft}"
        raise type(error)(f"{error}; {kept}", error.hint) from error
    recording.done(report)
    recording.draft.unlink()
