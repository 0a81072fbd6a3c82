"""JPEG XL without loss, by libjxl in the package imagecodecs: a codestream of one frame."""

import numpy as np
from imagecodecs import jpegxl_decode, jpegxl_encode

from stegnet.core.errors import MediaError
from stegnet.core.parallel import thread_count
from stegnet.near.jpeg_xl_header import require_plain
from stegnet.near.quantisation import Samples


def encode_jpeg_xl(levels: Samples, effort: int) -> bytes:
    """Return levels, (H, W, 3) uint8, as JPEG XL without loss.

    Patches, which lettering has, are not used, since `decode_jpeg_xl` refuses them.

    Args:
        levels: any numbers.
        effort: libjxl's, 1 to 9; at 9, it takes five times as long as at 7 for 1.5 % less.

    Raises:
        MediaError: libjxl can't code a picture of this size.
    """
    without_patches = 4  # highest effort at which libjxl uses none
    height, width = levels.shape[:2]
    for at_most in (effort, without_patches):
        try:
            plain = np.ascontiguousarray(levels)
            data = bytes(jpegxl_encode(plain, lossless=True, effort=min(effort, at_most), numthreads=thread_count()))
        except RuntimeError as error:
            raise MediaError(f"{width}×{height} pixels can't be made JPEG XL ({error})") from error
        try:
            require_plain(data, height, width)
        except ValueError:
            continue
        return data
    raise MediaError(f"{width}×{height} pixels can't be made JPEG XL (libjxl writes it in a rare form)")


def decode_jpeg_xl(data: bytes, height: int, width: int) -> Samples:
    """Return the levels of a picture of a known size, (height, width, 3) uint8.

    It takes no more memory than for a picture of this size, whatever the bytes are.

    Raises:
        ValueError: the bytes are none that `encode_jpeg_xl` writes of a picture of this size.
    """
    require_plain(data, height, width)
    try:
        levels: Samples = jpegxl_decode(data)
    except RuntimeError as error:
        raise ValueError(f"not a JPEG XL picture ({error})") from error
    if levels.shape != (height, width, 3) or levels.dtype != np.uint8:
        raise ValueError("a JPEG XL picture of another size or kind")
    return levels
