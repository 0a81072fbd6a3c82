"""The public key and seeded randomness of repeatable figures and demonstrations. They protect nothing."""

import hashlib
from itertools import count

from stegnet.keys import Key, Randomness

PUBLIC_DEMONSTRATION_KEY = Key(hashlib.sha256(b"stegnet: a public key, for demonstration only").digest())


def seeded(seed: int) -> Randomness:
    """A repeatable source of bytes that replaces the system's random ones."""
    counter = count()
    return lambda size: hashlib.shake_256(f"stegnet demonstration {seed} {next(counter)}".encode()).digest(size)
