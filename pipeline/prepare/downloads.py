"""Pictures from the network, downloaded once: the catalogue's archives, and torchvision's data sets.

Archives are verified every time. A file of one is extracted if its name, without folders, and its SHA-256 are in the
catalogue's list. Everything else in the archive (folders, links, other files) is ignored.
"""

import hashlib
import inspect
import shutil
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from filelock import FileLock
from PIL import Image
from tqdm import tqdm

from pipeline.config import DataConfig
from pipeline.prepare.catalogue import CatalogueEntry, Listed, matches, read_catalogue, read_listing
from pipeline.prepare.folders import MediaFile, read_file
from pipeline.prepare.sources import Job, Picture, source
from pipeline.shards import TEST, TRAIN, VALIDATION, cache_folder
from stegnet.core.errors import ConfigError, DataError
from stegnet.core.temporary import FULL

TIMEOUT = 30  # seconds without data from the server
LARGEST = 2**26  # bytes; larger files are ignored
_FAILURES = (OSError, EOFError, ValueError, tarfile.TarError, zlib.error)
_OTHER_SOURCE = "check the network, or use another data.source"


class _Bar(tqdm):
    """A progress bar as pooch takes it: true, even if a server doesn't say how much is to come, as GitHub doesn't."""

    def __bool__(self) -> bool:
        return True


def archives(data: Path) -> dict[str, CatalogueEntry]:
    """The catalogue's archives by name; none if the folder data/ is the user's own, without a catalogue."""
    path = data / "sources.yaml"
    return {entry.name: entry for entry in read_catalogue(path) if entry.kind == "archive"} if path.exists() else {}


def archive_jobs(name: str, config: DataConfig, data: Path, seed: int) -> Iterator[Job]:
    """Jobs of an archive's files, which its list splits: those to train on, then those to test on."""
    entry = archives(data)[name]
    listing = read_listing(data / entry.files)
    folder = fetch(entry, listing, cache_folder() / "archives")
    for split, splits in ((TRAIN, (TRAIN, VALIDATION)), (TEST, (TEST,))):
        for row in [row for row in listing if row.split == split][: config.limit or None]:
            file = MediaFile(name, str(folder), str(folder / row.file), row.file, row.sha256, splits)
            yield partial(read_file, file, config.every)


def fetch(entry: CatalogueEntry, listing: list[Listed], folders: Path) -> Path:
    """Returns the folder with the listed files of an archive, and downloads them the first time.

    Args:
        folders: parent folder of all archives, each in a folder with its name and version.
    Raises:
        DataError: the download failed, its files differ from the list, they can't be stored or read, or a stored file
            has changed.
    """
    folder = folders / f"{entry.name}-{entry.version[:12]}"
    try:
        folders.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                _download(entry, {row.file: row.sha256 for row in listing}, folder)
        changed = [row.file for row in listing if not matches(folder / row.file, row.sha256)]
    except OSError as error:
        hint = "free some space, check its permissions, or set STEGNET_CACHE to another folder"
        raise DataError(f"{entry.name}: {folder} can't be used ({error.strerror or error})", hint) from error
    if changed:
        reason = f"{folder / changed[0]} is missing or differs from the file listed in {entry.files}"
        raise DataError(f"{entry.name}: {reason}", f"remove {folder}: the next run downloads it again")
    return folder


def _download(entry: CatalogueEntry, missing: dict[str, str], folder: Path) -> None:
    """Writes the files in `missing`, name to SHA-256, to a temporary folder, and renames it when complete."""
    import pooch  # takes a while

    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # left by a killed run
    try:
        (part / "files").mkdir(parents=True)
        with _Bar(desc=entry.name, unit="B", unit_scale=True, mininterval=1, leave=False, file=sys.stderr) as bar:
            download = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=TIMEOUT)
            download(entry.address, part / "archive", None)
        for name, content in _members(part / "archive", set(missing)):
            if missing.get(name) == hashlib.sha256(content).hexdigest():
                (part / "files" / name).write_bytes(content)
                del missing[name]
        if missing:
            lacks = f"lacks {len(missing)} of the files listed in {entry.files}, or they differ: {min(missing)} first"
            hint = "try again later, or use another data.source"
            raise DataError(f"{entry.name}: {entry.address} {lacks}", hint)
        (part / "files").rename(folder)
    except _FAILURES as error:
        if getattr(error, "errno", None) in FULL:
            raise
        reason = f"{entry.address} can't be downloaded ({' '.join(str(error).split())})"
        raise DataError(f"{entry.name}: {reason}", _OTHER_SOURCE) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _members(archive: Path, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in the archive with one of the names, in any folder."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            if name in names and member.isfile() and member.size <= LARGEST:
                yield name, tar.extractfile(member).read()


@source("torchvision:<class>")
def torchvision_jobs(name: str, config: DataConfig, data: Path, seed: int) -> Iterator[Job]:
    """Jobs of the pictures in a data set of torchvision."""
    count = len(_open_torchvision(name))
    return (partial(_torchvision_item, name, index) for index in range(min(count, config.limit or count)))


def _torchvision_item(name: str, index: int) -> Iterator[Picture | str]:
    try:
        image = _open_torchvision(name)[index][0]
        if not isinstance(image, Image.Image):
            raise DataError(f"{name}: contains no pictures", "give another class of torchvision.datasets")
        yield Picture(name, f"{index:07d}", np.asarray(image.convert("RGB")))
    except OSError as error:
        yield f"{name} {index:07d}: {error}"


@cache
def _open_torchvision(name: str) -> Any:
    """A torchvision data set in its default split; the first time, torchvision downloads and verifies it.

    The folder is renamed when complete, since torchvision takes a half-extracted one for complete.
    """
    import torchvision  # heavy, and only this source needs it

    family = getattr(torchvision.datasets, name.partition(":")[2], None)
    parameters = inspect.signature(family).parameters if inspect.isclass(family) else {}
    needed = {key for key, parameter in parameters.items() if parameter.default is parameter.empty} - {"root", "kwargs"}
    if "download" not in parameters or needed:
        raise ConfigError(f"data.source: torchvision can't download {name!r}", "give a class of torchvision.datasets")
    root = cache_folder() / "torchvision" / family.__name__
    part = root.with_suffix(".part")
    try:
        if not root.exists():
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            family(root=str(part), download=True)
            part.rename(root)
        return family(root=str(root))
    except (OSError, RuntimeError, ValueError, ImportError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"{name}: can't be downloaded ({' '.join(str(error).split())})", _OTHER_SOURCE) from error
