"""The classical way to hide a picture: compressed first (AVIF 4:4:4), then carried as bits.

Containers and secrets are measured from files, as those of networks are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stegnet.codec import OutputTarget
from stegnet.codec.embed import embed_file
from stegnet.codec.extract import extract_file
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.media import read_picture, write_png
from stegnet.media.compress import compress_picture
from study.tradeoff.matching import embed, extract

SEALED_RATES = (0.25, 0.5, 0.75, 1.0)  # bits per pixel that a secret may have; the sealed method's room is 1.5
FULL_RATES = (2.0, 2.5, 3.0)  # up to one bit in each sample
FULL = "full"


@dataclass(frozen=True)
class Carried:
    """A compressed secret's way through a file.

    Attributes:
        setting: bits per pixel that the secret might have at most, or "full" for all that there is room for.
        bits: per pixel that it had.
        container, revealed: (H, W, 3) uint8.
    """

    setting: str
    bits: float
    container: np.ndarray
    revealed: np.ndarray


def sealed(cover: np.ndarray, secret: np.ndarray, seed: int) -> Iterator[Carried]:
    """By stegnet's sealed method, with key, header, digest and MAC: at each of SEALED_RATES, and as full as it gets.

    Args:
        cover, secret: (H, W, 3) uint8, of one size.
        seed: of what would be random.
    Raises:
        CapacityError: the pictures are so small that the secret is too large at its lowest quality.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_png(folder / "cover.png", cover)
        write_png(folder / "secret.png", secret)
        for rate in SEALED_RATES:
            small = compress_picture(folder / "secret.png", folder, _bytes(rate, cover)).path
            yield _stowed(folder, small, str(rate), seed)
        yield _stowed(folder, folder / "secret.png", FULL, seed)


def matched(cover: np.ndarray, secret: np.ndarray, seed: int) -> Iterator[Carried]:
    """By LSB matching in all samples, at each of FULL_RATES; arguments and errors as `sealed`."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_png(folder / "secret.png", secret)
        for rate in FULL_RATES:
            data = compress_picture(folder / "secret.png", folder, _bytes(rate, cover)).path.read_bytes()
            write_png(folder / "container.png", embed(cover, data, seed))
            container = read_picture(folder / "container.png")
            yield _carried(str(rate), folder / "back", extract(container, len(data), seed), container)


def _bytes(rate: float, cover: np.ndarray) -> int:
    return int(rate * cover.shape[0] * cover.shape[1] / 8)


def _stowed(folder: Path, file: Path, setting: str, seed: int) -> Carried:
    """Hides a file, and brings it back; for "full", it is made as large as fits."""
    container, back = folder / "container.png", folder / "back"
    key, random = PUBLIC_DEMONSTRATION_KEY, seeded(seed)
    place, fill = OutputTarget(container, force=True), setting == FULL
    embed_file(folder / "cover.png", file, place, key, compress=fill, randomness=random)
    extract_file(container, OutputTarget(back, force=True), key)
    return _carried(setting, back, back.read_bytes(), read_picture(container))


def _carried(setting: str, file: Path, data: bytes, container: np.ndarray) -> Carried:
    file.write_bytes(data)
    bits = 8 * len(data) / (container.shape[0] * container.shape[1])
    return Carried(setting, bits, container, read_picture(file))
