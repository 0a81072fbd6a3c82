"""The ways to hide a picture that the study compares: networks, the sealed method, and classical methods.

A method takes a cover, a secret and a seed, and gives an `Embedding`: the container, and a function that reads the
secret from it or from a distorted copy. A new method is a function here; stages name the ones that they measure.
PNG files keep every sample, so containers need not be written to be measured.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stegnet.core.errors import RevealError, WeightsError
from stegnet.core.kinds import FILE
from stegnet.core.samples import channels_of
from stegnet.core.shuffle import grid
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.keys import FILM_ID_BYTES, KEY_BYTES, SYSTEM, Key, KeySource, Randomness
from stegnet.methods.network import Network, hide_picture, reveal_picture
from stegnet.methods.sealed import DATA_NAME, bytes_room, hide_bytes, reveal_bytes
from stegnet.models import read_card
from stegnet.models.tensors import seeded_shuffle
from stegnet.record import File, Header, Record, format_record
from stegnet.sealing import SEED_BYTES, Costs, SealOptions, seal
from study.keyless import base_of

SWAP_BITS = 4  # of each sample, as the swap is known
_MOST_COST = 2000  # of a step, as of the costs that users get
_SEEDS = 1_000_000  # containers of one experiment


@dataclass(frozen=True)
class Recovered:
    """The secret, as read from a container.

    Attributes:
        picture: (H, W, 3) uint8; None if a file was hidden.
        opened: whether the file was recovered, byte for byte; None if a picture was hidden.
    """

    picture: np.ndarray | None = None
    opened: bool | None = None


@dataclass(frozen=True)
class Embedding:
    """A container and its reader.

    Attributes:
        container: (H, W, 3) uint8.
        reveal: reads the secret from the container or a distorted copy of the same shape and dtype.
        bits: payload in bits per pixel; nan if the method has none.
    """

    container: np.ndarray
    reveal: Callable[[np.ndarray], Recovered]
    bits: float = math.nan


# Of cover and secret, (H, W, 3) uint8 of one size, and a seed; networks need sides that are multiples of 8.
Method = Callable[[np.ndarray, np.ndarray, int], Embedding]


def container_seed(seed: int, number: int) -> int:
    """The seed of container `number` of an experiment: no other container has its key or its randomness."""
    return _SEEDS * seed + number


def network_by_key(network: Network, key: KeySource | None = None) -> Method:
    """The network method as users get it: shuffled by key, with sealed bits.

    Args:
        key: of all containers; by default each has its own, drawn from its seed.
    """

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        own, random = _key_of(key, seed)
        container = hide_picture(network, cover, secret, own, random)
        return Embedding(container, lambda given: Recovered(reveal_picture(network, given, own).picture))

    return hide


def bare_network(network: Network, shuffled: bool) -> Method:
    """The network alone, without sealed bits: the reader is given the shuffle and the base, if any.

    Sealed bits would be lost with the first changed sample.
    """

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        shuffle = seeded_shuffle(seed, *grid(*secret.shape[:2], network.block)) if shuffled else None
        base = base_of(secret, network.base, network.quality)
        container = network.hide(cover, secret, shuffle, base).container
        return Embedding(container, lambda given: Recovered(network.reveal(given, shuffle, base)))

    return hide


def trained_network(weights: Path) -> Method:
    """`bare_network` of a weights file, shuffled if it was trained on shuffled secrets.

    Raises:
        WeightsError: there is no such file, or its card does not say how it was trained.
    """
    network, training = Network.load(weights, backend="torch"), read_card(weights).training
    shuffled = training.get("train", {}).get("scrambled")
    if shuffled is None:
        raise WeightsError(f"{weights}: its card does not say whether it was trained on shuffled blocks")
    return bare_network(network, shuffled > 0)


def base_alone(network: Network) -> Method:
    """Hides nothing and gives the secret's base, which the network's containers seal: what a reader has without it."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        base = base_of(secret, network.base, network.quality).picture
        return Embedding(cover, lambda given: Recovered(base))

    return hide


def sealed(share: float, key: KeySource | None = None) -> Method:
    """The sealed method with a file that fills a share of its capacity.

    Args:
        key: of all containers; by default each has its own, drawn from its seed.
    """

    def payload(cover: np.ndarray, secret: np.ndarray) -> bytes:
        return secret.tobytes()[: int(share * bytes_room(*cover.shape[:2], "s", channels=channels_of(cover)))]

    return _sealed_file(payload, "s", key)


def sealed_at(rate: float, even: bool = False) -> Method:
    """The sealed method with a file of `rate` bits for each sample, each container under its own key.

    Args:
        even: as in `hide_evenly`, not as users get it.
    """

    def payload(cover: np.ndarray, secret: np.ndarray) -> bytes:
        return secret.tobytes()[: int(rate * cover[..., : channels_of(cover)].size / 8)]

    return _sealed_file(payload, "s", None, even)


def sealed_digest(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
    """The sealed method with a file of 32 bytes, the secret's SHA-256: the least that can be lost."""
    hide = _sealed_file(lambda _, secret: hashlib.sha256(secret.tobytes()).digest(), "kept", PUBLIC_DEMONSTRATION_KEY)
    return hide(cover, secret, seed)


def _sealed_file(
    payload: Callable[[np.ndarray, np.ndarray], bytes], name: str, key: KeySource | None, even: bool = False
) -> Method:
    """`stegnet hide --method sealed`.

    Args:
        payload: of cover and secret: the bytes of the file.
        name: of the file.
    """

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        own, random = _key_of(key, seed)
        data = payload(cover, secret)
        container = (hide_evenly if even else hide_bytes)(cover, data, own, name=name, randomness=random)
        bits = bits_per_pixel(data, cover)
        return Embedding(container, lambda given: Recovered(opened=_opened(given, own) == data), bits)

    return hide


def hide_evenly(
    cover: np.ndarray, data: bytes, key_source: KeySource, *, name: str = DATA_NAME, randomness: Randomness = SYSTEM
) -> np.ndarray:
    """`hide_bytes` with equal costs for all samples: the fewest changes, but flat areas are not spared."""
    keys, container = key_source.new_keys(randomness), cover.copy()
    file = File(name, len(data), hashlib.sha256(data).digest())
    record = Record(Header(randomness(FILM_ID_BYTES), FILE, 1, file), 0, data=data)
    seal(
        container, format_record(record, keys.film), keys, randomness(SEED_BYTES), _even_costs(cover), SealOptions(True)
    )
    return container


def swap(bits: int = SWAP_BITS) -> Method:
    """The k-bit swap, which has neither key nor randomness."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        return Embedding(swap_in(cover, secret, bits), lambda given: Recovered(read_out(given, bits)))

    return hide


def swap_in(cover: np.ndarray, secret: np.ndarray, bits: int = SWAP_BITS) -> np.ndarray:
    """The container, uint8: the value nearest to the cover whose low bits are the secret's high bits.

    Args:
        cover, secret: uint8, of one shape.
        bits: 1 to 7.
    """
    levels = 1 << bits
    away = (secret >> 8 - bits).astype(np.int16) - cover
    container = cover + (away + levels // 2) % levels - levels // 2
    container += levels * (container < 0).astype(np.int16) - levels * (container > 255).astype(np.int16)
    return container.astype(np.uint8)


def read_out(container: np.ndarray, bits: int = SWAP_BITS) -> np.ndarray:
    """The swapped secret, each sample at the middle of the values that share its high bits."""
    width = 1 << 8 - bits  # of a bin
    return container % (1 << bits) * width + width // 2


def bits_per_pixel(data: bytes, cover: np.ndarray) -> float:
    """The payload of a cover in which these bytes are hidden."""
    return 8 * len(data) / (cover.shape[0] * cover.shape[1])


def _even_costs(cover: np.ndarray) -> Costs:
    """Equal costs, but for steps that would leave the range."""
    up, down = np.ones(cover.shape, np.uint16), np.ones(cover.shape, np.uint16)
    up[cover == 255] = down[cover == 0] = _MOST_COST
    return Costs(up, down)


def _opened(container: np.ndarray, key: KeySource) -> bytes | None:
    """The file in a container; None if it does not open."""
    try:
        return reveal_bytes(container, key)
    except RevealError:
        return None


def _key_of(key: KeySource | None, seed: int) -> tuple[KeySource, Randomness]:
    """The key of a container, and the source of what else is random."""
    random = seeded(seed)
    return key or Key(random(KEY_BYTES)), random
