"""Files that are opened once, however many read them."""

import io
import mmap
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path

from stegnet.core.errors import MediaError, reading

START_BYTES = 4096


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
        self.path, self._streams = path, ExitStack()
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
        """Closes the file with its streams."""
        self._streams.close()
        self._file.close()

    def is_file(self) -> bool:
        """True, as of its path."""
        return True

    def stat(self) -> os.stat_result:
        """As of its path."""
        return os.fstat(self._file.fileno())

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """A stream of it, from its start.

        It reads without Python code, in which a signal may raise: FFmpeg, which calls it, would lose the exception.
        """
        assert mode == "rb"
        again = Path(f"/proc/self/fd/{self.fileno()}")  # with a position of its own; Linux only
        file = io.FileIO(again if again.exists() else self.path)
        file.name = str(self.path.resolve())
        return self._streams.enter_context(io.BufferedReader(file))

    def fileno(self) -> int:
        """Its descriptor."""
        return self._file.fileno()

    @cached_property
    def start(self) -> bytes:
        """Its first bytes, by which formats are told."""
        with self.open() as file:
            return file.read(START_BYTES)

    def read_bytes(self) -> bytes:
        """All of it."""
        with self.open() as file:
            return file.read()


Source = Path | OpenedFile


def start_of(source: Source) -> bytes:
    """The first bytes of a file.

    Raises:
        MediaError: it can't be read.
    """
    with reading(source):
        if isinstance(source, OpenedFile):
            return source.start
        with source.open("rb") as file:
            return file.read(START_BYTES)


def mapped(source: Source) -> mmap.mmap:
    """The bytes of a file, mapped into memory.

    Raises:
        ValueError: there are none.
    """
    if isinstance(source, OpenedFile):
        return mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
    with source.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def spliced(data: bytes, changes: Mapping[tuple[int, int], bytes]) -> Iterator[bytes]:
    """The bytes of a file, with others from start to end of some parts."""
    done = 0
    for (start, end), piece in sorted(changes.items()):
        yield data[done:start]
        yield piece
        done = end
    yield data[done:]
