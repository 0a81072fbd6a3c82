"""Key files: text that says what it is, readable by its owner only (docs/format.md, "Keys as text").

As in `keys`, no frame of an error's traceback has a secret among its local variables.
"""

import errno
import os
from pathlib import Path
from typing import BinaryIO

from stegnet.codec.keys import SYSTEM, Key, Randomness, export_secret
from stegnet.codec.keytext import KEY, KEY_BYTES, MOST_BYTES, Flaw, from_text, is_raw_key, to_text
from stegnet.core.errors import KeyFileError
from stegnet.media.output import sync_folder

_KEY_COMMENT = "# stegnet key: whoever has it can reveal what it hides"


def make_key_file(path: str | Path, randomness: Randomness = SYSTEM) -> None:
    """Writes a new key file, readable by its owner only.

    Raises:
        KeyFileError: it exists already, or can't be written.
    """
    write_new(Path(path), f"{_KEY_COMMENT}\n{to_text(KEY, randomness(KEY_BYTES))}\n".encode())


def read_key(path: str | Path) -> Key:
    """Reads a key file: text, or the 32 raw bytes that earlier versions wrote.

    Raises:
        KeyFileError: no such file, or not a key file.
    """
    key = _key_of(_content(Path(path)))
    if isinstance(key, Flaw):
        raise KeyFileError(f"{path}: {key.message}", key.hint)
    return key


def key_text(key: Key) -> str:
    """A key as the text of its key file; whoever sees it has the key."""
    return to_text(KEY, export_secret(key)[1:])


def write_new(path: Path, content: bytes) -> None:
    """Writes a new file, readable by its owner only; a failure leaves none.

    Raises:
        KeyFileError: it exists already, or can't be written.
    """
    try:
        with open(path, "xb", buffering=0, opener=_owner_only) as file:
            _write_or_remove(file, path, content)
        sync_folder(path.parent)
    except FileExistsError:
        problem = "exists already", "a lost key can't be made again: choose another name"
    except OSError as error:
        problem = f"can't be written ({error.strerror})", ""
    else:
        return
    del content
    raise KeyFileError(f"{path}: {problem[0]}", problem[1])


def _content(path: Path) -> bytes:
    """The content of a file, cut after what a key file may have."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise KeyFileError(f"{path}: no such key file") from error
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read ({error.strerror})") from error


def _key_of(content: bytes) -> Key | Flaw:
    secret = content if is_raw_key(content) else from_text(content, KEY)
    return secret if isinstance(secret, Flaw) else Key(secret)


def _write_or_remove(file: BinaryIO, path: Path, content: bytes) -> None:
    try:
        if file.write(content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
