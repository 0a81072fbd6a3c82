"""Pictures and films that were just written are read back and compared."""

import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.image.pictures import read_cover
from stegnet.video.films import read_frames

DIGEST_BYTES = 16
_FAULTY = "the disk or the memory is faulty: write to another disk, then check both"
_POLL = 0.02  # seconds between looks for more of a film that is being written


def digest(picture: np.ndarray) -> bytes:
    """BLAKE2b of a picture, (H, W, 3) uint8, and its size: 16 bytes."""
    height, width, _ = picture.shape
    code = hashlib.blake2b(f"{height} {width}".encode(), digest_size=DIGEST_BYTES)
    code.update(np.ascontiguousarray(picture))
    return code.digest()


class FilmCheck:
    """Verifies a film, which exists, by reading it back: while it is written, in a thread, if that is possible.

    Progress is called as by `check_film` while what was written is waited for; None: nothing is verified.
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
        """Waits until all is verified; to be called once the film is complete. Errors as `check_film`."""
        self._complete.set()
        if self._reading:
            self._reading.result()
            with closing(read_frames(self._path)) as frames:  # the end of writing changes the file's start
                _check_frame(self._path, next(frames), 0, self._digests)
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
    """Verifies a film that was just written, or is being written to a stream, by decoding every frame.

    Each frame has its `digest`, which is there before it. Progress is called after each with the number of frames
    checked, and of all. MediaError if the film can't be read, or a frame or the number of frames differs.
    """
    count = 0
    for frame in read_frames(path, stream=stream):
        if count < len(digests):
            _check_frame(path, frame, count, digests)
        count += 1
        progress(min(count, len(digests)), len(digests))
    if count != len(digests):
        raise MediaError(f"{path}: reads back with {count} frames, not {len(digests)}", _FAULTY)


def _check_frame(path: Path, frame: np.ndarray, index: int, digests: Sequence[bytes]) -> None:
    """Verifies a frame of a film, (H, W, 3) uint8; arguments and errors as `check_film`."""
    if digest(frame) != digests[index]:
        raise MediaError(f"{path}: frame {index + 1} does not read back as it was written", _FAULTY)


def check_picture(path: Path, picture: np.ndarray) -> None:
    """Verifies a picture that was just written by comparing every pixel, (H, W, 3) uint8; MediaError if one differs."""
    check_same(path, np.array_equal(read_cover(path)[0], picture))


def check_same(path: Path, same: bool) -> None:
    """Refuses, by a MediaError, a file that does not read back the same as it was written."""
    if not same:
        raise MediaError(f"{path}: does not read back as it was written", _FAULTY)
