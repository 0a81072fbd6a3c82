"""A picture or a film's frame: the network hides a secret in it, and sealed bits carry what must arrive exactly."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from stegnet.core.errors import CapacityError, RevealError
from stegnet.core.keystream import BLOCK, Shuffle, draw, grid
from stegnet.core.names import FILM, PICTURE
from stegnet.core.pixels import CODED, HIDDEN_RMS, LEVELS, NONE
from stegnet.image.pictures import resize, unresize
from stegnet.keys import ANY_KEY, FILM_ID_BYTES, SYSTEM, ContainerKeys, Key, KeyRing, KeySource, Randomness
from stegnet.networks.inference import Network, Step, no_step
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
    nothing_revealed,
    read_record,
)
from stegnet.sealing import (
    FILM_EFFORT,
    PICTURE_EFFORT,
    SEED_BYTES,
    Margin,
    SealOptions,
    record_capacity,
    rounding_costs,
    seal,
    too_small,
)


@dataclass(frozen=True)
class FrameInput:
    """Input of one frame."""

    secret: np.ndarray | None  # (h, w, 3) uint8, stretched to the hidden area; None for a frame that hides none
    record: Record  # without the base
    seed: bytes  # as in `seal`


@dataclass(frozen=True)
class Revealed:
    """A revealed picture."""

    picture: np.ndarray  # (h, w, 3) uint8, at its true size
    whole: bool  # the container is exactly as it was hidden


def check_cover(height: int, width: int, header: Header, key: Key, data: int) -> None:
    """Refuses a cover too small for the secret and so many bytes of sound in a frame; a hint says what fits."""
    secret = header.secret
    needed = len(format_record(Record(header, 0, base=b"-" if secret.base != NONE else b""), key)) + data
    rows, cols = hidden_size(height, width, secret)
    if needed + least_base(secret.base, rows, cols) > record_capacity(height, width, key) or not rows or not cols:
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
    header, bytes_left = (
        given.record.header,
        record_capacity(*container.shape[:2], key) - len(format_record(given.record, key)),
    )
    film = header.kind == FILM
    data, base = encode_base(stretched, header.secret.base, network.quality, bytes_left, film, network.enhance)
    hidden = network.hide(area, stretched, shuffle, base, step)
    area[:], rounding_error[:height, :width] = hidden.container, hidden.rounding_error
    return replace(given.record, base=data)


def reveal_frame(
    network: Network, key: Key, container: np.ndarray, reading: FrameReading, step: Step = no_step
) -> np.ndarray:
    """Reveals the secret of one frame, (H, W, 3) uint8, at its true size, (h, w, 3) uint8; `step`: after each tile."""
    assert reading.record is not None and reading.base is not None
    area, shuffle = _area(container, reading.record, key)
    secret = reading.record.header.secret
    noise = LEVELS * HIDDEN_RMS / reading.base.gain  # the base's, without a residual
    return unresize(network.reveal(area, shuffle, reading.base, step), secret.height, secret.width, noise)


def _area(picture: np.ndarray, record: Record, key: Key) -> tuple[np.ndarray, Shuffle]:
    """The hidden area of a cover or container, a view, and its shuffle."""
    block = record.header.secret.block
    rows, cols = grid(*picture.shape[:2], block)
    shuffle = draw(key.shuffle(record.header.film_id, record.index), rows, cols)
    return picture[: rows * block, : cols * block], shuffle


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


def reveal_picture(network: Network, container: np.ndarray, key_source: KeySource, step: Step = no_step) -> Revealed:
    """Reveals the picture hidden in another.

    Args:
        container: (H, W, 3) uint8.
        step: called after each tile of a large picture.
    Raises:
        RevealError: wrong key, nothing hidden, altered beyond reading, or a film or file is hidden instead.
        WeightsError: hidden with other weights.
    """
    ring = KeyRing(key_source)
    reading = read_record(container, ring, first=True)
    if reading.record is None:
        raise nothing_revealed()
    return reveal_read_picture(network, container, ring.film, reading, step)


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
