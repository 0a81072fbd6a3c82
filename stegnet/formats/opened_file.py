"""Files, opened once for all their readers, and recognised by their first bytes."""

import io
import mmap
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, TypeVar, overload

from stegnet.core.disk import local_path
from stegnet.core.errors import MediaError, reading
from stegnet.formats import matroska
from stegnet.formats.boxes import HEADER, box_at

_START_BYTES = 4096
# Brands of ISO/IEC 23008-12, most of them for pictures coded by HEVC.
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


T = TypeVar("T")


@dataclass(frozen=True)
class FileInMemory:
    """A file that has a name, and bytes that are written to no disk."""

    name: str
    data: bytes = field(repr=False)


def _unnamed(data: bytes) -> io.FileIO:
    """Return a file in memory with these bytes; where the system has no such files, one that no folder lists."""
    if hasattr(os, "memfd_create"):
        file = io.FileIO(os.memfd_create("stegnet"), "w+b")
    else:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115, its user closes it
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
    return file


class Closing(Protocol):
    """A reader that has to be closed."""

    def close(self) -> None:
        """Close it."""


class OpenedFile:
    """File that was opened once, for several readers with independent positions; a context manager.

    It can replace a path that is only read. It must be a regular file, neither a folder nor a device, or MediaError is
    raised. Its `length` is in bytes. Oddities of a `quiet` one cause no warning, as the file that it was made from
    caused them already.
    """

    def __init__(self, path: Path | FileInMemory, quiet: bool = False) -> None:
        self.path: Path = Path(path.name)
        self.quiet = quiet
        self._found: dict[str, Any] = {}  # results of `once`
        self._readers: dict[str, Closing] = {}  # those that were handed on
        self._streams = ExitStack()
        self._data: bytes | None = None
        if isinstance(path, FileInMemory):
            self._data = path.data
            self._file = _unnamed(path.data)
            self.length: int = len(path.data)
            return
        self.path = local_path(path)
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise MediaError("is a folder", "name a file in it", subject=path)
            if not stat.S_ISREG(mode):
                raise MediaError("not a file", "write what it gives to a file first", subject=path)
            self._file = path.open("rb", buffering=0)
        except FileNotFoundError as error:
            raise MediaError("no such file", subject=path) from error
        except OSError as error:
            raise MediaError(f"can't be read ({error.strerror})", subject=path) from error
        self.length = self.stat().st_size

    def __str__(self) -> str:
        return str(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file with its readers and streams."""
        while self._readers:
            self._readers.popitem()[1].close()
        self._streams.close()
        self._file.close()

    def exists(self) -> bool:
        """Return True: the file is open, even if it has been removed meanwhile."""
        return True

    def is_file(self) -> bool:
        """Return True: no folder can be opened."""
        return True

    def stat(self) -> os.stat_result:
        """Return the status of the open file, whatever has its path now."""
        return os.fstat(self._file.fileno())

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """Return a stream of the file, from its start.

        It reads without Python code, in which a signal may raise: FFmpeg, which calls it, would lose the exception.
        """
        assert mode == "rb"
        again = Path(f"/proc/self/fd/{self.fileno()}")  # has a separate position; Linux only
        has_again = again.exists()
        if self._data is not None and not has_again:
            return self._streams.enter_context(io.BufferedReader(io.BytesIO(self._data)))
        file = io.FileIO(again if has_again else self.path)
        file.name = self._resolved
        return self._streams.enter_context(io.BufferedReader(file))

    @cached_property
    def _resolved(self) -> str:
        return str(self.path.resolve())

    def fileno(self) -> int:
        """Return the descriptor, which all readers share."""
        return self._file.fileno()

    def once(self, name: str, find: Callable[[Self], T]) -> T:
        """Return the result of `find`, which is cached under a name."""
        if name not in self._found:
            self._found[name] = find(self)
        found: T = self._found[name]
        return found

    @contextmanager
    def handing_on(self, name: str, reader: Closing) -> Iterator[None]:
        """Leave an open reader of the file, after the block, to whoever needs one next; close it if the block fails."""
        try:
            yield
        except BaseException:
            reader.close()
            raise
        self._readers[name] = reader

    def take(self, name: str) -> Any:
        """Return the reader that was handed on, once; None if there is none."""
        return self._readers.pop(name, None)

    @cached_property
    def start(self) -> bytes:
        """First bytes of the file, by which formats are recognised."""
        with self.open() as file:
            return file.read(_START_BYTES)

    def read_bytes(self) -> bytes:
        """Read the whole file by an independent reader; the positions of others stay."""
        with self.open() as file:
            return file.read()


Source = Path | OpenedFile


def is_quiet(source: Source) -> bool:
    """Return whether warnings of a file's oddities are suppressed."""
    return isinstance(source, OpenedFile) and source.quiet


def start_of(source: Source) -> bytes:
    """Return the first bytes of a file. Raises MediaError if it can't be read."""
    with reading(source):
        if isinstance(source, OpenedFile):
            return source.start
        with source.open("rb") as file:
            return file.read(_START_BYTES)


def mapped(source: Source) -> mmap.mmap:
    """Map a file into memory. Raises ValueError if it is empty."""
    if isinstance(source, OpenedFile):
        return mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
    with source.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class FileSlices:
    """Bytes of an open file, read when they are asked for: a mapped file would count as memory."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self._length = stream.seek(0, os.SEEK_END)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> bytes: ...
    def __getitem__(self, place: int | slice) -> int | bytes:
        if isinstance(place, int):
            return self[place : place + 1][0]
        start, stop, _ = place.indices(self._length)
        self._stream.seek(start)
        return self._stream.read(max(stop - start, 0))

    def parts(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop`, a million at a time."""
        at_once = 1 << 20
        for first in range(start, stop, at_once):
            yield self[first : min(first + at_once, stop)]


class Part(NamedTuple):
    """Part of a file that is left out or replaced: its name, its place, and the bytes to replace it by.

    The name is "" if nothing is to be said of the part.
    """

    name: str
    start: int
    end: int
    rest: bytes = b""


def spliced(
    data: bytes | memoryview | mmap.mmap, changes: Mapping[tuple[int, int], bytes]
) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a file, with replacements for some parts, each from start to end."""
    done = 0
    for (start, end), piece in sorted(changes.items()):
        yield data[done:start]
        yield piece
        done = end
    yield data[done:]


def is_lossy_webp(path: Source) -> bool:
    """Return whether a WebP's first picture is coded by VP8, not VP8L.

    RFC 9649: a chunk has a name, a 32-bit size, and data.
    """
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            if head[:4] in {b"VP8 ", b"VP8L"}:
                return head[:4] == b"VP8 "
            size = int.from_bytes(head[4:], "little")
            # A frame's header has 16 bytes and is followed by the frame's chunks.
            file.seek(16 if head[:4] == b"ANMF" else size + size % 2, 1)
    return False


def is_jpeg(path: Source) -> bool:
    """Return whether a file begins like a JPEG."""
    return start_of(path)[:3] == b"\xff\xd8\xff"


def is_sound(path: Source) -> bool:
    """Return whether a file begins like a WAV or FLAC; a FLAC may follow an ID3v2 tag."""
    start = start_of(path)
    if tag := id3_bytes(start):
        with path.open("rb") as file:
            file.seek(tag)
            return file.read(4) == b"fLaC"
    return start[:4] == b"fLaC" or (start[:4] in {b"RIFF", b"RIFX", b"RF64", b"BW64"} and start[8:12] == b"WAVE")


def id3_bytes(start: bytes) -> int:
    """Return the length of a file's leading ID3v2 tag (id3.org, "ID3 tag version 2.4.0", section 3.1); 0 if absent."""
    size = sum(seven_bits << shift for seven_bits, shift in zip(start[6:10], (21, 14, 7, 0), strict=False))
    return 10 + size if start[:3] == b"ID3" else 0


def is_heic(path: Source) -> bool:
    """Return whether a file is a HEIC picture, as phones take; an AVIF may share its brands."""
    start = start_of(path)
    brands = start[: int.from_bytes(start[:4], "big")]
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC and b"avif" not in brands and b"avis" not in brands


def is_mp4(path: Source) -> bool:
    """Return whether a file is an MP4, MOV or 3GP, possibly an unfinished one."""
    return start_of(path)[4:8] in {b"ftyp", b"mdat", b"moov", b"wide", b"free", b"skip", b"pnot"}


def is_matroska(path: Source) -> bool:
    """Return whether a file is Matroska or WebM."""
    return start_of(path).startswith(matroska.EBML)


def is_truncated(path: Source) -> bool:
    """Return whether a Matroska, MP4 or AVI file is shorter than its header says."""
    start = start_of(path)
    size = path.stat().st_size
    position = 0
    if start.startswith(matroska.EBML):
        return matroska.end_of_segment(start) > size
    if start[:4] + start[8:12] == b"RIFFAVI ":
        return 8 + int.from_bytes(start[4:8], "little") > size
    if not is_mp4(path):
        return False
    name_of_box = re.compile(rb"[ -~]{4}")
    with mapped(path) as data:
        while position + HEADER <= size and name_of_box.fullmatch(data[position + 4 : position + 8]):
            box = box_at(data, position, size)
            if box.end < box.content:
                break
            position = box.end
    return position > size
