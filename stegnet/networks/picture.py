"""A picture in a picture, on arrays."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stegnet.core.errors import RevealError
from stegnet.core.kinds import PICTURE
from stegnet.keys import FILM_ID_BYTES, SYSTEM, Key, KeyRing, KeySource, Randomness
from stegnet.networks.engines.tiling import Step, no_step
from stegnet.networks.frame import FrameInput, check_cover, hide_frame, reveal_frame
from stegnet.networks.network import Network
from stegnet.record import FrameReading, Header, Pictures, Record, nothing_revealed, read_record
from stegnet.sealing import SEED_BYTES


@dataclass(frozen=True)
class Revealed:
    """A revealed picture.

    Attributes:
        picture: (h, w, 3) uint8, at its true size.
        whole: True if the container is exactly as it was hidden; False if it was altered.
    """

    picture: np.ndarray
    whole: bool


def hide_picture(
    network: Network,
    cover: np.ndarray,
    secret: np.ndarray,
    key_source: KeySource,
    randomness: Randomness = SYSTEM,
    step: Step = no_step,
) -> np.ndarray:
    """Hides one picture in another.

    Args:
        cover: (H, W, 3) uint8.
        secret: (h, w, 3) uint8; stretched to the cover's hidden area.
        randomness: source of the film secret (with a passphrase), film id and seed, drawn in this order.
        step: called after each tile of a large picture.
    Returns:
        The container, (H, W, 3) uint8.
    Raises:
        CapacityError: the cover is too small.
    """
    keys = key_source.new_keys(randomness)
    height, width = secret.shape[:2]
    one = Fraction(1)
    described = Pictures(width, height, 1, one, one, network.base, network.block, network.weights)
    header = Header(randomness(FILM_ID_BYTES), PICTURE, 1, described)
    check_cover(*cover.shape[:2], header, keys.film, 0)
    return hide_frame(network, keys, cover, FrameInput(secret, Record(header, 0), randomness(SEED_BYTES)), step)


def read_picture_record(container: np.ndarray, key_source: KeySource) -> tuple[Key, FrameReading]:
    """Opens a container, (H, W, 3) uint8: its key, and the reading of a record that is there.

    Raises:
        RevealError: wrong key, nothing hidden, or altered beyond reading.
    """
    ring = KeyRing(key_source)
    reading = read_record(container, ring, first=True)
    if reading.record is None:
        raise nothing_revealed()
    return ring.film, reading


def reveal_picture(network: Network, container: np.ndarray, key_source: KeySource, step: Step = no_step) -> Revealed:
    """Reveals the picture hidden in another.

    Args:
        container: (H, W, 3) uint8.
        step: called after each tile of a large picture.
    Raises:
        RevealError: wrong key, nothing hidden, altered beyond reading, or a film or file is hidden instead.
        WeightsError: hidden with other weights.
    """
    return reveal_read_picture(network, container, *read_picture_record(container, key_source), step)


def reveal_read_picture(
    network: Network, container: np.ndarray, key: Key, reading: FrameReading, step: Step = no_step
) -> Revealed:
    """Reveals a picture whose record was read already; arguments and errors as `reveal_picture`."""
    record = reading.record
    assert record is not None
    if record.header.kind != PICTURE:
        raise RevealError("what is hidden here is not a picture of its own", "`stegnet info` says what it is")
    network.check(record.header.secret.weights)
    return Revealed(reveal_frame(network, key, container, reading, step), reading.whole)
