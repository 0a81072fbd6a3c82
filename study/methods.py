"""The ways to hide a picture that the study compares: networks, the sealed method, and classical methods.

A method takes a cover, a secret and a seed, and gives an `Embedding`: the container, and a function that reads the
secret from it or from a distorted copy. A new method is a function here; stages name the ones that they measure.
PNG files keep every sample, so containers need not be written to be measured.
"""

import hashlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from stegnet.codec import Key, Network, bytes_room, hide_bytes, hide_picture, reveal_bytes, reveal_picture
from stegnet.codec.base import through_bytes
from stegnet.codec.keys import KEY_BYTES, Randomness
from stegnet.codec.seal import room
from stegnet.core.errors import RevealError, WeightsError
from stegnet.core.shuffle import grid
from stegnet.core.tensors import seeded_shuffle
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.media import resize, write_png
from stegnet.media.compress import compress_picture
from stegnet.models import read_card

SWAP_BITS = 4  # of each sample, as the swap is known
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


def network_by_key(network: Network, key: Key | None = None) -> Method:
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
        base = through_bytes(secret, network.base, network.quality, room(*secret.shape[:2]))
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


def block_means(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
    """Hides nothing and gives the secret's block means, enlarged: the reader's guess without a container."""
    height, width = secret.shape[:2]
    means = secret.reshape(height // 8, 8, width // 8, 8, 3).mean((1, 3)).round().astype(np.uint8)
    return Embedding(cover, lambda given: Recovered(resize(means, height, width)))


def sealed(share: float) -> Method:
    """The sealed method with a file that fills a share of its capacity, each container under its own key."""

    def payload(cover: np.ndarray, secret: np.ndarray) -> bytes:
        return secret.tobytes()[: int(share * bytes_room(*cover.shape[:2], "s"))]

    return _sealed_file(payload, "s", None)


def sealed_digest(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
    """The sealed method with a file of 32 bytes, the secret's SHA-256: the least that can be lost."""
    hide = _sealed_file(lambda _, secret: hashlib.sha256(secret.tobytes()).digest(), "kept", PUBLIC_DEMONSTRATION_KEY)
    return hide(cover, secret, seed)


def _sealed_file(payload: Callable[[np.ndarray, np.ndarray], bytes], name: str, key: Key | None) -> Method:
    """`stegnet hide --method sealed`.

    Args:
        payload: of cover and secret: the bytes of the file.
        name: of the file.
    """

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        own, random = _key_of(key, seed)
        data = payload(cover, secret)
        container = hide_bytes(cover, data, own, name=name, randomness=random)
        return Embedding(container, lambda given: Recovered(opened=_opened(given, own) == data), _bits(data, cover))

    return hide


def sealed_avif(rate: float | None) -> Method:
    """The sealed method with the secret as AVIF 4:4:4, under the public key.

    Args:
        rate: most bits per pixel of the AVIF; None: as large as fits, or the PNG file if that fits.
    Raises:
        CapacityError: (the method) the secret is too large even at the lowest quality.
    """

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        data, name = _full_payload(cover, secret) if rate is None else (avif(secret, rate), "picture.avif")
        container = hide_bytes(cover, data, PUBLIC_DEMONSTRATION_KEY, name=name, randomness=seeded(seed))
        return Embedding(
            container,
            lambda given: Recovered(_decoded(reveal_bytes(given, PUBLIC_DEMONSTRATION_KEY))),
            _bits(data, cover),
        )

    return hide


def matched_avif(rate: float) -> Method:
    """LSB matching in all samples (`match_bits`), with the secret as AVIF 4:4:4 of at most `rate` bits per pixel."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        data = avif(secret, rate)
        container = match_bits(cover, data, seed)
        return Embedding(
            container, lambda given: Recovered(_decoded(read_matched_bits(given, len(data), seed))), _bits(data, cover)
        )

    return hide


def swap(bits: int = SWAP_BITS) -> Method:
    """The k-bit swap, which has neither key nor randomness."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        return Embedding(swap_in(cover, secret, bits), lambda given: Recovered(read_out(given, bits)))

    return hide


def lsb_replacement(rate: float) -> Method:
    """Random bits replace lowest bits, which every classical attack was made for: the positive control.

    Args:
        rate: share of the samples that carry a bit; half as many change.
    """

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        random = np.random.default_rng(divmod(seed, _SEEDS))
        bits = random.integers(0, 2, cover.shape, np.uint8)
        container = np.where(random.random(cover.shape) < rate, cover & 0xFE | bits, cover)
        return Embedding(container, lambda given: Recovered())

    return hide


def nothing_hidden(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
    """Another picture in place of the container: the negative control, which no detector should tell from covers."""
    return Embedding(secret, Recovered)


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


def match_bits(cover: np.ndarray, data: bytes, seed: int) -> np.ndarray:
    """LSB matching: a sample whose lowest bit is wrong steps up or down by one level, at random.

    The plain classical way to carry bits (Sharp 2001, "An implementation of key-based digital signal steganography");
    no key, no header.

    Args:
        cover: uint8.
        data: at most one bit for each sample.
        seed: of positions and directions.
    Returns:
        The container, of the cover's shape, uint8.
    """
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    samples, positions = cover.reshape(-1).astype(np.int16), _positions(cover.size, bits.size, seed)
    steps = np.random.default_rng((seed, 1)).choice(np.array([-1, 1], np.int16), bits.size)
    steps = np.where(samples[positions] == 0, 1, np.where(samples[positions] == 255, -1, steps))
    samples[positions] += (samples[positions] & 1 != bits) * steps
    return samples.astype(np.uint8).reshape(cover.shape)


def read_matched_bits(container: np.ndarray, size: int, seed: int) -> bytes:
    """The `size` bytes that `match_bits` hid."""
    positions = _positions(container.size, 8 * size, seed)
    return np.packbits(container.reshape(-1)[positions] & 1).tobytes()


def avif(picture: np.ndarray, rate: float) -> bytes:
    """The best AVIF 4:4:4 of at most `rate` bits per pixel; lossless WebP if that fits.

    Raises:
        CapacityError: even the lowest quality is larger.
    """
    return _compressed(picture, int(rate * picture.shape[0] * picture.shape[1] / 8))[0]


def _compressed(picture: np.ndarray, most: int) -> tuple[bytes, str]:
    """The picture in at most so many bytes, and the suffix of their format."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_png(folder / "secret.png", picture)
        made = compress_picture(folder / "secret.png", folder, most).path
        return made.read_bytes(), made.suffix


def _full_payload(cover: np.ndarray, secret: np.ndarray) -> tuple[bytes, str]:
    """The file that `stegnet hide --method sealed --compress` hides, and its name."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "secret.png"
        write_png(path, secret)
        data = path.read_bytes()
    if len(data) <= bytes_room(*cover.shape[:2], "secret.png"):
        return data, "secret.png"
    data, suffix = _compressed(secret, bytes_room(*cover.shape[:2], "secret.avif"))
    return data, f"secret{suffix}"


def _decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.array(picture.convert("RGB"))


def _opened(container: np.ndarray, key: Key) -> bytes | None:
    """The file in a container; None if it does not open."""
    try:
        return reveal_bytes(container, key)
    except RevealError:
        return None


def _key_of(key: Key | None, seed: int) -> tuple[Key, Randomness]:
    """The key of a container, and the source of what else is random."""
    random = seeded(seed)
    return key or Key(random(KEY_BYTES)), random


def _bits(data: bytes, cover: np.ndarray) -> float:
    """Bits per pixel."""
    return 8 * len(data) / (cover.shape[0] * cover.shape[1])


def _positions(samples: int, bits: int, seed: int) -> np.ndarray:
    """Distinct positions, one for each bit.

    Raises:
        ValueError: there are more bits than samples.
    """
    if bits > samples:
        raise ValueError(f"{samples} samples carry no {bits} bits")
    return np.random.default_rng((seed, 0)).permutation(samples)[:bits]
