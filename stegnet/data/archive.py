"""Pictures out of a .tar.gz file on the network: downloaded once, and checked every time.

A member counts by its bare name and its SHA-256. All else in the archive (folders, links, notes, other files of that
name) is passed over, so nothing is ever written but what the catalogue lists.
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

from stegnet.core.errors import DataError
from stegnet.data.catalogue import Listed, Source

TIMEOUT = 30  # seconds that the server may keep silent
LARGEST = 2**26  # bytes; a larger member is no photograph

_FAILURES = (OSError, EOFError, ValueError, HTTPException, tarfile.TarError, zlib.error)


def fetch(source: Source, listing: list[Listed], archives: Path) -> Path:
    """The folder that holds the listed files of an archive; the first time they are downloaded.

    Args:
        archives: where each archive has a folder, called by its name and version.
    Raises:
        DataError: the download failed, its files are not the listed ones, they can't be stored or read, or one that
            was stored has changed since.
    """
    folder = archives / f"{source.name}-{source.version[:12]}"
    try:
        if not folder.exists():
            _download_alone(source, listing, folder)
        altered = [row.file for row in listing if not _is_pinned(folder / row.file, row.sha256)]
    except OSError as error:
        hint = "make room there, see who may write there, or set STEGNET_CACHE to another folder"
        raise DataError(f"{source.name}: {folder} can't be used ({error.strerror or error})", hint) from error
    if altered:
        reason = f"{folder / altered[0]} is missing or not the file that {source.files} lists"
        raise DataError(f"{source.name}: {reason}", f"remove {folder}: the next run downloads it again")
    return folder


def _is_pinned(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _download_alone(source: Source, listing: list[Listed], folder: Path) -> None:
    """Downloads unless another process, of a queue say, has done so meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        if not folder.exists():
            _download(source, listing, folder)


def _download(source: Source, listing: list[Listed], folder: Path) -> None:
    """Fills the folder, which takes its name only when whole."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)  # a killed run leaves it
    try:
        part.mkdir()
        _fill(part, source, {row.file: row.sha256 for row in listing})
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fill(folder: Path, source: Source, missing: dict[str, str]) -> None:
    """Writes the files that `missing`, name to SHA-256, asks for; what then follows in the archive is not read."""
    with closing(_members(source, set(missing))) as members:
        for name, content in members:
            if missing.get(name) == hashlib.sha256(content).hexdigest():
                (folder / name).write_bytes(content)
                del missing[name]
            if not missing:
                return
    reason = f"{source.address} lacks {len(missing)} of the files that {source.files} lists, or has others of that name"
    raise DataError(f"{source.name}: {reason}, {min(missing)} first", "try again later, or use another data.source")


def _members(source: Source, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in the archive that goes by one of the names, in whatever folder."""
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
def _open(source: Source) -> Iterator[tarfile.TarFile]:
    """The archive as it comes in, with a bar on stderr that counts its bytes."""
    with urllib.request.urlopen(source.address, timeout=TIMEOUT) as response:
        size = int(response.headers.get("Content-Length", 0)) or None  # GitHub gives none
        shown = {"desc": source.name, "unit": "B", "mininterval": 1, "dynamic_ncols": True, "file": sys.stderr}
        with (
            tqdm.wrapattr(response, "read", size, **shown) as counted,
            gzip.GzipFile(fileobj=counted) as content,
            tarfile.open(fileobj=content, mode="r|") as archive,
        ):
            yield archive
