"""Hiding any file, byte for byte, in a JPEG's coefficients, from file to file."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np

from stegnet.core.errors import CapacityError, ConfigError, MediaError
from stegnet.core.kinds import FILE, FILM
from stegnet.core.parallel import watched
from stegnet.keys import FILM_ID_BYTES, ContainerKeys, Key, KeySource
from stegnet.media import atomic_write, read_cover
from stegnet.media.inputs import check_input, cover_name, input_kind
from stegnet.media.jpeg import JpegPicture
from stegnet.methods.fitting import Space, fit, media_compressors
from stegnet.methods.jpeg import FORMS, JPEG, JpegOptions
from stegnet.methods.jpeg.amounts import file_room, hard_bytes, record_room, secure_payload
from stegnet.methods.jpeg.making import JpegCover, jpeg_cover, read_both
from stegnet.methods.jpeg.oracle import oracle_of
from stegnet.methods.jpeg.sending import Sending, ThroughChannel
from stegnet.methods.method import PartRoom
from stegnet.methods.run import Run
from stegnet.methods.sealed import describe_file
from stegnet.record import File, Header, Record, format_record
from stegnet.results import Changes, HidingFigures, OutputTarget, Report, not_safe

_LOWEST, _HIGHEST = 50, 98  # quality
_STRAINED = "so much of what is sent changes for what arrives that detectors find it"
_SENT_BEFORE = "take what arrives of this cover as the cover"


def hide_in_jpeg(
    cover: Path, secret: Path, out: OutputTarget, key_source: KeySource, options: JpegOptions, run: Run
) -> Report:
    """Hides any file in a JPEG; all bytes outside its entropy-coded data stay.

    Raises:
        MediaError: a file can't be read or written, or the cover is no JPEG that is supported.
        CapacityError: the file does not fit.
    """
    check_input(secret)
    kind = input_kind(cover)
    out.check(FORMS[kind], cover_name(cover, kind), cover, secret, *map(Path, options.channel_from or ()))
    if kind == FILM:
        raise CapacityError(f"{cover}: is a film, and the method jpeg hides in pictures", "take the method sealed")
    sending, keys = _sending(cover, options), key_source.new_keys(run.randomness)
    made, carrier, safe = sending.cover, sending.carrier, options.at_most_safe
    room = partial(_room, carrier.picture, keys.film, hard_bytes(carrier) if safe else None)
    space = Space(room, partial(_refuse, secret, safe), media_compressors)
    with fit(secret, space, run.in_steps("compress", "hide", "write").progress) as fitted:
        run = run.in_steps(*["compress"] * (not fitted.unchanged), "hide", "write")
        data = fitted.path.read_bytes()
    run.forewarn(made.history)
    file = File(fitted.name, len(data), hashlib.sha256(data).digest())
    header = Header(run.randomness(FILM_ID_BYTES), FILE, 1, file)
    changes = _hide(sending, Record(header, 0, data=data), keys, out, options, run)
    line = f"{describe_file(header)}{', byte for byte' * fitted.unchanged}"
    notes = (line, *made.notes, *fitted.notes)
    report = Report(notes=notes, name=fitted.name, size=len(data), unchanged=fitted.unchanged)
    report = replace(report, secret_psnr=fitted.copy and fitted.copy.psnr)
    return _with_figures(report, cover, sending, changes, len(data))


def part_room(cover: Path, empty: int, key: Key, options: JpegOptions) -> PartRoom:
    """Bytes of a part that fit into the JPEG that a cover is, or is made; as `Method.part_room`."""
    carrier = _sending(cover, options).carrier
    most, hard = record_room(carrier.picture, key) - empty, hard_bytes(carrier)
    return PartRoom(min(most, hard) if options.at_most_safe else most, hard)


def hide_record(
    cover: Path, record: Record, out: OutputTarget, keys: ContainerKeys, options: JpegOptions, run: Run
) -> Report:
    """Hides a record, one of an album, in a JPEG; errors as `hide_in_jpeg`."""
    sending = _sending(cover, options)
    run.forewarn(sending.cover.history)
    changes = _hide(sending, record, keys, out, options, run)
    return _with_figures(Report(notes=sending.cover.notes), cover, sending, changes, len(record.data))


def _room(jpeg: JpegPicture, key: Key, safe: int | None, name: str) -> int:
    """Bytes of a file of this name that fit, and are no more than is safe; negative if nothing fits."""
    most = file_room(jpeg, key, name)
    return most if safe is None else min(most, safe)


def _sending(cover: Path, options: JpegOptions) -> Sending:
    if not _LOWEST <= options.quality <= _HIGHEST:
        raise ConfigError(f"quality: must be from {_LOWEST} to {_HIGHEST}, is {options.quality}")
    oracle = oracle_of(options)
    made = jpeg_cover(cover, options.quality, options.resize)
    return ThroughChannel(made, oracle) if oracle else Sending(made)


def _hide(
    sending: Sending, record: Record, keys: ContainerKeys, out: OutputTarget, options: JpegOptions, run: Run
) -> Changes:
    """Writes the container of a record; what it changes in the pixels that viewers show."""
    sealing = partial(sending.planes, format_record(record, keys.film), keys, run.randomness)
    planes = watched(sealing, partial(run.progress, "hide", 0, 0))
    if sending.strained and options.at_most_safe:
        raise CapacityError(_STRAINED, _SENT_BEFORE)
    writing = partial(write_planes, sending.cover, planes, out, options.verify, sending.check)
    return watched(writing, partial(run.progress, "write", 0, 0))


def _with_figures(report: Report, cover: Path, sending: Sending, changes: Changes, hidden_bytes: int) -> Report:
    height, width, _ = sending.cover.shown.shape
    figures = HidingFigures(
        JPEG, cover.stat().st_size, height * width, sending.cover.history, hidden_bytes=hidden_bytes
    )
    secure = None if sending.strained else secure_payload(sending.carrier)
    figures = replace(figures, container_psnr=changes.psnr, changed_pixels=changes.pixels, secure=secure)
    warnings = (f"{_STRAINED}; {_SENT_BEFORE}",) * sending.strained
    return replace(report, width=width, height=height, warnings=warnings).with_hiding(figures)


def _refuse(secret: Path, at_most_safe: bool, size: int, most: int) -> NoReturn:
    if at_most_safe:
        raise not_safe(secret, size, most)
    raise CapacityError(
        f"{secret}: has {size} bytes, and there is room for {max(most, 0)}",
        "take a larger JPEG, one with more detail or of higher quality, or several pictures: spread it over several",
    )


def write_planes(
    cover: JpegCover,
    planes: list[np.ndarray],
    out: OutputTarget,
    verify: bool,
    check: Callable[[bytes], None] | None = None,
) -> Changes:
    """Writes a cover with other planes; what that changes in the pixels that viewers show.

    Args:
        check: called with the file before it is moved to its place.
    Raises:
        MediaError: the file can't be written, or does not read back as it was written.
    """
    data, changes = cover.picture.with_planes(planes), Changes()
    with atomic_write(out.path, overwrite=out.force) as part:
        part.write_bytes(data)
        picture, shown = read_both(part) if verify else (None, read_cover(part)[0])
        if picture and not all(map(np.array_equal, picture.planes, planes)):
            raise MediaError(f"{out.path}: does not read back as it was written", "try another disk")
        if check:
            check(part.read_bytes())
        changes.add(cover.shown, shown)
    return changes
