"""Hiding any file, byte for byte, in the lowest bits of a picture or film; no network takes part.

The file is spread evenly, an equal share (give or take a byte) to each frame, so that as few samples as possible
change in any of them.
"""

import hashlib
import io
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from math import ceil, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np

from stegnet.codec.extract import WORKERS, carrying, escaped, told
from stegnet.codec.files import check_input, input_kind
from stegnet.codec.keys import FILM_ID_BYTES, KEY_BYTES, SALT_BYTES, SYSTEM, Key, KeySource, Randomness
from stegnet.codec.output import FORMS, OutputTarget, form_of, write_picture
from stegnet.codec.progress import Progress, no_progress
from stegnet.codec.record import FILE, MAX_NAME, File, Header, Record, format_record
from stegnet.codec.report import Report
from stegnet.codec.seal import NONCE_BYTES, room, seal, too_small
from stegnet.core.errors import CapacityError, MediaError, extra
from stegnet.core.parallel import ahead, ordered
from stegnet.media import (
    FILM,
    PICTURE,
    FilmInfo,
    FilmWriter,
    check_film,
    digest,
    kind,
    read_cover,
    read_frames,
    scan,
    whole_file,
)

DATA_NAME = "data.bin"  # of bytes that have no file name
_NO_KEY = Key(bytes(KEY_BYTES))  # for sizes, which are the same for every key


@dataclass(frozen=True)
class _Cover:
    """What the file is hidden in.

    Attributes:
        frames: 1 for a picture.
        film: None for a picture.
        pixels, profile: of a picture.
    """

    path: Path
    height: int
    width: int
    frames: int = 1
    film: FilmInfo | None = None
    pixels: np.ndarray | None = None
    profile: bytes | None = None

    def share(self, name: str) -> int:
        """Bytes of a file of this name that each frame can hold; errors as `bytes_room`."""
        return bytes_room(self.height, self.width, name)


@dataclass(frozen=True)
class _Secret:
    """What is hidden.

    Attributes:
        path: of the bytes.
        name: that is told to who reveals them.
        notes: for who hides them.
    """

    path: Path
    name: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Part:
    """What a frame gets: a record, a fresh nonce, and in the first frame the salt."""

    record: Record
    nonce: bytes
    salt: bytes | None


def bytes_room(height: int, width: int, name: str = DATA_NAME) -> int:
    """Bytes that the sealed method can hide in a picture of this size under this file name.

    Raises:
        CapacityError: there is not even room for the header.
    """
    empty = Record(Header(bytes(FILM_ID_BYTES), FILE, 1, File(name, 0, bytes(32))), 0)
    needed = len(format_record(empty, _NO_KEY))
    if needed > room(height, width):
        raise too_small(height, width, needed)
    return room(height, width) - needed


def hide_bytes(
    cover: np.ndarray, data: bytes, secret_key: KeySource, *, name: str = DATA_NAME, randomness: Randomness = SYSTEM
) -> np.ndarray:
    """Hides bytes in a picture by the sealed method, without a network.

    Args:
        cover: (H, W, 3) uint8; not changed.
        data: at most `bytes_room(H, W, name)` bytes.
        name: file name stored with them; 1 to 255 bytes of UTF-8, without "/".
        randomness: source of salt, film id and nonce, drawn in this order.
    Returns:
        The container, (H, W, 3) uint8: the pixels that `embed_file` writes for a file of this name and content.
    Raises:
        CapacityError: the bytes do not fit.
    """
    most = bytes_room(*cover.shape[:2], name)
    if len(data) > most:
        raise CapacityError(f"{name}: has {len(data)} bytes, and there is room for {most}", "take a larger cover")
    salt = randomness(SALT_BYTES)
    key = secret_key.unlock(salt)
    file = File(name, len(data), hashlib.sha256(data).digest())
    header = Header(randomness(FILM_ID_BYTES), FILE, 1, file)
    (container,) = _sealed([cover], _parts(io.BytesIO(data), header, salt, randomness), key)
    return container


def embed_file(
    cover: Path,
    file: Path,
    out: OutputTarget,
    secret_key: KeySource,
    *,
    compress: bool = False,
    verify: bool = True,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
) -> Report:
    """Hides any file in a picture (a PNG is written) or in a film (an MKV or MP4 is written).

    Args:
        compress: if the file is a picture or film that does not fit, make it fit. Its small copy stands, readable,
            in the system's folder for temporary files while this works.
        verify: is the container read back and compared once it is written?
    Raises:
        MediaError: a file can't be read or written, or what shall be compressed is neither picture nor film.
        CapacityError: the file does not fit; the hint says what would do.
    """
    check_input(file)
    cover_kind = input_kind(cover)
    out.check(FORMS[cover_kind], cover_kind, cover, file)
    salt = randomness(SALT_BYTES)
    key = secret_key.unlock(salt)
    opened = _open_cover(cover, cover_kind)
    with _made_ready(file, opened, key, compress, progress) as secret, secret.path.open("rb") as source:
        header = _describe(secret, source, opened.frames, randomness)
        parts = _parts(source, header, salt, randomness)
        write = _write_film if opened.film else _write_picture
        report = write(opened, parts, out, key, verify, progress)
    line = told(header, report.width, report.height, report.frames)
    return replace(report, hidden=carrying(header), notes=(line, *secret.notes, *report.notes))


def _open_cover(path: Path, cover_kind: str) -> _Cover:
    if cover_kind == FILM:
        info = scan(path)
        return _Cover(path, info.height, info.width, len(info.pts), info)
    pixels, profile = read_cover(path)
    return _Cover(path, *pixels.shape[:2], pixels=pixels, profile=profile)


@contextmanager
def _made_ready(file: Path, cover: _Cover, key: Key, compress: bool, progress: Progress) -> Iterator[_Secret]:
    """The file as it is if it fits, else a compressed copy for the time of the block."""
    what = _seen(file) if compress else None
    if compress and what is None:
        raise MediaError(f"{file}: only pictures and films can be compressed", "without --compress, any file is hidden")
    name, size = _stored_name(file), file.stat().st_size
    if size <= cover.frames * cover.share(name):
        yield _Secret(file, name, ("it fits as it is, and was not compressed",) if compress else ())
    elif what is None:
        raise _too_large(file, size, cover, cover.share(name))
    else:
        with TemporaryDirectory(prefix="stegnet-") as folder:
            yield _compressed(file, what, Path(folder), cover, key, progress)


def _compressors() -> dict[str, tuple[Callable, str]]:
    """What makes pictures and films smaller, and the suffix that they get."""
    with extra("media", "compressing"):
        from stegnet.media import compress  # here, for most hide without ffmpeg

    return {PICTURE: (compress.compress_picture, compress.AVIF), FILM: (compress.compress_film, compress.HEVC)}


def _compressed(file: Path, what: str, folder: Path, cover: _Cover, key: Key, progress: Progress) -> _Secret:
    squeeze, suffix = _compressors()[what]
    name = _stored_name(file.with_suffix(suffix))
    most = cover.frames * cover.share(name)
    try:
        made = squeeze(file, folder, most, lambda done, total: progress("compress", done, total))
    except OSError as error:
        hint = "set TMPDIR to a folder with more room"
        raise MediaError(f"{folder}: can't be written ({error.strerror})", hint) from error
    before = f"{escaped(file.name)} was compressed from {file.stat().st_size} bytes"
    return _Secret(made.path, name, (f"{before}: {made.told}",))


def _too_large(file: Path, size: int, cover: _Cover, share: int) -> CapacityError:
    """Says what would do."""
    if cover.film:
        hint = f"a cover of {ceil(size / share)} such frames would do" if share else "take a larger cover"
    else:
        room_now = room(cover.height, cover.width)
        side = sqrt((room_now - share + size) / room_now)
        hint = f"a cover of {ceil(cover.width * side) + 1}×{ceil(cover.height * side) + 1} pixels would do"
    if _seen(file):
        hint += ", or `--compress`"
    return CapacityError(f"{file}: has {size} bytes, and there is room for {cover.frames * share}", hint)


def _seen(file: Path) -> str | None:
    """PICTURE or FILM; None of what is neither."""
    try:
        return kind(file)
    except MediaError:
        return None


def _stored_name(file: Path) -> str:
    """The name without folders, cut to what a record holds, its suffix kept."""
    name = os.fsencode(file.name)
    if len(name) > MAX_NAME:
        suffix = os.fsencode(file.suffix)[:16]
        # A character that is cut in two is left out.
        name = name[: MAX_NAME - len(suffix)].decode("utf-8", "ignore").encode() + suffix
    return name.decode("utf-8", "surrogateescape")


def _describe(secret: _Secret, source: BinaryIO, frames: int, randomness: Randomness) -> Header:
    """Reads the file once, for its digest.

    Raises:
        MediaError: it can't be read.
    """
    try:
        code = hashlib.file_digest(source, "sha256").digest()
    except OSError as error:
        raise MediaError(f"{source.name}: can't be read ({error.strerror})") from error
    file = File(secret.name, source.tell(), code)
    source.seek(0)
    return Header(randomness(FILM_ID_BYTES), FILE, frames, file)


def _parts(source: BinaryIO, header: Header, salt: bytes, randomness: Randomness) -> Generator[_Part, None, None]:
    """One for each frame.

    Raises:
        MediaError: the file has changed since its digest was taken.
    """
    size, frames, code = header.secret.size, header.frames, hashlib.sha256()
    for index in range(frames):
        start, end = (size * edge // frames for edge in (index, index + 1))
        data = source.read(end - start)
        code.update(data)
        if index == frames - 1 and code.digest() != header.secret.digest:
            raise MediaError(f"{source.name}: was changed while it was being hidden", "hide it again")
        yield _Part(Record(header, index, start, data=data), randomness(NONCE_BYTES), salt if index == 0 else None)


def _sealed(frames: Iterable[np.ndarray], parts: Iterator[_Part], key: Key) -> Generator[np.ndarray, None, None]:
    """The container's frames."""

    def put_in(item: tuple[np.ndarray, _Part]) -> np.ndarray:
        frame, part = item
        container = frame.copy(order="C")
        seal(container, format_record(part.record, key), key, part.nonce, part.salt)
        return container

    return ordered(put_in, zip(frames, parts, strict=True), WORKERS)


def _write_picture(
    cover: _Cover, parts: Iterator[_Part], out: OutputTarget, key: Key, verify: bool, progress: Progress
) -> Report:
    (container,) = _sealed([cover.pixels], parts, key)
    progress("hide", 1, 1)
    return write_picture(out, container, cover.profile, verify=verify)


def _write_film(
    cover: _Cover, parts: Iterator[_Part], out: OutputTarget, key: Key, verify: bool, progress: Progress
) -> Report:
    info, digests = cover.film, []
    sizes = info.width, info.height, info.rate
    with whole_file(out.path, overwrite=out.force) as part:
        writer = FilmWriter(part, *sizes, form=form_of(out.path), time_base=info.time_base, keep=cover.path)
        frames = ahead(read_frames(cover.path))
        with writer as film, closing(frames), closing(_sealed(frames, parts, key)) as containers:
            for container, time in zip(containers, info.times, strict=True):
                film.write(container, time)
                digests.append(digest(container))
                progress("hide", len(digests), cover.frames)
        if verify:
            check_film(part, digests, lambda done, total: progress("verify", done, total))
    notes = tuple(f"cover: {note}" for note in (*info.notes, *writer.notes))
    return Report(info.width, info.height, cover.frames, notes=notes)
