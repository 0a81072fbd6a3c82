"""Keys on their way to other processes: encrypted by HPKE (RFC 9180) for a key pair that a process makes for itself."""

from dataclasses import dataclass
from itertools import count

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stegnet.keys import KeySource, Randomness, Unpicklable, export_secret, import_secret

SEED_BYTES = 32
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PURPOSE = b"stegnet/cluster/envelope"
_DRAWN = b"stegnet/cluster/randomness"


@dataclass(frozen=True, repr=False)
class Secrets(Unpicklable):
    """The secrets that a process needs to hide or reveal; its repr shows none of it, and it can't be pickled.

    Attributes:
        source: key or passphrase.
        seed: 32 random bytes, fresh for each run, from which all other randomness follows.
    """

    source: KeySource
    seed: bytes

    def randomness(self, number: int) -> Randomness:
        """The randomness of a task: a task that is done again draws the same, and so writes the same bytes.

        Each draw is an output of HKDF of its own, so that whoever does not know the seed can't tell it from random.
        """
        draws = count()

        def draw(size: int) -> bytes:
            info = _DRAWN + number.to_bytes(8, "big") + next(draws).to_bytes(8, "big")
            return HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(self.seed)

        return draw


def seal(secrets: Secrets, public: bytes) -> bytes:
    """Encrypts secrets for the process with this public key."""
    plain = secrets.seed + export_secret(secrets.source)
    return _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(public), _PURPOSE)


def unseal(envelope: bytes, private: X25519PrivateKey) -> Secrets:
    """Decrypts what `seal` made for this key.

    Raises:
        InvalidTag: it was encrypted for another worker, or changed.
    """
    plain = _SUITE.decrypt(envelope, private, _PURPOSE)
    return Secrets(import_secret(plain[SEED_BYTES:]), plain[:SEED_BYTES])
