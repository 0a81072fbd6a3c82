"""Hiding a film in a film, frame by frame, in constant memory."""

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Literal

import numpy as np

from stegnet.codec.frame import check_cover, hide_frame
from stegnet.codec.keys import FILM_ID_BYTES, SALT_BYTES, SYSTEM, Key, KeySource, Randomness
from stegnet.codec.network import Network
from stegnet.codec.progress import Progress, no_progress
from stegnet.codec.quality import Loss, SecretQuality, measure_loss, visible
from stegnet.codec.record import FILM, Header, Pictures, Record
from stegnet.codec.report import Report
from stegnet.codec.seal import NONCE_BYTES
from stegnet.codec.slices import Sound, no_sound, plan_sound
from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.measures import psnr
from stegnet.core.parallel import ahead, ordered
from stegnet.media import FilmInfo, FilmWriter, check_film, digest, read_frames, scan, whole_file

Longer = Literal["refuse", "cut"]
_APART = 25  # frames from one that is compared with its cover to the next


@dataclass(frozen=True)
class HideOptions:
    """What may be chosen when a film is hidden.

    Attributes:
        longer: what to do with a secret of more frames than its cover: refuse it, or cut it.
        sound: is the secret's sound hidden too?
        verify: is the container read back and compared once it is written?
        form: "mkv" or "mp4".
        force: is a secret hidden, too, that would come back too poor to be of use?
        overwrite: may a file that is there be overwritten?
    """

    longer: Longer = "refuse"
    sound: bool = True
    verify: bool = True
    form: str = "mkv"
    force: bool = False
    overwrite: bool = True


@dataclass(frozen=True)
class _Item:
    """All that one frame of the container is made of."""

    cover: np.ndarray
    secret: np.ndarray | None
    record: Record
    nonce: bytes
    salt: bytes | None


def hide_film(
    network: Network,
    cover: Path,
    secret: Path,
    out: Path,
    secret_key: KeySource,
    options: HideOptions = HideOptions(),
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
) -> Report:
    """Hides one film in another, a secret frame in each cover frame by index, and its sound with them.

    Raises:
        MediaError: a film can't be read, or the container not written.
        CapacityError: the cover is too small, or too short, or the secret would come back too poor.
    """
    cover_info, secret_info = scan(cover), scan(secret)
    hidden = _fit(cover_info, secret_info, options.longer)
    sound = _plan_sound(secret, secret_info, hidden, options.sound)
    salt = randomness(SALT_BYTES)
    key = secret_key.unlock(salt)
    header = _header(network, cover_info, secret_info, hidden, sound, randomness)
    _check_room(cover_info, header, key, sound)
    sizes = (secret_info.height, secret_info.width), (cover_info.height, cover_info.width)
    quality = SecretQuality(hidden, *sizes, options.force)
    with whole_file(out, overwrite=options.overwrite) as part:
        items = _items(cover, secret, secret_info, header, sound, salt, randomness)
        film = FilmWriter(
            part,
            cover_info.width,
            cover_info.height,
            cover_info.rate,
            form=options.form,
            time_base=cover_info.time_base,
            keep=cover,
        )
        with film, closing(items):
            digests, distances = zip(*_write(network, key, items, film, cover_info, quality, progress), strict=True)
        if options.verify:
            check_film(part, digests, lambda done, total: progress("verify", done, total))
    notes = (*_notes(cover_info, secret_info, hidden, options.sound), *(f"cover: {note}" for note in film.notes))
    notes += visible(min(distances))
    report = Report(cover_info.width, cover_info.height, len(cover_info.pts), hidden, notes)
    return replace(report, warnings=quality.warnings(), secret_psnr=quality.psnr())


def _fit(cover: FilmInfo, secret: FilmInfo, longer: Longer) -> int:
    """How many frames will be hidden."""
    room, wanted = len(cover.pts), len(secret.pts)
    if wanted > room and longer == "refuse":
        raise CapacityError(
            f"the secret has {wanted} frames, the cover only {room}",
            "`--longer cut` hides as many as there is room for",
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
        raise CapacityError(str(error), f"{error.hint}; `--no-sound` leaves the secret's sound out") from error


def _header(
    network: Network, cover: FilmInfo, secret: FilmInfo, hidden: int, sound: Sound, randomness: Randomness
) -> Header:
    size = secret.width, secret.height, hidden, secret.time_base, secret.rate
    described = Pictures(*size, network.detail, network.block, network.weights, sound.tracks)
    return Header(randomness(FILM_ID_BYTES), FILM, len(cover.pts), described)


def _items(
    cover: Path,
    secret: Path,
    info: FilmInfo,
    header: Header,
    sound: Sound,
    salt: bytes,
    randomness: Randomness,
) -> Generator[_Item, None, None]:
    """One for each frame of the cover; the first of them have a secret frame, its stamp and a slice of sound."""
    hidden = header.secret.hidden
    secrets = ahead(_first(read_frames(secret), hidden))
    with closing(ahead(read_frames(cover))) as covers, closing(secrets), closing(sound.slices()) as slices:
        parts = chain(zip(secrets, info.pts, slices, strict=False), repeat((None, 0, b"")))
        index = -1
        for index, (frame, (picture, stamp, data)) in enumerate(zip(covers, parts, strict=False)):
            if index == header.frames or (picture is None) != (index >= hidden):
                raise _changed()
            record = Record(header, index, stamp, data=data)
            yield _Item(frame, picture, record, randomness(NONCE_BYTES), salt if index == 0 else None)
        if index + 1 != header.frames:
            raise _changed()


def _changed() -> MediaError:
    return MediaError("the cover or the secret was changed while it was being hidden", "hide it again")


def _first(frames: Generator[np.ndarray, None, None], count: int) -> Generator[np.ndarray, None, None]:
    with closing(frames):
        yield from islice(frames, count)


def _write(
    network: Network,
    key: Key,
    items: Iterator[_Item],
    film: FilmWriter,
    cover: FilmInfo,
    quality: SecretQuality,
    progress: Progress,
) -> Iterator[tuple[bytes, float]]:
    """Writes the container; of each frame a digest, and of some the PSNR against the cover in dB, else inf."""

    def hide(item: _Item) -> tuple[np.ndarray, float, Loss | None]:
        index = item.record.index
        container = hide_frame(network, key, item.cover, item.secret, item.record, item.nonce, item.salt)
        loss = measure_loss(network, key, container, item.secret) if index in quality.frames else None
        return container, math.inf if index % _APART else psnr(item.cover, container), loss

    total = len(cover.pts)
    pool = network.pool(cover.height, cover.width)
    with closing(ordered(hide, items, pool.workers, pool.prepare)) as containers:
        for done, ((container, distance, loss), time) in enumerate(zip(containers, cover.times, strict=True), 1):
            if loss:
                quality.add(loss)
            film.write(container, time)
            progress("hide", done, total)
            yield digest(container), distance


def _notes(cover: FilmInfo, secret: FilmInfo, hidden: int, sound: bool) -> Iterator[str]:
    if hidden < len(secret.pts):
        yield f"the secret was cut: {hidden} of its {len(secret.pts)} frames are hidden"
    if hidden < len(cover.pts):
        end = float((cover.pts[hidden] - cover.pts[0]) * cover.time_base)
        yield f"the hidden film ends at {end:.2f} s: {hidden} of the cover's {len(cover.pts)} frames hold it"
    if secret.sound and not sound:
        yield "the secret's sound is not hidden, as you wished"
    if secret.more:
        yield f"the secret's {' and '.join(secret.more)} are not hidden: `--method sealed` hides a file whole"
    yield from (f"cover: {note}" for note in cover.notes)
    yield from (f"secret: {note}" for note in secret.notes)
