"""A whole session: camera, secret, page and recording together."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from stegnet.codec.files import NetworkLoader
from stegnet.codec.keys import SALT_BYTES, Key, KeySource
from stegnet.codec.output import Progress, form_of
from stegnet.codec.record import MAX_FRAMES
from stegnet.codec.recording import Add, recorded
from stegnet.webcam.capture import captured
from stegnet.webcam.live import Live
from stegnet.webcam.server import Site
from stegnet.webcam.source import open_cover, open_secret
from stegnet.webcam.view import Figures, Rates


@dataclass(frozen=True)
class SessionOptions:
    """What is wished of a session.

    Attributes:
        source: camera or film; see `open_cover`.
        size: width and height to bring it to, or None.
        loop: does a film in the camera's place begin anew?
        frames: after how many to end; None for no end.
        record: where the container goes, .mkv or .mp4, or None.
        overwrite: may a file that is there be overwritten?
    """

    source: str
    size: tuple[int, int] | None = None
    loop: bool = True
    frames: int | None = None
    record: Path | None = None
    overwrite: bool = False


def run(
    wishes: SessionOptions,
    secret: Path,
    network: NetworkLoader,
    secret_key: KeySource,
    site: Site,
    ready: Callable[[], None],
    progress: Progress,
) -> Figures:
    """Shows, and records, until something ends it: `site.stop`, enough frames, or the end of the source.

    Args:
        ready: called when the page is there.
        progress: called while a recording is made whole.
    Returns:
        The last frame's figures; none where there was no frame.
    Raises:
        StegnetError: any but DataError, TrainingError and TrackingError.
    """
    cover_source, secret_source = open_cover(wishes.source, wishes.loop), open_secret(secret)
    loaded = network()
    salt = os.urandom(SALT_BYTES)
    key = secret_key.unlock(salt)
    figures: Figures = {}
    with (
        _recorded(wishes, key, progress) as add,  # first, for it is made whole when all else has ended
        captured(cover_source) as camera,
        captured(secret_source) as hidden,
        site.served(),
    ):
        live = Live(loaded, key, salt, camera, hidden, wishes.size)
        ready()
        rates = Rates(wishes.record is not None)
        with closing(live.trips(site.stop, wishes.frames or MAX_FRAMES)) as trips:
            for trip in trips:
                add(trip.container, trip.before)
                view = rates.view(trip, camera.newest.count)
                site.newest.put(view)
                figures = view.figures
    return figures


def _recorded(wishes: SessionOptions, key: Key, progress: Progress) -> AbstractContextManager[Add]:
    out = wishes.record
    if out is None:
        return nullcontext(lambda container, before: None)
    return recorded(out, form_of(out), key, progress=progress, overwrite=wishes.overwrite)
