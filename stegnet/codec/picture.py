"""A picture in a picture."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stegnet.codec.frame import check_cover, find, hide_frame, reveal_frame
from stegnet.codec.keys import FILM_ID_BYTES, SALT_BYTES, SYSTEM, KeySource, Randomness
from stegnet.codec.network import Network, Step, no_step
from stegnet.codec.record import PICTURE, Header, Pictures, Record
from stegnet.codec.seal import NONCE_BYTES, read_salt
from stegnet.core.errors import RevealError


@dataclass(frozen=True)
class Revealed:
    """A revealed picture.

    Attributes:
        picture: (h, w, 3) uint8, at its true size.
        whole: is the container exactly as it was hidden? If not, someone or something altered it.
    """

    picture: np.ndarray
    whole: bool


def hide_picture(
    network: Network,
    cover: np.ndarray,
    secret: np.ndarray,
    secret_key: KeySource,
    randomness: Randomness = SYSTEM,
    step: Step = no_step,
) -> np.ndarray:
    """Hides one picture in another.

    Args:
        cover: (H, W, 3) uint8.
        secret: (h, w, 3) uint8; stretched to the cover's hidden area.
        step: called after each tile of a large picture.
    Returns:
        The container, (H, W, 3) uint8.
    Raises:
        CapacityError: the cover is too small.
    """
    salt = randomness(SALT_BYTES)
    key = secret_key.unlock(salt)
    height, width = secret.shape[:2]
    one = Fraction(1)
    described = Pictures(width, height, 1, one, one, network.detail, network.block, network.weights)
    header = Header(randomness(FILM_ID_BYTES), PICTURE, 1, described)
    check_cover(*cover.shape[:2], header, key, 0)
    return hide_frame(network, key, cover, secret, Record(header, 0), randomness(NONCE_BYTES), salt, step)


def find_picture(container: np.ndarray, secret_key: KeySource) -> tuple[Record, bool]:
    """The record in a container, (H, W, 3) uint8, and whether the container is whole.

    Raises:
        RevealError: wrong key, nothing hidden, or altered beyond reading.
    """
    found = find(container, secret_key.unlock(read_salt(container)))
    if found.record is None:
        raise nothing()
    return found.record, found.whole


def reveal_picture(network: Network, container: np.ndarray, secret_key: KeySource, step: Step = no_step) -> Revealed:
    """The hidden picture.

    Args:
        container: (H, W, 3) uint8.
        step: called after each tile of a large picture.
    Raises:
        RevealError: wrong key, nothing hidden, altered beyond reading, or not a picture but a film or file.
        WeightsError: hidden with other weights.
    """
    record, whole = find_picture(container, secret_key)
    if record.header.kind != PICTURE:
        raise RevealError("what is hidden here is no picture of its own", "`stegnet info` says what it is")
    network.check(record.header.secret.weights)
    key = secret_key.unlock(read_salt(container))
    return Revealed(reveal_frame(network, key, container, record, step), whole)


def nothing() -> RevealError:
    """The one message for a wrong key, nothing hidden, and what is altered beyond reading."""
    return RevealError(
        "nothing can be revealed: nothing here opens with this key",
        "the key is another one, or the file was altered, or it hides nothing",
    )
