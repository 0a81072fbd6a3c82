"""Keys: from a key file or a passphrase, and the subkeys drawn from them (docs/format.md, "Keys")."""

import errno
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from stegnet.errors import KeyFileError
from stegnet.media.output import sync_folder

KEY_BYTES = 32
SALT_BYTES = 16
FILM_ID_BYTES = 16
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}
_MAX_PASSPHRASE = 1024

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

    def unlock(self, salt: bytes) -> "Key":
        """Itself: a key file needs no salt."""
        return self

    def lead(self) -> bytes:
        """The 32-byte key that seals the leads of records."""
        return self._derive(b"stegnet/1/lead", None)

    def record(self) -> bytes:
        """The 32-byte key that seals records."""
        return self._derive(b"stegnet/1/record", None)

    def positions(self, nonce: bytes = b"") -> bytes:
        """The 32-byte stream key of the positions of sealed bits.

        Args:
            nonce: of the frame's lead, for the positions of its record; none for those of leads and MACs.
        """
        return self._derive(b"stegnet/1/positions", nonce)

    def mac(self) -> bytes:
        """The 32-byte key of the frames' MACs."""
        return self._derive(b"stegnet/1/mac", None)

    def commitment(self, film_id: bytes) -> bytes:
        """32 bytes that no other key gives: AES-GCM alone does not commit to its key."""
        mac = HMAC(self._derive(b"stegnet/1/commitment", None), SHA256())
        mac.update(film_id)
        return mac.finalize()

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
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt or None, info=info).derive(self._secret)


class Passphrase:
    """A secret that a person remembers; neither str() nor repr() shows it.

    Args:
        text: any text but the empty one; it is brought to Unicode's form NFC, so that keyboards do not matter.
    Raises:
        KeyFileError: it is empty, longer than 1,024 bytes, or no Unicode text.
    """

    __slots__ = ("_key", "_salt", "_text")

    def __init__(self, text: str) -> None:
        try:
            self._text = unicodedata.normalize("NFC", text).encode()
        except UnicodeEncodeError as error:
            raise KeyFileError(
                "the passphrase is not Unicode text", "type it in, or put UTF-8 into its file"
            ) from error
        if not 0 < len(self._text) <= _MAX_PASSPHRASE:
            raise KeyFileError("the passphrase is empty or too long", f"it has 1 to {_MAX_PASSPHRASE} bytes of UTF-8")
        self._salt, self._key = b"", None

    def unlock(self, salt: bytes) -> Key:
        """The key that belongs to a 16-byte salt: scrypt (RFC 7914), 128 MiB and a fraction of a second."""
        if self._key is None or salt != self._salt:
            self._salt, self._key = salt, Key(Scrypt(salt=salt, length=KEY_BYTES, **_SCRYPT).derive(self._text))
        return self._key

    def __repr__(self) -> str:
        return "Passphrase(...)"


Unlocking = Key | Passphrase


def make_key_file(path: str | Path, randomness: Randomness = SYSTEM) -> None:
    """Writes a new key that only its owner can read.

    Raises:
        KeyFileError: there is a file already, or none can be written.
    """
    path = Path(path)
    try:
        with open(path, "xb", buffering=0, opener=_owner_only) as file:
            _write_or_remove(file, path, randomness(KEY_BYTES))
        sync_folder(path.parent)
    except FileExistsError as error:
        raise KeyFileError(f"{path}: exists already", "a lost key can't be made again: choose another name") from error
    except OSError as error:
        raise KeyFileError(f"{path}: can't be written ({error.strerror})") from error


def _write_or_remove(file: BinaryIO, path: Path, secret: bytes) -> None:
    try:
        if file.write(secret) != len(secret):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise


def read_key(path: str | Path) -> Key:
    """The key in a key file.

    Raises:
        KeyFileError: there is no such file, or it is not a key.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            secret = file.read(KEY_BYTES + 1)
    except FileNotFoundError as error:
        raise KeyFileError(f"{path}: no such key file") from error
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read ({error.strerror})") from error
    if len(secret) != KEY_BYTES:
        raise KeyFileError(f"{path}: not a key file", f"a key file has exactly {KEY_BYTES} bytes")
    return Key(secret)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
