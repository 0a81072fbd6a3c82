"""Hiding any file, byte for byte, in a JPEG's coefficients, from file to file."""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import numpy as np

from stegnet.core.errors import CapacityError, ConfigError, MediaError
from stegnet.core.kinds import FILE, FILM
from stegnet.core.parallel import watched
from stegnet.keys import ANY_KEY, FILM_ID_BYTES, ContainerKeys, Key, KeySource, Randomness
from stegnet.media import about_cover, atomic_write, read_cover
from stegnet.media.inputs import check_input, cover_name, input_kind
from stegnet.media.jpeg import JpegPicture, read_jpeg
from stegnet.media.signature import is_jpeg
from stegnet.methods.fitting import Space, fit, media_compressors
from stegnet.methods.jpeg import FORMS, JPEG, JpegOptions
from stegnet.methods.jpeg.carrier import CARRIED, context_of, samples_of, with_samples
from stegnet.methods.jpeg.costs import coefficient_costs
from stegnet.methods.jpeg.making import JpegCover, jpeg_cover
from stegnet.methods.method import CoverSize
from stegnet.methods.run import Run
from stegnet.methods.sealed import describe_file, empty_record_bytes
from stegnet.record import File, Header, Record, format_record
from stegnet.results import Changes, HidingFigures, OutputTarget, Report
from stegnet.sealing import SEED_BYTES, SealOptions, room, seal

_LOWEST, _HIGHEST = 50, 98  # quality
_MOST_RATE = 1.0  # bits of a record for each of luma's coefficients that is not 0, the first of blocks not counted


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
    out.check(FORMS[kind], cover_name(cover, kind), cover, secret)
    if kind == FILM:
        raise CapacityError(f"{cover}: is a film, and the method jpeg hides in pictures", "take the method sealed")
    if not _LOWEST <= options.quality <= _HIGHEST:
        raise ConfigError(f"quality: must be from {_LOWEST} to {_HIGHEST}, is {options.quality}")
    made, keys = jpeg_cover(cover, options.quality), key_source.new_keys(run.randomness)
    space = Space(partial(_file_room, made.picture, keys.film), partial(_refuse, secret), media_compressors)
    with TemporaryDirectory(prefix="stegnet-") as folder:
        fitted = fit(secret, space, Path(folder), run.in_steps("compress", "hide", "write").progress)
        run = run.in_steps(*["compress"] * (not fitted.unchanged), "hide", "write")
        data = fitted.path.read_bytes()
    file = File(fitted.name, len(data), hashlib.sha256(data).digest())
    header = Header(run.randomness(FILM_ID_BYTES), FILE, 1, file)
    record = format_record(Record(header, 0, data=data), keys.film)
    planes = watched(partial(sealed_planes, made, record, keys, run.randomness), partial(run.progress, "hide", 0, 0))
    changes = watched(partial(_write, made, planes, out, options.verify), partial(run.progress, "write", 0, 0))
    height, width, _ = made.shown.shape
    figures = HidingFigures(JPEG, cover.stat().st_size, height * width, hidden_bytes=header.secret.size)
    figures = replace(figures, container_psnr=changes.psnr, changed_pixels=changes.pixels, measured=False)
    line = f"{describe_file(header)}{', byte for byte' * fitted.unchanged}"
    notes = (line, *made.notes, *fitted.notes, *about_cover(cover))
    report = Report(width, height, notes=notes, name=fitted.name, size=len(data), unchanged=fitted.unchanged)
    return replace(report, secret_psnr=fitted.copy and fitted.copy.psnr).with_hiding(figures)


def jpeg_room(cover: CoverSize, name: str = "") -> int:
    """Bytes of a file of this name that fit into a cover; 0 if it is no JPEG, or too small."""
    if cover.file is None or not is_jpeg(cover.file):
        return 0
    try:
        jpeg = read_jpeg(cover.file)
    except MediaError:
        return 0
    return max(_file_room(jpeg, ANY_KEY, name), 0)


def _file_room(jpeg: JpegPicture, key: Key, name: str) -> int:
    """Bytes of a file of this name that fit; negative if not even its record does."""
    luma = jpeg.planes[0]
    most = int(np.count_nonzero(luma[..., 1:]) * _MOST_RATE) // 8
    return min(room(luma.shape[0], luma.shape[1] * CARRIED, key, channels=1), most) - empty_record_bytes(name, key)


def _refuse(secret: Path, size: int, most: int) -> NoReturn:
    raise CapacityError(
        f"{secret}: has {size} bytes, and there is room for {max(most, 0)}",
        "take a larger JPEG, or one with more detail or of higher quality",
    )


def sealed_planes(cover: JpegCover, record: bytes, keys: ContainerKeys, randomness: Randomness) -> list[np.ndarray]:
    """The planes of a cover with a record sealed in its luma."""
    samples, costs = samples_of(cover.picture), coefficient_costs(cover.picture, cover.errors)
    options = SealOptions(first=True, clustered=False, context=context_of(cover.picture))
    seal(samples, record, keys, randomness(SEED_BYTES), costs, options)
    return with_samples(cover.picture, samples)


def _write(cover: JpegCover, planes: list[np.ndarray], out: OutputTarget, verify: bool) -> Changes:
    """Writes the container; what it changes in the pixels that viewers show."""
    data, changes = cover.picture.with_planes(planes), Changes()
    with atomic_write(out.path, overwrite=out.force) as part:
        part.write_bytes(data)
        if verify and not all(map(np.array_equal, read_jpeg(part).planes, planes)):
            raise MediaError(f"{out.path}: does not read back as it was written", "try another disk")
        changes.add(cover.shown, read_cover(part)[0])
    return changes
