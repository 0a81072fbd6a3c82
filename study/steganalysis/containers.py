"""Covers and their containers, as an observer on the way gets to see them: 8 bits, written to PNG and read back.

Each container has a key and randomness of its own, drawn from a seed and its number: nobody who looks for containers
knows a key.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stegnet.codec import Key, Network, OutputTarget, hide_picture
from stegnet.codec.embed import embed_file
from stegnet.codec.keys import FILM_ID_BYTES, KEY_BYTES
from stegnet.codec.record import FILE, File, Header, Record, format_record
from stegnet.codec.seal import room
from stegnet.core.errors import DataError
from stegnet.data.shards import TRAIN, Shards, read_manifest
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.evaluation.quality import PicturePairs, through_file
from stegnet.evaluation.statistics import RENDERED
from stegnet.media import read_picture, write_png
from study.tradeoff.swap import swap_in

_NAME = "s"  # of the file that the sealed method hides
_SPAN = 1_000_000  # containers that a seed is enough for

Pictures = tuple[np.ndarray, np.ndarray]
# Cover and secret, (H, W, 3) uint8, and a number that no other container has: gives the container, read from its file.
Maker = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def photograph_pairs(shards: Path, shift: int) -> list[Pictures]:
    """Cover and secret from the test photographs of all sources; from rendered scenes only where there is nothing else.

    Raises:
        DataError: there are no two test pictures of one kind.
    """
    pairs = PicturePairs(shards, shift)
    kinds = [kind for kind in pairs.kinds if kind != RENDERED] or pairs.kinds
    named = [pairs.pair(kind, index) for kind in kinds for index in range(pairs.count(kind))]
    return [(cover, secret) for (_, cover), (_, secret) in named]


def training_pairs(shards: Path, most: int, seed: int) -> list[Pictures]:
    """Cover and secret from the training pictures: photographs first, then scenes; no picture is used twice.

    Args:
        most: pairs wanted; fewer where there are fewer than twice as many pictures.
    Raises:
        DataError: there are no two training pictures.
    """
    pictures, random = Shards(shards, TRAIN), np.random.default_rng(seed)
    sources = [entry.source for entry in read_manifest(shards) if entry.split == TRAIN]
    order = sorted(random.permutation(len(sources)), key=lambda number: sources[number] == RENDERED)
    count = min(most, len(order) // 2)
    if not count:
        raise DataError(f"{shards}: a single training picture makes no pair", "see data.* in params.yaml")
    return [(pictures[cover], pictures[secret]) for cover, secret in zip(order, order[count : 2 * count], strict=False)]


def by_key(network: Network, seed: int) -> Maker:
    """The network method as a user gets it: shuffled by key, with sealed bits."""

    def make(cover: np.ndarray, secret: np.ndarray, number: int) -> np.ndarray:
        random = seeded(_SPAN * seed + number)
        return through_file(hide_picture(network, cover, secret, Key(random(KEY_BYTES)), random))

    return make


def unshuffled(network: Network) -> Maker:
    """The network alone, every block of the secret at its place, and no sealed bits."""
    return lambda cover, secret, number: through_file(network.hide(cover, secret, None).container)


def sealed(share: float, seed: int) -> Maker:
    """The sealed method with a file that fills this share of its room; what is in the file can't be told."""

    def make(cover: np.ndarray, secret: np.ndarray, number: int) -> np.ndarray:
        random = seeded(_SPAN * seed + number)
        with TemporaryDirectory() as name:
            folder = Path(name)
            write_png(folder / "cover.png", cover)
            (folder / _NAME).write_bytes(secret.tobytes()[: int(share * sealed_room(*cover.shape[:2]))])
            out = OutputTarget(folder / "container.png")
            embed_file(
                folder / "cover.png", folder / _NAME, out, Key(random(KEY_BYTES)), verify=False, randomness=random
            )
            return read_picture(out.path)

    return make


def swapped(cover: np.ndarray, secret: np.ndarray, number: int) -> np.ndarray:
    """The 4-bit swap, which has neither key nor randomness."""
    return through_file(swap_in(cover, secret))


def replaced(rate: float, seed: int) -> Maker:
    """Plain replacement of lowest bits, which every classical attack was made for: the control that they work.

    Args:
        rate: share of the samples that carry a bit; half as many change.
    """

    def make(cover: np.ndarray, secret: np.ndarray, number: int) -> np.ndarray:
        random = np.random.default_rng((seed, number))
        bits = random.integers(0, 2, cover.shape, np.uint8)
        return through_file(np.where(random.random(cover.shape) < rate, cover & 0xFE | bits, cover))

    return make


def untouched(cover: np.ndarray, secret: np.ndarray, number: int) -> np.ndarray:
    """Nothing hidden: another picture, written and read back. Who tells it from covers sees what is not there."""
    return through_file(secret)


def sealed_room(height: int, width: int) -> int:
    """Bytes of a file that the sealed method can hide in a picture of this size.

    Raises:
        DataError: not one.
    """
    empty = Record(Header(bytes(FILM_ID_BYTES), FILE, 1, File(_NAME, 0, bytes(32))), 0)
    bytes_left = room(height, width) - len(format_record(empty, PUBLIC_DEMONSTRATION_KEY))
    if bytes_left < 1:
        raise DataError(f"pictures of {width}×{height} have no room for sealed bits", "raise data.size")
    return bytes_left
