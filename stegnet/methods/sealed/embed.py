"""Hiding any file, byte for byte, in the lowest bits of a picture or film (the sealed method); no network is used.

A film's frames get shares of equal length: so as few samples as possible change in any of them, and the file comes back
although some of them are lost (`spread`).
"""

import hashlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from math import ceil, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np
import psutil

from stegnet.core.errors import CapacityError, MediaError, extra, reading
from stegnet.core.parallel import ahead, ordered, watched
from stegnet.core.samples import channels_of
from stegnet.keys.keys import ANY_KEY, FILM_ID_BYTES, SYSTEM, ContainerKeys, Key, KeySource, Randomness
from stegnet.media import (
    FILM,
    PICTURE,
    FilmInfo,
    FilmWriter,
    about_cover,
    about_secret,
    is_grey_film,
    lossy_format,
    read_cover,
    refuse_palette,
    scan,
)
from stegnet.media.inputs import check_input, cover_name, input_kind
from stegnet.media.pictures.pictures import open_picture
from stegnet.media.probe import media_kind
from stegnet.methods.sealed.extract import describe_file, frames_with_data, loss_note, may_be_lost
from stegnet.methods.segments import WHOLE, Part
from stegnet.record.record import FILE, MAX_NAME, File, Header, Record, format_record, is_file_name
from stegnet.record.spread import choose_needed, frames_for, full_room
from stegnet.results.figures import SEALED, Changes, Hiding
from stegnet.results.naming import printable
from stegnet.results.output import (
    FORMS,
    FilmFrame,
    OutputTarget,
    Progress,
    Report,
    form_of,
    in_steps,
    no_progress,
    write_film,
    write_picture,
)
from stegnet.sealing.costs import texture_costs
from stegnet.sealing.seal import FILM_EFFORT, PICTURE_EFFORT, SEED_BYTES, room, seal, too_small

DATA_NAME = "data.bin"  # stored with bytes that have no file name
_WORKING_BYTES = 30  # for each pixel of a picture, at least
_SEALERS = 2  # threads; most of the time goes to decoding and encoding


@dataclass(frozen=True)
class _Cover:
    """A cover that was opened.

    Attributes:
        key: the container's film key.
        frames: 1 for a picture.
        film: None for a picture.
        pixels, profile: of a picture.
        channels: 1 of a grey cover, which stays grey.
        changes: made to its frames.
    """

    path: Path
    height: int
    width: int
    key: Key
    frames: int = 1
    film: FilmInfo | None = None
    pixels: np.ndarray | None = None
    profile: bytes | None = None
    channels: int = 3
    changes: Changes = field(default_factory=Changes)

    def steps(self, verify: bool) -> tuple[str, ...]:
        """The phases of hiding in it."""
        return ("hide", *("verify",) * verify) if self.film else ("hide", "write")

    def room(self, name: str) -> int:
        """Bytes of a file of this name that fit into all frames; errors as `bytes_room`."""
        return bytes_room(self.height, self.width, name, self.key, self.frames, self.channels)

    def frame_room(self, name: str) -> int:
        """Bytes of it that fit into one frame; errors as `bytes_room`."""
        return _frame_room(self.height, self.width, name, self.key, self.frames > 1, self.channels)

    def hiding(self, header: Header) -> Hiding:
        """Figures of having hidden a file."""
        name, spread = header.secret.name, header.spread
        return Hiding(
            SEALED,
            self.path.stat().st_size,
            self.frames * self.height * self.width,
            cover_format=lossy_format(self.path),
            container_psnr=self.changes.psnr,
            changed_pixels=self.changes.pixels,
            hidden_bytes=spread.share_bytes * self.frames if spread else header.secret.size,
            room=self.frames * self.frame_room(name),
            film=self.film is not None,
            channels=self.channels,
        )


@dataclass(frozen=True)
class _Secret:
    """A file that fits.

    Attributes:
        path: of the bytes.
        name: stored with them.
        notes: for the report.
        unchanged: they are those of the file that was to be hidden.
        psnr: in dB of a picture's compressed copy.
    """

    path: Path
    name: str
    notes: tuple[str, ...] = ()
    unchanged: bool = False
    psnr: float | None = None


@dataclass(frozen=True)
class _Share:
    """Data of one frame: a record, and a fresh seed."""

    record: Record
    seed: bytes


def bytes_room(
    height: int, width: int, name: str = DATA_NAME, key: Key = ANY_KEY, frames: int = 1, channels: int = 3
) -> int:
    """Bytes that the sealed method can hide in a picture or film of this size under this file name.

    Args:
        key: film key; if it is for a recipient, there is less room.
        frames: 1 for a picture.
        channels: 1 for a grey picture, which stays grey.
    Raises:
        CapacityError: there is not even room for the header.
    """
    return full_room(frames, _frame_room(height, width, name, key, frames > 1, channels))


def _frame_room(height: int, width: int, name: str, key: Key, spread: bool, channels: int) -> int:
    """Bytes of a file, or of a share of it, that fit into a frame; errors as `bytes_room`."""
    empty = Record(Header(bytes(FILM_ID_BYTES), FILE, 1, File(name, 0, bytes(32), int(spread))), 0)
    needed = len(format_record(empty, key))
    most = room(height, width, key, channels)
    if needed > most:
        raise too_small(height, width, needed, key=key, channels=channels)
    return most - needed


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
    share = _Share(Record(header, 0, data=data), randomness(SEED_BYTES))
    (container,) = _seal_each([cover], iter([share]), keys, Changes())
    return container


def embed_file(
    cover: Path,
    file: Path,
    out: OutputTarget,
    key_source: KeySource,
    *,
    compress: bool = False,
    verify: bool = True,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
    part: Part = WHOLE,
) -> Report:
    """Hides any file in a picture (a PNG is written) or in a film (an MKV or MP4 is written).

    Args:
        compress: make a picture or film fit that does not; other files are hidden as they are. The compressed copy is
            kept, readable, in the system's folder for temporary files meanwhile.
        verify: read the container back and compare it.
        part: what this process does of a film.
    Raises:
        LongFilm: the film has too many frames for `part`, and the file was not compressed.
        MediaError: a file can't be read or written.
        CapacityError: the file does not fit; the hint says what would do.
    """
    check_input(file)
    cover_kind = input_kind(cover)
    out.check(FORMS[cover_kind], cover_name(cover, cover_kind), cover, file)
    keys = key_source.new_keys(randomness)
    opened = _open_cover(cover, cover_kind, keys.film)
    of_copy = in_steps(progress, "compress", *opened.steps(verify))
    with _fitting_secret(file, opened, compress, of_copy) as secret, secret.path.open("rb") as source:
        if secret.path == file:
            part.check(opened.frames)
        progress = in_steps(progress, *opened.steps(verify)) if secret.path == file else of_copy
        header = _make_header(secret, source, opened, randomness)
        shares = _shares(source, header, randomness, part)
        write = partial(_write_film, randomness=randomness, part=part) if opened.film else _write_picture
        report = write(opened, shares, out, keys, verify, progress)
    line, loss = describe_file(header), loss_note(header, keys.anchors is not None)
    notes = (f"{line}{', byte for byte' * secret.unchanged}", *secret.notes, *loss, *report.notes)
    named = {"name": header.secret.name, "size": header.secret.size, "hidden": frames_with_data(header)}
    report = replace(report, **named, notes=notes, secret_psnr=secret.psnr, unchanged=secret.unchanged)
    report = replace(report, may_be_lost=may_be_lost(header))
    return report if part.only else report.with_hiding(opened.hiding(header))


def _open_cover(path: Path, cover_kind: str, key: Key) -> _Cover:
    if cover_kind == FILM:
        info, channels = scan(path), 1 if is_grey_film(path) else 3
        return _Cover(path, info.height, info.width, key, len(info.pts), info, channels=channels)
    refuse_palette(path)
    _check_memory(path)
    pixels, profile = read_cover(path)
    return _Cover(path, *pixels.shape[:2], key, pixels=pixels, profile=profile, channels=channels_of(pixels))


def _check_memory(path: Path) -> None:
    """Refuses a picture that can't be hidden in, whatever is hidden, in the memory that is free; its size is read only.

    Raises:
        MediaError: it is one, or no picture.
    """
    with open_picture(path) as image:
        width, height = image.size
    needed, free = _WORKING_BYTES * width * height, psutil.virtual_memory().available
    if needed > free:
        message = f"{path}: hiding in {width}×{height} pixels takes {needed / 1e9:.1f} GB of memory"
        raise MediaError(message, f"{free / 1e9:.1f} GB are free: close other programs, or take a smaller cover")


@contextmanager
def _fitting_secret(file: Path, cover: _Cover, compress: bool, progress: Progress) -> Iterator[_Secret]:
    """Yields the file as it is if it fits, else a compressed copy that exists within the block."""
    what = media_kind(file) if compress else None
    name, size = stored_name(file), file.stat().st_size
    if size <= cover.room(name):
        yield _Secret(file, name, unchanged=True)
    elif what is None:
        raise _too_large(file, size, cover, cover.room(name))
    else:
        with TemporaryDirectory(prefix="stegnet-") as folder:
            yield _compressed(file, what, Path(folder), cover, progress)


def compressors() -> dict[str, tuple[Callable, str]]:
    """The function that compresses each kind of media, and the suffix of its results."""
    with extra("media", "compressing"):
        from stegnet.media import compress  # here, since it needs ffmpeg

    return {PICTURE: (compress.compress_picture, compress.AVIF), FILM: (compress.compress_film, compress.HEVC)}


def _compressed(file: Path, what: str, folder: Path, cover: _Cover, progress: Progress) -> _Secret:
    squeeze, suffix = compressors()[what]
    name = stored_name(file.with_suffix(suffix))
    try:
        made = squeeze(file, folder, cover.room(name), lambda done, total: progress("compress", done, total))
    except OSError as error:
        hint = "set TMPDIR to a folder with more room"
        raise MediaError(f"{folder}: can't be written ({error.strerror})", hint) from error
    # Lossless WebP's suffix is as long as AVIF's, so that the room stays.
    name = stored_name(file.with_suffix(made.path.suffix))
    before = f"{printable(file.name)} was compressed from {file.stat().st_size} bytes"
    return _Secret(made.path, name, (f"{before}: {made.description}", *about_secret(file)), psnr=made.psnr)


def _too_large(file: Path, size: int, cover: _Cover, most: int) -> CapacityError:
    """The error for a file that does not fit; its hint gives a cover that would do."""
    if cover.film:
        fits = most and frames_for(size, cover.frame_room(stored_name(file)))
        hint = f"a cover of {fits} such frames would do" if fits else "take a larger cover"
    else:
        in_all = room(cover.height, cover.width, cover.key, cover.channels)
        side = sqrt((in_all - most + size) / in_all)
        hint = f"a cover of {ceil(cover.width * side) + 1}×{ceil(cover.height * side) + 1} pixels would do"
    hint += ", one in colour has three times the room" * (cover.channels == 1)
    if media_kind(file):
        hint += ", or the method auto, which compresses it"
    return CapacityError(f"{file}: has {size} bytes, and there is room for {most}", hint)


def stored_name(file: Path) -> str:
    """The name without folders, cut to what a record holds, its suffix kept."""
    name = os.fsencode(file.name)
    if len(name) > MAX_NAME:
        suffix = os.fsencode(file.suffix)[:16]
        # A character that is cut in two is left out.
        name = name[: MAX_NAME - len(suffix)].decode("utf-8", "ignore").encode() + suffix
    return name.decode("utf-8", "surrogateescape")


def _make_header(secret: _Secret, source: BinaryIO, cover: _Cover, randomness: Randomness) -> Header:
    """The header of a file, which is read once for its digest.

    Raises:
        MediaError: it can't be read.
    """
    code = _digest(source)
    size, frames = source.tell(), cover.frames
    needed = choose_needed(size, frames, cover.frame_room(secret.name)) if frames > 1 else 0
    return Header(randomness(FILM_ID_BYTES), FILE, frames, File(secret.name, size, code, needed))


def _digest(source: BinaryIO) -> bytes:
    """SHA-256 of a file, which is left at its end.

    Raises:
        MediaError: it can't be read.
    """
    source.seek(0)
    with reading(source.name):
        return hashlib.file_digest(source, "sha256").digest()


def _shares(
    source: BinaryIO, header: Header, randomness: Randomness, part: Part = WHOLE
) -> Generator[_Share, None, None]:
    """The share of each frame; empty ones for frames that this process does not compute.

    Raises:
        MediaError: the file has changed since its digest was taken.
    """
    for index in range(header.frames):
        data = _share_of(source, header, index) if part.computes(index) else b""
        if index == header.frames - 1 and _digest(source) != header.secret.digest:
            raise MediaError(f"{source.name}: was changed while it was being hidden", "hide it again")
        yield _Share(Record(header, index, data=data), randomness(SEED_BYTES))


def _share_of(source: BinaryIO, header: Header, index: int) -> bytes:
    if header.spread:
        return header.spread.share(source, index)
    source.seek(0)
    return source.read(header.secret.size)


def _seal_each(
    frames: Iterable[np.ndarray | None], shares: Iterator[_Share], keys: ContainerKeys, changes: Changes
) -> Generator[np.ndarray | None, None, None]:
    """Seals each share in a copy of its frame, if there is one, and adds what that changes."""

    def sealed(item: tuple[np.ndarray | None, _Share]) -> np.ndarray | None:
        frame, share = item
        if frame is None:
            return None
        container, record = frame.copy(order="C"), share.record
        effort = FILM_EFFORT if record.header.frames > 1 else PICTURE_EFFORT
        data, first = format_record(record, keys.film), record.index == 0
        seal(container, data, keys, share.seed, texture_costs(frame), first=first, effort=effort, grey=True)
        changes.add(frame, container)
        return container

    return ordered(sealed, zip(frames, shares, strict=True), _SEALERS)


def _write_picture(
    cover: _Cover, shares: Iterator[_Share], out: OutputTarget, keys: ContainerKeys, verify: bool, progress: Progress
) -> Report:
    sealed = _seal_each([cover.pixels], shares, keys, cover.changes)
    (container,) = watched(lambda: list(sealed), partial(progress, "hide", 0, 0))
    write = partial(write_picture, out, container, cover.profile, verify=verify)
    report = watched(write, partial(progress, "write", 0, 0))
    return replace(report, notes=about_cover(cover.path))


def _write_film(
    cover: _Cover,
    shares: Iterator[_Share],
    out: OutputTarget,
    keys: ContainerKeys,
    verify: bool,
    progress: Progress,
    *,
    randomness: Randomness,
    part: Part,
) -> Report:
    info, keep = cover.film, part.kept(cover.path)

    def open_writer(path: Path) -> FilmWriter:
        sizes = info.width, info.height, info.rate
        choices = {"form": form_of(out.path), "time_base": info.time_base, "keep": keep}
        return FilmWriter(path, *sizes, **choices, randomness=randomness)

    frames, total = _sealed_film(cover, shares, keys, part), cover.frames
    notes = write_film(out.path, open_writer, frames, total, "hide", progress, verify=verify, overwrite=out.force)
    lines = tuple(f"cover: {note}" for note in (*info.notes, *notes))
    return Report(info.width, info.height, total, notes=lines)


def _sealed_film(
    cover: _Cover, shares: Iterator[_Share], keys: ContainerKeys, part: Part
) -> Generator[FilmFrame, None, None]:
    frames = part.computed() if part.made else ahead(part.frames(cover.path, cover=True))
    shares = islice(shares, part.end)
    computed = _unchanged(frames, shares) if part.made else _seal_each(frames, shares, keys, cover.changes)
    with closing(frames), closing(computed) as containers:
        for container, time in zip(containers, islice(cover.film.times, part.end), strict=True):
            yield FilmFrame(container, time)


def _unchanged(frames: Iterable[np.ndarray], shares: Iterator[_Share]) -> Generator[np.ndarray, None, None]:
    """The frames as they are; reading the shares finds a file that has changed."""
    for frame, _ in zip(frames, shares, strict=True):
        yield frame
