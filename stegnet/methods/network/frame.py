"""One frame: the network hides a secret in a cover, and sealed bits carry what must arrive exactly."""

from dataclasses import dataclass, replace

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.samples import NONE, Base
from stegnet.core.shuffle import Shuffle, draw, grid
from stegnet.engines.tiling import Step, no_step
from stegnet.keys.keys import ContainerKeys, Key
from stegnet.media import resize
from stegnet.methods.network.network import Network
from stegnet.record import base as bases
from stegnet.record.reading import MAX_PIXEL_RATIO, FrameReading, hidden_size
from stegnet.record.record import FILM, Header, Record, format_record
from stegnet.sealing.costs import rounding_costs
from stegnet.sealing.seal import FILM_EFFORT, PICTURE_EFFORT, room, seal, too_small


@dataclass(frozen=True)
class UnsealedFrame:
    """A frame of a container before its record is sealed in it.

    Attributes:
        container: (H, W, 3) uint8.
        rounding_error: (H, W, 3) int8, as in `rounding_costs`.
        record: complete.
    """

    container: np.ndarray
    rounding_error: np.ndarray
    record: Record

    def sealed(self, keys: ContainerKeys, seed: bytes) -> np.ndarray:
        """The container with its record, (H, W, 3) uint8; arguments and errors as `seal`."""
        container, record = self.container.copy(), self.record
        effort = FILM_EFFORT if record.header.kind == FILM else PICTURE_EFFORT
        data, costs = format_record(record, keys.film), rounding_costs(self.rounding_error)
        seal(container, data, keys, seed, costs, first=record.index == 0, effort=effort)
        return container


def check_cover(height: int, width: int, header: Header, key: Key, data: int) -> None:
    """Refuses a cover size that has no room for the secret.

    Args:
        data: most bytes of sound in one frame.
    Raises:
        CapacityError: the cover is too small; the hint gives a size that would do.
    """
    secret = header.secret
    needed = len(format_record(Record(header, 0, base=b"-" if secret.base != NONE else b""), key)) + data
    rows, cols = hidden_size(height, width, secret)
    if needed + bases.least(secret.base, rows, cols) > room(height, width, key) or not rows or not cols:
        needed += bases.least(secret.base, 0, 0)
        raise too_small(height, width, needed, bases.least_per_pixel(secret.base), secret.block, key)
    if secret.width * secret.height > MAX_PIXEL_RATIO * height * width:
        message = f"the secret is too large for its cover: {secret.width}×{secret.height} pixels in {width}×{height}"
        raise CapacityError(message, f"it may have {MAX_PIXEL_RATIO} times the cover's pixels")


def grey_refused() -> CapacityError:
    """The error for a grey cover, which networks would colour."""
    hint = "the method sealed keeps it grey, or take a cover in colour"
    return CapacityError("the cover is grey, and a network would give it coloured pixels", hint)


def hide_frame(
    network: Network,
    keys: ContainerKeys,
    cover: np.ndarray,
    secret: np.ndarray | None,
    record: Record,
    seed: bytes,
    step: Step = no_step,
) -> np.ndarray:
    """Hides a secret in one frame and seals its record: the container, (H, W, 3) uint8.

    Args:
        cover, secret, record: as in `hide_unsealed`.
        seed: as in `seal`.
        step: called after each tile of a large picture.
    Raises:
        CapacityError: the cover is too small.
    """
    return hide_unsealed(network, keys.film, cover, secret, record, step).sealed(keys, seed)


def hide_unsealed(
    network: Network, key: Key, cover: np.ndarray, secret: np.ndarray | None, record: Record, step: Step = no_step
) -> UnsealedFrame:
    """Hides a secret in the area at the top left that is a multiple of the block; the margin stays the cover's.

    Args:
        cover: (H, W, 3) uint8; not changed.
        secret: (h, w, 3) uint8, stretched to the hidden area; None for a frame that hides none.
        record: without the base, which is added here.
    Raises:
        CapacityError: not even the coarsest base fits.
    """
    hidden = None
    if secret is not None:
        area, shuffle = _area(cover, record, key)
        height, width = area.shape[:2]
        stretched = resize(secret, height, width)
        record, base = _with_base(network, stretched, record, room(*cover.shape[:2], key), key)
        hidden = network.hide(area, stretched, shuffle, base, step)
    container = np.ascontiguousarray(cover).copy()
    rounding_error = np.zeros(container.shape, np.int8)
    if hidden is not None:
        container[:height, :width] = hidden.container
        rounding_error[:height, :width] = hidden.rounding_error
    return UnsealedFrame(container, rounding_error, record)


def reveal_frame(
    network: Network, key: Key, container: np.ndarray, reading: FrameReading, step: Step = no_step
) -> np.ndarray:
    """Reveals the secret of one frame at its true size, (h, w, 3) uint8.

    Args:
        container: (H, W, 3) uint8.
        reading: of this frame, which hides a picture.
        step: called after each tile of a large picture.
    Raises:
        CapacityError: there is not memory enough.
    """
    assert reading.record is not None and reading.base is not None
    area, shuffle = _area(container, reading.record, key)
    secret = reading.record.header.secret
    return resize(network.reveal(area, shuffle, reading.base, step), secret.height, secret.width)


def _with_base(network: Network, secret: np.ndarray, record: Record, most: int, key: Key) -> tuple[Record, Base]:
    """The record with the base of a secret, (H, W, 3) uint8, and the base as a reader decodes it.

    Args:
        most: bytes of the whole record.
    """
    kind, film = record.header.secret.base, record.header.kind == FILM
    data = bases.encode(secret, kind, network.quality, most - len(format_record(record, key)), film)
    return replace(record, base=data), bases.decode(data, kind, *secret.shape[:2])


def _area(picture: np.ndarray, record: Record, key: Key) -> tuple[np.ndarray, Shuffle]:
    """The hidden area of a cover or container, a view, and its shuffle."""
    block = record.header.secret.block
    rows, cols = grid(*picture.shape[:2], block)
    shuffle = draw(key.shuffle(record.header.film_id, record.index), rows, cols)
    return picture[: rows * block, : cols * block], shuffle
