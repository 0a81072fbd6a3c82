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
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

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
        return PurePosixPath(self.url).name

    @property
    def stem(self) -> str:
        """Name without its suffix."""
        return PurePosixPath(self.url).stem

    @property
    def suffix(self) -> str:
        """Suffix of the name, with its dot; "" if it has no suffix."""
        return PurePosixPath(self.url).suffix

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    @contextmanager
    def opened(self, done: str = "read") -> "Iterator[tuple[AbstractFileSystem, str]]":
        """Yield the file system, and the path in it. Raises MediaError if the store can't be asked in the block."""
        with extra("cluster", f"{self.url.split(_SCHEME)[0]}{_SCHEME}"):
            from fsspec.core import url_to_fs

            try:
                file_system, path = url_to_fs(self.url)
            except (ValueError, ImportError) as error:
                raise MediaError(f"can't be opened ({error})", subject=self) from error
        try:
            yield file_system, path
        except FileNotFoundError as error:
            raise MediaError("no such file or folder", subject=self) from error
        except store_errors() as error:
            raise MediaError(f"can't be {done} ({error})", subject=self) from error

    def is_dir(self) -> bool:
        """Return whether the address is a folder; errors are those of `opened`."""
        with self.opened() as (files, path):
            is_dir: bool = files.isdir(path)
        return is_dir

    def files(self) -> "tuple[list[RemotePath], list[str]]":
        """Return the files in a folder, and the names of other entries; errors are those of `opened`."""
        with self.opened() as (files, path):
            entries = [(PurePosixPath(entry["name"]).name, entry["type"]) for entry in files.ls(path, detail=True)]
        others = [name for name, kind in entries if kind != "file"]
        return [self / name for name, kind in entries if kind == "file"], others


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
        with source.opened() as (files, address):
            files.get_file(address, str(path))
        yield path


@contextmanager
def stored(result: Place) -> Iterator[Path]:
    """Yield the path to write a result to; it is stored at its address if the block ends without an error."""
    if isinstance(result, Path):
        yield result
        return
    with _temporary_path_of(result) as path:
        yield path
        with result.opened("written") as (files, address):
            files.put_file(str(path), address)


def size_of(result: Place) -> int:
    """Return the size in bytes of a file, or of all files in a folder."""
    if not isinstance(result, Path):
        with result.opened() as (store, address):
            size: int = store.size(address)
        return size
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
