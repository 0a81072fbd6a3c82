"""One frame: a secret goes through the network into a cover, and what must arrive exact into sealed bits."""

from dataclasses import dataclass, replace

import numpy as np

from stegnet.codec import thumbnail
from stegnet.codec.keys import Key
from stegnet.codec.network import Network, Step, no_step
from stegnet.codec.parsing import require
from stegnet.codec.record import Header, Pictures, Record, format_record, parse_record
from stegnet.codec.seal import room, seal, too_small, unseal
from stegnet.codec.tracks import parse_packets
from stegnet.core.errors import CapacityError
from stegnet.core.samples import CELL
from stegnet.core.shuffle import Shuffle, draw, grid
from stegnet.media import resize

MOST_TIMES = 256  # pixels that a secret may have for each of its container: who reveals it needs memory for them


@dataclass(frozen=True)
class FrameReading:
    """What a frame of a container says.

    Attributes:
        record: what it holds; None if nothing opens with this key.
        whole: is every sample as it was sealed?
    """

    record: Record | None
    whole: bool


@dataclass(frozen=True)
class Unsealed:
    """A frame's container before its record is sealed in it.

    Attributes:
        container: (H, W, 3) uint8.
        lean: (H, W, 3) int8, as `seal` takes it.
        record: whole.
    """

    container: np.ndarray
    lean: np.ndarray
    record: Record

    def sealed(self, key: Key, nonce: bytes, salt: bytes | None) -> np.ndarray:
        """The container, (H, W, 3) uint8; arguments and errors as `seal`."""
        container = self.container.copy()
        seal(container, format_record(self.record, key), key, nonce, salt, self.lean)
        return container


def check_cover(height: int, width: int, header: Header, key: Key, data: int) -> None:
    """Stops where a cover of this size has no room for the secret.

    Args:
        data: bytes of sound that travel with a frame at most.
    Raises:
        CapacityError: it is too small; the hint says what would do.
    """
    secret = header.secret
    needed = len(format_record(Record(header, 0, thumbnail=b"-"), key)) + data
    rows, cols = _cells(height, width, secret)
    means, share = (thumbnail.most(rows, cols), thumbnail.SHARE / CELL**2) if secret.detail else (0, 0.0)
    if needed + means > room(height, width) or not rows or not cols:
        raise too_small(height, width, needed + min(means, thumbnail.most(0, 0)), share, secret.block)
    if secret.width * secret.height > MOST_TIMES * height * width:
        told = f"the secret is too large for its cover: {secret.width}×{secret.height} pixels in {width}×{height}"
        raise CapacityError(told, f"it may have {MOST_TIMES} times the cover's pixels")


def hide_frame(
    network: Network,
    key: Key,
    cover: np.ndarray,
    secret: np.ndarray | None,
    record: Record,
    nonce: bytes,
    salt: bytes | None,
    step: Step = no_step,
) -> np.ndarray:
    """The container of one frame, (H, W, 3) uint8: `hide_unsealed`, and the record sealed in it.

    Args:
        nonce, salt: as `seal` takes them.
        step: called after each tile of a large picture.
    Raises:
        CapacityError: the cover is too small.
    """
    return hide_unsealed(network, key, cover, secret, record, step).sealed(key, nonce, salt)


def hide_unsealed(
    network: Network, key: Key, cover: np.ndarray, secret: np.ndarray | None, record: Record, step: Step = no_step
) -> Unsealed:
    """The hidden area at the top left, and the cover's margin.

    Args:
        cover: (H, W, 3) uint8; not changed.
        secret: (h, w, 3) uint8, stretched to the hidden area; None where the cover's frame hides none.
        record: without the thumbnail, which is added here.
    """
    hidden = None
    if secret is not None:
        area, shuffle = _area(cover, record, key)
        height, width = area.shape[:2]
        hidden = network.hide(area, resize(secret, height, width), shuffle, step)
        if hidden.means is not None:
            record = replace(record, thumbnail=thumbnail.pack(hidden.means))
    container = np.ascontiguousarray(cover).copy()
    lean = np.zeros(container.shape, np.int8)
    if hidden is not None:
        container[:height, :width], lean[:height, :width] = hidden.container, hidden.lean
    return Unsealed(container, lean, record)


def find(container: np.ndarray, key: Key) -> FrameReading:
    """What `hide_frame` sealed into a container, (H, W, 3) uint8. A record of which any part is wrong is none."""
    reading = unseal(container, key)
    if reading is None:
        return FrameReading(None, False)
    try:
        record = parse_record(reading.record, key)
        _check_parts(record, *container.shape[:2])
    except ValueError:
        return FrameReading(None, False)
    return FrameReading(record, reading.whole)


def reveal_frame(network: Network, key: Key, container: np.ndarray, record: Record, step: Step = no_step) -> np.ndarray:
    """The hidden frame at its true size, (h, w, 3) uint8.

    Args:
        container: in which `find` found the record.
        step: called after each tile of a large picture.
    Raises:
        CapacityError: there is not memory enough.
    """
    area, shuffle = _area(container, record, key)
    secret = record.header.secret
    means = thumbnail.unpack(record.thumbnail, area.shape[0] // CELL, area.shape[1] // CELL) if secret.detail else None
    return resize(network.reveal(area, shuffle, means, step), secret.height, secret.width)


def _check_parts(record: Record, height: int, width: int) -> None:
    """ValueError where thumbnail or sound are not of this picture, or the secret is far larger."""
    secret = record.header.secret
    if isinstance(secret, Pictures):
        require(secret.width * secret.height <= MOST_TIMES * height * width)
        rows, cols = _cells(height, width, secret)
        require(rows > 0 and cols > 0)
        if record.thumbnail:
            thumbnail.unpack(record.thumbnail, rows, cols)
        for _ in parse_packets(record.data, len(secret.tracks)):
            pass


def _cells(height: int, width: int, secret: Pictures) -> tuple[int, int]:
    """Rows and columns of 8×8 cells in the hidden area."""
    rows, cols = grid(height, width, secret.block)
    return rows * secret.block // CELL, cols * secret.block // CELL


def _area(picture: np.ndarray, record: Record, key: Key) -> tuple[np.ndarray, Shuffle]:
    """The part of a cover or container that hides, and its shuffle."""
    block = record.header.secret.block
    rows, cols = grid(*picture.shape[:2], block)
    shuffle = draw(key.shuffle(record.header.film_id, record.index), rows, cols)
    return picture[: rows * block, : cols * block], shuffle
