"""Files that are either whole or not there."""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stegnet.core.errors import MediaError

_SUFFIX = ".part"
_PART = re.compile(r"\..+\.[0-9a-f]{12}\.part", re.DOTALL)
_LONGEST_NAME = 255  # bytes, on every file system that is in wide use
_PUBLIC, _PRIVATE = 0o666, 0o600  # modes, before the umask


@contextmanager
def whole_file(path: Path, *, overwrite: bool = True, private: bool = False) -> Iterator[Path]:
    """Gives a new empty file beside `path` to write to, and moves it to `path` when the block is done.

    The new file is named `.{name}.{12 hexadecimal digits}.part`, the name cut where that is too long, and it is
    locked while it is being written: what an earlier run was killed over, in the same folder, is removed first.
    It is on the disk before it is moved. Whatever ends the block early, an interrupt too, removes the new file
    and leaves what stood at `path`.

    Args:
        overwrite: replace what stands at `path`. If not, that is an error, at the beginning and at the end: of two
            runs that write to one place, the second to be done fails.
        private: only its owner can read the file, whatever stood at `path`.
    Raises:
        MediaError: the folder does not exist or can't be written to, `path` is a folder, or it must not be overwritten.
    """
    if not overwrite and os.path.lexists(path):
        raise exists_already(path)
    with _part(path, _PRIVATE if private else _PUBLIC) as (part, lock):
        yield part
        os.fsync(lock)
        if overwrite:
            os.replace(part, path)
        else:
            _move_to_free_name(part, path)
        sync_folder(path.parent)


@contextmanager
def draft_file(path: Path) -> Iterator[Path]:
    """Gives a new empty file beside `path`, named and locked as `whole_file` does it, for the time of the block.

    Raises:
        MediaError: as `whole_file`.
    """
    with _part(path, _PUBLIC) as (part, _):
        yield part


def exists_already(path: Path) -> MediaError:
    """The error of a run that would overwrite a file unasked."""
    return MediaError(f"{path}: exists already", "`--force` overwrites it")


def sync_folder(folder: Path) -> None:
    """Makes a new name last. The file itself is safe: that a folder can't be opened or synced is no error."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _move_to_free_name(part: Path, path: Path) -> None:
    """Moves the part to `path`, unless something has come there since the beginning.

    A rename would replace it; a hard link does not.
    """
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise exists_already(path) from error
    except OSError:  # the file system may have no hard links
        _take_free_name(part, path)


def _take_free_name(part: Path, path: Path) -> None:
    """The same by an empty file, which only one run can create; the part then replaces it."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE))
    except FileExistsError as error:
        raise exists_already(path) from error
    try:
        os.replace(part, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _part(path: Path, mode: int) -> Iterator[tuple[Path, int]]:
    """A part, and the descriptor that holds its lock; what is left of it at the end of the block is removed."""
    _check(path)
    _remove_stale(path.parent)
    part, lock = _create(path, mode)
    try:
        yield part, lock
    except OSError as error:
        raise _unwritable(path, error) from error
    except MediaError as error:
        # The user asked for `path`, and has never heard of the part.
        raise MediaError(str(error).replace(str(part), str(path)), error.hint) from error
    finally:
        part.unlink(missing_ok=True)
        os.close(lock)


def _check(path: Path) -> None:
    """Finds out at once what would go wrong at the end. A device must not be replaced by a file."""
    try:
        kind = path.stat().st_mode
    except FileNotFoundError as error:
        if not path.parent.is_dir():
            raise MediaError(f"{path.parent}: no such folder") from error
        return
    except OSError as error:
        raise _unwritable(path, error) from error
    if stat.S_ISDIR(kind):
        raise MediaError(f"{path}: is a folder", "name the file to write")
    if not stat.S_ISREG(kind):
        raise MediaError(f"{path}: is not a file that can be replaced", "name another file to write")


def _create(path: Path, mode: int) -> tuple[Path, int]:
    """The part, and the descriptor that holds its lock."""
    while True:
        part = path.with_name(_part_name(path.name))
        try:
            lock = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except OSError as error:
            raise _unwritable(path, error) from error
        # Between the two calls another run may have taken it for a dead one's.
        if _lock(lock) and os.fstat(lock).st_nlink:
            return part, lock
        os.close(lock)


def _part_name(name: str) -> str:
    ending = f".{secrets.token_hex(6)}{_SUFFIX}"
    start = os.fsencode(name)[: _LONGEST_NAME - 1 - len(ending)]
    # A character cut in two is left out; bytes that never were UTF-8 stay.
    whole = start if len(start) == len(os.fsencode(name)) else start.decode(errors="ignore").encode()
    return f".{os.fsdecode(whole)}{ending}"


def _remove_stale(folder: Path) -> None:
    """Removes the parts that nobody is writing; what can't be opened belongs to somebody else."""
    with suppress(PermissionError):
        for part in folder.iterdir():
            if _PART.fullmatch(part.name):
                with suppress(OSError):
                    _remove_if_stale(part)


def _remove_if_stale(part: Path) -> None:
    lock = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISREG(os.fstat(lock).st_mode):
            part.unlink()
    finally:
        os.close(lock)


def _lock(descriptor: int) -> bool:
    """Whether the file is ours now. Where a file system knows no locks, no later run can take one either."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno in {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
    return True


def _unwritable(path: Path, error: OSError) -> MediaError:
    return MediaError(f"{path}: can't be written ({error.strerror or error})")
