"""Amounts that fit into a JPEG, and that are hard to find there."""

import numpy as np

from stegnet.keys import ANY_KEY, Key
from stegnet.media.jpeg import JpegPicture
from stegnet.media.signature import is_jpeg
from stegnet.methods.jpeg import USUAL_QUALITY
from stegnet.methods.jpeg.carrier import CARRIED, COEFFICIENTS
from stegnet.methods.jpeg.making import JpegCover, jpeg_cover
from stegnet.methods.method import CoverSize, FileRoom
from stegnet.methods.sealed import empty_record_bytes
from stegnet.results import SecurePayload
from stegnet.sealing import room

_MOST_RATE = 1.0  # bits of a record for each of luma's coefficients that is not 0, the first of blocks not counted
# The best published detector, SRNet trained on ten thousand pictures of 256², calls 68 % right at 0.1 bit for each
# such coefficient at quality 75 and 56 % at 95, and with side information 54 % at 0.2 (Butora, Fridrich 2019 and
# Cogranne et al. 2019, in docs/security.md). The rate of which it calls 55 % right is about inverse to the mean step.
# With side information, 0.2 is the highest rate that is published or measured (54 %): no rate is taken for hard to find
# above half of that.
_RATE, _STEP, _HIGHEST_RATE, _MEASURED = 0.025, 29.0, 0.1, 17_000


def jpeg_room(cover: CoverSize, name: str = "") -> FileRoom:
    """Room for a file of this name; 0 bytes of a cover that is no JPEG, or too small.

    Raises:
        MediaError: it is a JPEG that can't be read, or is not supported.
    """
    if cover.file is None or not is_jpeg(cover.file):
        return FileRoom(0)
    made = jpeg_cover(cover.file, USUAL_QUALITY)
    most = max(file_room(made.picture, ANY_KEY, name), 0)
    return FileRoom(most, min(most, hard_bytes(made)), made.history)


def file_room(jpeg: JpegPicture, key: Key, name: str) -> int:
    """Bytes of a file of this name that fit; negative if not even its record does."""
    return record_room(jpeg, key) - empty_record_bytes(name, key)


def record_room(jpeg: JpegPicture, key: Key) -> int:
    """Bytes of a record that fit."""
    luma = jpeg.planes[0]
    most = int(_carriers(jpeg) * _MOST_RATE) // 8
    return min(room(luma.shape[0], luma.shape[1] * CARRIED, key, 1, COEFFICIENTS), most)


def hard_bytes(cover: JpegCover) -> int:
    """Bytes up to which what is hidden in a JPEG is hard to find."""
    return 0 if cover.history else secure_payload(cover).hard


def secure_payload(cover: JpegCover) -> SecurePayload:
    """Bytes that are hard to find in a JPEG that was saved once."""
    finest = _RATE * _STEP / cover.picture.steps(0).mean() if cover.errors is None else _HIGHEST_RATE
    return SecurePayload(_carriers(cover.picture), min(finest, _HIGHEST_RATE), _MEASURED)


def _carriers(jpeg: JpegPicture) -> int:
    """Luma's coefficients that are not 0, the first of blocks not counted."""
    return int(np.count_nonzero(jpeg.planes[0][..., 1:]))
