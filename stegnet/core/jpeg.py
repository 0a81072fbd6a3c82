"""JPEG (ITU-T T.81): its blocks of 8×8 pixels, their DCT, its order and steps; and what it leaves of a picture."""

import io
from itertools import product

import numpy as np
from PIL import Image

BLOCK = 8  # pixels: the side of a block
DITHER = BLOCK**2  # luma coefficients of a block: a modem shifts the phases of each
LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue (ITU-R BT.601-7, 2.5.1)
# Steps of luma in levels at quality 50 (T.81, table K.1), row by row.
LUMA_STEPS = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
# Of the k-th coefficient in zigzag order: row · 8 + column. Diagonals run upwards and downwards in turn.
ZIGZAG = np.array(
    [
        BLOCK * row + column
        for row, column in sorted(product(range(BLOCK), repeat=2), key=lambda at: (sum(at), at[1 - sum(at) % 2]))
    ],
    np.intp,
)
# (8, 8) float64: orthonormal DCT, type II, frequency by place.
COSINES = np.cos(np.outer(np.arange(BLOCK), 2 * np.arange(BLOCK) + 1) * np.pi / (2 * BLOCK)) / 2
COSINES[0] /= np.sqrt(2)
# Pixels of a block for a coefficient of 1, (64, 64) float64: coefficients in zigzag order by pixels.
DCT_BASIS = np.einsum("ku,lv->kluv", COSINES, COSINES).reshape(BLOCK**2, BLOCK**2)[ZIGZAG]


def by_block(pixels: np.ndarray) -> np.ndarray:
    """Pixels by block, (rows, columns, 64), of (8 · rows, 8 · columns)."""
    rows, cols = (side // BLOCK for side in pixels.shape)
    return pixels.reshape(rows, BLOCK, cols, BLOCK).swapaxes(1, 2).reshape(rows, cols, BLOCK**2)


def coefficients(luma: np.ndarray) -> np.ndarray:
    """Coefficients of blocks, (rows, columns, 64) float32 in zigzag order, of (8 · rows, 8 · columns) float32."""
    blocks = by_block(luma)
    return (blocks.reshape(-1, BLOCK**2) @ DCT_BASIS.astype(np.float32).T).reshape(blocks.shape)


def encode_jpeg(
    picture: np.ndarray, quality: int, *, full_chroma: bool = False, icc: bytes | None = None, exif: bytes = b""
) -> bytes:
    """Encodes (H, W, 3) uint8, or (H, W) of a grey picture, as libjpeg's ordinary baseline JPEG.

    Its quality is 1 to 100, as libjpeg scales its tables; full chroma is 4:4:4 instead of 4:2:0. Without ICC
    profile, it is sRGB.
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
    """The picture after lossy WebP, as `through_jpeg`."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=quality)
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))
