"""The ways to hide a picture that are compared: each gives a container, and what reads the secret from it again.

What a way needs besides the container is handed over directly, since sealed bits die with the first changed bit:
to a network its shuffle, and where its detail layer is on the block means, a thumbnail of an eighth of the secret's
sides.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stegnet.codec import Network, OutputTarget
from stegnet.codec.embed import embed_file
from stegnet.codec.extract import extract_file
from stegnet.core.errors import RevealError, WeightsError
from stegnet.core.shuffle import grid
from stegnet.core.tensors import seeded_shuffle
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.media import read_picture, resize, write_png
from stegnet.models import read_card
from study.tradeoff.swap import read_out, swap_in


@dataclass(frozen=True)
class Reading:
    """What a container gives back.

    Attributes:
        picture: (H, W, 3) uint8, where a picture was hidden; None where a file was.
        opened: did the file come back, every byte? None where a picture was hidden.
    """

    picture: np.ndarray | None = None
    opened: bool | None = None


@dataclass(frozen=True)
class Sent:
    """A container on its way.

    Attributes:
        container: (H, W, 3) uint8.
        read: what it, or what has become of it, gives back; of the same shape and dtype.
    """

    container: np.ndarray
    read: Callable[[np.ndarray], Reading]


# Of cover and secret, (H, W, 3) uint8 of one shape with sides that are multiples of 8, and a seed.
Method = Callable[[np.ndarray, np.ndarray, int], Sent]


def by_network(network: Network, shuffled: bool) -> Method:
    """Hides with a network; its shuffle and block means, if any, are handed over."""

    def send(cover: np.ndarray, secret: np.ndarray, seed: int) -> Sent:
        shuffle = seeded_shuffle(seed, *grid(*secret.shape[:2], network.block)) if shuffled else None
        hidden = network.hide(cover, secret, shuffle)
        return Sent(hidden.container, lambda container: Reading(network.reveal(container, shuffle, hidden.means)))

    return send


def load_method(weights: Path) -> Method:
    """Hides with the network in a weights file, shuffled if it was trained so.

    Raises:
        WeightsError: there is no such file, or its card does not say how it was trained.
    """
    network, training = Network.load(weights, backend="torch"), read_card(weights).training
    shuffled = training.get("train", {}).get("scrambled")
    if shuffled is None:
        raise WeightsError(f"{weights}: its card does not say whether it was trained on shuffled blocks")
    return by_network(network, shuffled > 0)


def thumbnail(cover: np.ndarray, secret: np.ndarray, seed: int) -> Sent:
    """Hides nothing and shows the secret's block means, enlarged: what a container that is lost leaves to guess."""
    height, width = secret.shape[:2]
    means = secret.reshape(height // 8, 8, width // 8, 8, 3).mean((1, 3)).round().astype(np.uint8)
    return Sent(cover, lambda container: Reading(resize(means, height, width)))


def swap(cover: np.ndarray, secret: np.ndarray, seed: int) -> Sent:
    """The secret's high four bits in the place of the cover's low four."""
    return Sent(swap_in(cover, secret), lambda container: Reading(read_out(container)))


def sealed(cover: np.ndarray, secret: np.ndarray, seed: int) -> Sent:
    """`stegnet hide --method sealed` with a file of 32 bytes, the SHA-256 of the secret: the least that can be lost."""
    file = hashlib.sha256(secret.tobytes()).digest()
    with TemporaryDirectory() as folder:
        shown, kept, out = (Path(folder) / name for name in ("cover.png", "kept", "container.png"))
        write_png(shown, cover)
        kept.write_bytes(file)
        embed_file(shown, kept, OutputTarget(out), PUBLIC_DEMONSTRATION_KEY, randomness=seeded(seed))
        return Sent(read_picture(out), lambda container: Reading(opened=_unseal(container) == file))


def _unseal(container: np.ndarray) -> bytes | None:
    """The file in a container; None of one that does not open."""
    with TemporaryDirectory() as folder:
        path, out = Path(folder) / "container.png", Path(folder) / "file"
        write_png(path, container)
        try:
            extract_file(path, OutputTarget(out), PUBLIC_DEMONSTRATION_KEY)
        except RevealError:
            return None
        return out.read_bytes()
