"""Revealing from file to file by a network; a film frame by frame, in constant memory.

As long as every frame is where it was hidden, one pass does. At the first that is not, revealing starts again: the
records of all frames are read first, and the frames that are still in order are then revealed.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from stegnet.core.errors import MediaError, RevealError
from stegnet.core.kinds import FILM
from stegnet.core.parallel import parallel_map, prefetch
from stegnet.formats.output import atomic_write
from stegnet.methods.method import Context, FoundSecret
from stegnet.networks.card import FORMER, SHIPPED, weights_id
from stegnet.networks.frame import reveal_frame, reveal_read_picture
from stegnet.networks.network import Network
from stegnet.record import (
    PICTURE_ALTERED,
    Container,
    Diagnosis,
    FrameReading,
    Header,
    Inspection,
    Pictures,
    describe_tracks,
    parse_packets,
)
from stegnet.results import FilmFrame, OutputTarget, Report, shown_form, write_film, write_revealed
from stegnet.video.film_writer import FilmWriter

R = TypeVar("R")
NETWORK = "network"
_NO_DAMAGE = Diagnosis(())


class FoundPictures(FoundSecret):
    """A picture, or a film with its sound."""

    method = NETWORK

    def __init__(self, container: Container, context: Context) -> None:
        super().__init__(container, context)
        self.kind = container.kind  # a frame of a film may have been saved as a picture: `write` refuses it

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        if self.kind == FILM:
            return write_hidden_film(self.container, out, strict, self.context)
        (pixels,) = self.container.frames()
        step, first = self.context.step("reveal tiles"), self.container.first
        network = network_for(self.container.header().secret.weights, self.context)
        revealed = reveal_read_picture(network, pixels, self.container.key, first, step)
        if strict and not revealed.whole:
            raise RevealError(f"{self.container.path}: {PICTURE_ALTERED}", "without `strict=True`, it is revealed")
        report = write_revealed(out, revealed.picture)
        return report if revealed.whole else replace(report, trouble=(f"{PICTURE_ALTERED}, and is shown as it is",))

    def details(self) -> dict[str, Any]:
        inspection = self.container.inspect(self.context.progress)
        secret, kind = inspection.header.secret, inspection.header.kind
        found = {"hidden": kind, "hidden_width": secret.width, "hidden_height": secret.height}
        if kind == FILM:
            found |= {
                "hidden_frames": secret.hidden,
                "hidden_frames_per_second": _short(secret.rate),
                "hidden_sound": describe_tracks(secret.tracks),
            }
        installed = secret.weights in {weights_id(path) for path in SHIPPED.parent.glob("*.safetensors")}
        found |= {"weights": secret.weights, "weights_installed": installed, "base": secret.base, "block": secret.block}
        return found | (_times(inspection) if kind == FILM else {}) | inspection.damage


def found_pictures(container: Container, context: Context) -> FoundPictures | None:
    """The picture or film that is hidden in a container; None if there is none; errors as `Method.find`."""
    header = container.header(context.progress)
    if header is None or not isinstance(header.secret, Pictures):
        return None
    return FoundPictures(container, context)


def _times(inspection: Inspection) -> dict[str, float]:
    """Time in seconds of the first and the last hidden frame that are left."""
    secret = inspection.header.secret
    shown = [position for position, index in inspection.diagnosis.order if index < secret.hidden]
    if not shown:
        return {}
    start, end = (inspection.statuses[position].stamp * secret.time_base for position in (shown[0], shown[-1]))
    return {"hidden_from": _short(start), "hidden_to": _short(end)}


def _short(value: Fraction) -> float:
    return round(float(value), 3)


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


def write_hidden_film(container: Container, out: OutputTarget, strict: bool, context: Context) -> Report:
    """Reveals the film in a container at its own size, with its own time stamps and sound; as `FoundSecret.write`.

    Raises:
        WeightsError: hidden with other weights.
    """
    try:
        film = _opened(container, _header_in_place(container), strict, context)
        return _write(film, _frames_in_place(film), out, context)
    except _OutOfPlace:
        inspection = container.inspect(context.progress)
    if strict and inspection.header.kind == FILM:
        raise _altered(inspection.diagnosis)
    film = _opened(container, inspection.header, strict, context, inspection.diagnosis)
    return _write(film, _frames_in_order(film), out, context)


def _header_in_place(container: Container) -> Header:
    record = container.first.record
    if record is None or record.index != 0:
        raise _OutOfPlace
    return record.header


def _opened(
    container: Container, header: Header, strict: bool, context: Context, diagnosis: Diagnosis = _NO_DAMAGE
) -> _Film:
    if header.kind != FILM:
        raise RevealError("what is hidden here is not a film", "`stegnet info` says what it is")
    return _Film(network_for(header.secret.weights, context), container, header, strict, diagnosis)


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

    count = 0
    try:
        with closing(_each(film, film.container.frames(), reveal)) as results:
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

    with closing(_each(film, film.container.readable_frames(), reveal)) as results:
        yield from (frame for frame in results if frame)


def _each(
    film: _Film, frames: Generator[np.ndarray, None, None], reveal: Callable[[tuple[int, np.ndarray]], R]
) -> Generator[R, None, None]:
    """Results of `reveal` for each position and frame, in order, by several threads; closes `frames`."""
    pool = film.network.pool(film.container.height, film.container.width)
    read = prefetch(frames)
    with closing(read), closing(parallel_map(reveal, enumerate(read), pool.workers, pool.prepare)) as results:
        yield from results


def _revealed(film: _Film, frame: np.ndarray, reading: FrameReading) -> FilmFrame:
    record, secret = reading.record, film.header.secret
    assert record is not None
    if record.index >= secret.hidden:
        return FilmFrame(None)
    picture = reveal_frame(film.network, film.container.key, frame, reading)
    packets = parse_packets(record.data, len(secret.tracks))
    return FilmFrame(picture, record.stamp * secret.time_base, packets)


def _write(film: _Film, frames: Generator[FilmFrame, None, None], out: OutputTarget, context: Context) -> Report:
    secret, size = film.header.secret, (0, 0)
    seed = film.container.key.revealed_film(film.header.film_id)

    def open_writer() -> FilmWriter:
        nonlocal size
        sizes, form = (secret.width, secret.height, secret.rate), shown_form(out.path, out.lossless)
        choices = {"form": form, "time_base": secret.time_base, "sound": secret.tracks}
        writer = FilmWriter(part, *sizes, **choices, randomness=lambda count: seed[:count])
        size = writer.size
        return writer

    total, progress = film.header.frames, context.progress
    with atomic_write(out.path, overwrite=out.force, private=True) as part:
        notes = write_film(part, open_writer, _counted(film, frames), lambda done: progress("reveal", done, total))
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
    hint = "without `strict=True`, what is left of it is revealed"
    return RevealError(f"the container is not as it was hidden: {'; '.join(lines)}", hint)


def chosen_network(context: Context) -> Network:
    """The pair of a context; errors as `Network.load`."""
    return context.network(Network.load, SHIPPED)


def network_for(weights: str, context: Context) -> Network:
    """The pair with these weights, by which a secret was hidden: the context's, or one that was shipped before it.

    Raises:
        WeightsError: it is neither of them.
    """
    network = chosen_network(context)
    if weights == weights_id(FORMER) != network.weights:
        if FORMER not in context.networks:
            context.networks[FORMER] = Network.load(FORMER, context.device, context.precision, context.backend)
        return context.networks[FORMER]
    network.check(weights)
    return network
