"""JPEG: its blocks, and what it and WebP leave of a picture."""

import io

import numpy as np
from PIL import Image

BLOCK = 8  # pixels: the side of a block
DITHER = BLOCK**2  # luma coefficients of a block: a modem shifts the phases of each
# Steps of luma in levels at quality 50 (ITU-T T.81, table K.1), row by row.
LUMA_STEPS = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
# (8, 8) float64: orthonormal DCT, type II, frequency by place.
COSINES = np.cos(np.outer(np.arange(BLOCK), 2 * np.arange(BLOCK) + 1) * np.pi / (2 * BLOCK)) / 2
COSINES[0] /= np.sqrt(2)


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
