"""The view of an observer with the program and a container, but without the key.

The program refuses every wrong key with one message. The public reveal network still reads the blocks of the residual,
shuffled: what a secret's base, which is sealed, leaves of it. Where containers have a mask, it reads noise.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stegnet.core.errors import StegnetError
from stegnet.core.samples import Base, from_8_bits, split
from stegnet.core.shuffle import Shuffle, draw_mask, invert
from stegnet.keys import KEY_BYTES, Key, KeySource, Passphrase, Randomness
from stegnet.networks import Network

OPENED = "opened"
Reveal = Callable[[np.ndarray, KeySource], object]  # raises a StegnetError if it gives nothing


@dataclass(frozen=True)
class Attempt:
    """A container and a wrong key.

    Attributes:
        kind: another key, one bit off, no key, a passphrase, or nothing hidden.
    """

    kind: str
    container: np.ndarray
    key: KeySource


def one_bit_off(secret: bytes, bit: int) -> Key:
    """The key of these 32 bytes with one bit flipped, counted from 0 at the first byte's highest."""
    bits = np.unpackbits(np.frombuffer(secret, np.uint8))
    bits[bit] ^= 1
    return Key(np.packbits(bits).tobytes())


def attempts(
    cover: np.ndarray, container: np.ndarray, secret: bytes, bits: Iterable[int], random: Randomness
) -> Iterator[Attempt]:
    """All kinds of attempts on one container.

    Args:
        cover: with nothing hidden; the right key is used on it.
        secret: the 32 bytes of the right key.
        bits: numbers of the bits to flip, one at a time.
        random: source of other keys.
    """
    yield Attempt("another key", container, Key(random(KEY_BYTES)))
    yield from (Attempt("one bit off", container, one_bit_off(secret, bit)) for bit in bits)
    yield Attempt("no key: all zeros", container, Key(bytes(KEY_BYTES)))
    yield Attempt("a passphrase", container, Passphrase("correct horse battery staple"))
    yield Attempt("nothing hidden", cover, Key(secret))


def answers(made: Iterable[Attempt], reveal: Reveal) -> pd.DataFrame:
    """Counts of `reveal`'s answers; columns kind, answer (error and hint, as printed, or "opened"), count."""
    counts = Counter((attempt.kind, _answer(attempt, reveal)) for attempt in made)
    return pd.DataFrame([(*labels, count) for labels, count in counts.items()], columns=["kind", "answer", "count"])


def _answer(attempt: Attempt, reveal: Reveal) -> str:
    try:
        reveal(attempt.container, attempt.key)
    except StegnetError as error:
        return error.as_text()
    return OPENED


def to_hide(frame: np.ndarray, base: Base) -> np.ndarray:
    """(H, W, 3) uint8 to the signed float that the network hides, before the shuffle."""
    enhanced = from_8_bits(base.picture) if base.enhanced is None else base.enhanced
    return split(from_8_bits(frame), enhanced, base.gain)


def centred(frame: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 to signed float, 0 for grey: what is hidden where there is no base."""
    return to_hide(frame, Base.grey(*frame.shape[:2]))


def read_blocks(network: Network, container: np.ndarray) -> np.ndarray:
    """The public reveal network's output on a container: signed, masked, its blocks still shuffled.

    Args:
        container: (H, W, 3) uint8, sides multiples of the network's block.
    Returns:
        (H, W, 3) float32.
    """
    return network.engine.reveal(from_8_bits(container))


def read_with(network: Network, container: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    """The same without the mask of a shuffle, in the order that it gives."""
    height, width = container.shape[:2]
    mask = draw_mask(shuffle, slice(0, height), width) * np.float32(network.period)
    return invert(network.engine.reveal(from_8_bits(container) - mask), shuffle)
