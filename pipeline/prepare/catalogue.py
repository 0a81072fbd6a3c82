"""Catalogue of picture sources (sources.yaml): address, version and licence of each."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from pipeline.prepare.sources import Picture
from pipeline.shards import TEST, file_hash
from stegnet.core.errors import DataError
from stegnet.media import read_picture

CROPS = 4  # squares cut from each photograph of a package


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

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    kind: Literal["rendered", "folder", "package", "torchvision", "archive"]
    address: str
    version: str
    licence: str
    package: str = ""
    sha256: dict[str, str] = field(default_factory=dict)
    files: str = ""


@dataclass(frozen=True)
class Listed:
    """One row in the list of an archive's pictures: unique file name without folders, its SHA-256, and its split."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    file: Annotated[
        str, StringConstraints(pattern=r"^(\.?[^./\\]|\.\.[^/\\])[^/\\]*$")
    ]  # it is written under this name
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    split: Literal["train", "test"]


def read_catalogue(path: Path) -> list[CatalogueEntry]:
    """All entries of sources.yaml.

    Raises:
        DataError: it can't be read, or a key or value is unknown or missing.
    """
    return _checked(list[CatalogueEntry], path, "catalogue", yaml.safe_load)


def read_listing(path: Path) -> list[Listed]:
    """The pictures of an archive, sorted by file name.

    Raises:
        DataError: it can't be read, or a row has wrong columns, invalid values or a duplicate name.
    """
    rows = _checked(list[Listed], path, "list of pictures", lambda text: list(csv.DictReader(text.splitlines())))
    if len({row.file for row in rows}) < len(rows):
        raise DataError(f"{path}: lists a file twice")
    return sorted(rows, key=lambda row: row.file)


def _checked(kind: Any, path: Path, what: str, parse: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(parse(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}, is {first['input']!r}"
        raise DataError(f"{path}: not a valid {what} ({reason})") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, csv.Error) as error:
        raise DataError(f"{path}: not a valid {what} ({' '.join(str(error).split())})") from error


def matches(path: Path, sha256: str) -> bool:
    """Is there a file with this SHA-256?"""
    return path.is_file() and file_hash(path) == sha256


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
        if not matches(path, pinned):
            raise DataError(f"{source.name}: {file} differs from its SHA-256 in sources.yaml", hint)
        pictures.append((path.name, read_picture(path)))
    return pictures


def photographs(source: CatalogueEntry) -> Iterator[Picture]:
    """The pictures of a `package` source, to test on."""
    for name, pixels in read_package_pictures(source):
        yield Picture("photographs", name, pixels, splits=(TEST,), crops=CROPS)
