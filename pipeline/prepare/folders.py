"""Folders of pictures, films and tars of such, at a path or at any address that fsspec opens.

They are listed one folder at a time, in the order of the names, so that only one folder's names are in memory.
"""

import hashlib
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.config import DataConfig
from pipeline.prepare.groups import Group, ReadJob
from pipeline.shards import TEST, TRAIN, VALIDATION
from pipeline.store import is_remote, open_files, refusals
from stegnet.core.errors import DataError, MediaError
from stegnet.core.kinds import FILM
from stegnet.core.temporary import temporary_folder
from stegnet.media import kind, read_frames, read_picture

NOT_MEDIA = {".yaml", ".yml", ".md", ".txt", ".csv", ".json"}  # suffixes of files that are skipped silently
LABELS = {".cls", ".cls2", ".id", ".index", ".mp", ".npy", ".npz", ".pickle", ".pkl", ".pth", ".pyd"}  # in a tar
TARS = (".tar", ".tar.gz", ".tgz")
FOLDERS = {"test": TEST, "val": VALIDATION, "validation": VALIDATION, "train": TRAIN}  # of a manual split
NO_FOLDER = "data"  # value of data.test_folder

_Listed = tuple[str, str]  # path, and what changes with the content: size and date, or an object store's tag
_LINK = "link"  # instead of that, where a link leads to no file
_UNWRITABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # in names: control characters, bytes that are not UTF-8


def folder_jobs(source: str, address: str, config: DataConfig) -> Iterator[ReadJob]:
    """Jobs of a folder's files. Folders train/, val/ and test/ in it are a manual split; missing splits are drawn.

    Raises:
        DataError: there is no such folder, or a file is in none of the folders of a manual split.
    """
    root = _existing(address, "data.folder")
    manual = _manual_split(root)
    given = {*manual.values(), *([] if config.test_folder == NO_FOLDER else [TEST])}
    drawn = (TRAIN, *(split for split in (VALIDATION, TEST) if split not in given))
    if not manual:
        yield from _jobs(source, root, root.files(root.path), drawn, config)
        return
    _check_nothing_outside(root, manual)
    for name, split in manual.items():
        splits = drawn if split == TRAIN else (split,)
        yield from _jobs(source, root, root.files(root.join(name)), splits, config)


def test_folder_jobs(config: DataConfig) -> Iterator[ReadJob]:
    """Jobs of the files in data.test_folder, without a limit."""
    if config.test_folder != NO_FOLDER:
        root = _existing(config.test_folder, "data.test_folder")
        for listed in root.files(root.path):
            yield _job("test_folder", root, listed, (TEST,), config)


def check_folders(config: DataConfig) -> None:
    """Checks data.folder and data.test_folder, which DVC watches whether the source is "folder" or not.

    Raises:
        DataError: one of them is no folder.
    """
    _existing(config.folder, "data.folder")
    if config.test_folder != NO_FOLDER:
        _existing(config.test_folder, "data.test_folder")


def is_tar(job: ReadJob) -> bool:
    """Returns whether a job reads a tar, and so gives any number of pictures."""
    return job.func is _read_tar


class _Root:
    """A folder at an address.

    Attributes:
        address: as fsspec takes it; a path is made absolute, for processes that run elsewhere.
        path: of the folder in its file system.
    """

    def __init__(self, address: str) -> None:
        self.address = address if is_remote(address) else os.path.abspath(address)  # noqa: PTH100 - keeps links
        self._files, self.path = open_files(self.address) if is_remote(address) else (None, self.address)

    def join(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name

    def is_folder(self, path: str) -> bool:
        if self._files is None:
            return Path(path).is_dir()
        with refusals(self.address):
            return self._files.isdir(path)

    def entries(self, folder: str) -> list[tuple[str, bool, str]]:
        """Path of everything in a folder, whether it is a folder, and its version if that costs nothing; sorted."""
        if self._files is None:
            with os.scandir(folder) as entries:
                return sorted(_listed(entry) for entry in entries if entry.is_file() or _is_folder_or_link(entry))
        self._files.invalidate_cache()  # which would hold all folders
        with refusals(self.address):
            infos = [info for info in self._files.ls(folder, detail=True) if info["name"].rstrip("/") != folder]
        return sorted((info["name"].rstrip("/"), info["type"] == "directory", _version(info)) for info in infos)

    def files(self, folder: str) -> Iterator[_Listed]:
        """All pictures, films and tars in a folder and in those below it."""
        for path, is_folder, version in self.entries(folder):
            if is_folder:
                yield from self.files(path)
            elif _may_be_media(path):
                yield path, version or _version(_stat(path))


def _is_folder_or_link(entry: os.DirEntry) -> bool:
    return entry.is_dir(follow_symlinks=False) or entry.is_symlink()


def _listed(entry: os.DirEntry) -> tuple[str, bool, str]:
    """Linked folders are no folders here: DVC sees no change behind them, and they may lead in a circle."""
    is_link = entry.is_symlink() and not entry.is_file()
    return entry.path, entry.is_dir() and not is_link, _LINK if is_link else ""


def _stat(path: str) -> dict[str, Any]:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})", "check its permissions") from error
    return {"size": status.st_size, "mtime": status.st_mtime_ns}


def _version(info: dict[str, Any]) -> str:
    changed = next((info[key] for key in ("ETag", "etag", "mtime", "CRC", "LastModified") if key in info), "")
    return f"{info['size']} {changed}"


def _existing(address: str, key: str) -> _Root:
    """A folder that must exist.

    Raises:
        DataError: it does not, or its address can't be opened.
    """
    root = _Root(address)
    if not root.is_folder(root.path):
        hint = "give a folder with pictures or films"
        if Path(os.environ.get("DVC_ROOT", "."), address).is_dir():
            hint = "DVC runs this in a copy of what git and DVC track: track the folder, or give its absolute path"
        raise DataError(f"{key}: {address} is not a folder", hint)
    return root


def _manual_split(root: _Root) -> dict[str, str]:
    """Folder name to split; empty unless there is train/ and one other."""
    manual = {name: split for name, split in FOLDERS.items() if root.is_folder(root.join(name))}
    return manual if TRAIN in manual.values() and len(manual) > 1 else {}


def _check_nothing_outside(root: _Root, names: Iterable[str]) -> None:
    inside = {root.join(name) for name in names}
    for path, is_folder, _ in root.entries(root.path):
        stray = next(root.files(path), None) if is_folder else (path,) if _may_be_media(path) else None
        if stray and path not in inside:
            hint = "move it into one of these folders, or rename them"
            raise DataError(f"data.folder: {stray[0]} is outside {', '.join(f'{each}/' for each in names)}", hint)


def _may_be_media(path: str) -> bool:
    name = path.rpartition("/")[2]
    return not name.startswith(".") and Path(name).suffix.lower() not in NOT_MEDIA


@dataclass(frozen=True)
class MediaFile:
    """A picture, a film or a tar of such.

    Attributes:
        source: kind of the source, as in the manifest.
        path: in its file system.
        name: in the manifest.
        version: changes with the content, and so tells one job from another.
        splits: those that it may belong to.
        address: of its folder, if fsspec has to open it.
    """

    source: str
    path: str
    name: str
    version: str
    splits: tuple[str, ...]
    address: str = ""

    def groups(self, local: Path, shown: str, size: int, every: int) -> Iterator[Group]:
        """A group for each picture or frame in `local`, a copy of it; the frames of a film have the same key."""
        name, shown = _escaped(self.name), _escaped(shown)
        group = partial(Group, self.source, _digest(local), splits=self.splits)
        try:
            if kind(local) == FILM:
                for index, frame in enumerate(read_frames(local)):
                    if index % every == 0:
                        yield group().added(f"{name}#{index}", frame, size)
            else:
                yield group().added(name, read_picture(local), size)
        except MediaError as error:
            yield group(damaged=[str(error).replace(str(local), shown)])


def _jobs(
    source: str, root: _Root, files: Iterator[_Listed], splits: tuple[str, ...], config: DataConfig
) -> Iterator[ReadJob]:
    for listed in islice(files, config.limit or None):
        yield _job(source, root, listed, splits, config)


def _job(source: str, root: _Root, listed: _Listed, splits: tuple[str, ...], config: DataConfig) -> ReadJob:
    path, version = listed
    name = path[len(root.path) :].lstrip("/")
    read = _read_tar if name.lower().endswith(TARS) else read_file
    if version == _LINK:
        read = _name_link
    address = root.address if is_remote(root.address) else ""
    return partial(read, MediaFile(source, path, name, version, splits, address), config.size, config.every)


def read_file(file: MediaFile, size: int, every: int) -> Iterator[Group]:
    """The picture in a file, or every n-th frame of a film."""
    with _local(file.address, file.path) as (local, shown):
        yield from file.groups(local, shown, size, every)


def _name_link(file: MediaFile, size: int, every: int) -> Iterator[Group]:
    """No picture, but a line that names a link to a folder or to nothing."""
    is_folder = Path(file.path).is_dir()
    reason = "a linked folder, not followed since DVC sees no change in it" if is_folder else "a link to no file"
    yield Group(file.source, "", damaged=[f"{_escaped(file.path)}: {reason}"], splits=file.splits)


def _read_tar(file: MediaFile, size: int, every: int) -> Iterator[Group]:
    """The pictures and films in a tar, read once from beginning to end."""
    files, path = (open_files(file.address)[0], file.path) if file.address else open_files(file.path)
    shown = files.unstrip_protocol(path) if file.address else path
    try:
        with (
            temporary_folder() as folder,
            files.open(path, "rb") as stream,
            tarfile.open(fileobj=stream, mode="r|*") as tar,
        ):
            for member in tar:
                tar.members = []  # tarfile would hold all of them
                if member.isfile() and _may_be_media(member.name) and Path(member.name).suffix.lower() not in LABELS:
                    local = folder / f"member{Path(member.name).suffix}"
                    with local.open("wb") as copy:
                        shutil.copyfileobj(tar.extractfile(member), copy)
                    inside = member.name.removeprefix("./")
                    part = replace(file, name=f"{file.name}/{inside}")
                    yield from part.groups(local, f"{shown}: {inside}", size, every)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        yield Group(file.source, "", damaged=[f"{_escaped(shown)}: {' '.join(str(error).split())}"], splits=file.splits)


def _escaped(name: str) -> str:
    """A name as a line of UTF-8, for logs and manifests."""
    return _UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), name)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})", "check its permissions") from error


@contextmanager
def _local(address: str, path: str) -> Iterator[tuple[Path, str]]:
    """The path of a file, or of a temporary copy of one at an address; and how messages name it."""
    if not address:
        yield Path(path), path
        return
    files, _ = open_files(address)
    shown = files.unstrip_protocol(path)
    with temporary_folder() as folder:
        copy = folder / f"copy{Path(path).suffix}"
        with refusals(shown):
            files.get_file(path, str(copy))
        yield copy, shown
