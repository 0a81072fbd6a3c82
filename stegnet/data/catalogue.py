"""sources.yaml: where pictures come from, in which version, under which licence."""

import csv
import hashlib
import re
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import yaml

from stegnet.core.errors import DataError
from stegnet.data.shards import TEST, TRAIN
from stegnet.media import read_picture

KINDS = ("rendered", "folder", "package", "torchvision", "archive")


@dataclass(frozen=True)
class Source:
    """One entry of sources.yaml.

    Attributes:
        name: how `data.source` calls it, or the name of a set of test pictures.
        kind: rendered, folder, package (pictures in an installed Python package), torchvision or archive
            (pictures in a .tar.gz file on the network).
        address: where a person finds it; for kind archive, where the file is downloaded from.
        version: the pinned version.
        licence: of the pictures.
        package: distribution that holds the files, for kind package.
        sha256: file inside the package to its SHA-256, for kind package.
        files: name of the list of its pictures, a CSV file beside sources.yaml, for kind archive.
    """

    name: str
    kind: str
    address: str
    version: str
    licence: str
    package: str = ""
    sha256: dict[str, str] = field(default_factory=dict)
    files: str = ""


@dataclass(frozen=True)
class Listed:
    """One row of the list of an archive's pictures.

    Attributes:
        file: its name, without folders: names are unique, and where in the archive it lies does not matter.
        sha256: of the file.
        split: train, or test for a picture that is never trained on.
    """

    file: str
    sha256: str
    split: str


def read_catalogue(path: Path) -> list[Source]:
    """All entries of sources.yaml.

    Raises:
        DataError: an entry has an unknown or missing key, or an unknown kind.
    """
    try:
        sources = [Source(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]
    except (OSError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a catalogue of sources ({reason})") from error
    for source in sources:
        if source.kind not in KINDS:
            raise DataError(f"{path}: {source.name}: unknown kind {source.kind!r}", f"known: {', '.join(KINDS)}")
    return sources


def read_listing(path: Path) -> list[Listed]:
    """The pictures of an archive, sorted by file name.

    Raises:
        DataError: the file can't be read, or a row has other columns, impossible values or the name of another row.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [Listed(**row) for row in csv.DictReader(file, restval="")]
    except (OSError, TypeError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a list of pictures ({error})") from error
    for row in rows:
        if not _is_sound(row):
            raise DataError(f"{path}: {row.file!r}: not a file name, SHA-256 and split (train or test)")
    if len({row.file for row in rows}) < len(rows):
        raise DataError(f"{path}: names a file twice")
    return sorted(rows, key=lambda row: row.file)


def _is_sound(row: Listed) -> bool:
    is_name = row.file not in {"", ".."} and Path(row.file).name == row.file  # it is written under this name
    return is_name and bool(re.fullmatch("[0-9a-f]{64}", row.sha256)) and row.split in {TRAIN, TEST}


def read_package_pictures(source: Source) -> list[tuple[str, np.ndarray]]:
    """Name and pixels, (H, W, 3) uint8, of each picture of a `package` source.

    Raises:
        DataError: the package is missing, or a file in it is not the one that the catalogue pins.
    """
    hint = f"install {source.package} {source.version}"
    try:
        package = distribution(source.package)
    except PackageNotFoundError as error:
        raise DataError(f"{source.name}: the package {source.package} is not installed", hint) from error
    pictures = []
    for file, pinned in source.sha256.items():
        path = Path(str(package.locate_file(file)))
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != pinned:
            raise DataError(f"{source.name}: {file} is not the file that sources.yaml pins", hint)
        pictures.append((path.name, read_picture(path)))
    return pictures
