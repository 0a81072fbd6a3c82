"""Catalogue of picture sources (sources.yaml): address, version and licence of each."""

import csv
import hashlib
import re
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import yaml

from pipeline.shards import TEST, TRAIN
from stegnet.core.errors import DataError
from stegnet.media import read_picture

KINDS = ("rendered", "folder", "package", "torchvision", "archive")


@dataclass(frozen=True)
class CatalogueEntry:
    """One entry of sources.yaml.

    Attributes:
        name: its name in `data.source`, or the name of a set of test pictures.
        kind: rendered, folder, package (pictures in an installed Python package), torchvision or archive
            (pictures in a .tar.gz file on the network).
        address: its web page; for kind archive, the URL of the file.
        version: the pinned version.
        licence: of the pictures.
        package: distribution that contains the files, for kind package.
        sha256: path inside the package to SHA-256, for kind package.
        files: CSV file beside sources.yaml with the list of its pictures, for kind archive.
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
    """One row in the list of an archive's pictures.

    Attributes:
        file: unique file name without folders.
        sha256: of the file.
        split: train or test.
    """

    file: str
    sha256: str
    split: str


def read_catalogue(path: Path) -> list[CatalogueEntry]:
    """All entries of sources.yaml.

    Raises:
        DataError: an entry has an unknown or missing key, or an unknown kind.
    """
    try:
        sources = [CatalogueEntry(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]
    except (OSError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a valid catalogue ({reason})") from error
    for source in sources:
        if source.kind not in KINDS:
            raise DataError(f"{path}: {source.name}: unknown kind {source.kind!r}", f"known: {', '.join(KINDS)}")
    return sources


def read_listing(path: Path) -> list[Listed]:
    """The pictures of an archive, sorted by file name.

    Raises:
        DataError: the file can't be read, or a row has wrong columns, invalid values or a duplicate name.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [Listed(**row) for row in csv.DictReader(file, restval="")]
    except (OSError, TypeError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a valid list of pictures ({error})") from error
    for row in rows:
        if not _is_valid(row):
            raise DataError(f"{path}: {row.file!r}: needs a file name, a SHA-256 and a split (train or test)")
    if len({row.file for row in rows}) < len(rows):
        raise DataError(f"{path}: lists a file twice")
    return sorted(rows, key=lambda row: row.file)


def _is_valid(row: Listed) -> bool:
    is_name = row.file not in {"", ".."} and Path(row.file).name == row.file  # the file is written under this name
    return is_name and bool(re.fullmatch("[0-9a-f]{64}", row.sha256)) and row.split in {TRAIN, TEST}


def read_package_pictures(source: CatalogueEntry) -> list[tuple[str, np.ndarray]]:
    """Name and pixels, (H, W, 3) uint8, of each picture of a `package` source.

    Raises:
        DataError: the package is missing, or a file in it differs from the catalogue's SHA-256.
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
            raise DataError(f"{source.name}: {file} differs from its SHA-256 in sources.yaml", hint)
        pictures.append((path.name, read_picture(path)))
    return pictures
