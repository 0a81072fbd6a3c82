"""JPEG: its blocks, and what it leaves of a picture."""

import io

import numpy as np
from PIL import Image

BLOCK = 8  # pixels: the side of a block
DITHER = BLOCK**2  # luma coefficients of a block: a modem shifts the phases of each
HALVED_CHROMA, FULL_CHROMA = "4:2:0", "4:4:4"


def encode_jpeg(picture: np.ndarray, quality: int, *, full_chroma: bool = False, icc: bytes | None = None) -> bytes:
    """Encodes (H, W, 3) uint8 as libjpeg's ordinary baseline JPEG.

    Args:
        quality: 1 to 100, as libjpeg scales its tables.
        full_chroma: 4:4:4 instead of 4:2:0.
        icc: ICC profile to embed; None for sRGB.
    """
    file = io.BytesIO()
    subsampling = FULL_CHROMA if full_chroma else HALVED_CHROMA
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=subsampling, icc_profile=icc)
    return file.getvalue()


def through_jpeg(picture: np.ndarray, quality: int, *, full_chroma: bool = False) -> np.ndarray:
    """Returns what a viewer shows of (H, W, 3) uint8 after it was saved as JPEG; same shape and type."""
    with Image.open(io.BytesIO(encode_jpeg(picture, quality, full_chroma=full_chroma))) as image:
        return np.array(image)
