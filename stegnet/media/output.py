"""Files that are either whole or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stegnet.errors import MediaError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a new empty file beside `path` to write to, and moves it to `path` when the block is done.

    Whatever ends the block early, an interrupt too, removes the new file and leaves what stood at `path`.

    Raises:
        MediaError: the folder does not exist or can't be written to, or `path` is a folder.
    """
    part = path.with_name(f".{secrets.token_hex(6)}{path.suffix}")
    _create(path, part)
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise MediaError(f"{path}: can't be written ({error.strerror or error})") from error
    finally:
        part.unlink(missing_ok=True)


def _create(path: Path, part: Path) -> None:
    if path.is_dir():
        raise MediaError(f"{path}: is a folder", "name the file to write")
    try:
        part.open("xb").close()
    except FileNotFoundError as error:
        raise MediaError(f"{path.parent}: no such folder") from error
    except OSError as error:
        raise MediaError(f"{path}: can't be written ({error.strerror})") from error
