"""Files on disk: temporary folders, files that are written whole or not at all, and errors of full disks.

A file is written under a temporary name (`.{name}.{12 hexadecimal digits}.part`) and renamed when complete, so that
interrupted runs leave no partial output. What a killed run leaves is removed by a later one: a file after a week
without a change, a folder, which may hold what was secret, at once. So a folder is locked while it is in use.
"""

import errno
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO

from stegnet.core.errors import DiskError, MediaError, StegnetError, called
from stegnet.core.text import Setting, Text

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    _CAN_LOCK = False
else:
    _CAN_LOCK = True

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}  # errors of a disk or file that takes no more data
_UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}  # by a file system
_PRIVATE = 0o600  # mode of a file for its owner only


def local_path(given: str | os.PathLike[str], kind: type[StegnetError] = MediaError) -> Path:
    """Return a path as users give it. Raises an error of the given kind if no file can have this name."""
    path = Path(given)
    reason = None
    try:
        path.lstat()
    except OSError as error:
        reason = error.strerror if error.errno == errno.ENAMETOOLONG else None
    except ValueError as error:
        reason = "half of a surrogate pair" if isinstance(error, UnicodeEncodeError) else "a zero byte"
    if reason:
        raise kind(f"no file can have this name ({reason})", "name another file", subject=path)
    return path


@contextmanager
def temporary_folder(prefix: str = "stegnet-", parent: Path | None = None) -> Iterator[Path]:
    """Yield a new folder that only its owner can open, and remove it after the block.

    It is in the parent, or in the system's folder for temporary files.

    Raises:
        DiskError: the folder can't be created, or a file in it can't be written; the error names the parent.
    """
    import tempfile  # with what it imports, a tenth of `stegnet --help`

    hint = "set TMPDIR to a folder that can be written and has more space"
    try:
        created = tempfile.TemporaryDirectory(prefix=prefix, dir=parent)
    except OSError as error:
        where = "" if error.filename is None else Path(error.filename).parent
        raise DiskError(f"no temporary folder can be created ({error.strerror})", hint, subject=where) from error

    with created as name:
        folder = Path(name)
        try:
            yield folder
        except (OSError, MediaError) as error:
            cause: BaseException | None = error
            while isinstance(cause, MediaError):
                cause = cause.__cause__
            if not isinstance(cause, OSError) or cause.errno not in FULL:
                raise

            # An error of writing into an open file has no file name; errors of other files carry theirs in a
            # MediaError.
            written = cause.filename or (name if cause is error else "")
            if name not in f"{getattr(error, 'subject', '')} {written}":
                raise
            what = f"temporary files can't be written ({cause.strerror})"
            raise DiskError(what, hint, subject=folder.parent) from error


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn errors of a full disk into a DiskError, for work that can resume from the data already written."""
    try:
        yield
    except (OSError, MediaError) as error:
        cause = error.__cause__ if isinstance(error, MediaError) else error
        if not isinstance(cause, OSError) or cause.errno not in FULL:
            raise
        file = error.subject if isinstance(error, MediaError) else error.filename
        what = f"{'' if file else 'a file '}can't be written ({cause.strerror})"
        hint = "free space on the disks of this folder and of TMPDIR, and run the same command again"
        raise DiskError(what, hint, subject=file or "") from error


def unwritable(path: object, error: OSError) -> MediaError:
    """Return the error for a file that can't be written."""
    hint = "free space on its disk, or write to another" if error.errno in FULL else ""
    return MediaError(f"can't be written ({error.strerror or error})", hint, subject=path)


def sync_file(file: IO[bytes]) -> None:
    """Flush a file to disk if the file system supports it; network folders may not. Raises OSError if that fails."""
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def sync_folder(folder: Path) -> None:
    """Flush a folder to disk, so that a rename is durable; ignore errors, as the file itself is safe."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _create_locked(path: Path) -> FileIO | None:
    """Create a file and lock it; return it open, or None if another run removed it as stale before it was locked."""
    file = FileIO(path, "x+", opener=lambda name, flags: os.open(name, flags, _PRIVATE))
    try:
        if _CAN_LOCK:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked = True
    except OSError as error:  # without locks, no later run can lock it either
        locked = error.errno in _UNSUPPORTED
    if locked and path.exists():  # look up its path, since st_nlink is wrong on some file systems, as of phones
        return file
    file.close()
    return None


@contextmanager
def locked_folder(prefix: str, parent: Path) -> Iterator[Path]:
    """Yield a new folder that only its owner can read, and remove it with its content after the block.

    Folders with this prefix that killed runs left beside it are removed first.
    """
    import tempfile

    lock = None
    while lock is None:  # another run may take it for abandoned before it is locked, and remove it
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = _create_locked(folder / "lock")
            if lock is not None:
                _remove_abandoned(prefix, folder)
                yield folder
        finally:
            if lock is not None:
                lock.close()
            shutil.rmtree(folder, ignore_errors=True)


def _remove_if_stale(path: Path) -> None:
    """Remove the lock of a folder that no process has locked. Raises OSError if it is locked or can't be removed."""
    if not _CAN_LOCK:
        abandoned_after = 3600.0  # seconds without a change
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > abandoned_after:
            path.unlink()
        return
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            path.unlink()
    finally:
        os.close(descriptor)


def _remove_abandoned(prefix: str, folder_of_run: Path) -> None:
    """Remove the folders with a prefix beside this run's folder that no process has locked.

    Other users may put anything into a shared folder: links and folders of other users are left alone.
    """
    user = folder_of_run.stat().st_uid
    for folder in folder_of_run.parent.glob(f"{prefix}*"):
        with suppress(OSError):
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == user:
                _remove_if_stale(folder / "lock")  # raises an error if the lock is held or missing
                shutil.rmtree(folder)


@contextmanager
def atomic_write(path: Path, *, overwrite: bool = True, private: bool = False) -> Iterator[Path]:
    """Write a file atomically: yield a temporary file in the same folder, and rename it to `path` at the end.

    Those that killed runs left in the same folder more than a week ago are removed first. It is flushed to disk before
    it is renamed. If the block fails or is interrupted, the temporary file is removed and `path` stays as it was.

    Args:
        path: the file to write.
        overwrite: replace an existing file. If false, an existing file is an error, both at the start and at the end:
            of two runs that write to the same path, the second to finish fails.
        private: make the file readable by its owner only, even if it replaces a public one.

    Raises:
        MediaError: the folder is missing or not writable, or `path` is a folder or must not be overwritten.
    """
    if not overwrite and os.path.lexists(path):
        raise already_exists(path)
    mode = _PRIVATE if private else 0o666  # before the umask
    with _part(path, mode) as part:
        yield part
        with part.open("r+b") as file:
            sync_file(file)
        move_whole(part, path, overwrite=overwrite)


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path` for its owner only, like `atomic_write`, and remove it after the block."""
    with _part(path, _PRIVATE) as part:
        yield part


def move_whole(part: Path, path: Path, *, overwrite: bool) -> None:
    """Move a complete file to its name in the same file system; arguments and errors are those of `atomic_write`."""
    if overwrite:
        os.replace(part, path)
    else:
        _move_to_free_name(part, path)
    sync_folder(path.parent)


def already_exists(path: object) -> MediaError:
    """Return the error for a file that must not be overwritten."""
    return MediaError("already exists", Text(Setting("overwrite", True), " overwrites it"), subject=path)


def _move_to_free_name(part: Path, path: Path) -> None:
    """Move the part to `path` by a hard link: a rename would replace a file that has appeared there meanwhile."""
    try:
        os.link(part, path)
        return
    except FileExistsError as error:
        raise already_exists(path) from error
    except OSError:  # without hard links, reserve the name with an empty file, which the part then replaces
        pass
    try:
        open(path, "xb", opener=lambda name, flags: os.open(name, flags, _PRIVATE)).close()
    except FileExistsError as error:
        raise already_exists(path) from error
    try:
        os.replace(part, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _part(path: Path, mode: int) -> Iterator[Path]:
    """Yield a new temporary file beside `path`; remove it afterwards if it still exists."""
    _check(path)
    _remove_stale(path.parent)
    part = path.with_name(_part_name(path.name))
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode))
        with called(path, part):  # the user does not know the temporary name
            yield part
    except OSError as error:
        raise unwritable(path, error) from error
    finally:  # also after an interrupt during its creation
        with suppress(OSError):  # on a read-only file system
            part.unlink()


def _check(path: Path) -> None:
    """Fail early if the final rename would fail, or would replace a device."""
    try:
        kind = path.stat().st_mode
    except FileNotFoundError as error:
        if not path.parent.is_dir():
            raise MediaError("no such folder", "create it first", subject=path.parent) from error
        return
    except OSError as error:
        raise unwritable(path, error) from error
    if stat.S_ISDIR(kind):
        raise MediaError("is a folder", "name the file to write", subject=path)
    if not stat.S_ISREG(kind):
        raise MediaError("is not a file that can be replaced", "name another file to write", subject=path)


def _part_name(name: str) -> str:
    """Return the temporary name of a file, shortened to the 255 bytes that all common file systems take."""
    longest = 255
    ending = f".{os.urandom(6).hex()}.part"
    start = os.fsencode(name)[: longest - 1 - len(ending)]
    # Drop a character that was cut in two, but keep names that are not UTF-8.
    whole = start if len(start) == len(os.fsencode(name)) else start.decode(errors="ignore").encode()
    return f".{os.fsdecode(whole)}{ending}"


def _remove_stale(folder: Path) -> None:
    """Remove temporary files that no run has written to for so long that it must have been killed."""
    temporary_name = re.compile(r"\..+\.[0-9a-f]{12}\.part", re.DOTALL)
    stale_after = 7 * 86400.0  # seconds
    with suppress(PermissionError):
        with os.scandir(folder) as entries:
            parts = [entry.path for entry in entries if temporary_name.fullmatch(entry.name)]
        for part in map(Path, parts):
            with suppress(OSError):
                status = part.lstat()
                if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > stale_after:
                    part.unlink()
