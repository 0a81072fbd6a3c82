"""Files that are opened once, however many read them."""

import io
import mmap
import os
import stat
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock

from stegnet.core.errors import MediaError


class OpenedFile(AbstractContextManager):
    """A file that was opened once, and is read by several, each from a place of its own; a context manager.

    It goes where a path goes that is only read.

    Args:
        path: of a file; neither a folder nor a device.
    Attributes:
        length: in bytes.
    Raises:
        MediaError: there is no such file, or it can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, Lock()
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise MediaError(f"{path}: is a folder", "name a file in it")
            if not stat.S_ISREG(mode):
                raise MediaError(f"{path}: not a file", "write what it gives to a file first")
            self._file = path.open("rb", buffering=0)
        except FileNotFoundError as error:
            raise MediaError(f"{path}: no such file") from error
        except OSError as error:
            raise MediaError(f"{path}: can't be read ({error.strerror})") from error
        self.length = self.stat().st_size

    def __str__(self) -> str:
        return str(self.path)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; streams of it can't be read any more."""
        self._file.close()

    def is_file(self) -> bool:
        """True, as of its path."""
        return True

    def stat(self) -> os.stat_result:
        """As of its path."""
        return os.fstat(self._file.fileno())

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """A stream of it, from its start."""
        assert mode == "rb"
        return io.BufferedReader(_Stream(self))

    def fileno(self) -> int:
        """Its descriptor."""
        return self._file.fileno()

    def read_bytes(self) -> bytes:
        """All of it."""
        return self.read_at(0, self.length)

    def read_at(self, position: int, size: int) -> bytes:
        """Bytes from a position on, at most `size`."""
        with self._lock:
            self._file.seek(position)
            return self._file.read(size)


Source = Path | OpenedFile


def mapped(source: Source) -> mmap.mmap:
    """The bytes of a file, mapped into memory.

    Raises:
        ValueError: there are none.
    """
    if isinstance(source, OpenedFile):
        return mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
    with source.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class _Stream(io.RawIOBase):
    """A stream of a file, with a place of its own."""

    def __init__(self, file: OpenedFile) -> None:
        self._media, self._position = file, 0
        self.name = str(file.path.resolve())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        data = self._media.read_at(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._media.length}[whence]
        self._position = start + offset
        return self._position
