"""Methods of hiding a picture that stage detect and the studies compare, with their covers and secrets.

A method takes a cover, a secret and a seed, and returns the container. A new method is a function here; stages name the
ones that they measure. PNG files keep every sample, so containers need not be written to be measured.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.shards import Shards, read_manifest
from stegnet.core.pixels import channels_of
from stegnet.keys import KEY_BYTES, Key, seeded
from stegnet.methods.sealed import hide_bytes
from stegnet.networks import Network, hide_picture

Item = TypeVar("Item")
Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB

# From cover and secret, (H, W, 3) uint8 of one size, and a seed; networks need sides that are multiples of 8.
Method = Callable[[Pixels, Pixels, int], Pixels]


def container_seed(seed: int, number: int) -> int:
    """Return the seed of container `number` of an experiment: no other container has its key or its randomness."""
    most_containers = 1_000_000  # of one experiment
    return most_containers * seed + number


def key_of(seed: int) -> Key:
    """Return the key of a container."""
    return Key(seeded(seed)(KEY_BYTES))


def network_by_key(network: Network) -> Method:
    """Return the network method as users get it: shuffled by key, with sealed bits, a new key for each container."""

    def hide(cover: Pixels, secret: Pixels, seed: int) -> Pixels:
        random = seeded(seed)
        return hide_picture(network, cover, secret, Key(random(KEY_BYTES)), random)

    return hide


def sealed_at(rate: float) -> Method:
    """Return the sealed method with a file of `rate` bits per sample, each container under its own key."""

    def hide(cover: Pixels, secret: Pixels, seed: int) -> Pixels:
        random = seeded(seed)
        data = secret.tobytes()[: int(rate * cover[..., : channels_of(cover)].size / 8)]
        return hide_bytes(cover, data, Key(random(KEY_BYTES)), name="s", randomness=random)

    return hide


def four_bit_swap(cover: Pixels, secret: Pixels, seed: int) -> Pixels:
    """Replace the cover's low four bits by the secret's high four, without key or randomness: the baseline."""
    return cover & np.uint8(0xF0) | secret >> np.uint8(4)


def magenta_tint(cover: Pixels, _secret: Pixels, _seed: int) -> Pixels:
    """Mix magenta into the cover, which hides nothing: of low frequencies alone, as a network's colour cast is."""
    share = 0.15
    return np.rint((1 - share) * cover + share * np.array([255, 0, 255])).astype(np.uint8)


class PicturePair(NamedTuple):
    """A cover and a secret, (H, W, 3) uint8 of one size, and the source of the cover."""

    kind: str
    cover: Pixels
    secret: Pixels


def picture_pairs(shards: Path, split: str, shift: int, most: int) -> Iterator[PicturePair]:
    """Yield at most `most` pictures of a split as covers, evenly spaced.

    The secret of each is the picture `shift` places further on.
    """
    pictures = Shards(shards, split)
    kinds = [entry.source for entry in read_manifest(shards, split)]
    for number in evenly(list(range(len(kinds))), most):
        yield PicturePair(kinds[number], pictures[number], pictures[(number + shift) % len(kinds)])


def evenly(items: list[Item], most: int) -> list[Item]:
    """Return at most `most` of the items, evenly spaced."""
    number = min(len(items), most)
    return [items[index * len(items) // number] for index in range(number)]
