"""JPEG: its blocks, and what it and WebP leave of a picture."""

import io

import numpy as np
from PIL import Image

BLOCK = 8  # pixels: the side of a block
DITHER = BLOCK**2  # luma coefficients of a block: a modem shifts the phases of each
HALVED_CHROMA, FULL_CHROMA = "4:2:0", "4:4:4"


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
    chroma = {"subsampling": FULL_CHROMA if full_chroma else HALVED_CHROMA} if picture.ndim == 3 else {}
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


def _cosines() -> np.ndarray:
    """(8, 8) float64: orthonormal DCT, type II, frequency by place."""
    places = np.arange(BLOCK)
    waves = np.cos((2 * places[None] + 1) * places[:, None] * np.pi / (2 * BLOCK)) / 2
    waves[0] /= np.sqrt(2)
    return waves


COSINES = _cosines()
