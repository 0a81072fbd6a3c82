"""sources.yaml: where pictures come from, in which version, under which licence."""

import hashlib
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import yaml

from stegnet.errors import DataError
from stegnet.media import read_picture

KINDS = ("rendered", "folder", "package", "torchvision")


@dataclass(frozen=True)
class Source:
    """One entry of sources.yaml.

    Attributes:
        name: how `data.source` calls it, or the name of a set of test pictures.
        kind: rendered, folder, package (pictures in an installed Python package) or torchvision.
        address: where a person finds it.
        version: the pinned version.
        licence: of the pictures.
        package: distribution that holds the files, for kind package.
        sha256: file inside the package to its SHA-256, for kind package.
    """

    name: str
    kind: str
    address: str
    version: str
    licence: str
    package: str = ""
    sha256: dict[str, str] = field(default_factory=dict)


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
