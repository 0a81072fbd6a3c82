"""Hiding any file in a film so that it comes back after H.264: at the rates that real encoders leave each group."""

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stegnet.core.errors import CapacityError, ConfigError, extra, reading
from stegnet.core.jpeg import BLOCK
from stegnet.core.parallel import ahead
from stegnet.keys.keys import KEY_BYTES, SYSTEM, Key, KeySource, Randomness
from stegnet.media import FILM, about_secret, atomic_write, read_frames, scan
from stegnet.media.films.films import decode
from stegnet.media.probe import media_kind
from stegnet.methods.robust.content import file_bytes, file_content
from stegnet.methods.robust.fec import HIGHEST, LOWEST, RATES
from stegnet.methods.robust.record import hidden_area, new_nonce
from stegnet.methods.robust.survival import information
from stegnet.methods.robust_film.groups import hide_in_group, modulated, pieces_of
from stegnet.methods.robust_film.hiding import FilmHiding, Witness
from stegnet.methods.robust_film.modem import FilmModem
from stegnet.methods.robust_film.phases import GROUP, Dither, FilmRung, luma
from stegnet.methods.robust_film.reading import read_groups
from stegnet.methods.sealed.embed import compressors, stored_name
from stegnet.results.figures import ROBUST, Hiding
from stegnet.results.naming import printable
from stegnet.results.output import OutputTarget, Progress, Report, form_of, in_steps, no_progress, under

FORMS = (".mp4", ".mkv")
DEFAULT = "h264:23"
LEAST_CRF, MOST_CRF = 18, 28
_SHARE, _MARGIN = 0.9, 2  # of the information, and 64ths less: the rate of a group
_LOWERED = 4  # 64ths, where a group does not come back
_ATTEMPTS = 3
_FEW, _EVERY = 4, 3  # groups that are all measured; of more, one in so many
_STRIPS, _NARROWEST = 8, 8  # of a frame, every other of which is measured; blocks of a strip
_LARGER = "take a longer or larger cover, with more that moves little, or a milder channel"


def parse_crf(text: str) -> int:
    """The constant rate factor of a channel as users name it: h264:CRF.

    Raises:
        ConfigError: there is no such channel for films.
    """
    found = re.fullmatch(r"h264:(\d{1,2})", text)
    crf = int(found[1]) if found else -1
    if not LEAST_CRF <= crf <= MOST_CRF:
        hint = f"films survive h264:{LEAST_CRF} to h264:{MOST_CRF}, the higher the more robust"
        raise ConfigError(f"survive: {text!r} is no channel for films", hint)
    return crf


def choose_film_rung(rungs: Sequence[FilmRung], crf: int, psnr: float) -> FilmRung:
    """The rung for a constant rate factor and a PSNR of the container in dB: the mildest that was trained for it.

    Where none was trained for it at that PSNR, the most robust is taken.
    """
    near = min(abs(rung.psnr - psnr) for rung in rungs)
    fitting = [rung for rung in rungs if abs(rung.psnr - psnr) == near]
    return min(
        (rung for rung in fitting if rung.highest >= crf), key=_robustness, default=max(fitting, key=_robustness)
    )


def hide_in_film(
    modem: FilmModem,
    cover: Path,
    secret: Path,
    out: OutputTarget,
    key_source: KeySource,
    crf: int,
    psnr: float,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
) -> Report:
    """Hides a file in a film; an ordinary H.264 film is written, with the cover's sound.

    A film or picture that does not fit is compressed. The film is encoded again as it is promised to survive, and
    nothing is written that does not come back.

    Args:
        crf: constant rate factor of that encoding.
        psnr: of the container in dB, before encoding; the nearest that there is.
    Raises:
        MediaError: a film can't be read or written.
        CapacityError: the file does not fit, or does not come back.
    """
    out.check(FORMS, FILM, cover, secret)
    with extra("media", "hiding in films that survive H.264"):
        from stegnet.media.films.h264 import check_sides, with_sound  # here, since it needs ffmpeg
    info = scan(cover)
    check_sides(cover, info)
    rung, witness = choose_film_rung(modem.rungs, crf, psnr), Witness(len(info.pts))
    compress = ("compress",) * (media_kind(secret) is not None)
    progress = in_steps(progress, "try", *compress, "hide", "check", "verify")
    with TemporaryDirectory(prefix="stegnet-") as folder:
        hiding = FilmHiding(cover, info, Path(folder), crf, modem, rung, key_source, randomness, progress, witness)
        film, chosen = _hide(hiding, secret)
        with atomic_write(out.path, overwrite=out.force) as part:
            with_sound(film, cover, part, form_of(out.path))
    promise = f"survives H.264 at CRF {crf} and better (x264, fast to veryslow)"
    notes = (f"{chosen.line}; {promise}", *(f"cover: {note}" for note in info.notes))
    notes += about_secret(secret) if chosen.size != secret.stat().st_size else ()
    figures = len(info.pts), hiding.groups * GROUP
    named = {"name": chosen.name, "size": chosen.size, "unchanged": chosen.unchanged}
    report = Report(info.width, info.height, *figures, notes, **named)
    pixels = len(info.pts) * info.height * info.width
    size, used = cover.stat().st_size, {"hidden_bytes": len(chosen.content), "room": chosen.room}
    return report.with_hiding(Hiding(ROBUST, size, pixels, None, witness.psnr, film=True, **used))


@dataclass(frozen=True)
class _Message:
    """Hidden content: a file as it is, or a compressed copy.

    Attributes:
        content: of the records.
        line: on it, for the report.
        name, size: of the file or copy, in bytes.
        room: bytes of content that there were.
        unchanged: it is the file as it is.
    """

    content: bytes
    line: str
    name: str
    size: int
    room: int
    unchanged: bool = False


def _hide(hiding: FilmHiding, secret: Path) -> tuple[Path, _Message]:
    """Writes the film without sound; returns it and what is hidden."""
    trying = replace(hiding, progress=under("try", hiding.progress))
    rates = _measure(trying) if min(hiding.shape) and hiding.groups else []
    for _ in range(_ATTEMPTS):
        chosen = _fit(secret, sum(hiding.rooms(rates)), hiding)
        message = chosen.content
        used = _lowest(hiding, rates, len(message))
        rooms = hiding.rooms(used)
        film = hiding.folder / "written.mp4"
        hiding.write(film, _containers(hiding, used, pieces_of(message, filter(None, rooms))), hiding.info)
        failed = _failed(hiding, hiding.again(hiding.witness.seen(film), hiding.info), used, message)
        if not failed:
            return film, chosen
        rates = [max(rate - _LOWERED, 0) if index in failed else rate for index, rate in enumerate(rates)]
    raise CapacityError(f"what is hidden in this film does not survive H.264 at CRF {hiding.crf}", _LARGER)


def _lowest(hiding: FilmHiding, rates: Sequence[int], size: int) -> list[int]:
    """The lowest rates, none above the given ones, at which a message of this size fits twice, or else once.

    So a small file comes back from worse channels than the promised one.
    """

    def lowered(share: int) -> list[int]:
        return [max(rate * share // RATES, LOWEST) if rate else 0 for rate in rates]

    wanted = size * (1 + (sum(hiding.rooms(rates)) >= 2 * size))
    return next(lower for share in range(1, RATES + 1) if sum(hiding.rooms(lower := lowered(share))) >= wanted)


def _measure(hiding: FilmHiding) -> list[int]:
    """The rate of each group, 0 if nothing comes back, from random bits that are hidden, encoded and read.

    Of a long film, one group in _EVERY is measured; those between two take the lower rate, less a margin.
    """
    groups = range(hiding.groups)
    some = groups if len(groups) <= _FEW else sorted({*groups[::_EVERY], groups[-1]})
    measured = dict(zip(some, _measured(hiding, some), strict=True))
    return [_between(measured, index) for index in groups]


def _between(measured: dict[int, int], index: int) -> int:
    if index in measured:
        return measured[index]
    before, after = max(at for at in measured if at < index), min(at for at in measured if at > index)
    return max(min(measured[before], measured[after]) - _MARGIN, 0)


def _measured(hiding: FilmHiding, groups: Sequence[int]) -> Iterator[int]:
    """The rates of some groups, which are encoded one after the other, in every other strip of a frame."""
    key, (rows, cols), rung = Key(hiding.randomness(KEY_BYTES)), hiding.shape, hiding.rung
    film, draw = hiding.folder / "measured.mp4", np.random.default_rng(int.from_bytes(hiding.randomness(16), "big"))
    columns = _strips(cols)
    sent = {index: draw.integers(0, 2, (rows * len(columns), rung.group.bits), np.uint8) for index in groups}

    def dither(index: int) -> Dither:
        return Dither((rows, len(columns)), hiding.modem.frames, key, index.to_bytes(4, "big"))

    def containers() -> Generator[np.ndarray, None, None]:
        for index, frames in zip(groups, _samples(hiding, groups, columns), strict=True):
            yield from modulated(hiding.modem, frames, sent[index], dither(index), rung)

    pts = hiding.info.pts[: len(groups) * GROUP]
    info = replace(hiding.info, height=rows * BLOCK, width=len(columns) * BLOCK, pts=pts)
    hiding.write(film, containers(), info)
    with closing(ahead(read_frames(hiding.again(decode(film), info)), GROUP)) as frames:
        for index in groups:
            ratios = hiding.modem.reveal(np.stack([luma(frame) for frame in islice(frames, GROUP)]), dither(index))
            yield _rate(ratios[rung] * (2.0 * sent[index] - 1))


def _strips(cols: int) -> np.ndarray:
    """Columns of blocks that are measured: every other strip, wide enough for what moves."""
    columns = np.arange(cols)
    return columns[columns // max(_NARROWEST, -(-cols // _STRIPS)) % 2 == 0]


def _samples(hiding: FilmHiding, groups: Sequence[int], columns: np.ndarray) -> Iterator[list[np.ndarray]]:
    """Some of the cover's groups, of which only these columns of blocks are left."""
    wanted = {GROUP * index + at for index in groups for at in range(GROUP)}
    pixels = (columns[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)
    with closing(read_frames(hiding.cover, wanted)) as frames:
        for _ in groups:
            yield [hidden_area(frame)[:, pixels] for frame in islice(frames, GROUP)]


def _rate(right: np.ndarray) -> int:
    """The rate at which a group comes back, from ratios that are positive where right; 0 if it does not."""
    rate = int(information(right) * RATES * _SHARE) - _MARGIN
    return min(rate, HIGHEST) if rate >= LOWEST else 0


def _containers(hiding: FilmHiding, rates: Sequence[int], pieces: Iterator[bytes]) -> Generator[np.ndarray, None, None]:
    """The cover's frames with what is hidden in each group, and the rest of the frames."""
    with closing(read_frames(hiding.cover)) as frames:
        for index, (rate, room) in enumerate(zip(rates, hiding.rooms(rates), strict=True)):
            group = list(islice(frames, GROUP))
            hiding.witness.keep(index * GROUP, group)
            if room:
                nonce, piece = new_nonce(hiding.randomness), next(pieces)
                group = hide_in_group(hiding.modem, group, hiding.rung, rate, piece, hiding.key_source, nonce)
            yield from group
        yield from frames


def _failed(hiding: FilmHiding, film: Path, rates: Sequence[int], message: bytes) -> set[int]:
    """The groups whose content does not come back from a film."""
    rooms = hiding.rooms(rates)
    used = [index for index, room in enumerate(rooms) if room]
    expected = dict(zip(used, pieces_of(message, filter(None, rooms)), strict=True))
    step = partial(hiding.progress, "verify")
    frames, total = read_frames(film), len(hiding.info.pts)
    with closing(read_groups(hiding.modem, frames, hiding.key_source, lambda done: step(done, total))) as readings:
        found = dict(enumerate(reading.content if reading else b"" for reading in readings))
    return {index for index, piece in expected.items() if not found[index].startswith(piece)}


def _fit(secret: Path, room: int, hiding: FilmHiding) -> _Message:
    """The file as it is, or a picture or film compressed to the room.

    Raises:
        CapacityError: it does not fit.
    """
    name, size = stored_name(secret), secret.stat().st_size
    if file_bytes(name, size) <= room:
        line = f"hidden: {printable(secret.name)}, {size} bytes, byte for byte"
        with reading(secret):
            return _Message(file_content(name, secret.read_bytes()), line, name, size, room, unchanged=True)
    what = media_kind(secret)
    if what is None or room < 1:
        taken = file_bytes(name, size)
        raise CapacityError(f"{secret}: takes {taken} bytes, and there is room for {room}", _LARGER)
    squeeze, suffix = compressors()[what]
    name = stored_name(secret.with_suffix(suffix))
    with TemporaryDirectory(prefix="stegnet-", dir=hiding.folder) as folder:
        made = squeeze(secret, Path(folder), room - file_bytes(name, 0), partial(hiding.progress, "compress"))
        name = stored_name(secret.with_suffix(made.path.suffix))
        data = made.path.read_bytes()
    line = f"{printable(secret.name)} was compressed from {size} bytes to {len(data)}: {made.description}"
    return _Message(file_content(name, data), line, name, len(data), room)


def _robustness(rung: FilmRung) -> int:
    return rung.highest
