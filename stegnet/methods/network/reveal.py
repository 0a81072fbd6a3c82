"""Revealing a film, frame by frame, in constant memory.

As long as every frame is where it was hidden, one pass does. At the first that is not, revealing starts again: the
records of all frames are read first, and the frames that are still in order are then revealed.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stegnet.core.errors import MediaError, RevealError
from stegnet.core.parallel import ahead, ordered
from stegnet.keys.keys import KeySource
from stegnet.media import FilmWriter
from stegnet.methods.network.frame import reveal_frame
from stegnet.methods.network.network import Network
from stegnet.record.container import Container, open_container
from stegnet.record.diagnosis import Diagnosis
from stegnet.record.reading import FrameReading
from stegnet.record.record import FILM, Header
from stegnet.record.sound import parse_packets
from stegnet.results.output import FilmFrame, Progress, Report, no_progress, write_film

_NO_DAMAGE = Diagnosis(())


class _OutOfPlace(Exception):
    """A frame is not where it was hidden."""


@dataclass
class _Film:
    """A hidden film being revealed.

    Attributes:
        diagnosis: damage found so far.
        frames: number of frames revealed so far.
    """

    network: Network
    container: Container
    header: Header
    strict: bool
    diagnosis: Diagnosis = _NO_DAMAGE
    frames: int = 0


def reveal_film(
    network: Network,
    container: Path,
    out: Path,
    key_source: KeySource,
    strict: bool = False,
    form: str = "mkv",
    progress: Progress = no_progress,
    *,
    overwrite: bool = True,
) -> Report:
    """Reveals the hidden film at its own size, with its own time stamps and sound, readable by its owner only.

    Args:
        strict: refuse a container that is not exactly as it was hidden.
        form: of the revealed film: "mkv" or "mp4", both exact, or "watchable".
        overwrite: replace an existing file.
    Raises:
        MediaError: the container can't be read, or the film not written.
        RevealError: wrong key, nothing hidden, or (if strict) altered.
        WeightsError: hidden with other weights.
    """
    with open_container(container, key_source, progress) as opened:
        return reveal_opened_film(network, opened, out, strict, form, progress, overwrite=overwrite)


def reveal_opened_film(
    network: Network,
    container: Container,
    out: Path,
    strict: bool = False,
    form: str = "mkv",
    progress: Progress = no_progress,
    *,
    overwrite: bool = True,
) -> Report:
    """Reveals the film in a container that is open; arguments and errors as `reveal_film`."""
    try:
        film = _Film(network, container, _header_in_place(container), strict)
        _check(film)
        return _write(film, _frames_in_place(film), out, form, progress, overwrite)
    except _OutOfPlace:
        inspection = container.inspect(progress)
    film = _Film(network, container, inspection.header, strict, inspection.diagnosis)
    if strict and film.header.kind == FILM:
        raise _altered(film.diagnosis)
    _check(film)
    return _write(film, _frames_in_order(film), out, form, progress, overwrite)


def _header_in_place(container: Container) -> Header:
    record = container.first.record
    if record is None or record.index != 0:
        raise _OutOfPlace
    return record.header


def _check(film: _Film) -> None:
    if film.header.kind != FILM:
        raise RevealError("what is hidden here is not a film", "`stegnet info` says what it is")
    film.network.check(film.header.secret.weights)


def _frames_in_place(film: _Film) -> Generator[FilmFrame, None, None]:
    """Reveals every frame; notes which were altered.

    Raises:
        _OutOfPlace: a frame is not where it was hidden, or the film breaks off.
    """
    altered: list[int] = []

    def reveal(item: tuple[int, np.ndarray]) -> tuple[bool, FilmFrame]:
        index, frame = item
        reading = film.container.read(index, frame)
        record = reading.record
        if record is None or record.index != index or record.header != film.header:
            raise _OutOfPlace
        return reading.whole, _revealed(film, frame, reading)

    frames = ahead(film.container.frames())
    count = 0
    try:
        with closing(frames), closing(ordered(reveal, enumerate(frames), *_threads(film))) as results:
            for count, (whole, frame) in enumerate(results, 1):
                altered += [] if whole else [count - 1]
                yield frame
    except MediaError as error:
        raise _OutOfPlace from error
    if count != film.header.frames:
        raise _OutOfPlace
    film.diagnosis = Diagnosis((), altered=tuple(altered))
    if altered and film.strict:
        raise _altered(film.diagnosis)


def _frames_in_order(film: _Film) -> Generator[FilmFrame, None, None]:
    """Reveals the frames that the diagnosis has left in order."""
    order = dict(film.diagnosis.order)

    def reveal(item: tuple[int, np.ndarray]) -> FilmFrame | None:
        position, frame = item
        return _revealed(film, frame, film.container.read(*item)) if position in order else None

    frames = ahead(film.container.readable_frames())
    with closing(frames), closing(ordered(reveal, enumerate(frames), *_threads(film))) as results:
        yield from (frame for frame in results if frame)


def _threads(film: _Film) -> tuple[int, Callable[[], None]]:
    pool = film.network.pool(film.container.height, film.container.width)
    return pool.workers, pool.prepare


def _revealed(film: _Film, frame: np.ndarray, reading: FrameReading) -> FilmFrame:
    record, secret = reading.record, film.header.secret
    assert record is not None
    if record.index >= secret.hidden:
        return FilmFrame(None)
    picture = reveal_frame(film.network, film.container.key, frame, reading)
    packets = parse_packets(record.data, len(secret.tracks))
    return FilmFrame(picture, record.stamp * secret.time_base, packets)


def _write(
    film: _Film,
    frames: Generator[FilmFrame, None, None],
    out: Path,
    form: str,
    progress: Progress,
    overwrite: bool,
) -> Report:
    secret, size = film.header.secret, (0, 0)
    seed = film.container.key.revealed_film(film.header.film_id)

    def open_writer(part: Path) -> FilmWriter:
        nonlocal size
        sizes = secret.width, secret.height, secret.rate
        choices = {"form": form, "time_base": secret.time_base, "sound": secret.tracks}
        writer = FilmWriter(part, *sizes, **choices, randomness=lambda count: seed[:count])
        size = writer.size
        return writer

    frames, total = _counted(film, frames), film.header.frames
    notes = write_film(out, open_writer, frames, total, "reveal", progress, overwrite=overwrite, private=True)
    return Report(*size, film.frames, film.frames, notes, film.diagnosis.lines())


def _counted(film: _Film, frames: Generator[FilmFrame, None, None]) -> Generator[FilmFrame, None, None]:
    """The same frames.

    Raises:
        RevealError: there is no picture among them.
    """
    with closing(frames):
        for frame in frames:
            film.frames += frame.picture is not None
            yield frame
    if not film.frames:
        raise RevealError("no hidden frame is left", "; ".join(film.diagnosis.lines()))


def _altered(diagnosis: Diagnosis) -> RevealError:
    lines = diagnosis.lines() or ("the file is damaged behind its last frame",)
    return RevealError(
        f"the container is not as it was hidden: {'; '.join(lines)}",
        "unless strict, what is left of it is revealed",
    )
