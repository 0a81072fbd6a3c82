"""Sources of keys, and the subkeys derived from them (docs/format.md, "Keys" and "Recipients").

A container is opened by a key of 32 bytes, by a passphrase, or by the identity whose public key is its recipient. Frame
0 and anchors of a recipient's container carry an ephemeral key, disguised as random bytes, at places that follow from
the recipient and the frame's salt.

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
from itertools import count
from threading import Lock
from typing import ClassVar, NoReturn

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from stegnet.core.errors import KeyFileError
from stegnet.core.keystream import keystream, system_bytes
from stegnet.keys.elligator import coordinate, representative
from stegnet.keys.keytext import KEY_BYTES, RECIPIENT, passphrase_flaw, to_text

SALT_BYTES = 16
SECRET_BYTES = 16
EPHEMERAL_TRITS = 192
FILM_ID_BYTES = 16
_ANCHORS = 4  # of the 256 values of a salt's first byte
_MOST_TRIES = 8  # frames of a file on which a passphrase is tried
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}
_MAX_PASSPHRASE = 1024
_GUESSES = 1000 / 0.27  # per second, on a thousand cores

# Function that returns n random bytes. Tests and demonstrations use a seeded source instead of the system's.
Randomness = Callable[[int], bytes]
SYSTEM: Randomness = system_bytes

# Function that reads the trits of an ephemeral key, (192,) uint8, at the places that follow from a public key; it
# returns None if there is no such key.
ReadEphemeral = Callable[[bytes], np.ndarray | None]


class Unpicklable:
    """Secret that its repr does not show, and that can be neither pickled nor copied: the copy would be readable."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} can't be pickled: it would leave the secret readable")


class Key(Unpicklable):
    """Secret key; neither str() nor repr() shows it, and it can't be pickled.

    Args:
        secret: 32 random bytes.
        recipient: 32 bytes, the public key of the container's recipient: some of its frames carry an ephemeral key.
        ephemeral: trits that carry the ephemeral key, (192,) uint8; None for a film key, or without an ephemeral key.
    """

    __slots__ = ("_secret", "ephemeral", "recipient")
    tag = b"k"  # of exported secrets

    def __init__(self, secret: bytes, recipient: bytes | None = None, ephemeral: np.ndarray | None = None) -> None:
        self._secret = secret
        self.recipient: bytes | None = recipient
        self.ephemeral: np.ndarray | None = ephemeral
        del secret
        if len(self._secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")

    def new_keys(self, randomness: "Randomness") -> "ContainerKeys":
        """Return the keys of a new container."""
        return ContainerKeys(self, bytes(SECRET_BYTES))

    def lead(self, salt: bytes) -> bytes:
        """Return the 64-byte key that seals the lead of the frame with this salt."""
        return self._derive(b"stegnet/1/lead", salt, 2 * KEY_BYTES)

    def record(self, salt: bytes) -> bytes:
        """Return the 64-byte key that seals the frame's record."""
        return self._derive(b"stegnet/1/record", salt, 2 * KEY_BYTES)

    def positions(self, salt: bytes) -> bytes:
        """Return the 32-byte stream key of the order of the frame's samples."""
        return self._derive(b"stegnet/1/positions", salt)

    def mac(self, salt: bytes) -> bytes:
        """Return the 32-byte key of the frame's MAC."""
        return self._derive(b"stegnet/1/mac", salt)

    def robust(self, purpose: bytes, salt: bytes, header: bytes = b"") -> bytes:
        """Return a 32-byte key for one purpose in a robust container.

        The purpose is b"dither", b"places" or b"header", whose keys all containers with this salt share, or b"order",
        b"mask" or b"record", which need the 8 bytes of the header that are fresh for each hiding.
        """
        return self._derive(b"stegnet/1/robust/" + purpose, salt + header)

    def shuffle(self, film_id: bytes, index: int) -> bytes:
        """Return the 32-byte stream key of one frame's shuffle; the film id makes it differ for each hiding."""
        return self._derive(b"stegnet/1/shuffle" + index.to_bytes(8, "big"), film_id)

    def revealed_film(self, film_id: bytes) -> bytes:
        """Return the 32-byte seed of the identifiers in a revealed film: always the same, but secret."""
        return self._derive(b"stegnet/1/revealed", film_id)

    def _derive(self, info: bytes, salt: bytes, size: int = KEY_BYTES) -> bytes:
        return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(self._secret)


class AnchorSource(Unpicklable, ABC):
    """Source of the keys of frame 0 and anchors, whose records give the key of all other frames.

    Attributes:
        tag: the byte before an exported secret that names its class.
    """

    __slots__ = ()
    tag: ClassVar[bytes]

    @abstractmethod
    def new_keys(self, randomness: "Randomness") -> "ContainerKeys":
        """Return the keys of a new container."""

    @abstractmethod
    def derive(self, salt: bytes, ephemeral: ReadEphemeral | None = None) -> Key | None:
        """Return the key of the frame with this salt, if it has one.

        `ephemeral` is given if the frame is read: it returns trits, (192,) uint8 from 0 to 2, of an ephemeral key.
        """

    @abstractmethod
    def _exported(self) -> bytes:
        """Return the secret as bytes."""


class Passphrase(AnchorSource):
    """Secret that a person remembers; neither str() nor repr() shows it, and it can't be pickled.

    Args:
        text: one line of text; it is normalised to NFC, so that keyboards do not matter, and its line's end is cut off.
        file: name of the file that it is from, for errors.

    Raises:
        KeyFileError: the text is empty, longer than 1,024 bytes, has several lines, is a key, or not Unicode.
    """

    __slots__ = ("_derived", "_text")
    tag = b"p"

    def __init__(self, text: str, file: object = "") -> None:
        if not isinstance(text, str):
            raise TypeError(f"text: must be str, is {type(text).__name__}")
        self._derived: dict[bytes, Key] = {}  # by salt
        text = text.removesuffix("\n").removesuffix("\r")
        self._text = unicodedata.normalize("NFC", text).encode(errors="ignore")
        halved = bool(re.search("[\ud800-\udfff]", text))  # surrogates: half characters, which UTF-8 can't encode
        flaw = passphrase_flaw(text, file)
        del text
        if flaw:
            raise KeyFileError(flaw.message, flaw.hint, subject=file)
        if halved:
            raise KeyFileError("the passphrase is not Unicode text", "type it in, or put UTF-8 into its file")
        if not 0 < len(self._text) <= _MAX_PASSPHRASE:
            hint = f"it has 1 to {_MAX_PASSPHRASE} bytes of UTF-8"
            raise KeyFileError("the passphrase is empty or too long", hint, subject=file)

    def new_keys(self, randomness: "Randomness") -> "ContainerKeys":
        """Return keys of a container whose anchors the passphrase opens."""
        return anchored_keys(self, randomness)

    def derive(self, salt: bytes, ephemeral: ReadEphemeral | None = None) -> Key:
        """Return the key for a 16-byte salt by scrypt (RFC 7914), which takes 128 MiB and a fraction of a second.

        The latest ones are kept: what is hidden is opened again to verify it. No trits, (192,) uint8, are read.
        """
        most_kept = 1024
        key = self._derived.get(salt)
        if key is None:
            key = Key(Scrypt(salt=salt, length=KEY_BYTES, **_SCRYPT).derive(self._text))
            if len(self._derived) >= most_kept:
                self._derived.clear()
            self._derived[salt] = key
        return key

    def _exported(self) -> bytes:
        return self._text

    def weakness(self) -> str:
        """Return a warning with the time to guess it (zxcvbn, Wheeler 2016, USENIX Security); "" if it is strong."""
        from zxcvbn import time_estimates, zxcvbn  # imported here, since only hiding needs it

        rated_characters = 64  # leading ones, since rating takes time
        enough_guesses = 1e10  # at 0.27 s each, a month on a thousand cores
        guesses = zxcvbn(self._text.decode()[:rated_characters])["guesses"]
        if guesses >= enough_guesses:
            return ""
        time = time_estimates.display_time(float(guesses) / _GUESSES)
        return f"the passphrase is weak: a thousand processor cores guess it in {time}; six random words would last"

    def as_random_words(self) -> "Passphrase | None":
        """Return the same words of the list of `random_words` as it writes them, in small letters with hyphens.

        None: the passphrase is written so, or has other words.
        """
        parts = re.findall(r"[^\W_]+", self._text.decode().lower())  # between blanks, dashes or other signs
        known = {part for word in _list_of_words() for part in word.split("-")}
        joined = "-".join(parts)
        is_other = joined.encode() != self._text and len(parts) >= _LEAST_WORDS and {*parts} <= known
        return Passphrase(joined) if is_other else None

    def is_random_words(self) -> bool:
        """Return whether all its words are in the list of `random_words`."""
        return set(self._text.decode().split("-")) <= {*_list_of_words()}


_LEAST_WORDS = 3  # of a passphrase that is taken for random words


def random_words(number: int) -> tuple[str, float]:
    """Return a passphrase of random words from the EFF's long list (7,776 words), and its bits."""
    words = _list_of_words()
    return "-".join(secrets.choice(words) for _ in range(number)), number * math.log2(len(words))


def _list_of_words() -> list[str]:
    from importlib import resources  # takes 4 ms

    return (resources.files("xkcdpass") / "static" / "eff-long").read_text().split()


def guessing_years(bits: float) -> float:
    """Return the average years in which a thousand processor cores find a passphrase with this many random bits."""
    year = 365.25 * 86400  # seconds
    return 2 ** (bits - 1) / _GUESSES / year


def guessing_time(bits: float) -> str:
    """Return how long `guessing_years` is, for people."""
    years = guessing_years(bits)
    longest = 1000  # years that mean something
    return "longer than anyone can wait" if years > longest else f"{float(f'{years:.0e}'):,.0f} years"


KeySource = Key | AnchorSource


def anchored_keys(source: AnchorSource, randomness: Randomness, recipient: bytes | None = None) -> "ContainerKeys":
    """Return new keys of a container that is opened by its anchors."""
    secret = randomness(SECRET_BYTES)
    return ContainerKeys(film_key(secret, recipient), secret, source)


def film_key(secret: bytes, recipient: bytes | None = None) -> Key:
    """Return the film key for the 16 secret bytes in the records of a film that is opened by its anchors."""
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"stegnet/1/film").derive(secret)
    return Key(derived, recipient)


def is_anchor(salt: bytes) -> bool:
    """Return whether a frame is an anchor, which opens without any other frame; one frame in 64 is."""
    return salt[0] < _ANCHORS


@dataclass(frozen=True, repr=False)
class ContainerKeys(Unpicklable):
    """Keys of one container; the repr does not show them."""

    film: Key
    secret: bytes  # 16 bytes in every record of several frames, which give the film key; zeros with a key file
    anchors: AnchorSource | None = None  # source that opens frame 0 and anchors; None with a key file

    def of_frame(self, salt: bytes, first: bool) -> Key:
        """Return the key of the frame with this salt; `first` is true for frame 0."""
        if self.anchors is None or not (first or is_anchor(salt)):
            return self.film
        key = self.anchors.derive(salt)
        assert key is not None  # only an identity needs the frame itself, and hides by its recipient
        return key


Opener = KeySource | ContainerKeys  # what opens a container: its sender, who verifies it, has its own keys


class KeyRing(Unpicklable):
    """Keys with which the frames of a container may open.

    Keys of a key file are known from the start; others are learnt from the first frame that opens.
    """

    __slots__ = ("_anchors", "_lock", "_tries", "keys")

    def __init__(self, source: Opener) -> None:
        self.keys = ContainerKeys(source, bytes(SECRET_BYTES)) if isinstance(source, Key) else None
        self._anchors = source if isinstance(source, AnchorSource) else None
        if isinstance(source, ContainerKeys):
            self.keys = source
            self._anchors = source.anchors
        self._tries = {True: _MOST_TRIES, False: _MOST_TRIES}
        self._lock = Lock()

    @property
    def film(self) -> Key:
        """Film key, once a frame has opened."""
        assert self.keys is not None
        return self.keys.film

    @property
    def locked(self) -> bool:
        """True until the film key is known."""
        return self.keys is None

    @property
    def exhausted(self) -> bool:
        """True if no more keys are tried, since too many frames failed to open."""
        return self.keys is None and not self._tries[False]

    def candidates(self, salt: bytes, first: bool, ephemeral: ReadEphemeral | None = None) -> Iterator[Key]:
        """Yield the keys that may open the frame with this salt; `first` is true for the first frame of its file."""
        keys = self.keys
        if keys is not None and (self._anchors is None or not is_anchor(salt)):
            yield keys.film
            derives = self._anchors is not None and self._may_try(known=True)  # frame 0, moved
        else:
            derives = keys is not None or first or (is_anchor(salt) and self._may_try(known=False))
        if derives and self._anchors is not None:
            derived = self._anchors.derive(salt, ephemeral)
            if derived is not None:
                yield derived

    def accept(self, secret: bytes) -> bool:
        """Return whether a film secret is the film's own, which is learnt from the first frame that opens."""
        if self.keys is None:
            self.keys = ContainerKeys(film_key(secret), secret, self._anchors)
        return self.keys.secret == secret

    def _may_try(self, known: bool) -> bool:
        """Count a try that costs a key derivation, with or without a known film key; return whether it is allowed."""
        with self._lock:
            left = self._tries[known]
            self._tries[known] = max(left - 1, 0)
        return left > 0


def seeded(seed: int) -> Randomness:
    """Return a repeatable source of bytes in place of random ones, for demonstrations; it protects nothing."""
    counter = count()
    return lambda size: hashlib.shake_256(f"stegnet demonstration {seed} {next(counter)}".encode()).digest(size)


ANY_KEY = Key(bytes(KEY_BYTES))  # for sizes, which do not depend on the key
PUBLIC_DEMONSTRATION_KEY = Key(hashlib.sha256(b"stegnet: a public key, for demonstration only").digest())


class Recipient(AnchorSource):
    """Public key to hide for; its holder can't reveal.

    An object can read its own containers again, as long as it exists: hiding verifies them.

    Args:
        public: 32 bytes.
        secret: 32 bytes, from which the ephemeral keys follow; random ones by default.

    Raises:
        KeyFileError: the key is of low order, so that anybody could reveal.
    """

    __slots__ = ("_secret", "public")
    tag = b"r"

    def __init__(self, public: bytes, secret: bytes | None = None) -> None:
        self.public: bytes = public
        self._secret = SYSTEM(KEY_BYTES) if secret is None else secret
        del secret
        if _shared(X25519PrivateKey.generate(), public) is None:
            raise KeyFileError("the recipient is not a public key that anything can be hidden for")

    def __str__(self) -> str:
        """Return the public key as text, which is no secret."""
        return to_text(RECIPIENT, self.public)

    def new_keys(self, randomness: Randomness) -> ContainerKeys:
        """Return keys of a container whose anchors only the recipient's identity opens."""
        return anchored_keys(self, randomness, self.public)

    def derive(self, salt: bytes, ephemeral: ReadEphemeral | None = None) -> Key | None:
        """Return the key of an anchor from an ephemeral key, which the salt determines, and the public key.

        A frame that is read must hold this ephemeral key, trits, (192,) uint8 from 0 to 2, from which the identity
        derives the same.
        """
        private, disguised, filler = next(_ephemeral_keys(self._secret, salt))
        trits = _to_trits(disguised, filler)
        found = trits if ephemeral is None else ephemeral(self.public)
        if found is None or not np.array_equal(found, trits):
            return None
        public = X25519PublicKey.from_public_bytes(self.public)  # of no low order, as the constructor checked
        return _agreed(private.exchange(public), disguised, self.public, trits)

    def _exported(self) -> bytes:
        return self.public + self._secret


class Identity(AnchorSource):
    """Private key, which reveals the secrets hidden for its recipient.

    Args:
        secret: 32 random bytes.
    """

    __slots__ = ("_private",)
    tag = b"i"

    def __init__(self, secret: bytes) -> None:
        self._private = X25519PrivateKey.from_private_bytes(secret)

    @property
    def recipient(self) -> Recipient:
        """Public key that belongs to the identity."""
        return Recipient(self._private.public_key().public_bytes_raw())

    def new_keys(self, randomness: Randomness) -> ContainerKeys:
        """Return the keys that its recipient would make, so that this identity can reveal its own containers."""
        return self.recipient.new_keys(randomness)

    def derive(self, salt: bytes, ephemeral: ReadEphemeral | None = None) -> Key | None:
        """Return the key of an anchor; None if it has none. `ephemeral` reads its trits, (192,) uint8 from 0 to 2."""
        public = self._private.public_key().public_bytes_raw()
        trits = None if ephemeral is None else ephemeral(public)
        if trits is None:
            return None
        number = sum(int(trit) * 3**place for place, trit in enumerate(trits))
        disguised = (number % (1 << 8 * KEY_BYTES)).to_bytes(KEY_BYTES, "little")
        shared = _shared(self._private, coordinate(disguised))
        return None if shared is None else _agreed(shared, disguised, public, trits)

    def _exported(self) -> bytes:
        return self._private.private_bytes_raw()


def export_secret(source: KeySource) -> bytes:
    """Return any source of keys as bytes, to be encrypted by the caller; `import_secret` is the inverse."""
    return source.tag + (source._secret if isinstance(source, Key) else source._exported())


def import_secret(data: bytes) -> KeySource:
    """Return the source of keys that `export_secret` turned into bytes."""
    tag = data[:1]
    secret = data[1:]
    if tag == Recipient.tag:
        return Recipient(secret[:KEY_BYTES], secret[KEY_BYTES:])
    if tag == Identity.tag:
        return Identity(secret)
    return Key(secret) if tag == Key.tag else Passphrase(secret.decode())


def _ephemeral_keys(secret: bytes, salt: bytes) -> Iterator[tuple[X25519PrivateKey, bytes, int]]:
    """Yield ephemeral keys of a frame, each with its disguise of 32 bytes, and a random number."""
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=b"stegnet/1/ephemeral").derive(secret)
    filler_bytes = 16
    size = KEY_BYTES + 1 + filler_bytes
    attempts = 128  # half of which give an ephemeral key
    stream = keystream(derived, attempts * size)
    for start in range(0, len(stream), size):
        private = X25519PrivateKey.from_private_bytes(stream[start : start + KEY_BYTES])
        disguised = representative(private.public_key().public_bytes_raw(), stream[start + KEY_BYTES])
        if disguised is not None:
            yield private, disguised, int.from_bytes(stream[start + KEY_BYTES + 1 : start + size], "little")


def _to_trits(disguised: bytes, filler: int) -> np.ndarray:
    """Convert 32 random bytes to uniformly random trits, (192,) uint8: the lowest bits of a number to the base 3."""
    number = int.from_bytes(disguised, "little")
    bits = 8 * KEY_BYTES
    count = (3**EPHEMERAL_TRITS - 1 - number >> bits) + 1
    number += filler % count << bits
    return np.array([number // 3**place % 3 for place in range(EPHEMERAL_TRITS)], np.uint8)


def _shared(private: X25519PrivateKey, public: bytes) -> bytes | None:
    """Return the shared secret; None if it is zero, as for points of low order."""
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return None


def _agreed(shared: bytes, disguised: bytes, recipient: bytes, trits: np.ndarray) -> Key:
    hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=disguised + recipient, info=b"stegnet/1/recipient")
    return Key(hkdf.derive(shared), recipient, trits)
