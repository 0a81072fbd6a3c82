"""Keys, by 32 bytes or a passphrase, and the subkeys derived from them (docs/format.md, "Keys").

No error holds a secret, and no frame of its traceback has one among its local variables: a secret is deleted before
anything is raised, and errors that hold one are not chained.
"""

import hashlib
import math
import re
import secrets
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import count
from threading import Lock
from typing import NoReturn, Self

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from stegnet.core.errors import KeyFileError
from stegnet.core.keystream import system_bytes
from stegnet.keys.keytext import KEY_BYTES

SALT_BYTES = SECRET_BYTES = 16
EPHEMERAL_TRITS = 192
FILM_ID_BYTES = 16
_ANCHORS = 4  # of 256 values of a salt's first byte
_MOST_TRIES = 8  # frames of a file on which a passphrase is tried
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}
_MAX_PASSPHRASE = 1024
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which UTF-8 can't encode
_RATED = 64  # first characters of a passphrase, from which its strength is estimated, since that takes time
_STRONG = 1e10  # guesses; at 0.27 s each, a month on a thousand cores
_GUESSES = 1000 / 0.27  # per second, on a thousand cores
_YEAR = 365.25 * 86400  # seconds

# Returns n random bytes. Tests and demonstrations use a seeded source instead of the system's.
Randomness = Callable[[int], bytes]
SYSTEM: Randomness = system_bytes

# Reads the trits of an ephemeral key, (192,) uint8, at the places that follow from a public key; None: there are none.
ReadEphemeral = Callable[[bytes], np.ndarray | None]


class Unpicklable:
    """A secret that its repr does not show, and that can be neither pickled nor copied: the copy would be readable."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} can't be pickled: it would leave the secret readable")


class Key(Unpicklable):
    """A secret key; neither str() nor repr() shows it, and it can't be pickled.

    Args:
        secret: 32 random bytes.
        recipient: 32 bytes, the public key that a container is for: some of its frames carry an ephemeral key.
        ephemeral: the trits that carry that key, (192,) uint8; of a film key, or if the frame carries none, None.
    """

    __slots__ = ("_secret", "ephemeral", "recipient")

    def __init__(self, secret: bytes, recipient: bytes | None = None, ephemeral: np.ndarray | None = None) -> None:
        self._secret, self.recipient, self.ephemeral = secret, recipient, ephemeral
        del secret
        if len(self._secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")

    def new_keys(self, randomness: "Randomness") -> "ContainerKeys":
        """The keys of a new container."""
        return ContainerKeys(self, bytes(SECRET_BYTES))

    def lead(self, salt: bytes) -> bytes:
        """The 32-byte key that seals the lead of the frame with this salt."""
        return self._derive(b"stegnet/2/lead", salt)

    def record(self, salt: bytes) -> bytes:
        """The 32-byte key that seals its record."""
        return self._derive(b"stegnet/2/record", salt)

    def positions(self, salt: bytes) -> bytes:
        """The 32-byte stream key of the order of its samples."""
        return self._derive(b"stegnet/2/positions", salt)

    def mac(self, salt: bytes) -> bytes:
        """The 32-byte key of its MAC."""
        return self._derive(b"stegnet/2/mac", salt)

    def commitment(self, film_id: bytes) -> bytes:
        """32 bytes that commit to the key, since AES-GCM alone does not."""
        mac = HMAC(self._derive(b"stegnet/2/commitment", None), SHA256())
        mac.update(film_id)
        return mac.finalize()

    def robust(self, purpose: bytes, salt: bytes, header: bytes = b"") -> bytes:
        """A 32-byte key for one purpose in a robust container.

        That is b"dither", b"places" or b"header", which all containers with this salt share, or b"order", b"mask" or
        b"record", which need the 8 bytes of the header that are fresh for each hiding.
        """
        return self._derive(b"stegnet/2/robust/" + purpose, salt + header)

    def shuffle(self, film_id: bytes, index: int) -> bytes:
        """The 32-byte stream key of one frame's shuffle; the film id makes a film that is hidden twice differ."""
        return self._derive(b"stegnet/2/shuffle" + index.to_bytes(8, "big"), film_id)

    def revealed_film(self, film_id: bytes) -> bytes:
        """The 32-byte seed of the identifiers in a revealed film: the same each time, and no one else's to compute."""
        return self._derive(b"stegnet/2/revealed", film_id)

    def _derive(self, info: bytes, salt: bytes | None) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt or None, info=info).derive(self._secret)


class AnchorSource(Unpicklable, ABC):
    """Source of the keys of frame 0 and anchors, whose leads give the key of all other frames."""

    __slots__ = ()

    @abstractmethod
    def new_keys(self, randomness: "Randomness") -> "ContainerKeys":
        """The keys of a new container."""

    @abstractmethod
    def derive(self, salt: bytes, ephemeral: ReadEphemeral | None = None) -> Key | None:
        """The key of the frame with this salt; None if it can't have one. `ephemeral` is given if the frame is read."""


class Passphrase(AnchorSource):
    """A secret that a person remembers; neither str() nor repr() shows it, and it can't be pickled.

    Args:
        text: any text but the empty one; it is normalised to NFC, so that keyboards do not matter.
    Raises:
        KeyFileError: it is empty, longer than 1,024 bytes, or not Unicode text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = unicodedata.normalize("NFC", text).encode(errors="ignore")
        halved = bool(_SURROGATE.search(text))
        del text
        if halved:
            raise KeyFileError("the passphrase is not Unicode text", "type it in, or put UTF-8 into its file")
        if not 0 < len(self._text) <= _MAX_PASSPHRASE:
            raise KeyFileError("the passphrase is empty or too long", f"it has 1 to {_MAX_PASSPHRASE} bytes of UTF-8")

    def new_keys(self, randomness: "Randomness") -> "ContainerKeys":
        return anchored_keys(self, randomness)

    def derive(self, salt: bytes, ephemeral: ReadEphemeral | None = None) -> Key:
        """The key for a 16-byte salt by scrypt (RFC 7914), which takes 128 MiB and a fraction of a second."""
        return Key(Scrypt(salt=salt, length=KEY_BYTES, **_SCRYPT).derive(self._text))

    def weakness(self) -> str:
        """Warning with the estimated time to guess it (zxcvbn, Wheeler 2016, USENIX Security); "" if it is strong."""
        from zxcvbn import time_estimates, zxcvbn  # here, since only hiding needs it

        guesses = zxcvbn(self._text.decode()[:_RATED])["guesses"]
        if guesses >= _STRONG:
            return ""
        time = time_estimates.display_time(float(guesses) / _GUESSES)
        return f"the passphrase is weak: a thousand processor cores guess it in {time}; six random words would last"


def random_words(number: int) -> tuple[str, float]:
    """A passphrase of random words from the EFF's long list (7,776 of them), and its bits."""
    words = (resources.files("xkcdpass") / "static" / "eff-long").read_text().split()
    return "-".join(secrets.choice(words) for _ in range(number)), number * math.log2(len(words))


def guessing_years(bits: float) -> float:
    """Years in which a thousand processor cores find a passphrase of so many random bits, on average."""
    return 2 ** (bits - 1) / _GUESSES / _YEAR


KeySource = Key | AnchorSource


def anchored_keys(source: AnchorSource, randomness: Randomness, recipient: bytes | None = None) -> "ContainerKeys":
    """New keys of a container that is opened by its anchors."""
    secret = randomness(SECRET_BYTES)
    return ContainerKeys(film_key(secret, recipient), secret, source)


def film_key(secret: bytes, recipient: bytes | None = None) -> Key:
    """The film key that belongs to the 16 secret bytes in the leads of a film that is opened by its anchors."""
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"stegnet/2/film").derive(secret)
    return Key(derived, recipient)


def is_anchor(salt: bytes) -> bool:
    """True for one frame in 64: an anchor, which can be opened without any other frame."""
    return salt[0] < _ANCHORS


@dataclass(frozen=True, repr=False)
class ContainerKeys(Unpicklable):
    """The keys of one container; its repr shows none."""

    film: Key
    secret: bytes  # 16 bytes in every lead, which give the film key; zeros with a key file
    anchors: AnchorSource | None = None  # what opens frame 0 and anchors; None with a key file

    def of_frame(self, salt: bytes, first: bool) -> Key:
        """The key of the frame with this salt; the first is frame 0."""
        if self.anchors is not None and (first or is_anchor(salt)):
            return self.anchors.derive(salt)
        return self.film


class KeyRing(Unpicklable):
    """The keys with which the frames of a container may open.

    Those of a key file are known; others, None at first, are learnt from the first frame that opens.
    """

    __slots__ = ("_anchors", "_lock", "_tries", "keys")

    def __init__(self, source: KeySource) -> None:
        self._anchors = None if isinstance(source, Key) else source
        self.keys = ContainerKeys(source, bytes(SECRET_BYTES)) if isinstance(source, Key) else None
        self._tries, self._lock = {True: _MOST_TRIES, False: _MOST_TRIES}, Lock()

    @classmethod
    def of(cls, keys: ContainerKeys) -> Self:
        """The keys of a container that is being written, to read what was written."""
        ring = cls(keys.anchors or keys.film)
        ring.keys = keys
        return ring

    @property
    def film(self) -> Key:
        """The film key, once a frame has opened."""
        assert self.keys is not None
        return self.keys.film

    @property
    def locked(self) -> bool:
        """True as long as the film key is not known."""
        return self.keys is None

    @property
    def exhausted(self) -> bool:
        """True if so many frames did not open that no more are tried."""
        return self.keys is None and not self._tries[False]

    def candidates(self, salt: bytes, first: bool, ephemeral: ReadEphemeral | None = None) -> Iterator[Key]:
        """The keys with which the frame with this salt may open; the first is the first frame of its file."""
        keys, own = self.keys, None
        if keys is not None and (self._anchors is None or not is_anchor(salt)):
            yield keys.film
            if self._anchors is not None and self._may_try(known=True):  # frame 0, moved
                own = self._anchors.derive(salt, ephemeral)
        elif keys is not None or first or (is_anchor(salt) and self._may_try(known=False)):
            own = self._anchors.derive(salt, ephemeral)
        if own is not None:
            yield own

    def accept(self, secret: bytes) -> bool:
        """Compares the film secret in a frame's lead with the film's own, which the first frame that opens gives."""
        if self.keys is None:
            self.keys = ContainerKeys(film_key(secret), secret, self._anchors)
        return self.keys.secret == secret

    def _may_try(self, known: bool) -> bool:
        """Counts the tries that cost a key derivation, with and without a known film key."""
        with self._lock:
            left = self._tries[known]
            self._tries[known] = max(left - 1, 0)
        return left > 0


def seeded(seed: int) -> Randomness:
    """A repeatable source of bytes that replaces the system's random ones, for demonstrations; it protects nothing."""
    counter = count()
    return lambda size: hashlib.shake_256(f"stegnet demonstration {seed} {next(counter)}".encode()).digest(size)


ANY_KEY = Key(bytes(KEY_BYTES))  # for sizes, which do not depend on the key
PUBLIC_DEMONSTRATION_KEY = Key(hashlib.sha256(b"stegnet: a public key, for demonstration only").digest())
