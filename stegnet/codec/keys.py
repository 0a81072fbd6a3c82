"""Keys, from a key file or a passphrase, and the subkeys derived from them (docs/format.md, "Keys").

No error holds a secret, and no frame of its traceback has one among its local variables: a secret is deleted before
anything is raised, and errors that hold one are not chained.
"""

import errno
import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from stegnet.core.errors import KeyFileError
from stegnet.media.output import sync_folder

KEY_BYTES = 32
SALT_BYTES = 16
FILM_ID_BYTES = 16
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}
_MAX_PASSPHRASE = 1024
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which UTF-8 can't encode
_RATED = 64  # first characters of a passphrase, from which its strength is estimated, since that takes time
_STRONG = 1e10  # guesses; at 0.27 s each, a month on a thousand cores
_GUESSES = 1000 / 0.27  # per second, on a thousand cores

# Returns n random bytes. Tests and demonstrations use a seeded source instead of the system's.
Randomness = Callable[[int], bytes]
SYSTEM: Randomness = os.urandom


class _Unpickled:
    """A secret that can be neither pickled nor copied, since the copy would be readable."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} can't be pickled: it would leave the secret readable")


class Key(_Unpickled):
    """A secret key; neither str() nor repr() shows it, and it can't be pickled.

    Args:
        secret: 32 random bytes.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        del secret
        if len(self._secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")

    def unlock(self, salt: bytes) -> "Key":
        """Returns the key itself: a key file needs no salt."""
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
            nonce: of the frame's lead, for the positions of its record; empty for those of leads and MACs.
        """
        return self._derive(b"stegnet/1/positions", nonce)

    def mac(self) -> bytes:
        """The 32-byte key of the frames' MACs."""
        return self._derive(b"stegnet/1/mac", None)

    def commitment(self, film_id: bytes) -> bytes:
        """32 bytes that commit to the key, since AES-GCM alone does not."""
        mac = HMAC(self._derive(b"stegnet/1/commitment", None), SHA256())
        mac.update(film_id)
        return mac.finalize()

    def shuffle(self, film_id: bytes, index: int) -> bytes:
        """The 32-byte stream key of one frame's shuffle.

        Args:
            film_id: 16 bytes, fresh for each hiding, so that a film hidden twice is shuffled differently.
            index: of the frame; 0 for a picture.
        """
        return self._derive(b"stegnet/1/shuffle" + index.to_bytes(8, "big"), film_id)

    def __repr__(self) -> str:
        return "Key(...)"

    def _derive(self, info: bytes, salt: bytes | None) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt or None, info=info).derive(self._secret)


class Passphrase(_Unpickled):
    """A secret that a person remembers; neither str() nor repr() shows it, and it can't be pickled.

    Args:
        text: any text but the empty one; it is normalised to NFC, so that keyboards do not matter.
    Raises:
        KeyFileError: it is empty, longer than 1,024 bytes, or not Unicode text.
    """

    __slots__ = ("_key", "_salt", "_text")

    def __init__(self, text: str) -> None:
        self._text = unicodedata.normalize("NFC", text).encode(errors="ignore")
        halved = bool(_SURROGATE.search(text))
        del text
        if halved:
            raise KeyFileError("the passphrase is not Unicode text", "type it in, or put UTF-8 into its file")
        if not 0 < len(self._text) <= _MAX_PASSPHRASE:
            raise KeyFileError("the passphrase is empty or too long", f"it has 1 to {_MAX_PASSPHRASE} bytes of UTF-8")
        self._salt, self._key = b"", None

    def unlock(self, salt: bytes) -> Key:
        """Derives the key for a 16-byte salt by scrypt (RFC 7914), which takes 128 MiB and a fraction of a second."""
        if self._key is None or salt != self._salt:
            self._salt, self._key = salt, Key(Scrypt(salt=salt, length=KEY_BYTES, **_SCRYPT).derive(self._text))
        return self._key

    def weakness(self) -> str:
        """Warning with the estimated time to guess it (zxcvbn, Wheeler 2016, USENIX Security); "" if it is strong."""
        from zxcvbn import zxcvbn  # here, since only hiding needs it
        from zxcvbn.time_estimates import display_time

        guesses = zxcvbn(self._text.decode()[:_RATED])["guesses"]
        if guesses >= _STRONG:
            return ""
        time = display_time(float(guesses) / _GUESSES)
        return f"the passphrase is weak: a thousand processor cores guess it in {time}; six random words would last"

    def __repr__(self) -> str:
        return "Passphrase(...)"


KeySource = Key | Passphrase
ANY_KEY = Key(bytes(KEY_BYTES))  # for sizes, which do not depend on the key


def make_key_file(path: str | Path, randomness: Randomness = SYSTEM) -> None:
    """Writes a new key file, readable by its owner only.

    Raises:
        KeyFileError: it exists already, or can't be written.
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
    """Reads a key file.

    Raises:
        KeyFileError: no such file, or not a key file.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            key = _key_of(file.read(KEY_BYTES + 1))
    except FileNotFoundError as error:
        raise KeyFileError(f"{path}: no such key file") from error
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read ({error.strerror})") from error
    if key is None:
        raise KeyFileError(f"{path}: not a key file", f"a key file has exactly {KEY_BYTES} bytes")
    return key


def _key_of(content: bytes) -> Key | None:
    return Key(content) if len(content) == KEY_BYTES else None


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
