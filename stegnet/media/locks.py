"""Locks on files and folders that are being written, so that a run tells those of others from what killed runs left.

Windows refuses to remove or rename a file as long as it is open: there, the open file itself is the lock.
"""

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None

_LOCK = "lock"  # the file in a folder
_ABANDONED = 3600.0  # seconds without a change, where there are no locks
_UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}  # by a file system


def create_locked(path: Path, mode: int) -> FileIO | None:
    """Creates a file and locks it; returns it open, or None if another run took it for stale before it was locked.

    Raises:
        OSError: it can't be created.
    """
    file = FileIO(path, "x+", opener=lambda name, flags: os.open(name, flags, mode))
    if _lock(file) and path.exists():  # some file systems, such as phones', count no links
        return file
    file.close()
    return None


@contextmanager
def locked_folder(prefix: str, parent: Path) -> Iterator[Path]:
    """A new folder that only its owner can read, which is removed after the block with all that is in it.

    Those of this prefix that killed runs left beside it are removed first.

    Raises:
        OSError: it can't be created.
    """
    lock = None
    while lock is None:  # another run may take it for abandoned before it is locked, and remove it
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = create_locked(folder / _LOCK, 0o600)
            if lock is not None:
                _remove_abandoned(prefix, folder)
                yield folder
        finally:
            if lock is not None:
                allow_moving(lock)
                lock.close()
            shutil.rmtree(folder, ignore_errors=True)


def sync_file(file: FileIO) -> None:
    """Flushes a file to disk, where the file system can; network folders may not.

    Raises:
        OSError: it can't be written.
    """
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def allow_moving(file: FileIO) -> None:
    """Lets a file be renamed or removed; where that needs no closing, its lock stays."""
    if fcntl is None:
        file.close()


def remove_if_stale(path: Path) -> None:
    """Removes a file that no process has locked.

    Raises:
        OSError: it is locked, or can't be removed.
    """
    if fcntl is None:
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > _ABANDONED:
            path.unlink()
        return
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            path.unlink()
    finally:
        os.close(descriptor)


def _remove_abandoned(prefix: str, own: Path) -> None:
    """Removes the folders of a prefix beside the own one that no process has locked.

    Other users may put what they want into a folder that they share: a link, or a folder of theirs, is left.
    """
    user = own.stat().st_uid
    for folder in own.parent.glob(f"{prefix}*"):
        with suppress(OSError):
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == user:
                remove_if_stale(folder / _LOCK)  # raises an error if it is locked, or there is none
                shutil.rmtree(folder)


def _lock(file: FileIO) -> bool:
    """True if the file is locked now, or the file system has no locks, so that no later run can lock it either."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno in _UNSUPPORTED
    return True
