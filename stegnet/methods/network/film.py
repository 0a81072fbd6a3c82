"""Hiding a film in a film, frame by frame, in constant memory."""

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Literal

import numpy as np

from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.measures import psnr
from stegnet.core.parallel import ahead, ordered
from stegnet.keys.keys import FILM_ID_BYTES, SYSTEM, ContainerKeys, Key, KeyRing, KeySource, Randomness
from stegnet.media import FilmInfo, FilmWriter, lossy_format, scan
from stegnet.methods.network.frame import check_cover, hide_frame
from stegnet.methods.network.network import Network
from stegnet.methods.network.quality import SecretErrors, SecretQuality, measure_secret, visibility_notes
from stegnet.methods.segments import WHOLE, Part
from stegnet.record.record import FILM, Header, Pictures, Record
from stegnet.record.sound import Sound, no_sound, plan_sound
from stegnet.results.figures import NETWORK, Hiding
from stegnet.results.output import FilmFrame, Progress, Report, no_progress, write_film
from stegnet.sealing.seal import SEED_BYTES

Longer = Literal["refuse", "cut"]
_COMPARED = 25  # each frame with an index that is a multiple of this is compared with its cover


@dataclass(frozen=True)
class HideOptions:
    """Options of hiding a film.

    Attributes:
        longer: "refuse" a secret of more frames than its cover, or "cut" it.
        sound: hide the secret's sound too.
        verify: read the container back and compare it.
        form: "mkv" or "mp4".
        force: hide a secret even if it would be revealed at too low a quality.
        overwrite: replace an existing file.
    """

    longer: Longer = "refuse"
    sound: bool = True
    verify: bool = True
    form: str = "mkv"
    force: bool = False
    overwrite: bool = True


@dataclass(frozen=True)
class _Item:
    """Input of one frame of the container.

    Attributes:
        cover: None if the frame is not to be computed.
        container: the frame, if it was computed already.
    """

    cover: np.ndarray | None
    secret: np.ndarray | None
    record: Record
    seed: bytes
    container: np.ndarray | None = None


@dataclass
class _Measured:
    """Quality, measured while the film is written.

    Attributes:
        secret: of the frames revealed as a check.
        container_psnr: the worst of the frames compared with their cover, in dB.
    """

    secret: SecretQuality
    container_psnr: float = math.inf


def hide_film(
    network: Network,
    cover: Path,
    secret: Path,
    out: Path,
    key_source: KeySource,
    options: HideOptions = HideOptions(),
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
    part: Part = WHOLE,
) -> Report:
    """Hides one film in another, a secret frame in each cover frame by index, and its sound with them.

    Args:
        part: what this process does of it.
    Raises:
        LongFilm: the cover has too many frames for `part`.
        MediaError: a film can't be read, or the container not written.
        CapacityError: the cover is too small or too short, or the secret would be revealed at too low a quality.
    """
    cover_info, secret_info = scan(cover), scan(secret)
    hidden = _frames_to_hide(cover_info, secret_info, options.longer)
    sound = _plan_sound(secret, secret_info, hidden, options.sound)
    keys = key_source.new_keys(randomness)
    header = _header(network, cover_info, secret_info, hidden, sound, randomness)
    _check_room(cover_info, header, keys.film, sound)
    part.check(header.frames)
    sizes = (secret_info.height, secret_info.width), (cover_info.height, cover_info.width)
    measured = _Measured(SecretQuality(hidden, *sizes, options.force))

    def open_writer(path: Path) -> FilmWriter:
        sizes = cover_info.width, cover_info.height, cover_info.rate
        choices = {"form": options.form, "time_base": cover_info.time_base, "keep": part.kept(cover)}
        return FilmWriter(path, *sizes, **choices, randomness=randomness)

    items = _items(cover, secret, secret_info, header, sound, randomness, part)
    frames, total = _containers(network, keys, items, cover_info, measured, part), header.frames
    choices = {"verify": options.verify, "overwrite": options.overwrite}
    not_kept = write_film(out, open_writer, frames, total, "hide", progress, **choices)
    if part.only:
        return Report(cover_info.width, cover_info.height, len(part.only))
    notes = (*_notes(cover_info, secret_info, hidden, options.sound), *(f"cover: {note}" for note in not_kept))
    notes += visibility_notes(measured.container_psnr)
    report = Report(cover_info.width, cover_info.height, total, hidden, notes)
    report = replace(report, warnings=measured.secret.warnings(), secret_psnr=measured.secret.psnr())
    return report.with_hiding(hiding_by_network(cover, report, measured.container_psnr))


def hiding_by_network(cover: Path, report: Report, container_psnr: float) -> Hiding:
    """Figures of what networks did to a cover.

    Args:
        container_psnr: in dB.
    """
    size, pixels = cover.stat().st_size, report.frames * report.width * report.height
    return Hiding(NETWORK, size, pixels, lossy_format(cover), container_psnr, film=report.frames > 1)


def _frames_to_hide(cover: FilmInfo, secret: FilmInfo, longer: Longer) -> int:
    """Number of frames that will be hidden.

    Raises:
        CapacityError: the secret is longer than its cover, and must not be cut.
    """
    room, wanted = len(cover.pts), len(secret.pts)
    if wanted > room and longer == "refuse":
        raise CapacityError(
            f"the secret has {wanted} frames, the cover only {room}",
            "take a longer cover, or hide as many as there is room for",
        )
    return min(room, wanted)


def _plan_sound(path: Path, info: FilmInfo, hidden: int, wanted: bool) -> Sound:
    if not wanted or not info.sound:
        return no_sound(path, hidden)
    end = info.pts[hidden] * info.time_base if hidden < len(info.pts) else None
    return plan_sound(path, hidden, end)


def _check_room(cover: FilmInfo, header: Header, key: Key, sound: Sound) -> None:
    try:
        check_cover(cover.height, cover.width, header, key, sound.most)
    except CapacityError as error:
        if not sound.most:
            raise
        raise CapacityError(str(error), f"{error.hint}, or leave the secret's sound out") from error


def _header(
    network: Network, cover: FilmInfo, secret: FilmInfo, hidden: int, sound: Sound, randomness: Randomness
) -> Header:
    size = secret.width, secret.height, hidden, secret.time_base, secret.rate
    described = Pictures(*size, network.base, network.block, network.weights, sound.tracks)
    return Header(randomness(FILM_ID_BYTES), FILM, len(cover.pts), described)


def _items(
    cover: Path,
    secret: Path,
    info: FilmInfo,
    header: Header,
    sound: Sound,
    randomness: Randomness,
    part: Part,
) -> Generator[_Item, None, None]:
    """The input of each frame of the cover; the first of them hide a secret frame, its stamp and a share of sound.

    Those that are not computed are counted and draw their seeds, too.

    Raises:
        MediaError: a film has another number of frames than when it was scanned.
    """
    hidden = header.secret.hidden
    covers, secrets = ahead(part.frames(cover, cover=True)), ahead(_first(part.frames(secret), hidden))
    with closing(covers), closing(secrets), closing(sound.shares()) as shares, closing(part.computed()) as made:
        parts = chain(zip(secrets, info.pts, shares, strict=False), repeat((None, None, b"")))
        index = -1
        for index, (frame, (picture, stamp, data), done) in enumerate(zip(covers, parts, made, strict=False)):
            if index == header.frames or (stamp is None) != (index >= hidden):
                raise _changed()
            record = Record(header, index, stamp or 0, data=data)
            yield _Item(frame, picture, record, randomness(SEED_BYTES), done)
        if index + 1 != (part.end or header.frames):
            raise _changed()


def _changed() -> MediaError:
    return MediaError("the cover or the secret was changed while it was being hidden", "hide it again")


def _first(frames: Generator[np.ndarray, None, None], count: int) -> Generator[np.ndarray, None, None]:
    with closing(frames):
        yield from islice(frames, count)


def _containers(
    network: Network,
    keys: ContainerKeys,
    items: Generator[_Item, None, None],
    cover: FilmInfo,
    measured: _Measured,
    part: Part,
) -> Generator[FilmFrame, None, None]:
    """Hides each frame, and measures some of them."""

    def hide(item: _Item) -> tuple[np.ndarray | None, float, SecretErrors | None]:
        index, container = item.record.index, item.container
        if container is None and item.cover is not None:
            container = hide_frame(network, keys, item.cover, item.secret, item.record, item.seed)
        if part.only:
            return container, math.inf, None
        ring, first = KeyRing.of(keys), index == 0
        wanted = index in measured.secret.frames
        errors = measure_secret(network, ring, container, item.secret, first=first) if wanted else None
        return container, math.inf if index % _COMPARED else psnr(item.cover, container), errors

    pool = network.pool(cover.height, cover.width)
    with closing(items), closing(ordered(hide, items, pool.workers, pool.prepare)) as containers:
        for (container, distance, errors), time in zip(containers, islice(cover.times, part.end), strict=True):
            if errors:
                measured.secret.add(errors)
            measured.container_psnr = min(measured.container_psnr, distance)
            yield FilmFrame(container, time)


def _notes(cover: FilmInfo, secret: FilmInfo, hidden: int, sound: bool) -> Iterator[str]:
    if hidden < len(secret.pts):
        yield f"the secret was cut: {hidden} of its {len(secret.pts)} frames are hidden"
    if hidden < len(cover.pts):
        end = float((cover.pts[hidden] - cover.pts[0]) * cover.time_base)
        yield f"the hidden film ends at {end:.2f} s: {hidden} of the cover's {len(cover.pts)} frames hold it"
    if secret.sound and not sound:
        yield "the secret's sound is left out"
    if secret.more:
        yield f"the secret's {' and '.join(secret.more)} are not hidden: the method sealed hides a file whole"
    yield from (f"cover: {note}" for note in cover.notes)
    yield from (f"secret: {note}" for note in secret.notes)
