"""What `reveal` answers to whoever tries without the right key."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stegnet.codec import Key, KeySource, Passphrase, Randomness
from stegnet.codec.keys import KEY_BYTES
from stegnet.core.errors import StegnetError

OPENED = "opened"
Reveal = Callable[[np.ndarray, KeySource], object]  # raises a StegnetError if it gives nothing


@dataclass(frozen=True)
class Try:
    """A container, and a key that is not its own.

    Attributes:
        kind: another key, one bit off, no key, a passphrase, or nothing hidden.
    """

    kind: str
    container: np.ndarray
    key: KeySource


def one_bit_off(secret: bytes, bit: int) -> Key:
    """The key of these 32 bytes with one bit turned, counted from 0 at the first byte's highest."""
    bits = np.unpackbits(np.frombuffer(secret, np.uint8))
    bits[bit] ^= 1
    return Key(np.packbits(bits).tobytes())


def tries(
    cover: np.ndarray, container: np.ndarray, secret: bytes, bits: Iterable[int], random: Randomness
) -> Iterator[Try]:
    """All kinds of tries on one container.

    Args:
        cover: hides nothing; the right key is tried on it.
        secret: the 32 bytes of the right key.
        bits: which of its bits are turned, one at a time.
        random: where other keys come from.
    """
    yield Try("another key", container, Key(random(KEY_BYTES)))
    yield from (Try("one bit off", container, one_bit_off(secret, bit)) for bit in bits)
    yield Try("no key: all zeros", container, Key(bytes(KEY_BYTES)))
    yield Try("a passphrase", container, Passphrase("correct horse battery staple"))
    yield Try("nothing hidden", cover, Key(secret))


def answers(attempts: Iterable[Try], reveal: Reveal) -> pd.DataFrame:
    """How often each answer was given; columns kind, answer (error and hint, as told, or "opened"), count."""
    counts = Counter((attempt.kind, _answer(attempt, reveal)) for attempt in attempts)
    return pd.DataFrame([(*labels, count) for labels, count in counts.items()], columns=["kind", "answer", "count"])


def _answer(attempt: Try, reveal: Reveal) -> str:
    try:
        reveal(attempt.container, attempt.key)
    except StegnetError as error:
        return error.as_text()
    return OPENED
