"""One frame: the network hides a secret in a cover, and sealed bits carry what must arrive exactly."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.kinds import FILM, PICTURE
from stegnet.core.samples import CODED, HIDDEN_RMS, LEVELS, NONE, Base
from stegnet.core.shuffle import BLOCK, Shuffle, draw, grid
from stegnet.image.pictures import resize, unresize
from stegnet.keys import ANY_KEY, FILM_ID_BYTES, ContainerKeys, Key
from stegnet.networks.engines.tiling import Step, no_step
from stegnet.networks.network import Network
from stegnet.record import (
    MAX_PIXEL_RATIO,
    FrameReading,
    Header,
    Pictures,
    Record,
    encode_base,
    format_record,
    hidden_size,
    least_base,
    least_base_per_pixel,
)
from stegnet.sealing import FILM_EFFORT, PICTURE_EFFORT, Margin, SealOptions, room, rounding_costs, seal, too_small


@dataclass(frozen=True)
class FrameInput:
    """Input of one frame.

    Attributes:
        secret: (h, w, 3) uint8, stretched to the hidden area; None for a frame that hides none.
        record: without the base.
        seed: as in `seal`.
    """

    secret: np.ndarray | None
    record: Record
    seed: bytes


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
    if needed + least_base(secret.base, rows, cols) > room(height, width, key) or not rows or not cols:
        needed += least_base(secret.base, 0, 0)
        margin = Margin(least_base_per_pixel(secret.base), secret.block)
        raise too_small(height, width, needed, key, margin=margin)
    if secret.width * secret.height > MAX_PIXEL_RATIO * height * width:
        message = f"the secret is too large for its cover: {secret.width}×{secret.height} pixels in {width}×{height}"
        raise CapacityError(message, f"it may have {MAX_PIXEL_RATIO} times the cover's pixels")


def hides_in(height: int, width: int) -> bool:
    """True if a picture or film fits into a cover of this size."""
    one = Fraction(1)
    header = Header(bytes(FILM_ID_BYTES), PICTURE, 1, Pictures(1, 1, 1, one, one, CODED, BLOCK, "00" * 32))
    try:
        check_cover(height, width, header, ANY_KEY, 0)
    except CapacityError:
        return False
    return True


def grey_refused() -> CapacityError:
    """The error for a grey cover, which networks would colour."""
    hint = '`method="sealed"` keeps it grey, or use a cover in colour'
    return CapacityError("the cover is grey, and a network would give it coloured pixels", hint)


def hide_frame(
    network: Network, keys: ContainerKeys, cover: np.ndarray, given: FrameInput, step: Step = no_step
) -> np.ndarray:
    """Hides a secret in the area at the top left that is a multiple of the block; the margin stays the cover's.

    Args:
        cover: (H, W, 3) uint8; not changed.
        step: called after each tile of a large picture.
    Returns:
        The container, (H, W, 3) uint8, with its record.
    Raises:
        CapacityError: not even the coarsest base fits.
    """
    container, record = np.ascontiguousarray(cover).copy(), given.record
    rounding_error = np.zeros(container.shape, np.int8)
    if given.secret is not None:
        record = _hide_secret(network, keys.film, given, container, rounding_error, step)
    effort = FILM_EFFORT if record.header.kind == FILM else PICTURE_EFFORT
    options = SealOptions(record.index == 0, effort)
    seal(container, format_record(record, keys.film), keys, given.seed, rounding_costs(rounding_error), options)
    return container


def _hide_secret(
    network: Network, key: Key, given: FrameInput, container: np.ndarray, rounding_error: np.ndarray, step: Step
) -> Record:
    """Hides a secret in a copy of its cover, and stores what rounding took; the record with the secret's base.

    What it needs is gone before the record is sealed: of a large picture, that is much memory.
    """
    area, shuffle = _area(container, given.record, key)
    height, width = area.shape[:2]
    stretched = resize(given.secret, height, width)
    record, base = _with_base(network, stretched, given.record, room(*container.shape[:2], key), key)
    hidden = network.hide(area, stretched, shuffle, base, step)
    area[:], rounding_error[:height, :width] = hidden.container, hidden.rounding_error
    return record


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
    secret, noise = (
        reading.record.header.secret,
        LEVELS * HIDDEN_RMS / reading.base.gain,
    )  # the base's, without a residual
    return unresize(network.reveal(area, shuffle, reading.base, step), secret.height, secret.width, noise)


def _with_base(network: Network, secret: np.ndarray, record: Record, most: int, key: Key) -> tuple[Record, Base]:
    """The record with the base of a secret, (H, W, 3) uint8, and the base as a reader decodes and enhances it.

    Args:
        most: bytes of the whole record.
    """
    kind, film = record.header.secret.base, record.header.kind == FILM
    room_left = most - len(format_record(record, key))
    data, base = encode_base(secret, kind, network.quality, room_left, film, network.enhance)
    return replace(record, base=data), base


def _area(picture: np.ndarray, record: Record, key: Key) -> tuple[np.ndarray, Shuffle]:
    """The hidden area of a cover or container, a view, and its shuffle."""
    block = record.header.secret.block
    rows, cols = grid(*picture.shape[:2], block)
    shuffle = draw(key.shuffle(record.header.film_id, record.index), rows, cols)
    return picture[: rows * block, : cols * block], shuffle
