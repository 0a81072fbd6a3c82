"""Pictures that sources.yaml lists: the catalogue's archives and photographs, and torchvision's data sets.

Archives are downloaded once and verified every time. A file in one is extracted if its name, without folders, and its
SHA-256 are in the catalogue's list. Everything else in the archive (folders, links, other files) is ignored.
"""

import csv
import hashlib
import inspect
import shutil
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import yaml
from filelock import FileLock
from PIL import Image
from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError
from tqdm import tqdm

from pipeline.parameters.data import DataConfig
from pipeline.prepare.folders import MediaFile, read_file
from pipeline.prepare.sources import Job, Picture, source
from pipeline.shards import TEST, TRAIN, VALIDATION, cache_folder, file_hash
from stegnet.core.disk import FULL
from stegnet.core.errors import ConfigError, DataError
from stegnet.image.pictures import read_picture

_OTHER_SOURCE = "check the network, or use another data.source"
Rows = TypeVar("Rows")


@dataclass(frozen=True)
class CatalogueEntry:
    """One entry of sources.yaml.

    A `package` is pictures in an installed Python package, an `archive` pictures in a .tar.gz file on the network.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str  # in `data.source`, or of a set of test pictures
    kind: Literal["rendered", "folder", "package", "torchvision", "archive"]
    address: str  # its web page; for an archive, the URL of the file
    version: str  # the pinned version
    licence: str  # of the pictures
    package: str = ""  # distribution that contains the files of a package
    sha256: dict[str, str] = field(default_factory=dict)  # path inside the package to SHA-256
    files: str = ""  # CSV file beside sources.yaml with the list of an archive's pictures


@dataclass(frozen=True)
class Listed:
    """One row in the list of an archive's pictures: unique file name without folders, its SHA-256, and its split."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    # The file is written under this name.
    file: Annotated[str, StringConstraints(pattern=r"^(\.?[^./\\]|\.\.[^/\\])[^/\\]*$")]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    split: Literal["train", "test"]


def read_catalogue(path: Path) -> list[CatalogueEntry]:
    """Return all entries of sources.yaml."""
    return _checked(TypeAdapter(list[CatalogueEntry]), path, "catalogue", yaml.safe_load)


def read_listing(path: Path) -> list[Listed]:
    """Return the pictures of an archive, sorted by file name."""
    read_rows = TypeAdapter(list[Listed])
    rows = _checked(read_rows, path, "list of pictures", lambda text: list(csv.DictReader(text.splitlines())))
    if len({row.file for row in rows}) < len(rows):
        raise DataError(f"{path}: lists a file twice")
    return sorted(rows, key=lambda row: row.file)


def _checked(kind: TypeAdapter[Rows], path: Path, what: str, parse: Callable[[str], object]) -> Rows:
    try:
        return kind.validate_python(parse(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}, is {first['input']!r}"
        raise DataError(f"{path}: not a valid {what} ({reason})") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, csv.Error) as error:
        raise DataError(f"{path}: not a valid {what} ({' '.join(str(error).split())})") from error


def _matches(path: Path, sha256: str) -> bool:
    return path.is_file() and file_hash(path) == sha256


# Photographs of installed packages


def photograph_jobs(catalogue: Path) -> Iterator[Job]:
    """Return jobs of the pictures in the catalogue's packages, to test on."""
    return (partial(read_photographs, entry) for entry in read_catalogue(catalogue) if entry.kind == "package")


def read_photographs(entry: CatalogueEntry) -> Iterator[Picture | str]:
    """Yield the pictures of a package, whose files must have the SHA-256 in the catalogue."""
    hint = f"install {entry.package} {entry.version}"
    try:
        package = distribution(entry.package)
    except PackageNotFoundError as error:
        raise DataError(f"{entry.name}: the package {entry.package} is not installed", hint) from error
    for file, pinned in entry.sha256.items():
        path = Path(str(package.locate_file(file)))
        if not _matches(path, pinned):
            raise DataError(f"{entry.name}: {file} differs from its SHA-256 in sources.yaml", hint)
        yield Picture("photographs", path.name, read_picture(path), splits=(TEST,), crops=4)


# Archives


def archives(data: Path) -> dict[str, CatalogueEntry]:
    """Return the catalogue's archives by name; empty if the folder data/ is the user's own, without a catalogue."""
    path = data / "sources.yaml"
    return {entry.name: entry for entry in read_catalogue(path) if entry.kind == "archive"} if path.exists() else {}


def archive_jobs(name: str, config: DataConfig, data: Path, seed: int) -> Iterator[Job]:
    """Yield jobs of an archive's files, which its list splits: those to train on, then those to test on."""
    entry = archives(data)[name]
    listing = read_listing(data / entry.files)
    folder = fetch(entry, listing, cache_folder() / "archives")
    for split, splits in ((TRAIN, (TRAIN, VALIDATION)), (TEST, (TEST,))):
        for row in [row for row in listing if row.split == split][: config.limit or None]:
            file = MediaFile(name, str(folder), str(folder / row.file), row.file, row.sha256, splits)
            yield partial(read_file, file, config.every)


def fetch(entry: CatalogueEntry, listing: list[Listed], folders: Path) -> Path:
    """Return the folder with the listed files of an archive, downloaded the first time and verified every time.

    It is in `folders` and has the archive's name and version.
    """
    folder = folders / f"{entry.name}-{entry.version[:12]}"
    try:
        folders.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                _download(entry, {row.file: row.sha256 for row in listing}, folder)
        changed = [row.file for row in listing if not _matches(folder / row.file, row.sha256)]
    except OSError as error:
        hint = "free some space, check its permissions, or set STEGNET_CACHE to another folder"
        raise DataError(f"{entry.name}: {folder} can't be used ({error.strerror or error})", hint) from error
    if changed:
        reason = f"{folder / changed[0]} is missing or differs from the file listed in {entry.files}"
        raise DataError(f"{entry.name}: {reason}", f"remove {folder}: the next run downloads it again")
    return folder


def _download(entry: CatalogueEntry, missing: dict[str, str], folder: Path) -> None:
    """Write the files in `missing`, name to SHA-256, to a temporary folder, and rename it when complete."""
    largest = 2**26  # bytes; larger files are ignored
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # left by a killed run
    try:
        (part / "files").mkdir(parents=True)
        silence = 30  # seconds without data, after which a server is given up
        with urlopen(entry.address, timeout=silence) as answer, open(part / "archive", "wb") as archive:
            size = int(answer.headers.get("Content-Length") or 0) or None  # a server such as GitHub does not tell it
            with tqdm(desc=entry.name, total=size, unit="B", unit_scale=True, leave=False, file=sys.stderr) as shown:
                while data := answer.read(2**16):
                    archive.write(data)
                    shown.update(len(data))
        with tarfile.open(part / "archive", "r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                if name not in missing or not member.isfile() or member.size > largest:
                    continue
                file = tar.extractfile(member)
                assert file  # as of all regular files
                content = file.read()
                if missing[name] == hashlib.sha256(content).hexdigest():
                    (part / "files" / name).write_bytes(content)
                    del missing[name]
        if missing:
            lacks = f"lacks {len(missing)} of the files listed in {entry.files}, or they differ: {min(missing)} first"
            hint = "try again later, or use another data.source"
            raise DataError(f"{entry.name}: {entry.address} {lacks}", hint)
        (part / "files").rename(folder)
    except (OSError, EOFError, ValueError, HTTPException, tarfile.TarError, zlib.error) as error:
        if getattr(error, "errno", None) in FULL:
            raise
        if isinstance(error, HTTPError):
            error.close()  # it holds the connection
        reason = f"{entry.address} can't be downloaded ({' '.join(str(error).split())})"
        raise DataError(f"{entry.name}: {reason}", _OTHER_SOURCE) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


# Data sets of torchvision


@source("torchvision:<class>")
def torchvision_jobs(name: str, config: DataConfig, data: Path, seed: int) -> Iterator[Job]:
    """Return jobs of the pictures in a data set of torchvision."""
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


def torchvision_class(name: str) -> Callable[..., Any]:
    """Return the data set "torchvision:<class>". Raises ConfigError if torchvision can't download it."""
    import torchvision  # heavy, and only this source needs it

    class_name = name.partition(":")[2]
    family: Callable[..., Any] | None = getattr(torchvision.datasets, class_name, None)
    parameters = inspect.signature(family).parameters if family and inspect.isclass(family) else {}
    needed = {key for key, parameter in parameters.items() if parameter.default is parameter.empty} - {"root", "kwargs"}
    if family is None or "download" not in parameters or needed:
        raise ConfigError(f"data.source: torchvision can't download {name!r}", "give a class of torchvision.datasets")
    return family


@cache
def _open_torchvision(name: str) -> Any:
    """Return a torchvision data set in its default split; the first time, torchvision downloads and verifies it.

    The folder is renamed when complete, since torchvision takes a half-extracted one for complete.
    """
    family = torchvision_class(name)
    root = cache_folder() / "torchvision" / name.partition(":")[2]
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
