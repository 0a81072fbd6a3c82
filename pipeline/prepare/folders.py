"""Folders of pictures, films and tars of such, at a path or at any address that fsspec opens.

They are listed one folder at a time, in the order of the names, so that only one folder's names are in memory.
"""

import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.config import DataConfig
from pipeline.prepare.sources import Job, Picture, source
from pipeline.shards import TEST, TRAIN, VALIDATION, file_hash, is_remote, open_files, refusals
from stegnet.core.errors import DataError, MediaError
from stegnet.core.kinds import FILM
from stegnet.core.temporary import temporary_folder
from stegnet.media import kind, read_frames, read_picture

NOT_MEDIA = {".yaml", ".yml", ".md", ".txt", ".csv", ".json"}  # suffixes of files that are skipped silently
LABELS = {".cls", ".cls2", ".id", ".index", ".mp", ".npy", ".npz", ".pickle", ".pkl", ".pth", ".pyd"}  # in a tar
TARS = (".tar", ".tar.gz", ".tgz")
FOLDERS = {"test": TEST, "val": VALIDATION, "validation": VALIDATION, "train": TRAIN}  # of a manual split
NO_FOLDER = "data"  # value of data.test_folder

_LINK = "link"  # version of a link that leads to no file
_UNWRITABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # in names: control characters, bytes that are not UTF-8


@dataclass(frozen=True)
class MediaFile:
    """A picture, a film or a tar of such.

    Attributes:
        source: kind of the source, as in the manifest.
        address: of its folder, as fsspec takes it.
        path: in that file system.
        name: in the manifest.
        version: changes with the content, and so tells one job from another.
        splits: those that it may belong to.
    """

    source: str
    address: str
    path: str
    name: str
    version: str
    splits: tuple[str, ...]


@source("data")
@source("folder")
def folder_jobs(name: str, config: DataConfig, data: Path, seed: int) -> Iterator[Job]:
    """Jobs of a folder's files. Folders train/, val/ and test/ in it are a manual split; missing splits are drawn.

    Raises:
        DataError: there is no such folder, or a file is in none of the folders of a manual split.
    """
    folder = _Folder(config.folder if name == "folder" else str(data), "data.folder")
    manual = folder.manual_split()
    given = {*manual.values(), *([] if config.test_folder == NO_FOLDER else [TEST])}
    drawn = (TRAIN, *(split for split in (VALIDATION, TEST) if split not in given))
    for path, split in manual.items() or [(folder.path, TRAIN)]:
        splits = drawn if split == TRAIN else (split,)
        yield from islice(folder.jobs(path, name, splits, config.every), config.limit or None)


def test_folder_jobs(config: DataConfig) -> Iterator[Job]:
    """Jobs of the files in data.test_folder, without a limit."""
    if config.test_folder != NO_FOLDER:
        folder = _Folder(config.test_folder, "data.test_folder")
        yield from folder.jobs(folder.path, "test_folder", (TEST,), config.every)


def check_folders(config: DataConfig) -> None:
    """Checks data.folder and data.test_folder, which DVC watches whether the source is "folder" or not.

    Raises:
        DataError: one of them is no folder.
    """
    _Folder(config.folder, "data.folder")
    if config.test_folder != NO_FOLDER:
        _Folder(config.test_folder, "data.test_folder")


class _Folder:
    """A folder that must exist.

    Args:
        address: as fsspec takes it; a path is made absolute, for processes that run elsewhere.
        key: of params.yaml, for messages.
    Raises:
        DataError: it does not, or its address can't be opened.
    """

    def __init__(self, address: str, key: str) -> None:
        self.address = address if is_remote(address) else os.path.abspath(address)  # noqa: PTH100 - keeps links
        self.files, self.path = open_files(self.address)
        if not self.holds(self.path):
            hint = "give a folder with pictures or films"
            if Path(os.environ.get("DVC_ROOT", "."), address).is_dir():
                hint = "DVC runs this in a copy of what git and DVC track: track the folder, or give its absolute path"
            raise DataError(f"{key}: {address} is not a folder", hint)

    def holds(self, folder: str) -> bool:
        """Returns whether there is such a folder."""
        with refusals(self.address):
            return self.files.isdir(folder)

    def manual_split(self) -> dict[str, str]:
        """Folder to split; empty unless there is train/ and one other.

        Raises:
            DataError: a file is in none of them.
        """
        paths = {f"{self.path}/{name}" if self.path else name: split for name, split in FOLDERS.items()}
        manual = {path: split for path, split in paths.items() if self.holds(path)}
        if TRAIN not in manual.values() or len(manual) < 2:
            return {}
        for path, is_folder, _ in self._entries(self.path):
            inside = self._walk(path) if is_folder else [(path,)] if _may_be_media(path) else []
            if path not in manual and (stray := next(iter(inside), None)):
                names = ", ".join(f"{path.rpartition('/')[2]}/" for path in manual)
                hint = "move it into one of these folders, or rename them"
                raise DataError(f"data.folder: {stray[0]} is outside {names}", hint)
        return manual

    def jobs(self, folder: str, name: str, splits: tuple[str, ...], every: int) -> Iterator[Job]:
        """Jobs of all pictures, films and tars in a folder and in those below it."""
        for path, version in self._walk(folder):
            inside = path[len(self.path) :].lstrip("/")
            read = _name_link if version == _LINK else read_tar if inside.lower().endswith(TARS) else read_file
            yield partial(read, MediaFile(name, self.address, path, inside, version, splits), every)

    def _walk(self, folder: str) -> Iterator[tuple[str, str]]:
        for path, is_folder, version in self._entries(folder):
            if is_folder:
                yield from self._walk(path)
            elif _may_be_media(path):
                yield path, version

    def _entries(self, folder: str) -> list[tuple[str, bool, str]]:
        """Path of everything in a folder, whether it is a folder, and its version; sorted.

        Linked folders are no folders here: DVC sees no change behind them, and they may lead in a circle.
        """
        self.files.invalidate_cache()  # which would hold all folders
        with refusals(self.address):
            infos = [info for info in self.files.ls(folder, detail=True) if info["name"].rstrip("/") != folder]
            entries = [(info["name"].rstrip("/"), info["type"] == "directory", self._version(info)) for info in infos]
        return sorted(entry for entry in entries if entry[2])

    def _version(self, info: dict[str, Any]) -> str:
        """What changes with the content: size and date, or an object store's tag; "" for pipes and the like."""
        if info.get("islink"):
            if not self.files.isfile(info["name"]):
                return _LINK
            info = self.files.info(info["name"])  # of the file that it leads to
        changed = next((info[key] for key in ("ETag", "etag", "mtime", "CRC", "LastModified") if key in info), "")
        return "" if info["type"] == "other" else f"{info['size']} {changed}"


def _may_be_media(path: str) -> bool:
    name = path.rpartition("/")[2]
    return not name.startswith(".") and Path(name).suffix.lower() not in NOT_MEDIA


def read_file(file: MediaFile, every: int) -> Iterator[Picture | str]:
    """The picture in a file, or every n-th frame of a film."""
    if not is_remote(file.address):
        yield from _pictures(file, Path(file.path), file.path, every)
        return
    files, _ = open_files(file.address)
    shown = files.unstrip_protocol(file.path)
    with temporary_folder() as folder:
        copy = folder / f"copy{Path(file.path).suffix}"
        with refusals(shown):
            files.get_file(file.path, str(copy))
        yield from _pictures(file, copy, shown, every)


def read_tar(file: MediaFile, every: int) -> Iterator[Picture | str]:
    """The pictures and films in a tar, read once from beginning to end."""
    files, _ = open_files(file.address)
    shown = files.unstrip_protocol(file.path) if is_remote(file.address) else file.path
    try:
        with (
            temporary_folder() as folder,
            files.open(file.path, "rb") as stream,
            tarfile.open(fileobj=stream, mode="r|*") as tar,
        ):
            for member in tar:
                tar.members = []  # tarfile would hold all of them
                if member.isfile() and _may_be_media(member.name) and Path(member.name).suffix.lower() not in LABELS:
                    local = folder / f"member{Path(member.name).suffix}"
                    with local.open("wb") as copy:
                        shutil.copyfileobj(tar.extractfile(member), copy)
                    inside = member.name.removeprefix("./")
                    yield from _pictures(
                        replace(file, name=f"{file.name}/{inside}"), local, f"{shown}: {inside}", every
                    )
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        yield f"{_escaped(shown)}: {' '.join(str(error).split())}"


def _name_link(file: MediaFile, every: int) -> Iterator[str]:
    is_folder = Path(file.path).is_dir()
    reason = "a linked folder, not followed since DVC sees no change in it" if is_folder else "a link to no file"
    yield f"{_escaped(file.path)}: {reason}"


def _pictures(file: MediaFile, local: Path, shown: str, every: int) -> Iterator[Picture | str]:
    """The picture in `local`, a copy of a file, or every n-th frame of a film; all with the same key."""
    name, shown = _escaped(file.name), _escaped(shown)
    picture = partial(Picture, file.source, key=_digest(local), splits=file.splits)
    try:
        if kind(local) == FILM:
            for index, frame in enumerate(read_frames(local)):
                if index % every == 0:
                    yield picture(f"{name}#{index}", frame)
        else:
            yield picture(name, read_picture(local))
    except MediaError as error:
        yield str(error).replace(str(local), shown)


def _escaped(name: str) -> str:
    """A name as a line of UTF-8, for logs and manifests."""
    return _UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), name)


def _digest(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})", "check its permissions") from error
