"""Hiding any file, byte for byte, in the lowest bits of a picture or film (the sealed method); no network is used.

A film's frames get shares of equal length: so as few samples as possible change in any of them, and the file comes back
although some of them are lost (`spread`).
"""

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, sqrt
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np

from stegnet.core.errors import CapacityError, MediaError, reading
from stegnet.core.kinds import FILE, PICTURE
from stegnet.core.parallel import watched
from stegnet.core.samples import channels_of
from stegnet.keys import FILM_ID_BYTES, SYSTEM, ContainerKeys, Key, KeySource, Randomness
from stegnet.media import about_cover
from stegnet.media.history import lossy_history
from stegnet.media.inputs import check_input, cover_name, input_kind
from stegnet.media.probe import media_kind
from stegnet.methods.film_loop import FilmCover, hide_frames, write_container
from stegnet.methods.fitting import Fitted, Space, fit, media_compressors
from stegnet.methods.method import PartRoom
from stegnet.methods.run import DEFAULT_RUN, Run
from stegnet.methods.sealed import DEFAULT, SealedOptions
from stegnet.methods.sealed.cover import DATA_NAME, SealedCover, bytes_room, check_options, open_cover
from stegnet.methods.sealed.extract import describe_file, frames_with_data, loss_note, may_be_lost
from stegnet.networks.engines import Pool
from stegnet.record import File, Header, Record, choose_needed, format_record, frames_for, is_file_name
from stegnet.results import (
    FORMS,
    Changes,
    OutputTarget,
    Report,
    not_safe,
    stored_name,
    write_picture,
)
from stegnet.sealing import FILM_EFFORT, PICTURE_EFFORT, SEED_BYTES, SealOptions, room, seal, texture_costs

_SEALERS = 2  # threads; most of the time goes to decoding and encoding


@dataclass(frozen=True)
class _Share:
    """Data of one frame: a record, and a fresh seed."""

    record: Record
    seed: bytes


def hide_bytes(
    cover: np.ndarray, data: bytes, key_source: KeySource, *, name: str = DATA_NAME, randomness: Randomness = SYSTEM
) -> np.ndarray:
    """Hides bytes in a picture.

    Args:
        cover: (H, W, 3) uint8; not changed.
        data: at most `bytes_room(H, W, name)` bytes; for a grey cover, which stays grey, about a third.
        name: file name stored with them; 1 to 255 bytes of UTF-8, without "/".
        randomness: source of the film secret (with a passphrase), film id and seed, drawn in this order.
    Returns:
        The container, (H, W, 3) uint8: the pixels that `embed_file` writes for a file of this name and content.
    Raises:
        CapacityError: the bytes do not fit.
        ValueError: the name is no file name.
    """
    if not is_file_name(name.encode("utf-8", "surrogateescape")):
        raise ValueError(f"name: must be a file's name without its folder, is {name!r}")
    keys = key_source.new_keys(randomness)
    most = bytes_room(*cover.shape[:2], name, keys.film, channels=channels_of(cover))
    if len(data) > most:
        raise CapacityError(f"{name}: has {len(data)} bytes, and there is room for {most}", "take a larger cover")
    file = File(name, len(data), hashlib.sha256(data).digest())
    header = Header(randomness(FILM_ID_BYTES), FILE, 1, file)
    return _sealed(_Share(Record(header, 0, data=data), randomness(SEED_BYTES)), cover, keys, Changes())


def embed_file(
    cover: Path,
    file: Path,
    out: OutputTarget,
    key_source: KeySource,
    options: SealedOptions = DEFAULT,
    run: Run = DEFAULT_RUN,
) -> Report:
    """Hides any file in a picture (a PNG is written) or in a film (an MKV or MP4 is written).

    A compressed copy is kept, readable, in the system's folder for temporary files meanwhile.

    Raises:
        MediaError: a file can't be read or written.
        CapacityError: the file does not fit; the hint says what would do.
    """
    check_input(file)
    cover_kind = input_kind(cover)
    check_options(cover, cover_kind, options)
    out.check(FORMS[cover_kind], cover_name(cover, cover_kind), cover, file)
    keys, compressors = key_source.new_keys(run.randomness), media_compressors if options.compress else dict
    opened = open_cover(cover, cover_kind, keys.film, options.resize)
    history = None if options.resize else lossy_history(cover, opened.pixels)
    opened = replace(opened, history=history, at_most_safe=options.at_most_safe)
    steps = opened.steps(options.verify)
    space = Space(opened.room, partial(_refuse, file, opened), compressors)
    with fit(file, space, run.in_steps("compress", *steps).progress) as fitted:
        run = run.in_steps(*["compress"] * (not fitted.unchanged), *steps)
        run.forewarn(opened.history)
        report, header = _embed(fitted, opened, out, keys, options.verify, run)
    line, loss = describe_file(header), loss_note(header, keys.anchors is not None)
    notes = (f"{line}{', byte for byte' * fitted.unchanged}", *fitted.notes, *loss, *report.notes)
    named = {"name": header.secret.name, "size": header.secret.size, "hidden": frames_with_data(header)}
    report = replace(report, **named, notes=notes, secret_psnr=fitted.copy and fitted.copy.psnr)
    report = replace(report, unchanged=fitted.unchanged, may_be_lost=may_be_lost(header))
    hidden = header.spread.share_bytes * header.frames if header.spread else header.secret.size
    return report.with_hiding(opened.hiding(header.secret.name, hidden))


def part_room(cover: Path, empty: int, key: Key, options: SealedOptions) -> PartRoom:
    """Bytes of a part that fit into a picture; as `Method.part_room`."""
    opened = open_cover(cover, PICTURE, key, options.resize)
    most, hard = room(opened.height, opened.width, key, opened.channels) - empty, opened.secure.hard
    if not options.at_most_safe:
        return PartRoom(most, hard)
    safe = options.resize is not None or lossy_history(cover, opened.pixels) is None
    return PartRoom(min(most, hard if safe else 0), hard)


def embed_record(
    cover: Path, record: Record, out: OutputTarget, keys: ContainerKeys, options: SealedOptions, run: Run
) -> Report:
    """Hides a record, one of an album, in a picture, which opens by itself; errors as `embed_file`."""
    opened = open_cover(cover, PICTURE, keys.film, options.resize)
    opened = replace(opened, history=None if options.resize else lossy_history(cover, opened.pixels))
    run.forewarn(opened.history)
    share = _Share(record, run.randomness(SEED_BYTES))
    report = _write_picture(opened, iter([share]), out, keys, options.verify, run)
    return report.with_hiding(opened.hiding(record.header.secret.name, len(record.data)))


def _embed(
    fitted: Fitted, cover: SealedCover, out: OutputTarget, keys: ContainerKeys, verify: bool, run: Run
) -> tuple[Report, Header]:
    """Writes the container of a file that fits."""
    with fitted.path.open("rb") as source:
        header = _make_header(fitted.name, source, cover, run.randomness)
        shares, write = _shares(source, header, run), _write_film if cover.film else _write_picture
        return write(cover, shares, out, keys, verify, run), header


def _refuse(file: Path, cover: SealedCover, size: int, most: int) -> NoReturn:
    """Raises the error for a file that does not fit; its hint gives a cover that would do."""
    if cover.film:
        fits = most and frames_for(size, cover.frame_room(stored_name(file)))
        hint = f"a cover of {fits} such frames would do" if fits else "take a larger cover"
    elif cover.at_most_safe:
        raise not_safe(file, size, most)
    else:
        in_all = room(cover.height, cover.width, cover.key, cover.channels)
        side = sqrt((in_all - most + size) / in_all)
        hint = f"a cover of {ceil(cover.width * side) + 1}×{ceil(cover.height * side) + 1} pixels would do"
    hint += ", one in colour has three times the room" * (cover.channels == 1)
    if media_kind(file):
        hint += ", or the method auto, which compresses it"
    raise CapacityError(f"{file}: has {size} bytes, and there is room for {most}", hint)


def _make_header(name: str, source: BinaryIO, cover: SealedCover, randomness: Randomness) -> Header:
    """The header of a file, which is read once for its digest.

    Raises:
        MediaError: it can't be read.
    """
    code = _digest(source)
    size, frames = source.tell(), cover.frames
    needed = choose_needed(size, frames, cover.frame_room(name)) if frames > 1 else 0
    return Header(randomness(FILM_ID_BYTES), FILE, frames, File(name, size, code, needed))


def _digest(source: BinaryIO) -> bytes:
    """SHA-256 of a file, which is left at its end.

    Raises:
        MediaError: it can't be read.
    """
    source.seek(0)
    with reading(source.name):
        return hashlib.file_digest(source, "sha256").digest()


def _shares(source: BinaryIO, header: Header, run: Run) -> Generator[_Share, None, None]:
    """The share of each frame.

    Raises:
        MediaError: the file has changed since its digest was taken.
    """
    for index in range(header.frames):
        data = _share_of(source, header, index)
        if index == header.frames - 1 and _digest(source) != header.secret.digest:
            raise MediaError(f"{source.name}: was changed while it was being hidden", "hide it again")
        yield _Share(Record(header, index, data=data), run.randomness(SEED_BYTES))


def _share_of(source: BinaryIO, header: Header, index: int) -> bytes:
    if header.spread:
        return header.spread.share(source, index)
    source.seek(0)
    return source.read(header.secret.size)


def _sealed(share: _Share, cover: np.ndarray, keys: ContainerKeys, changes: Changes, film: bool = False) -> np.ndarray:
    """A copy of a frame, (H, W, 3) uint8, in which a share is sealed; adds what that changes."""
    container, record = cover.copy(order="C"), share.record
    first = not film or record.index == 0  # a picture opens by itself, of an album, too
    options = SealOptions(first, FILM_EFFORT if film else PICTURE_EFFORT, grey=True)
    seal(container, format_record(record, keys.film), keys, share.seed, texture_costs(cover), options)
    changes.add(cover, container)
    return container


def _write_picture(
    cover: SealedCover, shares: Iterator[_Share], out: OutputTarget, keys: ContainerKeys, verify: bool, run: Run
) -> Report:
    (share,) = shares
    hide = partial(_sealed, share, cover.pixels, keys, cover.changes)
    container = watched(hide, partial(run.progress, "hide", 0, 0))
    write = partial(write_picture, out, container, cover.profile, verify=verify)
    report = watched(write, partial(run.progress, "write", 0, 0))
    return replace(report, notes=about_cover(cover.path))


def _write_film(
    cover: SealedCover,
    shares: Generator[_Share, None, None],
    out: OutputTarget,
    keys: ContainerKeys,
    verify: bool,
    run: Run,
) -> Report:
    def hide(share: _Share, frame: np.ndarray) -> np.ndarray:
        return _sealed(share, frame, keys, cover.changes, film=True)

    info, film = cover.film, FilmCover(cover.path, cover.film)
    frames = hide_frames(film, shares, hide, Pool(_SEALERS))
    notes = write_container(film, frames, out, verify, run)
    lines = tuple(f"cover: {note}" for note in (*info.notes, *notes))
    return Report(info.width, info.height, cover.frames, notes=lines)
