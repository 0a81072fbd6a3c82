"""JPEG and WebP in memory: what they leave of a picture."""

import io

import numpy as np
from PIL import Image


def encode_jpeg(
    picture: np.ndarray, quality: int, *, full_chroma: bool = False, icc: bytes | None = None, exif: bytes = b""
) -> bytes:
    """Encodes (H, W, 3) uint8, or (H, W) of a grey picture, as libjpeg's ordinary baseline JPEG.

    Args:
        quality: 1 to 100, as libjpeg scales its tables.
        full_chroma: 4:4:4 instead of 4:2:0.
        icc: ICC profile to embed; None for sRGB.
        exif: to embed.
    """
    file = io.BytesIO()
    chroma = {"subsampling": "4:4:4" if full_chroma else "4:2:0"} if picture.ndim == 3 else {}
    Image.fromarray(picture).save(file, "JPEG", quality=quality, icc_profile=icc, exif=exif, **chroma)
    return file.getvalue()


def through_jpeg(picture: np.ndarray, quality: int, *, full_chroma: bool = False) -> np.ndarray:
    """Returns what a viewer shows of (H, W, 3) uint8 after it was saved as JPEG; same shape and type."""
    with Image.open(io.BytesIO(encode_jpeg(picture, quality, full_chroma=full_chroma))) as image:
        return np.array(image)


def through_webp(picture: np.ndarray, quality: int) -> np.ndarray:
    """As `through_jpeg`, but lossy WebP."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=quality)
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))
