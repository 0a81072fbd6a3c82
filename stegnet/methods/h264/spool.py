"""Bytes by number in a temporary file, so that they take no memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from stegnet.core.temporary import temporary_folder


@contextmanager
def spooling() -> Iterator["Spool"]:
    """Yields a new one; its file goes with it."""
    with temporary_folder() as folder, (folder / "spool").open("w+b") as file:
        yield Spool(file)


class Spool(Mapping[int, bytes]):
    """Bytes by number."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._spans = file, {}

    def keep(self, number: int, data: bytes) -> None:
        """Adds some."""
        self._spans[number] = self._file.seek(0, 2), len(data)
        self._file.write(data)
        self._file.flush()  # a full disk is reported now

    def __getitem__(self, number: int) -> bytes:
        start, size = self._spans[number]
        self._file.seek(start)
        return self._file.read(size)

    def __iter__(self) -> Iterator[int]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)
