"""A key and randomness that anyone can repeat: for figures and demonstrations alone, since they protect nothing."""

import hashlib
from itertools import count

from stegnet.codec import Key, Randomness

PUBLIC_DEMONSTRATION_KEY = Key(hashlib.sha256(b"stegnet: a public key, for demonstration only").digest())


def seeded(seed: int) -> Randomness:
    """Repeatable bytes in the place of random ones."""
    counter = count()
    return lambda size: hashlib.shake_256(f"stegnet demonstration {seed} {next(counter)}".encode()).digest(size)
