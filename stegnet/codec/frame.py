"""One frame: the network hides a secret in a cover, and sealed bits carry what must arrive exactly."""

import zlib
from dataclasses import dataclass, replace

import numpy as np

from stegnet.codec.keys import Key
from stegnet.codec.network import Network, Step, no_step
from stegnet.codec.record import Header, Pictures, Record, format_record, inflate, parse_record, require
from stegnet.codec.seal import room, seal, too_small, unseal
from stegnet.codec.sound import parse_packets
from stegnet.core.errors import CapacityError, RevealError
from stegnet.core.samples import CELL
from stegnet.core.shuffle import Shuffle, draw, grid
from stegnet.media import resize

MAX_PIXEL_RATIO = 256  # pixels of a secret for each pixel of its container: revealing needs memory for them
_LEVEL = 9  # of zlib
_STORED = 16_000  # least size of a block that zlib stores uncompressed, with an overhead of 5 bytes
BYTES_PER_CELL = 3 * (1 + 5 / _STORED)  # bytes that each cell adds to `max_packed`


@dataclass(frozen=True)
class FrameReading:
    """The record read from a frame of a container.

    Attributes:
        record: None if nothing opens with this key.
        whole: True if no sample was changed after sealing.
    """

    record: Record | None
    whole: bool


@dataclass(frozen=True)
class UnsealedFrame:
    """A frame of a container before its record is sealed in it.

    Attributes:
        container: (H, W, 3) uint8.
        rounding_direction: (H, W, 3) int8, as in `seal`.
        record: complete.
    """

    container: np.ndarray
    rounding_direction: np.ndarray
    record: Record

    def sealed(self, key: Key, nonce: bytes, salt: bytes | None) -> np.ndarray:
        """The container with its record, (H, W, 3) uint8; arguments and errors as `seal`."""
        container = self.container.copy()
        seal(container, format_record(self.record, key), key, nonce, salt, self.rounding_direction)
        return container


def check_cover(height: int, width: int, header: Header, key: Key, data: int) -> None:
    """Refuses a cover size that has no room for the secret.

    Args:
        data: most bytes of sound in one frame.
    Raises:
        CapacityError: the cover is too small; the hint gives a size that would do.
    """
    secret = header.secret
    needed = len(format_record(Record(header, 0, thumbnail=b"-"), key)) + data
    rows, cols = _cells(height, width, secret)
    means, share = (max_packed(rows, cols), BYTES_PER_CELL / CELL**2) if secret.detail else (0, 0.0)
    if needed + means > room(height, width) or not rows or not cols:
        raise too_small(height, width, needed + min(means, max_packed(0, 0)), share, secret.block)
    if secret.width * secret.height > MAX_PIXEL_RATIO * height * width:
        message = f"the secret is too large for its cover: {secret.width}×{secret.height} pixels in {width}×{height}"
        raise CapacityError(message, f"it may have {MAX_PIXEL_RATIO} times the cover's pixels")


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
    """Hides a secret in one frame and seals its record: the container, (H, W, 3) uint8.

    Args:
        cover, secret, record: as in `hide_unsealed`.
        nonce, salt: as in `seal`.
        step: called after each tile of a large picture.
    Raises:
        CapacityError: the cover is too small.
    """
    return hide_unsealed(network, key, cover, secret, record, step).sealed(key, nonce, salt)


def hide_unsealed(
    network: Network, key: Key, cover: np.ndarray, secret: np.ndarray | None, record: Record, step: Step = no_step
) -> UnsealedFrame:
    """Hides a secret in the area at the top left that is a multiple of the block; the margin stays the cover's.

    Args:
        cover: (H, W, 3) uint8; not changed.
        secret: (h, w, 3) uint8, stretched to the hidden area; None for a frame that hides none.
        record: without the thumbnail, which is added here.
    """
    hidden = None
    if secret is not None:
        area, shuffle = _area(cover, record, key)
        height, width = area.shape[:2]
        hidden = network.hide(area, resize(secret, height, width), shuffle, step)
        if hidden.means is not None:
            record = replace(record, thumbnail=pack_means(hidden.means))
    container = np.ascontiguousarray(cover).copy()
    rounding_direction = np.zeros(container.shape, np.int8)
    if hidden is not None:
        container[:height, :width] = hidden.container
        rounding_direction[:height, :width] = hidden.rounding_direction
    return UnsealedFrame(container, rounding_direction, record)


def read_record(container: np.ndarray, key: Key) -> FrameReading:
    """Unseals and parses the record of a frame, (H, W, 3) uint8. A record with any invalid part counts as none."""
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
    """Reveals the secret of one frame at its true size, (h, w, 3) uint8.

    Args:
        container: (H, W, 3) uint8.
        record: read from it.
        step: called after each tile of a large picture.
    Raises:
        CapacityError: there is not memory enough.
    """
    area, shuffle = _area(container, record, key)
    secret = record.header.secret
    means = unpack_means(record.thumbnail, area.shape[0] // CELL, area.shape[1] // CELL) if secret.detail else None
    return resize(network.reveal(area, shuffle, means, step), secret.height, secret.width)


def nothing_revealed() -> RevealError:
    """The one error for a wrong key, nothing hidden, and a container altered beyond reading."""
    return RevealError(
        "nothing can be revealed: nothing here opens with this key",
        "the key is another one, or the file was altered, or it hides nothing",
    )


def _check_parts(record: Record, height: int, width: int) -> None:
    """Raises ValueError for a thumbnail or sound that is invalid, or a secret far larger than the container."""
    secret = record.header.secret
    if isinstance(secret, Pictures):
        require(secret.width * secret.height <= MAX_PIXEL_RATIO * height * width)
        rows, cols = _cells(height, width, secret)
        require(rows > 0 and cols > 0)
        if record.thumbnail:
            unpack_means(record.thumbnail, rows, cols)
        for _ in parse_packets(record.data, len(secret.tracks)):
            pass


def _cells(height: int, width: int, secret: Pictures) -> tuple[int, int]:
    """Rows and columns of 8×8 cells in the hidden area."""
    rows, cols = grid(height, width, secret.block)
    return rows * secret.block // CELL, cols * secret.block // CELL


def _area(picture: np.ndarray, record: Record, key: Key) -> tuple[np.ndarray, Shuffle]:
    """The hidden area of a cover or container, a view, and its shuffle."""
    block = record.header.secret.block
    rows, cols = grid(*picture.shape[:2], block)
    shuffle = draw(key.shuffle(record.header.film_id, record.index), rows, cols)
    return picture[: rows * block, : cols * block], shuffle


def pack_means(means: np.ndarray) -> bytes:
    """Packs block means, (h, w, 3) uint8, without loss (docs/format.md, "Thumbnail").

    Red and blue less green, differences down and across, all modulo 256; then zlib.
    """
    values = means.copy()
    values[..., 0] -= means[..., 1]
    values[..., 2] -= means[..., 1]
    values[1:] -= values[:-1].copy()
    values[:, 1:] -= values[:, :-1].copy()
    return zlib.compress(np.moveaxis(values, -1, 0).tobytes(), _LEVEL)


def unpack_means(data: bytes, height: int, width: int) -> np.ndarray:
    """Unpacks block means of a known size, (height, width, 3) uint8.

    Raises:
        ValueError: the bytes are not of such means.
    """
    flat = inflate(data, 3 * height * width)
    require(len(flat) == 3 * height * width)
    values = np.moveaxis(np.frombuffer(flat, np.uint8).reshape(3, height, width), 0, -1)
    values = values.cumsum(axis=1, dtype=np.uint8).cumsum(axis=0, dtype=np.uint8)
    values[..., 0] += values[..., 1]
    values[..., 2] += values[..., 1]
    return values


def max_packed(height: int, width: int) -> int:
    """Upper bound of the bytes of packed means of this size (zlib stores what it can't compress)."""
    raw = 3 * height * width
    return raw + 5 * (raw // _STORED + 1) + 16
