"""Reading the record of a frame; one with any invalid part counts as none."""

from dataclasses import dataclass

import numpy as np

from stegnet.core.errors import RevealError
from stegnet.core.samples import Base
from stegnet.core.shuffle import grid
from stegnet.keys import KeyRing
from stegnet.record.base import decode_base
from stegnet.record.diagnosis import UNREADABLE, FrameStatus
from stegnet.record.fields import require
from stegnet.record.record import Pictures, Record, parse_record
from stegnet.record.sound import parse_packets
from stegnet.sealing import PIXELS, CarrierModel, unseal

MAX_PIXEL_RATIO = 256  # pixels of a secret for each pixel of its container: revealing needs memory for them


@dataclass(frozen=True)
class FrameReading:
    """The record read from a frame of a container.

    Attributes:
        record: None if nothing opens with this key.
        whole: True if no sample was changed after sealing.
        base: of the hidden picture; None if the frame hides none.
    """

    record: Record | None
    whole: bool
    base: Base | None = None

    @property
    def status(self) -> FrameStatus:
        """State of the frame."""
        if self.record is None:
            return UNREADABLE
        return FrameStatus(self.record.index, self.whole, self.record.stamp)


def read_record(container: np.ndarray, keys: KeyRing, *, first: bool, medium: CarrierModel = PIXELS) -> FrameReading:
    """Unseals and parses the record of a frame, (H, W, 3) uint8. A record with any invalid part counts as none.

    Args:
        first: it is the first frame of its file.
        medium: what the samples are.
    """
    reading = unseal(container, keys, first=first, medium=medium)
    if reading is None:
        return FrameReading(None, False)
    try:
        record = parse_record(reading.record, keys.film)
        base = _checked_base(record, *container.shape[:2])
    except ValueError:
        return FrameReading(None, False)
    return FrameReading(record, reading.whole, base)


def nothing_revealed() -> RevealError:
    """The one error for a wrong key, nothing hidden, and a container altered beyond reading."""
    hint = "the key is another one, or the file was altered, or it hides nothing"
    return RevealError("nothing can be revealed: nothing here opens with this key", hint)


def _checked_base(record: Record, height: int, width: int) -> Base | None:
    """The base of a record that hides a picture.

    Raises:
        ValueError: base or sound are invalid, the hidden area has no size, or the secret far exceeds the container's.
    """
    secret = record.header.secret
    if not isinstance(secret, Pictures):
        return None
    require(secret.width * secret.height <= MAX_PIXEL_RATIO * height * width)
    area = hidden_size(height, width, secret)
    require(min(area) > 0)
    for _ in parse_packets(record.data, len(secret.tracks)):
        pass
    return decode_base(record.base, secret.base, *area) if record.index < secret.hidden else None


def hidden_size(height: int, width: int, secret: Pictures) -> tuple[int, int]:
    """Height and width of the hidden area in pixels."""
    rows, cols = grid(height, width, secret.block)
    return rows * secret.block, cols * secret.block
