"""Folders of pictures, films and tars of both, at a path or at any address that fsspec opens.

They are listed one folder at a time, in the order of the names, so that only one folder's names are in memory.
"""

import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import fsspec

from pipeline.parameters.data import DataConfig
from pipeline.prepare.sources import Job, Picture, source
from pipeline.shards import TEST, TRAIN, VALIDATION, file_hash
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import ConfigError, DataError, MediaError
from stegnet.core.names import FILM
from stegnet.core.remote_path import store_errors
from stegnet.image.pictures import read_picture
from stegnet.media.cover import kind
from stegnet.video.films import read_frames

NO_FOLDER = "data"  # value of data.test_folder

_LINK = "link"  # version of a link to no file
_UNWRITABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # in names: control characters, bytes that are not UTF-8


@dataclass(frozen=True)
class MediaFile:
    """A picture, a film or a tar of both."""

    source: str  # its kind, as in the manifest
    address: str  # of its folder, as fsspec takes it
    path: str  # in that file system
    name: str  # in the manifest
    version: str  # changes with the content, and so distinguishes jobs
    splits: tuple[str, ...]  # those that it may belong to


@source("data")
@source("folder")
def folder_jobs(name: str, config: DataConfig, data: Path, seed: int) -> Iterator[Job]:
    """Yield jobs of a folder's files.

    Folders train/, val/ and test/ in it are a manual split; missing splits are drawn.
    """
    folder = _Folder(config.folder if name == "folder" else str(data), "data.folder")
    manual = folder.manual_split()
    given = {*manual.values(), *([] if config.test_folder == NO_FOLDER else [TEST])}
    drawn = (TRAIN, *(split for split in (VALIDATION, TEST) if split not in given))
    for path, split in manual.items() or [(folder.path, TRAIN)]:
        splits = drawn if split == TRAIN else (split,)
        yield from islice(folder.jobs(path, name, splits, config.every), config.limit or None)


def test_folder_jobs(config: DataConfig) -> Iterator[Job]:
    """Yield jobs of the files in data.test_folder, without a limit."""
    if config.test_folder != NO_FOLDER:
        folder = _Folder(config.test_folder, "data.test_folder")
        yield from folder.jobs(folder.path, "test_folder", (TEST,), config.every)


def check_folders(config: DataConfig) -> None:
    """Check data.folder and data.test_folder, which DVC watches even if the source is not "folder"."""
    _Folder(config.folder, "data.folder")
    if config.test_folder != NO_FOLDER:
        _Folder(config.test_folder, "data.test_folder")


class _Folder:
    """A folder that must exist, at an address or a path, which is made absolute for processes that run elsewhere."""

    def __init__(self, address: str, key: str) -> None:
        self.address = address if is_remote(address) else os.path.abspath(address)  # noqa: PTH100 - keeps links
        self.files, self.path = open_files(self.address)
        with refusals(self.address):
            is_folder = self.files.isdir(self.path)
        if not is_folder:
            hint = "give a folder with pictures or films"
            if Path(os.environ.get("DVC_ROOT", "."), address).is_dir():
                hint = "DVC runs this in a copy of what git and DVC track: track the folder, or give its absolute path"
            raise DataError(f"{key}: {address} is not a folder", hint)

    def manual_split(self) -> dict[str, str]:
        """Return the splits by folder; empty unless there is train/ and another.

        Raises DataError for a file outside them.
        """
        splits = {"test": TEST, "val": VALIDATION, "validation": VALIDATION, "train": TRAIN}
        paths = {f"{self.path}/{name}" if self.path else name: split for name, split in splits.items()}
        with refusals(self.address):
            manual = {path: split for path, split in paths.items() if self.files.isdir(path)}
        if TRAIN not in manual.values() or len(manual) < 2:
            return {}
        for stray, _ in self._walk(self.path, without=manual):
            names = ", ".join(f"{path.rpartition('/')[2]}/" for path in manual)
            hint = "move it into one of these folders, or rename them"
            raise DataError(f"data.folder: {stray} is outside {names}", hint)
        return manual

    def jobs(self, folder: str, name: str, splits: tuple[str, ...], every: int) -> Iterator[Job]:
        """Yield jobs of all pictures, films and tars in a folder and in those below it."""
        for path, version in self._walk(folder):
            inside = path[len(self.path) :].lstrip("/")
            is_tar = inside.lower().endswith((".tar", ".tar.gz", ".tgz"))
            read = read_tar if is_tar and version != _LINK else read_file
            yield partial(read, MediaFile(name, self.address, path, inside, version, splits), every)

    def _walk(self, folder: str, without: Collection[str] = ()) -> Iterator[tuple[str, str]]:
        """Yield path and version of each file that may be media, sorted in each folder; without some folders.

        Linked folders are skipped: DVC sees no change behind them, and they may lead in a circle.
        """
        self.files.invalidate_cache()  # it would hold all folders
        with refusals(self.address):
            infos = [info for info in self.files.ls(folder, detail=True) if info["name"].rstrip("/") != folder]
            found = sorted(
                (info["name"].rstrip("/"), info["type"] == "directory", self._version(info)) for info in infos
            )
        for path, is_folder, version in found:
            if path in without or not version:
                continue
            if is_folder:
                yield from self._walk(path)
            elif _may_be_media(path):
                yield path, version

    def _version(self, info: dict[str, Any]) -> str:
        """Return text that changes with the content: size and date, or an object store's tag.

        It is "" for pipes and the like.
        """
        if info.get("islink"):
            if not self.files.isfile(info["name"]):
                return _LINK
            info = self.files.info(info["name"])  # of the file that it leads to
        changed = next((info[key] for key in ("ETag", "etag", "mtime", "CRC", "LastModified") if key in info), "")
        return "" if info["type"] == "other" else f"{info['size']} {changed}"


def _may_be_media(path: str) -> bool:
    name = path.rpartition("/")[2]
    silently_skipped = {".yaml", ".yml", ".md", ".txt", ".csv", ".json"}
    return not name.startswith(".") and Path(name).suffix.lower() not in silently_skipped


def read_file(file: MediaFile, every: int) -> Iterator[Picture | str]:
    """Yield the picture in a file, or every n-th frame of a film."""
    files, shown = _open(file)
    if file.version == _LINK:
        is_folder = files.isdir(file.path)
        reason = "a linked folder, not followed since DVC sees no change in it" if is_folder else "a link to no file"
        yield f"{_escaped(file.path)}: {reason}"
    elif not is_remote(file.address):
        yield from _pictures(file, Path(file.path), shown, every)
    else:
        with temporary_folder() as folder:
            copy = folder / f"copy{Path(file.path).suffix}"
            with refusals(shown):
                files.get_file(file.path, str(copy))
            yield from _pictures(file, copy, shown, every)


def read_tar(file: MediaFile, every: int) -> Iterator[Picture | str]:
    """Yield the pictures and films in a tar, read once from beginning to end."""
    files, shown = _open(file)
    labels = {".cls", ".cls2", ".id", ".index", ".mp", ".npy", ".npz", ".pickle", ".pkl", ".pth", ".pyd"}
    try:
        with (
            temporary_folder() as folder,
            files.open(file.path, "rb") as stream,
            tarfile.open(fileobj=stream, mode="r|*") as tar,
        ):
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # tarfile would hold all of them; typeshed lacks it
                suffix = Path(member.name).suffix
                inside = member.name.removeprefix("./")
                if not member.isfile() or not _may_be_media(member.name) or suffix.lower() in labels:
                    continue
                content = tar.extractfile(member)
                assert content  # as of all regular files
                local = folder / f"member{suffix}"
                with local.open("wb") as copy:
                    shutil.copyfileobj(content, copy)
                inner = replace(file, name=f"{file.name}/{inside}")
                yield from _pictures(inner, local, f"{shown}: {inside}", every)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        yield f"{_escaped(shown)}: {' '.join(str(error).split())}"


def _open(file: MediaFile) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the file system of a file, and the path or address that messages show."""
    files, _ = open_files(file.address)
    return files, files.unstrip_protocol(file.path) if is_remote(file.address) else file.path


def _pictures(file: MediaFile, local: Path, shown: str, every: int) -> Iterator[Picture | str]:
    """Yield the picture in `local`, the file or a download of it, or every n-th frame of a film; all have one key.

    A line that says why is yielded instead of what can't be decoded. Raises DataError if the file can't be opened.
    """
    name = _escaped(file.name)
    shown = _escaped(shown)
    try:
        key = file_hash(local)
    except OSError as error:
        raise DataError(f"{local}: can't be read ({error.strerror})", "check its permissions") from error
    try:
        if kind(local) == FILM:
            for index, frame in islice(enumerate(read_frames(local)), 0, None, every):
                yield Picture(file.source, f"{name}#{index}", frame, key=key, splits=file.splits)
        else:
            yield Picture(file.source, name, read_picture(local), key=key, splits=file.splits)
    except MediaError as error:
        yield str(error).replace(str(local), shown)


def _escaped(name: str) -> str:
    """Return a name as a line of UTF-8, for logs and manifests."""
    return _UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), name)


# Places


def is_remote(address: str) -> bool:
    """Return whether this is an address such as s3://bucket/prefix, not a path."""
    return "://" in address


def open_files(address: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the file system of an address or path, and the path in it."""
    try:
        files, path = fsspec.url_to_fs(address)
    except (ImportError, ValueError) as error:
        hint = "for s3://, pip install '.[cluster]', in stegnet's folder"
        raise ConfigError(f"{address}: can't be opened ({error})", hint) from error
    return files, path.rstrip("/") or path


@contextmanager
def refusals(address: str) -> Iterator[None]:
    """Turn errors of file systems in the block into a DataError."""
    try:
        yield
    except store_errors() as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{address}: can't be read ({reason})", "check the network and your access") from error
