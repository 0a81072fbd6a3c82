"""Hiding from file to file by a network: a picture in a picture, or a film in a film, frame by frame."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.kinds import FILM
from stegnet.core.measures import psnr
from stegnet.core.parallel import ahead, watched
from stegnet.core.samples import is_grey
from stegnet.keys import FILM_ID_BYTES, ContainerKeys, Key, KeyRing, KeySource, Randomness
from stegnet.media import (
    FilmInfo,
    about_cover,
    about_secret,
    is_grey_film,
    read_cover,
    read_frames,
    read_picture,
    refuse_palette,
    scan,
)
from stegnet.media.history import lossy_history
from stegnet.media.inputs import cover_name, input_kind, kind_of_secret
from stegnet.methods.film_loop import FilmCover, changed, hide_frames, write_container
from stegnet.methods.network import DEFAULT, NETWORK, NetworkOptions
from stegnet.methods.network.frame import FrameInput, check_cover, grey_refused, hide_frame
from stegnet.methods.network.network import Network, chosen_network
from stegnet.methods.network.picture import hide_picture
from stegnet.methods.network.quality import SecretQuality, measure_secret, measured_quality, visibility_notes
from stegnet.methods.run import DEFAULT_RUN, Run
from stegnet.record import Header, Pictures, Record, Sound, no_sound, plan_sound
from stegnet.results import FORMS, HidingFigures, OutputTarget, Report, write_picture
from stegnet.sealing import SEED_BYTES

_COMPARED = 25  # each frame with an index that is a multiple of this is compared with its cover


@dataclass
class _Measured:
    """Quality, measured while the film is written.

    Attributes:
        secret: of the frames revealed as a check.
        distances: PSNR in dB of the frames compared with their cover.
    """

    secret: SecretQuality
    distances: list[float] = field(default_factory=list)

    def add(
        self, network: Network, keys: ContainerKeys, cover: np.ndarray, given: FrameInput, made: np.ndarray
    ) -> None:
        """Measures a frame of the container, if it is one of those that are."""
        index = given.record.index
        if index % _COMPARED == 0:
            self.distances.append(psnr(cover, made))
        if index in self.secret.frames:
            errors = measure_secret(network, KeyRing.of(keys), made, given.secret, first=index == 0)
            self.secret.add(index, errors)


def hide_pictures(
    cover: Path, secret: Path, out: OutputTarget, key_source: KeySource, options: NetworkOptions, run: Run
) -> Report:
    """Hides a picture in a picture (a PNG is written) or a film in a film (an MKV or MP4 is written).

    Raises:
        StegnetError: any but DataError, RevealError and TrainingError.
    """
    cover_kind, secret_kind = input_kind(cover), kind_of_secret(secret)
    if cover_kind != secret_kind:
        hint = f"take a {secret_kind} as the cover, or the method sealed, which hides any file"
        raise CapacityError(f"a {secret_kind} can't be hidden in a {cover_kind}", hint)
    out.check(FORMS[cover_kind], cover_name(cover, cover_kind), cover, secret)
    hide = hide_film if cover_kind == FILM else _hide_picture
    return hide(cover, secret, out, key_source, options, run)


def _hide_picture(
    cover: Path, secret: Path, out: OutputTarget, key_source: KeySource, options: NetworkOptions, run: Run
) -> Report:
    refuse_palette(cover)
    pixels, profile = read_cover(cover)
    if is_grey(pixels):
        raise grey_refused()
    network, hidden, history = chosen_network(run), read_picture(secret), lossy_history(cover, pixels)
    run.forewarn(history)
    run = run.in_steps("hide tiles", "measure tiles", "write")
    container = hide_picture(network, pixels, hidden, key_source, run.randomness, partial(run.progress, "hide tiles"))
    distance = psnr(pixels, container)
    del pixels  # large pictures take much memory
    step = partial(run.progress, "measure tiles")
    quality = measured_quality(network, container, hidden, key_source, options.any_quality, step)
    del hidden
    write = partial(write_picture, out, container, profile, verify=options.verify)
    report = watched(write, partial(run.progress, "write", 0, 0))
    notes = (*visibility_notes(distance), *about_cover(cover), *about_secret(secret))
    report = replace(report, notes=notes, warnings=quality.warnings(), secret_psnr=quality.psnr())
    return report.with_hiding(_hiding(cover, report, distance, history))


def hide_film(
    cover: Path,
    secret: Path,
    out: OutputTarget,
    key_source: KeySource,
    options: NetworkOptions = DEFAULT,
    run: Run = DEFAULT_RUN,
) -> Report:
    """Hides one film in another, a secret frame in each cover frame by index, and its sound with them.

    Raises:
        MediaError: a film can't be read, or the container not written.
        CapacityError: the cover is grey, too small or too short, or the secret would be revealed at too low a quality.
    """
    if is_grey_film(cover):
        raise grey_refused()
    films, history = _Films(cover, secret, scan(cover), scan(secret)), lossy_history(cover)
    hidden, network = films.frames_to_hide(options.longer), chosen_network(run)
    sound = films.plan_sound(hidden, options.sound)
    keys = key_source.new_keys(run.randomness)
    header = films.header(network, sound, run.randomness(FILM_ID_BYTES))
    _check_room(films.cover_info, header, keys.film, sound)
    run.forewarn(history)
    run = run.in_steps("hide", *("verify",) * options.verify)
    measured = _Measured(SecretQuality(hidden, *films.sizes, options.any_quality))

    def hide(given: FrameInput, frame: np.ndarray) -> np.ndarray:
        container = hide_frame(network, keys, frame, given)
        measured.add(network, keys, frame, given, container)
        return container

    film = FilmCover(cover, films.cover_info)
    pool = network.pool(film.info.height, film.info.width)
    frames = hide_frames(film, films.inputs(header, sound, run.randomness), hide, pool)
    not_kept = write_container(film, frames, out, options.verify, run)
    report = Report(film.info.width, film.info.height, header.frames, hidden)
    worst = min(measured.distances)
    notes = (*films.notes(hidden, options.sound), *(f"cover: {note}" for note in not_kept), *visibility_notes(worst))
    quality = {"warnings": measured.secret.warnings(), "secret_psnr": measured.secret.psnr()}
    return replace(report, notes=notes, **quality).with_hiding(_hiding(cover, report, worst, history))


@dataclass(frozen=True)
class _Films:
    """A cover and a secret, and what is known of them."""

    cover: Path
    secret: Path
    cover_info: FilmInfo
    secret_info: FilmInfo

    @property
    def sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Height and width of the secret, and of the cover."""
        return tuple((info.height, info.width) for info in (self.secret_info, self.cover_info))

    def frames_to_hide(self, longer: str) -> int:
        """Number of frames that will be hidden.

        Raises:
            CapacityError: the secret is longer than its cover, and must not be cut.
        """
        room, wanted = len(self.cover_info.pts), len(self.secret_info.pts)
        if wanted > room and longer == "refuse":
            raise CapacityError(
                f"the secret has {wanted} frames, the cover only {room}",
                "take a longer cover, or hide as many as there is room for",
            )
        return min(room, wanted)

    def plan_sound(self, hidden: int, wanted: bool) -> Sound:
        """The secret's sound up to its last hidden frame; none, if none is wanted."""
        info = self.secret_info
        if not wanted or not info.sound:
            return no_sound(self.secret, hidden)
        end = info.pts[hidden] * info.time_base if hidden < len(info.pts) else None
        return plan_sound(self.secret, hidden, end)

    def header(self, network: Network, sound: Sound, film_id: bytes) -> Header:
        """The header of all records."""
        secret = self.secret_info
        size = secret.width, secret.height, sound.frames, secret.time_base, secret.rate
        described = Pictures(*size, network.base, network.block, network.weights, sound.tracks)
        return Header(film_id, FILM, len(self.cover_info.pts), described)

    def inputs(self, header: Header, sound: Sound, randomness: Randomness) -> Generator[FrameInput, None, None]:
        """The input of each frame: the first hide a secret frame, its stamp and a share of sound.

        Raises:
            MediaError: the secret can't be read, or has fewer frames than when it was scanned.
        """
        secrets, hidden = ahead(_first(read_frames(self.secret), header.secret.hidden)), header.secret.hidden
        with closing(secrets), closing(sound.shares()) as shares:
            for index in range(header.frames):
                picture, record = None, Record(header, index)
                if index < hidden:
                    picture, share = next(secrets, secrets), next(shares, None)
                    if picture is secrets or share is None:
                        raise changed()
                    record = Record(header, index, self.secret_info.pts[index], data=share)
                yield FrameInput(picture, record, randomness(SEED_BYTES))

    def notes(self, hidden: int, sound: bool) -> Iterator[str]:
        """Lines on what is not hidden, and on what was found in the films."""
        cover, secret = self.cover_info, self.secret_info
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


def _hiding(cover: Path, report: Report, container_psnr: float, history: str | None) -> HidingFigures:
    """Figures of what networks did to a cover."""
    size, pixels = cover.stat().st_size, report.frames * report.width * report.height
    film = report.frames > 1
    return HidingFigures(NETWORK, size, pixels, history, container_psnr, film=film)


def _check_room(cover: FilmInfo, header: Header, key: Key, sound: Sound) -> None:
    try:
        check_cover(cover.height, cover.width, header, key, sound.most)
    except CapacityError as error:
        if not sound.most:
            raise
        raise CapacityError(str(error), f"{error.hint}, or leave the secret's sound out") from error


def _first(frames: Generator[np.ndarray, None, None], count: int) -> Generator[np.ndarray, None, None]:
    with closing(frames):
        yield from islice(frames, count)
