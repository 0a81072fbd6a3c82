"""The sealed method with a compressed picture: as `stegnet hide --method sealed --compress` hides it, or at a rate."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.keys import KeyRing
from stegnet.media import read_picture, write_png
from stegnet.media.compress import compress_picture
from stegnet.methods import Run
from stegnet.methods.sealed import SealedOptions, embed_file, hide_bytes, reveal_bytes
from stegnet.record import read_record
from stegnet.results import OutputTarget
from study.methods import Embedding, Method, Recovered, bits_per_pixel, hide_evenly


def sealed_compressed(rate: float, even: bool = False) -> Method:
    """The sealed method with the secret as the best compressed picture, under the public key.

    Args:
        rate: most bits per pixel of the compressed picture.
        even: every sample costs the same, for the fewest changes; else flat areas cost more, as users get it.
    Raises:
        CapacityError: (the method) the secret is too large even at the lowest quality.
    """

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        data, name = compressed(secret, int(rate * secret.shape[0] * secret.shape[1] / 8))
        seal_file = hide_evenly if even else hide_bytes
        container = seal_file(cover, data, PUBLIC_DEMONSTRATION_KEY, name=name, randomness=seeded(seed))
        return _embedded_picture(cover, container, data, name)

    return hide


def sealed_full(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
    """`stegnet hide --method sealed --compress`: the secret as large as fits, or as it is if that fits."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        before, hidden, out = folder / "cover.png", folder / "secret.png", folder / "container.png"
        write_png(before, cover)
        write_png(hidden, secret)
        key, options = PUBLIC_DEMONSTRATION_KEY, SealedOptions(compress=True, verify=False)
        embed_file(before, hidden, OutputTarget(out), key, options, Run(randomness=seeded(seed)))
        container = read_picture(out)
    record = read_record(container, KeyRing(key), first=True).record
    return _embedded_picture(cover, container, record.data, record.header.secret.name)


def compressed(picture: np.ndarray, most: int) -> tuple[bytes, str]:
    """The best compressed picture of at most `most` bytes, and a name for it.

    Raises:
        CapacityError: even the lowest quality is larger.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_png(folder / "secret.png", picture)
        path = compress_picture(folder / "secret.png", folder, most).path
        return path.read_bytes(), path.name


def _embedded_picture(cover: np.ndarray, container: np.ndarray, data: bytes, name: str) -> Embedding:
    """An embedding of a picture file under the public key."""

    def reveal(given: np.ndarray) -> Recovered:
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(reveal_bytes(given, PUBLIC_DEMONSTRATION_KEY))
            return Recovered(read_picture(path))

    return Embedding(container, reveal, bits_per_pixel(data, cover))
