"""A pair's secret in a picture or a film's frame: the network hides it, and sealed bits carry what must arrive exactly.

Stages of the pipeline hide so, too, without the method "network": no command line and no files.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from stegnet.core.errors import CapacityError, RevealError
from stegnet.core.keystream import Shuffle, draw, grid
from stegnet.core.names import FILM, PICTURE
from stegnet.core.parallel import Count, no_count
from stegnet.core.pixels import BLOCK, CODED, HIDDEN_RMS, LEVELS, NONE, most_declared
from stegnet.core.text import CommandLine, Setting, Text
from stegnet.image.pictures import resize
from stegnet.keys import ANY_KEY, FILM_ID_BYTES, SYSTEM, ContainerKeys, Key, KeyRing, KeySource, Randomness
from stegnet.networks.inference import Network
from stegnet.networks.unresize import unresize
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
    record_bytes,
)
from stegnet.sealing import (
    FILM_EFFORT,
    PICTURE_EFFORT,
    SEED_BYTES,
    CoverNeeds,
    SealOptions,
    record_capacity,
    rounding_costs,
    seal,
    too_small,
)


@dataclass(frozen=True)
class FrameInput:
    """Input of one frame.

    Attributes:
        secret: (h, w, 3) uint8, stretched to the hidden area; None for a frame that hides nothing.
        record: without the base.
        seed: as in `seal`.
    """

    secret: np.ndarray | None
    record: Record
    seed: bytes


@dataclass(frozen=True)
class RevealedPicture:
    """A revealed picture.

    Attributes:
        picture: (h, w, 3) uint8, at its true size.
        whole: whether the container is exactly as it was hidden.
    """

    picture: np.ndarray
    whole: bool


def check_frame_capacity(height: int, width: int, header: Header, key: Key, data: int) -> None:
    """Refuse a cover too small for the secret and `data` bytes of sound in a frame; the hint gives a larger size."""
    secret = header.pictures
    needed = record_bytes(Record(header, 0, base=b"-" if secret.base != NONE else b"")) + data
    rows, cols = hidden_size(height, width, secret)
    most_bytes = record_capacity(height, width, key) or 0
    if needed + least_base(secret.base, rows, cols) > most_bytes or not rows or not cols:
        needed += least_base(secret.base, 0, 0)
        needs = CoverNeeds(share=least_base_per_pixel(secret.base), pixels=secret.block)
        raise too_small(height, width, needed, key, needs)
    most = min(MAX_PIXEL_RATIO * height * width, most_declared(height * width))
    largest = max(secret.width, cols) * max(secret.height, rows)  # while it is resized
    if secret.width * secret.height > most or largest > most_declared(height * width):
        message = f"the secret is too large for its cover: {secret.width}×{secret.height} pixels in {width}×{height}"
        raise CapacityError(message, f"reduce it to at most {most} pixels, or use a larger cover")


def hides_in(height: int, width: int) -> bool:
    """Return whether a picture or film fits into a cover of this size."""
    one = Fraction(1)
    header = Header(bytes(FILM_ID_BYTES), PICTURE, 1, Pictures(1, 1, 1, one, one, CODED, BLOCK, "00" * 32))
    try:
        check_frame_capacity(height, width, header, ANY_KEY, 0)
    except CapacityError:
        return False
    return True


def grey_refused() -> CapacityError:
    """Return the error for a grey cover, which networks would colour."""
    hint = Text(Setting("method", "sealed"), " keeps it grey, or use a cover in colour")
    return CapacityError("the cover is grey, and a network would give it coloured pixels", hint)


def hide_frame(
    network: Network, keys: ContainerKeys, cover: np.ndarray, given: FrameInput, progress: Count = no_count
) -> np.ndarray:
    """Hide a secret in the top left area whose sides are multiples of the block; the margin remains the cover's.

    Args:
        network: the pair that hides.
        keys: keys of the container.
        cover: (H, W, 3) uint8; not changed.
        given: secret, record and seed of the frame.
        progress: called after each tile of a large picture.

    Returns:
        The container, (H, W, 3) uint8, with its record.

    Raises:
        CapacityError: not even the coarsest base fits.
    """
    container = np.ascontiguousarray(cover).copy()
    record = given.record
    rounding_error = np.zeros(container.shape, np.int8)
    if given.secret is not None:
        record = _hide_secret(network, keys.film, given, container, rounding_error, progress)
    effort = FILM_EFFORT if record.header.kind == FILM else PICTURE_EFFORT
    options = SealOptions(record.index == 0, effort)
    return seal(
        container, format_record(record, keys.secret), keys, given.seed, rounding_costs(rounding_error), options
    )


def _hide_secret(
    network: Network, key: Key, given: FrameInput, container: np.ndarray, rounding_error: np.ndarray, progress: Count
) -> Record:
    """Hide a secret in a copy of its cover, store the rounding errors, and return the record with the secret's base.

    Everything it needs is freed before the record is sealed, which for a large picture is much memory.
    """
    assert given.secret is not None
    area, shuffle = _area(container, given.record, key)
    height, width = area.shape[:2]
    stretched = resize(given.secret, height, width)
    header = given.record.header
    bytes_left = (record_capacity(container.shape[0], container.shape[1], key) or 0) - record_bytes(given.record)
    film = header.kind == FILM
    data, base = encode_base(stretched, header.pictures.base, network.quality, bytes_left, film, network.enhance)
    hidden = network.hide(area, stretched, shuffle, base, progress)
    area[:] = hidden.container
    rounding_error[:height, :width] = hidden.rounding_error
    return replace(given.record, base=data)


def reveal_frame(
    network: Network, key: Key, container: np.ndarray, reading: FrameReading, progress: Count = no_count
) -> np.ndarray:
    """Reveal the secret of one frame, (H, W, 3) uint8, at its true size, (h, w, 3) uint8.

    Args:
        network: the pair that hid the secret.
        key: film key.
        container: (H, W, 3) uint8.
        reading: record and base that were read from the frame.
        progress: called after each tile.
    """
    assert reading.record is not None and reading.base is not None
    area, shuffle = _area(container, reading.record, key)
    return at_own_size(network.reveal(area, shuffle, reading.base, progress), reading)


def at_own_size(revealed: np.ndarray, reading: FrameReading) -> np.ndarray:
    """Resize the revealed area of a frame, or its base, (H, W, 3) uint8, to the secret's own size, (h, w, 3)."""
    assert reading.record is not None and reading.base is not None
    secret = reading.record.header.pictures
    noise = LEVELS * HIDDEN_RMS / reading.base.gain  # the base's noise, without a residual
    return unresize(revealed, secret.height, secret.width, noise)


def _area(picture: np.ndarray, record: Record, key: Key) -> tuple[np.ndarray, Shuffle]:
    """Return the hidden area of a cover or container, a view, and its shuffle."""
    block = record.header.pictures.block
    height, width = picture.shape[:2]
    rows, cols = grid(height, width, block)
    shuffle = draw(key.shuffle(record.header.film_id, record.index), rows, cols)
    return picture[: rows * block, : cols * block], shuffle


def hide_picture(
    network: Network,
    cover: np.ndarray,
    secret: np.ndarray,
    key_source: KeySource,
    randomness: Randomness = SYSTEM,
    progress: Count = no_count,
) -> np.ndarray:
    """Hide one picture in another.

    Args:
        network: the pair that hides.
        cover: (H, W, 3) uint8.
        secret: (h, w, 3) uint8; stretched to the cover's hidden area.
        key_source: key, passphrase or recipient.
        randomness: source of the film secret (with a passphrase), film id and seed, drawn in this order.
        progress: called after each tile of a large picture.

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
    cover_height, cover_width = cover.shape[:2]
    check_frame_capacity(cover_height, cover_width, header, keys.film, 0)
    return hide_frame(network, keys, cover, FrameInput(secret, Record(header, 0), randomness(SEED_BYTES)), progress)


def reveal_picture(network: Network, container: np.ndarray, key_source: KeySource) -> RevealedPicture:
    """Reveal the picture hidden in another, (H, W, 3) uint8.

    Raises:
        RevealError: wrong key, nothing hidden, altered beyond reading, or a film or file is hidden instead.
        WeightsError: hidden with other weights.
    """
    ring = KeyRing(key_source)
    reading = read_record(container, ring, first=True)
    if reading.record is None:
        raise nothing_revealed()
    return reveal_read_picture(network, container, ring.film, reading)


def reveal_read_picture(
    network: Network, container: np.ndarray, key: Key, reading: FrameReading, progress: Count = no_count
) -> RevealedPicture:
    """Reveal a picture whose record has been read; arguments and errors are those of `reveal_picture`."""
    record = reading.record
    assert record is not None
    if record.header.kind != PICTURE:
        raise RevealError(
            "what is hidden here is not a picture of its own", Text(CommandLine("stegnet info", "see what it is"))
        )
    network.check(record.header.pictures.weights)
    return RevealedPicture(reveal_frame(network, key, container, reading, progress), reading.whole)
