"""Temporary folders, what is flushed to disk, and the errors of disks that have no room."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from stegnet.core.errors import DiskError, MediaError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}  # of a disk or file that takes no more
UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}  # by a file system
_HINT = "set TMPDIR to a folder that can be written and has more room"


@contextmanager
def temporary_folder(prefix: str = "stegnet-", parent: Path | None = None) -> Iterator[Path]:
    """Yields a new folder that only its owner can open, and removes it after the block.

    It is in the parent, or in the system's folder for temporary files. A DiskError names that, if the folder can't be
    created, or a file in it not be written.
    """
    try:
        created = TemporaryDirectory(prefix=prefix, dir=parent)
    except OSError as error:
        where = "" if error.filename is None else f"{Path(error.filename).parent}: "
        raise DiskError(f"{where}no temporary folder can be created ({error.strerror})", _HINT) from error
    with created as name:
        folder = Path(name)
        try:
            yield folder
        except (OSError, MediaError) as error:
            cause = error
            while isinstance(cause, MediaError):
                cause = cause.__cause__
            # Writing into an open file fails without its name; what is written elsewhere says its own in a MediaError.
            own = getattr(cause, "filename", None) or (name if cause is error else "")
            if getattr(cause, "errno", None) not in FULL or name not in f"{error} {own}":
                raise
            what = f"{folder.parent}: temporary files can't be written ({cause.strerror})"
            raise DiskError(what, _HINT) from error


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turns the error of a disk that takes no more into a DiskError, for work that can go on from what is written."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = f"{error.filename}: " if error.filename else "a file "
        hint = "make room on the disks of this folder and of TMPDIR, and run the same command again"
        raise DiskError(f"{where}can't be written ({error.strerror})", hint) from error


def sync_file(file: IO[bytes]) -> None:
    """Flushes a file to disk, where the file system can; network folders may not. Raises an OSError."""
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


def sync_folder(folder: Path) -> None:
    """Flushes a folder to disk, so that a rename is durable; errors are ignored, as the file itself is safe."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
