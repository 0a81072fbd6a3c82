"""Revealing a film, frame by frame, in constant memory, and saying what has become of its container.

As long as every frame is where it was hidden, one pass does. At the first that is not, work starts again: all
frames are looked at first, and those that are still in order are then revealed.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stegnet.codec.diagnosis import Diagnosis, FrameStatus, diagnose
from stegnet.codec.frame import FrameReading, find, reveal_frame
from stegnet.codec.keys import Key, KeySource
from stegnet.codec.network import Network
from stegnet.codec.picture import nothing
from stegnet.codec.progress import Progress, no_progress
from stegnet.codec.record import FILM, Header, Record
from stegnet.codec.report import Report
from stegnet.codec.seal import read_salt
from stegnet.codec.tracks import parse_packets
from stegnet.core.errors import MediaError, RevealError
from stegnet.core.parallel import ahead, ordered
from stegnet.media import FilmWriter, read_frames, whole_file

_UNKNOWN = FrameStatus(None, False)
# Gives a file to write to, for the time of a block.
_NewFile = Callable[[], AbstractContextManager[Path]]


class _Disorder(Exception):
    """A frame is not where it was hidden."""


@dataclass(frozen=True)
class _Shown:
    """A frame as revealed.

    Attributes:
        record: what it holds.
        whole: is the container's frame as it was?
        picture: (h, w, 3) uint8; None for a frame after the last hidden one.
    """

    record: Record
    whole: bool
    picture: np.ndarray | None


def reveal_film(
    network: Network,
    container: Path,
    out: Path,
    secret_key: KeySource,
    strict: bool = False,
    form: str = "mkv",
    progress: Progress = no_progress,
    *,
    overwrite: bool = True,
) -> Report:
    """Brings the hidden film back, at its own size, with its own time stamps and sound; only its owner can read it.

    Args:
        strict: refuse a container that is not exactly as it was hidden.
        form: "mkv" or "mp4", of the revealed film.
        overwrite: may a file that is there be overwritten?
    Raises:
        MediaError: the container can't be read, or the film not written.
        RevealError: wrong key, nothing hidden, or (if strict) altered.
        WeightsError: hidden with other weights.
    """
    key = open_film_key(container, secret_key)
    new_file = partial(whole_file, out, overwrite=overwrite, private=True)
    try:
        return _reveal_orderly(network, container, new_file, key, strict, form, progress)
    except _Disorder:
        header, diagnosis = survey(container, key, progress)
    if header.kind != FILM:
        raise not_a_film()
    if strict:
        raise _altered(diagnosis)
    network.check(header.secret.weights)
    shown = _chosen(network, container, key, header, dict(diagnosis.order))
    return _write(shown, header, new_file, form, diagnosis, progress)


def open_film_key(container: Path, secret_key: KeySource) -> Key:
    """The key of a film's frames; a passphrase needs the first of them.

    Raises:
        MediaError: the container can't be read.
        RevealError: it has no frames.
    """
    return secret_key.unlock(read_salt(_first_frame(container)))


def _first_frame(container: Path) -> np.ndarray:
    with closing(read_frames(container)) as frames:
        frame = next(frames, None)
    if frame is None:
        raise nothing()
    return frame


def survey(container: Path, key: Key, progress: Progress = no_progress) -> tuple[Header, Diagnosis]:
    """Looks at every frame of a container.

    Raises:
        RevealError: none opens with this key.
    """
    headers: dict[Header, Header] = {}  # each is kept once, however many frames hold it
    seen: list[tuple[Header | None, FrameStatus]] = []
    for record, whole in _find_all(container, key, progress):
        if record is None:
            seen.append((None, _UNKNOWN))
        else:
            seen.append((headers.setdefault(record.header, record.header), FrameStatus(record.index, whole)))
    if not headers:
        raise nothing()
    ((header, _),) = Counter(found for found, _ in seen if found).most_common(1)
    return header, diagnose([place if found is header else _UNKNOWN for found, place in seen], header.frames)


def _find_all(container: Path, key: Key, progress: Progress) -> Iterator[tuple[Record | None, bool]]:
    """What each frame holds, without its bulky parts, and whether it is whole."""

    def look(frame: np.ndarray) -> tuple[Record | None, bool]:
        found = find(frame, key)
        return found.record and Record(found.record.header, found.record.index), found.whole

    frames = ahead(_as_far_as_it_goes(read_frames(container)))
    with closing(frames), closing(ordered(look, frames, 2)) as found:
        for done, seen in enumerate(found, 1):
            progress("check", done, 0)
            yield seen


def _as_far_as_it_goes(frames: Generator[np.ndarray, None, None]) -> Generator[np.ndarray, None, None]:
    """A film that breaks off ends there: what is missing is said by the diagnosis."""
    with closing(frames), suppress(MediaError):
        yield from frames


def _reveal_orderly(
    network: Network, container: Path, new_file: _NewFile, key: Key, strict: bool, form: str, progress: Progress
) -> Report:
    """Reveals a film whose frames are all in place.

    Raises:
        _Disorder: they are not.
    """
    header = _first_header(container, key)
    network.check(header.secret.weights)
    altered: list[int] = []
    shown = _all(network, container, key, header, altered)
    report = _write(shown, header, new_file, form, Diagnosis(()), progress, check=lambda: _settle(altered, strict))
    return Report(report.width, report.height, report.frames, report.hidden, report.notes, _lines(altered))


def _settle(altered: list[int], strict: bool) -> None:
    """Before the film is put into its place: a strict reader wants it unaltered."""
    if altered and strict:
        raise _altered(Diagnosis((), altered=tuple(altered)))


def _lines(altered: list[int]) -> tuple[str, ...]:
    return Diagnosis((), altered=tuple(altered)).lines()


def _first_header(container: Path, key: Key) -> Header:
    record = find(_first_frame(container), key).record
    if record is None or record.index != 0:
        raise _Disorder
    if record.header.kind != FILM:
        raise not_a_film()
    return record.header


def not_a_film() -> RevealError:
    """What is hidden here is of another kind."""
    return RevealError("what is hidden here is not a film", "`stegnet info` says what it is")


def _all(
    network: Network, container: Path, key: Key, header: Header, altered: list[int]
) -> Generator[_Shown, None, None]:
    """Every frame; fills in which were altered."""

    def show(item: tuple[int, np.ndarray]) -> _Shown:
        index, frame = item
        found = find(frame, key)
        if found.record is None or found.record.index != index or found.record.header != header:
            raise _Disorder
        return _show(network, key, frame, found)

    count, frames = 0, ahead(read_frames(container))
    try:
        with closing(frames), closing(ordered(show, enumerate(frames), *_threads(network, container))) as results:
            for shown in results:
                count += 1
                if not shown.whole:
                    altered.append(shown.record.index)
                yield shown
    except MediaError as error:
        raise _Disorder from error
    if count != header.frames:
        raise _Disorder


def _chosen(
    network: Network, container: Path, key: Key, header: Header, order: dict[int, int]
) -> Generator[_Shown, None, None]:
    """The frames at the places in `order`, as far as the film goes."""

    def show(item: tuple[int, np.ndarray]) -> _Shown | None:
        position, frame = item
        return _show(network, key, frame, find(frame, key)) if position in order else None

    frames = ahead(_as_far_as_it_goes(read_frames(container)))
    with closing(frames), closing(ordered(show, enumerate(frames), *_threads(network, container))) as results:
        yield from (shown for shown in results if shown)


def _threads(network: Network, container: Path) -> tuple[int, Callable[[], None]]:
    pool = network.pool(*_first_frame(container).shape[:2])
    return pool.workers, pool.prepare


def _show(network: Network, key: Key, frame: np.ndarray, found: FrameReading) -> _Shown:
    assert found.record is not None
    hidden = found.record.index < found.record.header.secret.hidden
    picture = reveal_frame(network, key, frame, found.record) if hidden else None
    return _Shown(found.record, found.whole, picture)


def _write(
    frames: Generator[_Shown, None, None],
    header: Header,
    new_file: _NewFile,
    form: str,
    diagnosis: Diagnosis,
    progress: Progress,
    check: Callable[[], None] = lambda: None,
) -> Report:
    secret = header.secret
    written = 0
    with closing(frames), new_file() as part:
        with FilmWriter(
            part,
            secret.width,
            secret.height,
            secret.rate,
            form=form,
            time_base=secret.time_base,
            sound=secret.tracks,
        ) as film:
            for done, shown in enumerate(frames, 1):
                if shown.picture is not None:
                    packets = parse_packets(shown.record.data, len(secret.tracks))
                    try:
                        film.write(shown.picture, shown.record.stamp * secret.time_base, packets)
                    except OverflowError as error:
                        raise RevealError("the hidden film's time stamps are beyond what a file can hold") from error
                    written += 1
                progress("reveal", done, header.frames)
        if not written:
            raise RevealError("no hidden frame is left", "; ".join(diagnosis.lines()))
        check()
    return Report(secret.width, secret.height, written, written, film.notes, diagnosis.lines())


def _altered(diagnosis: Diagnosis) -> RevealError:
    lines = diagnosis.lines() or ("the file is damaged behind its last frame",)
    return RevealError(
        f"the container is not as it was hidden: {'; '.join(lines)}",
        "without --strict, what is left of it is revealed",
    )
