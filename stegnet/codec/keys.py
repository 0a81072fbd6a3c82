"""Key files, and the subkeys drawn from them: HKDF-SHA256 (RFC 5869), one info string for each purpose."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stegnet.errors import KeyFileError

KEY_BYTES = 32
FILM_ID_BYTES = 16

# Gives n random bytes. Tests and demonstrations put a seeded source in the place of the system's.
Randomness = Callable[[int], bytes]
SYSTEM: Randomness = os.urandom


class Key:
    """A secret key; neither str() nor repr() shows it.

    Args:
        secret: 32 random bytes.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._secret = secret

    def record(self) -> bytes:
        """The 32-byte key that seals headers."""
        return self._derive(b"stegnet/1/record", None)

    def shuffle(self, film_id: bytes, index: int) -> bytes:
        """The 32-byte stream key of one frame's shuffle.

        Args:
            film_id: 16 bytes, fresh for each hiding, so that a film hidden twice is shuffled afresh.
            index: of the frame; 0 for a picture.
        """
        return self._derive(b"stegnet/1/shuffle" + index.to_bytes(8, "big"), film_id)

    def __repr__(self) -> str:
        return "Key(...)"

    def _derive(self, info: bytes, salt: bytes | None) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(self._secret)


def make_key_file(path: Path, randomness: Randomness = SYSTEM) -> None:
    """Writes a new key that only its owner can read.

    Raises:
        KeyFileError: there is a file already, or none can be written.
    """
    try:
        with open(path, "xb", buffering=0, opener=_owner_only) as file:
            _write_or_remove(file, path, randomness(KEY_BYTES))
    except FileExistsError as error:
        raise KeyFileError(f"{path}: exists already", "a lost key can't be made again: choose another name") from error
    except OSError as error:
        raise KeyFileError(f"{path}: can't be written ({error.strerror})") from error


def _write_or_remove(file: BinaryIO, path: Path, secret: bytes) -> None:
    try:
        file.write(secret)
    except OSError:
        path.unlink()
        raise


def read_key(path: Path) -> Key:
    """The key in a key file.

    Raises:
        KeyFileError: there is no such file, or it is not a key.
    """
    try:
        with path.open("rb") as file:
            secret = file.read(KEY_BYTES + 1)
    except FileNotFoundError as error:
        raise KeyFileError(f"{path}: no such key file", f"make one with `stegnet keygen {path}`") from error
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read ({error.strerror})") from error
    if len(secret) != KEY_BYTES:
        raise KeyFileError(f"{path}: not a key file", f"a key file has exactly {KEY_BYTES} bytes")
    return Key(secret)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
