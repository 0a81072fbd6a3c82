"""Locks on files that are being written, so that a run tells those of other runs from what killed runs left.

Windows refuses to remove or rename a file as long as it is open: there, the open file itself is the lock.
"""

import errno
import os
import stat
import time
from io import FileIO
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None

_ABANDONED = 3600.0  # seconds without a change, where there are no locks


def create_locked(path: Path, mode: int) -> FileIO | None:
    """Creates a file and locks it; returns it open, or None if another run took it for stale before it was locked.

    Raises:
        OSError: it can't be created.
    """
    file = FileIO(path, "x+", opener=lambda name, flags: os.open(name, flags, mode))
    if _lock(file) and os.fstat(file.fileno()).st_nlink:
        return file
    file.close()
    return None


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


def _lock(file: FileIO) -> bool:
    """True if the file is locked now, or the file system has no locks, so that no later run can lock it either."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno in {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
    return True
