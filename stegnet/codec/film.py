"""A film in a film, frame by frame, in constant memory."""

import base64
import binascii
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from stegnet.codec.header import Header, Timing, fresh_film_id, nothing, open_header, seal_header
from stegnet.codec.keys import SYSTEM, Key, Randomness
from stegnet.codec.network import Network
from stegnet.codec.picture import check_cover, hide_frame, reveal_frame
from stegnet.codec.report import Report
from stegnet.errors import CapacityError, MediaError, RevealError
from stegnet.media import FilmInfo, FilmWriter, read_frames, read_tags, scan, whole_file
from stegnet.scramble import BLOCK

TAG = "STEGNET"
Longer = Literal["refuse", "cut"]
# Called after each frame with the number of frames done and of all.
Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """Shows nothing."""


def hide_film(
    network: Network,
    cover: Path,
    secret: Path,
    out: Path,
    key: Key,
    longer: Longer = "refuse",
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
) -> Report:
    """Hides one film in another, a secret frame in each cover frame by index; the cover's sound is kept.

    Args:
        longer: what to do with a secret of more frames than its cover: refuse it, or cut it.
    Raises:
        MediaError: a film can't be read, or the container not written.
        CapacityError: the cover is too small, or too short.
    """
    cover_info, secret_info = scan(cover), scan(secret)
    hidden = _fit(cover_info, secret_info, longer)
    header = _header(network, secret_info, hidden, randomness)
    tags = {TAG: base64.b64encode(seal_header(header, key, randomness)).decode()}
    size = cover_info.width, cover_info.height, cover_info.rate
    with whole_file(out) as part, FilmWriter(part, *size, tags, sound_of=cover) as film:
        frames = _containers(network, cover, secret, key, header)
        _write(film, frames, cover_info.times, len(cover_info.pts), progress)
    notes = tuple(_notes(cover_info, secret_info, hidden))
    return Report(cover_info.width, cover_info.height, len(cover_info.pts), hidden, notes)


def reveal_film(network: Network, container: Path, out: Path, key: Key, progress: Progress = no_progress) -> Report:
    """Brings the hidden film back, at its own size and with its own time stamps.

    Raises:
        MediaError: the container can't be read, or the film not written.
        RevealError: wrong key, nothing hidden, altered, or frames are missing.
        WeightsError: hidden with other weights.
    """
    header = open_header(_sealed(container), key)
    timing = header.timing
    if timing is None:
        raise nothing()
    network.check(header.weights)
    total = len(timing.pts)
    with whole_file(out) as part, FilmWriter(part, header.width, header.height, timing.rate) as film:
        frames = _secrets(network, container, key, header, total)
        _write(film, frames, (stamp * timing.time_base for stamp in timing.pts), total, progress)
    return Report(header.width, header.height, total, total)


def _fit(cover: FilmInfo, secret: FilmInfo, longer: Longer) -> int:
    """How many frames will be hidden."""
    check_cover(cover.height, cover.width)
    room, wanted = len(cover.pts), len(secret.pts)
    if wanted > room and longer == "refuse":
        raise CapacityError(
            f"the secret has {wanted} frames, the cover only {room}",
            "`--longer cut` hides as many as there is room for",
        )
    return min(room, wanted)


def _header(network: Network, secret: FilmInfo, hidden: int, randomness: Randomness) -> Header:
    timing = Timing(secret.pts[:hidden], secret.time_base, secret.rate)
    film_id = fresh_film_id(randomness)
    return Header(film_id, secret.width, secret.height, BLOCK, network.weights, timing)


def _containers(network: Network, cover: Path, secret: Path, key: Key, header: Header) -> Iterator[np.ndarray]:
    """Every frame of the cover, the first of them with a secret frame in it."""
    with closing(read_frames(cover)) as covers, closing(read_frames(secret)) as secrets:
        hidden = islice(secrets, len(header.timing.pts))
        for index, frame in enumerate(covers):
            secret_frame = next(hidden, None)
            yield frame if secret_frame is None else hide_frame(network, frame, secret_frame, key, header, index)


def _secrets(network: Network, container: Path, key: Key, header: Header, total: int) -> Iterator[np.ndarray]:
    """The hidden frames; RevealError where they end too early."""
    found = 0
    with closing(read_frames(container)) as frames:
        try:
            for index, frame in enumerate(islice(frames, total)):
                found = index + 1
                yield reveal_frame(network, frame, key, header, index)
        except MediaError as error:
            raise _incomplete(container, found, total) from error
    if found < total:
        raise _incomplete(container, found, total)


def _incomplete(container: Path, found: int, total: int) -> RevealError:
    return RevealError(
        f"{container}: the container is incomplete: {found} frames found, {total} expected",
        "it was cut or damaged: get a whole copy",
    )


def _write(
    film: FilmWriter, frames: Iterator[np.ndarray], times: Iterator[Fraction], total: int, progress: Progress
) -> None:
    for done, (frame, time) in enumerate(zip(frames, times, strict=True), 1):
        film.write(frame, time)
        progress(done, total)


def _sealed(container: Path) -> bytes | None:
    try:
        return base64.b64decode(read_tags(container).get(TAG, ""), validate=True)
    except binascii.Error:
        return None


def _notes(cover: FilmInfo, secret: FilmInfo, hidden: int) -> Iterator[str]:
    if hidden < len(secret.pts):
        yield f"the secret was cut: {hidden} of its {len(secret.pts)} frames are hidden"
    if hidden < len(cover.pts):
        end = float((cover.pts[hidden] - cover.pts[0]) * cover.time_base)
        yield f"the hidden film ends at {end:.2f} s: {hidden} of the cover's {len(cover.pts)} frames hold it"
    if (cover.aspect, secret.aspect) != (1, 1):
        yield "pixels that are not square become square: a film may look stretched"
    if secret.sound:
        yield "the secret's sound is not hidden: this version hides pictures only"
