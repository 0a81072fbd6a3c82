"""A picture in a picture. A film's frame goes the same way."""

import numpy as np

from stegnet.codec.header import Header, fresh_film_id, nothing, open_header, seal_header
from stegnet.codec.keys import SYSTEM, Key, Randomness
from stegnet.codec.network import Network
from stegnet.errors import CapacityError
from stegnet.media import resize
from stegnet.scramble import BLOCK, draw, grid


def hide_picture(
    network: Network, cover: np.ndarray, secret: np.ndarray, key: Key, randomness: Randomness = SYSTEM
) -> tuple[np.ndarray, bytes]:
    """Hides one picture in another.

    Args:
        cover: (H, W, 3) uint8; at least one block each way.
        secret: (h, w, 3) uint8; stretched to the cover's hidden area.
    Returns:
        The container, (H, W, 3) uint8, and the sealed header that belongs to it.
    Raises:
        CapacityError: the cover is too small.
    """
    height, width = secret.shape[:2]
    header = Header(fresh_film_id(randomness), width, height, BLOCK, network.weights)
    container = hide_frame(network, cover, secret, key, header, 0)
    return container, seal_header(header, key, randomness)


def reveal_picture(network: Network, container: np.ndarray, sealed: bytes | None, key: Key) -> np.ndarray:
    """The hidden picture at its true size, (h, w, 3) uint8.

    Args:
        container: (H, W, 3) uint8.
        sealed: the header that `hide_picture` gave.
    Raises:
        RevealError: wrong key, nothing hidden, or altered.
        WeightsError: hidden with other weights.
    """
    header = open_header(sealed, key)
    if header.timing:
        raise nothing()
    network.check(header.weights)
    return reveal_frame(network, container, key, header, 0)


def check_cover(height: int, width: int) -> None:
    """Stops where a cover of this size has no hidden area.

    Raises:
        CapacityError: it is smaller than one block.
    """
    if min(height, width) < BLOCK:
        raise CapacityError(
            f"the cover is too small: {width}×{height} pixels", f"it needs at least {BLOCK}×{BLOCK} pixels"
        )


def hide_frame(
    network: Network, cover: np.ndarray, secret: np.ndarray, key: Key, header: Header, index: int
) -> np.ndarray:
    """The container of frame `index`: the hidden area at the top left, and the cover's margin unchanged."""
    check_cover(*cover.shape[:2])
    rows, cols = grid(*cover.shape[:2], header.block)
    height, width = rows * header.block, cols * header.block
    shuffle = draw(key.shuffle(header.film_id, index), rows, cols)
    container = cover.copy()
    container[:height, :width] = network.hide(cover[:height, :width], resize(secret, height, width), shuffle)
    return container


def reveal_frame(network: Network, container: np.ndarray, key: Key, header: Header, index: int) -> np.ndarray:
    """The hidden frame `index` at its true size, (h, w, 3) uint8.

    Raises:
        RevealError: the container has no hidden area: it was cut since.
    """
    rows, cols = grid(*container.shape[:2], header.block)
    if rows == 0 or cols == 0:
        raise nothing()
    shuffle = draw(key.shuffle(header.film_id, index), rows, cols)
    area = container[: rows * header.block, : cols * header.block]
    return resize(network.reveal(area, shuffle), header.height, header.width)
