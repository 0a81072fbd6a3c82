"""A folder as a secret: packed into a ZIP that holds only names and bytes, and unpacked into a new folder."""

import os
import shutil
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stegnet.core.disk import temporary_folder, unwritable
from stegnet.core.errors import MediaError, reading
from stegnet.core.names import counted, folded, safe_name
from stegnet.core.text import Setting, Text
from stegnet.hiding import FoundSecret
from stegnet.results import OutputTarget, Report

_SUFFIX = ".folder.zip"  # of the hidden file's name: any program for ZIP files opens it, too


# Bounds of an archive that is unpacked, and of one that is packed.
_FILES = 100_000  # with the folders
_TOTAL_BYTES = 1 << 34
_DEPTH = 64  # folders, one in another


def pack(folder: Path, into: Path) -> Path:
    """Pack a folder; the same names and bytes give the same file.

    Raises:
        MediaError: the folder can't be read, or has links, devices, or names that some systems don't allow.
    """
    archive = into / f"{folder.resolve().name or 'folder'}{_SUFFIX}"
    names = set[str]()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packing:
        for path in sorted(_listed(folder)):
            name = unicodedata.normalize("NFC", path.relative_to(folder).as_posix())
            if too_long := _excess_of_path(name):
                raise MediaError(too_long, "move it up, or hide its folder by itself", subject=path)
            if path.is_symlink():
                raise MediaError("is a link", "replace it by what it points to", subject=path)
            if not path.is_dir() and not path.is_file():
                raise MediaError("is a pipe, socket or device", "move it out of the folder", subject=path)
            if not _is_portable(name) or folded(name) in names:
                problem = "some systems don't allow this name, or take it for another's"
                raise MediaError(problem, "rename it", subject=path)
            names.add(folded(name))
            entry = zipfile.ZipInfo(f"{name}/" if path.is_dir() else name)  # dated on ZIP's first day
            entry.compress_type = zipfile.ZIP_DEFLATED
            with packing.open(entry, "w") as packed_file, reading(path):
                if path.is_file():
                    with path.open("rb") as file:
                        shutil.copyfileobj(file, packed_file)
        if amount := _excess(packing.infolist(), _TOTAL_BYTES):
            problem = f"holds {amount}, more than may be unpacked"
            raise MediaError(problem, "hide several smaller folders", subject=folder)
    return archive


def _listed(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield everything in a folder and its subfolders, and of those that are too deep one level."""
    with reading(folder):
        inside = list(folder.iterdir())
    for path in inside:
        yield path
        if depth <= _DEPTH and path.is_dir() and not path.is_symlink():
            yield from _listed(path, depth + 1)


def is_archive(hidden: FoundSecret) -> bool:
    """Return whether a file is a packed folder, by its name."""
    return (hidden.name or "").endswith(_SUFFIX)


def write_folder(hidden: FoundSecret, out: OutputTarget, strict: bool) -> Report:
    """Unpack a hidden folder for its owner only: as `out`, or if that exists, inside it under its own name."""
    own_name = safe_name((hidden.name or "").removesuffix(_SUFFIX))
    target = out.path / own_name if out.path.is_dir() else out.path
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
        folder.mkdir(0o700)
        try:
            for name in sorted(_folders(entries)):  # each after the one that holds it
                (folder / name).mkdir(0o700)
            for entry in entries:
                if not entry.is_dir():
                    unpacked = folder / entry.filename
                    with open(unpacked, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                        file.writelines(_content(packed_files, entry))
        except FileExistsError as error:
            raise _refusal("has the same name for two files") from error
    files = [entry for entry in entries if not entry.is_dir()]
    count = counted(len(files), "file")
    return f"unpacked: {count}, {counted(sum(entry.file_size for entry in files), 'byte')}"


def _folders(entries: list[zipfile.ZipInfo]) -> set[str]:
    """Return all folders of an archive: those that it lists, and those that hold what it lists."""
    folders: set[str] = set()
    for entry in entries:
        name = entry.filename.removesuffix("/") if entry.is_dir() else entry.filename.rpartition("/")[0]
        while name and name not in folders:
            folders.add(name)
            name = name.rpartition("/")[0]
    return folders


def _content(packed_files: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of a packed file in parts. Raises MediaError if they can't be read."""
    chunk_bytes = 1 << 20
    with _refusing_damage():
        left = entry.file_size
        with packed_files.open(entry) as source:
            while part := source.read(chunk_bytes):
                left -= len(part)
                yield part
        if left:
            raise EOFError("a file ends early")


@contextmanager
def _refusing_damage() -> Iterator[None]:
    """Turn zipfile's errors for a damaged archive in the block into a MediaError."""
    checked_by_zipfile = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError)
    from_unchecked_places_and_names = (LookupError, NotImplementedError, OverflowError, RuntimeError, ValueError)
    try:
        yield
    except (*checked_by_zipfile, *from_unchecked_places_and_names) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise _refusal(f"is damaged ({reason})") from error


def _check(entries: list[zipfile.ZipInfo], size: int, free: int) -> None:
    """Refuse entries that no honest sender packs: names that lead elsewhere, links, overlapping files (a ZIP bomb)."""
    for entry in entries:
        if not entry.filename:
            raise _refusal("has a file without a name")
        if too_long := _excess_of_path(entry.filename.removesuffix("/")):
            raise _refusal(f"has a file that {too_long}")
    if amount := _excess(entries, free):
        raise _refusal(f"holds {amount}, more than may be unpacked here")
    if sum(entry.compress_size for entry in entries) > size:
        raise _refusal("is malicious: its files overlap")
    if len({folded(entry.filename.rstrip("/")) for entry in entries}) < len(entries):
        raise _refusal("has the same name for two files")

    compressions = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for gigabytes of memory
    file_types = (0, 4, 8)  # of Unix, in the highest bits: not given, a folder, a regular file; not a link
    for entry in entries:
        if entry.compress_type not in compressions:
            raise _refusal("is compressed by another method than folders are")
        if not _is_portable(entry.filename.removesuffix("/")) or entry.external_attr >> 28 not in file_types:
            raise _refusal(f"is malicious: {entry.filename!r} leads elsewhere")


def _excess(entries: list[zipfile.ZipInfo], free_bytes: int) -> str:
    """Return the number of files and bytes if they are too many to be unpacked; else ""."""
    total = sum(entry.file_size for entry in entries)
    count = sum(not entry.is_dir() for entry in entries) + len(_folders(entries))
    within = count <= _FILES and total <= min(_TOTAL_BYTES, free_bytes)
    return "" if within else f"{count} files and folders of {total} bytes"


def _excess_of_path(name: str) -> str:
    """Return what is wrong with a path in an archive if it is too deep or too long; else ""."""
    path_bytes = 1024  # of UTF-8
    depth = name.count("/")
    if depth > _DEPTH:
        return f"lies {depth} folders deep, and {_DEPTH} are allowed"
    length = len(name.encode("utf-8", "surrogatepass"))
    if length > path_bytes:
        return f"has a path of {length} bytes, and {path_bytes} are allowed"
    return ""


def _is_portable(name: str) -> bool:
    """Return whether a path stays in its folder, and all systems accept each of its names."""
    for part in name.split("/"):
        if part in ("", ".", "..") or safe_name(f"x{part}") != f"x{part}" or safe_name(part) == f"_{part}":
            return False
    return True


def _refusal(why: str) -> MediaError:
    archive = Setting("to", f"NAME{_SUFFIX}")
    return MediaError(f"the hidden folder {why}", Text(archive, " writes the archive without unpacking it"))
