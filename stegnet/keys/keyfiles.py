"""Key files: text that says what it is, readable by its owner only (docs/format.md, "Keys as text").

As in `keys`, no frame of an error's traceback has a secret among its local variables.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from stegnet.core.disk import local_path, sync_file, sync_folder
from stegnet.core.errors import KeyFileError
from stegnet.core.text import CommandLine, Text
from stegnet.keys.keytext import (
    IDENTITY,
    IDENTITY_COMMENT,
    KEY,
    KEY_BYTES,
    KEY_COMMENT,
    MOST_BYTES,
    NO_PASSPHRASE,
    ONE_LINE,
    RECIPIENT,
    Flaw,
    from_text,
    is_raw_key,
    to_text,
)
from stegnet.keys.sources import SYSTEM, Identity, Key, Passphrase, Randomness, Recipient, export_secret

Secret = TypeVar("Secret", Key, Identity, bytes)


def make_key_file(path: str | Path, randomness: Randomness = SYSTEM) -> None:
    """Write a new key file, readable by its owner only.

    Raises:
        KeyFileError: the file already exists, or can't be written.
    """
    write_new(local_path(path, KeyFileError), f"{KEY_COMMENT}\n{to_text(KEY, randomness(KEY_BYTES))}\n".encode())


def make_identity_file(path: str | Path, randomness: Randomness = SYSTEM) -> Recipient:
    """Write a new identity file, readable by its owner only; return its recipient.

    Raises the errors of `make_key_file`.
    """
    path = local_path(path, KeyFileError)
    identity = Identity(randomness(KEY_BYTES))
    comments = f"{IDENTITY_COMMENT}\n# recipient: {identity.recipient}\n"
    write_new(path, f"{comments}{to_text(IDENTITY, export_secret(identity)[1:])}\n".encode())
    return identity.recipient


def read_key(path: str | Path) -> Key:
    """Read a key file: text, or the 32 raw bytes that earlier versions wrote.

    Raises:
        KeyFileError: the file is missing, or not a key file.
    """
    return _checked(path, _key_of(_content(path)))


def read_identity(path: str | Path) -> Identity:
    """Read an identity file.

    Raises:
        KeyFileError: the file is missing, or not an identity file.
    """
    return _checked(path, _identity_of(_content(path, "identity file")))


def read_recipient(text: str | Path) -> Recipient:
    """Read a recipient: its text (stegnet1…), or a file that holds the text.

    Raises:
        KeyFileError: it is neither, or nothing can be hidden for it.
    """
    literal = str(text).lower().startswith(f"{RECIPIENT}1")
    content = str(text).encode(errors="replace") if literal else _content(text, "file, and no recipient")
    public = from_text(content, RECIPIENT)
    del content
    return Recipient(_checked("the recipient" if literal else text, public))


def passphrase_in(content: bytes, file: str | Path = "") -> Passphrase:
    """Return the passphrase that a file holds alone, or what was read of one.

    Raises:
        KeyFileError: it is no passphrase; the error names the file, and never quotes it.
    """
    texts = []  # emptied below: no traceback may show the passphrase
    with suppress(UnicodeDecodeError):
        texts.append(content.decode("utf-8-sig"))
    is_key = is_raw_key(content)
    del content
    if is_key:
        raise KeyFileError(
            f"this is a key, {NO_PASSPHRASE}",
            Text("use it as a key file", CommandLine(f"--key-file {file or 'KEY'}", "")),
            subject=file,
        )
    if not texts:
        raise KeyFileError(f"this is no UTF-8 text, {NO_PASSPHRASE}", ONE_LINE, subject=file)
    return Passphrase(texts.pop(), file)


def shown_text(path: str | Path) -> str:
    """Return the text that hands a file over: a key, or an identity's recipient, which is no secret.

    Raises the errors of `read_key`.
    """
    content = _content(path)  # read once: a pipe can't be read again
    if isinstance(identity := _identity_of(content), Identity):
        return str(identity.recipient)
    key = _key_of(content)
    del content
    return to_text(KEY, export_secret(_checked(path, key))[1:])


def write_new(path: Path, content: bytes) -> None:
    """Write a new file, readable by its owner only, or no file if it fails. Raises the errors of `make_key_file`."""
    try:
        with open(path, "xb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            try:
                if file.write(content) != len(content):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                sync_file(file)
            except BaseException:
                path.unlink()
                raise
        sync_folder(path.parent)
    except FileExistsError:
        problem = "already exists"
        hint = "a lost key can't be made again: choose another name"
    except OSError as error:
        problem = f"can't be written ({error.strerror})"
        hint = ""
    else:
        return
    del content
    raise KeyFileError(f"{problem}", hint, subject=path)


def _content(given: str | Path, what: str = "key file") -> bytes:
    """Return the content of a file, cut after the longest possible key file."""
    path = local_path(given, KeyFileError)
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise KeyFileError(f"no such {what}", subject=path) from error
    except OSError as error:
        raise KeyFileError(f"can't be read ({error.strerror})", subject=path) from error


def _checked(name: str | Path, result: Secret | Flaw) -> Secret:
    """Return the result, or raise a KeyFileError if it is a flaw."""
    if isinstance(result, Flaw):
        raise KeyFileError(f"{result.message}", result.hint, subject=name)
    return result


def _key_of(content: bytes) -> Key | Flaw:
    secret = content if is_raw_key(content) else from_text(content, KEY)
    return secret if isinstance(secret, Flaw) else Key(secret)


def _identity_of(content: bytes) -> Identity | Flaw:
    secret = from_text(content, IDENTITY)
    return secret if isinstance(secret, Flaw) else Identity(secret)
