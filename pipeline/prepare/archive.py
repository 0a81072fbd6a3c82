"""Pictures from a .tar.gz file on the network: downloaded once, verified every time.

A file is extracted if its name, without folders, and its SHA-256 are in the catalogue's list. Everything else in the
archive (folders, links, other files) is ignored.
"""

import gzip
import hashlib
import shutil
import sys
import tarfile
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException
from pathlib import Path, PurePosixPath

from filelock import FileLock
from tqdm import tqdm

from pipeline.prepare.catalogue import CatalogueEntry, Listed
from stegnet.core.errors import DataError

TIMEOUT = 30  # seconds without data from the server
LARGEST = 2**26  # bytes; larger files are ignored

_FAILURES = (OSError, EOFError, ValueError, HTTPException, tarfile.TarError, zlib.error)


def fetch(source: CatalogueEntry, listing: list[Listed], archives: Path) -> Path:
    """Returns the folder with the listed files of an archive, and downloads them the first time.

    Args:
        archives: parent folder of all archives, each in a folder with its name and version.
    Raises:
        DataError: the download failed, its files differ from the list, they can't be stored or read, or a stored file
            has changed.
    """
    folder = archives / f"{source.name}-{source.version[:12]}"
    try:
        if not folder.exists():
            _download_alone(source, listing, folder)
        changed = [row.file for row in listing if not _matches(folder / row.file, row.sha256)]
    except OSError as error:
        hint = "free some space, check its permissions, or set STEGNET_CACHE to another folder"
        raise DataError(f"{source.name}: {folder} can't be used ({error.strerror or error})", hint) from error
    if changed:
        reason = f"{folder / changed[0]} is missing or differs from the file listed in {source.files}"
        raise DataError(f"{source.name}: {reason}", f"remove {folder}: the next run downloads it again")
    return folder


def _matches(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _download_alone(source: CatalogueEntry, listing: list[Listed], folder: Path) -> None:
    """Downloads unless another process has done so meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        if not folder.exists():
            _download(source, listing, folder)


def _download(source: CatalogueEntry, listing: list[Listed], folder: Path) -> None:
    """Downloads to a temporary folder, and renames it when complete."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)  # left by a killed run
    try:
        part.mkdir()
        _extract(part, source, {row.file: row.sha256 for row in listing})
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _extract(folder: Path, source: CatalogueEntry, missing: dict[str, str]) -> None:
    """Writes the files in `missing`, name to SHA-256; stops reading the archive after the last."""
    with closing(_members(source, set(missing))) as members:
        for name, content in members:
            if missing.get(name) == hashlib.sha256(content).hexdigest():
                (folder / name).write_bytes(content)
                del missing[name]
            if not missing:
                return
    lacks = f"lacks {len(missing)} of the files listed in {source.files}, or they differ: {min(missing)} first"
    raise DataError(f"{source.name}: {source.address} {lacks}", "try again later, or use another data.source")


def _members(source: CatalogueEntry, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in the archive with one of the names, in any folder."""
    try:
        with _open(source) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name in names and member.isfile() and member.size <= LARGEST:
                    yield name, archive.extractfile(member).read()
    except _FAILURES as error:
        reason = f"{source.address} can't be downloaded ({' '.join(str(error).split())})"
        raise DataError(f"{source.name}: {reason}", "check the network, or use another data.source") from error


@contextmanager
def _open(source: CatalogueEntry) -> Iterator[tarfile.TarFile]:
    """Opens the archive as a stream, with a progress bar of its bytes on stderr."""
    with urllib.request.urlopen(source.address, timeout=TIMEOUT) as response:
        size = int(response.headers.get("Content-Length", 0)) or None  # GitHub gives none
        shown = {"desc": source.name, "unit": "B", "mininterval": 1, "dynamic_ncols": True, "file": sys.stderr}
        with (
            tqdm.wrapattr(response, "read", size, **shown) as counted,
            gzip.GzipFile(fileobj=counted) as content,
            tarfile.open(fileobj=content, mode="r|") as archive,
        ):
            yield archive
