"""Reading a file again after it was written, to know that what was meant stands there."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.media.films import read_frames
from stegnet.media.pictures import read_cover

DIGEST_BYTES = 16
_HINT = "the disk or the memory is faulty: write to another disk, then check both"


def digest(picture: np.ndarray) -> bytes:
    """16 bytes that stand for a picture, (H, W, 3) uint8, and its shape: BLAKE2b."""
    height, width, _ = picture.shape
    code = hashlib.blake2b(f"{height} {width}".encode(), digest_size=DIGEST_BYTES)
    code.update(np.ascontiguousarray(picture))
    return code.digest()


def check_film(path: Path, digests: Sequence[bytes], progress: Callable[[int, int], None]) -> None:
    """Decodes a film that was just written, and compares every frame.

    Args:
        path: the film.
        digests: `digest` of each frame that was written, in order.
        progress: called after each frame with the number of frames checked, and of all.
    Raises:
        MediaError: the film can't be read, a frame differs (the first is named), or their number.
    """
    count = 0
    for frame in read_frames(path):
        if count < len(digests) and digest(frame) != digests[count]:
            raise MediaError(f"{path}: frame {count + 1} does not read back as it was written", _HINT)
        count += 1
        progress(min(count, len(digests)), len(digests))
    if count != len(digests):
        raise MediaError(f"{path}: reads back with {count} frames, not {len(digests)}", _HINT)


def check_picture(path: Path, picture: np.ndarray) -> None:
    """Reads a picture that was just written, and compares every pixel.

    Args:
        path: the picture.
        picture: what was written, (H, W, 3) uint8.
    Raises:
        MediaError: the picture can't be read, or differs.
    """
    if not np.array_equal(read_cover(path)[0], picture):
        raise MediaError(f"{path}: does not read back as it was written", _HINT)
