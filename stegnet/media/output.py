"""Output files: written atomically, and verified by reading them back.

A file is written under a temporary name (`.{name}.{12 hexadecimal digits}.part`) and renamed when complete, so that
interrupted runs leave no partial output.
"""

import hashlib
import io
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.media.films.films import read_frames
from stegnet.media.locks import allow_moving, create_locked, remove_if_stale, sync_file
from stegnet.media.pictures.pictures import read_cover

DIGEST_BYTES = 16
_FAULTY = "the disk or the memory is faulty: write to another disk, then check both"

_SUFFIX = ".part"
_PART = re.compile(r"\..+\.[0-9a-f]{12}\.part", re.DOTALL)
_POLL = 0.02  # seconds between looks for more of a film that is being written
_MAX_NAME = 255  # bytes, on all common file systems
_PUBLIC, _PRIVATE = 0o666, 0o600  # modes, before the umask


@dataclass(frozen=True)
class Compressed:
    """A compressed copy.

    Attributes:
        path: of the copy.
        description: format and quality, for messages.
        psnr: of a picture in dB against the original in sRGB; inf if they are equal.
    """

    path: Path
    description: str
    psnr: float | None = None


@contextmanager
def atomic_write(path: Path, *, overwrite: bool = True, private: bool = False) -> Iterator[Path]:
    """Writes a file atomically: yields a temporary file in the same folder, and renames it to `path` at the end.

    The temporary file is locked while it is written; those that killed runs left in the same folder are removed
    first. It is flushed to disk before it is renamed. If the block fails or is interrupted, the temporary file is
    removed and `path` stays as it was.

    Args:
        overwrite: replace an existing file. If false, an existing file is an error, both at the start and at the end:
            of two runs that write to the same path, the second to finish fails.
        private: make the file readable by its owner only, even if it replaces a public one.
    Raises:
        MediaError: the folder does not exist or is not writable, `path` is a folder, or must not be overwritten.
    """
    if not overwrite and os.path.lexists(path):
        raise exists_already(path)
    with _part(path, _PRIVATE if private else _PUBLIC) as (part, lock):
        yield part
        sync_file(lock)
        allow_moving(lock)
        move_whole(part, path, overwrite=overwrite)


@contextmanager
def temporary_file(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yields a temporary file beside `path`, named and locked as by `atomic_write`, and removes it after the block.

    Args:
        private: readable by its owner only.
    Raises:
        MediaError: as `atomic_write`.
    """
    with _part(path, _PRIVATE if private else _PUBLIC) as (part, _):
        yield part


def move_whole(part: Path, path: Path, *, overwrite: bool) -> None:
    """Gives a file that is whole its name in the same file system; arguments and errors as `atomic_write`."""
    if overwrite:
        os.replace(part, path)
    else:
        _move_to_free_name(part, path)
    sync_folder(path.parent)


def exists_already(path: Path) -> MediaError:
    """The error of a run that would overwrite a file, and must not."""
    return MediaError(f"{path}: exists already", "choose another name, or overwrite it")


def sync_folder(folder: Path) -> None:
    """Flushes a folder to disk, so that a rename is durable; errors are ignored, as the file itself is safe."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def digest(picture: np.ndarray) -> bytes:
    """BLAKE2b of a picture, (H, W, 3) uint8, and its size: 16 bytes."""
    height, width, _ = picture.shape
    code = hashlib.blake2b(f"{height} {width}".encode(), digest_size=DIGEST_BYTES)
    code.update(np.ascontiguousarray(picture))
    return code.digest()


class FilmCheck:
    """Verifies a film by reading it back: while it is written, in a thread, if it can be read from start to end.

    Args:
        path: the film, a file that exists.
        progress: called as by `check_film` while what was written is waited for; None: nothing is verified.
    """

    def __init__(self, path: Path, progress: Callable[[int, int], None] | None) -> None:
        self._path, self._progress = path, progress
        self._digests: list[bytes] = []
        self._complete, self._pool = Event(), ThreadPoolExecutor(1)
        self._reading: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._complete.set()
        self._pool.shutdown()

    def start(self) -> None:
        """Begins to read what is being written; not of a film whose index is at its end."""
        if self._progress:
            self._reading = self._pool.submit(self._read)

    def expect(self, picture: np.ndarray) -> None:
        """Tells the next frame, (H, W, 3) uint8, before it is written."""
        if self._progress:
            self._digests.append(digest(picture))

    def finish(self) -> None:
        """Waits until all is verified; to be called once the film is complete.

        Raises:
            MediaError: as `check_film`.
        """
        self._complete.set()
        if self._reading:
            self._reading.result()
            with closing(read_frames(self._path)) as frames:  # the end of writing changes the file's start
                check_frame(self._path, next(frames), 0, self._digests)
        elif self._progress:
            check_film(self._path, self._digests, self._progress)

    def _read(self) -> None:
        with _InWriting(self._path, self._complete) as stream:
            check_film(self._path, self._digests, self._tell, stream)

    def _tell(self, done: int, total: int) -> None:
        if self._complete.is_set():
            self._progress(done, total)


class _InWriting(io.RawIOBase):
    """A file as a stream that is read while it is written: what is not there yet is waited for."""

    def __init__(self, path: Path, complete: Event) -> None:
        self._complete, self._file = complete, path.open("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        while not (data := self._file.read(size)):
            if self._complete.is_set():
                return self._file.read(size)
            self._complete.wait(_POLL)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


def check_film(
    path: Path, digests: Sequence[bytes], progress: Callable[[int, int], None], stream: io.RawIOBase | None = None
) -> None:
    """Verifies a film that was just written, or that is being written, by decoding every frame.

    Args:
        digests: `digest` of each frame that was written, in order; each is there before its frame.
        progress: called after each frame with the number of frames checked, and of all.
        stream: of the film that is being written.
    Raises:
        MediaError: the film can't be read, or a frame or the number of frames differs.
    """
    count = 0
    for frame in read_frames(path, stream=stream):
        if count < len(digests):
            check_frame(path, frame, count, digests)
        count += 1
        progress(min(count, len(digests)), len(digests))
    if count != len(digests):
        raise MediaError(f"{path}: reads back with {count} frames, not {len(digests)}", _FAULTY)


def check_frame(path: Path, frame: np.ndarray, index: int, digests: Sequence[bytes]) -> None:
    """Verifies a frame of a film, (H, W, 3) uint8; arguments and errors as `check_film`."""
    if digest(frame) != digests[index]:
        raise MediaError(f"{path}: frame {index + 1} does not read back as it was written", _FAULTY)


def check_picture(path: Path, picture: np.ndarray) -> None:
    """Verifies a picture that was just written by comparing every pixel.

    Args:
        picture: the pixels that were written, (H, W, 3) uint8.
    Raises:
        MediaError: the picture can't be read, or differs.
    """
    if not np.array_equal(read_cover(path)[0], picture):
        raise MediaError(f"{path}: does not read back as it was written", _FAULTY)


def _move_to_free_name(part: Path, path: Path) -> None:
    """Moves the part to `path`, unless a file has appeared there meanwhile.

    A rename would replace that file; a hard link does not.
    """
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise exists_already(path) from error
    except OSError:  # the file system may have no hard links
        _take_free_name(part, path)


def _take_free_name(part: Path, path: Path) -> None:
    """Does the same without hard links: reserves the name by an empty file, which the part then replaces."""
    try:
        open(path, "xb", opener=lambda name, flags: os.open(name, flags, _PRIVATE)).close()
    except FileExistsError as error:
        raise exists_already(path) from error
    try:
        os.replace(part, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _part(path: Path, mode: int) -> Iterator[tuple[Path, FileIO]]:
    """Yields a temporary file, and the same open and locked; removes it if it is still there."""
    _check(path)
    _remove_stale(path.parent)
    part, lock = path, None
    try:
        while lock is None:  # another run may take it for stale before it is locked, and remove it
            part = path.with_name(_part_name(path.name))
            lock = create_locked(part, mode)
        yield part, lock
    except OSError as error:
        raise _unwritable(path, error) from error
    except MediaError as error:
        # The user knows `path`, not the temporary name.
        raise MediaError(str(error).replace(str(part), str(path)), error.hint) from error
    finally:  # of an interrupt while it was created, too
        if lock is not None:
            allow_moving(lock)
        if part != path:
            with suppress(OSError):  # of a file system that can only be read
                part.unlink()
        if lock is not None:
            lock.close()


def _check(path: Path) -> None:
    """Fails early if the final rename would fail, or would replace a device."""
    try:
        kind = path.stat().st_mode
    except FileNotFoundError as error:
        if not path.parent.is_dir():
            raise MediaError(f"{path.parent}: no such folder", "create it first") from error
        return
    except OSError as error:
        raise _unwritable(path, error) from error
    if stat.S_ISDIR(kind):
        raise MediaError(f"{path}: is a folder", "name the file to write")
    if not stat.S_ISREG(kind):
        raise MediaError(f"{path}: is not a file that can be replaced", "name another file to write")


def _part_name(name: str) -> str:
    ending = f".{secrets.token_hex(6)}{_SUFFIX}"
    start = os.fsencode(name)[: _MAX_NAME - 1 - len(ending)]
    # Drops a character that was cut in two; keeps names that are not UTF-8.
    whole = start if len(start) == len(os.fsencode(name)) else start.decode(errors="ignore").encode()
    return f".{os.fsdecode(whole)}{ending}"


def _remove_stale(folder: Path) -> None:
    """Removes temporary files that no process has locked; those that can't be opened belong to other users."""
    with suppress(PermissionError):
        for part in folder.iterdir():
            if _PART.fullmatch(part.name):
                with suppress(OSError):
                    remove_if_stale(part)


def _unwritable(path: Path, error: OSError) -> MediaError:
    return MediaError(f"{path}: can't be written ({error.strerror or error})")
