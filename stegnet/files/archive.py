"""A folder as a secret: packed into a ZIP that holds only names and bytes, and unpacked into a new folder."""

import os
import shutil
import struct
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stegnet.core.disk import temporary_folder, unwritable
from stegnet.core.errors import MediaError, reading
from stegnet.core.names import counted, folded, safe_name
from stegnet.core.text import Setting, Text
from stegnet.methods import FoundSecret
from stegnet.results import OutputTarget, Report

_SUFFIX = ".folder.zip"  # of the hidden file's name: any program for ZIP files opens it, too
_FILE_TYPES = (0, 4, 8)  # of Unix, in the highest bits: none, a folder, a regular file; not a link
_PRIVATE = 0o700  # mode of folders
_MOST_FILES, _MOST_BYTES = 100_000, 1 << 34  # unpacked
_COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others may ask for gigabytes of memory
_CHUNK = 1 << 20  # bytes that are unpacked at a time
# Errors of zipfile for damaged archives: from its own checks, and from places and names that it doesn't check.
_UNREADABLE = (
    *(zipfile.BadZipFile, zipfile.zlib.error, struct.error, OSError, EOFError),
    *(LookupError, NotImplementedError, OverflowError, RuntimeError, ValueError),
)


def pack(folder: Path, into: Path) -> Path:
    """Pack a folder; the same names and bytes give the same file.

    Raises:
        MediaError: the folder can't be read, or has links, devices, or names that some systems don't allow.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "no such folder"
        raise MediaError(what, "name a folder to pack" if folder.exists() else "", subject=folder)
    archive, names = into / f"{folder.resolve().name or 'folder'}{_SUFFIX}", set[str]()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packing:
        for path in sorted(_listed(folder)):
            name = unicodedata.normalize("NFC", path.relative_to(folder).as_posix())
            if path.is_symlink():
                raise MediaError("is a link", "replace it by what it points to", subject=path)
            if not path.is_dir() and not path.is_file():
                raise MediaError("is a pipe, socket or device", "move it out of the folder", subject=path)
            if not _is_portable(name) or folded(name) in names:
                raise MediaError(
                    "some systems don't allow this name, or take it for another's", "rename it", subject=path
                )
            names.add(folded(name))
            entry = zipfile.ZipInfo(f"{name}/" if path.is_dir() else name)  # dated on ZIP's first day
            entry.compress_type = zipfile.ZIP_DEFLATED
            with packing.open(entry, "w") as packed_file, reading(path):
                if path.is_file():
                    with path.open("rb") as file:
                        shutil.copyfileobj(file, packed_file)
        if amount := _excess(packing.infolist()):
            raise MediaError(
                f"holds {amount}, more than may be unpacked", "hide several smaller folders", subject=folder
            )
    return archive


def _listed(folder: Path) -> Iterator[Path]:
    """Yield everything in a folder and its subfolders."""
    with reading(folder):
        inside = list(folder.iterdir())
    for path in inside:
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _listed(path)


def is_unpacked(hidden: FoundSecret, out: OutputTarget) -> bool:
    """Return whether a folder is hidden and is to be unpacked: the result is a folder, or has no suffix."""
    return is_archive(hidden) and out.named and (out.folder or out.path.is_dir() or not out.path.suffix)


def is_archive(hidden: FoundSecret) -> bool:
    """Return whether a file is a packed folder, by its name."""
    return (hidden.name or "").endswith(_SUFFIX)


def write_folder(hidden: FoundSecret, out: OutputTarget, strict: bool) -> Report:
    """Unpack a hidden folder for its owner only: as `out`, or if that exists, inside it under its own name."""
    own = safe_name((hidden.name or "").removesuffix(_SUFFIX))
    target = out.path / own if out.path.is_dir() else out.path
    replaced = out.force and target.is_file()
    if os.path.lexists(target) and not replaced:
        raise MediaError("already exists", "choose another output name", subject=target)
    if not target.parent.is_dir():
        raise MediaError("no such folder", "create it first", subject=target.parent)
    with temporary_folder() as folder, temporary_folder(f".{target.name}-", target.parent) as unpacked:
        archive = folder / "archive.zip"
        report = hidden.write(OutputTarget(archive, inputs=out.inputs), strict)
        try:
            note = _unpack(archive, unpacked / "new")
            if replaced:
                target.unlink()
            (unpacked / "new").rename(target)
        except OSError as error:
            raise unwritable(target, error) from error
    return Report(notes=(*report.notes, note), trouble=report.trouble, name=report.name, size=report.size, path=target)


def _unpack(archive: Path, folder: Path) -> str:
    """Unpack into a new folder, which names in the archive can't leave; return a note on its content.

    Raises:
        MediaError: the archive is damaged or malicious.
        OSError: a file can't be written.
    """
    with _refusing_damage():
        packed_files = zipfile.ZipFile(archive)
    with packed_files:
        entries = packed_files.infolist()
        _check(entries, archive.stat().st_size, shutil.disk_usage(folder.parent).free)
        folder.mkdir(_PRIVATE)
        try:
            for entry in entries:
                _unpack_entry(packed_files, entry, folder)
        except FileExistsError as error:
            raise _refusal("has the same name for two files") from error
    files = [entry for entry in entries if not entry.is_dir()]
    count = counted(len(files), "file")
    return f"unpacked: {count}, {counted(sum(entry.file_size for entry in files), 'byte')}"


def _unpack_entry(packed_files: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    path = folder / entry.filename
    for parent in reversed(Path(entry.filename).parents):
        (folder / parent).mkdir(_PRIVATE, exist_ok=True)
    if entry.is_dir():
        path.mkdir(_PRIVATE, exist_ok=True)
        return
    with open(path, "xb", opener=_private) as file:
        file.writelines(_content(packed_files, entry))


def _content(packed_files: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of a packed file in parts. Raises MediaError if they can't be read."""
    with _refusing_damage():
        left = entry.file_size
        with packed_files.open(entry) as source:
            while part := source.read(_CHUNK):
                left -= len(part)
                yield part
        if left:
            raise EOFError("a file ends early")


@contextmanager
def _refusing_damage() -> Iterator[None]:
    """Turn zipfile's errors for a damaged archive in the block into a MediaError."""
    try:
        yield
    except _UNREADABLE as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise _refusal(f"is damaged ({reason})") from error


def _check(entries: list[zipfile.ZipInfo], size: int, free: int) -> None:
    """Refuse entries that no honest sender packs: names that lead elsewhere, links, overlapping files (a ZIP bomb)."""
    if amount := _excess(entries, free):
        raise _refusal(f"holds {amount}, more than may be unpacked here")
    if sum(entry.compress_size for entry in entries) > size:
        raise _refusal("is malicious: its files overlap")
    if len({folded(entry.filename.rstrip("/")) for entry in entries}) < len(entries):
        raise _refusal("has the same name for two files")
    for entry in entries:
        if entry.compress_type not in _COMPRESSIONS:
            raise _refusal("is compressed by another method than folders are")
        if not _is_portable(entry.filename.removesuffix("/")) or entry.external_attr >> 28 not in _FILE_TYPES:
            raise _refusal(f"is malicious: {entry.filename!r} leads elsewhere")


def _excess(entries: list[zipfile.ZipInfo], most: int = _MOST_BYTES) -> str:
    """Return the number of files and bytes if they are too many to be unpacked; else ""."""
    total = sum(entry.file_size for entry in entries)
    within = len(entries) <= _MOST_FILES and total <= min(_MOST_BYTES, most)
    return "" if within else f"{len(entries)} files of {total} bytes"


def _is_portable(name: str) -> bool:
    """Return whether a path stays in its folder, and all systems accept each of its names."""
    for part in name.split("/"):
        if part in ("", ".", "..") or safe_name(f"x{part}") != f"x{part}" or safe_name(part) == f"_{part}":
            return False
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _refusal(why: str) -> MediaError:
    archive = Setting("to", f"NAME{_SUFFIX}")
    return MediaError(f"the hidden folder {why}", Text(archive, " writes the archive without unpacking it"))
