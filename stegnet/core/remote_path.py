"""Files in object stores, by the addresses that fsspec knows (`s3://bucket/folder`), beside paths of this machine.

An address has those attributes of a path that plans of folders need. Work is done on local copies: an input is fetched
to a temporary folder, and a result is stored from there when it is complete. Object stores show a new object only after
all of it has arrived.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from stegnet.core.disk import local_path, temporary_folder
from stegnet.core.errors import MediaError, called, extra

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_SCHEME = "://"


@dataclass(frozen=True)
class RemotePath:
    """File or folder of a file system that is not this machine's."""

    url: str  # as fsspec takes it, without a trailing slash

    @property
    def name(self) -> str:
        """Last part of the address: "a.png" of "s3://bucket/a.png"."""
        return self.url.rsplit("/", 1)[1]

    @property
    def stem(self) -> str:
        """Name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """Suffix of the name, with its dot; "" if it has no suffix."""
        return PurePosixPath(self.name).suffix

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    @cached_property
    def _opened(self) -> "tuple[AbstractFileSystem, str]":
        """File system, and the path in it."""
        with extra("cluster", f"{self.url.split(_SCHEME)[0]}{_SCHEME}"):
            from fsspec.core import url_to_fs

            try:
                file_system, path = url_to_fs(self.url)
            except (ValueError, ImportError) as error:
                raise MediaError(f"can't be opened ({error})", subject=self) from error
        return file_system, path

    def __getstate__(self) -> dict[str, str]:
        return {"url": self.url}

    def is_dir(self) -> bool:
        """Return whether the address is a folder. Raises MediaError if the store can't be asked."""
        is_dir: bool = self._call("read", "isdir", self._opened[1])
        return is_dir

    def files(self) -> "tuple[list[RemotePath], list[str]]":
        """Return the files in a folder, and the names of other entries; errors are those of `is_dir`."""
        entries = self._call("read", "ls", self._opened[1], True)
        files = []
        other_names = []
        for entry in entries:
            name = entry["name"].rstrip("/").rsplit("/", 1)[-1]
            if entry["type"] == "file":
                files.append(self / name)
            else:
                other_names.append(name)
        return files, other_names

    def size(self) -> int:
        """Return the size of a file in bytes; errors are those of `is_dir`."""
        size: int = self._call("read", "size", self._opened[1])
        return size

    def get(self, path: Path) -> None:
        """Copy the file to a local path; errors are those of `is_dir`."""
        self._call("read", "get_file", self._opened[1], str(path))

    def put(self, path: Path) -> None:
        """Copy a local file to the address; errors are those of `is_dir`."""
        self._call("written", "put_file", str(path), self._opened[1])

    def _call(self, done: str, method: str, *arguments: object) -> Any:
        """Call a method of the file system, and turn its errors into those of this program."""
        try:
            return getattr(self._opened[0], method)(*arguments)
        except FileNotFoundError as error:
            raise MediaError("no such file or folder", subject=self) from error
        except store_errors() as error:
            raise MediaError(f"can't be {done} ({error})", subject=self) from error


Place = Path | RemotePath


def place(text: str) -> Place:
    """Return a path of this machine, or an address; errors are those of `local_path`."""
    for scheme in ("file://", "local://"):
        text = text.removeprefix(scheme)
    on_drive = re.match("[A-Za-z]:", text)  # of Windows
    return RemotePath(text.rstrip("/")) if _SCHEME in text and not on_drive else local_path(text)


@contextmanager
def fetched(source: Place) -> Iterator[Path]:
    """Yield a local path to an input: its own, or the path of a temporary download with the same name.

    Errors raised in the block name the remote address, not the download.
    """
    if isinstance(source, Path):
        yield source
        return
    with _temporary_path_of(source) as path:
        source.get(path)
        yield path


@contextmanager
def stored(result: Place) -> Iterator[Path]:
    """Yield the path to write a result to; it is stored at its address if the block ends without an error."""
    if isinstance(result, Path):
        yield result
        return
    with _temporary_path_of(result) as path:
        yield path
        result.put(path)


def size_of(result: Place) -> int:
    """Return the size in bytes of a file, or of all files in a folder."""
    if not isinstance(result, Path):
        return result.size()
    files = result.rglob("*") if result.is_dir() else [result]
    return sum(file.stat().st_size for file in files if file.is_file())


@contextmanager
def _temporary_path_of(remote: RemotePath) -> Iterator[Path]:
    """Yield a temporary local path with a remote file's name; errors about it name the remote file."""
    with temporary_folder() as folder:
        path = folder / remote.name
        with called(remote, path):
            yield path


def store_errors() -> tuple[type[Exception], ...]:
    """Return the classes of file systems' errors; s3fs passes on botocore's, which are no OSErrors."""
    botocore = sys.modules.get("botocore.exceptions")
    return (OSError, botocore.BotoCoreError) if botocore else (OSError,)
